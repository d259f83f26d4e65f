//! What can be chosen about the task, and what follows from it.

use super::control::best_plan_waiting_s;
use super::demand::Demand;
use super::layout::{Layout, MAX_TOTAL_LANES};
use super::signal::{TICKS_PER_S, Timing};

/// Pieces of the horizon with rates of their own.
const PIECES: usize = 4;

/// The settings of the task.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Who wants to go where.
    pub demand: Demand,
    /// Lanes and phases.
    pub layout: Layout,
    /// Times of the phase gate.
    pub timing: Timing,
    /// Between two decisions, in s.
    pub decision_s: u32,
    /// Length of an episode, in s.
    pub horizon_s: u32,
    /// Observe the lanes once per phase, all but the present one's blanked, so that a network has weights for each phase.
    pub phase_gate: bool,
    /// Mean waiting time per vehicle up to which an episode is a success, in s.
    pub target_waiting_s: f64,
    /// All rates of the demand are multiplied by this.
    pub demand_scale: f64,
    /// Rewards nothing but success.
    pub sparse: bool,
    /// Per piece of the horizon and lane, expected arrivals in a substep.
    rates: [[f64; MAX_TOTAL_LANES]; PIECES],
}

impl Settings {
    /// The defaults of a demand: two lanes per approach, a decision every 5 s for an hour, green of 5 to 60 s, 3 s of
    /// yellow, 2 s of red for all.
    pub fn of(demand: Demand) -> Self {
        Self {
            demand,
            layout: Layout::new(2),
            timing: Timing::of_seconds(5, 60, 3, 2),
            decision_s: 5,
            horizon_s: 3600,
            phase_gate: false,
            target_waiting_s: best_plan_waiting_s(demand) / 2.0,
            demand_scale: 1.0,
            sparse: false,
            rates: [[0.0; MAX_TOTAL_LANES]; PIECES],
        }
        .with_traffic(Layout::new(2), 1.0)
    }

    /// The same with other lanes and `demand_scale` times the demand.
    #[must_use]
    pub fn with_traffic(mut self, layout: Layout, demand_scale: f64) -> Self {
        (self.layout, self.demand_scale) = (layout, demand_scale);
        for (piece, rates) in self.rates.iter_mut().enumerate() {
            let progress = piece as f64 / PIECES as f64;
            *rates = std::array::from_fn(|lane| {
                if lane < layout.n_lanes() {
                    demand_scale * self.demand.lane_rate(layout, lane, progress) / f64::from(TICKS_PER_S)
                } else {
                    0.0
                }
            });
        }
        self
    }

    /// Steps of an episode.
    pub fn steps(&self) -> u32 {
        self.horizon_s.div_ceil(self.decision_s)
    }

    /// Substeps between two decisions.
    pub fn decision_ticks(&self) -> u32 {
        self.decision_s * TICKS_PER_S
    }

    /// Expected arrivals in substep `tick`, by lane.
    #[inline]
    pub(super) fn arrivals(&self, tick: u32) -> &[f64; MAX_TOTAL_LANES] {
        let piece = u64::from(tick) * PIECES as u64 / u64::from(self.horizon_s * TICKS_PER_S);
        &self.rates[(piece as usize).min(PIECES - 1)]
    }
}
