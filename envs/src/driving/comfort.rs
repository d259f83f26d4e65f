//! Whether a ride is comfortable, by nuPlan's limits on accelerations, jerks and turning, as CaRL's reward measures it.
//!
//! Velocities and accelerations are differences of places. Values at the newest tick are read from least-squares polynomials
//! over the last ticks, which is what a Savitzky-Golay filter gives there; unlike CaRL's, jerks are read from accelerations
//! that have not been smoothed before.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::road::scalar::{Point, direction, dot, norm, scale, sub, wrap_to_pi};

/// Ticks that are remembered.
const HISTORY: usize = 15;
/// Ticks before anything is judged, and over which accelerations are smoothed.
const WARM_UP: usize = 8;
/// Ticks over which turning is smoothed.
const TURNING: usize = 5;

/// In m/s².
const LON_ACCELERATION: RangeInclusive<f64> = -4.05..=2.40;
/// In m/s².
const LAT_ACCELERATION: f64 = 4.89;
/// In m/s³.
const JERK: f64 = 8.37;
/// In m/s³.
const LON_JERK: f64 = 4.13;
/// In rad/s.
const YAW_RATE: f64 = 0.95;
/// In rad/s².
const YAW_ACCELERATION: f64 = 1.93;

/// How many limits there are.
pub const N_LIMITS: usize = 6;

/// What is kept of one tick.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Sample {
    /// Longitudinal, lateral and as a length, in m/s².
    accelerations: [f64; 3],
    /// In rad, without jumps.
    yaw: f64,
}

/// The last ticks of a ride.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ride {
    samples: Vec<Sample>,
    /// Place in m and velocity in m/s at the last tick.
    last: Option<(Point, Point)>,
}

/// The polynomial of this order that fits `values` best, one per tick of `dt_s`: its derivative at the last tick.
fn at_last(values: impl DoubleEndedIterator<Item = f64>, order: usize, derivative: usize, dt_s: f64) -> f64 {
    const MOST: usize = 4;
    let n = order + 1;
    // Normal equations with ticks counted back from the last one.
    let mut matrix = [[0.0; MOST + 1]; MOST];
    for (back, value) in values.rev().enumerate() {
        let x = -(back as f64);
        for (row, cells) in matrix.iter_mut().enumerate().take(n) {
            let power = x.powi(row as i32);
            for (column, cell) in cells.iter_mut().enumerate().take(n) {
                *cell += power * x.powi(column as i32);
            }
            cells[MOST] += power * value;
        }
    }
    for pivot in 0..n {
        let best = (pivot..n).max_by(|&a, &b| matrix[a][pivot].abs().total_cmp(&matrix[b][pivot].abs()));
        matrix.swap(pivot, best.unwrap_or(pivot));
        let lead = matrix[pivot];
        if lead[pivot] == 0.0 {
            return 0.0;
        }
        for row in (0..n).filter(|&row| row != pivot) {
            let factor = matrix[row][pivot] / lead[pivot];
            for (cell, of_lead) in matrix[row].iter_mut().zip(lead) {
                *cell -= factor * of_lead;
            }
        }
    }
    let factorial: f64 = (1..=derivative).map(|k| k as f64).product();
    factorial * matrix[derivative][MOST] / matrix[derivative][derivative] / dt_s.powi(derivative as i32)
}

impl Ride {
    /// Adds a tick, `dt_s` after the last one. On the first one the velocity is taken from `speed_mps`, so that a ride may
    /// begin at speed.
    pub fn add(&mut self, position: Point, heading: f64, speed_mps: f64, dt_s: f64) {
        let along = direction(heading);
        let (velocity, acceleration) = match self.last {
            None => (scale(along, speed_mps), [0.0; 2]),
            Some((place, before)) => {
                let velocity = scale(sub(position, place), 1.0 / dt_s);
                (velocity, scale(sub(velocity, before), 1.0 / dt_s))
            }
        };
        self.last = Some((position, velocity));
        let yaw = self
            .samples
            .last()
            .map_or(heading, |last| last.yaw + wrap_to_pi(heading - last.yaw));
        if self.samples.len() == HISTORY {
            self.samples.remove(0);
        }
        self.samples.push(Sample {
            accelerations: [
                dot(acceleration, along),
                dot(acceleration, [-along[1], along[0]]),
                norm(acceleration),
            ],
            yaw,
        });
    }

    /// Which limits the last tick is beyond: longitudinal and lateral acceleration, jerk, longitudinal jerk, rate of turning,
    /// its change. None are before there have been eight ticks.
    pub fn beyond(&self, dt_s: f64) -> [bool; N_LIMITS] {
        if self.samples.len() < WARM_UP {
            return [false; N_LIMITS];
        }
        let last = |count: usize| self.samples[self.samples.len().saturating_sub(count)..].iter();
        let smooth = |which: usize| at_last(last(WARM_UP).map(|s| s.accelerations[which]), 2, 0, dt_s);
        let change = |which: usize| at_last(last(HISTORY).map(|s| s.accelerations[which]), 2, 1, dt_s);
        let turning = |order: usize, n: usize| at_last(last(TURNING).map(|s| s.yaw), order, n, dt_s);
        let longitudinal = smooth(0);
        [
            !LON_ACCELERATION.contains(&longitudinal),
            smooth(1).abs() > LAT_ACCELERATION,
            change(2).abs() > JERK,
            change(0).abs() > LON_JERK,
            turning(2, 1).abs() > YAW_RATE,
            turning(3, 2).abs() > YAW_ACCELERATION,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_found_exactly() {
        let cubic = |t: f64| 1.0 - 2.0 * t + 0.5 * t * t + 3.0 * t * t * t;
        let values = || (0..5).map(|tick| cubic(0.1 * f64::from(tick)));
        // At t = 0.4: value, slope, second derivative.
        let expected = [cubic(0.4), -2.0 + 0.4 + 9.0 * 0.16, 1.0 + 18.0 * 0.4];
        for (n, wanted) in expected.into_iter().enumerate() {
            assert!((at_last(values(), 3, n, 0.1) - wanted).abs() < 1e-9);
        }
    }

    /// A ride along x whose speed at tick `k` is given.
    fn straight(speeds: impl Iterator<Item = f64>) -> Ride {
        let mut ride = Ride::default();
        let mut x = 0.0;
        for (tick, speed) in speeds.enumerate() {
            x += if tick == 0 { 0.0 } else { 0.1 * speed };
            ride.add([x, 0.0], 0.0, speed, 0.1);
        }
        ride
    }

    #[test]
    fn hard_acceleration_is_one_infraction() {
        let ride = straight((0..20).map(|k| 5.0 + 0.1 * 3.0 * f64::from(k)));
        assert_eq!(ride.beyond(0.1), [true, false, false, false, false, false]);
        let ride = straight((0..20).map(|k| 5.0 + 0.1 * 2.3 * f64::from(k)));
        assert_eq!(ride.beyond(0.1), [false; N_LIMITS]);
        let ride = straight((0..20).map(|k| 25.0 - 0.1 * 4.2 * f64::from(k)));
        assert!(ride.beyond(0.1)[0]);
    }

    #[test]
    fn a_growing_acceleration_is_jerk() {
        // 6 m/s³ is beyond the longitudinal limit alone; 9 beyond both. Over 15 ticks the acceleration swings about zero.
        let jerky = |jerk: f64| {
            let acceleration = move |k: i32| jerk * 0.1 * (f64::from(k) - 8.0);
            let speed = move |k: i32| 20.0 + (0..=k).map(|j| 0.1 * acceleration(j)).sum::<f64>();
            straight((0..17).map(speed)).beyond(0.1)[3]
        };
        assert!(jerky(6.0) && !jerky(4.0));
    }

    #[test]
    fn turning_has_limits_of_its_own() {
        let mut ride = Ride::default();
        let radius = 2.0;
        for tick in 0..12 {
            let yaw = 0.1 * f64::from(tick);
            ride.add([radius * yaw.sin(), radius * (1.0 - yaw.cos())], yaw, radius, 0.1);
        }
        // 1 rad/s at 2 m/s: 2 m/s² sideways.
        assert_eq!(ride.beyond(0.1), [false, false, false, false, true, false]);
    }

    #[test]
    fn nothing_is_judged_before_eight_ticks() {
        let ride = straight((0..7).map(|k| 10.0 * f64::from(k)));
        assert_eq!(ride.beyond(0.1), [false; N_LIMITS]);
    }
}
