//! Helpers of the tests that repeat whole updates recorded from PyTorch (`scripts/record_continuous_golden.py`).

use std::{collections::BTreeMap, sync::Arc};

use prospect_nets::{Device, NamedTensors};
use prospect_shaping::{ExtrinsicConfig, ModuleRegistry, RewardStack, StackInit};
use prospect_sim::{ActionSpace, Dtype, Env, EnvRows, EnvSpec, Field, RowLayout, ShardBuilder, SimError};
use serde::Deserialize;

use super::Minibatch;
use crate::learner::LearnerInit;

#[derive(Deserialize)]
pub(crate) struct Golden {
    pub(crate) sac: Case,
    pub(crate) td3: Case,
}

/// Some updates: what they began with, the losses of each, and what they left.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) hidden: Vec<usize>,
    pub(crate) tau: f64,
    pub(crate) learning_rate: f64,
    #[serde(default)]
    pub(crate) alpha: f64,
    #[serde(default)]
    pub(crate) policy_noise: f64,
    #[serde(default)]
    pub(crate) noise_clip: f64,
    #[serde(default)]
    pub(crate) policy_frequency: u64,
    batch: BTreeMap<String, Vec<f32>>,
    first: BTreeMap<String, Vec<f32>>,
    losses: Vec<BTreeMap<String, f64>>,
    last: BTreeMap<String, Vec<f32>>,
}

impl Golden {
    pub(crate) fn read() -> Self {
        let text = include_str!("../../../tests/golden/continuous/torch_2_11_0.json");
        serde_json::from_str(text).unwrap()
    }
}

/// An env that cannot be built: a learner asks for no more than its description.
struct Described(EnvSpec);

impl Env for Described {
    fn spec(&self) -> &EnvSpec {
        &self.0
    }

    fn build(&self, _: &mut ShardBuilder<'_>) -> Result<Box<dyn EnvRows>, SimError> {
        Err(SimError::Config {
            key: "env",
            value: self.0.id.clone(),
            remedy: "use a real one".to_owned(),
        })
    }
}

fn spec() -> EnvSpec {
    EnvSpec {
        id: "Described-v0".to_owned(),
        family: "Described".to_owned(),
        doc: String::new(),
        observation: vec![Field::new("observation", Dtype::F32, &[3], -9.0, 9.0)],
        actions: ActionSpace::Continuous {
            low: vec![-1.0; 2],
            high: vec![1.0; 2],
        },
        action_names: vec![],
        max_steps: None,
        reward_range: (0.0, 1.0),
        agents_per_env: 1,
        facts: vec![],
    }
}

impl Case {
    /// A learner for three observed numbers and two actions.
    pub(crate) fn learner<L>(&self, make: impl FnOnce(&LearnerInit<'_>) -> L) -> L {
        let spec = spec();
        let init = StackInit {
            spec: &spec,
            actors: 1,
            seed: self.seed,
            device: Device::Cpu,
        };
        let (registry, extrinsic) = (ModuleRegistry::with_builtin(), ExtrinsicConfig::default());
        let stack = RewardStack::new(vec![], extrinsic, &registry, &init).unwrap();
        let layout = RowLayout {
            n_envs: 1,
            agents_per_env: 1,
            observation: spec.observation.clone(),
            state_facts: vec![],
            event_facts: vec![],
            actions: spec.actions.clone(),
        };
        let env: Arc<dyn Env> = Arc::new(Described(spec));
        make(&LearnerInit {
            env: &env,
            layout: &layout,
            stack: &stack,
            seed: self.seed,
            device: Device::Cpu,
        })
    }

    /// What the learner stores, with the weights that the updates began with.
    pub(crate) fn first(&self, stored: &NamedTensors) -> NamedTensors {
        let mut first = NamedTensors::new();
        let mut taken = 0;
        for tensor in stored.iter() {
            let given = self.first.get(&tensor.name);
            taken += usize::from(given.is_some());
            first.push(
                &tensor.name,
                &tensor.shape,
                given.unwrap_or(&tensor.values).clone(),
            );
        }
        assert_eq!(taken, self.first.len(), "every recorded weight has its place");
        let nets = ["actor", "qf1", "qf2", "alpha"].map(|net| format!("adam.{net}.steps"));
        let streams = ["action", "noise", "replay"].map(|name| format!("stream.{name}"));
        for key in nets.iter().chain(&streams).chain([&"updates".to_owned()]) {
            if let Some(text) = stored.text(key) {
                first.set_text(key, text);
            }
        }
        first
    }

    pub(crate) fn batch(&self) -> Minibatch {
        let column = |name: &str| self.batch[name].clone();
        Minibatch {
            observation: column("observation"),
            action: column("action"),
            next_observation: column("next_observation"),
            reward: column("reward"),
            discount: column("discount"),
        }
    }

    /// Runs as many updates as were recorded; `update` returns what was logged of one.
    pub(crate) fn compare_losses(&self, mut update: impl FnMut() -> BTreeMap<String, f64>) {
        for (i, recorded) in self.losses.iter().enumerate() {
            let ours = update();
            for (name, theirs) in recorded {
                let ours = ours[&format!("losses/{name}")];
                assert!(
                    (ours - theirs).abs() < 1e-5 * theirs.abs().max(0.1),
                    "update {i}, {name}: {ours}, PyTorch {theirs}"
                );
            }
        }
    }

    /// The weights that the updates left, targets and temperature included.
    pub(crate) fn compare_weights(&self, stored: &NamedTensors) {
        for (name, theirs) in &self.last {
            let ours = &stored.get(name).unwrap().values;
            let moved = self.first[name]
                .iter()
                .zip(theirs)
                .any(|(a, b)| (a - b).abs() > 1e-4);
            assert!(moved, "{name} was to be moved");
            for (a, b) in ours.iter().zip(theirs) {
                assert!(
                    (a - b).abs() < 1e-5 * b.abs().max(1.0),
                    "{name}: {a}, PyTorch {b}"
                );
            }
        }
    }
}
