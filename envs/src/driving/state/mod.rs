//! The state of a scene as JSON (`docs/driving-state.md`): what another program wrote, and what this one writes.

mod error;
pub mod form;
mod start;
mod write;

pub use error::StateError;
pub(super) use start::StartScene;
pub(super) use write::{lane_name, scene};
