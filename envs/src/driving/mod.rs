//! Driving: highway-env's tasks, with its dynamics in f64 and in the order in which the package visits its vehicles; a
//! signalled intersection with traffic of its own (`signals/`); pictures from above (`view/`).
//!
//! `road/` is geometry, `vehicle/` how one vehicle moves and decides, [`Traffic`] how those of a scene drive together. A
//! family of tasks implements [`Task`] in a file of `tasks/`; [`DrivingEnv`] makes an [`Env`](prospect_sim::Env) of it:
//! vehicles are free entities in slots of their env's row, one table per shard.

pub mod action;
mod caption;
pub mod carl;
pub(crate) mod catalogue;
mod collisions;
pub mod comfort;
mod env;
mod episode;
mod facts;
pub mod map;
mod neighbours;
pub mod observation;
mod pictures;
mod regulation;
pub mod rewarded;
pub mod road;
mod rows;
mod scene;
pub mod settings;
pub mod signals;
pub mod state;
mod systems;
mod table;
mod task;
pub mod tasks;
mod traffic;
pub mod vehicle;
pub mod view;

pub use env::{DrivingEnv, Title};
pub use episode::{Episode, Memory, Objects};
pub use neighbours::{LaneIndex, Neighbours, ThingIx};
pub use rewarded::{Rewarded, Scheme, Way};
pub use scene::View;
pub use settings::{Defaults, Payment, Settings};
pub use task::{MAX_TERMS, Stage, Task, Verdict};
pub use traffic::{Fleet, Rules, Scratch, Traffic, Vehicles};
