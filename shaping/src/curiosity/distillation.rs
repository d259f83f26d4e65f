//! Random network distillation: a frozen random target and a deeper predictor, which errs where it has seen little.
//!
//! Source: Burda et al. 2018. Observations are whitened and clipped; the statistics begin with a random policy and take in
//! each rollout before the predictor trains on it. Next observations serve for the error and for training alike.

use prospect_nets::{
    NamedTensors, NetsError, Observations, Optimiser, OptimiserConfig, ParamBuilder, ParamSet, Tensor,
    normalise::Whitener, tch,
};
use prospect_sim::random::Generator;
use serde::{Deserialize, Serialize};

use super::{
    input::{Input, InputSettings, Rows, Trunk},
    training::{Training, check_widths, finite},
};
use crate::{
    error::ShapingError,
    module::{Batch, Metrics},
    registry::ModuleInit,
};

/// Samples per forward pass: large enough for the matrix products, small enough for the nearer caches.
const CHUNK: usize = 1024;

/// Hidden layers of the target and of the predictor.
const TARGET_LAYERS: usize = 1;
const PREDICTOR_LAYERS: usize = 3;

/// Target, predictor and how the predictor is trained.
#[derive(Debug)]
pub(crate) struct Distillation {
    module: String,
    pub(super) input: Input,
    target_net: Trunk,
    predictor_net: Trunk,
    pub(super) target: ParamSet,
    pub(super) predictor: ParamSet,
    optimiser: Optimiser,
    training: Training,
    rng: Generator,
}

/// The saved form of a [`Distillation`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedDistillation {
    tensors: Vec<u8>,
    rng: Generator,
    whitener: Option<Whitener>,
}

impl Distillation {
    /// With first values from the module's own streams.
    pub(crate) fn new(
        init: &ModuleInit<'_>,
        input: &InputSettings,
        (hidden, features): (usize, usize),
        training: Training,
    ) -> Result<Self, ShapingError> {
        check_widths(init, &[("hidden", hidden), ("features", features)])?;
        let training = training.check(init)?;
        let input = Input::new(init, input)?;
        let build = |name: &str, layers: usize| {
            let mut builder = ParamBuilder::new();
            let widths = (layers, hidden, features);
            let net = Trunk::new(&mut builder, name, &input, widths, &mut init.stream(name))
                .map_err(|error| init.config_error("encoder", error.to_string()))?;
            Ok::<_, ShapingError>((net, builder.build(init.device)))
        };
        let (target_net, target) = build("target", TARGET_LAYERS)?;
        let (predictor_net, predictor) = build("predictor", PREDICTOR_LAYERS)?;
        Ok(Self {
            module: init.name.to_owned(),
            input,
            target_net,
            predictor_net,
            target: target.frozen_copy(),
            optimiser: Optimiser::new(OptimiserConfig::default(), &predictor),
            predictor,
            training,
            rng: init.stream("minibatches"),
        })
    }

    /// True if it wants a look at a random policy's observations first.
    pub(crate) fn wants_priming(&self) -> bool {
        self.input.is_whitening()
    }

    /// Takes observations into the whitening statistics.
    pub(crate) fn update_statistics(&mut self, observations: &Observations) {
        self.input.update(&self.predictor, observations);
    }

    fn difference(&self, rows: &Rows) -> Tensor {
        let wanted = tch::no_grad(|| self.target_net.forward(&self.target, rows));
        self.predictor_net.forward(&self.predictor, rows) - wanted
    }

    /// `||predictor - target||^2` of each observation, `[n]`.
    pub(crate) fn squared_errors(&self, observations: &Observations) -> Vec<f32> {
        let rows = self.input.rows(&self.predictor, observations);
        let mut errors = Vec::with_capacity(rows.len());
        tch::no_grad(|| {
            for start in (0..rows.len()).step_by(CHUNK) {
                let part = rows.narrow(start, CHUNK.min(rows.len() - start));
                let squares = self.difference(&part).square();
                let sums = squares.sum_dim_intlist([1i64].as_slice(), false, tch::Kind::Float);
                errors.extend(prospect_nets::read_floats(&sums));
            }
        });
        errors
    }

    /// Updates the statistics with the rollout's next observations, then trains the predictor on them.
    pub(crate) fn learn(&mut self, batch: &Batch<'_>) -> Result<Metrics, ShapingError> {
        let observations = batch.tensors.next_observations();
        self.update_statistics(observations);
        let rows = self.input.rows(&self.predictor, observations);
        let (mut sum, mut updates) = (0.0, 0u32);
        for _ in 0..self.training.epochs {
            for index in self
                .training
                .minibatches(batch.rollout, &mut self.rng, self.predictor.device())
            {
                sum += self.train(&rows.select(&index))?;
                updates += 1;
            }
        }
        let loss = sum / f64::from(updates.max(1));
        Ok(Metrics::from([("loss".to_owned(), loss)]))
    }

    /// One step on a minibatch; gives the loss, the mean squared error over samples and features.
    pub(super) fn train(&mut self, rows: &Rows) -> Result<f64, ShapingError> {
        let loss = self.difference(rows).square().mean(tch::Kind::Float);
        let value = finite(&loss, &self.module, "loss", self.optimiser.steps())?;
        self.predictor
            .backward(&loss)
            .map_err(|source| self.torch_error(source))?;
        self.optimiser.step(&mut self.predictor, self.training.lr, None);
        Ok(value)
    }

    fn torch_error(&self, source: NetsError) -> ShapingError {
        ShapingError::Torch {
            module: self.module.clone(),
            source,
        }
    }

    fn state_error(&self, reason: impl Into<String>) -> ShapingError {
        ShapingError::State {
            module: self.module.clone(),
            reason: reason.into(),
        }
    }

    pub(super) fn tensors(&self) -> NamedTensors {
        let mut named = NamedTensors::new();
        self.target.store("", &mut named);
        self.predictor.store("", &mut named);
        self.optimiser.store("adam.", &self.predictor, &mut named);
        named
    }

    fn set_tensors(&mut self, named: &NamedTensors) -> Result<(), NetsError> {
        self.target.restore("", named)?;
        self.predictor.restore("", named)?;
        self.optimiser.restore("adam.", &self.predictor, named)
    }

    pub(crate) fn save(&self) -> SavedDistillation {
        SavedDistillation {
            tensors: self.tensors().to_bytes(),
            rng: self.rng.clone(),
            whitener: self.input.whitener().cloned(),
        }
    }

    pub(crate) fn load(&mut self, saved: SavedDistillation) -> Result<(), ShapingError> {
        let named =
            NamedTensors::from_bytes(&saved.tensors).map_err(|error| self.state_error(error.to_string()))?;
        self.set_tensors(&named)
            .map_err(|error| self.state_error(error.to_string()))?;
        if !self.input.set_whitener(saved.whitener) {
            return Err(self.state_error("its whitening is of another observation"));
        }
        self.rng = saved.rng;
        Ok(())
    }

    /// A copy with its own memory.
    pub(crate) fn fork(&self) -> Result<Self, ShapingError> {
        let mut predictor = self.predictor.frozen_copy();
        predictor.set_trainable(true);
        let mut fork = Self {
            module: self.module.clone(),
            input: self.input.clone(),
            target_net: self.target_net.clone(),
            predictor_net: self.predictor_net.clone(),
            target: self.target.frozen_copy(),
            optimiser: Optimiser::new(OptimiserConfig::default(), &predictor),
            predictor,
            training: self.training,
            rng: self.rng.clone(),
        };
        fork.set_tensors(&self.tensors())
            .map_err(|source| self.torch_error(source))?;
        Ok(fork)
    }
}
