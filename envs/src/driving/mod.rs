//! Driving: road traffic, its tasks, and their pictures from above.

pub mod signals;
pub mod view;
