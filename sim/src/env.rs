//! What a task must offer to be hosted: the [`Env`] and, per shard, its [`EnvRows`].

use std::borrow::Cow;

use bevy_ecs::world::World;
use serde::{Deserialize, Serialize};

use crate::{
    error::SimError,
    facts::FactSpec,
    row::FieldsMut,
    shard::ShardBuilder,
    space::{ActionSpace, Field},
};

/// The description of an env that everybody may read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvSpec {
    /// The registered id, such as `MiniGrid-DoorKey-8x8-v0`.
    pub id: String,
    /// The family, such as `DoorKey`.
    pub family: String,
    /// One line on the task.
    pub doc: String,
    /// The observation's components, in order.
    pub observation: Vec<Field>,
    /// The action space of one actor.
    pub actions: ActionSpace,
    /// Names of the actions, if they have any.
    pub action_names: Vec<String>,
    /// Steps after which an episode is truncated; none if it depends on the level or there is no limit.
    pub max_steps: Option<u32>,
    /// Smallest and largest reward of one step.
    pub reward_range: (f64, f64),
    /// Actors per env instance; 1 for single-agent tasks.
    pub agents_per_env: usize,
    /// The facts that can be subscribed to.
    pub facts: Vec<FactSpec>,
}

/// The reward of a goal-conditioned task as a function of goals alone, so that a transition can be judged by another goal
/// than the one that was pursued (hindsight relabelling, Andrychowicz et al. 2017).
///
/// Such a task observes two f32 components of equal shape, [`ACHIEVED_GOAL`] and [`DESIRED_GOAL`], as
/// Gymnasium-Robotics' `GoalEnv` does.
pub trait GoalReward: Send + Sync {
    /// Numbers in a goal.
    fn width(&self) -> usize;

    /// Judges `n` transitions by what they led to: `achieved` and `desired` are `[n, width]`; fills `reward` and `success`,
    /// `[n]` each.
    fn judge(&self, achieved: &[f32], desired: &[f32], reward: &mut [f64], success: &mut [bool]);

    /// Whether success terminates an episode, for those that are relabelled.
    fn success_terminates(&self) -> bool {
        false
    }
}

/// The component that says which goal a state fulfils.
pub const ACHIEVED_GOAL: &str = "achieved_goal";
/// The component that says which goal is pursued.
pub const DESIRED_GOAL: &str = "desired_goal";

/// The event fact that tells what has happened in a step, of tasks that tell it.
pub const CAPTION: &str = "caption";

/// Two real state facts over which a task without cells is drawn, such as position and velocity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plane {
    /// The facts along x and y.
    pub facts: [&'static str; 2],
    /// Smallest values drawn.
    pub low: [f64; 2],
    /// Largest values drawn.
    pub high: [f64; 2],
    /// Cells along x and y.
    pub cells: [usize; 2],
    /// The facts that say where the goal is, of goal-conditioned tasks whose goals lie on the plane.
    pub goal: Option<[&'static str; 2]>,
}

/// A task: makes shards of instances of itself.
pub trait Env: Send + Sync {
    /// The description.
    fn spec(&self) -> &EnvSpec;

    /// Adds components, columns and systems to a shard and returns the functions that run outside its schedule.
    ///
    /// # Errors
    /// [`SimError`] if the env cannot be built so.
    fn build(&self, shard: &mut ShardBuilder<'_>) -> Result<Box<dyn EnvRows>, SimError>;

    /// The text behind value `id` of the text component `component` of the observation.
    fn text(&self, component: usize, id: i32) -> Cow<'static, str> {
        let _ = (component, id);
        Cow::Borrowed("")
    }

    /// The words behind a value of the event fact [`CAPTION`]; empty where nothing is to be told.
    fn caption(&self, number: i32) -> Cow<'static, str> {
        let _ = number;
        Cow::Borrowed("")
    }

    /// The goals of a goal-conditioned task.
    fn goals(&self) -> Option<&dyn GoalReward> {
        None
    }

    /// What heatmaps are drawn over where there are no cells.
    fn plane(&self) -> Option<Plane> {
        None
    }
}

/// Which rows of a shard a function is to work on.
#[derive(Debug, Clone, Copy)]
pub enum RowSelection<'a> {
    /// Every row.
    All,
    /// These rows, ascending.
    List(&'a [u32]),
}

/// A place where an actor may stand: x, y and heading (gridworlds: 0 right, 1 down, 2 left, 3 up).
pub type Pose = [i32; 3];

/// A level seen from above, for heatmaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// Cells along x.
    pub width: usize,
    /// Cells along y.
    pub height: usize,
    /// `[width, height, 3]` bytes: object, colour, state, as `MiniGrid`'s `grid.encode()` orders them.
    pub cells: Vec<u8>,
    /// Where the actor stands.
    pub pose: Pose,
}

/// Something that moves freely in an env, such as a vehicle.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BodyState {
    /// x and y of its centre, in metres.
    pub position: [f64; 2],
    /// Against the x axis, in radians.
    pub heading: f64,
    /// Along the heading, in metres per second.
    pub speed_mps: f64,
    /// Whether it ran into something.
    pub crashed: bool,
}

/// An RGB picture, `[height, width, 3]` bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Pixels along x.
    pub width: usize,
    /// Pixels along y.
    pub height: usize,
    /// Red, green, blue of each pixel, row by row.
    pub rgb: Vec<u8>,
}

/// What runs outside of a shard's schedule, because a system cannot borrow the caller's rows: plain functions over cached
/// queries. Rows are numbered from 0 within the shard; slices cover the whole shard and are indexed by row.
pub trait EnvRows: Send {
    /// Starts a new episode in each of `rows`, drawing from the row's [`crate::Rng`].
    ///
    /// # Errors
    /// [`SimError::Env`] if no level can be made.
    fn reset(&mut self, world: &mut World, rows: RowSelection<'_>) -> Result<(), SimError>;

    /// The random stream of `row` was just started anew, so that nothing is left to be drawn from the old one.
    fn seeded(&mut self, world: &mut World, row: usize) {
        let _ = (world, row);
    }

    /// Writes observation and subscribed state facts (in the order of [`crate::FactSelection::state`]) of `rows`.
    /// Also called, with the buffers of final observations, for rows whose episode has just ended.
    fn observe(
        &mut self,
        world: &mut World,
        rows: RowSelection<'_>,
        observation: &mut FieldsMut<'_>,
        facts: &mut FieldsMut<'_>,
    );

    /// Writes the subscribed event facts of the step just made, for all rows, before any is reset.
    fn events(&mut self, world: &mut World, facts: &mut FieldsMut<'_>) {
        let _ = (world, facts);
    }

    /// The level of `row` as it is now; none for envs without cells.
    fn scene(&mut self, world: &mut World, row: usize) -> Option<Scene> {
        let _ = (world, row);
        None
    }

    /// Every pose at which [`Self::place`] would succeed.
    fn poses(&mut self, world: &mut World, row: usize) -> Vec<Pose> {
        let _ = (world, row);
        Vec::new()
    }

    /// Puts the actor of `row` at `pose` and tells whether it can stand there.
    fn place(&mut self, world: &mut World, row: usize, pose: Pose) -> bool {
        let _ = (world, row, pose);
        false
    }

    /// Puts `row` into the state with these values of the facts of [`Env::plane`], all else at its rest value, and tells
    /// whether there is such a state.
    fn place_on_plane(&mut self, world: &mut World, row: usize, at: [f64; 2]) -> bool {
        let _ = (world, row, at);
        false
    }

    /// A shortest sequence of actions to success from the present state; none if there is none or no planner.
    fn plan(&mut self, world: &mut World, row: usize) -> Option<Vec<i32>> {
        let _ = (world, row);
        None
    }

    /// Appends the bodies of `row` in the order in which the env visits them: as they are now, or with `ended` as they were
    /// at the end of the row's last episode. Envs without bodies append nothing.
    fn bodies(&mut self, world: &mut World, row: usize, ended: bool, out: &mut Vec<BodyState>) {
        let _ = (world, row, ended, out);
    }

    /// The present state of `row` in the env's published JSON, from which an episode can be started; none if it has no such
    /// form.
    fn state_json(&mut self, world: &mut World, row: usize) -> Option<String> {
        let _ = (world, row);
        None
    }

    /// A picture of `row`, `tile` pixels per cell; none if the env draws none.
    fn render(&mut self, world: &mut World, row: usize, tile: usize) -> Option<Frame> {
        let _ = (world, row, tile);
        None
    }
}
