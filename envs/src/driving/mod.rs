//! Driving: highway-env's tasks, with its dynamics in f64 and in the order in which the package visits its vehicles.

pub mod map;
pub mod road;
pub mod state;
