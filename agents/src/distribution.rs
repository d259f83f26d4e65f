//! What a policy's outputs mean: one choice, several choices at once, or a diagonal Gaussian, squashed or not.
//!
//! Densities, entropies and their slopes are worked out by hand, one row of outputs at a time, so that a network never
//! needs a graph above its outputs. `tests/loss_golden.rs` holds them to PyTorch's.

use std::f32::consts::PI;

use prospect_nets::heads::{greedy, sample_categorical};
use prospect_sim::{ActionSpace, Actions, Rollout, random::Generator};

use crate::{error::AgentError, export::HeadDescription, learner::Play, tanh::log_slope};

/// The kind of a policy's distribution over the actions of a space.
#[derive(Debug, Clone, PartialEq)]
pub enum Distribution {
    /// Independent choices, the i-th among `nvec[i]` options; outputs are their logits side by side.
    Choices {
        /// The number of options of each choice.
        nvec: Vec<usize>,
    },
    /// Independent Gaussians; outputs are their means, and log standard deviations are parameters beside them.
    Reals {
        /// Lower bounds of the action space.
        low: Vec<f32>,
        /// Upper bounds of the action space.
        high: Vec<f32>,
        /// Whether `tanh` brings a draw between the bounds, with the density's correction; else it is clipped to them, and
        /// the density is that of what was drawn.
        squash: bool,
    },
}

/// Actions as they were drawn, of which the learner keeps those of a rollout: reals before squashing or clipping.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drawn {
    /// Choices, `[n, width]`; empty for reals.
    pub choices: Vec<i32>,
    /// Reals, `[n, width]`; empty for choices.
    pub reals: Vec<f32>,
    /// Log-probability of each action, `[n]`.
    pub logprob: Vec<f32>,
}

impl Drawn {
    /// The actions, `[n, width]`.
    pub fn actions(&self) -> Actions<'_> {
        if self.reals.is_empty() {
            Actions::Discrete(&self.choices)
        } else {
            Actions::Continuous(&self.reals)
        }
    }

    /// Makes `self` the samples `index` of `all`, whose actions are `width` values wide.
    pub fn take(&mut self, all: &Self, index: &[i64], width: usize) {
        self.choices.clear();
        self.reals.clear();
        self.logprob.clear();
        for &sample in index {
            let at = sample as usize * width;
            if all.reals.is_empty() {
                self.choices.extend_from_slice(&all.choices[at..at + width]);
            } else {
                self.reals.extend_from_slice(&all.reals[at..at + width]);
            }
            if let Some(&logprob) = all.logprob.get(sample as usize) {
                self.logprob.push(logprob);
            }
        }
    }

    /// Overwrites row `t` of `self`, a rollout of `steps` rows, with `row`.
    pub fn put(&mut self, t: usize, steps: usize, row: &Self) {
        fn put<T: Copy + Default>(all: &mut Vec<T>, t: usize, steps: usize, row: &[T]) {
            all.resize(steps * row.len(), T::default());
            all[t * row.len()..(t + 1) * row.len()].copy_from_slice(row);
        }
        put(&mut self.choices, t, steps, &row.choices);
        put(&mut self.reals, t, steps, &row.reals);
        put(&mut self.logprob, t, steps, &row.logprob);
    }
}

impl Distribution {
    /// The distribution over the actions of `space`. `squash` matters to reals only.
    ///
    /// # Errors
    /// [`AgentError::Config`] if actions are to be squashed between bounds that are not there.
    pub fn new(space: &ActionSpace, squash: bool) -> Result<Self, AgentError> {
        Ok(match space {
            ActionSpace::Discrete { n } => Self::Choices { nvec: vec![*n] },
            ActionSpace::MultiDiscrete { nvec } => Self::Choices { nvec: nvec.clone() },
            ActionSpace::Continuous { low, high } => {
                if squash && low.iter().chain(high).any(|bound| !bound.is_finite()) {
                    return Err(AgentError::Config {
                        key: "agent.squash",
                        value: "true".to_owned(),
                        remedy: format!("{space} has no bounds to squash actions into; use false"),
                    });
                }
                Self::Reals {
                    low: low.clone(),
                    high: high.clone(),
                    squash,
                }
            }
        })
    }

    /// What outputs mean, for an export.
    pub fn describe(&self, masked: bool) -> HeadDescription {
        match self {
            Self::Choices { nvec } => HeadDescription::Categorical {
                nvec: nvec.clone(),
                masked,
            },
            Self::Reals { squash, .. } => HeadDescription::Gaussian {
                log_std: Some("policy.log_std".to_owned()),
                squash: *squash,
            },
        }
    }

    /// A network's outputs per sample.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Choices { nvec } => nvec.iter().sum(),
            Self::Reals { low, .. } => low.len(),
        }
    }

    /// Values of one action.
    pub fn width(&self) -> usize {
        match self {
            Self::Choices { nvec } => nvec.len(),
            Self::Reals { low, .. } => low.len(),
        }
    }

    /// Log standard deviations beside the outputs.
    pub fn deviations(&self) -> usize {
        match self {
            Self::Choices { .. } => 0,
            Self::Reals { low, .. } => low.len(),
        }
    }

    /// Draws an action per row of `outputs` `[n, outputs]`, in order, or takes the mode: the likeliest option of each
    /// choice, the mean of a Gaussian (squashed or not, that of the draw).
    pub fn draw(&self, outputs: &[f32], log_std: &[f32], play: Play, rng: &mut Generator, drawn: &mut Drawn) {
        let n = outputs.len() / self.outputs().max(1);
        drawn.choices.clear();
        drawn.reals.clear();
        drawn.logprob.clear();
        drawn.logprob.resize(n, 0.0);
        match self {
            Self::Choices { nvec } => {
                drawn.choices.resize(n * nvec.len(), 0);
                draw_choices(nvec, outputs, play, rng, drawn);
            }
            Self::Reals { .. } => {
                let mut density = self.reals(log_std, &[]);
                for (row, logprob) in outputs.chunks_exact(self.outputs()).zip(&mut drawn.logprob) {
                    let at = drawn.reals.len();
                    for (mean, log_std) in row.iter().zip(log_std) {
                        let noise = match play {
                            Play::Sampled => rng.standard_normal() as f32,
                            Play::Greedy => 0.0,
                        };
                        drawn.reals.push(mean + log_std.exp() * noise);
                    }
                    *logprob = density.terms(row, &drawn.reals[at..]).0;
                }
            }
        }
    }

    /// Writes what was drawn into step `t` of a rollout: reals squashed, or clipped to the action space.
    pub fn write(&self, drawn: &Drawn, rollout: &mut Rollout, t: usize) {
        match self {
            Self::Choices { .. } => rollout.discrete_actions_mut(t).copy_from_slice(&drawn.choices),
            Self::Reals { low, high, squash } => {
                let to = rollout.continuous_actions_mut(t);
                let bounds = low.iter().zip(high).cycle();
                for ((to, &u), (&low, &high)) in to.iter_mut().zip(&drawn.reals).zip(bounds) {
                    *to = if *squash {
                        // The product may round to a value just outside.
                        (low + 0.5 * (u.tanh() + 1.0) * (high - low)).clamp(low, high)
                    } else {
                        u.clamp(low, high)
                    };
                }
            }
        }
    }

    /// The draw that leads to an action of the space: the reverse of [`Self::write`] for one row of reals. Bounds
    /// themselves, which no squashed draw reaches, count as `1e-6` of the way inside.
    pub fn unsquash(&self, action: &mut [f32]) {
        let Self::Reals {
            low,
            high,
            squash: true,
        } = self
        else {
            return;
        };
        for (a, (low, high)) in action.iter_mut().zip(low.iter().zip(high)) {
            let unit = (2.0 * (*a - low) / (high - low) - 1.0).clamp(-1.0 + 1e-6, 1.0 - 1e-6);
            *a = unit.atanh();
        }
    }

    /// The densities of `actions` `[n, width]` under outputs with these log standard deviations.
    pub(crate) fn density<'a>(&'a self, log_std: &'a [f32], actions: Actions<'a>) -> Density<'a> {
        match (self, actions) {
            (Self::Choices { nvec }, Actions::Discrete(actions)) => Density::Choices(ChoicesDensity {
                nvec,
                actions,
                entropies: vec![0.0; nvec.len()],
            }),
            (_, Actions::Continuous(actions)) => Density::Reals(self.reals(log_std, actions)),
            (Self::Reals { .. }, Actions::Discrete(_)) => Density::Reals(self.reals(log_std, &[])),
        }
    }

    fn reals<'a>(&'a self, log_std: &'a [f32], actions: &'a [f32]) -> RealsDensity<'a> {
        let (low, high, squash): (&[f32], &[f32], bool) = match self {
            Self::Reals { low, high, squash } => (low, high, *squash),
            Self::Choices { .. } => (&[], &[], false),
        };
        RealsDensity {
            log_std,
            std: log_std.iter().map(|x| x.exp()).collect(),
            actions,
            log_half_range: low
                .iter()
                .zip(high)
                .map(|(low, high)| (0.5 * (high - low)).ln())
                .collect(),
            squash,
            slope: vec![0.0; log_std.len()],
        }
    }
}

fn draw_choices(nvec: &[usize], outputs: &[f32], play: Play, rng: &mut Generator, drawn: &mut Drawn) {
    let rows = outputs.chunks_exact(nvec.iter().sum());
    let actions = drawn.choices.chunks_exact_mut(nvec.len());
    for ((mut row, actions), logprob) in rows.zip(actions).zip(&mut drawn.logprob) {
        for (action, &n) in actions.chunks_exact_mut(1).zip(nvec) {
            let (logits, rest) = row.split_at(n);
            let mut one = [0.0];
            match play {
                Play::Sampled => sample_categorical(logits, n, rng, action, &mut one),
                Play::Greedy => greedy(logits, n, action),
            }
            *logprob += one[0];
            row = rest;
        }
    }
}

/// How strongly a loss changes with what a row's density says: `scale * (logprob * d log p - entropy * d H)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slopes {
    /// Over all, one over the number of samples.
    pub(crate) scale: f32,
    /// Slope with the log-probability.
    pub(crate) logprob: f32,
    /// Weight of the entropy bonus.
    pub(crate) entropy: f32,
}

/// Densities of the actions of several samples.
pub(crate) enum Density<'a> {
    Choices(ChoicesDensity<'a>),
    Reals(RealsDensity<'a>),
}

/// What a loss asks of a density, row by row.
pub(crate) trait RowDensity {
    /// Log-probability of the action of sample `i` and the entropy, nats; `row` holds the outputs and may be overwritten.
    fn evaluate(&mut self, i: usize, row: &mut [f32]) -> (f32, f32);

    /// Turns `row`, as [`Self::evaluate`] left it, into the gradient at the outputs.
    fn gradient(&mut self, i: usize, row: &mut [f32], slopes: Slopes);
}

/// Several categorical distributions.
pub(crate) struct ChoicesDensity<'a> {
    nvec: &'a [usize],
    /// `[n, choices]`.
    actions: &'a [i32],
    /// Of the row that was evaluated last.
    entropies: Vec<f32>,
}

/// Turns `logits` into log-probabilities in place; returns the entropy.
#[inline]
pub fn log_softmax(logits: &mut [f32]) -> f32 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = logits.iter().map(|x| (x - top).exp()).sum();
    let shift = top + total.ln();
    let mut entropy = 0.0;
    for x in logits {
        *x -= shift;
        entropy -= x.exp() * *x;
    }
    entropy
}

impl RowDensity for ChoicesDensity<'_> {
    #[inline]
    fn evaluate(&mut self, i: usize, mut row: &mut [f32]) -> (f32, f32) {
        let actions = &self.actions[i * self.nvec.len()..];
        let (mut logprob, mut entropy) = (0.0, 0.0);
        for ((&n, &action), own) in self.nvec.iter().zip(actions).zip(&mut self.entropies) {
            let (logits, rest) = row.split_at_mut(n);
            *own = log_softmax(logits);
            entropy += *own;
            logprob += logits[action as usize];
            row = rest;
        }
        (logprob, entropy)
    }

    #[inline]
    fn gradient(&mut self, i: usize, mut row: &mut [f32], slopes: Slopes) {
        let actions = &self.actions[i * self.nvec.len()..];
        for ((&n, &action), entropy) in self.nvec.iter().zip(actions).zip(&self.entropies) {
            let (logits, rest) = row.split_at_mut(n);
            for (j, x) in logits.iter_mut().enumerate() {
                let (logp, p) = (*x, x.exp());
                let chosen = f32::from(u8::from(j == action as usize));
                *x = slopes.scale * (slopes.logprob * (chosen - p) + slopes.entropy * p * (logp + entropy));
            }
            row = rest;
        }
    }
}

/// Independent Gaussians.
pub(crate) struct RealsDensity<'a> {
    log_std: &'a [f32],
    std: Vec<f32>,
    /// `[n, width]`.
    actions: &'a [f32],
    log_half_range: Vec<f32>,
    squash: bool,
    /// The gradient at the log standard deviations, summed over rows.
    slope: Vec<f64>,
}

impl RealsDensity<'_> {
    /// Log-probability of the draw `u` and the entropy.
    ///
    /// Squashed, the density of `tanh(u)` scaled to the bounds is that of `u` over the slope of the map, whose log is that
    /// of `tanh` plus that of half the range. There is no closed form of the entropy; it is the Gaussian's plus the log
    /// slope at `u`, which is right on average because `u` was drawn.
    fn terms(&mut self, means: &[f32], u: &[f32]) -> (f32, f32) {
        let half_log_2pi = 0.5 * (2.0 * PI).ln();
        let (mut logprob, mut entropy) = (0.0, 0.0);
        for (j, (mean, u)) in means.iter().zip(u).enumerate() {
            let z = (u - mean) / self.std[j];
            logprob -= 0.5 * z * z + self.log_std[j] + half_log_2pi;
            entropy += 0.5 + half_log_2pi + self.log_std[j];
            if self.squash {
                let log_slope = log_slope(*u) + self.log_half_range[j];
                logprob -= log_slope;
                entropy += log_slope;
            }
        }
        (logprob, entropy)
    }

    /// The gradient at the log standard deviations.
    pub(crate) fn log_std_gradient(&self) -> Vec<f32> {
        self.slope.iter().map(|&x| x as f32).collect()
    }
}

impl RowDensity for RealsDensity<'_> {
    fn evaluate(&mut self, i: usize, row: &mut [f32]) -> (f32, f32) {
        let actions = self.actions;
        self.terms(row, &actions[i * row.len()..(i + 1) * row.len()])
    }

    fn gradient(&mut self, i: usize, row: &mut [f32], slopes: Slopes) {
        let drawn = &self.actions[i * row.len()..];
        for (j, (mean, u)) in row.iter_mut().zip(drawn).enumerate() {
            let z = (u - *mean) / self.std[j];
            // The draw moves with mean and deviation, `u = mean + std z`, and the log slope of tanh with it.
            let moved = if self.squash { -2.0 * u.tanh() } else { 0.0 };
            let by_log_std = slopes.logprob * (z * z - 1.0) - slopes.entropy * (1.0 + moved * (u - *mean));
            self.slope[j] += f64::from(slopes.scale * by_log_std);
            *mean = slopes.scale * (slopes.logprob * z / self.std[j] - slopes.entropy * moved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pendulum(squash: bool) -> Distribution {
        let space = ActionSpace::Continuous {
            low: vec![-2.0],
            high: vec![4.0],
        };
        Distribution::new(&space, squash).unwrap()
    }

    fn logprob(distribution: &Distribution, mean: f32, log_std: f32, u: f32) -> f32 {
        distribution.reals(&[log_std], &[]).terms(&[mean], &[u]).0
    }

    #[test]
    fn squashed_densities_integrate_to_one() {
        // Over the action itself, not the draw: a wrong correction would not add up.
        let distribution = pendulum(true);
        let n = 200_000;
        let mut total = 0.0;
        for i in 0..n {
            let action = -2.0 + 6.0 * (f64::from(i) + 0.5) / f64::from(n);
            let u = (2.0 * (action + 2.0) / 6.0 - 1.0).atanh() as f32;
            total += f64::from(logprob(&distribution, 0.3, -0.5, u).exp()) * 6.0 / f64::from(n);
        }
        assert!((total - 1.0).abs() < 1e-3, "{total}");
        // Where tanh rounds to 1 the density is still a number.
        assert!(logprob(&distribution, 0.0, 0.0, 30.0).is_finite());
    }

    #[test]
    fn draws_follow_the_distribution_and_stay_inside() {
        let n = 40_000;
        for squash in [false, true] {
            let distribution = pendulum(squash);
            let mut drawn = Drawn::default();
            let rng = &mut Generator::named(1, "act");
            distribution.draw(&vec![0.5; n], &[0.7], Play::Sampled, rng, &mut drawn);
            let mean = drawn.reals.iter().sum::<f32>() / n as f32;
            let variance = drawn.reals.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / n as f32;
            // Five standard errors: 2.01 / 200 of the mean, sqrt(2) of a variance of 4.06 / 200.
            assert!((mean - 0.5).abs() < 0.05 && (variance - 1.4f32.exp()).abs() < 0.15);
            let unclipped = drawn.reals.iter().filter(|x| !(-2.0..=4.0).contains(*x)).count();
            assert!(unclipped > 1000, "draws are kept as they are");
            distribution.draw(&[0.5], &[0.7], Play::Greedy, rng, &mut drawn);
            assert_eq!(drawn.reals, [0.5]);
        }
    }

    #[test]
    fn several_choices_are_drawn_each_from_its_own_logits() {
        let distribution =
            Distribution::new(&ActionSpace::MultiDiscrete { nvec: vec![2, 3] }, false).unwrap();
        let mut drawn = Drawn::default();
        let rng = &mut Generator::named(1, "act");
        let row = [0.0, -1e8, -1e8, -1e8, 0.0];
        distribution.draw(&[row, row].concat(), &[], Play::Sampled, rng, &mut drawn);
        assert_eq!(
            (drawn.choices.as_slice(), drawn.logprob.as_slice()),
            (&[0, 2, 0, 2][..], &[0.0; 2][..])
        );
        let mut density = distribution.density(&[], drawn.actions());
        let Density::Choices(density) = &mut density else {
            panic!("choices");
        };
        let mut row = [0.0; 5];
        let (logprob, entropy) = density.evaluate(0, &mut row);
        assert!((logprob + 6.0f32.ln()).abs() < 1e-6 && (entropy - 6.0f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn bounds_are_needed_to_squash() {
        let space = ActionSpace::Continuous {
            low: vec![f32::NEG_INFINITY],
            high: vec![1.0],
        };
        let error = Distribution::new(&space, true).unwrap_err().to_string();
        assert!(
            error.contains("agent.squash") && error.contains("use false"),
            "{error}"
        );
        assert!(Distribution::new(&space, false).is_ok());
    }

    #[test]
    fn unsquashing_is_the_reverse() {
        let distribution = pendulum(true);
        let mut action = [-2.0 + 0.5 * (0.8f32.tanh() + 1.0) * 6.0];
        distribution.unsquash(&mut action);
        assert!((action[0] - 0.8).abs() < 1e-5);
        let mut bound = [4.0];
        distribution.unsquash(&mut bound);
        assert!(bound[0].is_finite());
    }
}
