//! Rewards and training steps of RND and ICM against those recorded from PyTorch by `scripts/record_curiosity.py`.

use std::sync::Arc;

use prospect_nets::{Device, NamedTensors, Observations, Tensor, read_floats};
use prospect_sim::{ActionSpace, Dtype, EnvSpec, Field, Slice};
use serde_json::Value;

use super::{
    distillation::Distillation,
    icm::{Icm, IcmSettings, Samples},
    input::{EncoderKind, InputSettings, Rows},
    training::Training,
};
use crate::registry::ModuleInit;

const RECORD: &str = include_str!("../../../tests/golden/curiosity/torch_2_11_0.json");

fn record(part: &str) -> Value {
    let record: Value = serde_json::from_str(RECORD).unwrap();
    record[part].clone()
}

fn floats(values: &Value) -> Vec<f32> {
    let list = values.get("values").unwrap_or(values).as_array().unwrap();
    list.iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

fn tensors(named: &Value, chosen: &str) -> NamedTensors {
    let mut tensors = NamedTensors::new();
    for (name, array) in named.as_object().unwrap() {
        if name.starts_with(chosen) {
            let shape: Vec<i64> = array["shape"]
                .as_array()
                .unwrap()
                .iter()
                .map(|d| d.as_i64().unwrap())
                .collect();
            tensors.push(name.clone(), &shape, floats(array));
        }
    }
    tensors
}

fn spec() -> EnvSpec {
    EnvSpec {
        id: "Recorded-v0".to_owned(),
        family: "Recorded".to_owned(),
        doc: String::new(),
        observation: vec![Field::new("observation", Dtype::F32, &[6], -9.0, 9.0)],
        actions: ActionSpace::Discrete { n: 3 },
        action_names: vec![],
        max_steps: None,
        reward_range: (0.0, 0.0),
        agents_per_env: 1,
        facts: vec![],
    }
}

fn init(spec: &EnvSpec) -> ModuleInit<'_> {
    ModuleInit {
        index: 0,
        name: "recorded",
        spec,
        actors: 1,
        seed: 0,
        gamma: 0.99,
        device: Device::Cpu,
    }
}

fn observations(spec: &EnvSpec, values: &Value) -> Observations {
    let values = floats(values);
    let fields: Arc<[Field]> = Arc::from(spec.observation.as_slice());
    Observations::from_slices(&fields, &[Slice::F32(&values)], values.len() / 6)
}

#[track_caller]
fn assert_near(got: &[f32], want: &[f32], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (g, w) in got.iter().zip(want) {
        assert!(
            (g - w).abs() <= 2e-5 * w.abs().max(0.1),
            "{what}: {g} against {w}"
        );
    }
}

#[track_caller]
fn assert_same_tensors(got: &NamedTensors, want: &NamedTensors) {
    for tensor in want.iter() {
        assert_near(
            &got.get(&tensor.name).unwrap().values,
            &tensor.values,
            &tensor.name,
        );
    }
}

#[test]
fn rnd_repeats_pytorch() {
    let (record, spec) = (record("rnd"), spec());
    let input = InputSettings {
        encoder: EncoderKind::Flat,
        components: vec![],
        whiten: true,
        obs_clip: record["clip"].as_f64().unwrap(),
    };
    let training = Training {
        lr: record["lr"].as_f64().unwrap(),
        minibatch: 7,
        epochs: 1,
        update_proportion: 1.0,
    };
    let mut distillation = Distillation::new(&init(&spec), &input, (5, 4), training).unwrap();
    distillation
        .target
        .restore("", &tensors(&record["initial"], "target"))
        .unwrap();
    distillation
        .predictor
        .restore("", &tensors(&record["initial"], "predictor"))
        .unwrap();
    distillation.update_statistics(&observations(&spec, &record["prime"]));
    let batch = observations(&spec, &record["observations"]);
    let rows = distillation.input.rows(&distillation.predictor, &batch);
    let Rows::Values(whitened) = &rows else {
        panic!("flat input gives values");
    };
    assert_near(&read_floats(whitened), &floats(&record["whitened"]), "whitened");
    assert_near(
        &distillation.squared_errors(&batch),
        &floats(&record["squared_errors"]),
        "errors",
    );
    for loss in floats(&record["losses"]) {
        assert_near(&[distillation.train(&rows).unwrap() as f32], &[loss], "loss");
    }
    assert_near(
        &distillation.squared_errors(&batch),
        &floats(&record["squared_errors_after"]),
        "errors after",
    );
    assert_same_tensors(&distillation.tensors(), &tensors(&record["trained"], ""));
}

#[test]
fn icm_repeats_pytorch() {
    let (record, spec) = (record("icm"), spec());
    let settings = IcmSettings {
        beta: record["beta"].as_f64().unwrap(),
        lr: record["lr"].as_f64().unwrap(),
        whiten: false,
        hidden: 5,
        features: 4,
        ..IcmSettings::default()
    };
    let mut icm = Icm::new(&init(&spec), settings).unwrap();
    icm.params.restore("", &tensors(&record["initial"], "")).unwrap();
    let rows = |part: &str| icm.input.rows(&icm.params, &observations(&spec, &record[part]));
    let actions: Vec<i64> = record["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a.as_i64().unwrap())
        .collect();
    let samples = Samples {
        present: rows("present"),
        next: rows("next"),
        actions: Tensor::from_slice(&actions),
    };
    let (squares, _) = icm.networks.errors(&icm.params, &samples);
    assert_near(
        &read_floats(&squares),
        &floats(&record["squared_errors"]),
        "errors",
    );
    icm.params.forget();
    let losses = floats(&record["inverse_losses"])
        .into_iter()
        .zip(floats(&record["forward_losses"]));
    for (inverse, forward) in losses {
        let got = icm.train(&samples).unwrap();
        assert_near(&got.map(|x| x as f32), &[inverse, forward], "losses");
    }
    assert_same_tensors(&icm.tensors(), &tensors(&record["trained"], ""));
}
