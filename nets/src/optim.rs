//! Adam, AdamW, RAdam and RMSProp over a [`ParamSet`], with moments that can be stored and global-norm clipping in the same pass.
//!
//! tch hides its optimisers' moments, which a checkpoint needs. These repeat `torch.optim` (2.11, `foreach=False`): golden
//! steps recorded from PyTorch hold them (`tests/golden`, made by `scripts/record_optimisers.py`).

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::{
    error::NetsError,
    kernels::{AdamRates, RmsPropRates},
    named::NamedTensors,
    params::ParamSet,
    raw,
};

/// Which optimiser, with its constants. The learning rate comes with each step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum OptimiserConfig {
    /// Adam (Kingma and Ba 2015).
    Adam {
        /// Decay of the mean of gradients.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the mean of squared gradients.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the denominator. 1e-5 as PPO implementations have it, not PyTorch's 1e-8.
        #[serde(default = "eps")]
        eps: f64,
        /// L2 penalty, added to the gradient.
        #[serde(default)]
        weight_decay: f64,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    AdamW {
        /// Decay of the mean of gradients.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the mean of squared gradients.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the denominator.
        #[serde(default = "eps")]
        eps: f64,
        /// Each step first scales parameters by `1 - lr * weight_decay`.
        #[serde(default = "decoupled_decay")]
        weight_decay: f64,
    },
    /// Adam with a rectified variance: by momentum alone for the first five steps, then with a step size that grows as the
    /// mean of squares becomes sure (Liu et al. 2020).
    RAdam {
        /// Decay of the mean of gradients.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the mean of squared gradients.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the denominator.
        #[serde(default = "eps")]
        eps: f64,
    },
    /// RMSProp, not centred and without momentum.
    RmsProp {
        /// Decay of the mean of squared gradients.
        #[serde(default = "alpha")]
        alpha: f64,
        /// Added to the denominator.
        #[serde(default = "eps")]
        eps: f64,
        /// L2 penalty, added to the gradient.
        #[serde(default)]
        weight_decay: f64,
    },
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

fn alpha() -> f64 {
    0.99
}

fn eps() -> f64 {
    1e-5
}

fn decoupled_decay() -> f64 {
    0.01
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self::Adam {
            beta1: beta1(),
            beta2: beta2(),
            eps: eps(),
            weight_decay: 0.0,
        }
    }
}

/// An optimiser's moments for one [`ParamSet`].
#[derive(Debug)]
pub struct Optimiser {
    config: OptimiserConfig,
    steps: u64,
    /// Adam: mean and mean of squares; RMSProp: mean of squares.
    moments: Vec<Tensor>,
}

impl Optimiser {
    /// Moments of zero for `params`.
    pub fn new(config: OptimiserConfig, params: &ParamSet) -> Self {
        let moments = moment_names(&config)
            .iter()
            .map(|_| params.zeros_like())
            .collect();
        Self {
            config,
            steps: 0,
            moments,
        }
    }

    /// Which optimiser it is.
    pub fn config(&self) -> OptimiserConfig {
        self.config
    }

    /// The number of steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Moves `params` by the gradient of their last [`ParamSet::backward`], after scaling the gradient down to a global
    /// norm of `max_grad_norm` as `torch.nn.utils.clip_grad_norm_` does. Returns the norm before clipping.
    pub fn step(&mut self, params: &mut ParamSet, lr: f64, max_grad_norm: Option<f64>) -> f64 {
        let norm = params.grad_norm();
        let grad_scale = max_grad_norm.map_or(1.0, |max| (max / (norm + 1e-6)).min(1.0));
        self.steps += 1;
        let steps = self.steps;
        let rates = |constants, decay| adam_rates(constants, decay, lr, grad_scale, steps);
        match self.config {
            OptimiserConfig::Adam {
                beta1,
                beta2,
                eps,
                weight_decay,
            } => self.adam(params, &rates([beta1, beta2, eps], [weight_decay, 0.0])),
            OptimiserConfig::AdamW {
                beta1,
                beta2,
                eps,
                weight_decay,
            } => self.adam(params, &rates([beta1, beta2, eps], [0.0, weight_decay])),
            OptimiserConfig::RAdam { beta1, beta2, eps } => {
                let rates = radam_rates([beta1, beta2, eps], lr, grad_scale, steps);
                self.adam(params, &rates);
            }
            OptimiserConfig::RmsProp {
                alpha,
                eps,
                weight_decay,
            } => {
                let rates = rms_prop_rates([alpha, eps, weight_decay], lr, grad_scale);
                self.rms_prop(params, &rates);
            }
        }
        norm
    }

    fn adam(&mut self, params: &mut ParamSet, rates: &AdamRates) {
        let [exp_avg, exp_avg_sq] = self.moments.as_mut_slice() else {
            return;
        };
        let (flat, grad) = params.flat_and_grad();
        if flat.device() == Device::Cpu {
            let moments = (raw::floats_mut(exp_avg), raw::floats_mut(exp_avg_sq));
            raw::adam(
                rates,
                raw::floats_mut(flat),
                raw::floats(grad),
                moments.0,
                moments.1,
            );
        } else {
            tch::no_grad(|| adam_by_operations(rates, flat, grad, exp_avg, exp_avg_sq));
        }
    }

    fn rms_prop(&mut self, params: &mut ParamSet, rates: &RmsPropRates) {
        let [square_avg] = self.moments.as_mut_slice() else {
            return;
        };
        let (flat, grad) = params.flat_and_grad();
        if flat.device() == Device::Cpu {
            raw::rms_prop(
                rates,
                raw::floats_mut(flat),
                raw::floats(grad),
                raw::floats_mut(square_avg),
            );
        } else {
            tch::no_grad(|| rms_prop_by_operations(rates, flat, grad, square_avg));
        }
    }

    /// Moments and step count by name, `prefix` before each.
    pub fn store(&self, prefix: &str, params: &ParamSet, into: &mut NamedTensors) {
        for (name, moment) in moment_names(&self.config).iter().zip(&self.moments) {
            params.store_like(moment, &format!("{prefix}{name}."), into);
        }
        into.set_text(&format!("{prefix}steps"), self.steps);
    }

    /// The reverse of [`Self::store`].
    ///
    /// # Errors
    /// [`NetsError`] if anything is missing or of another shape; nothing is changed then.
    pub fn restore(
        &mut self,
        prefix: &str,
        params: &ParamSet,
        stored: &NamedTensors,
    ) -> Result<(), NetsError> {
        let key = format!("{prefix}steps");
        let steps = stored.text(&key).and_then(|text| text.parse().ok());
        let steps = steps.ok_or_else(|| NetsError::Format {
            reason: format!("the text {key} is missing or is no number"),
        })?;
        let read = |name: &&str| params.read_like(&format!("{prefix}{name}."), stored);
        self.moments = moment_names(&self.config)
            .iter()
            .map(read)
            .collect::<Result<_, _>>()?;
        self.steps = steps;
        Ok(())
    }
}

fn moment_names(config: &OptimiserConfig) -> &'static [&'static str] {
    match config {
        OptimiserConfig::Adam { .. } | OptimiserConfig::AdamW { .. } | OptimiserConfig::RAdam { .. } => {
            &["exp_avg", "exp_avg_sq"]
        }
        OptimiserConfig::RmsProp { .. } => &["square_avg"],
    }
}

/// `constants` are beta1, beta2 and eps; `decay` the L2 penalty and the decoupled one.
fn adam_rates(constants: [f64; 3], decay: [f64; 2], lr: f64, grad_scale: f64, steps: u64) -> AdamRates {
    let [beta1, beta2, eps] = constants;
    let t = steps.min(i32::MAX as u64) as i32;
    AdamRates {
        grad_scale: grad_scale as f32,
        l2: decay[0] as f32,
        shrink: (1.0 - lr * decay[1]) as f32,
        one_minus_beta1: (1.0 - beta1) as f32,
        beta2: beta2 as f32,
        one_minus_beta2: (1.0 - beta2) as f32,
        step_size: (lr / (1.0 - beta1.powi(t))) as f32,
        bias_correction2_sqrt: (1.0 - beta2.powi(t)).sqrt() as f32,
        eps: eps as f32,
    }
}

/// RAdam's step as Adam's of other numbers. `torch.optim.RAdam` adds eps to the square root before it corrects the bias.
fn radam_rates(constants: [f64; 3], lr: f64, grad_scale: f64, steps: u64) -> AdamRates {
    let [beta1, beta2, eps] = constants;
    let (t, decayed) = (steps as f64, beta2.powi(steps.min(i32::MAX as u64) as i32));
    let longest = 2.0 / (1.0 - beta2) - 1.0;
    let length = longest - 2.0 * t * decayed / (1.0 - decayed);
    let mut rates = adam_rates([beta1, beta2, eps], [0.0, 0.0], lr, grad_scale, steps);
    if length > 5.0 {
        let of = |length: f64| (length - 4.0) * (length - 2.0) / length;
        let rectified = (of(length) / of(longest) * (1.0 - decayed)).sqrt();
        rates.step_size = (f64::from(rates.step_size) * rectified) as f32;
        rates.bias_correction2_sqrt = 1.0;
    } else {
        // Too few squares to go by: the denominator is to be 1.
        rates.bias_correction2_sqrt = f32::INFINITY;
        rates.eps = 1.0;
    }
    rates
}

/// `constants` are alpha, eps and the L2 penalty.
fn rms_prop_rates([alpha, eps, l2]: [f64; 3], lr: f64, grad_scale: f64) -> RmsPropRates {
    RmsPropRates {
        grad_scale: grad_scale as f32,
        l2: l2 as f32,
        alpha: alpha as f32,
        one_minus_alpha: (1.0 - alpha) as f32,
        lr: lr as f32,
        eps: eps as f32,
    }
}

/// The step on another device, by libtorch's operations over the flat tensors.
fn adam_by_operations(
    rates: &AdamRates,
    flat: &mut Tensor,
    grad: &Tensor,
    exp_avg: &mut Tensor,
    exp_avg_sq: &mut Tensor,
) {
    let scalar = f64::from;
    let start = &*flat * scalar(rates.shrink);
    let grad = grad * scalar(rates.grad_scale) + &start * scalar(rates.l2);
    let mean = exp_avg.lerp(&grad, scalar(rates.one_minus_beta1));
    exp_avg.copy_(&mean);
    let squares = &*exp_avg_sq * scalar(rates.beta2) + grad.square() * scalar(rates.one_minus_beta2);
    exp_avg_sq.copy_(&squares);
    let denominator = squares.sqrt() / scalar(rates.bias_correction2_sqrt) + scalar(rates.eps);
    flat.copy_(&(start - mean / denominator * scalar(rates.step_size)));
}

/// The step on another device, by libtorch's operations over the flat tensors.
fn rms_prop_by_operations(rates: &RmsPropRates, flat: &mut Tensor, grad: &Tensor, square_avg: &mut Tensor) {
    let scalar = f64::from;
    let grad = grad * scalar(rates.grad_scale) + &*flat * scalar(rates.l2);
    let squares = &*square_avg * scalar(rates.alpha) + grad.square() * scalar(rates.one_minus_alpha);
    square_avg.copy_(&squares);
    let moved = &*flat - grad / (squares.sqrt() + scalar(rates.eps)) * scalar(rates.lr);
    flat.copy_(&moved.to_kind(Kind::Float));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{ParamBuilder, ParamId};

    fn quadratic(values: &[f32]) -> (ParamSet, ParamId) {
        let mut builder = ParamBuilder::new();
        let id = builder.add("x", &[values.len() as i64], values);
        (builder.build(Device::Cpu), id)
    }

    fn backward_sum_of_squares(params: &mut ParamSet, id: ParamId) {
        let loss = params.get(id).square().sum(Kind::Float);
        params.backward(&loss).unwrap();
    }

    #[test]
    fn the_first_adam_step_has_the_size_of_the_learning_rate() {
        let (mut params, id) = quadratic(&[3.0, -4.0]);
        let mut adam = Optimiser::new(OptimiserConfig::default(), &params);
        backward_sum_of_squares(&mut params, id);
        let norm = adam.step(&mut params, 0.1, None);
        assert!((norm - 10.0).abs() < 1e-9);
        let moved = crate::read_floats(params.get(id));
        assert!(
            (moved[0] - 2.9).abs() < 1e-5 && (moved[1] + 3.9).abs() < 1e-5,
            "{moved:?}"
        );
    }

    #[test]
    fn clipping_scales_the_whole_gradient() {
        // RMSProp without memory (alpha = 0) and a large eps moves by nearly lr / eps times the gradient.
        let config = OptimiserConfig::RmsProp {
            alpha: 0.0,
            eps: 1e4,
            weight_decay: 0.0,
        };
        let (mut params, id) = quadratic(&[3.0, -4.0]);
        let mut optimiser = Optimiser::new(config, &params);
        backward_sum_of_squares(&mut params, id);
        assert!((optimiser.step(&mut params, 1e4, Some(0.5)) - 10.0).abs() < 1e-9);
        let moved = crate::read_floats(params.get(id));
        assert!(
            (moved[0] - 2.7).abs() < 1e-3 && (moved[1] + 3.6).abs() < 1e-3,
            "{moved:?}"
        );
    }

    #[test]
    fn operations_agree_with_the_kernel() {
        let values: Vec<f32> = (0..100).map(|i| (i as f32 * 0.37).sin()).collect();
        let grads: Vec<f32> = (0..100).map(|i| (i as f32 * 1.7).cos()).collect();
        let rates = adam_rates([0.9, 0.999, 1e-5], [0.01, 0.1], 1e-2, 0.7, 3);
        let mut kernel = [values.clone(), grads.clone(), vec![0.01; 100], vec![0.02; 100]];
        let mut tensors = kernel.each_ref().map(|v| Tensor::from_slice(v));
        let [p, g, m, v] = &mut kernel;
        raw::adam(&rates, p, g, m, v);
        let [tp, tg, tm, tv] = &mut tensors;
        adam_by_operations(&rates, tp, tg, tm, tv);
        for (by_kernel, by_operations) in kernel.iter().zip(&tensors) {
            for (a, b) in by_kernel.iter().zip(crate::read_floats(by_operations)) {
                approx::assert_relative_eq!(*a, b, max_relative = 2e-6, epsilon = 1e-7);
            }
        }
    }

    #[test]
    fn stored_moments_go_on_with_the_same_bits() {
        for config in [
            OptimiserConfig::default(),
            OptimiserConfig::RmsProp {
                alpha: 0.9,
                eps: 1e-5,
                weight_decay: 0.0,
            },
        ] {
            let (mut params, id) = quadratic(&[1.0, 2.0, 3.0]);
            let mut optimiser = Optimiser::new(config, &params);
            for _ in 0..3 {
                backward_sum_of_squares(&mut params, id);
                optimiser.step(&mut params, 0.01, Some(0.5));
            }
            let mut stored = NamedTensors::new();
            optimiser.store("opt.", &params, &mut stored);
            params.store("net.", &mut stored);
            let stored = NamedTensors::from_bytes(&stored.to_bytes()).unwrap();
            let (mut again, _) = quadratic(&[0.0; 3]);
            let mut resumed = Optimiser::new(config, &again);
            again.restore("net.", &stored).unwrap();
            resumed.restore("opt.", &again, &stored).unwrap();
            for _ in 0..3 {
                for (set, optimiser) in [(&mut params, &mut optimiser), (&mut again, &mut resumed)] {
                    backward_sum_of_squares(set, id);
                    optimiser.step(set, 0.01, Some(0.5));
                }
            }
            assert_eq!(params.to_bytes(), again.to_bytes());
            assert_eq!(resumed.steps(), 6);
        }
    }

    #[test]
    fn unknown_keys_are_refused() {
        let text = r#"{"kind":"adam","beta3":0.5}"#;
        assert!(
            serde_json::from_str::<OptimiserConfig>(text)
                .unwrap_err()
                .to_string()
                .contains("beta3")
        );
        let adam: OptimiserConfig = serde_json::from_str(r#"{"kind":"adam"}"#).unwrap();
        assert_eq!(adam, OptimiserConfig::default());
    }
}
