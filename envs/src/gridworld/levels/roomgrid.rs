//! Levels on a grid of equal rooms: doors, objects in rooms, connections.

use arrayvec::ArrayVec;
use prospect_sim::random::Generator;

use super::{Area, LevelError, Start, draw, draw_colour, find_cell};
use crate::gridworld::cell::{Cell, Colour, DoorState, Kind};
use crate::gridworld::grid::{BoardMut, Geometry};

/// The most rooms a level may have: rooms live on the stack.
pub const MAX_ROOMS: usize = 32;
/// Draws of a placement in a room before upstream gives up (it counts from zero).
const PLACE_TRIES: u32 = 1001;
const CONNECT_TRIES: u32 = 5001;
const FACE_TRIES: u32 = 100_000;

/// Rows and columns of equal rooms that share their walls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Side of a room, walls included; at least 3.
    pub room_size: usize,
    /// Rooms along x.
    pub cols: usize,
    /// Rooms along y.
    pub rows: usize,
}

/// One wall of a room.
#[derive(Debug, Clone, Copy, Default)]
struct Wall {
    /// Where its door stands or would stand; `None` at the border.
    door: Option<(usize, usize)>,
    /// Whether a door stands there or the wall is gone.
    passable: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Room {
    /// Right, down, left, up.
    walls: [Wall; 4],
    locked: bool,
}

/// A level of a [`Plan`] in the making.
#[derive(Debug)]
pub struct RoomGrid<'b, 'c> {
    plan: Plan,
    /// The level's cells.
    pub board: &'b mut BoardMut<'c>,
    rooms: ArrayVec<Room, MAX_ROOMS>,
    /// Objects keep their distance from here until the agent is placed: the middle of the middle room.
    agent: (usize, usize),
}

impl Plan {
    /// The geometry of the grid.
    pub const fn geometry(self) -> Geometry {
        Geometry::new(
            (self.room_size - 1) * self.cols + 1,
            (self.room_size - 1) * self.rows + 1,
        )
    }

    /// Draws the walls of all rooms.
    pub fn draw_walls(self, board: &mut BoardMut<'_>) {
        for row in 0..self.rows {
            for col in 0..self.cols {
                let Area { x, y, width, height } = self.area(col, row);
                board.draw_room(x, y, width, height);
            }
        }
    }

    const fn area(self, col: usize, row: usize) -> Area {
        let (pitch, size) = (self.room_size - 1, self.room_size);
        Area {
            x: col * pitch,
            y: row * pitch,
            width: size,
            height: size,
        }
    }
}

/// The room behind a wall.
const fn neighbour(col: usize, row: usize, wall: usize) -> (usize, usize) {
    match wall {
        0 => (col + 1, row),
        1 => (col, row + 1),
        2 => (col.wrapping_sub(1), row),
        _ => (col, row.wrapping_sub(1)),
    }
}

impl<'b, 'c> RoomGrid<'b, 'c> {
    /// Draws where doors may stand, on a board that has the plan's walls.
    pub fn new(plan: Plan, board: &'b mut BoardMut<'c>, rng: &mut Generator) -> Self {
        let pitch = plan.room_size - 1;
        let agent = (
            (plan.cols / 2) * pitch + plan.room_size / 2,
            (plan.rows / 2) * pitch + plan.room_size / 2,
        );
        let rooms = std::iter::repeat_n(Room::default(), plan.cols * plan.rows).collect();
        let mut grid = Self {
            plan,
            board,
            rooms,
            agent,
        };
        for row in 0..plan.rows {
            for col in 0..plan.cols {
                let Area { x, y, .. } = plan.area(col, row);
                if col + 1 < plan.cols {
                    let door = (x + pitch, draw(rng, y + 1, y + pitch));
                    grid.room_mut(col, row).walls[0].door = Some(door);
                    grid.room_mut(col + 1, row).walls[2].door = Some(door);
                }
                if row + 1 < plan.rows {
                    let door = (draw(rng, x + 1, x + pitch), y + pitch);
                    grid.room_mut(col, row).walls[1].door = Some(door);
                    grid.room_mut(col, row + 1).walls[3].door = Some(door);
                }
            }
        }
        grid
    }

    fn room_mut(&mut self, col: usize, row: usize) -> &mut Room {
        &mut self.rooms[row * self.plan.cols + col]
    }

    fn room(&self, col: usize, row: usize) -> &Room {
        &self.rooms[row * self.plan.cols + col]
    }

    /// Puts an object into a room, at least two steps from where the agent is.
    ///
    /// # Errors
    /// [`LevelError::NoFreeCell`].
    pub fn add_object(
        &mut self,
        rng: &mut Generator,
        (col, row): (usize, usize),
        object: Cell,
    ) -> Result<(usize, usize), LevelError> {
        let (ax, ay) = self.agent;
        let near = |x: usize, y: usize| x.abs_diff(ax) + y.abs_diff(ay) < 2;
        let (x, y) = find_cell(self.board, rng, self.plan.area(col, row), PLACE_TRIES, near)?;
        self.board.set(x, y, object);
        Ok((x, y))
    }

    /// Puts a door into a wall that has a neighbour; returns where it stands.
    pub fn add_door(
        &mut self,
        (col, row): (usize, usize),
        wall: usize,
        colour: Colour,
        locked: bool,
    ) -> (usize, usize) {
        let room = self.room_mut(col, row);
        room.locked = locked;
        let place = room.walls[wall].door.unwrap_or_default();
        self.open_wall((col, row), wall);
        let state = if locked {
            DoorState::Locked
        } else {
            DoorState::Closed
        };
        self.board.set(place.0, place.1, Cell::door(colour, state));
        place
    }

    fn open_wall(&mut self, (col, row): (usize, usize), wall: usize) {
        self.room_mut(col, row).walls[wall].passable = true;
        let (other_col, other_row) = neighbour(col, row, wall);
        self.room_mut(other_col, other_row).walls[(wall + 2) % 4].passable = true;
    }

    /// Clears the wall between a room and the room above it.
    pub fn remove_upper_wall(&mut self, (col, row): (usize, usize)) {
        let Area { x, y, width, .. } = self.plan.area(col, row);
        self.board.draw_across(x + 1, y, width - 2, Cell::EMPTY);
        self.open_wall((col, row), 3);
    }

    /// Places the agent in a room, not right in front of an object.
    ///
    /// # Errors
    /// [`LevelError::NoFreeCell`].
    pub fn place_agent(
        &mut self,
        rng: &mut Generator,
        (col, row): (usize, usize),
    ) -> Result<Start, LevelError> {
        let area = self.plan.area(col, row);
        for _ in 0..FACE_TRIES {
            let (x, y) = find_cell(self.board, rng, area, PLACE_TRIES, |_, _| false)?;
            let dir = draw(rng, 0, 4);
            let front = match dir {
                0 => (x + 1, y),
                1 => (x, y + 1),
                2 => (x - 1, y),
                _ => (x, y - 1),
            };
            if matches!(self.board.get(front.0, front.1).kind(), Kind::Empty | Kind::Wall) {
                self.agent = (x, y);
                return Ok(Start::at(x, y, dir as u8));
            }
        }
        let Area { x, y, width, height } = area;
        Err(LevelError::NoFreeCell {
            x,
            y,
            width,
            height,
            tries: FACE_TRIES,
        })
    }

    /// Adds unlocked doors until the agent can reach every room.
    ///
    /// # Errors
    /// [`LevelError::NotConnected`].
    pub fn connect_all(&mut self, rng: &mut Generator) -> Result<(), LevelError> {
        let Plan { cols, rows, .. } = self.plan;
        for _ in 0..CONNECT_TRIES {
            if self.all_reachable() {
                return Ok(());
            }
            let (col, row, wall) = (draw(rng, 0, cols), draw(rng, 0, rows), draw(rng, 0, 4));
            let room = self.room(col, row);
            if room.walls[wall].door.is_none() || room.walls[wall].passable {
                continue;
            }
            let (other_col, other_row) = neighbour(col, row, wall);
            if room.locked || self.room(other_col, other_row).locked {
                continue;
            }
            let colour = draw_colour(rng);
            self.add_door((col, row), wall, colour, false);
        }
        Err(LevelError::NotConnected { tries: CONNECT_TRIES })
    }

    fn all_reachable(&self) -> bool {
        let pitch = self.plan.room_size - 1;
        let start = (self.agent.1 / pitch) * self.plan.cols + self.agent.0 / pitch;
        let mut reached = 1_u32 << start;
        let mut frontier: ArrayVec<usize, MAX_ROOMS> = ArrayVec::new();
        frontier.push(start);
        while let Some(room) = frontier.pop() {
            let (col, row) = (room % self.plan.cols, room / self.plan.cols);
            for (wall, open) in self.rooms[room].walls.iter().enumerate() {
                if open.passable {
                    let (other_col, other_row) = neighbour(col, row, wall);
                    let other = other_row * self.plan.cols + other_col;
                    if reached & (1 << other) == 0 {
                        reached |= 1 << other;
                        frontier.push(other);
                    }
                }
            }
        }
        reached.count_ones() as usize == self.rooms.len()
    }
}
