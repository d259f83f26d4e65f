//! What a reward module is: it watches every step, labels rollouts, and learns.

use std::collections::BTreeMap;

use prospect_nets::TensorBatch;
use prospect_sim::Rollout;
use serde::{Deserialize, Serialize};

use crate::error::ShapingError;

/// The most columns that one module may emit.
pub const MAX_CONTEXT_COLUMNS: usize = 8;

/// Metrics by name, such as `loss`; the recorder prefixes `reward/<module>/`.
pub type Metrics = BTreeMap<String, f64>;

/// What a module needs from env and trainer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// State and event facts to subscribe to.
    pub facts: Vec<String>,
    /// Components of the observation that it reads by name.
    pub observations: Vec<String>,
    /// Steps (per actor) of a random policy on envs of their own, shown to [`RewardModule::prime`] before training.
    pub prime_steps: usize,
}

/// How a module's channel is found again for old data in a replay buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relabel {
    /// `label` of the stored transition gives the reward under today's parameters.
    Exact,
    /// `label` needs the context columns stored with the transition.
    FromContext,
    /// The reward is stored when it is made and stays.
    Frozen,
}

/// The context columns that a module emitted in a rollout: per column `[T, K]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// One flat `[T, K]` array per column of [`RewardModule::context_columns`].
    pub columns: Vec<Vec<f32>>,
}

/// One rollout as a module sees it.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// Observations, actions, facts and flags, `[T, K]`.
    pub rollout: &'a Rollout,
    /// What this module emitted while it watched this rollout.
    pub context: &'a Context,
    /// The same observations and actions as tensors, shared by everybody.
    pub tensors: &'a TensorBatch<'a>,
}

impl Batch<'_> {
    /// `T`.
    pub fn n_steps(&self) -> usize {
        self.rollout.n_steps()
    }

    /// `K`.
    pub fn actors(&self) -> usize {
        self.rollout.actors()
    }
}

/// A source of reward beside the task's.
///
/// Order of calls: `prime` once, `begin` after every reset of all envs, then `observe` exactly once per step; after `T`
/// steps `label`, then `learn`. Rules that every module keeps (each has a test):
/// - memories and counts read by `label` are those after the whole row was taken in, so that the order of envs does not
///   matter;
/// - the reset observation is a visit; the next observation of an ended step is the final one
///   ([`Rollout::next_observation`]);
/// - episodic memory is cleared exactly when the episode of its actor ends, and survives the border between rollouts;
/// - `label` changes nothing.
pub trait RewardModule: Send {
    /// The name in logs and files, unique in a stack.
    fn name(&self) -> &str;

    /// What it needs.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Names of the columns that `observe` emits, at most [`MAX_CONTEXT_COLUMNS`].
    fn context_columns(&self) -> Vec<String> {
        Vec::new()
    }

    /// How its rewards are found again for old data.
    fn relabel(&self) -> Relabel;

    /// Takes the statistics it wants from a rollout of a random policy, before training.
    ///
    /// # Errors
    /// [`ShapingError::Torch`].
    fn prime(&mut self, batch: &Batch<'_>) -> Result<(), ShapingError> {
        let _ = batch;
        Ok(())
    }

    /// Episodes have begun everywhere: row 0 of `rollout` holds their first observations. Clears episodic memory.
    fn begin(&mut self, rollout: &Rollout) {
        let _ = rollout;
    }

    /// Takes step `t` in and writes this module's context, `context[column][actor]`, `K` values each.
    fn observe(&mut self, rollout: &Rollout, t: usize, context: &mut [&mut [f32]]) {
        let _ = (rollout, t, context);
    }

    /// Fills `out`, `[T, K]` flat, with the raw reward of each transition.
    ///
    /// # Errors
    /// [`ShapingError::Torch`].
    fn label(&self, batch: &Batch<'_>, out: &mut [f32]) -> Result<(), ShapingError>;

    /// Trains on the rollout that was just labelled, and tells how it went.
    ///
    /// # Errors
    /// [`ShapingError::Torch`], [`ShapingError::Diverged`] for a loss that is no number.
    fn learn(&mut self, batch: &Batch<'_>) -> Result<Metrics, ShapingError> {
        let _ = batch;
        Ok(Metrics::new())
    }

    /// Everything it keeps, as bytes: parameters, optimiser, statistics, memories, random streams.
    ///
    /// # Errors
    /// [`ShapingError::State`].
    fn save(&self) -> Result<Vec<u8>, ShapingError>;

    /// Takes the bytes of [`Self::save`] back.
    ///
    /// # Errors
    /// [`ShapingError::State`] if they are of another module, shape or version.
    fn load(&mut self, bytes: &[u8]) -> Result<(), ShapingError>;

    /// A copy for `actors` other actors: the same lifelong knowledge, empty episodic memory. Probes and heatmaps use it, so
    /// that looking changes nothing.
    ///
    /// # Errors
    /// [`ShapingError::State`], [`ShapingError::Torch`].
    fn fork(&self, actors: usize) -> Result<Box<dyn RewardModule>, ShapingError>;
}
