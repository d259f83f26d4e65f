//! A long short-term memory, one step at a time, so that an episode's end can clear the state between steps.

use prospect_sim::random::Generator;
use tch::Tensor;

use crate::{
    cell::{CellKind, CellParams},
    init::Init,
    params::{ParamBuilder, ParamSet},
    sequence::{self, Sequences},
};

/// An LSTM cell with PyTorch's parameters and equations (`torch.nn.LSTMCell`): gates in the order input, forget, cell,
/// output.
#[derive(Debug, Clone, Copy)]
pub struct Lstm(CellParams);

impl Lstm {
    /// Adds the parameters, named `<name>.weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`.
    ///
    /// Orthogonal weights are made per gate.
    pub fn new(
        params: &mut ParamBuilder,
        name: &str,
        inputs: usize,
        width: usize,
        init: Init,
        rng: &mut Generator,
    ) -> Self {
        Self(CellParams::new(
            CellKind::Lstm,
            params,
            name,
            (inputs, width),
            init,
            rng,
        ))
    }

    /// Steps through whole sequences at once: `features` `[T * E, inputs]`, one step of all sequences after the other, to the
    /// outputs `[T * E, width]`, as steps one by one would give. None if they must be taken one by one: on another device, or
    /// in a width that is no multiple of 16.
    pub fn sequences(
        &self,
        params: &ParamSet,
        features: &Tensor,
        sequences: &Sequences<'_>,
    ) -> Option<Tensor> {
        sequence::forward(&self.0, params, features, sequences)
    }

    /// One step: inputs `[batch, inputs]`, state `[batch, 2 width]` (output, then cell), to the next state.
    ///
    /// `keep` `[batch, 1]` multiplies the state first: 0 where an episode begins with this input, 1 elsewhere.
    pub fn step(&self, params: &ParamSet, x: &Tensor, state: &Tensor, keep: Option<&Tensor>) -> Tensor {
        let state = keep.map_or_else(|| state.shallow_clone(), |keep| state * keep);
        let n = self.0.width as i64;
        let parts = [state.narrow(1, 0, n), state.narrow(1, n, n)];
        let (b_ih, b_hh) = (Some(params.get(self.0.b_ih)), Some(params.get(self.0.b_hh)));
        let parts = [&parts[0], &parts[1]];
        let (output, cell) = x.lstm_cell(
            &parts,
            params.get(self.0.w_ih),
            params.get(self.0.w_hh),
            b_ih,
            b_hh,
        );
        Tensor::cat(&[output, cell], 1)
    }

    /// The output `[batch, width]` of a state `[batch, 2 width]`.
    pub fn output(&self, state: &Tensor) -> Tensor {
        state.narrow(1, 0, self.0.width as i64)
    }

    /// The width of the output; the state is twice as wide.
    pub fn width(&self) -> usize {
        self.0.width
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    #[test]
    fn a_step_by_hand() {
        let mut builder = ParamBuilder::new();
        let init = Init::Constant { value: 0.5 };
        let rng = &mut Generator::named(0, "test");
        let lstm = Lstm::new(&mut builder, "memory", 1, 1, init, rng);
        let params = builder.build(Device::Cpu);
        let x = Tensor::from_slice(&[1.0f32, 1.0]).view([2, 1]);
        let state = Tensor::from_slice(&[2.0f32, -1.0, 2.0, -1.0]).view([2, 2]);
        let keep = Tensor::from_slice(&[1.0f32, 0.0]).view([2, 1]);
        let next = lstm.step(&params, &x, &state, Some(&keep));
        assert_eq!(crate::read_floats(&lstm.output(&next)).len(), 2);
        let next = crate::read_floats(&next);
        for (found, (h, c)) in next.chunks_exact(2).zip([(2.0f64, -1.0f64), (0.0, 0.0)]) {
            // All gates see the same sum, for all weights are the same.
            let gate = sigmoid(0.5 + 0.5 * h);
            let cell = gate * c + gate * (0.5 + 0.5 * h).tanh();
            let expected = [gate * cell.tanh(), cell];
            for (a, b) in found.iter().zip(expected) {
                assert!((f64::from(*a) - b).abs() < 1e-6, "{found:?} {expected:?}");
            }
        }
    }
}
