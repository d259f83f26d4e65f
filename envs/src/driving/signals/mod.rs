//! A signalled intersection: an agent chooses phases, vehicles queue and discharge. Waiting time is what it costs.
//!
//! A microscopic simulation of its own: four approaches, each with a lane for left turns and lanes for the rest ([`Layout`]);
//! vehicles arrive as Poisson processes at pinned rates ([`Demand`]); each follows the one ahead by the Intelligent Driver
//! Model with parameters of its own ([`Vehicle`]) and stops at yellow and red; a phase gate grants what an agent asks for
//! with minimum green, yellow and all-red ([`Signal`]). In [`control`] are the controllers to compare with.

mod catalogue;
pub mod control;
mod demand;
mod driver;
mod env;
mod facts;
mod flow;
mod layout;
mod observation;
mod picture;
mod road;
mod rows;
mod settings;
mod signal;

pub(crate) use catalogue::entries;
pub use demand::{Demand, RIGHT_SHARE};
pub use driver::{LENGTH_M, SPEED_LIMIT_MPS, Vehicle, WAITING_MPS};
pub use env::TrafficLight;
pub use flow::{DT_S, Junction, StepTally};
pub use layout::{
    APPROACH_M, APPROACH_NAMES, APPROACHES, EXIT_M, LANE_WIDTH_M, Layout, MOVEMENTS, PHASE_NAMES, PHASES,
    TURNS, Turn,
};
pub use road::{Road, RoadMut, Roads};
pub use settings::Settings;
pub use signal::{Signal, Stage, TICKS_PER_S, Timing};
