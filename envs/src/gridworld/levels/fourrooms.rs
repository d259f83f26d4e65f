//! `MiniGrid-FourRooms`: four rooms joined by four gaps; agent and goal anywhere.

use prospect_sim::random::Generator;

use super::{Area, Level, LevelError, Start, draw, one_mission, place_agent, place_object};
use crate::gridworld::cell::Cell;
use crate::gridworld::grid::{BoardMut, Geometry};
use crate::gridworld::rules::Objective;

const SIZE: usize = 19;
const MIDDLE: usize = SIZE / 2;

/// The classic four rooms on 19 x 19 cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FourRooms;

impl Level for FourRooms {
    fn geometry(&self) -> Geometry {
        Geometry::new(SIZE, SIZE)
    }

    fn max_steps(&self) -> u32 {
        100
    }

    fn objective(&self) -> Objective {
        Objective::Goal
    }

    fn missions(&self) -> Vec<String> {
        one_mission("reach the goal")
    }

    fn draw_template(&self, board: &mut BoardMut<'_>) {
        board.draw_room(0, 0, SIZE, SIZE);
        board.draw_down(MIDDLE, 0, SIZE, Cell::WALL);
        board.draw_across(0, MIDDLE, SIZE, Cell::WALL);
    }

    fn generate(&self, board: &mut BoardMut<'_>, rng: &mut Generator) -> Result<Start, LevelError> {
        // Upper left room: right, then lower gap; upper right room: lower gap; lower left room: right gap.
        let gap = draw(rng, 1, MIDDLE);
        board.set(MIDDLE, gap, Cell::EMPTY);
        let gap = draw(rng, 1, MIDDLE);
        board.set(gap, MIDDLE, Cell::EMPTY);
        let gap = draw(rng, MIDDLE + 1, SIZE - 1);
        board.set(gap, MIDDLE, Cell::EMPTY);
        let gap = draw(rng, MIDDLE + 1, SIZE - 1);
        board.set(MIDDLE, gap, Cell::EMPTY);
        let everywhere = Area::whole(self.geometry());
        let start = place_agent(board, rng, everywhere)?;
        place_object(board, rng, everywhere, Cell::GOAL, &start)?;
        Ok(start)
    }
}
