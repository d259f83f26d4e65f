//! Demands: how many vehicles per hour want to go where, and when. Pinned, so that results can be compared.

use super::layout::{APPROACHES, Layout, TURNS};

/// A demand by name.
///
/// | name | approach | left | straight | right |
/// |---|---|---|---|---|
/// | `balanced` | each | 40 | 160 | 40 |
/// | `one_sided` | north | 100 | 400 | 100 |
/// | | each other | 20 | 80 | 20 |
/// | `moving_peak` | the one with the peak | 100 | 400 | 100 |
/// | | each other | 20 | 80 | 20 |
///
/// All in vehicles per hour, 960 in total. The moving peak is at north, east, south and west for a quarter of the horizon each.
/// Vehicles of a movement arrive as a Poisson process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// The same from everywhere.
    Balanced,
    /// Five times as much from the north as from elsewhere.
    OneSided,
    /// Five times as much from one approach, each in its turn.
    MovingPeak,
}

/// Vehicles per hour of one approach: left, straight, right.
type Rates = [f64; TURNS];

const BALANCED: Rates = [40.0, 160.0, 40.0];
const LOW: Rates = [20.0, 80.0, 20.0];
const HIGH: Rates = [100.0, 400.0, 100.0];

/// Of the vehicles that do not turn left, how many turn right: the same in all demands and at all times, so that where
/// a vehicle goes depends on nothing but its number.
pub const RIGHT_SHARE: f64 = 0.2;

impl Demand {
    /// All demands.
    pub const ALL: [Self; 3] = [Self::Balanced, Self::OneSided, Self::MovingPeak];
    /// Their names, in the same order.
    pub const NAMES: [&'static str; 3] = ["balanced", "one_sided", "moving_peak"];

    /// The name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The demand of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|&known| known == name)?;
        Some(Self::ALL[index])
    }

    /// Vehicles per hour of `approach` (left, straight, right) after the share `progress` of the horizon.
    pub fn rates(self, approach: usize, progress: f64) -> Rates {
        let peak = match self {
            Self::Balanced => return BALANCED,
            Self::OneSided => 0,
            Self::MovingPeak => ((progress * APPROACHES as f64) as usize).min(APPROACHES - 1),
        };
        if approach == peak { HIGH } else { LOW }
    }

    /// Vehicles per second that enter `lane`: left turns have their lane, the others spread over the rest, right turns at
    /// the kerb.
    pub(super) fn lane_rate(self, layout: Layout, lane: usize, progress: f64) -> f64 {
        let [left, straight, right] = self.rates(layout.approach(lane), progress);
        let per_hour = if layout.is_left(lane) {
            left
        } else {
            let straight = straight / (layout.lanes_per_approach() - 1) as f64;
            straight + if layout.is_kerb(lane) { right } else { 0.0 }
        };
        per_hour / 3600.0
    }

    /// The share of right turns among the vehicles of `lane`.
    pub(super) fn right_share(layout: Layout, lane: usize) -> f64 {
        if !layout.is_kerb(lane) {
            return 0.0;
        }
        let straight = (1.0 - RIGHT_SHARE) / (layout.lanes_per_approach() - 1) as f64;
        RIGHT_SHARE / (straight + RIGHT_SHARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_carry_what_the_table_says() {
        for demand in Demand::ALL {
            assert_eq!(Demand::from_name(demand.name()), Some(demand));
            for lanes in 2..=4 {
                let layout = Layout::new(lanes);
                for progress in [0.0, 0.3, 0.6, 0.99, 1.0] {
                    let table: f64 = (0..APPROACHES)
                        .map(|approach| demand.rates(approach, progress).iter().sum::<f64>())
                        .sum();
                    let road: f64 = (0..layout.n_lanes())
                        .map(|lane| demand.lane_rate(layout, lane, progress) * 3600.0)
                        .sum();
                    assert!((table - road).abs() < 1e-9);
                    let [_, straight, right] = demand.rates(0, progress);
                    assert!((right / (straight + right) - RIGHT_SHARE).abs() < 1e-12);
                    let kerb = layout.lanes_per_approach() - 1;
                    let turning =
                        demand.lane_rate(layout, kerb, progress) * Demand::right_share(layout, kerb);
                    assert!((turning * 3600.0 - right).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn the_peak_moves_clockwise() {
        for (progress, peak) in [(0.0, 0), (0.26, 1), (0.6, 2), (0.8, 3), (1.0, 3)] {
            for approach in 0..APPROACHES {
                let rates = Demand::MovingPeak.rates(approach, progress);
                assert_eq!(rates == HIGH, approach == peak, "{progress}");
            }
        }
    }
}
