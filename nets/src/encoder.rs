//! Encoders: from an observation's components to features `[batch, width]`.

mod config;
mod part;

use prospect_sim::{Field, random::Generator};
use tch::Tensor;

use self::part::{Part, cnn_part, component_part, default_components, onehot_part};
pub use self::{config::EncoderConfig, part::PartDescription};
use crate::{
    error::NetsError,
    gather::GatherLinear,
    linear::Activation,
    observations::Observations,
    params::{ParamBuilder, ParamSet},
};

/// From observations to features; made by [`Encoder::new`] from an [`EncoderConfig`].
#[derive(Debug, Clone)]
pub struct Encoder {
    parts: Vec<Part>,
    width: usize,
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
                for component in default_components(fields)? {
                    let scale = *scale;
                    encoder.push(Part::Values { component, scale }, fields[component].width());
                }
            }
            EncoderConfig::Flat { scale, components } => {
                encoder.push_components(fields, components, *scale)?;
            }
            EncoderConfig::Cnn { extra, .. } => {
                let (part, width) = cnn_part(params, name, config, fields, rng)?;
                encoder.push(part, width);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use prospect_sim::{Dtype, Slice};
    use tch::Device;

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
