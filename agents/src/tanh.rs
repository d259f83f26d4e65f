//! `tanh` after a draw: what it does to the draw's density.

use std::f32::consts::LN_2;

/// The logarithm of the slope of `tanh` at `x`, `ln(1 - tanh(x)^2)`, as `2 (ln 2 - x - softplus(-2 x))`: the form of PyTorch's
/// `TanhTransform`, which stays finite where `tanh` is 1 to the last bit. It falls by `2 tanh(x)`.
pub(crate) fn log_slope(x: f32) -> f32 {
    2.0 * (LN_2 - x - softplus(-2.0 * x))
}

/// `ln(1 + exp(x))` without overflow.
fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_logarithm_of_the_slope_and_finite_far_out() {
        for x in [-3.0_f32, -0.4, 0.0, 1.7] {
            let by_definition = (1.0 - f64::from(x).tanh().powi(2)).ln();
            assert!((f64::from(log_slope(x)) - by_definition).abs() < 1e-5, "{x}");
        }
        assert!((log_slope(50.0) - (2.0 * LN_2 - 100.0)).abs() < 1e-4 && log_slope(-50.0).is_finite());
    }
}
