//! CartPole-v1: balance a pole on a cart that is pushed left or right (Barto, Sutton and Anderson 1983).

use std::f64::consts::PI;

use prospect_sim::random::Generator;
use prospect_sim::{ActionSpace, Dtype, Field, Frame, Plane};
use serde::{Deserialize, Serialize};

use super::task::{Description, State, Task, Verdict, in_range, real_fact};
use crate::canvas::{Canvas, GREY, INK, RED, WHITE};

const GRAVITY: f64 = 9.8;
const MASS_POLE: f64 = 0.1;
const TOTAL_MASS: f64 = MASS_POLE + 1.0;
/// Half of the pole.
const LENGTH: f64 = 0.5;
const POLE_MASS_LENGTH: f64 = MASS_POLE * LENGTH;
const FORCE: f64 = 10.0;
const DT_S: f64 = 0.02;
const MAX_ANGLE: f64 = 12.0 * 2.0 * PI / 360.0;
const MAX_POSITION: f64 = 2.4;
/// Half the width of the distribution of each number of the first state.
const START: f64 = 0.05;
/// Velocities beyond are not drawn in heatmaps; few policies that balance reach them.
const PLANE_VELOCITY: f64 = 3.0;

/// Cart and pole, as Gymnasium's `CartPoleEnv` moves them: explicit Euler steps of 0.02 s in f64.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CartPole {
    /// Pays 0 per step and -1 at the fall, as Barto, Sutton and Anderson did, instead of 1 per step.
    pub sutton_barto_reward: bool,
}

/// Where cart and pole are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CartPoleState {
    /// Position of the cart, in m.
    pub position: f64,
    /// Its velocity, in m/s.
    pub velocity: f64,
    /// Angle of the pole from upright, in rad.
    pub angle: f64,
    /// Its angular velocity, in rad/s.
    pub angular_velocity: f64,
}

impl State for CartPoleState {
    const NAME: &'static str = "cart_pole";
}

impl Task for CartPole {
    type State = CartPoleState;
    type Action = i32;
    type Observation = [f32; 4];

    const SURVIVAL: bool = true;

    fn describe(&self) -> Description {
        let all = f64::from(f32::MAX);
        let fact = |name, limit: f64, unit, doc| real_fact(name, [-limit, limit], unit, doc);
        Description {
            observation: vec![Field::new("observation", Dtype::F32, &[4], -all, all)],
            actions: ActionSpace::Discrete { n: 2 },
            action_names: &["left", "right"],
            reward_range: if self.sutton_barto_reward {
                (-1.0, 0.0)
            } else {
                (0.0, 1.0)
            },
            facts: vec![
                fact(
                    "cart_position_m",
                    2.0 * MAX_POSITION,
                    "m",
                    "position of the cart; 2.4 ends the episode",
                ),
                fact("cart_velocity_mps", all, "m/s", "velocity of the cart"),
                fact(
                    "pole_angle_rad",
                    2.0 * MAX_ANGLE,
                    "rad",
                    "angle of the pole from upright; 0.209 (12 degrees) ends the episode",
                ),
                fact(
                    "pole_angular_velocity_radps",
                    all,
                    "rad/s",
                    "angular velocity of the pole",
                ),
            ],
            success: Some("the pole was upright until the time was up"),
            max_steps: 500,
        }
    }

    fn start(&self, rng: &mut Generator) -> CartPoleState {
        let [position, velocity, angle, angular_velocity] = [(); 4].map(|()| rng.uniform(-START, START));
        CartPoleState {
            position,
            velocity,
            angle,
            angular_velocity,
        }
    }

    #[inline]
    fn step(&self, state: &mut CartPoleState, action: i32, _: &mut Generator) -> Verdict {
        let force = if action == 1 { FORCE } else { -FORCE };
        let (sin, cos) = state.angle.sin_cos();
        let spin = state.angular_velocity * state.angular_velocity;
        let push = (force + POLE_MASS_LENGTH * spin * sin) / TOTAL_MASS;
        let angular_acceleration =
            (GRAVITY * sin - cos * push) / (LENGTH * (4.0 / 3.0 - MASS_POLE * (cos * cos) / TOTAL_MASS));
        let acceleration = push - POLE_MASS_LENGTH * angular_acceleration * cos / TOTAL_MASS;
        state.position += DT_S * state.velocity;
        state.velocity += DT_S * acceleration;
        state.angle += DT_S * state.angular_velocity;
        state.angular_velocity += DT_S * angular_acceleration;
        let terminated = state.position.abs() > MAX_POSITION || state.angle.abs() > MAX_ANGLE;
        let reward = match (self.sutton_barto_reward, terminated) {
            (false, _) => 1.0,
            (true, false) => 0.0,
            (true, true) => -1.0,
        };
        Verdict {
            reward,
            terminated,
            success: false,
        }
    }

    #[inline]
    fn observe(&self, state: &CartPoleState) -> [f32; 4] {
        [
            state.position,
            state.velocity,
            state.angle,
            state.angular_velocity,
        ]
        .map(|value| value as f32)
    }

    fn fact(&self, state: &CartPoleState, index: usize) -> f64 {
        [
            state.position,
            state.velocity,
            state.angle,
            state.angular_velocity,
        ][index]
    }

    fn plane(&self) -> Plane {
        Plane {
            facts: ["pole_angle_rad", "pole_angular_velocity_radps"],
            low: [-MAX_ANGLE, -PLANE_VELOCITY],
            high: [MAX_ANGLE, PLANE_VELOCITY],
            cells: [32, 32],
            goal: None,
        }
    }

    fn place(&self, _: &CartPoleState, at: [f64; 2]) -> Option<CartPoleState> {
        in_range(&self.plane(), at).then_some(CartPoleState {
            position: 0.0,
            velocity: 0.0,
            angle: at[0],
            angular_velocity: at[1],
        })
    }

    fn draw(&self, state: &CartPoleState, tile: usize) -> Frame {
        let mut canvas = Canvas::new([12 * tile, 6 * tile], [-2.6, -0.45], [2.6, 2.15], WHITE);
        canvas.line([-2.6, 0.0], [2.6, 0.0], 0.02, GREY);
        for end in [-MAX_POSITION, MAX_POSITION] {
            canvas.line([end, -0.12], [end, 0.12], 0.02, RED);
        }
        let (x, axle) = (state.position, 0.15);
        canvas.rectangle([x - 0.3, 0.0], [x + 0.3, 0.3], INK);
        let (sin, cos) = state.angle.sin_cos();
        let tip = [x + 2.0 * LENGTH * 1.6 * sin, axle + 2.0 * LENGTH * 1.6 * cos];
        canvas.line([x, axle], tip, 0.1, [202, 152, 101]);
        canvas.disc([x, axle], 0.06, [129, 132, 203]);
        canvas.finish()
    }
}
