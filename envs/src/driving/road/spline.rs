//! A curve through points, linear between them, with coordinates along and across it: highway-env's `LinearSpline2D`.

use super::scalar::{Point, dot, norm, sub};

/// Samples of the curve are this far apart, in m.
const SAMPLE_DISTANCE: f64 = 1.0;

/// A sample of the curve with the direction to the next one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pose {
    position: Point,
    along: Point,
    heading: f64,
}

/// A piecewise linear curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Spline {
    /// Arc length at each given point.
    arc: Vec<f64>,
    points: Vec<Point>,
    /// One sample per metre of arc length.
    poses: Vec<Pose>,
}

/// Linear interpolation in a table with ascending `at`, and beyond its ends along the first and the last piece.
fn interpolate(at: &[f64], value: impl Fn(usize) -> f64, x: f64) -> f64 {
    let last = at.len() - 1;
    let slope = |i: usize| (value(i + 1) - value(i)) / (at[i + 1] - at[i]);
    if x < at[0] {
        return value(0) + slope(0) * (x - at[0]);
    }
    if x > at[last] {
        return value(last) + slope(last - 1) * (x - at[last]);
    }
    let piece = at.partition_point(|&a| a <= x).saturating_sub(1);
    if piece == last {
        return value(last);
    }
    slope(piece) * (x - at[piece]) + value(piece)
}

impl Spline {
    /// The curve through `points`; none if they span less than a metre, or two neighbours coincide or are not finite.
    pub fn new(points: &[Point]) -> Option<Self> {
        let mut arc = vec![0.0];
        for pair in points.windows(2) {
            let step = norm(sub(pair[1], pair[0]));
            if step.is_nan() || step <= 0.0 || step.is_infinite() {
                return None;
            }
            arc.push(arc[arc.len() - 1] + step);
        }
        let mut spline = Self {
            arc,
            points: points.to_vec(),
            poses: Vec::new(),
        };
        if points.len() < 2 || spline.length() < SAMPLE_DISTANCE {
            return None;
        }
        spline.poses = spline.sample();
        Some(spline)
    }

    fn sample(&self) -> Vec<Pose> {
        let n = self.length().floor() as usize + 1;
        let samples: Vec<_> = (0..n).map(|i| self.at(i as f64)).collect();
        let pose = |i: usize| {
            let from = i.min(n - 2);
            let step = sub(samples[from + 1], samples[from]);
            let length = norm(step);
            let along = [step[0] / length, step[1] / length];
            Pose {
                position: samples[i],
                along,
                heading: along[1].atan2(along[0]),
            }
        };
        (0..n).map(pose).collect()
    }

    /// Arc length, in m.
    pub fn length(&self) -> f64 {
        self.arc[self.arc.len() - 1]
    }

    /// The points it was made of.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The place at arc length `s`.
    pub fn at(&self, s: f64) -> Point {
        [0, 1].map(|axis| interpolate(&self.arc, |i| self.points[i][axis], s))
    }

    /// The heading of the sample at or before arc length `s`, in rad.
    pub fn heading_at(&self, s: f64) -> f64 {
        let last = self.poses.len() - 1;
        let index = if s < 0.0 {
            0
        } else {
            (s.floor() as usize).min(last)
        };
        self.poses[index].heading
    }

    /// Coordinates along and across the curve, by the last sample that `position` lies ahead of.
    pub fn local_coordinates(&self, position: Point) -> (f64, f64) {
        let mut first = (0.0, 0.0);
        for (index, pose) in self.poses.iter().enumerate().rev() {
            let offset = sub(position, pose.position);
            let ahead = dot(pose.along, offset);
            let across = dot([-pose.along[1], pose.along[0]], offset);
            if ahead >= 0.0 {
                return (index as f64 * SAMPLE_DISTANCE + ahead, across);
            }
            first = (ahead, across);
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bend_is_followed_by_its_samples() {
        let curve = Spline::new(&[[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]).unwrap();
        assert_eq!(curve.length(), 20.0);
        assert_eq!(curve.at(15.0), [10.0, 5.0]);
        assert_eq!(curve.at(-1.0), [-1.0, 0.0]);
        assert_eq!(curve.heading_at(3.5), 0.0);
        assert_eq!(curve.heading_at(12.0), std::f64::consts::FRAC_PI_2);
        assert_eq!(curve.local_coordinates([4.25, -1.0]), (4.25, -1.0));
        assert_eq!(curve.local_coordinates([9.0, 7.5]), (17.5, 1.0));
        assert_eq!(curve.local_coordinates([-2.0, -0.5]), (-2.0, -0.5));
        // Inside of the bend it is the last sample that has the place ahead of it, not the nearest.
        assert_eq!(curve.local_coordinates([4.25, 1.0]), (11.0, 5.75));
    }

    #[test]
    fn degenerate_curves_are_refused() {
        assert!(Spline::new(&[[0.0, 0.0]]).is_none());
        assert!(Spline::new(&[[0.0, 0.0], [0.5, 0.0]]).is_none());
        assert!(Spline::new(&[[0.0, 0.0], [2.0, 0.0], [2.0, 0.0]]).is_none());
        assert!(Spline::new(&[[0.0, 0.0], [f64::NAN, 0.0]]).is_none());
    }
}
