//! Prospect's policies and learners: PPO, the training loop around it, checkpoints and recorders.
//!
//! [`learner`] says what a learner is; [`ppo`] reads top to bottom as the algorithm; [`trainer`] is the loop of a run in
//! memory; [`session`] is a run in its folder, with logs, evaluations, checkpoints and probes.

pub mod checkpoint;
pub mod config;
pub mod continuous;
pub mod coverage;
pub mod demonstrations;
pub mod distribution;
pub mod dqn;
pub mod episodes;
pub mod error;
pub mod estimates;
pub mod export;
pub mod gae;
pub mod hindsight;
pub mod hops;
mod imitation;
pub mod learner;
pub mod loss;
mod mask;
pub mod memory;
mod minibatch;
pub mod network;
pub mod normalise;
mod player;
pub mod policy;
pub mod ppo;
pub mod pqn;
pub mod probe;
mod q_policy;
pub mod recorder;
pub mod recurrent;
pub mod replay;
pub mod sac;
pub mod samples;
pub mod session;
mod streams;
mod tanh;
pub mod td3;
pub mod trainer;
mod transfer;
mod update;

pub use checkpoint::{Checkpoint, CheckpointFolder};
pub use config::{
    AgentConfig, CheckpointConfig, DqnConfig, EvalConfig, PpoConfig, PqnConfig, ProbeConfig, SacConfig,
    Td3Config,
};
pub use dqn::Dqn;
pub use episodes::{Episode, EpisodeStats};
pub use error::AgentError;
pub use hops::Hops;
pub use learner::{Learner, Play};
pub use ppo::Ppo;
pub use pqn::Pqn;
pub use recorder::Metrics;
pub use replay::{Draw, Eligible, Pick, PriorityConfig, Replay, Sample, n_step_returns};
pub use sac::Sac;
pub use samples::Samples;
pub use session::{Event, Outcome, Session, SessionConfig, Start};
pub use td3::Td3;
pub use trainer::{IterationReport, TrainSetup, Trainer};
