//! Prospect: a simulator and laboratory for reinforcement learning where reward is scarce.
//!
//! This crate is the façade over the rooms of the workspace and holds the commands of the binary of the same name.

#![expect(clippy::print_stdout, reason = "commands print their results")]

pub mod cli;
pub mod commands;
pub mod compare;
pub mod config;
pub mod failure;
pub mod machine;
pub mod npz;
pub mod training;

pub use prospect_agents as agents;
pub use prospect_envs as envs;
pub use prospect_nets as nets;
pub use prospect_report as report;
pub use prospect_shaping as shaping;
pub use prospect_sim as sim;
