//! Helpers by which families make scenes: lanes by name, egos and others on lanes, who has been paid, how far along a path.

use serde::{Deserialize, Serialize};

use crate::driving::action::Decision;
use crate::driving::road::{LaneIx, RoadIx, RoadNetwork};
use crate::driving::scene::View;
use crate::driving::task::Stage;
use crate::driving::vehicle::Vehicle;

impl<M> Stage<'_, M> {
    /// A lane of the family's own network.
    pub(super) fn lane(&self, from: &str, to: &str, id: u16) -> LaneIx {
        let lane = self.network.find(from, to, id);
        debug_assert!(lane.is_some(), "no lane {id} from {from} to {to}");
        lane.unwrap_or_default()
    }

    /// An ego in the middle of a lane, `s` m from its start, at `speed` m/s.
    pub(super) fn ego_on(&self, lane: LaneIx, s: f64, speed: f64) -> Vehicle {
        let action = &self.settings.action;
        action.fit(Vehicle::on_lane(self.network, action.kind(), lane, s, speed))
    }

    /// Another vehicle in the middle of a lane, `s` m from its start, at `speed` m/s.
    pub(super) fn other_on(&self, lane: LaneIx, s: f64, speed: f64) -> Vehicle {
        Vehicle::on_lane(self.network, self.settings.other_vehicles, lane, s, speed)
    }

    /// The vehicle with a route to a node of the family's own network; those that hold a steering angle follow none.
    pub(super) fn routed(&self, vehicle: Vehicle, destination: &str) -> Vehicle {
        match self.network.node(destination) {
            Some(node) if vehicle.driver.kind.has_target() => vehicle.routed(self.network, node),
            _ => vehicle,
        }
    }

    /// Where a vehicle at `speed` m/s starts on a lane so that it is ahead of all others, along the lane in m: at about
    /// `spacing` times the usual distance.
    pub(super) fn place_ahead(&mut self, lane: LaneIx, speed: f64, spacing: f64) -> f64 {
        let lanes = self.network.width(self.network.road(lane)) as f64;
        let distance = spacing * (12.0 + speed) * (-5.0 / 40.0 * lanes).exp();
        let geometry = self.network.lane(lane);
        let others = self.fleet.bodies.iter();
        let first = others.map(|body| geometry.local_coordinates(body.position).0);
        first.reduce(f64::max).unwrap_or(3.0 * distance) + distance * self.rng.uniform(0.9, 1.1)
    }

    /// Adds a vehicle that the next agent controls.
    pub(super) fn add_ego(&mut self, ego: Vehicle) {
        let i = self.fleet.push(ego);
        self.control(i);
    }
}

/// Which agents have fulfilled the task, so that the sparse reward is paid once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilled(u64);

impl Fulfilled {
    /// The sparse reward of a step: 1 when `agent` succeeds for the first time, else 0.
    pub(super) fn pay(&mut self, agent: usize, success: bool) -> f64 {
        let bit = 1_u64 << (agent % 64);
        if !success || self.0 & bit != 0 {
            return 0.0;
        }
        self.0 |= bit;
        1.0
    }
}

/// Roads from a start to a goal, by which progress is measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Way {
    /// Roads in order, with the distance from the start to where they begin, in m.
    roads: Vec<(RoadIx, f64)>,
    length: f64,
}

impl Way {
    /// The way along the first lanes of these roads, from `start` m along the first to `end` m along the last.
    pub(super) fn new(network: &RoadNetwork, nodes: &[&str], [start, end]: [f64; 2]) -> Self {
        let lanes = nodes
            .windows(2)
            .filter_map(|pair| network.find(pair[0], pair[1], 0));
        let (mut at, mut last) = (-start, 0.0);
        let roads = lanes.map(|lane| {
            let road = (network.road(lane), at);
            last = at;
            at += network.lane(lane).length();
            road
        });
        let roads = roads.collect();
        Self {
            roads,
            length: last + end,
        }
    }

    /// The share of the way that vehicle `i` has made; 0 off the way, 1 beyond it.
    pub(super) fn progress(&self, view: &View<'_>, i: usize) -> f64 {
        let road = view.network.road(view.bodies[i].lane);
        let found = self.roads.iter().find(|(known, _)| *known == road);
        found.map_or(0.0, |(_, before)| {
            ((before + view.coordinates(i).0) / self.length).clamp(0.0, 1.0)
        })
    }
}

/// Rewards and penalties lie in this range.
pub(super) const WEIGHTS: std::ops::RangeInclusive<f64> = -1e6..=1e6;

/// The sum of the terms, each times its weight.
pub(super) fn weighted(weights: &[f64], terms: &[f64]) -> f64 {
    weights
        .iter()
        .zip(terms)
        .fold(0.0, |sum, (w, term)| sum + w * term)
}

/// Seconds of an episode, as steps.
pub(super) fn steps_of(duration_s: f64, policy_frequency: usize) -> u32 {
    (duration_s * policy_frequency as f64).ceil() as u32
}

/// The package's term for a change of lane: 1 if the action has index 0 or 2, whatever these mean, else 0.
pub(super) fn lane_change(decision: Decision<'_>) -> f64 {
    f64::from(u8::from(matches!(decision, Decision::Index(0 | 2))))
}
