//! What a learner is: it acts, learns from what came of it, plays held-out episodes, and is stored whole.

use std::sync::Arc;

use prospect_nets::{Device, NamedTensors, TensorBatch};
use prospect_shaping::{Mixed, RewardStack};
use prospect_sim::{ActionSpace, Env, Rollout, RowLayout, random::Generator};

use crate::{
    checkpoint::Checkpoint, config::AgentConfig, dqn::Dqn, error::AgentError, export::Export, hops::Hops,
    ppo::Ppo, pqn::Pqn, recorder::Metrics, sac::Sac, td3::Td3,
};

/// How actions are chosen from a policy that is random.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Play {
    /// Drawn from it, exploration included: what training does.
    #[default]
    Sampled,
    /// Its mode: the likeliest or best action, the mean of a Gaussian.
    Greedy,
}

/// One turn of a learner: a rollout with its rewards, and the run around it.
pub struct Turn<'a> {
    /// `T` steps of `K` actors, as tensors where they are asked for; [`TensorBatch::rollout`] has the rows.
    pub batch: &'a TensorBatch<'a>,
    /// Its rewards, mixed.
    pub mixed: &'a Mixed,
    /// The reward modules, for learners that label old data anew.
    pub stack: &'a RewardStack,
    /// Env steps made before this rollout, all actors counted; schedules are moved by it.
    pub before: u64,
    /// Env steps made with it.
    pub step: u64,
    /// Where the turn's time goes.
    pub hops: &'a mut Hops,
}

/// What a learner thinks of the states of one row, for heatmaps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgement {
    /// The task's value of each state, `[K]`.
    pub value: Vec<f32>,
    /// The action [`Play::Greedy`] chooses, `[K]`; empty if actions are not one of a few.
    pub greedy_action: Vec<i32>,
}

/// A policy at play outside of training, with a random stream and, if it is recurrent, a state of its own.
pub trait Player {
    /// Writes the actions of step `t` into the rollout.
    fn act(&mut self, rollout: &mut Rollout, t: usize);

    /// The outputs of the policy's last layer at the last [`Self::act`], `[K, outputs]`.
    fn outputs(&self) -> &[f32];

    /// Step `t` is made: where an episode ended, memory is cleared.
    fn observe(&mut self, rollout: &Rollout, t: usize) {
        let _ = (rollout, t);
    }
}

/// A learner. Order of calls: for each step of a rollout [`Self::act`], then [`Self::learn`] once per rollout.
pub trait Learner: Send {
    /// Its kind, as run files name it.
    fn kind(&self) -> &'static str;

    /// Prepares for the first step of a run, before its first evaluation; again after a resume at step 0.
    ///
    /// # Errors
    /// [`AgentError`] if something that the settings name cannot be used.
    fn begin(&mut self) -> Result<(), AgentError> {
        Ok(())
    }

    /// Writes the actions of step `t` into the rollout. `step` counts the env steps made, all actors.
    fn act(&mut self, rollout: &mut Rollout, t: usize, step: u64);

    /// Takes a turn. If it learns from memory it may learn several times or not at all.
    ///
    /// # Errors
    /// [`AgentError::NotFinite`] naming the loss or gradient that is no number; nothing more is learned then.
    fn learn(&mut self, turn: Turn<'_>) -> Result<(), AgentError>;

    /// What it learned since this was last asked: `losses/…` and `charts/learning_rate`.
    fn take_metrics(&mut self) -> Metrics;

    /// The policy at play in `actors` other envs, all draws from `rng`. Training is not disturbed.
    fn player<'a>(&'a self, actors: usize, play: Play, rng: Generator) -> Box<dyn Player + 'a>;

    /// What it thinks of the states of row `t`, each as the first of an episode.
    fn judge(&self, rollout: &Rollout, t: usize) -> Judgement;

    /// Networks, optimisers, normalisers and random streams, to be taken between turns.
    fn store(&self) -> NamedTensors;

    /// The reverse of [`Self::store`].
    ///
    /// # Errors
    /// [`AgentError::Nets`] if they are of another network or incomplete.
    fn restore(&mut self, stored: &NamedTensors) -> Result<(), AgentError>;

    /// Adds what [`Self::store`] does not hold, such as a replay memory.
    ///
    /// # Errors
    /// [`AgentError`] if it cannot be written.
    fn save_memory(&self, checkpoint: &mut Checkpoint) -> Result<(), AgentError> {
        let _ = checkpoint;
        Ok(())
    }

    /// The reverse of [`Self::save_memory`].
    ///
    /// # Errors
    /// [`AgentError::Checkpoint`] if it is missing, damaged or of another run.
    fn load_memory(&mut self, checkpoint: &Checkpoint) -> Result<(), AgentError> {
        let _ = checkpoint;
        Ok(())
    }

    /// The policy for other programs; [`crate::export::Description::step`] is filled in by the caller.
    fn export(&self) -> Export;

    /// The weights of what acts, as bytes, to compare runs by.
    fn weights(&self) -> Vec<u8>;

    /// Whether its networks run without libtorch's graph.
    fn is_fused(&self) -> bool;
}

/// What a learner is made for, beside its settings.
pub struct LearnerInit<'a> {
    /// The task.
    pub env: &'a Arc<dyn Env>,
    /// What a row of its rollouts holds.
    pub layout: &'a RowLayout,
    /// The reward modules.
    pub stack: &'a RewardStack,
    /// The run's seed; every stream of the learner derives from it.
    pub seed: u64,
    /// Where tensors live.
    pub device: Device,
}

/// The learner of these settings.
///
/// # Errors
/// [`AgentError::ActionSpace`] if it cannot act in the env; [`AgentError::Config`]; [`AgentError::Nets`] if its networks do
/// not fit the observation.
pub fn make(config: &AgentConfig, init: &LearnerInit<'_>) -> Result<Box<dyn Learner>, AgentError> {
    config.check()?;
    Ok(match config {
        AgentConfig::Ppo(config) => Box::new(Ppo::new(config, init)?),
        AgentConfig::Dqn(config) => Box::new(Dqn::new(config, init)?),
        AgentConfig::Pqn(config) => Box::new(Pqn::new(config, init)?),
        AgentConfig::Sac(config) => Box::new(Sac::new(config, init)?),
        AgentConfig::Td3(config) => Box::new(Td3::new(config, init)?),
    })
}

/// Uniformly random actions for step `t`, whatever the space; reals between the bounds, 2 wide from the one bound there is,
/// or between ±1 where there is none.
pub fn act_randomly(rollout: &mut Rollout, t: usize, rng: &mut Generator) {
    match rollout.layout().actions.clone() {
        ActionSpace::Discrete { n } => rollout
            .discrete_actions_mut(t)
            .fill_with(|| rng.integers(0, n as i64) as i32),
        ActionSpace::MultiDiscrete { nvec } => {
            for actions in rollout.discrete_actions_mut(t).chunks_exact_mut(nvec.len()) {
                for (action, &n) in actions.iter_mut().zip(&nvec) {
                    *action = rng.integers(0, n as i64) as i32;
                }
            }
        }
        ActionSpace::Continuous { low, high } => {
            for actions in rollout.continuous_actions_mut(t).chunks_exact_mut(low.len()) {
                for ((action, &low), &high) in actions.iter_mut().zip(&low).zip(&high) {
                    let (low, high) = finite_bounds(low, high);
                    *action = rng.uniform(f64::from(low), f64::from(high)) as f32;
                }
            }
        }
    }
}

fn finite_bounds(low: f32, high: f32) -> (f32, f32) {
    match (low.is_finite(), high.is_finite()) {
        (true, true) => (low, high),
        (true, false) => (low, low + 2.0),
        (false, true) => (high - 2.0, high),
        (false, false) => (-1.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_reals_stay_in_bounds_that_may_be_missing() {
        let infinite = f32::INFINITY;
        let layout = RowLayout {
            n_envs: 500,
            agents_per_env: 1,
            observation: vec![],
            state_facts: vec![],
            event_facts: vec![],
            actions: ActionSpace::Continuous {
                low: vec![3.0, 3.0, -infinite, -infinite],
                high: vec![3.5, infinite, -9.0, infinite],
            },
        };
        let mut rollout = Rollout::new(&layout, 1);
        act_randomly(&mut rollout, 0, &mut Generator::named(1, "act"));
        let actions = rollout.actions().as_f32().unwrap();
        for (i, range) in [3.0..3.5, 3.0..5.0, -11.0..-9.0, -1.0..1.0]
            .into_iter()
            .enumerate()
        {
            let drawn: Vec<f32> = actions.iter().skip(i).step_by(4).copied().collect();
            assert!(drawn.iter().all(|x| range.contains(x)), "{i}");
            let mean = drawn.iter().sum::<f32>() / 500.0;
            assert!(
                (mean - 0.5 * (range.start + range.end)).abs() < 0.15,
                "{i}: {mean}"
            );
        }
    }
}
