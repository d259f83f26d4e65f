//! A diagonal Gaussian whose draws go through tanh: actions between -1 and 1, their density, and gradients by hand.

use crate::tanh::log_slope;

/// Bounds of the logarithm of the deviation, those of Haarnoja et al.'s code and Stable-Baselines3.
const LOG_STD: (f32, f32) = (-20.0, 2.0);

/// `ln(2 pi) / 2`.
const HALF_LN_2PI: f32 = 0.918_938_5;

/// Draws `a = tanh(mean + std * noise)` of a batch, with what their gradients need (Haarnoja et al. 2018b, appendix C).
///
/// Outputs of the policy's network are `[n, 2 * width]`: means, then logarithms of deviations, which are clamped to -20 and 2.
#[derive(Debug, Clone, Default)]
pub struct SquashedGaussian {
    /// `[n, width]`.
    pub action: Vec<f32>,
    /// Logarithm of the density of each action, `[n]`.
    pub logprob: Vec<f32>,
    width: usize,
    /// `std * noise`, and 0 for its gradient where the deviation is clamped: `[n, width]`.
    spread: Vec<f32>,
    inside: Vec<bool>,
}

impl SquashedGaussian {
    /// Draws with `noise`, `[n, width]` of standard normal numbers.
    ///
    /// The density of a squashed draw is that of the Gaussian divided by the slope of `tanh`.
    pub fn draw(&mut self, outputs: &[f32], noise: &[f32], width: usize) {
        self.width = width;
        self.action.clear();
        self.logprob.clear();
        self.spread.clear();
        self.inside.clear();
        for (outputs, noise) in outputs.chunks_exact(2 * width).zip(noise.chunks_exact(width)) {
            let (mean, log_std) = outputs.split_at(width);
            let mut logprob = 0.0;
            for ((mean, raw), noise) in mean.iter().zip(log_std).zip(noise) {
                let log_std = raw.clamp(LOG_STD.0, LOG_STD.1);
                let spread = log_std.exp() * noise;
                let x = mean + spread;
                logprob += -0.5 * noise * noise - log_std - HALF_LN_2PI - log_slope(x);
                self.action.push(x.tanh());
                self.spread.push(spread);
                self.inside.push((LOG_STD.0..=LOG_STD.1).contains(raw));
            }
            self.logprob.push(logprob);
        }
    }

    /// The gradient at the network's outputs, `[n, 2 * width]`, of a loss whose gradient at the actions is `action_grad`
    /// `[n, width]` and at every logarithm of a density `logprob_grad`.
    pub fn gradient(&self, action_grad: &[f32], logprob_grad: f32, out: &mut Vec<f32>) {
        let width = self.width;
        out.clear();
        out.resize(2 * self.action.len(), 0.0);
        for (row, out) in out.chunks_exact_mut(2 * width).enumerate() {
            let (mean, log_std) = out.split_at_mut(width);
            for j in 0..width {
                let at = row * width + j;
                let a = self.action[at];
                // The logarithm of 1 - tanh(x)^2 falls by 2 tanh(x).
                let grad = action_grad[at] * (1.0 - a * a) + logprob_grad * 2.0 * a;
                mean[j] = grad;
                if self.inside[at] {
                    log_std[j] = grad * self.spread[at] - logprob_grad;
                }
            }
        }
    }

    /// `tanh` of the means: the actions of [`crate::Play::Greedy`], `[n, width]`.
    pub fn mode(outputs: &[f32], width: usize, out: &mut Vec<f32>) {
        out.clear();
        let rows = outputs.chunks_exact(2 * width);
        rows.for_each(|row| out.extend(row[..width].iter().map(|x| x.tanh())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_density_integrates_to_one() {
        // Over the noise z the density of a is that of z times dz/da; summed over a fine grid of a.
        let (n, mut draws) = (40_001, SquashedGaussian::default());
        let noise: Vec<f32> = (0..n).map(|i| (i as f32 / (n - 1) as f32 - 0.5) * 12.0).collect();
        let outputs = [0.3f32, -0.4].repeat(n);
        draws.draw(&outputs, &noise, 1);
        let mut total = 0.0;
        for i in 1..n {
            let height = 0.5 * (f64::from(draws.logprob[i]).exp() + f64::from(draws.logprob[i - 1]).exp());
            total += height * f64::from(draws.action[i] - draws.action[i - 1]);
        }
        assert!((total - 1.0).abs() < 1e-3, "{total}");
    }

    #[test]
    fn far_out_draws_have_finite_densities_and_clamped_ones_no_slope() {
        let mut draws = SquashedGaussian::default();
        draws.draw(&[40.0, -40.0, 50.0, -50.0], &[1.0, -1.0], 2);
        assert!(draws.logprob[0].is_finite() && draws.action == [1.0, -1.0]);
        let mut grad = vec![];
        draws.gradient(&[1.0, 1.0], 0.5, &mut grad);
        assert!(grad.iter().all(|x| x.is_finite()) && grad[2..] == [0.0, 0.0]);
        let mut mode = vec![];
        SquashedGaussian::mode(&[0.0, 40.0, 1.0, 1.0], 2, &mut mode);
        assert_eq!(mode, [0.0, 1.0]);
    }

    #[test]
    fn the_gradient_is_the_slope() {
        let (outputs, noise) = ([0.3f32, -0.6, -0.5, 0.2], [0.7, -1.1]);
        let loss = |outputs: &[f32]| {
            let mut draws = SquashedGaussian::default();
            draws.draw(outputs, &noise, 2);
            f64::from(2.0 * draws.action[0] - 3.0 * draws.action[1] + 0.4 * draws.logprob[0])
        };
        let (mut draws, mut grad) = (SquashedGaussian::default(), vec![]);
        draws.draw(&outputs, &noise, 2);
        draws.gradient(&[2.0, -3.0], 0.4, &mut grad);
        for i in 0..4 {
            let mut moved = outputs;
            moved[i] += 1e-2;
            let up = loss(&moved);
            moved[i] -= 2e-2;
            let slope = (up - loss(&moved)) / 2e-2;
            assert!((slope - f64::from(grad[i])).abs() < 2e-3, "{i}: {slope} {grad:?}");
        }
    }
}
