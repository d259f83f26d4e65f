//! Arithmetic of angles, intervals and points in the plane, rounded as highway-env rounds it.

use std::f64::consts::PI;

/// A place or a vector in the plane, in m: x to the right, y down (lane 0 of a highway is the leftmost one).
pub type Point = [f64; 2];

/// `a + b`.
#[inline]
pub fn add(a: Point, b: Point) -> Point {
    [a[0] + b[0], a[1] + b[1]]
}

/// `a - b`.
#[inline]
pub fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

/// `a` stretched by `factor`.
#[inline]
pub fn scale(a: Point, factor: f64) -> Point {
    [a[0] * factor, a[1] * factor]
}

/// The inner product.
#[inline]
pub fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

/// The Euclidean length.
#[inline]
pub fn norm(a: Point) -> f64 {
    dot(a, a).sqrt()
}

/// The unit vector of a heading.
#[inline]
pub fn direction(heading: f64) -> Point {
    let (sin, cos) = heading.sin_cos();
    [cos, sin]
}

/// `x`, but at least 0.01 away from zero, so that it can be divided by.
#[inline]
pub fn not_zero(x: f64) -> f64 {
    const LEAST: f64 = 1e-2;
    if x.abs() > LEAST {
        x
    } else if x >= 0.0 {
        LEAST
    } else {
        -LEAST
    }
}

/// An angle in `[-pi, pi)`.
#[inline]
pub fn wrap_to_pi(angle: f64) -> f64 {
    const TURN: f64 = 2.0 * PI;
    let shifted = angle + PI;
    // Nearly all angles are in range, and the remainder of those is what they are.
    if (0.0..TURN).contains(&shifted) {
        return shifted - PI;
    }
    let rest = shifted % TURN;
    (if rest < 0.0 { rest + TURN } else { rest }) - PI
}

/// Maps `v` linearly from the interval `from` to the interval `to`, beyond their ends too.
#[inline]
pub fn lmap(v: f64, from: [f64; 2], to: [f64; 2]) -> f64 {
    to[0] + (v - from[0]) * (to[1] - to[0]) / (from[1] - from[0])
}

/// `v` limited to `[low, high]`; NaN stays NaN, and where the limits are crossed the upper one holds, as in numpy.
#[inline]
pub fn clip(v: f64, low: f64, high: f64) -> f64 {
    let raised = if v < low { low } else { v };
    if raised > high { high } else { raised }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_wrap_into_a_half_open_turn() {
        assert_eq!(wrap_to_pi(0.0), 0.0);
        assert_eq!(wrap_to_pi(PI), -PI);
        assert_eq!(wrap_to_pi(-PI), -PI);
        assert!((wrap_to_pi(3.0 * PI + 0.25) - (0.25 - PI)).abs() < 1e-12);
        assert!((wrap_to_pi(-9.0) - (-9.0 + 2.0 * PI)).abs() < 1e-12);
        assert!(wrap_to_pi(f64::NAN).is_nan());
    }

    #[test]
    fn not_zero_keeps_its_distance_and_its_sign() {
        assert_eq!(not_zero(0.0), 0.01);
        assert_eq!(not_zero(-0.001), -0.01);
        assert_eq!(not_zero(0.01), 0.01);
        assert_eq!(not_zero(-7.0), -7.0);
    }

    #[test]
    fn clip_prefers_the_upper_limit() {
        assert_eq!(clip(5.0, 3.0, 1.0), 1.0);
        assert_eq!(clip(-5.0, 0.0, 1.0), 0.0);
        assert!(clip(f64::NAN, 0.0, 1.0).is_nan());
        assert_eq!(lmap(25.0, [20.0, 30.0], [0.0, 1.0]), 0.5);
    }
}
