//! Prospect's reward modules and the stack that mixes them.

pub mod error;
pub mod module;

pub use error::ShapingError;
pub use module::{Batch, Context, Metrics, Needs, Relabel, RewardModule};
