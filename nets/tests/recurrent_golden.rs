//! Recurrent cells over sequences that are cleared in between, against `torch.nn.LSTM` and `torch.nn.GRU`
//! (`scripts/record_ppo_golden.py`): outputs and gradients.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use prospect_nets::{
    Cell, CellConfig, CellKind, Device, Init, NamedTensors, ParamBuilder, ParamSet, Sequences, Tensor,
    read_floats,
};
use prospect_sim::random::Generator;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cells: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    kind: String,
    steps: usize,
    batch: usize,
    inputs: usize,
    width: usize,
    x: Vec<f32>,
    state: Vec<f32>,
    begins: Vec<bool>,
    slope: Vec<f32>,
    outputs: Vec<f32>,
    weights: BTreeMap<String, Vec<f32>>,
    grads: BTreeMap<String, Vec<f32>>,
}

fn all_close(ours: &[f32], theirs: &[f32], what: &str) {
    assert_eq!(ours.len(), theirs.len());
    for (a, b) in ours.iter().zip(theirs) {
        assert!(
            (a - b).abs() < 2e-6 * b.abs().max(1.0),
            "{what}: {a}, PyTorch {b}"
        );
    }
}

impl Case {
    /// The cell with the recorded weights.
    fn build(&self) -> (Cell, ParamSet) {
        let mut builder = ParamBuilder::new();
        let config = CellConfig {
            kind: if self.kind == "lstm" {
                CellKind::Lstm
            } else {
                CellKind::Gru
            },
            inputs: self.inputs,
            width: self.width,
            horizon: 0,
            init: Init::Orthogonal { gain: 1.0 },
        };
        let cell = Cell::new(config, &mut builder, "cell", &mut Generator::named(0, "test"));
        let mut params = builder.build(Device::Cpu);
        let mut stored = NamedTensors::new();
        for (name, shape) in params.names() {
            let values = self.weights[name.strip_prefix("cell.").unwrap()].clone();
            stored.push(name, shape, values);
        }
        params.restore("", &stored).unwrap();
        (cell, params)
    }

    /// All steps at once; none in a width that libtorch's graph must run.
    fn run_at_once(&self, cell: &Cell, params: &ParamSet) -> Option<Tensor> {
        let features = Tensor::from_slice(&self.x).view([-1, self.inputs as i64]);
        let keep: Vec<bool> = self.begins.iter().map(|begins| !begins).collect();
        let sequences = Sequences {
            start: &self.state,
            keep: &keep,
            detach_every: 0,
        };
        cell.sequences(params, &features, &sequences)
    }

    fn run(&self, cell: &Cell, params: &ParamSet) -> Tensor {
        let shape = [self.steps as i64, self.batch as i64, -1];
        let (x, batch) = (Tensor::from_slice(&self.x).view(shape), self.batch);
        let mut state = Tensor::from_slice(&self.state).view([batch as i64, -1]);
        let mut outputs = Vec::new();
        for t in 0..self.steps {
            let keep: Vec<f32> = self.begins[t * batch..(t + 1) * batch]
                .iter()
                .map(|begins| f32::from(u8::from(!begins)))
                .collect();
            let keep = Tensor::from_slice(&keep).view([-1, 1]);
            let x = x.get(t as i64);
            state = cell.step(params, &x, &state, Some(&keep));
            outputs.push(cell.output(&state));
        }
        Tensor::cat(&outputs, 0)
    }
}

#[test]
fn sequences_equal_pytorchs() {
    let golden: Golden =
        serde_json::from_str(include_str!("../../tests/golden/ppo/recurrent_torch_2_11_0.json")).unwrap();
    assert_eq!(golden.cells.len(), 4);
    let mut at_once = 0;
    for case in golden.cells {
        let (cell, mut params) = case.build();
        let outputs = case.run(&cell, &params);
        case.compare(&outputs, &mut params);
        if let Some(outputs) = case.run_at_once(&cell, &params) {
            case.compare(&outputs, &mut params);
            at_once += 1;
        }
    }
    assert_eq!(at_once, 2, "the cells of width 16");
}

impl Case {
    fn compare(&self, outputs: &Tensor, params: &mut ParamSet) {
        all_close(&read_floats(outputs), &self.outputs, &self.kind);
        let loss = outputs.reshape(-1).dot(&Tensor::from_slice(&self.slope));
        params.backward(&loss).unwrap();
        let norm: f64 = self.grads.values().flatten().map(|x| f64::from(*x).powi(2)).sum();
        assert!((params.grad_norm() - norm.sqrt()).abs() < 1e-5 * norm.sqrt());
        for (name, grad) in self.grads_of(params) {
            all_close(&grad, &self.grads[&name], &format!("{} {name}", self.kind));
        }
    }

    /// The gradients by the names that they were recorded under.
    fn grads_of(&self, params: &ParamSet) -> Vec<(String, Vec<f32>)> {
        let all = read_floats(&params.grad_copy());
        let mut at = 0;
        let mut found = Vec::new();
        for (name, shape) in params.names() {
            let n = shape.iter().product::<i64>() as usize;
            // Each parameter begins at a multiple of 16 values.
            at = usize::next_multiple_of(at, 16);
            found.push((name.replace("cell.", ""), all[at..at + n].to_vec()));
            at += n;
        }
        assert_eq!(found.len(), self.grads.len());
        found
    }
}
