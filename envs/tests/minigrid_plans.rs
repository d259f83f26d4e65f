//! The planner: its tapes succeed here and in the Python package, and are as short as a blind search says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use prospect_sim::{Seeds, VecEnvConfig};
use support::{Batch, Expected, assert_tapes, golden, ids, make};

#[test]
fn recorded_success_tapes_equal_minigrids() {
    for id in ids() {
        let golden = golden(&id);
        assert!(golden.plans.len() >= 6, "{id}: {} tapes", golden.plans.len());
        assert!(
            golden
                .plans
                .iter()
                .any(|plan| plan.max_steps.is_some() && plan.truncations == 1)
        );
        for plan in &golden.plans {
            let options = plan
                .max_steps
                .map_or_else(|| "{}".to_owned(), |n| format!("{{\"max_steps\": {n}}}"));
            let tape: Vec<i32> = plan
                .actions
                .bytes()
                .map(|digit| i32::from(digit - b'0'))
                .collect();
            let expected = Expected {
                low: &plan.low,
                crc: plan.crc,
                successes: plan.successes,
                truncations: plan.truncations,
            };
            let mut batch = Batch::new(&make(&id, &options), &[plan.seed], VecEnvConfig::default());
            assert_tapes(&mut batch, &[tape], &[expected], &id);
        }
    }
}

/// Levels of later seeds: planned, played, and the reward is the planner's promise.
#[test]
fn plans_reach_success_on_many_levels() {
    const LEVELS: usize = 20;
    for id in ids() {
        let env = make(&id, "{}");
        let max_steps = f64::from(env.spec().max_steps.unwrap());
        let seeds: Vec<u64> = (500..500 + LEVELS as u64).collect();
        let mut batch = Batch::new(&env, &seeds, VecEnvConfig::default());
        let plans: Vec<Vec<i32>> = (0..LEVELS).map(|level| batch.vec.plan(level).unwrap()).collect();
        let longest = plans.iter().map(Vec::len).max().unwrap();
        let mut solved = [false; LEVELS];
        for t in 0..longest {
            let actions: Vec<i32> = plans
                .iter()
                .map(|plan| plan.get(t).copied().unwrap_or(6))
                .collect();
            batch.step(&actions);
            for (level, plan) in plans.iter().enumerate().filter(|(_, plan)| t < plan.len()) {
                let last = t + 1 == plan.len();
                let reward = if last {
                    1.0 - 0.9 * (plan.len() as f64 / max_steps)
                } else {
                    0.0
                };
                assert_eq!(
                    batch.rollout.reward()[level],
                    reward,
                    "{id} level {level} step {t}"
                );
                assert_eq!(
                    batch.rollout.terminated()[level],
                    last,
                    "{id} level {level} step {t}"
                );
                solved[level] |= last;
            }
        }
        assert_eq!(solved, [true; LEVELS], "{id}");
    }
}

/// Breadth-first over whole snapshots with all seven actions, nothing left out: the shortest tape there is.
fn blind_search(batch: &mut Batch, depth_limit: usize) -> usize {
    let mut seen = std::collections::BTreeSet::new();
    let mut frontier = vec![batch.vec.save(0).unwrap()];
    for depth in 1..=depth_limit {
        let mut next = Vec::new();
        for state in &frontier {
            for action in 0..7 {
                batch.vec.restore(0, state).unwrap();
                batch.step(&[action]);
                if batch.rollout.reward()[0] > 0.0 {
                    return depth;
                }
                if batch.rollout.ended(0, 0) {
                    continue;
                }
                // The image, the pose and the whole grid stand for the state; the clock is left out.
                let scene = batch.vec.scene(0).unwrap();
                let hands =
                    batch.rollout.observation_row(0, 1).as_u8().unwrap()[(3 * 7 + 6) * 3..][..3].to_vec();
                if seen.insert((scene.cells, scene.pose, hands)) {
                    next.push(batch.vec.save(0).unwrap());
                }
            }
        }
        frontier = next;
    }
    panic!("no success within {depth_limit} steps");
}

#[test]
fn plans_are_as_short_as_a_blind_search_finds() {
    for (id, seeds) in [
        ("MiniGrid-Empty-Random-5x5-v0", 0..4_u64),
        ("MiniGrid-DoorKey-5x5-v0", 0..4),
        ("MiniGrid-LavaGapS5-v0", 0..2),
        ("MiniGrid-MemoryS7-v0", 0..3),
        ("MiniGrid-MultiRoom-N2-S4-v0", 0..4),
        ("MiniGrid-KeyCorridorS3R1-v0", 0..2),
    ] {
        let env = make(id, "{}");
        for seed in seeds {
            let mut batch = Batch::new(&env, &[seed], VecEnvConfig::default());
            let plan = batch.vec.plan(0).unwrap();
            assert_eq!(
                blind_search(&mut batch, plan.len()),
                plan.len(),
                "{id} seed {seed}"
            );
        }
    }
}

#[test]
fn a_level_that_cannot_be_solved_any_more_has_no_plan() {
    // The box that is to be picked up vanishes when it is toggled.
    let env = make("MiniGrid-UnlockPickup-v0", "{}");
    let mut batch = Batch::new(&env, &[0], VecEnvConfig::default());
    let mut plan = batch.vec.plan(0).unwrap();
    assert_eq!(plan.pop(), Some(3));
    plan.push(5);
    for action in plan {
        batch.step(&[action]);
    }
    assert_eq!(batch.vec.plan(0), None);
    // A new episode can be solved again.
    batch
        .vec
        .reset(Seeds::Continue, batch.rollout.first_row_mut())
        .unwrap();
    assert!(batch.vec.plan(0).is_some());
}
