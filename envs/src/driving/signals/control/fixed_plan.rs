//! Fixed plans: each phase has its green in each cycle, whatever comes.

use super::super::demand::Demand;
use super::super::flow::Junction;
use super::super::layout::PHASES;
use super::super::road::Road;
use super::super::settings::Settings;
use super::super::signal::TICKS_PER_S;
use super::Controller;

/// Green of each phase in s, in the order of the phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedPlan {
    /// Green per phase, in s.
    pub green_s: [u32; PHASES],
}

impl FixedPlan {
    /// The time after which the plan repeats, in s.
    pub fn cycle_s(&self, settings: &Settings) -> u32 {
        self.green_s.iter().sum::<u32>() + PHASES as u32 * settings.timing.change() / TICKS_PER_S
    }
}

impl Controller for FixedPlan {
    fn decide(&mut self, _: &Settings, junction: &Junction, _: Road<'_>) -> usize {
        let phase = usize::from(junction.signal.phase);
        if junction.signal.elapsed >= self.green_s[phase] * TICKS_PER_S {
            (phase + 1) % PHASES
        } else {
            phase
        }
    }
}

/// The plan of least mean waiting time per demand with the default settings and phases in their order: greens in whole seconds,
/// searched one, two, three and four at a time over the same 20 hours. Found by
/// `cargo run --release -p prospect-envs --example traffic_light_baselines -- search`.
pub fn best_plan(demand: Demand) -> FixedPlan {
    let green_s = match demand {
        Demand::Balanced => [14, 5, 14, 5],
        Demand::OneSided => [29, 7, 9, 5],
        Demand::MovingPeak => [41, 10, 41, 9],
    };
    FixedPlan { green_s }
}

/// What [`best_plan`] makes vehicles wait on average in the 20 hours of the search, in s.
pub fn best_plan_waiting_s(demand: Demand) -> f64 {
    match demand {
        Demand::Balanced => 14.83,
        Demand::OneSided => 17.69,
        Demand::MovingPeak => 39.90,
    }
}

/// Webster's cycle (1958), `(1.5 L + 5) / (1 - Y)`, for the lost time `L` of a cycle and the sum `Y` of the flow ratios, in s.
pub fn webster_cycle_s(lost_s: f64, flow_ratios: f64) -> f64 {
    (1.5 * lost_s + 5.0) / (1.0 - flow_ratios)
}
