//! How an encoder is chosen and set.

use prospect_sim::Field;
use serde::{Deserialize, Serialize};

use crate::{
    cnn::{ConvConfig, minigrid_convolutions},
    init::Init,
    linear::Activation,
    observations::image_index,
};

/// How observations become features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum EncoderConfig {
    /// Each channel of each cell as a one-hot group, then one layer (a sum of weight rows). The default for gridworlds.
    Onehot {
        /// Width of the layer.
        #[serde(default = "hidden")]
        hidden: usize,
        /// The function after it.
        #[serde(default)]
        activation: Activation,
        /// How its weight begins.
        #[serde(default = "hidden_init")]
        init: Init,
        /// The number of values of each channel; larger ones count as the last. MiniGrid: 11 objects, 6 colours, 4 states.
        #[serde(default = "minigrid_levels")]
        levels: Vec<usize>,
        /// Further components beside the image: discrete ones as one-hot, real ones as they are.
        #[serde(default)]
        extra: Vec<String>,
    },
    /// The values themselves, in a row, times `scale`; no parameters. The default for vectors.
    Flat {
        /// What values are multiplied with.
        #[serde(default = "unit")]
        scale: f64,
        /// The components; empty for the image, or all real ones if there is none. Discrete ones become one-hot.
        #[serde(default)]
        components: Vec<String>,
    },
    /// Convolutions over the image.
    Cnn {
        /// The layers. Default: torch-ac's for MiniGrid.
        #[serde(default = "minigrid_convolutions")]
        convolutions: Vec<ConvConfig>,
        /// The function after each.
        #[serde(default = "relu")]
        activation: Activation,
        /// How weights begin.
        #[serde(default = "hidden_init")]
        init: Init,
        /// What values are multiplied with.
        #[serde(default = "unit")]
        scale: f64,
        /// Further components beside the image.
        #[serde(default)]
        extra: Vec<String>,
    },
}

fn hidden() -> usize {
    128
}

fn hidden_init() -> Init {
    Init::HIDDEN
}

fn minigrid_levels() -> Vec<usize> {
    vec![11, 6, 4]
}

fn unit() -> f64 {
    1.0
}

fn relu() -> Activation {
    Activation::Relu
}

impl EncoderConfig {
    /// The default that fits the observation: one-hot for an image of three small channels, flat otherwise.
    pub fn fitting(fields: &[Field]) -> Self {
        let small = |i: usize| fields[i].shape[2] == 3 && fields[i].width() <= 3 * 25 * 25;
        if image_index(fields).is_some_and(small) {
            return Self::Onehot {
                hidden: hidden(),
                activation: Activation::default(),
                init: hidden_init(),
                levels: minigrid_levels(),
                extra: vec![],
            };
        }
        Self::Flat {
            scale: unit(),
            components: vec![],
        }
    }
}
