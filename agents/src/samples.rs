//! Which observations a network is asked about: rows of a rollout by number, as slices or as tensors.

use prospect_nets::{Observations, TensorBatch};
use prospect_sim::{Rollout, Slice};

/// Observations of a rollout.
#[derive(Clone, Copy)]
pub struct Samples<'a> {
    rollout: &'a Rollout,
    which: Which<'a>,
}

#[derive(Clone, Copy)]
enum Which<'a> {
    /// Those of state row `t`, one per actor.
    Row(usize),
    /// States `start..end` of `[T, K]`, in order.
    States(&'a TensorBatch<'a>, usize, usize),
    /// Chosen states of `[T, K]`.
    Chosen(&'a TensorBatch<'a>, &'a [i64]),
    /// The final observations of truncated episodes, whose sample numbers these are.
    Finals(&'a TensorBatch<'a>, &'a [i64]),
}

impl<'a> Samples<'a> {
    /// What each actor sees before step `t`, `0..=T`.
    pub fn row(rollout: &'a Rollout, t: usize) -> Self {
        Self {
            rollout,
            which: Which::Row(t),
        }
    }

    /// What was seen before steps, samples `start..end` of `[T, K]`.
    pub fn states(batch: &'a TensorBatch<'a>, start: usize, end: usize) -> Self {
        Self {
            rollout: batch.rollout(),
            which: Which::States(batch, start, end),
        }
    }

    /// The same for the samples in `index`: a minibatch.
    pub fn chosen(batch: &'a TensorBatch<'a>, index: &'a [i64]) -> Self {
        Self {
            rollout: batch.rollout(),
            which: Which::Chosen(batch, index),
        }
    }

    /// The final observations of the episodes that were truncated at the samples `index`, which must be all of them.
    pub fn finals(batch: &'a TensorBatch<'a>, index: &'a [i64]) -> Self {
        Self {
            rollout: batch.rollout(),
            which: Which::Finals(batch, index),
        }
    }

    /// The number of observations.
    pub fn len(&self) -> usize {
        match self.which {
            Which::Row(_) => self.rollout.actors(),
            Which::States(_, start, end) => end - start,
            Which::Chosen(_, index) | Which::Finals(_, index) => index.len(),
        }
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Component `i` of all observations that samples are numbered over.
    pub(crate) fn slice(&self, i: usize) -> Slice<'a> {
        match self.which {
            Which::Row(t) => self.rollout.observation_row(i, t),
            Which::States(..) | Which::Chosen(..) => self.rollout.observation(i),
            Which::Finals(..) => self.rollout.final_observation(i),
        }
    }

    /// Their numbers.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = usize> + Clone + 'a {
        let (range, list): (_, &'a [i64]) = match self.which {
            Which::Row(_) => (0..self.rollout.actors(), &[]),
            Which::States(_, start, end) => (start..end, &[]),
            Which::Chosen(_, index) | Which::Finals(_, index) => (0..0, index),
        };
        range.chain(list.iter().map(|&i| i as usize))
    }

    /// The same as tensors.
    pub(crate) fn tensors(&self, device: prospect_nets::Device) -> Observations {
        let placed = |found: Observations| {
            if device == prospect_nets::Device::Cpu {
                found
            } else {
                found.to_device(device)
            }
        };
        match self.which {
            Which::Row(t) => {
                let fields = self.rollout.layout().observation.as_slice().into();
                placed(Observations::of_row(&fields, self.rollout, t))
            }
            Which::States(batch, start, end) => batch.observations().narrow(start, end - start),
            Which::Chosen(batch, index) => {
                let index = prospect_nets::Tensor::from_slice(index).to_device(device);
                batch.observations().select(&index)
            }
            Which::Finals(batch, _) => batch.truncated_finals().1,
        }
    }
}
