//! `NovelD`: `max(n(s') - alpha * n(s), 0)` where the next observation is new in the episode (Zhang et al. 2021).
//!
//! `n` is the length of RND's error, `||predictor - target||`, not its square. The bonus marks the border between what is
//! known and what is not; the condition on first visits keeps the agent from walking to and fro over it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    distillation::{Distillation, SavedDistillation},
    input::EncoderKind,
    key::KeySource,
    rnd::RndSettings,
    visits::{EpisodicVisits, SavedVisits},
};
use crate::{
    error::ShapingError,
    module::{Batch, Metrics, Needs, Relabel, RewardModule},
    registry::{ModuleInit, ModuleKind},
    state,
};
use prospect_nets::Tensor;
use prospect_sim::Rollout;

const KIND: &str = "noveld";
const VERSION: u32 = 1;

/// Settings of `noveld`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NovelDSettings {
    /// Factor of the novelty of the state that is left.
    pub alpha: f64,
    /// What counts as the same place within an episode: names of observation components or state facts.
    pub key: Vec<String>,
    /// Width of the bins into which reals are cut before they are compared; 0 compares exact values.
    pub resolution: f64,
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

impl Default for NovelDSettings {
    fn default() -> Self {
        let rnd = RndSettings::default();
        Self {
            alpha: 0.5,
            key: vec!["image".to_owned()],
            resolution: 0.0,
            encoder: EncoderKind::Auto,
            components: rnd.components,
            whiten: rnd.whiten,
            obs_clip: rnd.obs_clip,
            prime_steps: rnd.prime_steps,
            hidden: rnd.hidden,
            features: rnd.features,
            lr: rnd.lr,
            minibatch: rnd.minibatch,
            epochs: rnd.epochs,
            update_proportion: rnd.update_proportion,
        }
    }
}

impl NovelDSettings {
    fn rnd(&self) -> RndSettings {
        RndSettings {
            encoder: self.encoder,
            components: self.components.clone(),
            whiten: self.whiten,
            obs_clip: self.obs_clip,
            prime_steps: self.prime_steps,
            hidden: self.hidden,
            features: self.features,
            lr: self.lr,
            minibatch: self.minibatch,
            epochs: self.epochs,
            update_proportion: self.update_proportion,
        }
    }
}

pub(super) fn kind() -> ModuleKind {
    let doc = "rise of RND's error from one observation to the next, where the next is new in the episode";
    let build = |init: &ModuleInit<'_>, settings: NovelDSettings| {
        Ok(Box::new(NovelD::new(init, &settings)?) as Box<_>)
    };
    ModuleKind::new(KIND, doc, build).with_common(|common| common.weight = 0.005.into())
}

/// See the module's page.
#[derive(Debug)]
pub struct NovelD {
    name: String,
    alpha: f32,
    distillation: Distillation,
    visits: EpisodicVisits,
    prime_steps: usize,
}

impl NovelD {
    fn new(init: &ModuleInit<'_>, settings: &NovelDSettings) -> Result<Self, ShapingError> {
        if !(settings.alpha >= 0.0 && settings.alpha.is_finite()) {
            return Err(init.config_error("alpha", format!("is {}; it must be 0 or above", settings.alpha)));
        }
        let keys = KeySource::new(init, &settings.key, settings.resolution)?;
        Ok(Self {
            name: init.name.to_owned(),
            alpha: settings.alpha as f32,
            distillation: settings.rnd().build(init)?,
            visits: EpisodicVisits::new(keys, init.actors),
            prime_steps: settings.prime_steps,
        })
    }

    /// `n(s)` and `n(s')` of every transition, `[T, K]` each. A state within an episode is both a next one and, a row
    /// later, a present one, so that each is passed through the networks once.
    fn novelties(&self, batch: &Batch<'_>) -> (Vec<f32>, Vec<f32>) {
        let (rollout, k) = (batch.rollout, batch.actors());
        let norm = |squares: Vec<f32>| squares.into_iter().map(f32::sqrt).collect::<Vec<_>>();
        let present = norm(self.distillation.squared_errors(batch.tensors.observations()));
        let last = norm(
            self.distillation
                .squared_errors(&batch.tensors.last_observations()),
        );
        let mut next: Vec<f32> = present.iter().skip(k).chain(&last).copied().collect();
        let ended: Vec<usize> = (0..next.len())
            .filter(|&at| rollout.ended(at / k, at % k))
            .collect();
        if !ended.is_empty() {
            let index: Vec<i64> = ended.iter().map(|&at| at as i64).collect();
            let index = Tensor::from_slice(&index).to_device(batch.tensors.device());
            let finals = batch.tensors.next_observations().select(&index);
            let errors = norm(self.distillation.squared_errors(&finals));
            ended.iter().zip(errors).for_each(|(&at, error)| next[at] = error);
        }
        (present, next)
    }
}

impl RewardModule for NovelD {
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
            ..self.visits.needs()
        }
    }

    fn context_columns(&self) -> Vec<String> {
        vec!["count".to_owned()]
    }

    fn relabel(&self) -> Relabel {
        Relabel::FromContext
    }

    fn prime(&mut self, batch: &Batch<'_>) -> Result<(), ShapingError> {
        self.distillation
            .update_statistics(batch.tensors.next_observations());
        Ok(())
    }

    fn begin(&mut self, rollout: &Rollout) {
        self.visits.begin(rollout);
    }

    fn observe(&mut self, rollout: &Rollout, t: usize, context: &mut [&mut [f32]]) {
        if let [column] = context {
            self.visits.observe(rollout, t, column);
        }
    }

    fn label(&self, batch: &Batch<'_>, out: &mut [f32]) -> Result<(), ShapingError> {
        let (present, next) = self.novelties(batch);
        let seen = batch.context.columns.iter().flatten();
        for (((out, seen), present), next) in out.iter_mut().zip(seen).zip(present).zip(next) {
            let rise = next - self.alpha * present;
            // A rise that is no number is handed on, for the stack to report.
            *out = if *seen != 1.0 || rise < 0.0 { 0.0 } else { rise };
        }
        Ok(())
    }

    fn learn(&mut self, batch: &Batch<'_>) -> Result<Metrics, ShapingError> {
        self.distillation.learn(batch)
    }

    fn save(&self) -> Result<Vec<u8>, ShapingError> {
        let saved = (self.distillation.save(), self.visits.save());
        state::encode(&self.name, KIND, VERSION, &saved)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), ShapingError> {
        let (distillation, visits): (SavedDistillation, SavedVisits) =
            state::decode(&self.name, KIND, VERSION, bytes)?;
        self.visits.load(&self.name, &visits)?;
        self.distillation.load(distillation)
    }

    fn fork(&self, actors: usize) -> Result<Box<dyn RewardModule>, ShapingError> {
        Ok(Box::new(Self {
            name: self.name.clone(),
            alpha: self.alpha,
            distillation: self.distillation.fork()?,
            visits: self.visits.fork(actors),
            prime_steps: self.prime_steps,
        }))
    }
}
