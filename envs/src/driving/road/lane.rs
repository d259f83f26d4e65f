//! A lane: a centre line with a width, markings, a speed limit and a priority.

use super::scalar::{Point, norm, sub, wrap_to_pi};
use super::shape::{Bounds, Circular, Shape};
use super::spline::Spline;

/// Width of a lane unless told otherwise, in m.
pub const DEFAULT_WIDTH: f64 = 4.0;
/// How far before its start and beyond its end a vehicle counts as on a lane, in m.
const VEHICLE_LENGTH: f64 = 5.0;
/// Speed limit unless told otherwise, in m/s.
const DEFAULT_SPEED_LIMIT: f64 = 20.0;

/// The marking along one side of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineType {
    /// Nothing.
    None,
    /// A dashed line.
    Striped,
    /// A line drawn in pieces along curves.
    Continuous,
    /// A line drawn in one stroke.
    ContinuousLine,
}

/// How wide a lane is along its course.
#[derive(Debug, Clone, PartialEq)]
pub enum Width {
    /// The same everywhere, in m.
    Fixed(f64),
    /// In m, one value per metre from the start.
    Sampled(Vec<f64>),
}

/// A lane.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    shape: Shape,
    length: f64,
    bounds: Option<Bounds>,
    width: Width,
    /// The largest of its widths, in m.
    widest: f64,
    lines: [LineType; 2],
    forbidden: bool,
    speed_limit: Option<f64>,
    priority: i32,
}

impl Lane {
    /// A lane along `shape`: 4 m wide, with striped lines, a limit of 20 m/s and priority 0.
    pub fn new(shape: Shape) -> Self {
        Self {
            length: shape.length(),
            bounds: shape.bounds(),
            shape,
            width: Width::Fixed(DEFAULT_WIDTH),
            widest: DEFAULT_WIDTH,
            lines: [LineType::Striped; 2],
            forbidden: false,
            speed_limit: Some(DEFAULT_SPEED_LIMIT),
            priority: 0,
        }
    }

    /// A straight lane.
    pub fn straight(start: Point, end: Point) -> Self {
        Self::new(Shape::straight(start, end))
    }

    /// A lane that swings about a line; `pulsation` in rad/m, `phase` in rad.
    pub fn sine(start: Point, end: Point, amplitude: f64, pulsation: f64, phase: f64) -> Self {
        Self::new(Shape::sine(start, end, amplitude, pulsation, phase))
    }

    /// An arc from `phases[0]` to `phases[1]`, in rad; along `clockwise` arcs angles grow (y points down).
    pub fn circular(center: Point, radius: f64, phases: [f64; 2], clockwise: bool) -> Self {
        Self::new(Shape::Circular(Circular {
            center,
            radius,
            start_phase: phases[0],
            end_phase: phases[1],
            clockwise,
        }))
    }

    /// A lane through points, at least two that span a metre or more; none for anything else.
    pub fn poly(points: &[Point]) -> Option<Self> {
        Spline::new(points).map(|curve| Self::new(Shape::Poly(Box::new(curve))))
    }

    /// A lane through points whose width is twice the distance to the nearer boundary, and at least the default; none if one
    /// of the curves has fewer than two points or is shorter than a metre.
    pub fn poly_between(points: &[Point], left: &[Point], right: &[Point]) -> Option<Self> {
        let lane = Self::poly(points)?;
        let (left, right) = (Spline::new(left)?, Spline::new(right)?);
        let pieces = lane.length.ceil() as usize;
        let step = lane.length / pieces as f64;
        let width = |i: usize| {
            let s = if i == pieces { lane.length } else { i as f64 * step };
            let centre = lane.position(s, 0.0);
            let to = |curve: &Spline| norm(sub(curve.at(curve.local_coordinates(centre).0), centre));
            (to(&right).min(to(&left)) * 2.0).max(DEFAULT_WIDTH)
        };
        let samples = (0..=pieces).map(width).collect();
        Some(lane.with_width(Width::Sampled(samples)))
    }

    /// With another width, in m.
    #[must_use]
    pub fn with_width(mut self, width: Width) -> Self {
        self.widest = match &width {
            Width::Fixed(width) => *width,
            Width::Sampled(samples) => samples.iter().copied().fold(0.0, f64::max),
        };
        self.width = width;
        self
    }

    /// With other lines on its left and its right.
    #[must_use]
    pub fn with_lines(mut self, left: LineType, right: LineType) -> Self {
        self.lines = [left, right];
        self
    }

    /// With changing to it forbidden or not.
    #[must_use]
    pub fn with_forbidden(mut self, forbidden: bool) -> Self {
        self.forbidden = forbidden;
        self
    }

    /// With another speed limit, in m/s, or none.
    #[must_use]
    pub fn with_speed_limit(mut self, limit: Option<f64>) -> Self {
        self.speed_limit = limit;
        self
    }

    /// With another priority at intersections.
    #[must_use]
    pub fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// The centre line.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// In m.
    #[inline]
    pub fn length(&self) -> f64 {
        self.length
    }

    /// The width along its course.
    pub fn width(&self) -> &Width {
        &self.width
    }

    /// The lines on its left and its right.
    pub fn lines(&self) -> [LineType; 2] {
        self.lines
    }

    /// Whether changing to it is forbidden.
    #[inline]
    pub fn forbidden(&self) -> bool {
        self.forbidden
    }

    /// In m/s, if there is a limit.
    #[inline]
    pub fn speed_limit(&self) -> Option<f64> {
        self.speed_limit
    }

    /// Who yields at intersections: the lower one.
    pub fn priority(&self) -> i32 {
        self.priority
    }

    /// The place `s` along and `lateral` across (positive to the right), in m.
    #[inline]
    pub fn position(&self, s: f64, lateral: f64) -> Point {
        self.shape.position(s, lateral)
    }

    /// The heading at `s`, in rad, not normalised.
    #[inline]
    pub fn heading_at(&self, s: f64) -> f64 {
        self.shape.heading_at(s)
    }

    /// The width at `s`, in m.
    #[inline]
    pub fn width_at(&self, s: f64) -> f64 {
        match &self.width {
            Width::Fixed(width) => *width,
            Width::Sampled(samples) => {
                let index = if s < 0.0 { 0 } else { s as usize };
                samples[index.min(samples.len() - 1)]
            }
        }
    }

    /// Coordinates along and across, in m.
    #[inline]
    pub fn local_coordinates(&self, position: Point) -> (f64, f64) {
        self.shape.local_coordinates(position)
    }

    /// Whether coordinates are on the lane, with up to `margin` m beside it and 5 m before its start and beyond its end.
    #[inline]
    pub fn holds(&self, (s, lateral): (f64, f64), margin: f64) -> bool {
        lateral.abs() <= self.width_at(s) / 2.0 + margin
            && -VEHICLE_LENGTH <= s
            && s < self.length + VEHICLE_LENGTH
    }

    /// A lower bound of [`Self::distance`], found without a projection; 0 or less if there is none.
    #[inline]
    pub fn least_distance(&self, position: Point) -> f64 {
        let outside = self.bounds.map_or(0.0, |bounds| bounds.least_distance(position));
        match &self.shape {
            Shape::Arcs(curve) if outside <= 0.0 => curve.least_distance(position),
            _ => outside,
        }
    }

    /// A distance from which on a place is not on the lane, even with `margin` m beside it.
    #[inline]
    pub fn reach(&self, margin: f64) -> f64 {
        self.widest / 2.0 + margin + VEHICLE_LENGTH
    }

    /// Whether a place is on the lane, see [`Self::holds`].
    #[inline]
    pub fn on_lane(&self, position: Point, margin: f64) -> bool {
        self.holds(self.local_coordinates(position), margin)
    }

    /// Whether a vehicle at `position` may change to this lane.
    #[inline]
    pub fn is_reachable_from(&self, position: Point) -> bool {
        if self.forbidden {
            return false;
        }
        let (s, lateral) = self.local_coordinates(position);
        lateral.abs() <= 2.0 * self.width_at(s) && 0.0 <= s && s < self.length + VEHICLE_LENGTH
    }

    /// Whether `s` is so near to the end that the next lane is to be followed.
    #[inline]
    pub fn after_end(&self, s: f64) -> bool {
        s > self.length - VEHICLE_LENGTH / 2.0
    }

    #[inline]
    fn taxicab(&self, (s, lateral): (f64, f64)) -> f64 {
        lateral.abs() + (s - self.length).max(0.0) + (-s).max(0.0)
    }

    /// The distance across plus that beyond an end, in m.
    #[inline]
    pub fn distance(&self, position: Point) -> f64 {
        self.taxicab(self.local_coordinates(position))
    }

    /// [`Self::distance`] of the place with these coordinates plus 1 m per rad between the heading and the lane's.
    #[inline]
    pub fn distance_with_heading(&self, coordinates: (f64, f64), heading: f64) -> f64 {
        self.taxicab(coordinates) + self.local_angle(heading, coordinates.0).abs()
    }

    /// The angle from the lane's heading at `s` to `heading`, in rad, in `[-pi, pi)`.
    #[inline]
    pub fn local_angle(&self, heading: f64, s: f64) -> f64 {
        wrap_to_pi(heading - self.heading_at(s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn an_arc_against_the_clock_has_the_published_numbers() {
        let lane = Lane::circular(
            [0.0, 0.0],
            20.0,
            [66.0_f64.to_radians(), 24.0_f64.to_radians()],
            false,
        );
        assert!(near(lane.length(), 14.660_765_716_8));
        let [x, y] = lane.position(5.0, 1.0);
        assert!(near(x, 13.022_245_929_4) && near(y, 16.474_863_003_0), "{x} {y}");
        let (s, lateral) = lane.local_coordinates([x, y]);
        assert!(near(s, 5.0) && near(lateral, 1.0));
    }

    #[test]
    fn coordinates_and_places_are_inverse() {
        let lanes = [
            Lane::straight([1.0, 2.0], [40.0, -7.0]),
            Lane::sine([1.0, 2.0], [160.0, 2.0], 3.25, 0.0392, 0.3),
            Lane::circular([3.0, 1.0], 20.0, [0.0, 1.5], true),
        ];
        for lane in &lanes {
            for (s, lateral) in [(0.0, 0.0), (3.0, -1.5), (25.0, 2.0)] {
                let (s2, lateral2) = lane.local_coordinates(lane.position(s, lateral));
                assert!(near(s, s2) && near(lateral, lateral2), "{lane:?}");
            }
        }
    }

    #[test]
    fn the_bounds_of_a_lane() {
        let lane = Lane::straight([0.0, 0.0], [100.0, 0.0]);
        assert!(lane.on_lane([-5.0, 2.0], 0.0) && !lane.on_lane([-5.1, 0.0], 0.0));
        assert!(lane.on_lane([104.9, 2.9], 1.0) && !lane.on_lane([105.0, 0.0], 0.0));
        assert!(!lane.is_reachable_from([-0.1, 0.0]) && lane.is_reachable_from([0.0, 8.0]));
        assert!(!lane.clone().with_forbidden(true).is_reachable_from([50.0, 0.0]));
        assert!(lane.after_end(97.6) && !lane.after_end(97.5));
        assert_eq!(lane.distance([110.0, -3.0]), 13.0);
        let coordinates = lane.local_coordinates([110.0, -3.0]);
        assert!(near(lane.distance_with_heading(coordinates, -0.5), 13.5));
    }

    #[test]
    fn far_places_are_far() {
        let lanes = [
            Lane::straight([1.0, 2.0], [40.0, -7.0]),
            Lane::sine([1.0, 2.0], [160.0, 40.0], 3.25, 0.0392, 0.3),
            Lane::circular([3.0, 1.0], 20.0, [0.3, 4.0], true),
            Lane::circular([3.0, 1.0], 20.0, [0.3, -1.9], false),
        ];
        for lane in &lanes {
            let grid = (-60..200).flat_map(|x| (-60..80).map(move |y| [f64::from(x), f64::from(y)]));
            let mut far = 0;
            for position in grid {
                let least = lane.least_distance(position);
                assert!(lane.distance(position) >= least);
                if least > lane.reach(1.0) {
                    far += 1;
                    assert!(!lane.on_lane(position, 1.0));
                }
            }
            assert!(far > 3_000, "{far}");
        }
    }

    #[test]
    fn the_width_between_boundaries_is_sampled() {
        let points = [[0.0, 0.0], [10.0, 0.0]];
        let lane = Lane::poly_between(&points, &[[0.0, -3.0], [10.0, -4.0]], &[[0.0, 5.0], [10.0, 5.0]]);
        let lane = lane.unwrap();
        assert!(lane.width_at(0.0) < lane.width_at(9.0));
        assert_eq!(lane.width_at(-1.0), lane.width_at(0.0));
        assert_eq!(lane.width_at(1e6), lane.width_at(10.0));
    }
}
