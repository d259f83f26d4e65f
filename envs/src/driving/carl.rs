//! CaRL's reward: the share of the route that is completed, times a factor for each soft infraction, and the end of the
//! episode for the others (Jaeger et al. 2025, "CaRL: Learning Scalable Planning Policies with Simple Rewards").
//!
//! `reward = dRC * f_speed * f_ttc * f_comfort * f_lane + terminal`, with the completed share `RC` from 0 to 100, so that a
//! whole route without infractions pays 100. Nothing here knows where a route or a vehicle comes from.
//!
//! CaRL counts ticks of 0.1 s; here all times are in seconds. What it also has and this does not, because nothing here has
//! traffic lights or stop signs: ends for running them.

use serde::{Deserialize, Serialize};

use super::comfort::{N_LIMITS, Ride};
use super::road::polygon::{meet, rectangle};
use super::road::scalar::{Point, add, direction, norm, scale, sub};

/// The completed share of a whole route.
const WHOLE_ROUTE: f64 = 100.0;
/// Overspeed in m/s at which nothing is paid.
const OVERSPEED_MPS: f64 = 2.23;
/// For how long a time to collision that was too short, or discomfort, is remembered, in s.
const PENALTY_S: f64 = 50.0;
/// The factor after a time to collision that was too short, and while the vehicle is off its lane.
const HALF: f64 = 0.5;
/// How much all discomforts together take away.
const COMFORT_WEIGHT: f64 = 0.5;
/// Distance from the middle of the lane that is fine, in m.
const LANE_TOLERANCE_M: f64 = 0.5;
/// For how long a lane may be left, for example to change to another, in s.
const LANE_PATIENCE_S: f64 = 3.0;
/// What a collision takes away beside the rest of the route.
const COLLISION: f64 = 1.0;
/// Times ahead at which collisions are looked for, in s.
const LOOK_AHEAD_S: [f64; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];
/// Below this, in m/s, a vehicle stands, and who drives into it is at fault.
const STANDING_MPS: f64 = 0.1;

/// The names of the factors, in order.
pub const FACTORS: [&str; 6] = [
    "route_completion",
    "speed_factor",
    "ttc_factor",
    "comfort_factor",
    "lane_factor",
    "terminal",
];

/// What has happened in a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tick {
    /// Length of the step in s.
    pub dt_s: f64,
    /// Share of the route that is completed, from 0 to 1.
    pub completed: f64,
    /// Place in m.
    pub position: Point,
    /// In rad.
    pub heading: f64,
    /// In m/s.
    pub speed_mps: f64,
    /// In m/s, where there is one.
    pub speed_limit_mps: Option<f64>,
    /// Distance from the middle of the lane in m; none in junctions, where lanes are not judged.
    pub lateral_m: Option<f64>,
    /// Collides within a second if everybody goes on straight.
    pub collision_ahead: bool,
    /// Outside of the lanes of the route.
    pub outside: bool,
    /// Has collided.
    pub collided: bool,
}

/// What CaRL's reward remembers of an episode.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ledger {
    completed: f64,
    ride: Ride,
    /// How long penalties still hold, in s.
    ttc_left_s: f64,
    comfort_left_s: [f64; N_LIMITS],
    off_lane_s: f64,
}

/// The reward of a step, factor by factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factors {
    /// What has been completed in this step, of 100; 0 outside of the route's lanes.
    pub route_completion: f64,
    /// From 1 at the speed limit down to 0 at 2.23 m/s above it.
    pub speed: f64,
    /// 0.5 for 50 s after a collision would have happened within a second.
    pub ttc: f64,
    /// 1 less a twelfth for each of six limits of comfort that was exceeded within 50 s.
    pub comfort: f64,
    /// 0.5 after more than 3 s away from the middle of the lane.
    pub lane: f64,
    /// -1 with a collision.
    pub terminal: f64,
}

impl Factors {
    /// The reward.
    pub fn reward(&self) -> f64 {
        self.route_completion * self.speed * self.ttc * self.comfort * self.lane + self.terminal
    }

    /// In the order of [`FACTORS`].
    pub fn values(&self) -> [f64; 6] {
        [
            self.route_completion,
            self.speed,
            self.ttc,
            self.comfort,
            self.lane,
            self.terminal,
        ]
    }
}

impl Ledger {
    /// The state before the first step; `completed` is the share of the route, from 0 to 1, that need not be driven.
    pub fn start(completed: f64, position: Point, heading: f64, speed_mps: f64) -> Self {
        let mut ledger = Self {
            completed,
            ..Self::default()
        };
        ledger.ride.add(position, heading, speed_mps, 1.0);
        ledger
    }

    /// Enters a step and tells what it is worth.
    pub fn enter(&mut self, tick: &Tick) -> Factors {
        let gain = (tick.completed - self.completed) * WHOLE_ROUTE;
        self.completed = tick.completed;
        Factors {
            route_completion: if tick.outside { 0.0 } else { gain },
            speed: speed_factor(tick.speed_mps, tick.speed_limit_mps),
            ttc: self.ttc_factor(tick),
            comfort: self.comfort_factor(tick),
            lane: self.lane_factor(tick),
            terminal: if tick.collided { -COLLISION } else { 0.0 },
        }
    }

    fn ttc_factor(&mut self, tick: &Tick) -> f64 {
        self.ttc_left_s = lapsed(self.ttc_left_s, tick.dt_s);
        if tick.collision_ahead {
            self.ttc_left_s = PENALTY_S;
        }
        if self.ttc_left_s > 0.0 { HALF } else { 1.0 }
    }

    fn comfort_factor(&mut self, tick: &Tick) -> f64 {
        self.ride
            .add(tick.position, tick.heading, tick.speed_mps, tick.dt_s);
        let beyond = self.ride.beyond(tick.dt_s);
        for (left_s, beyond) in self.comfort_left_s.iter_mut().zip(beyond) {
            *left_s = if beyond {
                PENALTY_S
            } else {
                lapsed(*left_s, tick.dt_s)
            };
        }
        let count = self.comfort_left_s.iter().filter(|&&left_s| left_s > 0.0).count();
        1.0 - COMFORT_WEIGHT * count as f64 / N_LIMITS as f64
    }

    fn lane_factor(&mut self, tick: &Tick) -> f64 {
        let Some(lateral_m) = tick.lateral_m else {
            return 1.0;
        };
        if lateral_m.abs() > LANE_TOLERANCE_M {
            self.off_lane_s += tick.dt_s;
        } else {
            self.off_lane_s = lapsed(self.off_lane_s, tick.dt_s);
        }
        // Sums of steps are not exact.
        if self.off_lane_s > LANE_PATIENCE_S + 1e-9 {
            HALF
        } else {
            1.0
        }
    }
}

/// What is left of a time after a step; rounding does not prolong it by another one.
fn lapsed(left_s: f64, dt_s: f64) -> f64 {
    let left_s = left_s - dt_s;
    if left_s > 1e-9 { left_s } else { 0.0 }
}

/// How much of the reward is left at a speed.
fn speed_factor(speed_mps: f64, limit_mps: Option<f64>) -> f64 {
    let excess = limit_mps.map_or(0.0, |limit| speed_mps - limit).max(0.0);
    (1.0 - excess / OVERSPEED_MPS).max(0.0)
}

/// A vehicle that keeps its heading and its speed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mover {
    /// Its centre in m.
    pub center: Point,
    /// In rad.
    pub heading: f64,
    /// Along the heading, in m/s.
    pub speed_mps: f64,
    /// Length and width in m.
    pub size: [f64; 2],
}

impl Mover {
    /// Whether two of them overlap after some time in s.
    fn meets(&self, other: &Self, after_s: f64) -> bool {
        let along = [self, other].map(|mover| direction(mover.heading));
        let places = [(self, along[0]), (other, along[1])]
            .map(|(mover, along)| add(mover.center, scale(along, after_s * mover.speed_mps)));
        let reach = [self, other].map(|mover| norm(mover.size));
        if norm(sub(places[0], places[1])) > 0.5 * (reach[0] + reach[1]) {
            return false;
        }
        let [[length, width], [other_length, other_width]] = [self.size, other.size];
        let own = rectangle(places[0], length, width, along[0]);
        let other = rectangle(places[1], other_length, other_width, along[1]);
        meet(&own, &other, [0.0; 2], [0.0; 2]).intersecting
    }

    /// Whether it meets one of the others within a second.
    pub fn collides_ahead(&self, mut others: impl Iterator<Item = Self>) -> bool {
        let meets = |other: Self| LOOK_AHEAD_S.iter().any(|&after_s| self.meets(&other, after_s));
        self.speed_mps >= STANDING_MPS && others.any(meets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step of 0.1 s at 10 m/s along x, in the middle of a lane with a limit of 10 m/s.
    fn tick(k: u32) -> Tick {
        Tick {
            dt_s: 0.1,
            completed: 0.01 * f64::from(k),
            position: [f64::from(k), 0.0],
            heading: 0.0,
            speed_mps: 10.0,
            speed_limit_mps: Some(10.0),
            lateral_m: Some(0.0),
            collision_ahead: false,
            outside: false,
            collided: false,
        }
    }

    fn ledger() -> Ledger {
        Ledger::start(0.0, [0.0; 2], 0.0, 10.0)
    }

    #[test]
    fn a_whole_route_pays_a_hundred() {
        let mut ledger = ledger();
        let sum: f64 = (1..=100).map(|k| ledger.enter(&tick(k)).reward()).sum();
        assert!((sum - 100.0).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn speeding_lowers_the_reward_linearly() {
        assert_eq!(speed_factor(9.0, Some(10.0)), 1.0);
        assert!((speed_factor(11.115, Some(10.0)) - 0.5).abs() < 1e-12);
        assert_eq!(speed_factor(12.3, Some(10.0)), 0.0);
        assert_eq!(speed_factor(99.0, None), 1.0);
        let mut ledger = ledger();
        let factors = ledger.enter(&Tick {
            speed_mps: 10.446,
            ..tick(1)
        });
        // 0.446 of 2.23 m/s: a fifth is gone.
        assert!((factors.speed - 0.8).abs() < 1e-12);
        assert!((factors.reward() - 0.8).abs() < 1e-12);
    }

    #[test]
    fn a_near_collision_halves_the_reward_for_fifty_seconds() {
        let mut ledger = ledger();
        assert_eq!(
            ledger
                .enter(&Tick {
                    collision_ahead: true,
                    ..tick(1)
                })
                .ttc,
            0.5
        );
        let halved = (2..1000)
            .take_while(|&k| ledger.enter(&tick(k)).ttc == 0.5)
            .count();
        // 500 ticks with that of the near collision.
        assert_eq!(halved, 499);
    }

    #[test]
    fn discomforts_take_a_twelfth_each() {
        let mut ledger = ledger();
        let mut x = 0.0;
        let mut factors = Vec::new();
        for k in 1..=30 {
            let speed = 10.0 + 0.3 * f64::from(k);
            x += 0.1 * speed;
            let position = [x, 0.0];
            factors.push(
                ledger
                    .enter(&Tick {
                        position,
                        speed_mps: speed,
                        ..tick(k)
                    })
                    .comfort,
            );
        }
        // Eight ticks, that of the start included, before anything is judged; then 3 m/s² are beyond 2.4, and the jerk with
        // which they began is not.
        assert_eq!(factors[5], 1.0);
        assert!(
            (factors[29] - 11.0 / 12.0).abs() < 1e-12 || factors[29] < 11.0 / 12.0,
            "{factors:?}"
        );
        assert!(factors[29] >= 0.5);
    }

    #[test]
    fn lanes_may_be_left_for_three_seconds() {
        let mut ledger = ledger();
        let off = |k| Tick {
            lateral_m: Some(-0.6),
            ..tick(k)
        };
        let patient = (1..100)
            .take_while(|&k| ledger.enter(&off(k)).lane == 1.0)
            .count();
        assert_eq!(patient, 30);
        // In a junction nothing is judged; back in the middle the count goes down again.
        assert_eq!(
            ledger
                .enter(&Tick {
                    lateral_m: None,
                    ..tick(32)
                })
                .lane,
            1.0
        );
        assert_eq!(ledger.enter(&tick(33)).lane, 1.0);
        assert_eq!(ledger.enter(&off(34)).lane, 0.5);
    }

    #[test]
    fn outside_of_the_route_nothing_is_paid_and_collisions_cost_one() {
        let mut ledger = ledger();
        let outside = ledger.enter(&Tick {
            outside: true,
            ..tick(1)
        });
        assert_eq!((outside.route_completion, outside.reward()), (0.0, 0.0));
        // What was completed outside is not paid later.
        let back = ledger.enter(&Tick {
            collided: true,
            ..tick(2)
        });
        assert!(
            (back.reward() - 0.0).abs() < 1e-9,
            "1 for the way, -1 for the collision: {back:?}"
        );
        assert_eq!(back.values()[5], -1.0);
    }

    #[test]
    fn collisions_are_foreseen_for_a_second() {
        let car = |x: f64, y: f64, heading: f64, speed_mps: f64| Mover {
            center: [x, y],
            heading,
            speed_mps,
            size: [5.0, 2.0],
        };
        let meets = |other| car(0.0, 0.0, 0.0, 10.0).collides_ahead(std::iter::once(other));
        // A gap of 5 m closes within 0.9 s at 6 m/s and more.
        assert!(meets(car(10.0, 0.0, 0.0, 0.0)));
        assert!(meets(car(10.0, 0.0, 0.0, 4.0)));
        assert!(!meets(car(10.0, 0.0, 0.0, 5.0)));
        // Beside, and crossing from the side.
        assert!(!meets(car(3.0, 3.0, 0.0, 10.0)));
        assert!(meets(car(8.0, -8.0, std::f64::consts::FRAC_PI_2, 10.0)));
        // Who stands is not at fault.
        let standing = car(0.0, 0.0, 0.0, 0.05);
        assert!(!standing.collides_ahead(std::iter::once(car(5.1, 0.0, 0.0, -10.0))));
    }
}
