//! What an update learns from: values, returns and advantages of every reward stream.

use prospect_nets::TensorBatch;
use prospect_shaping::Stream;
use prospect_sim::Rollout;

use crate::{
    error::{AgentError, finite},
    gae, loss,
    recorder::Metrics,
    samples::Samples,
};

/// One stream's values and returns, `[T, K]`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Targets {
    pub(crate) value: Vec<f32>,
    pub(crate) returns: Vec<f32>,
}

/// What the update learns from.
#[derive(Debug, Clone, Default)]
pub struct Estimates {
    /// `[T, K]`: the task's advantage plus the weighted ones of all other streams and terms, not normalised.
    pub advantage: Vec<f32>,
    /// The task's stream first, then the others.
    pub(crate) targets: Vec<Targets>,
    /// `[T, K]`: the samples that are learned from.
    pub(crate) chosen: Vec<bool>,
    /// `reward/<module>/advantage_ratio` and `losses/explained_variance…`.
    pub metrics: Metrics,
}

/// Samples whose values are asked for at once: keeps activations in the nearer caches.
const VALUE_BATCH: usize = 2048;

/// A critic's values of a rollout.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    /// `[T + 1, K]`.
    pub(crate) states: Vec<f32>,
    /// Of final observations, `[T, K]`; 0 but where an episode was truncated.
    pub(crate) finals: Vec<f32>,
}

impl Values {
    /// What a critic without memory says, `values` filling one value per sample.
    pub(crate) fn of(batch: &TensorBatch<'_>, values: &dyn Fn(&Samples<'_>, &mut Vec<f32>)) -> Self {
        Self {
            states: value_states(batch, values),
            finals: final_values(batch, values),
        }
    }

    /// Refuses values of a stream that are no numbers.
    ///
    /// # Errors
    /// [`AgentError::NotFinite`].
    pub(crate) fn check(&self, stream: &str, step: u64) -> Result<(), AgentError> {
        let bad = self.states.iter().find(|value| !value.is_finite());
        bad.map_or(Ok(()), |value| {
            finite(f64::from(*value), || format!("value of stream {stream}"), step)
        })
    }

    /// Returns and advantages of a stream of rewards with these values.
    pub(crate) fn targets(mut self, stream: &Stream, rollout: &Rollout) -> (Targets, Vec<f32>) {
        let n = stream.reward.len();
        let (mut advantage, mut returns) = (vec![0.0; n], vec![0.0; n]);
        gae::Stream {
            reward: &stream.reward,
            value: &self.states,
            final_value: &self.finals,
            terminated: rollout.terminated(),
            truncated: rollout.truncated(),
            actors: rollout.actors(),
            gamma: stream.gamma,
            gae_lambda: stream.gae_lambda,
            episodic: stream.episodic,
        }
        .estimate(&mut advantage, &mut returns);
        self.states.truncate(n);
        let value = self.states;
        (Targets { value, returns }, advantage)
    }
}

impl Estimates {
    /// Begins with the task's advantages.
    pub(crate) fn of_task(targets: Targets, advantage: Vec<f32>, chosen: Vec<bool>) -> Self {
        let mut estimates = Self {
            advantage,
            chosen,
            ..Self::default()
        };
        estimates.push("task", targets);
        estimates
    }

    /// Adds the targets of the next stream.
    pub(crate) fn push(&mut self, name: &str, targets: Targets) {
        self.log_explained_variance(self.targets.len(), name, &targets);
        self.targets.push(targets);
    }

    /// Adds weighted advantages; `task_size` is the mean size of the task's.
    pub(crate) fn add(&mut self, name: &str, weight: f64, term: &[f32], alive: &[bool], task_size: f64) {
        let size = weight.abs() * mean_size(term, alive);
        let ratio = if task_size > 0.0 {
            size / task_size
        } else {
            f64::NAN
        };
        self.metrics
            .insert(format!("reward/{name}/advantage_ratio"), ratio);
        // Nothing is added at weight 0, not even a zero: a run without the term has the same bits.
        if weight != 0.0 {
            let pairs = self.advantage.iter_mut().zip(term);
            pairs.for_each(|(sum, term)| *sum = (f64::from(*sum) + weight * f64::from(*term)) as f32);
        }
    }

    fn log_explained_variance(&mut self, i: usize, name: &str, targets: &Targets) {
        let key = if i == 0 {
            "losses/explained_variance".to_owned()
        } else {
            format!("losses/explained_variance/{name}")
        };
        let explained = loss::explained_variance(&targets.value, &targets.returns);
        self.metrics.insert(key, explained.unwrap_or(f64::NAN));
    }
}

/// Values of all states of a rollout, `[T + 1, K]`.
fn value_states(batch: &TensorBatch<'_>, values: &dyn Fn(&Samples<'_>, &mut Vec<f32>)) -> Vec<f32> {
    let mut all = Vec::with_capacity(batch.len() + batch.actors());
    let mut part = Vec::new();
    for start in (0..batch.len()).step_by(VALUE_BATCH) {
        let end = batch.len().min(start + VALUE_BATCH);
        values(&Samples::states(batch, start, end), &mut part);
        all.extend_from_slice(&part);
    }
    values(&Samples::row(batch.rollout(), batch.n_steps()), &mut part);
    all.extend_from_slice(&part);
    all
}

/// Values of the final observations of truncated episodes, `[T, K]`; 0 where none was truncated.
pub(crate) fn final_values(
    batch: &TensorBatch<'_>,
    mut values: impl FnMut(&Samples<'_>, &mut Vec<f32>),
) -> Vec<f32> {
    let cut: Vec<i64> = batch.truncated().into_iter().map(|at| at as i64).collect();
    let (mut all, mut part) = (vec![0.0; batch.len()], Vec::new());
    if !cut.is_empty() {
        values(&Samples::finals(batch, &cut), &mut part);
        let pairs = cut.iter().zip(&part);
        pairs.for_each(|(&at, value)| all[at as usize] = *value);
    }
    all
}

/// The mean size of the values of actors that took part.
pub(crate) fn mean_size(values: &[f32], alive: &[bool]) -> f64 {
    let counted = values.iter().zip(alive).filter(|(_, alive)| **alive);
    let (sum, n) = counted.fold((0.0, 0.0), |(sum, n), (x, _)| (sum + f64::from(x.abs()), n + 1.0));
    if n > 0.0 { sum / n } else { 0.0 }
}
