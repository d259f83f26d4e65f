//! Where a vehicle is and how it moves: the kinematic and the dynamic bicycle.

use std::f64::consts::{FRAC_PI_2, PI};

use bevy_ecs::component::Component;
use prospect_sim::{BodyState, RowState};
use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::params::Params;
use crate::driving::road::LaneIx;
use crate::driving::road::scalar::{Point, clip, direction};

/// The state of a vehicle's motion.
#[derive(Component, Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// The centre, in m.
    pub position: Point,
    /// In rad, not normalised.
    pub heading: f64,
    /// Along the heading, in m/s.
    pub speed: f64,
    /// The angle of the front wheels that is held until another is ordered, in rad.
    pub steering: f64,
    /// The acceleration that is held until another is ordered, in m/s².
    pub acceleration: f64,
    /// Sideways, in m/s; only of [`Kind::Dynamic`].
    pub lateral_speed: f64,
    /// In rad/s; only of [`Kind::Dynamic`].
    pub yaw_rate: f64,
    /// By how much a collision moves it in the next substep, in m.
    pub impact: Option<Point>,
    /// The lane it is on.
    pub lane: LaneIx,
    /// It has collided and comes to a stop.
    pub crashed: bool,
    /// It looks for collisions of its own; pairs of which neither does are skipped.
    pub check_collisions: bool,
}

impl RowState for Body {
    const NAME: &'static str = "driving_body";
}

/// Half of the vehicle's weight rests on each axle, 2.5 m from the centre of mass.
const AXLE: f64 = 2.5;
/// In kg m², of a vehicle of 1 kg.
const INERTIA: f64 = 1.0 / 12.0 * (5.0 * 5.0 + 2.0 * 2.0);
/// Cornering stiffness of a tyre, in N/rad.
const FRICTION: f64 = 15.0;
const MAX_YAW_RATE: f64 = 2.0 * PI;

impl Body {
    /// A vehicle on a lane.
    pub fn new(position: Point, heading: f64, speed: f64, lane: LaneIx) -> Self {
        Self {
            position,
            heading,
            speed,
            steering: 0.0,
            acceleration: 0.0,
            lateral_speed: 0.0,
            yaw_rate: 0.0,
            impact: None,
            lane,
            crashed: false,
            check_collisions: true,
        }
    }

    /// What is told of any body that moves freely.
    pub fn state(&self) -> BodyState {
        BodyState {
            position: self.position,
            heading: self.heading,
            speed_mps: self.speed,
            crashed: self.crashed,
        }
    }

    /// Moves on by `dt` s. The lane is not looked up anew.
    #[inline]
    pub fn advance(&mut self, kind: Kind, params: &Params, dt: f64) {
        self.advance_along(direction(self.heading), kind, params, dt);
    }

    /// The same for those who know the unit vector of the heading.
    #[inline]
    pub(in crate::driving) fn advance_along(&mut self, along: Point, kind: Kind, params: &Params, dt: f64) {
        self.limit(params);
        if kind == Kind::Dynamic {
            self.advance_dynamic(dt);
        } else {
            self.advance_kinematic(along, params, dt);
        }
    }

    /// A wreck rolls out; beyond its speed limits a vehicle is brought back.
    #[inline]
    fn limit(&mut self, params: &Params) {
        if self.crashed {
            self.steering = 0.0;
            self.acceleration = -self.speed;
        }
        if self.speed > params.max_speed {
            self.acceleration = self.acceleration.min(params.max_speed - self.speed);
        } else if self.speed < params.min_speed {
            self.acceleration = self.acceleration.max(params.min_speed - self.speed);
        }
    }

    /// Modified bicycle: the velocity points along the slip angle at the centre.
    #[inline]
    fn advance_kinematic(&mut self, along: Point, params: &Params, dt: f64) {
        // Not shortened by algebra: vehicles that nearly stand magnify the last bit.
        let (sin_slip, [cos, sin]) = if self.steering == 0.0 {
            (0.0, along)
        } else {
            let slip = (0.5 * self.steering.tan()).atan();
            (slip.sin(), direction(self.heading + slip))
        };
        self.position[0] += self.speed * cos * dt;
        self.position[1] += self.speed * sin * dt;
        if let Some(impact) = self.impact.take() {
            self.position[0] += impact[0];
            self.position[1] += impact[1];
            self.crashed = true;
        }
        self.heading += self.speed * sin_slip / (params.length / 2.0) * dt;
        self.speed += self.acceleration * dt;
    }

    /// Bicycle with linear tyres, one Runge-Kutta step; impacts are kept but do not move it, as in the package.
    fn advance_dynamic(&mut self, dt: f64) {
        self.steering = clip(self.steering, -FRAC_PI_2, FRAC_PI_2);
        self.yaw_rate = clip(self.yaw_rate, -MAX_YAW_RATE, MAX_YAW_RATE);
        let [x, y] = self.position;
        let start = [x, y, self.heading, self.speed, self.lateral_speed, self.yaw_rate];
        let ahead = |slope: &[f64; 6], by: f64| std::array::from_fn(|i| start[i] + slope[i] * by);
        let f1 = self.derivative(&start);
        let f2 = self.derivative(&ahead(&f1, dt / 2.0));
        let f3 = self.derivative(&ahead(&f2, dt / 2.0));
        let f4 = self.derivative(&ahead(&f3, dt));
        let [x, y, heading, speed, lateral_speed, yaw_rate] =
            std::array::from_fn(|i| start[i] + (dt / 6.0) * (f1[i] + 2.0 * f2[i] + 2.0 * f3[i] + f4[i]));
        self.position = [x, y];
        self.heading = heading;
        self.speed = speed;
        self.lateral_speed = lateral_speed;
        self.yaw_rate = yaw_rate;
    }

    /// Time derivative of x, y, heading, speed, lateral speed and yaw rate, by the bicycle with tyres.
    pub fn slope(&self) -> [f64; 6] {
        let [x, y] = self.position;
        self.derivative(&[x, y, self.heading, self.speed, self.lateral_speed, self.yaw_rate])
    }

    /// Time derivative of x, y, heading, speed, lateral speed and yaw rate (Rajamani, Vehicle Dynamics and Control,
    /// chapter 2); below 1 m/s, where slip angles are ill-defined, sideways motion is damped instead.
    fn derivative(&self, &[_, _, heading, speed, lateral, yaw_rate]: &[f64; 6]) -> [f64; 6] {
        let (front, rear) = if speed.abs() < 1.0 {
            let turn = INERTIA / AXLE * yaw_rate;
            (-lateral - turn, -lateral + turn)
        } else {
            let front = (lateral + AXLE * yaw_rate).atan2(speed);
            let rear = (lateral - AXLE * yaw_rate).atan2(speed);
            (
                2.0 * FRICTION * (self.steering - front),
                2.0 * FRICTION * (0.0 - rear),
            )
        };
        let (sin, cos) = heading.sin_cos();
        [
            cos * speed - sin * lateral,
            sin * speed + cos * lateral,
            yaw_rate,
            self.acceleration,
            front + rear - yaw_rate * speed,
            1.0 / INERTIA * (AXLE * front - AXLE * rear),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_steps_of_the_kinematic_bicycle_have_the_published_numbers() {
        let mut body = Body::new([0.0; 2], 0.1, 20.0, LaneIx(0));
        (body.acceleration, body.steering) = (2.0, 0.05);
        for _ in 0..3 {
            body.advance(Kind::Manual, &Params::of(Kind::Manual), 1.0 / 15.0);
        }
        let expected = [3.987_900_705_9, 0.555_658_167_5, 0.140_287_646_88, 20.4];
        let found = [body.position[0], body.position[1], body.heading, body.speed];
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-9, "{found:?}");
        }
    }

    #[test]
    fn wrecks_roll_out_and_impacts_wreck() {
        let mut body = Body::new([0.0; 2], 0.0, 10.0, LaneIx(0));
        (body.steering, body.acceleration) = (0.3, 2.0);
        body.impact = Some([1.0, -1.0]);
        body.advance(Kind::Idm, &Params::of(Kind::Idm), 0.1);
        assert!(body.crashed && body.impact.is_none());
        let speed = body.speed;
        body.advance(Kind::Idm, &Params::of(Kind::Idm), 0.1);
        assert_eq!((body.steering, body.acceleration), (0.0, -speed));
        assert!((body.speed - 0.9 * speed).abs() < 1e-12);
    }

    #[test]
    fn speeds_beyond_the_limits_are_brought_back() {
        let mut body = Body::new([0.0; 2], 0.0, 45.0, LaneIx(0));
        body.acceleration = 3.0;
        body.advance(Kind::Idm, &Params::of(Kind::Idm), 0.1);
        assert_eq!(body.acceleration, -5.0);
        body.speed = -41.0;
        body.advance(Kind::Idm, &Params::of(Kind::Idm), 0.1);
        assert_eq!(body.acceleration, 1.0);
    }
}
