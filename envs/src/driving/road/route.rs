//! Ways through a road network: shortest paths, planned routes, and which lane comes next.

use std::collections::VecDeque;

use arrayvec::ArrayVec;
use bevy_ecs::component::Component;
use prospect_sim::RowState;
use serde::{Deserialize, Serialize};

use super::network::{LaneIx, NodeIx, RoadIx, RoadNetwork};
use super::scalar::Point;

/// The most steps a route may have.
pub const MAX_ROUTE: usize = 32;

/// A road to follow, and the lane of it if that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStep {
    /// The road.
    pub road: RoadIx,
    /// Which lane of it, from the left.
    pub id: Option<u16>,
}

/// The roads that a vehicle is to follow; empty if it has no plan, or none left.
#[derive(Component, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<RouteStep>", into = "Vec<RouteStep>")]
pub struct Route {
    steps: ArrayVec<RouteStep, MAX_ROUTE>,
}

impl RowState for Route {
    const NAME: &'static str = "driving_route";
}

impl From<Vec<RouteStep>> for Route {
    fn from(steps: Vec<RouteStep>) -> Self {
        Self::new(steps)
    }
}

impl From<Route> for Vec<RouteStep> {
    fn from(route: Route) -> Self {
        route.steps.to_vec()
    }
}

impl Route {
    /// A route of these steps; those beyond [`MAX_ROUTE`] are left out.
    pub fn new(steps: impl IntoIterator<Item = RouteStep>) -> Self {
        Self {
            steps: steps.into_iter().take(MAX_ROUTE).collect(),
        }
    }

    /// The steps.
    pub fn steps(&self) -> &[RouteStep] {
        &self.steps
    }

    /// The step to be made next.
    #[inline]
    pub fn first(&self) -> Option<RouteStep> {
        self.steps.first().copied()
    }

    /// True if there is no plan.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The steps, to be changed.
    pub fn steps_mut(&mut self) -> &mut ArrayVec<RouteStep, MAX_ROUTE> {
        &mut self.steps
    }
}

impl RoadNetwork {
    /// Nodes on a shortest path by the number of roads, both ends included; among equally long ones, the first by name at
    /// each fork, as a breadth-first search finds it. Empty if there is none, and from a node to itself.
    pub fn shortest_path(&self, start: NodeIx, goal: NodeIx) -> Vec<NodeIx> {
        let mut parents: Vec<Option<NodeIx>> = vec![None; self.n_nodes()];
        let slot = |node: NodeIx| usize::from(node.0);
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for &road in self.out_by_name(node) {
                let next = self.to(road);
                if next == start || parents[slot(next)].is_some() {
                    continue;
                }
                parents[slot(next)] = Some(node);
                if next == goal {
                    let mut path = vec![goal];
                    let mut at = goal;
                    while let Some(parent) = parents[slot(at)] {
                        path.push(parent);
                        at = parent;
                    }
                    path.reverse();
                    return path;
                }
                queue.push_back(next);
            }
        }
        Vec::new()
    }

    /// The route of a vehicle on `lane` to a node: its lane, then the roads of the shortest path from the end of its lane.
    /// Only its lane if there is no path.
    pub fn plan_route(&self, lane: LaneIx, destination: NodeIx) -> Route {
        let own = RouteStep {
            road: self.road(lane),
            id: Some(self.id(lane)),
        };
        let path = self.shortest_path(self.to(self.road(lane)), destination);
        let roads = path
            .windows(2)
            .filter_map(|ends| self.road_between(ends[0], ends[1]));
        let rest = roads.map(|road| RouteStep { road, id: None });
        Route::new(std::iter::once(own).chain(rest))
    }

    /// The lane that follows `current`: on the route's next road if there is a route, else on the road with the nearest
    /// lane. Steps that are done are dropped from the route. At the end of the network it is the current lane.
    pub fn next_lane(&self, current: LaneIx, route: &mut Route, position: Point) -> LaneIx {
        let road = self.road(current);
        if route.first().is_some_and(|step| step.road == road) {
            route.steps.remove(0);
        }
        let end = self.to(road);
        let step = route.first().filter(|step| self.from(step.road) == end);
        let lane = self.lane(current);
        let projected = lane.position(lane.local_coordinates(position).0, 0.0);
        if let Some(step) = step {
            return self.enter(current, step, projected).0;
        }
        let mut best: Option<(LaneIx, f64)> = None;
        for road in self.out(end) {
            let candidate = self.enter(current, RouteStep { road, id: None }, projected);
            if best.is_none_or(|(_, distance)| candidate.1 < distance) {
                best = Some(candidate);
            }
        }
        best.map_or(current, |(lane, _)| lane)
    }

    /// The lane of the next road on which a vehicle goes on from `current`, and its distance from `position`: the same one if
    /// both roads have as many lanes and the route does not say otherwise, else the nearest.
    fn enter(&self, current: LaneIx, step: RouteStep, position: Point) -> (LaneIx, f64) {
        let lanes = self.lanes_of(step.road);
        if self.width(self.road(current)) == lanes.len() {
            let id = step
                .id
                .unwrap_or_else(|| self.id(current))
                .min(lanes.end - lanes.start - 1);
            let lane = LaneIx(lanes.start + id);
            return (lane, self.lane(lane).distance(position));
        }
        let mut best = (LaneIx(lanes.start), f64::INFINITY);
        for lane in lanes.map(LaneIx) {
            let distance = self.lane(lane).distance(position);
            if distance < best.1 {
                best = (lane, distance);
            }
        }
        best
    }

    /// The lane of a step for a vehicle on `current`: where the step names none, the one with the vehicle's own id, or the
    /// outermost.
    pub fn lane_of_step(&self, step: RouteStep, current: LaneIx) -> LaneIx {
        let lanes = self.lanes_of(step.road);
        let id = step.id.unwrap_or_else(|| self.id(current));
        LaneIx((lanes.start + id).min(lanes.end - 1))
    }

    /// Place and heading `s` m from the start of the first step, along the steps, for a vehicle that is on `current`.
    pub fn along_route(&self, steps: &[RouteStep], mut s: f64, current: LaneIx) -> (Point, f64) {
        let mut lane = current;
        for (at, &step) in steps.iter().enumerate() {
            lane = self.lane_of_step(step, current);
            let length = self.lane(lane).length();
            if at + 1 == steps.len() || s <= length {
                break;
            }
            s -= length;
        }
        let lane = self.lane(lane);
        (lane.position(s, 0.0), lane.heading_at(s))
    }

    /// Whether a road that `lane` leads to within `depth` roads, along the route if there is one, is `other`'s road or leads
    /// from it: vehicles on such lanes may collide. The search follows the route's roads, and all roads where it has none.
    pub fn is_connected_road(&self, lane: LaneIx, other: LaneIx, route: &[RouteStep], depth: usize) -> bool {
        self.road_is_connected(self.road(lane), self.road(other), route, depth)
    }

    fn road_is_connected(&self, road: RoadIx, other: RoadIx, route: &[RouteStep], depth: usize) -> bool {
        if road == other || self.to(other) == self.from(road) {
            return true;
        }
        if depth == 0 {
            return false;
        }
        match route.split_first() {
            Some((first, rest)) if first.road == road => self.road_is_connected(road, other, rest, depth),
            Some((first, rest)) if self.from(first.road) == self.to(road) => {
                self.road_is_connected(first.road, other, rest, depth - 1)
            }
            _ => self
                .out(self.to(road))
                .any(|next| self.road_is_connected(next, other, route, depth - 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lane::Lane;
    use super::*;

    /// Roads a-b (2 lanes), b-c (1), b-d (2), c-e, d-e, e-a.
    fn network() -> RoadNetwork {
        let mut builder = RoadNetwork::builder();
        let lane = |x: f64, y: f64| Lane::straight([x, y], [x + 100.0, y]);
        builder
            .add_lane("a", "b", lane(0.0, 0.0))
            .add_lane("a", "b", lane(0.0, 4.0))
            .add_lane("b", "d", lane(100.0, 0.0))
            .add_lane("b", "d", lane(100.0, 4.0))
            .add_lane("b", "c", lane(100.0, 8.0))
            .add_lane("c", "e", lane(200.0, 8.0))
            .add_lane("d", "e", lane(200.0, 0.0))
            .add_lane("e", "a", lane(300.0, 0.0));
        builder.build().unwrap()
    }

    fn names(network: &RoadNetwork, from: &str, to: &str) -> Vec<String> {
        let path = network.shortest_path(network.node(from).unwrap(), network.node(to).unwrap());
        path.iter().map(|&node| network.name(node).to_owned()).collect()
    }

    #[test]
    fn paths_are_shortest_and_first_by_name() {
        let network = network();
        assert_eq!(names(&network, "a", "e"), ["a", "b", "c", "e"]);
        assert_eq!(names(&network, "b", "a"), ["b", "c", "e", "a"]);
        assert!(names(&network, "a", "a").is_empty());
    }

    #[test]
    fn the_next_lane_is_the_routes_or_the_nearest() {
        let network = network();
        let lane = |from, to, id| network.find(from, to, id).unwrap();
        let mut none = Route::default();
        assert_eq!(
            network.next_lane(lane("a", "b", 1), &mut none, [99.0, 4.0]),
            lane("b", "d", 1)
        );
        let goal = network.node("e").unwrap();
        let mut route = network.plan_route(lane("a", "b", 1), goal);
        assert_eq!(route.steps().len(), 3);
        assert_eq!(
            network.next_lane(lane("a", "b", 1), &mut route, [99.0, 4.0]),
            lane("b", "c", 0)
        );
        assert_eq!(route.steps().len(), 2);
        // From two lanes to one, then to one.
        assert_eq!(
            network.next_lane(lane("b", "d", 1), &mut none, [199.0, 4.0]),
            lane("d", "e", 0)
        );
    }

    #[test]
    fn places_along_a_route() {
        let network = network();
        let lane = network.find("a", "b", 1).unwrap();
        let route = network.plan_route(lane, network.node("d").unwrap());
        let (position, heading) = network.along_route(route.steps(), 130.0, lane);
        assert_eq!((position, heading), ([130.0, 4.0], 0.0));
        // The last step goes on beyond its end.
        assert_eq!(network.along_route(route.steps(), 250.0, lane).0, [250.0, 4.0]);
    }

    #[test]
    fn connected_roads_are_found_to_a_depth() {
        let network = network();
        let lane = |from, to| network.find(from, to, 0).unwrap();
        assert!(network.is_connected_road(lane("b", "d"), lane("a", "b"), &[], 0));
        assert!(!network.is_connected_road(lane("a", "b"), lane("d", "e"), &[], 1));
        assert!(network.is_connected_road(lane("a", "b"), lane("d", "e"), &[], 2));
        let route = network.plan_route(lane("a", "b"), network.node("c").unwrap());
        assert!(!network.is_connected_road(lane("a", "b"), lane("b", "d"), route.steps(), 1));
    }
}
