//! What is to be seen of a traffic scene from above, without any world behind it: a picture or a window can be made of it.

/// A place in m: x to the right (east), y down (south), as the package's roads have it.
pub type Place = [f64; 2];

/// A stretch of road of constant width.
#[derive(Debug, Clone, PartialEq)]
pub struct Strip {
    /// Its middle.
    pub line: Vec<Place>,
    /// Its width, in m.
    pub width_m: f64,
}

/// How a marking is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkingStyle {
    /// In one stroke.
    Solid,
    /// In dashes of 3 m with gaps of 4.5 m.
    Dashed,
    /// Like a solid one, between directions.
    Middle,
}

/// A line on the road.
#[derive(Debug, Clone, PartialEq)]
pub struct Marking {
    /// Its course.
    pub line: Vec<Place>,
    /// How it is drawn.
    pub style: MarkingStyle,
}

/// What a body is, which decides on its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A vehicle that the agent controls.
    Ego,
    /// A vehicle that follows the model of its driver.
    Traffic,
    /// One whose driver is in a hurry.
    Aggressive,
    /// One whose driver is careful.
    Defensive,
    /// A vehicle that nobody controls, such as one that is parked.
    Passive,
    /// Something that stands in the way.
    Obstacle,
    /// A place to reach.
    Goal,
}

/// A vehicle, an obstacle or a goal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BodyView {
    /// What it is.
    pub role: Role,
    /// Its middle.
    pub centre: Place,
    /// Its direction in rad, from x towards y.
    pub heading: f64,
    /// In m.
    pub length_m: f64,
    /// In m.
    pub width_m: f64,
    /// It has hit something; of a goal, it has been reached.
    pub hit: bool,
    /// It brakes.
    pub braking: bool,
}

/// The colour of a traffic light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Light {
    /// Stop.
    Red,
    /// Stop if you can.
    Yellow,
    /// Go.
    Green,
}

/// A traffic light, shown along a stop line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignalView {
    /// The ends of the stop line.
    pub line: [Place; 2],
    /// What it shows.
    pub light: Light,
}

/// A traffic scene from above.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DrivingView {
    /// Where there is road.
    pub strips: Vec<Strip>,
    /// Lines on it.
    pub markings: Vec<Marking>,
    /// Where the ego is to go.
    pub route: Vec<Place>,
    /// Traffic lights.
    pub signals: Vec<SignalView>,
    /// Vehicles, obstacles and goals; later ones lie above earlier ones.
    pub bodies: Vec<BodyView>,
}

/// The part of the world that a picture shows, undistorted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Its middle.
    pub centre: Place,
    /// Its width and height, in m.
    pub size_m: [f64; 2],
}
