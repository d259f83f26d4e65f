//! Observation fields and action spaces: names, shapes, types and bounds.

use serde::{Deserialize, Serialize};

/// The type of a field's values, as stored and as exported to numpy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// Stored as `u8`, exported as `uint8`.
    U8,
    /// Stored as `i32`, exported as `int32`.
    I32,
    /// A member of a discrete space: stored as `i32`, exported as `int64`, as Gymnasium's `Discrete` is.
    Index,
    /// Stored as `f32`, exported as `float32`.
    F32,
    /// Stored and exported as `bool`.
    Bool,
    /// A text known by its number: stored as `i32`, exported as numpy unicode through [`crate::Env::text`].
    Text,
}

/// One named array of an observation, or one fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The name under which it is exported and subscribed to.
    pub name: String,
    /// The type of its values.
    pub dtype: Dtype,
    /// The shape of one actor's values; empty for a scalar.
    pub shape: Vec<usize>,
    /// Smallest value, for the space's description.
    pub low: f64,
    /// Largest value, for the space's description.
    pub high: f64,
}

impl Field {
    /// A field with bounds.
    pub fn new(name: &str, dtype: Dtype, shape: &[usize], low: f64, high: f64) -> Self {
        Self {
            name: name.to_owned(),
            dtype,
            shape: shape.to_vec(),
            low,
            high,
        }
    }

    /// The number of values of one actor: the product of the shape.
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }
}

/// What an actor may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionSpace {
    /// One of `n` actions, `0..n`.
    Discrete {
        /// The number of actions.
        n: usize,
    },
    /// Several discrete choices at once, the i-th one of `nvec[i]`.
    MultiDiscrete {
        /// The number of options of each choice.
        nvec: Vec<usize>,
    },
    /// A vector of reals between `low` and `high`.
    Continuous {
        /// Lower bounds.
        low: Vec<f32>,
        /// Upper bounds.
        high: Vec<f32>,
    },
}

impl ActionSpace {
    /// The number of values of one action.
    pub fn width(&self) -> usize {
        match self {
            Self::Discrete { .. } => 1,
            Self::MultiDiscrete { nvec } => nvec.len(),
            Self::Continuous { low, .. } => low.len(),
        }
    }

    /// True if actions are reals.
    pub fn is_continuous(&self) -> bool {
        matches!(self, Self::Continuous { .. })
    }
}

impl std::fmt::Display for ActionSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Discrete { n } => write!(f, "Discrete({n})"),
            Self::MultiDiscrete { nvec } => write!(f, "MultiDiscrete({nvec:?})"),
            Self::Continuous { low, high } => write!(f, "Box({low:?}, {high:?})"),
        }
    }
}
