//! What the run file says about one reward module: the keys that all modules share, and the module's own.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _, SeqAccess, Visitor},
};

use crate::{
    error::{ShapingError, hint},
    normalise::Normalise,
    registry::{ModuleKind, ModuleRegistry},
    schedule::Schedule,
};

/// How a module's channel reaches the policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mix {
    /// Added to the task's reward: one value head for both.
    #[default]
    Add,
    /// A stream of its own, with its own value head, discount and episodes; mixed at the advantage (Burda et al. 2018).
    OwnValueHead,
    /// Added to the advantage and seen by no value head (Flet-Berliac et al. 2021).
    Advantage,
}

/// The bounds of a normalised reward: `clip = 1.0` for `[-1, 1]`, `clip = [-1.0, 5.0]`, or `clip = inf` for none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clip {
    /// Smallest value.
    pub low: f32,
    /// Largest value.
    pub high: f32,
}

impl Clip {
    /// No bounds.
    pub const NONE: Self = Self {
        low: f32::NEG_INFINITY,
        high: f32::INFINITY,
    };

    /// `[-bound, bound]`.
    pub fn symmetrical(bound: f32) -> Self {
        Self {
            low: -bound,
            high: bound,
        }
    }

    /// `value` within the bounds.
    pub fn apply(self, value: f32) -> f32 {
        value.clamp(self.low, self.high)
    }
}

impl Default for Clip {
    fn default() -> Self {
        Self::NONE
    }
}

impl Serialize for Clip {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Through decimal text, so that 0.1 is written as 0.1 and not as the f64 nearest to its f32.
        let plain = |x: f32| x.to_string().parse::<f64>().unwrap_or(f64::from(x));
        if self.low == -self.high {
            return serializer.serialize_f64(plain(self.high));
        }
        [plain(self.low), plain(self.high)].serialize(serializer)
    }
}

struct ClipVisitor;

impl<'de> Visitor<'de> for ClipVisitor {
    type Value = Clip;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number above 0, a pair [low, high], or inf")
    }

    fn visit_f64<E: serde::de::Error>(self, bound: f64) -> Result<Clip, E> {
        if bound > 0.0 {
            Ok(Clip::symmetrical(bound as f32))
        } else {
            Err(E::custom(format!(
                "{bound} is no bound: give a number above 0, a pair [low, high], or inf"
            )))
        }
    }

    fn visit_i64<E: serde::de::Error>(self, bound: i64) -> Result<Clip, E> {
        self.visit_f64(bound as f64)
    }

    fn visit_u64<E: serde::de::Error>(self, bound: u64) -> Result<Clip, E> {
        self.visit_f64(bound as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Clip, A::Error> {
        let bounds = (
            seq.next_element::<f64>()?,
            seq.next_element::<f64>()?,
            seq.next_element::<f64>()?,
        );
        match bounds {
            (Some(low), Some(high), None) if low < high => Ok(Clip {
                low: low as f32,
                high: high as f32,
            }),
            _ => Err(A::Error::custom("a pair [low, high] with low < high is needed")),
        }
    }
}

impl<'de> Deserialize<'de> for Clip {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ClipVisitor)
    }
}

impl JsonSchema for Clip {
    fn schema_name() -> Cow<'static, str> {
        "Clip".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "number", "exclusiveMinimum": 0 },
                { "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 }
            ]
        })
    }
}

/// The keys that every `[[reward]]` takes, beside those of its kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CommonKeys {
    /// Which reward module this is.
    pub kind: String,
    /// Its name in metrics, files and random streams, unique in the run; the kind if not given.
    pub name: String,
    /// Factor of the normalised and clipped reward: a number, { start, end, frames } or { start, kappa }. At 0 the module
    /// keeps running and being logged, and the policy is that of a run without it.
    pub weight: Schedule,
    /// How it reaches the policy: `add` to the task's reward, `own_value_head` (a stream of its own), or `advantage`.
    pub mix: Mix,
    /// What the raw reward is divided by or shifted with: `none`, `running_std`, `return_std`, `min_max` or `standardise`.
    pub normalise: Normalise,
    /// Share of the old statistics that `standardise` keeps at each rollout.
    pub normalise_momentum: f64,
    /// Bounds after normalising: a number for both sides, a pair [low, high], or inf for none.
    pub clip: Clip,
    /// Discount of the own value head and of the returns behind `return_std`; the agent's if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// GAE's lambda of the own value head; the agent's if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gae_lambda: Option<f64>,
    /// Whether returns of this reward stop where an episode ends: for the own value head and for `return_std`.
    pub episodic: bool,
}

impl Default for CommonKeys {
    fn default() -> Self {
        Self {
            kind: String::new(),
            name: String::new(),
            weight: Schedule::Constant(1.0),
            mix: Mix::Add,
            normalise: Normalise::None,
            normalise_momentum: 0.9,
            clip: Clip::NONE,
            gamma: None,
            gae_lambda: None,
            episodic: true,
        }
    }
}

/// The task's own reward in the mix: the `[extrinsic]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExtrinsicConfig {
    /// Factor of the task's reward: a number, { start, end, frames } or { start, kappa }; 0 trains on the modules alone.
    pub weight: Schedule,
}

impl Default for ExtrinsicConfig {
    fn default() -> Self {
        Self {
            weight: Schedule::Constant(1.0),
        }
    }
}

/// What modules take over from the agent where the run file is silent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskStream {
    /// The discount of the task's stream.
    pub gamma: f64,
    /// GAE's lambda of the task's stream.
    pub gae_lambda: f64,
}

/// One `[[reward]]` of a run file, checked and with every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct RewardConfig {
    /// Its place among the run file's `[[reward]]` tables, for messages.
    pub index: usize,
    /// See [`CommonKeys::kind`].
    pub kind: String,
    /// See [`CommonKeys::name`].
    pub name: String,
    /// See [`CommonKeys::weight`].
    pub weight: Schedule,
    /// See [`CommonKeys::mix`].
    pub mix: Mix,
    /// See [`CommonKeys::normalise`].
    pub normalise: Normalise,
    /// See [`CommonKeys::normalise_momentum`].
    pub normalise_momentum: f64,
    /// See [`CommonKeys::clip`].
    pub clip: Clip,
    /// See [`CommonKeys::gamma`].
    pub gamma: f64,
    /// See [`CommonKeys::gae_lambda`].
    pub gae_lambda: f64,
    /// See [`CommonKeys::episodic`].
    pub episodic: bool,
    /// The discount under which the channel is summed: the own head's, or the agent's.
    pub channel_gamma: f64,
    /// The keys of the kind, all of them.
    pub settings: toml::Table,
}

impl RewardConfig {
    /// Checks `[[reward]]` table number `index`.
    ///
    /// # Errors
    /// [`ShapingError::UnknownKind`], [`ShapingError::UnknownKey`] and [`ShapingError::Config`], each with the key's place.
    pub fn parse(
        index: usize,
        table: &toml::Table,
        registry: &ModuleRegistry,
        task: TaskStream,
    ) -> Result<Self, ShapingError> {
        let kind = registry.find(index, table)?;
        let (given, own) = split(index, table, kind)?;
        let mut merged = to_table(&kind.common);
        merged.extend(given);
        let common: CommonKeys = read(&merged).map_err(|error| error.at(index))?;
        let settings = kind.resolve(&own).map_err(|error| error.at(index))?;
        Self::checked(index, common, settings, table, task)
    }

    /// Checks all `[[reward]]` tables of a run file.
    ///
    /// # Errors
    /// As [`Self::parse`], and [`ShapingError::Duplicate`] if two have one name.
    pub fn parse_all(
        tables: &[toml::Table],
        registry: &ModuleRegistry,
        task: TaskStream,
    ) -> Result<Vec<Self>, ShapingError> {
        let mut configs: Vec<Self> = Vec::with_capacity(tables.len());
        for (index, table) in tables.iter().enumerate() {
            let config = Self::parse(index, table, registry, task)?;
            if configs.iter().any(|other| other.name == config.name) {
                return Err(ShapingError::Duplicate {
                    what: "reward",
                    name: config.name,
                    remedy: format!("give reward[{index}] a `name` of its own"),
                });
            }
            configs.push(config);
        }
        Ok(configs)
    }

    fn checked(
        index: usize,
        common: CommonKeys,
        settings: toml::Table,
        given: &toml::Table,
        task: TaskStream,
    ) -> Result<Self, ShapingError> {
        let own_head = common.mix == Mix::OwnValueHead;
        let uses_gamma = own_head || common.normalise == Normalise::ReturnStd;
        let asked = if uses_gamma || given.contains_key("gamma") {
            common.gamma
        } else {
            None
        };
        let config = Self {
            index,
            kind: common.kind,
            name: common.name,
            weight: common.weight,
            mix: common.mix,
            normalise: common.normalise,
            normalise_momentum: common.normalise_momentum,
            clip: common.clip,
            gamma: asked.unwrap_or(task.gamma),
            gae_lambda: common.gae_lambda.unwrap_or(task.gae_lambda),
            episodic: common.episodic,
            channel_gamma: if own_head {
                asked.unwrap_or(task.gamma)
            } else {
                task.gamma
            },
            settings,
        };
        let unit = |x: f64| (0.0..=1.0).contains(&x);
        if !unit(config.gamma) {
            return Err(config.error("gamma", &format!("is {}; it must be in [0, 1]", config.gamma)));
        }
        if !unit(config.gae_lambda) {
            return Err(config.error(
                "gae_lambda",
                &format!("is {}; it must be in [0, 1]", config.gae_lambda),
            ));
        }
        if !unit(config.normalise_momentum) {
            let reason = format!("is {}; it must be in [0, 1]", config.normalise_momentum);
            return Err(config.error("normalise_momentum", &reason));
        }
        if !uses_gamma && config.gamma != task.gamma {
            let reason = format!(
                "is {}, but this reward is summed with the agent's gamma ({}); drop the key, or use mix = \
                 \"own_value_head\"",
                config.gamma, task.gamma
            );
            return Err(config.error("gamma", &reason));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if config.name.is_empty() || config.name == "extrinsic" || !config.name.chars().all(plain) {
            let reason = format!(
                "`{}` is no name: use letters, digits, _ and -, and not `extrinsic`",
                config.name
            );
            return Err(config.error("name", &reason));
        }
        Ok(config)
    }

    fn error(&self, key: &str, reason: &str) -> ShapingError {
        ShapingError::Config {
            key: place(self.index, key),
            reason: reason.to_owned(),
        }
    }

    /// The table that says all of this, common keys first; [`Self::parse`] of it gives the same.
    pub fn resolved(&self) -> toml::Table {
        let mut table = to_table(&CommonKeys {
            kind: self.kind.clone(),
            name: self.name.clone(),
            weight: self.weight,
            mix: self.mix,
            normalise: self.normalise,
            normalise_momentum: self.normalise_momentum,
            clip: self.clip,
            gamma: Some(self.gamma),
            gae_lambda: Some(self.gae_lambda),
            episodic: self.episodic,
        });
        table.extend(self.settings.clone());
        table
    }
}

/// `reward[index].key`.
pub(crate) fn place(index: usize, key: &str) -> String {
    format!("reward[{index}].{key}")
}

/// The names of the common keys.
pub(crate) const COMMON_KEYS: [&str; 10] = [
    "kind",
    "name",
    "weight",
    "mix",
    "normalise",
    "normalise_momentum",
    "clip",
    "gamma",
    "gae_lambda",
    "episodic",
];

fn split(
    index: usize,
    table: &toml::Table,
    kind: &ModuleKind,
) -> Result<(toml::Table, toml::Table), ShapingError> {
    let (mut common, mut own) = (toml::Table::new(), toml::Table::new());
    for (key, value) in table {
        if COMMON_KEYS.contains(&key.as_str()) {
            common.insert(key.clone(), value.clone());
        } else if kind.keys().any(|known| known == key) {
            own.insert(key.clone(), value.clone());
        } else {
            let known = COMMON_KEYS.into_iter().chain(kind.keys());
            return Err(ShapingError::UnknownKey {
                key: place(index, key),
                kind: kind.kind().to_owned(),
                hint: hint(key, known.clone()),
                known: known.collect::<Vec<_>>().join(", "),
            });
        }
    }
    Ok((common, own))
}

/// A setting that could not be read, and where in its table it lies.
pub(crate) struct ReadError {
    key: String,
    reason: String,
}

impl ReadError {
    pub(crate) fn at(self, index: usize) -> ShapingError {
        ShapingError::Config {
            key: place(index, &self.key),
            reason: self.reason,
        }
    }
}

pub(crate) fn read<T: DeserializeOwned>(table: &toml::Table) -> Result<T, ReadError> {
    serde_path_to_error::deserialize(toml::Value::Table(table.clone())).map_err(|error| ReadError {
        key: error.path().to_string(),
        reason: error.inner().message().to_owned(),
    })
}

/// A settings struct as a table. Settings that TOML cannot say (a map with keys that are no texts) give an empty one.
pub(crate) fn to_table<T: Serialize>(settings: &T) -> toml::Table {
    toml::Table::try_from(settings).unwrap_or_default()
}
