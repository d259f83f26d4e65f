//! Parity with the Python package `MiniGrid` 3.2.0: levels, observations, rewards and flags of every id.
//!
//! Recorded by `scripts/record_minigrid_golden.py`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use prospect_envs::Registry;
use prospect_sim::VecEnvConfig;
use support::{Batch, Expected, RandomTape, assert_tapes, golden, ids, make, random_actions, views};

fn play_random(id: &str, random: &[RandomTape], options: &str) {
    let env = make(id, options);
    let seeds: Vec<u64> = random.iter().map(|tape| tape.seed).collect();
    let tapes: Vec<_> = random
        .iter()
        .map(|tape| random_actions(tape.action_seed, tape.n_actions, tape.steps))
        .collect();
    let expected: Vec<_> = random
        .iter()
        .map(|tape| Expected {
            low: &tape.low,
            crc: tape.crc,
            successes: tape.successes,
            truncations: tape.truncations,
        })
        .collect();
    let mut batch = Batch::new(&env, &seeds, VecEnvConfig::default());
    assert_tapes(&mut batch, &tapes, &expected, id);
}

#[test]
fn every_id_has_a_record_that_passes_a_truncation() {
    let ids = ids();
    assert_eq!(ids.len(), 46);
    for id in ids {
        let golden = golden(&id);
        assert_eq!(make(&id, "{}").spec().max_steps, Some(golden.max_steps), "{id}");
        assert!(golden.random.len() >= 20, "{id}: {} seeds", golden.random.len());
        assert!(
            golden.random.iter().any(|tape| tape.truncations > 0),
            "{id}: no truncation"
        );
    }
}

#[test]
fn levels_equal_minigrids_over_several_episodes() {
    for id in ids() {
        let golden = golden(&id);
        let env = make(&id, r#"{"max_steps": 1}"#);
        let seeds: Vec<u64> = golden.levels.iter().map(|level| level.seed).collect();
        let mut batch = Batch::new(&env, &seeds, VecEnvConfig::default());
        let n = seeds.len();
        let mut crcs: Vec<u32> = (0..n).map(|env| batch.feed_level(0, env, 0)).collect();
        for _ in 1..golden.levels[0].episodes {
            batch.step(&vec![6; n]);
            for (env, crc) in crcs.iter_mut().enumerate() {
                *crc = batch.feed_level(*crc, env, 1);
            }
        }
        for (level, crc) in golden.levels.iter().zip(crcs) {
            assert_eq!(crc, level.crc, "{id}: levels of seed {}", level.seed);
        }
    }
}

#[test]
fn random_tapes_equal_minigrids() {
    for id in ids() {
        play_random(&id, &golden(&id).random, "{}");
    }
}

#[test]
fn random_tapes_equal_minigrids_on_portable_instructions() {
    for id in [
        "MiniGrid-DoorKey-8x8-v0",
        "MiniGrid-MultiRoom-N6-v0",
        "MiniGrid-Empty-8x8-v0",
    ] {
        play_random(id, &golden(id).random, r#"{"portable": true}"#);
    }
}

#[test]
fn random_tapes_equal_minigrids_with_smaller_views() {
    let views = views().tapes;
    assert!(views.len() >= 20);
    for tapes in views {
        let options = format!(r#"{{"view_size": {}}}"#, tapes.view_size);
        play_random(&tapes.id, &tapes.random, &options);
    }
}

#[test]
fn a_view_of_even_or_unknown_size_is_refused() {
    for size in ["4", "1", "9", "\"all\""] {
        let options = serde_json::from_str(&format!(r#"{{"view_size": {size}}}"#)).unwrap();
        let error = Registry::with_builtin()
            .make("MiniGrid-DoorKey-5x5-v0", &options)
            .err()
            .unwrap();
        assert!(error.to_string().contains("view_size"), "{error}");
        assert!(
            error.to_string().contains("an odd integer from 3 to 7"),
            "{error}"
        );
    }
}
