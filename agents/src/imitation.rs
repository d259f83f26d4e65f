//! Behaviour cloning: passes over demonstrations before the first step, and an auxiliary loss in PPO's minibatches.

use prospect_nets::{Device, NamedTensors, TensorBatch};
use prospect_sim::{Rollout, RowLayout, random::Generator};

use crate::{
    config::BcConfig,
    demonstrations::Demonstrations,
    distribution::{Distribution, Drawn},
    error::{AgentError, finite},
    loss,
    memory::MemoryState,
    minibatch::Chunk,
    normalise::ObservationNormaliser,
    policy::{ActorCritic, HeadGrads, Heads},
    streams,
};

/// A learner's demonstrations, read when they are first needed, and the stream its minibatches are drawn from.
#[derive(Debug)]
pub(crate) struct Imitation {
    config: BcConfig,
    demonstrations: Option<Demonstrations>,
    rng: Generator,
    pretrained: bool,
}

/// Demonstrations as the networks read them, during one update.
pub(crate) struct Demonstrated<'a> {
    demonstrations: &'a Demonstrations,
    batch: TensorBatch<'a>,
    start: MemoryState,
    coef: f64,
    /// Env steps made, for messages.
    step: u64,
    rng: &'a mut Generator,
}

impl Imitation {
    pub(crate) fn new(config: &BcConfig, seed: u64) -> Self {
        Self {
            config: config.clone(),
            demonstrations: None,
            rng: Generator::named(seed, "agent/imitation"),
            pretrained: false,
        }
    }

    /// Reads the file unless that is done.
    ///
    /// # Errors
    /// As [`Demonstrations::read`].
    pub(crate) fn open(&mut self, layout: &RowLayout, distribution: &Distribution) -> Result<(), AgentError> {
        if self.demonstrations.is_none() {
            self.demonstrations = Some(Demonstrations::read(&self.config, layout, distribution)?);
        }
        Ok(())
    }

    /// The demonstrations whitened as observations are now; none where they are read as they are.
    pub(crate) fn seen(&self, observations: Option<&ObservationNormaliser>) -> Option<Rollout> {
        let demonstrations = self.demonstrations.as_ref()?;
        observations.map(|observations| observations.whiten_all(demonstrations.rollout()))
    }

    /// The demonstrations, [`Self::open`] before, for an auxiliary loss of weight `coef`.
    pub(crate) fn demonstrated<'a>(
        &'a mut self,
        seen: Option<&'a Rollout>,
        (coef, step): (f64, u64),
        networks: &ActorCritic,
        device: Device,
    ) -> Option<Demonstrated<'a>> {
        let demonstrations = self.demonstrations.as_ref()?;
        let rollout = demonstrations.rollout();
        Some(Demonstrated {
            batch: TensorBatch::new(seen.unwrap_or(rollout), device),
            start: networks.fresh_state(rollout.actors()),
            demonstrations,
            coef,
            step,
            rng: &mut self.rng,
        })
    }

    /// Passes over the demonstrations, [`Self::open`] before, that train the policy alone; its optimiser is fresh
    /// afterwards. Statistics of observations begin with those of the demonstrations. Does nothing the second time.
    ///
    /// # Errors
    /// [`AgentError::NotFinite`] if the loss is no number.
    pub(crate) fn pretrain(
        &mut self,
        networks: &mut ActorCritic,
        observations: Option<&mut ObservationNormaliser>,
        distribution: &Distribution,
        device: Device,
    ) -> Result<(), AgentError> {
        let Some(demonstrations) = self.demonstrations.as_ref().filter(|_| !self.pretrained) else {
            return Ok(());
        };
        self.pretrained = true;
        if self.config.epochs == 0 {
            return Ok(());
        }
        let observations = observations.map(|observations| {
            observations.learn_from(demonstrations.rollout());
            &*observations
        });
        let seen = self.seen(observations);
        let learning_rate = self.config.learning_rate;
        let (epochs, recurrent) = (self.config.epochs, networks.is_recurrent());
        let Some(demonstrated) = self.demonstrated(seen.as_ref(), (1.0, 0), networks, device) else {
            return Ok(());
        };
        let mut minibatches = demonstrated.demonstrations.minibatches(recurrent);
        for epoch in 0..epochs {
            minibatches.shuffle(demonstrated.rng);
            let (mut sum, mut n) = (0.0, 0.0);
            for chunk in minibatches.chunks() {
                sum += demonstrated.gradient(networks, distribution, &chunk, false)?;
                networks.step(learning_rate);
                n += 1.0;
            }
            tracing::info!("imitation: epoch {}, loss {:.4}", epoch + 1, sum / n);
        }
        networks.reset_optimiser();
        Ok(())
    }

    pub(crate) fn store(&self, into: &mut NamedTensors) {
        streams::store(into, "imitation", &self.rng);
        into.set_text("imitation.pretrained", self.pretrained);
    }

    /// The reverse of [`Self::store`].
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the stream is missing or damaged.
    pub(crate) fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.rng = streams::restore(stored, "imitation")?;
        self.pretrained = stored.text("imitation.pretrained") == Some("true");
        Ok(())
    }
}

impl Demonstrated<'_> {
    /// Adds the gradient of the weighted loss on a minibatch of demonstrations, drawn anew, to the networks' present one;
    /// returns the loss without its weight.
    ///
    /// # Errors
    /// [`AgentError::NotFinite`] if the loss is no number.
    pub(crate) fn add_gradient(
        &mut self,
        networks: &mut ActorCritic,
        distribution: &Distribution,
    ) -> Result<f64, AgentError> {
        let mut all = self.demonstrations.minibatches(networks.is_recurrent());
        all.shuffle(self.rng);
        let first = all.chunks().next();
        first.map_or(Ok(0.0), |chunk| {
            self.gradient(networks, distribution, &chunk, true)
        })
    }

    fn gradient(
        &self,
        networks: &mut ActorCritic,
        distribution: &Distribution,
        chunk: &Chunk<'_>,
        add: bool,
    ) -> Result<f64, AgentError> {
        let mut drawn = Drawn::default();
        drawn.take(self.demonstrations.drawn(), &chunk.index, distribution.width());
        let minibatch = chunk.minibatch(&self.batch, &self.start);
        let mut loss = 0.0;
        let imitate = |heads: &Heads<'_>, grads: &mut HeadGrads| {
            let (outputs, log_std) = (heads.outputs, heads.log_std);
            let policy = &mut grads.policy;
            loss = loss::imitation_loss(distribution, outputs, log_std, drawn.actions(), self.coef, policy);
            grads.values.resize(heads.values.len(), 0.0);
            finite(loss, || "imitation loss", self.step)
        };
        if add {
            networks.add_gradient(&minibatch, imitate)?;
        } else {
            networks.gradient(&minibatch, imitate)?;
        }
        Ok(loss)
    }
}
