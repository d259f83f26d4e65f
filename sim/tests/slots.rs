//! Slots on a toy task: each row has a few balls that roll, appear and vanish.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use prospect_sim::{
    ActionSpace, Autoreset, Dtype, Env, EnvIx, EnvRows, EnvSpec, Field, FieldsMut, Occupied, Outcome, Rng,
    Rollout, RowSelection, RowState, Seeds, ShardBuilder, SimError, Slot, StepSet, VecEnv, VecEnvConfig,
    bevy_ecs::{
        component::Component,
        entity::Entity,
        query::With,
        system::{Query, ResMut},
        world::World,
    },
    slots_in_order,
};
use serde::{Deserialize, Serialize};

const SLOTS: u32 = 4;

/// Where a ball is.
#[derive(Component, Serialize, Deserialize, Clone, Copy)]
struct Ball(i64);

impl RowState for Ball {
    const NAME: &'static str = "ball";
}

/// Not registered as state.
#[derive(Component)]
struct Forgotten;

struct Balls {
    spec: EnvSpec,
    careless: bool,
}

struct BallRows;

/// Every ball rolls on by what it draws; now and then the number of balls changes.
fn roll(
    mut rows: Query<(&EnvIx, &mut Occupied, &mut Rng)>,
    mut balls: Query<(&EnvIx, &Slot, &mut Ball)>,
    mut outcome: ResMut<Outcome>,
) {
    for (ix, mut occupied, mut rng) in &mut rows {
        for (of, slot, mut ball) in &mut balls {
            if of == ix && slot.0 < occupied.0 {
                ball.0 += rng.0.integers(0, 10);
            }
        }
        let before = occupied.0;
        occupied.0 = rng.0.integers(0, i64::from(SLOTS) + 1) as u32;
        // What is in a slot that is not in use belongs to nobody: a ball that appears starts anew.
        let new = balls
            .iter_mut()
            .filter(|(of, slot, _)| *of == ix && slot.0 >= before);
        new.for_each(|(_, _, mut ball)| ball.0 = 0);
        outcome.reward[ix.0 as usize] = f64::from(occupied.0);
    }
}

impl Env for Balls {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn build(&self, shard: &mut ShardBuilder<'_>) -> Result<Box<dyn EnvRows>, SimError> {
        shard.slots(SLOTS as usize);
        shard.slot_state(|| Ball(0));
        shard.systems(StepSet::Advance, roll);
        let world = shard.world();
        assert!(slots_in_order::<Ball>(world));
        if self.careless {
            let mut query = world.query_filtered::<Entity, With<Slot>>();
            let slots: Vec<_> = query.iter(world).collect();
            for slot in slots {
                world.entity_mut(slot).insert(Forgotten);
            }
        }
        Ok(Box::new(BallRows))
    }
}

impl EnvRows for BallRows {
    fn reset(&mut self, world: &mut World, _: RowSelection<'_>) -> Result<(), SimError> {
        for mut occupied in world.query::<&mut Occupied>().iter_mut(world) {
            occupied.0 = 2;
        }
        Ok(())
    }

    fn observe(
        &mut self,
        world: &mut World,
        _: RowSelection<'_>,
        observation: &mut FieldsMut<'_>,
        _: &mut FieldsMut<'_>,
    ) {
        let used: Vec<_> = world
            .query::<(&EnvIx, &Occupied)>()
            .iter(world)
            .map(|(ix, used)| (*ix, used.0))
            .collect();
        let mut balls = world.query::<(&EnvIx, &Slot, &Ball)>();
        for (row, (ix, used)) in used.into_iter().enumerate() {
            let mine = balls
                .iter(world)
                .filter(|(of, slot, _)| **of == ix && slot.0 < used);
            let sum: i64 = mine.map(|(_, slot, ball)| ball.0 * (i64::from(slot.0) + 1)).sum();
            observation[0].data.set_f64(row, sum as f64);
        }
    }
}

fn balls(careless: bool) -> Arc<dyn Env> {
    let spec = EnvSpec {
        id: "Balls-v0".to_owned(),
        family: "Balls".to_owned(),
        doc: "Balls roll.".to_owned(),
        observation: vec![Field::new("sum", Dtype::I32, &[], 0.0, 1e9)],
        actions: ActionSpace::Discrete { n: 1 },
        action_names: Vec::new(),
        max_steps: None,
        reward_range: (0.0, f64::from(SLOTS)),
        agents_per_env: 1,
        facts: Vec::new(),
    };
    Arc::new(Balls { spec, careless })
}

fn config(n_envs: usize, shards: usize) -> VecEnvConfig {
    VecEnvConfig {
        shards: Some(shards),
        autoreset: Autoreset::SameStep,
        ..VecEnvConfig::of(n_envs)
    }
}

fn run(envs: &mut VecEnv, rollout: &mut Rollout, steps: std::ops::Range<usize>) {
    for t in steps {
        let (actions, row) = rollout.step_mut(t);
        envs.step(actions, row).unwrap();
    }
}

#[test]
fn slots_are_kept_apart_for_any_number_of_shards() {
    let course = |shards| {
        let mut envs = VecEnv::new(balls(false), &config(6, shards)).unwrap();
        let mut rollout = Rollout::new(envs.layout(), 20);
        envs.reset(Seeds::Base(3), rollout.first_row_mut()).unwrap();
        run(&mut envs, &mut rollout, 0..20);
        let hashes: Vec<_> = (0..6).map(|i| envs.state_hash(i).unwrap()).collect();
        (rollout, hashes)
    };
    let (all, hashes) = course(1);
    assert_eq!(course(6), (all.clone(), hashes.clone()));
    assert_eq!(course(2), (all, hashes));
}

#[test]
fn snapshots_hold_the_slots_in_use() {
    let mut envs = VecEnv::new(balls(false), &config(5, 1)).unwrap();
    let mut first = Rollout::new(envs.layout(), 30);
    envs.reset(Seeds::Base(8), first.first_row_mut()).unwrap();
    run(&mut envs, &mut first, 0..11);
    let saved: Vec<_> = (0..5).map(|i| envs.save(i).unwrap()).collect();
    let mut second = first.clone();
    let mut other = VecEnv::new(balls(false), &config(5, 2)).unwrap();
    for (i, bytes) in saved.iter().enumerate() {
        other.restore(i, bytes).unwrap();
        assert_eq!(other.state_hash(i).unwrap(), envs.state_hash(i).unwrap());
        for cut in 0..bytes.len() {
            let error = other.restore(i, &bytes[..cut]).unwrap_err();
            assert!(matches!(error, SimError::Snapshot { .. }), "{error}");
        }
        other.restore(i, bytes).unwrap();
    }
    run(&mut envs, &mut first, 11..30);
    run(&mut other, &mut second, 11..30);
    assert_eq!(first, second);
}

#[test]
fn slot_state_without_a_codec_is_refused() {
    let error = VecEnv::new(balls(true), &config(2, 1)).err().unwrap();
    assert!(
        matches!(error, SimError::MissingCodec { missing: 1, .. }),
        "{error}"
    );
}
