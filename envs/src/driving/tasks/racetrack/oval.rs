//! The circuit of racetrack-oval-v0: two long straights, two short ones and four quarter turns, with as many lanes as wanted.

use super::course::{Course, DASHED, FULL, LANE_WIDTH, Lines, OPEN};
use crate::driving::road::scalar::Point;
use crate::driving::road::{NetworkError, RoadNetwork};

/// Speed limit everywhere, in m/s.
const LIMIT: f64 = 10.0;

/// What can be chosen of an oval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Oval {
    /// Of the long straights, in m.
    pub(super) length: f64,
    /// Lanes side by side, at least two.
    pub(super) lanes: usize,
}

/// The lines of lanes side by side: `first` for the innermost one.
fn lines(n: usize, first: Lines, last_turn: bool) -> Vec<Lines> {
    let middle = [DASHED, if last_turn { FULL } else { OPEN }];
    let mut lines = vec![middle; n];
    lines[0] = first;
    lines[n - 1] = [DASHED, FULL];
    lines
}

impl Oval {
    /// The network: stretches a-b to h-a, lane 0 innermost.
    pub(super) fn network(self) -> Result<RoadNetwork, NetworkError> {
        let Self { length, lanes: n } = self;
        let inner = lines(n, [FULL, OPEN], false);
        let offsets: Vec<f64> = (0..n).map(|lane| lane as f64 * LANE_WIDTH).collect();
        let straight = |ends: &dyn Fn(f64) -> (Point, Point)| -> Vec<(Point, Point)> {
            offsets.iter().map(|&offset| ends(offset)).collect()
        };
        let turn = |radius: f64, start: f64, end: f64| -> Vec<(f64, f64, f64)> {
            offsets
                .iter()
                .map(|&offset| (radius + offset, start, end))
                .collect()
        };
        let mut course = Course::new(LIMIT);
        course
            .straight(
                ["a", "b"],
                &straight(&|y| ([0.0, y], [length + 1.0, y])),
                &lines(n, [FULL, DASHED], false),
            )
            .arc(["b", "c"], [length, -20.0], false, &turn(20.0, 90.0, 0.0), &inner)
            .straight(
                ["c", "d"],
                &straight(&|x| ([length + 20.0 + x, -20.0], [length + 20.0 + x, -50.0])),
                &inner,
            )
            .arc(
                ["d", "e"],
                [length + 5.0, -50.0],
                false,
                &turn(15.0, 0.0, -90.0),
                &inner,
            )
            .straight(
                ["e", "f"],
                &straight(&|y| ([length + 5.0, -(65.0 + y)], [-5.0, -(65.0 + y)])),
                &inner,
            )
            .arc(
                ["f", "g"],
                [-5.0, -50.0],
                false,
                &turn(15.0, -90.0, -180.0),
                &inner,
            )
            .straight(
                ["g", "h"],
                &straight(&|x| ([-20.0 - x, -50.0], [-20.0 - x, -20.0])),
                &inner,
            )
            .arc(
                ["h", "a"],
                [0.0, -20.0],
                false,
                &turn(20.0, 180.0, 90.0),
                &lines(n, [FULL, OPEN], true),
            );
        course.finish()
    }

    /// Where obstacles stand that close the middle lane (`block_lane`).
    pub(super) fn block(self) -> impl Iterator<Item = Point> {
        let rows = [40.0, 43.0, 46.0, 49.0];
        rows.into_iter()
            .flat_map(move |back| [3.75, 6.25].map(|y| [self.length - back, y]))
    }

    /// Where obstacles stand that leave the middle lane only (`force_decision`).
    pub(super) fn gate(self) -> impl Iterator<Item = Point> {
        [-1.25, 1.25, 8.85, 11.25]
            .into_iter()
            .map(move |y| [self.length - 90.0, y])
    }
}
