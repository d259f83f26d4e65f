//! Noisy layers: weights drawn around learned means with learned widths (Fortunato et al. 2018, factorised noise).
//!
//! A network with noise runs on a set of drawn weights, `mean + width * noise`, by whatever way it runs without; the drawn
//! set's gradient is then taken over to the learned one, which holds the means of all parameters and the widths of the noisy
//! ones.

use prospect_sim::random::Generator;
use tch::{Tensor, no_grad};

use crate::{
    linear::Linear,
    params::{ParamId, ParamSet},
};

/// What a network's drawn weights come from.
#[derive(Debug)]
pub struct Noise {
    learned: ParamSet,
    parts: Vec<Part>,
}

/// A parameter of the drawn set with noise on it.
#[derive(Debug)]
struct Part {
    mean: ParamId,
    width: ParamId,
    /// As shaped as the parameter; of weights the product of two vectors.
    noise: Tensor,
}

impl Noise {
    /// Makes `layers` of the network on `params` noisy: the means are their values now, and all widths `sigma0 / sqrt(p)`
    /// for layers of `p` inputs (section 3.2). Until [`Self::draw`] there is no noise.
    pub fn new(params: &ParamSet, layers: &[Linear], sigma0: f64) -> Self {
        let mut widths = Vec::new();
        for layer in layers {
            let inputs = params.get(layer.weight()).size()[1];
            let width = (sigma0 / (inputs.max(1) as f64).sqrt()) as f32;
            widths.extend([layer.weight(), layer.bias()].map(|id| (id, width)));
        }
        let (learned, ids) = params.extended(".noise_width", &widths);
        let pairs = widths.iter().zip(ids);
        let parts = pairs.map(|(&(mean, _), width)| Part {
            mean,
            width,
            noise: params.get(mean).zeros_like(),
        });
        Self {
            parts: parts.collect(),
            learned,
        }
    }

    /// The same means and widths in memory of their own, not to be trained, for a target network.
    #[must_use]
    pub fn frozen_copy(&self) -> Self {
        Self {
            learned: self.learned.frozen_copy(),
            parts: self.parts.iter().map(Part::shallow_clone).collect(),
        }
    }

    /// Means and widths, which an optimiser moves.
    pub fn learned(&self) -> &ParamSet {
        &self.learned
    }

    /// The same, to be moved; [`Self::apply`] must follow.
    pub fn learned_mut(&mut self) -> &mut ParamSet {
        &mut self.learned
    }

    /// Draws fresh noise: per layer one value for each input and output, `sign(x) sqrt(|x|)` of a normal `x`, and of
    /// weights their products (equations 10 and 11). [`Self::apply`] must follow.
    pub fn draw(&mut self, rng: &mut Generator) {
        for layer in self.parts.chunks_exact_mut(2) {
            let [weight, bias] = layer else { continue };
            let (size, device) = (weight.noise.size(), weight.noise.device());
            let mut vector = |n: i64| {
                let values: Vec<f32> = (0..n).map(|_| squashed(rng.standard_normal())).collect();
                Tensor::from_slice(&values).to_device(device)
            };
            let (of_inputs, of_outputs) = (vector(size[1]), vector(size[0]));
            weight.noise = of_outputs.outer(&of_inputs);
            bias.noise = of_outputs;
        }
    }

    /// Takes the noise away: weights are their means.
    pub fn silence(&mut self) {
        for part in &mut self.parts {
            part.noise = part.noise.zeros_like();
        }
    }

    /// Sets the drawn weights.
    pub fn apply(&self, drawn: &mut ParamSet) {
        no_grad(|| {
            drawn.copy_first_of(&self.learned);
            for part in &self.parts {
                let noise = self.learned.get(part.width) * &part.noise;
                drop(drawn.get(part.mean).shallow_clone().g_add_(&noise));
            }
        });
    }

    /// Takes the gradient of the drawn weights over: as it is to the means, times the noise to the widths.
    pub fn collect(&mut self, drawn: &ParamSet) {
        no_grad(|| {
            self.learned.copy_first_grad_of(drawn);
            for part in &self.parts {
                let through = drawn.grad(part.mean) * &part.noise;
                self.learned.grad(part.width).copy_(&through);
            }
        });
    }
}

impl Part {
    fn shallow_clone(&self) -> Self {
        Self {
            mean: self.mean,
            width: self.width,
            noise: self.noise.shallow_clone(),
        }
    }
}

fn squashed(x: f64) -> f32 {
    (x.signum() * x.abs().sqrt()) as f32
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::{Init, Optimiser, OptimiserConfig, ParamBuilder, read_floats};

    fn layer() -> (Linear, ParamSet) {
        let mut builder = ParamBuilder::new();
        let rng = &mut Generator::named(0, "test");
        let layer = Linear::new(&mut builder, "f", 4, 3, Init::KaimingUniform, rng);
        (layer, builder.build(Device::Cpu))
    }

    #[test]
    fn drawn_weights_are_means_plus_widths_times_noise() {
        let (layer, mut params) = layer();
        let means = read_floats(params.get(layer.weight()));
        let mut noise = Noise::new(&params, &[layer], 0.5);
        noise.apply(&mut params);
        assert_eq!(read_floats(params.get(layer.weight())), means);
        noise.draw(&mut Generator::named(1, "test"));
        noise.apply(&mut params);
        let drawn = read_floats(params.get(layer.weight()));
        let biases = read_floats(&noise.parts[1].noise);
        // Widths are 0.5 / sqrt(4), and the noise of a row is that of its output times one vector.
        let rows = drawn.chunks(4).zip(means.chunks(4)).zip(&biases);
        let vectors: Vec<Vec<f32>> = rows
            .map(|((drawn, means), output)| {
                let pairs = drawn.iter().zip(means);
                pairs.map(|(a, b)| (a - b) / 0.25 / output).collect()
            })
            .collect();
        for (a, b) in vectors[0].iter().zip(&vectors[2]) {
            approx::assert_relative_eq!(*a, *b, max_relative = 1e-3);
        }
        noise.silence();
        noise.apply(&mut params);
        assert_eq!(read_floats(params.get(layer.weight())), means);
    }

    #[test]
    fn the_gradient_reaches_means_and_widths() {
        let (layer, mut params) = layer();
        let mut noise = Noise::new(&params, &[layer], 0.5);
        noise.draw(&mut Generator::named(1, "test"));
        noise.apply(&mut params);
        let x = Tensor::from_slice(&[1.0_f32, -2.0, 0.5, 3.0]).view([1, 4]);
        let loss = layer.forward(&params, &x).square().sum(Kind::Float);
        params.backward(&loss).unwrap();
        noise.collect(&params);
        for part in &noise.parts {
            let direct = read_floats(&params.grad(part.mean));
            assert_eq!(read_floats(&noise.learned.grad(part.mean)), direct);
            let through = read_floats(&noise.learned.grad(part.width));
            let expected = direct.iter().zip(read_floats(&part.noise)).map(|(g, n)| g * n);
            assert_eq!(through, expected.collect::<Vec<_>>());
            assert!(through.iter().any(|x| x.abs() > 1e-3));
        }
        let mut adam = Optimiser::new(OptimiserConfig::default(), noise.learned());
        adam.step(noise.learned_mut(), 0.01, None);
        noise.apply(&mut params);
        let after = layer.forward(&params, &x).square().sum(Kind::Float);
        assert!(after.double_value(&[]) < loss.double_value(&[]));
    }
}
