//! Whole updates of PPO's policy and critic against PyTorch's (`scripts/record_ppo_updates.py`): losses, the imitation loss
//! beside them, the clipped gradient's norm, and the networks after two steps of Adam; with and without memory.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use prospect_agents::{
    AgentError, PpoConfig,
    config::{ActivationKind, MemoryKind},
    distribution::Distribution,
    loss::{self, LossConfig, PolicySamples, PolicyStats},
    memory::MemoryState,
    policy::{ActorCritic, HeadGrads, Heads, Minibatch},
    recurrent::Sequences,
    samples::Samples,
};
use prospect_nets::{Device, NamedTensors, TensorBatch};
use prospect_sim::{ActionSpace, Actions, Buffer, Dtype, Field, Rollout, RowLayout};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    torch: String,
    inputs: usize,
    hidden: usize,
    memory_size: usize,
    config: Config,
    sequences: Recorded,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Config {
    clip_coef: f64,
    ent_coef: f64,
    vf_coef: f64,
    bc_coef: f64,
    lr: f64,
    adam_eps: f64,
    max_grad_norm: f64,
}

/// The rollout that sequences are taken from.
#[derive(Deserialize)]
struct Recorded {
    steps: usize,
    actors: usize,
    chosen: Vec<i64>,
    ends: Vec<(usize, usize)>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    memory: MemoryKind,
    /// Options of the one choice; reals have bounds instead.
    actions: Option<usize>,
    #[serde(default)]
    low: Vec<f32>,
    #[serde(default)]
    high: Vec<f32>,
    #[serde(default)]
    squash: bool,
    #[serde(default)]
    shared_trunk: bool,
    first: BTreeMap<String, Vec<f32>>,
    batch: Batch,
    losses: Vec<BTreeMap<String, f64>>,
    last: BTreeMap<String, Vec<f32>>,
}

#[derive(Deserialize)]
struct Batch {
    observation: Vec<f32>,
    #[serde(default)]
    index: Vec<i64>,
    #[serde(default)]
    start_policy: Vec<f32>,
    #[serde(default)]
    start_critic: Vec<f32>,
    action: Vec<f32>,
    mask: Option<Vec<bool>>,
    old_logprob: Vec<f32>,
    old_value: Vec<f32>,
    advantage: Vec<f32>,
    returns: Vec<f32>,
    #[serde(default)]
    demonstrated: Vec<f32>,
    #[serde(default)]
    demonstrated_action: Vec<f32>,
}

/// Actions as a distribution reads them.
struct Taken {
    choices: Vec<i32>,
    reals: Vec<f32>,
}

impl Taken {
    fn new(case: &Case, recorded: &[f32]) -> Self {
        let (choices, reals) = match case.actions {
            Some(_) => (recorded.iter().map(|&a| a as i32).collect(), vec![]),
            None => (vec![], recorded.to_vec()),
        };
        Self { choices, reals }
    }

    fn actions(&self) -> Actions<'_> {
        if self.reals.is_empty() {
            Actions::Discrete(&self.choices)
        } else {
            Actions::Continuous(&self.reals)
        }
    }
}

impl Case {
    fn distribution(&self) -> Distribution {
        match self.actions {
            Some(n) => Distribution::Choices { nvec: vec![n] },
            None => Distribution::Reals {
                low: self.low.clone(),
                high: self.high.clone(),
                squash: self.squash,
            },
        }
    }

    /// The networks with the recorded weights.
    fn networks(&self, golden: &Golden) -> ActorCritic {
        let config = PpoConfig {
            hidden: vec![golden.hidden],
            activation: ActivationKind::Tanh,
            adam_eps: golden.config.adam_eps,
            max_grad_norm: golden.config.max_grad_norm,
            shared_trunk: self.shared_trunk,
            memory: self.memory,
            memory_size: golden.memory_size,
            ..PpoConfig::default()
        };
        let fields = [field(golden)];
        let mut networks = ActorCritic::new(&config, &fields, &self.distribution(), 0, Device::Cpu).unwrap();
        let (mut own, mut first) = (NamedTensors::new(), NamedTensors::new());
        networks.store(&mut own);
        let mut taken = 0;
        for tensor in own.iter() {
            let values = self.first.get(&tensor.name);
            taken += usize::from(values.is_some());
            first.push(
                &tensor.name,
                &tensor.shape,
                values.unwrap_or(&tensor.values).clone(),
            );
        }
        assert_eq!(taken, self.first.len(), "{}", self.name);
        first.set_text("adam.steps", 0);
        networks.restore(&first).unwrap();
        networks
    }

    /// One step of the networks; what was lost.
    fn step(
        &self,
        golden: &Golden,
        networks: &mut ActorCritic,
        minibatch: &Minibatch<'_>,
    ) -> BTreeMap<String, f64> {
        let (batch, config) = (&self.batch, &golden.config);
        let (taken, distribution) = (Taken::new(self, &batch.action), self.distribution());
        let settings = LossConfig {
            clip_coef: config.clip_coef,
            clip_vloss: true,
            ent_coef: config.ent_coef,
            vf_coef: config.vf_coef,
        };
        let (mut stats, mut value_loss) = (PolicyStats::default(), 0.0);
        let all = |heads: &Heads<'_>, grads: &mut HeadGrads| -> Result<(), AgentError> {
            let samples = PolicySamples {
                outputs: heads.outputs,
                log_std: heads.log_std,
                mask: batch.mask.as_deref(),
                actions: taken.actions(),
                logprob: &batch.old_logprob,
                advantage: &batch.advantage,
            };
            stats = loss::policy_loss(&distribution, &samples, &settings, &mut grads.policy);
            grads.values.resize(heads.values.len(), 0.0);
            let (old, returns) = (&batch.old_value, &batch.returns);
            value_loss = loss::value_loss(heads.values, old, returns, &settings, &mut grads.values);
            Ok(())
        };
        networks.gradient(minibatch, all).unwrap();
        let mut losses = BTreeMap::from([
            ("policy_loss".to_owned(), stats.mean(stats.policy_loss)),
            ("entropy".to_owned(), stats.mean(stats.entropy)),
            ("value_loss".to_owned(), stats.mean(value_loss)),
        ]);
        if !batch.demonstrated.is_empty() {
            losses.insert("bc_loss".to_owned(), self.imitate(golden, networks));
        }
        losses.insert("grad_norm".to_owned(), networks.step(config.lr));
        losses
    }

    /// Adds the gradient of the imitation loss.
    fn imitate(&self, golden: &Golden, networks: &mut ActorCritic) -> f64 {
        let taken = Taken::new(self, &self.batch.demonstrated_action);
        let (distribution, coef) = (self.distribution(), golden.config.bc_coef);
        let seen = Minibatch::Steps(Samples::matrix(&self.batch.demonstrated, golden.inputs));
        let mut loss = 0.0;
        let imitate = |heads: &Heads<'_>, grads: &mut HeadGrads| {
            let (outputs, log_std) = (heads.outputs, heads.log_std);
            let actions = taken.actions();
            loss = loss::imitation_loss(&distribution, outputs, log_std, actions, coef, &mut grads.policy);
            grads.values.resize(heads.values.len(), 0.0);
            Ok(())
        };
        networks.add_gradient(&seen, imitate).unwrap();
        loss
    }

    fn compare(&self, golden: &Golden) {
        let mut networks = self.networks(golden);
        let rollout = rollout(golden, &self.batch.observation);
        let tensors = TensorBatch::new(&rollout, Device::Cpu);
        let start = MemoryState {
            policy: self.batch.start_policy.clone(),
            critic: self.batch.start_critic.clone(),
        };
        let minibatch = if self.memory == MemoryKind::None {
            Minibatch::Steps(Samples::matrix(&self.batch.observation, golden.inputs))
        } else {
            Minibatch::Sequences(Sequences {
                batch: &tensors,
                actors: &golden.sequences.chosen,
                index: &self.batch.index,
                start: &start,
            })
        };
        for (number, recorded) in self.losses.iter().enumerate() {
            let ours = self.step(golden, &mut networks, &minibatch);
            assert_eq!(ours.len(), recorded.len());
            for (name, theirs) in recorded {
                let what = format!("{}, step {number}: {name}", self.name);
                close(ours[name], *theirs, &what);
            }
        }
        let mut stored = NamedTensors::new();
        networks.store_weights(&mut stored);
        for (name, theirs) in &self.last {
            let what = format!("{}: {name}", self.name);
            assert_ne!(theirs, &self.first[name], "{what} was to be moved");
            let ours = &stored.get(name).unwrap().values;
            assert_eq!(ours.len(), theirs.len());
            let pairs = ours.iter().zip(theirs);
            pairs.for_each(|(a, b)| close(f64::from(*a), f64::from(*b), &what));
        }
    }
}

fn close(ours: f64, theirs: f64, what: &str) {
    assert!(
        (ours - theirs).abs() < 1e-5 * theirs.abs().max(1.0),
        "{what}: {ours}, PyTorch {theirs}"
    );
}

fn field(golden: &Golden) -> Field {
    Field::new("x", Dtype::F32, &[golden.inputs], -9.0, 9.0)
}

/// `observation` as the steps of a rollout in which some episodes end; nothing where there are fewer.
fn rollout(golden: &Golden, observation: &[f32]) -> Rollout {
    let recorded = &golden.sequences;
    let layout = RowLayout {
        n_envs: recorded.actors,
        agents_per_env: 1,
        observation: vec![field(golden)],
        state_facts: vec![],
        event_facts: vec![],
        actions: ActionSpace::Discrete { n: 3 },
    };
    let mut rollout = Rollout::new(&layout, recorded.steps);
    let columns = rollout.columns_mut();
    if let Buffer::F32(x) = &mut columns.observation[0] {
        x[..observation.len()].copy_from_slice(observation);
    }
    for &(t, actor) in &recorded.ends {
        // Either end clears a memory.
        let at = t * recorded.actors + actor;
        columns.terminated[at] = t % 2 == 0;
        columns.truncated[at] = t % 2 == 1;
    }
    rollout
}

#[test]
fn updates_are_those_of_pytorch() {
    let golden: Golden =
        serde_json::from_str(include_str!("../../tests/golden/ppo/updates_torch_2_11_0.json")).unwrap();
    let names: Vec<&str> = golden.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(
        names,
        ["choices", "one trunk", "reals", "squashed", "gru", "lstm"]
    );
    assert_eq!(golden.torch, "2.11.0");
    golden.cases.iter().for_each(|case| case.compare(&golden));
}
