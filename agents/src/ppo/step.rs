//! One minibatch of PPO: what is gathered for it, its losses, one step of every optimiser.

use prospect_nets::TensorBatch;

use super::Ppo;
use crate::{
    config::NormAdv,
    distribution::{Distribution, Drawn},
    error::{AgentError, finite},
    estimates::{Estimates, Targets},
    imitation::Demonstrated,
    loss::{self, LossConfig, PolicySamples, PolicyStats},
    minibatch::Chunk,
    policy::{HeadGrads, Heads},
    samples::Samples,
    update::UpdateSums,
};

/// The settings of one update, moved along their schedules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    pub(super) loss: LossConfig,
    pub(super) learning_rate: f64,
    /// Env steps made, for messages.
    pub(super) step: u64,
}

/// What is gathered for one minibatch, in buffers that are kept.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    drawn: Drawn,
    mask: Vec<bool>,
    advantage: Vec<f32>,
    returns: Vec<f32>,
    old_value: Vec<f32>,
}

impl Scratch {
    /// Values and returns of one stream at the samples `index`.
    fn gather_targets(&mut self, targets: &Targets, index: &[i64]) {
        take(&targets.returns, index, &mut self.returns);
        take(&targets.value, index, &mut self.old_value);
    }

    /// The losses of policy and task value on what was gathered: fills their gradients. Returns sums.
    fn losses(
        &self,
        distribution: &Distribution,
        pass: &Pass,
        heads: &Heads<'_>,
        grads: &mut HeadGrads,
    ) -> Result<(PolicyStats, f64), AgentError> {
        let samples = PolicySamples {
            outputs: heads.outputs,
            log_std: heads.log_std,
            mask: (!self.mask.is_empty()).then_some(&self.mask),
            actions: self.drawn.actions(),
            logprob: &self.drawn.logprob,
            advantage: &self.advantage,
        };
        let stats = loss::policy_loss(distribution, &samples, &pass.loss, &mut grads.policy);
        finite(stats.policy_loss, || "policy loss", pass.step)?;
        finite(stats.entropy, || "entropy", pass.step)?;
        grads.values.resize(heads.values.len(), 0.0);
        let (old, returns) = (&self.old_value, &self.returns);
        let sum = loss::value_loss(heads.values, old, returns, &pass.loss, &mut grads.values);
        finite(sum, || "value loss of stream task", pass.step)?;
        Ok((stats, sum))
    }
}

impl Ppo {
    /// One step of the policy and the task's critic on a minibatch.
    pub(super) fn learn_policy(
        &mut self,
        batch: &TensorBatch<'_>,
        estimates: &Estimates,
        chunk: &Chunk<'_>,
        demonstrated: Option<&mut Demonstrated<'_>>,
        pass: &Pass,
        sums: &mut UpdateSums,
    ) -> Result<PolicyStats, AgentError> {
        let (s, index, distribution) = (&mut self.scratch, &*chunk.index, &self.distribution);
        s.drawn.take(&self.drawn, index, distribution.width());
        take(&estimates.advantage, index, &mut s.advantage);
        take_rows(&self.allowed, index, distribution.outputs(), &mut s.mask);
        if self.config.norm_adv == NormAdv::Minibatch {
            loss::normalise(&mut s.advantage);
        }
        s.gather_targets(&estimates.targets[0], index);
        let mut stats = PolicyStats::default();
        let minibatch = chunk.minibatch(batch, &self.start);
        self.actor_critic.gradient(&minibatch, |heads, grads| {
            let (policy, value) = s.losses(distribution, pass, heads, grads)?;
            stats = policy;
            sums.value_loss[0] += value;
            Ok(())
        })?;
        if let Some(demonstrated) = demonstrated {
            let loss = demonstrated.add_gradient(&mut self.actor_critic, distribution)?;
            *sums.imitation.get_or_insert(0.0) += loss;
        }
        let norm = self.actor_critic.step(pass.learning_rate);
        finite(norm, || "gradient of policy and task value", pass.step)?;
        sums.grad_norm += norm;
        sums.minibatches += 1.0;
        Ok(stats)
    }

    /// One step of each critic beside the task's on the same samples.
    pub(super) fn learn_critics(
        &mut self,
        batch: &TensorBatch<'_>,
        estimates: &Estimates,
        index: &[i64],
        pass: &Pass,
        sums: &mut UpdateSums,
    ) -> Result<(), AgentError> {
        let s = &mut self.scratch;
        let samples = Samples::chosen(batch, index);
        let streams = estimates.targets[1..].iter().zip(&mut sums.value_loss[1..]);
        for (critic, (targets, sum)) in self.critics.iter_mut().zip(streams) {
            let name = critic.name().to_owned();
            s.gather_targets(targets, index);
            let norm = critic.learn(&samples, pass.learning_rate, |values, grad| {
                grad.resize(values.len(), 0.0);
                let own = loss::value_loss(values, &s.old_value, &s.returns, &pass.loss, grad);
                finite(own, || format!("value loss of stream {name}"), pass.step)?;
                *sum += own;
                Ok(())
            })?;
            let gradient = || format!("gradient of the value of stream {name}");
            finite(norm, gradient, pass.step)?;
        }
        Ok(())
    }
}

pub(super) fn take<T: Copy>(from: &[T], index: &[i64], into: &mut Vec<T>) {
    into.clear();
    into.extend(index.iter().map(|&i| from[i as usize]));
}

/// The same of rows of `width` values; nothing of nothing.
fn take_rows(from: &[bool], index: &[i64], width: usize, into: &mut Vec<bool>) {
    into.clear();
    if !from.is_empty() {
        let rows = index.iter().map(|&i| i as usize * width);
        rows.for_each(|at| into.extend_from_slice(&from[at..at + width]));
    }
}
