//! The roads of the intersection: four arms, each with an entry that goes right, left or straight on, and an exit.
//!
//! Nodes are `o` (outer) and `ir`, `il` (inner, right and left side of an arm) with the number of the arm: 0 south, 1 west,
//! 2 north, 3 east. The horizontal road has the right of way: priority 3 straight and right, 2 left; the vertical one 1 and
//! 0.

use crate::driving::road::scalar::Point;
use crate::driving::road::{DEFAULT_WIDTH, Lane, LineType, NetworkError, RoadNetwork};

use LineType::{Continuous, None as NoLine, Striped};

/// In m/s.
const SPEED_LIMIT: f64 = 10.0;
/// Length of the arms, in m.
const ARM_LENGTH: f64 = 100.0;
const RIGHT_RADIUS: f64 = DEFAULT_WIDTH + 5.0;
const LEFT_RADIUS: f64 = RIGHT_RADIUS + DEFAULT_WIDTH;
/// Distance of the inner nodes from the centre, in m.
const INNER: f64 = RIGHT_RADIUS + DEFAULT_WIDTH / 2.0;
const HALF_WIDTH: f64 = DEFAULT_WIDTH / 2.0;

/// The network of all intersection ids.
///
/// # Errors
/// None: the numbers are fixed.
pub(super) fn network() -> Result<RoadNetwork, NetworkError> {
    let mut builder = RoadNetwork::builder();
    for arm in 0..4 {
        let angle = (90.0 * arm as f64).to_radians();
        let (sin, cos) = angle.sin_cos();
        let turned = |[x, y]: Point| [cos * x - sin * y, sin * x + cos * y];
        let priority = if arm % 2 == 1 { 3 } else { 1 };
        let lane = |lane: Lane, [left, right]: [LineType; 2], priority| {
            lane.with_lines(left, right)
                .with_priority(priority)
                .with_speed_limit(Some(SPEED_LIMIT))
        };
        let straight =
            |from: Point, to: Point, lines| lane(Lane::straight(turned(from), turned(to)), lines, priority);
        let phase = |degrees: f64| angle + degrees.to_radians();
        let node = |kind: &str, by: usize| format!("{kind}{}", (arm + by) % 4);

        let outer = ARM_LENGTH + INNER;
        let entry = straight([HALF_WIDTH, outer], [HALF_WIDTH, INNER], [Striped, Continuous]);
        builder.add_lane(&node("o", 0), &node("ir", 0), entry);
        let phases = [phase(180.0), phase(270.0)];
        let right = Lane::circular(turned([INNER, INNER]), RIGHT_RADIUS, phases, true);
        let right = lane(right, [NoLine, Continuous], priority);
        builder.add_lane(&node("ir", 0), &node("il", 3), right);
        let centre = [-LEFT_RADIUS + HALF_WIDTH, LEFT_RADIUS - HALF_WIDTH];
        let phases = [phase(0.0), phase(-90.0)];
        let left = Lane::circular(turned(centre), LEFT_RADIUS, phases, false);
        let left = lane(left, [NoLine, NoLine], priority - 1);
        builder.add_lane(&node("ir", 0), &node("il", 1), left);
        let ahead = straight([HALF_WIDTH, INNER], [HALF_WIDTH, -INNER], [Striped, NoLine]);
        builder.add_lane(&node("ir", 0), &node("il", 2), ahead);
        let exit = straight([INNER, HALF_WIDTH], [outer, HALF_WIDTH], [NoLine, Continuous]);
        builder.add_lane(&node("il", 3), &node("o", 3), exit);
    }
    builder.build()
}
