//! Loops over flat f32 slices that libtorch would need many operations for. Safe code; `raw.rs` compiles each for wide
//! instructions too. Every kernel fixes the order of its additions, so that all versions give the same bytes.

#![expect(
    clippy::inline_always,
    reason = "a kernel takes the instructions of the function it is inlined into, so it must be"
)]

/// Columns that are summed at once: eight AVX-512 registers.
const BLOCK: usize = 128;

/// Samples whose gradients are scattered together: 8 KiB at 128 columns.
const TILE: usize = 16;

/// The sum of the squares, in f64 over sixteen interleaved lanes.
#[inline(always)]
pub(crate) fn sum_of_squares(values: &[f32]) -> f64 {
    let mut lanes = [0.0f64; 16];
    let chunks = values.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(value) * f64::from(value);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane += f64::from(value) * f64::from(value);
    }
    lanes.iter().sum()
}

/// The numbers of one Adam step, worked out once for all parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdamRates {
    /// What the gradient is multiplied with first: clipping.
    pub(crate) grad_scale: f32,
    /// Added to the gradient, times the parameter (Adam's L2 penalty).
    pub(crate) l2: f32,
    /// What the parameter is multiplied with first (AdamW).
    pub(crate) shrink: f32,
    pub(crate) one_minus_beta1: f32,
    pub(crate) beta2: f32,
    pub(crate) one_minus_beta2: f32,
    /// `lr / (1 - beta1^t)`.
    pub(crate) step_size: f32,
    /// `sqrt(1 - beta2^t)`.
    pub(crate) bias_correction2_sqrt: f32,
    pub(crate) eps: f32,
}

/// One step of Adam or AdamW, with the roundings of `torch.optim.Adam(foreach=False, fused=False)`.
#[inline(always)]
pub(crate) fn adam(
    rates: &AdamRates,
    parameter: &mut [f32],
    gradient: &[f32],
    exp_avg: &mut [f32],
    exp_avg_sq: &mut [f32],
) {
    let r = *rates;
    let moments = exp_avg.iter_mut().zip(exp_avg_sq);
    for ((p, &g), (m, v)) in parameter.iter_mut().zip(gradient).zip(moments) {
        let start = *p * r.shrink;
        let g = g * r.grad_scale + r.l2 * start;
        *m += r.one_minus_beta1 * (g - *m);
        *v = *v * r.beta2 + r.one_minus_beta2 * g * g;
        let denominator = v.sqrt() / r.bias_correction2_sqrt + r.eps;
        *p = start - r.step_size * (*m / denominator);
    }
}

/// The numbers of one RMSProp step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RmsPropRates {
    /// What the gradient is multiplied with first: clipping.
    pub(crate) grad_scale: f32,
    /// Added to the gradient, times the parameter.
    pub(crate) l2: f32,
    pub(crate) alpha: f32,
    pub(crate) one_minus_alpha: f32,
    pub(crate) lr: f32,
    pub(crate) eps: f32,
}

/// One step of `torch.optim.RMSprop` without momentum.
#[inline(always)]
pub(crate) fn rms_prop(
    rates: &RmsPropRates,
    parameter: &mut [f32],
    gradient: &[f32],
    square_avg: &mut [f32],
) {
    let r = *rates;
    for ((p, &g), v) in parameter.iter_mut().zip(gradient).zip(square_avg) {
        let g = g * r.grad_scale + r.l2 * *p;
        *v = *v * r.alpha + r.one_minus_alpha * g * g;
        *p -= r.lr * (g / (v.sqrt() + r.eps));
    }
}

/// A matrix product with rows of zeros and ones: `out[b] = bias + sum_i weight[rows[b, i]]`.
///
/// `weight` is `[inputs, width]`, `bias` `[width]`, `rows` `[samples, per_sample]`, `out` `[samples, width]`. Rows outside
/// `weight` panic.
#[inline(always)]
pub(crate) fn gather_sum(weight: &[f32], bias: &[f32], rows: &[u32], per_sample: usize, out: &mut [f32]) {
    let width = bias.len();
    for (rows, out) in rows.chunks_exact(per_sample).zip(out.chunks_exact_mut(width)) {
        let mut from = 0;
        while from + BLOCK <= width {
            let mut sum = [0.0f32; BLOCK];
            sum.copy_from_slice(&bias[from..from + BLOCK]);
            for &row in rows {
                let at = row as usize * width + from;
                for (sum, &value) in sum.iter_mut().zip(&weight[at..at + BLOCK]) {
                    *sum += value;
                }
            }
            out[from..from + BLOCK].copy_from_slice(&sum);
            from += BLOCK;
        }
        if from == width {
            continue;
        }
        let out = &mut out[from..];
        out.copy_from_slice(&bias[from..]);
        for &row in rows {
            let at = row as usize * width;
            for (sum, &value) in out.iter_mut().zip(&weight[at + from..at + width]) {
                *sum += value;
            }
        }
    }
}

/// The gradient of [`gather_sum`]: adds `gradient` `[samples, width]` to the rows that each sample summed, and to the bias.
///
/// Samples go in tiles, and within a tile position by position: the few rows that a position can name stay in the first
/// cache while the tile's samples add to them.
#[inline(always)]
pub(crate) fn scatter_add(
    gradient: &[f32],
    rows: &[u32],
    per_sample: usize,
    weight: &mut [f32],
    bias: &mut [f32],
) {
    let width = bias.len();
    for gradient in gradient.chunks_exact(width) {
        for (sum, &value) in bias.iter_mut().zip(gradient) {
            *sum += value;
        }
    }
    for (rows, gradient) in rows.chunks(TILE * per_sample).zip(gradient.chunks(TILE * width)) {
        for position in 0..per_sample {
            let row_of_each = rows[position..].iter().step_by(per_sample);
            for (&row, gradient) in row_of_each.zip(gradient.chunks_exact(width)) {
                let at = row as usize * width;
                for (sum, &value) in weight[at..at + width].iter_mut().zip(gradient) {
                    *sum += value;
                }
            }
        }
    }
}
