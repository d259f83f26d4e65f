//! Convolutions over images.

use prospect_sim::random::Generator;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{
    error::NetsError,
    init::Init,
    linear::Activation,
    params::{ParamBuilder, ParamId, ParamSet},
};

/// One convolution, its activation, and a maximum over squares if asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvConfig {
    /// Channels out.
    pub channels: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Step between kernel positions.
    #[serde(default = "one")]
    pub stride: usize,
    /// Side of the squares of which the maximum is taken; 1 for none.
    #[serde(default = "one")]
    pub pool: usize,
}

fn one() -> usize {
    1
}

/// torch-ac's and rl-starter-files' net for MiniGrid: 16, 32, 64 channels, 2x2 kernels, 2x2 maximum after the first.
pub fn minigrid_convolutions() -> Vec<ConvConfig> {
    let layer = |channels, pool| ConvConfig {
        channels,
        kernel: 2,
        stride: 1,
        pool,
    };
    vec![layer(16, 2), layer(32, 1), layer(64, 1)]
}

/// Convolutions in a row; weights `[out, in, kernel, kernel]`, named `<name>.0.weight`, `<name>.0.bias`, ...
#[derive(Debug, Clone)]
pub struct Cnn {
    layers: Vec<(ParamId, ParamId, ConvConfig)>,
    activation: Activation,
    width: usize,
}

impl Cnn {
    /// Adds the layers' parameters for images of `shape` `[height, width, channels]`.
    ///
    /// # Errors
    /// [`NetsError::Setting`] if a layer's kernel, stride or pool is 0 or leaves nothing of the image.
    pub fn new(
        params: &mut ParamBuilder,
        name: &str,
        shape: [usize; 3],
        convolutions: &[ConvConfig],
        activation: Activation,
        init: Init,
        rng: &mut Generator,
    ) -> Result<Self, NetsError> {
        let [mut height, mut width, mut channels] = shape;
        let mut layers = Vec::with_capacity(convolutions.len());
        for (i, conv) in convolutions.iter().enumerate() {
            let place = || format!("convolutions[{i}]");
            (height, width) = shrink(conv, height, width).ok_or_else(|| NetsError::Setting {
                place: place(),
                reason: format!(
                    "nothing is left of an image of {height}x{width}; use fewer or smaller layers"
                ),
            })?;
            let weight = [conv.channels, channels, conv.kernel, conv.kernel].map(|n| n as i64);
            let fan_in = channels * conv.kernel * conv.kernel;
            layers.push((
                params.add(format!("{name}.{i}.weight"), &weight, &init.weight(&weight, rng)),
                params.add(
                    format!("{name}.{i}.bias"),
                    &weight[..1],
                    &init.bias(conv.channels, fan_in, rng),
                ),
                *conv,
            ));
            channels = conv.channels;
        }
        Ok(Self {
            layers,
            activation,
            width: height * width * channels,
        })
    }

    /// The layers' settings.
    pub fn convolutions(&self) -> Vec<ConvConfig> {
        self.layers.iter().map(|(_, _, conv)| *conv).collect()
    }

    /// The function after each layer.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// Images `[batch, height, width, channels]` to features `[batch, width]`.
    pub fn forward(&self, params: &ParamSet, images: &Tensor) -> Tensor {
        let mut x = images.permute([0, 3, 1, 2]);
        for (weight, bias, conv) in &self.layers {
            let stride = conv.stride as i64;
            let bias = Some(params.get(*bias));
            x = x.conv2d(params.get(*weight), bias, [stride, stride], [0, 0], [1, 1], 1);
            x = self.activation.apply(&x);
            if conv.pool > 1 {
                let pool = [conv.pool as i64; 2];
                x = x.max_pool2d(pool, pool, [0, 0], [1, 1], false);
            }
        }
        x.flatten(1, -1)
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.width
    }
}

/// Height and width after a layer, if anything is left.
fn shrink(conv: &ConvConfig, height: usize, width: usize) -> Option<(usize, usize)> {
    if conv.kernel == 0 || conv.stride == 0 || conv.pool == 0 || conv.channels == 0 {
        return None;
    }
    let side =
        |n: usize| Some((n.checked_sub(conv.kernel)? / conv.stride + 1) / conv.pool).filter(|&n| n > 0);
    Some((side(height)?, side(width)?))
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn make(convolutions: &[ConvConfig], init: Init) -> Result<(Cnn, ParamSet), NetsError> {
        let mut builder = ParamBuilder::new();
        let mut rng = Generator::named(0, "test");
        let cnn = Cnn::new(
            &mut builder,
            "cnn",
            [7, 7, 3],
            convolutions,
            Activation::Relu,
            init,
            &mut rng,
        )?;
        Ok((cnn, builder.build(Device::Cpu)))
    }

    #[test]
    fn minigrid_ends_with_64_features() {
        let (cnn, params) = make(&minigrid_convolutions(), Init::UnitRows).unwrap();
        assert_eq!(cnn.width(), 64);
        let images = Tensor::zeros([5, 7, 7, 3], (Kind::Float, Device::Cpu));
        assert_eq!(cnn.forward(&params, &images).size(), [5, 64]);
        assert_eq!(
            params.numel(),
            3 * 16 * 4 + 16 + 16 * 32 * 4 + 32 + 32 * 64 * 4 + 64
        );
    }

    #[test]
    fn one_kernel_sums_its_square() {
        let conv = ConvConfig {
            channels: 1,
            kernel: 7,
            stride: 1,
            pool: 1,
        };
        let (cnn, params) = make(&[conv], Init::Constant { value: 1.0 }).unwrap();
        let image = Tensor::arange(147, (Kind::Float, Device::Cpu)).view([1, 7, 7, 3]);
        assert_eq!(
            crate::read_floats(&cnn.forward(&params, &image)),
            [146.0 * 147.0 / 2.0]
        );
    }

    #[test]
    fn too_many_layers_are_refused() {
        let many = vec![
            ConvConfig {
                channels: 4,
                kernel: 3,
                stride: 1,
                pool: 1
            };
            4
        ];
        let message = make(&many, Init::UnitRows).unwrap_err().to_string();
        assert!(message.contains("convolutions[3]"), "{message}");
    }
}
