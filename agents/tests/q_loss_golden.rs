//! Updates of the DQN family and PQN against PyTorch's (`scripts/record_q_losses.py`): targets, losses, gradients at the
//! outputs, and the network after two steps of the optimiser.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use prospect_agents::{
    config::{ActivationKind, EncoderKind, InitKind, NetworkSettings},
    loss::q::{QHead, QSamples, ReturnModel},
    network::{Network, NetworkParts},
    replay::n_step_returns,
    samples::Samples,
};
use prospect_nets::{Device, Init, NamedTensors, OptimiserConfig, heads::greedy};
use prospect_sim::{ActionSpace, Buffer, Dtype, Field, Rollout, RowLayout, random::Generator};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    torch: String,
    inputs: usize,
    hidden: Vec<usize>,
    batch: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    model: String,
    huber: bool,
    atoms: usize,
    v_min: f64,
    v_max: f64,
    kappa: f32,
    double: bool,
    dueling: bool,
    n_step: usize,
    noise: Option<u64>,
    layer_norm: bool,
    optimiser: String,
    max_grad_norm: f64,
    gamma: f64,
    lr: f64,
    actions: usize,
    online: BTreeMap<String, Vec<f32>>,
    target: BTreeMap<String, Vec<f32>>,
    states: Vec<f32>,
    after: Vec<f32>,
    action: Vec<i32>,
    weight: Vec<f32>,
    rewards: Vec<f32>,
    alive: Vec<bool>,
    terminated: Vec<bool>,
    truncated: Vec<bool>,
    steps: Vec<Step>,
    learned: BTreeMap<String, Vec<f32>>,
}

#[derive(Deserialize)]
struct Step {
    outputs: Vec<f32>,
    target: Vec<f32>,
    loss: f64,
    surprise: Vec<f32>,
    outputs_grad: Vec<f32>,
    grad_norm: f64,
}

/// Equal to 1e-5 of the largest value.
fn close(ours: &[f32], theirs: &[f32], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let size = theirs.iter().fold(0.0_f32, |size, x| size.max(x.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= 1e-5 * size, "{what} {i}: {a}, PyTorch {b}");
    }
}

impl Case {
    fn head(&self) -> QHead {
        QHead {
            actions: self.actions,
            dueling: self.dueling,
            returns: match self.model.as_str() {
                "expected" => ReturnModel::Expected { huber: self.huber },
                "categorical" => ReturnModel::categorical(self.atoms, self.v_min, self.v_max),
                _ => ReturnModel::Quantile {
                    n: self.atoms,
                    kappa: self.kappa,
                },
            },
        }
    }

    fn network(&self, golden: &Golden) -> Network {
        let settings = NetworkSettings {
            encoder: EncoderKind::Flat,
            hidden: golden.hidden.clone(),
            activation: ActivationKind::Relu,
            init: InitKind::Torch,
            adam_eps: 0.1,
            max_grad_norm: self.max_grad_norm,
        };
        let parts = NetworkParts {
            layer_norm: self.layer_norm,
            noise: self.noise.map(|_| 0.5),
            optimiser: (self.optimiser == "radam").then_some(OptimiserConfig::RAdam {
                beta1: 0.9,
                beta2: 0.999,
                eps: 0.1,
            }),
        };
        let fields = [Field::new("x", Dtype::F32, &[golden.inputs], -9.0, 9.0)];
        let outputs = (self.head().outputs(), Init::KaimingUniform);
        let rng = &mut Generator::named(0, "golden");
        Network::with_parts(&settings, parts, &fields, "q", outputs, rng, Device::Cpu).unwrap()
    }

    /// The windows as a sample of a replay is: states in row 0, states after the windows in row n.
    fn rollout(&self, golden: &Golden) -> Rollout {
        let layout = RowLayout {
            n_envs: golden.batch,
            agents_per_env: 1,
            observation: vec![Field::new("x", Dtype::F32, &[golden.inputs], -9.0, 9.0)],
            state_facts: vec![],
            event_facts: vec![],
            actions: ActionSpace::Discrete { n: self.actions },
        };
        let mut rollout = Rollout::new(&layout, self.n_step);
        let columns = rollout.columns_mut();
        let Buffer::F32(x) = &mut columns.observation[0] else {
            panic!("observations are real")
        };
        x[..self.states.len()].copy_from_slice(&self.states);
        let last = self.n_step * self.states.len();
        x[last..].copy_from_slice(&self.after);
        columns.terminated.copy_from_slice(&self.terminated);
        columns.truncated.copy_from_slice(&self.truncated);
        columns.alive.copy_from_slice(&self.alive);
        rollout
    }
}

/// The network's own tensors with other values.
fn filled(network: &Network, values: &BTreeMap<String, Vec<f32>>) -> NamedTensors {
    let mut own = NamedTensors::new();
    network.learned().store("", &mut own);
    let mut filled = NamedTensors::new();
    for tensor in own.iter() {
        let values = values.get(&tensor.name).unwrap();
        filled.push(tensor.name.clone(), &tensor.shape, values.clone());
    }
    assert_eq!(own.iter().count(), values.len());
    filled
}

fn replay(golden: &Golden, case: &Case) {
    let (head, rollout) = (case.head(), case.rollout(golden));
    let mut online = case.network(golden);
    let mut target = online.twin();
    online
        .restore_learned("", &filled(&online, &case.online))
        .unwrap();
    target
        .restore_learned("", &filled(&target, &case.target))
        .unwrap();
    let mut noise = case.noise.map(Generator::default_rng);
    let (mut returns, mut discounts) = (vec![0.0; golden.batch], vec![0.0; golden.batch]);
    n_step_returns(&rollout, &case.rewards, case.gamma, &mut returns, &mut discounts);
    let after = Samples::row(&rollout, case.n_step);
    for (number, step) in case.steps.iter().enumerate() {
        let what = |part: &str| format!("{}, step {number}: {part}", case.name);
        if let Some(rng) = &mut noise {
            online.draw_noise(rng);
            target.draw_noise(rng);
        }
        let atoms = |network: &Network| {
            let (mut outputs, mut atoms) = (Vec::new(), Vec::new());
            network.forward(&after, &mut outputs);
            head.atoms(&outputs, &mut atoms);
            atoms
        };
        let next_atoms = atoms(&target);
        let chooser = if case.double {
            atoms(&online)
        } else {
            next_atoms.clone()
        };
        let (mut values, mut best) = (Vec::new(), vec![0; golden.batch]);
        head.values(&chooser, &mut values);
        greedy(&values, case.actions, &mut best);
        let mut wanted = Vec::new();
        head.targets(&next_atoms, &best, (&returns, &discounts), &mut wanted);
        close(&wanted, &step.target, &what("target"));
        let norm = online.learn(&Samples::row(&rollout, 0), case.lr, |outputs, gradient| {
            close(outputs, &step.outputs, &what("outputs"));
            let (mut atoms, mut surprise) = (Vec::new(), Vec::new());
            head.atoms(outputs, &mut atoms);
            let samples = QSamples {
                action: &case.action,
                target: &wanted,
                weight: &case.weight,
            };
            let stats = head.loss(&atoms, &samples, gradient, &mut surprise);
            let loss = stats.td_loss / golden.batch as f64;
            close(&[loss as f32], &[step.loss as f32], &what("loss"));
            close(&surprise, &step.surprise, &what("surprise"));
            close(gradient, &step.outputs_grad, &what("gradient at the outputs"));
            Ok(())
        });
        close(
            &[norm.unwrap() as f32],
            &[step.grad_norm as f32],
            &what("gradient's norm"),
        );
    }
    let mut learned = NamedTensors::new();
    online.learned().store("", &mut learned);
    for tensor in learned.iter() {
        let what = format!("{}: {}", case.name, tensor.name);
        close(&tensor.values, &case.learned[&tensor.name], &what);
        assert_ne!(tensor.values, case.online[&tensor.name], "{what} was not learned");
    }
}

#[test]
fn updates_are_those_of_pytorch() {
    let golden: Golden = serde_json::from_str(include_str!("golden/q_losses.json")).unwrap();
    assert_eq!((golden.torch.as_str(), golden.cases.len()), ("2.11.0", 11));
    golden.cases.iter().for_each(|case| replay(&golden, case));
}
