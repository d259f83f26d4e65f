//! The settings of learners, evaluation and probes, as a run file has them.

mod agent;
mod dqn;
mod experience;
mod network;
mod ppo;
mod pqn;
mod sac;
mod session;
mod td3;

pub use agent::AgentConfig;
pub use dqn::{Distribution, DqnConfig, QLoss};
pub use experience::{ExperienceConfig, HindsightConfig, HindsightStrategy};
pub use network::{ActivationKind, EncoderKind, InitKind, NetworkSettings};
pub use ppo::{ACTION_MASK, BaselineKind, BcConfig, MemoryKind, NormAdv, PpoConfig};
pub use pqn::PqnConfig;
pub use sac::SacConfig;
pub use session::{CheckpointConfig, EvalConfig, ProbeConfig};
pub use td3::Td3Config;

use network::check_hidden;
pub(crate) use network::within;
