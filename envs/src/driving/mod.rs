//! Driving: highway-env's tasks, with its dynamics in f64 and in the order in which the package visits its vehicles, a
//! signalled intersection, and pictures of traffic from above.

pub mod road;
pub mod signals;
pub mod state;
pub mod view;
