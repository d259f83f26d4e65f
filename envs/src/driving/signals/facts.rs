//! The facts of the signalled intersection.

use prospect_sim::{Dtype, FactSpec, Field, SliceMut};

use super::flow::Junction;
use super::layout::{MOVEMENTS, PHASES};
use super::road::Road;
use super::settings::Settings;
use super::signal::{Stage, TICKS_PER_S};

/// A fact about a state, in the order of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StateFact {
    ActionMask,
    Queue,
    Phase,
    Green,
    GreenTime,
    Waiting,
    MeanWaiting,
    MeanDelay,
    Arrived,
    Throughput,
    OnRoad,
    Step,
}

/// A fact about a transition, in the order of the schema behind the state facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventFact {
    Changed,
    Departed,
    WaitingTime,
    Success,
}

const STATE: [StateFact; 12] = [
    StateFact::ActionMask,
    StateFact::Queue,
    StateFact::Phase,
    StateFact::Green,
    StateFact::GreenTime,
    StateFact::Waiting,
    StateFact::MeanWaiting,
    StateFact::MeanDelay,
    StateFact::Arrived,
    StateFact::Throughput,
    StateFact::OnRoad,
    StateFact::Step,
];
const EVENT: [EventFact; 4] = [
    EventFact::Changed,
    EventFact::Departed,
    EventFact::WaitingTime,
    EventFact::Success,
];

impl StateFact {
    /// The state fact at place `index` of the schema.
    pub(super) fn from_schema(index: usize) -> Option<Self> {
        STATE.get(index).copied()
    }

    /// Writes the fact of one row into that row's values.
    pub(super) fn write(
        self,
        settings: &Settings,
        junction: &Junction,
        road: Road<'_>,
        row: usize,
        out: &mut SliceMut<'_>,
    ) {
        let signal = &junction.signal;
        let value = match self {
            Self::ActionMask => {
                let mask = signal.mask(settings.timing);
                return write_all(out, row, mask.map(|allowed| f64::from(u8::from(allowed))));
            }
            Self::Queue => return write_all(out, row, junction.queues(road).map(f64::from)),
            Self::Phase => f64::from(signal.next),
            Self::Green => f64::from(u8::from(signal.stage == Stage::Green)),
            Self::GreenTime if signal.stage != Stage::Green => 0.0,
            Self::GreenTime => f64::from(signal.elapsed) / f64::from(TICKS_PER_S),
            Self::Waiting => {
                let lanes = 0..settings.layout.n_lanes();
                f64::from(lanes.map(|lane| junction.queue(road, lane)).sum::<u32>())
            }
            Self::MeanWaiting => junction.mean_waiting_s(),
            Self::MeanDelay => junction.delay_s / f64::from(junction.total_arrived().max(1)),
            Self::Arrived => f64::from(junction.total_arrived()),
            Self::Throughput => f64::from(junction.departed),
            Self::OnRoad => road.len() as f64,
            Self::Step => f64::from(junction.tick / settings.decision_ticks()),
        };
        out.set_f64(row, value);
    }
}

fn write_all<const N: usize>(out: &mut SliceMut<'_>, row: usize, values: [f64; N]) {
    for (i, value) in values.into_iter().enumerate() {
        out.set_f64(row * N + i, value);
    }
}

impl EventFact {
    /// The event fact at place `index` of the schema.
    pub(super) fn from_schema(index: usize) -> Option<Self> {
        EVENT.get(index.checked_sub(STATE.len())?).copied()
    }

    /// The fact of one row's last step.
    pub(super) fn value(self, junction: &Junction, success: bool) -> f64 {
        match self {
            Self::Changed => f64::from(u8::from(junction.last.changed)),
            Self::Departed => f64::from(junction.last.departed),
            Self::WaitingTime => f64::from(junction.last.waited) / f64::from(TICKS_PER_S),
            Self::Success => f64::from(u8::from(success)),
        }
    }
}

/// All facts of the task.
pub(super) fn schema(settings: &Settings) -> Vec<FactSpec> {
    let real = f64::from(f32::MAX);
    let count = f64::from(i32::MAX);
    let steps = f64::from(settings.steps());
    let state = |name, dtype, shape: &[usize], high, unit, doc| {
        FactSpec::state(Field::new(name, dtype, shape, 0.0, high), unit, doc)
    };
    let event = |name, dtype, high, unit, doc| FactSpec::event(Field::new(name, dtype, &[], 0.0, high), unit, doc);
    vec![
        state("action_mask", Dtype::Bool, &[PHASES], 1.0, "", "phases that the phase gate would grant now"),
        state(
            "queue",
            Dtype::I32,
            &[MOVEMENTS],
            count,
            "vehicles",
            "vehicles that wait, by movement: north, east, south, west, of each left, straight, right",
        ),
        state("phase", Dtype::I32, &[], (PHASES - 1) as f64, "", "the phase that is served, or comes after yellow and all-red"),
        state("green", Dtype::Bool, &[], 1.0, "", "that phase has green"),
        state("green_s", Dtype::F32, &[], real, "s", "how long it has had green"),
        state("waiting", Dtype::I32, &[], count, "vehicles", "vehicles that wait now"),
        state("mean_waiting_s", Dtype::F32, &[], real, "s", "waiting time per vehicle that has arrived in this episode"),
        state("mean_delay_s", Dtype::F32, &[], real, "s", "time lost against the desired speed per vehicle that has arrived"),
        state("arrived", Dtype::I32, &[], count, "vehicles", "vehicles that have arrived"),
        state("throughput", Dtype::I32, &[], count, "vehicles", "vehicles that have passed and are out of sight"),
        state("on_road", Dtype::I32, &[], count, "vehicles", "vehicles on the road"),
        state("step", Dtype::I32, &[], steps, "steps", "steps made in this episode"),
        event("phase_changed", Dtype::Bool, 1.0, "", "a change of phase began"),
        event("departed", Dtype::I32, count, "vehicles", "vehicles that went out of sight"),
        event("waiting_s", Dtype::F32, real, "s", "time waited in this step, summed over vehicles"),
        event(
            "success",
            Dtype::Bool,
            1.0,
            "",
            "the time was up and vehicles had waited no longer on average than the target",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use prospect_sim::FactKind;

    use super::super::demand::Demand;
    use super::*;

    #[test]
    fn the_schema_is_in_the_order_of_the_facts() {
        let schema = schema(&Settings::of(Demand::Balanced));
        assert_eq!(schema.len(), STATE.len() + EVENT.len());
        for (index, fact) in schema.iter().enumerate() {
            let is_state = fact.kind == FactKind::State;
            assert_eq!(StateFact::from_schema(index).is_some(), is_state);
            assert_eq!(EventFact::from_schema(index).is_some(), !is_state);
        }
    }
}
