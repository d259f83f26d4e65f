//! Fits straights and arcs to a curve that is known by its points and directions.

use crate::driving::road::ArcSpline;

/// How far fitted arcs may lie from the curve, in m.
pub(super) const FIT_TOLERANCE_M: f64 = 1e-4;

/// Intervals are halved no more often than this.
const MAX_DEPTH: u32 = 20;

/// A point and the direction in rad of the curve there.
pub(super) type Tangent = ([f64; 2], f64);

/// Origin, heading, curvature and length of an arc.
type Arc = ([f64; 2], f64, f64, f64);

/// The arc from a point with this direction to another point.
fn arc_to(from: [f64; 2], heading: f64, to: [f64; 2]) -> Arc {
    let [x, y] = [to[0] - from[0], to[1] - from[1]];
    let chord = x.hypot(y);
    if chord == 0.0 {
        return (from, heading, 0.0, 0.0);
    }
    let (sin, cos) = heading.sin_cos();
    let half = (y * cos - x * sin).atan2(x * cos + y * sin);
    let length = if half.abs() < 1e-8 {
        chord
    } else {
        chord * half / half.sin()
    };
    (from, heading, 2.0 * half / length, length)
}

/// Two arcs that leave `from` and reach `to` in their directions and meet without a kink, with ends of equal length
/// to the corners of their control polygon.
fn biarc(from: Tangent, to: Tangent) -> [Arc; 2] {
    let ([x0, y0], heading0) = from;
    let ([x1, y1], heading1) = to;
    let (sin0, cos0) = heading0.sin_cos();
    let (sin1, cos1) = heading1.sin_cos();
    let [x, y] = [x1 - x0, y1 - y0];
    let along = x * (cos0 + cos1) + y * (sin0 + sin1);
    let square = x * x + y * y;
    let turn = 2.0 * (1.0 - (cos0 * cos1 + sin0 * sin1));
    let corner = square / (along + (along * along + turn * square).sqrt());
    let joint = [
        0.5 * (x0 + x1 + corner * (cos0 - cos1)),
        0.5 * (y0 + y1 + corner * (sin0 - sin1)),
    ];
    let first = arc_to([x0, y0], heading0, joint);
    let joint_heading = first.1 + first.2 * first.3;
    [first, arc_to(joint, joint_heading, [x1, y1])]
}

fn spline_of(arcs: &[Arc]) -> ArcSpline {
    let mut spline = ArcSpline::default();
    for &(origin, heading, curvature, length) in arcs {
        spline.push(origin, heading, curvature, length);
    }
    spline
}

/// Adds arcs that follow `curve` from `start` to `end` to `spline`, each point within [`FIT_TOLERANCE_M`].
pub(super) fn fit(spline: &mut ArcSpline, curve: &impl Fn(f64) -> Tangent, start: f64, end: f64) {
    fit_interval(spline, curve, start, end, 0);
}

fn fit_interval(spline: &mut ArcSpline, curve: &impl Fn(f64) -> Tangent, start: f64, end: f64, depth: u32) {
    const CHECKS: u32 = 8;
    let mut arcs = biarc(curve(start), curve(end)).to_vec();
    if (arcs[0].2 - arcs[1].2).abs() < 1e-9 {
        // One circle: one arc.
        arcs[0].3 += arcs[1].3;
        arcs.truncate(1);
    }
    let candidate = spline_of(&arcs);
    let fits = (1..CHECKS).all(|check| {
        let (point, _) = curve(start + (end - start) * f64::from(check) / f64::from(CHECKS));
        let (s, lateral) = candidate.local_coordinates(point);
        lateral.abs() <= FIT_TOLERANCE_M && s >= 0.0 && s <= candidate.length_m()
    });
    // An arc that turns by more than a quarter may have found the way around the wrong side.
    let gentle = arcs.iter().all(|arc| (arc.2 * arc.3).abs() < 1.6);
    if (fits && gentle) || depth == MAX_DEPTH {
        for (origin, heading, curvature, length) in arcs {
            spline.push(origin, heading, curvature, length);
        }
        return;
    }
    let middle = 0.5 * (start + end);
    fit_interval(spline, curve, start, middle, depth + 1);
    fit_interval(spline, curve, middle, end, depth + 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_and_straights_are_exact() {
        let mut spline = ArcSpline::default();
        fit(
            &mut spline,
            &|s| ([3.0 + s * 0.6, s * 0.8], 0.8_f64.atan2(0.6)),
            0.0,
            70.0,
        );
        assert_eq!(spline.piece_count(), 1);
        assert!((spline.length_m() - 70.0).abs() < 1e-9);
        let circle = |s: f64| {
            (
                [20.0 * (s / 20.0).sin(), -20.0 * (1.0 - (s / 20.0).cos())],
                -s / 20.0,
            )
        };
        let mut spline = ArcSpline::default();
        fit(&mut spline, &circle, 0.0, 30.0);
        assert_eq!(spline.piece_count(), 1);
        assert!((spline.length_m() - 30.0).abs() < 1e-9, "{}", spline.length_m());
    }

    #[test]
    fn other_curves_are_within_the_tolerance() {
        let curve = |s: f64| ([s, 3.0 * (s / 10.0).sin()], (0.3 * (s / 10.0).cos()).atan());
        let mut spline = ArcSpline::default();
        fit(&mut spline, &curve, 0.0, 60.0);
        assert!(spline.piece_count() < 80, "{}", spline.piece_count());
        for step in 0..=6000 {
            let (point, heading) = curve(f64::from(step) * 0.01);
            let (s, lateral) = spline.local_coordinates(point);
            assert!(lateral.abs() < 1.5 * FIT_TOLERANCE_M, "{step}: {lateral}");
            assert!((spline.heading_at(s) - heading).abs() < 5e-3);
        }
    }
}
