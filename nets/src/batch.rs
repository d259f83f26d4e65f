//! A rollout as tensors: copied once, shared by the agent and the reward modules.

use std::cell::OnceCell;
use std::sync::Arc;

use prospect_sim::{Buffer, Field, Rollout, Slice};
use tch::{Device, Tensor};

use crate::observations::Observations;

/// Tensors of a rollout of `T` steps and `K` actors, flattened to `T * K` samples in time-major order. Each is made when it
/// is first asked for.
#[derive(Debug)]
pub struct TensorBatch<'a> {
    rollout: &'a Rollout,
    fields: Arc<[Field]>,
    device: Device,
    observations: OnceCell<Observations>,
    next_observations: OnceCell<Observations>,
    actions: OnceCell<Tensor>,
}

impl<'a> TensorBatch<'a> {
    /// For a filled rollout; nothing is copied yet.
    pub fn new(rollout: &'a Rollout, device: Device) -> Self {
        Self {
            rollout,
            fields: Arc::from(rollout.layout().observation.as_slice()),
            device,
            observations: OnceCell::new(),
            next_observations: OnceCell::new(),
            actions: OnceCell::new(),
        }
    }

    /// The rollout itself, for rewards, flags and facts.
    pub fn rollout(&self) -> &'a Rollout {
        self.rollout
    }

    /// The observation's components.
    pub fn fields(&self) -> &Arc<[Field]> {
        &self.fields
    }

    /// `T`.
    pub fn n_steps(&self) -> usize {
        self.rollout.n_steps()
    }

    /// `K`.
    pub fn actors(&self) -> usize {
        self.rollout.actors()
    }

    /// `T * K`.
    pub fn len(&self) -> usize {
        self.n_steps() * self.actors()
    }

    /// True if the rollout has no steps.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the tensors live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// What was observed before each step, `T * K` observations.
    pub fn observations(&self) -> &Observations {
        self.observations.get_or_init(|| {
            let part = |i: usize| {
                self.rollout
                    .observation(i)
                    .slice(0..self.len() * self.fields[i].width())
            };
            let slices: Vec<Slice<'_>> = (0..self.fields.len()).map(part).collect();
            self.place(Observations::from_slices(&self.fields, &slices, self.len()))
        })
    }

    /// What each step led to, `T * K` observations: the final observation where an episode ended.
    pub fn next_observations(&self) -> &Observations {
        self.next_observations.get_or_init(|| {
            let columns: Vec<Buffer> = (0..self.fields.len()).map(|i| self.next_column(i)).collect();
            let slices: Vec<Slice<'_>> = columns.iter().map(Buffer::as_slice).collect();
            self.place(Observations::from_slices(&self.fields, &slices, self.len()))
        })
    }

    /// What is observed after the last step, `K` observations: the first of the next episode where one ended.
    pub fn last_observations(&self) -> Observations {
        self.place(Observations::of_row(&self.fields, self.rollout, self.n_steps()))
    }

    /// The samples `t * K + k` at which an episode was truncated and not terminated, in order.
    pub fn truncated(&self) -> Vec<usize> {
        let (terminated, truncated) = (self.rollout.terminated(), self.rollout.truncated());
        (0..self.len())
            .filter(|&at| truncated[at] && !terminated[at])
            .collect()
    }

    /// The final observations of episodes that were truncated and not terminated, with their sample numbers
    /// ([`Self::truncated`]): what a learner bootstraps from.
    pub fn truncated_finals(&self) -> (Vec<usize>, Observations) {
        let samples = self.truncated();
        let columns: Vec<Buffer> = (0..self.fields.len())
            .map(|i| pick(self.rollout.final_observation(i), &self.fields[i], &samples))
            .collect();
        let slices: Vec<Slice<'_>> = columns.iter().map(Buffer::as_slice).collect();
        let observations = self.place(Observations::from_slices(&self.fields, &slices, samples.len()));
        (samples, observations)
    }

    /// The actions: int64 `[T * K]` if discrete, `[T * K, choices]` if there are several at once, float32
    /// `[T * K, width]` if continuous.
    pub fn actions(&self) -> &Tensor {
        self.actions.get_or_init(|| {
            let width = self.rollout.layout().actions.width() as i64;
            let flat = match self.rollout.actions() {
                Slice::I32(values) => {
                    Tensor::from_slice(&values.iter().map(|&a| i64::from(a)).collect::<Vec<_>>())
                }
                Slice::F32(values) => Tensor::from_slice(values),
                Slice::U8(values) => Tensor::from_slice(values),
                Slice::Bool(values) => Tensor::from_slice(values),
            };
            let several = width > 1 || self.rollout.layout().actions.is_continuous();
            let shaped = if several { flat.view([-1, width]) } else { flat };
            shaped.to_device(self.device)
        })
    }

    fn place(&self, observations: Observations) -> Observations {
        if self.device == Device::Cpu {
            observations
        } else {
            observations.to_device(self.device)
        }
    }

    fn next_column(&self, i: usize) -> Buffer {
        let width = self.fields[i].width();
        let all = self.rollout.observation(i);
        let mut column = owned(all.slice(self.actors() * width..all.len()));
        let finals = self.rollout.final_observation(i);
        for at in 0..self.len() {
            if self.rollout.terminated()[at] || self.rollout.truncated()[at] {
                column.write(at * width, finals.slice(at * width..(at + 1) * width));
            }
        }
        column
    }
}

fn owned(slice: Slice<'_>) -> Buffer {
    match slice {
        Slice::U8(v) => Buffer::U8(v.to_vec()),
        Slice::I32(v) => Buffer::I32(v.to_vec()),
        Slice::F32(v) => Buffer::F32(v.to_vec()),
        Slice::Bool(v) => Buffer::Bool(v.to_vec()),
    }
}

fn pick(all: Slice<'_>, field: &Field, samples: &[usize]) -> Buffer {
    let width = field.width();
    let mut picked = Buffer::zeros(field.dtype, samples.len() * width);
    picked.gather(0, all, width, samples);
    picked
}

#[cfg(test)]
mod tests {
    use prospect_sim::{ActionSpace, Dtype, FieldMut, RowLayout, SliceMut};

    use super::*;

    /// Two steps of two actors; observation of row t and actor k is `10 t + k`, of a final one 100 more. Actor 0 is
    /// truncated at step 0, actor 1 terminated (and truncated) at step 1.
    fn rollout() -> Rollout {
        let layout = RowLayout {
            n_envs: 2,
            agents_per_env: 1,
            observation: vec![
                Field::new("observation", Dtype::F32, &[1], 0.0, 200.0),
                Field::new("image", Dtype::U8, &[2], 0.0, 255.0),
            ],
            state_facts: vec![],
            event_facts: vec![],
            actions: ActionSpace::Discrete { n: 5 },
        };
        let mut rollout = Rollout::new(&layout, 2);
        let fill = |fields: &mut [FieldMut<'_>], base: f64| {
            for field in fields {
                let width = field.width;
                for at in 0..2 * width {
                    write(&mut field.data, at, base + (at / width) as f64);
                }
            }
        };
        fill(&mut rollout.first_row_mut().observation, 0.0);
        for t in 0..2 {
            rollout
                .discrete_actions_mut(t)
                .copy_from_slice(&[t as i32, 3 + t as i32]);
            let (_, row) = rollout.step_mut(t);
            let (mut next, mut last) = (row.next.observation, row.last.observation);
            fill(&mut next, 10.0 * (t + 1) as f64);
            fill(&mut last, 10.0 * (t + 1) as f64 + 100.0);
            row.truncated[t] = true;
            row.terminated[1] = t == 1;
        }
        rollout
    }

    fn write(data: &mut SliceMut<'_>, at: usize, value: f64) {
        data.set_f64(at, value);
    }

    #[test]
    fn next_observations_are_final_where_episodes_end() {
        let rollout = rollout();
        let batch = TensorBatch::new(&rollout, Device::Cpu);
        assert_eq!((batch.n_steps(), batch.actors(), batch.len()), (2, 2, 4));
        assert_eq!(
            crate::read_floats(&batch.observations().flat(0)),
            [0.0, 1.0, 10.0, 11.0]
        );
        assert_eq!(
            crate::read_floats(&batch.next_observations().flat(0)),
            [110.0, 11.0, 20.0, 121.0]
        );
        let image = crate::read_floats(&batch.next_observations().flat(1));
        assert_eq!(image, [110.0, 110.0, 11.0, 11.0, 20.0, 20.0, 121.0, 121.0]);
        assert_eq!(
            crate::read_floats(&batch.last_observations().flat(0)),
            [20.0, 21.0]
        );
    }

    #[test]
    fn only_truncations_are_bootstrapped() {
        let rollout = rollout();
        let (samples, finals) = TensorBatch::new(&rollout, Device::Cpu).truncated_finals();
        assert_eq!(samples, [0]);
        assert_eq!(crate::read_floats(&finals.flat(0)), [110.0]);
    }

    #[test]
    fn discrete_actions_are_one_int64_per_sample() {
        let rollout = rollout();
        let batch = TensorBatch::new(&rollout, Device::Cpu);
        assert_eq!(batch.actions().kind(), tch::Kind::Int64);
        assert_eq!(crate::read_floats(batch.actions()), [0.0, 3.0, 1.0, 4.0]);
    }
}
