//! `MiniGrid-Empty-*`: an empty room with the goal in the corner.

use prospect_sim::random::Generator;

use super::{Area, Level, LevelError, Start, one_mission, place_agent};
use crate::gridworld::cell::Cell;
use crate::gridworld::grid::{BoardMut, Geometry};
use crate::gridworld::rules::Objective;

/// A square room without obstacles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Empty {
    /// Side in cells, walls included; at least 4.
    pub size: usize,
    /// Whether the agent starts anywhere (else at (1, 1) facing right).
    pub random_start: bool,
}

impl Level for Empty {
    fn geometry(&self) -> Geometry {
        Geometry::new(self.size, self.size)
    }

    fn max_steps(&self) -> u32 {
        (4 * self.size * self.size) as u32
    }

    fn see_through_walls(&self) -> bool {
        true
    }

    fn objective(&self) -> Objective {
        Objective::Goal
    }

    fn missions(&self) -> Vec<String> {
        one_mission("get to the green goal square")
    }

    fn draw_template(&self, board: &mut BoardMut<'_>) {
        board.draw_room(0, 0, self.size, self.size);
        board.set(self.size - 2, self.size - 2, Cell::GOAL);
    }

    fn generate(&self, board: &mut BoardMut<'_>, rng: &mut Generator) -> Result<Start, LevelError> {
        if self.random_start {
            place_agent(board, rng, Area::whole(self.geometry()))
        } else {
            Ok(Start::at(1, 1, 0))
        }
    }
}
