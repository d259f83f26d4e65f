//! The nearest lane to a place, found without a projection onto every lane of a large network.

use super::network::{LaneIx, RoadNetwork};
use super::scalar::Point;

/// With no more lanes than this, looking for the ones that are far takes longer than it saves.
const FEW_LANES: usize = 6;

impl RoadNetwork {
    /// True if it pays to ask which lanes are far before projecting onto them.
    #[inline]
    pub(in crate::driving) fn is_large(&self) -> bool {
        self.n_lanes() > FEW_LANES
    }

    /// The lane nearest to a place, headings weighed in if `heading` is given; the first of equally near ones.
    pub fn closest_lane(&self, position: Point, heading: Option<f64>) -> LaneIx {
        let distance = |lane: LaneIx| {
            let lane = self.lane(lane);
            match heading {
                Some(heading) => lane.distance_with_heading(lane.local_coordinates(position), heading),
                None => lane.distance(position),
            }
        };
        // A good guess first, so that most lanes are too far away.
        let bound = if self.is_large() {
            let by_box = |&a: &LaneIx, &b: &LaneIx| {
                let [a, b] = [a, b].map(|lane| self.lane(lane).least_distance(position));
                a.total_cmp(&b)
            };
            self.lanes().min_by(by_box).map_or(f64::INFINITY, distance)
        } else {
            f64::INFINITY
        };
        let mut best = (f64::INFINITY, LaneIx(0));
        for lane in self.lanes() {
            if self.lane(lane).least_distance(position) > bound {
                continue;
            }
            let found = distance(lane);
            if found < best.0 {
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
