//! Would several seeds be faster as one batch of networks? Measures `S` networks of 4-64-64-2 one after the other without
//! libtorch's graph (what a run does) against one stack of them through libtorch's batched products, for acting (4 samples
//! each) and for a minibatch (128 each, forward and backward). One thread; prints microseconds per network.
#![expect(clippy::print_stdout, reason = "its table is the point")]

use std::time::Instant;

use prospect_nets::{
    Activation, Device, Encoder, EncoderConfig, Fused, FusedInput, FusedWork, Init, Kind, Linear, Mlp,
    MlpConfig, ParamBuilder, ParamSet, Tensor, set_threads, tch,
};
use prospect_sim::{Dtype, Field, Slice, random::Generator};

const INPUTS: usize = 4;
const HIDDEN: usize = 64;
const OUTPUTS: usize = 2;

fn time_us(mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..7 {
        let began = Instant::now();
        let mut runs = 0;
        while began.elapsed().as_secs_f64() < 0.1 {
            run();
            runs += 1;
        }
        best = best.min(began.elapsed().as_secs_f64() / f64::from(runs) * 1e6);
    }
    best
}

/// A network as a run has it.
struct Single {
    params: ParamSet,
    net: Fused,
    work: FusedWork,
    input: FusedInput,
}

impl Single {
    fn new(rng: &mut Generator) -> Option<Self> {
        let fields = [Field::new("observation", Dtype::F32, &[INPUTS], -1.0, 1.0)];
        let mut builder = ParamBuilder::new();
        let flat = EncoderConfig::Flat {
            scale: 1.0,
            components: Vec::new(),
        };
        let encoder = Encoder::new(&mut builder, "net.encoder", &flat, &fields, rng).ok()?;
        let layers = MlpConfig {
            hidden: vec![HIDDEN, HIDDEN],
            activation: Activation::Tanh,
            init: Init::HIDDEN,
            layer_norm: false,
        };
        let hidden = Mlp::new(&mut builder, "net.hidden", INPUTS, &layers, None, rng);
        let head = Linear::new(&mut builder, "net.head", HIDDEN, OUTPUTS, Init::HIDDEN, rng);
        let params = builder.build(Device::Cpu);
        let net = Fused::new(&params, &encoder, &hidden, &head)?;
        let mut work = FusedWork::default();
        net.refresh(&params, &mut work);
        Some(Self {
            params,
            net,
            work,
            input: FusedInput::default(),
        })
    }

    fn forward(&mut self, observations: &[f32]) {
        let n = observations.len() / INPUTS;
        self.net.load(Slice::F32(observations), 0..n, &mut self.input);
        self.net.forward(&self.input, &mut self.work);
    }

    fn backward(&mut self, gradient: &[f32]) {
        self.net
            .backward(&mut self.params, &self.input, &mut self.work, gradient);
    }
}

/// The same networks with their weights stacked, `[S, inputs, outputs]`.
struct Stack {
    layers: Vec<(Tensor, Tensor)>,
}

impl Stack {
    fn new(networks: i64) -> Self {
        let sizes = [INPUTS, HIDDEN, HIDDEN, OUTPUTS].map(|n| n as i64);
        let on = (Kind::Float, Device::Cpu);
        let layer = |pair: &[i64]| {
            let weight = Tensor::full([networks, pair[0], pair[1]], 0.05, on).set_requires_grad(true);
            (
                weight,
                Tensor::zeros([networks, 1, pair[1]], on).set_requires_grad(true),
            )
        };
        Self {
            layers: sizes.windows(2).map(layer).collect(),
        }
    }

    fn forward(&self, observations: &Tensor) -> Tensor {
        let mut x = observations.shallow_clone();
        for (i, (weight, bias)) in self.layers.iter().enumerate() {
            x = bias.baddbmm(&x, weight, 1.0, 1.0);
            if i + 1 < self.layers.len() {
                x = x.tanh();
            }
        }
        x
    }
}

fn measure(networks: usize, batch: usize) -> Option<(f64, f64, f64, f64)> {
    let mut rng = Generator::named(0, "seed-batch");
    let mut singles: Vec<Single> = (0..networks)
        .map(|_| Single::new(&mut rng))
        .collect::<Option<_>>()?;
    let observations = vec![0.3; batch * INPUTS];
    let gradient = vec![0.01; batch * OUTPUTS];
    let each = networks as f64;
    let forward = time_us(|| singles.iter_mut().for_each(|net| net.forward(&observations))) / each;
    let both = time_us(|| {
        for net in &mut singles {
            net.forward(&observations);
            net.backward(&gradient);
        }
    }) / each;
    let stack = Stack::new(networks as i64);
    let on = (Kind::Float, Device::Cpu);
    let observations = Tensor::full([networks as i64, batch as i64, INPUTS as i64], 0.3, on);
    let stacked_forward = time_us(|| {
        drop(tch::no_grad(|| stack.forward(&observations)));
    }) / each;
    let leaves: Vec<&Tensor> = stack.layers.iter().flat_map(|(w, b)| [w, b]).collect();
    let stacked_both = time_us(|| {
        let loss = (stack.forward(&observations) * 0.01).sum(Kind::Float);
        Tensor::run_backward(&[loss], &leaves, false, false);
    }) / each;
    Some((forward, stacked_forward, both, stacked_both))
}

fn main() {
    set_threads(1);
    println!(
        "| networks | batch each | forward: one by one | stacked | with backward: one by one | stacked |"
    );
    println!("|---|---|---|---|---|---|");
    for networks in [1, 5, 20] {
        for batch in [4, 128] {
            if let Some((forward, stacked, both, stacked_both)) = measure(networks, batch) {
                println!(
                    "| {networks} | {batch} | {forward:.1} | {stacked:.1} | {both:.1} | {stacked_both:.1} |"
                );
            }
        }
    }
}
