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
        let (n, k) = (n as u128, self.n_sampled_goal as u128);
        (n * k / (k + 1)) as usize
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
        if self.gradient_steps == 0 {
            return Err(AgentError::Config {
                key: "agent.gradient_steps",
                value: "0".to_owned(),
                remedy: "nothing would be learned; use -1 or a number of at least 1".to_owned(),
            });
        }
        within("agent.gamma", self.gamma, 0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_other_goals_is_rounded_down() {
        let virtual_of = |n_sampled_goal, n| {
            HindsightConfig {
                strategy: HindsightStrategy::Future,
                n_sampled_goal,
            }
            .n_virtual(n)
        };
        assert_eq!(
            (virtual_of(4, 256), virtual_of(4, 4), virtual_of(1, 5)),
            (204, 3, 2)
        );
        assert_eq!(virtual_of(usize::MAX, 256), 255);
    }
}
