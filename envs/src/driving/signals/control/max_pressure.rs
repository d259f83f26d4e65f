//! Max-pressure control (Varaiya 2013): serve the phase before which most vehicles are.

use super::super::flow::Junction;
use super::super::layout::{APPROACH_M, PHASES};
use super::super::road::Road;
use super::super::settings::Settings;
use super::super::signal::TICKS_PER_S;
use super::Controller;

/// Every few seconds the phase of greatest pressure is asked for: vehicles before the stop lines of its lanes. What lies behind
/// the box never fills up, so that it exerts no pressure back. Between equals the present phase stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPressure {
    /// Green between two decisions, in s.
    pub interval_s: u32,
}

impl Default for MaxPressure {
    /// What the search of the baselines' example found best over the three demands.
    fn default() -> Self {
        Self { interval_s: 7 }
    }
}

impl MaxPressure {
    fn pressure(junction: &Junction, road: Road<'_>, phase: usize) -> u32 {
        let layout = road.layout();
        let lanes = (0..layout.n_lanes()).filter(|&lane| layout.phase_of(lane) == phase);
        lanes
            .map(|lane| {
                let before = road
                    .lane(lane)
                    .iter()
                    .filter(|vehicle| vehicle.position_m < APPROACH_M);
                before.count() as u32 + junction.outside(lane)
            })
            .sum()
    }
}

impl Controller for MaxPressure {
    fn decide(&mut self, _: &Settings, junction: &Junction, road: Road<'_>) -> usize {
        let present = usize::from(junction.signal.phase);
        if !junction
            .signal
            .elapsed
            .is_multiple_of(self.interval_s.max(1) * TICKS_PER_S)
        {
            return present;
        }
        let mut best = (Self::pressure(junction, road, present), present);
        for phase in 0..PHASES {
            let pressure = Self::pressure(junction, road, phase);
            if pressure > best.0 {
                best = (pressure, phase);
            }
        }
        best.1
    }
}
