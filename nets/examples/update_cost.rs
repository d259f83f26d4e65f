//! Measures one minibatch update of a 147-64-64 actor and critic: libtorch alone against this crate's sets and optimiser.
//! One thread; prints microseconds.
#![expect(clippy::print_stdout, reason = "its figures are the point")]

use std::time::Instant;

use prospect_nets::{
    CeilingConfig, Device, Init, Kind, Mlp, MlpConfig, NetShape, Optimiser, OptimiserConfig, ParamBuilder,
    Tensor, UpdateWork, ceiling, set_threads,
};
use prospect_sim::random::Generator;

fn main() {
    set_threads(1);
    let mut rng = Generator::named(0, "cost");
    let mut builder = ParamBuilder::new();
    let mut net = |name: &str, outputs| {
        Mlp::new(
            &mut builder,
            name,
            147,
            &MlpConfig::default(),
            Some((outputs, Init::Orthogonal { gain: 1.0 })),
            &mut rng,
        )
    };
    let nets = [net("actor", 7), net("critic", 1)];
    let mut params = builder.build(Device::Cpu);
    let mut optimiser = Optimiser::new(OptimiserConfig::default(), &params);
    for minibatch in [256usize, 1024] {
        let input = Tensor::ones([minibatch as i64, 147], (Kind::Float, Device::Cpu));
        let mut parts = [const { Vec::new() }; 3];
        for _ in 0..400 {
            let mut last = Instant::now();
            let mut lap = |part: &mut Vec<f64>| {
                part.push(last.elapsed().as_secs_f64() * 1e6);
                last = Instant::now();
            };
            let outputs = nets
                .iter()
                .map(|net| net.forward(&params, &input).square().mean(Kind::Float));
            let loss: Tensor = outputs.sum();
            lap(&mut parts[0]);
            params.backward(&loss).expect("the loss has a graph");
            lap(&mut parts[1]);
            optimiser.step(&mut params, 1e-4, Some(0.5));
            lap(&mut parts[2]);
        }
        let medians = parts.map(|mut part| {
            part.sort_by(f64::total_cmp);
            part[part.len() / 2]
        });
        let shape = |outputs| NetShape {
            inputs: 147,
            hidden: vec![64, 64],
            heads: vec![outputs],
        };
        let config = CeilingConfig {
            acting: vec![shape(7), shape(1)],
            n_envs: 64,
            rollout_steps: 128,
            minibatch_size: minibatch,
            updates: vec![UpdateWork {
                nets: vec![shape(7), shape(1)],
                passes: vec![],
                times: 4.0 * (64 * 128_usize).div_ceil(minibatch) as f64,
            }],
        };
        let alone = ceiling(&config, 1.0).expect("the sizes are above 0");
        println!(
            "minibatch {minibatch}: forward {:.0}, backward {:.0}, step {:.0}; libtorch alone {:.0} (acting on 64: {:.0})",
            medians[0],
            medians[1],
            medians[2],
            alone.update_s[0] * 1e6,
            alone.inference_s * 1e6
        );
    }
}
