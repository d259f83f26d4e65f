//! How a module's networks are trained on a rollout: which samples, in which order, with which step.

use prospect_nets::{Device, Tensor};
use prospect_sim::{Rollout, random::Generator};

use crate::{error::ShapingError, registry::ModuleInit};

/// The settings of a training pass, as modules name them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Training {
    pub(crate) lr: f64,
    pub(crate) minibatch: usize,
    pub(crate) epochs: usize,
    pub(crate) update_proportion: f64,
}

impl Training {
    pub(crate) fn check(self, init: &ModuleInit<'_>) -> Result<Self, ShapingError> {
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return Err(init.config_error("lr", format!("is {}; it must be above 0", self.lr)));
        }
        if self.minibatch == 0 {
            return Err(init.config_error("minibatch", "is 0; it must be at least 1"));
        }
        if !(self.update_proportion > 0.0 && self.update_proportion <= 1.0) {
            let reason = format!("is {}; it must be above 0 and at most 1", self.update_proportion);
            return Err(init.config_error("update_proportion", reason));
        }
        Ok(self)
    }

    /// The minibatches of one epoch as sample numbers `t * K + k`: a random choice of the samples in which the actor took
    /// part, of the size that `update_proportion` says, in random order.
    pub(crate) fn minibatches(self, rollout: &Rollout, rng: &mut Generator, device: Device) -> Vec<Tensor> {
        let alive = rollout.alive();
        let samples: Vec<i64> = (0..alive.len())
            .filter(|&at| alive[at])
            .map(|at| at as i64)
            .collect();
        let chosen = (self.update_proportion * samples.len() as f64).ceil() as usize;
        let order = rng.permutation(samples.len());
        let order: Vec<i64> = order[..chosen.min(order.len())]
            .iter()
            .map(|&i| samples[i])
            .collect();
        order
            .chunks(self.minibatch)
            .map(|part| Tensor::from_slice(part).to_device(device))
            .collect()
    }
}

/// Widths that no network can be made of are refused.
pub(crate) fn check_widths(init: &ModuleInit<'_>, widths: &[(&str, usize)]) -> Result<(), ShapingError> {
    match widths.iter().find(|(_, width)| *width == 0) {
        Some((key, _)) => Err(init.config_error(key, "is 0; it must be at least 1")),
        None => Ok(()),
    }
}

/// A loss as a number, or the error that names it.
pub(crate) fn finite(
    loss: &Tensor,
    module: &str,
    what: &'static str,
    update: u64,
) -> Result<f64, ShapingError> {
    let value = loss.double_value(&[]);
    if value.is_finite() {
        return Ok(value);
    }
    Err(ShapingError::Diverged {
        module: module.to_owned(),
        what,
        value,
        update,
    })
}
