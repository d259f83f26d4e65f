//! What learners of continuous actions share: observations and actions as matrices, twin critics, the memory they sample.
//!
//! Networks see actions between -1 and 1, as in Stable-Baselines3; [`ActionBox`] turns them into the env's.

mod averages;
mod critics;
mod memory;
mod squashed;

pub(crate) use self::{
    averages::Averages,
    critics::{CriticLoss, TwinCritics},
    memory::{Memory, MemoryConfig, Minibatch},
};
pub use self::{
    critics::{pessimist_gradient, squared_error},
    squashed::SquashedGaussian,
};

use prospect_nets::{Encoder, EncoderConfig, ParamBuilder, PartDescription};
use prospect_sim::{ActionSpace, Dtype, EnvSpec, Field, Rollout, Slice, random::Generator};

use crate::error::AgentError;

/// Refuses a value that is no number, under the name of what it is.
///
/// # Errors
/// [`AgentError::NotFinite`].
pub(crate) fn finite(value: f64, term: &str, step: u64) -> Result<(), AgentError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(AgentError::NotFinite {
        term: term.to_owned(),
        value,
        step,
    })
}

/// The bounds of a continuous action space, between which networks' -1 and 1 are stretched.
#[derive(Debug, Clone)]
pub(crate) struct ActionBox {
    low: Vec<f32>,
    half: Vec<f32>,
}

impl ActionBox {
    /// The bounds of the env's action space.
    ///
    /// # Errors
    /// [`AgentError::ActionSpace`] if it is not continuous or has no bounds.
    pub(crate) fn new(agent: &'static str, spec: &EnvSpec) -> Result<Self, AgentError> {
        let refuse = || AgentError::ActionSpace {
            agent,
            env: spec.id.clone(),
            space: spec.actions.to_string(),
            needs: "a continuous one with finite bounds",
        };
        let ActionSpace::Continuous { low, high } = &spec.actions else {
            return Err(refuse());
        };
        let bounded = |(low, high): (&f32, &f32)| low.is_finite() && high.is_finite() && low < high;
        if low.is_empty() || !low.iter().zip(high).all(bounded) {
            return Err(refuse());
        }
        Ok(Self {
            low: low.clone(),
            half: low.iter().zip(high).map(|(low, high)| 0.5 * (high - low)).collect(),
        })
    }

    /// Numbers of an action.
    pub(crate) fn width(&self) -> usize {
        self.low.len()
    }

    /// Networks' actions `[n, width]` as the env's.
    pub(crate) fn stretch(&self, from: &[f32], to: &mut [f32]) {
        let rows = to.chunks_exact_mut(self.width()).zip(from.chunks_exact(self.width()));
        for (to, from) in rows {
            let bounds = self.low.iter().zip(&self.half);
            for ((to, from), (low, half)) in to.iter_mut().zip(from).zip(bounds) {
                *to = low + half * (from + 1.0);
            }
        }
    }

    /// The reverse of [`Self::stretch`].
    pub(crate) fn shrink(&self, from: &[f32], to: &mut Vec<f32>) {
        to.clear();
        for from in from.chunks_exact(self.width()) {
            let bounds = self.low.iter().zip(&self.half);
            to.extend(from.iter().zip(bounds).map(|(from, (low, half))| (from - low) / half - 1.0));
        }
    }
}

/// All real components of an observation side by side, `[n, width]`: what the networks read.
#[derive(Debug, Clone)]
pub(crate) struct RealColumns {
    /// Component and its width.
    parts: Vec<(usize, usize)>,
    width: usize,
    description: Vec<PartDescription>,
}

impl RealColumns {
    /// The real components of the env's observation.
    ///
    /// # Errors
    /// [`AgentError::Nets`] if there is none.
    pub(crate) fn new(fields: &[Field]) -> Result<Self, AgentError> {
        let real = |(_, field): &(usize, &Field)| field.dtype == Dtype::F32;
        let chosen: Vec<(usize, &Field)> = fields.iter().enumerate().filter(real).collect();
        let flat = EncoderConfig::Flat {
            scale: 1.0,
            components: chosen.iter().map(|(_, field)| field.name.clone()).collect(),
        };
        let unused = &mut Generator::named(0, "agent/columns");
        let encoder = Encoder::new(&mut ParamBuilder::new(), "columns", &flat, fields, unused)?;
        Ok(Self {
            parts: chosen.iter().map(|(i, field)| (*i, field.width())).collect(),
            width: encoder.width(),
            description: encoder.describe(fields),
        })
    }

    /// Numbers of a row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The same for an export.
    pub(crate) fn describe(&self) -> Vec<PartDescription> {
        self.description.clone()
    }

    /// State row `t` of a rollout, `[K, width]`.
    pub(crate) fn read(&self, rollout: &Rollout, t: usize, out: &mut Vec<f32>) {
        out.clear();
        out.resize(rollout.actors() * self.width, 0.0);
        let mut at = 0;
        for &(component, width) in &self.parts {
            let Slice::F32(values) = rollout.observation_row(component, t) else {
                continue;
            };
            let rows = out.chunks_exact_mut(self.width).zip(values.chunks_exact(width));
            rows.for_each(|(to, from)| to[at..at + width].copy_from_slice(from));
            at += width;
        }
    }
}

/// Rows of two matrices side by side: `[n, left_width]` and `[n, right_width]` to `[n, left_width + right_width]`.
pub(crate) fn side_by_side(left: &[f32], right: &[f32], right_width: usize, out: &mut Vec<f32>) {
    out.clear();
    let left_width = left.len() * right_width / right.len().max(1);
    let rows = left.chunks_exact(left_width.max(1)).zip(right.chunks_exact(right_width));
    rows.for_each(|(left, right)| {
        out.extend_from_slice(left);
        out.extend_from_slice(right);
    });
}

/// Fills `out` with `n` standard normal draws.
pub(crate) fn normal_noise(n: usize, rng: &mut Generator, out: &mut Vec<f32>) {
    out.clear();
    out.extend((0..n).map(|_| rng.standard_normal() as f32));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(actions: ActionSpace) -> EnvSpec {
        EnvSpec {
            id: "Box-v0".to_owned(),
            family: "Box".to_owned(),
            doc: String::new(),
            observation: vec![],
            actions,
            action_names: vec![],
            max_steps: None,
            reward_range: (0.0, 1.0),
            agents_per_env: 1,
            facts: vec![],
        }
    }

    #[test]
    fn actions_fill_the_bounds_and_come_back() {
        let space = ActionSpace::Continuous {
            low: vec![-2.0, 0.0],
            high: vec![2.0, 1.0],
        };
        let bounds = ActionBox::new("sac", &spec(space)).unwrap();
        let (ours, mut theirs, mut back) = ([-1.0, -1.0, 1.0, 1.0, 0.5, -0.5], [0.0; 6], vec![]);
        bounds.stretch(&ours, &mut theirs);
        assert_eq!(theirs, [-2.0, 0.0, 2.0, 1.0, 1.0, 0.25]);
        bounds.shrink(&theirs, &mut back);
        assert_eq!(back, ours);
    }

    #[test]
    fn spaces_without_bounds_are_refused() {
        let infinite = ActionSpace::Continuous {
            low: vec![-1.0],
            high: vec![f32::INFINITY],
        };
        for space in [infinite, ActionSpace::Discrete { n: 3 }] {
            let printed = space.to_string();
            let message = ActionBox::new("td3", &spec(space)).unwrap_err().to_string();
            assert!(message.contains(&printed) && message.contains("finite bounds"), "{message}");
        }
    }

    #[test]
    fn rows_are_put_side_by_side() {
        let mut out = vec![];
        side_by_side(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0], 1, &mut out);
        assert_eq!(out, [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]);
    }
}
