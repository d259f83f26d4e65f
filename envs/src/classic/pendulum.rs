//! Pendulum-v1: swing a pendulum up and hold it there with a torque too weak to lift it at once.

use std::f64::consts::PI;

use prospect_sim::random::Generator;
use prospect_sim::{ActionSpace, Dtype, Field, Frame, Plane};
use serde::{Deserialize, Serialize};

use super::task::{Description, State, Task, Verdict, in_range, real_fact};
use crate::canvas::{Canvas, INK, WHITE};

const MAX_SPEED: f64 = 8.0;
const MAX_TORQUE: f32 = 2.0;
const DT_S: f64 = 0.05;
/// Mass in kg and length in m are 1.
const START: [f64; 2] = [PI, 1.0];
/// `(pi^2 + 0.1 * 8^2 + 0.001 * 2^2)`
const LARGEST_COST: f64 = 16.273_604_401_089_36;

/// A pendulum and a torque of at most 2 N m, as Gymnasium's `PendulumEnv` moves it: semi-implicit Euler steps of 0.05 s in
/// f64, the torque's part in f32.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pendulum {
    /// Gravity in m/s².
    pub gravity: f64,
}

impl Default for Pendulum {
    fn default() -> Self {
        Self { gravity: 10.0 }
    }
}

/// Where the pendulum is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PendulumState {
    /// Angle from upright in rad, not brought into one turn.
    pub angle: f64,
    /// Its velocity, in rad/s.
    pub velocity: f64,
}

impl State for PendulumState {
    const NAME: &'static str = "pendulum";
}

/// The angle in `[-pi, pi)`, by Python's remainder, whose sign is the divisor's.
fn normalised(angle: f64) -> f64 {
    const TURN: f64 = 2.0 * PI;
    let rest = (angle + PI) % TURN;
    (if rest < 0.0 { rest + TURN } else { rest }) - PI
}

impl Task for Pendulum {
    type State = PendulumState;
    type Action = [f32; 1];
    type Observation = [f32; 3];

    fn describe(&self) -> Description {
        let fact = |name, limit: f64, unit, doc| real_fact(name, [-limit, limit], unit, doc);
        Description {
            observation: vec![Field::new("observation", Dtype::F32, &[3], -MAX_SPEED, MAX_SPEED)],
            actions: ActionSpace::Continuous {
                low: vec![-MAX_TORQUE],
                high: vec![MAX_TORQUE],
            },
            action_names: &[],
            reward_range: (-LARGEST_COST, 0.0),
            facts: vec![
                fact("angle_rad", PI, "rad", "angle from upright, counter-clockwise"),
                fact(
                    "angular_velocity_radps",
                    MAX_SPEED,
                    "rad/s",
                    "velocity of the angle",
                ),
            ],
            success: None,
            max_steps: 200,
        }
    }

    fn start(&self, rng: &mut Generator) -> PendulumState {
        let [angle, velocity] = START.map(|limit| rng.uniform(-limit, limit));
        PendulumState { angle, velocity }
    }

    #[inline]
    fn step(&self, state: &mut PendulumState, [action]: [f32; 1], _: &mut Generator) -> Verdict {
        let torque = action.clamp(-MAX_TORQUE, MAX_TORQUE);
        let PendulumState { angle, velocity } = *state;
        let tilt = normalised(angle);
        let cost = tilt * tilt + 0.1 * (velocity * velocity) + f64::from(0.001 * (torque * torque));
        let acceleration = 3.0 * self.gravity / 2.0 * angle.sin() + f64::from(3.0 * torque);
        let velocity = (velocity + acceleration * DT_S).clamp(-MAX_SPEED, MAX_SPEED);
        *state = PendulumState {
            angle: angle + velocity * DT_S,
            velocity,
        };
        Verdict {
            reward: -cost,
            terminated: false,
            success: false,
        }
    }

    #[inline]
    fn observe(&self, state: &PendulumState) -> [f32; 3] {
        let (sin, cos) = state.angle.sin_cos();
        [cos as f32, sin as f32, state.velocity as f32]
    }

    fn fact(&self, state: &PendulumState, index: usize) -> f64 {
        [normalised(state.angle), state.velocity][index]
    }

    fn plane(&self) -> Plane {
        Plane {
            facts: ["angle_rad", "angular_velocity_radps"],
            low: [-PI, -MAX_SPEED],
            high: [PI, MAX_SPEED],
            cells: [36, 32],
            goal: None,
        }
    }

    fn place(&self, _: &PendulumState, at: [f64; 2]) -> Option<PendulumState> {
        let [angle, velocity] = at;
        in_range(&self.plane(), at).then_some(PendulumState { angle, velocity })
    }

    fn draw(&self, state: &PendulumState, tile: usize) -> Frame {
        let mut canvas = Canvas::new([8 * tile, 8 * tile], [-1.3; 2], [1.3; 2], WHITE);
        let (sin, cos) = state.angle.sin_cos();
        canvas.line([0.0; 2], [-sin, cos], 0.2, [204, 77, 77]);
        canvas.disc([0.0; 2], 0.05, INK);
        canvas.finish()
    }
}
