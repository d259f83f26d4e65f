//! The reference line of a road: lines, arcs, spirals and polynomials, one after another, seen from above.

use super::cubic::Cubic;
use super::quadrature::integral;

/// A point of a curve and how the curve runs there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pose {
    /// x and y in m.
    pub(super) position: [f64; 2],
    /// Direction in rad, counter-clockwise from x.
    pub(super) heading: f64,
    /// Its change in rad per metre of curve, positive to the left.
    pub(super) curvature: f64,
    /// Metres of curve per metre along the road: 1 but for polynomials whose stated length is not quite their own.
    pub(super) stretch: f64,
}

/// The shape of a piece, from the origin along x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Line,
    Arc {
        /// In 1/m, positive to the left.
        curvature: f64,
    },
    /// An Euler spiral: its curvature changes linearly with its length.
    Spiral {
        /// In 1/m.
        start: f64,
        /// Change of the curvature in 1/m².
        rate: f64,
    },
    /// `v(u)`; the distance along the road is the curve's length.
    Poly3(Cubic),
    /// `u(p)` and `v(p)`; the distance along the road is in proportion to the curve's length.
    ParamPoly3 {
        u: Cubic,
        v: Cubic,
        /// The last `p`; the first is 0.
        range: f64,
        /// The curve's length in m.
        own_length: f64,
    },
}

/// One piece of a reference line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    /// Distance along the road where it starts, in m.
    pub(super) s: f64,
    /// Where it starts.
    pub(super) origin: [f64; 2],
    /// The direction of its own x axis, in rad.
    pub(super) heading: f64,
    /// In m.
    pub(super) length: f64,
    pub(super) shape: Shape,
}

/// Displacement along a circle of this curvature that starts along x, in m.
fn arc(curvature: f64, length: f64) -> [f64; 2] {
    let turn = curvature * length;
    if turn.abs() < 1e-6 {
        // The quotients below lose their digits; these are their series.
        return [length * (1.0 - turn * turn / 6.0), length * turn / 2.0];
    }
    [turn.sin() / curvature, (1.0 - turn.cos()) / curvature]
}

/// Displacement along a spiral, to about 1e-12 of its length: panels turn by less than half a radian.
fn spiral(start: f64, rate: f64, length: f64) -> [f64; 2] {
    let largest = start.abs().max((start + rate * length).abs());
    let panels = (2.0 * largest * length).abs().ceil().max(1.0) as usize;
    integral(length, panels, |s| {
        let (sin, cos) = (s * (start + 0.5 * rate * s)).sin_cos();
        [cos, sin]
    })
}

/// Length of a curve of two cubics from 0 to `p`.
fn length_to([u, v]: [Cubic; 2], p: f64) -> f64 {
    const PANELS: usize = 16;
    let [length] = integral(p, PANELS, |x| [u.slope(x).hypot(v.slope(x))]);
    length
}

/// The parameter at which a curve of two cubics has this length from 0: Newton's method on the length integral.
fn parameter_at([u, v]: [Cubic; 2], length: f64, guess: f64) -> f64 {
    let mut p = guess;
    for _ in 0..32 {
        let step = (length - length_to([u, v], p)) / u.slope(p).hypot(v.slope(p));
        p += step;
        if step.abs() <= 1e-13 * p.abs().max(1e-3) {
            break;
        }
    }
    p
}

impl Shape {
    /// A curve of two cubics whose parameter goes from 0 to `range`.
    pub(super) fn param_poly3(u: Cubic, v: Cubic, range: f64) -> Self {
        Self::ParamPoly3 {
            u,
            v,
            range,
            own_length: length_to([u, v], range),
        }
    }
}

/// Position, first and second derivative of a curve of two cubics.
fn parametric([u, v]: [Cubic; 2], p: f64) -> ([f64; 2], [f64; 2], [f64; 2]) {
    (
        [u.at(p), v.at(p)],
        [u.slope(p), v.slope(p)],
        [u.second_derivative(p), v.second_derivative(p)],
    )
}

impl Piece {
    /// The pose in the piece's own frame, `d` metres into it.
    fn local_pose(&self, d: f64) -> Pose {
        let turned = |position, heading, curvature| Pose {
            position,
            heading,
            curvature,
            stretch: 1.0,
        };
        let (cubics, parameter, stretch) = match self.shape {
            Shape::Line => return turned([d, 0.0], 0.0, 0.0),
            Shape::Arc { curvature } => return turned(arc(curvature, d), curvature * d, curvature),
            Shape::Spiral { start, rate } => {
                let heading = d * (start + 0.5 * rate * d);
                return turned(spiral(start, rate, d), heading, start + rate * d);
            }
            Shape::Poly3(v) => {
                let u = Cubic {
                    coefficients: [0.0, 1.0, 0.0, 0.0],
                };
                ([u, v], parameter_at([u, v], d, d), 1.0)
            }
            Shape::ParamPoly3 {
                u,
                v,
                range,
                own_length,
            } => {
                let share = d / self.length;
                let parameter = parameter_at([u, v], share * own_length, share * range);
                ([u, v], parameter, own_length / self.length)
            }
        };
        let (position, [du, dv], [ddu, ddv]) = parametric(cubics, parameter);
        let speed = du.hypot(dv);
        Pose {
            position,
            heading: dv.atan2(du),
            curvature: (du * ddv - dv * ddu) / speed.powi(3),
            stretch,
        }
    }

    /// The pose `d` metres into the piece.
    pub(super) fn pose(&self, d: f64) -> Pose {
        let local = self.local_pose(d);
        let (sin, cos) = self.heading.sin_cos();
        let [u, v] = local.position;
        Pose {
            position: [
                self.origin[0] + u * cos - v * sin,
                self.origin[1] + u * sin + v * cos,
            ],
            heading: self.heading + local.heading,
            ..local
        }
    }
}

/// A road's reference line.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct PlanView {
    /// In order, without gaps.
    pub(super) pieces: Vec<Piece>,
}

impl PlanView {
    /// The pose `s` metres along the road. Where two pieces meet, the one before gives it, if `before` says so.
    pub(super) fn pose(&self, s: f64, before: bool) -> Option<Pose> {
        let started = |piece: &Piece| if before { piece.s < s } else { piece.s <= s };
        let count = self.pieces.partition_point(started);
        let piece = self.pieces.get(count.saturating_sub(1))?;
        Some(piece.pose(s - piece.s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(shape: Shape, length: f64) -> Piece {
        Piece {
            s: 0.0,
            origin: [0.0; 2],
            heading: 0.0,
            length,
            shape,
        }
    }

    fn near(a: [f64; 2], b: [f64; 2], tolerance: f64) {
        assert!((a[0] - b[0]).hypot(a[1] - b[1]) < tolerance, "{a:?} {b:?}");
    }

    /// Fresnel's integrals by their power series, at `t <= 2`.
    fn fresnel(t: f64) -> [f64; 2] {
        let x = std::f64::consts::FRAC_PI_2 * t * t;
        let (mut cos, mut sin, mut power, mut factorial) = (0.0, 0.0, 1.0, 1.0);
        for n in 0..60 {
            let sign = if n % 4 < 2 { 1.0 } else { -1.0 };
            let term = sign * power / factorial * t / f64::from(2 * n + 1);
            if n % 2 == 0 {
                cos += term;
            } else {
                sin += term;
            }
            power *= x;
            factorial *= f64::from(n + 1);
        }
        [cos, sin]
    }

    #[test]
    fn spirals_are_fresnels_integrals() {
        // The clothoid of curvature rate pi / a² reaches a * (C(s / a), S(s / a)).
        for a in [10.0, 60.0] {
            let shape = Shape::Spiral {
                start: 0.0,
                rate: std::f64::consts::PI / (a * a),
            };
            for t in [0.1, 0.7, 1.3, 2.0] {
                let [x, y] = fresnel(t);
                near(piece(shape, 2.0 * a).pose(a * t).position, [a * x, a * y], 1e-9);
            }
        }
        // Out and back: a spiral from the end's curvature, negated, retraces the way.
        let there = piece(
            Shape::Spiral {
                start: 0.05,
                rate: -0.002,
            },
            40.0,
        )
        .pose(40.0);
        let back = Piece {
            origin: there.position,
            heading: there.heading + std::f64::consts::PI,
            ..piece(
                Shape::Spiral {
                    start: -there.curvature,
                    rate: -0.002,
                },
                40.0,
            )
        };
        near(back.pose(40.0).position, [0.0; 2], 1e-9);
    }

    #[test]
    fn arcs_meet_their_circle() {
        let quarter = 20.0 * std::f64::consts::FRAC_PI_2;
        let pose = piece(Shape::Arc { curvature: 0.05 }, quarter).pose(quarter);
        near(pose.position, [20.0, 20.0], 1e-12);
        assert!((pose.heading - std::f64::consts::FRAC_PI_2).abs() < 1e-12);
        near(
            piece(Shape::Arc { curvature: 1e-9 }, 100.0).pose(100.0).position,
            [100.0, 5e-6],
            1e-11,
        );
        near(
            piece(Shape::Arc { curvature: -0.05 }, quarter)
                .pose(quarter)
                .position,
            [20.0, -20.0],
            1e-12,
        );
    }

    #[test]
    fn polynomials_have_the_length_they_say() {
        let cubic = Cubic {
            coefficients: [0.0, 0.0, 0.01, -1e-4],
        };
        let graph = piece(Shape::Poly3(cubic), 50.0);
        let mut walked = 0.0;
        let mut last = graph.pose(0.0).position;
        for step in 1..=5000 {
            let next = graph.pose(f64::from(step) * 0.01).position;
            walked += (next[0] - last[0]).hypot(next[1] - last[1]);
            last = next;
        }
        assert!((walked - 50.0).abs() < 1e-6, "{walked}");
        let [x, y] = last;
        assert!((cubic.at(x) - y).abs() < 1e-12);
    }

    /// Heading, curvature and stretch are the derivatives of the position.
    #[test]
    fn poses_are_consistent() {
        let u = Cubic {
            coefficients: [0.0, 30.0, 0.0, -4.0],
        };
        let v = Cubic {
            coefficients: [0.0, 0.0, 12.0, 3.0],
        };
        let shapes = [
            Shape::Arc { curvature: -0.02 },
            Shape::Spiral {
                start: 0.01,
                rate: 0.003,
            },
            Shape::Poly3(Cubic {
                coefficients: [0.5, 0.1, 0.02, -3e-4],
            }),
            Shape::param_poly3(u, v, 1.0),
        ];
        for shape in shapes {
            let piece = Piece {
                origin: [3.0, -2.0],
                heading: 0.8,
                ..piece(shape, 30.0)
            };
            for d in [1.0, 11.0, 28.0] {
                let h = 1e-4;
                let (before, pose, after) = (piece.pose(d - h), piece.pose(d), piece.pose(d + h));
                let [x, y] = [0, 1].map(|axis| (after.position[axis] - before.position[axis]) / (2.0 * h));
                assert!((x.hypot(y) - pose.stretch).abs() < 1e-6, "{shape:?}");
                assert!((y.atan2(x) - pose.heading).sin().abs() < 1e-6, "{shape:?}");
                let turn = (after.heading - before.heading) / (2.0 * h) / pose.stretch;
                assert!((turn - pose.curvature).abs() < 1e-6, "{shape:?}");
            }
        }
    }
}
