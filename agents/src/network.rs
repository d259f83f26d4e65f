//! Networks over observations: encoder, hidden layers and head, with or without libtorch's graph, and their optimiser.

use std::cell::RefCell;

use prospect_nets::{
    Activation, Encoder, EncoderConfig, Fused, FusedInput, FusedWork, Init, Linear, Mlp, MlpConfig,
    NamedTensors, NetsError, Noise, Observations, Optimiser, OptimiserConfig, ParamBuilder, ParamSet,
    tch::{Device, Kind, Tensor, no_grad},
};
use prospect_sim::{Dtype, Field, random::Generator};

use crate::{
    config::{ActivationKind, EncoderKind, InitKind, NetworkSettings},
    error::AgentError,
    export::NetworkDescription,
    samples::Samples,
};

/// The gradients of a loss at a network's outputs, filled by the learner.
pub type Grads = Vec<f32>;

/// An encoder and hidden layers: what lies below a head.
#[derive(Debug, Clone)]
pub(crate) struct Trunk {
    pub(crate) encoder: Encoder,
    pub(crate) hidden: Mlp,
}

impl Trunk {
    pub(crate) fn new(
        params: &mut ParamBuilder,
        name: &str,
        config: &NetworkSettings,
        fields: &[Field],
        rng: &mut Generator,
    ) -> Result<Self, AgentError> {
        Self::normalised(params, name, config, false, fields, rng)
    }

    /// The same with layer normalisation before each activation of the hidden layers if `layer_norm`; a one-hot encoder's
    /// own layer has none.
    fn normalised(
        params: &mut ParamBuilder,
        name: &str,
        config: &NetworkSettings,
        layer_norm: bool,
        fields: &[Field],
        rng: &mut Generator,
    ) -> Result<Self, AgentError> {
        let encoder_config = encoder_config(config, fields);
        // A one-hot encoder ends with a layer of its own, which is the first of the hidden ones.
        let skip = usize::from(matches!(encoder_config, EncoderConfig::Onehot { .. }));
        let encoder = Encoder::new(params, &format!("{name}.encoder"), &encoder_config, fields, rng)?;
        let hidden = MlpConfig {
            hidden: config.hidden.iter().skip(skip).copied().collect(),
            activation: activation(config),
            init: hidden_init(config),
            layer_norm,
        };
        let hidden = Mlp::new(
            params,
            &format!("{name}.hidden"),
            encoder.width(),
            &hidden,
            None,
            rng,
        );
        Ok(Self { encoder, hidden })
    }

    pub(crate) fn forward(&self, params: &ParamSet, observations: &Observations) -> Tensor {
        self.hidden
            .forward(params, &self.encoder.forward(params, observations))
    }

    /// What it does, for an export; `name` is what its parameters' names begin with.
    pub(crate) fn describe(&self, name: &str, fields: &[Field]) -> NetworkDescription {
        NetworkDescription {
            name: name.to_owned(),
            whitening: None,
            encoder: self.encoder.describe(fields),
            hidden_layers: self.hidden.n_hidden(),
            layer_norm: self.hidden.is_normalised(),
            activation: self.hidden.activation(),
            memory: None,
        }
    }
}

pub(crate) fn activation(config: &NetworkSettings) -> Activation {
    match config.activation {
        ActivationKind::Tanh => Activation::Tanh,
        ActivationKind::Relu => Activation::Relu,
    }
}

/// What MiniGrid's values (at most 10) are multiplied with where they are taken as numbers.
const IMAGE_SCALE: f64 = 0.1;

/// The init of layers that are followed by an activation.
fn hidden_init(config: &NetworkSettings) -> Init {
    match config.init {
        InitKind::Orthogonal => Init::HIDDEN,
        InitKind::Torch => Init::KaimingUniform,
    }
}

fn encoder_config(config: &NetworkSettings, fields: &[Field]) -> EncoderConfig {
    let fitting = EncoderConfig::fitting(fields);
    match (config.encoder, fitting) {
        (EncoderKind::Cnn, _) => EncoderConfig::Cnn {
            convolutions: prospect_nets::cnn::minigrid_convolutions(),
            activation: activation(config),
            init: hidden_init(config),
            scale: IMAGE_SCALE,
            extra: Vec::new(),
        },
        (EncoderKind::Auto, EncoderConfig::Onehot { levels, extra, .. }) => EncoderConfig::Onehot {
            hidden: config.hidden.first().copied().unwrap_or(128),
            activation: activation(config),
            init: hidden_init(config),
            levels,
            extra,
        },
        _ => flat(fields),
    }
}

/// An image alone, scaled; else all that is no text.
fn flat(fields: &[Field]) -> EncoderConfig {
    let has_image = fields
        .iter()
        .any(|field| field.dtype == Dtype::U8 && field.shape.len() == 3);
    let readable = fields.iter().filter(|field| field.dtype != Dtype::Text);
    EncoderConfig::Flat {
        scale: if has_image { IMAGE_SCALE } else { 1.0 },
        components: if has_image {
            Vec::new()
        } else {
            readable.map(|field| field.name.clone()).collect()
        },
    }
}

pub(crate) fn adam(config: &NetworkSettings, params: &ParamSet) -> Optimiser {
    Optimiser::new(adam_config(config), params)
}

fn adam_config(config: &NetworkSettings) -> OptimiserConfig {
    OptimiserConfig::Adam {
        beta1: 0.9,
        beta2: 0.999,
        eps: config.adam_eps,
        weight_decay: 0.0,
    }
}

pub(crate) fn clip(config: &NetworkSettings) -> Option<f64> {
    (config.max_grad_norm > 0.0).then_some(config.max_grad_norm)
}

/// Working memory of a network that runs without libtorch.
#[derive(Debug)]
pub(crate) struct FusedNet {
    net: Fused,
    work: RefCell<FusedWork>,
}

impl FusedNet {
    pub(crate) fn new(params: &ParamSet, trunk: &Trunk, head: &Linear) -> Option<Self> {
        let net = Fused::new(params, &trunk.encoder, &trunk.hidden, head)?;
        let fused = Self {
            net,
            work: RefCell::default(),
        };
        fused.refresh(params);
        Some(fused)
    }

    pub(crate) fn refresh(&self, params: &ParamSet) {
        self.net.refresh(params, &mut self.work.borrow_mut());
    }

    pub(crate) fn load(&self, samples: &Samples<'_>, input: &mut FusedInput) {
        self.net
            .load(samples.slice(self.net.component()), samples.numbers(), input);
    }

    pub(crate) fn forward(&self, input: &FusedInput, out: &mut Vec<f32>) {
        let mut work = self.work.borrow_mut();
        out.clear();
        out.extend_from_slice(self.net.forward(input, &mut work));
    }

    pub(crate) fn backward(&self, params: &mut ParamSet, input: &FusedInput, gradient: &[f32]) {
        self.net
            .backward(params, input, &mut self.work.borrow_mut(), gradient);
    }

    pub(crate) fn backward_to_input(&self, input: &FusedInput, gradient: &[f32], out: &mut Vec<f32>) {
        self.net
            .backward_to_input(input, &mut self.work.borrow_mut(), gradient, out);
    }
}

/// What a network has beyond plain layers and Adam.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct NetworkParts {
    /// Layer normalisation before each activation of the hidden layers.
    pub layer_norm: bool,
    /// Noisy hidden layers and head, of this first size.
    pub noise: Option<f64>,
    /// Another optimiser than Adam.
    pub optimiser: Option<OptimiserConfig>,
}

/// One network with one head and one optimiser: a critic, an action-value function, a predictor.
///
/// Fully connected networks on the CPU run without libtorch's graph; others run through it.
#[derive(Debug)]
pub struct Network {
    name: String,
    outputs: usize,
    /// What forward passes run on; drawn from `noise` if there is any.
    params: ParamSet,
    noise: Option<Noise>,
    optimiser: Optimiser,
    trunk: Trunk,
    head: Linear,
    fused: Option<FusedNet>,
    input: RefCell<FusedInput>,
    max_grad_norm: Option<f64>,
}

impl Network {
    /// A network of `outputs` outputs, whose parameters are named `<name>.…`; `head` is how the last layer begins, and
    /// `rng` what weights are drawn from.
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the encoder does not fit the observation.
    pub fn new(
        settings: &NetworkSettings,
        fields: &[Field],
        name: &str,
        (outputs, head): (usize, Init),
        rng: &mut Generator,
        device: Device,
    ) -> Result<Self, AgentError> {
        let parts = NetworkParts::default();
        Self::with_parts(settings, parts, fields, name, (outputs, head), rng, device)
    }

    /// The same with more parts.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_parts(
        settings: &NetworkSettings,
        parts: NetworkParts,
        fields: &[Field],
        name: &str,
        (outputs, head): (usize, Init),
        rng: &mut Generator,
        device: Device,
    ) -> Result<Self, AgentError> {
        let mut builder = ParamBuilder::new();
        let trunk = Trunk::normalised(&mut builder, name, settings, parts.layer_norm, fields, rng)?;
        let width = trunk.hidden.width();
        let head = Linear::new(&mut builder, &format!("{name}.head"), width, outputs, head, rng);
        let params = builder.build(device);
        let noise = parts.noise.map(|sigma0| {
            let layers: Vec<Linear> = trunk.hidden.hidden().iter().copied().chain([head]).collect();
            Noise::new(&params, &layers, sigma0)
        });
        let learned = noise.as_ref().map_or(&params, Noise::learned);
        let optimiser = parts.optimiser.unwrap_or_else(|| adam_config(settings));
        Ok(Self {
            name: name.to_owned(),
            outputs,
            optimiser: Optimiser::new(optimiser, learned),
            noise,
            fused: FusedNet::new(&params, &trunk, &head),
            input: RefCell::default(),
            params,
            trunk,
            head,
            max_grad_norm: clip(settings),
        })
    }

    /// A network of the same making and weights, such as a target network. Its optimiser is fresh.
    #[must_use]
    pub fn twin(&self) -> Self {
        let params = self.params.frozen_copy();
        let noise = self.noise.as_ref().map(Noise::frozen_copy);
        let learned = noise.as_ref().map_or(&params, Noise::learned);
        Self {
            name: self.name.clone(),
            outputs: self.outputs,
            optimiser: Optimiser::new(self.optimiser.config(), learned),
            noise,
            fused: FusedNet::new(&params, &self.trunk, &self.head),
            input: RefCell::default(),
            trunk: self.trunk.clone(),
            head: self.head,
            max_grad_norm: self.max_grad_norm,
            params,
        }
    }

    /// Takes the weights of a network of the same making: `self = (1 - tau) self + tau other`.
    ///
    /// Noise stays as it was drawn for this network.
    pub fn move_towards(&mut self, other: &Self, tau: f64) {
        self.learned_mut().move_towards(other.learned(), tau);
        self.apply_noise();
    }

    /// What is learned: the parameters, or with noise their means and widths.
    pub fn learned(&self) -> &ParamSet {
        self.noise.as_ref().map_or(&self.params, Noise::learned)
    }

    fn learned_mut(&mut self) -> &mut ParamSet {
        match &mut self.noise {
            Some(noise) => noise.learned_mut(),
            None => &mut self.params,
        }
    }

    /// Takes what is learned from `stored`, where names begin with `prefix`; noise is silent until it is drawn.
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the tensors are of another network.
    pub fn restore_learned(&mut self, prefix: &str, stored: &NamedTensors) -> Result<(), AgentError> {
        self.learned_mut().restore(prefix, stored)?;
        if let Some(noise) = &mut self.noise {
            noise.silence();
        }
        self.apply_noise();
        Ok(())
    }

    /// Draws fresh noise, if the network has any.
    pub fn draw_noise(&mut self, rng: &mut Generator) {
        if let Some(noise) = &mut self.noise {
            noise.draw(rng);
            self.apply_noise();
        }
    }

    /// Takes the noise away until it is drawn again.
    pub fn silence(&mut self) {
        if let Some(noise) = &mut self.noise {
            noise.silence();
            self.apply_noise();
        }
    }

    fn apply_noise(&mut self) {
        if let Some(noise) = &self.noise {
            noise.apply(&mut self.params);
        }
        self.refresh();
    }

    /// Its parameters, for learners that change them themselves; [`Self::refresh`] must follow.
    pub fn params_mut(&mut self) -> &mut ParamSet {
        &mut self.params
    }

    /// Its parameters.
    pub fn params(&self) -> &ParamSet {
        &self.params
    }

    /// What it does, for an export.
    pub fn describe(&self, fields: &[Field]) -> NetworkDescription {
        self.trunk.describe(&self.name, fields)
    }

    /// Outputs per sample.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Whether it runs without libtorch's graph.
    pub fn is_fused(&self) -> bool {
        self.fused.is_some()
    }

    /// The name before those of its parameters.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Outputs `[n, outputs]`.
    pub fn forward(&self, samples: &Samples<'_>, out: &mut Vec<f32>) {
        if let Some(fused) = &self.fused {
            let mut input = self.input.borrow_mut();
            fused.load(samples, &mut input);
            return fused.forward(&input, out);
        }
        no_grad(|| copy_out(&self.tensors(&samples.tensors(self.params.device())), out));
    }

    fn tensors(&self, observations: &Observations) -> Tensor {
        let features = self.trunk.forward(&self.params, observations);
        self.head.forward(&self.params, &features)
    }

    /// One step of Adam down a loss, after clipping the global norm of its gradient. `loss` gets the outputs
    /// `[n, outputs]` and fills the loss's gradient with respect to them. Returns the norm before clipping.
    ///
    /// # Errors
    /// What `loss` returns, in which case nothing is learned; [`AgentError::Nets`].
    pub fn learn(
        &mut self,
        samples: &Samples<'_>,
        learning_rate: f64,
        loss: impl FnOnce(&[f32], &mut Grads) -> Result<(), AgentError>,
    ) -> Result<f64, AgentError> {
        let (mut values, mut grad) = (Vec::new(), Grads::new());
        if let Some(fused) = &self.fused {
            let input = self.input.get_mut();
            fused.load(samples, input);
            fused.forward(input, &mut values);
            loss(&values, &mut grad)?;
            fused.backward(&mut self.params, input, &grad);
        } else {
            let values_now = self.tensors(&samples.tensors(self.params.device()));
            copy_out(&values_now, &mut values);
            loss(&values, &mut grad)?;
            self.params.backward(&inner_product(&values_now, &grad))?;
        }
        let learned = match &mut self.noise {
            Some(noise) => {
                noise.collect(&self.params);
                noise.learned_mut()
            }
            None => &mut self.params,
        };
        let norm = self.optimiser.step(learned, learning_rate, self.max_grad_norm);
        self.apply_noise();
        Ok(norm)
    }

    /// The gradient of a loss with respect to the features that the encoder makes of `samples`, `[n, features]`: where the
    /// input is a vector, the vector itself. `loss` gets the outputs `[n, outputs]` and fills the gradient with respect to
    /// them. Nothing is learned.
    ///
    /// # Errors
    /// What `loss` returns; [`AgentError::Nets`].
    pub fn input_gradient(
        &self,
        samples: &Samples<'_>,
        loss: impl FnOnce(&[f32], &mut Grads) -> Result<(), AgentError>,
        out: &mut Vec<f32>,
    ) -> Result<(), AgentError> {
        let (mut values, mut grad) = (Vec::new(), Grads::new());
        if let Some(fused) = &self.fused {
            let mut input = self.input.borrow_mut();
            fused.load(samples, &mut input);
            fused.forward(&input, &mut values);
            loss(&values, &mut grad)?;
            fused.backward_to_input(&input, &grad, out);
            return Ok(());
        }
        let observations = samples.tensors(self.params.device());
        let features = self.trunk.encoder.forward(&self.params, &observations);
        let features = features.detach().set_requires_grad(true);
        let outputs = self
            .head
            .forward(&self.params, &self.trunk.hidden.forward(&self.params, &features));
        copy_out(&outputs, &mut values);
        loss(&values, &mut grad)?;
        let loss = inner_product(&outputs, &grad);
        let grads = Tensor::f_run_backward(&[&loss], &[&features], false, false).map_err(NetsError::from)?;
        if let Some(grad) = grads.first() {
            copy_out(grad, out);
        }
        Ok(())
    }

    /// Takes over weights that were changed through [`Self::params_mut`].
    pub fn refresh(&self) {
        if let Some(fused) = &self.fused {
            fused.refresh(&self.params);
        }
    }

    /// Weights, and the optimiser's moments under `<moments>`.
    pub fn store(&self, moments: &str, into: &mut NamedTensors) {
        self.learned().store("", into);
        self.optimiser.store(moments, self.learned(), into);
    }

    /// The reverse of [`Self::store`].
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the tensors are of another network.
    pub fn restore(&mut self, moments: &str, stored: &NamedTensors) -> Result<(), AgentError> {
        self.restore_learned("", stored)?;
        let learned = self.noise.as_ref().map_or(&self.params, Noise::learned);
        self.optimiser.restore(moments, learned, stored)?;
        Ok(())
    }
}

/// A scalar whose gradient at `output` is `grad`: how a gradient worked out by hand enters libtorch's backward pass.
pub(crate) fn inner_product(output: &Tensor, grad: &[f32]) -> Tensor {
    let grad = Tensor::from_slice(grad).to_device(output.device());
    output.reshape(-1).dot(&grad)
}

/// Copies a tensor of f32 into `out`, whatever its device.
pub(crate) fn copy_out(tensor: &Tensor, out: &mut Vec<f32>) {
    let n = tensor.numel();
    out.resize(n, 0.0);
    tensor
        .detach()
        .to_device(Device::Cpu)
        .to_kind(Kind::Float)
        .contiguous()
        .copy_data(out, n);
}
