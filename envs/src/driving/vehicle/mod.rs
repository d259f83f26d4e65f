//! Vehicles: their motion, their controllers, and the models by which traffic decides.

mod body;
mod controller;
mod driver;
mod idm;
mod kind;
mod meta;
mod mobil;
mod object;
mod params;
mod style;

use prospect_sim::random::Generator;

pub use body::Body;
pub use driver::{Driver, first_timer, speed_index};
pub use kind::Kind;
pub use meta::MetaAction;
pub use object::RoadObject;
pub use params::Params;
pub use style::{Population, Style};

use super::road::scalar::Point;
use super::road::{LaneIx, NodeIx, RoadNetwork, Route};

/// A vehicle with all that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Vehicle {
    /// Motion.
    pub body: Body,
    /// Intentions.
    pub driver: Driver,
    /// Plan.
    pub route: Route,
    /// Constants.
    pub params: Params,
}

impl Vehicle {
    /// A vehicle that keeps the nearest lane and its speed, in m/s, with the constants of its kind.
    pub fn new(network: &RoadNetwork, kind: Kind, position: Point, heading: f64, speed: f64) -> Self {
        let lane = network.closest_lane(position, Some(heading));
        Self {
            body: Body::new(position, heading, speed, lane),
            driver: Driver::new(kind, position, speed, lane),
            route: Route::default(),
            params: Params::of(kind),
        }
    }

    /// A vehicle in the middle of a lane, `s` m from its start.
    pub fn on_lane(network: &RoadNetwork, kind: Kind, lane: LaneIx, s: f64, speed: f64) -> Self {
        let lane = network.lane(lane);
        Self::new(network, kind, lane.position(s, 0.0), lane.heading_at(s), speed)
    }

    /// With a route from its lane to a node.
    #[must_use]
    pub fn routed(mut self, network: &RoadNetwork, destination: NodeIx) -> Self {
        self.route = network.plan_route(self.body.lane, destination);
        self
    }

    /// With the parameters that highway-env's `randomize_behavior` draws.
    #[must_use]
    pub fn randomized(mut self, rng: &mut Generator) -> Self {
        self.params.randomize(self.driver.kind, rng);
        self
    }
}
