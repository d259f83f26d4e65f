//! PPO's loss and its gradient at the network's outputs, worked out by hand in one pass.
//!
//! Autograd would take some forty small operations per minibatch for what is a few lines of arithmetic per sample; here
//! libtorch is asked for nothing but the layers' products. `tests/loss_golden.rs` holds values and gradients to PyTorch's.

pub mod q;
use prospect_sim::Actions;

use crate::distribution::{Density, Distribution, RowDensity, Slopes};

/// The loss's settings (Schulman et al. 2017, equation 9, as CleanRL has it).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossConfig {
    /// Half-width of the ratio's trust region.
    pub clip_coef: f64,
    /// Whether the value's change is clipped by the same width.
    pub clip_vloss: bool,
    /// Weight of the entropy bonus.
    pub ent_coef: f64,
    /// Weight of the value loss.
    pub vf_coef: f64,
}

/// What the policy's loss reads of a minibatch of `n` samples.
#[derive(Debug, Clone, Copy)]
pub struct PolicySamples<'a> {
    /// The network's outputs now, `[n, outputs]`.
    pub outputs: &'a [f32],
    /// Log standard deviations now, of distributions that have them.
    pub log_std: &'a [f32],
    /// What may be chosen, `[n, outputs]`; all of it if none.
    pub mask: Option<&'a [bool]>,
    /// What was drawn, `[n, width]`.
    pub actions: Actions<'a>,
    /// Its log-probability when it was drawn.
    pub logprob: &'a [f32],
    /// How much better than expected it was, normalised or not.
    pub advantage: &'a [f32],
}

/// The gradient of a policy's loss.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PolicyGrad {
    /// At the network's outputs, `[n, outputs]`.
    pub outputs: Vec<f32>,
    /// At the log standard deviations, if there are any.
    pub log_std: Vec<f32>,
}

/// The logit of an option that may not be chosen: its probability is 0, and products with it are finite.
pub const MASKED: f32 = -1e8;

/// Takes options out of outputs `[n, outputs]` where `mask` is false.
pub fn mask_logits(outputs: &mut [f32], mask: &[bool]) {
    for (logit, allowed) in outputs.iter_mut().zip(mask) {
        if !allowed {
            *logit = MASKED;
        }
    }
}

/// Sums over samples; divide by `samples`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PolicyStats {
    /// Number of samples.
    pub samples: f64,
    /// The clipped surrogate.
    pub policy_loss: f64,
    /// The policy's entropy, nats.
    pub entropy: f64,
    /// `mean(ratio - 1 - log ratio)` (Schulman, "Approximating KL divergence").
    pub approx_kl: f64,
    /// `mean(-log ratio)`.
    pub old_approx_kl: f64,
    /// Share of samples whose ratio left the trust region.
    pub clipfrac: f64,
}

impl PolicyStats {
    /// Adds another minibatch's sums.
    pub fn add(&mut self, other: &Self) {
        self.samples += other.samples;
        self.policy_loss += other.policy_loss;
        self.entropy += other.entropy;
        self.approx_kl += other.approx_kl;
        self.old_approx_kl += other.old_approx_kl;
        self.clipfrac += other.clipfrac;
    }

    /// `sum / samples`, 0 without samples.
    pub fn mean(&self, sum: f64) -> f64 {
        if self.samples > 0.0 {
            sum / self.samples
        } else {
            0.0
        }
    }
}

/// The policy's loss `mean(max(-A r, -A clip(r))) - ent_coef * mean(H)` over a minibatch: fills its gradient and returns
/// the sums.
pub fn policy_loss(
    distribution: &Distribution,
    samples: &PolicySamples<'_>,
    config: &LossConfig,
    grad: &mut PolicyGrad,
) -> PolicyStats {
    start_gradient(samples.outputs, samples.mask, grad);
    match distribution.density(samples.log_std, samples.actions) {
        Density::Choices(mut density) => surrogate(
            &mut density,
            distribution.outputs(),
            samples,
            config,
            &mut grad.outputs,
        ),
        Density::Reals(mut density) => {
            let width = distribution.outputs();
            let stats = surrogate(&mut density, width, samples, config, &mut grad.outputs);
            grad.log_std = density.log_std_gradient();
            stats
        }
    }
}

/// Puts the outputs, masked, where their gradient will be.
fn start_gradient(outputs: &[f32], mask: Option<&[bool]>, grad: &mut PolicyGrad) {
    grad.outputs.clear();
    grad.outputs.extend_from_slice(outputs);
    grad.log_std.clear();
    if let Some(mask) = mask {
        mask_logits(&mut grad.outputs, mask);
    }
}

fn surrogate(
    density: &mut impl RowDensity,
    width: usize,
    samples: &PolicySamples<'_>,
    config: &LossConfig,
    grad: &mut [f32],
) -> PolicyStats {
    let n = samples.advantage.len();
    let scale = 1.0 / n.max(1) as f32;
    let (low, high) = ((1.0 - config.clip_coef) as f32, (1.0 + config.clip_coef) as f32);
    let ent_coef = config.ent_coef as f32;
    let mut stats = PolicyStats {
        samples: n as f64,
        ..PolicyStats::default()
    };
    for (i, row) in grad.chunks_exact_mut(width).enumerate() {
        let (logprob, entropy) = density.evaluate(i, row);
        let advantage = samples.advantage[i];
        let logratio = logprob - samples.logprob[i];
        let ratio = logratio.exp();
        let plain = -advantage * ratio;
        let clipped = -advantage * ratio.clamp(low, high);
        stats.policy_loss += f64::from(plain.max(clipped));
        stats.entropy += f64::from(entropy);
        stats.approx_kl += f64::from(ratio - 1.0 - logratio);
        stats.old_approx_kl += f64::from(-logratio);
        stats.clipfrac += f64::from(u8::from((ratio - 1.0).abs() > config.clip_coef as f32));
        // Where the clipped term is the larger one, the ratio lies outside and clamping has no slope.
        let slope = if plain >= clipped { plain } else { 0.0 };
        let slopes = Slopes {
            scale,
            logprob: slope,
            entropy: ent_coef,
        };
        density.gradient(i, row, slopes);
    }
    stats
}

/// The loss of behaviour cloning, `-coef * mean(log p(action))` over demonstrated actions `[n, width]`: cross-entropy of
/// choices, negative log-likelihood of reals. Fills its gradient and returns the mean without `coef`.
pub fn imitation_loss(
    distribution: &Distribution,
    outputs: &[f32],
    log_std: &[f32],
    actions: Actions<'_>,
    coef: f64,
    grad: &mut PolicyGrad,
) -> f64 {
    start_gradient(outputs, None, grad);
    let width = distribution.outputs();
    match distribution.density(log_std, actions) {
        Density::Choices(mut density) => imitate(&mut density, width, coef, &mut grad.outputs),
        Density::Reals(mut density) => {
            let loss = imitate(&mut density, width, coef, &mut grad.outputs);
            grad.log_std = density.log_std_gradient();
            loss
        }
    }
}

fn imitate(density: &mut impl RowDensity, width: usize, coef: f64, grad: &mut [f32]) -> f64 {
    let n = (grad.len() / width.max(1)).max(1) as f64;
    let slopes = Slopes {
        scale: (coef / n) as f32,
        logprob: -1.0,
        entropy: 0.0,
    };
    let mut sum = 0.0;
    for (i, row) in grad.chunks_exact_mut(width).enumerate() {
        sum -= f64::from(density.evaluate(i, row).0);
        density.gradient(i, row, slopes);
    }
    sum / n
}

/// The value loss `vf_coef * 0.5 * mean((v - R)^2)`, or the larger one of it and that of the clipped value: writes its
/// gradient with respect to the values into `grad` and returns the sum of `0.5 * (...)^2` without `vf_coef`.
pub fn value_loss(
    value: &[f32],
    old_value: &[f32],
    returns: &[f32],
    config: &LossConfig,
    grad: &mut [f32],
) -> f64 {
    let scale = (config.vf_coef / value.len().max(1) as f64) as f32;
    let width = config.clip_coef as f32;
    let mut sum = 0.0;
    for (i, grad) in grad.iter_mut().enumerate() {
        let error = value[i] - returns[i];
        if !config.clip_vloss {
            sum += 0.5 * f64::from(error * error);
            *grad = scale * error;
            continue;
        }
        let change = value[i] - old_value[i];
        let clipped = old_value[i] + change.clamp(-width, width) - returns[i];
        let inside = change.abs() <= width;
        sum += 0.5 * f64::from((error * error).max(clipped * clipped));
        *grad = if error * error >= clipped * clipped || inside {
            scale * error
        } else {
            0.0
        };
    }
    sum
}

/// Shifts and scales to mean 0 and (unbiased) standard deviation 1, as CleanRL does: `(a - mean) / (std + 1e-8)`.
pub fn normalise(values: &mut [f32]) {
    let n = values.len() as f64;
    if values.len() < 2 {
        return;
    }
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let square = |x: f32| (f64::from(x) - mean) * (f64::from(x) - mean);
    let std = (values.iter().map(|&x| square(x)).sum::<f64>() / (n - 1.0)).sqrt();
    for x in values {
        *x = ((f64::from(*x) - mean) / (std + 1e-8)) as f32;
    }
}

/// `1 - Var(returns - values) / Var(returns)`; none where the returns do not vary.
pub fn explained_variance(values: &[f32], returns: &[f32]) -> Option<f64> {
    let variance = |pick: &dyn Fn(usize) -> f64| {
        let n = returns.len() as f64;
        let mean = (0..returns.len()).map(pick).sum::<f64>() / n;
        (0..returns.len()).map(|i| (pick(i) - mean).powi(2)).sum::<f64>() / n
    };
    let total = variance(&|i| f64::from(returns[i]));
    let left = variance(&|i| f64::from(returns[i]) - f64::from(values[i]));
    (total > 0.0).then(|| 1.0 - left / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: LossConfig = LossConfig {
        clip_coef: 0.2,
        clip_vloss: true,
        ent_coef: 0.1,
        vf_coef: 0.5,
    };

    fn loss(
        logits: &[f32],
        action: &[i32],
        logprob: &[f32],
        advantage: &[f32],
    ) -> (f64, Vec<f32>, PolicyStats) {
        let mut grad = PolicyGrad::default();
        let samples = PolicySamples {
            outputs: logits,
            log_std: &[],
            mask: None,
            actions: Actions::Discrete(action),
            logprob,
            advantage,
        };
        let distribution = Distribution::Choices {
            nvec: vec![logits.len() / action.len()],
        };
        let stats = policy_loss(&distribution, &samples, &CONFIG, &mut grad);
        (
            stats.mean(stats.policy_loss) - CONFIG.ent_coef * stats.mean(stats.entropy),
            grad.outputs,
            stats,
        )
    }

    #[test]
    fn masked_options_get_no_gradient_and_no_probability() {
        let distribution = Distribution::Choices { nvec: vec![3] };
        let mut grad = PolicyGrad::default();
        let samples = PolicySamples {
            outputs: &[0.0, 5.0, 0.0],
            log_std: &[],
            mask: Some(&[true, false, true]),
            actions: Actions::Discrete(&[0]),
            logprob: &[-(2.0_f32.ln())],
            advantage: &[1.0],
        };
        let stats = policy_loss(&distribution, &samples, &CONFIG, &mut grad);
        // Two even options are left: entropy ln 2 at its top, ratio 1, slope -A (1 - p) = -0.5.
        assert!((stats.entropy - 2.0_f64.ln()).abs() < 1e-6 && stats.approx_kl.abs() < 1e-6);
        assert!((grad.outputs[0] + 0.5).abs() < 1e-6 && (grad.outputs[2] - 0.5).abs() < 1e-6);
        assert_eq!(grad.outputs[1], 0.0);
    }

    #[test]
    fn imitation_follows_the_demonstrated_choice() {
        let distribution = Distribution::Choices { nvec: vec![2] };
        let mut grad = PolicyGrad::default();
        let loss = imitation_loss(
            &distribution,
            &[0.0; 4],
            &[],
            Actions::Discrete(&[0, 1]),
            2.0,
            &mut grad,
        );
        assert!((loss - 2.0_f64.ln()).abs() < 1e-6);
        assert_eq!(grad.outputs, [-0.5, 0.5, 0.5, -0.5]);
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let logits = [0.3, -0.2, 0.9, 1.1, 0.0, -1.0];
        let (action, logprob, advantage) = ([2, 0], [-0.9, -0.5], [1.5, -0.7]);
        let (_, grad, _) = loss(&logits, &action, &logprob, &advantage);
        for i in 0..logits.len() {
            let mut moved = logits;
            moved[i] += 1e-2;
            let up = loss(&moved, &action, &logprob, &advantage).0;
            moved[i] -= 2e-2;
            let down = loss(&moved, &action, &logprob, &advantage).0;
            assert!(
                ((up - down) / 2e-2 - f64::from(grad[i])).abs() < 1e-3,
                "{i}: {grad:?}"
            );
        }
    }

    #[test]
    fn a_ratio_beyond_the_clip_has_no_policy_gradient() {
        // Two even actions: log p = -ln 2; the old one was far smaller, so the ratio is 2 and the advantage positive.
        let old = -(4.0_f32.ln());
        let (_, grad, stats) = loss(&[0.0, 0.0], &[0], &[old], &[1.0]);
        assert_eq!(
            grad,
            vec![0.0, 0.0],
            "the entropy is at its top, so nothing is left"
        );
        assert!((stats.policy_loss + 1.2).abs() < 1e-6 && stats.clipfrac == 1.0);
        // With a negative advantage the pessimistic term is the plain one: slope -A r (1 - p) = 2 * 0.5.
        let (_, grad, _) = loss(&[0.0, 0.0], &[0], &[old], &[-1.0]);
        assert!((grad[0] - 1.0).abs() < 1e-6 && (grad[1] + 1.0).abs() < 1e-6);
    }

    #[test]
    fn value_clipping_takes_the_larger_loss() {
        let mut grad = [0.0; 3];
        // Moved from 0 to 1 towards a return of 2: clipped value .2 has the larger error, and no slope.
        // Moved from 0 to 1 away from -1: the plain error 2 is larger. Moved within the width: plain.
        let sum = value_loss(&[1.0, 1.0, 0.1], &[0.0; 3], &[2.0, -1.0, 1.0], &CONFIG, &mut grad);
        assert!((sum - 0.5 * (1.8 * 1.8 + 4.0 + 0.81)).abs() < 1e-6);
        let third = 0.5 / 3.0;
        assert_eq!(grad[0], 0.0);
        assert!((grad[1] - 2.0 * third).abs() < 1e-6 && (grad[2] + 0.9 * third).abs() < 1e-6);
    }

    #[test]
    fn normalising_gives_mean_zero_and_deviation_one() {
        let mut values = [1.0, 2.0, 3.0];
        normalise(&mut values);
        assert!((values[0] + 1.0).abs() < 1e-6 && values[1].abs() < 1e-6 && (values[2] - 1.0).abs() < 1e-6);
        let mut same = [4.0; 5];
        normalise(&mut same);
        assert_eq!(same, [0.0; 5]);
    }

    #[test]
    fn explained_variance_of_perfect_and_constant_values() {
        assert_eq!(explained_variance(&[1.0, 2.0], &[1.0, 2.0]), Some(1.0));
        assert_eq!(explained_variance(&[0.0, 0.0], &[1.0, 2.0]), Some(0.0));
        assert_eq!(explained_variance(&[0.0, 0.0], &[1.0, 1.0]), None);
    }
}
