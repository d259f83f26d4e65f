//! Styles of driving: IDM and MOBIL with other parameters, as the heterogeneous highway of iPLAN mixes them.
//!
//! The values are those of its published code (Wu et al. 2023, arXiv 2306.06236). There, aggressive and conservative drivers
//! end up following their target speed whoever is in front, because a cruise control overwrites what IDM decides; here they
//! do what their parameters say.

use prospect_sim::random::Generator;

use super::kind::Kind;
use super::params::Params;

/// How a driver of traffic behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As highway-env's `IDMVehicle`.
    Normal,
    /// Short gaps, hard braking, quick decisions.
    Aggressive,
    /// Long gaps, soft acceleration.
    Conservative,
}

impl Style {
    /// The constants of a driver of this style; all of them are of [`Kind::Idm`].
    pub fn params(self) -> Params {
        let normal = Params::of(Kind::Idm);
        match self {
            Self::Normal => normal,
            Self::Aggressive => Params {
                acc_max: 9.0,
                comfort_acc_max: 6.0,
                comfort_acc_min: -9.0,
                // Half a metre between bumpers.
                distance_wanted: 0.5 + normal.length,
                time_wanted: 1.2,
                lane_change_min_acc_gain: 0.1,
                lane_change_max_braking_imposed: 9.0,
                lane_change_delay: 0.5,
                ..normal
            },
            Self::Conservative => Params {
                acc_max: 5.0,
                comfort_acc_max: 2.0,
                comfort_acc_min: -4.0,
                // 13 m between bumpers.
                distance_wanted: 13.0 + normal.length,
                time_wanted: 1.8,
                delta: 3.5,
                politeness: 0.5,
                lane_change_min_acc_gain: 0.3,
                ..normal
            },
        }
    }

    /// The same with the exponent of IDM drawn, where the style has a range of them.
    pub fn drawn(self, rng: &mut Generator) -> Params {
        let mut params = self.params();
        match self {
            Self::Normal => params.delta = rng.uniform(3.5, 4.5),
            Self::Aggressive => {}
            Self::Conservative => params.delta = rng.uniform(3.0, 4.0),
        }
        params
    }
}

/// Shares of styles in traffic; what is missing to 1 is normal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Population {
    /// Share of aggressive drivers, 0 to 1.
    pub aggressive: f64,
    /// Share of conservative drivers, 0 to 1.
    pub conservative: f64,
}

impl Population {
    /// One in ten aggressive, one in ten conservative.
    pub const MILD: Self = Self {
        aggressive: 0.1,
        conservative: 0.1,
    };
    /// Three in ten aggressive, three in ten conservative.
    pub const CHAOTIC: Self = Self {
        aggressive: 0.3,
        conservative: 0.3,
    };

    /// The style of the next driver; consumes one real.
    pub fn draw(self, rng: &mut Generator) -> Style {
        let x = rng.random();
        if x < self.aggressive {
            Style::Aggressive
        } else if x > 1.0 - self.conservative {
            Style::Conservative
        } else {
            Style::Normal
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_asked_for() {
        let mut rng = Generator::default_rng(5);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[Population::CHAOTIC.draw(&mut rng) as usize] += 1;
        }
        let [normal, aggressive, conservative] = counts;
        assert!((3_800..4_200).contains(&normal), "{counts:?}");
        assert!((2_800..3_200).contains(&aggressive) && (2_800..3_200).contains(&conservative));
        assert_eq!(Style::Normal.params(), Params::of(Kind::Idm));
    }
}
