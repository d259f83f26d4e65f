//! Controllers: from a lane and a speed to steering and acceleration.

use std::f64::consts::{FRAC_PI_3, FRAC_PI_4};

use super::body::Body;
use super::params::Params;
use crate::driving::road::Lane;
use crate::driving::road::scalar::{clip, not_zero, wrap_to_pi};

/// How far ahead the heading of the lane is read, in s.
const PURSUIT_S: f64 = 0.1;
/// Gain of the speed, in 1/s.
const KP_SPEED: f64 = 1.0 / 0.6;
/// Gain of the heading, in 1/s.
const KP_HEADING: f64 = 1.0 / 0.2;
/// Gain of the lateral position, in 1/s.
const KP_LATERAL: f64 = 1.0 / 0.6;
/// In rad.
const MAX_STEERING: f64 = FRAC_PI_3;

/// The arc sine of a clipped argument.
#[inline]
fn arc_sine(x: f64) -> f64 {
    if x == 0.0 { x } else { clip(x, -1.0, 1.0).asin() }
}

/// The acceleration towards `target` m/s, in m/s².
#[inline]
pub(super) fn speed_control(body: &Body, target: f64) -> f64 {
    KP_SPEED * (target - body.speed)
}

/// The steering angle that leads to the middle of `lane`, on which the vehicle is at `coordinates`, in rad: lateral error to
/// lateral speed, to heading, to yaw rate, to steering angle.
#[inline]
pub(super) fn steering_control(body: &Body, params: &Params, lane: &Lane, (s, lateral): (f64, f64)) -> f64 {
    let ahead = lane.heading_at(s + body.speed * PURSUIT_S);
    let speed = not_zero(body.speed);
    let towards = arc_sine(-KP_LATERAL * lateral / speed);
    let reference = ahead + clip(towards, -FRAC_PI_4, FRAC_PI_4);
    let yaw_rate = KP_HEADING * wrap_to_pi(reference - body.heading);
    let slip = clip(params.length / 2.0 / speed * yaw_rate, -1.0, 1.0);
    if slip == 0.0 {
        return slip;
    }
    // Not shortened by algebra: vehicles that nearly stand magnify the last bit.
    let steering = (2.0 * slip.asin().tan()).atan();
    clip(steering, -MAX_STEERING, MAX_STEERING)
}

/// The steering angle of a vehicle whose controller is linear in its parameters, in rad.
#[inline]
pub(super) fn linear_steering(body: &Body, params: &Params, lane: &Lane, (s, lateral): (f64, f64)) -> f64 {
    let ahead = lane.heading_at(s + body.speed * PURSUIT_S);
    let speed = not_zero(body.speed);
    let heading = wrap_to_pi(ahead - body.heading) * params.length / speed;
    let position = -lateral * params.length / (speed * speed);
    let [of_heading, of_position] = params.steering_parameters;
    clip(
        of_heading * heading + of_position * position,
        -MAX_STEERING,
        MAX_STEERING,
    )
}
