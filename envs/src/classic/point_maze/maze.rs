//! The mazes: where walls, starts and goals are, as Gymnasium-Robotics' `maps.py` lays them out.

/// A maze of the package. In its lines `#` is a wall, `r` a cell of starts, `g` one of goals, `c` one of both; without any
/// of these every free cell is both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// No inner walls.
    Open,
    /// The same, starts in one corner.
    OpenDiverseG,
    /// The same, starts and goals everywhere.
    OpenDiverseGr,
    /// One wall to go round.
    UMaze,
    /// 8 x 8 cells.
    Medium,
    /// The same, starts in one corner, three cells of goals.
    MediumDiverseG,
    /// The same, four cells of starts and goals.
    MediumDiverseGr,
    /// 12 x 9 cells.
    Large,
    /// The same, starts in one corner, seven cells of goals.
    LargeDiverseG,
    /// The same, eight cells of starts and goals.
    LargeDiverseGr,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 10] = [
        Self::Open,
        Self::OpenDiverseG,
        Self::OpenDiverseGr,
        Self::UMaze,
        Self::Medium,
        Self::MediumDiverseG,
        Self::MediumDiverseGr,
        Self::Large,
        Self::LargeDiverseG,
        Self::LargeDiverseGr,
    ];

    /// The middle part of its ids.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::OpenDiverseG => "Open_Diverse_G",
            Self::OpenDiverseGr => "Open_Diverse_GR",
            Self::UMaze => "UMaze",
            Self::Medium => "Medium",
            Self::MediumDiverseG => "Medium_Diverse_G",
            Self::MediumDiverseGr => "Medium_Diverse_GR",
            Self::Large => "Large",
            Self::LargeDiverseG => "Large_Diverse_G",
            Self::LargeDiverseGr => "Large_Diverse_GR",
        }
    }

    /// The step limit.
    pub fn max_steps(self) -> u32 {
        match self {
            Self::Open | Self::OpenDiverseG | Self::OpenDiverseGr | Self::UMaze => 300,
            Self::Medium | Self::MediumDiverseG | Self::MediumDiverseGr => 600,
            Self::Large | Self::LargeDiverseG | Self::LargeDiverseGr => 800,
        }
    }

    /// The inner lines, from above; a wall surrounds them.
    fn lines(self) -> &'static [&'static str] {
        match self {
            Self::Open => &["     ", "     ", "     "],
            Self::OpenDiverseG => &["rgggg", "ggggg", "ggggg"],
            Self::OpenDiverseGr => &["ccccc", "ccccc", "ccccc"],
            Self::UMaze => &["   ", "## ", "   "],
            Self::Medium => &["  ##  ", "  #   ", "#   ##", "  #   ", " #  # ", "   #  "],
            Self::MediumDiverseG => &["r ##  ", "  #  g", "#   ##", "  #   ", "g#  # ", "   #g "],
            Self::MediumDiverseGr => &["c ##  ", "  #  c", "#   ##", "  #   ", "c#  # ", "   #c "],
            Self::Large => &[
                "    #     ",
                " ## # # # ",
                "      #   ",
                " #### ### ",
                "  # #     ",
                "# # # # ##",
                "  #   #   ",
            ],
            Self::LargeDiverseG => &[
                "r   #g    ",
                " ## # # # ",
                "    g #  g",
                " #### ### ",
                " g# #     ",
                "# # # # ##",
                "  #g g# g ",
            ],
            Self::LargeDiverseGr => &[
                "c   #c    ",
                " ## # # # ",
                "    c #  c",
                " #### ### ",
                " c# #     ",
                "# # # # ##",
                "  #c c# c ",
            ],
        }
    }
}

/// A maze of cells of 1 m, centred at the origin, y upwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Maze {
    width: usize,
    height: usize,
    /// `[height, width]`, lines from above.
    walls: Vec<bool>,
    starts: Vec<[f64; 2]>,
    goals: Vec<[f64; 2]>,
}

impl Maze {
    /// The maze of a layout.
    pub fn new(layout: Layout) -> Self {
        let lines = layout.lines();
        let width = lines.first().map_or(0, |line| line.len()) + 2;
        let mut maze = Self {
            width,
            height: lines.len() + 2,
            walls: vec![true; width * (lines.len() + 2)],
            starts: Vec::new(),
            goals: Vec::new(),
        };
        let mut free = Vec::new();
        for (line, cells) in lines.iter().enumerate() {
            for (column, cell) in cells.bytes().enumerate() {
                let at = maze.centre(line + 1, column + 1);
                maze.walls[(line + 1) * width + column + 1] = cell == b'#';
                match cell {
                    b'r' => maze.starts.push(at),
                    b'g' => maze.goals.push(at),
                    b'c' => {
                        maze.starts.push(at);
                        maze.goals.push(at);
                    }
                    b' ' => free.push(at),
                    _ => {}
                }
            }
        }
        if maze.starts.is_empty() {
            maze.starts.clone_from(&free);
            maze.goals = free;
        }
        maze
    }

    /// The middle of a cell.
    fn centre(&self, line: usize, column: usize) -> [f64; 2] {
        let [x, y] = self.half_size();
        [column as f64 + 0.5 - x, y - (line as f64 + 0.5)]
    }

    /// Half of the extent along x and y, in m.
    pub fn half_size(&self) -> [f64; 2] {
        [self.width as f64 / 2.0, self.height as f64 / 2.0]
    }

    /// Middles of the cells where episodes start.
    pub fn starts(&self) -> &[[f64; 2]] {
        &self.starts
    }

    /// Middles of the cells where goals are.
    pub fn goals(&self) -> &[[f64; 2]] {
        &self.goals
    }

    /// Middles of all walls.
    pub fn walls(&self) -> impl Iterator<Item = [f64; 2]> + '_ {
        let walls = self.walls.iter().enumerate().filter(|(_, wall)| **wall);
        walls.map(|(at, _)| self.centre(at / self.width, at % self.width))
    }

    /// Middles of the walls that a disc of `reach` (less than half a cell) around `at` may touch, at most four.
    #[inline]
    pub(super) fn walls_near(&self, at: [f64; 2], reach: f64) -> impl Iterator<Item = [f64; 2]> + '_ {
        let [x, y] = self.half_size();
        let cells = |from: f64, to: f64, end: usize| {
            let cell = |place: f64| (place.max(0.0) as usize).min(end - 1);
            cell(from)..=cell(to)
        };
        let lines = cells(y - at[1] - reach, y - at[1] + reach, self.height);
        let columns = cells(at[0] + x - reach, at[0] + x + reach, self.width);
        lines
            .flat_map(move |line| columns.clone().map(move |column| (line, column)))
            .filter(|&(line, column)| self.walls[line * self.width + column])
            .map(|(line, column)| self.centre(line, column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_rectangles_with_the_right_numbers_of_cells() {
        for layout in Layout::ALL {
            let lines = layout.lines();
            assert!(
                lines.iter().all(|line| line.len() == lines[0].len()),
                "{layout:?}"
            );
        }
        let count = |layout| {
            let maze = Maze::new(layout);
            (maze.starts.len(), maze.goals.len(), maze.walls().count())
        };
        assert_eq!(count(Layout::Open), (15, 15, 20));
        assert_eq!(count(Layout::OpenDiverseG), (1, 14, 20));
        assert_eq!(count(Layout::UMaze), (7, 7, 18));
        assert_eq!(count(Layout::Medium), (26, 26, 38));
        assert_eq!(count(Layout::MediumDiverseGr), (4, 4, 38));
        assert_eq!(count(Layout::LargeDiverseG), (1, 7, 62));
    }

    #[test]
    fn cells_are_numbered_from_the_upper_left() {
        let maze = Maze::new(Layout::UMaze);
        assert_eq!(maze.starts[0], [-1.0, 1.0]);
        assert_eq!(maze.starts[3], [1.0, 0.0]);
        let near = |at| maze.walls_near(at, 0.2).collect::<Vec<_>>();
        assert_eq!(near([0.0, 1.0]), [[0.0, 0.0]; 0]);
        assert_eq!(near([0.0, 0.6]), [[0.0, 0.0]]);
        assert_eq!(near([1.4, 1.4]), [[1.0, 2.0], [2.0, 2.0], [2.0, 1.0]]);
    }
}
