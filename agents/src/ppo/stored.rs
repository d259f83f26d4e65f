//! What PPO keeps between turns, and what it gives to other programs.

use prospect_nets::NamedTensors;
use prospect_sim::random::Generator;
use serde::{Deserialize, Serialize};

use super::Ppo;
use crate::{
    error::AgentError,
    export::{Description, Export, NetworkDescription},
    normalise::ObservationNormaliser,
    streams,
};

/// The learner's random streams, part of its checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Streams {
    pub(super) action: Generator,
    pub(super) shuffle: Generator,
}

impl Streams {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            action: Generator::named(seed, "agent/action"),
            shuffle: Generator::named(seed, "agent/shuffle"),
        }
    }
}

impl Ppo {
    /// What acts: weights, and the statistics that observations are whitened with.
    pub(super) fn named_weights(&self) -> NamedTensors {
        let mut named = NamedTensors::new();
        self.actor_critic.store_weights(&mut named);
        if let Some(observations) = &self.observations {
            observations.store(&mut named);
        }
        named
    }

    /// Networks, optimisers, memory, normalisers and random streams.
    pub(super) fn store_all(&self) -> NamedTensors {
        let mut stored = NamedTensors::new();
        self.actor_critic.store(&mut stored);
        self.critics.iter().for_each(|critic| critic.store(&mut stored));
        streams::store(&mut stored, "action", &self.streams.action);
        streams::store(&mut stored, "shuffle", &self.streams.shuffle);
        let actors = self.layout.actors() as i64;
        for (name, state) in [("policy", &self.state.policy), ("critic", &self.state.critic)] {
            if !state.is_empty() {
                let width = state.len() as i64 / actors;
                stored.push(format!("memory.{name}"), &[actors, width], state.clone());
            }
        }
        if let Some(observations) = &self.observations {
            observations.store(&mut stored);
        }
        if let Some(scaler) = &self.rewards {
            streams::store_statistics(&mut stored, "rewards", scaler);
        }
        if let Some(group) = &self.group {
            streams::store_statistics(&mut stored, "group", group);
        }
        if let Some(imitation) = &self.imitation {
            imitation.store(&mut stored);
        }
        stored
    }

    /// The reverse of [`Self::store_all`].
    ///
    /// # Errors
    /// [`AgentError::Nets`] if they are of another network or incomplete.
    pub(super) fn restore_all(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.actor_critic.restore(stored)?;
        for critic in &mut self.critics {
            critic.restore(stored)?;
        }
        self.streams.action = streams::restore(stored, "action")?;
        self.streams.shuffle = streams::restore(stored, "shuffle")?;
        for (name, state) in [
            ("policy", &mut self.state.policy),
            ("critic", &mut self.state.critic),
        ] {
            if !state.is_empty() {
                state.clone_from(&stored.get(&format!("memory.{name}"))?.values);
            }
        }
        if let Some(observations) = &mut self.observations {
            observations.restore(stored)?;
        }
        if self.rewards.is_some() {
            self.rewards = Some(streams::restore_statistics(stored, "rewards")?);
        }
        if self.group.is_some() {
            self.group = Some(streams::restore_statistics(stored, "group")?);
        }
        if let Some(imitation) = &mut self.imitation {
            imitation.restore(stored)?;
        }
        Ok(())
    }

    /// The policy for other programs.
    pub(super) fn export_policy(&self) -> Export {
        let normaliser = self.observations.as_ref();
        let fields = normaliser.map_or(self.spec.observation.as_slice(), ObservationNormaliser::fields);
        let network = NetworkDescription {
            whitening: normaliser.map(ObservationNormaliser::describe),
            ..self.actor_critic.describe(fields)
        };
        let head = self.distribution.describe(self.config.mask_actions);
        Export {
            description: Description::new("ppo", &self.spec, network, head),
            weights: self.named_weights(),
        }
    }
}
