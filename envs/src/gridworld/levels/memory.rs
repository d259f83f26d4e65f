//! `MiniGrid-Memory*`: see an object, walk down a hallway, turn towards the matching object.

use prospect_sim::random::Generator;

use super::{Level, LevelError, Start, draw, one_mission};
use crate::gridworld::cell::{Cell, Colour};
use crate::gridworld::grid::{BoardMut, Geometry};
use crate::gridworld::rules::Objective;

const KEY: Cell = Cell::key(Colour::Green);
const BALL: Cell = Cell::ball(Colour::Green);

/// A start room with a cue, a hallway, and two objects at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Side in cells, walls included; odd, at least 7.
    pub size: usize,
    /// Whether the hallway's length is drawn for each level.
    pub random_length: bool,
}

impl Level for Memory {
    fn geometry(&self) -> Geometry {
        Geometry::new(self.size, self.size)
    }

    fn max_steps(&self) -> u32 {
        (5 * self.size * self.size) as u32
    }

    fn objective(&self) -> Objective {
        Objective::Reach
    }

    fn missions(&self) -> Vec<String> {
        one_mission("go to the matching object at the end of the hallway")
    }

    fn draw_template(&self, board: &mut BoardMut<'_>) {
        let middle = self.size / 2;
        board.draw_room(0, 0, self.size, self.size);
        board.draw_across(1, middle - 2, 4, Cell::WALL);
        board.draw_across(1, middle + 2, 4, Cell::WALL);
        board.set(4, middle - 1, Cell::WALL);
        board.set(4, middle + 1, Cell::WALL);
    }

    fn generate(&self, board: &mut BoardMut<'_>, rng: &mut Generator) -> Result<Start, LevelError> {
        let middle = self.size / 2;
        let end = if self.random_length {
            draw(rng, 4, self.size - 2)
        } else {
            self.size - 3
        };
        for x in 5..end {
            board.set(x, middle - 1, Cell::WALL);
            board.set(x, middle + 1, Cell::WALL);
        }
        board.draw_down(end, 0, middle, Cell::WALL);
        board.draw_down(end, middle + 1, self.size - middle - 1, Cell::WALL);
        board.draw_down(end + 2, 0, self.size, Cell::WALL);
        let x = draw(rng, 1, end + 1);
        let cue = [KEY, BALL][draw(rng, 0, 2)];
        board.set(1, middle - 1, cue);
        let (upper, lower) = [(BALL, KEY), (KEY, BALL)][draw(rng, 0, 2)];
        board.set(end + 1, middle - 2, upper);
        board.set(end + 1, middle + 2, lower);
        let (above, below) = ((end + 1, middle - 1), (end + 1, middle + 1));
        let (success, failure) = if cue == upper {
            (above, below)
        } else {
            (below, above)
        };
        Ok(Start {
            success,
            failure,
            ..Start::at(x, middle, 0)
        })
    }
}
