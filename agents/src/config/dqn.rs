//! The settings of the DQN family.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ActivationKind, EncoderKind, InitKind, NetworkSettings, check_hidden, within};
use crate::{error::AgentError, loss::q::ReturnModel, replay::PriorityConfig};

/// What is learned of an action's return.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Its expectation.
    #[default]
    None,
    /// Probabilities of `n_atoms` returns between `v_min` and `v_max` (Bellemare et al. 2017).
    C51,
    /// `n_quantiles` quantiles (Dabney et al. 2018).
    Qr,
}

/// The loss of an expected return.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QLoss {
    /// Squared error, as in CleanRL.
    #[default]
    Mse,
    /// Huber's with threshold 1, as in Mnih et al. 2015 and Stable-Baselines3.
    Huber,
}

/// Deep Q-learning (Mnih et al. 2015) and what was added to it, each by a switch: double (van Hasselt et al. 2016), dueling
/// (Wang et al. 2016), prioritised replay (Schaul et al. 2016), n-step returns, noisy layers (Fortunato et al. 2018), and
/// distributions of the return (Bellemare et al. 2017, Dabney et al. 2018). All of them together are Rainbow (Hessel et al.
/// 2018). Defaults are those of CleanRL's `dqn.py`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the keys of a run file, which are independent switches"
)]
pub struct DqnConfig {
    /// Env steps of the whole run, all actors counted.
    pub total_steps: u64,
    /// Transitions that the replay holds.
    pub buffer_size: usize,
    /// Transitions of a batch.
    pub batch_size: usize,
    /// Env steps, all actors counted, before the first update.
    pub learning_starts: u64,
    /// Steps of each actor between updates.
    pub train_frequency: usize,
    /// Batches learned from at each update.
    pub gradient_steps: usize,
    /// Env steps, all actors counted, between updates of the target network.
    pub target_network_frequency: u64,
    /// How far the target network moves then; 1 copies.
    pub tau: f64,
    /// Probability of a random action at the start; without effect if `noisy`.
    pub start_e: f64,
    /// Probability of a random action at the end.
    pub end_e: f64,
    /// Share of the run over which it goes from the one to the other, linearly.
    pub exploration_fraction: f64,
    /// Discount.
    pub gamma: f64,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Adam's epsilon.
    pub adam_eps: f64,
    /// Largest global norm of the gradient; 0 clips nothing.
    pub max_grad_norm: f64,
    /// The loss of an expected return: "mse" or "huber". Distributions have losses of their own.
    pub loss: QLoss,
    /// The online network chooses the next action and the target network values it.
    pub double: bool,
    /// The head is a value and advantages around it.
    pub dueling: bool,
    /// Rewards summed before the next value.
    pub n_step: usize,
    /// Draw transitions by how wrong they were.
    pub prioritised: bool,
    /// How much priorities count: 0 is uniform, 1 proportional.
    pub priority_alpha: f64,
    /// How much of the bias of drawing by priority is corrected at the start; rises linearly to 1.
    pub priority_beta: f64,
    /// Added to each priority.
    pub priority_eps: f64,
    /// Explore by learned noise on the weights of all layers after the encoder, instead of at random.
    pub noisy: bool,
    /// The noise's first size, divided by the square root of a layer's inputs.
    pub noisy_sigma: f64,
    /// What is learned of returns: "none" (their expectation), "c51" or "qr".
    pub distribution: Distribution,
    /// C51: the number of returns that have a probability.
    pub n_atoms: usize,
    /// C51: the smallest of them.
    pub v_min: f64,
    /// C51: the largest of them.
    pub v_max: f64,
    /// QR: the number of quantiles.
    pub n_quantiles: usize,
    /// QR: the error from which on the loss is linear.
    pub kappa: f64,
    /// Observation encoder: "auto", "flat" or "cnn".
    pub encoder: EncoderKind,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Function between layers: "relu" or "tanh".
    pub activation: ActivationKind,
    /// How weights begin: "torch" or "orthogonal".
    pub init: InitKind,
    /// Env steps, all actors counted, between rows of metrics.
    pub log_every_steps: u64,
}

impl Default for DqnConfig {
    fn default() -> Self {
        Self {
            total_steps: 500_000,
            buffer_size: 10_000,
            batch_size: 128,
            learning_starts: 10_000,
            train_frequency: 10,
            gradient_steps: 1,
            target_network_frequency: 500,
            tau: 1.0,
            start_e: 1.0,
            end_e: 0.05,
            exploration_fraction: 0.5,
            gamma: 0.99,
            learning_rate: 2.5e-4,
            adam_eps: 1e-8,
            max_grad_norm: 0.0,
            loss: QLoss::Mse,
            double: false,
            dueling: false,
            n_step: 1,
            prioritised: false,
            priority_alpha: 0.5,
            priority_beta: 0.4,
            priority_eps: 1e-6,
            noisy: false,
            noisy_sigma: 0.5,
            distribution: Distribution::None,
            n_atoms: 51,
            v_min: -10.0,
            v_max: 10.0,
            n_quantiles: 200,
            kappa: 1.0,
            encoder: EncoderKind::Auto,
            hidden: vec![120, 84],
            activation: ActivationKind::Relu,
            init: InitKind::Torch,
            log_every_steps: 1_000,
        }
    }
}

impl DqnConfig {
    /// Refuses settings that cannot train, naming the key.
    ///
    /// # Errors
    /// [`AgentError::Config`].
    pub fn check(&self) -> Result<(), AgentError> {
        let at_least_one = [
            ("agent.total_steps", self.total_steps as f64),
            ("agent.buffer_size", self.buffer_size as f64),
            ("agent.batch_size", self.batch_size as f64),
            ("agent.train_frequency", self.train_frequency as f64),
            ("agent.gradient_steps", self.gradient_steps as f64),
            (
                "agent.target_network_frequency",
                self.target_network_frequency as f64,
            ),
            ("agent.n_step", self.n_step as f64),
            ("agent.n_quantiles", self.n_quantiles as f64),
            ("agent.log_every_steps", self.log_every_steps as f64),
        ];
        for (key, value) in at_least_one {
            within(key, value, 1.0, f64::MAX)?;
        }
        let shares = [
            ("agent.tau", self.tau),
            ("agent.start_e", self.start_e),
            ("agent.end_e", self.end_e),
            ("agent.exploration_fraction", self.exploration_fraction),
            ("agent.gamma", self.gamma),
            ("agent.priority_alpha", self.priority_alpha),
            ("agent.priority_beta", self.priority_beta),
        ];
        for (key, value) in shares {
            within(key, value, 0.0, 1.0)?;
        }
        within("agent.learning_rate", self.learning_rate, 0.0, f64::MAX)?;
        within("agent.adam_eps", self.adam_eps, f64::MIN_POSITIVE, f64::MAX)?;
        within("agent.max_grad_norm", self.max_grad_norm, 0.0, f64::MAX)?;
        within("agent.priority_eps", self.priority_eps, f64::MIN_POSITIVE, 1.0)?;
        within("agent.noisy_sigma", self.noisy_sigma, 0.0, f64::MAX)?;
        within("agent.n_atoms", self.n_atoms as f64, 2.0, f64::MAX)?;
        within("agent.kappa", self.kappa, f64::MIN_POSITIVE, f64::MAX)?;
        within("agent.v_min", self.v_min, f64::MIN, f64::MAX)?;
        within("agent.v_max", self.v_max, self.v_min.next_up(), f64::MAX)?;
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

    /// What the outputs of an action say about its return.
    pub fn returns(&self) -> ReturnModel {
        match self.distribution {
            Distribution::None => ReturnModel::Expected {
                huber: self.loss == QLoss::Huber,
            },
            Distribution::C51 => ReturnModel::categorical(self.n_atoms, self.v_min, self.v_max),
            Distribution::Qr => ReturnModel::Quantile {
                n: self.n_quantiles,
                kappa: self.kappa as f32,
            },
        }
    }

    /// The settings of prioritised replay, if it is on.
    pub fn priorities(&self) -> Option<PriorityConfig> {
        self.prioritised.then_some(PriorityConfig {
            alpha: self.priority_alpha,
            beta: self.priority_beta,
            eps: self.priority_eps,
        })
    }

    /// The probability of a random action at `step`.
    pub fn epsilon(&self, step: u64) -> f64 {
        if self.noisy {
            return 0.0;
        }
        let duration = self.exploration_fraction * self.total_steps as f64;
        linear(self.start_e, self.end_e, duration, step)
    }

    /// The share of the run that is made at `step`, from 0 to 1.
    pub fn progress(&self, step: u64) -> f64 {
        (step as f64 / self.total_steps.max(1) as f64).min(1.0)
    }
}

/// From `start` at step 0 to `end` at step `duration` and after.
pub(super) fn linear(start: f64, end: f64, duration: f64, step: u64) -> f64 {
    let share = if duration > 0.0 {
        (step as f64 / duration).min(1.0)
    } else {
        1.0
    };
    start + (end - start) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_cannot_train_and_names_the_key() {
        assert!(DqnConfig::default().check().is_ok());
        let bad = |change: fn(&mut DqnConfig)| {
            let mut config = DqnConfig::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert_eq!(
            bad(|c| c.n_step = 0),
            "agent.n_step = 0: use a number of at least 1"
        );
        assert_eq!(
            bad(|c| c.tau = 1.5),
            "agent.tau = 1.5: use a number between 0 and 1"
        );
        assert!(bad(|c| c.v_max = c.v_min).starts_with("agent.v_max = -10"));
        assert!(bad(|c| c.n_atoms = 1).starts_with("agent.n_atoms = 1"));
        assert!(bad(|c| c.hidden = vec![0]).contains("at least 1"));
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error = serde_json::from_str::<DqnConfig>(r#"{"duelling": true}"#)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("unknown field `duelling`") && error.contains("`dueling`"),
            "{error}"
        );
    }

    #[test]
    fn epsilon_falls_over_a_share_of_the_run_and_is_0_with_noise() {
        let mut config = DqnConfig {
            total_steps: 1000,
            ..DqnConfig::default()
        };
        assert_eq!(config.epsilon(0), 1.0);
        assert!((config.epsilon(250) - 0.525).abs() < 1e-12);
        assert!((config.epsilon(900) - 0.05).abs() < 1e-12);
        config.noisy = true;
        assert_eq!(config.epsilon(0), 0.0);
    }
}
