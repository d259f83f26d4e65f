//! The families of driving tasks, one file each.

mod highway;
mod lane_keeping;
mod parking;
pub mod racetrack;

pub use highway::Highway;
pub use lane_keeping::LaneKeeping;
pub use parking::{Parking, ParkingDefaults};
pub use racetrack::{Racetrack, Track};
