//! Hindsight experience replay (Andrychowicz et al. 2017): drawn transitions judged by goals that were reached.
//!
//! As in Stable-Baselines3's `HerReplayBuffer` goals are replaced when a batch is drawn, in a fixed share of it, and only
//! transitions of episodes that have ended are drawn. Rewards and terminations come from [`GoalReward::judge`].

use std::{fmt, sync::Arc};

use prospect_sim::{ACHIEVED_GOAL, DESIRED_GOAL, Dtype, Env, GoalReward, RowLayout, Slice, random::Generator};

use crate::{
    config::{HindsightConfig, HindsightStrategy},
    error::AgentError,
    replay::{Pick, Replay, Sample},
};

/// Replaces goals in samples.
pub struct Hindsight {
    config: HindsightConfig,
    env: Arc<dyn Env>,
    achieved: usize,
    desired: usize,
    width: usize,
    /// The new goals, `[n, width]`, the goals achieved, and how `judge` found them.
    goals: Vec<f32>,
    reached: Vec<f32>,
    reward: Vec<f64>,
    success: Vec<bool>,
    before: Vec<bool>,
}

impl fmt::Debug for Hindsight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hindsight").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Hindsight {
    /// For the env, if it is switched on.
    ///
    /// # Errors
    /// [`AgentError::Goals`] if the task has no goals or does not observe them.
    pub fn new(
        config: &HindsightConfig,
        env: &Arc<dyn Env>,
        layout: &RowLayout,
    ) -> Result<Option<Self>, AgentError> {
        if config.strategy == HindsightStrategy::Off {
            return Ok(None);
        }
        let width = env.goals().map(GoalReward::width);
        let component = |name: &str| {
            let found = layout.component(name)?;
            let field = &layout.observation[found];
            (field.dtype == Dtype::F32 && Some(field.width()) == width).then_some(found)
        };
        let refuse = |reason: String| AgentError::Goals {
            env: env.spec().id.clone(),
            reason,
        };
        let width = width.ok_or_else(|| refuse("it has no goals".to_owned()))?;
        let find = |name: &str| {
            component(name).ok_or_else(|| refuse(format!("its observation has no `{name}` of {width} reals")))
        };
        Ok(Some(Self {
            config: *config,
            env: Arc::clone(env),
            achieved: find(ACHIEVED_GOAL)?,
            desired: find(DESIRED_GOAL)?,
            width,
            goals: Vec::new(),
            reached: Vec::new(),
            reward: Vec::new(),
            success: Vec::new(),
            before: Vec::new(),
        }))
    }

    /// Gives the first transitions of `sample` (windows of one step, of episodes that have ended) other goals: in both
    /// observations, the reward, and the termination if success terminates the task's episodes.
    pub fn relabel(&mut self, replay: &Replay, sample: &mut Sample, rng: &mut Generator) {
        let n = self.config.n_virtual(sample.batch());
        self.choose(replay, &sample.picks[..n], rng);
        let batch = sample.batch();
        let Self { achieved, desired, width, .. } = *self;
        // Row 1 of the observation is what the step led to, in any case.
        let next = batch * width;
        let rollout = &sample.rollout;
        self.reached.clear();
        self.before.clear();
        let old: Vec<f32> = floats(rollout.observation(desired))[next..next + n * width].to_vec();
        self.reached
            .extend_from_slice(&floats(rollout.observation(achieved))[next..next + n * width]);
        self.before.resize(n, false);
        self.reward.resize(n, 0.0);
        self.success.resize(n, false);
        let Some(judge) = self.env.goals() else {
            return;
        };
        judge.judge(&self.reached, &old, &mut self.reward, &mut self.before);
        judge.judge(&self.reached, &self.goals, &mut self.reward, &mut self.success);
        let terminates = judge.success_terminates();
        let columns = sample.rollout.columns_mut();
        for row in [0, next] {
            columns.observation[desired].write(row, Slice::F32(&self.goals));
        }
        columns.final_observation[desired].write(0, Slice::F32(&self.goals));
        columns.reward[..n].copy_from_slice(&self.reward);
        if terminates {
            let flags = columns.terminated.iter_mut().zip(&self.before).zip(&self.success);
            // What ended for another reason than success still ends.
            flags.for_each(|((ended, before), now)| *ended = *now || (*ended && !before));
        }
    }

    /// Draws a goal for each pick.
    fn choose(&mut self, replay: &Replay, picks: &[Pick], rng: &mut Generator) {
        self.goals.clear();
        for pick in picks {
            // Only transitions of ended episodes are drawn; were one not, its own step is its future.
            let last = replay.episode_end(*pick).unwrap_or(pick.row);
            let first = match self.config.strategy {
                HindsightStrategy::Episode => replay.episode_start(*pick),
                HindsightStrategy::Future => pick.row,
                HindsightStrategy::Final | HindsightStrategy::Off => last,
            };
            let row = first + rng.integers(0, (last - first + 1) as i64) as u64;
            let goal = Pick { row, ..*pick };
            self.goals.extend_from_slice(floats(replay.achieved(self.achieved, goal)));
        }
    }
}

fn floats(slice: Slice<'_>) -> &[f32] {
    slice.as_f32().unwrap_or(&[])
}
