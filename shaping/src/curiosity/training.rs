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

#[cfg(test)]
mod tests {
    use prospect_sim::{ActionSpace, RowLayout};

    use super::*;

    fn drawn(update_proportion: f64, rng: &mut Generator) -> Vec<Vec<i64>> {
        let layout = RowLayout {
            n_envs: 2,
            agents_per_env: 1,
            observation: vec![],
            state_facts: vec![],
            event_facts: vec![],
            actions: ActionSpace::Discrete { n: 2 },
        };
        let mut rollout = Rollout::new(&layout, 5);
        // Sample 2 * 1 + 1 took no part: nine are left.
        rollout.step_mut(1).1.alive[1] = false;
        let training = Training {
            lr: 1.0,
            minibatch: 4,
            epochs: 1,
            update_proportion,
        };
        let batches = training.minibatches(&rollout, rng, Device::Cpu);
        batches
            .iter()
            .map(|index| Vec::<i64>::try_from(index).unwrap())
            .collect()
    }

    #[test]
    fn minibatches_hold_every_sample_that_took_part_once() {
        let batches = drawn(1.0, &mut Generator::named(1, "test"));
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 1]);
        let mut all: Vec<i64> = batches.concat();
        assert!(!all.is_sorted());
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_proportion_takes_a_new_choice_each_time() {
        let mut rng = Generator::named(1, "test");
        let choices: Vec<Vec<i64>> = (0..20).map(|_| drawn(0.3, &mut rng).concat()).collect();
        // 0.3 of nine, rounded up.
        assert!(
            choices
                .iter()
                .all(|choice| choice.len() == 3 && !choice.contains(&3))
        );
        let mut seen = choices.concat();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 9);
    }
}
