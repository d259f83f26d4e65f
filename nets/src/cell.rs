//! Recurrent cells, GRU and LSTM: one step at a time, so that an episode's end can clear the state between steps, or whole
//! sequences at once.

mod flat;

use prospect_sim::random::Generator;
use tch::Tensor;

pub(crate) use self::flat::Kept;
use crate::{
    init::Init,
    params::{ParamBuilder, ParamId, ParamSet},
    sequence::{self, Sequences},
};

/// Which equations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// `torch.nn.GRUCell`: gates in the order reset, update, new; the state is the output.
    Gru,
    /// `torch.nn.LSTMCell`: gates in the order input, forget, cell, output; the state is the output, then the cell.
    Lstm,
}

impl CellKind {
    pub(crate) fn gates(self) -> usize {
        match self {
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Values of a state.
    pub(crate) fn state_width(self, width: usize) -> usize {
        match self {
            Self::Gru => width,
            Self::Lstm => 2 * width,
        }
    }
}

/// What a cell is made of.
#[derive(Debug, Clone, Copy)]
pub struct CellConfig {
    /// Which equations.
    pub kind: CellKind,
    /// Width of an input.
    pub inputs: usize,
    /// Width of an output.
    pub width: usize,
    /// Steps that it can remember from the beginning, by chrono initialisation (Tallec and Ollivier 2018, section 2): the gate that
    /// keeps the state has biases of `ln(U(1, horizon - 1))`, and an LSTM's input gate their negatives. Below 3 biases are those
    /// of `init`; with biases of 0 half of the state is forgotten in every step.
    pub horizon: usize,
    /// First weights.
    pub init: Init,
}

impl CellConfig {
    /// First biases of the inputs' side, `[gates * width]`.
    fn bias(&self, rng: &mut Generator) -> Vec<f32> {
        let width = self.width;
        let mut bias = self.init.bias(self.kind.gates() * width, width, rng);
        if self.horizon >= 3 {
            let times = (0..width).map(|_| rng.uniform(1.0, self.horizon as f64 - 1.0));
            let keep: Vec<f32> = times.map(|time| time.ln() as f32).collect();
            // The second gate of either cell is the one that keeps.
            bias[width..2 * width].copy_from_slice(&keep);
            if self.kind == CellKind::Lstm {
                bias[..width]
                    .iter_mut()
                    .zip(&keep)
                    .for_each(|(input, keep)| *input = -keep);
            }
        }
        bias
    }
}

/// A cell with PyTorch's parameters and equations.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    pub(crate) kind: CellKind,
    pub(crate) w_ih: ParamId,
    pub(crate) w_hh: ParamId,
    pub(crate) b_ih: ParamId,
    pub(crate) b_hh: ParamId,
    pub(crate) inputs: usize,
    pub(crate) width: usize,
}

impl Cell {
    /// Adds the parameters, named `<name>.weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`.
    ///
    /// Orthogonal weights are made per gate.
    pub fn new(config: CellConfig, params: &mut ParamBuilder, name: &str, rng: &mut Generator) -> Self {
        let CellConfig {
            kind,
            inputs,
            width,
            init,
            ..
        } = config;
        let (n, m, gates) = (width as i64, inputs as i64, kind.gates());
        let mut weights =
            |columns: i64| -> Vec<f32> { (0..gates).flat_map(|_| init.weight(&[n, columns], rng)).collect() };
        let (input, hidden) = (weights(m), weights(n));
        let rows = gates as i64 * n;
        let b_ih = config.bias(rng);
        let b_hh = init.bias(gates * width, width, rng);
        Self {
            kind,
            w_ih: params.add(format!("{name}.weight_ih"), &[rows, m], &input),
            w_hh: params.add(format!("{name}.weight_hh"), &[rows, n], &hidden),
            b_ih: params.add(format!("{name}.bias_ih"), &[rows], &b_ih),
            b_hh: params.add(format!("{name}.bias_hh"), &[rows], &b_hh),
            inputs,
            width,
        }
    }

    /// One step through libtorch: inputs `[n, inputs]`, state `[n, state]`, to the next state `[n, state]`.
    ///
    /// `keep` `[n, 1]` multiplies the state first: 0 where an episode begins with this input, 1 elsewhere.
    pub fn step(&self, params: &ParamSet, x: &Tensor, state: &Tensor, keep: Option<&Tensor>) -> Tensor {
        let state = keep.map_or_else(|| state.shallow_clone(), |keep| state * keep);
        let (w_ih, w_hh) = (params.get(self.w_ih), params.get(self.w_hh));
        let (b_ih, b_hh) = (Some(params.get(self.b_ih)), Some(params.get(self.b_hh)));
        match self.kind {
            CellKind::Gru => x.gru_cell(&state, w_ih, w_hh, b_ih, b_hh),
            CellKind::Lstm => {
                let n = self.width as i64;
                let parts = [&state.narrow(1, 0, n), &state.narrow(1, n, n)];
                let (output, cell) = x.lstm_cell(&parts, w_ih, w_hh, b_ih, b_hh);
                Tensor::cat(&[output, cell], 1)
            }
        }
    }

    /// Steps through whole sequences at once: `features` `[T * E, inputs]`, one step of all sequences after the other, to the
    /// outputs `[T * E, width]`, as steps one by one would give. None if they must be taken one by one: on another device,
    /// on a processor without fused multiply-add, or in a width that is no multiple of 16.
    pub fn sequences(
        &self,
        params: &ParamSet,
        features: &Tensor,
        sequences: &Sequences<'_>,
    ) -> Option<Tensor> {
        sequence::forward(self, params, features, sequences)
    }

    /// The outputs `[n, width]` of states `[n, state]`.
    pub fn output(&self, state: &Tensor) -> Tensor {
        state.narrow(1, 0, self.width as i64)
    }

    /// Which equations it has.
    pub fn kind(&self) -> CellKind {
        self.kind
    }

    /// The width of an output.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The width of a state.
    pub fn state_width(&self) -> usize {
        self.kind.state_width(self.width)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    fn cell(kind: CellKind, width: usize, horizon: usize, init: Init) -> (Cell, ParamSet) {
        let (mut builder, rng) = (ParamBuilder::new(), &mut Generator::named(0, "test"));
        let config = CellConfig {
            kind,
            inputs: 1,
            width,
            horizon,
            init,
        };
        let cell = Cell::new(config, &mut builder, "memory", rng);
        (cell, builder.build(Device::Cpu))
    }

    #[test]
    fn a_step_of_a_gru_by_hand() {
        let (gru, params) = cell(CellKind::Gru, 1, 0, Init::Constant { value: 0.5 });
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
    fn a_step_of_an_lstm_by_hand() {
        let (lstm, params) = cell(CellKind::Lstm, 1, 0, Init::Constant { value: 0.5 });
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

    /// Without inputs, a state of 1 fades to the share that the biases keep.
    fn kept_after(kind: CellKind, horizon: usize, steps: usize) -> f64 {
        let (cell, params) = cell(kind, 256, horizon, Init::Constant { value: 0.0 });
        let x = Tensor::zeros([1, 1], (Kind::Float, Device::Cpu));
        let mut state = Tensor::ones([1, cell.state_width() as i64], (Kind::Float, Device::Cpu));
        for _ in 0..steps {
            state = cell.step(&params, &x, &state, None);
        }
        // The part that is carried: a GRU's state, an LSTM's cell.
        let carried = state.narrow(1, cell.state_width() as i64 - 256, 256);
        carried.mean(Kind::Float).double_value(&[])
    }

    #[test]
    fn a_horizon_keeps_what_biases_of_zero_forget() {
        for kind in [CellKind::Gru, CellKind::Lstm] {
            assert!(
                (kept_after(kind, 0, 20) - 0.5f64.powi(20)).abs() < 1e-7,
                "{kind:?}"
            );
            // The mean over t in U(1, T - 1) of (t / (1 + t))^20, which is 0.55 for T = 60.
            let expected = (0..58_000)
                .map(|k| 1.0 + f64::from(k) / 1000.0)
                .map(|t| (t / (1.0 + t)).powi(20));
            let expected = expected.sum::<f64>() / 58_000.0;
            let found = kept_after(kind, 60, 20);
            assert!((found - expected).abs() < 0.05, "{kind:?}: {found} {expected}");
        }
    }

    #[test]
    fn a_cleared_state_passes_no_gradient() {
        let (gru, params) = cell(CellKind::Gru, 2, 0, Init::KaimingUniform);
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
