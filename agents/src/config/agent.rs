//! Which learner a run has, and its settings.

use prospect_shaping::TaskStream;
use schemars::Schema;
use serde::Serialize;

use super::{DqnConfig, PpoConfig, PqnConfig, SacConfig, Td3Config};
use crate::error::AgentError;

/// The settings of one learner: the table `[agent]` of a run file, whose `kind` chooses among them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AgentConfig {
    /// `kind = "ppo"`.
    Ppo(PpoConfig),
    /// `kind = "dqn"`.
    Dqn(DqnConfig),
    /// `kind = "pqn"`.
    Pqn(PqnConfig),
    /// `kind = "sac"`.
    Sac(SacConfig),
    /// `kind = "td3"`.
    Td3(Td3Config),
}

impl AgentConfig {
    /// The kinds there are.
    pub const KINDS: &[&str] = &["ppo", "dqn", "pqn", "sac", "td3"];

    /// Its `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ppo(_) => "ppo",
            Self::Dqn(_) => "dqn",
            Self::Pqn(_) => "pqn",
            Self::Sac(_) => "sac",
            Self::Td3(_) => "td3",
        }
    }

    /// Refuses settings that cannot train, naming the key.
    ///
    /// # Errors
    /// [`AgentError::Config`].
    pub fn check(&self) -> Result<(), AgentError> {
        match self {
            Self::Ppo(config) => config.check(),
            Self::Dqn(config) => config.check(),
            Self::Pqn(config) => config.check(),
            Self::Sac(config) => config.check(),
            Self::Td3(config) => config.check(),
        }
    }

    /// Env steps of the whole run, all actors counted.
    pub fn total_steps(&self) -> u64 {
        match self {
            Self::Ppo(config) => config.total_steps,
            Self::Dqn(config) => config.total_steps,
            Self::Pqn(config) => config.total_steps,
            Self::Sac(config) => config.total_steps,
            Self::Td3(config) => config.total_steps,
        }
    }

    /// The same settings for a run of another length.
    #[must_use]
    pub fn with_total_steps(mut self, steps: u64) -> Self {
        match &mut self {
            Self::Ppo(config) => config.total_steps = steps,
            Self::Dqn(config) => config.total_steps = steps,
            Self::Pqn(config) => config.total_steps = steps,
            Self::Sac(config) => config.total_steps = steps,
            Self::Td3(config) => config.total_steps = steps,
        }
        self
    }

    /// Steps of each actor between two turns of the learner.
    pub fn rollout_steps(&self) -> usize {
        match self {
            Self::Ppo(config) => config.rollout_steps,
            Self::Dqn(config) => config.train_frequency,
            Self::Pqn(config) => config.rollout_steps,
            Self::Sac(config) => config.train_frequency,
            Self::Td3(config) => config.train_frequency,
        }
    }

    /// Env steps, all actors counted, after which metrics are written; whole turns are made.
    pub fn report_steps(&self) -> u64 {
        match self {
            Self::Ppo(_) | Self::Pqn(_) => 1,
            Self::Dqn(config) => config.log_every_steps,
            Self::Sac(config) => config.log_every_steps,
            Self::Td3(config) => config.log_every_steps,
        }
    }

    /// Facts that its policy reads, to be subscribed to.
    pub fn facts(&self) -> Vec<String> {
        match self {
            Self::Ppo(config) => config.facts(),
            Self::Dqn(_) | Self::Pqn(_) | Self::Sac(_) | Self::Td3(_) => Vec::new(),
        }
    }

    /// Discount and trace of the task's stream, which reward modules take over where they have none of their own.
    pub fn task(&self) -> TaskStream {
        match self {
            Self::Ppo(config) => TaskStream {
                gamma: config.gamma,
                gae_lambda: config.gae_lambda,
            },
            Self::Dqn(config) => TaskStream {
                gamma: config.gamma,
                // Nothing reads a trace where modules join the task's stream.
                gae_lambda: 1.0,
            },
            Self::Pqn(config) => TaskStream {
                gamma: config.gamma,
                gae_lambda: config.q_lambda,
            },
            Self::Sac(SacConfig { gamma, .. }) | Self::Td3(Td3Config { gamma, .. }) => TaskStream {
                gamma: *gamma,
                gae_lambda: 1.0,
            },
        }
    }

    /// The meaning of every key.
    pub fn schema(&self) -> Schema {
        match self {
            Self::Ppo(_) => schemars::schema_for!(PpoConfig),
            Self::Dqn(_) => schemars::schema_for!(DqnConfig),
            Self::Pqn(_) => schemars::schema_for!(PqnConfig),
            Self::Sac(_) => schemars::schema_for!(SacConfig),
            Self::Td3(_) => schemars::schema_for!(Td3Config),
        }
    }
}

impl From<PpoConfig> for AgentConfig {
    fn from(config: PpoConfig) -> Self {
        Self::Ppo(config)
    }
}

impl From<DqnConfig> for AgentConfig {
    fn from(config: DqnConfig) -> Self {
        Self::Dqn(config)
    }
}

impl From<PqnConfig> for AgentConfig {
    fn from(config: PqnConfig) -> Self {
        Self::Pqn(config)
    }
}

impl From<Td3Config> for AgentConfig {
    fn from(config: Td3Config) -> Self {
        Self::Td3(config)
    }
}

impl From<SacConfig> for AgentConfig {
    fn from(config: SacConfig) -> Self {
        Self::Sac(config)
    }
}
