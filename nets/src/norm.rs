//! Layer normalisation (Ba et al. 2016): through libtorch's graph, and over flat rows for networks that run without it.

use tch::Tensor;

use crate::{
    kernels::LANES,
    params::{ParamBuilder, ParamId, ParamSet},
};

/// Added to the variance, as `torch.nn.LayerNorm` does by itself.
const EPS: f64 = 1e-5;

/// `y = (x - mean) / sqrt(variance + 1e-5) * weight + bias` over the last axis, variance divided by `n`. Parameters are
/// named `<name>.weight` and `<name>.bias` and begin at 1 and 0.
#[derive(Debug, Clone, Copy)]
pub struct LayerNorm {
    weight: ParamId,
    bias: ParamId,
}

impl LayerNorm {
    /// Adds the parameters for rows of `width` values.
    pub fn new(params: &mut ParamBuilder, name: &str, width: usize) -> Self {
        let shape = [width as i64];
        Self {
            weight: params.add(format!("{name}.weight"), &shape, &vec![1.0; width]),
            bias: params.add(format!("{name}.bias"), &shape, &vec![0.0; width]),
        }
    }

    /// `[batch, width]` to the same.
    pub fn forward(&self, params: &ParamSet, x: &Tensor) -> Tensor {
        let (weight, bias) = (params.get(self.weight), params.get(self.bias));
        x.layer_norm(weight.size(), Some(weight), Some(bias), EPS, false)
    }

    /// The ids of weight and bias.
    pub(crate) fn ids(&self) -> (ParamId, ParamId) {
        (self.weight, self.bias)
    }
}

/// What a forward pass over rows keeps for the one backward.
#[derive(Debug, Default)]
pub(crate) struct NormWork {
    /// `[n, stride]`: the rows before weight and bias.
    normal: Vec<f32>,
    /// `[n]`: one over the standard deviation.
    inverse: Vec<f32>,
}

/// Normalises rows of `stride` values, of which the first `weight.len()` count and the others stay as they are.
pub(crate) fn forward(weight: &[f32], bias: &[f32], stride: usize, rows: &mut [f32], work: &mut NormWork) {
    let width = weight.len();
    work.normal.resize(rows.len(), 0.0);
    work.inverse.clear();
    let kept = work.normal.chunks_exact_mut(stride);
    for (row, normal) in rows.chunks_exact_mut(stride).zip(kept) {
        let (row, normal) = (&mut row[..width], &mut normal[..width]);
        let mean = sum_of(row, |x| x) / width as f32;
        let variance = sum_of(row, |x| (x - mean) * (x - mean)) / width as f32;
        let inverse = 1.0 / (variance + EPS as f32).sqrt();
        work.inverse.push(inverse);
        for (i, x) in row.iter_mut().enumerate() {
            normal[i] = (*x - mean) * inverse;
            *x = normal[i] * weight[i] + bias[i];
        }
    }
}

/// Turns the gradient at the outputs of the last [`forward`] into that at its inputs, in place; writes those of weight and
/// bias.
pub(crate) fn backward(
    weight: &[f32],
    stride: usize,
    gradient: &mut [f32],
    work: &NormWork,
    weight_grad: &mut [f32],
    bias_grad: &mut [f32],
) {
    let width = weight.len();
    weight_grad.fill(0.0);
    bias_grad.fill(0.0);
    let kept = work.normal.chunks_exact(stride).zip(&work.inverse);
    for (row, (normal, inverse)) in gradient.chunks_exact_mut(stride).zip(kept) {
        let (row, normal) = (&mut row[..width], &normal[..width]);
        for (i, g) in row.iter_mut().enumerate() {
            weight_grad[i] += *g * normal[i];
            bias_grad[i] += *g;
            *g *= weight[i];
        }
        let mean = sum_of(row, |g| g) / width as f32;
        let along = sum_of_products(row, normal) / width as f32;
        for (g, x) in row.iter_mut().zip(normal) {
            *g = inverse * (*g - mean - x * along);
        }
    }
}

/// The sum over a row in as many partial sums as a wide register has lanes, so that its order is fixed.
fn sum_of(row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().map(|x| term(*x)).sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, x)| *sum += term(*x));
    }
    sums.iter().sum::<f32>() + rest
}

fn sum_of_products(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let pairs = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let rest: f32 = pairs.map(|(x, y)| x * y).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        let pairs = a.iter().zip(b);
        sums.iter_mut().zip(pairs).for_each(|(sum, (x, y))| *sum += x * y);
    }
    sums.iter().sum::<f32>() + rest
}
