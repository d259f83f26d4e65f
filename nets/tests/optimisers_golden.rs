//! Our optimisers against thirty steps of PyTorch's, recorded by `scripts/record_optimisers.py`.

use prospect_nets::{Device, Kind, Optimiser, OptimiserConfig, ParamBuilder, Tensor, read_floats};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    torch: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    config: OptimiserConfig,
    max_grad_norm: Option<f64>,
    initial: Vec<f32>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    lr: f64,
    gradient: Vec<f32>,
    norm: Option<f64>,
    values: Vec<f32>,
}

/// The largest relative difference from PyTorch over a case, whose values are mostly of size 1.
fn replay(case: &Case) -> f64 {
    let (a, b) = case.initial.split_at(12);
    let mut builder = ParamBuilder::new();
    let ids = [builder.add("a", &[3, 4], a), builder.add("b", &[5], b)];
    let mut params = builder.build(Device::Cpu);
    let mut optimiser = Optimiser::new(case.config, &params);
    let mut worst = 0.0f64;
    for step in &case.steps {
        // A loss whose gradient is the recorded one.
        let (a, b) = step.gradient.split_at(12);
        let weights = [Tensor::from_slice(a).view([3, 4]), Tensor::from_slice(b)];
        let terms = ids
            .iter()
            .zip(&weights)
            .map(|(id, weight)| (params.get(*id) * weight).sum(Kind::Float));
        let loss: Tensor = terms.sum();
        params.backward(&loss).expect("the loss has a graph");
        let norm = optimiser.step(&mut params, step.lr, case.max_grad_norm);
        if let Some(expected) = step.norm {
            assert!(
                (norm / expected - 1.0).abs() < 1e-6,
                "norm {norm}, PyTorch {expected}"
            );
        }
        let values = ids.iter().flat_map(|id| read_floats(params.get(*id)));
        for (ours, theirs) in values.zip(&step.values) {
            let difference = f64::from(ours - theirs).abs() / f64::from(theirs.abs()).max(0.1);
            worst = worst.max(difference);
        }
    }
    worst
}

#[test]
fn thirty_steps_agree_with_pytorch() {
    let golden: Golden =
        serde_json::from_str(include_str!("../../tests/golden/optimisers/torch_2_11_0.json")).unwrap();
    assert_eq!((golden.torch.as_str(), golden.cases.len()), ("2.11.0", 7));
    for case in &golden.cases {
        assert_eq!(case.steps.len(), 30);
        let worst = replay(case);
        assert!(worst < 1e-6, "{:?}: relative difference {worst}", case.config);
    }
}
