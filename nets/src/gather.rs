//! A fully connected layer over one-hot inputs: a sum of weight rows instead of a matrix product with zeros.
//!
//! libtorch's graph cannot hold this sum cheaply (`embedding_bag` sorts its indices to go backward), so on the CPU it is
//! made outside: the output is a leaf of the graph, and [`crate::backward`] adds the leaf's gradient to the rows that were
//! summed. Measured by `examples/encoder_cost.rs` (147 of 1,029 inputs set at random, 128 outputs, one thread, AVX-512, a
//! machine shared with other work; µs per batch, forward alone / with backward):
//!
//! | batch | dense product | `embedding_bag` | this |
//! |---|---|---|---|
//! | 16 | 100 / 215 | 13 / 261 | 15 / 83 |
//! | 64 | 328 / 691 | 45 / 1077 | 65 / 222 |
//! | 256 | 1106 / 2615 | 162 / 3056 | 211 / 698 |
//! | 1024 | 5414 / 9734 | 499 / 12094 | 1035 / 3584 |

use prospect_sim::random::Generator;
use tch::{Device, Kind, Tensor};

use crate::{
    init::Init,
    params::{Gathered, ParamBuilder, ParamId, ParamSet},
    raw,
};

/// The layer; weight `[inputs, outputs]`, named `<name>.weight` and `<name>.bias`.
#[derive(Debug, Clone, Copy)]
pub struct GatherLinear {
    weight: ParamId,
    bias: ParamId,
    inputs: usize,
    outputs: usize,
}

impl GatherLinear {
    /// Adds the layer's parameters.
    ///
    /// `active` is the number of inputs that are set at once: the fan-in that matters for [`Init::KaimingUniform`].
    pub fn new(
        params: &mut ParamBuilder,
        name: &str,
        inputs: usize,
        outputs: usize,
        active: usize,
        init: Init,
        rng: &mut Generator,
    ) -> Self {
        let shape = [inputs as i64, outputs as i64];
        let values = match init {
            // Drawn as [outputs, inputs], the layout in which these are defined, then turned.
            Init::Orthogonal { .. } | Init::UnitRows => {
                let drawn = init.weight(&[shape[1], shape[0]], rng);
                (0..inputs * outputs)
                    .map(|at| drawn[at % outputs * inputs + at / outputs])
                    .collect()
            }
            Init::KaimingUniform => init.bias(inputs * outputs, active, rng),
            Init::Constant { .. } => init.weight(&shape, rng),
        };
        let weight = params.add(format!("{name}.weight"), &shape, &values);
        let bias = params.add(
            format!("{name}.bias"),
            &shape[1..],
            &init.bias(outputs, active, rng),
        );
        Self {
            weight,
            bias,
            inputs,
            outputs,
        }
    }

    /// The sum of the weight rows `rows` `[batch, per_sample]` and the bias, `[batch, outputs]`.
    ///
    /// # Panics
    /// If a row is not below the number of inputs.
    pub fn forward(&self, params: &ParamSet, rows: Vec<u32>, per_sample: usize) -> Tensor {
        assert!(
            rows.iter().all(|&row| (row as usize) < self.inputs),
            "a one-hot input beyond {}",
            self.inputs
        );
        if params.device() != Device::Cpu {
            return self.forward_by_operations(params, &rows, per_sample);
        }
        let batch = rows.len() / per_sample;
        let mut output = Tensor::empty([batch as i64, self.outputs as i64], (Kind::Float, Device::Cpu));
        let (weight, bias) = (params.get(self.weight), params.get(self.bias));
        raw::gather_sum(
            raw::floats(weight),
            raw::floats(bias),
            &rows,
            per_sample,
            raw::floats_mut(&mut output),
        );
        if !params.is_recording() {
            return output;
        }
        let output = output.set_requires_grad(true);
        params.record(Gathered {
            output: output.shallow_clone(),
            rows,
            per_sample,
            weight: self.weight,
            bias: self.bias,
        });
        output
    }

    /// The same through libtorch's own operation, for other devices.
    fn forward_by_operations(&self, params: &ParamSet, rows: &[u32], per_sample: usize) -> Tensor {
        let rows: Vec<i64> = rows.iter().map(|&row| i64::from(row)).collect();
        let rows = Tensor::from_slice(&rows).to_device(params.device());
        let batch = rows.size()[0] / per_sample as i64;
        let offsets = Tensor::arange(batch, (Kind::Int64, params.device())) * per_sample as i64;
        let weight = params.get(self.weight);
        let sum = Tensor::embedding_bag::<Tensor>(weight, &rows, &offsets, false, 0, false, None, false).0;
        sum + params.get(self.bias)
    }

    /// Weight and bias.
    pub(crate) fn ids(&self) -> (ParamId, ParamId) {
        (self.weight, self.bias)
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 97 outputs: a block of columns and a remainder.
    const OUTPUTS: usize = 97;
    const INPUTS: usize = 40;
    const PER_SAMPLE: usize = 5;

    fn layer() -> (GatherLinear, ParamSet, Vec<u32>) {
        let mut rng = Generator::named(5, "gather");
        let mut builder = ParamBuilder::new();
        let layer = GatherLinear::new(
            &mut builder,
            "in",
            INPUTS,
            OUTPUTS,
            PER_SAMPLE,
            Init::KaimingUniform,
            &mut rng,
        );
        let rows = (0..12 * PER_SAMPLE)
            .map(|_| rng.integers(0, INPUTS as i64) as u32)
            .collect();
        (layer, builder.build(Device::Cpu), rows)
    }

    fn loss_of(output: &Tensor) -> Tensor {
        (output.tanh() * Tensor::arange(OUTPUTS as i64, (Kind::Float, Device::Cpu))).mean(Kind::Float)
    }

    #[test]
    fn values_and_gradients_are_those_of_libtorch() {
        let (layer, mut params, rows) = layer();
        let mut found = Vec::new();
        for by_operations in [false, true] {
            let output = if by_operations {
                layer.forward_by_operations(&params, &rows, PER_SAMPLE)
            } else {
                layer.forward(&params, rows.clone(), PER_SAMPLE)
            };
            let loss = loss_of(&output);
            params.backward(&loss).unwrap();
            let grads = [params.grad(layer.weight), params.grad(layer.bias)];
            found.push([output, grads[0].copy(), grads[1].copy()].map(|t| crate::read_floats(&t)));
        }
        for (ours, theirs) in found[0].iter().zip(&found[1]) {
            assert!(theirs.iter().any(|x| x.abs() > 1e-3));
            for (a, b) in ours.iter().zip(theirs) {
                approx::assert_abs_diff_eq!(*a, *b, epsilon = 1e-6);
            }
        }
    }

    #[test]
    fn without_recording_nothing_is_kept() {
        let (layer, mut params, rows) = layer();
        let output = tch::no_grad(|| layer.forward(&params, rows.clone(), PER_SAMPLE));
        assert!(!output.requires_grad());
        params.set_trainable(false);
        assert!(!layer.forward(&params, rows, PER_SAMPLE).requires_grad());
    }

    #[test]
    fn two_passes_add_up() {
        let (layer, mut params, rows) = layer();
        let loss = loss_of(&layer.forward(&params, rows.clone(), PER_SAMPLE));
        params.backward(&loss).unwrap();
        let once = crate::read_floats(&params.grad(layer.weight));
        let loss = loss_of(&layer.forward(&params, rows.clone(), PER_SAMPLE));
        let twice = loss + loss_of(&layer.forward(&params, rows, PER_SAMPLE));
        params.backward(&twice).unwrap();
        for (a, b) in crate::read_floats(&params.grad(layer.weight)).iter().zip(once) {
            approx::assert_abs_diff_eq!(*a, 2.0 * b, epsilon = 1e-6);
        }
    }
}
