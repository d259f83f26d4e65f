//! How fast libtorch alone could train: the yardstick of `prospect bench train`.
//!
//! Measured with plain tensors, libtorch's own autograd, clipping and its C++ Adam, none of this crate's blocks: forward
//! passes for acting, and forward, backward, clipping and Adam for each minibatch. No env, no loss beyond a mean square.

use std::time::{Duration, Instant};

use serde::Serialize;
use tch::{COptimizer, Device, Kind, Tensor};

use crate::error::NetsError;

/// A network: hidden layers with tanh, then one linear head per entry of `heads`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetShape {
    /// Inputs.
    pub inputs: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Widths of the heads.
    pub heads: Vec<usize>,
}

/// The work between one update of the policy and the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeilingConfig {
    /// The networks, all trained by one optimiser: one with two heads, or an actor and a critic.
    pub nets: Vec<NetShape>,
    /// Envs, the batch of an acting pass.
    pub n_envs: usize,
    /// Acting passes per iteration.
    pub rollout_steps: usize,
    /// Samples of a minibatch.
    pub minibatch_size: usize,
    /// Minibatches learned from per iteration.
    pub updates: usize,
    /// Forward passes of a minibatch without a gradient before each, such as those of a target network.
    pub target_passes: usize,
}

/// What libtorch alone takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ceiling {
    /// Median seconds of an acting pass.
    pub inference_s: f64,
    /// Median seconds of a minibatch's update.
    pub update_s: f64,
    /// Median seconds of a minibatch's pass without a gradient; 0 if there are none.
    pub target_s: f64,
    /// Env steps per second if nothing else took time.
    pub steps_per_second: f64,
}

/// Plain tensors of one network.
struct Net {
    hidden: Vec<(Tensor, Tensor)>,
    heads: Vec<(Tensor, Tensor)>,
}

fn layer(inputs: usize, outputs: usize) -> (Tensor, Tensor) {
    let n = (inputs * outputs) as i64;
    // Any values do that keep activations and gradients ordinary; these need no random numbers.
    let weight = (Tensor::arange(n, (Kind::Float, Device::Cpu)) * 0.7).sin() / (inputs as f64).sqrt();
    let weight = weight
        .view([outputs as i64, inputs as i64])
        .set_requires_grad(true);
    let bias = Tensor::zeros(outputs as i64, (Kind::Float, Device::Cpu)).set_requires_grad(true);
    (weight, bias)
}

impl Net {
    fn new(shape: &NetShape) -> Self {
        let mut width = shape.inputs;
        let mut hidden = vec![];
        for &outputs in &shape.hidden {
            hidden.push(layer(width, outputs));
            width = outputs;
        }
        let heads = shape.heads.iter().map(|&outputs| layer(width, outputs)).collect();
        Self { hidden, heads }
    }

    fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        self.hidden
            .iter()
            .chain(&self.heads)
            .flat_map(|(weight, bias)| [weight, bias])
    }

    fn forward(&self, x: &Tensor) -> Vec<Tensor> {
        let mut x = x.shallow_clone();
        for (weight, bias) in &self.hidden {
            x = x.linear(weight, Some(bias)).tanh();
        }
        let head = |(weight, bias): &(Tensor, Tensor)| x.linear(weight, Some(bias));
        self.heads.iter().map(head).collect()
    }
}

impl CeilingConfig {
    fn check(&self) -> Result<(), NetsError> {
        let sizes = [
            self.n_envs,
            self.rollout_steps,
            self.minibatch_size,
            self.updates,
            self.nets.len(),
        ];
        let is_empty = |net: &NetShape| net.inputs == 0 || net.heads.is_empty();
        if sizes.contains(&0) || self.nets.iter().any(is_empty) {
            return Err(NetsError::Setting {
                place: "ceiling".into(),
                reason: format!("every size must be above 0: {self:?}"),
            });
        }
        Ok(())
    }

    /// Made-up inputs of each network, `[rows, inputs]`.
    fn inputs(&self, rows: usize) -> Vec<Tensor> {
        let input = |shape: &NetShape| {
            let n = (rows * shape.inputs) as i64;
            (Tensor::arange(n, (Kind::Float, Device::Cpu)) * 0.3)
                .cos()
                .view([rows as i64, shape.inputs as i64])
        };
        self.nets.iter().map(input).collect()
    }
}

/// Median seconds of `run`, repeated for `budget` and at least seven times after a warm-up.
fn median_s(budget: Duration, mut run: impl FnMut() -> Result<(), NetsError>) -> Result<f64, NetsError> {
    for _ in 0..3 {
        run()?;
    }
    let began = Instant::now();
    let mut times = vec![];
    while times.len() < 7 || began.elapsed() < budget {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Measures for about `seconds`, on the CPU with the threads that are set.
///
/// # Errors
/// [`NetsError::Setting`] if a size is 0; [`NetsError::Torch`] if libtorch fails.
pub fn ceiling(config: &CeilingConfig, seconds: f64) -> Result<Ceiling, NetsError> {
    config.check()?;
    let nets: Vec<Net> = config.nets.iter().map(Net::new).collect();
    let share = Duration::from_secs_f64((seconds / 3.0).max(0.0));
    let inference = |rows: usize| {
        let inputs = config.inputs(rows);
        median_s(share, || {
            tch::no_grad(|| drop(forward(&nets, &inputs)));
            Ok(())
        })
    };
    let inference_s = inference(config.n_envs)?;
    let target_s = match config.target_passes {
        0 => 0.0,
        _ => inference(config.minibatch_size)?,
    };
    let update_s = update_s(&nets, &config.inputs(config.minibatch_size), share)?;
    let samples = config.n_envs * config.rollout_steps;
    let update_all_s = update_s + config.target_passes as f64 * target_s;
    let iteration_s = config.rollout_steps as f64 * inference_s + config.updates as f64 * update_all_s;
    Ok(Ceiling {
        inference_s,
        update_s,
        target_s,
        steps_per_second: samples as f64 / iteration_s,
    })
}

fn forward(nets: &[Net], inputs: &[Tensor]) -> Vec<Tensor> {
    let pairs = nets.iter().zip(inputs);
    pairs.flat_map(|(net, input)| net.forward(input)).collect()
}

/// Median seconds of a forward and backward pass and a step of Adam.
fn update_s(nets: &[Net], minibatch: &[Tensor], budget: Duration) -> Result<f64, NetsError> {
    let mut adam = COptimizer::adam(1e-4, 0.9, 0.999, 0.0, 1e-5, false)?;
    for parameter in nets.iter().flat_map(Net::parameters) {
        adam.add_parameters(parameter, 0)?;
    }
    median_s(budget, || {
        adam.zero_grad()?;
        let outputs = forward(nets, minibatch);
        let losses = outputs.iter().map(|output| output.square().mean(Kind::Float));
        let loss: Tensor = losses.sum();
        loss.f_backward()?;
        clip_grad_norm(nets, 0.5);
        adam.step()?;
        Ok(())
    })
}

/// `torch.nn.utils.clip_grad_norm_` without its look at the result, which would wait for a device.
fn clip_grad_norm(nets: &[Net], max: f64) {
    tch::no_grad(|| {
        let grads: Vec<Tensor> = nets.iter().flat_map(Net::parameters).map(Tensor::grad).collect();
        let norms: Vec<Tensor> = grads.iter().map(Tensor::norm).collect();
        let scale = ((Tensor::stack(&norms, 0).norm() + 1e-6).reciprocal() * max).clamp_max(1.0);
        for mut grad in grads {
            // In place: the sum lives on in the parameter.
            drop(grad.multiply_(&scale));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> CeilingConfig {
        let net = |outputs| NetShape {
            inputs: 12,
            hidden: vec![8],
            heads: vec![outputs],
        };
        CeilingConfig {
            nets: vec![net(3), net(1)],
            n_envs: 4,
            rollout_steps: 8,
            minibatch_size: 16,
            updates: 8,
            target_passes: 2,
        }
    }

    #[test]
    fn the_ceiling_is_the_sum_of_its_parts() {
        let found = ceiling(&config(), 0.02).unwrap();
        let expected = 32.0 / (8.0 * found.inference_s + 8.0 * found.update_s + 16.0 * found.target_s);
        assert!((found.steps_per_second / expected - 1.0).abs() < 1e-9);
        assert!(found.update_s > found.inference_s, "{found:?}");
    }

    #[test]
    fn clipping_leaves_the_given_norm() {
        let nets = [Net::new(&config().nets[0])];
        let input = Tensor::ones([2, 12], (Kind::Float, Device::Cpu));
        (nets[0].forward(&input)[0].sum(Kind::Float) * 100.0).backward();
        clip_grad_norm(&nets, 0.5);
        let squares = nets[0]
            .parameters()
            .map(|p| p.grad().square().sum(Kind::Double).double_value(&[]));
        assert!((squares.sum::<f64>().sqrt() - 0.5).abs() < 1e-5);
    }

    #[test]
    fn empty_work_is_refused() {
        let empty = CeilingConfig {
            minibatch_size: 0,
            ..config()
        };
        assert!(matches!(ceiling(&empty, 0.0), Err(NetsError::Setting { .. })));
    }
}
