//! What the networks of curiosity modules read: whitened values or one-hot groups, and networks on top of either.

use std::sync::Arc;

use prospect_nets::{
    Activation, Encoder, EncoderConfig, Init, Mlp, MlpConfig, NetsError, Observations, ParamBuilder,
    ParamSet, Tensor, normalise::Whitener,
};
use prospect_sim::{Field, random::Generator};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{error::ShapingError, registry::ModuleInit};

/// How observations reach a module's networks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EncoderKind {
    /// `onehot` for gridworld images, `flat` for everything else.
    #[default]
    Auto,
    /// The values in a row, whitened.
    Flat,
    /// Each channel of each cell as a one-hot group.
    Onehot,
}

/// The settings behind an [`Input`], as modules name them.
#[derive(Debug, Clone)]
pub(crate) struct InputSettings {
    pub(crate) encoder: EncoderKind,
    pub(crate) components: Vec<String>,
    pub(crate) whiten: bool,
    pub(crate) obs_clip: f64,
}

/// The way from observations to what a network's first layer takes.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    fields: Arc<[Field]>,
    config: EncoderConfig,
    /// Reads flat values; none for one-hot, whose first layer belongs to each network.
    flat: Option<Encoder>,
    whitener: Option<Whitener>,
}

/// Samples ready for a [`Trunk`].
#[derive(Debug)]
pub(crate) enum Rows {
    Values(Tensor),
    Observations(Observations),
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Values(values) => values.size()[0] as usize,
            Self::Observations(observations) => observations.len(),
        }
    }

    pub(crate) fn select(&self, index: &Tensor) -> Self {
        match self {
            Self::Values(values) => Self::Values(values.index_select(0, index)),
            Self::Observations(observations) => Self::Observations(observations.select(index)),
        }
    }

    pub(crate) fn narrow(&self, start: usize, n: usize) -> Self {
        match self {
            Self::Values(values) => Self::Values(values.narrow(0, start as i64, n as i64)),
            Self::Observations(observations) => Self::Observations(observations.narrow(start, n)),
        }
    }
}

/// One-hot groups followed by a layer of this width.
fn onehot(hidden: usize, extra: &[String]) -> EncoderConfig {
    EncoderConfig::Onehot {
        hidden,
        activation: Activation::Relu,
        init: Init::HIDDEN,
        levels: vec![11, 6, 4],
        extra: extra.to_vec(),
    }
}

impl Input {
    /// For the observation of `init`'s env.
    pub(crate) fn new(init: &ModuleInit<'_>, settings: &InputSettings) -> Result<Self, ShapingError> {
        let fields: Arc<[Field]> = Arc::from(init.spec.observation.as_slice());
        if settings.obs_clip.is_nan() || settings.obs_clip <= 0.0 {
            let reason = format!("is {}; it must be above 0 (inf for none)", settings.obs_clip);
            return Err(init.config_error("obs_clip", reason));
        }
        let is_onehot = match settings.encoder {
            EncoderKind::Auto => matches!(EncoderConfig::fitting(&fields), EncoderConfig::Onehot { .. }),
            EncoderKind::Flat => false,
            EncoderKind::Onehot => true,
        };
        if is_onehot {
            return Ok(Self {
                fields,
                config: onehot(1, &settings.components),
                flat: None,
                whitener: None,
            });
        }
        let config = EncoderConfig::Flat {
            scale: 1.0,
            components: settings.components.clone(),
        };
        // A flat encoder has no parameters, so that its builder and stream stay unused.
        let mut rng = init.stream("flat");
        let flat = Encoder::new(&mut ParamBuilder::new(), "flat", &config, &fields, &mut rng)
            .map_err(|error| init.config_error("components", error.to_string()))?;
        let whitener = settings
            .whiten
            .then(|| Whitener::new(flat.width(), settings.obs_clip));
        Ok(Self {
            fields,
            config,
            flat: Some(flat),
            whitener,
        })
    }

    /// True if its statistics want a look at a random policy's observations first.
    pub(crate) fn is_whitening(&self) -> bool {
        self.whitener.is_some()
    }

    /// Takes observations into the whitening statistics.
    pub(crate) fn update(&mut self, params: &ParamSet, observations: &Observations) {
        if let (Some(flat), Some(whitener)) = (&self.flat, &mut self.whitener) {
            whitener.update(&prospect_nets::read_floats(&flat.forward(params, observations)));
        }
    }

    /// Observations as a trunk takes them. `params` says on which device.
    pub(crate) fn rows(&self, params: &ParamSet, observations: &Observations) -> Rows {
        let Some(flat) = &self.flat else {
            return Rows::Observations(observations.narrow(0, observations.len()));
        };
        let values = flat.forward(params, observations);
        let Some(whitener) = &self.whitener else {
            return Rows::Values(values);
        };
        let mut floats = prospect_nets::read_floats(&values);
        whitener.whiten(&mut floats);
        let whitened = Tensor::from_slice(&floats).view(values.size().as_slice());
        Rows::Values(whitened.to_device(params.device()))
    }

    pub(crate) fn whitener(&self) -> Option<&Whitener> {
        self.whitener.as_ref()
    }

    /// Puts stored statistics back; false if they are of another input.
    pub(crate) fn set_whitener(&mut self, stored: Option<Whitener>) -> bool {
        let width = |whitener: &Option<Whitener>| whitener.as_ref().map(|w| w.moments().width());
        let fits = width(&stored) == width(&self.whitener);
        if fits {
            self.whitener = stored;
        }
        fits
    }
}

/// Hidden layers of one width and an output layer, over an [`Input`].
#[derive(Debug, Clone)]
pub(crate) struct Trunk {
    first: Option<Encoder>,
    rest: Mlp,
}

impl Trunk {
    /// Adds `layers` hidden layers of `hidden` rectified units and `outputs` linear ones, named `<name>....`.
    pub(crate) fn new(
        params: &mut ParamBuilder,
        name: &str,
        input: &Input,
        (layers, hidden, outputs): (usize, usize, usize),
        rng: &mut Generator,
    ) -> Result<Self, NetsError> {
        let (first, width, layers) = match (&input.flat, &input.config) {
            (None, EncoderConfig::Onehot { extra, .. }) => {
                let config = onehot(hidden, extra);
                let first = Encoder::new(params, &format!("{name}.onehot"), &config, &input.fields, rng)?;
                let width = first.width();
                (Some(first), width, layers.saturating_sub(1))
            }
            (flat, _) => (None, flat.as_ref().map_or(0, Encoder::width), layers),
        };
        let config = rectified(layers, hidden);
        let rest = Mlp::new(params, name, width, &config, Some((outputs, Init::HIDDEN)), rng);
        Ok(Self { first, rest })
    }

    /// `[n, outputs]`.
    pub(crate) fn forward(&self, params: &ParamSet, rows: &Rows) -> Tensor {
        match (rows, &self.first) {
            (Rows::Values(values), _) => self.rest.forward(params, values),
            (Rows::Observations(observations), Some(first)) => {
                self.rest.forward(params, &first.forward(params, observations))
            }
            (Rows::Observations(_), None) => {
                unreachable!("an input without values belongs to a trunk with a first layer")
            }
        }
    }
}

/// `layers` hidden layers of `hidden` rectified units.
pub(crate) fn rectified(layers: usize, hidden: usize) -> MlpConfig {
    MlpConfig {
        hidden: vec![hidden; layers],
        activation: Activation::Relu,
        init: Init::HIDDEN,
        layer_norm: false,
    }
}
