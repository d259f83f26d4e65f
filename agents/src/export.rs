//! A policy in a form that other programs run: weights by name and a description of what to do with them.
//!
//! The description is JSON; `assets/export/policy.py` is a reader of it in PyTorch.

use prospect_nets::{Activation, NamedTensors, PartDescription};
use prospect_sim::{ActionSpace, EnvSpec, Field};
use serde::{Deserialize, Serialize};

/// Raised when the meaning of an export changes.
pub const FORMAT: u32 = 1;

/// A policy and its description.
#[derive(Debug, Clone)]
pub struct Export {
    /// What to do with the weights.
    pub description: Description,
    /// Weights and statistics by the names that the description uses.
    pub weights: NamedTensors,
}

/// The file `policy.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// [`FORMAT`].
    pub format: u32,
    /// The kind of learner that made it.
    pub agent: String,
    /// The id of the env.
    pub env: String,
    /// Env steps it was trained for.
    pub step: u64,
    /// The components of the observation.
    pub observation: Vec<Field>,
    /// The action space.
    pub actions: ActionSpace,
    /// From the observation to the outputs of the last layer.
    pub network: NetworkDescription,
    /// From outputs to actions.
    pub head: HeadDescription,
}

/// Encoder, hidden layers, memory, last layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkDescription {
    /// What its parameters' names begin with: `<name>.encoder`, `<name>.hidden.<i>`, `<name>.head`.
    pub name: String,
    /// How the observation is whitened first; none if it is not.
    pub whitening: Option<WhiteningDescription>,
    /// From the observation to features.
    pub encoder: Vec<PartDescription>,
    /// Hidden layers after the encoder, each followed by the activation.
    pub hidden_layers: usize,
    /// Whether each hidden layer is followed by a layer normalisation `<name>.hidden.<i>.norm` before the activation.
    pub layer_norm: bool,
    /// The function between layers.
    pub activation: Activation,
    /// The cells between hidden layers and last layer, if the policy remembers.
    pub memory: Option<MemoryDescription>,
}

/// All numbers of the observation side by side, `(x - mean) / sqrt(std² + epsilon)`, clipped; the encoder reads them as one component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WhiteningDescription {
    /// What is put side by side.
    pub parts: Vec<PartDescription>,
    /// The name under which the encoder reads the result.
    pub component: String,
    /// Name of the tensor of means.
    pub mean: String,
    /// Name of the tensor of standard deviations.
    pub std: String,
    /// Added to the variances.
    pub epsilon: f64,
    /// Whitened values are clipped to plus and minus this.
    pub clip: f64,
}

/// A recurrent layer with PyTorch's order of gates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryDescription {
    /// `gru` or `lstm`.
    pub kind: String,
    /// What its parameters' names begin with: `.weight_ih`, `.weight_hh`, `.bias_ih`, `.bias_hh`.
    pub name: String,
    /// Units.
    pub width: usize,
}

/// How outputs become actions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HeadDescription {
    /// Logits of one choice or of several side by side.
    Categorical {
        /// Options of each choice.
        nvec: Vec<usize>,
        /// Whether the options that the env's fact `action_mask` forbids are never taken.
        masked: bool,
    },
    /// Means of a Gaussian; the logarithms of its deviations are the tensor `log_std`, or the second half of the outputs
    /// brought between -20 and 2.
    Gaussian {
        /// Name of the tensor of logarithms of deviations; none if they are outputs.
        log_std: Option<String>,
        /// Whether `tanh` and the bounds follow; else actions are clipped to the bounds.
        squash: bool,
    },
    /// The action itself before `tanh` and the bounds.
    Deterministic,
    /// Action values, from which the largest is taken.
    ActionValues {
        /// Whether outputs are one state value and the advantages: `Q = V + A - mean A`.
        dueling: bool,
        /// Numbers per action: 1 for a value, else atoms or quantiles.
        atoms: usize,
        /// Values of the atoms if outputs are logits of a distribution over them; else the mean of the outputs is the value.
        support: Option<(f64, f64)>,
    },
}

impl Description {
    /// A description for an env.
    pub fn new(agent: &str, spec: &EnvSpec, network: NetworkDescription, head: HeadDescription) -> Self {
        Self {
            format: FORMAT,
            agent: agent.to_owned(),
            env: spec.id.clone(),
            step: 0,
            observation: spec.observation.clone(),
            actions: spec.actions.clone(),
            network,
            head,
        }
    }
}
