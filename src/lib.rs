//! Prospect: a simulator and laboratory for reinforcement learning where reward is scarce.
//!
//! This crate is the façade over the rooms of the workspace; the binary of the same name is in `main.rs`.
