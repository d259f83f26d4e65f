//! The roads of the exit: a highway with one more lane for 100 m, from which an arc leaves.

use std::f64::consts::PI;

use crate::driving::road::{DEFAULT_WIDTH, Lane, NetworkError, RoadNetwork};

/// Where the additional lane begins, and where it ends and the exit begins, along x in m.
pub(super) const EXIT_LANE: [f64; 2] = [400.0, 500.0];
const LENGTH: f64 = 1000.0;
const RADIUS: f64 = 150.0;

/// A highway of `lanes` lanes with an exit.
///
/// # Errors
/// [`NetworkError`] if there is no lane.
pub(super) fn network(lanes: usize) -> Result<RoadNetwork, NetworkError> {
    let mut builder = RoadNetwork::builder();
    let [begin, end] = EXIT_LANE;
    for (nodes, lanes, span) in [
        (["0", "1"], lanes, [0.0, begin]),
        (["1", "2"], lanes + 1, [begin, end]),
        (["2", "3"], lanes, [end, LENGTH]),
    ] {
        // Lanes to the right are slower.
        builder.add_straight_lanes(nodes, lanes, span, |id| 26.0 - 3.4 * id as f64);
    }
    let center = [end, lanes as f64 * DEFAULT_WIDTH + RADIUS];
    let arc = Lane::circular(center, RADIUS, [3.0 * PI / 2.0, 2.0 * PI], true);
    builder.add_lane("2", "exit", arc.with_forbidden(true));
    builder.build()
}
