//! A gated recurrent unit, one step at a time, so that an episode's end can clear the state between steps.

use prospect_sim::random::Generator;
use tch::Tensor;

use crate::{
    cell::{CellKind, CellParams},
    init::Init,
    params::{ParamBuilder, ParamSet},
    sequence::{self, Sequences},
};

/// A GRU cell with PyTorch's parameters and equations (`torch.nn.GRUCell`): gates in the order reset, update, new.
#[derive(Debug, Clone, Copy)]
pub struct Gru(CellParams);

impl Gru {
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
            CellKind::Gru,
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

    /// One step: inputs `[batch, inputs]`, state `[batch, width]`, to the next state `[batch, width]`.
    ///
    /// `keep` `[batch, 1]` multiplies the state first: 0 where an episode begins with this input, 1 elsewhere.
    pub fn step(&self, params: &ParamSet, x: &Tensor, state: &Tensor, keep: Option<&Tensor>) -> Tensor {
        let state = keep.map_or_else(|| state.shallow_clone(), |keep| state * keep);
        let (b_ih, b_hh) = (Some(params.get(self.0.b_ih)), Some(params.get(self.0.b_hh)));
        x.gru_cell(
            &state,
            params.get(self.0.w_ih),
            params.get(self.0.w_hh),
            b_ih,
            b_hh,
        )
    }

    /// The width of the state.
    pub fn width(&self) -> usize {
        self.0.width
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    #[test]
    fn a_step_by_hand() {
        let mut builder = ParamBuilder::new();
        let init = Init::Constant { value: 0.5 };
        let gru = Gru::new(
            &mut builder,
            "memory",
            1,
            1,
            init,
            &mut Generator::named(0, "test"),
        );
        let params = builder.build(Device::Cpu);
        let x = Tensor::from_slice(&[1.0f32, 1.0]).view([2, 1]);
        let state = Tensor::from_slice(&[2.0f32, 2.0]).view([2, 1]);
        let keep = Tensor::from_slice(&[1.0f32, 0.0]).view([2, 1]);
        let next = crate::read_floats(&gru.step(&params, &x, &state, Some(&keep)));
        for (found, h) in next.iter().zip([2.0f64, 0.0]) {
            let gate = sigmoid(0.5 + 0.5 * h);
            let new = (0.5 + gate * 0.5 * h).tanh();
            let expected = (1.0 - gate) * new + gate * h;
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn a_cleared_state_passes_no_gradient() {
        let mut builder = ParamBuilder::new();
        let gru = Gru::new(
            &mut builder,
            "memory",
            1,
            2,
            Init::KaimingUniform,
            &mut Generator::named(0, "test"),
        );
        let params = builder.build(Device::Cpu);
        let x = Tensor::ones([1, 1], (Kind::Float, Device::Cpu));
        let state = Tensor::ones([1, 2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let grad_with = |keep: f64| {
            let keep = Tensor::full([1, 1], keep, (Kind::Float, Device::Cpu));
            let loss = gru.step(&params, &x, &state, Some(&keep)).sum(Kind::Float);
            crate::read_floats(&Tensor::run_backward(&[loss], &[&state], false, false)[0])
        };
        assert_eq!(grad_with(0.0), [0.0, 0.0]);
        assert!(grad_with(1.0).iter().all(|g| *g != 0.0));
    }
}
