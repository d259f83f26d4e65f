//! The kinds of reward module there are, and how an outside crate adds one.

use std::fmt;

use prospect_sim::{EnvSpec, random::Generator};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    config::{COMMON_KEYS, CommonKeys, ReadError, place, read, to_table},
    error::{ShapingError, hint},
    module::RewardModule,
};

/// What a module is made from, beside its settings.
#[derive(Debug, Clone, Copy)]
pub struct ModuleInit<'a> {
    /// Its place among the run file's `[[reward]]` tables, for messages.
    pub index: usize,
    /// Its name, unique in the stack.
    pub name: &'a str,
    /// The env it will watch. Facts and components are looked up by name in each rollout's layout, because several
    /// layouts of one env may come by (training, probes).
    pub spec: &'a EnvSpec,
    /// `K`: the columns of the rollouts it will watch.
    pub actors: usize,
    /// The run's seed; see [`Self::stream`].
    pub seed: u64,
    /// The discount under which its channel is summed: that of its own value head, or the agent's.
    pub gamma: f64,
    /// Where its tensors live.
    pub device: tch::Device,
}

impl ModuleInit<'_> {
    /// A random stream of this module alone: another module more or less in the stack changes nothing about it.
    pub fn stream(&self, purpose: &str) -> Generator {
        Generator::named(self.seed, &format!("reward/{}/{purpose}", self.name))
    }

    /// An error about one of its settings.
    pub fn config_error(&self, key: &str, reason: impl Into<String>) -> ShapingError {
        ShapingError::Config {
            key: place(self.index, key),
            reason: reason.into(),
        }
    }

    /// An error about something that the env does not offer.
    pub fn needs_error(&self, what: impl Into<String>, remedy: impl Into<String>) -> ShapingError {
        ShapingError::Needs {
            module: self.name.to_owned(),
            what: what.into(),
            env: self.spec.id.clone(),
            remedy: remedy.into(),
        }
    }
}

type Build =
    dyn Fn(&ModuleInit<'_>, &toml::Table) -> Result<Box<dyn RewardModule>, ShapingError> + Send + Sync;

/// A kind of reward module: its name in run files, its settings and how it is made.
pub struct ModuleKind {
    kind: String,
    doc: String,
    pub(crate) common: CommonKeys,
    settings: toml::Table,
    schema: Value,
    resolve: fn(&toml::Table) -> Result<toml::Table, ReadError>,
    build: Box<Build>,
}

impl fmt::Debug for ModuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleKind")
            .field("kind", &self.kind)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl ModuleKind {
    /// A kind with settings `S`, whose `Default` gives the defaults and whose doc comments explain the keys. Derive
    /// `Deserialize` with `#[serde(deny_unknown_fields, default)]`.
    pub fn new<S: Default + Serialize + DeserializeOwned + JsonSchema + 'static>(
        kind: &str,
        doc: &str,
        build: impl Fn(&ModuleInit<'_>, S) -> Result<Box<dyn RewardModule>, ShapingError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind: kind.to_owned(),
            doc: doc.to_owned(),
            common: CommonKeys {
                kind: kind.to_owned(),
                name: kind.to_owned(),
                ..CommonKeys::default()
            },
            settings: to_table(&S::default()),
            schema: schemars::schema_for!(S).to_value(),
            resolve: |given| {
                let settings: S = read(given)?;
                Ok(to_table(&settings))
            },
            build: Box::new(move |init, table| {
                let settings = read(table).map_err(|error| error.at(init.index))?;
                build(init, settings)
            }),
        }
    }

    /// The same with other defaults for the common keys.
    #[must_use]
    pub fn with_common(mut self, change: impl FnOnce(&mut CommonKeys)) -> Self {
        change(&mut self.common);
        self
    }

    /// The name in run files.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// One line on what it pays for.
    pub fn doc(&self) -> &str {
        &self.doc
    }

    /// Every key with its default, common keys first. `gamma` and `gae_lambda` are left out where they are the agent's.
    pub fn defaults(&self) -> toml::Table {
        let mut table = to_table(&self.common);
        table.extend(self.settings.clone());
        table
    }

    /// The JSON schema of all keys; `properties.<key>.description` is the meaning of a key.
    pub fn schema(&self) -> Value {
        let mut schema = schemars::schema_for!(CommonKeys).to_value();
        merge(&mut schema, &self.schema, "properties");
        merge(&mut schema, &self.schema, "$defs");
        schema["title"] = Value::String(self.kind.clone());
        schema["description"] = Value::String(self.doc.clone());
        schema
    }

    /// The names of its own keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> + Clone {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        properties
            .into_iter()
            .flat_map(|map| map.keys().map(String::as_str))
    }

    pub(crate) fn resolve(&self, given: &toml::Table) -> Result<toml::Table, ReadError> {
        (self.resolve)(given)
    }

    /// Makes a module.
    ///
    /// # Errors
    /// What the module's maker finds wrong with settings or env.
    pub fn build(
        &self,
        init: &ModuleInit<'_>,
        settings: &toml::Table,
    ) -> Result<Box<dyn RewardModule>, ShapingError> {
        (self.build)(init, settings)
    }
}

fn merge(into: &mut Value, from: &Value, key: &str) {
    let Some(from) = from.get(key).and_then(Value::as_object) else {
        return;
    };
    if into.get(key).is_none() {
        into[key] = Value::Object(serde_json::Map::new());
    }
    if let Some(into) = into[key].as_object_mut() {
        into.extend(from.clone());
    }
}

/// The kinds of reward module by name.
///
/// An outside crate adds one without touching this one:
///
/// ```
/// use prospect_shaping::{
///     Batch, ModuleKind, ModuleRegistry, Needs, Relabel, RewardConfig, RewardModule, ShapingError, TaskStream,
/// };
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// /// Pays where an event fact is true, such as a door being opened.
/// struct OnEvent {
///     name: String,
///     fact: String,
/// }
///
/// #[derive(Default, Serialize, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields, default)]
/// struct OnEventSettings {
///     /// The event fact that pays 1.
///     fact: String,
/// }
///
/// impl RewardModule for OnEvent {
///     fn name(&self) -> &str {
///         &self.name
///     }
///     fn needs(&self) -> Needs {
///         Needs { facts: vec![self.fact.clone()], ..Needs::default() }
///     }
///     fn relabel(&self) -> Relabel {
///         Relabel::Exact
///     }
///     fn label(&self, batch: &Batch<'_>, out: &mut [f32]) -> Result<(), ShapingError> {
///         let Some(fact) = batch.rollout.layout().event_fact(&self.fact) else {
///             return Err(ShapingError::Rollout { module: self.name.clone(), reason: "lacks the fact".into() });
///         };
///         let events = batch.rollout.event_fact(fact);
///         out.iter_mut().enumerate().for_each(|(i, reward)| *reward = events.get_f64(i) as f32);
///         Ok(())
///     }
///     fn save(&self) -> Result<Vec<u8>, ShapingError> {
///         Ok(Vec::new())
///     }
///     fn load(&mut self, _: &[u8]) -> Result<(), ShapingError> {
///         Ok(())
///     }
///     fn fork(&self, _actors: usize) -> Result<Box<dyn RewardModule>, ShapingError> {
///         Ok(Box::new(Self { name: self.name.clone(), fact: self.fact.clone() }))
///     }
/// }
///
/// let mut registry = ModuleRegistry::with_builtin();
/// registry.register(ModuleKind::new("on_event", "pays 1 where an event happens", |init, own: OnEventSettings| {
///     if !init.spec.facts.iter().any(|fact| fact.field.name == own.fact) {
///         return Err(init.needs_error(format!("the event fact `{}`", own.fact), "set `fact` to one that it has"));
///     }
///     Ok(Box::new(OnEvent { name: init.name.to_owned(), fact: own.fact }))
/// }))?;
///
/// let table: toml::Table = toml::toml! {
///     kind = "on_event"
///     weight = 0.1
///     fact = "opened_door"
/// };
/// let task = TaskStream { gamma: 0.99, gae_lambda: 0.95 };
/// let config = RewardConfig::parse(0, &table, &registry, task)?;
/// assert_eq!(config.settings["fact"].as_str(), Some("opened_door"));
/// # Ok::<(), ShapingError>(())
/// ```
#[derive(Debug, Default)]
pub struct ModuleRegistry {
    kinds: Vec<ModuleKind>,
}

impl ModuleRegistry {
    /// No kinds at all.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The kinds that come with Prospect.
    pub fn with_builtin() -> Self {
        let mut kinds = crate::curiosity::kinds();
        kinds.extend(crate::potential::kinds());
        Self { kinds }
    }

    /// Adds a kind.
    ///
    /// # Errors
    /// [`ShapingError::Duplicate`] if the kind is there, or one of its keys is a common one.
    pub fn register(&mut self, kind: ModuleKind) -> Result<(), ShapingError> {
        if self.get(kind.kind()).is_some() {
            return Err(ShapingError::Duplicate {
                what: "reward kind",
                name: kind.kind,
                remedy: "register it under another name".to_owned(),
            });
        }
        if let Some(key) = kind.keys().find(|key| COMMON_KEYS.contains(key)) {
            return Err(ShapingError::Duplicate {
                what: "reward key",
                name: key.to_owned(),
                remedy: format!(
                    "all modules have it; rename it in the settings of `{}`",
                    kind.kind
                ),
            });
        }
        self.kinds.push(kind);
        Ok(())
    }

    /// All kinds, in the order of registration.
    pub fn kinds(&self) -> impl Iterator<Item = &ModuleKind> {
        self.kinds.iter()
    }

    /// The kind of that name.
    pub fn get(&self, kind: &str) -> Option<&ModuleKind> {
        self.kinds.iter().find(|entry| entry.kind == kind)
    }

    /// The kind that `[[reward]]` table number `index` names.
    pub(crate) fn find(&self, index: usize, table: &toml::Table) -> Result<&ModuleKind, ShapingError> {
        let names = || self.kinds.iter().map(|entry| entry.kind.as_str());
        let known = || names().collect::<Vec<_>>().join(", ");
        let key = place(index, "kind");
        let Some(kind) = table.get("kind") else {
            let reason = format!("is missing; there are: {}", known());
            return Err(ShapingError::Config { key, reason });
        };
        let Some(kind) = kind.as_str() else {
            let reason = format!("is {kind}, not a text; there are: {}", known());
            return Err(ShapingError::Config { key, reason });
        };
        self.get(kind).ok_or_else(|| ShapingError::UnknownKind {
            key,
            kind: kind.to_owned(),
            hint: hint(kind, names()),
            known: known(),
        })
    }
}
