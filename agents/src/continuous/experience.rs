//! What a learner of continuous actions remembers, and how it comes back: as matrices with rewards of today.

use prospect_nets::{Device, NamedTensors, TensorBatch};
use prospect_sim::random::Generator;

use super::Spaces;
use crate::{
    config::ExperienceConfig,
    error::AgentError,
    hindsight::Hindsight,
    learner::{LearnerInit, Turn},
    replay::{Draw, Eligible, Replay, Sample, n_step_returns},
    streams,
};

/// A replay with its random stream, and hindsight if it is asked for.
#[derive(Debug)]
pub(crate) struct Experience {
    /// What is remembered; a checkpoint holds it.
    pub(crate) replay: Replay,
    config: ExperienceConfig,
    sample: Sample,
    hindsight: Option<Hindsight>,
    /// Which transitions, and which goals.
    rng: Generator,
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
    /// `[n]`: what the value of the next observation counts for: 0 where the task ended, gamma elsewhere, where time ended
    /// the episode, too.
    pub(crate) discount: Vec<f32>,
}

impl Minibatch {
    /// The number of transitions.
    pub(crate) fn len(&self) -> usize {
        self.reward.len()
    }
}

impl Experience {
    /// An empty one.
    ///
    /// # Errors
    /// [`AgentError::Config`] for a size of 0, or less than an episode with hindsight; [`AgentError::Goals`] for hindsight in
    /// a task without goals;
    /// [`AgentError::Shaping`] if a reward module is not added to the task's reward.
    pub(crate) fn new(config: ExperienceConfig, init: &LearnerInit<'_>) -> Result<Self, AgentError> {
        init.stack.only_adds()?;
        let columns = init.stack.context_columns().len();
        let replay = Replay::new(init.layout, columns, config.buffer_size)?;
        let hindsight = Hindsight::new(&config.hindsight, init.env, init.layout)?;
        let longest = hindsight.as_ref().and(init.env.spec().max_steps);
        check_holds(&replay, longest.unwrap_or(0) as usize * init.layout.actors())?;
        Ok(Self {
            sample: Sample::new(&replay, 1, config.batch_size)?,
            replay,
            hindsight,
            rng: Generator::named(init.seed, "agent/replay"),
            config,
            device: init.device,
        })
    }

    /// Takes a turn's rollout in, and tells how many updates are due.
    ///
    /// # Errors
    /// [`AgentError::Replay`] if it is of other envs.
    pub(crate) fn take_in(&mut self, turn: &Turn<'_>) -> Result<u64, AgentError> {
        let stack = turn.stack;
        self.replay
            .push(turn.batch.rollout(), |i| stack.context_column(i))?;
        let is_early = turn.step <= self.config.learning_starts;
        if is_early || !self.replay.has_eligible(self.eligible(), 1) {
            return Ok(0);
        }
        Ok(u64::try_from(self.config.gradient_steps).unwrap_or(turn.step - turn.before))
    }

    fn eligible(&self) -> Eligible {
        match self.hindsight {
            Some(_) => Eligible::EndedEpisodes,
            None => Eligible::All,
        }
    }

    /// Draws a batch, with the rewards that the turn's reward modules give today.
    ///
    /// # Errors
    /// [`AgentError::Replay`] if there is nothing to draw; [`AgentError::Shaping`].
    pub(crate) fn draw(
        &mut self,
        spaces: &Spaces,
        turn: &Turn<'_>,
        batch: &mut Minibatch,
    ) -> Result<(), AgentError> {
        let (how, sample) = (Draw::Uniform(self.eligible()), &mut self.sample);
        self.replay.draw(how, &mut self.rng, sample)?;
        if let Some(hindsight) = &mut self.hindsight {
            hindsight.relabel(&self.replay, sample, &mut self.rng);
        }
        let rollout = &sample.rollout;
        spaces.read(rollout, 0, &mut batch.observation);
        spaces.read(rollout, 1, &mut batch.next_observation);
        spaces.shrink(rollout.actions().as_f32().unwrap_or(&[]), &mut batch.action);
        let tensors = TensorBatch::new(rollout, self.device);
        let mixed = turn
            .stack
            .relabel(rollout, &sample.contexts, &tensors, turn.step)?;
        batch.reward.resize(sample.batch(), 0.0);
        batch.discount.resize(sample.batch(), 0.0);
        let (reward, discount) = (&mut batch.reward, &mut batch.discount);
        n_step_returns(rollout, &mixed.task, self.config.gamma, reward, discount);
        Ok(())
    }

    /// The random stream; what is remembered goes into checkpoints by itself.
    pub(crate) fn store(&self, into: &mut NamedTensors) {
        streams::store(into, "replay", &self.rng);
    }

    /// The reverse of [`Self::store`].
    ///
    /// # Errors
    /// [`AgentError::Nets`] if it is missing.
    pub(crate) fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError> {
        self.rng = streams::restore(stored, "replay")?;
        Ok(())
    }
}

/// Refuses a replay that whole episodes, which hindsight learns from, do not fit into.
fn check_holds(replay: &Replay, transitions: usize) -> Result<(), AgentError> {
    if replay.capacity() >= transitions {
        return Ok(());
    }
    Err(AgentError::Config {
        key: "agent.buffer_size",
        value: replay.capacity().to_string(),
        remedy: format!("hindsight needs whole episodes of all envs: use at least {transitions}"),
    })
}
