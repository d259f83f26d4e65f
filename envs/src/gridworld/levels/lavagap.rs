//! `MiniGrid-LavaGap*`: a column of lava with one gap between the agent and the goal.

use prospect_sim::random::Generator;

use super::{Level, LevelError, Start, draw, one_mission};
use crate::gridworld::cell::Cell;
use crate::gridworld::grid::{BoardMut, Geometry};
use crate::gridworld::rules::Objective;

/// A square room cut by a column of lava.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LavaGap {
    /// Side in cells, walls included; at least 5.
    pub size: usize,
}

impl Level for LavaGap {
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
        one_mission("avoid the lava and get to the green goal square")
    }

    fn draw_template(&self, board: &mut BoardMut<'_>) {
        board.draw_room(0, 0, self.size, self.size);
        board.set(self.size - 2, self.size - 2, Cell::GOAL);
    }

    fn generate(&self, board: &mut BoardMut<'_>, rng: &mut Generator) -> Result<Start, LevelError> {
        let x = draw(rng, 2, self.size - 2);
        let gap = draw(rng, 1, self.size - 1);
        board.draw_down(x, 1, self.size - 2, Cell::LAVA);
        board.set(x, gap, Cell::EMPTY);
        Ok(Start::at(1, 1, 0))
    }
}
