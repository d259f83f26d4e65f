//! The settings of learners, evaluation and probes, as a run file has them.

mod agent;
mod hindsight;
mod network;
mod ppo;
mod sac;
mod session;

pub use agent::AgentConfig;
pub use hindsight::{HindsightConfig, HindsightStrategy};
pub use network::{ActivationKind, EncoderKind, InitKind, NetworkSettings};
pub use ppo::{NormAdv, PpoConfig};
pub use sac::SacConfig;
pub use session::{CheckpointConfig, EvalConfig, ProbeConfig};

use network::check_hidden;
pub(crate) use network::within;
