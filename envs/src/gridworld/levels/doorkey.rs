//! `MiniGrid-DoorKey-*`: a locked door between the agent, who finds the key on its side, and the goal.

use prospect_sim::random::Generator;

use super::{Area, Level, LevelError, Start, draw, one_mission, place_agent, place_object};
use crate::gridworld::cell::{Cell, Colour, DoorState};
use crate::gridworld::grid::{BoardMut, Geometry};
use crate::gridworld::rules::Objective;

/// Two halves of a square room with a locked door between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorKey {
    /// Side in cells, walls included; at least 5.
    pub size: usize,
}

impl Level for DoorKey {
    fn geometry(&self) -> Geometry {
        Geometry::new(self.size, self.size)
    }

    fn max_steps(&self) -> u32 {
        (10 * self.size * self.size) as u32
    }

    fn objective(&self) -> Objective {
        Objective::Goal
    }

    fn missions(&self) -> Vec<String> {
        one_mission("use the key to open the door and then get to the goal")
    }

    fn draw_template(&self, board: &mut BoardMut<'_>) {
        board.draw_room(0, 0, self.size, self.size);
        board.set(self.size - 2, self.size - 2, Cell::GOAL);
    }

    fn generate(&self, board: &mut BoardMut<'_>, rng: &mut Generator) -> Result<Start, LevelError> {
        let split = draw(rng, 2, self.size - 2);
        board.draw_down(split, 0, self.size, Cell::WALL);
        let left = Area {
            x: 0,
            y: 0,
            width: split,
            height: self.size,
        };
        let start = place_agent(board, rng, left)?;
        let door = draw(rng, 1, self.size - 2);
        board.set(split, door, Cell::door(Colour::Yellow, DoorState::Locked));
        place_object(board, rng, left, Cell::key(Colour::Yellow), &start)?;
        Ok(start)
    }
}
