//! When a run looks aside from training: evaluation, probes, checkpoints.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::learner::Play;

/// Periodic held-out evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvalConfig {
    /// Env steps between evaluations; 0 evaluates only at the end.
    pub every_steps: u64,
    /// Episodes of each, one per held-out level.
    pub episodes: usize,
    /// Take the best or mean action instead of sampling.
    pub deterministic: bool,
}

impl EvalConfig {
    /// How actions are chosen.
    pub fn play(&self) -> Play {
        if self.deterministic {
            Play::Greedy
        } else {
            Play::Sampled
        }
    }
}

impl Default for EvalConfig {
    fn default() -> Self {
        Self {
            every_steps: 50_000,
            episodes: 100,
            deterministic: false,
        }
    }
}

/// Periodic looks at fixed levels, from which heatmaps are drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProbeConfig {
    /// Env steps between probes; 0 turns them off.
    pub every_steps: u64,
    /// Levels in the probe set.
    pub levels: usize,
    /// Episodes played on each level.
    pub episodes: usize,
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self {
            every_steps: 250_000,
            levels: 4,
            episodes: 8,
        }
    }
}

/// When state is written to disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Env steps between checkpoints; 0 writes only the last one.
    pub every_steps: u64,
    /// Checkpoints kept; older ones are deleted once a newer one is complete.
    pub keep_last: usize,
    /// Store the replay, too; without it a resumed run starts with an empty one and does not go on exactly.
    pub replay: bool,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            every_steps: 100_000,
            keep_last: 3,
            replay: true,
        }
    }
}
