//! How levels are made: the trait that a gridworld family implements, and what placing things draws.
//!
//! Every draw is made in the order and with the bounds that `MiniGrid` 3.2.0 makes it, so that a seed gives the
//! same level here and there, and the stream goes on from the same place.

pub mod crossing;
pub mod doorkey;
pub mod empty;
pub mod fourrooms;
pub mod keycorridor;
pub mod lavagap;
pub mod memory;
pub mod multiroom;
pub mod roomgrid;
pub mod unlock;

use prospect_sim::random::Generator;

use super::cell::{Cell, Colour};
use super::grid::{BoardMut, Geometry};
use super::rules::Objective;

/// Tries of a placement that `MiniGrid` would repeat without end.
const MAX_TRIES: u32 = 1_000_000;

/// Why a level could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LevelError {
    /// No free cell was found.
    #[error("no free cell in {width}x{height} cells at ({x}, {y}) after {tries} tries; make the grid larger")]
    NoFreeCell {
        /// Left edge of the rectangle.
        x: usize,
        /// Upper edge of the rectangle.
        y: usize,
        /// Cells along x.
        width: usize,
        /// Cells along y.
        height: usize,
        /// How many cells were drawn.
        tries: u32,
    },
    /// The rooms could not be connected.
    #[error("rooms not connected after {tries} tries")]
    NotConnected {
        /// How many doors were drawn.
        tries: u32,
    },
    /// The rooms do not fit into the grid.
    #[error(
        "{rooms} rooms did not fit after {tries} tries; ask for fewer or smaller rooms, or a larger grid"
    )]
    RoomsDoNotFit {
        /// How many rooms were asked for.
        rooms: usize,
        /// How many chains were tried.
        tries: u32,
    },
}

/// Where an episode starts and what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The agent's column.
    pub x: usize,
    /// The agent's line.
    pub y: usize,
    /// The agent's heading: 0 right, 1 down, 2 left, 3 up.
    pub dir: u8,
    /// Index into [`Level::missions`].
    pub mission: u16,
    /// The object to pick up ([`Objective::PickUp`]), else [`Cell::EMPTY`].
    pub object: Cell,
    /// The cell that means success ([`Objective::Reach`]) or the door to open ([`Objective::Open`]).
    pub success: (usize, usize),
    /// The cell that means failure ([`Objective::Reach`]).
    pub failure: (usize, usize),
}

impl Start {
    /// A start at (x, y) facing `dir`, with mission 0 and no target of its own.
    pub const fn at(x: usize, y: usize, dir: u8) -> Self {
        Self {
            x,
            y,
            dir,
            mission: 0,
            object: Cell::EMPTY,
            success: (0, 0),
            failure: (0, 0),
        }
    }
}

/// A family of levels with its parameters.
pub trait Level: Send + Sync + std::fmt::Debug {
    /// The grid's size, the same for all levels.
    fn geometry(&self) -> Geometry;

    /// The step limit.
    fn max_steps(&self) -> u32;

    /// Whether walls and shut doors hide nothing.
    fn see_through_walls(&self) -> bool {
        false
    }

    /// What ends an episode with success.
    fn objective(&self) -> Objective;

    /// All mission texts; an episode's mission is an index into them.
    fn missions(&self) -> Vec<String>;

    /// Draws what all levels share. The board is empty.
    fn draw_template(&self, board: &mut BoardMut<'_>);

    /// Draws the rest of one level on a copy of the template.
    ///
    /// # Errors
    /// [`LevelError`] if no level came of these draws.
    fn generate(&self, board: &mut BoardMut<'_>, rng: &mut Generator) -> Result<Start, LevelError>;
}

/// A rectangle of cells, walls included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Cells along x.
    pub width: usize,
    /// Cells along y.
    pub height: usize,
}

impl Area {
    /// The whole grid.
    pub const fn whole(geometry: Geometry) -> Self {
        Self {
            x: 0,
            y: 0,
            width: geometry.width(),
            height: geometry.height(),
        }
    }
}

/// An integer in `low..high`.
fn draw(rng: &mut Generator, low: usize, high: usize) -> usize {
    rng.integers(low as i64, high as i64) as usize
}

/// One of the six colours: an index into the alphabetical list.
fn draw_colour(rng: &mut Generator) -> Colour {
    Colour::ALPHABETICAL[draw(rng, 0, 6)]
}

/// A cell in `area` that is empty and not rejected, by drawing until one is found; at most `max_tries` draws.
fn find_cell(
    board: &BoardMut<'_>,
    rng: &mut Generator,
    area: Area,
    max_tries: u32,
    reject: impl Fn(usize, usize) -> bool,
) -> Result<(usize, usize), LevelError> {
    let geometry = board.geometry();
    let right = (area.x + area.width).min(geometry.width());
    let bottom = (area.y + area.height).min(geometry.height());
    for _ in 0..max_tries {
        let x = draw(rng, area.x, right);
        let y = draw(rng, area.y, bottom);
        if board.get(x, y) == Cell::EMPTY && !reject(x, y) {
            return Ok((x, y));
        }
    }
    let Area { x, y, width, height } = area;
    Err(LevelError::NoFreeCell {
        x,
        y,
        width,
        height,
        tries: max_tries,
    })
}

/// A random free cell of `area` and a random heading for the agent.
fn place_agent(board: &BoardMut<'_>, rng: &mut Generator, area: Area) -> Result<Start, LevelError> {
    let (x, y) = find_cell(board, rng, area, MAX_TRIES, |_, _| false)?;
    let dir = draw(rng, 0, 4) as u8;
    Ok(Start::at(x, y, dir))
}

/// Puts `object` on a random free cell of `area` other than the agent's.
fn place_object(
    board: &mut BoardMut<'_>,
    rng: &mut Generator,
    area: Area,
    object: Cell,
    start: &Start,
) -> Result<(usize, usize), LevelError> {
    let (x, y) = find_cell(board, rng, area, MAX_TRIES, |x, y| (x, y) == (start.x, start.y))?;
    board.set(x, y, object);
    Ok((x, y))
}

/// The mission of a task with one text.
fn one_mission(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

/// "pick up the COLOUR OBJECT" for each colour, indexed by the colour's encoding.
fn pick_up_missions(object: &str) -> Vec<String> {
    Colour::ALL
        .iter()
        .map(|colour| format!("pick up the {} {object}", colour.name()))
        .collect()
}
