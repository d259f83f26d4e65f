//! Parity with Gymnasium's classic control: the same seeds and actions give the same trajectories, over several episodes.
//!
//! Recorded by `scripts/record_gymnasium_golden.py`, which describes the files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use std::path::PathBuf;

use prospect_sim::{Rollout, VecEnvConfig};
use support::{Batch, make, npz};

/// Reward and every 8th observation are recorded.
const STRIDE: usize = 8;
const STEPS: usize = 1000;

/// What is read of a task's file.
struct Golden {
    seeds: Vec<u64>,
    discrete: Vec<i32>,
    continuous: Vec<f32>,
    flags: Vec<u8>,
    reward: Vec<f32>,
    observation: Vec<f32>,
    finals: Vec<f32>,
}

fn golden(id: &str, discrete: bool) -> Golden {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/golden/classic/{id}.npz"));
    Golden {
        seeds: npz(&path, "seed"),
        discrete: if discrete {
            npz::<u8>(&path, "actions").into_iter().map(i32::from).collect()
        } else {
            Vec::new()
        },
        continuous: if discrete {
            Vec::new()
        } else {
            npz(&path, "actions")
        },
        flags: npz(&path, "flags"),
        reward: npz(&path, "reward"),
        observation: npz(&path, "observation"),
        finals: npz(&path, "final"),
    }
}

/// Observations of all tapes: at state row `t`, or the final ones.
fn seen(rollout: &Rollout, row: Option<usize>) -> Vec<f32> {
    let slice = match row {
        Some(row) => rollout.observation_row(0, row),
        None => rollout.final_observation(0),
    };
    slice.as_f32().unwrap().to_vec()
}

/// Equal in float32 within 1e-6, of the value where it is larger than 1.
#[track_caller]
fn assert_close(ours: &[f32], golden: &[f32], what: &str) {
    assert_eq!(ours.len(), golden.len(), "{what}");
    for (a, b) in ours.iter().zip(golden) {
        assert!(
            (a - b).abs() <= 1e-6 * b.abs().max(1.0),
            "{what}: {ours:?} instead of {golden:?}"
        );
    }
}

/// Plays all tapes of a task at once and compares every record. Returns the number of values that differ in their last bits.
fn play(id: &str, discrete: bool) -> usize {
    let golden = golden(id, discrete);
    let tapes = golden.seeds.len();
    let mut batch = Batch::new(&make(id, "{}"), &golden.seeds, VecEnvConfig::default());
    let width = batch.vec.layout().observation[0].width();
    let samples = STEPS / STRIDE + 1;
    let mut finals = vec![Vec::new(); tapes];
    let mut differing = 0;
    let mut compare = |rollout: &Rollout, row: usize, sample: usize| {
        for (tape, ours) in seen(rollout, Some(row)).chunks_exact(width).enumerate() {
            let first = (tape * samples + sample) * width;
            let golden = &golden.observation[first..first + width];
            assert_close(
                ours,
                golden,
                &format!("{id}: tape {tape}, observation {}", sample * STRIDE),
            );
            differing += ours
                .iter()
                .zip(golden)
                .filter(|(a, b)| a.to_bits() != b.to_bits())
                .count();
        }
    };
    compare(&batch.rollout, 0, 0);
    for t in 0..STEPS {
        let column = |k: usize| k * STEPS + t;
        if discrete {
            batch.step(&(0..tapes).map(|k| golden.discrete[column(k)]).collect::<Vec<_>>());
        } else {
            batch.step_continuous(
                &(0..tapes)
                    .map(|k| golden.continuous[column(k)])
                    .collect::<Vec<_>>(),
            );
        }
        let rollout = &batch.rollout;
        for (k, finals) in finals.iter_mut().enumerate() {
            let flags = u8::from(rollout.terminated()[k]) | u8::from(rollout.truncated()[k]) << 1;
            assert_eq!(
                flags,
                golden.flags[column(k)],
                "{id}: flags of tape {k}, step {t}"
            );
            if flags != 0 {
                finals.extend_from_slice(&seen(rollout, None)[k * width..(k + 1) * width]);
            }
            if t % STRIDE == STRIDE - 1 {
                let reward = golden.reward[k * (samples - 1) + t / STRIDE];
                assert_close(
                    &[rollout.reward()[k] as f32],
                    &[reward],
                    &format!("{id}: reward {t} of {k}"),
                );
            }
        }
        if t % STRIDE == STRIDE - 1 {
            compare(rollout, 1, t / STRIDE + 1);
        }
    }
    assert_close(
        &finals.concat(),
        &golden.finals,
        &format!("{id}: final observations"),
    );
    differing
}

#[test]
fn cart_pole_equals_gymnasiums() {
    assert_eq!(play("CartPole-v1", true), 0);
}

#[test]
fn acrobot_equals_gymnasiums() {
    // Gymnasium takes sine and cosine of an episode's first angles in float32, which we do not.
    let differing = play("Acrobot-v1", true);
    assert!(differing < 10, "{differing} values differ in their last bits");
}

#[test]
fn mountain_car_equals_gymnasiums() {
    assert_eq!(play("MountainCar-v0", true), 0);
}

#[test]
fn continuous_mountain_car_equals_gymnasiums() {
    assert_eq!(play("MountainCarContinuous-v0", false), 0);
}

#[test]
fn pendulum_equals_gymnasiums() {
    assert_eq!(play("Pendulum-v1", false), 0);
}
