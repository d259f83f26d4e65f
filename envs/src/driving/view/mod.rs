//! Driving seen from above: a description of what is there, and pictures of it.

mod of_scene;
mod paint;
mod scene;

pub use of_scene::{view_of, window_of};
pub use paint::paint;
pub use scene::{
    BodyView, DrivingView, Light, Marking, MarkingStyle, Place, Role, SignalView, Strip, Window,
};
