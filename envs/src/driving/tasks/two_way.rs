//! `two-way-v0`: overtaking slower vehicles on a road with oncoming traffic.

use crate::driving::road::{DEFAULT_WIDTH, Lane, LineType, NetworkError, RoadNetwork};

use LineType::{ContinuousLine, None as NoLine, Striped};

/// Length of the road, in m.
const LENGTH: f64 = 800.0;

/// Two lanes to the right; the left one carries the oncoming traffic too.
fn network() -> Result<RoadNetwork, NetworkError> {
    let lane = |from: f64, to: f64, y: f64, left, right| {
        Lane::straight([from, y], [to, y]).with_lines(left, right)
    };
    let mut builder = RoadNetwork::builder();
    builder
        .add_lane("a", "b", lane(0.0, LENGTH, 0.0, ContinuousLine, Striped))
        .add_lane("a", "b", lane(0.0, LENGTH, DEFAULT_WIDTH, NoLine, ContinuousLine))
        .add_lane("b", "a", lane(LENGTH, 0.0, 0.0, NoLine, NoLine));
    builder.build()
}
