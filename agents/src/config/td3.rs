//! The settings of TD3.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ActivationKind, ExperienceConfig, HindsightConfig, HindsightStrategy, NetworkSettings, check_hidden,
    within,
};
use crate::error::AgentError;

/// Twin delayed deep deterministic policy gradient (Fujimoto et al. 2018) with the names of CleanRL's
/// `td3_continuous_action.py` and the pace of Stable-Baselines3's `TD3`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Td3Config {
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
    /// Adam's learning rate of the policy.
    pub policy_lr: f64,
    /// Adam's learning rate of the critics.
    pub q_lr: f64,
    /// Adam's epsilon.
    pub adam_eps: f64,
    /// Updates of the critics between those of the policy and of all targets.
    pub policy_frequency: u64,
    /// Deviation of the noise on the target policy's actions, which lie between -1 and 1.
    pub policy_noise: f64,
    /// Where that noise is cut off.
    pub noise_clip: f64,
    /// Deviation of the noise on actions in the envs, on the same scale.
    pub exploration_noise: f64,
    /// How far targets move: 1 copies.
    pub tau: f64,
    /// Discount.
    pub gamma: f64,
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

impl Default for Td3Config {
    fn default() -> Self {
        Self {
            total_steps: 1_000_000,
            buffer_size: 1_000_000,
            learning_starts: 100,
            train_frequency: 1,
            gradient_steps: 1,
            batch_size: 256,
            policy_lr: 1e-3,
            q_lr: 1e-3,
            adam_eps: 1e-8,
            policy_frequency: 2,
            policy_noise: 0.2,
            noise_clip: 0.5,
            exploration_noise: 0.1,
            tau: 0.005,
            gamma: 0.99,
            hidden: vec![256, 256],
            activation: ActivationKind::Relu,
            hindsight: HindsightStrategy::Off,
            n_sampled_goal: 4,
            log_every_steps: 1000,
        }
    }
}

impl Td3Config {
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
        within("agent.policy_noise", self.policy_noise, 0.0, f64::MAX)?;
        within("agent.noise_clip", self.noise_clip, 0.0, f64::MAX)?;
        within("agent.exploration_noise", self.exploration_noise, 0.0, f64::MAX)?;
        within("agent.policy_lr", self.policy_lr, 0.0, f64::MAX)?;
        within("agent.q_lr", self.q_lr, 0.0, f64::MAX)?;
        within("agent.adam_eps", self.adam_eps, f64::MIN_POSITIVE, f64::MAX)?;
        within("agent.tau", self.tau, 0.0, 1.0)?;
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
