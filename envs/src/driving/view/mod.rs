//! Driving seen from above: a description of what is there, and pictures of it.

mod paint;
mod scene;

pub use paint::paint;
pub use scene::{
    BodyView, DrivingView, Light, Marking, MarkingStyle, Place, Role, SignalView, Strip, Window,
};
