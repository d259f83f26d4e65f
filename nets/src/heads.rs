//! What stands on top of features: a categorical policy and values.

use prospect_sim::random::Generator;
use tch::{Kind, Tensor};

use crate::{
    init::Init,
    linear::Linear,
    params::{ParamBuilder, ParamSet},
};

/// A policy over `n` discrete actions: logits from features. Begins nearly uniform (orthogonal, gain 0.01).
#[derive(Debug, Clone, Copy)]
pub struct PolicyHead {
    linear: Linear,
}

impl PolicyHead {
    /// Adds the head's parameters.
    pub fn new(
        params: &mut ParamBuilder,
        name: &str,
        inputs: usize,
        n_actions: usize,
        rng: &mut Generator,
    ) -> Self {
        let init = Init::Orthogonal { gain: 0.01 };
        Self {
            linear: Linear::new(params, name, inputs, n_actions, init, rng),
        }
    }

    /// Features `[batch, inputs]` to logits `[batch, n]`.
    pub fn forward(&self, params: &ParamSet, features: &Tensor) -> Tensor {
        self.linear.forward(params, features)
    }
}

/// One value per reward stream: `[batch, streams]` from features. Begins orthogonal with gain 1.
#[derive(Debug, Clone, Copy)]
pub struct ValueHead {
    linear: Linear,
}

impl ValueHead {
    /// Adds the head's parameters.
    pub fn new(
        params: &mut ParamBuilder,
        name: &str,
        inputs: usize,
        streams: usize,
        rng: &mut Generator,
    ) -> Self {
        let init = Init::Orthogonal { gain: 1.0 };
        Self {
            linear: Linear::new(params, name, inputs, streams, init, rng),
        }
    }

    /// Features `[batch, inputs]` to values `[batch, streams]`.
    pub fn forward(&self, params: &ParamSet, features: &Tensor) -> Tensor {
        self.linear.forward(params, features)
    }
}

/// Log-probabilities `[batch, n]` of logits `[batch, n]`.
pub fn log_softmax(logits: &Tensor) -> Tensor {
    logits.log_softmax(-1, Kind::Float)
}

/// The log-probability `[batch]` of each sample's action (int64 `[batch]`).
pub fn log_prob_of(log_probs: &Tensor, actions: &Tensor) -> Tensor {
    log_probs.gather(1, &actions.unsqueeze(1), false).squeeze_dim(1)
}

/// The entropy `[batch]`, in nats, of log-probabilities `[batch, n]`.
pub fn entropy(log_probs: &Tensor) -> Tensor {
    -(log_probs * log_probs.exp()).sum_dim_intlist(-1, false, Kind::Float)
}

/// Draws an action per sample from logits `[batch, n]` by inverting the distribution function: one `random()` each, in
/// order. Writes the action and, where `log_probs` is not empty, its log-probability.
///
/// The arithmetic is f64 and does not depend on the batch, so a sample's action is the same in any batch.
pub fn sample_categorical(
    logits: &[f32],
    n_actions: usize,
    rng: &mut Generator,
    actions: &mut [i32],
    log_probs: &mut [f32],
) {
    for (i, (logits, action)) in logits.chunks_exact(n_actions).zip(actions).enumerate() {
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weight = |logit: f32| f64::from(logit - max).exp();
        let total: f64 = logits.iter().map(|&logit| weight(logit)).sum();
        let threshold = rng.random() * total;
        let mut sum = 0.0;
        let mut chosen = n_actions - 1;
        for (k, &logit) in logits.iter().enumerate() {
            sum += weight(logit);
            if threshold < sum {
                chosen = k;
                break;
            }
        }
        *action = chosen as i32;
        if let Some(log_prob) = log_probs.get_mut(i) {
            *log_prob = (f64::from(logits[chosen] - max) - total.ln()) as f32;
        }
    }
}

/// The most likely action per sample of logits `[batch, n]`; the first of equals.
pub fn greedy(logits: &[f32], n_actions: usize, actions: &mut [i32]) {
    for (logits, action) in logits.chunks_exact(n_actions).zip(actions) {
        let mut best = 0;
        for (k, &logit) in logits.iter().enumerate() {
            if logit > logits[best] {
                best = k;
            }
        }
        *action = best as i32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_probabilities_and_entropy_by_hand() {
        let logits = Tensor::from_slice(&[0.0f32, 3.0f32.ln(), 0.0, 0.0]).view([2, 2]);
        let log_probs = log_softmax(&logits);
        let actions = Tensor::from_slice(&[1i64, 0]);
        let chosen = crate::read_floats(&log_prob_of(&log_probs, &actions));
        assert!((chosen[0] - 0.75f32.ln()).abs() < 1e-6 && (chosen[1] - 0.5f32.ln()).abs() < 1e-6);
        let entropies = crate::read_floats(&entropy(&log_probs));
        let expected = -(0.25f32 * 0.25f32.ln() + 0.75 * 0.75f32.ln());
        assert!((entropies[0] - expected).abs() < 1e-6 && (entropies[1] - 2.0f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn samples_follow_the_distribution() {
        let n = 100_000;
        let logits: Vec<f32> = (0..n)
            .flat_map(|_| [0.0, 2.0f32.ln(), f32::NEG_INFINITY, 5.0f32.ln()])
            .collect();
        let (mut actions, mut log_probs) = (vec![0; n], vec![0.0; n]);
        sample_categorical(
            &logits,
            4,
            &mut Generator::named(1, "act"),
            &mut actions,
            &mut log_probs,
        );
        for (action, expected) in [(0, 0.125), (1, 0.25), (2, 0.0), (3, 0.625)] {
            let share = actions.iter().filter(|&&a| a == action).count() as f64 / n as f64;
            // Five standard errors of a share of 100,000 draws are at most 0.008.
            assert!((share - expected).abs() < 0.008, "{action}: {share}");
        }
        let probabilities = [0.125f32, 0.25, 0.0, 0.625];
        for (action, log_prob) in actions.iter().zip(&log_probs) {
            assert!((log_prob - probabilities[*action as usize].ln()).abs() < 1e-6);
        }
    }

    #[test]
    fn a_sample_does_not_depend_on_its_batch() {
        let logits: Vec<f32> = (0..50).map(|i| (i as f32).sin()).collect();
        let mut together = vec![0; 10];
        sample_categorical(
            &logits,
            5,
            &mut Generator::named(2, "act"),
            &mut together,
            &mut [],
        );
        let mut rng = Generator::named(2, "act");
        for (i, expected) in together.iter().enumerate() {
            let mut one = [0];
            sample_categorical(&logits[i * 5..][..5], 5, &mut rng, &mut one, &mut []);
            assert_eq!(one[0], *expected);
        }
    }

    #[test]
    fn greedy_takes_the_first_of_equals() {
        let mut actions = [9; 2];
        greedy(&[0.0, 2.0, 2.0, -1.0, -3.0, -1.0], 3, &mut actions);
        assert_eq!(actions, [1, 0]);
    }
}
