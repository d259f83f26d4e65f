//! Comparing variants: a suite of envs, variants and seeds, its tuning, and the child processes that run it.

pub mod jobs;
pub mod suite;
pub mod tuning;
