//! A toy task for the learner's tests: a chain of cells with a reward at one end, small enough to solve by hand.
#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "helpers of tests, of which each test binary uses its own part"
)]

pub(crate) mod toy;

use std::sync::Arc;

use prospect_agents::{AgentConfig, DqnConfig, PpoConfig, PqnConfig, TrainSetup, Trainer};
use prospect_nets::Device;
use prospect_shaping::{ExtrinsicConfig, ModuleRegistry, RewardConfig};
use prospect_sim::{
    ActionColumn, ActionSpace, Dtype, Env, EnvIx, EnvRows, EnvSpec, FactSpec, Field, FieldsMut, Outcome,
    Pose, Rng, RowSelection, RowState, Scene, ShardBuilder, SimError, StepSet,
    bevy_ecs::{
        component::Component,
        query::QueryState,
        resource::Resource,
        system::{Query, Res, ResMut},
        world::World,
    },
};
use serde::{Deserialize, Serialize};

#[derive(Component, Serialize, Deserialize, Clone, Copy)]
struct Walker {
    position: i32,
    clock: u32,
    succeeded: bool,
}

impl RowState for Walker {
    const NAME: &'static str = "walker";
}

/// What makes one chain differ from another.
#[derive(Resource, Debug, Clone, Copy)]
pub(crate) struct ChainRules {
    /// The last cell; reaching it terminates with reward 1 (unless `endless`).
    pub(crate) last: i32,
    /// Steps until truncation.
    pub(crate) max_steps: u32,
    /// First cells are drawn from `0..=start_below`.
    pub(crate) start_below: i32,
    /// No goal; every step pays 1, and only time ends an episode.
    pub(crate) endless: bool,
    /// A step to the right takes the key of its cell, and the wrong key leads to the left.
    pub(crate) locked: bool,
    /// The cell is observed as a vector of zeros and a one, not as an index: networks then run without libtorch.
    pub(crate) as_vector: bool,
    /// A reward that is no number is paid once this many steps of an episode are made.
    pub(crate) broken_after: u32,
}

impl ChainRules {
    fn moved(self, position: i32, action: i32) -> i32 {
        // Bits of a fixed number, so that no constant action opens more than three locks.
        let key = if self.locked {
            (0b0110_1001_1100_1010 >> (position % 16)) & 1
        } else {
            1
        };
        let step = if action == key { 1 } else { -1 };
        (position + step).clamp(0, self.last)
    }
}

impl Default for ChainRules {
    fn default() -> Self {
        Self {
            last: 8,
            max_steps: 24,
            start_below: 0,
            endless: false,
            locked: false,
            as_vector: false,
            broken_after: u32::MAX,
        }
    }
}

struct Chain {
    spec: EnvSpec,
    rules: ChainRules,
}

struct ChainRowsQuery {
    query: QueryState<(&'static EnvIx, &'static mut Walker, &'static mut Rng)>,
    rules: ChainRules,
}

fn walk(
    mut rows: Query<(&EnvIx, &mut Walker)>,
    rules: Res<ChainRules>,
    actions: Res<ActionColumn>,
    mut outcome: ResMut<Outcome>,
) {
    for (ix, mut walker) in &mut rows {
        let i = ix.0 as usize;
        walker.position = rules.moved(walker.position, actions.discrete[i]);
        walker.clock += 1;
        walker.succeeded = !rules.endless && walker.position == rules.last;
        outcome.terminated[i] = walker.succeeded;
        outcome.reward[i] = f64::from(u8::from(walker.succeeded || rules.endless));
        if walker.clock > rules.broken_after {
            outcome.reward[i] = f64::NAN;
        }
        outcome.truncated[i] = walker.clock >= rules.max_steps;
    }
}

impl Env for Chain {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn build(&self, shard: &mut ShardBuilder<'_>) -> Result<Box<dyn EnvRows>, SimError> {
        shard.state(|_| Walker {
            position: 0,
            clock: 0,
            succeeded: false,
        });
        shard.resource(self.rules);
        shard.systems(StepSet::Act, walk);
        Ok(Box::new(ChainRowsQuery {
            query: shard.world().query(),
            rules: self.rules,
        }))
    }
}

/// Whether row `ix` is one of `rows`.
pub(crate) fn chosen(rows: RowSelection<'_>, ix: u32) -> bool {
    match rows {
        RowSelection::All => true,
        RowSelection::List(list) => list.contains(&ix),
    }
}

impl EnvRows for ChainRowsQuery {
    fn reset(&mut self, world: &mut World, rows: RowSelection<'_>) -> Result<(), SimError> {
        for (ix, mut walker, mut rng) in self.query.iter_mut(world) {
            if chosen(rows, ix.0) {
                *walker = Walker {
                    position: rng.0.integers_inclusive(0, i64::from(self.rules.start_below)) as i32,
                    clock: 0,
                    succeeded: false,
                };
            }
        }
        Ok(())
    }

    fn observe(
        &mut self,
        world: &mut World,
        rows: RowSelection<'_>,
        observation: &mut FieldsMut<'_>,
        facts: &mut FieldsMut<'_>,
    ) {
        for (ix, walker, _) in self.query.iter_mut(world) {
            let i = ix.0 as usize;
            if chosen(rows, ix.0) {
                if self.rules.as_vector {
                    let width = self.rules.last as usize + 1;
                    (0..width).for_each(|cell| {
                        let here = f64::from(u8::from(cell == walker.position as usize));
                        observation[0].data.set_f64(i * width + cell, here);
                    });
                } else {
                    observation[0].data.set_f64(i, f64::from(walker.position));
                }
                // Subscribed in the order agent_x, agent_y.
                for (which, fact) in facts.iter_mut().enumerate() {
                    fact.data.set_f64(
                        i,
                        if which == 0 {
                            f64::from(walker.position)
                        } else {
                            0.0
                        },
                    );
                }
            }
        }
    }

    fn events(&mut self, world: &mut World, facts: &mut FieldsMut<'_>) {
        for (ix, walker, _) in self.query.iter_mut(world) {
            for fact in facts.iter_mut() {
                fact.data
                    .set_f64(ix.0 as usize, f64::from(u8::from(walker.succeeded)));
            }
        }
    }

    fn scene(&mut self, world: &mut World, row: usize) -> Option<Scene> {
        let (last, walker) = (self.rules.last, self.walker(world, row)?);
        Some(Scene {
            width: last as usize + 1,
            height: 1,
            cells: [1, 0, 0].repeat(last as usize + 1),
            pose: [walker.position, 0, 0],
        })
    }

    fn poses(&mut self, _: &mut World, _: usize) -> Vec<Pose> {
        (0..self.rules.last)
            .flat_map(|x| (0..4).map(move |heading| [x, 0, heading]))
            .collect()
    }

    fn place(&mut self, world: &mut World, row: usize, pose: Pose) -> bool {
        let last = self.rules.last;
        for (ix, mut walker, _) in self.query.iter_mut(world) {
            if ix.0 as usize == row && (0..last).contains(&pose[0]) && pose[1] == 0 {
                walker.position = pose[0];
                return true;
            }
        }
        false
    }
}

impl ChainRowsQuery {
    fn walker(&mut self, world: &mut World, row: usize) -> Option<Walker> {
        self.query
            .iter(world)
            .find(|(ix, ..)| ix.0 as usize == row)
            .map(|(_, walker, _)| *walker)
    }
}

/// A chain by its rules.
pub(crate) fn chain(rules: ChainRules) -> Arc<dyn Env> {
    chain_of(rules, ActionSpace::Discrete { n: 2 })
}

/// A chain that claims to have these actions.
pub(crate) fn chain_of(rules: ChainRules, actions: ActionSpace) -> Arc<dyn Env> {
    let last = f64::from(rules.last);
    let cell = |name: &str| Field::new(name, Dtype::I32, &[], 0.0, last);
    Arc::new(Chain {
        rules,
        spec: EnvSpec {
            id: "Chain-v0".to_owned(),
            family: "Chain".to_owned(),
            doc: "walk to the right end".to_owned(),
            observation: vec![if rules.as_vector {
                Field::new("position", Dtype::F32, &[rules.last as usize + 1], 0.0, 1.0)
            } else {
                Field::new("position", Dtype::Index, &[], 0.0, last)
            }],
            actions,
            action_names: vec!["left".to_owned(), "right".to_owned()],
            max_steps: Some(rules.max_steps),
            reward_range: (0.0, 1.0),
            agents_per_env: 1,
            facts: vec![
                FactSpec::state(cell("agent_x"), "cells", "where the walker is"),
                FactSpec::state(cell("agent_y"), "cells", "always 0"),
                FactSpec::event(
                    Field::new("success", Dtype::Bool, &[], 0.0, 1.0),
                    "",
                    "reached the end",
                ),
            ],
        },
    })
}

/// A small learner for the chain.
pub(crate) fn small() -> PpoConfig {
    PpoConfig {
        total_steps: 8 * 32 * 6,
        rollout_steps: 32,
        n_minibatches: 4,
        update_epochs: 2,
        learning_rate: 3e-3,
        hidden: vec![16],
        ..PpoConfig::default()
    }
}

/// A small value learner for the chain.
pub(crate) fn small_dqn() -> DqnConfig {
    DqnConfig {
        total_steps: 8 * 32 * 6,
        buffer_size: 2_000,
        batch_size: 32,
        learning_starts: 128,
        train_frequency: 4,
        gradient_steps: 2,
        target_network_frequency: 128,
        learning_rate: 3e-3,
        exploration_fraction: 0.3,
        hidden: vec![16],
        v_min: 0.0,
        v_max: 2.0,
        n_atoms: 21,
        n_quantiles: 11,
        log_every_steps: 256,
        ..DqnConfig::default()
    }
}

/// A small learner of action values without a replay.
pub(crate) fn small_pqn() -> PqnConfig {
    PqnConfig {
        total_steps: 8 * 32 * 6,
        rollout_steps: 32,
        learning_rate: 3e-3,
        exploration_fraction: 0.3,
        hidden: vec![16],
        ..PqnConfig::default()
    }
}

/// The reward modules of a run file's `[[reward]]` tables.
pub(crate) fn rewards(text: &str, agent: &AgentConfig) -> Vec<RewardConfig> {
    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        reward: Vec<toml::Table>,
    }
    let file: File = toml::from_str(text).unwrap();
    RewardConfig::parse_all(&file.reward, &ModuleRegistry::with_builtin(), agent.task()).unwrap()
}

/// A run with 8 envs.
pub(crate) fn setup<'a>(
    env: Arc<dyn Env>,
    agent: impl Into<AgentConfig>,
    reward: &str,
    seed: u64,
    registry: &'a ModuleRegistry,
) -> TrainSetup<'a> {
    let agent = agent.into();
    TrainSetup {
        env,
        n_envs: 8,
        threads: 1,
        shards: None,
        run_seed: seed,
        rewards: rewards(reward, &agent),
        agent,
        extrinsic: ExtrinsicConfig::default(),
        registry,
        device: Device::Cpu,
    }
}

/// A trainer with 8 envs.
pub(crate) fn trainer(rules: ChainRules, agent: impl Into<AgentConfig>, reward: &str, seed: u64) -> Trainer {
    prospect_nets::set_threads(1);
    let registry = ModuleRegistry::with_builtin();
    Trainer::new(setup(chain(rules), agent, reward, seed, &registry)).unwrap()
}
