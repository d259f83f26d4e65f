//! The actor and its critics: networks, their optimisers, and how they are stored.

use std::cell::RefCell;

use prospect_nets::{
    Activation, Encoder, EncoderConfig, Fused, FusedInput, FusedWork, Init, Linear, Mlp, MlpConfig,
    NamedTensors, Observations, Optimiser, OptimiserConfig, ParamBuilder, ParamSet,
    tch::{Device, Kind, Tensor, no_grad},
};
use prospect_sim::{Dtype, Field, random::Generator};

use crate::{
    config::{ActivationKind, EncoderKind, PpoConfig},
    error::AgentError,
    samples::Samples,
};

/// The gradients of a loss at a network's outputs, filled by the learner.
pub type Grads = Vec<f32>;

/// An encoder and hidden layers: what lies below a head.
#[derive(Debug)]
struct Trunk {
    encoder: Encoder,
    hidden: Mlp,
}

impl Trunk {
    fn new(
        params: &mut ParamBuilder,
        name: &str,
        config: &PpoConfig,
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
            init: Init::HIDDEN,
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

    fn forward(&self, params: &ParamSet, observations: &Observations) -> Tensor {
        self.hidden
            .forward(params, &self.encoder.forward(params, observations))
    }
}

fn activation(config: &PpoConfig) -> Activation {
    match config.activation {
        ActivationKind::Tanh => Activation::Tanh,
        ActivationKind::Relu => Activation::Relu,
    }
}

/// What MiniGrid's values (at most 10) are multiplied with where they are taken as numbers.
const IMAGE_SCALE: f64 = 0.1;

fn encoder_config(config: &PpoConfig, fields: &[Field]) -> EncoderConfig {
    let fitting = EncoderConfig::fitting(fields);
    match (config.encoder, fitting) {
        (EncoderKind::Cnn, _) => EncoderConfig::Cnn {
            convolutions: prospect_nets::cnn::minigrid_convolutions(),
            activation: activation(config),
            init: Init::HIDDEN,
            scale: IMAGE_SCALE,
            extra: Vec::new(),
        },
        (EncoderKind::Auto, EncoderConfig::Onehot { levels, extra, .. }) => EncoderConfig::Onehot {
            hidden: config.hidden.first().copied().unwrap_or(128),
            activation: activation(config),
            init: Init::HIDDEN,
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

fn adam(config: &PpoConfig, params: &ParamSet) -> Optimiser {
    let kind = OptimiserConfig::Adam {
        beta1: 0.9,
        beta2: 0.999,
        eps: config.adam_eps,
        weight_decay: 0.0,
    };
    Optimiser::new(kind, params)
}

fn clip(config: &PpoConfig) -> Option<f64> {
    (config.max_grad_norm > 0.0).then_some(config.max_grad_norm)
}

/// Working memory of a network that runs without libtorch.
#[derive(Debug)]
struct FusedNet {
    net: Fused,
    work: RefCell<FusedWork>,
}

impl FusedNet {
    fn new(params: &ParamSet, trunk: &Trunk, head: &Linear) -> Option<Self> {
        let net = Fused::new(params, &trunk.encoder, &trunk.hidden, head)?;
        let fused = Self {
            net,
            work: RefCell::default(),
        };
        fused.refresh(params);
        Some(fused)
    }

    fn refresh(&self, params: &ParamSet) {
        self.net.refresh(params, &mut self.work.borrow_mut());
    }

    fn load(&self, samples: &Samples<'_>, input: &mut FusedInput) {
        self.net
            .load(samples.slice(self.net.component()), samples.numbers(), input);
    }

    fn forward(&self, input: &FusedInput, out: &mut Vec<f32>) {
        let mut work = self.work.borrow_mut();
        out.clear();
        out.extend_from_slice(self.net.forward(input, &mut work));
    }

    fn backward(&self, params: &mut ParamSet, input: &FusedInput, gradient: &[f32]) {
        self.net
            .backward(params, input, &mut self.work.borrow_mut(), gradient);
    }
}

/// The policy and the task's critic, which one optimiser trains, as CleanRL's `Agent`.
///
/// Fully connected networks on the CPU run without libtorch's graph; with a shared trunk, convolutions or another device
/// they run through it.
#[derive(Debug)]
pub struct ActorCritic {
    params: ParamSet,
    optimiser: Optimiser,
    policy: Trunk,
    policy_head: Linear,
    /// None if the critic shares the policy's layers.
    critic: Option<Trunk>,
    value_head: Linear,
    /// Policy and critic without libtorch; none if they need it.
    fused: Option<(FusedNet, FusedNet)>,
    input: RefCell<FusedInput>,
    n_actions: usize,
    max_grad_norm: Option<f64>,
}

impl ActorCritic {
    /// Orthogonal weights from the streams `policy` and `critic` of the run's seed.
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the encoder does not fit the observation.
    pub fn new(
        config: &PpoConfig,
        fields: &[Field],
        n_actions: usize,
        seed: u64,
        device: Device,
    ) -> Result<Self, AgentError> {
        let mut builder = ParamBuilder::new();
        let rng = &mut Generator::named(seed, "agent/policy");
        let policy = Trunk::new(&mut builder, "policy", config, fields, rng)?;
        let init = Init::Orthogonal { gain: 0.01 };
        let policy_head = Linear::new(
            &mut builder,
            "policy.head",
            policy.hidden.width(),
            n_actions,
            init,
            rng,
        );
        let rng = &mut Generator::named(seed, "agent/critic");
        let critic = if config.shared_trunk {
            None
        } else {
            Some(Trunk::new(&mut builder, "critic", config, fields, rng)?)
        };
        let width = critic.as_ref().unwrap_or(&policy).hidden.width();
        let value_head = Linear::new(
            &mut builder,
            "critic.head",
            width,
            1,
            Init::Orthogonal { gain: 1.0 },
            rng,
        );
        let params = builder.build(device);
        let fused = critic.as_ref().and_then(|critic| {
            let policy = FusedNet::new(&params, &policy, &policy_head)?;
            Some((policy, FusedNet::new(&params, critic, &value_head)?))
        });
        Ok(Self {
            optimiser: adam(config, &params),
            params,
            policy,
            policy_head,
            critic,
            value_head,
            fused,
            input: RefCell::default(),
            n_actions,
            max_grad_norm: clip(config),
        })
    }

    /// Logits `[n, actions]`, for acting.
    pub fn logits(&self, samples: &Samples<'_>, out: &mut Vec<f32>) {
        if let Some((policy, _)) = &self.fused {
            let mut input = self.input.borrow_mut();
            policy.load(samples, &mut input);
            return policy.forward(&input, out);
        }
        no_grad(|| {
            let features = self
                .policy
                .forward(&self.params, &samples.tensors(self.params.device()));
            copy_out(&self.policy_head.forward(&self.params, &features), out);
        });
    }

    /// The task's values `[n]`.
    pub fn values(&self, samples: &Samples<'_>, out: &mut Vec<f32>) {
        if let Some((_, critic)) = &self.fused {
            let mut input = self.input.borrow_mut();
            critic.load(samples, &mut input);
            return critic.forward(&input, out);
        }
        no_grad(|| {
            let trunk = self.critic.as_ref().unwrap_or(&self.policy);
            let features = trunk.forward(&self.params, &samples.tensors(self.params.device()));
            copy_out(&self.value_head.forward(&self.params, &features), out);
        });
    }

    /// One step of Adam down a loss, after clipping the global norm of its gradient. `loss` gets logits `[n, actions]` and
    /// values `[n]` and fills the loss's gradients with respect to them. Returns the norm before clipping.
    ///
    /// # Errors
    /// What `loss` returns, in which case nothing is learned; [`AgentError::Nets`].
    pub fn learn(
        &mut self,
        samples: &Samples<'_>,
        learning_rate: f64,
        loss: impl FnOnce(&[f32], &[f32], &mut Grads, &mut Grads) -> Result<(), AgentError>,
    ) -> Result<f64, AgentError> {
        let (mut logits, mut values) = (Vec::new(), Vec::new());
        let (mut logits_grad, mut values_grad) = (Grads::new(), Grads::new());
        if let Some((policy, critic)) = &self.fused {
            let input = self.input.get_mut();
            // Both read the same component in the same way.
            policy.load(samples, input);
            policy.forward(input, &mut logits);
            critic.forward(input, &mut values);
            loss(&logits, &values, &mut logits_grad, &mut values_grad)?;
            policy.backward(&mut self.params, input, &logits_grad);
            critic.backward(&mut self.params, input, &values_grad);
        } else {
            let (logits_now, values_now) = self.forward(&samples.tensors(self.params.device()));
            copy_out(&logits_now, &mut logits);
            copy_out(&values_now, &mut values);
            loss(&logits, &values, &mut logits_grad, &mut values_grad)?;
            let sum = inner_product(&logits_now, &logits_grad) + inner_product(&values_now, &values_grad);
            self.params.backward(&sum)?;
        }
        let norm = self
            .optimiser
            .step(&mut self.params, learning_rate, self.max_grad_norm);
        self.refresh();
        Ok(norm)
    }

    /// Logits `[n, actions]` and values `[n]` with libtorch's graph.
    fn forward(&self, observations: &Observations) -> (Tensor, Tensor) {
        let features = self.policy.forward(&self.params, observations);
        let logits = self.policy_head.forward(&self.params, &features);
        let features = match &self.critic {
            Some(critic) => critic.forward(&self.params, observations),
            None => features,
        };
        (logits, self.value_head.forward(&self.params, &features).view(-1))
    }

    fn refresh(&self) {
        if let Some((policy, critic)) = &self.fused {
            policy.refresh(&self.params);
            critic.refresh(&self.params);
        }
    }

    /// Whether it runs without libtorch's graph.
    pub fn is_fused(&self) -> bool {
        self.fused.is_some()
    }

    /// The number of actions.
    pub fn n_actions(&self) -> usize {
        self.n_actions
    }

    /// Weights and moments; weights alone are named `policy.…` and `critic.…`.
    pub fn store(&self, into: &mut NamedTensors) {
        self.params.store("", into);
        self.optimiser.store("adam.", &self.params, into);
    }

    /// The reverse of [`Self::store`].
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the tensors are of another network.
    pub fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.params.restore("", stored)?;
        self.optimiser.restore("adam.", &self.params, stored)?;
        self.refresh();
        Ok(())
    }

    /// The weights as bytes, to compare runs by.
    pub fn weights(&self) -> Vec<u8> {
        self.params.to_bytes()
    }
}

/// A critic for one reward stream beside the task's: its own network and its own optimiser, so that the policy's and the
/// task critic's updates are those of a run without it.
#[derive(Debug)]
pub struct Critic {
    name: String,
    params: ParamSet,
    optimiser: Optimiser,
    trunk: Trunk,
    head: Linear,
    fused: Option<FusedNet>,
    input: RefCell<FusedInput>,
    max_grad_norm: Option<f64>,
}

impl Critic {
    /// Orthogonal weights from the stream `critic/<name>` of the run's seed.
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the encoder does not fit the observation.
    pub fn new(
        config: &PpoConfig,
        fields: &[Field],
        name: &str,
        seed: u64,
        device: Device,
    ) -> Result<Self, AgentError> {
        let mut builder = ParamBuilder::new();
        let rng = &mut Generator::named(seed, &format!("agent/critic/{name}"));
        let trunk = Trunk::new(&mut builder, &format!("stream.{name}"), config, fields, rng)?;
        let init = Init::Orthogonal { gain: 1.0 };
        let head = Linear::new(
            &mut builder,
            &format!("stream.{name}.head"),
            trunk.hidden.width(),
            1,
            init,
            rng,
        );
        let params = builder.build(device);
        Ok(Self {
            name: name.to_owned(),
            optimiser: adam(config, &params),
            fused: FusedNet::new(&params, &trunk, &head),
            input: RefCell::default(),
            params,
            trunk,
            head,
            max_grad_norm: clip(config),
        })
    }

    /// The stream's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Values `[n]`.
    pub fn values(&self, samples: &Samples<'_>, out: &mut Vec<f32>) {
        if let Some(fused) = &self.fused {
            let mut input = self.input.borrow_mut();
            fused.load(samples, &mut input);
            return fused.forward(&input, out);
        }
        no_grad(|| copy_out(&self.forward(&samples.tensors(self.params.device())), out));
    }

    fn forward(&self, observations: &Observations) -> Tensor {
        let features = self.trunk.forward(&self.params, observations);
        self.head.forward(&self.params, &features).view(-1)
    }

    /// One step of Adam; see [`ActorCritic::learn`].
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
            let values_now = self.forward(&samples.tensors(self.params.device()));
            copy_out(&values_now, &mut values);
            loss(&values, &mut grad)?;
            self.params.backward(&inner_product(&values_now, &grad))?;
        }
        let norm = self
            .optimiser
            .step(&mut self.params, learning_rate, self.max_grad_norm);
        self.refresh();
        Ok(norm)
    }

    fn refresh(&self) {
        if let Some(fused) = &self.fused {
            fused.refresh(&self.params);
        }
    }

    /// Weights and moments, named `stream.<name>.…`.
    pub fn store(&self, into: &mut NamedTensors) {
        self.params.store("", into);
        self.optimiser
            .store(&format!("adam.{}.", self.name), &self.params, into);
    }

    /// The reverse of [`Self::store`].
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the tensors are of another network.
    pub fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.params.restore("", stored)?;
        self.optimiser
            .restore(&format!("adam.{}.", self.name), &self.params, stored)?;
        self.refresh();
        Ok(())
    }
}

/// A scalar whose gradient at `output` is `grad`: how a gradient worked out by hand enters libtorch's backward pass.
fn inner_product(output: &Tensor, grad: &[f32]) -> Tensor {
    let grad = Tensor::from_slice(grad).to_device(output.device());
    output.reshape(-1).dot(&grad)
}

/// Copies a tensor of f32 into `out`, whatever its device.
fn copy_out(tensor: &Tensor, out: &mut Vec<f32>) {
    let n = tensor.numel();
    out.resize(n, 0.0);
    tensor
        .detach()
        .to_device(Device::Cpu)
        .to_kind(Kind::Float)
        .contiguous()
        .copy_data(out, n);
}
