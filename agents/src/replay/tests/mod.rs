//! Tests of the replay against a record of everything that was ever pushed.

mod checkpoints;
mod priorities;
mod relabel;
mod returns;
mod windows;

use prospect_sim::{ActionSpace, Dtype, Field, Rollout, RowLayout, random::Generator};

use super::*;

/// A made-up run whose values tell where they come from: state `r` of actor `k` is `[r, k]`, the final one after step `r` is
/// `[r + 0.5, k]`.
#[derive(Debug, Clone)]
pub(super) struct Tape {
    pub(super) actors: usize,
    pub(super) steps: Vec<Vec<Step>>,
}

/// One step of one actor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) terminated: bool,
    pub(super) truncated: bool,
    pub(super) alive: bool,
    pub(super) action: i32,
    pub(super) reward: f64,
}

impl Step {
    pub(super) fn ended(self) -> bool {
        self.terminated || self.truncated
    }
}

impl Tape {
    /// Episodes of about eight steps with either end; `dying` actors miss a step now and then.
    pub(super) fn random(actors: usize, n_steps: usize, dying: bool, seed: u64) -> Self {
        let mut rng = Generator::default_rng(seed);
        let mut step = || Step {
            terminated: rng.choice(12) == 0,
            truncated: rng.choice(20) == 0,
            alive: !dying || rng.choice(4) > 0,
            action: rng.choice(5) as i32,
            reward: rng.random(),
        };
        let steps = (0..n_steps)
            .map(|_| (0..actors).map(|_| step()).collect())
            .collect();
        Self { actors, steps }
    }

    /// One actor; `.` is a step, `T` one that terminates, `|` one that truncates the episode. Rewards are 1, 2, 3, …
    pub(super) fn of(text: &str) -> Self {
        let step = |(i, letter)| {
            vec![Step {
                terminated: letter == 'T',
                truncated: letter == '|',
                alive: true,
                action: 0,
                reward: f64::from(i as u32 + 1),
            }]
        };
        Self {
            actors: 1,
            steps: text.chars().enumerate().map(step).collect(),
        }
    }

    pub(super) fn layout(&self) -> RowLayout {
        RowLayout {
            n_envs: self.actors,
            agents_per_env: 1,
            observation: vec![
                Field::new("vector", Dtype::F32, &[2], 0.0, 1e6),
                Field::new("image", Dtype::U8, &[1, 3], 0.0, 255.0),
                Field::new("place", Dtype::Index, &[], 0.0, 3.0),
            ],
            state_facts: vec![Field::new("row", Dtype::I32, &[], 0.0, 1e6)],
            event_facts: vec![Field::new("happened", Dtype::Bool, &[], 0.0, 1.0)],
            actions: ActionSpace::Discrete { n: 5 },
        }
    }

    /// Steps `from..to` as a rollout.
    pub(super) fn rollout(&self, from: usize, to: usize) -> Rollout {
        let mut rollout = Rollout::new(&self.layout(), to - from);
        let k = self.actors;
        let columns = rollout.columns_mut();
        for at in 0..(to - from + 1) * k {
            let (row, actor) = (from + at / k, at % k);
            write(columns.observation, at, vector(row, actor));
            columns.state_facts[0]
                .slice_mut(at..at + 1)
                .set_f64(0, row as f64);
        }
        for at in 0..(to - from) * k {
            let (row, actor) = (from + at / k, at % k);
            let step = self.steps[row][actor];
            if step.ended() {
                write(columns.final_observation, at, final_vector(row, actor));
                columns.final_facts[0]
                    .slice_mut(at..at + 1)
                    .set_f64(0, -(row as f64));
            }
            columns.event_facts[0]
                .slice_mut(at..at + 1)
                .set_f64(0, f64::from(step.action == 3));
            columns
                .actions
                .slice_mut(at..at + 1)
                .set_f64(0, f64::from(step.action));
            columns.reward[at] = step.reward;
            columns.terminated[at] = step.terminated;
            columns.truncated[at] = step.truncated;
            columns.alive[at] = step.alive;
        }
        rollout
    }

    /// One column of context for steps `from..to`.
    pub(super) fn context(&self, from: usize, to: usize) -> Vec<f32> {
        (from * self.actors..to * self.actors)
            .map(|at| at as f32 + 0.25)
            .collect()
    }

    /// Pushes steps `from..to` in rollouts of `block` steps.
    pub(super) fn push(&self, replay: &mut Replay, from: usize, to: usize, block: usize) {
        for start in (from..to).step_by(block) {
            let end = (start + block).min(to);
            let context = self.context(start, end);
            replay.push(&self.rollout(start, end), |_| &context).unwrap();
        }
    }

    /// A replay of `rows` rows that has seen the whole tape in rollouts of `block` steps.
    pub(super) fn replay(&self, rows: usize, block: usize) -> Replay {
        let mut replay = Replay::new(&self.layout(), 1, rows * self.actors).unwrap();
        self.push(&mut replay, 0, self.steps.len(), block);
        replay
    }
}

pub(super) fn vector(row: usize, actor: usize) -> [f32; 2] {
    [row as f32, actor as f32]
}

pub(super) fn final_vector(row: usize, actor: usize) -> [f32; 2] {
    [row as f32 + 0.5, actor as f32]
}

fn write(observation: &mut [prospect_sim::Buffer], at: usize, vector: [f32; 2]) {
    observation[0].write(2 * at, Slice::F32(&vector));
    observation[1].write(3 * at, Slice::U8(&image(vector)));
    observation[2].write(at, Slice::I32(&[place(vector)]));
}

/// Another component that goes with a vector.
pub(super) fn image([a, b]: [f32; 2]) -> [u8; 3] {
    [(2.0 * a) as i32 as u8, b as u8, 7]
}

/// A third one, which has few values.
pub(super) fn place([a, b]: [f32; 2]) -> i32 {
    let (a, b) = ((2.0 * a) as i32, b as i32);
    (a * a / 4 + a + b) % 4
}
