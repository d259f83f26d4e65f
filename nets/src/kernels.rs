//! Loops over flat f32 slices that libtorch would need many operations for. Safe code; `raw.rs` compiles each for wide
//! instructions too. Every kernel fixes the order of its additions, so that all versions give the same bytes.

#![expect(
    clippy::inline_always,
    reason = "a kernel takes the instructions of the function it is inlined into, so it must be"
)]

/// Columns that are summed at once: eight AVX-512 registers.
const BLOCK: usize = 128;

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

/// One-hot groups that are summed for all samples before the next ones are: their weight rows stay in the nearest cache.
pub(crate) const GROUPS: usize = 6;

/// A matrix product with rows of zeros and ones: `out[b] = bias + sum_i weight[rows[b, i]]`.
///
/// `weight` is `[inputs, width]`, `bias` `[width]`, `rows` `[samples, per_sample]`, `out` `[samples, width]`. Rows outside
/// `weight` panic.
#[inline(always)]
pub(crate) fn gather_sum(weight: &[f32], bias: &[f32], rows: &[u32], per_sample: usize, out: &mut [f32]) {
    let width = bias.len();
    out.chunks_exact_mut(width)
        .for_each(|out| out.copy_from_slice(bias));
    for first in (0..per_sample).step_by(GROUPS) {
        let last = per_sample.min(first + GROUPS);
        for (rows, out) in rows.chunks_exact(per_sample).zip(out.chunks_exact_mut(width)) {
            gather_groups(weight, &rows[first..last], out);
        }
    }
}

#[inline(always)]
fn gather_groups(weight: &[f32], rows: &[u32], out: &mut [f32]) {
    let width = out.len();
    let mut from = 0;
    while from + BLOCK <= width {
        let mut sum = [0.0f32; BLOCK];
        sum.copy_from_slice(&out[from..from + BLOCK]);
        for &row in rows {
            let at = row as usize * width + from;
            for (sum, &value) in sum.iter_mut().zip(&weight[at..at + BLOCK]) {
                *sum += value;
            }
        }
        out[from..from + BLOCK].copy_from_slice(&sum);
        from += BLOCK;
    }
    for &row in rows {
        let at = row as usize * width;
        for (sum, &value) in out[from..].iter_mut().zip(&weight[at + from..at + width]) {
            *sum += value;
        }
    }
}

/// The gradient of [`gather_sum`]: adds `gradient` `[samples, width]` to the rows that each sample summed, and to the bias.
#[inline(always)]
pub(crate) fn scatter_add(
    gradient: &[f32],
    rows: &[u32],
    per_sample: usize,
    weight: &mut [f32],
    bias: &mut [f32],
) {
    let width = bias.len();
    add_rows(gradient, bias);
    for first in (0..per_sample).step_by(GROUPS) {
        let last = per_sample.min(first + GROUPS);
        for (rows, gradient) in rows.chunks_exact(per_sample).zip(gradient.chunks_exact(width)) {
            for &row in &rows[first..last] {
                let at = row as usize * width;
                for (sum, &value) in weight[at..at + width].iter_mut().zip(gradient) {
                    *sum += value;
                }
            }
        }
    }
}

/// Weight rows `rows[start..end]` that belong to one sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) sample: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// Adds to `out` `[samples, width]` the weight rows of each run; `weight` is `[inputs, width]`.
#[inline(always)]
pub(crate) fn gather_runs(weight: &[f32], runs: &[Run], rows: &[u32], width: usize, out: &mut [f32]) {
    for run in runs {
        let at = run.sample as usize * width;
        let rows = &rows[run.start as usize..run.end as usize];
        gather_groups(weight, rows, &mut out[at..at + width]);
    }
}

/// The gradient of [`gather_runs`]: adds each sample's row of `gradient` `[samples, width]` to the weight rows of its runs.
#[inline(always)]
pub(crate) fn scatter_runs(gradient: &[f32], runs: &[Run], rows: &[u32], width: usize, weight: &mut [f32]) {
    for run in runs {
        let at = run.sample as usize * width;
        let gradient = &gradient[at..at + width];
        for &row in &rows[run.start as usize..run.end as usize] {
            let at = row as usize * width;
            for (sum, &value) in weight[at..at + width].iter_mut().zip(gradient) {
                *sum += value;
            }
        }
    }
}

/// `to[i] -= from[i]`.
#[inline(always)]
pub(crate) fn subtract(from: &[f32], to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to -= from;
    }
}

/// Turns `matrix` `[rows, columns]`: `out[j * out_row + i] = matrix[i * columns + j]`, a square of a cache line's width at a time.
#[inline(always)]
pub(crate) fn turn(matrix: &[f32], columns: usize, out: &mut [f32], out_row: usize) {
    let rows = matrix.len() / columns;
    for top in (0..rows).step_by(LANES) {
        let bottom = rows.min(top + LANES);
        for left in (0..columns).step_by(LANES) {
            for j in left..columns.min(left + LANES) {
                let to = &mut out[j * out_row + top..j * out_row + bottom];
                for (i, to) in (top..bottom).zip(to) {
                    *to = matrix[i * columns + j];
                }
            }
        }
    }
}

/// f32 values of the widest register.
pub(crate) const LANES: usize = 16;

/// A matrix product's sizes and strides: `c[i, j] += sum_l a[i * a_row + l * a_column] * b[l * b_row + j]` for
/// `i < m, j < n, l < k`; `n` is a multiple of [`LANES`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) a_row: usize,
    pub(crate) a_column: usize,
    pub(crate) b_row: usize,
    pub(crate) c_row: usize,
}

/// Rows of `b` that are packed at once: with 64 columns half of the smallest nearest cache.
const PACKED_ROWS: usize = 64;

/// The product, in tiles of `R` rows and `V` registers, at most four. Each sum runs over `l` in order with fused additions, so that
/// tiles of any size, and sums that rest in `c` in between, give the same bytes.
///
/// Where many rows of `a` meet the same columns of `b`, these are packed first, a part of the sum at a time: rows that lie a
/// power of two apart push each other out of the cache.
#[inline(always)]
pub(crate) fn product<const R: usize, const V: usize>(by: &Product, a: &[f32], b: &[f32], c: &mut [f32]) {
    if by.m >= 4 * R && by.k >= PACKED_ROWS {
        return packed_product::<R, V>(by, a, b, c);
    }
    for j in (0..by.n).step_by(V * LANES) {
        let width = (by.n - j).min(V * LANES);
        columns::<R, V>(by, a, &b[j..], &mut c[j..], width);
    }
}

#[inline(always)]
fn packed_product<const R: usize, const V: usize>(by: &Product, a: &[f32], b: &[f32], c: &mut [f32]) {
    let mut packed = [0.0f32; PACKED_ROWS * 4 * LANES];
    for j in (0..by.n).step_by(V * LANES) {
        let width = (by.n - j).min(V * LANES);
        for from in (0..by.k).step_by(PACKED_ROWS) {
            let k = (by.k - from).min(PACKED_ROWS);
            for (l, to) in packed.chunks_exact_mut(width).take(k).enumerate() {
                to.copy_from_slice(&b[(from + l) * by.b_row + j..][..width]);
            }
            let part = Product {
                k,
                b_row: width,
                ..*by
            };
            columns::<R, V>(&part, &a[from * by.a_column..], &packed, &mut c[j..], width);
        }
    }
}

/// The first `width` columns of a product, at most `V * LANES`.
#[inline(always)]
fn columns<const R: usize, const V: usize>(by: &Product, a: &[f32], b: &[f32], c: &mut [f32], width: usize) {
    match width / LANES {
        1 => panel::<R, 1>(by, a, b, c),
        2 if V > 2 => panel::<R, 2>(by, a, b, c),
        3 if V > 3 => panel::<R, 3>(by, a, b, c),
        _ => panel::<R, V>(by, a, b, c),
    }
}

/// The first `V * LANES` columns of a product.
#[inline(always)]
fn panel<const R: usize, const V: usize>(by: &Product, a: &[f32], b: &[f32], c: &mut [f32]) {
    let mut i = 0;
    while i + R <= by.m {
        tile::<R, V>(by, &a[i * by.a_row..], b, &mut c[i * by.c_row..]);
        i += R;
    }
    while i < by.m {
        tile::<1, V>(by, &a[i * by.a_row..], b, &mut c[i * by.c_row..]);
        i += 1;
    }
}

#[inline(always)]
fn tile<const R: usize, const V: usize>(by: &Product, a: &[f32], b: &[f32], c: &mut [f32]) {
    let mut sums = [[[0.0f32; LANES]; V]; R];
    for (r, sums) in sums.iter_mut().enumerate() {
        for (v, sum) in sums.iter_mut().enumerate() {
            sum.copy_from_slice(&c[r * by.c_row + v * LANES..][..LANES]);
        }
    }
    for l in 0..by.k {
        let row = &b[l * by.b_row..][..V * LANES];
        let mut factors = [[0.0f32; LANES]; V];
        for (v, factor) in factors.iter_mut().enumerate() {
            factor.copy_from_slice(&row[v * LANES..][..LANES]);
        }
        for (r, sums) in sums.iter_mut().enumerate() {
            let x = a[r * by.a_row + l * by.a_column];
            for (sum, factor) in sums.iter_mut().zip(&factors) {
                for (sum, factor) in sum.iter_mut().zip(factor) {
                    *sum = x.mul_add(*factor, *sum);
                }
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        for (v, sum) in sums.iter().enumerate() {
            c[r * by.c_row + v * LANES..][..LANES].copy_from_slice(sum);
        }
    }
}

/// Hyperbolic tangent in place, within 4e-7: the quotient of polynomials of degree 13 and 6 that Eigen and XLA use, too.
#[inline(always)]
pub(crate) fn tanh(values: &mut [f32]) {
    const ODD: [f32; 7] = [
        -2.760_768_5e-16,
        2.000_188e-13,
        -8.604_672e-11,
        5.122_297e-8,
        1.485_722_3e-5,
        6.372_619_5e-4,
        4.893_524_6e-3,
    ];
    const EVEN: [f32; 4] = [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3];
    for value in values {
        // Beyond this the quotient is 1 to the last bit.
        let x = value.clamp(-7.905_311, 7.905_311);
        let square = x * x;
        let mut above = ODD[0];
        for factor in &ODD[1..] {
            above = above.mul_add(square, *factor);
        }
        let mut below = EVEN[0];
        for factor in &EVEN[1..] {
            below = below.mul_add(square, *factor);
        }
        *value = x * above / below;
    }
}

/// `gradient *= 1 - output^2`.
#[inline(always)]
pub(crate) fn tanh_backward(output: &[f32], gradient: &mut [f32]) {
    for (gradient, y) in gradient.iter_mut().zip(output) {
        *gradient *= 1.0 - y * y;
    }
}

/// `max(x, 0)` in place; NaN stays.
#[inline(always)]
pub(crate) fn relu(values: &mut [f32]) {
    for value in values {
        *value = if *value < 0.0 { 0.0 } else { *value };
    }
}

/// The gradient passes where the output is above 0.
#[inline(always)]
pub(crate) fn relu_backward(output: &[f32], gradient: &mut [f32]) {
    for (gradient, y) in gradient.iter_mut().zip(output) {
        *gradient = if *y > 0.0 { *gradient } else { 0.0 };
    }
}

/// Adds each row of `rows` `[n, sums.len()]` to `sums`.
#[inline(always)]
pub(crate) fn add_rows(rows: &[f32], sums: &mut [f32]) {
    for row in rows.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}

/// Bytes as reals times `scale`.
#[inline(always)]
pub(crate) fn scale_bytes(bytes: &[u8], scale: f32, out: &mut [f32]) {
    for (out, byte) in out.iter_mut().zip(bytes) {
        *out = f32::from(*byte) * scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw;

    fn values(n: usize, step: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * step).sin()).collect()
    }

    /// One sum after the other, each in order with fused additions.
    fn plain(by: &Product, a: &[f32], b: &[f32], c: &mut [f32]) {
        for i in 0..by.m {
            for j in 0..by.n {
                let sum = &mut c[i * by.c_row + j];
                for l in 0..by.k {
                    *sum = a[i * by.a_row + l * by.a_column].mul_add(b[l * by.b_row + j], *sum);
                }
            }
        }
    }

    #[test]
    fn tiles_and_packed_parts_give_the_bytes_of_plain_sums() {
        // Rows and columns that fill no tile; sums within and beyond what is packed at once; either side turned.
        for (m, n, k) in [
            (1, 16, 5),
            (5, 64, 300),
            (37, 80, 300),
            (50, 112, 128),
            (24, 48, 129),
        ] {
            let (a, b) = (values(m * k, 0.7), values(k * n, 0.3));
            for (a_row, a_column) in [(k, 1), (1, m)] {
                let by = Product {
                    m,
                    n,
                    k,
                    a_row,
                    a_column,
                    b_row: n,
                    c_row: n,
                };
                let start = values(m * n, 0.11);
                let [mut found, mut narrow, mut expected] = [(); 3].map(|()| start.clone());
                raw::product(&by, &a, &b, &mut found);
                product::<4, 1>(&by, &a, &b, &mut narrow);
                plain(&by, &a, &b, &mut expected);
                assert_eq!(found, expected, "{m} {n} {k}");
                assert_eq!(narrow, expected, "{m} {n} {k}");
            }
        }
    }

    #[test]
    fn a_turned_matrix_has_its_columns_as_rows() {
        let (rows, columns, out_row) = (19, 33, 32);
        let matrix = values(rows * columns, 0.9);
        let mut out = vec![7.0; columns * out_row];
        raw::turn(&matrix, columns, &mut out, out_row);
        for (j, row) in out.chunks_exact(out_row).enumerate() {
            for (i, value) in row.iter().enumerate() {
                let expected = if i < rows { matrix[i * columns + j] } else { 7.0 };
                assert_eq!(*value, expected, "{i} {j}");
            }
        }
    }
}
