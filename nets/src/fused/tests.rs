//! Networks without the graph against the same ones through it.

use std::sync::Arc;

use prospect_sim::{Dtype, Field, random::Generator};
use tch::{Device, Kind, Tensor};

use super::*;
use crate::{EncoderConfig, Init, MlpConfig, Observations, ParamBuilder};

const N: usize = 21;

struct Both {
    params: ParamSet,
    encoder: Encoder,
    hidden: Mlp,
    head: Linear,
    fields: Arc<[Field]>,
}

fn both(encoder: &EncoderConfig, activation: Activation, hidden: &[usize], outputs: usize) -> Both {
    made(encoder, (activation, false), hidden, outputs)
}

/// `layers` are the function after each hidden layer and whether it is normalised first.
fn made(encoder: &EncoderConfig, layers: (Activation, bool), hidden: &[usize], outputs: usize) -> Both {
    let fields: Arc<[Field]> = Arc::from([Field::new("image", Dtype::U8, &[5, 5, 3], 0.0, 255.0)]);
    let rng = &mut Generator::named(1, "fused");
    let mut builder = ParamBuilder::new();
    let encoder = Encoder::new(&mut builder, "encoder", encoder, &fields, rng).unwrap();
    let config = MlpConfig {
        hidden: hidden.to_vec(),
        activation: layers.0,
        init: Init::KaimingUniform,
        layer_norm: layers.1,
    };
    let hidden = Mlp::new(&mut builder, "hidden", encoder.width(), &config, None, rng);
    let head = Linear::new(
        &mut builder,
        "head",
        hidden.width(),
        outputs,
        Init::KaimingUniform,
        rng,
    );
    Both {
        params: builder.build(Device::Cpu),
        encoder,
        hidden,
        head,
        fields,
    }
}

fn images(n: usize) -> Vec<u8> {
    (0..n * 75).map(|i| ((i * 7919 + i / 75) % 11) as u8).collect()
}

/// Outputs and gradients through libtorch's graph and without it.
fn compare(mut net: Both, samples: &[usize]) {
    let Some(fused) = Fused::new(&net.params, &net.encoder, &net.hidden, &net.head) else {
        assert!(!raw::has_fma());
        return;
    };
    let images = images(N);
    let all = Observations::from_slices(&net.fields, &[Slice::U8(&images)], N);
    let index: Vec<i64> = samples.iter().map(|&i| i as i64).collect();
    let chosen = all.select(&Tensor::from_slice(&index));
    let features = net.encoder.forward(&net.params, &chosen);
    let output = net
        .head
        .forward(&net.params, &net.hidden.forward(&net.params, &features));
    let gradient: Vec<f32> = (0..output.numel()).map(|i| (i as f32 * 0.7).sin()).collect();
    let loss = output.reshape(-1).dot(&Tensor::from_slice(&gradient));
    net.params.backward(&loss).unwrap();
    let names: Vec<String> = net.params.names().map(|(name, _)| name.to_owned()).collect();
    let grads = |params: &ParamSet| (0..names.len()).map(|i| params.grad_at(i)).collect::<Vec<_>>();
    let by_torch = grads(&net.params);

    let (mut input, mut work) = (FusedInput::default(), FusedWork::default());
    fused.refresh(&net.params, &mut work);
    fused.load(Slice::U8(&images), samples.iter().copied(), &mut input);
    let ours = fused.forward(&input, &mut work).to_vec();
    fused.backward(&mut net.params, &input, &mut work, &gradient);
    for (a, b) in ours.iter().zip(crate::read_floats(&output)) {
        approx::assert_abs_diff_eq!(*a, b, epsilon = 2e-6);
    }
    for ((name, ours), theirs) in names.iter().zip(grads(&net.params)).zip(by_torch) {
        assert!(theirs.iter().any(|x| x.abs() > 1e-4), "{name}");
        for (a, b) in ours.iter().zip(theirs) {
            assert!((a - b).abs() < 2e-5, "{name}: {a}, libtorch {b}");
        }
    }
}

#[test]
fn the_gradient_at_the_input_is_libtorchs() {
    let cases = [
        (Activation::Relu, false, vec![20, 33]),
        (Activation::Tanh, false, vec![]),
        (Activation::Tanh, true, vec![33, 20]),
    ];
    for (activation, layer_norm, hidden) in cases {
        let flat = EncoderConfig::Flat {
            scale: 0.1,
            components: vec![],
        };
        let mut net = made(&flat, (activation, layer_norm), &hidden, 2);
        let Some(fused) = Fused::new(&net.params, &net.encoder, &net.hidden, &net.head) else {
            return;
        };
        let images = images(5);
        let leaf = Tensor::from_slice(&images).to_kind(Kind::Float).view([5, 75]);
        let leaf = leaf.set_requires_grad(true);
        let features = net.hidden.forward(&net.params, &(&leaf * 0.1));
        let gradient: Vec<f32> = (0..10).map(|i| (i as f32 * 0.7).sin()).collect();
        let output = net.head.forward(&net.params, &features);
        let loss = output.reshape(-1).dot(&Tensor::from_slice(&gradient));
        let theirs = Tensor::run_backward(&[loss], &[&leaf], false, false);

        let (mut input, mut work, mut ours) = (FusedInput::default(), FusedWork::default(), vec![]);
        fused.refresh(&net.params, &mut work);
        fused.load(Slice::U8(&images), 0..5, &mut input);
        fused.forward(&input, &mut work);
        fused.backward_to_input(&input, &mut work, &gradient, &mut ours);
        let theirs = crate::read_floats(&theirs[0]);
        assert!(theirs.iter().any(|x| x.abs() > 1e-3));
        for (a, b) in ours.iter().zip(&theirs) {
            assert!((a - b).abs() < 1e-6, "{a}, libtorch {b}");
        }
        // The parameters' gradient can still be taken from the same forward pass.
        fused.backward(&mut net.params, &input, &mut work, &gradient);
        assert!(net.params.grad_norm() > 0.0);
    }
}

const SOME: [usize; 11] = [3, 1, 4, 1, 5, 9, 2, 6, 20, 0, 19];

#[test]
fn flat_networks_equal_libtorchs() {
    let flat = EncoderConfig::Flat {
        scale: 0.1,
        components: vec![],
    };
    compare(both(&flat, Activation::Tanh, &[64, 64], 7), &SOME);
    compare(both(&flat, Activation::Relu, &[20, 33, 16], 1), &SOME);
    compare(both(&flat, Activation::Tanh, &[], 3), &SOME[..1]);
}

#[test]
fn normalised_networks_equal_libtorchs() {
    let flat = EncoderConfig::Flat {
        scale: 0.1,
        components: vec![],
    };
    for activation in [Activation::Relu, Activation::Tanh] {
        let mut net = made(&flat, (activation, true), &[20, 33, 16], 3);
        // Weights other than 1 and biases other than 0.
        let (flat, _) = net.params.flat_and_grad();
        let moved: Vec<f32> = (0..flat.numel()).map(|i| 0.1 * (i as f32 * 0.3).sin()).collect();
        tch::no_grad(|| {
            drop(flat.g_add_(&Tensor::from_slice(&moved)));
        });
        compare(net, &SOME);
    }
    compare(
        made(&onehot(Activation::Relu), (Activation::Relu, true), &[32, 24], 7),
        &SOME,
    );
}

fn onehot(activation: Activation) -> EncoderConfig {
    EncoderConfig::Onehot {
        hidden: 48,
        activation,
        init: Init::KaimingUniform,
        levels: vec![11, 6, 4],
        extra: vec![],
    }
}

#[test]
fn one_hot_networks_equal_libtorchs() {
    compare(both(&onehot(Activation::Relu), Activation::Relu, &[32], 7), &SOME);
    compare(both(&onehot(Activation::Tanh), Activation::Tanh, &[], 1), &SOME);
}

#[test]
fn a_sample_does_not_depend_on_its_batch() {
    let flat = EncoderConfig::Flat {
        scale: 0.1,
        components: vec![],
    };
    for encoder in [flat, onehot(Activation::Tanh)] {
        let net = both(&encoder, Activation::Tanh, &[64, 20], 7);
        let Some(fused) = Fused::new(&net.params, &net.encoder, &net.hidden, &net.head) else {
            return;
        };
        let images = images(N);
        let (mut input, mut work) = (FusedInput::default(), FusedWork::default());
        fused.refresh(&net.params, &mut work);
        fused.load(Slice::U8(&images), 0..N, &mut input);
        let together = fused.forward(&input, &mut work).to_vec();
        for sample in 0..N {
            fused.load(Slice::U8(&images), std::iter::once(sample), &mut input);
            let alone = fused.forward(&input, &mut work);
            assert_eq!(alone, &together[sample * 7..(sample + 1) * 7]);
        }
    }
}

#[test]
fn tanh_is_close_and_bounded() {
    let inputs: Vec<f32> = (-2000..=2000)
        .map(|i| i as f32 * 0.01)
        .chain([f32::INFINITY])
        .collect();
    let mut ours = inputs.clone();
    raw::tanh(&mut ours);
    let theirs = crate::read_floats(&Tensor::from_slice(&inputs).to_kind(Kind::Double).tanh());
    for ((x, a), b) in inputs.iter().zip(ours).zip(theirs) {
        assert!((a - b).abs() < 4e-7 && a.abs() <= 1.0, "tanh({x}) = {a}, not {b}");
    }
    let mut nan = [f32::NAN];
    raw::tanh(&mut nan);
    assert!(nan[0].is_nan());
}

#[test]
fn tiles_of_any_size_give_the_same_bytes() {
    let rng = &mut Generator::named(3, "product");
    let mut draw = |n: usize| (0..n).map(|_| rng.standard_normal() as f32).collect::<Vec<f32>>();
    let by = Product {
        m: 13,
        n: 48,
        k: 29,
        a_row: 31,
        a_column: 1,
        b_row: 50,
        c_row: 48,
    };
    let (a, b, c) = (draw(13 * 31), draw(29 * 50), draw(13 * 48));
    let (mut one, mut other) = (c.clone(), c);
    raw::product(&by, &a, &b, &mut one);
    crate::kernels::product::<3, 1>(&by, &a, &b, &mut other);
    assert_eq!(one, other);
}
