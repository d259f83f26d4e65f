//! The parts of an encoder, each for one component of the observation.

use prospect_sim::{Dtype, Field, random::Generator};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::EncoderConfig;
use crate::{
    cnn::{Cnn, ConvConfig},
    error::NetsError,
    gather::GatherLinear,
    linear::Activation,
    observations::{Observations, field_index, image_index},
    params::{ParamBuilder, ParamSet},
    raw,
};

/// One-hot groups over an image's channels, then one layer.
#[derive(Debug, Clone)]
pub(super) struct Onehot {
    pub(super) layer: GatherLinear,
    pub(super) activation: Activation,
    /// Per value of the image: where its group begins, and the last column of the group.
    pub(super) groups: Vec<(u32, u32)>,
    /// The number of values of each channel.
    levels: Vec<usize>,
}

impl Onehot {
    fn forward(&self, params: &ParamSet, image: &Tensor) -> Tensor {
        let image = image.to_device(Device::Cpu).contiguous();
        let values = raw::bytes(&image);
        let mut rows = Vec::with_capacity(values.len());
        for sample in values.chunks_exact(self.groups.len()) {
            rows.extend(
                self.groups
                    .iter()
                    .zip(sample)
                    .map(|(&(first, last), &v)| (first + u32::from(v)).min(last)),
            );
        }
        self.activation
            .apply(&self.layer.forward(params, rows, self.groups.len()))
    }
}

/// A part of an encoder, for one component.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Onehot(usize, Onehot),
    Values { component: usize, scale: f64 },
    Index { component: usize, low: i64, n: i64 },
    Cnn { component: usize, cnn: Cnn, scale: f64 },
}

/// What a part of an encoder reads and does, for readers of exported networks. Features are the parts' outputs side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PartDescription {
    /// Each value of an image as a one-hot group of `levels[channel]`, larger values as the last, groups side by side, cell by
    /// cell; then the layer `<encoder>.weight` `[inputs, outputs]`, `<encoder>.bias`, and the activation.
    Onehot {
        /// The component of the observation.
        component: String,
        /// Values per channel.
        levels: Vec<usize>,
        /// The function after the layer.
        activation: Activation,
    },
    /// Numbers as they are, times `scale`.
    Values {
        /// The component of the observation.
        component: String,
        /// What they are multiplied with.
        scale: f64,
    },
    /// A discrete value as one-hot of `n`, counted from `low`.
    Index {
        /// The component of the observation.
        component: String,
        /// The smallest value.
        low: i64,
        /// The number of values.
        n: i64,
    },
    /// Convolutions over an image `[height, width, channels]` times `scale`, then flattened.
    Cnn {
        /// The component of the observation.
        component: String,
        /// What values are multiplied with.
        scale: f64,
        /// The layers, `<encoder>.<i>.weight` and `.bias`.
        convolutions: Vec<ConvConfig>,
        /// The function after each.
        activation: Activation,
    },
}

fn setting(place: &str, reason: impl Into<String>) -> NetsError {
    NetsError::Setting {
        place: place.into(),
        reason: reason.into(),
    }
}

/// The image component and its shape.
fn image_of(fields: &[Field], kind: &str) -> Result<(usize, [usize; 3]), NetsError> {
    let index = image_index(fields).ok_or_else(|| {
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let reason = format!("needs a uint8 image [height, width, channels], and the observation is {names:?}; use kind = \"flat\"");
        setting(&format!("encoder kind \"{kind}\""), reason)
    })?;
    let shape = &fields[index].shape;
    Ok((index, [shape[0], shape[1], shape[2]]))
}

/// The largest number of values that a discrete component may have to become one-hot.
const MOST_VALUES: i64 = 4096;

/// What reads the component `name`, and the number of its features.
pub(super) fn component_part(fields: &[Field], name: &str, scale: f64) -> Result<(Part, usize), NetsError> {
    let Some(component) = field_index(fields, name) else {
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        return Err(setting(
            "encoder component",
            format!("there is no \"{name}\"; the observation has {names:?}"),
        ));
    };
    let field = &fields[component];
    if field.dtype != Dtype::Index {
        if field.dtype == Dtype::Text {
            return Err(setting(
                "encoder component",
                format!("\"{name}\" is a text, which no encoder reads"),
            ));
        }
        return Ok((Part::Values { component, scale }, field.width()));
    }
    let (low, n) = (
        field.low as i64,
        ((field.high - field.low) as i64).saturating_add(1),
    );
    if field.width() != 1 || !(1..=MOST_VALUES).contains(&n) {
        let reason = format!("\"{name}\" has {n} values; at most {MOST_VALUES} become one-hot");
        return Err(setting("encoder component", reason));
    }
    Ok((Part::Index { component, low, n }, n as usize))
}

/// One-hot codes of the image with the layer over them, and its width.
pub(super) fn onehot_part(
    params: &mut ParamBuilder,
    name: &str,
    config: &EncoderConfig,
    fields: &[Field],
    rng: &mut Generator,
) -> Result<(Part, usize), NetsError> {
    let EncoderConfig::Onehot {
        hidden,
        activation,
        init,
        levels,
        ..
    } = config
    else {
        return Err(setting("encoder", "is not one-hot"));
    };
    let (component, [height, width, channels]) = image_of(fields, "onehot")?;
    if levels.len() != channels || levels.contains(&0) || *hidden == 0 {
        let reason =
            format!("needs one number of values for each of the {channels} channels and a width above 0");
        return Err(setting("encoder levels", reason));
    }
    let mut groups = Vec::with_capacity(height * width * channels);
    let mut first = 0;
    for _ in 0..height * width {
        for &n in levels {
            groups.push((first, first + n as u32 - 1));
            first += n as u32;
        }
    }
    let layer = GatherLinear::new(params, name, first as usize, *hidden, groups.len(), *init, rng);
    let onehot = Onehot {
        layer,
        activation: *activation,
        groups,
        levels: levels.clone(),
    };
    Ok((Part::Onehot(component, onehot), *hidden))
}

/// The components that are read as they are where none is named: the image, or all real ones.
pub(super) fn default_components(fields: &[Field]) -> Result<Vec<usize>, NetsError> {
    let is_real = |(_, field): &(usize, &Field)| field.dtype == Dtype::F32;
    let reals = fields.iter().enumerate().filter(is_real);
    let chosen: Vec<usize> = image_index(fields).map_or_else(|| reals.map(|(i, _)| i).collect(), |i| vec![i]);
    if chosen.is_empty() {
        return Err(setting(
            "encoder kind \"flat\"",
            "finds no image and no real component; name `components`",
        ));
    }
    Ok(chosen)
}

/// Convolutions over the image and the number of their features.
pub(super) fn cnn_part(
    params: &mut ParamBuilder,
    name: &str,
    config: &EncoderConfig,
    fields: &[Field],
    rng: &mut Generator,
) -> Result<(Part, usize), NetsError> {
    let EncoderConfig::Cnn {
        convolutions,
        activation,
        init,
        scale,
        ..
    } = config
    else {
        return Err(setting("encoder", "is not convolutional"));
    };
    let (component, shape) = image_of(fields, "cnn")?;
    let cnn = Cnn::new(params, name, shape, convolutions, *activation, *init, rng)?;
    let (width, scale) = (cnn.width(), *scale);
    Ok((
        Part::Cnn {
            component,
            cnn,
            scale,
        },
        width,
    ))
}

impl Part {
    pub(super) fn describe(&self, fields: &[Field]) -> PartDescription {
        let name = |component: &usize| fields[*component].name.clone();
        match self {
            Self::Onehot(component, onehot) => PartDescription::Onehot {
                component: name(component),
                levels: onehot.levels.clone(),
                activation: onehot.activation,
            },
            Self::Values { component, scale } => PartDescription::Values {
                component: name(component),
                scale: *scale,
            },
            Self::Index { component, low, n } => PartDescription::Index {
                component: name(component),
                low: *low,
                n: *n,
            },
            Self::Cnn {
                component,
                cnn,
                scale,
            } => PartDescription::Cnn {
                component: name(component),
                scale: *scale,
                convolutions: cnn.convolutions(),
                activation: cnn.activation(),
            },
        }
    }

    pub(super) fn forward(&self, params: &ParamSet, observations: &Observations) -> Tensor {
        match self {
            Self::Onehot(component, onehot) => onehot.forward(params, observations.column(*component)),
            Self::Values { component, scale } => {
                scaled(observations.flat(*component).to_device(params.device()), *scale)
            }
            Self::Index { component, low, n } => {
                let index = observations
                    .column(*component)
                    .to_device(params.device())
                    .to_kind(Kind::Int64);
                (index.view(-1) - *low)
                    .clamp(0, *n - 1)
                    .onehot(*n)
                    .to_kind(Kind::Float)
            }
            Self::Cnn {
                component,
                cnn,
                scale,
            } => {
                let images = observations
                    .column(*component)
                    .to_device(params.device())
                    .to_kind(Kind::Float);
                cnn.forward(params, &scaled(images, *scale))
            }
        }
    }
}

fn scaled(values: Tensor, scale: f64) -> Tensor {
    if scale == 1.0 { values } else { values * scale }
}
