//! Classic control in batches: independent of shards and threads, restorable at any step, with facts, planes and pictures
//! that agree with the state.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use std::sync::Arc;

use prospect_sim::random::Generator;
use prospect_sim::{ACHIEVED_GOAL, DESIRED_GOAL, Env, VecEnvConfig};
use support::batches::{replays_from_snapshots, same_with_any_shards, with_facts};
use support::{Batch, classic_ids, make};

/// State fact `name` of env `k`, at state row `row`.
fn fact(batch: &Batch, name: &str, row: usize, k: usize) -> f64 {
    let at = row * batch.vec.n_envs() + k;
    let index = batch.vec.layout().state_fact(name).unwrap();
    batch.rollout.state_fact(index).get_f64(at)
}

#[test]
fn the_same_bytes_whatever_the_shards_and_threads() {
    let seeds: Vec<u64> = (40..77).collect();
    for id in classic_ids() {
        same_with_any_shards(&make(&id, r#"{"max_steps": 60}"#), &seeds, 150);
    }
}

#[test]
fn a_snapshot_replays_the_same_bytes() {
    for id in classic_ids() {
        replays_from_snapshots(&make(&id, r#"{"max_steps": 50}"#), 33, 120);
    }
}

/// The middles of the cells of an env's plane.
fn places(env: &Arc<dyn Env>) -> Vec<[f64; 2]> {
    let plane = env.plane().unwrap();
    let place = |cell: usize| {
        let index = [cell % plane.cells[0], cell / plane.cells[0]];
        std::array::from_fn(|i| {
            let width = (plane.high[i] - plane.low[i]) / plane.cells[i] as f64;
            plane.low[i] + (index[i] as f64 + 0.5) * width
        })
    };
    (0..plane.cells[0] * plane.cells[1]).map(place).collect()
}

#[test]
fn states_can_be_placed_all_over_the_plane() {
    for id in classic_ids() {
        let env = make(&id, "{}");
        let plane = env.plane().unwrap();
        let mut batch = Batch::new(&env, &[5], with_facts(&env));
        let mut placed = 0;
        let places = places(&env);
        for at in &places {
            if batch.vec.place_on_plane(0, *at) {
                placed += 1;
                batch.vec.observe(batch.rollout.first_row_mut());
                for i in 0..2 {
                    let value = fact(&batch, plane.facts[i], 0, 0);
                    assert!(
                        (value - at[i]).abs() < 1e-6,
                        "{id}: {} is {value} at {at:?}",
                        plane.facts[i]
                    );
                }
            }
        }
        assert!(
            placed > places.len() / 4,
            "{id}: {placed} of {} cells",
            places.len()
        );
        for i in 0..2 {
            let mut outside = [plane.low[0], plane.low[1]];
            outside[i] = plane.high[i] + 1.0;
            assert!(!batch.vec.place_on_plane(0, outside), "{id}: {outside:?}");
        }
    }
}

#[test]
fn facts_lie_in_their_ranges_and_count_steps() {
    for id in classic_ids() {
        let env = make(&id, r#"{"max_steps": 40}"#);
        let mut batch = Batch::new(&env, &[1, 2, 3], with_facts(&env));
        let mut rng = Generator::default_rng(5);
        let mut expected = [0.0; 3];
        for _ in 0..100 {
            batch.step_randomly(&mut rng);
            for (k, expected) in expected.iter_mut().enumerate() {
                *expected = if batch.rollout.ended(0, k) {
                    0.0
                } else {
                    *expected + 1.0
                };
                assert_eq!(fact(&batch, "step", 1, k), *expected, "{id}");
                for spec in env
                    .spec()
                    .facts
                    .iter()
                    .filter(|spec| spec.kind == prospect_sim::FactKind::State)
                {
                    let value = fact(&batch, &spec.field.name, 1, k);
                    assert!(
                        (spec.field.low - 1e-6..=spec.field.high + 1e-6).contains(&value),
                        "{id}: {} = {value}",
                        spec.field.name
                    );
                }
            }
        }
    }
}

/// The event fact `success` of env 0, and its flags.
fn told(batch: &Batch) -> (bool, bool, bool) {
    let rollout = &batch.rollout;
    let success = rollout.event_fact(0).as_bool().unwrap()[0];
    (success, rollout.terminated()[0], rollout.truncated()[0])
}

#[test]
fn success_is_the_flag_of_the_mountain_car() {
    let mut batch = Batch::new(
        &make("MountainCar-v0", "{}"),
        &[0],
        VecEnvConfig {
            facts: vec!["success".to_owned()],
            ..VecEnvConfig::default()
        },
    );
    // Just below the flag and too slow, then fast enough.
    for (velocity, reached) in [(0.0, false), (0.05, true)] {
        assert!(batch.vec.place_on_plane(0, [0.49, velocity]));
        batch.step(&[2]);
        assert_eq!(told(&batch), (reached, reached, false));
    }
}

#[test]
fn success_of_cart_pole_is_to_last() {
    let config = || VecEnvConfig {
        facts: vec!["success".to_owned()],
        ..VecEnvConfig::default()
    };
    let mut batch = Batch::new(&make("CartPole-v1", r#"{"max_steps": 3}"#), &[0], config());
    for step in 0..3 {
        batch.step(&[step % 2]);
        assert_eq!(told(&batch), (step == 2, false, step == 2));
    }
    // A pole that falls with the last step was not balanced.
    let mut batch = Batch::new(&make("CartPole-v1", r#"{"max_steps": 1}"#), &[0], config());
    assert!(batch.vec.place_on_plane(0, [0.209, 3.0]));
    batch.step(&[0]);
    assert_eq!(told(&batch), (false, true, true));
}

#[test]
fn options_change_the_task() {
    let reward = |id: &str, options: &str| {
        let mut batch = Batch::new(&make(id, options), &[0], VecEnvConfig::default());
        batch.step(&[0]);
        batch.rollout.reward()[0]
    };
    assert_eq!(reward("CartPole-v1", "{}"), 1.0);
    assert_eq!(reward("CartPole-v1", r#"{"sutton_barto_reward": true}"#), 0.0);
    let reaches = |options: &str| {
        let mut batch = Batch::new(&make("MountainCar-v0", options), &[0], VecEnvConfig::default());
        assert!(batch.vec.place_on_plane(0, [0.49, 0.02]));
        batch.step(&[2]);
        batch.rollout.terminated()[0]
    };
    assert!(reaches("{}") && !reaches(r#"{"goal_velocity": 0.03}"#));
    let speed = |options: &str| {
        let mut batch = Batch::new(&make("Pendulum-v1", options), &[0], VecEnvConfig::default());
        assert!(batch.vec.place_on_plane(0, [1.0, 0.0]));
        batch.step_continuous(&[0.0]);
        batch.rollout.observation_row(0, 1).get_f64(2)
    };
    assert_eq!(speed(r#"{"g": 0}"#), 0.0);
    assert!((speed("{}") - 15.0 * 1.0_f64.sin() * 0.05).abs() < 1e-6);
}

#[test]
fn pictures_show_the_state() {
    for id in classic_ids() {
        let env = make(&id, "{}");
        let mut batch = Batch::new(&env, &[5], VecEnvConfig::default());
        let mut frames = Vec::new();
        for at in places(&env) {
            if frames.len() < 2 && batch.vec.place_on_plane(0, at) {
                frames.push(batch.vec.render(0, 16).unwrap());
            }
        }
        assert_eq!(frames[0].rgb.len(), frames[0].width * frames[0].height * 3);
        assert!(
            frames[0].rgb != frames[1].rgb,
            "{id}: the picture does not change"
        );
    }
}

/// Reward and success of each env after a step, as the env and as its goals judge them.
#[test]
fn goals_judge_as_the_env_does() {
    for (id, options) in [
        ("PointMaze_Open-v3", r#"{"reset_target": true}"#),
        ("PointMaze_UMazeDense-v3", "{}"),
    ] {
        const N: usize = 64;
        let env = make(id, options);
        let goals = env.goals().unwrap();
        let config = VecEnvConfig {
            facts: vec!["success".to_owned()],
            ..VecEnvConfig::default()
        };
        let mut batch = Batch::new(&env, &(0..N as u64).collect::<Vec<_>>(), config);
        let mut rng = Generator::default_rng(0);
        let (mut reward, mut success, mut reached) = ([0.0; N], [false; N], 0);
        let component = |name| batch.vec.layout().component(name).unwrap();
        let (achieved, desired) = (component(ACHIEVED_GOAL), component(DESIRED_GOAL));
        for _ in 0..290 {
            batch.step_randomly(&mut rng);
            let rollout = &batch.rollout;
            let read = |i: usize| rollout.observation_row(i, 1).as_f32().unwrap();
            goals.judge(read(achieved), read(desired), &mut reward, &mut success);
            for k in 0..N {
                assert!((reward[k] - rollout.reward()[k]).abs() < 1e-6, "{id}");
                assert_eq!(success[k], rollout.event_fact(0).as_bool().unwrap()[k], "{id}");
            }
            reached += success.iter().filter(|success| **success).count();
        }
        assert!(reached > 0, "{id}: no goal was reached");
        assert!(!goals.success_terminates());
    }
    let once = make("PointMaze_Open-v3", r#"{"continuing_task": false}"#);
    assert!(once.goals().unwrap().success_terminates());
}
