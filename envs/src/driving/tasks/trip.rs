//! A trip along lanes of a map: how far it has come, and what lies ahead.

use serde::{Deserialize, Serialize};

use crate::driving::road::scalar::{Point, clip, direction, sub};
use crate::driving::road::{LaneIx, RoadNetwork};
use crate::driving::vehicle::Body;

/// Points of the way ahead that are observed, and how far apart they are in m.
const N_POINTS: usize = 10;
const SPACING_M: f64 = 5.0;
/// Distance that is observed as 1, in m.
const SCALE_M: f64 = 50.0;
/// Speed that is observed as 1, in m/s.
const SCALE_MPS: f64 = 40.0;
/// Numbers of an observation: the points, and speed, limit, place and heading on the lane, what is left, and whether the vehicle
/// is outside of the route.
pub(super) const ROUTE_WIDTH: usize = 2 * N_POINTS + 7;
/// Roads that may be passed in one step.
const ROADS_AHEAD: usize = 3;
/// How far before its start and beyond its end a place still counts as on a lane, in m.
const END_SLACK_M: f64 = 0.5;

/// The way from a start to a destination, one lane per road.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Trip {
    /// The lane on which each road is left; the destination is in the middle of the last.
    pub(super) lanes: Vec<LaneIx>,
    /// Which road the vehicle is on.
    pub(super) at: usize,
    /// The lane of that road that is nearest.
    pub(super) lane: LaneIx,
    /// Length of the lanes before each one, in m, less what lies before the start; and the whole way.
    starts_m: Vec<f64>,
    length_m: f64,
    /// The furthest place reached, in m from the start.
    completed_m: f64,
    /// The vehicle is on none of the roads.
    pub(super) outside: bool,
    /// For how long it has stood, in s.
    pub(super) standing_s: f64,
}

impl Trip {
    /// A trip along `lanes` that starts `start_m` into the first.
    pub(super) fn new(network: &RoadNetwork, lanes: Vec<LaneIx>, start_m: f64) -> Self {
        let mut reached = -start_m;
        let starts_m = lanes.iter().map(|&lane| {
            let start = reached;
            reached += network.lane(lane).length();
            start
        });
        let starts_m: Vec<f64> = starts_m.collect();
        let last = lanes.last().map_or(0.0, |&lane| network.lane(lane).length());
        Self {
            lane: lanes.first().copied().unwrap_or_default(),
            length_m: reached - 0.5 * last,
            starts_m,
            lanes,
            ..Self::default()
        }
    }

    /// The share of the way that is made, from 0 to 1.
    pub(super) fn completed(&self) -> f64 {
        clip(self.completed_m / self.length_m, 0.0, 1.0)
    }

    /// The way that is left, in m.
    pub(super) fn remaining_m(&self) -> f64 {
        (self.length_m - self.completed_m).max(0.0)
    }

    /// Distance of a place from the lane of the route that is followed now, in m.
    pub(super) fn deviation_m(&self, network: &RoadNetwork, position: Point) -> f64 {
        let ahead = self.lanes[self.at..].iter().take(2);
        ahead
            .map(|&lane| network.lane(lane).distance(position))
            .fold(f64::INFINITY, f64::min)
    }

    /// Finds the vehicle on its way.
    pub(super) fn follow(&mut self, network: &RoadNetwork, body: &Body) {
        let found = self.lanes[self.at..]
            .iter()
            .take(ROADS_AHEAD)
            .enumerate()
            .find_map(|(ahead, &lane)| {
                let beside = network.lanes_of(network.road(lane)).map(LaneIx);
                let held = beside.filter_map(|lane| {
                    let geometry = network.lane(lane);
                    let (s, lateral) = geometry.local_coordinates(body.position);
                    let along = -END_SLACK_M <= s && s <= geometry.length() + END_SLACK_M;
                    let across = lateral.abs() <= 0.5 * geometry.width_at(s);
                    let forward = geometry.local_angle(body.heading, s).abs() < std::f64::consts::FRAC_PI_2;
                    (along && across && forward).then_some((lane, lateral.abs()))
                });
                let nearest = held.min_by(|a, b| a.1.total_cmp(&b.1))?;
                Some((self.at + ahead, nearest.0))
            });
        self.outside = found.is_none();
        if let Some((at, lane)) = found {
            (self.at, self.lane) = (at, lane);
            // Along the lane of the route, also from the lane beside it.
            let own = network.lane(self.lanes[at]);
            let s = clip(own.local_coordinates(body.position).0, 0.0, own.length());
            self.completed_m = self.completed_m.max(self.starts_m[at] + s);
        }
    }

    /// The place on the way, `s` m along the present lane of the route; beyond the destination straight on.
    fn place(&self, network: &RoadNetwork, mut s: f64) -> Point {
        let mut lanes = self.lanes[self.at..].iter();
        let Some(mut lane) = lanes.next() else {
            return [0.0; 2];
        };
        for next in lanes {
            let length = network.lane(*lane).length();
            if s <= length {
                break;
            }
            s -= length;
            lane = next;
        }
        network.lane(*lane).position(s, 0.0)
    }

    /// Writes what the driver sees of the way, in its own frame: x ahead, y to the right.
    pub(super) fn observe(&self, network: &RoadNetwork, body: &Body, values: &mut [f32]) {
        let own = network.lane(self.lanes[self.at]);
        let (s, _) = own.local_coordinates(body.position);
        let [c, sin] = direction(body.heading);
        let (points, rest) = values.split_at_mut(2 * N_POINTS);
        for (nth, point) in points.chunks_exact_mut(2).enumerate() {
            let [x, y] = sub(
                self.place(network, s + SPACING_M * (nth + 1) as f64),
                body.position,
            );
            let ahead = [c * x + sin * y, c * y - sin * x];
            for (value, coordinate) in point.iter_mut().zip(ahead) {
                *value = clip(coordinate / SCALE_M, -1.0, 1.0) as f32;
            }
        }
        let lane = network.lane(self.lane);
        let (s, lateral) = lane.local_coordinates(body.position);
        let turn = lane.local_angle(body.heading, s);
        let numbers = [
            body.speed / SCALE_MPS,
            lane.speed_limit().unwrap_or(SCALE_MPS) / SCALE_MPS,
            lateral / 5.0,
            turn.cos(),
            turn.sin(),
            1.0 - self.completed(),
            f64::from(u8::from(self.outside)),
        ];
        for (value, number) in rest.iter_mut().zip(numbers) {
            *value = clip(number, -1.0, 1.0) as f32;
        }
    }
}
