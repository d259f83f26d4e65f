//! The settings of hindsight.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::within;
use crate::error::AgentError;

/// Which goals a transition is judged by beside the one that was pursued (Andrychowicz et al. 2017, section 4.5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HindsightStrategy {
    /// None.
    #[default]
    Off,
    /// What the last step of its episode led to.
    Final,
    /// What a step of its episode led to, itself or a later one.
    Future,
    /// What any step of its episode led to.
    Episode,
}

/// Hindsight, gathered from a learner's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HindsightConfig {
    /// Which goals.
    pub strategy: HindsightStrategy,
    /// Transitions with another goal for each one with its own.
    pub n_sampled_goal: usize,
}

impl HindsightConfig {
    /// Refuses settings that cannot be, naming the key.
    ///
    /// # Errors
    /// [`AgentError::Config`].
    pub fn check(&self) -> Result<(), AgentError> {
        within("agent.n_sampled_goal", self.n_sampled_goal as f64, 1.0, f64::MAX)
    }

    /// Of a batch of `n`, how many transitions get another goal: the share `1 - 1 / (k + 1)`, rounded down.
    pub fn n_virtual(&self, n: usize) -> usize {
        n * self.n_sampled_goal / (self.n_sampled_goal + 1)
    }
}
