//! Measures three ways to put a one-hot MiniGrid view through its first layer: a dense product, `embedding_bag`, and the
//! gather that `GatherLinear` uses. One thread; prints microseconds per batch, forward alone and with backward.
#![expect(clippy::print_stdout, reason = "its table is the point")]

use std::time::Instant;

use prospect_nets::{Device, GatherLinear, Init, Kind, ParamBuilder, Tensor, read_floats, set_threads};
use prospect_sim::random::Generator;

const LEVELS: [i64; 3] = [11, 6, 4];
const CELLS: usize = 49;
const INPUTS: i64 = 1029;
const OUTPUTS: i64 = 128;

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

/// Active rows `[batch, 147]` of a random view.
fn rows(batch: usize, rng: &mut Generator) -> Vec<u32> {
    let mut rows = Vec::with_capacity(batch * CELLS * 3);
    for _ in 0..batch {
        for cell in 0..CELLS as i64 {
            let mut first = cell * LEVELS.iter().sum::<i64>();
            for n in LEVELS {
                rows.push((first + rng.integers(0, n)) as u32);
                first += n;
            }
        }
    }
    rows
}

fn main() {
    set_threads(1);
    let mut rng = Generator::named(0, "cost");
    let mut builder = ParamBuilder::new();
    let per_sample = CELLS * 3;
    let layer = GatherLinear::new(
        &mut builder,
        "in",
        INPUTS as usize,
        OUTPUTS as usize,
        per_sample,
        Init::KaimingUniform,
        &mut rng,
    );
    let mut params = builder.build(Device::Cpu);
    let weight = Tensor::zeros([INPUTS, OUTPUTS], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    println!("| batch | dense | embedding_bag | gather |\n|---|---|---|---|");
    for batch in [16usize, 64, 256, 1024] {
        let rows = rows(batch, &mut rng);
        let index = Tensor::from_slice(&rows.iter().map(|&r| i64::from(r)).collect::<Vec<_>>());
        let offsets = Tensor::arange(batch as i64, (Kind::Int64, Device::Cpu)) * per_sample as i64;
        // The dense product is charged with scattering its ones, as a batch of bytes would have to be.
        let dense_input = || {
            let zeros = Tensor::zeros([batch as i64, INPUTS], (Kind::Float, Device::Cpu));
            zeros.scatter_value(1, &index.view([batch as i64, per_sample as i64]), 1.0)
        };
        let dense = || dense_input().matmul(&weight);
        let bag =
            || Tensor::embedding_bag::<Tensor>(&weight, &index, &offsets, false, 0, false, None, false).0;
        let backward = |output: Tensor| {
            let loss = output.tanh().sum(Kind::Float);
            drop(Tensor::run_backward(&[loss], &[&weight], false, false));
        };
        let forward = [
            time_us(|| drop(tch_no_grad(dense))),
            time_us(|| drop(tch_no_grad(bag))),
            time_us(|| drop(tch_no_grad(|| layer.forward(&params, rows.clone(), per_sample)))),
        ];
        let both = [
            time_us(|| backward(dense())),
            time_us(|| backward(bag())),
            time_us(|| {
                let loss = layer
                    .forward(&params, rows.clone(), per_sample)
                    .tanh()
                    .sum(Kind::Float);
                params.backward(&loss).expect("the loss has a graph");
            }),
        ];
        let cells: Vec<String> = forward
            .iter()
            .zip(both)
            .map(|(f, b)| format!("{f:.0} / {b:.0}"))
            .collect();
        println!("| {batch} | {} |", cells.join(" | "));
    }
    assert!(read_floats(&weight).iter().all(|w| *w == 0.0));
}

fn tch_no_grad<T>(f: impl FnOnce() -> T) -> T {
    tch::no_grad(f)
}
