//! Batches of observations as tensors, one per component.

use std::sync::Arc;

use prospect_sim::{Dtype, Field, Rollout, Slice};
use tch::{Device, Kind, Tensor};

/// `n` observations: for each component a tensor `[n, shape...]` of its stored type (uint8, int32, float32 or bool).
#[derive(Debug)]
pub struct Observations {
    fields: Arc<[Field]>,
    columns: Vec<Tensor>,
    n: usize,
}

impl Observations {
    /// Copies `slices`, one per field, each of `n` observations' values.
    ///
    /// # Panics
    /// If a slice does not hold `n` observations of its field.
    pub fn from_slices(fields: &Arc<[Field]>, slices: &[Slice<'_>], n: usize) -> Self {
        assert_eq!(
            fields.len(),
            slices.len(),
            "one slice per component of the observation"
        );
        let columns = fields
            .iter()
            .zip(slices)
            .map(|(field, slice)| column(field, *slice, n))
            .collect();
        Self {
            fields: Arc::clone(fields),
            columns,
            n,
        }
    }

    /// Copies state row `t` (`0..=T`) of a rollout: what each of its `K` actors sees before step `t`.
    pub fn of_row(fields: &Arc<[Field]>, rollout: &Rollout, t: usize) -> Self {
        let slices: Vec<Slice<'_>> = (0..fields.len()).map(|i| rollout.observation_row(i, t)).collect();
        Self::from_slices(fields, &slices, rollout.actors())
    }

    /// The number of observations.
    pub fn len(&self) -> usize {
        self.n
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// What the components are.
    pub fn fields(&self) -> &Arc<[Field]> {
        &self.fields
    }

    /// Component `i`, `[n, shape...]`.
    pub fn column(&self, i: usize) -> &Tensor {
        &self.columns[i]
    }

    /// The observations at `index` (int64 `[m]`), for a minibatch.
    #[must_use]
    pub fn select(&self, index: &Tensor) -> Self {
        Self {
            fields: Arc::clone(&self.fields),
            columns: self
                .columns
                .iter()
                .map(|column| column.index_select(0, index))
                .collect(),
            n: index.numel(),
        }
    }

    /// Observations `start..start + n`, sharing memory.
    #[must_use]
    pub fn narrow(&self, start: usize, n: usize) -> Self {
        let part = |column: &Tensor| column.narrow(0, start as i64, n as i64);
        Self {
            fields: Arc::clone(&self.fields),
            columns: self.columns.iter().map(part).collect(),
            n,
        }
    }

    /// On another device.
    #[must_use]
    pub fn to_device(&self, device: Device) -> Self {
        Self {
            fields: Arc::clone(&self.fields),
            columns: self
                .columns
                .iter()
                .map(|column| column.to_device(device))
                .collect(),
            n: self.n,
        }
    }

    /// Component `i` as f32, flattened to `[n, width]`.
    pub fn flat(&self, i: usize) -> Tensor {
        self.columns[i]
            .to_kind(Kind::Float)
            .view([self.n as i64, self.fields[i].width() as i64])
    }
}

fn column(field: &Field, slice: Slice<'_>, n: usize) -> Tensor {
    let width = field.width();
    assert_eq!(
        slice.len(),
        n * width,
        "component {} is not {n} observations of {width} values",
        field.name
    );
    let flat = match slice {
        Slice::U8(values) => Tensor::from_slice(values),
        Slice::I32(values) => Tensor::from_slice(values),
        Slice::F32(values) => Tensor::from_slice(values),
        Slice::Bool(values) => Tensor::from_slice(values),
    };
    let shape: Vec<i64> = std::iter::once(n)
        .chain(field.shape.iter().copied())
        .map(|d| d as i64)
        .collect();
    flat.view(shape.as_slice())
}

/// The component of that name, for an encoder or module that wants it.
pub fn field_index(fields: &[Field], name: &str) -> Option<usize> {
    fields.iter().position(|field| field.name == name)
}

/// The component that is an image: uint8 `[height, width, channels]`.
pub fn image_index(fields: &[Field]) -> Option<usize> {
    fields
        .iter()
        .position(|field| field.dtype == Dtype::U8 && field.shape.len() == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_keep_their_types_and_rows() {
        let fields: Arc<[Field]> = Arc::from([
            Field::new("image", Dtype::U8, &[1, 2, 1], 0.0, 255.0),
            Field::new("direction", Dtype::Index, &[], 0.0, 3.0),
            Field::new("observation", Dtype::F32, &[2], -1.0, 1.0),
        ]);
        let slices = [
            Slice::U8(&[1, 2, 3, 4, 5, 6]),
            Slice::I32(&[0, 1, 2]),
            Slice::F32(&[0.5, 1.5, 2.5, 3.5, 4.5, 5.5]),
        ];
        let batch = Observations::from_slices(&fields, &slices, 3);
        assert_eq!(batch.column(0).size(), [3, 1, 2, 1]);
        assert_eq!(batch.column(1).size(), [3]);
        let picked = batch.select(&Tensor::from_slice(&[2i64, 0]));
        assert_eq!(picked.len(), 2);
        assert_eq!(crate::read_floats(&picked.flat(0)), [5.0, 6.0, 1.0, 2.0]);
        assert_eq!(crate::read_floats(&picked.flat(1)), [2.0, 0.0]);
        assert_eq!(crate::read_floats(&batch.narrow(1, 1).flat(2)), [2.5, 3.5]);
    }
}
