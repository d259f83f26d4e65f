//! What a learner of continuous actions remembers, and how it comes back: as matrices with rewards of today.

use std::sync::Arc;

use prospect_nets::{Device, TensorBatch};
use prospect_shaping::RewardStack;
use prospect_sim::{Env, Rollout, RowLayout, random::Generator};

use super::{ActionBox, RealColumns};
use crate::{
    checkpoint::Checkpoint,
    config::HindsightConfig,
    error::AgentError,
    hindsight::Hindsight,
    replay::{Draw, Eligible, Replay, Sample, n_step_returns},
};

/// The settings of a [`Memory`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemoryConfig {
    /// Transitions that are kept.
    pub(crate) buffer_size: usize,
    /// Transitions drawn at once.
    pub(crate) batch_size: usize,
    /// Discount.
    pub(crate) gamma: f64,
    /// Other goals for drawn transitions.
    pub(crate) hindsight: HindsightConfig,
}

/// A replay, and hindsight if it is asked for.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) replay: Replay,
    sample: Sample,
    hindsight: Option<Hindsight>,
    gamma: f64,
    device: Device,
}

/// Transitions as matrices.
#[derive(Debug, Default)]
pub(crate) struct Minibatch {
    /// `[n, observation]`.
    pub(crate) observation: Vec<f32>,
    /// `[n, action]`, between -1 and 1.
    pub(crate) action: Vec<f32>,
    /// `[n, observation]`: what the step led to, the final observation where it ended the episode.
    pub(crate) next_observation: Vec<f32>,
    /// `[n]`: mixed rewards.
    pub(crate) reward: Vec<f32>,
    /// `[n]`: what the value of the next observation counts for: 0 where the task ended, gamma elsewhere.
    pub(crate) discount: Vec<f32>,
}

impl Memory {
    /// An empty one for rollouts of this layout.
    ///
    /// # Errors
    /// [`AgentError::Config`] for a size of 0; [`AgentError::Goals`] for hindsight in a task without goals;
    /// [`AgentError::Shaping`] if a reward module is not added to the task's reward.
    pub(crate) fn new(
        config: &MemoryConfig,
        env: &Arc<dyn Env>,
        layout: &RowLayout,
        stack: &RewardStack,
        device: Device,
    ) -> Result<Self, AgentError> {
        let replay = Replay::new(layout, 0, config.buffer_size)?;
        Ok(Self {
            sample: Sample::new(&replay, 1, config.batch_size)?,
            replay,
            hindsight: Hindsight::new(&config.hindsight, env, layout)?,
            gamma: config.gamma,
            device,
        })
    }

    /// Takes a rollout in.
    ///
    /// # Errors
    /// [`AgentError::Replay`] if it is of other envs.
    pub(crate) fn push(&mut self, rollout: &Rollout, stack: &RewardStack) -> Result<(), AgentError> {
        self.replay.push(rollout, |_| &[])
    }

    /// Whether there is something to draw.
    pub(crate) fn is_ready(&self) -> bool {
        self.replay.has_eligible(self.eligible(), 1)
    }

    fn eligible(&self) -> Eligible {
        match self.hindsight {
            Some(_) => Eligible::EndedEpisodes,
            None => Eligible::All,
        }
    }

    /// Draws a batch. Rewards are those of the stack as it is now; `frames` counts the env steps made.
    ///
    /// # Errors
    /// [`AgentError::Replay`] if there is nothing to draw; [`AgentError::Shaping`].
    pub(crate) fn draw(
        &mut self,
        columns: &RealColumns,
        bounds: &ActionBox,
        stack: &RewardStack,
        frames: u64,
        rng: &mut Generator,
        batch: &mut Minibatch,
    ) -> Result<(), AgentError> {
        let (how, sample) = (Draw::Uniform(self.eligible()), &mut self.sample);
        self.replay.draw(how, rng, sample)?;
        if let Some(hindsight) = &mut self.hindsight {
            hindsight.relabel(&self.replay, sample, rng);
        }
        let rollout = &sample.rollout;
        columns.read(rollout, 0, &mut batch.observation);
        columns.read(rollout, 1, &mut batch.next_observation);
        bounds.shrink(rollout.actions().as_f32().unwrap_or(&[]), &mut batch.action);
        let tensors = TensorBatch::new(rollout, self.device);
        let mixed = stack.peek(rollout, &tensors, frames)?;
        batch.reward.resize(sample.batch(), 0.0);
        batch.discount.resize(sample.batch(), 0.0);
        n_step_returns(
            rollout,
            &mixed.task,
            self.gamma,
            &mut batch.reward,
            &mut batch.discount,
        );
        Ok(())
    }

    /// Adds what is remembered to a checkpoint.
    ///
    /// # Errors
    /// [`AgentError`] if it cannot be written.
    pub(crate) fn save(&self, checkpoint: &mut Checkpoint) -> Result<(), AgentError> {
        let _ = checkpoint;
        Ok(())
    }

    /// The reverse of [`Self::save`].
    ///
    /// # Errors
    /// [`AgentError::Checkpoint`] if it is missing, damaged or of another run.
    pub(crate) fn load(&mut self, checkpoint: &Checkpoint) -> Result<(), AgentError> {
        let _ = checkpoint;
        Ok(())
    }
}
