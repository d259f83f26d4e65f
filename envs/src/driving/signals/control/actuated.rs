//! A fully actuated controller: greens end when the stream thins out.

use super::super::driver::WAITING_MPS;
use super::super::flow::Junction;
use super::super::layout::{APPROACH_M, PHASES};
use super::super::road::Road;
use super::super::settings::Settings;
use super::super::signal::TICKS_PER_S;
use super::Controller;

/// Detectors cover the last metres before each stop line. A phase keeps its green while a vehicle is on a detector of its
/// lanes, from the shortest to the longest green; then the next phase in order whose detectors are occupied has its turn. If there
/// is none, the signal rests where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Actuated {
    /// Length of the detectors, in m: at 13.9 m/s, 50 m are a gap of 3.6 s.
    pub detector_m: f64,
    /// The longest green while others call, in s.
    pub max_green_s: u32,
}

impl Default for Actuated {
    /// What the search of the baselines' example found best over the three demands.
    fn default() -> Self {
        Self {
            detector_m: 50.0,
            max_green_s: 60,
        }
    }
}

impl Actuated {
    /// Vehicles on the detectors of a phase, or outside of the road for want of room.
    fn calls(&self, junction: &Junction, road: Road<'_>, phase: usize) -> bool {
        let layout = road.layout();
        let mut lanes = (0..layout.n_lanes()).filter(|&lane| layout.phase_of(lane) == phase);
        lanes.any(|lane| {
            let on_detector = road.lane(lane).iter().any(|vehicle| {
                let to_line = APPROACH_M - vehicle.position_m;
                to_line > 0.0 && (to_line < self.detector_m || vehicle.speed_mps < WAITING_MPS)
            });
            on_detector || junction.outside(lane) > 0
        })
    }
}

impl Controller for Actuated {
    fn decide(&mut self, _: &Settings, junction: &Junction, road: Road<'_>) -> usize {
        let phase = usize::from(junction.signal.phase);
        let green = junction.signal.elapsed;
        if green < self.max_green_s * TICKS_PER_S && self.calls(junction, road, phase) {
            return phase;
        }
        let others = (1..PHASES).map(|ahead| (phase + ahead) % PHASES);
        let mut calling = others.filter(|&other| self.calls(junction, road, other));
        calling.next().unwrap_or(phase)
    }
}
