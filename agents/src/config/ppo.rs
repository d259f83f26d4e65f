//! The settings of PPO.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ActivationKind, EncoderKind, InitKind, NetworkSettings, check_hidden, within};
use crate::error::AgentError;

/// How advantages are normalised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormAdv {
    /// Over each minibatch, as most implementations do; amplifies noise while all rewards are 0.
    #[default]
    Minibatch,
    /// Once over the whole rollout.
    Rollout,
    /// Not at all.
    Off,
}

/// What a policy remembers from step to step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemoryKind {
    /// Nothing.
    #[default]
    None,
    /// A gated recurrent unit between hidden layers and head.
    Gru,
    /// A long short-term memory.
    Lstm,
}

/// What the task's advantages are measured against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BaselineKind {
    /// The critic's value, through generalised advantage estimation.
    #[default]
    Value,
    /// The other episodes that end in the same rollout (GRPO).
    Group,
}

/// Behaviour cloning from stored demonstrations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BcConfig {
    /// The demonstrations: a file as `prospect rollout --out` writes it, of the same task.
    pub demonstrations: String,
    /// Learn only from episodes of the file that end with a reward above 0.
    pub only_successful: bool,
    /// Passes over the demonstrations before the first step in the task; 0 for none.
    pub epochs: usize,
    /// Adam's learning rate in these passes.
    pub learning_rate: f64,
    /// Demonstrated steps per minibatch.
    pub minibatch_size: usize,
    /// Weight of the imitation loss in each minibatch of PPO; 0 for none.
    pub coef: f64,
    /// Lower `coef` linearly to 0 over the run.
    pub anneal_coef: bool,
}

impl Default for BcConfig {
    fn default() -> Self {
        Self {
            demonstrations: String::new(),
            only_successful: false,
            epochs: 10,
            learning_rate: 1e-3,
            minibatch_size: 256,
            coef: 0.0,
            anneal_coef: true,
        }
    }
}

impl BcConfig {
    /// The weight of the auxiliary loss where `remaining` of the run is left.
    pub fn coef_at(&self, remaining: f64) -> f64 {
        if self.anneal_coef {
            self.coef * remaining
        } else {
            self.coef
        }
    }

    fn check(&self) -> Result<(), AgentError> {
        if self.demonstrations.is_empty() {
            return Err(AgentError::Config {
                key: "agent.bc.demonstrations",
                value: "\"\"".to_owned(),
                remedy: "name a file that `prospect rollout --out` wrote, or leave [agent.bc] out".to_owned(),
            });
        }
        within(
            "agent.bc.minibatch_size",
            self.minibatch_size as f64,
            1.0,
            f64::MAX,
        )?;
        within("agent.bc.learning_rate", self.learning_rate, 0.0, f64::MAX)?;
        within("agent.bc.coef", self.coef, 0.0, f64::MAX)
    }
}

/// Proximal policy optimisation (Schulman et al. 2017) with the details of CleanRL's `ppo.py`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the keys of a run file, which are independent switches"
)]
pub struct PpoConfig {
    /// Env steps of the whole run, all actors counted; rounded up to whole rollouts.
    pub total_steps: u64,
    /// Steps of each actor between updates (CleanRL: `num_steps`).
    pub rollout_steps: usize,
    /// Minibatches that a rollout is cut into; not used where `minibatch_size` is set.
    pub n_minibatches: usize,
    /// Samples of a minibatch; 0 leaves it to `n_minibatches`.
    pub minibatch_size: usize,
    /// Passes over a rollout.
    pub update_epochs: usize,
    /// Adam's learning rate at the start.
    pub learning_rate: f64,
    /// Lower the learning rate linearly to 0 over the run.
    pub anneal_lr: bool,
    /// Adam's epsilon.
    pub adam_eps: f64,
    /// Discount of the task's stream.
    pub gamma: f64,
    /// Decay of GAE's trace, all streams.
    pub gae_lambda: f64,
    /// Half-width of the ratio's trust region.
    pub clip_coef: f64,
    /// Lower `clip_coef` linearly to 0 over the run.
    pub anneal_clip: bool,
    /// Clip the change of the value, too.
    pub clip_vloss: bool,
    /// Weight of the entropy bonus.
    pub ent_coef: f64,
    /// Lower `ent_coef` linearly to 0 over the run.
    pub anneal_ent: bool,
    /// Weight of the value loss.
    pub vf_coef: f64,
    /// Largest global norm of the gradient; 0 clips nothing.
    pub max_grad_norm: f64,
    /// Stop a rollout's updates once `approx_kl` exceeds this; 0 never stops.
    pub target_kl: f64,
    /// Advantage normalisation: "minibatch", "rollout" or "off".
    pub norm_adv: NormAdv,
    /// Observation encoder: "auto", "flat" or "cnn".
    pub encoder: EncoderKind,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Function between layers: "relu" or "tanh".
    pub activation: ActivationKind,
    /// Policy and value share all layers but the last.
    pub shared_trunk: bool,
    /// Log standard deviation that continuous actions begin with; the same in all states, and learned.
    pub log_std_init: f64,
    /// Bring continuous actions between their bounds by tanh, with its correction of the density, instead of clipping them.
    pub squash: bool,
    /// Choose only actions that the task's state fact `action_mask` allows.
    pub mask_actions: bool,
    /// Whiten observations by running mean and variance, clipped to ±10.
    pub norm_obs: bool,
    /// Divide the task stream's rewards by the running standard deviation of their discounted returns, clipped to ±10.
    pub norm_reward: bool,
    /// What the policy remembers: "none", "gru" or "lstm". The critics of reward modules have no memory.
    pub memory: MemoryKind,
    /// Width of the memory.
    pub memory_size: usize,
    /// Steps that the memory keeps what it saw from the beginning: its gates' biases start at the logarithms of times up to this
    /// (chrono initialisation, Tallec and Ollivier 2018). 0: biases of 0, which forget half in every step until they have learned.
    pub memory_horizon: usize,
    /// Steps that gradients go back through the memory; 0 for the whole rollout.
    pub sequence_steps: usize,
    /// What the task's advantages are measured against: "value" or "group". With "group" an episode's advantage is its
    /// discounted return, standardised over the episodes that end in the same rollout: for a task of one level, or of
    /// levels that are alike. Only steps of such episodes are learned from, so let rollouts be longer than episodes.
    pub baseline: BaselineKind,
    /// Behaviour cloning from stored demonstrations, before and while learning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bc: Option<BcConfig>,
}

impl Default for PpoConfig {
    fn default() -> Self {
        Self {
            total_steps: 1_000_000,
            rollout_steps: 128,
            n_minibatches: 8,
            minibatch_size: 0,
            update_epochs: 4,
            learning_rate: 5e-4,
            anneal_lr: true,
            adam_eps: 1e-5,
            gamma: 0.99,
            gae_lambda: 0.95,
            clip_coef: 0.2,
            anneal_clip: false,
            clip_vloss: false,
            ent_coef: 0.01,
            anneal_ent: false,
            vf_coef: 0.5,
            max_grad_norm: 0.5,
            target_kl: 0.0,
            norm_adv: NormAdv::Minibatch,
            encoder: EncoderKind::Auto,
            hidden: vec![128, 128],
            activation: ActivationKind::Relu,
            shared_trunk: false,
            log_std_init: 0.0,
            squash: false,
            mask_actions: false,
            norm_obs: false,
            norm_reward: false,
            memory: MemoryKind::None,
            memory_size: 128,
            memory_horizon: 0,
            sequence_steps: 0,
            baseline: BaselineKind::Value,
            bc: None,
        }
    }
}

/// The state fact that `mask_actions` reads.
pub const ACTION_MASK: &str = "action_mask";

impl PpoConfig {
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
        within("agent.learning_rate", self.learning_rate, 0.0, f64::MAX)?;
        within("agent.adam_eps", self.adam_eps, f64::MIN_POSITIVE, f64::MAX)?;
        within("agent.gamma", self.gamma, 0.0, 1.0)?;
        within("agent.gae_lambda", self.gae_lambda, 0.0, 1.0)?;
        within("agent.clip_coef", self.clip_coef, 0.0, 1.0)?;
        within("agent.ent_coef", self.ent_coef, f64::MIN, f64::MAX)?;
        within("agent.vf_coef", self.vf_coef, 0.0, f64::MAX)?;
        within("agent.max_grad_norm", self.max_grad_norm, 0.0, f64::MAX)?;
        within("agent.target_kl", self.target_kl, 0.0, f64::MAX)?;
        within("agent.log_std_init", self.log_std_init, -20.0, 20.0)?;
        if self.memory != MemoryKind::None {
            within("agent.memory_size", self.memory_size as f64, 1.0, f64::MAX)?;
            if self.minibatch_size > 0 {
                return Err(AgentError::Config {
                    key: "agent.minibatch_size",
                    value: self.minibatch_size.to_string(),
                    remedy: "a policy with memory learns from whole sequences; use 0 and set n_minibatches"
                        .to_owned(),
                });
            }
        }
        self.bc.iter().try_for_each(BcConfig::check)?;
        check_hidden(&self.hidden)
    }

    /// Facts that its policy reads.
    pub fn facts(&self) -> Vec<String> {
        self.mask_actions
            .then(|| ACTION_MASK.to_owned())
            .into_iter()
            .collect()
    }

    /// What its networks are made from.
    pub fn network(&self) -> NetworkSettings {
        NetworkSettings {
            encoder: self.encoder,
            hidden: self.hidden.clone(),
            activation: self.activation,
            init: InitKind::Orthogonal,
            adam_eps: self.adam_eps,
            max_grad_norm: self.max_grad_norm,
        }
    }

    /// Samples per minibatch for a rollout of `samples`.
    pub fn minibatch(&self, samples: usize) -> usize {
        let size = match self.minibatch_size {
            0 => samples.div_ceil(self.n_minibatches.max(1)),
            size => size,
        };
        size.clamp(1, samples.max(1))
    }

    /// The share of the run that is left at `step`, from 1 down to 0: the factor of linear schedules.
    pub fn remaining(&self, step: u64) -> f64 {
        (1.0 - step as f64 / self.total_steps.max(1) as f64).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_cannot_train_and_names_the_key() {
        assert!(PpoConfig::default().check().is_ok());
        let bad = |change: fn(&mut PpoConfig)| {
            let mut config = PpoConfig::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert_eq!(
            bad(|c| c.gamma = 1.5),
            "agent.gamma = 1.5: use a number between 0 and 1"
        );
        assert_eq!(
            bad(|c| c.rollout_steps = 0),
            "agent.rollout_steps = 0: use a number of at least 1"
        );
        assert_eq!(
            bad(|c| c.learning_rate = f64::NAN),
            "agent.learning_rate = NaN: use a number of at least 0"
        );
        assert!(bad(|c| c.hidden = vec![64, 0]).contains("at least 1"));
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error = serde_json::from_str::<PpoConfig>(r#"{"gama": 0.9}"#)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("unknown field `gama`") && error.contains("`gamma`"),
            "{error}"
        );
    }

    #[test]
    fn minibatches_cover_the_rollout() {
        let mut config = PpoConfig {
            n_minibatches: 8,
            ..PpoConfig::default()
        };
        assert_eq!((config.minibatch(2048), config.minibatch(10)), (256, 2));
        config.minibatch_size = 1024;
        assert_eq!((config.minibatch(2048), config.minibatch(10)), (1024, 10));
    }

    #[test]
    fn schedules_end_at_zero() {
        let config = PpoConfig {
            total_steps: 100,
            ..PpoConfig::default()
        };
        assert_eq!(
            (config.remaining(0), config.remaining(25), config.remaining(130)),
            (1.0, 0.75, 0.0)
        );
    }
}
