//! The settings of SAC.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ActivationKind, ExperienceConfig, HindsightConfig, HindsightStrategy, NetworkSettings, check_hidden,
    within,
};
use crate::error::AgentError;

/// Soft actor-critic (Haarnoja et al. 2018b) with the names of CleanRL's `sac_continuous_action.py` and the defaults of
/// Stable-Baselines3's `SAC`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SacConfig {
    /// Env steps of the whole run, all actors counted; rounded up to whole turns.
    pub total_steps: u64,
    /// Transitions that are remembered.
    pub buffer_size: usize,
    /// Env steps, all actors counted, of random actions before the first update.
    pub learning_starts: u64,
    /// Steps of each actor between updates.
    pub train_frequency: usize,
    /// Updates each time; -1 makes as many as env steps were made since the last ones, all actors counted.
    pub gradient_steps: i64,
    /// Transitions drawn for an update.
    pub batch_size: usize,
    /// Adam's learning rate of the policy and of the temperature.
    pub policy_lr: f64,
    /// Adam's learning rate of the critics.
    pub q_lr: f64,
    /// Adam's epsilon.
    pub adam_eps: f64,
    /// Updates of the critics between those of the policy, which then makes as many at once.
    pub policy_frequency: u64,
    /// Updates of the critics between those of their targets.
    pub target_network_frequency: u64,
    /// How far targets move: 1 copies.
    pub tau: f64,
    /// Discount.
    pub gamma: f64,
    /// The temperature, the weight of the policy's entropy; where it is tuned, its first value.
    pub alpha: f64,
    /// Tune the temperature so that the entropy is minus the number of values of an action.
    pub autotune: bool,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Function between layers: "relu" or "tanh".
    pub activation: ActivationKind,
    /// Judge remembered transitions by goals that were reached: "off", "final", "future" or "episode".
    pub hindsight: HindsightStrategy,
    /// Hindsight: transitions with another goal for each one with its own.
    pub n_sampled_goal: usize,
    /// Env steps between rows of metrics.
    pub log_every_steps: u64,
}

impl Default for SacConfig {
    fn default() -> Self {
        Self {
            total_steps: 1_000_000,
            buffer_size: 1_000_000,
            learning_starts: 100,
            train_frequency: 1,
            gradient_steps: 1,
            batch_size: 256,
            policy_lr: 3e-4,
            q_lr: 3e-4,
            adam_eps: 1e-8,
            policy_frequency: 1,
            target_network_frequency: 1,
            tau: 0.005,
            gamma: 0.99,
            alpha: 1.0,
            autotune: true,
            hidden: vec![256, 256],
            activation: ActivationKind::Relu,
            hindsight: HindsightStrategy::Off,
            n_sampled_goal: 4,
            log_every_steps: 1000,
        }
    }
}

impl SacConfig {
    /// Refuses settings that cannot train, naming the key.
    ///
    /// # Errors
    /// [`AgentError::Config`].
    pub fn check(&self) -> Result<(), AgentError> {
        self.experience().check()?;
        within("agent.total_steps", self.total_steps as f64, 1.0, f64::MAX)?;
        within(
            "agent.policy_frequency",
            self.policy_frequency as f64,
            1.0,
            f64::MAX,
        )?;
        let frequency = self.target_network_frequency as f64;
        within("agent.target_network_frequency", frequency, 1.0, f64::MAX)?;
        within("agent.policy_lr", self.policy_lr, 0.0, f64::MAX)?;
        within("agent.q_lr", self.q_lr, 0.0, f64::MAX)?;
        within("agent.adam_eps", self.adam_eps, f64::MIN_POSITIVE, f64::MAX)?;
        within("agent.tau", self.tau, 0.0, 1.0)?;
        // A temperature of 0 cannot be tuned: its logarithm is what moves.
        let least = if self.autotune { f64::MIN_POSITIVE } else { 0.0 };
        within("agent.alpha", self.alpha, least, f64::MAX)?;
        check_hidden(&self.hidden)
    }

    /// What its networks are made from.
    pub fn network(&self) -> NetworkSettings {
        NetworkSettings::of_vector(&self.hidden, self.activation, self.adam_eps)
    }

    /// What it remembers, and the pace at which it learns from that.
    pub fn experience(&self) -> ExperienceConfig {
        ExperienceConfig {
            buffer_size: self.buffer_size,
            batch_size: self.batch_size,
            learning_starts: self.learning_starts,
            train_frequency: self.train_frequency,
            gradient_steps: self.gradient_steps,
            gamma: self.gamma,
            hindsight: HindsightConfig {
                strategy: self.hindsight,
                n_sampled_goal: self.n_sampled_goal,
            },
        }
    }
}
