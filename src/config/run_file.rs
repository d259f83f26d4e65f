//! The run file: what one training run is, as TOML.

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow, bail};
use prospect_agents::{
    AgentConfig, CheckpointConfig, DqnConfig, EvalConfig, PpoConfig, PqnConfig, ProbeConfig, SacConfig,
    Td3Config,
};
use prospect_shaping::{ExtrinsicConfig, ModuleRegistry, RewardConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value as Json;
use toml::{Table, Value};

use crate::config::{document, overlay, place};

/// The table `[run]`: seed, threads, device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunSection {
    /// Seed of the run, below 2^29. Levels of training, evaluation and probes, first weights and all draws follow from it.
    pub seed: u64,
    /// Threads that step the envs. The result is the same for any number.
    pub threads: usize,
    /// Shards that the envs are spread over; 0 chooses. The result is the same for any number.
    pub shards: usize,
    /// Where networks live: "cpu", "cuda" (the first device that CUDA shows) or "auto".
    pub device: String,
}

impl Default for RunSection {
    fn default() -> Self {
        Self {
            seed: 1,
            threads: 1,
            shards: 0,
            device: "cpu".to_owned(),
        }
    }
}

/// The table `[env]`: the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EnvSection {
    /// Id of the task; `prospect envs` lists them.
    pub id: String,
    /// Env instances that are stepped together.
    pub n_envs: usize,
    /// Options of the task, such as { max_steps = 200 }.
    pub options: serde_json::Map<String, Json>,
}

impl Default for EnvSection {
    fn default() -> Self {
        Self {
            id: "MiniGrid-MultiRoom-N4-S5-v0".to_owned(),
            n_envs: 16,
            options: serde_json::Map::new(),
        }
    }
}

/// A run file with every default filled in.
#[derive(Debug, Clone)]
pub struct RunFile {
    /// Seed, threads, device.
    pub run: RunSection,
    /// The task.
    pub env: EnvSection,
    /// The learner.
    pub agent: AgentConfig,
    /// The weight of the task's reward.
    pub extrinsic: ExtrinsicConfig,
    /// The reward modules.
    pub rewards: Vec<RewardConfig>,
    /// Held-out evaluation.
    pub eval: EvalConfig,
    /// Checkpoints.
    pub checkpoint: CheckpointConfig,
    /// Probes for heatmaps.
    pub probe: ProbeConfig,
}

const SECTIONS: [&str; 8] = [
    "run",
    "env",
    "agent",
    "extrinsic",
    "reward",
    "eval",
    "checkpoint",
    "probe",
];

/// A table under the keys of a path, with what is needed to name the line of a mistake in it.
struct Source<'a> {
    text: &'a str,
    file: String,
}

impl Source<'_> {
    fn error(&self, path: &[&str], message: impl std::fmt::Display) -> anyhow::Error {
        let owned: Vec<_> = path.iter().map(|&part| part.to_owned()).collect();
        let key = path.join(".");
        match place::line_of(self.text, &owned) {
            Some(line) => anyhow!("{}:{line}: {key}: {message}", self.file),
            None => anyhow!("{}: {key}: {message}", self.file),
        }
    }

    /// Reads section `name`; what is not given takes its default.
    fn section<T: DeserializeOwned + Default>(&self, table: &Table, name: &str) -> Result<T> {
        let Some(value) = table.get(name) else {
            return Ok(T::default());
        };
        serde_path_to_error::deserialize(value.clone()).map_err(|error| {
            let inner = error.path().to_string();
            let mut path = vec![name];
            path.extend(inner.split('.').filter(|part| *part != "." && !part.is_empty()));
            let message = error.into_inner().to_string();
            // The path says where; the second line of TOML's message would say it again.
            let message = message.lines().next().unwrap_or_default().trim();
            match unknown_field(message) {
                Some(field) => {
                    path.retain(|part| *part != field);
                    path.push(field);
                    self.error(&path, with_suggestion(message, field))
                }
                None => self.error(&path, message),
            }
        })
    }
}

fn unknown_field(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

fn with_suggestion(message: &str, field: &str) -> String {
    let known: Vec<_> = message.split('`').skip(3).step_by(2).collect();
    let near = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(name, field), *name))
        .min();
    match near {
        Some((distance, name)) if distance <= 3 => format!("unknown key; did you mean `{name}`?"),
        _ => format!("unknown key; this section has {}", known.join(", ")),
    }
}

impl RunFile {
    /// Reads `path` and lays `sets` (each `key.path=value`) on top.
    ///
    /// # Errors
    /// A message that names file, line or key, and the remedy.
    pub fn read(path: &Path, sets: &[String], registry: &ModuleRegistry) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("reading run file {}", path.display()))?;
        Self::parse(&text, &path.display().to_string(), sets, registry)
    }

    /// The same from a text; `file` is its name in messages.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(text: &str, file: &str, sets: &[String], registry: &ModuleRegistry) -> Result<Self> {
        let source = Source {
            text,
            file: file.to_owned(),
        };
        let mut table: Table = text.parse().map_err(|error| anyhow!("{file}: {error}"))?;
        sets.iter()
            .try_for_each(|assignment| overlay::apply(&mut table, assignment))?;
        for key in table.keys() {
            if !SECTIONS.contains(&key.as_str()) {
                let near = SECTIONS
                    .iter()
                    .min_by_key(|name| strsim::damerau_levenshtein(name, key));
                let near = near.copied().unwrap_or_default();
                let all = SECTIONS.join(", ");
                return Err(source.error(
                    &[key],
                    format!("unknown section; did you mean `{near}`? There are {all}"),
                ));
            }
        }
        Self::from_table(&source, table, registry)
    }

    fn from_table(source: &Source<'_>, mut table: Table, registry: &ModuleRegistry) -> Result<Self> {
        let agent = agent_section(source, &mut table)?;
        agent.check().with_context(|| source.file.clone())?;
        let rewards = reward_tables(source, &table)?;
        let rewards =
            RewardConfig::parse_all(&rewards, registry, agent.task()).with_context(|| source.file.clone())?;
        let file = Self {
            run: source.section(&table, "run")?,
            env: source.section(&table, "env")?,
            agent,
            extrinsic: source.section(&table, "extrinsic")?,
            rewards,
            eval: source.section(&table, "eval")?,
            checkpoint: source.section(&table, "checkpoint")?,
            probe: source.section(&table, "probe")?,
        };
        if file.run.threads == 0 {
            return Err(source.error(&["run", "threads"], "use at least 1"));
        }
        if file.env.n_envs == 0 {
            return Err(source.error(&["env", "n_envs"], "use at least 1"));
        }
        Ok(file)
    }

    /// The file as a table, every default filled in; [`Self::parse`] of it gives the same run.
    ///
    /// # Errors
    /// If a section cannot be written as TOML.
    pub fn resolved(&self) -> Result<Table> {
        let mut table = Table::new();
        let mut put = |name: &str, value: Value| table.insert(name.to_owned(), value);
        put("run", Value::try_from(&self.run)?);
        put("env", Value::try_from(&self.env)?);
        let mut agent = Table::new();
        agent.insert("kind".to_owned(), Value::String(self.agent.kind().to_owned()));
        agent.extend(Table::try_from(&self.agent)?);
        put("agent", Value::Table(agent));
        put("extrinsic", Value::try_from(&self.extrinsic)?);
        let rewards: Vec<_> = self
            .rewards
            .iter()
            .map(|reward| Value::Table(reward.resolved()))
            .collect();
        if !rewards.is_empty() {
            put("reward", Value::Array(rewards));
        }
        put("eval", Value::try_from(&self.eval)?);
        put("checkpoint", Value::try_from(&self.checkpoint)?);
        put("probe", Value::try_from(&self.probe)?);
        Ok(table)
    }

    /// The file with the meaning of every key as comments, and every kind of reward module.
    ///
    /// # Errors
    /// If a section cannot be written as TOML.
    pub fn documented(&self, registry: &ModuleRegistry) -> Result<String> {
        let resolved = self.resolved()?;
        let mut out = String::new();
        let schemas: [(&str, Json); 7] = [
            ("run", schemars::schema_for!(RunSection).to_value()),
            ("env", schemars::schema_for!(EnvSection).to_value()),
            ("agent", self.agent.schema().to_value()),
            ("extrinsic", schemars::schema_for!(ExtrinsicConfig).to_value()),
            ("eval", schemars::schema_for!(EvalConfig).to_value()),
            ("checkpoint", schemars::schema_for!(CheckpointConfig).to_value()),
            ("probe", schemars::schema_for!(ProbeConfig).to_value()),
        ];
        for (name, schema) in &schemas {
            if let Some(Value::Table(values)) = resolved.get(*name) {
                document::table(&mut out, name, &format!("[{name}]"), values, schema);
                out.push('\n');
            }
        }
        for reward in &self.rewards {
            if let Some(kind) = registry.kinds().find(|kind| kind.kind() == reward.kind) {
                document::table(
                    &mut out,
                    "reward",
                    "[[reward]]",
                    &reward.resolved(),
                    &kind.schema(),
                );
                out.push('\n');
            }
        }
        if self.rewards.is_empty() {
            out.push_str("# No reward module is set. The kinds there are, with their defaults:\n");
            for kind in registry.kinds() {
                let mut block = String::new();
                document::table(
                    &mut block,
                    "reward",
                    "[[reward]]",
                    &kind.defaults(),
                    &kind.schema(),
                );
                out.push_str(&format!("#\n# {}: {}\n", kind.kind(), kind.doc()));
                block
                    .lines()
                    .for_each(|line| out.push_str(&format!("# {line}\n")));
            }
        }
        Ok(out)
    }
}

/// The table `[agent]`: its `kind` belongs to no learner's settings but chooses among them.
fn agent_section(source: &Source<'_>, table: &mut Table) -> Result<AgentConfig> {
    let kind = match table.get_mut("agent") {
        Some(Value::Table(agent)) => agent.remove("kind"),
        _ => None,
    };
    let kind = kind.unwrap_or_else(|| Value::String("ppo".to_owned()));
    Ok(match kind.as_str() {
        Some("ppo") => AgentConfig::Ppo(source.section::<PpoConfig>(table, "agent")?),
        Some("dqn") => AgentConfig::Dqn(source.section::<DqnConfig>(table, "agent")?),
        Some("pqn") => AgentConfig::Pqn(source.section::<PqnConfig>(table, "agent")?),
        Some("td3") => AgentConfig::Td3(source.section::<Td3Config>(table, "agent")?),
        Some("sac") => AgentConfig::Sac(source.section::<SacConfig>(table, "agent")?),
        _ => {
            let kinds: Vec<_> = AgentConfig::KINDS
                .iter()
                .map(|kind| format!("\"{kind}\""))
                .collect();
            let message = format!("{kind} is no learner; there is {}", kinds.join(", "));
            return Err(source.error(&["agent", "kind"], message));
        }
    })
}

fn reward_tables(source: &Source<'_>, table: &Table) -> Result<Vec<Table>> {
    match table.get("reward") {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => {
            let tables = list.iter().map(|value| value.as_table().cloned());
            let tables: Option<Vec<_>> = tables.collect();
            tables.ok_or_else(|| source.error(&["reward"], "write each reward module as [[reward]]"))
        }
        Some(_) => bail!(source.error(
            &["reward"],
            "write reward modules as [[reward]], with two brackets"
        )),
    }
}
