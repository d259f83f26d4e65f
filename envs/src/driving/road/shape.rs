//! The centre lines of lanes: straight, sine, arc, spline and chains of arcs, with coordinates along and across them.

use std::f64::consts::FRAC_PI_2;

use super::arc_spline::ArcSpline;
use super::scalar::{Point, add, dot, norm, scale, sub, wrap_to_pi};
use super::spline::Spline;

/// A box with sides along the axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    low: Point,
    high: Point,
}

impl Bounds {
    fn of(points: &[Point]) -> Self {
        let start = Self {
            low: [f64::INFINITY; 2],
            high: [f64::NEG_INFINITY; 2],
        };
        points.iter().fold(start, |bounds, p| Self {
            low: [bounds.low[0].min(p[0]), bounds.low[1].min(p[1])],
            high: [bounds.high[0].max(p[0]), bounds.high[1].max(p[1])],
        })
    }

    /// The distance from `position` to the box, in m, a little less against rounding.
    #[inline]
    pub fn least_distance(&self, position: Point) -> f64 {
        const SLACK: f64 = 1e-6;
        let beyond = [0, 1].map(|axis| {
            (self.low[axis] - position[axis])
                .max(position[axis] - self.high[axis])
                .max(0.0)
        });
        norm(beyond) - SLACK
    }
}

/// A straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Straight {
    /// Where it starts.
    pub start: Point,
    /// Where it ends.
    pub end: Point,
    /// Unit vector along it.
    along: Point,
    heading: f64,
    length: f64,
}

impl Straight {
    fn new(start: Point, end: Point) -> Self {
        let span = sub(end, start);
        let length = norm(span);
        Self {
            start,
            end,
            along: [span[0] / length, span[1] / length],
            heading: span[1].atan2(span[0]),
            length,
        }
    }

    #[inline]
    fn across(&self) -> Point {
        [-self.along[1], self.along[0]]
    }

    #[inline]
    fn position(&self, s: f64, lateral: f64) -> Point {
        let centre = add(self.start, scale(self.along, s));
        add(centre, scale(self.across(), lateral))
    }

    #[inline]
    fn local_coordinates(&self, position: Point) -> (f64, f64) {
        let offset = sub(position, self.start);
        (dot(offset, self.along), dot(offset, self.across()))
    }
}

/// A sine wave about a straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sine {
    /// The line it swings about.
    pub axis: Straight,
    /// In m.
    pub amplitude: f64,
    /// In rad per m.
    pub pulsation: f64,
    /// In rad.
    pub phase: f64,
}

impl Straight {
    /// The smallest box around the band of half-width `margin` about the line.
    fn band(&self, margin: f64) -> Bounds {
        let side = scale(self.across(), margin);
        let corners = [self.start, self.end].map(|end| [add(end, side), sub(end, side)]);
        Bounds::of(corners.as_flattened())
    }
}

impl Sine {
    #[inline]
    fn swing(&self, s: f64) -> f64 {
        self.amplitude * (self.pulsation * s + self.phase).sin()
    }
}

/// An arc of a circle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circular {
    /// Of the circle.
    pub center: Point,
    /// In m.
    pub radius: f64,
    /// The angle at which it starts, in rad.
    pub start_phase: f64,
    /// The angle at which it ends, in rad.
    pub end_phase: f64,
    /// Whether angles grow along it (y points down).
    pub clockwise: bool,
}

impl Circular {
    #[inline]
    fn sense(&self) -> f64 {
        if self.clockwise { 1.0 } else { -1.0 }
    }

    /// The smallest box around the arc.
    fn bounds(&self) -> Bounds {
        let at = |phase: f64| add(self.center, scale([phase.cos(), phase.sin()], self.radius));
        let (low, high) = if self.start_phase < self.end_phase {
            (self.start_phase, self.end_phase)
        } else {
            (self.end_phase, self.start_phase)
        };
        // Where the arc touches the sides of the circle's box.
        let first = (low / FRAC_PI_2).ceil() as i32;
        let last = (high / FRAC_PI_2).floor() as i32;
        let sides = (first..=last.min(first + 3)).map(|quarter| at(f64::from(quarter) * FRAC_PI_2));
        let points: Vec<_> = sides.chain([at(low), at(high)]).collect();
        Bounds::of(&points)
    }

    #[inline]
    fn phase_at(&self, s: f64) -> f64 {
        self.sense() * s / self.radius + self.start_phase
    }
}

/// The centre line of a lane.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A straight line.
    Straight(Straight),
    /// A sine wave about a straight line.
    Sine(Sine),
    /// An arc of a circle.
    Circular(Circular),
    /// A line through points.
    Poly(Box<Spline>),
    /// Straights and arcs, one after another; not of the package, for maps of real roads.
    Arcs(Box<ArcSpline>),
}

impl Shape {
    /// A line from `start` to `end`.
    pub fn straight(start: Point, end: Point) -> Self {
        Self::Straight(Straight::new(start, end))
    }

    /// A sine wave about the line from `start` to `end`.
    pub fn sine(start: Point, end: Point, amplitude: f64, pulsation: f64, phase: f64) -> Self {
        Self::Sine(Sine {
            axis: Straight::new(start, end),
            amplitude,
            pulsation,
            phase,
        })
    }

    /// Its length, in m; along the axis for a sine wave.
    pub fn length(&self) -> f64 {
        match self {
            Self::Straight(line) => line.length,
            Self::Sine(sine) => sine.axis.length,
            Self::Circular(arc) => arc.radius * (arc.end_phase - arc.start_phase) * arc.sense(),
            Self::Poly(curve) => curve.length(),
            Self::Arcs(curve) => curve.length_m(),
        }
    }

    /// A box from which a place is no further than its distance across plus that beyond the ends; none if there is no such
    /// box (coordinates of splines jump).
    pub fn bounds(&self) -> Option<Bounds> {
        match self {
            Self::Straight(line) => Some(line.band(0.0)),
            Self::Sine(sine) => Some(sine.axis.band(sine.amplitude.abs())),
            Self::Circular(arc) => Some(arc.bounds()),
            Self::Arcs(curve) => Some(Bounds::of(&curve.bounds())),
            Self::Poly(_) => None,
        }
    }

    /// The place `s` along and `lateral` across, in m.
    #[inline]
    pub fn position(&self, s: f64, lateral: f64) -> Point {
        match self {
            Self::Straight(line) => line.position(s, lateral),
            Self::Sine(sine) => sine.axis.position(s, lateral + sine.swing(s)),
            Self::Circular(arc) => {
                let (sin, cos) = arc.phase_at(s).sin_cos();
                add(arc.center, scale([cos, sin], arc.radius - lateral * arc.sense()))
            }
            Self::Poly(curve) => {
                let (sin, cos) = curve.heading_at(s).sin_cos();
                let [x, y] = curve.at(s);
                [x - sin * lateral, y + cos * lateral]
            }
            Self::Arcs(curve) => curve.position(s, lateral),
        }
    }

    /// The heading at `s`, in rad, not normalised.
    #[inline]
    pub fn heading_at(&self, s: f64) -> f64 {
        match self {
            Self::Straight(line) => line.heading,
            Self::Sine(sine) => {
                let slope = sine.amplitude * sine.pulsation * (sine.pulsation * s + sine.phase).cos();
                sine.axis.heading + slope.atan()
            }
            Self::Circular(arc) => arc.phase_at(s) + FRAC_PI_2 * arc.sense(),
            Self::Poly(curve) => curve.heading_at(s),
            Self::Arcs(curve) => curve.heading_at(s),
        }
    }

    /// Coordinates along and across, in m; they go on beyond both ends.
    #[inline]
    pub fn local_coordinates(&self, position: Point) -> (f64, f64) {
        match self {
            Self::Straight(line) => line.local_coordinates(position),
            Self::Sine(sine) => {
                let (s, lateral) = sine.axis.local_coordinates(position);
                (s, lateral - sine.swing(s))
            }
            Self::Circular(arc) => {
                let offset = sub(position, arc.center);
                let phase = offset[1].atan2(offset[0]);
                let phase = arc.start_phase + wrap_to_pi(phase - arc.start_phase);
                let s = arc.sense() * (phase - arc.start_phase) * arc.radius;
                (s, arc.sense() * (arc.radius - norm(offset)))
            }
            Self::Poly(curve) => curve.local_coordinates(position),
            Self::Arcs(curve) => curve.local_coordinates(position),
        }
    }
}
