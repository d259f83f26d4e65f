//! What a vehicle is about to do: its target lane and speed, its clock, whether it yields.

use std::f64::consts::PI;

use bevy_ecs::component::Component;
use prospect_sim::RowState;
use serde::{Deserialize, Serialize};

use super::kind::Kind;
use crate::driving::road::LaneIx;
use crate::driving::road::scalar::{Point, clip};

/// The intentions of a vehicle.
#[derive(Component, Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    /// Who drives.
    pub kind: Kind,
    /// The lane it follows or changes to.
    pub target_lane: LaneIx,
    /// In m/s.
    pub target_speed: f64,
    /// Which of the target speeds it tracks; only of [`Kind::Meta`].
    pub speed_index: u16,
    /// Since the last decision about lanes, in s.
    pub timer: f64,
    /// It may change lane of its own will.
    pub enable_lane_change: bool,
    /// It gives way at an intersection.
    pub is_yielding: bool,
    /// Rounds of regulation for which it has given way.
    pub yield_timer: u32,
}

impl RowState for Driver {
    const NAME: &'static str = "driving_driver";
}

impl Driver {
    /// A driver that keeps its lane and speed; the clock of traffic starts at a time that depends on the place, so that not
    /// all decide at once.
    pub fn new(kind: Kind, position: Point, speed: f64, lane: LaneIx) -> Self {
        Self {
            kind,
            target_lane: lane,
            target_speed: speed,
            speed_index: 0,
            timer: first_timer(position),
            enable_lane_change: true,
            is_yielding: false,
            yield_timer: 0,
        }
    }

    /// Tracks the target speed nearest to the present one.
    pub fn snap(&mut self, speeds: &[f64]) {
        self.speed_index = speed_index(speeds, self.target_speed);
        self.target_speed = speeds[usize::from(self.speed_index)];
    }
}

/// The clock of a vehicle that starts at `position`, in s.
pub fn first_timer(position: Point) -> f64 {
    ((position[0] + position[1]) * PI).rem_euclid(1.0)
}

/// The index of the target speed nearest to `speed`, for equally spaced target speeds; half-way rounds to even.
#[inline]
pub fn speed_index(speeds: &[f64], speed: f64) -> u16 {
    let last = speeds.len() - 1;
    let share = (speed - speeds[0]) / (speeds[last] - speeds[0]);
    clip((share * last as f64).round_ties_even(), 0.0, last as f64) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_round_to_the_nearest_index() {
        let speeds = [20.0, 25.0, 30.0];
        let found = [0.0, 22.4, 22.5, 22.6, 27.5, 29.0, 90.0].map(|v| speed_index(&speeds, v));
        assert_eq!(found, [0, 0, 0, 1, 2, 2, 2]);
    }

    #[test]
    fn clocks_start_within_their_period() {
        assert_eq!(first_timer([0.0, 0.0]), 0.0);
        assert!((first_timer([-1.0, 0.0]) - (4.0 - PI)).abs() < 1e-15);
    }
}
