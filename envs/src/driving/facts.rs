//! The facts that driving tasks publish: names, units and ranges. Names are stable.

use prospect_sim::{CAPTION, Dtype, FactSelection, FactSpec, Field};

use super::caption::Caption;
use super::scene::View;
use super::systems::StepResult;
use super::task::Task;

/// The largest distance that is told, in m, also where nobody is ahead.
const FAR_M: f64 = 200.0;
/// The longest time that is told, in s, also where it would be infinite.
const LONG_S: f64 = 60.0;

/// A fact about a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StateFact {
    Speed,
    X,
    Y,
    Heading,
    Lane,
    LaneCount,
    TargetLane,
    SpeedIndex,
    FrontGap,
    Headway,
    TimeToCollision,
    Progress,
    OffRoad,
    Crashed,
    Time,
    Step,
    /// One of the task's own.
    Own(usize),
}

const STATE: [StateFact; 16] = [
    StateFact::Speed,
    StateFact::X,
    StateFact::Y,
    StateFact::Heading,
    StateFact::Lane,
    StateFact::LaneCount,
    StateFact::TargetLane,
    StateFact::SpeedIndex,
    StateFact::FrontGap,
    StateFact::Headway,
    StateFact::TimeToCollision,
    StateFact::Progress,
    StateFact::OffRoad,
    StateFact::Crashed,
    StateFact::Time,
    StateFact::Step,
];

/// A fact about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventFact {
    Success,
    Crash,
    LaneChange,
    Caption,
    /// A term of the reward.
    Term(usize),
}

const EVENTS: [EventFact; 4] = [
    EventFact::Success,
    EventFact::Crash,
    EventFact::LaneChange,
    EventFact::Caption,
];

impl StateFact {
    fn spec(self) -> FactSpec {
        let real = |name, low, high, unit, doc| {
            FactSpec::state(Field::new(name, Dtype::F32, &[], low, high), unit, doc)
        };
        let count = |name, high, doc| FactSpec::state(Field::new(name, Dtype::I32, &[], 0.0, high), "", doc);
        let flag = |name, doc| FactSpec::state(Field::new(name, Dtype::Bool, &[], 0.0, 1.0), "", doc);
        let most = f64::from(i32::MAX);
        let any = f64::INFINITY;
        match self {
            Self::Speed => real("speed_mps", -40.0, 40.0, "m/s", "speed along the heading"),
            Self::X => real("x_m", -any, any, "m", "x of the centre"),
            Self::Y => real(
                "y_m",
                -any,
                any,
                "m",
                "y of the centre, to the right of the x axis",
            ),
            Self::Heading => real("heading_rad", -any, any, "rad", "heading, not normalised"),
            Self::Lane => count(
                "lane",
                most,
                "number of the present lane on its road, from the left",
            ),
            Self::LaneCount => count("lane_count", most, "lanes of the present road"),
            Self::TargetLane => count(
                "target_lane",
                most,
                "number of the lane that is followed, on its road",
            ),
            Self::SpeedIndex => count("speed_index", most, "which of the target speeds is tracked"),
            Self::FrontGap => real(
                "front_gap_m",
                0.0,
                FAR_M,
                "m",
                "to the next vehicle or obstacle ahead on the lane, between centres; 200 if there is none",
            ),
            Self::Headway => real(
                "headway_s",
                0.0,
                LONG_S,
                "s",
                "time to drive the gap ahead; 60 if it is longer",
            ),
            Self::TimeToCollision => real(
                "time_to_collision_s",
                0.0,
                LONG_S,
                "s",
                "time until the gap ahead is closed at present speeds; 60 if it is longer",
            ),
            Self::Progress => real("progress", 0.0, 1.0, "", "share of the way that is made"),
            Self::OffRoad => flag("off_road", "the vehicle is beside its lane"),
            Self::Crashed => flag("crashed", "the vehicle has collided"),
            Self::Time => real("time_s", 0.0, any, "s", "time in this episode"),
            Self::Step => FactSpec::state(
                Field::new("step", Dtype::I32, &[], 0.0, most),
                "steps",
                "steps made in this episode",
            ),
            Self::Own(_) => real("own", -any, any, "", ""),
        }
    }

    /// Its value; truth values are 0 and 1.
    pub(super) fn value<T: Task>(self, task: &T, view: &View<'_>, memory: &T::Memory, agent: usize) -> f64 {
        let i = view.ego(agent);
        let (body, driver) = (&view.bodies[i], &view.drivers[i]);
        let gap = || view.leader(i).map_or(FAR_M, |leader| leader.0.min(FAR_M));
        match self {
            Self::Speed => body.speed,
            Self::X => body.position[0],
            Self::Y => body.position[1],
            Self::Heading => body.heading,
            Self::Lane => f64::from(view.network.id(body.lane)),
            Self::LaneCount => view.network.width(view.network.road(body.lane)) as f64,
            Self::TargetLane => f64::from(view.network.id(view.target_lane(i))),
            Self::SpeedIndex => f64::from(driver.speed_index),
            Self::FrontGap => gap(),
            Self::Headway => {
                if body.speed > 0.0 {
                    (gap() / body.speed).min(LONG_S)
                } else {
                    LONG_S
                }
            }
            Self::TimeToCollision => match view.leader(i) {
                Some((gap, speed)) if body.speed > speed => (gap / (body.speed - speed)).min(LONG_S),
                _ => LONG_S,
            },
            Self::Progress => task.progress(view, memory, agent).clamp(0.0, 1.0),
            Self::OffRoad => f64::from(u8::from(!view.on_road(i))),
            Self::Crashed => f64::from(u8::from(body.crashed)),
            Self::Time => view.episode.time_s,
            Self::Step => f64::from(view.episode.steps),
            Self::Own(index) => task.fact(view, memory, agent, index),
        }
    }
}

impl EventFact {
    /// Its value; truth values are 0 and 1.
    pub(super) fn value(self, result: &StepResult) -> f64 {
        match self {
            Self::Success => f64::from(u8::from(result.success)),
            Self::Crash => f64::from(u8::from(result.crashed)),
            Self::LaneChange => f64::from(u8::from(result.lane_changed)),
            Self::Caption => f64::from(result.caption as i32),
            Self::Term(index) => result.terms[index],
        }
    }
}

/// The facts of a task: state facts first.
pub(super) fn schema<T: Task>(task: &T) -> Vec<FactSpec> {
    let flag = |name: &str, doc: &str| FactSpec::event(Field::new(name, Dtype::Bool, &[], 0.0, 1.0), "", doc);
    let mut facts: Vec<_> = STATE.iter().map(|fact| fact.spec()).collect();
    facts.extend(task.facts());
    facts.extend([
        flag("success", task.success()),
        flag("crash", "the vehicle has just collided"),
        flag("lane_change", "the vehicle has just begun to follow another lane"),
        FactSpec::event(
            Field::new(CAPTION, Dtype::I32, &[], 0.0, f64::from(Caption::LAST)),
            "",
            "what the step is told as: number of a caption, 0 for nothing",
        ),
    ]);
    facts.extend(task.terms().iter().map(|term| {
        let any = f64::INFINITY;
        let name = format!("reward/{term}");
        let doc = format!("the term `{term}` of the reward, before it is weighed");
        FactSpec::event(Field::new(&name, Dtype::F32, &[], -any, any), "", &doc)
    }));
    facts
}

/// The facts somebody subscribed to, in the order of subscription.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) state: Vec<StateFact>,
    pub(super) events: Vec<EventFact>,
}

impl Facts {
    pub(super) fn new<T: Task>(task: &T, selection: &FactSelection) -> Self {
        let own = task.facts().len();
        let state = |&index: &usize| {
            let fact = STATE.get(index).copied();
            fact.unwrap_or_else(|| StateFact::Own(index - STATE.len()))
        };
        let event = |&index: &usize| {
            let index = index - STATE.len() - own;
            let fact = EVENTS.get(index).copied();
            fact.unwrap_or_else(|| EventFact::Term(index - EVENTS.len()))
        };
        Self {
            state: selection.state.iter().map(state).collect(),
            events: selection.event.iter().map(event).collect(),
        }
    }
}
