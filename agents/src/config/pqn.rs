//! The settings of PQN.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ActivationKind, EncoderKind, InitKind, NetworkSettings, check_hidden, dqn::linear, within};
use crate::error::AgentError;

/// Parallelised Q-learning (Gallici et al. 2024): no replay and no target network but many actors, lambda returns and layer
/// normalisation. Defaults are those of CleanRL's `pqn.py`, which has 4 envs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PqnConfig {
    /// Env steps of the whole run, all actors counted; rounded up to whole rollouts.
    pub total_steps: u64,
    /// Steps of each actor between updates (CleanRL: `num_steps`).
    pub rollout_steps: usize,
    /// Minibatches that a rollout is cut into.
    pub n_minibatches: usize,
    /// Passes over a rollout.
    pub update_epochs: usize,
    /// RAdam's learning rate at the start.
    pub learning_rate: f64,
    /// Lower the learning rate linearly to 0 over the run.
    pub anneal_lr: bool,
    /// RAdam's epsilon.
    pub adam_eps: f64,
    /// Discount.
    pub gamma: f64,
    /// Decay of the returns' trace.
    pub q_lambda: f64,
    /// Probability of a random action at the start.
    pub start_e: f64,
    /// Probability of a random action at the end.
    pub end_e: f64,
    /// Share of the run over which it goes from the one to the other, linearly.
    pub exploration_fraction: f64,
    /// Largest global norm of the gradient; 0 clips nothing.
    pub max_grad_norm: f64,
    /// Layer normalisation before each activation, without which values may diverge. A one-hot encoder's layer has none.
    pub layer_norm: bool,
    /// Observation encoder: "auto", "flat" or "cnn".
    pub encoder: EncoderKind,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Function between layers: "relu" or "tanh".
    pub activation: ActivationKind,
    /// How weights begin: "torch" or "orthogonal".
    pub init: InitKind,
}

impl Default for PqnConfig {
    fn default() -> Self {
        Self {
            total_steps: 500_000,
            rollout_steps: 128,
            n_minibatches: 4,
            update_epochs: 4,
            learning_rate: 2.5e-4,
            anneal_lr: true,
            adam_eps: 1e-8,
            gamma: 0.99,
            q_lambda: 0.65,
            start_e: 1.0,
            end_e: 0.05,
            exploration_fraction: 0.5,
            max_grad_norm: 10.0,
            layer_norm: true,
            encoder: EncoderKind::Auto,
            hidden: vec![120, 84],
            activation: ActivationKind::Relu,
            init: InitKind::Orthogonal,
        }
    }
}

impl PqnConfig {
    /// Refuses settings that cannot train, naming the key.
    ///
    /// # Errors
    /// [`AgentError::Config`].
    pub fn check(&self) -> Result<(), AgentError> {
        let at_least_one = [
            ("agent.total_steps", self.total_steps as f64),
            ("agent.rollout_steps", self.rollout_steps as f64),
            ("agent.n_minibatches", self.n_minibatches as f64),
            ("agent.update_epochs", self.update_epochs as f64),
        ];
        for (key, value) in at_least_one {
            within(key, value, 1.0, f64::MAX)?;
        }
        let shares = [
            ("agent.gamma", self.gamma),
            ("agent.q_lambda", self.q_lambda),
            ("agent.start_e", self.start_e),
            ("agent.end_e", self.end_e),
            ("agent.exploration_fraction", self.exploration_fraction),
        ];
        for (key, value) in shares {
            within(key, value, 0.0, 1.0)?;
        }
        within("agent.learning_rate", self.learning_rate, 0.0, f64::MAX)?;
        within("agent.adam_eps", self.adam_eps, f64::MIN_POSITIVE, f64::MAX)?;
        within("agent.max_grad_norm", self.max_grad_norm, 0.0, f64::MAX)?;
        check_hidden(&self.hidden)
    }

    /// What its network is made from.
    pub fn network(&self) -> NetworkSettings {
        NetworkSettings {
            encoder: self.encoder,
            hidden: self.hidden.clone(),
            activation: self.activation,
            init: self.init,
            adam_eps: self.adam_eps,
            max_grad_norm: self.max_grad_norm,
        }
    }

    /// The probability of a random action at `step`.
    pub fn epsilon(&self, step: u64) -> f64 {
        let duration = self.exploration_fraction * self.total_steps as f64;
        linear(self.start_e, self.end_e, duration, step)
    }

    /// The learning rate at `step`.
    pub fn learning_rate(&self, step: u64) -> f64 {
        if self.anneal_lr {
            linear(self.learning_rate, 0.0, self.total_steps as f64, step)
        } else {
            self.learning_rate
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_cannot_train_and_names_the_key() {
        assert!(PqnConfig::default().check().is_ok());
        let config = PqnConfig {
            q_lambda: -0.1,
            ..PqnConfig::default()
        };
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "agent.q_lambda = -0.1: use a number between 0 and 1"
        );
        let error = serde_json::from_str::<PqnConfig>(r#"{"lambda": 0.9}"#)
            .unwrap_err()
            .to_string();
        assert!(error.contains("unknown field `lambda`"), "{error}");
    }

    #[test]
    fn the_learning_rate_ends_at_zero() {
        let config = PqnConfig {
            total_steps: 100,
            learning_rate: 2.0,
            ..PqnConfig::default()
        };
        let rates = [0, 25, 100, 130].map(|step| config.learning_rate(step));
        assert_eq!(rates, [2.0, 1.5, 0.0, 0.0]);
    }
}
