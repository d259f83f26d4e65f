//! `u-turn-v0`, `-v1`: a half circle with slow traffic that has to be passed.

use std::f64::consts::FRAC_PI_2;

use crate::driving::road::{DEFAULT_WIDTH, Lane, LineType, NetworkError, RoadNetwork};

use LineType::{Continuous, ContinuousLine, None as NoLine, Striped};

/// Length of the straight roads, in m.
const LENGTH: f64 = 128.0;
/// Radius of the inner lane of the bend, in m.
const RADIUS: f64 = 20.0;

/// A road to the right, a half circle against the clock, a road back; two lanes each.
fn network() -> Result<RoadNetwork, NetworkError> {
    let straight = |from: f64, to: f64, y: f64, left, right| {
        Lane::straight([from, y], [to, y]).with_lines(left, right)
    };
    let bend = |radius: f64, left, right| {
        let center = [LENGTH, DEFAULT_WIDTH + RADIUS];
        Lane::circular(center, radius, [FRAC_PI_2, -FRAC_PI_2], false).with_lines(left, right)
    };
    let near = DEFAULT_WIDTH + 2.0 * RADIUS;
    let mut builder = RoadNetwork::builder();
    builder
        .add_lane("c", "d", straight(LENGTH, 0.0, DEFAULT_WIDTH, ContinuousLine, Striped))
        .add_lane("c", "d", straight(LENGTH, 0.0, 0.0, NoLine, ContinuousLine))
        .add_lane("b", "c", bend(RADIUS, Continuous, Striped))
        .add_lane("b", "c", bend(RADIUS + DEFAULT_WIDTH, NoLine, Continuous))
        .add_lane("a", "b", straight(0.0, LENGTH, near, ContinuousLine, Striped))
        .add_lane("a", "b", straight(0.0, LENGTH, near + DEFAULT_WIDTH, NoLine, ContinuousLine));
    builder.build()
}
