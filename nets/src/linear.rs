//! A fully connected layer, and what follows it.

use prospect_sim::random::Generator;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{
    init::Init,
    params::{ParamBuilder, ParamId, ParamSet},
};

/// The function after a layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `tanh(x)`: the default, as in CleanRL's PPO.
    #[default]
    Tanh,
    /// `max(x, 0)`.
    Relu,
    /// `x` above 0, `exp(x) - 1` below.
    Elu,
    /// `x * sigmoid(x)`.
    Silu,
}

impl Activation {
    /// Applies the function to each value.
    pub fn apply(self, x: &Tensor) -> Tensor {
        match self {
            Self::Tanh => x.tanh(),
            Self::Relu => x.relu(),
            Self::Elu => x.elu(),
            Self::Silu => x.silu(),
        }
    }
}

/// `y = x W^T + b`, weight `[outputs, inputs]` as in PyTorch. Parameters are named `<name>.weight` and `<name>.bias`.
#[derive(Debug, Clone, Copy)]
pub struct Linear {
    weight: ParamId,
    bias: ParamId,
}

impl Linear {
    /// Adds the layer's parameters.
    pub fn new(
        params: &mut ParamBuilder,
        name: &str,
        inputs: usize,
        outputs: usize,
        init: Init,
        rng: &mut Generator,
    ) -> Self {
        let shape = [outputs as i64, inputs as i64];
        let weight = params.add(format!("{name}.weight"), &shape, &init.weight(&shape, rng));
        let bias = params.add(
            format!("{name}.bias"),
            &shape[..1],
            &init.bias(outputs, inputs, rng),
        );
        Self { weight, bias }
    }

    /// `[batch, inputs]` to `[batch, outputs]`.
    pub fn forward(&self, params: &ParamSet, x: &Tensor) -> Tensor {
        x.linear(params.get(self.weight), Some(params.get(self.bias)))
    }

    /// The weight, `[outputs, inputs]`.
    pub fn weight(&self) -> ParamId {
        self.weight
    }

    /// The bias, `[outputs]`.
    pub fn bias(&self) -> ParamId {
        self.bias
    }
}
