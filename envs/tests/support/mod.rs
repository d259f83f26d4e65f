//! What the integration tests share: golden records, hashes, and a player of tapes.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

pub mod batches;
pub mod driving;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use prospect_envs::{Options, Registry};
use prospect_sim::random::Generator;
use prospect_sim::{ActionSpace, Env, Rollout, Seeds, VecEnv, VecEnvConfig};
use serde::Deserialize;

/// A random tape: `default_rng(action_seed).integers(0, n_actions, steps)`.
#[derive(Debug, Deserialize)]
pub struct RandomTape {
    pub seed: u64,
    pub action_seed: u64,
    pub n_actions: i64,
    pub steps: usize,
    pub successes: usize,
    pub truncations: usize,
    pub crc: u32,
    pub low: String,
}

/// A tape given by its digits.
#[derive(Debug, Deserialize)]
pub struct PlanTape {
    pub seed: u64,
    pub actions: String,
    pub max_steps: Option<usize>,
    pub successes: usize,
    pub truncations: usize,
    pub crc: u32,
    pub low: String,
}

#[derive(Debug, Deserialize)]
pub struct LevelHash {
    pub seed: u64,
    pub episodes: usize,
    pub crc: u32,
}

/// The golden record of an id.
#[derive(Debug, Deserialize)]
pub struct Golden {
    pub id: String,
    pub width: usize,
    pub height: usize,
    pub max_steps: u32,
    pub see_through_walls: bool,
    pub random: Vec<RandomTape>,
    pub levels: Vec<LevelHash>,
    #[serde(default)]
    pub plans: Vec<PlanTape>,
}

/// Tapes of an id with a smaller view.
#[derive(Debug, Deserialize)]
pub struct ViewTapes {
    pub id: String,
    pub view_size: usize,
    pub random: Vec<RandomTape>,
}

/// The records of smaller views.
#[derive(Debug, Deserialize)]
pub struct Views {
    pub tapes: Vec<ViewTapes>,
}

pub fn views() -> Views {
    serde_json::from_str(&std::fs::read_to_string(golden_dir().join("views.json")).unwrap()).unwrap()
}

pub fn golden_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/minigrid")
}

pub fn golden(id: &str) -> Golden {
    let path = golden_dir().join(format!("{id}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Ids of all gridworlds.
pub fn ids() -> Vec<String> {
    Registry::with_builtin()
        .iter()
        .map(|entry| entry.id().to_owned())
        .filter(|id| id.starts_with("MiniGrid-"))
        .collect()
}

/// Families of the tasks of continuous state.
const CLASSIC: [&str; 5] = ["Acrobot", "CartPole", "MountainCar", "Pendulum", "PointMaze"];

/// Ids of all tasks of continuous state.
pub fn classic_ids() -> Vec<String> {
    Registry::with_builtin()
        .iter()
        .filter(|entry| CLASSIC.contains(&entry.family()))
        .map(|entry| entry.id().to_owned())
        .collect()
}

/// Ids of all driving tasks.
pub fn driving_ids() -> Vec<String> {
    Registry::with_builtin()
        .iter()
        .filter(|entry| !CLASSIC.contains(&entry.family()))
        .map(|entry| entry.id().to_owned())
        .filter(|id| !id.starts_with("MiniGrid-") && !id.starts_with("traffic-light-"))
        .collect()
}

/// Names of all facts of an env.
pub fn all_facts(env: &Arc<dyn Env>) -> Vec<String> {
    env.spec()
        .facts
        .iter()
        .map(|fact| fact.field.name.clone())
        .collect()
}

pub fn make(id: &str, options: &str) -> Arc<dyn Env> {
    let options: Options = serde_json::from_str(options).unwrap();
    Registry::with_builtin().make(id, &options).unwrap()
}

/// All values of an array of an npz file, in C order.
pub fn npz<T: npyz::Deserialize>(path: &Path, name: &str) -> Vec<T> {
    let mut archive = npyz::npz::NpzArchive::open(path).unwrap();
    archive.by_name(name).unwrap().unwrap().into_vec().unwrap()
}

/// zlib's CRC-32, running on from `crc`.
pub fn crc32(crc: u32, bytes: &[u8]) -> u32 {
    let mut crc = !crc;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// A batch of instances with a rollout of one step.
pub struct Batch {
    pub vec: VecEnv,
    pub rollout: Rollout,
}

impl Batch {
    pub fn new(env: &Arc<dyn Env>, seeds: &[u64], config: VecEnvConfig) -> Self {
        let mut vec = VecEnv::new(
            Arc::clone(env),
            &VecEnvConfig {
                n_envs: seeds.len(),
                ..config
            },
        )
        .unwrap();
        let mut rollout = Rollout::new(vec.layout(), 1);
        vec.reset(Seeds::List(seeds), rollout.first_row_mut()).unwrap();
        Self { vec, rollout }
    }

    pub fn step(&mut self, actions: &[i32]) {
        self.rollout.discrete_actions_mut(0).copy_from_slice(actions);
        let (actions, row) = self.rollout.step_mut(0);
        self.vec.step(actions, row).unwrap();
    }

    pub fn step_continuous(&mut self, actions: &[f32]) {
        self.rollout.continuous_actions_mut(0).copy_from_slice(actions);
        let (actions, row) = self.rollout.step_mut(0);
        self.vec.step(actions, row).unwrap();
    }

    /// Makes a step of uniformly random actions, a little beyond the limits of continuous spaces.
    pub fn step_randomly(&mut self, rng: &mut Generator) {
        let n = self.vec.actors();
        match self.vec.layout().actions.clone() {
            ActionSpace::Discrete { n: actions } => {
                self.step(
                    &(0..n)
                        .map(|_| rng.integers(0, actions as i64) as i32)
                        .collect::<Vec<_>>(),
                );
            }
            ActionSpace::Continuous { low, high } => {
                let limits = low.iter().zip(&high).cycle().take(n * low.len());
                let wide =
                    limits.map(|(&low, &high)| rng.uniform(1.2 * f64::from(low), 1.2 * f64::from(high)));
                self.step_continuous(&wide.map(|value| value as f32).collect::<Vec<_>>());
            }
            space @ ActionSpace::MultiDiscrete { .. } => panic!("no actions for {space}"),
        }
    }

    /// Everything that the step just made has written about actor `k`, but for final observations of episodes that go on:
    /// those of several actors may go on for some of them.
    pub fn bytes_of(&self, k: usize) -> Vec<u8> {
        let (mut bytes, n, rollout) = (Vec::new(), self.vec.actors(), &self.rollout);
        let layout = self.vec.layout();
        for (i, field) in layout.observation.iter().enumerate() {
            let row = k * field.width()..(k + 1) * field.width();
            rollout
                .observation_row(i, 1)
                .slice(row.clone())
                .extend_bytes(&mut bytes);
            if layout.agents_per_env == 1 && rollout.ended(0, k) {
                rollout.final_observation(i).slice(row).extend_bytes(&mut bytes);
            }
        }
        bytes.extend_from_slice(&rollout.reward()[k].to_le_bytes());
        bytes.extend([rollout.terminated()[k], rollout.truncated()[k]].map(u8::from));
        for (fact, field) in layout.state_facts.iter().enumerate() {
            let width = field.width();
            rollout
                .state_fact(fact)
                .slice((n + k) * width..(n + k + 1) * width)
                .extend_bytes(&mut bytes);
        }
        for fact in 0..layout.event_facts.len() {
            rollout.event_fact(fact).slice(k..k + 1).extend_bytes(&mut bytes);
        }
        bytes
    }

    /// The same about all actors.
    pub fn bytes(&self) -> Vec<u8> {
        (0..self.vec.actors()).flat_map(|k| self.bytes_of(k)).collect()
    }

    /// Feeds the observation of an env at state row `t`, or its final one.
    fn feed(&self, crc: u32, t: Option<usize>, env: usize) -> u32 {
        let k = self.vec.n_envs();
        let component = |i: usize| match t {
            Some(t) => self.rollout.observation_row(i, t),
            None => self
                .rollout
                .final_observation(i)
                .slice(0..k * self.vec.layout().observation[i].width()),
        };
        let image = component(0).as_u8().unwrap();
        let bytes = self.vec.layout().observation[0].width();
        let crc = crc32(crc, &image[env * bytes..(env + 1) * bytes]);
        let crc = crc32(crc, &[component(1).as_i32().unwrap()[env] as u8]);
        let mission = component(2).as_i32().unwrap()[env];
        crc32(crc, self.vec.env().text(2, mission).as_bytes())
    }

    pub fn feed_first(&self, env: usize) -> u32 {
        self.feed(0, Some(0), env)
    }

    /// Feeds what a step has brought an env.
    pub fn feed_step(&self, crc: u32, env: usize) -> u32 {
        let ended = self.rollout.ended(0, env);
        let mut crc = self.feed(crc, if ended { None } else { Some(1) }, env);
        crc = crc32(crc, &self.rollout.reward()[env].to_le_bytes());
        let (terminated, truncated) = (self.rollout.terminated()[env], self.rollout.truncated()[env]);
        crc = crc32(crc, &[u8::from(terminated) | u8::from(truncated) << 1]);
        if ended { self.feed(crc, Some(1), env) } else { crc }
    }

    /// Feeds a fresh level of an env: grid, pose, first observation.
    pub fn feed_level(&mut self, crc: u32, env: usize, t: usize) -> u32 {
        let scene = self.vec.scene(env).unwrap();
        let crc = crc32(crc, &scene.cells);
        let crc = crc32(crc, &scene.pose.map(|value| value as u8));
        self.feed(crc, Some(t), env)
    }
}

/// What playing a tape must give.
pub struct Expected<'a> {
    pub low: &'a str,
    pub crc: u32,
    pub successes: usize,
    pub truncations: usize,
}

/// Plays one tape per instance and compares every step with the record.
pub fn assert_tapes(batch: &mut Batch, tapes: &[Vec<i32>], expected: &[Expected<'_>], label: &str) {
    let n = tapes.len();
    let mut crcs: Vec<u32> = (0..n).map(|env| batch.feed_first(env)).collect();
    let mut counts = vec![(0, 0); n];
    let longest = tapes.iter().map(Vec::len).max().unwrap();
    for t in 0..longest {
        let actions: Vec<i32> = tapes
            .iter()
            .map(|tape| tape.get(t).copied().unwrap_or(6))
            .collect();
        batch.step(&actions);
        for env in (0..n).filter(|env| t < tapes[*env].len()) {
            crcs[env] = batch.feed_step(crcs[env], env);
            counts[env].0 += usize::from(batch.rollout.reward()[env] > 0.0);
            counts[env].1 += usize::from(batch.rollout.truncated()[env]);
            let low = u32::from_str_radix(&expected[env].low[2 * t..2 * t + 2], 16).unwrap();
            assert_eq!(
                crcs[env] & 0xff,
                low,
                "{label}: tape {env} differs from MiniGrid's at step {t}"
            );
        }
    }
    for (env, expected) in expected.iter().enumerate() {
        assert_eq!(crcs[env], expected.crc, "{label}: tape {env}");
        assert_eq!(
            counts[env],
            (expected.successes, expected.truncations),
            "{label}: tape {env}"
        );
    }
}

pub fn random_actions(seed: u64, n_actions: i64, steps: usize) -> Vec<i32> {
    let mut rng = Generator::default_rng(seed);
    (0..steps).map(|_| rng.integers(0, n_actions) as i32).collect()
}
