//! The settings of learners, evaluation and probes, as a run file has them.

mod agent;
mod dqn;
mod network;
mod ppo;
mod pqn;
mod session;

pub use agent::AgentConfig;
pub use dqn::{Distribution, DqnConfig, QLoss};
pub use network::{ActivationKind, EncoderKind, InitKind, NetworkSettings};
pub use ppo::{ACTION_MASK, BaselineKind, BcConfig, MemoryKind, NormAdv, PpoConfig};
pub use pqn::PqnConfig;
pub use session::{CheckpointConfig, EvalConfig, ProbeConfig};

use network::check_hidden;
pub(crate) use network::within;
