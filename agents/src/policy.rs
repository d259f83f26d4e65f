//! The actor and its critics: networks, their optimisers, and how they are stored.

use std::sync::Arc;

use prospect_nets::{
    Activation, Encoder, EncoderConfig, Init, Linear, Mlp, MlpConfig, NamedTensors, Observations, Optimiser,
    OptimiserConfig, ParamBuilder, ParamSet,
    tch::{Device, Kind, Tensor, no_grad},
};
use prospect_sim::{Dtype, Field, random::Generator};

use crate::{
    config::{ActivationKind, EncoderKind, PpoConfig},
    error::AgentError,
};

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

/// The policy and the task's critic, which one optimiser trains, as CleanRL's `Agent`.
#[derive(Debug)]
pub struct ActorCritic {
    params: ParamSet,
    optimiser: Optimiser,
    policy: Trunk,
    policy_head: Linear,
    /// None if the critic shares the policy's layers.
    critic: Option<Trunk>,
    value_head: Linear,
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
        fields: &Arc<[Field]>,
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
        Ok(Self {
            optimiser: adam(config, &params),
            params,
            policy,
            policy_head,
            critic,
            value_head,
            n_actions,
            max_grad_norm: clip(config),
        })
    }

    /// Logits `[n, actions]`, for acting: no graph.
    pub fn logits(&self, observations: &Observations) -> Tensor {
        no_grad(|| {
            let features = self.policy.forward(&self.params, observations);
            self.policy_head.forward(&self.params, &features)
        })
    }

    /// The task's values `[n]`: no graph.
    pub fn values(&self, observations: &Observations) -> Tensor {
        no_grad(|| {
            let trunk = self.critic.as_ref().unwrap_or(&self.policy);
            let features = trunk.forward(&self.params, observations);
            self.value_head.forward(&self.params, &features).view(-1)
        })
    }

    /// Logits `[n, actions]` and values `[n]` with a graph, for learning.
    pub fn forward(&self, observations: &Observations) -> (Tensor, Tensor) {
        let features = self.policy.forward(&self.params, observations);
        let logits = self.policy_head.forward(&self.params, &features);
        let features = match &self.critic {
            Some(critic) => critic.forward(&self.params, observations),
            None => features,
        };
        (logits, self.value_head.forward(&self.params, &features).view(-1))
    }

    /// One step of Adam down the loss whose gradients at the outputs are given, after clipping their global norm. Returns
    /// the norm before.
    ///
    /// # Errors
    /// [`AgentError::Nets`].
    pub fn learn(
        &mut self,
        (logits, values): (&Tensor, &Tensor),
        (logits_grad, values_grad): (&[f32], &[f32]),
        learning_rate: f64,
    ) -> Result<f64, AgentError> {
        let loss = inner_product(logits, logits_grad) + inner_product(values, values_grad);
        self.params.backward(&loss)?;
        Ok(self
            .optimiser
            .step(&mut self.params, learning_rate, self.max_grad_norm))
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
    max_grad_norm: Option<f64>,
}

impl Critic {
    /// Orthogonal weights from the stream `critic/<name>` of the run's seed.
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the encoder does not fit the observation.
    pub fn new(
        config: &PpoConfig,
        fields: &Arc<[Field]>,
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

    /// Values `[n]`: no graph.
    pub fn values(&self, observations: &Observations) -> Tensor {
        no_grad(|| self.forward(observations))
    }

    /// Values `[n]` with a graph, for learning.
    pub fn forward(&self, observations: &Observations) -> Tensor {
        let features = self.trunk.forward(&self.params, observations);
        self.head.forward(&self.params, &features).view(-1)
    }

    /// One step of Adam; see [`ActorCritic::learn`].
    ///
    /// # Errors
    /// [`AgentError::Nets`].
    pub fn learn(
        &mut self,
        values: &Tensor,
        values_grad: &[f32],
        learning_rate: f64,
    ) -> Result<f64, AgentError> {
        self.params.backward(&inner_product(values, values_grad))?;
        Ok(self
            .optimiser
            .step(&mut self.params, learning_rate, self.max_grad_norm))
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
        Ok(())
    }
}

/// A scalar whose gradient at `output` is `grad`: how a gradient worked out by hand enters libtorch's backward pass.
fn inner_product(output: &Tensor, grad: &[f32]) -> Tensor {
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
