//! Driving tasks in batches: independent of shards and threads, restorable at any step, with facts in their ranges.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use prospect_envs::{Options, Registry};
use prospect_sim::FactKind;
use prospect_sim::random::Generator;
use support::batches::{replays_from_snapshots, same_with_any_shards, with_facts};
use support::{Batch, driving_ids, make};

#[test]
fn the_same_bytes_whatever_the_shards_and_threads() {
    let seeds: Vec<u64> = (40..47).collect();
    for id in driving_ids() {
        same_with_any_shards(&make(&id, "{}"), &seeds, 25);
    }
}

#[test]
fn a_snapshot_replays_the_same_bytes() {
    for id in driving_ids() {
        replays_from_snapshots(&make(&id, "{}"), 9, 40);
    }
}

#[test]
fn facts_lie_in_their_ranges() {
    for id in driving_ids() {
        let env = make(&id, "{}");
        let mut batch = Batch::new(&env, &[1, 2, 3], with_facts(&env));
        let actors = batch.vec.actors();
        let mut rng = Generator::default_rng(5);
        for _ in 0..30 {
            batch.step_randomly(&mut rng);
            let facts = env
                .spec()
                .facts
                .iter()
                .filter(|spec| spec.kind == FactKind::State);
            for spec in facts {
                let index = batch.vec.layout().state_fact(&spec.field.name).unwrap();
                for k in 0..actors {
                    let value = batch.rollout.state_fact(index).get_f64(actors + k);
                    assert!(
                        (spec.field.low - 1e-5..=spec.field.high + 1e-5).contains(&value),
                        "{id}: {} = {value}",
                        spec.field.name
                    );
                }
            }
        }
    }
}

#[test]
fn configurations_that_cannot_be_used_are_refused() {
    let refused = |options: &str| {
        let options: Options = serde_json::from_str(options).unwrap();
        let made = Registry::with_builtin().make("highway-v0", &options);
        made.err().unwrap().to_string()
    };
    for (options, message) in [
        (r#"{"lanes_count": 0}"#, "option `lanes_count` = 0"),
        (r#"{"initial_lane_id": 4}"#, "expected an integer from 0 to 3"),
        (r#"{"action": {"type": "Teleport"}}"#, "one of DiscreteMetaAction"),
        (
            r#"{"action": {"typ": "ContinuousAction"}}"#,
            "has no option `typ`",
        ),
        (
            r#"{"action": {"longitudinal": false, "lateral": false}}"#,
            "option `lateral` = false",
        ),
        (
            r#"{"action": {"target_speeds": [30, 20]}}"#,
            "numbers in ascending order",
        ),
        (
            r#"{"observation": {"features": ["presence", "colour"]}}"#,
            "a list of some of presence, x",
        ),
        (
            r#"{"observation": {"features_range": {"x": [1, -1]}}}"#,
            "low < high",
        ),
        (r#"{"other_vehicles_type": "Boat"}"#, "one of IDMVehicle"),
        (r#"{"policy_frequency": 30}"#, "an integer from 1 to 15"),
        (r#"{"duration": -3}"#, "option `duration` = -3"),
        (r#"{"weather": "rain"}"#, "has no option `weather`"),
    ] {
        let found = refused(options);
        assert!(found.contains(message), "{options}: {found}");
    }
}

#[test]
fn several_agents_drive_on_one_road() {
    let env = make("highway-fast-v0", r#"{"controlled_vehicles": 3}"#);
    assert_eq!(env.spec().agents_per_env, 3);
    let mut batch = Batch::new(&env, &[4, 5], with_facts(&env));
    let mut rng = Generator::default_rng(1);
    let lane = batch.vec.layout().state_fact("x_m").unwrap();
    let places: Vec<_> = (0..6)
        .map(|k| batch.rollout.state_fact(lane).get_f64(k))
        .collect();
    assert!(places[0] < places[1] && places[1] < places[2], "{places:?}");
    for _ in 0..40 {
        batch.step_randomly(&mut rng);
    }
}

#[test]
fn the_sparse_highway_pays_for_speed_that_lasts() {
    // Braking lasts, and is not paid for; nobody else is on the road, so the fastest way is paid for.
    let options = r#"{"vehicles_count": 0, "duration": 10}"#;
    for (action, paid) in [(4, 0.0), (1, 1.0), (3, 1.0)] {
        let env = make("highway-fast-Sparse-v0", options);
        let mut batch = Batch::new(&env, &[3], with_facts(&env));
        let success = batch.vec.layout().event_fact("success").unwrap();
        for step in 1..=10 {
            batch.step(&[action]);
            let ended = step == 10;
            let reward = if ended { paid } else { 0.0 };
            assert_eq!(batch.rollout.reward()[0], reward, "action {action}, step {step}");
            assert_eq!(batch.rollout.truncated()[0], ended);
            assert_eq!(
                batch.rollout.event_fact(success).get_f64(0),
                f64::from(u8::from(ended))
            );
        }
    }
}

#[test]
fn steps_are_told_by_captions() {
    let env = make(
        "highway-fast-v0",
        r#"{"vehicles_count": 0, "duration": 5, "initial_lane_id": 0}"#,
    );
    let mut batch = Batch::new(&env, &[3], with_facts(&env));
    let caption = batch.vec.layout().event_fact(prospect_sim::CAPTION).unwrap();
    let told = [2, 1, 0, 1, 1].map(|action| {
        batch.step(&[action]);
        let number = batch.rollout.event_fact(caption).get_f64(0) as i32;
        env.caption(number).into_owned()
    });
    let expected = [
        "changes to the right",
        "",
        "changes to the left",
        "",
        "the time is up without a crash",
    ];
    assert_eq!(told, expected);
    assert_eq!(env.caption(99), "");
}
