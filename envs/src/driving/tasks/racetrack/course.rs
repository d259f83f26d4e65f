//! How circuits are put together: stretches of lanes side by side, one after another, that end where they began.

use crate::driving::road::scalar::Point;
use crate::driving::road::{Lane, LineType, NetworkBuilder, NetworkError, RoadNetwork, Width};

/// Width of every lane of a circuit, in m.
pub(super) const LANE_WIDTH: f64 = 5.0;

/// The lines on the left and on the right of a lane.
pub(super) type Lines = [LineType; 2];

/// A line drawn in pieces.
pub(super) const FULL: LineType = LineType::Continuous;
/// A dashed line.
pub(super) const DASHED: LineType = LineType::Striped;
/// No line.
pub(super) const OPEN: LineType = LineType::None;

/// One lane of an arc: its radius in m, and the angles in degrees where it starts and where it ends.
pub(super) type Arc = (f64, f64, f64);

/// A circuit that is being made.
pub(super) struct Course {
    builder: NetworkBuilder,
    speed_limit: f64,
}

impl Course {
    /// A circuit with this speed limit everywhere, in m/s.
    pub(super) fn new(speed_limit: f64) -> Self {
        Self {
            builder: RoadNetwork::builder(),
            speed_limit,
        }
    }

    fn lay(&mut self, [from, to]: [&str; 2], lane: Lane, [left, right]: Lines) {
        let lane = lane
            .with_width(Width::Fixed(LANE_WIDTH))
            .with_lines(left, right)
            .with_speed_limit(Some(self.speed_limit));
        self.builder.add_lane(from, to, lane);
    }

    /// Straight lanes from point to point, with their lines.
    pub(super) fn straight(
        &mut self,
        nodes: [&str; 2],
        lanes: &[(Point, Point)],
        lines: &[Lines],
    ) -> &mut Self {
        for (&(start, end), &lines) in lanes.iter().zip(lines) {
            self.lay(nodes, Lane::straight(start, end), lines);
        }
        self
    }

    /// Arcs about one centre along which angles grow (`clockwise`, as y points down) or shrink.
    pub(super) fn arc(
        &mut self,
        nodes: [&str; 2],
        center: Point,
        clockwise: bool,
        lanes: &[Arc],
        lines: &[Lines],
    ) -> &mut Self {
        for (&(radius, start, end), &lines) in lanes.iter().zip(lines) {
            let phases = [start.to_radians(), end.to_radians()];
            self.lay(nodes, Lane::circular(center, radius, phases, clockwise), lines);
        }
        self
    }

    /// The circuit as a road network.
    pub(super) fn finish(self) -> Result<RoadNetwork, NetworkError> {
        self.builder.build()
    }
}
