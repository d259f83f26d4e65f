//! Encoders: from an observation's components to features `[batch, width]`.

use prospect_sim::{Dtype, Field, random::Generator};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::{
    cnn::{Cnn, ConvConfig, minigrid_convolutions},
    error::NetsError,
    gather::GatherLinear,
    init::Init,
    linear::Activation,
    observations::{Observations, field_index, image_index},
    params::{ParamBuilder, ParamSet},
    raw,
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

/// One-hot groups over an image's channels, then one layer.
#[derive(Debug, Clone)]
struct Onehot {
    layer: GatherLinear,
    activation: Activation,
    /// Per value of the image: where its group begins, and the last column of the group.
    groups: Vec<(u32, u32)>,
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
enum Part {
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

/// From observations to features; made by [`Encoder::new`] from an [`EncoderConfig`].
#[derive(Debug, Clone)]
pub struct Encoder {
    parts: Vec<Part>,
    width: usize,
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

fn component_part(fields: &[Field], name: &str, scale: f64) -> Result<(Part, usize), NetsError> {
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
    let (low, n) = (field.low as i64, (field.high - field.low) as i64 + 1);
    if field.width() != 1 || !(1..=MOST_VALUES).contains(&n) {
        let reason = format!("\"{name}\" has {n} values; at most {MOST_VALUES} become one-hot");
        return Err(setting("encoder component", reason));
    }
    Ok((Part::Index { component, low, n }, n as usize))
}

impl Encoder {
    /// Adds the encoder's parameters, named `<name>....`.
    ///
    /// # Errors
    /// [`NetsError::Setting`] if the configuration does not fit the observation.
    pub fn new(
        params: &mut ParamBuilder,
        name: &str,
        config: &EncoderConfig,
        fields: &[Field],
        rng: &mut Generator,
    ) -> Result<Self, NetsError> {
        let mut encoder = Self {
            parts: vec![],
            width: 0,
        };
        match config {
            EncoderConfig::Onehot { extra, .. } => {
                let (part, width) = onehot_part(params, name, config, fields, rng)?;
                encoder.push(part, width);
                encoder.push_components(fields, extra, 1.0)?;
            }
            EncoderConfig::Flat { scale, components } if components.is_empty() => {
                let reals = fields
                    .iter()
                    .enumerate()
                    .filter(|(_, field)| field.dtype == Dtype::F32);
                let chosen: Vec<usize> =
                    image_index(fields).map_or_else(|| reals.map(|(i, _)| i).collect(), |i| vec![i]);
                if chosen.is_empty() {
                    return Err(setting(
                        "encoder kind \"flat\"",
                        "finds no image and no real component; name `components`",
                    ));
                }
                for component in chosen {
                    encoder.push(
                        Part::Values {
                            component,
                            scale: *scale,
                        },
                        fields[component].width(),
                    );
                }
            }
            EncoderConfig::Flat { scale, components } => {
                encoder.push_components(fields, components, *scale)?;
            }
            EncoderConfig::Cnn {
                convolutions,
                activation,
                init,
                scale,
                extra,
            } => {
                let (component, shape) = image_of(fields, "cnn")?;
                let cnn = Cnn::new(params, name, shape, convolutions, *activation, *init, rng)?;
                let (width, scale) = (cnn.width(), *scale);
                encoder.push(
                    Part::Cnn {
                        component,
                        cnn,
                        scale,
                    },
                    width,
                );
                encoder.push_components(fields, extra, 1.0)?;
            }
        }
        Ok(encoder)
    }

    fn push(&mut self, part: Part, width: usize) {
        self.parts.push(part);
        self.width += width;
    }

    fn push_components(&mut self, fields: &[Field], names: &[String], scale: f64) -> Result<(), NetsError> {
        for name in names {
            let (part, width) = component_part(fields, name, scale)?;
            self.push(part, width);
        }
        Ok(())
    }

    /// Observations to features `[batch, width]`.
    pub fn forward(&self, params: &ParamSet, observations: &Observations) -> Tensor {
        let mut features: Vec<Tensor> = self
            .parts
            .iter()
            .map(|part| part.forward(params, observations))
            .collect();
        if features.len() == 1 {
            return features.remove(0);
        }
        Tensor::cat(&features, 1)
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Its parts in words.
    pub fn describe(&self, fields: &[Field]) -> Vec<PartDescription> {
        self.parts.iter().map(|part| part.describe(fields)).collect()
    }

    /// What a [`crate::Fused`] network reads, if it can: a single image or vector.
    pub(crate) fn source(&self) -> Option<Source<'_>> {
        match self.parts.as_slice() {
            [Part::Onehot(component, onehot)] => Some(Source::Onehot {
                component: *component,
                layer: &onehot.layer,
                activation: onehot.activation,
                groups: &onehot.groups,
            }),
            [Part::Values { component, scale }] => Some(Source::Values {
                component: *component,
                scale: *scale as f32,
            }),
            _ => None,
        }
    }
}

/// The parts of an encoder that a fused network can take over.
pub(crate) enum Source<'a> {
    /// One-hot groups, a layer over them and its activation.
    Onehot {
        component: usize,
        layer: &'a GatherLinear,
        activation: Activation,
        groups: &'a [(u32, u32)],
    },
    /// Values as they are, times `scale`.
    Values { component: usize, scale: f32 },
}

fn onehot_part(
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

impl Part {
    fn describe(&self, fields: &[Field]) -> PartDescription {
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

    fn forward(&self, params: &ParamSet, observations: &Observations) -> Tensor {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use prospect_sim::Slice;

    use super::*;

    fn fields() -> Arc<[Field]> {
        Arc::from([
            Field::new("image", Dtype::U8, &[1, 2, 3], 0.0, 255.0),
            Field::new("direction", Dtype::Index, &[], 0.0, 3.0),
            Field::new("mission", Dtype::Text, &[], 0.0, 9.0),
        ])
    }

    fn observations(fields: &Arc<[Field]>) -> Observations {
        // The second observation's first object, 200, is beyond the 11 known ones and counts as the last.
        let image = [1u8, 2, 3, 10, 5, 0, 200, 0, 0, 0, 0, 0];
        let slices = [Slice::U8(&image), Slice::I32(&[3, 1]), Slice::I32(&[0, 0])];
        Observations::from_slices(fields, &slices, 2)
    }

    fn build(config: &EncoderConfig, fields: &[Field]) -> Result<(Encoder, ParamSet), NetsError> {
        let mut builder = ParamBuilder::new();
        let encoder = Encoder::new(
            &mut builder,
            "encoder",
            config,
            fields,
            &mut Generator::named(1, "test"),
        )?;
        Ok((encoder, builder.build(Device::Cpu)))
    }

    fn parse(text: &str) -> EncoderConfig {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn onehot_sums_the_rows_of_the_values() {
        let fields = fields();
        let config =
            parse(r#"{"kind":"onehot","hidden":5,"init":{"kind":"kaiming_uniform"},"extra":["direction"]}"#);
        let (encoder, params) = build(&config, &fields).unwrap();
        assert_eq!(encoder.width(), 9);
        let features = crate::read_floats(&encoder.forward(&params, &observations(&fields)));
        let stored = NamedTensorsOf(&params);
        let (weight, bias) = (stored.values("encoder.weight"), stored.values("encoder.bias"));
        let expected = |rows: [usize; 6], j: usize| {
            let sum: f32 = rows.iter().map(|row| weight[row * 5 + j]).sum();
            (bias[j] + sum).tanh()
        };
        for j in 0..5 {
            let first = expected([1, 11 + 2, 17 + 3, 21 + 10, 32 + 5, 38], j);
            approx::assert_abs_diff_eq!(features[j], first, epsilon = 1e-6);
            let second = expected([10, 11, 17, 21, 32, 38], j);
            approx::assert_abs_diff_eq!(features[9 + j], second, epsilon = 1e-6);
        }
        assert_eq!(features[5..9], [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(features[14..18], [0.0, 1.0, 0.0, 0.0]);
    }

    struct NamedTensorsOf<'a>(&'a ParamSet);

    impl NamedTensorsOf<'_> {
        fn values(&self, name: &str) -> Vec<f32> {
            let mut named = crate::NamedTensors::new();
            self.0.store("", &mut named);
            named.get(name).unwrap().values.clone()
        }
    }

    #[test]
    fn flat_scales_the_image_and_has_no_parameters() {
        let fields = fields();
        let (encoder, params) = build(&parse(r#"{"kind":"flat","scale":0.5}"#), &fields).unwrap();
        assert_eq!((encoder.width(), params.numel()), (6, 0));
        let features = crate::read_floats(&encoder.forward(&params, &observations(&fields)));
        assert_eq!(features[..6], [0.5, 1.0, 1.5, 5.0, 2.5, 0.0]);
    }

    #[test]
    fn flat_takes_all_real_components_of_a_vector_task() {
        let fields: Arc<[Field]> = Arc::from([
            Field::new("observation", Dtype::F32, &[2], -1.0, 1.0),
            Field::new("desired_goal", Dtype::F32, &[1], -1.0, 1.0),
        ]);
        assert!(matches!(
            EncoderConfig::fitting(&fields),
            EncoderConfig::Flat { .. }
        ));
        let (encoder, params) = build(&EncoderConfig::fitting(&fields), &fields).unwrap();
        let slices = [Slice::F32(&[1.0, 2.0]), Slice::F32(&[3.0])];
        let batch = Observations::from_slices(&fields, &slices, 1);
        assert_eq!(
            crate::read_floats(&encoder.forward(&params, &batch)),
            [1.0, 2.0, 3.0]
        );
    }

    #[test]
    fn cnn_reads_the_view_of_a_gridworld() {
        let fields: Arc<[Field]> = Arc::from([Field::new("image", Dtype::U8, &[7, 7, 3], 0.0, 255.0)]);
        let (encoder, params) = build(&parse(r#"{"kind":"cnn"}"#), &fields).unwrap();
        let image = [1u8; 147];
        let batch = Observations::from_slices(&fields, &[Slice::U8(&image)], 1);
        assert_eq!(encoder.forward(&params, &batch).size(), [1, 64]);
        assert!(matches!(
            EncoderConfig::fitting(&fields),
            EncoderConfig::Onehot { .. }
        ));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let fields = fields();
        let refusal = |text: &str, fields: &[Field]| build(&parse(text), fields).unwrap_err().to_string();
        assert!(refusal(r#"{"kind":"flat","components":["imago"]}"#, &fields).contains("imago"));
        assert!(refusal(r#"{"kind":"flat","components":["mission"]}"#, &fields).contains("mission"));
        assert!(refusal(r#"{"kind":"onehot","levels":[11,6]}"#, &fields).contains("levels"));
        assert!(refusal(r#"{"kind":"cnn"}"#, &fields[1..]).contains("flat"));
        let unknown = serde_json::from_str::<EncoderConfig>(r#"{"kind":"flat","scala":1}"#);
        assert!(unknown.unwrap_err().to_string().contains("scala"));
    }
}
