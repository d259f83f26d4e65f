//! What a policy sees: queues and what comes towards the stop lines, the signal, the gate.

use prospect_sim::{Dtype, Field};

use super::driver::WAITING_MPS;
use super::flow::{DT_S, Junction};
use super::layout::{APPROACH_M, PHASES};
use super::road::Road;
use super::settings::Settings;
use super::signal::{Stage, TICKS_PER_S};

/// Ends of the bands before a stop line, in m, in each of which moving vehicles are counted.
const BANDS_M: [f64; 5] = [15.0, 40.0, 80.0, 130.0, APPROACH_M];
/// Numbers per lane: the queue, one per band, how long the first vehicle has waited.
const PER_LANE: usize = BANDS_M.len() + 2;
/// Numbers of the signal: the phase served or coming, whether it is green, for how long, whether the gate is open.
const PER_SIGNAL: usize = PHASES + 3;
/// A queue of so many vehicles is observed as 1.
const QUEUE_SCALE: f32 = 20.0;
/// So many moving vehicles in a band are observed as 1.
const BAND_SCALE: f32 = 5.0;
/// So many seconds are observed as 1.
const TIME_SCALE_S: f32 = 60.0;

/// Numbers of the lanes.
fn lanes_width(settings: &Settings) -> usize {
    settings.layout.n_lanes() * PER_LANE
}

/// The one component: `[signal, lanes]`, or `[signal, phases x lanes]` behind a phase gate, where only the block of the phase
/// that is served or coming is filled.
pub(super) fn field(settings: &Settings) -> Field {
    let blocks = if settings.phase_gate { PHASES } else { 1 };
    let width = PER_SIGNAL + blocks * lanes_width(settings);
    Field::new("observation", Dtype::F32, &[width], 0.0, f64::from(f32::MAX))
}

/// Writes the observation of one row, `[width]` values.
pub(super) fn write(settings: &Settings, junction: &Junction, road: Road<'_>, out: &mut [f32]) {
    out.fill(0.0);
    let (signal, mut lanes) = out.split_at_mut(PER_SIGNAL);
    let phase = usize::from(junction.signal.next).min(PHASES - 1);
    signal[phase] = 1.0;
    let is_green = junction.signal.stage == Stage::Green;
    signal[PHASES] = f32::from(u8::from(is_green));
    if is_green {
        signal[PHASES + 1] = junction.signal.elapsed as f32 / TICKS_PER_S as f32 / TIME_SCALE_S;
    }
    signal[PHASES + 2] = f32::from(u8::from(junction.signal.is_open(settings.timing)));
    if settings.phase_gate {
        let width = lanes_width(settings);
        lanes = &mut lanes[phase * width..(phase + 1) * width];
    }
    for (lane, out) in lanes.chunks_exact_mut(PER_LANE).enumerate() {
        write_lane(junction, road, lane, out);
    }
}

fn write_lane(junction: &Junction, road: Road<'_>, lane: usize, out: &mut [f32]) {
    let mut queue = junction.outside(lane);
    let mut first = true;
    for vehicle in road.lane(lane) {
        let to_line_m = APPROACH_M - vehicle.position_m;
        if to_line_m <= 0.0 {
            continue;
        }
        if std::mem::take(&mut first) {
            out[PER_LANE - 1] = vehicle.waited as f32 * DT_S as f32 / TIME_SCALE_S;
        }
        if vehicle.speed_mps < WAITING_MPS {
            queue += 1;
        } else {
            let band = BANDS_M.iter().position(|&end| to_line_m <= end);
            out[1 + band.unwrap_or(BANDS_M.len() - 1)] += 1.0 / BAND_SCALE;
        }
    }
    out[0] = queue as f32 / QUEUE_SCALE;
}
