//! The settings of what learners of continuous actions remember, and of hindsight.

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
    /// Of a batch of `n`, how many transitions get another goal: the share `1 - 1 / (k + 1)`, rounded down.
    pub fn n_virtual(&self, n: usize) -> usize {
        n * self.n_sampled_goal / (self.n_sampled_goal + 1)
    }
}

/// Experience and the pace of learning from it, gathered from a learner's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExperienceConfig {
    /// Transitions that are remembered.
    pub buffer_size: usize,
    /// Transitions drawn for an update.
    pub batch_size: usize,
    /// Env steps, all actors counted, before the first update.
    pub learning_starts: u64,
    /// Steps of each actor between updates.
    pub train_frequency: usize,
    /// Updates each time; -1 makes as many as env steps were made.
    pub gradient_steps: i64,
    /// Discount.
    pub gamma: f64,
    /// Other goals for drawn transitions.
    pub hindsight: HindsightConfig,
}

impl ExperienceConfig {
    /// Refuses settings that cannot be, naming the key.
    ///
    /// # Errors
    /// [`AgentError::Config`].
    pub fn check(&self) -> Result<(), AgentError> {
        let at_least_one = [
            ("agent.buffer_size", self.buffer_size),
            ("agent.batch_size", self.batch_size),
            ("agent.train_frequency", self.train_frequency),
            ("agent.n_sampled_goal", self.hindsight.n_sampled_goal),
        ];
        for (key, value) in at_least_one {
            within(key, value as f64, 1.0, f64::MAX)?;
        }
        within("agent.gradient_steps", self.gradient_steps as f64, -1.0, f64::MAX)?;
        within("agent.gamma", self.gamma, 0.0, 1.0)
    }
}
