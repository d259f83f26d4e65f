//! What distinguishes one vehicle's driver from another's: sizes, limits, and the parameters of IDM, MOBIL and the linear
//! models. The package keeps them per class (and an intersection changes them for the whole process); here each vehicle has
//! its own.

use bevy_ecs::component::Component;
use prospect_sim::RowState;
use prospect_sim::random::Generator;
use serde::{Deserialize, Serialize};

use super::kind::Kind;

/// Of a heading controller, in 1/s.
const KP_HEADING: f64 = 1.0 / 0.2;
/// Of a lateral position controller, in 1/s.
const KP_LATERAL: f64 = 1.0 / 0.6;
/// Share of the speed of the road at which a vehicle merges, and that speed in m/s, of the presets of linear vehicles.
const MERGE: (f64, f64) = (0.75, 30.0);

/// Constants of one vehicle and its driver.
#[derive(Component, Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// Length of the vehicle, in m.
    pub length: f64,
    /// Width of the vehicle, in m.
    pub width: f64,
    /// Above it the vehicle is slowed down, in m/s.
    pub max_speed: f64,
    /// Below it the vehicle is sped up, in m/s.
    pub min_speed: f64,
    /// Limit of the acceleration and of the deceleration of traffic, in m/s².
    pub acc_max: f64,
    /// Desired largest acceleration of IDM, in m/s².
    pub comfort_acc_max: f64,
    /// Desired largest deceleration of IDM, negative, in m/s².
    pub comfort_acc_min: f64,
    /// Desired distance, between centres, to a vehicle ahead in a jam, in m.
    pub distance_wanted: f64,
    /// Desired time gap to the vehicle ahead, in s.
    pub time_wanted: f64,
    /// Exponent of IDM's speed term.
    pub delta: f64,
    /// Weight of the gain of others in MOBIL, 0 to 1.
    pub politeness: f64,
    /// Least gain for which MOBIL changes lane, in m/s².
    pub lane_change_min_acc_gain: f64,
    /// Hardest braking that MOBIL imposes on others, in m/s².
    pub lane_change_max_braking_imposed: f64,
    /// Time between decisions of MOBIL, in s.
    pub lane_change_delay: f64,
    /// Weights of the linear model of acceleration: of missing speed, of being faster than the vehicle ahead, of missing
    /// distance.
    pub acceleration_parameters: [f64; 3],
    /// Weights of the linear model of steering: of the heading error, of the lateral error.
    pub steering_parameters: [f64; 2],
}

impl RowState for Params {
    const NAME: &'static str = "driving_params";
}

impl Params {
    /// What highway-env gives the class of this kind.
    pub fn of(kind: Kind) -> Self {
        let idm = Self {
            length: 5.0,
            width: 2.0,
            max_speed: 40.0,
            min_speed: -40.0,
            acc_max: 6.0,
            comfort_acc_max: 3.0,
            comfort_acc_min: -5.0,
            distance_wanted: 10.0,
            time_wanted: 1.5,
            delta: 4.0,
            politeness: 0.0,
            lane_change_min_acc_gain: 0.2,
            lane_change_max_braking_imposed: 2.0,
            lane_change_delay: 1.0,
            acceleration_parameters: [0.3, 0.3, 2.0],
            steering_parameters: [KP_HEADING, KP_HEADING * KP_LATERAL],
        };
        let merging = |gain: f64, distance: f64| {
            let (ratio, speed) = MERGE;
            Self {
                time_wanted: 2.5,
                lane_change_min_acc_gain: 1.0,
                acceleration_parameters: [gain / ((1.0 - ratio) * speed), gain / (ratio * speed), distance],
                ..idm
            }
        };
        match kind {
            Kind::Linear => Self {
                time_wanted: 2.5,
                ..idm
            },
            Kind::Aggressive => merging(0.8, 0.5),
            Kind::Defensive => merging(1.2, 2.0),
            _ => idm,
        }
    }

    /// Draws what highway-env's `randomize_behavior` draws for this kind.
    pub fn randomize(&mut self, kind: Kind, rng: &mut Generator) {
        if kind.is_linear() {
            let preset = Self::of(Kind::Linear);
            for (value, middle) in self
                .acceleration_parameters
                .iter_mut()
                .zip(preset.acceleration_parameters)
            {
                *value = 0.5 * middle + rng.random() * (1.5 * middle - 0.5 * middle);
            }
            let spreads = [0.07, 1.5];
            let middles = preset.steering_parameters;
            for ((value, middle), spread) in self.steering_parameters.iter_mut().zip(middles).zip(spreads) {
                let (low, high) = (middle - spread, middle + spread);
                *value = low + rng.random() * (high - low);
            }
        }
        self.delta = rng.uniform(3.5, 4.5);
    }

    /// Of the vehicle's rectangle, in m.
    #[inline]
    pub fn diagonal(&self) -> f64 {
        (self.length * self.length + self.width * self.width).sqrt()
    }
}
