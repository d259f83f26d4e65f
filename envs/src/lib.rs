//! The tasks of Prospect: gridworlds, classic control, point mazes, driving, and the registry of ids.

pub mod canvas;
pub mod classic;
mod constant_scores;
pub mod driving;
pub mod gridworld;
pub mod options;
pub mod registry;
mod row_order;
pub mod scores;

pub use constant_scores::ConstantScore;
pub use options::{OptionReader, Options};
pub use registry::{Registry, RegistryError, TaskEntry};
pub use scores::Scores;
