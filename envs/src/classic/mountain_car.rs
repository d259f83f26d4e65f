//! MountainCar-v0: a car too weak for the hill must swing itself up (Moore 1990).

use prospect_sim::random::Generator;
use prospect_sim::{ActionSpace, Dtype, Field, Frame, Plane};
use serde::{Deserialize, Serialize};

use super::task::{Description, State, Task, Verdict, in_range, real_fact};
use crate::canvas::{Canvas, GREEN, GREY, INK, RED, WHITE};

pub(super) const MIN_POSITION: f64 = -1.2;
pub(super) const MAX_POSITION: f64 = 0.6;
pub(super) const MAX_SPEED: f64 = 0.07;
pub(super) const GRAVITY: f64 = 0.0025;
const GOAL_POSITION: f64 = 0.5;
const FORCE: f64 = 0.001;

/// A car in a valley that is pushed left, not at all or right, as Gymnasium's `MountainCarEnv` moves it, in f64.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MountainCar {
    /// The velocity at which the flag must be reached, at least.
    pub goal_velocity: f64,
}

/// Where the car is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CarState {
    /// Position along x.
    pub position: f64,
    /// Change of the position per step.
    pub velocity: f64,
}

impl State for CarState {
    const NAME: &'static str = "mountain_car";
}

/// A position from which episodes start, at rest.
pub(super) fn start_position(rng: &mut Generator) -> f64 {
    rng.uniform(-0.6, -0.4)
}

/// Observation, facts and step limit of both cars; the rest is filled in by each.
pub(super) fn describe(actions: ActionSpace, max_steps: u32) -> Description {
    Description {
        observation: vec![Field::new(
            "observation",
            Dtype::F32,
            &[2],
            MIN_POSITION,
            MAX_POSITION,
        )],
        actions,
        action_names: &[],
        reward_range: (-1.0, -1.0),
        facts: vec![
            real_fact(
                "position",
                [MIN_POSITION, MAX_POSITION],
                "m",
                "position of the car along x",
            ),
            real_fact(
                "velocity",
                [-MAX_SPEED, MAX_SPEED],
                "m/step",
                "change of the position per step",
            ),
            real_fact(
                "height",
                [0.1, 1.0],
                "m",
                "height of the car: 0.45 sin(3 position) + 0.55",
            ),
        ],
        success: Some("the car has reached the flag"),
        max_steps,
    }
}

/// Fact `index` of [`describe`].
pub(super) fn fact(position: f64, velocity: f64, index: usize) -> f64 {
    [position, velocity, height(position)][index]
}

/// Position and velocity.
pub(super) fn plane() -> Plane {
    Plane {
        facts: ["position", "velocity"],
        low: [MIN_POSITION, -MAX_SPEED],
        high: [MAX_POSITION, MAX_SPEED],
        cells: [36, 28],
        goal: None,
    }
}

fn height(position: f64) -> f64 {
    (3.0 * position).sin() * 0.45 + 0.55
}

/// The valley, the flag at `goal`, and a car.
pub(super) fn draw(position: f64, goal: f64, tile: usize) -> Frame {
    const SEGMENTS: usize = 72;
    let mut canvas = Canvas::new([12 * tile, 8 * tile], [-1.25, -0.05], [0.65, 1.2], WHITE);
    let point = |i: usize| {
        let x = MIN_POSITION + (MAX_POSITION - MIN_POSITION) * i as f64 / SEGMENTS as f64;
        [x, height(x)]
    };
    for i in 0..SEGMENTS {
        canvas.line(point(i), point(i + 1), 0.012, GREY);
    }
    let top = [goal, height(goal) + 0.16];
    canvas.line([goal, height(goal)], top, 0.01, INK);
    canvas.rectangle([goal, top[1] - 0.06], [goal + 0.08, top[1]], GREEN);
    let slope = (1.35 * (3.0 * position).cos()).atan();
    let (sin, cos) = slope.sin_cos();
    // Points of the car: `along` the ground, `above` it.
    let at = |along: f64, above: f64| {
        [
            position + along * cos - above * sin,
            height(position) + along * sin + above * cos,
        ]
    };
    canvas.line(at(-0.05, 0.055), at(0.05, 0.055), 0.06, RED);
    for along in [-0.05, 0.05] {
        canvas.disc(at(along, 0.025), 0.022, INK);
    }
    canvas.finish()
}

impl Task for MountainCar {
    type State = CarState;
    type Action = i32;
    type Observation = [f32; 2];

    fn describe(&self) -> Description {
        Description {
            action_names: &["left", "none", "right"],
            ..describe(ActionSpace::Discrete { n: 3 }, 200)
        }
    }

    fn start(&self, rng: &mut Generator) -> CarState {
        CarState {
            position: start_position(rng),
            velocity: 0.0,
        }
    }

    #[inline]
    fn step(&self, state: &mut CarState, action: i32, _: &mut Generator) -> Verdict {
        let pull = f64::from(action - 1) * FORCE + (3.0 * state.position).cos() * -GRAVITY;
        let velocity = (state.velocity + pull).clamp(-MAX_SPEED, MAX_SPEED);
        let position = (state.position + velocity).clamp(MIN_POSITION, MAX_POSITION);
        // The left end is a wall.
        let stopped = position == MIN_POSITION && velocity < 0.0;
        *state = CarState {
            position,
            velocity: if stopped { 0.0 } else { velocity },
        };
        let terminated = position >= GOAL_POSITION && state.velocity >= self.goal_velocity;
        Verdict {
            reward: -1.0,
            terminated,
            success: terminated,
        }
    }

    #[inline]
    fn observe(&self, state: &CarState) -> [f32; 2] {
        [state.position as f32, state.velocity as f32]
    }

    fn fact(&self, state: &CarState, index: usize) -> f64 {
        fact(state.position, state.velocity, index)
    }

    fn plane(&self) -> Plane {
        plane()
    }

    fn place(&self, _: &CarState, at: [f64; 2]) -> Option<CarState> {
        let [position, velocity] = at;
        in_range(&plane(), at).then_some(CarState { position, velocity })
    }

    fn draw(&self, state: &CarState, tile: usize) -> Frame {
        draw(state.position, GOAL_POSITION, tile)
    }
}
