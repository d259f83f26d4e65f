//! What is gathered over the minibatches of an update.

use crate::{loss::PolicyStats, policy::Critic, recorder::Metrics};

/// Sums over all minibatches of an update.
pub(crate) struct UpdateSums {
    pub(crate) policy: PolicyStats,
    pub(crate) last_epoch: PolicyStats,
    /// The task's first, then those of the other streams.
    pub(crate) value_loss: Vec<f64>,
    pub(crate) grad_norm: f64,
    pub(crate) minibatches: f64,
    /// Loss of imitation, if there is one.
    pub(crate) imitation: Option<f64>,
}

impl UpdateSums {
    pub(crate) fn new(critics: usize) -> Self {
        Self {
            policy: PolicyStats::default(),
            last_epoch: PolicyStats::default(),
            value_loss: vec![0.0; critics + 1],
            grad_norm: 0.0,
            minibatches: 0.0,
            imitation: None,
        }
    }

    /// Means over all samples; the divergences are those of the last epoch, as CleanRL reports them.
    pub(crate) fn metrics(&self, critics: &[Critic]) -> Metrics {
        let (all, last) = (&self.policy, &self.last_epoch);
        let mut metrics = Metrics::from([
            ("losses/policy_loss".to_owned(), all.mean(all.policy_loss)),
            ("losses/entropy".to_owned(), all.mean(all.entropy)),
            ("losses/value_loss".to_owned(), all.mean(self.value_loss[0])),
            ("losses/approx_kl".to_owned(), last.mean(last.approx_kl)),
            ("losses/old_approx_kl".to_owned(), last.mean(last.old_approx_kl)),
            ("losses/clipfrac".to_owned(), all.mean(all.clipfrac)),
            (
                "losses/grad_norm".to_owned(),
                self.grad_norm / self.minibatches.max(1.0),
            ),
        ]);
        for (critic, sum) in critics.iter().zip(&self.value_loss[1..]) {
            metrics.insert(format!("losses/value_loss/{}", critic.name()), all.mean(*sum));
        }
        if let Some(sum) = self.imitation {
            metrics.insert("losses/bc_loss".to_owned(), sum / self.minibatches.max(1.0));
        }
        metrics
    }
}
