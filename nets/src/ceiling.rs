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

/// The work between one turn of a learner and the next.
#[derive(Debug, Clone, PartialEq)]
pub struct CeilingConfig {
    /// The networks that acting runs.
    pub acting: Vec<NetShape>,
    /// Envs, the batch of an acting pass.
    pub n_envs: usize,
    /// Acting passes per turn.
    pub rollout_steps: usize,
    /// Samples of a minibatch.
    pub minibatch_size: usize,
    /// What is learned per turn.
    pub updates: Vec<UpdateWork>,
}

/// Updates of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdateWork {
    /// The networks that one step of an optimiser trains.
    pub nets: Vec<NetShape>,
    /// Networks that each update runs on its minibatch besides, without a gradient, such as targets.
    pub passes: Vec<NetShape>,
    /// Updates per turn; a policy that every second update trains counts half.
    pub times: f64,
}

/// What libtorch alone takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ceiling {
    /// Median seconds of an acting pass.
    pub inference_s: f64,
    /// Median seconds of each kind of update, with the passes that belong to it.
    pub update_s: Vec<f64>,
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
            self.acting.len(),
            self.updates.len(),
        ];
        let is_empty = |net: &NetShape| net.inputs == 0 || net.heads.is_empty();
        let learned = self
            .updates
            .iter()
            .flat_map(|work| work.nets.iter().chain(&work.passes));
        if sizes.contains(&0)
            || self.acting.iter().chain(learned).any(is_empty)
            || self
                .updates
                .iter()
                .any(|work| work.nets.is_empty() || work.times <= 0.0)
        {
            return Err(NetsError::Setting {
                place: "ceiling".into(),
                reason: format!("every size must be above 0: {self:?}"),
            });
        }
        Ok(())
    }
}

/// Networks with made-up inputs of `rows` rows.
struct Work {
    nets: Vec<Net>,
    inputs: Vec<Tensor>,
}

impl Work {
    fn new(shapes: &[NetShape], rows: usize) -> Self {
        let input = |shape: &NetShape| {
            let n = (rows * shape.inputs) as i64;
            (Tensor::arange(n, (Kind::Float, Device::Cpu)) * 0.3)
                .cos()
                .view([rows as i64, shape.inputs as i64])
        };
        Self {
            nets: shapes.iter().map(Net::new).collect(),
            inputs: shapes.iter().map(input).collect(),
        }
    }

    fn forward(&self) -> Vec<Tensor> {
        let pairs = self.nets.iter().zip(&self.inputs);
        pairs.flat_map(|(net, input)| net.forward(input)).collect()
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
    let share = seconds / (1 + config.updates.len()) as f64;
    let share = Duration::from_secs_f64(share.max(0.0));
    let acting = Work::new(&config.acting, config.n_envs);
    let inference_s = median_s(share, || {
        tch::no_grad(|| drop(acting.forward()));
        Ok(())
    })?;
    let updates = config.updates.iter();
    let update_s: Vec<f64> = updates
        .map(|work| update_s(work, config.minibatch_size, share))
        .collect::<Result<_, _>>()?;
    let updates = config.updates.iter().zip(&update_s);
    let learning_s: f64 = updates.map(|(work, seconds)| work.times * seconds).sum();
    let samples = config.n_envs * config.rollout_steps;
    Ok(Ceiling {
        steps_per_second: samples as f64 / (config.rollout_steps as f64 * inference_s + learning_s),
        inference_s,
        update_s,
    })
}

/// Median seconds of the passes without a gradient, a forward and backward pass and a step of Adam.
fn update_s(work: &UpdateWork, minibatch_size: usize, budget: Duration) -> Result<f64, NetsError> {
    let passes = Work::new(&work.passes, minibatch_size);
    let learned = Work::new(&work.nets, minibatch_size);
    let mut adam = COptimizer::adam(1e-4, 0.9, 0.999, 0.0, 1e-5, false)?;
    for parameter in learned.nets.iter().flat_map(Net::parameters) {
        adam.add_parameters(parameter, 0)?;
    }
    median_s(budget, || {
        tch::no_grad(|| drop(passes.forward()));
        adam.zero_grad()?;
        let outputs = learned.forward();
        let losses = outputs.iter().map(|output| output.square().mean(Kind::Float));
        let loss: Tensor = losses.sum();
        loss.f_backward()?;
        clip_grad_norm(&learned.nets, 0.5);
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

    fn net(outputs: usize) -> NetShape {
        NetShape {
            inputs: 12,
            hidden: vec![8],
            heads: vec![outputs],
        }
    }

    fn config() -> CeilingConfig {
        let update = |passes, times| UpdateWork {
            nets: vec![net(3), net(1)],
            passes,
            times,
        };
        CeilingConfig {
            acting: vec![net(3)],
            n_envs: 4,
            rollout_steps: 8,
            minibatch_size: 16,
            updates: vec![update(vec![net(3)], 8.0), update(vec![], 0.5)],
        }
    }

    #[test]
    fn the_ceiling_is_the_sum_of_its_parts() {
        let found = ceiling(&config(), 0.02).unwrap();
        let expected = 32.0 / (8.0 * found.inference_s + 8.0 * found.update_s[0] + 0.5 * found.update_s[1]);
        assert!((found.steps_per_second / expected - 1.0).abs() < 1e-9);
        assert!(found.update_s[0] > found.inference_s, "{found:?}");
    }

    #[test]
    fn clipping_leaves_the_given_norm() {
        let nets = [Net::new(&net(3))];
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
        let spoil: [fn(&mut CeilingConfig); 3] = [
            |config| config.minibatch_size = 0,
            |config| config.updates[1].times = 0.0,
            |config| config.updates[0].passes[0].inputs = 0,
        ];
        for spoil in spoil {
            let mut empty = config();
            spoil(&mut empty);
            assert!(matches!(ceiling(&empty, 0.0), Err(NetsError::Setting { .. })));
        }
    }
}
