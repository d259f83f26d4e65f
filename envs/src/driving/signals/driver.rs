//! A vehicle and its driver: the Intelligent Driver Model with parameters of its own (Treiber, Hennecke and Helbing 2000).

use super::layout::Turn;

/// Length of a vehicle, in m.
pub const LENGTH_M: f64 = 5.0;
/// Width of a vehicle, in m, for pictures.
pub(super) const WIDTH_M: f64 = 2.0;
/// What stays between two vehicles at rest, in m.
pub(super) const JAM_GAP_M: f64 = 2.0;
/// Speed limit of the roads, in m/s (50 km/h); drivers differ by a tenth of it.
pub const SPEED_LIMIT_MPS: f64 = 13.9;
/// Braking that drivers find comfortable, in m/s².
pub(super) const COMFORT_BRAKING_MPS2: f64 = 2.0;
/// The hardest braking that a driver chooses for a yellow light, in m/s²; one who would have to brake harder goes on.
pub(super) const YELLOW_BRAKING_MPS2: f64 = 3.0;
/// The hardest braking that a vehicle can do, in m/s².
pub(super) const HARDEST_BRAKING_MPS2: f64 = 8.0;
/// Speeds in the middle of a turn, in m/s: left, straight (no limit), right.
pub(super) const TURN_SPEED_MPS: [f64; 3] = [8.0, f64::INFINITY, 6.0];
/// A vehicle slower than this waits, in m/s.
pub const WAITING_MPS: f64 = 0.1;

/// A vehicle on its lane.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Vehicle {
    /// Distance of its front from where the lane begins, in m.
    pub position_m: f64,
    /// Speed, in m/s.
    pub speed_mps: f64,
    /// Speed that the driver would like on a free road, in m/s.
    pub desired_speed_mps: f64,
    /// Time gap that the driver keeps, in s.
    pub headway_s: f64,
    /// Acceleration from rest, in m/s².
    pub acceleration_mps2: f64,
    /// Twice the root of acceleration times comfortable braking, in m/s².
    pub braking_scale_mps2: f64,
    /// Where it goes, as [`Turn`] numbers it.
    pub turn: u8,
    /// Substeps that it has waited since it came.
    pub waited: u32,
}

/// A number that is well mixed over the bits of `key` and `index` (the finaliser of SplitMix64, Steele et al. 2014).
///
/// What a vehicle is like depends on the episode's key, its lane and its number only, so that all controllers meet the same
/// drivers, whatever they did before.
fn mix(key: u64, index: u64) -> u64 {
    let mut z = key.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A real in `[0, 1)` out of 16 of 64 bits.
fn share(bits: u64, part: u32) -> f64 {
    f64::from((bits >> (16 * part)) as u16) / 65_536.0
}

/// Where vehicle `number` of `lane` goes, `right_share` being the share of right turns there.
pub(super) fn turn_of(key: u64, lane: usize, number: u32, is_left: bool, right_share: f64) -> Turn {
    if is_left {
        Turn::Left
    } else if share(mix(key, identity(lane, number)), 3) < right_share {
        Turn::Right
    } else {
        Turn::Straight
    }
}

fn identity(lane: usize, number: u32) -> u64 {
    (lane as u64) << 32 | u64::from(number)
}

impl Vehicle {
    /// Vehicle `number` of `lane` at its first position, at rest.
    pub fn new(key: u64, lane: usize, number: u32, turn: Turn) -> Self {
        let bits = mix(key, identity(lane, number));
        let acceleration_mps2 = 1.4 + 0.8 * share(bits, 2);
        Self {
            position_m: 0.0,
            speed_mps: 0.0,
            desired_speed_mps: SPEED_LIMIT_MPS * (0.9 + 0.2 * share(bits, 0)),
            headway_s: 0.9 + 0.6 * share(bits, 1),
            acceleration_mps2,
            braking_scale_mps2: 2.0 * (acceleration_mps2 * COMFORT_BRAKING_MPS2).sqrt(),
            turn: turn as u8,
            waited: 0,
        }
    }

    /// The desired speed `to_turn_m` before the middle of a turn (negative behind it): slow enough to turn after
    /// comfortable braking.
    #[inline]
    pub fn wanted_speed_mps(&self, to_turn_m: f64) -> f64 {
        let turning = TURN_SPEED_MPS[usize::from(self.turn.min(2))];
        if turning.is_infinite() || to_turn_m < -10.0 {
            return self.desired_speed_mps;
        }
        let slowing = turning * turning + 2.0 * COMFORT_BRAKING_MPS2 * to_turn_m.max(0.0);
        self.desired_speed_mps.min(slowing.sqrt())
    }

    /// The model's acceleration, in m/s², `gap_m` behind something that moves at `lead_mps` (infinite: nothing ahead).
    ///
    /// `a (1 - (v / v0)^4 - (s* / s)^2)` with `s* = s0 + max(0, v T + v dv / (2 sqrt(a b)))`; above the desired speed the
    /// first part brakes no harder than is comfortable, and all of it no harder than is possible.
    #[inline]
    pub fn follow(&self, wanted_mps: f64, gap_m: f64, lead_mps: f64) -> f64 {
        let ratio = self.speed_mps / wanted_mps;
        let ratio2 = ratio * ratio;
        let free = (1.0 - ratio2 * ratio2).max(-COMFORT_BRAKING_MPS2 / self.acceleration_mps2);
        let closing = self.speed_mps * (self.speed_mps - lead_mps) / self.braking_scale_mps2;
        let desired_gap = JAM_GAP_M + (self.speed_mps * self.headway_s + closing).max(0.0);
        let pressure = desired_gap / gap_m.max(0.01);
        let acceleration = self.acceleration_mps2 * (free - pressure * pressure);
        acceleration.max(-HARDEST_BRAKING_MPS2)
    }

    /// Moves on for `dt_s` with constant acceleration, and stops rather than going backwards.
    #[inline]
    pub fn advance(&mut self, acceleration_mps2: f64, dt_s: f64) {
        let speed = self.speed_mps + acceleration_mps2 * dt_s;
        if speed >= 0.0 {
            self.position_m += 0.5 * (self.speed_mps + speed) * dt_s;
            self.speed_mps = speed;
        } else {
            self.position_m += self.speed_mps * self.speed_mps / (-2.0 * acceleration_mps2);
            self.speed_mps = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vehicle() -> Vehicle {
        Vehicle {
            position_m: 0.0,
            speed_mps: 10.0,
            desired_speed_mps: 14.0,
            headway_s: 1.0,
            acceleration_mps2: 1.5,
            braking_scale_mps2: 2.0 * 3.0_f64.sqrt(),
            turn: 1,
            waited: 0,
        }
    }

    #[test]
    fn follows_the_model_computed_by_hand() {
        let driver = vehicle();
        // Free road: 1.5 (1 - (10/14)^4) = 1.5 (1 - 10000/38416).
        let free = driver.follow(14.0, f64::INFINITY, 0.0);
        assert!((free - 1.5 * (1.0 - 10_000.0 / 38_416.0)).abs() < 1e-12);
        // 30 m behind one of 8 m/s: s* = 2 + 10 + 10 * 2 / (2 sqrt 3) = 17.7735; (s*/30)^2 = 0.350996.
        let near = driver.follow(14.0, 30.0, 8.0);
        let desired_gap = 12.0 + 10.0 / 3.0_f64.sqrt();
        assert!((near - (free - 1.5 * (desired_gap / 30.0).powi(2))).abs() < 1e-12);
        assert!((near - 0.583_042_0).abs() < 1e-6, "{near}");
        // Far too near: as hard as possible.
        assert_eq!(driver.follow(14.0, 1.0, 0.0), -HARDEST_BRAKING_MPS2);
        // Much too fast for a turn: no harder than is comfortable.
        assert_eq!(driver.follow(2.0, f64::INFINITY, 0.0), -COMFORT_BRAKING_MPS2);
    }

    #[test]
    fn moves_with_constant_acceleration_and_stops() {
        let mut driver = vehicle();
        driver.advance(2.0, 0.5);
        assert_eq!([driver.position_m, driver.speed_mps], [5.25, 11.0]);
        let mut driver = Vehicle {
            speed_mps: 1.0,
            ..vehicle()
        };
        driver.advance(-4.0, 0.5);
        assert_eq!([driver.position_m, driver.speed_mps], [0.125, 0.0]);
    }

    #[test]
    fn slows_down_in_time_for_a_turn() {
        let mut driver = vehicle();
        assert_eq!(driver.wanted_speed_mps(5.0), 14.0);
        driver.turn = Turn::Right as u8;
        assert_eq!(driver.wanted_speed_mps(0.0), 6.0);
        assert_eq!(driver.wanted_speed_mps(7.0), 8.0);
        assert_eq!(driver.wanted_speed_mps(500.0), 14.0);
        assert_eq!(driver.wanted_speed_mps(-11.0), 14.0);
    }

    #[test]
    fn drivers_differ_within_their_ranges() {
        let drivers: Vec<_> = (0..2_000)
            .map(|n| Vehicle::new(7, 3, n, Turn::Straight))
            .collect();
        let mean = |value: fn(&Vehicle) -> f64| drivers.iter().map(value).sum::<f64>() / 2_000.0;
        assert!((mean(|v| v.desired_speed_mps) - 13.9).abs() < 0.05);
        assert!((mean(|v| v.headway_s) - 1.2).abs() < 0.02);
        assert!((mean(|v| v.acceleration_mps2) - 1.8).abs() < 0.02);
        let right = (0..2_000)
            .filter(|&n| turn_of(7, 1, n, false, 0.2) == Turn::Right)
            .count();
        assert!((right as f64 / 2_000.0 - 0.2).abs() < 0.03, "{right}");
        assert!((0..100).all(|n| turn_of(7, 0, n, true, 0.2) == Turn::Left));
    }
}
