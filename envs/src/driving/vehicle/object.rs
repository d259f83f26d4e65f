//! Things on the road that do not drive: obstacles, and landmarks that are to be reached.

use serde::{Deserialize, Serialize};

use crate::driving::road::scalar::Point;
use crate::driving::road::{LaneIx, RoadNetwork};

/// A rectangle on the road.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RoadObject {
    /// The centre, in m.
    pub position: Point,
    /// In rad.
    pub heading: f64,
    /// In m/s; it matters to those who look at it, but nothing moves an object.
    pub speed: f64,
    /// Along the heading, in m.
    pub length: f64,
    /// Across the heading, in m.
    pub width: f64,
    /// The lane it is on.
    pub lane: LaneIx,
    /// Vehicles crash into it; a landmark is only touched.
    pub solid: bool,
    /// It looks for collisions even with vehicles that do not.
    pub check_collisions: bool,
    /// A vehicle has crashed into it.
    pub crashed: bool,
    /// A vehicle has touched it.
    pub hit: bool,
}

impl RoadObject {
    /// A square of 2 m that vehicles crash into.
    pub fn obstacle(network: &RoadNetwork, position: Point, heading: f64) -> Self {
        Self {
            position,
            heading,
            speed: 0.0,
            length: 2.0,
            width: 2.0,
            lane: network.closest_lane(position, Some(heading)),
            solid: true,
            check_collisions: true,
            crashed: false,
            hit: false,
        }
    }

    /// A square of 2 m that vehicles may touch.
    pub fn landmark(network: &RoadNetwork, position: Point, heading: f64) -> Self {
        Self {
            solid: false,
            ..Self::obstacle(network, position, heading)
        }
    }

    /// With another size, in m.
    #[must_use]
    pub fn with_size(mut self, length: f64, width: f64) -> Self {
        (self.length, self.width) = (length, width);
        self
    }

    /// Of the rectangle, in m.
    #[inline]
    pub fn diagonal(&self) -> f64 {
        (self.length * self.length + self.width * self.width).sqrt()
    }
}
