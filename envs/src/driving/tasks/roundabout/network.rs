//! The roads of the roundabout: a ring against the clock with an entry and an exit in each of the four directions.

use std::f64::consts::{FRAC_PI_2, PI};

use crate::driving::road::scalar::Point;
use crate::driving::road::{Lane, LineType, NetworkBuilder, NetworkError, RoadNetwork};

use LineType::{Continuous, None as NoLine, Striped};

/// Half the angle between the entry and the exit of an arm, in degrees.
const HALF_GAP: f64 = 24.0;
/// Distance between the centres of neighbouring lanes of the ring, in m.
const LANE_STEP: f64 = 4.0;
/// How far beside the axis of an arm its straight lanes lie, in m.
const ARM_OFFSET: f64 = 2.0;

/// Nodes along the ring with the angles of the arcs that start there, in degrees.
const RING: [(&str, &str, [f64; 2]); 8] = [
    ("se", "ex", [90.0 - HALF_GAP, HALF_GAP]),
    ("ex", "ee", [HALF_GAP, -HALF_GAP]),
    ("ee", "nx", [-HALF_GAP, -90.0 + HALF_GAP]),
    ("nx", "ne", [-90.0 + HALF_GAP, -90.0 - HALF_GAP]),
    ("ne", "wx", [-90.0 - HALF_GAP, -180.0 + HALF_GAP]),
    ("wx", "we", [-180.0 + HALF_GAP, -180.0 - HALF_GAP]),
    ("we", "sx", [180.0 - HALF_GAP, 90.0 + HALF_GAP]),
    ("sx", "se", [90.0 + HALF_GAP, 90.0 - HALF_GAP]),
];

/// An arm: the letter of its direction, and the angles at which its entry and its exit meet the ring, in degrees.
struct Arm {
    letter: char,
    entry: f64,
    exit: f64,
    /// Quarter turns from the southern arm.
    turns: usize,
}

/// In the order in which the package adds them.
const ARMS: [Arm; 4] = [
    arm('s', 90.0 - HALF_GAP, 90.0 + HALF_GAP, 0),
    arm('e', -HALF_GAP, HALF_GAP, 1),
    arm('n', -90.0 - HALF_GAP, -90.0 + HALF_GAP, 2),
    arm('w', 180.0 - HALF_GAP, -180.0 + HALF_GAP, 3),
];

const fn arm(letter: char, entry: f64, exit: f64, turns: usize) -> Arm {
    Arm {
        letter,
        entry,
        exit,
        turns,
    }
}

impl Arm {
    /// A place beside the southern arm, beside this arm.
    fn turned(&self, [x, y]: Point) -> Point {
        [[x, y], [y, -x], [-x, -y], [-y, x]][self.turns]
    }

    /// A place beside this arm, beside the southern arm.
    fn turned_back(&self, [x, y]: Point) -> Point {
        [[x, y], [-y, x], [-x, -y], [y, -x]][self.turns]
    }

    fn node(&self, rest: &str) -> String {
        format!("{}{rest}", self.letter)
    }

    fn straight(&self, start: Point, end: Point, left: LineType) -> Lane {
        Lane::straight(self.turned(start), self.turned(end)).with_lines(left, Continuous)
    }

    fn swing(&self, bend: &Bend) -> Lane {
        Lane::sine(
            self.turned(bend.start),
            self.turned(bend.end),
            bend.amplitude,
            bend.pulsation,
            bend.phase,
        )
        .with_lines(Continuous, Continuous)
    }

    /// Adds the arm's lanes, which are straight from `access` to `bend_at` m from the centre.
    fn add(&self, builder: &mut NetworkBuilder, access: f64, bend_at: f64, bends: [Bend; 2]) {
        let [entry, exit] = bends;
        let node = |rest| self.node(rest);
        let inward = self.straight([ARM_OFFSET, access], [ARM_OFFSET, bend_at], Striped);
        let outward = self.straight([-ARM_OFFSET, bend_at], [-ARM_OFFSET, access], NoLine);
        builder
            .add_lane(&node("er"), &node("es"), inward)
            .add_lane(&node("es"), &node("e"), self.swing(&entry))
            .add_lane(&node("x"), &node("xs"), self.swing(&exit))
            .add_lane(&node("xs"), &node("xr"), outward);
    }
}

/// A sine lane between an arm and the ring, as it would lie beside the southern arm.
struct Bend {
    start: Point,
    end: Point,
    amplitude: f64,
    pulsation: f64,
    phase: f64,
}

fn add_ring(builder: &mut NetworkBuilder, radius: f64, lanes: usize) {
    for lane in 0..lanes {
        let left = if lane == 0 { Continuous } else { NoLine };
        let right = if lane + 1 == lanes { Continuous } else { Striped };
        for (from, to, angles) in RING {
            let phases = angles.map(f64::to_radians);
            let arc = Lane::circular([0.0; 2], radius + LANE_STEP * lane as f64, phases, false);
            builder.add_lane(from, to, arc.with_lines(left, right));
        }
    }
}

/// The roundabout of `roundabout-v0`: two lanes, radii 20 m and 24 m.
///
/// # Errors
/// None: the numbers are fixed.
pub(super) fn fixed() -> Result<RoadNetwork, NetworkError> {
    const ACCESS: f64 = 170.0;
    /// Period of the bends.
    const PERIOD: f64 = 85.0;
    const AMPLITUDE: f64 = 5.0;
    let pulsation = 2.0 * PI / PERIOD;
    // The entry bends for a fifth of a period, the exit from there to its end.
    let entry_length = 0.2 * PERIOD;
    let exit_length = PERIOD - entry_length;
    let side = ARM_OFFSET + AMPLITUDE;
    let mut builder = RoadNetwork::builder();
    add_ring(&mut builder, 20.0, 2);
    for arm in &ARMS {
        let entry = Bend {
            start: [side, PERIOD / 2.0],
            end: [side, PERIOD / 2.0 - entry_length],
            amplitude: AMPLITUDE,
            pulsation,
            phase: -FRAC_PI_2,
        };
        let exit = Bend {
            start: [-side, -PERIOD / 2.0 + exit_length],
            end: [-side, PERIOD / 2.0],
            amplitude: AMPLITUDE,
            pulsation,
            phase: -FRAC_PI_2 + pulsation * exit_length,
        };
        arm.add(&mut builder, ACCESS, PERIOD / 2.0, [entry, exit]);
    }
    builder.build()
}

/// The roundabout of `roundabout-generic-v0`: `lanes` lanes from `radius` m outward, bends that end on the outermost.
///
/// # Errors
/// [`NetworkError`] if there is no lane or the ring has no length.
pub(super) fn generic(radius: f64, lanes: usize) -> Result<RoadNetwork, NetworkError> {
    let outer = radius + LANE_STEP * lanes.saturating_sub(1) as f64;
    // Large rings need longer arms.
    let span = (2.0 * outer + 40.0).max(100.0);
    let access = span + 40.0;
    let on_ring = |angle: f64| {
        let (sin, cos) = angle.to_radians().sin_cos();
        [outer * cos, outer * sin]
    };
    let mut builder = RoadNetwork::builder();
    add_ring(&mut builder, radius, lanes);
    for arm in &ARMS {
        let [x, y] = arm.turned_back(on_ring(arm.entry));
        let amplitude = (x - ARM_OFFSET) / 2.0;
        let entry = Bend {
            start: [ARM_OFFSET + amplitude, span / 2.0],
            end: [ARM_OFFSET + amplitude, y],
            amplitude,
            pulsation: PI / (span / 2.0 - y),
            phase: -FRAC_PI_2,
        };
        let [x, y] = arm.turned_back(on_ring(arm.exit));
        let amplitude = f64::midpoint(x, ARM_OFFSET);
        let exit = Bend {
            start: [x - amplitude, y],
            end: [x - amplitude, span / 2.0],
            amplitude,
            pulsation: PI / (span / 2.0 - y),
            phase: -FRAC_PI_2,
        };
        arm.add(&mut builder, access, span / 2.0, [entry, exit]);
    }
    builder.build()
}
