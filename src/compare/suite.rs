//! The suite file: which envs, variants and seeds are compared, and the run file of each run.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::config::overlay;

/// A suite file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// What is compared.
    pub suite: Header,
    /// How settings are chosen, for variants that have a grid.
    #[serde(default)]
    pub tuning: Tuning,
    /// Keys of the run file that all runs share.
    #[serde(default)]
    pub base: Table,
    /// The tasks.
    #[serde(rename = "env")]
    pub envs: Vec<EnvEntry>,
    /// What is compared on each task.
    #[serde(rename = "variant")]
    pub variants: Vec<Variant>,
}

/// The table `[suite]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Name of the suite, the title of its report.
    pub name: String,
    /// Seeds of the reported runs; every variant runs with the same ones.
    pub seeds: Vec<u64>,
    /// Runs at the same time; 0 is one per core.
    #[serde(default)]
    pub jobs: usize,
}

/// The table `[tuning]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tuning {
    /// Seeds of the tuning runs; none of them may be a seed of the suite.
    pub seeds: Vec<u64>,
    /// Length of a tuning run as a share of the reported run's.
    pub length: f64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            seeds: Vec::new(),
            length: 1.0,
        }
    }
}

/// One `[[env]]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvEntry {
    /// Id of the env.
    pub id: String,
    /// Frames of a run.
    pub total_steps: u64,
    /// Return that counts as solved, for frames-to-threshold.
    pub threshold: f64,
    /// Keys of the run file for this env.
    #[serde(default)]
    pub run: Table,
}

/// One `[[variant]]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Short name, used for folders: letters, digits, `-` and `_`.
    pub name: String,
    /// Name in figures; the short name if left out.
    #[serde(default)]
    pub label: Option<String>,
    /// The reward modules.
    #[serde(default)]
    pub reward: Vec<Table>,
    /// Other keys of the run file for this variant.
    #[serde(default)]
    pub run: Table,
    /// Settings to choose among with the tuning seeds: key of the run file to list of values.
    #[serde(default)]
    pub grid: Table,
}

/// One setting of a grid: keys of the run file and their values.
pub type Setting = Vec<(String, Value)>;

impl Suite {
    /// Reads and checks a suite file.
    ///
    /// # Errors
    /// A message with the line for a syntax error or unknown key, with the key for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let suite: Self = toml::from_str(text)?;
        suite.check()?;
        Ok(suite)
    }

    fn check(&self) -> Result<()> {
        if self.suite.seeds.is_empty() {
            bail!("suite.seeds is empty: give at least one seed");
        }
        let mut seen = BTreeSet::new();
        if let Some(seed) = self.suite.seeds.iter().find(|seed| !seen.insert(**seed)) {
            bail!("suite.seeds holds {seed} twice");
        }
        if let Some(seed) = self
            .tuning
            .seeds
            .iter()
            .find(|seed| self.suite.seeds.contains(seed))
        {
            bail!(
                "tuning.seeds and suite.seeds share {seed}: a setting chosen on reported seeds makes them look better"
            );
        }
        if !(self.tuning.length > 0.0 && self.tuning.length <= 1.0) {
            bail!(
                "tuning.length = {}: give a share between 0 and 1",
                self.tuning.length
            );
        }
        if self.envs.is_empty() || self.variants.is_empty() {
            bail!("a suite needs at least one [[env]] and one [[variant]]");
        }
        let mut names = BTreeSet::new();
        for variant in &self.variants {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if variant.name.is_empty() || !variant.name.chars().all(plain) {
                bail!(
                    "variant name `{}`: use letters, digits, `-` and `_`",
                    variant.name
                );
            }
            if !names.insert(&variant.name) {
                bail!("variant name `{}` is used twice", variant.name);
            }
            if !variant.grid.is_empty() && self.tuning.seeds.is_empty() {
                bail!("variant `{}` has a grid, but tuning.seeds is empty", variant.name);
            }
            variant.settings()?;
        }
        Ok(())
    }

    /// The run file of one run, before `setting` is applied where there is one.
    ///
    /// # Errors
    /// If a key of `setting` leads nowhere.
    pub fn run_table(
        &self,
        env: &EnvEntry,
        variant: &Variant,
        setting: &Setting,
        seed: u64,
        length: f64,
    ) -> Result<Table> {
        let mut table = self.base.clone();
        overlay::merge(&mut table, &env.run);
        overlay::merge(&mut table, &variant.run);
        if !variant.reward.is_empty() {
            let rewards = variant.reward.iter().cloned().map(Value::Table).collect();
            table.insert("reward".to_owned(), Value::Array(rewards));
        }
        overlay::set(&mut table, &["env", "id"], Value::String(env.id.clone()))?;
        overlay::set(&mut table, &["run", "seed"], Value::Integer(seed as i64))?;
        let steps = (env.total_steps as f64 * length).round() as i64;
        overlay::set(&mut table, &["agent", "total_steps"], Value::Integer(steps))?;
        for (key, value) in setting {
            let path: Vec<_> = key.split('.').collect();
            overlay::set(&mut table, &path, value.clone())
                .with_context(|| format!("variant `{}`, grid key `{key}`", variant.name))?;
        }
        Ok(table)
    }
}

impl Variant {
    /// The name for figures.
    pub fn label(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }

    /// Every setting of the grid, the last key varying fastest; one empty setting if there is no grid.
    ///
    /// # Errors
    /// If a key has no list of values.
    pub fn settings(&self) -> Result<Vec<Setting>> {
        let mut settings: Vec<Setting> = vec![Vec::new()];
        for (key, values) in &self.grid {
            let Some(values) = values.as_array().filter(|values| !values.is_empty()) else {
                bail!("variant `{}`, grid key `{key}`: give a list of values", self.name);
            };
            settings = settings
                .iter()
                .flat_map(|setting| {
                    values.iter().map(|value| {
                        let mut longer = setting.clone();
                        longer.push((key.clone(), value.clone()));
                        longer
                    })
                })
                .collect();
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
[suite]
name = "two"
seeds = [1, 2]
[tuning]
seeds = [9]
length = 0.5
[base.agent]
learning_rate = 1e-3
[[env]]
id = "MiniGrid-Empty-5x5-v0"
total_steps = 1000
threshold = 0.9
[[variant]]
name = "none"
[[variant]]
name = "bonus"
[[variant.reward]]
kind = "first_visit"
weight = 0.1
[variant.grid]
"reward.0.weight" = [0.1, 0.2]
"agent.ent_coef" = [0.0, 0.01, 0.1]
"#;

    #[test]
    fn a_run_file_is_base_env_variant_setting_in_that_order() {
        let suite = Suite::parse(TEXT).unwrap();
        let settings = suite.variants[1].settings().unwrap();
        assert_eq!(settings.len(), 6);
        let table = suite
            .run_table(&suite.envs[0], &suite.variants[1], &settings[5], 9, 0.5)
            .unwrap();
        assert_eq!(table["agent"]["learning_rate"].as_float(), Some(1e-3));
        assert_eq!(table["agent"]["ent_coef"].as_float(), Some(0.1));
        assert_eq!(table["agent"]["total_steps"].as_integer(), Some(500));
        assert_eq!(table["reward"][0]["weight"].as_float(), Some(0.2));
        assert_eq!(table["run"]["seed"].as_integer(), Some(9));
        let none = suite
            .run_table(&suite.envs[0], &suite.variants[0], &Vec::new(), 1, 1.0)
            .unwrap();
        assert!(!none.contains_key("reward"));
    }

    #[test]
    fn mistakes_are_refused_with_a_remedy() {
        let message = |from: &str, to: &str| Suite::parse(&TEXT.replace(from, to)).unwrap_err().to_string();
        assert!(message("seeds = [9]", "seeds = [2]").contains("share 2"));
        assert!(message("seeds = [9]", "seeds = []").contains("has a grid, but tuning.seeds is empty"));
        assert!(message("seeds = [1, 2]", "seeds = [1, 1]").contains("holds 1 twice"));
        assert!(message("[0.1, 0.2]", "0.1").contains("give a list of values"));
        assert!(message("name = \"bonus\"", "name = \"a b\"").contains("use letters"));
        assert!(message("threshold", "treshold").contains("treshold"));
    }
}
