//! Classic control and the point mazes: small tasks of continuous state with the exact dynamics of their Python packages.
//!
//! A task is a [`Task`]: its state, how it starts, what a step does, what is seen of it. [`Classic`] turns any of them into
//! an [`Env`](prospect_sim::Env): one component per row holds state and clock, one system steps all rows.

mod acrobot;
mod cart_pole;
pub(crate) mod catalogue;
mod env;
mod mountain_car;
mod mountain_car_continuous;
mod pendulum;
pub mod point_maze;
mod rows;
mod task;

pub use acrobot::{Acrobot, AcrobotState};
pub use cart_pole::{CartPole, CartPoleState};
pub use env::{Classic, Title};
pub use mountain_car::{CarState, MountainCar};
pub use mountain_car_continuous::{ContinuousCarState, MountainCarContinuous};
pub use pendulum::{Pendulum, PendulumState};
pub use point_maze::PointMaze;
pub use task::{Command, Description, Observation, State, Task, Verdict};
