//! Gridworlds in the manner of `MiniGrid`, exact to the byte.
//!
//! One env instance is one ECS row; its cells lie in a flat column of bytes ([`CellColumn`]), its pose, target
//! and random stream in components. A step is four systems over all rows ([`mod@env`]); what an action does is in
//! [`rules`], what the agent sees in [`view`] and [`wide`], and how levels are drawn in [`levels`].

pub(crate) mod catalogue;
pub mod cell;
mod distances;
pub mod env;
pub mod facts;
pub mod grid;
pub mod levels;
pub mod planner;
pub mod render;
mod rows;
pub mod rules;
mod systems;
pub mod view;
pub mod wide;

pub use cell::{Cell, Colour, DoorState, Kind};
pub use env::{Gridworld, Settings};
pub use grid::{Board, BoardMut, CellColumn, Geometry};
pub use levels::{Level, LevelError, Start};
pub use rules::{Agent, Objective, Target};
