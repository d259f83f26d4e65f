//! Acrobot-v1: swing the free end of two links above a line by a torque between them (Sutton 1996).

use std::f64::consts::{FRAC_PI_2, PI};
use std::hint::black_box;

use prospect_sim::random::Generator;
use prospect_sim::{ActionSpace, Dtype, Field, Frame, Plane};
use serde::{Deserialize, Serialize};

use super::task::{Description, State, Task, Verdict, in_range, real_fact};
use crate::canvas::{Canvas, GREY, INK, WHITE};

const DT_S: f64 = 0.2;
const GRAVITY: f64 = 9.8;
/// Length of a link in m; both weigh 1 kg, have their centre of mass in the middle and a moment of inertia of 1 kg m².
const LENGTH: f64 = 1.0;
const CENTRE: f64 = 0.5;
const INERTIA: f64 = 1.0;
const MAX_VELOCITY_1: f64 = 4.0 * PI;
const MAX_VELOCITY_2: f64 = 9.0 * PI;
/// Half the width of the distribution of each number of the first state.
const START: f64 = 0.1;
/// The height above the axle that the free end must reach.
const GOAL_HEIGHT: f64 = 1.0;

/// Two links and a torque of -1, 0 or 1 N m, as Gymnasium's `AcrobotEnv` moves them: one Runge-Kutta step of 0.2 s in f64 by
/// the equations of Sutton and Barto's book.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Acrobot;

/// Where the links are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AcrobotState {
    /// Angles in rad: of the first link from hanging down, of the second from the first; `[-pi, pi]`.
    pub angles: [f64; 2],
    /// Their velocities, in rad/s.
    pub velocities: [f64; 2],
}

impl State for AcrobotState {
    const NAME: &'static str = "acrobot";
}

impl AcrobotState {
    /// How far above the axle the free end is, in m.
    fn tip_height(&self) -> f64 {
        let [first, second] = self.angles;
        -first.cos() - (second + first).cos()
    }
}

/// `x` to the power of 2 as Python's `**` computes it: by the C library's `pow`, which in about 1 of 1,000 cases rounds
/// otherwise than `x * x`. The links are chaotic enough to show that after some hundred steps.
#[inline]
fn square(x: f64) -> f64 {
    x.powf(black_box(2.0))
}

/// Angles and velocities.
type Numbers = [f64; 4];

/// The time derivative of angles and velocities.
fn derivative([angle_1, angle_2, velocity_1, velocity_2]: Numbers, torque: f64) -> Numbers {
    const ARM: f64 = LENGTH * CENTRE;
    let (sin_2, cos_2) = angle_2.sin_cos();
    let d1 = CENTRE * CENTRE
        + (LENGTH * LENGTH + CENTRE * CENTRE + 2.0 * LENGTH * CENTRE * cos_2)
        + INERTIA
        + INERTIA;
    let d2 = (CENTRE * CENTRE + ARM * cos_2) + INERTIA;
    let phi2 = CENTRE * GRAVITY * (angle_1 + angle_2 - FRAC_PI_2).cos();
    let phi1 = -ARM * square(velocity_2) * sin_2 - 2.0 * ARM * velocity_2 * velocity_1 * sin_2
        + (CENTRE + LENGTH) * GRAVITY * (angle_1 - FRAC_PI_2).cos()
        + phi2;
    let acceleration_2 = (torque + d2 / d1 * phi1 - ARM * square(velocity_1) * sin_2 - phi2)
        / (CENTRE * CENTRE + INERTIA - square(d2) / d1);
    let acceleration_1 = -(d2 * acceleration_2 + phi1) / d1;
    [velocity_1, velocity_2, acceleration_1, acceleration_2]
}

fn ahead(from: Numbers, dt: f64, slope: Numbers) -> Numbers {
    std::array::from_fn(|i| from[i] + dt * slope[i])
}

/// One step of the classical Runge-Kutta method.
fn runge_kutta(from: Numbers, torque: f64) -> Numbers {
    let half = DT_S / 2.0;
    let k1 = derivative(from, torque);
    let k2 = derivative(ahead(from, half, k1), torque);
    let k3 = derivative(ahead(from, half, k2), torque);
    let k4 = derivative(ahead(from, DT_S, k3), torque);
    let slope = std::array::from_fn(|i| k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
    ahead(from, DT_S / 6.0, slope)
}

/// Brings an angle into `[-pi, pi]`, a turn at a time, so that it is rounded as Gymnasium rounds it.
fn wrap(mut angle: f64) -> f64 {
    const TURN: f64 = PI - -PI;
    while angle > PI {
        angle -= TURN;
    }
    while angle < -PI {
        angle += TURN;
    }
    angle
}

impl Task for Acrobot {
    type State = AcrobotState;
    type Action = i32;
    type Observation = [f32; 6];

    fn describe(&self) -> Description {
        let fact = |name, limit: f64, unit, doc| real_fact(name, [-limit, limit], unit, doc);
        Description {
            observation: vec![Field::new(
                "observation",
                Dtype::F32,
                &[6],
                -MAX_VELOCITY_2,
                MAX_VELOCITY_2,
            )],
            actions: ActionSpace::Discrete { n: 3 },
            action_names: &["torque -1", "torque 0", "torque 1"],
            reward_range: (-1.0, 0.0),
            facts: vec![
                fact(
                    "joint1_angle_rad",
                    PI,
                    "rad",
                    "angle of the first link from hanging down",
                ),
                fact(
                    "joint2_angle_rad",
                    PI,
                    "rad",
                    "angle of the second link from the first",
                ),
                fact(
                    "joint1_velocity_radps",
                    MAX_VELOCITY_1,
                    "rad/s",
                    "velocity of the first angle",
                ),
                fact(
                    "joint2_velocity_radps",
                    MAX_VELOCITY_2,
                    "rad/s",
                    "velocity of the second angle",
                ),
                fact(
                    "tip_height_m",
                    2.0,
                    "m",
                    "height of the free end above the axle; 1 is the goal",
                ),
            ],
            success: Some("the free end is above the line"),
            max_steps: 500,
        }
    }

    fn start(&self, rng: &mut Generator) -> AcrobotState {
        // Gymnasium rounds the first state to f32, and only that.
        let [a, b, c, d] = [(); 4].map(|()| f64::from(rng.uniform(-START, START) as f32));
        AcrobotState {
            angles: [a, b],
            velocities: [c, d],
        }
    }

    fn step(&self, state: &mut AcrobotState, action: i32, _: &mut Generator) -> Verdict {
        let [a, b, c, d] = [
            state.angles[0],
            state.angles[1],
            state.velocities[0],
            state.velocities[1],
        ];
        let [a, b, c, d] = runge_kutta([a, b, c, d], f64::from(action - 1));
        *state = AcrobotState {
            angles: [wrap(a), wrap(b)],
            velocities: [
                c.clamp(-MAX_VELOCITY_1, MAX_VELOCITY_1),
                d.clamp(-MAX_VELOCITY_2, MAX_VELOCITY_2),
            ],
        };
        let terminated = state.tip_height() > GOAL_HEIGHT;
        Verdict {
            reward: if terminated { 0.0 } else { -1.0 },
            terminated,
            success: terminated,
        }
    }

    fn observe(&self, state: &AcrobotState) -> [f32; 6] {
        let ((sin_1, cos_1), (sin_2, cos_2)) = (state.angles[0].sin_cos(), state.angles[1].sin_cos());
        let [velocity_1, velocity_2] = state.velocities;
        [cos_1, sin_1, cos_2, sin_2, velocity_1, velocity_2].map(|value| value as f32)
    }

    fn fact(&self, state: &AcrobotState, index: usize) -> f64 {
        match index {
            0 | 1 => state.angles[index],
            2 | 3 => state.velocities[index - 2],
            _ => state.tip_height(),
        }
    }

    fn plane(&self) -> Plane {
        Plane {
            facts: ["joint1_angle_rad", "joint2_angle_rad"],
            low: [-PI, -PI],
            high: [PI, PI],
            cells: [32, 32],
            goal: None,
        }
    }

    fn place(&self, _: &AcrobotState, at: [f64; 2]) -> Option<AcrobotState> {
        let state = AcrobotState {
            angles: at,
            velocities: [0.0; 2],
        };
        // A free end above the line belongs to no episode that goes on.
        (in_range(&self.plane(), at) && state.tip_height() <= GOAL_HEIGHT).then_some(state)
    }

    fn draw(&self, state: &AcrobotState, tile: usize) -> Frame {
        let mut canvas = Canvas::new([10 * tile, 10 * tile], [-2.2; 2], [2.2; 2], WHITE);
        canvas.line([-2.2, GOAL_HEIGHT], [2.2, GOAL_HEIGHT], 0.02, GREY);
        let end = |from: [f64; 2], angle: f64| {
            let (sin, cos) = angle.sin_cos();
            [from[0] + LENGTH * sin, from[1] - LENGTH * cos]
        };
        let elbow = end([0.0; 2], state.angles[0]);
        let tip = end(elbow, state.angles[0] + state.angles[1]);
        for (from, to) in [([0.0; 2], elbow), (elbow, tip)] {
            canvas.line(from, to, 0.2, [0, 190, 190]);
        }
        for joint in [[0.0; 2], elbow] {
            canvas.disc(joint, 0.1, [204, 204, 0]);
        }
        canvas.disc(tip, 0.05, INK);
        canvas.finish()
    }
}
