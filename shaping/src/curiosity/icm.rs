//! ICM: `eta / 2 * ||f(phi(s), a) - phi(s')||^2`, the error of a forward model in a space that an inverse model shapes
//! (Pathak et al. 2017).
//!
//! `phi` is trained so that the action can be told from `phi(s)` and `phi(s')` (loss `L_I`, cross-entropy; squared error
//! for real actions), and `f` to predict `phi(s')` (loss `L_F = 1/2 ||...||^2`), jointly by `(1 - beta) L_I + beta L_F`.
//! As in the authors' code, `L_F` moves `phi` too.

use prospect_nets::{
    Init, Kind, Mlp, NamedTensors, NetsError, Observations, Optimiser, OptimiserConfig, ParamBuilder,
    ParamSet, Tensor, normalise::Whitener, tch,
};
use prospect_sim::{ActionSpace, random::Generator};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    input::{EncoderKind, Input, InputSettings, Rows, Trunk, rectified},
    training::{Training, check_widths, finite},
};
use crate::{
    error::ShapingError,
    module::{Batch, Metrics, Needs, Relabel, RewardModule},
    normalise::Normalise,
    registry::{ModuleInit, ModuleKind},
    state,
};

const KIND: &str = "icm";
const VERSION: u32 = 1;

/// Samples per forward pass of a label.
const CHUNK: usize = 1024;

/// Settings of `icm`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IcmSettings {
    /// Factor of half the squared error of the forward model.
    pub eta: f64,
    /// Share of the forward loss; the inverse loss has the rest.
    pub beta: f64,
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
    /// Width of the hidden layer of encoder, inverse and forward model.
    pub hidden: usize,
    /// Width of the space in which the forward model predicts.
    pub features: usize,
    /// Learning rate (Adam).
    pub lr: f64,
    /// Samples per step of the optimiser.
    pub minibatch: usize,
    /// Passes over each rollout; 0 leaves the networks as they are.
    pub epochs: usize,
    /// Share of a rollout's samples that train the networks, a new random choice in each pass.
    pub update_proportion: f64,
}

impl Default for IcmSettings {
    fn default() -> Self {
        Self {
            eta: 1.0,
            beta: 0.2,
            encoder: EncoderKind::Auto,
            components: Vec::new(),
            whiten: true,
            obs_clip: 5.0,
            prime_steps: 50,
            hidden: 128,
            features: 64,
            lr: 1e-3,
            minibatch: 256,
            epochs: 1,
            update_proportion: 1.0,
        }
    }
}

pub(super) fn kind() -> ModuleKind {
    let doc = "error of predicting the next observation's features, which tell the action from its effect";
    let build =
        |init: &ModuleInit<'_>, settings: IcmSettings| Ok(Box::new(Icm::new(init, settings)?) as Box<_>);
    ModuleKind::new(KIND, doc, build).with_common(|common| {
        common.weight = 0.01.into();
        common.normalise = Normalise::RunningStd;
    })
}

/// Actions as numbers for the forward model, and as the inverse model's aim.
#[derive(Debug, Clone)]
enum ActionCode {
    /// The numbers of options of one choice or several, each one-hot.
    Choices(Vec<i64>),
    /// Real actions of this width.
    Reals(i64),
}

impl ActionCode {
    fn of(space: &ActionSpace) -> Self {
        match space {
            ActionSpace::Discrete { n } => Self::Choices(vec![*n as i64]),
            ActionSpace::MultiDiscrete { nvec } => Self::Choices(nvec.iter().map(|n| *n as i64).collect()),
            ActionSpace::Continuous { low, .. } => Self::Reals(low.len() as i64),
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Choices(options) => options.iter().sum::<i64>() as usize,
            Self::Reals(width) => *width as usize,
        }
    }

    /// `[n, width]` of actions `[n]` or `[n, choices]`.
    fn encode(&self, actions: &Tensor) -> Tensor {
        match self {
            Self::Choices(options) => {
                let columns = actions.view([-1, options.len() as i64]);
                let parts: Vec<Tensor> = options
                    .iter()
                    .enumerate()
                    .map(|(i, n)| columns.select(1, i as i64).onehot(*n).to_kind(Kind::Float))
                    .collect();
                Tensor::cat(&parts, 1)
            }
            Self::Reals(_) => actions.shallow_clone(),
        }
    }

    /// The inverse model's loss, a mean over samples and a sum over choices.
    fn loss(&self, predicted: &Tensor, actions: &Tensor) -> Tensor {
        match self {
            Self::Choices(options) => {
                let columns = actions.view([-1, options.len() as i64]);
                let mut first = 0;
                let mut sum = Tensor::zeros([], (Kind::Float, predicted.device()));
                for (i, n) in options.iter().enumerate() {
                    let logits = predicted.narrow(1, first, *n);
                    sum += logits.cross_entropy_for_logits(&columns.select(1, i as i64));
                    first += n;
                }
                sum
            }
            Self::Reals(_) => predicted.mse_loss(actions, tch::Reduction::Mean),
        }
    }
}

/// The three networks, which one optimiser trains.
#[derive(Debug, Clone)]
pub(super) struct Networks {
    encoder: Trunk,
    inverse: Mlp,
    forward: Mlp,
    actions: ActionCode,
}

/// Present and next observations and actions of the same samples.
pub(super) struct Samples {
    pub(super) present: Rows,
    pub(super) next: Rows,
    pub(super) actions: Tensor,
}

impl Samples {
    fn select(&self, index: &Tensor) -> Self {
        Self {
            present: self.present.select(index),
            next: self.next.select(index),
            actions: self.actions.index_select(0, index),
        }
    }

    fn narrow(&self, start: usize, n: usize) -> Self {
        Self {
            present: self.present.narrow(start, n),
            next: self.next.narrow(start, n),
            actions: self.actions.narrow(0, start as i64, n as i64),
        }
    }
}

impl Networks {
    /// `||f(phi(s), a) - phi(s')||^2` per sample, and the inverse model's loss.
    pub(super) fn errors(&self, params: &ParamSet, samples: &Samples) -> (Tensor, Tensor) {
        let present = self.encoder.forward(params, &samples.present);
        let next = self.encoder.forward(params, &samples.next);
        let code = self.actions.encode(&samples.actions);
        let predicted = self.forward.forward(params, &Tensor::cat(&[&present, &code], 1));
        let squares = (predicted - &next)
            .square()
            .sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
        let told = self.inverse.forward(params, &Tensor::cat(&[&present, &next], 1));
        (squares, self.actions.loss(&told, &samples.actions))
    }
}

/// See the module's page.
#[derive(Debug)]
pub struct Icm {
    name: String,
    settings: IcmSettings,
    pub(super) input: Input,
    pub(super) networks: Networks,
    pub(super) params: ParamSet,
    optimiser: Optimiser,
    training: Training,
    rng: Generator,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedIcm {
    tensors: Vec<u8>,
    rng: Generator,
    whitener: Option<Whitener>,
}

impl Icm {
    pub(super) fn new(init: &ModuleInit<'_>, settings: IcmSettings) -> Result<Self, ShapingError> {
        check_widths(
            init,
            &[("hidden", settings.hidden), ("features", settings.features)],
        )?;
        if !(0.0..=1.0).contains(&settings.beta) {
            return Err(init.config_error("beta", format!("is {}; it must be in [0, 1]", settings.beta)));
        }
        if !(settings.eta > 0.0 && settings.eta.is_finite()) {
            return Err(init.config_error("eta", format!("is {}; it must be above 0", settings.eta)));
        }
        let training = Training {
            lr: settings.lr,
            minibatch: settings.minibatch,
            epochs: settings.epochs,
            update_proportion: settings.update_proportion,
        };
        let input = InputSettings {
            encoder: settings.encoder,
            components: settings.components.clone(),
            whiten: settings.whiten,
            obs_clip: settings.obs_clip,
        };
        let input = Input::new(init, &input)?;
        let (networks, params) = networks(init, &settings, &input)?;
        Ok(Self {
            name: init.name.to_owned(),
            settings,
            input,
            networks,
            optimiser: Optimiser::new(OptimiserConfig::default(), &params),
            params,
            training: training.check(init)?,
            rng: init.stream("minibatches"),
        })
    }

    fn samples(&self, batch: &Batch<'_>) -> Samples {
        let rows = |observations: &Observations| self.input.rows(&self.params, observations);
        Samples {
            present: rows(batch.tensors.observations()),
            next: rows(batch.tensors.next_observations()),
            actions: batch.tensors.actions().shallow_clone(),
        }
    }

    /// One step on a minibatch; gives the inverse and the forward loss.
    pub(super) fn train(&mut self, samples: &Samples) -> Result<[f64; 2], ShapingError> {
        let (squares, inverse) = self.networks.errors(&self.params, samples);
        let forward = squares.mean(Kind::Float) * 0.5;
        let update = self.optimiser.steps();
        let values = [
            finite(&inverse, &self.name, "inverse loss", update)?,
            finite(&forward, &self.name, "forward loss", update)?,
        ];
        let loss = inverse * (1.0 - self.settings.beta) + forward * self.settings.beta;
        self.params
            .backward(&loss)
            .map_err(|source| self.torch_error(source))?;
        self.optimiser.step(&mut self.params, self.training.lr, None);
        Ok(values)
    }

    fn torch_error(&self, source: NetsError) -> ShapingError {
        ShapingError::Torch {
            module: self.name.clone(),
            source,
        }
    }

    fn state_error(&self, reason: impl Into<String>) -> ShapingError {
        ShapingError::State {
            module: self.name.clone(),
            reason: reason.into(),
        }
    }

    pub(super) fn tensors(&self) -> NamedTensors {
        let mut named = NamedTensors::new();
        self.params.store("", &mut named);
        self.optimiser.store("adam.", &self.params, &mut named);
        named
    }

    fn set_tensors(&mut self, named: &NamedTensors) -> Result<(), NetsError> {
        self.params.restore("", named)?;
        self.optimiser.restore("adam.", &self.params, named)
    }
}

fn networks(
    init: &ModuleInit<'_>,
    settings: &IcmSettings,
    input: &Input,
) -> Result<(Networks, ParamSet), ShapingError> {
    let mut builder = ParamBuilder::new();
    let (hidden, features) = (settings.hidden, settings.features);
    let encoder = Trunk::new(
        &mut builder,
        "encoder",
        input,
        (1, hidden, features),
        &mut init.stream("encoder"),
    )
    .map_err(|error| init.config_error("encoder", error.to_string()))?;
    let actions = ActionCode::of(&init.spec.actions);
    let mut model = |name: &str, inputs: usize, outputs: usize| {
        let (config, output) = (rectified(1, hidden), Some((outputs, Init::HIDDEN)));
        Mlp::new(
            &mut builder,
            name,
            inputs,
            &config,
            output,
            &mut init.stream(name),
        )
    };
    let inverse = model("inverse", 2 * features, actions.width());
    let forward = model("forward", features + actions.width(), features);
    let networks = Networks {
        encoder,
        inverse,
        forward,
        actions,
    };
    Ok((networks, builder.build(init.device)))
}

impl RewardModule for Icm {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs(&self) -> Needs {
        Needs {
            prime_steps: if self.input.is_whitening() {
                self.settings.prime_steps
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
        self.input.update(&self.params, batch.tensors.next_observations());
        Ok(())
    }

    fn label(&self, batch: &Batch<'_>, out: &mut [f32]) -> Result<(), ShapingError> {
        let samples = self.samples(batch);
        let factor = (0.5 * self.settings.eta) as f32;
        let alive = batch.rollout.alive();
        for (i, (out, alive)) in out.chunks_mut(CHUNK).zip(alive.chunks(CHUNK)).enumerate() {
            let part = samples.narrow(i * CHUNK, out.len());
            let squares = tch::no_grad(|| self.networks.errors(&self.params, &part).0);
            for ((out, square), alive) in out
                .iter_mut()
                .zip(prospect_nets::read_floats(&squares))
                .zip(alive)
            {
                *out = if *alive { factor * square } else { 0.0 };
            }
        }
        Ok(())
    }

    fn learn(&mut self, batch: &Batch<'_>) -> Result<Metrics, ShapingError> {
        self.input.update(&self.params, batch.tensors.next_observations());
        let samples = self.samples(batch);
        let (mut sums, mut updates) = ([0.0; 2], 0u32);
        for _ in 0..self.training.epochs {
            for index in self
                .training
                .minibatches(batch.rollout, &mut self.rng, self.params.device())
            {
                let losses = self.train(&samples.select(&index))?;
                sums.iter_mut().zip(losses).for_each(|(sum, loss)| *sum += loss);
                updates += 1;
            }
        }
        let means = sums.map(|sum| sum / f64::from(updates.max(1)));
        Ok(Metrics::from([
            ("inverse_loss".to_owned(), means[0]),
            ("forward_loss".to_owned(), means[1]),
        ]))
    }

    fn save(&self) -> Result<Vec<u8>, ShapingError> {
        let saved = SavedIcm {
            tensors: self.tensors().to_bytes(),
            rng: self.rng.clone(),
            whitener: self.input.whitener().cloned(),
        };
        state::encode(&self.name, KIND, VERSION, &saved)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), ShapingError> {
        let saved: SavedIcm = state::decode(&self.name, KIND, VERSION, bytes)?;
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

    fn fork(&self, _actors: usize) -> Result<Box<dyn RewardModule>, ShapingError> {
        let mut params = self.params.frozen_copy();
        params.set_trainable(true);
        let mut fork = Self {
            name: self.name.clone(),
            settings: self.settings.clone(),
            input: self.input.clone(),
            networks: self.networks.clone(),
            optimiser: Optimiser::new(OptimiserConfig::default(), &params),
            params,
            training: self.training,
            rng: self.rng.clone(),
        };
        fork.set_tensors(&self.tensors())
            .map_err(|source| self.torch_error(source))?;
        Ok(Box::new(fork))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_choices_are_coded_side_by_side() {
        let code = ActionCode::of(&ActionSpace::MultiDiscrete { nvec: vec![2, 3] });
        let actions = Tensor::from_slice(&[1i64, 0, 0, 2]).view([2, 2]);
        let encoded = prospect_nets::read_floats(&code.encode(&actions));
        assert_eq!(encoded, [0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        // Even odds cost ln 2 for the first choice and ln 3 for the second.
        let loss = code
            .loss(&Tensor::zeros([2, 5], (Kind::Float, tch::Device::Cpu)), &actions)
            .double_value(&[]);
        assert!((loss - 6f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn real_actions_are_their_own_code() {
        let code = ActionCode::of(&ActionSpace::Continuous {
            low: vec![-1.0, -1.0],
            high: vec![1.0, 1.0],
        });
        let actions = Tensor::from_slice(&[0.5f32, -0.5]).view([1, 2]);
        assert_eq!(prospect_nets::read_floats(&code.encode(&actions)), [0.5, -0.5]);
        let zero = Tensor::zeros([1, 2], (Kind::Float, tch::Device::Cpu));
        assert!((code.loss(&zero, &actions).double_value(&[]) - 0.25).abs() < 1e-7);
    }
}
