//! RND: `1/2 ||predictor(s') - target(s')||^2`, the error of predicting a frozen random network (Burda et al. 2018).
//!
//! By default as published: a stream of its own that does not end with episodes, rewards divided by the standard deviation
//! of their discounted returns, observations whitened and clipped to ±5 with statistics begun by a random policy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    distillation::{Distillation, SavedDistillation},
    input::{EncoderKind, InputSettings},
    training::Training,
};
use crate::{
    config::Mix,
    error::ShapingError,
    module::{Batch, Metrics, Needs, Relabel, RewardModule},
    normalise::Normalise,
    registry::{ModuleInit, ModuleKind},
    state,
};

const KIND: &str = "rnd";
const VERSION: u32 = 1;

/// Settings of `rnd`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RndSettings {
    /// How observations reach the networks: `flat` (values, whitened), `onehot`, or `auto` (one-hot for gridworlds).
    pub encoder: EncoderKind,
    /// Components to read: with `flat` these alone (if empty, the image or all reals), with `onehot` beside the image.
    pub components: Vec<String>,
    /// Whether flat values are whitened by running mean and standard deviation.
    pub whiten: bool,
    /// Bounds of whitened values, on both sides.
    pub obs_clip: f64,
    /// Steps per actor of a random policy that begin the whitening statistics; 0 for none.
    pub prime_steps: usize,
    /// Width of the hidden layers: one in the target, three in the predictor.
    pub hidden: usize,
    /// Number of outputs that the predictor has to match.
    pub features: usize,
    /// Learning rate of the predictor (Adam).
    pub lr: f64,
    /// Samples per step of the predictor.
    pub minibatch: usize,
    /// Passes over each rollout; 0 leaves the predictor as it is.
    pub epochs: usize,
    /// Share of a rollout's samples that train the predictor, a new random choice in each pass.
    pub update_proportion: f64,
}

impl Default for RndSettings {
    fn default() -> Self {
        Self {
            encoder: EncoderKind::Flat,
            components: Vec::new(),
            whiten: true,
            obs_clip: 5.0,
            prime_steps: 50,
            hidden: 128,
            features: 64,
            lr: 1e-4,
            minibatch: 256,
            epochs: 1,
            update_proportion: 1.0,
        }
    }
}

impl RndSettings {
    pub(super) fn build(&self, init: &ModuleInit<'_>) -> Result<Distillation, ShapingError> {
        let input = InputSettings {
            encoder: self.encoder,
            components: self.components.clone(),
            whiten: self.whiten,
            obs_clip: self.obs_clip,
        };
        let training = Training {
            lr: self.lr,
            minibatch: self.minibatch,
            epochs: self.epochs,
            update_proportion: self.update_proportion,
        };
        Distillation::new(init, &input, (self.hidden, self.features), training)
    }
}

pub(super) fn kind() -> ModuleKind {
    let doc = "error of predicting a frozen random network of the next observation";
    let build =
        |init: &ModuleInit<'_>, settings: RndSettings| Ok(Box::new(Rnd::new(init, &settings)?) as Box<_>);
    ModuleKind::new(KIND, doc, build).with_common(|common| {
        common.weight = 0.5.into();
        common.mix = Mix::OwnValueHead;
        common.normalise = Normalise::ReturnStd;
        common.gamma = Some(0.99);
        common.episodic = false;
    })
}

/// See the module's page.
#[derive(Debug)]
pub struct Rnd {
    name: String,
    distillation: Distillation,
    prime_steps: usize,
}

impl Rnd {
    fn new(init: &ModuleInit<'_>, settings: &RndSettings) -> Result<Self, ShapingError> {
        Ok(Self {
            name: init.name.to_owned(),
            distillation: settings.build(init)?,
            prime_steps: settings.prime_steps,
        })
    }
}

impl RewardModule for Rnd {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs(&self) -> Needs {
        Needs {
            prime_steps: if self.distillation.wants_priming() {
                self.prime_steps
            } else {
                0
            },
            ..Needs::default()
        }
    }

    fn relabel(&self) -> Relabel {
        Relabel::Exact
    }

    fn prime(&mut self, batch: &Batch<'_>) -> Result<(), ShapingError> {
        self.distillation
            .update_statistics(batch.tensors.next_observations());
        Ok(())
    }

    fn label(&self, batch: &Batch<'_>, out: &mut [f32]) -> Result<(), ShapingError> {
        let errors = self
            .distillation
            .squared_errors(batch.tensors.next_observations());
        for ((out, error), alive) in out.iter_mut().zip(errors).zip(batch.rollout.alive()) {
            *out = if *alive { 0.5 * error } else { 0.0 };
        }
        Ok(())
    }

    fn learn(&mut self, batch: &Batch<'_>) -> Result<Metrics, ShapingError> {
        self.distillation.learn(batch)
    }

    fn save(&self) -> Result<Vec<u8>, ShapingError> {
        state::encode(&self.name, KIND, VERSION, &self.distillation.save())
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), ShapingError> {
        let saved: SavedDistillation = state::decode(&self.name, KIND, VERSION, bytes)?;
        self.distillation.load(saved)
    }

    fn fork(&self, _actors: usize) -> Result<Box<dyn RewardModule>, ShapingError> {
        Ok(Box::new(Self {
            name: self.name.clone(),
            distillation: self.distillation.fork()?,
            prime_steps: self.prime_steps,
        }))
    }
}
