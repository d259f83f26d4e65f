//! `MiniGrid-MultiRoom-*`: a chain of rooms with closed doors; the goal is in the last one.

use arrayvec::ArrayVec;
use prospect_sim::random::Generator;

use super::{Area, Level, LevelError, Start, draw, one_mission, place_agent, place_object};
use crate::gridworld::cell::{Cell, Colour, DoorState};
use crate::gridworld::grid::{BoardMut, Geometry};
use crate::gridworld::rules::Objective;

/// The most rooms a level may have: a chain lives on the stack.
pub const MAX_ROOMS: usize = 64;
const MIN_SIDE: usize = 4;
const EXIT_TRIES: usize = 8;
const CHAIN_TRIES: u32 = 1_000_000;

/// A chain of rooms on a grid of free size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiRoom {
    /// Fewest rooms, at least 1.
    pub min_rooms: usize,
    /// Most rooms, at most [`MAX_ROOMS`].
    pub max_rooms: usize,
    /// Longest side of a room, walls included; at least 4.
    pub max_room_size: usize,
    /// Cells along x.
    pub width: usize,
    /// Cells along y.
    pub height: usize,
}

/// A wall of a room, numbered as headings are: right, down, left, up.
type Side = usize;

#[derive(Debug, Clone, Copy)]
struct Room {
    area: Area,
    entry: (usize, usize),
}

type Chain = ArrayVec<Room, MAX_ROOMS>;

impl MultiRoom {
    /// `n` rooms with sides of at most `max_room_size` cells on `MiniGrid`'s 25 x 25 grid.
    pub const fn of(n: usize, max_room_size: usize) -> Self {
        Self {
            min_rooms: n,
            max_rooms: n,
            max_room_size,
            width: 25,
            height: 25,
        }
    }

    /// Draws a room whose wall `side` holds the door `entry`, and adds it to the chain if it fits.
    fn try_room(&self, rng: &mut Generator, chain: &mut Chain, side: Side, entry: (usize, usize)) -> bool {
        let width = draw(rng, MIN_SIDE, self.max_room_size + 1);
        let height = draw(rng, MIN_SIDE, self.max_room_size + 1);
        let (door_x, door_y) = (entry.0 as i64, entry.1 as i64);
        let (w, h) = (width as i64, height as i64);
        let (x, y) = match side {
            _ if chain.is_empty() => (door_x, door_y),
            0 => (door_x - w + 1, rng.integers(door_y - h + 2, door_y)),
            1 => (rng.integers(door_x - w + 2, door_x), door_y - h + 1),
            2 => (door_x, rng.integers(door_y - h + 2, door_y)),
            _ => (rng.integers(door_x - w + 2, door_x), door_y),
        };
        // Upstream's bounds differ between x and y, and its test for overlap between low and high sides.
        if x < 0 || y < 0 || x + w > self.width as i64 || y + h >= self.height as i64 {
            return false;
        }
        let apart_from = |other: &Room| {
            let (ox, oy) = (other.area.x as i64, other.area.y as i64);
            let (ow, oh) = (other.area.width as i64, other.area.height as i64);
            x + w < ox || ox + ow <= x || y + h < oy || oy + oh <= y
        };
        let earlier = &chain[..chain.len().saturating_sub(1)];
        if !earlier.iter().all(apart_from) {
            return false;
        }
        chain.push(Room {
            area: Area {
                x: x as usize,
                y: y as usize,
                width,
                height,
            },
            entry,
        });
        true
    }

    /// Draws one chain of at most `n` rooms; it may end early.
    fn draw_chain(&self, rng: &mut Generator, n: usize) -> Chain {
        let mut chain = Chain::new();
        // Both coordinates of the first corner are bounded by the width upstream.
        let corner = (draw(rng, 0, self.width - 2), draw(rng, 0, self.width - 2));
        let mut entry_side = 2;
        if !self.try_room(rng, &mut chain, entry_side, corner) {
            return chain;
        }
        'rooms: while chain.len() < n {
            let Area { x, y, width, height } = chain[chain.len() - 1].area;
            for _ in 0..EXIT_TRIES {
                let k = draw(rng, 0, 3);
                let exit_side = if k < entry_side { k } else { k + 1 };
                let exit = match exit_side {
                    0 => (x + width - 1, y + draw(rng, 1, height - 1)),
                    1 => (x + draw(rng, 1, width - 1), y + height - 1),
                    2 => (x, y + draw(rng, 1, height - 1)),
                    _ => (x + draw(rng, 1, width - 1), y),
                };
                let next_entry_side = (exit_side + 2) % 4;
                if self.try_room(rng, &mut chain, next_entry_side, exit) {
                    entry_side = next_entry_side;
                    continue 'rooms;
                }
            }
            break;
        }
        chain
    }
}

impl Level for MultiRoom {
    fn geometry(&self) -> Geometry {
        Geometry::new(self.width, self.height)
    }

    fn max_steps(&self) -> u32 {
        20 * self.max_rooms as u32
    }

    fn objective(&self) -> Objective {
        Objective::Goal
    }

    fn missions(&self) -> Vec<String> {
        one_mission("traverse the rooms to get to the goal")
    }

    fn draw_template(&self, _board: &mut BoardMut<'_>) {}

    fn generate(&self, board: &mut BoardMut<'_>, rng: &mut Generator) -> Result<Start, LevelError> {
        let n = draw(rng, self.min_rooms, self.max_rooms + 1);
        let mut chain = Chain::new();
        let mut tries = 0;
        while chain.len() < n {
            if tries == CHAIN_TRIES {
                return Err(LevelError::RoomsDoNotFit { rooms: n, tries });
            }
            tries += 1;
            let candidate = self.draw_chain(rng, n);
            if candidate.len() > chain.len() {
                chain = candidate;
            }
        }
        let mut previous = None;
        for (k, room) in chain.iter().enumerate() {
            board.draw_room(room.area.x, room.area.y, room.area.width, room.area.height);
            if k > 0 {
                let colour = draw_other_colour(rng, previous);
                board.set(room.entry.0, room.entry.1, Cell::door(colour, DoorState::Closed));
                previous = Some(colour);
            }
        }
        let start = place_agent(board, rng, chain[0].area)?;
        place_object(board, rng, chain[chain.len() - 1].area, Cell::GOAL, &start)?;
        Ok(start)
    }
}

/// One of the colours other than `taken`, by index into the alphabetical list.
fn draw_other_colour(rng: &mut Generator, taken: Option<Colour>) -> Colour {
    let left: ArrayVec<Colour, 6> = Colour::ALPHABETICAL
        .into_iter()
        .filter(|colour| Some(*colour) != taken)
        .collect();
    left[draw(rng, 0, left.len())]
}
