//! A toy task with every kind of action space, a cue to remember, masks and time-outs, small enough to solve by hand.
#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "helpers of tests, of which each test binary uses its own part"
)]

use std::sync::Arc;

use prospect_agents::{AgentConfig, Trainer};
use prospect_shaping::ModuleRegistry;
use prospect_sim::{
    ActionColumn, ActionSpace, Dtype, Env, EnvIx, EnvRows, EnvSpec, FactSpec, Field, FieldsMut, Outcome, Rng,
    RowSelection, RowState, ShardBuilder, SimError, StepSet,
    bevy_ecs::{
        component::Component,
        query::QueryState,
        resource::Resource,
        system::{Query, Res, ResMut},
        world::World,
    },
};
use serde::{Deserialize, Serialize};

use super::{chosen, setup};

#[derive(Component, Serialize, Deserialize, Clone, Copy)]
struct Player {
    cue: u32,
    clock: u32,
}

impl RowState for Player {
    const NAME: &'static str = "player";
}

/// How a player acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hands {
    /// One of `cues` actions: 1 for the cue's.
    One,
    /// One of `cues` and one of 2: a half for the cue's, a half for its parity.
    Two,
    /// A real of ±1: 1 less its distance from the cue's place, 0 to ±0.8.
    Real,
}

/// What makes one toy differ from another.
#[derive(Resource, Debug, Clone, Copy)]
pub(crate) struct ToyRules {
    pub(crate) hands: Hands,
    /// The number of cues; each episode has one.
    pub(crate) cues: u32,
    /// Steps of an episode.
    pub(crate) length: u32,
    /// Steps in which the cue is seen.
    pub(crate) seen: u32,
    /// Only the last step is paid.
    pub(crate) late: bool,
    /// Every step pays 1, and episodes are cut off instead of ending.
    pub(crate) endless: bool,
    /// The fact `action_mask` forbids everything.
    pub(crate) stuck: bool,
}

impl Default for ToyRules {
    fn default() -> Self {
        Self {
            hands: Hands::One,
            cues: 4,
            length: 4,
            seen: u32::MAX,
            late: false,
            endless: false,
            stuck: false,
        }
    }
}

impl ToyRules {
    fn place(self, cue: u32) -> f32 {
        1.6 * cue as f32 / (self.cues - 1) as f32 - 0.8
    }

    fn pay(self, player: Player, actions: &ActionColumn, i: usize) -> f64 {
        let cue = player.cue as i32;
        if self.endless {
            return 1.0;
        }
        if self.late && player.clock + 1 < self.length {
            return 0.0;
        }
        match self.hands {
            Hands::One => f64::from(u8::from(actions.discrete[i] == cue)),
            Hands::Two => {
                let [first, second] = [actions.discrete[2 * i], actions.discrete[2 * i + 1]];
                0.5 * f64::from(u8::from(first == cue) + u8::from(second == cue % 2))
            }
            Hands::Real => 1.0 - f64::from((actions.continuous[i] - self.place(player.cue)).abs()),
        }
    }
}

struct Toy {
    spec: EnvSpec,
    rules: ToyRules,
}

struct ToyRows {
    query: QueryState<(&'static EnvIx, &'static mut Player, &'static mut Rng)>,
    rules: ToyRules,
}

fn play(
    mut rows: Query<(&EnvIx, &mut Player)>,
    rules: Res<ToyRules>,
    actions: Res<ActionColumn>,
    mut outcome: ResMut<Outcome>,
) {
    for (ix, mut player) in &mut rows {
        let i = ix.0 as usize;
        outcome.reward[i] = rules.pay(*player, &actions, i);
        player.clock += 1;
        let over = player.clock >= rules.length;
        outcome.terminated[i] = over && !rules.endless;
        outcome.truncated[i] = over && rules.endless;
    }
}

impl Env for Toy {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn build(&self, shard: &mut ShardBuilder<'_>) -> Result<Box<dyn EnvRows>, SimError> {
        shard.state(|_| Player { cue: 0, clock: 0 });
        shard.resource(self.rules);
        shard.systems(StepSet::Act, play);
        Ok(Box::new(ToyRows {
            query: shard.world().query(),
            rules: self.rules,
        }))
    }
}

impl EnvRows for ToyRows {
    fn reset(&mut self, world: &mut World, rows: RowSelection<'_>) -> Result<(), SimError> {
        for (ix, mut player, mut rng) in self.query.iter_mut(world) {
            if chosen(rows, ix.0) {
                *player = Player {
                    cue: rng.0.integers(0, i64::from(self.rules.cues)) as u32,
                    clock: 0,
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
        let rules = self.rules;
        for (ix, player, _) in self.query.iter_mut(world) {
            let (i, cues) = (ix.0 as usize, rules.cues as usize);
            if !chosen(rows, ix.0) {
                continue;
            }
            for j in 0..cues {
                let shown = j == player.cue as usize && player.clock < rules.seen;
                // Not of mean 0 and deviation 1, so that normalisation has something to do.
                let value = 5.0 + 3.0 * f64::from(u8::from(shown));
                observation[0].data.set_f64(i * (cues + 1) + j, value);
            }
            observation[0]
                .data
                .set_f64(i * (cues + 1) + cues, f64::from(player.clock));
            for fact in facts.iter_mut() {
                if fact.width == 1 {
                    fact.data.set_f64(i, f64::from(player.cue));
                    continue;
                }
                for j in 0..fact.width {
                    // The cue's action and its left neighbour are allowed.
                    let near =
                        (j + cues - player.cue as usize) % cues >= cues - 1 || j == player.cue as usize;
                    fact.data
                        .set_f64(i * fact.width + j, f64::from(u8::from(near && !rules.stuck)));
                }
            }
        }
    }
}

/// A toy by its rules.
pub(crate) fn toy(rules: ToyRules) -> Arc<dyn Env> {
    let cues = rules.cues as usize;
    let mask = Field::new("action_mask", Dtype::Bool, &[cues], 0.0, 1.0);
    let cue = Field::new("cue", Dtype::I32, &[], 0.0, f64::from(rules.cues));
    Arc::new(Toy {
        rules,
        spec: EnvSpec {
            id: "Toy-v0".to_owned(),
            family: "Toy".to_owned(),
            doc: "do what the cue says".to_owned(),
            observation: vec![Field::new("observation", Dtype::F32, &[cues + 1], 0.0, 8.0)],
            actions: match rules.hands {
                Hands::One => ActionSpace::Discrete { n: cues },
                Hands::Two => ActionSpace::MultiDiscrete { nvec: vec![cues, 2] },
                Hands::Real => ActionSpace::Continuous {
                    low: vec![-1.0],
                    high: vec![1.0],
                },
            },
            action_names: vec![],
            max_steps: Some(rules.length),
            reward_range: (-1.0, 1.0),
            agents_per_env: 1,
            facts: vec![
                FactSpec::state(mask, "", "the cue's action and its neighbour"),
                FactSpec::state(cue, "", "the cue"),
            ],
        },
    })
}

/// A trainer with 8 envs.
pub(crate) fn toy_trainer(
    rules: ToyRules,
    agent: impl Into<AgentConfig>,
    reward: &str,
    seed: u64,
) -> Trainer {
    prospect_nets::set_threads(1);
    let registry = ModuleRegistry::with_builtin();
    Trainer::new(setup(toy(rules), agent, reward, seed, &registry)).unwrap()
}
