//! What stands on top of logits: choices, drawn or the likeliest.

use prospect_sim::random::Generator;

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
