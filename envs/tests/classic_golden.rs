//! Parity with Gymnasium's classic control and Gymnasium-Robotics' point mazes: the same seeds and actions give the same
//! trajectories, over several episodes.
//!
//! Recorded by `scripts/record_gymnasium_golden.py` and `scripts/record_pointmaze_golden.py`, which describe the files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use std::path::PathBuf;

use prospect_sim::{Rollout, VecEnvConfig};
use support::{Batch, make, npz};

/// Reward and every 8th observation are recorded.
const STRIDE: usize = 8;
const STEPS: usize = 1000;
const SAMPLES: usize = STEPS / STRIDE + 1;

/// A task, and how its record is compared.
struct Case {
    id: &'static str,
    options: &'static str,
    /// The components that make up a recorded observation.
    components: &'static [usize],
    /// Largest difference, of values above 1 in relation to them.
    tolerance: f32,
}

impl Case {
    fn npz<T: npyz::Deserialize>(&self, name: &str) -> Vec<T> {
        let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/classic");
        npz(&golden.join(format!("{}.npz", self.id)), name)
    }

    /// What is seen of env `k` at a state row, or of its end.
    fn seen(&self, rollout: &Rollout, row: Option<usize>, k: usize) -> Vec<f32> {
        let parts = self.components.iter().map(|&component| {
            let width = rollout.layout().observation[component].width();
            let slice = match row {
                Some(row) => rollout.observation_row(component, row),
                None => rollout.final_observation(component),
            };
            slice.as_f32().unwrap()[k * width..(k + 1) * width].to_vec()
        });
        parts.collect::<Vec<_>>().concat()
    }

    #[track_caller]
    fn assert_close(&self, ours: &[f32], golden: &[f32], what: &str) {
        assert_eq!(ours.len(), golden.len(), "{}: {what}", self.id);
        for (a, b) in ours.iter().zip(golden) {
            let error = (a - b).abs() / b.abs().max(1.0);
            assert!(
                error <= self.tolerance,
                "{}: {what}: {ours:?} instead of {golden:?}",
                self.id
            );
        }
    }

    /// Plays all tapes at once and compares every record.
    fn play(&self) -> Difference {
        let (seeds, flags): (Vec<u64>, Vec<u8>) = (self.npz("seed"), self.npz("flags"));
        let (rewards, observations): (Vec<f32>, Vec<f32>) = (self.npz("reward"), self.npz("observation"));
        let config = VecEnvConfig {
            facts: self.success().map(|_| "success".to_owned()).into_iter().collect(),
            ..VecEnvConfig::default()
        };
        let mut batch = Batch::new(&make(self.id, self.options), &seeds, config);
        let width = observations.len() / seeds.len() / SAMPLES;
        let mut finals = vec![Vec::new(); seeds.len()];
        let mut difference = Difference::default();
        let mut compare = |rollout: &Rollout, row: usize, sample: usize| {
            for tape in 0..seeds.len() {
                let first = (tape * SAMPLES + sample) * width;
                let (ours, golden) = (
                    self.seen(rollout, Some(row), tape),
                    &observations[first..first + width],
                );
                self.assert_close(
                    &ours,
                    golden,
                    &format!("tape {tape}, observation {}", sample * STRIDE),
                );
                ours.iter().zip(golden).for_each(|(a, b)| difference.add(*a, *b));
            }
        };
        compare(&batch.rollout, 0, 0);
        let (actions, success) = (self.actions(&batch), self.success());
        for t in 0..STEPS {
            actions.step(&mut batch, seeds.len(), t);
            let rollout = &batch.rollout;
            for (k, finals) in finals.iter_mut().enumerate() {
                let at = k * STEPS + t;
                let ours = u8::from(rollout.terminated()[k]) | u8::from(rollout.truncated()[k]) << 1;
                assert_eq!(ours, flags[at], "{}: flags of tape {k}, step {t}", self.id);
                if ours != 0 {
                    finals.extend(self.seen(rollout, None, k));
                }
                if let Some(success) = &success {
                    assert_eq!(
                        rollout.event_fact(0).get_f64(k),
                        f64::from(success[at]),
                        "{}: {t}",
                        self.id
                    );
                }
                if t % STRIDE == STRIDE - 1 {
                    let reward = rewards[k * (SAMPLES - 1) + t / STRIDE];
                    self.assert_close(
                        &[rollout.reward()[k] as f32],
                        &[reward],
                        &format!("reward {t} of {k}"),
                    );
                }
            }
            if t % STRIDE == STRIDE - 1 {
                compare(rollout, 1, t / STRIDE + 1);
            }
        }
        if self.success().is_none() {
            self.assert_close(&finals.concat(), &self.npz::<f32>("final"), "final observations");
        }
        difference
    }

    /// Recorded successes, of point mazes.
    fn success(&self) -> Option<Vec<u8>> {
        self.id.starts_with("PointMaze").then(|| self.npz("success"))
    }

    fn actions(&self, batch: &Batch) -> Tapes {
        if batch.vec.layout().actions.is_continuous() {
            Tapes::Continuous(self.npz("actions"), batch.vec.layout().actions.width())
        } else {
            Tapes::Discrete(self.npz::<u8>("actions").into_iter().map(i32::from).collect())
        }
    }
}

/// How far observations were from recorded ones.
#[derive(Debug, Default, PartialEq)]
struct Difference {
    /// Values of which not all bits are equal.
    values: usize,
    largest: f32,
}

impl Difference {
    fn add(&mut self, ours: f32, golden: f32) {
        self.values += usize::from(ours.to_bits() != golden.to_bits());
        self.largest = self.largest.max((ours - golden).abs());
    }
}

/// Actions `[tapes, STEPS, width]`.
enum Tapes {
    Discrete(Vec<i32>),
    Continuous(Vec<f32>, usize),
}

impl Tapes {
    fn step(&self, batch: &mut Batch, tapes: usize, t: usize) {
        let at = |tape: usize| tape * STEPS + t;
        match self {
            Self::Discrete(all) => batch.step(&(0..tapes).map(|tape| all[at(tape)]).collect::<Vec<_>>()),
            Self::Continuous(all, width) => {
                let rows = (0..tapes).flat_map(|tape| &all[at(tape) * width..(at(tape) + 1) * width]);
                batch.step_continuous(&rows.copied().collect::<Vec<_>>());
            }
        }
    }
}

/// A task of classic control, within 1e-6.
fn play(id: &'static str) -> Difference {
    let case = Case {
        id,
        options: "{}",
        components: &[0],
        tolerance: 1e-6,
    };
    case.play()
}

#[test]
fn cart_pole_equals_gymnasiums() {
    assert_eq!(play("CartPole-v1"), Difference::default());
}

#[test]
fn acrobot_equals_gymnasiums() {
    // Gymnasium takes sine and cosine of an episode's first angles in float32, which we do not.
    let difference = play("Acrobot-v1");
    assert!(difference.values < 10, "{difference:?}");
}

#[test]
fn mountain_car_equals_gymnasiums() {
    assert_eq!(play("MountainCar-v0"), Difference::default());
}

#[test]
fn continuous_mountain_car_equals_gymnasiums() {
    assert_eq!(play("MountainCarContinuous-v0"), Difference::default());
}

#[test]
fn pendulum_equals_gymnasiums() {
    assert_eq!(play("Pendulum-v1"), Difference::default());
}

/// A maze. Walls are met often, and MuJoCo solves contacts only within a tolerance.
fn play_maze(id: &'static str, options: &'static str) {
    let case = Case {
        id,
        options,
        components: &[0, 2],
        tolerance: 1e-5,
    };
    let difference = case.play();
    assert!(difference.largest < 2e-6, "{id}: {difference:?}");
}

#[test]
fn point_mazes_equal_gymnasium_robotics() {
    for (id, options) in [
        ("PointMaze_UMaze-v3", "{}"),
        ("PointMaze_Open-v3", r#"{"continuing_task": false}"#),
        ("PointMaze_OpenDense-v3", r#"{"reset_target": true}"#),
        ("PointMaze_Medium-v3", r#"{"reset_target": true}"#),
        ("PointMaze_Large-v3", "{}"),
    ] {
        play_maze(id, options);
    }
}

#[test]
fn diverse_point_mazes_draw_the_same_starts_and_goals() {
    for id in [
        "PointMaze_Open_Diverse_G-v3",
        "PointMaze_Open_Diverse_GR-v3",
        "PointMaze_Medium_Diverse_G-v3",
        "PointMaze_Medium_Diverse_GR-v3",
        "PointMaze_Large_Diverse_G-v3",
        "PointMaze_Large_Diverse_GR-v3",
    ] {
        play_maze(id, r#"{"max_steps": 40}"#);
    }
}
