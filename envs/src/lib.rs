//! The tasks of Prospect: gridworlds and the registry of ids.

pub mod gridworld;
pub mod options;
pub mod registry;
pub mod scores;

pub use options::{OptionReader, Options};
pub use registry::{Registry, RegistryError, TaskEntry};
pub use scores::Scores;
