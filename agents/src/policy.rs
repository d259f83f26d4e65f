//! PPO's actor and its critics, and how they are stored.

use std::cell::RefCell;

use prospect_nets::{
    FusedInput, Init, Linear, NamedTensors, Observations, Optimiser, ParamBuilder, ParamSet,
    tch::{Device, Tensor, no_grad},
};
use prospect_sim::{Field, random::Generator};

use crate::{
    config::PpoConfig,
    error::AgentError,
    export::NetworkDescription,
    network::{FusedNet, Grads, Network, Trunk, adam, clip, copy_out, inner_product},
    samples::Samples,
};

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
        let settings = &config.network();
        let mut builder = ParamBuilder::new();
        let rng = &mut Generator::named(seed, "agent/policy");
        let policy = Trunk::new(&mut builder, "policy", settings, fields, rng)?;
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
            Some(Trunk::new(&mut builder, "critic", settings, fields, rng)?)
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
            optimiser: adam(settings, &params),
            params,
            policy,
            policy_head,
            critic,
            value_head,
            fused,
            input: RefCell::default(),
            n_actions,
            max_grad_norm: clip(settings),
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

    /// What the policy does, for an export.
    pub fn describe(&self, fields: &[Field]) -> NetworkDescription {
        self.policy.describe("policy", fields)
    }

    /// The policy's and the critic's weights, by name.
    pub fn named(&self) -> NamedTensors {
        let mut named = NamedTensors::new();
        self.params.store("", &mut named);
        named
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
