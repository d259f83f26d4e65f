//! Pictures of driving: grey observations are near the package's, stacks remember, and pictures show the scene.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use std::path::PathBuf;

use prospect_sim::VecEnvConfig;
use prospect_sim::random::Generator;
use support::{Batch, crc32, make, npz};

/// The seed of the recorded episodes.
const SEED: u64 = 3;

fn options(width: usize, height: usize, scaling: f64) -> String {
    format!(
        r#"{{"observation": {{"type": "GrayscaleObservation", "observation_shape": [{width}, {height}], "stack_size": 4,
            "weights": [0.2989, 0.5870, 0.1140], "scaling": {scaling}, "centering_position": [0.3, 0.5]}}}}"#
    )
}

/// Pearson's correlation of two pictures.
fn correlation(a: &[u8], b: &[u8]) -> f64 {
    let mean = |values: &[u8]| values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (f64::from(a) - mean_a, f64::from(b) - mean_b);
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    ab / (aa * bb).sqrt()
}

#[test]
fn grey_pictures_are_near_the_packages() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/driving/pictures");
    for (id, width, height, scaling, least) in [
        ("highway-v0", 128, 64, 1.75, 0.95),
        ("highway-fast-v0", 84, 84, 2.0, 0.95),
        ("roundabout-v0", 84, 84, 1.5, 0.9),
        ("merge-v0", 128, 64, 1.75, 0.95),
        ("u-turn-v0", 84, 84, 1.5, 0.95),
    ] {
        let record = folder.join(format!("{id}.npz"));
        let expected: Vec<u8> = npz(&record, "observations");
        let actions: Vec<i32> = npz(&record, "actions");
        let area = width * height;
        let env = make(id, &options(width, height, scaling));
        let mut batch = Batch::new(&env, &[SEED], VecEnvConfig::default());
        for step in 0..=actions.len() {
            let row = usize::from(step > 0);
            if step > 0 {
                batch.step(&actions[step - 1..step]);
            }
            let seen = if step > 0 && batch.rollout.ended(0, 0) {
                batch.rollout.final_observation(0)
            } else {
                batch.rollout.observation_row(0, row)
            };
            let seen = &seen.as_u8().unwrap()[..4 * area];
            let expected = &expected[step * 4 * area..(step + 1) * 4 * area];
            for picture in 0..4 {
                let range = picture * area..(picture + 1) * area;
                let (seen, expected) = (&seen[range.clone()], &expected[range]);
                if expected.iter().all(|&value| value == 0) {
                    assert!(seen.iter().all(|&value| value == 0), "{id}: step {step}");
                    continue;
                }
                let correlation = correlation(seen, expected);
                assert!(
                    correlation > least,
                    "{id}: step {step}, picture {picture}: {correlation}"
                );
            }
        }
    }
}

#[test]
fn stacks_shift_start_black_and_are_restored() {
    let env = make("highway-fast-v0", &options(40, 30, 1.5));
    let area = 40 * 30;
    let mut batch = Batch::new(&env, &[1, 2], VecEnvConfig::default());
    let stack = |batch: &Batch, row: usize, env: usize| {
        let all = batch.rollout.observation_row(0, row);
        all.as_u8().unwrap()[env * 4 * area..(env + 1) * 4 * area].to_vec()
    };
    let first = stack(&batch, 0, 0);
    assert!(first[..3 * area].iter().all(|&value| value == 0) && first[3 * area] != 0);
    batch.step(&[1, 1]);
    let second = stack(&batch, 1, 0);
    assert_eq!(second[2 * area..3 * area], first[3 * area..]);
    assert!(second[3 * area..] != first[3 * area..]);

    let mut other = Batch::new(&env, &[8, 9], VecEnvConfig::default());
    for k in 0..2 {
        other.vec.restore(k, &batch.vec.save(k).unwrap()).unwrap();
    }
    let play = |batch: &mut Batch| {
        let mut rng = Generator::default_rng(0);
        (0..60).fold(0, |crc, _| {
            batch.step_randomly(&mut rng);
            crc32(crc, &batch.bytes())
        })
    };
    assert_eq!(play(&mut batch), play(&mut other));
}

#[test]
fn pictures_show_the_scene() {
    for id in support::driving_ids() {
        let env = make(&id, "{}");
        let mut batch = Batch::new(&env, &[5], VecEnvConfig::default());
        let mut rng = Generator::default_rng(0);
        let first = batch.vec.render(0, 16).unwrap();
        assert_eq!(first.rgb.len(), first.width * first.height * 3);
        batch.step_randomly(&mut rng);
        let second = batch.vec.render(0, 16).unwrap();
        assert!(first.rgb != second.rgb, "{id}: the picture does not change");
    }
}

#[test]
fn impossible_pictures_are_refused() {
    let registry = prospect_envs::Registry::with_builtin();
    let error = |observation: &str| {
        let text = format!(r#"{{"observation": {{"type": "GrayscaleObservation", {observation}}}}}"#);
        let options = serde_json::from_str(&text).unwrap();
        registry.make("highway-v0", &options).err().unwrap().to_string()
    };
    assert!(error(r#""observation_shape": [0, 84]"#).contains("whole pixels"));
    assert!(error(r#""observation_shape": [84]"#).contains("numbers"));
    assert!(error(r#""stack_size": 0"#).contains("expected an integer from 1"));
    assert!(error(r#""scaling": 0"#).contains("expected a number from 0.1"));
}
