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

/// A fact with its name, type, unit and meaning.
type Row<T> = (T, &'static str, Dtype, &'static str, &'static str);

#[rustfmt::skip]
const STATE: [Row<StateFact>; 12] = [
    (StateFact::ActionMask, "action_mask", Dtype::Bool, "", "phases that the phase gate would grant now"),
    (StateFact::Queue, "queue", Dtype::I32, "vehicles",
        "vehicles that wait, by movement: north, east, south, west, of each left, straight, right"),
    (StateFact::Phase, "phase", Dtype::I32, "", "the phase that is served, or comes after yellow and all-red"),
    (StateFact::Green, "green", Dtype::Bool, "", "that phase has green"),
    (StateFact::GreenTime, "green_s", Dtype::F32, "s", "how long it has had green"),
    (StateFact::Waiting, "waiting", Dtype::I32, "vehicles", "vehicles that wait now"),
    (StateFact::MeanWaiting, "mean_waiting_s", Dtype::F32, "s", "waiting time per vehicle that has arrived"),
    (StateFact::MeanDelay, "mean_delay_s", Dtype::F32, "s",
        "time lost against the desired speed per vehicle that has arrived"),
    (StateFact::Arrived, "arrived", Dtype::I32, "vehicles", "vehicles that have arrived"),
    (StateFact::Throughput, "throughput", Dtype::I32, "vehicles", "vehicles that have passed and are out of sight"),
    (StateFact::OnRoad, "on_road", Dtype::I32, "vehicles", "vehicles on the road"),
    (StateFact::Step, "step", Dtype::I32, "steps", "steps made in this episode"),
];

#[rustfmt::skip]
const EVENT: [Row<EventFact>; 4] = [
    (EventFact::Changed, "phase_changed", Dtype::Bool, "", "a change of phase began"),
    (EventFact::Departed, "departed", Dtype::I32, "vehicles", "vehicles that went out of sight"),
    (EventFact::WaitingTime, "waiting_s", Dtype::F32, "s", "time waited in this step, summed over vehicles"),
    (EventFact::Success, "success", Dtype::Bool, "",
        "the time was up and vehicles had waited no longer on average than the target"),
];

impl StateFact {
    /// The state fact at place `index` of the schema.
    pub(super) fn from_schema(index: usize) -> Option<Self> {
        STATE.get(index).map(|row| row.0)
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
        EVENT.get(index.checked_sub(STATE.len())?).map(|row| row.0)
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

/// The field of a fact whose largest value follows from its type, but for those in `known`.
fn field(name: &str, dtype: Dtype, shape: &[usize], known: Option<f64>) -> Field {
    let high = known.unwrap_or(match dtype {
        Dtype::Bool => 1.0,
        Dtype::F32 => f64::from(f32::MAX),
        _ => f64::from(i32::MAX),
    });
    Field::new(name, dtype, shape, 0.0, high)
}

/// All facts of the task.
pub(super) fn schema(settings: &Settings) -> Vec<FactSpec> {
    let states = STATE.iter().map(|&(fact, name, dtype, unit, doc)| {
        let (shape, high): (&[usize], _) = match fact {
            StateFact::ActionMask => (&[PHASES], None),
            StateFact::Queue => (&[MOVEMENTS], None),
            StateFact::Phase => (&[], Some((PHASES - 1) as f64)),
            StateFact::Step => (&[], Some(f64::from(settings.steps()))),
            _ => (&[], None),
        };
        FactSpec::state(field(name, dtype, shape, high), unit, doc)
    });
    let events = EVENT
        .iter()
        .map(|&(_, name, dtype, unit, doc)| FactSpec::event(field(name, dtype, &[], None), unit, doc));
    states.chain(events).collect()
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
