//! Prospect's reward modules and the stack that mixes them.
//!
//! A [`RewardModule`] watches every step, labels rollouts with a channel of rewards, and learns. A [`RewardStack`] holds
//! those of a run, as its run file lists them, and mixes their channels with the task's reward. Kinds of module are found
//! by name in a [`ModuleRegistry`], to which an outside crate can add its own.

pub mod config;
pub mod curiosity;
pub mod error;
pub mod mixed;
pub mod module;
pub mod normalise;
pub mod potential;
pub mod registry;
pub mod schedule;
pub mod stack;
mod state;

pub use config::{Clip, CommonKeys, ExtrinsicConfig, Mix, RewardConfig, TaskStream};
pub use error::ShapingError;
pub use mixed::{AdvantageTerm, Channel, Mixed, Stream, StreamSpec};
pub use module::{Batch, Context, MAX_CONTEXT_COLUMNS, Metrics, Needs, Relabel, RewardModule};
pub use normalise::{Moments, Normalise, Normaliser};
pub use registry::{ModuleInit, ModuleKind, ModuleRegistry};
pub use schedule::Schedule;
pub use stack::{RewardStack, StackInit};
