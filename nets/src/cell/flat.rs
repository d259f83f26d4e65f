//! One step of a recurrent cell, forward and back, over flat slices.

use super::CellKind;
use crate::raw;

/// What one step's backward pass reads, all rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept<'a> {
    /// `[E, gates * width]`.
    pub(crate) gates: &'a [f32],
    /// `[E, state]`.
    pub(crate) entering: &'a [f32],
    /// `[E, width]`.
    pub(crate) extra: &'a [f32],
}

fn sigmoid(values: &mut [f32]) {
    for x in &mut *values {
        *x *= 0.5;
    }
    raw::tanh(values);
    for x in values {
        *x = 0.5 * *x + 0.5;
    }
}

impl CellKind {
    /// One step of all rows: `gates` `[E, gates * width]` come with the inputs' part and become gates, `recurrent` is the
    /// state's part, `state` `[E, state]` moves on, `extra` `[E, width]` is kept for the way back.
    pub(crate) fn step(
        self,
        width: usize,
        gates: &mut [f32],
        recurrent: &[f32],
        state: &mut [f32],
        extra: &mut [f32],
    ) {
        let (gates_width, state_width) = (self.gates() * width, self.state_width(width));
        let rows = gates
            .chunks_exact_mut(gates_width)
            .zip(recurrent.chunks_exact(gates_width));
        let rows = rows
            .zip(state.chunks_exact_mut(state_width))
            .zip(extra.chunks_exact_mut(width));
        for (((gates, recurrent), state), extra) in rows {
            match self {
                Self::Gru => gru_step(gates, recurrent, state, extra),
                Self::Lstm => lstm_step(gates, recurrent, state, extra),
            }
        }
    }

    /// One step back: from `state_grad` `[E, state]` at the step's new state to that at the old one, but for what flows
    /// through `recurrent` and the state's weight; `inputs` and `recurrent` `[E, gates * width]` get the gradients at the two
    /// parts of the gates. An LSTM's parts are the same; it leaves `recurrent` alone.
    pub(crate) fn back(
        self,
        width: usize,
        step: &Kept<'_>,
        state_grad: &mut [f32],
        inputs: &mut [f32],
        recurrent: &mut [f32],
    ) {
        let (gates_width, state_width) = (self.gates() * width, self.state_width(width));
        let kept = step
            .gates
            .chunks_exact(gates_width)
            .zip(step.entering.chunks_exact(state_width));
        let kept = kept.zip(step.extra.chunks_exact(width));
        let grads = inputs
            .chunks_exact_mut(gates_width)
            .zip(recurrent.chunks_exact_mut(gates_width));
        let grads = grads.zip(state_grad.chunks_exact_mut(state_width));
        for (((gates, entering), extra), ((inputs, recurrent), state_grad)) in kept.zip(grads) {
            match self {
                Self::Gru => gru_back(gates, entering, extra, state_grad, inputs, recurrent),
                Self::Lstm => lstm_back(gates, entering, extra, state_grad, inputs),
            }
        }
    }
}

fn gru_step(gates: &mut [f32], recurrent: &[f32], h: &mut [f32], of_state: &mut [f32]) {
    let width = h.len();
    let (both, new) = gates.split_at_mut(2 * width);
    both.iter_mut().zip(recurrent).for_each(|(x, y)| *x += y);
    sigmoid(both);
    of_state.copy_from_slice(&recurrent[2 * width..]);
    let (reset, update) = both.split_at(width);
    for ((x, r), y) in new.iter_mut().zip(reset).zip(&*of_state) {
        *x += r * y;
    }
    raw::tanh(new);
    for ((h, z), n) in h.iter_mut().zip(update).zip(&*new) {
        *h = (1.0 - z) * n + z * *h;
    }
}

fn gru_back(
    gates: &[f32],
    entering: &[f32],
    of_state: &[f32],
    state_grad: &mut [f32],
    inputs: &mut [f32],
    recurrent: &mut [f32],
) {
    let width = entering.len();
    for i in 0..width {
        let (r, z, n) = (gates[i], gates[width + i], gates[2 * width + i]);
        let grad = state_grad[i];
        let new = grad * (1.0 - z) * (1.0 - n * n);
        let reset = new * of_state[i] * r * (1.0 - r);
        let update = grad * (entering[i] - n) * z * (1.0 - z);
        (inputs[i], inputs[width + i], inputs[2 * width + i]) = (reset, update, new);
        (recurrent[i], recurrent[width + i], recurrent[2 * width + i]) = (reset, update, new * r);
        state_grad[i] = grad * z;
    }
}

fn lstm_step(gates: &mut [f32], recurrent: &[f32], state: &mut [f32], tangent: &mut [f32]) {
    let (h, c) = state.split_at_mut(tangent.len());
    let width = c.len();
    gates.iter_mut().zip(recurrent).for_each(|(x, y)| *x += y);
    sigmoid(&mut gates[..2 * width]);
    raw::tanh(&mut gates[2 * width..3 * width]);
    sigmoid(&mut gates[3 * width..]);
    for i in 0..width {
        c[i] = gates[width + i] * c[i] + gates[i] * gates[2 * width + i];
    }
    tangent.copy_from_slice(c);
    raw::tanh(tangent);
    for i in 0..width {
        h[i] = gates[3 * width + i] * tangent[i];
    }
}

fn lstm_back(gates: &[f32], entering: &[f32], tangent: &[f32], state_grad: &mut [f32], inputs: &mut [f32]) {
    let width = tangent.len();
    let (h_grad, c_grad) = state_grad.split_at_mut(width);
    for i in 0..width {
        let (input, forget) = (gates[i], gates[width + i]);
        let (new, output) = (gates[2 * width + i], gates[3 * width + i]);
        let cell = c_grad[i] + h_grad[i] * output * (1.0 - tangent[i] * tangent[i]);
        inputs[i] = cell * new * input * (1.0 - input);
        inputs[width + i] = cell * entering[width + i] * forget * (1.0 - forget);
        inputs[2 * width + i] = cell * input * (1.0 - new * new);
        inputs[3 * width + i] = h_grad[i] * tangent[i] * output * (1.0 - output);
        c_grad[i] = cell * forget;
        h_grad[i] = 0.0;
    }
}
