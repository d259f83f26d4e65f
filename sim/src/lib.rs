//! The ECS core of Prospect: shards of env instances stepped in batches, and what they publish.
//!
//! A [`VecEnv`] hosts many instances of one [`Env`]. They are spread over [`Shard`]s: one bevy `World` and one
//! single-threaded `Schedule` each, one row (entity) per instance. A step runs the env's systems in the sets
//! of [`StepSet`], then writes observation, facts, reward and flags straight into the caller's buffers, most often the
//! next row of a [`Rollout`]. The bytes are the same for any number of shards and threads.
//!
//! This crate knows no task, no tensor and no window.

pub mod buffer;
pub mod env;
pub mod error;
pub mod facts;
pub mod hash;
pub mod random;
pub mod rollout;
pub mod row;
pub mod shard;
pub mod slots;
pub mod snapshot;
pub mod space;
pub mod vec_env;

pub use bevy_ecs;

pub use buffer::{Buffer, Slice, SliceMut};
pub use env::{
    ACHIEVED_GOAL, BodyState, CAPTION, DESIRED_GOAL, Env, EnvRows, EnvSpec, Frame, GoalReward, Plane, Pose,
    RowSelection, Scene,
};
pub use error::SimError;
pub use facts::{FactKind, FactSelection, FactSpec};
pub use rollout::{ColumnsMut, Rollout};
pub use row::{Actions, FieldMut, FieldsMut, ResetRowMut, RowLayout, RowMut};
pub use shard::{ActionColumn, EnvIx, Outcome, Rng, Shard, ShardBuilder, StepSet};
pub use slots::{Occupied, Slot, slots_in_order};
pub use snapshot::{ColumnState, RowState};
pub use space::{ActionSpace, Dtype, Field};
pub use vec_env::{Autoreset, Seeds, VecEnv, VecEnvConfig};
