//! Whole sequences of a recurrent cell outside libtorch's graph: forward through time and back, over flat slices.
//!
//! Step by step through the graph, every step adds a gradient of the size of the weights to them; here the steps' gradients
//! at the gates are kept, and the weights' are one product over all steps. As with [`crate::GatherLinear`] the outputs are a
//! leaf of the graph, and [`crate::backward`] takes the leaf's gradient through time and on to what the cell read. A test
//! holds both ways together.

use tch::{Kind, Tensor};

use crate::{
    cell::{Cell, CellKind, Kept},
    kernels::{LANES, Product},
    params::ParamSet,
    raw,
};

/// Sequences of the same length, side by side.
#[derive(Debug, Clone, Copy)]
pub struct Sequences<'a> {
    /// `[E, state]`: the states that they begin with.
    pub start: &'a [f32],
    /// `[T, E]`: false where the state is cleared before the step, because an episode begins with it.
    pub keep: &'a [bool],
    /// Gradients do not go back over steps that are a multiple of this; 0 lets them go all the way.
    pub detach_every: usize,
}

/// What the backward pass needs.
#[derive(Debug)]
pub(crate) struct SequencePass {
    /// The leaf `[T * E, width]`.
    pub(crate) output: Tensor,
    /// What the cell read, `[T * E, inputs]`, with its graph.
    pub(crate) features: Tensor,
    cell: Cell,
    keep: Vec<bool>,
    detach_every: usize,
    steps: Steps,
}

/// What steps keep for the way back.
#[derive(Debug)]
struct Steps {
    /// E.
    rows: usize,
    /// `[T, E, state]`: states as the steps took them in.
    entering: Vec<f32>,
    /// `[T, E, gates * width]`: gates.
    gates: Vec<f32>,
    /// `[T, E, width]`: GRU: what the reset gate multiplies; LSTM: the tangent of the new cell.
    extra: Vec<f32>,
}

impl Steps {
    /// Those of step `t`.
    fn at(&self, t: usize, cell: &Cell) -> Kept<'_> {
        let part = |width: usize| t * self.rows * width..(t + 1) * self.rows * width;
        Kept {
            gates: &self.gates[part(cell.kind.gates() * cell.width)],
            entering: &self.entering[part(cell.kind.state_width(cell.width))],
            extra: &self.extra[part(cell.width)],
        }
    }
}

/// Rows with `bias` in each.
fn biased(bias: &[f32], rows: usize, out: &mut Vec<f32>) {
    out.clear();
    (0..rows).for_each(|_| out.extend_from_slice(bias));
}

/// `[rows, columns]` turned to `[columns, rows]`.
fn turned(matrix: &[f32], columns: usize) -> Vec<f32> {
    let mut out = vec![0.0; matrix.len()];
    raw::turn(matrix, columns, &mut out, matrix.len() / columns);
    out
}

/// `out += a b`, with `a` `[m, k]` and `b` `[k, n]`.
fn add_product(a: &[f32], b: &[f32], k: usize, n: usize, out: &mut [f32]) {
    let by = Product {
        m: out.len() / n,
        n,
        k,
        a_row: k,
        a_column: 1,
        b_row: n,
        c_row: n,
    };
    raw::product(&by, a, b, out);
}

/// Adds `b^T a` to `weight` `[n, m]`, with `a` `[k, m]` and `b` `[k, n]`, `a`'s rows `a_row` apart; and the sum of the rows of `b`
/// to `bias`.
fn add_layer_gradient(
    a: &[f32],
    (a_row, m): (usize, usize),
    b: &[f32],
    weight: &mut [f32],
    bias: &mut [f32],
) {
    let n = bias.len();
    let by = Product {
        m,
        n,
        k: b.len() / n,
        a_row: 1,
        a_column: a_row,
        b_row: n,
        c_row: n,
    };
    let mut product = vec![0.0; m * n];
    raw::product(&by, a, b, &mut product);
    for (to, from) in weight.iter_mut().zip(turned(&product, n)) {
        *to += from;
    }
    raw::add_rows(b, bias);
}

/// Whether these sequences run here: on a CPU that is made for it, in widths that fill its registers.
fn fits(cell: &Cell, params: &ParamSet) -> bool {
    params.device() == crate::Device::Cpu && raw::has_fma() && cell.width.is_multiple_of(LANES)
}

/// The outputs `[T * E, width]` of a cell for `features` `[T * E, inputs]`, one step of all sequences after the other; none if
/// they must go through libtorch step by step.
pub(crate) fn forward(
    cell: &Cell,
    params: &ParamSet,
    features: &Tensor,
    sequences: &Sequences<'_>,
) -> Option<Tensor> {
    if !fits(cell, params) {
        return None;
    }
    let (outputs, steps) = run(cell, params, features, sequences);
    let output = Tensor::from_slice(&outputs).view([-1, cell.width as i64]);
    if !params.is_recording() {
        return Some(output);
    }
    let output = output.set_requires_grad(true);
    params.record_sequences(SequencePass {
        output: output.shallow_clone(),
        features: features.shallow_clone(),
        cell: *cell,
        keep: sequences.keep.to_vec(),
        detach_every: sequences.detach_every,
        steps,
    });
    Some(output)
}

/// The outputs, and what the steps keep.
fn run(cell: &Cell, params: &ParamSet, features: &Tensor, sequences: &Sequences<'_>) -> (Vec<f32>, Steps) {
    let (width, state_width) = (cell.width, cell.kind.state_width(cell.width));
    let (gates_width, rows) = (cell.kind.gates() * width, sequences.start.len() / state_width);
    let samples = sequences.keep.len();
    let mut steps = Steps {
        rows,
        entering: Vec::with_capacity(samples * state_width),
        gates: Vec::new(),
        extra: vec![0.0; samples * width],
    };
    let inputs = features.detach().contiguous();
    biased(params.values(cell.b_ih), samples, &mut steps.gates);
    let weight = turned(params.values(cell.w_ih), cell.inputs);
    add_product(
        raw::floats(&inputs),
        &weight,
        cell.inputs,
        gates_width,
        &mut steps.gates,
    );
    let weight = turned(params.values(cell.w_hh), width);
    let mut state = sequences.start.to_vec();
    let mut outputs = Vec::with_capacity(samples * width);
    let (mut hidden, mut recurrent) = (Vec::new(), Vec::new());
    let parts = steps.gates.chunks_exact_mut(rows * gates_width);
    let parts = parts.zip(steps.extra.chunks_exact_mut(rows * width));
    for ((gates, extra), keep) in parts.zip(sequences.keep.chunks_exact(rows)) {
        clear(&mut state, keep);
        steps.entering.extend_from_slice(&state);
        first_parts(&state, state_width, width, &mut hidden);
        biased(params.values(cell.b_hh), rows, &mut recurrent);
        add_product(&hidden, &weight, width, gates_width, &mut recurrent);
        cell.kind.step(width, gates, &recurrent, &mut state, extra);
        first_parts(&state, state_width, width, &mut hidden);
        outputs.extend_from_slice(&hidden);
    }
    (outputs, steps)
}

/// Sets the rows of `state` that are not kept to 0.
fn clear(state: &mut [f32], keep: &[bool]) {
    let width = state.len() / keep.len();
    let rows = state.chunks_exact_mut(width).zip(keep);
    rows.filter(|(_, keep)| !**keep)
        .for_each(|(row, _)| row.fill(0.0));
}

/// The outputs of states: the first `width` values of each.
fn first_parts(states: &[f32], state_width: usize, width: usize, out: &mut Vec<f32>) {
    out.clear();
    states
        .chunks_exact(state_width)
        .for_each(|state| out.extend_from_slice(&state[..width]));
}

impl SequencePass {
    /// Adds the gradient of the cell's parameters to that of `params`, from the one at the outputs. Returns the gradient at what
    /// the cell read, `[T * E, inputs]`.
    pub(crate) fn backward(&self, params: &mut ParamSet, output_grad: &Tensor) -> Tensor {
        let (cell, kind) = (&self.cell, self.cell.kind);
        let (input_side, state_side) = self.through_time(params, raw::floats(&output_grad.contiguous()));
        let recurrent = if kind == CellKind::Gru {
            &state_side
        } else {
            &input_side
        };
        let inputs = self.features.detach().contiguous();
        let (weight, bias) = params.layer_grad_mut(cell.w_ih, cell.b_ih);
        let read = raw::floats(&inputs);
        add_layer_gradient(read, (cell.inputs, cell.inputs), &input_side, weight, bias);
        let (weight, bias) = params.layer_grad_mut(cell.w_hh, cell.b_hh);
        let stride = kind.state_width(cell.width);
        add_layer_gradient(
            &self.steps.entering,
            (stride, cell.width),
            recurrent,
            weight,
            bias,
        );
        self.at_features(params, &input_side)
    }

    fn at_features(&self, params: &ParamSet, input_side: &[f32]) -> Tensor {
        let cell = &self.cell;
        let gates_width = cell.kind.gates() * cell.width;
        let (inputs, padded) = (cell.inputs, cell.inputs.next_multiple_of(LANES));
        let mut weight = vec![0.0; gates_width * padded];
        for (to, from) in weight
            .chunks_exact_mut(padded)
            .zip(params.values(cell.w_ih).chunks_exact(inputs))
        {
            to[..inputs].copy_from_slice(from);
        }
        let mut grad = vec![0.0; self.keep.len() * padded];
        add_product(input_side, &weight, gates_width, padded, &mut grad);
        let grad = Tensor::from_slice(&grad).view([-1, padded as i64]);
        grad.narrow(1, 0, inputs as i64)
    }

    /// The gradients at the gates on the side of the inputs and on that of the state, `[T, E, gates * width]` each; an LSTM's are
    /// the same and the latter is empty.
    fn through_time(&self, params: &ParamSet, output_grad: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let (cell, rows) = (&self.cell, self.steps.rows);
        let (width, state_width) = (cell.width, cell.kind.state_width(cell.width));
        let (per_step, is_gru) = (rows * cell.kind.gates() * width, cell.kind == CellKind::Gru);
        let weight = params.values(cell.w_hh);
        let mut input_side = vec![0.0; self.steps.gates.len()];
        let mut state_side = vec![0.0; if is_gru { input_side.len() } else { 0 }];
        let mut state_grad = vec![0.0; rows * state_width];
        let (mut hidden_grad, mut recurrent) = (vec![0.0; rows * width], vec![0.0; per_step]);
        for t in (0..self.keep.len() / rows).rev() {
            let output_grad = &output_grad[t * rows * width..(t + 1) * rows * width];
            add_to_first_parts(output_grad, width, &mut state_grad, state_width);
            let gates = t * per_step..(t + 1) * per_step;
            let input_grad = &mut input_side[gates.clone()];
            let step = self.steps.at(t, cell);
            cell.kind
                .back(width, &step, &mut state_grad, input_grad, &mut recurrent);
            let gates_grad = if is_gru { &recurrent } else { &*input_grad };
            hidden_grad.fill(0.0);
            add_product(gates_grad, weight, per_step / rows, width, &mut hidden_grad);
            if is_gru {
                state_side[gates].copy_from_slice(&recurrent);
            }
            add_to_first_parts(&hidden_grad, width, &mut state_grad, state_width);
            clear(&mut state_grad, &self.keep[t * rows..(t + 1) * rows]);
            if self.detach_every > 0 && t % self.detach_every == 0 {
                state_grad.fill(0.0);
            }
        }
        (input_side, state_side)
    }
}

/// Adds outputs `[E, width]` to the first values of states `[E, state_width]`.
fn add_to_first_parts(outputs: &[f32], width: usize, states: &mut [f32], state_width: usize) {
    let rows = states
        .chunks_exact_mut(state_width)
        .zip(outputs.chunks_exact(width));
    for (state, output) in rows {
        for (state, output) in state.iter_mut().zip(output) {
            *state += output;
        }
    }
}

/// The sum of `features * grad`, whose gradient at what made the features continues the backward pass; none if nothing did.
pub(crate) fn continued(passes: &[&SequencePass], grads: &[Tensor]) -> Option<Tensor> {
    let pairs = passes
        .iter()
        .zip(grads)
        .filter(|(pass, _)| pass.features.requires_grad());
    pairs
        .map(|(pass, grad)| (&pass.features * grad).sum(Kind::Float))
        .reduce(|sum, next| sum + next)
}

#[cfg(test)]
mod tests {
    use prospect_sim::random::Generator;
    use tch::Device;

    use super::*;
    use crate::{CellConfig, GatherLinear, Init, Linear, ParamBuilder};

    const WIDTH: usize = 16;
    const STEPS: usize = 7;
    const ROWS: usize = 3;
    const INPUTS: usize = 5;

    fn at_once(cell: &Cell, params: &ParamSet, x: &Tensor, sequences: &Sequences<'_>) -> Tensor {
        let outputs = cell.sequences(params, x, sequences);
        outputs.expect("a width of 16 runs on this processor")
    }

    /// The same through libtorch's cells and graph.
    fn step_by_step(cell: &Cell, params: &ParamSet, x: &Tensor, sequences: &Sequences<'_>) -> Tensor {
        let mut state = Tensor::from_slice(sequences.start).view([ROWS as i64, -1]);
        let mut outputs = vec![];
        for (t, keep) in sequences.keep.chunks_exact(ROWS).enumerate() {
            if sequences.detach_every > 0 && t % sequences.detach_every == 0 {
                state = state.detach();
            }
            let keep: Vec<f32> = keep.iter().map(|keep| f32::from(u8::from(*keep))).collect();
            let keep = Tensor::from_slice(&keep).view([-1, 1]);
            let x = x.narrow(0, (t * ROWS) as i64, ROWS as i64);
            state = cell.step(params, &x, &state, Some(&keep));
            outputs.push(cell.output(&state));
        }
        Tensor::cat(&outputs, 0)
    }

    /// A table of rows, a linear layer, a cell and a head.
    struct Net {
        table: GatherLinear,
        middle: Linear,
        cell: Cell,
        head: Linear,
        params: ParamSet,
    }

    fn net(kind: CellKind) -> Net {
        let (mut builder, rng) = (ParamBuilder::new(), &mut Generator::named(3, "test"));
        let init = Init::KaimingUniform;
        let table = GatherLinear::new(&mut builder, "table", 11, 4, 2, init, rng);
        let middle = Linear::new(&mut builder, "middle", 4, INPUTS, init, rng);
        let config = CellConfig {
            kind,
            inputs: INPUTS,
            width: WIDTH,
            horizon: 20,
            init,
        };
        let cell = Cell::new(config, &mut builder, "cell", rng);
        let head = Linear::new(&mut builder, "head", WIDTH, 2, init, rng);
        let params = builder.build(Device::Cpu);
        Net {
            table,
            middle,
            cell,
            head,
            params,
        }
    }

    /// Outputs, and every parameter's gradient of a loss that weighs each of them in its own way.
    fn outputs_and_gradient(
        kind: CellKind,
        is_at_once: bool,
        detach_every: usize,
    ) -> (Vec<f32>, Vec<Vec<f32>>) {
        let mut net = net(kind);
        let rng = &mut Generator::named(4, "test");
        let rows: Vec<u32> = (0..2 * STEPS * ROWS)
            .map(|_| rng.integers(0, 11) as u32)
            .collect();
        let keep: Vec<bool> = (0..STEPS * ROWS).map(|_| rng.integers(0, 4) > 0).collect();
        let start: Vec<f32> = (0..ROWS * net.cell.state_width())
            .map(|i| (i as f32 * 0.37).sin())
            .collect();
        let sequences = Sequences {
            start: &start,
            keep: &keep,
            detach_every,
        };
        let features = net.table.forward(&net.params, rows, 2).tanh();
        let features = net.middle.forward(&net.params, &features);
        let outputs = if is_at_once {
            at_once(&net.cell, &net.params, &features, &sequences)
        } else {
            step_by_step(&net.cell, &net.params, &features, &sequences)
        };
        let heads = net.head.forward(&net.params, &outputs);
        let weights = (Tensor::arange(heads.numel() as i64, (Kind::Float, Device::Cpu)) * 0.9).cos();
        let loss = (heads.square() * weights.view_as(&heads)).sum(Kind::Float);
        net.params.backward(&loss).unwrap();
        let n = net.params.names().count();
        (
            crate::read_floats(&outputs),
            (0..n).map(|i| net.params.grad_at(i)).collect(),
        )
    }

    fn assert_near(found: &[f32], expected: &[f32], what: &str) {
        assert_eq!(found.len(), expected.len(), "{what}");
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() <= 2e-6 + 2e-5 * b.abs(), "{what}: {a} {b}");
        }
    }

    #[test]
    fn all_steps_at_once_are_as_step_by_step_through_the_graph() {
        for kind in [CellKind::Gru, CellKind::Lstm] {
            for detach_every in [0, 3] {
                let (outputs, grads) = outputs_and_gradient(kind, true, detach_every);
                let (expected, expected_grads) = outputs_and_gradient(kind, false, detach_every);
                assert_near(&outputs, &expected, "outputs");
                for (i, (found, expected)) in grads.iter().zip(&expected_grads).enumerate() {
                    assert!(expected.iter().any(|x| *x != 0.0), "parameter {i} matters");
                    assert_near(found, expected, &format!("parameter {i}"));
                }
            }
        }
    }

    #[test]
    fn a_limit_in_time_changes_the_gradient_alone() {
        let (all, free) = outputs_and_gradient(CellKind::Gru, true, 0);
        let (cut, limited) = outputs_and_gradient(CellKind::Gru, true, 2);
        assert_eq!(all, cut);
        assert_ne!(free, limited);
    }

    #[test]
    fn other_widths_go_through_libtorch() {
        let mut builder = ParamBuilder::new();
        let rng = &mut Generator::named(0, "test");
        let config = CellConfig {
            kind: CellKind::Gru,
            inputs: 2,
            width: WIDTH + 1,
            horizon: 0,
            init: Init::KaimingUniform,
        };
        let gru = Cell::new(config, &mut builder, "cell", rng);
        let params = builder.build(Device::Cpu);
        let x = Tensor::ones([1, 2], (Kind::Float, Device::Cpu));
        let (start, keep) = (vec![0.0; WIDTH + 1], [true]);
        let sequences = Sequences {
            start: &start,
            keep: &keep,
            detach_every: 0,
        };
        assert!(gru.sequences(&params, &x, &sequences).is_none());
    }

    #[test]
    fn without_a_gradient_nothing_is_kept() {
        let net = net(CellKind::Lstm);
        let x = Tensor::ones([ROWS as i64, INPUTS as i64], (Kind::Float, Device::Cpu));
        let (start, keep) = (vec![0.0; ROWS * 2 * WIDTH], [true; ROWS]);
        let sequences = Sequences {
            start: &start,
            keep: &keep,
            detach_every: 0,
        };
        let outputs = tch::no_grad(|| at_once(&net.cell, &net.params, &x, &sequences));
        assert!(!outputs.requires_grad());
    }
}
