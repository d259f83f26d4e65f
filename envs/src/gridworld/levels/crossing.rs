//! `MiniGrid-LavaCrossing*` and `MiniGrid-SimpleCrossing*`: rivers of lava or wall with one gap each.

use arrayvec::ArrayVec;
use prospect_sim::random::Generator;

use super::{Level, LevelError, Start, one_mission};
use crate::gridworld::cell::Cell;
use crate::gridworld::grid::{BoardMut, Geometry};
use crate::gridworld::rules::Objective;

/// The largest side: rivers of a level live on the stack.
pub const MAX_SIZE: usize = 63;
const MAX_RIVERS: usize = MAX_SIZE;

/// A square room cut by rivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// Side in cells, walls included; odd, 5 to [`MAX_SIZE`].
    pub size: usize,
    /// How many rivers (fewer where fewer fit).
    pub n_crossings: usize,
    /// Whether the rivers are lava (else wall).
    pub lava: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bearing {
    Vertical,
    Horizontal,
}

impl Crossing {
    /// The places of the rivers that survive the draw: (vertical, horizontal), each ascending.
    fn draw_rivers(&self, rng: &mut Generator) -> (ArrayVec<usize, MAX_RIVERS>, ArrayVec<usize, MAX_RIVERS>) {
        let positions = || (2..self.size - 2).step_by(2);
        let mut rivers: ArrayVec<(Bearing, usize), { 2 * MAX_RIVERS }> = positions()
            .map(|x| (Bearing::Vertical, x))
            .chain(positions().map(|y| (Bearing::Horizontal, y)))
            .collect();
        rng.shuffle(&mut rivers);
        rivers.truncate(self.n_crossings);
        let along = |bearing| {
            let mut places: ArrayVec<usize, MAX_RIVERS> = rivers
                .iter()
                .filter(|river| river.0 == bearing)
                .map(|river| river.1)
                .collect();
            places.sort_unstable();
            places
        };
        (along(Bearing::Vertical), along(Bearing::Horizontal))
    }
}

impl Level for Crossing {
    fn geometry(&self) -> Geometry {
        Geometry::new(self.size, self.size)
    }

    fn max_steps(&self) -> u32 {
        (4 * self.size * self.size) as u32
    }

    fn objective(&self) -> Objective {
        Objective::Goal
    }

    fn missions(&self) -> Vec<String> {
        one_mission(if self.lava {
            "avoid the lava and get to the green goal square"
        } else {
            "find the opening and get to the green goal square"
        })
    }

    fn draw_template(&self, board: &mut BoardMut<'_>) {
        board.draw_room(0, 0, self.size, self.size);
        board.set(self.size - 2, self.size - 2, Cell::GOAL);
    }

    fn generate(&self, board: &mut BoardMut<'_>, rng: &mut Generator) -> Result<Start, LevelError> {
        let (columns, lines) = self.draw_rivers(rng);
        let river = if self.lava { Cell::LAVA } else { Cell::WALL };
        for &y in &lines {
            board.draw_across(1, y, self.size - 2, river);
        }
        for &x in &columns {
            board.draw_down(x, 1, self.size - 2, river);
        }
        // A path crosses every river once; at each crossing the gap lies in the room the path is in.
        let mut path: ArrayVec<Bearing, { 2 * MAX_RIVERS }> = columns
            .iter()
            .map(|_| Bearing::Horizontal)
            .chain(lines.iter().map(|_| Bearing::Vertical))
            .collect();
        rng.shuffle(&mut path);
        let limit = |rivers: &[usize], k: usize| match k {
            0 => 0,
            _ => rivers.get(k - 1).copied().unwrap_or(self.size - 1),
        };
        let (mut room_x, mut room_y) = (0, 0);
        for step in path {
            let (rivers, room) = match step {
                Bearing::Horizontal => (&lines, room_y),
                Bearing::Vertical => (&columns, room_x),
            };
            let first = limit(rivers, room) + 1;
            let gap = first + rng.choice(limit(rivers, room + 1) - first);
            if step == Bearing::Horizontal {
                board.set(columns[room_x], gap, Cell::EMPTY);
                room_x += 1;
            } else {
                board.set(gap, lines[room_y], Cell::EMPTY);
                room_y += 1;
            }
        }
        Ok(Start::at(1, 1, 0))
    }
}
