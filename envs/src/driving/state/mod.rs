//! The state of a scene as JSON (`docs/driving-state.md`): what another program wrote, and what this one writes.

mod error;
pub mod form;

pub use error::StateError;
