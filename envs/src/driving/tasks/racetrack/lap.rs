//! How far along a circuit a vehicle has come since the start, and when that is a lap.

use serde::{Deserialize, Serialize};

use crate::driving::road::scalar::Point;
use crate::driving::road::{LaneIx, RoadNetwork};

/// Lengths along the innermost lanes of a circuit whose roads follow one another in the network's order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Circuit {
    /// Where each road starts, in m.
    starts: Vec<f64>,
    length: f64,
}

/// What a vehicle has covered of its laps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LapCounter {
    /// Where it was last, in m from the start of the first road.
    at: f64,
    /// What it has covered since the last full lap (or the start), in m; negative if it went backwards.
    covered: f64,
    /// Full laps.
    pub laps: u32,
}

impl Circuit {
    pub(super) fn new(network: &RoadNetwork) -> Self {
        let mut length = 0.0;
        let starts = network.roads().map(|road| {
            let start = length;
            length += network.lane(LaneIx(network.lanes_of(road).start)).length();
            start
        });
        Self {
            starts: starts.collect(),
            length,
        }
    }

    /// Of a lap, in m.
    pub(super) fn length(&self) -> f64 {
        self.length
    }

    /// The place of a vehicle on `lane`, in m from the start of the first road along innermost lanes: the same share of its
    /// lane lies behind it.
    fn locate(&self, network: &RoadNetwork, lane: LaneIx, position: Point) -> f64 {
        let road = usize::from(network.road(lane).0);
        let start = self.starts[road];
        let end = self.starts.get(road + 1).copied().unwrap_or(self.length);
        let geometry = network.lane(lane);
        let share = geometry.local_coordinates(position).0 / geometry.length();
        start + share.clamp(0.0, 1.0) * (end - start)
    }

    /// A counter for a vehicle that starts here.
    pub(super) fn start(&self, network: &RoadNetwork, lane: LaneIx, position: Point) -> LapCounter {
        LapCounter {
            at: self.locate(network, lane, position),
            ..LapCounter::default()
        }
    }

    /// Counts on to where the vehicle is now, and tells whether that has completed a lap. Between two calls a vehicle covers
    /// far less than half a lap, so that the shorter way round is the one it took.
    pub(super) fn count(
        &self,
        counter: &mut LapCounter,
        network: &RoadNetwork,
        lane: LaneIx,
        position: Point,
    ) -> bool {
        let at = self.locate(network, lane, position);
        let half = self.length / 2.0;
        counter.covered += (at - counter.at + half).rem_euclid(self.length) - half;
        counter.at = at;
        let complete = counter.covered >= self.length;
        if complete {
            counter.covered -= self.length;
            counter.laps += 1;
        }
        complete
    }

    /// The share of the present lap that is done, 0 to 1.
    pub(super) fn progress(&self, counter: &LapCounter) -> f64 {
        (counter.covered / self.length).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::winding;
    use super::*;

    #[test]
    fn a_lap_is_counted_once_and_driving_back_takes_it_away() {
        let network = winding::small().unwrap();
        let circuit = Circuit::new(&network);
        assert!((300.0..420.0).contains(&circuit.length()), "{}", circuit.length());
        let lanes: Vec<LaneIx> = network.lanes().filter(|&lane| network.id(lane) == 1).collect();
        let place = |lane: LaneIx, share: f64| {
            let geometry = network.lane(lane);
            geometry.position(share * geometry.length(), 0.3)
        };
        let mut counter = circuit.start(&network, lanes[0], place(lanes[0], 0.5));
        let mut complete = 0;
        for turn in 0..2 {
            for (i, &lane) in lanes.iter().enumerate() {
                for part in 1..10 {
                    let share = f64::from(part) / 10.0;
                    if turn == 0 && i == 0 && share < 0.5 {
                        continue;
                    }
                    complete += i32::from(circuit.count(&mut counter, &network, lane, place(lane, share)));
                }
            }
        }
        assert_eq!((complete, counter.laps), (1, 1));
        let progress = circuit.progress(&counter);
        assert!((0.8..1.0).contains(&progress), "{progress}");
        let last = lanes[lanes.len() - 1];
        assert!(!circuit.count(&mut counter, &network, last, place(last, 0.1)));
        assert!(circuit.progress(&counter) < progress);
        assert!(circuit.count(&mut counter, &network, lanes[0], place(lanes[0], 0.6)));
    }
}
