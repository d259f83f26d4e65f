//! `MiniGrid-Unlock`, `-UnlockPickup` and `-BlockedUnlockPickup`: two rooms and a locked door.

use prospect_sim::random::Generator;

use super::roomgrid::{Plan, RoomGrid};
use super::{Level, LevelError, Start, draw_colour, one_mission, pick_up_missions};
use crate::gridworld::cell::Cell;
use crate::gridworld::grid::{BoardMut, Geometry};
use crate::gridworld::rules::Objective;

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// Open the door.
    Unlock,
    /// Open the door and take the box behind it.
    UnlockPickup,
    /// As before, with a ball in front of the door.
    BlockedUnlockPickup,
}

/// Two rooms side by side with a locked door; the key is in the agent's room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlock {
    /// What there is to do.
    pub variant: Variant,
    /// Side of a room, walls included; at least 4 (`MiniGrid`'s is 6).
    pub room_size: usize,
}

impl Unlock {
    /// A variant with `MiniGrid`'s room size.
    pub const fn of(variant: Variant) -> Self {
        Self {
            variant,
            room_size: 6,
        }
    }

    const fn plan(&self) -> Plan {
        Plan {
            room_size: self.room_size,
            cols: 2,
            rows: 1,
        }
    }
}

impl Level for Unlock {
    fn geometry(&self) -> Geometry {
        self.plan().geometry()
    }

    fn max_steps(&self) -> u32 {
        let per_cell = if self.variant == Variant::BlockedUnlockPickup {
            16
        } else {
            8
        };
        (per_cell * self.room_size * self.room_size) as u32
    }

    fn objective(&self) -> Objective {
        if self.variant == Variant::Unlock {
            Objective::Open
        } else {
            Objective::PickUp
        }
    }

    fn missions(&self) -> Vec<String> {
        if self.variant == Variant::Unlock {
            one_mission("open the door")
        } else {
            pick_up_missions("box")
        }
    }

    fn draw_template(&self, board: &mut BoardMut<'_>) {
        self.plan().draw_walls(board);
    }

    fn generate(&self, board: &mut BoardMut<'_>, rng: &mut Generator) -> Result<Start, LevelError> {
        let mut rooms = RoomGrid::new(self.plan(), board, rng);
        let mut target = None;
        if self.variant != Variant::Unlock {
            let colour = draw_colour(rng);
            rooms.add_object(rng, (1, 0), Cell::boxed(colour))?;
            target = Some(colour);
        }
        let door_colour = draw_colour(rng);
        let door = rooms.add_door((0, 0), 0, door_colour, true);
        if self.variant == Variant::BlockedUnlockPickup {
            let colour = draw_colour(rng);
            rooms.board.set(door.0 - 1, door.1, Cell::ball(colour));
        }
        rooms.add_object(rng, (0, 0), Cell::key(door_colour))?;
        let start = rooms.place_agent(rng, (0, 0))?;
        Ok(match target {
            None => Start {
                success: door,
                ..start
            },
            Some(colour) => Start {
                object: Cell::boxed(colour),
                mission: colour as u16,
                ..start
            },
        })
    }
}
