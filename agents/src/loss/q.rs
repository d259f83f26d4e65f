//! Losses of action values and of their distributions, with gradients at the network's outputs worked out by hand.
//!
//! Mean squares and Huber's loss of expected returns, the categorical distribution of C51 (Bellemare et al. 2017) and the
//! quantiles of QR-DQN (Dabney et al. 2018), each with the dueling combination (Wang et al. 2016) below it.
//! `tests/q_loss_golden.rs` holds values, gradients and whole optimiser steps to PyTorch's.

use crate::distribution::log_softmax;

/// What the outputs of one action say about its return.
#[derive(Debug, Clone, PartialEq)]
pub enum ReturnModel {
    /// One output: the expected return. The loss is Huber's with threshold 1, or the square.
    Expected {
        /// Huber's instead of the square.
        huber: bool,
    },
    /// Logits of the probabilities of these returns, evenly spaced and rising: C51.
    Categorical {
        /// The returns.
        support: Vec<f32>,
    },
    /// As many quantiles of the return, at the midpoints of equal shares: QR-DQN.
    Quantile {
        /// How many.
        n: usize,
        /// Where Huber's loss turns linear; it is divided by this, so that small values approach the absolute error
        /// (Dabney et al. 2018b, equation 3).
        kappa: f32,
    },
}

impl ReturnModel {
    /// `n_atoms` returns from `v_min` to `v_max`.
    pub fn categorical(n_atoms: usize, v_min: f64, v_max: f64) -> Self {
        let step = (v_max - v_min) / (n_atoms.max(2) - 1) as f64;
        Self::Categorical {
            support: (0..n_atoms).map(|i| (v_min + step * i as f64) as f32).collect(),
        }
    }

    /// Outputs per action.
    pub fn atoms(&self) -> usize {
        match self {
            Self::Expected { .. } => 1,
            Self::Categorical { support } => support.len(),
            Self::Quantile { n, .. } => *n,
        }
    }

    /// The expected return by the atoms of one action.
    fn expected(&self, atoms: &[f32]) -> f32 {
        match self {
            Self::Expected { .. } => atoms[0],
            Self::Categorical { support } => {
                let top = atoms.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let (mut sum, mut total) = (0.0, 0.0);
                for (logit, value) in atoms.iter().zip(support) {
                    let weight = (logit - top).exp();
                    sum += weight * value;
                    total += weight;
                }
                sum / total
            }
            Self::Quantile { n, .. } => atoms.iter().sum::<f32>() / *n as f32,
        }
    }

    /// What the return of the sample is to be, by the atoms of the next action: `r + discount * z`, of which a categorical
    /// model takes the projection onto its support.
    fn target(&self, next: &[f32], (r, discount): (f32, f32), target: &mut [f32]) {
        match self {
            Self::Expected { .. } | Self::Quantile { .. } => {
                let pairs = target.iter_mut().zip(next);
                pairs.for_each(|(target, next)| *target = r + discount * next);
            }
            Self::Categorical { support } => project(support, next, (r, discount), target),
        }
    }

    /// The loss of one action's atoms against [`Self::target`]; writes its gradient.
    fn loss(&self, atoms: &[f32], target: &[f32], grad: &mut [f32]) -> f32 {
        match self {
            Self::Expected { huber } => {
                let error = atoms[0] - target[0];
                grad[0] = if *huber {
                    error.clamp(-1.0, 1.0)
                } else {
                    2.0 * error
                };
                if *huber {
                    huber_loss(error, 1.0)
                } else {
                    error * error
                }
            }
            Self::Categorical { .. } => cross_entropy(atoms, target, grad),
            Self::Quantile { kappa, .. } => quantile_loss(atoms, target, *kappa, grad),
        }
    }

    /// How wrong a sample was, for priorities: the size of the error of an expected return, the loss of a distribution.
    fn surprise(&self, atoms: &[f32], target: &[f32], loss: f32) -> f32 {
        match self {
            Self::Expected { .. } => (atoms[0] - target[0]).abs(),
            Self::Categorical { .. } | Self::Quantile { .. } => loss,
        }
    }
}

fn huber_loss(error: f32, kappa: f32) -> f32 {
    let size = error.abs();
    if size <= kappa {
        0.5 * size * size
    } else {
        kappa * (size - 0.5 * kappa)
    }
}

/// The categorical projection (Bellemare et al. 2017, algorithm 1) of `r + discount * z` with the probabilities of `logits`.
fn project(support: &[f32], logits: &[f32], (r, discount): (f32, f32), target: &mut [f32]) {
    let (low, high) = (support[0], support[support.len() - 1]);
    let step = (high - low) / (support.len() - 1) as f32;
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = logits.iter().map(|logit| (logit - top).exp()).sum();
    target.fill(0.0);
    for (logit, z) in logits.iter().zip(support) {
        let probability = (logit - top).exp() / total;
        let at = (((r + discount * z).clamp(low, high) - low) / step).clamp(0.0, (support.len() - 1) as f32);
        // Rounding down only: a return right on an atom gives all of its share to that one.
        let (below, share) = (at.floor() as usize, at.fract());
        target[below] += probability * (1.0 - share);
        if share > 0.0 {
            target[below + 1] += probability * share;
        }
    }
}

fn cross_entropy(logits: &[f32], target: &[f32], grad: &mut [f32]) -> f32 {
    grad.copy_from_slice(logits);
    log_softmax(grad);
    let mass: f32 = target.iter().sum();
    let mut loss = 0.0;
    for (log_p, m) in grad.iter_mut().zip(target) {
        loss -= m * *log_p;
        *log_p = log_p.exp() * mass - m;
    }
    loss
}

/// Quantiles that are worked on side by side, so that registers are full; each one's sums run over the targets in order.
const SIDE_BY_SIDE: usize = 16;

/// The quantile Huber loss (Dabney et al. 2018, equation 10): summed over the quantiles, the mean over the targets.
fn quantile_loss(quantiles: &[f32], targets: &[f32], kappa: f32, grad: &mut [f32]) -> f32 {
    let share = 1.0 / targets.len() as f32;
    let mut loss = 0.0;
    let parts = quantiles.chunks(SIDE_BY_SIDE).zip(grad.chunks_mut(SIDE_BY_SIDE));
    for (part, (here, grad)) in parts.enumerate() {
        let mut quantile = [0.0; SIDE_BY_SIDE];
        quantile[..here.len()].copy_from_slice(here);
        let first = part * SIDE_BY_SIDE;
        let tau: [f32; SIDE_BY_SIDE] =
            std::array::from_fn(|i| ((first + i) as f32 + 0.5) / quantiles.len() as f32);
        let (mut sum, mut slope) = ([0.0; SIDE_BY_SIDE], [0.0; SIDE_BY_SIDE]);
        for target in targets {
            for i in 0..SIDE_BY_SIDE {
                let error = target - quantile[i];
                let below = if error < 0.0 { 1.0 } else { 0.0 };
                let weight = (tau[i] - below).abs() / kappa;
                sum[i] += weight * huber_loss(error, kappa);
                slope[i] -= weight * error.clamp(-kappa, kappa);
            }
        }
        for ((sum, slope), grad) in sum.iter().zip(slope).zip(grad) {
            loss += sum * share;
            *grad = slope * share;
        }
    }
    loss
}

/// How a network's outputs are the values of actions.
#[derive(Debug, Clone, PartialEq)]
pub struct QHead {
    /// `A`.
    pub actions: usize,
    /// The outputs are a value and `A` advantages, each of as many atoms; else `A` times the atoms.
    pub dueling: bool,
    /// What the atoms of an action mean.
    pub returns: ReturnModel,
}

/// What an action-value loss reads, one entry per sample.
#[derive(Debug, Clone, Copy)]
pub struct QSamples<'a> {
    /// What was done.
    pub action: &'a [i32],
    /// What its atoms are to be ([`QHead::targets`]), `[n, atoms]`.
    pub target: &'a [f32],
    /// Weights of the samples.
    pub weight: &'a [f32],
}

/// Sums over samples; divide by their number.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct QStats {
    /// The weighted loss.
    pub td_loss: f64,
    /// The expected return of what was done.
    pub q_values: f64,
}

impl QHead {
    /// Outputs of its network.
    pub fn outputs(&self) -> usize {
        (self.actions + usize::from(self.dueling)) * self.returns.atoms()
    }

    /// The atoms of all actions, `[n, A, atoms]`, from outputs `[n, outputs]`: with dueling `V + A - mean A`.
    pub fn atoms(&self, outputs: &[f32], atoms: &mut Vec<f32>) {
        atoms.clear();
        if !self.dueling {
            atoms.extend_from_slice(outputs);
            return;
        }
        let width = self.returns.atoms();
        for row in outputs.chunks_exact(self.outputs()) {
            let (value, advantages) = row.split_at(width);
            let at = atoms.len();
            atoms.extend_from_slice(advantages);
            for (j, value) in value.iter().enumerate() {
                let of_atom = || advantages.iter().skip(j).step_by(width);
                let shift = value - of_atom().sum::<f32>() / self.actions as f32;
                atoms[at + j..]
                    .iter_mut()
                    .step_by(width)
                    .for_each(|x| *x += shift);
            }
        }
    }

    /// The gradient at the outputs from that at the atoms, which is 0 for all but the action taken.
    fn output_gradient(&self, actions: &[i32], chosen: &[f32], gradient: &mut Vec<f32>) {
        let (width, outputs) = (self.returns.atoms(), self.outputs());
        gradient.clear();
        gradient.resize(actions.len() * outputs, 0.0);
        let rows = gradient.chunks_exact_mut(outputs);
        for ((row, &action), chosen) in rows.zip(actions).zip(chosen.chunks_exact(width)) {
            let advantages = if self.dueling {
                let (value, advantages) = row.split_at_mut(width);
                value.copy_from_slice(chosen);
                for advantage in advantages.chunks_exact_mut(width) {
                    let pairs = advantage.iter_mut().zip(chosen);
                    pairs.for_each(|(to, g)| *to = -g / self.actions as f32);
                }
                advantages
            } else {
                row
            };
            let taken = &mut advantages[action as usize * width..][..width];
            taken.iter_mut().zip(chosen).for_each(|(to, g)| *to += g);
        }
    }

    /// The expected returns of all actions, `[n, A]`, by their atoms `[n, A, atoms]`.
    pub fn values(&self, atoms: &[f32], values: &mut Vec<f32>) {
        values.clear();
        let each = atoms.chunks_exact(self.returns.atoms());
        values.extend(each.map(|atoms| self.returns.expected(atoms)));
    }

    /// What the atoms of the actions taken are to be, `[n, atoms]`: from returns so far, discounts of what follows (0 after
    /// a termination), and the next states' atoms `[n, A, atoms]` with the action chosen there.
    pub fn targets(
        &self,
        next_atoms: &[f32],
        next_action: &[i32],
        (returns, discounts): (&[f32], &[f32]),
        targets: &mut Vec<f32>,
    ) {
        let width = self.returns.atoms();
        targets.clear();
        targets.resize(returns.len() * width, 0.0);
        for (i, target) in targets.chunks_exact_mut(width).enumerate() {
            let at = (i * self.actions + next_action[i] as usize) * width;
            let (next, from) = (&next_atoms[at..at + width], (returns[i], discounts[i]));
            self.returns.target(next, from, target);
        }
    }

    /// The weighted mean of the samples' losses, from atoms `[n, A, atoms]`: fills its gradient at the network's outputs,
    /// `[n, outputs]`, and how wrong each sample was, `[n]`, for priorities. Returns sums.
    pub fn loss(
        &self,
        atoms: &[f32],
        samples: &QSamples<'_>,
        gradient: &mut Vec<f32>,
        surprise: &mut Vec<f32>,
    ) -> QStats {
        let (n, width) = (samples.action.len(), self.returns.atoms());
        let mut chosen = vec![0.0; n * width];
        let mut stats = QStats::default();
        surprise.clear();
        for (i, grad) in chosen.chunks_exact_mut(width).enumerate() {
            let at = (i * self.actions + samples.action[i] as usize) * width;
            let (taken, target) = (&atoms[at..at + width], &samples.target[i * width..][..width]);
            let loss = self.returns.loss(taken, target, grad);
            surprise.push(self.returns.surprise(taken, target, loss));
            let scale = samples.weight[i] / n as f32;
            for g in grad.iter_mut() {
                *g *= scale;
            }
            stats.td_loss += f64::from(samples.weight[i] * loss);
            stats.q_values += f64::from(self.returns.expected(taken));
        }
        self.output_gradient(samples.action, &chosen, gradient);
        stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(dueling: bool, returns: ReturnModel) -> QHead {
        QHead {
            actions: 3,
            dueling,
            returns,
        }
    }

    fn models() -> [ReturnModel; 4] {
        [
            ReturnModel::Expected { huber: false },
            ReturnModel::Expected { huber: true },
            ReturnModel::categorical(5, -1.0, 1.0),
            ReturnModel::Quantile { n: 4, kappa: 0.5 },
        ]
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        for (dueling, returns) in [false, true]
            .into_iter()
            .flat_map(|dueling| models().map(|model| (dueling, model)))
        {
            let head = head(dueling, returns);
            let n = 2;
            let outputs: Vec<f32> = (0..n * head.outputs()).map(|i| (i as f32 * 1.7).sin()).collect();
            let mut target: Vec<f32> = (0..n * head.returns.atoms())
                .map(|i| (i as f32 * 0.9).cos())
                .collect();
            if let ReturnModel::Categorical { .. } = head.returns {
                target
                    .chunks_exact_mut(5)
                    .for_each(|row| row.copy_from_slice(&[0.1, 0.2, 0.4, 0.0, 0.3]));
            }
            let loss = |outputs: &[f32]| {
                let (mut atoms, mut gradient, mut surprise) = (Vec::new(), Vec::new(), Vec::new());
                head.atoms(outputs, &mut atoms);
                let samples = QSamples {
                    action: &[2, 0],
                    target: &target,
                    weight: &[1.0, 0.5],
                };
                let stats = head.loss(&atoms, &samples, &mut gradient, &mut surprise);
                (stats.td_loss / n as f64, gradient)
            };
            let (_, gradient) = loss(&outputs);
            for i in 0..outputs.len() {
                let mut moved = outputs.clone();
                moved[i] += 1e-2;
                let up = loss(&moved).0;
                moved[i] -= 2e-2;
                let slope = (up - loss(&moved).0) / 2e-2;
                let what = format!("{head:?}, output {i}: {slope}, {}", gradient[i]);
                assert!((slope - f64::from(gradient[i])).abs() < 4e-3, "{what}");
            }
        }
    }

    #[test]
    fn a_dueling_head_adds_centred_advantages_to_the_value() {
        let head = head(true, ReturnModel::Expected { huber: true });
        let mut atoms = Vec::new();
        head.atoms(&[10.0, 1.0, 2.0, 6.0], &mut atoms);
        assert_eq!(atoms, [8.0, 9.0, 13.0]);
    }

    #[test]
    fn projections_by_hand() {
        let support = [-1.0, 0.0, 1.0, 2.0];
        let even = [0.0; 4];
        let mut target = [0.0; 4];
        // Right on the atoms: nothing moves. Terminated: all mass at r, between 0 and 1. Beyond the ends: all at the end.
        project(&support, &even, (0.0, 1.0), &mut target);
        assert_eq!(target, [0.25; 4]);
        project(&support, &even, (0.25, 0.0), &mut target);
        assert_eq!(target, [0.0, 0.75, 0.25, 0.0]);
        project(&support, &even, (50.0, 1.0), &mut target);
        assert_eq!(target, [0.0, 0.0, 0.0, 1.0]);
        project(&support, &even, (-50.0, 1.0), &mut target);
        assert_eq!(target, [1.0, 0.0, 0.0, 0.0]);
        // Shifted by half an atom: each atom's quarter splits, the last one's goes to the end.
        project(&support, &even, (0.5, 1.0), &mut target);
        assert_eq!(target, [0.125, 0.25, 0.25, 0.375]);
    }

    #[test]
    fn the_median_of_targets_has_no_slope() {
        // One quantile is the median: above as many targets as below it, with the ends of Huber's loss on both sides.
        let mut grad = [0.0];
        let loss = quantile_loss(&[0.0], &[-3.0, 3.0], 1.0, &mut grad);
        assert_eq!((loss, grad), (0.5 * 2.5, [0.0]));
    }

    #[test]
    fn expected_returns_of_distributions() {
        let mut values = Vec::new();
        let categorical = QHead {
            actions: 2,
            dueling: false,
            returns: ReturnModel::categorical(3, -2.0, 2.0),
        };
        categorical.values(&[0.0, 0.0, 0.0, -90.0, -90.0, 9.0], &mut values);
        assert_eq!(values, [0.0, 2.0]);
        let quantile = QHead {
            actions: 2,
            dueling: false,
            returns: ReturnModel::Quantile { n: 2, kappa: 1.0 },
        };
        quantile.values(&[1.0, 2.0, 5.0, 7.0], &mut values);
        assert_eq!(values, [1.5, 6.0]);
    }
}
