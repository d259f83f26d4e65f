//! The circuit of racetrack-oval-v0: two long straights, two short ones and four quarter turns, with as many lanes as wanted.

use super::course::{Arc, Course, DASHED, FULL, LANE_WIDTH, Lines, OPEN};
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
    /// What `make` makes of the distance of each lane from the innermost one, in m.
    fn lanes<T>(self, make: impl Fn(f64) -> T) -> Vec<T> {
        (0..self.lanes)
            .map(|lane| make(lane as f64 * LANE_WIDTH))
            .collect()
    }

    /// A quarter turn from one angle to another, in degrees; `radius` is that of the innermost lane, in m.
    fn turn(self, radius: f64, from: f64, to: f64) -> Vec<Arc> {
        self.lanes(|offset| (radius + offset, from, to))
    }

    /// The network: stretches a-b to h-a, lane 0 innermost.
    pub(super) fn network(self) -> Result<RoadNetwork, NetworkError> {
        let mut course = Course::new(LIMIT);
        self.lay_front(&mut course);
        self.lay_back(&mut course);
        course.finish()
    }

    /// The straight on which vehicles start, and the turns about the far end.
    fn lay_front(self, course: &mut Course) {
        let Self { length, lanes: n } = self;
        let inner = lines(n, [FULL, OPEN], false);
        let side = length + 20.0;
        let start = self.lanes(|y| ([0.0, y], [length + 1.0, y]));
        let far_side = self.lanes(|x| ([side + x, -20.0], [side + x, -50.0]));
        let turns = [self.turn(20.0, 90.0, 0.0), self.turn(15.0, 0.0, -90.0)];
        course
            .straight(["a", "b"], &start, &lines(n, [FULL, DASHED], false))
            .arc(["b", "c"], [length, -20.0], false, &turns[0], &inner)
            .straight(["c", "d"], &far_side, &inner)
            .arc(["d", "e"], [length + 5.0, -50.0], false, &turns[1], &inner);
    }

    /// The straight back, and the turns about the near end.
    fn lay_back(self, course: &mut Course) {
        let Self { length, lanes: n } = self;
        let inner = lines(n, [FULL, OPEN], false);
        let back = self.lanes(|y| ([length + 5.0, -(65.0 + y)], [-5.0, -(65.0 + y)]));
        let near_side = self.lanes(|x| ([-20.0 - x, -50.0], [-20.0 - x, -20.0]));
        let turns = [self.turn(15.0, -90.0, -180.0), self.turn(20.0, 180.0, 90.0)];
        course
            .straight(["e", "f"], &back, &inner)
            .arc(["f", "g"], [-5.0, -50.0], false, &turns[0], &inner)
            .straight(["g", "h"], &near_side, &inner)
            .arc(
                ["h", "a"],
                [0.0, -20.0],
                false,
                &turns[1],
                &lines(n, [FULL, OPEN], true),
            );
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
