//! Ways through a map lane by lane: which lanes lead where, and at which cost.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use prospect_sim::random::Generator;

use crate::driving::road::{LaneIx, RouteStep};

use super::network::MapNetwork;

/// What a change of lane costs, in m of way.
const LANE_CHANGE_M: f64 = 30.0;
/// Lanes shorter than this, in m, are too short to change from.
const LANE_CHANGE_ROOM_M: f64 = 20.0;

/// A cost that can be ordered; costs are never NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cost(f64);

impl Eq for Cost {}

impl PartialOrd for Cost {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cost {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// The cheapest ways from one lane to all others.
#[derive(Debug, Clone, PartialEq)]
pub struct Ways {
    start: LaneIx,
    /// Cost in m from the start of the first lane to the start of each lane; infinite where there is no way.
    costs: Vec<f64>,
    before: Vec<Option<LaneIx>>,
}

impl Ways {
    /// What it costs, in m, to reach the start of a lane from the start of the first one, if it can be reached.
    pub fn cost(&self, lane: LaneIx) -> Option<f64> {
        Some(self.costs[usize::from(lane.0)]).filter(|cost| cost.is_finite())
    }

    /// The lanes on the way to a lane, both ends included; empty if there is no way.
    pub fn path(&self, goal: LaneIx) -> Vec<LaneIx> {
        if self.cost(goal).is_none() {
            return Vec::new();
        }
        let mut path = vec![goal];
        while let Some(before) = path.last().and_then(|last| self.before[usize::from(last.0)]) {
            path.push(before);
        }
        path.reverse();
        debug_assert_eq!(path.first(), Some(&self.start));
        path
    }
}

impl MapNetwork {
    /// The cheapest ways from the start of a lane. Changing to a lane beside is possible on roads that are long enough.
    pub fn ways_from(&self, start: LaneIx) -> Ways {
        let n = self.network.n_lanes();
        let mut costs = vec![f64::INFINITY; n];
        let mut before = vec![None; n];
        costs[usize::from(start.0)] = 0.0;
        let mut queue = BinaryHeap::from([Reverse((Cost(0.0), start))]);
        while let Some(Reverse((Cost(cost), lane))) = queue.pop() {
            if cost > costs[usize::from(lane.0)] {
                continue;
            }
            let length = self.network.lane(lane).length();
            let onward = self.successors[usize::from(lane.0)]
                .iter()
                .map(|&next| (next, length));
            let room = length >= LANE_CHANGE_ROOM_M;
            let aside = self.network.side_lanes(lane).filter(|_| room);
            for (next, step) in onward.chain(aside.map(|lane| (lane, LANE_CHANGE_M))) {
                let slot = usize::from(next.0);
                if cost + step < costs[slot] {
                    costs[slot] = cost + step;
                    before[slot] = Some(lane);
                    queue.push(Reverse((Cost(cost + step), next)));
                }
            }
        }
        Ways { start, costs, before }
    }

    /// One lane per road of a path: the one on which the road is left.
    pub fn last_lanes(&self, path: &[LaneIx]) -> Vec<LaneIx> {
        let mut lanes: Vec<LaneIx> = Vec::new();
        for &lane in path {
            match lanes.last_mut() {
                Some(last) if self.network.road(*last) == self.network.road(lane) => *last = lane,
                _ => lanes.push(lane),
            }
        }
        lanes
    }

    /// The step of a vehicle's route that leads over a lane.
    pub fn step(&self, lane: LaneIx) -> RouteStep {
        RouteStep {
            road: self.network.road(lane),
            id: Some(self.network.id(lane)),
        }
    }

    /// `count` roads from a lane on, at each fork by chance; fewer if the way ends.
    pub fn wander(&self, lane: LaneIx, count: usize, rng: &mut Generator) -> Vec<RouteStep> {
        let mut steps = vec![self.step(lane)];
        let mut at = lane;
        while steps.len() < count {
            let next = &self.successors[usize::from(at.0)];
            // Where a lane ends without going on, the one beside it does.
            let aside = || {
                self.network
                    .side_lanes(at)
                    .find(|&side| !self.successors[usize::from(side.0)].is_empty())
            };
            at = match next.len() {
                0 => {
                    let Some(side) = aside() else { break };
                    if let Some(last) = steps.last_mut() {
                        *last = self.step(side);
                    }
                    at = side;
                    continue;
                }
                1 => next[0],
                n => next[rng.choice(n)],
            };
            steps.push(self.step(at));
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driving::map::{MapSettings, RoadMap};

    fn town() -> (RoadMap, MapNetwork) {
        let map = RoadMap::parse(include_str!("../../../../assets/maps/town.xodr")).unwrap();
        let network = MapNetwork::new(&map, MapSettings::default()).unwrap();
        (map, network)
    }

    /// The lane of the network that a lane of the map became.
    fn lane(map: &RoadMap, roads: &MapNetwork, road: &str, stretch: usize, id: i32) -> LaneIx {
        let is = |lane: &LaneIx| {
            let origin = &map.lanes[roads.origins[usize::from(lane.0)]];
            origin.road == road && origin.stretch == stretch && origin.id == id
        };
        roads.network.lanes().find(is).unwrap()
    }

    #[test]
    fn every_lane_of_the_town_is_reached_from_every_other() {
        let (_, roads) = town();
        for start in roads.network.lanes() {
            let ways = roads.ways_from(start);
            for goal in roads.network.lanes() {
                // A taper begins beside lanes that are too short to change from, or is entered from the lane before.
                let path = ways.path(goal);
                assert!(
                    ways.cost(goal).is_some() && path.last() == Some(&goal),
                    "{start:?} to {goal:?}"
                );
            }
        }
    }

    #[test]
    fn exits_are_taken_from_the_exit_lane() {
        let (map, roads) = town();
        let belt = lane(&map, &roads, "20", 0, -1);
        let street = lane(&map, &roads, "1", 0, 1);
        let path = roads.ways_from(belt).path(street);
        let names: Vec<_> = path
            .iter()
            .map(|lane| {
                let origin = &map.lanes[roads.origins[usize::from(lane.0)]];
                (origin.road.as_str(), origin.stretch, origin.id)
            })
            .collect();
        assert_eq!(names.first(), Some(&("20", 0, -1)));
        assert_eq!(
            names[names.len() - 4..],
            [("261", 0, -1), ("24", 0, -1), ("280", 0, -1), ("1", 0, 1)]
        );
        assert!(names.contains(&("20", 2, -3)), "{names:?}");
        let lasts = roads.last_lanes(&path);
        let roads_on_the_way: Vec<_> = lasts.iter().map(|&lane| roads.network.road(lane)).collect();
        assert!(roads_on_the_way.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(
            roads_on_the_way
                .windows(2)
                .all(|pair| roads.network.to(pair[0]) == roads.network.from(pair[1]))
        );
    }

    #[test]
    fn wanderers_stay_on_the_roads() {
        let (_, roads) = town();
        let mut rng = Generator::default_rng(3);
        for start in roads.network.lanes() {
            let steps = roads.wander(start, 30, &mut rng);
            assert_eq!(steps.len(), 30);
            let network = &roads.network;
            assert!(
                steps
                    .windows(2)
                    .all(|pair| network.to(pair[0].road) == network.from(pair[1].road))
            );
        }
    }
}
