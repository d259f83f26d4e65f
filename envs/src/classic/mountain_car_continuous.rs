//! MountainCarContinuous-v0: the car in the valley with a motor of any strength up to a limit, and a price on its use.

use prospect_sim::random::Generator;
use prospect_sim::{ActionSpace, Frame, Plane};
use serde::{Deserialize, Serialize};

use super::mountain_car::{self, GRAVITY, MAX_POSITION, MAX_SPEED, MIN_POSITION};
use super::task::{Description, State, Task, Verdict, in_range};

const GOAL_POSITION: f64 = 0.45;
const POWER: f64 = 0.0015;
const GOAL_REWARD: f64 = 100.0;
const ACTION_COST: f64 = 0.1;

/// The car of [`MountainCar`](super::MountainCar) with a continuous force, as Gymnasium's `Continuous_MountainCarEnv` moves
/// it.
///
/// Gymnasium keeps the state as float32 after the first step of an episode, and numpy 2 then computes in float32 wherever a
/// Python number meets it; the first step starts from float64. A force beyond the limits becomes a Python number, whose
/// product with the power is not rounded to float32. All of this is followed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MountainCarContinuous {
    /// The velocity at which the flag must be reached, at least.
    pub goal_velocity: f64,
}

/// Where the car is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ContinuousCarState {
    /// Position along x; a float32 unless `fresh`.
    pub position: f64,
    /// Change of the position per step; a float32 unless `fresh`.
    pub velocity: f64,
    /// No step was made yet.
    pub fresh: bool,
}

impl State for ContinuousCarState {
    const NAME: &'static str = "mountain_car_continuous";
}

/// The change of velocity by motor and slope, rounded as Gymnasium rounds it.
#[inline]
fn pull(action: f32, slope: f64) -> f64 {
    if action < -1.0 {
        -POWER - GRAVITY * slope
    } else if action > 1.0 {
        POWER - GRAVITY * slope
    } else {
        f64::from(action * POWER as f32 - (GRAVITY * slope) as f32)
    }
}

/// One step in float64: from the state that was drawn.
fn step_first(position: f64, velocity: f64, action: f32) -> (f64, f64) {
    let velocity = (velocity + pull(action, (3.0 * position).cos())).clamp(-MAX_SPEED, MAX_SPEED);
    let position = (position + velocity).clamp(MIN_POSITION, MAX_POSITION);
    (position, velocity)
}

/// One step in float32.
#[inline]
fn step_next(position: f32, velocity: f32, action: f32) -> (f64, f64) {
    const SPEED: f32 = MAX_SPEED as f32;
    let slope = f64::from(3.0 * position).cos();
    let velocity = (velocity + pull(action, slope) as f32).clamp(-SPEED, SPEED);
    let position = (position + velocity).clamp(MIN_POSITION as f32, MAX_POSITION as f32);
    (f64::from(position), f64::from(velocity))
}

impl Task for MountainCarContinuous {
    type State = ContinuousCarState;
    type Action = [f32; 1];
    type Observation = [f32; 2];

    fn describe(&self) -> Description {
        let (low, high) = (vec![-1.0], vec![1.0]);
        Description {
            reward_range: (-ACTION_COST, GOAL_REWARD),
            ..mountain_car::describe(ActionSpace::Continuous { low, high }, 999)
        }
    }

    fn start(&self, rng: &mut Generator) -> ContinuousCarState {
        ContinuousCarState {
            position: mountain_car::start_position(rng),
            velocity: 0.0,
            fresh: true,
        }
    }

    #[inline]
    fn step(&self, state: &mut ContinuousCarState, [action]: [f32; 1], _: &mut Generator) -> Verdict {
        // Limits are compared with in the precision of the state.
        let limit = |limit: f64| {
            if state.fresh {
                limit
            } else {
                f64::from(limit as f32)
            }
        };
        let (goal, goal_velocity, wall) = (
            limit(GOAL_POSITION),
            limit(self.goal_velocity),
            limit(MIN_POSITION),
        );
        let (position, velocity) = if state.fresh {
            step_first(state.position, state.velocity, action)
        } else {
            step_next(state.position as f32, state.velocity as f32, action)
        };
        let velocity = if position == wall && velocity < 0.0 {
            0.0
        } else {
            velocity
        };
        let terminated = position >= goal && velocity >= goal_velocity;
        *state = ContinuousCarState {
            position: f64::from(position as f32),
            velocity: f64::from(velocity as f32),
            fresh: false,
        };
        let force = f64::from(action);
        let prize = if terminated { GOAL_REWARD } else { 0.0 };
        Verdict {
            reward: prize - force * force * ACTION_COST,
            terminated,
            success: terminated,
        }
    }

    #[inline]
    fn observe(&self, state: &ContinuousCarState) -> [f32; 2] {
        [state.position as f32, state.velocity as f32]
    }

    fn fact(&self, state: &ContinuousCarState, index: usize) -> f64 {
        mountain_car::fact(state.position, state.velocity, index)
    }

    fn plane(&self) -> Plane {
        mountain_car::plane()
    }

    fn place(&self, _: &ContinuousCarState, at: [f64; 2]) -> Option<ContinuousCarState> {
        let [position, velocity] = at;
        in_range(&self.plane(), at).then_some(ContinuousCarState {
            position,
            velocity,
            fresh: true,
        })
    }

    fn draw(&self, state: &ContinuousCarState, tile: usize) -> Frame {
        mountain_car::draw(state.position, GOAL_POSITION, tile)
    }
}
