//! The batched simulator on a toy task: a walk on a line with random slips, small enough to check by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{borrow::Cow, sync::Arc};

use prospect_sim::{
    ActionColumn, ActionSpace, Autoreset, Dtype, Env, EnvIx, EnvRows, EnvSpec, FactSpec, Field, FieldsMut,
    Outcome, Rng, Rollout, RowSelection, RowState, Seeds, ShardBuilder, SimError, StepSet, VecEnv,
    VecEnvConfig,
    bevy_ecs::{
        component::Component,
        entity::Entity,
        query::QueryState,
        system::{Query, Res, ResMut},
        world::World,
    },
};
use serde::{Deserialize, Serialize};

const GOAL: i32 = 5;
const MAX_STEPS: u32 = 12;

#[derive(Component, Serialize, Deserialize, Clone, Copy)]
struct Walker {
    position: i32,
    clock: u32,
    slipped: bool,
}

impl RowState for Walker {
    const NAME: &'static str = "walker";
}

/// Not registered as state: what a careless env author would write.
#[derive(Component)]
struct Forgotten;

struct Line {
    spec: EnvSpec,
    careless: bool,
}

struct LineRows {
    query: QueryState<(&'static EnvIx, &'static mut Walker, &'static mut Rng)>,
}

fn walk(
    mut rows: Query<(&EnvIx, &mut Walker, &mut Rng)>,
    actions: Res<ActionColumn>,
    mut outcome: ResMut<Outcome>,
) {
    for (ix, mut walker, mut rng) in &mut rows {
        let i = ix.0 as usize;
        walker.slipped = rng.0.integers(0, 4) == 0;
        let step = if actions.discrete[i] == 1 { 1 } else { -1 };
        walker.position = (walker.position + if walker.slipped { -step } else { step }).max(-GOAL);
        walker.clock += 1;
        outcome.terminated[i] = walker.position >= GOAL;
        outcome.reward[i] = f64::from(u8::from(outcome.terminated[i]));
        outcome.truncated[i] = walker.clock >= MAX_STEPS;
    }
}

impl Env for Line {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn build(&self, shard: &mut ShardBuilder<'_>) -> Result<Box<dyn EnvRows>, SimError> {
        shard.state(|_| Walker {
            position: 0,
            clock: 0,
            slipped: false,
        });
        shard.systems(StepSet::Act, walk);
        if self.careless {
            let world = shard.world();
            let rows: Vec<_> = world
                .query::<(Entity, &EnvIx)>()
                .iter(world)
                .map(|(e, _)| e)
                .collect();
            for row in rows {
                world.entity_mut(row).insert(Forgotten);
            }
        }
        Ok(Box::new(LineRows {
            query: shard.world().query(),
        }))
    }

    fn text(&self, _: usize, id: i32) -> Cow<'static, str> {
        Cow::Owned(format!("reach {id}"))
    }
}

impl EnvRows for LineRows {
    fn reset(&mut self, world: &mut World, rows: RowSelection<'_>) -> Result<(), SimError> {
        for (ix, mut walker, mut rng) in self.query.iter_mut(world) {
            let chosen = match rows {
                RowSelection::All => true,
                RowSelection::List(list) => list.contains(&ix.0),
            };
            if chosen {
                *walker = Walker {
                    position: rng.0.integers(0, 3) as i32,
                    clock: 0,
                    slipped: false,
                };
            }
        }
        Ok(())
    }

    fn observe(
        &mut self,
        world: &mut World,
        rows: RowSelection<'_>,
        obs: &mut FieldsMut<'_>,
        facts: &mut FieldsMut<'_>,
    ) {
        for (ix, walker, _) in self.query.iter_mut(world) {
            let i = ix.0 as usize;
            let chosen = match rows {
                RowSelection::All => true,
                RowSelection::List(list) => list.contains(&ix.0),
            };
            if chosen {
                obs[0].data.set_f64(i, f64::from(walker.position));
                for fact in facts.iter_mut() {
                    fact.data.set_f64(i, f64::from(walker.clock));
                }
            }
        }
    }

    fn events(&mut self, world: &mut World, facts: &mut FieldsMut<'_>) {
        for (ix, walker, _) in self.query.iter_mut(world) {
            for fact in facts.iter_mut() {
                fact.data
                    .set_f64(ix.0 as usize, f64::from(u8::from(walker.slipped)));
            }
        }
    }
}

fn line(careless: bool) -> Arc<dyn Env> {
    Arc::new(Line {
        careless,
        spec: EnvSpec {
            id: "Line-v0".to_owned(),
            family: "Line".to_owned(),
            doc: "walk to the right end".to_owned(),
            observation: vec![Field::new("position", Dtype::I32, &[], -5.0, 5.0)],
            actions: ActionSpace::Discrete { n: 2 },
            action_names: vec!["left".to_owned(), "right".to_owned()],
            max_steps: Some(MAX_STEPS),
            reward_range: (0.0, 1.0),
            agents_per_env: 1,
            facts: vec![
                FactSpec::state(
                    Field::new("clock", Dtype::I32, &[], 0.0, 12.0),
                    "steps",
                    "steps made",
                ),
                FactSpec::event(
                    Field::new("slipped", Dtype::Bool, &[], 0.0, 1.0),
                    "",
                    "moved against the action",
                ),
            ],
        },
    })
}

fn config(n_envs: usize, threads: usize, shards: Option<usize>, autoreset: Autoreset) -> VecEnvConfig {
    VecEnvConfig {
        n_envs,
        threads,
        shards,
        autoreset,
        facts: vec!["clock".to_owned(), "slipped".to_owned()],
    }
}

fn tape(t: usize, k: usize) -> i32 {
    i32::from(!(t * 7 + k * 3).is_multiple_of(5))
}

fn roll(config: &VecEnvConfig, steps: usize, seed: u64) -> Rollout {
    let mut envs = VecEnv::new(line(false), config).unwrap();
    let mut rollout = Rollout::new(envs.layout(), steps);
    envs.reset(Seeds::Base(seed), rollout.first_row_mut()).unwrap();
    for t in 0..steps {
        rollout
            .discrete_actions_mut(t)
            .iter_mut()
            .enumerate()
            .for_each(|(k, a)| *a = tape(t, k));
        let (actions, row) = rollout.step_mut(t);
        envs.step(actions, row).unwrap();
    }
    rollout
}

#[test]
fn same_bytes_with_any_shards_and_threads() {
    let reference = roll(&config(70, 1, Some(1), Autoreset::SameStep), 40, 3);
    for (threads, shards) in [
        (1, Some(7)),
        (1, Some(70)),
        (2, Some(5)),
        (4, Some(13)),
        (4, None),
    ] {
        let other = roll(&config(70, threads, shards, Autoreset::SameStep), 40, 3);
        assert_eq!(reference, other, "{threads} threads, {shards:?} shards");
    }
    assert_ne!(
        reference,
        roll(&config(70, 1, Some(1), Autoreset::SameStep), 40, 4)
    );
}

#[test]
fn env_i_of_a_batch_equals_one_env_seeded_s_plus_i() {
    let batch = roll(&config(6, 1, None, Autoreset::SameStep), 60, 100);
    for i in 0..6 {
        let mut envs = VecEnv::new(line(false), &config(1, 1, None, Autoreset::SameStep)).unwrap();
        let mut one = Rollout::new(envs.layout(), 60);
        envs.reset(Seeds::Base(100 + i as u64), one.first_row_mut())
            .unwrap();
        for t in 0..60 {
            one.discrete_actions_mut(t)[0] = tape(t, i);
            let (actions, row) = one.step_mut(t);
            envs.step(actions, row).unwrap();
            assert_eq!(one.next_observation(0, t, 0), batch.next_observation(0, t, i));
            assert_eq!(one.reward()[t].to_bits(), batch.reward()[t * 6 + i].to_bits());
            assert_eq!(one.ended(t, 0), batch.ended(t, i));
        }
    }
}

#[test]
fn same_step_keeps_the_final_observation_and_restarts_at_once() {
    let rollout = roll(&config(50, 1, None, Autoreset::SameStep), 60, 0);
    let (mut terminations, mut truncations) = (0, 0);
    let clock = rollout.state_fact(0).as_i32().unwrap();
    let positions = rollout.observation(0).as_i32().unwrap();
    for t in 0..60 {
        for k in 0..50 {
            let at = t * 50 + k;
            if !rollout.ended(t, k) {
                assert_eq!(clock[at + 50], clock[at] + 1);
                continue;
            }
            let last = rollout.next_observation(0, t, k).as_i32().unwrap()[0];
            assert_eq!(rollout.terminated()[at], last == GOAL);
            assert_eq!(rollout.final_fact(0).as_i32().unwrap()[at], clock[at] + 1);
            assert_eq!(clock[at + 50], 0, "the next row belongs to the new episode");
            assert!((0..3).contains(&positions[at + 50]));
            terminations += usize::from(rollout.terminated()[at]);
            truncations += usize::from(rollout.truncated()[at]);
        }
    }
    assert!(
        terminations > 50 && truncations > 20,
        "{terminations} {truncations}"
    );
}

#[test]
fn next_step_ignores_the_action_after_the_end() {
    let same = roll(&config(1, 1, None, Autoreset::SameStep), 400, 11);
    let next = roll(&config(1, 1, None, Autoreset::NextStep), 400, 11);
    let clock = next.state_fact(0).as_i32().unwrap();
    let mut resets = 0;
    for t in 0..399 {
        if next.ended(t, 0) {
            let at_end = next.next_observation(0, t, 0);
            assert_eq!(
                next.observation_row(0, t + 1),
                at_end,
                "the final observation is returned first"
            );
            assert_eq!(
                (next.ended(t + 1, 0), next.reward()[t + 1], clock[t + 2]),
                (false, 0.0, 0)
            );
            resets += 1;
        }
    }
    assert!(resets > 10);
    // The first episode and the start of the second agree: the ignored action drew nothing from the stream.
    let end = (0..400).find(|&t| same.ended(t, 0)).unwrap();
    assert_eq!(same.observation_row(0, end + 1), next.observation_row(0, end + 2));
}

#[test]
fn disabled_refuses_to_step_an_ended_env() {
    let mut envs = VecEnv::new(line(false), &config(2, 1, None, Autoreset::Disabled)).unwrap();
    let mut rollout = Rollout::new(envs.layout(), 20);
    envs.reset(Seeds::Base(0), rollout.first_row_mut()).unwrap();
    let mut ended = None;
    for t in 0..20 {
        rollout.discrete_actions_mut(t).fill(1);
        let (actions, row) = rollout.step_mut(t);
        match envs.step(actions, row) {
            Ok(()) => ended = ended.or((0..2).find(|&k| rollout.ended(t, k))),
            Err(SimError::Ended { env }) => {
                assert_eq!(Some(env), ended);
                let mask = [env == 0, env == 1];
                let mut fresh = Rollout::new(envs.layout(), 1);
                envs.reset_where(&mask, fresh.first_row_mut()).unwrap();
                assert_eq!(fresh.state_fact(0).as_i32().unwrap()[env], 0);
                assert_ne!(fresh.state_fact(0).as_i32().unwrap()[1 - env], 0);
                return;
            }
            Err(other) => panic!("{other}"),
        }
    }
    panic!("no episode ended");
}

#[test]
fn a_snapshot_replays_the_same_bytes() {
    let mut envs = VecEnv::new(line(false), &config(9, 1, Some(2), Autoreset::SameStep)).unwrap();
    let mut first = Rollout::new(envs.layout(), 30);
    envs.reset(Seeds::Base(5), first.first_row_mut()).unwrap();
    let run = |envs: &mut VecEnv, rollout: &mut Rollout, steps: std::ops::Range<usize>| {
        for t in steps {
            rollout.discrete_actions_mut(t).fill(1);
            let (actions, row) = rollout.step_mut(t);
            envs.step(actions, row).unwrap();
        }
    };
    run(&mut envs, &mut first, 0..7);
    let saved: Vec<_> = (0..9).map(|i| envs.save(i).unwrap()).collect();
    let hashes: Vec<_> = (0..9).map(|i| envs.state_hash(i).unwrap()).collect();
    let mut second = first.clone();
    run(&mut envs, &mut first, 7..30);
    let mut other = VecEnv::new(line(false), &config(9, 1, Some(9), Autoreset::SameStep)).unwrap();
    for (i, bytes) in saved.iter().enumerate() {
        other.restore(i, bytes).unwrap();
        assert_eq!(other.state_hash(i).unwrap(), hashes[i]);
    }
    run(&mut other, &mut second, 7..30);
    assert_eq!(first, second);
    for cut in [0, 3, 10, saved[0].len() - 2] {
        assert!(
            matches!(other.restore(0, &saved[0][..cut]), Err(SimError::Snapshot { .. })),
            "cut at {cut}"
        );
    }
}

#[test]
fn state_without_a_codec_is_refused() {
    let error = VecEnv::new(line(true), &config(2, 1, None, Autoreset::SameStep))
        .err()
        .unwrap();
    assert!(
        matches!(error, SimError::MissingCodec { missing: 1, .. }),
        "{error}"
    );
}

#[test]
fn bad_input_names_the_place() {
    let mut envs = VecEnv::new(line(false), &config(3, 1, None, Autoreset::SameStep)).unwrap();
    let mut rollout = Rollout::new(envs.layout(), 1);
    envs.reset(Seeds::Base(0), rollout.first_row_mut()).unwrap();
    rollout.discrete_actions_mut(0).copy_from_slice(&[0, 2, 0]);
    let (actions, row) = rollout.step_mut(0);
    let message = envs.step(actions, row).unwrap_err().to_string();
    assert_eq!(message, "action 2 of actor 1 is outside of Discrete(2)");
    let wrong = VecEnvConfig {
        facts: vec!["speed".to_owned()],
        ..VecEnvConfig::of(1)
    };
    let message = VecEnv::new(line(false), &wrong).err().unwrap().to_string();
    assert_eq!(
        message,
        "Line-v0 publishes no fact `speed`; it has: clock, slipped"
    );
    let message = VecEnv::new(line(false), &VecEnvConfig::of(0))
        .err()
        .unwrap()
        .to_string();
    assert_eq!(message, "n_envs = 0: use at least 1");
}
