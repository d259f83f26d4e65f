//! `MiniGrid-KeyCorridor*`: find a key on the left, open a locked room on the right, take the ball there.

use prospect_sim::random::Generator;

use super::roomgrid::{Plan, RoomGrid};
use super::{Level, LevelError, Start, draw, draw_colour, pick_up_missions};
use crate::gridworld::cell::Cell;
use crate::gridworld::grid::{BoardMut, Geometry};
use crate::gridworld::rules::Objective;

const COLS: usize = 3;

/// A hallway between rooms on its left and right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCorridor {
    /// Side of a room, walls included; at least 3.
    pub room_size: usize,
    /// Rooms above one another, at most 10.
    pub n_rows: usize,
}

impl KeyCorridor {
    const fn plan(&self) -> Plan {
        Plan {
            room_size: self.room_size,
            cols: COLS,
            rows: self.n_rows,
        }
    }
}

impl Level for KeyCorridor {
    fn geometry(&self) -> Geometry {
        self.plan().geometry()
    }

    fn max_steps(&self) -> u32 {
        (30 * self.room_size * self.room_size) as u32
    }

    fn objective(&self) -> Objective {
        Objective::PickUp
    }

    fn missions(&self) -> Vec<String> {
        pick_up_missions("ball")
    }

    fn draw_template(&self, board: &mut BoardMut<'_>) {
        self.plan().draw_walls(board);
    }

    fn generate(&self, board: &mut BoardMut<'_>, rng: &mut Generator) -> Result<Start, LevelError> {
        let mut rooms = RoomGrid::new(self.plan(), board, rng);
        for row in 1..self.n_rows {
            rooms.remove_upper_wall((1, row));
        }
        let row = draw(rng, 0, self.n_rows);
        let door_colour = draw_colour(rng);
        rooms.add_door((2, row), 2, door_colour, true);
        let colour = draw_colour(rng);
        let object = Cell::ball(colour);
        rooms.add_object(rng, (2, row), object)?;
        let key_row = draw(rng, 0, self.n_rows);
        rooms.add_object(rng, (0, key_row), Cell::key(door_colour))?;
        let start = rooms.place_agent(rng, (1, self.n_rows / 2))?;
        rooms.connect_all(rng)?;
        Ok(Start {
            object,
            mission: colour as u16,
            ..start
        })
    }
}
