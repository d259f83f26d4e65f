//! The roads of the merge: a highway in three sections, and a ramp that runs beside the middle one and ends there.

use std::f64::consts::{FRAC_PI_2, PI};

use crate::driving::road::scalar::Point;
use crate::driving::road::{DEFAULT_WIDTH, Lane, LineType, NetworkBuilder, NetworkError, RoadNetwork};

use LineType::{ContinuousLine, None as NoLine, Striped};

/// How far the ramp swings while it approaches the highway, in m.
const AMPLITUDE: f64 = 3.25;

/// Lengths of the sections, in m.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sections {
    /// Before the ramp approaches.
    pub(super) before: f64,
    /// While it approaches.
    pub(super) converge: f64,
    /// While it runs beside the highway.
    pub(super) parallel: f64,
    /// Behind its end.
    pub(super) after: f64,
}

impl Sections {
    /// Those of `merge-v0`.
    pub(super) const DEFAULT: Self = Self {
        before: 150.0,
        converge: 80.0,
        parallel: 80.0,
        after: 150.0,
    };

    /// Where the sections of the highway begin and where the last ends, along x.
    fn borders(&self) -> [f64; 4] {
        let b = self.before + self.converge;
        let c = b + self.parallel;
        [0.0, b, c, c + self.after]
    }

    /// Where the ramp ends, along x.
    pub(super) fn ramp_end(&self) -> f64 {
        self.borders()[2]
    }

    /// Where the task is done, along x: 90 m before the highway ends.
    pub(super) fn finish(&self) -> f64 {
        self.borders()[3] - 90.0
    }
}

/// Adds the ramp: straight at `y_far`, swinging to `y_near`, straight again beside the highway.
fn add_ramp(
    builder: &mut NetworkBuilder,
    sections: &Sections,
    [y_far, y_near]: [f64; 2],
    speed_limit: f64,
    inner_line: LineType,
) -> Point {
    let [_, b, c, _] = sections.borders();
    let start = sections.before;
    let lane = |lane: Lane, left| {
        lane.with_lines(left, ContinuousLine)
            .with_forbidden(true)
            .with_speed_limit(Some(speed_limit))
    };
    let far = Lane::straight([0.0, y_far], [start, y_far]);
    let middle = y_far - AMPLITUDE;
    let pulsation = 2.0 * PI / (2.0 * sections.converge);
    let swing = Lane::sine([start, middle], [b, middle], AMPLITUDE, pulsation, FRAC_PI_2);
    let near = Lane::straight([b, y_near], [c, y_near]);
    builder
        .add_lane("j", "k", lane(far, ContinuousLine))
        .add_lane("k", "b", lane(swing, ContinuousLine))
        .add_lane("b", "c", lane(near, inner_line));
    [c, y_near]
}

/// The roads of `merge-v0`, and where the obstacle at the end of the ramp stands.
///
/// # Errors
/// None: the numbers are fixed.
pub(super) fn fixed() -> Result<(RoadNetwork, Point), NetworkError> {
    const SPEED_LIMIT: f64 = 20.0;
    const FAR: f64 = 6.5 + 4.0 + 4.0;
    let sections = Sections::DEFAULT;
    let [a, b, c, d] = sections.borders();
    let mut builder = RoadNetwork::builder();
    for (id, lines) in [[ContinuousLine, Striped], [NoLine, ContinuousLine]]
        .into_iter()
        .enumerate()
    {
        let y = id as f64 * DEFAULT_WIDTH;
        // Beside the ramp the outer lane may be left.
        let merging = [lines[0], Striped];
        for (from, to, start, end, [left, right]) in [
            ("a", "b", a, b, lines),
            ("b", "c", b, c, merging),
            ("c", "d", c, d, lines),
        ] {
            let lane = Lane::straight([start, y], [end, y]).with_lines(left, right);
            builder.add_lane(from, to, lane);
        }
    }
    let end = add_ramp(
        &mut builder,
        &sections,
        [FAR, FAR - 2.0 * AMPLITUDE],
        SPEED_LIMIT,
        NoLine,
    );
    Ok((builder.build()?, end))
}

/// The roads of `merge-generic-v0`, and where the obstacle stands.
///
/// # Errors
/// [`NetworkError`] if there is no lane.
pub(super) fn generic(lanes: usize, sections: &Sections) -> Result<(RoadNetwork, Point), NetworkError> {
    const SPEED_LIMIT: f64 = 30.0;
    let [a, b, c, d] = sections.borders();
    let mut builder = RoadNetwork::builder();
    for (nodes, span) in [(["a", "b"], [a, b]), (["b", "c"], [b, c]), (["c", "d"], [c, d])] {
        builder.add_straight_lanes(nodes, lanes, span, |_| SPEED_LIMIT);
    }
    let y_near = lanes as f64 * DEFAULT_WIDTH;
    let heights = [y_near + 2.0 * AMPLITUDE, y_near];
    let end = add_ramp(&mut builder, sections, heights, SPEED_LIMIT, Striped);
    Ok((builder.build()?, end))
}
