//! The settings of networks that learners share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::AgentError;

/// How the observation becomes numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EncoderKind {
    /// What fits the observation: one-hot codes into the first layer where values are categories, else `flat`.
    #[default]
    Auto,
    /// All numbers side by side, images divided by 10, texts left out: what a CleanRL script does with MiniGrid's image.
    Flat,
    /// A small convolutional network over the image.
    Cnn,
}

/// The function between layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivationKind {
    /// Hyperbolic tangent.
    Tanh,
    /// Rectifier.
    #[default]
    Relu,
}

/// How weights begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InitKind {
    /// Orthogonal, biases 0, as PPO implementations do.
    #[default]
    Orthogonal,
    /// Uniform in `±1/sqrt(fan_in)`, what `torch.nn.Linear` does by itself.
    Torch,
}

/// What a network is made from, gathered from a learner's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkSettings {
    /// How the observation becomes numbers.
    pub encoder: EncoderKind,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Function between layers.
    pub activation: ActivationKind,
    /// How weights begin.
    pub init: InitKind,
    /// Adam's epsilon.
    pub adam_eps: f64,
    /// Largest global norm of the gradient; 0 clips nothing.
    pub max_grad_norm: f64,
}

impl NetworkSettings {
    /// Of networks over a vector, as PyTorch makes them; gradients are not clipped.
    pub(super) fn of_vector(hidden: &[usize], activation: ActivationKind, adam_eps: f64) -> Self {
        Self {
            encoder: EncoderKind::Flat,
            hidden: hidden.to_vec(),
            activation,
            init: InitKind::Torch,
            adam_eps,
            max_grad_norm: 0.0,
        }
    }
}

/// Refuses layers without units.
pub(super) fn check_hidden(hidden: &[usize]) -> Result<(), AgentError> {
    if hidden.contains(&0) {
        return Err(AgentError::Config {
            key: "agent.hidden",
            value: format!("{hidden:?}"),
            remedy: "every width must be at least 1".to_owned(),
        });
    }
    Ok(())
}

/// Refuses numbers outside of `low..=high`, naming the key.
pub(crate) fn within(key: &'static str, value: f64, low: f64, high: f64) -> Result<(), AgentError> {
    if value >= low && value <= high {
        return Ok(());
    }
    let remedy = if high == f64::MAX {
        format!("use a number of at least {low}")
    } else {
        format!("use a number between {low} and {high}")
    };
    Err(AgentError::Config {
        key,
        value: value.to_string(),
        remedy,
    })
}
