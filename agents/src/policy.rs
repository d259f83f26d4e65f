//! PPO's actor and its critics, and how they are stored.

use std::cell::RefCell;

use prospect_nets::{
    Cell, FusedInput, Init, Linear, NamedTensors, Observations, Optimiser, ParamBuilder, ParamId, ParamSet,
    tch::{Device, Tensor, no_grad},
};
use prospect_sim::{Field, random::Generator};

use crate::{
    config::PpoConfig,
    distribution::Distribution,
    error::AgentError,
    export::NetworkDescription,
    loss::PolicyGrad,
    memory,
    network::{FusedNet, Grads, Network, Trunk, adam, clip, copy_out, inner_product},
    recurrent::Sequences,
    samples::Samples,
};

/// Encoder, hidden layers and memory below the policy's or the critic's head.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) trunk: Trunk,
    pub(crate) memory: Option<Cell>,
}

impl Branch {
    fn new(
        params: &mut ParamBuilder,
        name: &str,
        config: &PpoConfig,
        fields: &[Field],
        rng: &mut Generator,
    ) -> Result<Self, AgentError> {
        let trunk = Trunk::new(params, name, &config.network(), fields, rng)?;
        let inputs = trunk.hidden.width();
        let memory = memory::cell(config, params, &format!("{name}.memory"), inputs, rng);
        Ok(Self { trunk, memory })
    }

    /// Features that a head reads.
    fn width(&self) -> usize {
        self.memory.map_or(self.trunk.hidden.width(), |cell| cell.width())
    }
}

/// The observations a loss is taken over.
#[derive(Clone, Copy)]
pub enum Minibatch<'a> {
    /// Single steps.
    Steps(Samples<'a>),
    /// Whole sequences, for networks with memory.
    Sequences(Sequences<'a>),
}

/// What the networks say of a minibatch of `n` samples.
#[derive(Debug, Clone, Copy)]
pub struct Heads<'a> {
    /// The policy's outputs, `[n, outputs]`.
    pub outputs: &'a [f32],
    /// Its log standard deviations, if it has any.
    pub log_std: &'a [f32],
    /// The task's values, `[n]`.
    pub values: &'a [f32],
}

/// A loss's gradient at [`Heads`].
#[derive(Debug, Default)]
pub struct HeadGrads {
    /// At outputs and log standard deviations.
    pub policy: PolicyGrad,
    /// At the values, `[n]`.
    pub values: Grads,
}

/// The policy and the task's critic, which one optimiser trains, as CleanRL's `Agent`.
///
/// Fully connected networks on the CPU run without libtorch's graph; with a shared trunk, a memory, convolutions or another
/// device they run through it.
#[derive(Debug)]
pub struct ActorCritic {
    pub(crate) params: ParamSet,
    optimiser: Optimiser,
    pub(crate) policy: Branch,
    pub(crate) policy_head: Linear,
    /// None if the critic shares the policy's layers.
    pub(crate) critic: Option<Branch>,
    pub(crate) value_head: Linear,
    /// Log standard deviations that do not depend on the state (detail 2 of the nine for continuous actions in Huang et
    /// al. 2022).
    log_std: Option<ParamId>,
    /// Policy and critic without libtorch; none if they need it.
    fused: Option<(FusedNet, FusedNet)>,
    input: RefCell<FusedInput>,
    max_grad_norm: Option<f64>,
    /// Steps that a gradient goes back in time; 0 for all.
    pub(crate) sequence_steps: usize,
}

/// Policy and critic without libtorch's graph; none if they need it.
fn fuse(
    params: &ParamSet,
    (policy, policy_head): (&Branch, &Linear),
    (critic, value_head): (&Branch, &Linear),
) -> Option<(FusedNet, FusedNet)> {
    if critic.memory.is_some() {
        return None;
    }
    let policy = FusedNet::new(params, &policy.trunk, policy_head)?;
    Some((policy, FusedNet::new(params, &critic.trunk, value_head)?))
}

impl ActorCritic {
    /// Orthogonal weights from the streams `policy` and `critic` of the run's seed.
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the encoder does not fit the observation.
    pub fn new(
        config: &PpoConfig,
        fields: &[Field],
        distribution: &Distribution,
        seed: u64,
        device: Device,
    ) -> Result<Self, AgentError> {
        let settings = &config.network();
        let mut builder = ParamBuilder::new();
        let rng = &mut Generator::named(seed, "agent/policy");
        let policy = Branch::new(&mut builder, "policy", config, fields, rng)?;
        let (width, outputs) = (policy.width(), distribution.outputs());
        let init = Init::Orthogonal { gain: 0.01 };
        let policy_head = Linear::new(&mut builder, "policy.head", width, outputs, init, rng);
        let deviations = distribution.deviations();
        let log_std = (deviations > 0).then(|| {
            let first = vec![config.log_std_init as f32; deviations];
            builder.add("policy.log_std", &[deviations as i64], &first)
        });
        let rng = &mut Generator::named(seed, "agent/critic");
        let branch = || Branch::new(&mut builder, "critic", config, fields, rng);
        let critic = (!config.shared_trunk).then(branch).transpose()?;
        let width = critic.as_ref().unwrap_or(&policy).width();
        let init = Init::Orthogonal { gain: 1.0 };
        let value_head = Linear::new(&mut builder, "critic.head", width, 1, init, rng);
        let params = builder.build(device);
        let critic_layers = critic.as_ref().map(|critic| (critic, &value_head));
        Ok(Self {
            optimiser: adam(settings, &params),
            fused: critic_layers.and_then(|critic| fuse(&params, (&policy, &policy_head), critic)),
            params,
            policy,
            policy_head,
            critic,
            value_head,
            log_std,
            input: RefCell::default(),
            max_grad_norm: clip(settings),
            sequence_steps: config.sequence_steps,
        })
    }

    /// The policy's outputs `[n, outputs]`, for acting without memory.
    pub fn outputs(&self, samples: &Samples<'_>, out: &mut Vec<f32>) {
        if let Some((policy, _)) = &self.fused {
            let mut input = self.input.borrow_mut();
            policy.load(samples, &mut input);
            return policy.forward(&input, out);
        }
        no_grad(|| {
            let observations = samples.tensors(self.params.device());
            let features = self.policy.trunk.forward(&self.params, &observations);
            copy_out(&self.policy_head.forward(&self.params, &features), out);
        });
    }

    /// The policy's log standard deviations; none for choices.
    pub fn log_std(&self, out: &mut Vec<f32>) {
        match self.log_std {
            Some(id) => copy_out(self.params.get(id), out),
            None => out.clear(),
        }
    }

    /// The task's values `[n]`, without memory.
    pub fn values(&self, samples: &Samples<'_>, out: &mut Vec<f32>) {
        if let Some((_, critic)) = &self.fused {
            let mut input = self.input.borrow_mut();
            critic.load(samples, &mut input);
            return critic.forward(&input, out);
        }
        no_grad(|| {
            let branch = self.critic.as_ref().unwrap_or(&self.policy);
            let observations = samples.tensors(self.params.device());
            let features = branch.trunk.forward(&self.params, &observations);
            copy_out(&self.value_head.forward(&self.params, &features), out);
        });
    }

    /// Takes the gradient of a loss, which fills its gradients with respect to what the networks say of `minibatch`;
    /// [`Self::step`] follows.
    ///
    /// # Errors
    /// What `loss` returns; [`AgentError::Nets`].
    pub fn gradient(
        &mut self,
        minibatch: &Minibatch<'_>,
        loss: impl FnOnce(&Heads<'_>, &mut HeadGrads) -> Result<(), AgentError>,
    ) -> Result<(), AgentError> {
        let (mut outputs, mut values, mut log_std) = (Vec::new(), Vec::new(), Vec::new());
        self.log_std(&mut log_std);
        let mut grads = HeadGrads::default();
        if let (Some((policy, critic)), Minibatch::Steps(samples)) = (&self.fused, minibatch) {
            let input = self.input.get_mut();
            // Both read the same component in the same way.
            policy.load(samples, input);
            policy.forward(input, &mut outputs);
            critic.forward(input, &mut values);
            let heads = Heads {
                outputs: &outputs,
                log_std: &log_std,
                values: &values,
            };
            loss(&heads, &mut grads)?;
            policy.backward(&mut self.params, input, &grads.policy.outputs);
            critic.backward(&mut self.params, input, &grads.values);
        } else {
            let (outputs_now, values_now) = match minibatch {
                Minibatch::Steps(samples) => self.forward(&samples.tensors(self.params.device())),
                Minibatch::Sequences(sequences) => self.forward_sequences(sequences),
            };
            copy_out(&outputs_now, &mut outputs);
            copy_out(&values_now, &mut values);
            let heads = Heads {
                outputs: &outputs,
                log_std: &log_std,
                values: &values,
            };
            loss(&heads, &mut grads)?;
            let sum = inner_product(&outputs_now, &grads.policy.outputs)
                + inner_product(&values_now, &grads.values);
            self.params.backward(&sum)?;
        }
        if let Some(id) = self.log_std {
            self.params.set_grad(id, &grads.policy.log_std);
        }
        Ok(())
    }

    /// Adds the gradient of another loss to the present one.
    ///
    /// # Errors
    /// As [`Self::gradient`].
    pub fn add_gradient(
        &mut self,
        minibatch: &Minibatch<'_>,
        loss: impl FnOnce(&Heads<'_>, &mut HeadGrads) -> Result<(), AgentError>,
    ) -> Result<(), AgentError> {
        let before = self.params.grad_copy();
        self.gradient(minibatch, loss)?;
        self.params.add_to_grad(&before);
        Ok(())
    }

    /// One step of Adam down the gradient, after clipping its global norm. Returns the norm before clipping.
    pub fn step(&mut self, learning_rate: f64) -> f64 {
        let norm = self
            .optimiser
            .step(&mut self.params, learning_rate, self.max_grad_norm);
        self.refresh();
        norm
    }

    /// Forgets what the optimiser has seen, as after training on another loss.
    pub fn reset_optimiser(&mut self) {
        self.optimiser = Optimiser::new(self.optimiser.config(), &self.params);
    }

    /// Outputs `[n, outputs]` and values `[n]` with libtorch's graph.
    fn forward(&self, observations: &Observations) -> (Tensor, Tensor) {
        let features = self.policy.trunk.forward(&self.params, observations);
        let outputs = self.policy_head.forward(&self.params, &features);
        let features = match &self.critic {
            Some(critic) => critic.trunk.forward(&self.params, observations),
            None => features,
        };
        (outputs, self.value_head.forward(&self.params, &features).view(-1))
    }

    fn refresh(&self) {
        if let Some((policy, critic)) = &self.fused {
            policy.refresh(&self.params);
            critic.refresh(&self.params);
        }
    }

    /// What the policy does, for an export.
    pub fn describe(&self, fields: &[Field]) -> NetworkDescription {
        NetworkDescription {
            memory: self
                .policy
                .memory
                .map(|cell| memory::describe(&cell, "policy.memory")),
            ..self.policy.trunk.describe("policy", fields)
        }
    }

    /// Whether it runs without libtorch's graph.
    pub fn is_fused(&self) -> bool {
        self.fused.is_some()
    }

    /// Whether it has a memory.
    pub fn is_recurrent(&self) -> bool {
        self.policy.memory.is_some()
    }

    /// Weights and moments; weights alone are named `policy.…` and `critic.…`.
    pub fn store(&self, into: &mut NamedTensors) {
        self.store_weights(into);
        self.optimiser.store("adam.", &self.params, into);
    }

    /// The weights alone.
    pub fn store_weights(&self, into: &mut NamedTensors) {
        self.params.store("", into);
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
}

/// A critic for one reward stream beside the task's: its own network and its own optimiser, so that the policy's and the
/// task critic's updates are those of a run without it.
#[derive(Debug)]
pub struct Critic {
    name: String,
    network: Network,
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
        let rng = &mut Generator::named(seed, &format!("agent/critic/{name}"));
        let head = (1, Init::Orthogonal { gain: 1.0 });
        let network = Network::new(
            &config.network(),
            fields,
            &format!("stream.{name}"),
            head,
            rng,
            device,
        )?;
        Ok(Self {
            name: name.to_owned(),
            network,
        })
    }

    /// The stream's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Values `[n]`.
    pub fn values(&self, samples: &Samples<'_>, out: &mut Vec<f32>) {
        self.network.forward(samples, out);
    }

    /// One step of Adam; see [`Network::learn`].
    ///
    /// # Errors
    /// What `loss` returns, in which case nothing is learned; [`AgentError::Nets`].
    pub fn learn(
        &mut self,
        samples: &Samples<'_>,
        learning_rate: f64,
        loss: impl FnOnce(&[f32], &mut Grads) -> Result<(), AgentError>,
    ) -> Result<f64, AgentError> {
        self.network.learn(samples, learning_rate, loss)
    }

    /// Weights and moments, named `stream.<name>.…`.
    pub fn store(&self, into: &mut NamedTensors) {
        self.network.store(&format!("adam.{}.", self.name), into);
    }

    /// The reverse of [`Self::store`].
    ///
    /// # Errors
    /// [`AgentError::Nets`] if the tensors are of another network.
    pub fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.network.restore(&format!("adam.{}.", self.name), stored)
    }
}
