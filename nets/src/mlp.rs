//! Fully connected layers in a row.

use prospect_sim::random::Generator;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{
    init::Init,
    linear::{Activation, Linear},
    norm::LayerNorm,
    params::{ParamBuilder, ParamSet},
};

/// The settings of an [`Mlp`]'s hidden layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlpConfig {
    /// Widths of the hidden layers. Default `[64, 64]`.
    pub hidden: Vec<usize>,
    /// The function after each hidden layer. Default `tanh`.
    pub activation: Activation,
    /// How hidden weights begin. Default orthogonal with gain `sqrt(2)`.
    pub init: Init,
    /// Layer normalisation before each activation. Default off.
    pub layer_norm: bool,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self {
            hidden: vec![64, 64],
            activation: Activation::Tanh,
            init: Init::HIDDEN,
            layer_norm: false,
        }
    }
}

/// Hidden layers, each followed by the activation, and if asked for an output layer that is not.
///
/// Parameters are named `<name>.0.weight`, `<name>.0.bias`, `<name>.1.weight`, ..., and `<name>.0.norm.weight` where there
/// is layer normalisation.
#[derive(Debug, Clone)]
pub struct Mlp {
    hidden: Vec<Linear>,
    /// One per hidden layer, or none at all.
    norms: Vec<LayerNorm>,
    output: Option<Linear>,
    activation: Activation,
    width: usize,
}

impl Mlp {
    /// Adds the layers' parameters. `output` is the width of the output layer and how it begins.
    pub fn new(
        params: &mut ParamBuilder,
        name: &str,
        inputs: usize,
        config: &MlpConfig,
        output: Option<(usize, Init)>,
        rng: &mut Generator,
    ) -> Self {
        let mut width = inputs;
        let mut hidden = Vec::with_capacity(config.hidden.len());
        let mut norms = Vec::new();
        for (i, &outputs) in config.hidden.iter().enumerate() {
            let layer = &format!("{name}.{i}");
            hidden.push(Linear::new(params, layer, width, outputs, config.init, rng));
            if config.layer_norm {
                norms.push(LayerNorm::new(params, &format!("{name}.{i}.norm"), outputs));
            }
            width = outputs;
        }
        let output = output.map(|(outputs, init)| {
            let layer = &format!("{name}.{}", hidden.len());
            let layer = Linear::new(params, layer, width, outputs, init, rng);
            width = outputs;
            layer
        });
        Self {
            hidden,
            norms,
            output,
            activation: config.activation,
            width,
        }
    }

    /// `[batch, inputs]` to `[batch, width]`.
    pub fn forward(&self, params: &ParamSet, x: &Tensor) -> Tensor {
        let mut x = x.shallow_clone();
        for (i, layer) in self.hidden.iter().enumerate() {
            x = layer.forward(params, &x);
            if let Some(norm) = self.norms.get(i) {
                x = norm.forward(params, &x);
            }
            x = self.activation.apply(&x);
        }
        match &self.output {
            Some(layer) => layer.forward(params, &x),
            None => x,
        }
    }

    /// The hidden layers and the function after each; none if there is an output layer.
    pub(crate) fn hidden_only(&self) -> Option<(&[Linear], Activation)> {
        self.output.is_none().then_some((&self.hidden, self.activation))
    }

    /// The normalisation after each hidden layer; empty if there is none.
    pub(crate) fn norms(&self) -> &[LayerNorm] {
        &self.norms
    }

    /// Whether there is layer normalisation.
    pub fn is_normalised(&self) -> bool {
        !self.norms.is_empty()
    }

    /// The hidden layers.
    pub fn hidden(&self) -> &[Linear] {
        &self.hidden
    }

    /// The number of hidden layers.
    pub fn n_hidden(&self) -> usize {
        self.hidden.len()
    }

    /// The function after each hidden layer.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The number of outputs: the output layer's, or the last hidden one's, or the inputs if there is neither.
    pub fn width(&self) -> usize {
        self.width
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn small() -> (Mlp, ParamSet) {
        let mut builder = ParamBuilder::new();
        let config = MlpConfig {
            hidden: vec![2],
            activation: Activation::Relu,
            init: Init::Constant { value: 0.5 },
            layer_norm: false,
        };
        let output = Some((1, Init::Constant { value: 2.0 }));
        let mlp = Mlp::new(
            &mut builder,
            "f",
            3,
            &config,
            output,
            &mut Generator::named(0, "test"),
        );
        (mlp, builder.build(Device::Cpu))
    }

    #[test]
    fn forward_by_hand() {
        let (mlp, params) = small();
        let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, -1.0, -2.0, -3.0]).view([2, 3]);
        // Hidden: 0.5 * 6 = 3 twice, or rectified to 0; output 2 * 3 + 2 * 3 = 12.
        assert_eq!(crate::read_floats(&mlp.forward(&params, &x)), [12.0, 0.0]);
        assert_eq!(mlp.width(), 1);
        let names: Vec<&str> = params.names().map(|(name, _)| name).collect();
        assert_eq!(names, ["f.0.weight", "f.0.bias", "f.1.weight", "f.1.bias"]);
    }

    #[test]
    fn backward_by_hand() {
        let (mlp, mut params) = small();
        let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0]).view([1, 3]);
        let loss = mlp.forward(&params, &x).sum(Kind::Float);
        params.backward(&loss).unwrap();
        let expected = [2.0, 4.0, 6.0, 2.0, 4.0, 6.0];
        assert_eq!(crate::read_floats(&params.grad(mlp.hidden[0].weight())), expected);
        assert_eq!(crate::read_floats(&params.grad(mlp.hidden[0].bias())), [2.0, 2.0]);
        let norm = (2.0f64 * (4.0 + 16.0 + 36.0) + 8.0 + 2.0 * 9.0 + 1.0).sqrt();
        assert!((params.grad_norm() - norm).abs() < 1e-9);
    }

    #[test]
    fn a_frozen_copy_keeps_its_values_until_moved() {
        let (mlp, mut params) = small();
        let mut target = params.frozen_copy();
        let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0]).view([1, 3]);
        let loss = mlp.forward(&params, &x).sum(Kind::Float);
        params.backward(&loss).unwrap();
        let mut optimiser = crate::Optimiser::new(crate::OptimiserConfig::default(), &params);
        optimiser.step(&mut params, 0.1, None);
        assert_eq!(crate::read_floats(&mlp.forward(&target, &x)), [12.0]);
        assert!(!mlp.forward(&target, &x).requires_grad());
        target.move_towards(&params, 0.5);
        assert!(target.to_bytes() != params.to_bytes());
        target.copy_from(&params);
        assert_eq!(target.to_bytes(), params.to_bytes());
    }
}
