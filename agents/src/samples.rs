//! Which observations a network is asked about: rows of a rollout by number, or a plain matrix, as slices or as tensors.

use std::sync::Arc;

use prospect_nets::{Device, Observations, Tensor, TensorBatch};
use prospect_sim::{Dtype, Field, Rollout, Slice};

/// Observations of a rollout, or what is made of them.
#[derive(Clone, Copy)]
pub struct Samples<'a> {
    which: Which<'a>,
}

#[derive(Clone, Copy)]
enum Which<'a> {
    /// Those of state row `t`, one per actor.
    Row(&'a Rollout, usize),
    /// States `start..end` of `[T, K]`, in order.
    States(&'a TensorBatch<'a>, usize, usize),
    /// Chosen states of `[T, K]`.
    Chosen(&'a TensorBatch<'a>, &'a [i64]),
    /// The final observations of truncated episodes, whose sample numbers these are.
    Finals(&'a TensorBatch<'a>, &'a [i64]),
    /// Values and how many of them a sample has.
    Matrix(&'a [f32], usize),
}

impl<'a> Samples<'a> {
    /// What each actor sees before step `t`, `0..=T`.
    pub fn row(rollout: &'a Rollout, t: usize) -> Self {
        Self {
            which: Which::Row(rollout, t),
        }
    }

    /// What was seen before steps, samples `start..end` of `[T, K]`.
    pub fn states(batch: &'a TensorBatch<'a>, start: usize, end: usize) -> Self {
        Self {
            which: Which::States(batch, start, end),
        }
    }

    /// The same for the samples in `index`: a minibatch.
    pub fn chosen(batch: &'a TensorBatch<'a>, index: &'a [i64]) -> Self {
        Self {
            which: Which::Chosen(batch, index),
        }
    }

    /// The final observations of the episodes that were truncated at the samples `index`, which must be all of them.
    pub fn finals(batch: &'a TensorBatch<'a>, index: &'a [i64]) -> Self {
        Self {
            which: Which::Finals(batch, index),
        }
    }

    /// `values` `[n, width]` for networks over a single component of that width, such as [`Self::matrix_field`].
    pub fn matrix(values: &'a [f32], width: usize) -> Self {
        Self {
            which: Which::Matrix(values, width),
        }
    }

    /// The component that networks over [`Self::matrix`] read.
    pub fn matrix_field(width: usize) -> Field {
        Field::new("values", Dtype::F32, &[width], f64::NEG_INFINITY, f64::INFINITY)
    }

    /// The number of observations.
    pub fn len(&self) -> usize {
        match self.which {
            Which::Row(rollout, _) => rollout.actors(),
            Which::States(_, start, end) => end - start,
            Which::Chosen(_, index) | Which::Finals(_, index) => index.len(),
            Which::Matrix(values, width) => values.len() / width.max(1),
        }
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Component `i` of all observations that samples are numbered over.
    pub(crate) fn slice(&self, i: usize) -> Slice<'a> {
        match self.which {
            Which::Row(rollout, t) => rollout.observation_row(i, t),
            Which::States(batch, ..) | Which::Chosen(batch, _) => batch.rollout().observation(i),
            Which::Finals(batch, _) => batch.rollout().final_observation(i),
            Which::Matrix(values, _) => Slice::F32(values),
        }
    }

    /// Their numbers.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = usize> + Clone + 'a {
        let (range, list): (_, &'a [i64]) = match self.which {
            Which::Row(..) | Which::Matrix(..) => (0..self.len(), &[]),
            Which::States(_, start, end) => (start..end, &[]),
            Which::Chosen(_, index) | Which::Finals(_, index) => (0..0, index),
        };
        range.chain(list.iter().map(|&i| i as usize))
    }

    /// The same as tensors.
    pub(crate) fn tensors(&self, device: Device) -> Observations {
        let placed = |found: Observations| {
            if device == Device::Cpu {
                found
            } else {
                found.to_device(device)
            }
        };
        match self.which {
            Which::Row(rollout, t) => {
                let fields = rollout.layout().observation.as_slice().into();
                placed(Observations::of_row(&fields, rollout, t))
            }
            Which::States(batch, start, end) => batch.observations().narrow(start, end - start),
            Which::Chosen(batch, index) => {
                let index = Tensor::from_slice(index).to_device(device);
                batch.observations().select(&index)
            }
            Which::Finals(batch, _) => batch.truncated_finals().1,
            Which::Matrix(values, width) => {
                let fields = Arc::from([Self::matrix_field(width)]);
                placed(Observations::from_slices(
                    &fields,
                    &[Slice::F32(values)],
                    self.len(),
                ))
            }
        }
    }
}
