//! What an instance keeps of its episode beside its vehicles.

use std::fmt::Debug;

use bevy_ecs::component::Component;
use prospect_sim::RowState;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::vehicle::RoadObject;

/// Clocks of the episode, and who is controlled.
#[derive(Component, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Time, in s.
    pub time_s: f64,
    /// Steps made.
    pub steps: u32,
    /// Substeps that the rules of right of way have counted.
    pub regulation: u32,
    /// [`Task::between`](super::Task::between) is still to run for the step made last.
    pub between_is_due: bool,
    /// The controlled vehicles, in the order of the agents.
    pub controlled: Vec<u16>,
    /// Per agent, how many lanes its road had when the episode began; observations are scaled by it.
    pub first_lanes: Vec<u16>,
    /// What [`Task::measure`](super::Task::measure) has found.
    pub measured: Vec<f64>,
}

impl RowState for Episode {
    const NAME: &'static str = "driving_episode";
}

/// Obstacles and landmarks of an instance.
#[derive(Component, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Objects(pub Vec<RoadObject>);

impl RowState for Objects {
    const NAME: &'static str = "driving_objects";
}

/// What a task remembers of an episode.
pub trait Memory: Debug + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Debug + Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static> Memory for T {}

/// The component that holds a task's memory.
#[derive(Component, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(bound = "M: Memory")]
pub(super) struct Remembered<M: Memory>(pub(super) M);

impl<M: Memory> RowState for Remembered<M> {
    const NAME: &'static str = "driving_memory";
}
