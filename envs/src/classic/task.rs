//! What a task of continuous state must say of itself.

use std::fmt::Debug;

use prospect_sim::random::Generator;
use prospect_sim::{ActionColumn, ActionSpace, Dtype, FactSpec, Field, Frame, GoalReward, Plane};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The state of one instance, without its clock.
pub trait State: Copy + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its name in snapshots, stable over releases.
    const NAME: &'static str;
}

/// The action of one instance.
pub trait Command: Copy + 'static {
    /// The actions of all rows, in order.
    fn column(actions: &ActionColumn) -> &[Self];
}

impl Command for i32 {
    fn column(actions: &ActionColumn) -> &[Self] {
        &actions.discrete
    }
}

impl<const N: usize> Command for [f32; N] {
    fn column(actions: &ActionColumn) -> &[Self] {
        actions.continuous.as_chunks().0
    }
}

/// The observation of one instance.
pub trait Observation: Copy + 'static {
    /// Writes it as row `row` of the columns of the components, `[rows, width]` each.
    fn write(self, row: usize, columns: &mut [&mut [f32]]);
}

impl<const N: usize> Observation for [f32; N] {
    #[inline]
    fn write(self, row: usize, columns: &mut [&mut [f32]]) {
        if let [column, ..] = columns
            && let Some(values) = column.as_chunks_mut().0.get_mut(row)
        {
            *values = self;
        }
    }
}

/// What a step has led to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// The task's reward.
    pub reward: f64,
    /// The task has ended.
    pub terminated: bool,
    /// The task is fulfilled.
    pub success: bool,
}

/// What readers of the env's description want to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// The observation's components, all of them f32, in the order in which [`Observation::write`] fills them.
    pub observation: Vec<Field>,
    /// The action space.
    pub actions: ActionSpace,
    /// Names of the actions, if they have any.
    pub action_names: &'static [&'static str],
    /// Smallest and largest reward of one step.
    pub reward_range: (f64, f64),
    /// State facts of type f32 and shape `[]`, in the order of [`Task::fact`].
    pub facts: Vec<FactSpec>,
    /// What the event fact `success` means here; none if the task has no success.
    pub success: Option<&'static str>,
    /// The step limit.
    pub max_steps: u32,
}

/// A task of continuous state.
pub trait Task: Debug + Clone + Send + Sync + 'static {
    /// The state of one instance.
    type State: State;
    /// The action of one instance.
    type Action: Command;
    /// The observation of one instance.
    type Observation: Observation;

    /// True if the task is to go on until the time is up: that, and not a verdict, is its success.
    const SURVIVAL: bool = false;

    /// The description.
    fn describe(&self) -> Description;

    /// The first state of an episode.
    fn start(&self, rng: &mut Generator) -> Self::State;

    /// Makes one step.
    fn step(&self, state: &mut Self::State, action: Self::Action, rng: &mut Generator) -> Verdict;

    /// What is seen of a state.
    fn observe(&self, state: &Self::State) -> Self::Observation;

    /// Fact `index` of [`Description::facts`].
    fn fact(&self, state: &Self::State, index: usize) -> f64;

    /// What heatmaps are drawn over.
    fn plane(&self) -> Plane;

    /// The state with these values of the plane's facts, all else at rest but for what the episode has drawn (a goal);
    /// none if there is no such state.
    fn place(&self, state: &Self::State, at: [f64; 2]) -> Option<Self::State>;

    /// A picture, in units of `tile` pixels.
    fn draw(&self, state: &Self::State, tile: usize) -> Frame;

    /// The goals of a goal-conditioned task.
    fn goals(&self) -> Option<&dyn GoalReward> {
        None
    }
}

/// True if `at` lies in the range of a plane.
pub(super) fn in_range(plane: &Plane, at: [f64; 2]) -> bool {
    (0..2).all(|i| (plane.low[i]..=plane.high[i]).contains(&at[i]))
}

/// A state fact that is one real number.
pub(super) fn real_fact(name: &str, [low, high]: [f64; 2], unit: &str, doc: &str) -> FactSpec {
    FactSpec::state(Field::new(name, Dtype::F32, &[], low, high), unit, doc)
}
