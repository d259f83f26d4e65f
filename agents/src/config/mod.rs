//! The settings of learners, evaluation and probes, as a run file has them.

mod agent;
mod memory;
mod network;
mod ppo;
mod sac;
mod session;
mod td3;

pub use agent::AgentConfig;
pub use memory::{HindsightConfig, HindsightStrategy, MemoryConfig};
pub use network::{ActivationKind, EncoderKind, InitKind, NetworkSettings};
pub use ppo::{NormAdv, PpoConfig};
pub use sac::SacConfig;
pub use session::{CheckpointConfig, EvalConfig, ProbeConfig};
pub use td3::Td3Config;

use network::check_hidden;
pub(crate) use network::within;
