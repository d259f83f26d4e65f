//! A scene as it is looked at: by observations, rewards, facts and pictures.

use super::episode::Episode;
use super::road::scalar::{Point, direction, dot, norm, scale, sub};
use super::road::{LaneIx, RoadNetwork, Route};
use super::settings::Settings;
use super::vehicle::{Body, Driver, Params, RoadObject};

/// A scene at one instant. Vehicles are in list order.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The roads.
    pub network: &'a RoadNetwork,
    /// What all tasks are configured by.
    pub settings: &'a Settings,
    /// Motion.
    pub bodies: &'a [Body],
    /// Intentions.
    pub drivers: &'a [Driver],
    /// Plans.
    pub routes: &'a [Route],
    /// Constants.
    pub params: &'a [Params],
    /// Obstacles and landmarks.
    pub objects: &'a [RoadObject],
    /// Clocks, and who is controlled.
    pub episode: &'a Episode,
    /// The stacks of pictures of all agents, if the observation is one of pictures and it is being looked at.
    pub pictures: &'a [u8],
}

impl<'a> View<'a> {
    /// The index of the vehicle that `agent` controls.
    #[inline]
    pub fn ego(&self, agent: usize) -> usize {
        usize::from(self.episode.controlled[agent])
    }

    /// The motion of the vehicle that `agent` controls.
    #[inline]
    pub fn ego_body(&self, agent: usize) -> &'a Body {
        &self.bodies[self.ego(agent)]
    }

    /// The lane that vehicle `i` follows, or the one it is on if it follows none.
    #[inline]
    pub fn target_lane(&self, i: usize) -> LaneIx {
        let driver = &self.drivers[i];
        if driver.kind.has_target() {
            driver.target_lane
        } else {
            self.bodies[i].lane
        }
    }

    /// Vehicle `i`'s coordinates on the lane it is on, in m.
    #[inline]
    pub fn coordinates(&self, i: usize) -> (f64, f64) {
        let body = &self.bodies[i];
        self.network.lane(body.lane).local_coordinates(body.position)
    }

    /// Whether vehicle `i` is on its lane.
    #[inline]
    pub fn on_road(&self, i: usize) -> bool {
        let body = &self.bodies[i];
        self.network.lane(body.lane).on_lane(body.position, 0.0)
    }

    /// From vehicle `i` to a place, along the lane of `i`, in m.
    #[inline]
    pub fn lane_distance(&self, i: usize, to: Point) -> f64 {
        let lane = self.network.lane(self.bodies[i].lane);
        lane.local_coordinates(to).0 - self.coordinates(i).0
    }

    /// The velocity of vehicle `i`, in m/s; slip is not in it.
    #[inline]
    pub fn velocity(&self, i: usize) -> Point {
        let body = &self.bodies[i];
        scale(direction(body.heading), body.speed)
    }

    /// Where the route of vehicle `i` ends; its own place if it has none.
    pub fn destination(&self, i: usize) -> Point {
        let body = &self.bodies[i];
        let Some(last) = self.routes[i].steps().last() else {
            return body.position;
        };
        let lanes = self.network.lanes_of(last.road);
        let lane = LaneIx((lanes.start + last.id.unwrap_or(0)).min(lanes.end - 1));
        let lane = self.network.lane(lane);
        lane.position(lane.length(), 0.0)
    }

    /// The unit vector towards [`Self::destination`]; zero at the destination.
    pub fn destination_direction(&self, i: usize) -> Point {
        let way = sub(self.destination(i), self.bodies[i].position);
        if way == [0.0; 2] {
            return way;
        }
        let length = norm(way);
        [way[0] / length, way[1] / length]
    }

    /// The nearest vehicle or obstacle ahead of vehicle `i` on its lane: the distance between centres, in m, and its speed
    /// along the heading of `i`, in m/s.
    pub fn leader(&self, i: usize) -> Option<(f64, f64)> {
        let body = &self.bodies[i];
        let lane = self.network.lane(body.lane);
        let (own, _) = lane.local_coordinates(body.position);
        let along = direction(body.heading);
        let vehicles = self.bodies.iter().enumerate().filter(|(other, _)| *other != i);
        let vehicles = vehicles.map(|(_, other)| (other.position, other.heading, other.speed));
        let obstacles = self.objects.iter().filter(|object| object.solid);
        let obstacles = obstacles.map(|object| (object.position, object.heading, object.speed));
        let ahead = vehicles
            .chain(obstacles)
            .filter_map(|(position, heading, speed)| {
                let coordinates = lane.local_coordinates(position);
                let gap = coordinates.0 - own;
                let counts = gap >= 0.0 && lane.holds(coordinates, 1.0);
                let speed = dot(scale(direction(heading), speed), along);
                counts.then_some((gap, speed))
            });
        ahead.min_by(|a, b| a.0.total_cmp(&b.0))
    }
}
