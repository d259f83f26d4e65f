//! Boxes around lanes, so that the nearest lane of a large map is found without a projection onto every one.

use super::lane::Lane;
use super::scalar::Point;
use super::shape::Shape;

/// Boxes are this much larger than their lanes, in m, against rounding.
const SLACK_M: f64 = 1e-6;

/// The smallest and the largest coordinates of each lane; empty for networks that need none.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Boxes {
    boxes: Vec<[Point; 2]>,
}

impl Boxes {
    /// Boxes if there are chains of arcs among the lanes: their coordinates are those of the nearest point, so that a lane
    /// is never nearer than its box. Coordinates of other shapes promise no such thing; their boxes hold everything.
    pub(super) fn around(lanes: &[Lane]) -> Self {
        let bounds = |lane: &Lane| match lane.shape() {
            Shape::Arcs(curve) => curve.bounds(),
            _ => [[f64::NEG_INFINITY; 2], [f64::INFINITY; 2]],
        };
        let any = lanes.iter().any(|lane| matches!(lane.shape(), Shape::Arcs(_)));
        Self {
            boxes: lanes.iter().filter(|_| any).map(bounds).collect(),
        }
    }

    /// The distance from a place to a lane's box, at most.
    fn least_distance(&self, lane: usize, position: Point) -> f64 {
        let [low, high] = self.boxes[lane];
        let [x, y] = [0, 1].map(|axis| {
            (low[axis] - position[axis])
                .max(position[axis] - high[axis])
                .max(0.0)
        });
        x.hypot(y) - SLACK_M
    }

    /// The lane with the least distance, the first of equally near ones.
    pub(super) fn closest(&self, position: Point, n_lanes: usize, distance: impl Fn(usize) -> f64) -> usize {
        let mut best = (f64::INFINITY, 0);
        if self.boxes.is_empty() {
            for lane in 0..n_lanes {
                let found = distance(lane);
                if found < best.0 {
                    best = (found, lane);
                }
            }
            return best.1;
        }
        // A good guess first, so that most boxes are too far away.
        let mut guess = (f64::INFINITY, 0);
        for lane in 0..n_lanes {
            let least = self.least_distance(lane, position);
            if least < guess.0 {
                guess = (least, lane);
            }
        }
        best = (distance(guess.1), guess.1);
        for lane in (0..n_lanes).filter(|&lane| lane != guess.1) {
            if self.least_distance(lane, position) > best.0 {
                continue;
            }
            let found = distance(lane);
            if found < best.0 || (found == best.0 && lane < best.1) {
                best = (found, lane);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use crate::driving::map::{MapNetwork, MapSettings, RoadMap};

    #[test]
    fn boxes_change_nothing() {
        let map = RoadMap::parse(include_str!("../../../../assets/maps/town.xodr")).unwrap();
        let network = MapNetwork::new(&map, MapSettings::default()).unwrap().network;
        let mut rng = prospect_sim::random::Generator::default_rng(7);
        for _ in 0..400 {
            let position = [rng.uniform(-600.0, 600.0), rng.uniform(-250.0, 250.0)];
            let heading = Some(rng.uniform(-4.0, 4.0)).filter(|heading| *heading > -3.0);
            let distance = |lane| {
                let lane = network.lane(lane);
                let coordinates = lane.local_coordinates(position);
                heading.map_or(lane.distance(position), |heading| {
                    lane.distance_with_heading(coordinates, heading)
                })
            };
            let wanted = network
                .lanes()
                .min_by(|&a, &b| distance(a).total_cmp(&distance(b)));
            assert_eq!(
                Some(network.closest_lane(position, heading)),
                wanted,
                "{position:?}"
            );
        }
    }
}
