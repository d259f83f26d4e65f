//! A suite's folder, read: what was planned, and every run that is there, finished or not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use crate::error::{ReportError, read_json};
use crate::run_folder::RunFolder;

/// `suite.json`: the plan of a suite.
#[derive(Debug, Clone, Deserialize)]
pub struct SuitePlan {
    /// Name of the suite.
    pub name: String,
    /// The tasks.
    pub envs: Vec<EnvPlan>,
    /// The compared settings.
    pub variants: Vec<VariantPlan>,
    /// Reporting seeds.
    pub seeds: Vec<u64>,
    /// How settings were chosen; absent where nothing was tuned.
    #[serde(default)]
    pub tuning: Option<TuningPlan>,
    /// Env frames of each run, per env.
    #[serde(default)]
    pub total_steps: BTreeMap<String, u64>,
    /// Commands that repeat the suite.
    #[serde(default, deserialize_with = "command_lines")]
    pub commands: Vec<String>,
}

/// A task of a suite.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct EnvPlan {
    /// Id of the env.
    pub id: String,
    /// Mean return of the random policy.
    #[serde(default)]
    pub floor: Option<f64>,
    /// Best known return; absent where no planner knows it.
    #[serde(default)]
    pub ceiling: Option<f64>,
    /// Return that counts as solved.
    #[serde(default)]
    pub threshold: Option<f64>,
}

/// A variant of a suite.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct VariantPlan {
    /// Name, as in folder names.
    pub name: String,
    /// Name for readers.
    #[serde(default)]
    pub label: String,
}

impl VariantPlan {
    /// The name for readers, or the plain name where none is given.
    pub fn title(&self) -> &str {
        if self.label.is_empty() {
            &self.name
        } else {
            &self.label
        }
    }
}

/// How the settings of each variant were chosen.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TuningPlan {
    /// Seeds of the tuning runs, disjoint from the reporting seeds.
    pub seeds: Vec<u64>,
    /// Number of tuning runs in all.
    pub budget_runs: u64,
    /// Env frames of each tuning run.
    pub steps: u64,
    /// The chosen settings, per env and variant.
    pub chosen: BTreeMap<String, BTreeMap<String, ChosenSettings>>,
}

/// Settings that won the tuning of one variant on one env.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ChosenSettings {
    /// Keys of the run file and their values.
    pub settings: BTreeMap<String, serde_json::Value>,
    /// Score on the tuning seeds.
    pub score: Option<f64>,
    /// Number of settings tried.
    pub grid_size: u64,
}

/// What became of a planned run.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The folder could be read; its own state tells whether the run finished.
    Read(Box<RunFolder>),
    /// There is no folder yet.
    NotStarted,
    /// The folder is there but cannot be read.
    Unreadable(String),
}

/// One planned run of a suite.
#[derive(Debug, Clone)]
pub struct SuiteRun {
    /// Position of the env in the plan.
    pub env: usize,
    /// Position of the variant in the plan.
    pub variant: usize,
    /// Seed.
    pub seed: u64,
    /// Where it lies, or would lie.
    pub dir: PathBuf,
    /// What became of it.
    pub outcome: Outcome,
}

impl SuiteRun {
    /// The folder, if it could be read.
    pub fn folder(&self) -> Option<&RunFolder> {
        match &self.outcome {
            Outcome::Read(folder) => Some(folder),
            Outcome::NotStarted | Outcome::Unreadable(_) => None,
        }
    }

    /// The folder of a finished run.
    pub fn finished(&self) -> Option<&RunFolder> {
        self.folder().filter(|folder| folder.is_finished())
    }

    /// One word for tables.
    pub fn state(&self) -> &'static str {
        match &self.outcome {
            Outcome::Read(folder) => folder.status.state.word(),
            Outcome::NotStarted => "not started",
            Outcome::Unreadable(_) => "unreadable",
        }
    }

    /// Why the run has no result, for readers.
    pub fn trouble(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Read(folder) if folder.is_finished() => None,
            Outcome::Read(folder) => {
                Some(folder.status.error.clone().unwrap_or_else(|| {
                    format!("{} at step {}", folder.status.state.word(), folder.status.step)
                }))
            }
            Outcome::NotStarted => Some("no folder yet".to_owned()),
            Outcome::Unreadable(why) => Some(why.clone()),
        }
    }
}

/// A suite folder, read.
#[derive(Debug, Clone)]
pub struct SuiteFolder {
    /// The folder.
    pub dir: PathBuf,
    /// `suite.json`.
    pub plan: SuitePlan,
    /// `suite.toml` as it stands; empty if absent.
    pub settings_text: String,
    /// Every planned run: by env, then variant, then seed.
    pub runs: Vec<SuiteRun>,
}

impl SuiteFolder {
    /// Reads a suite folder. A run that failed, goes on, is missing or cannot be read is kept with its reason; it does
    /// not stop the rest.
    ///
    /// # Errors
    /// [`ReportError::Missing`] without `suite.json`, [`ReportError::Syntax`] where it does not parse, and
    /// [`ReportError::Nothing`] where it plans no env, variant or seed.
    pub fn read(dir: &Path) -> Result<Self, ReportError> {
        let path = dir.join("suite.json");
        if !path.is_file() {
            return Err(ReportError::Missing {
                folder: dir.to_owned(),
                file: "suite.json".to_owned(),
                remedy: "give the folder that `prospect compare --out` wrote",
            });
        }
        let plan: SuitePlan = read_json(&path)?;
        if plan.envs.is_empty() || plan.variants.is_empty() || plan.seeds.is_empty() {
            let what = format!("{} plans no env, no variant or no seed", path.display());
            return Err(ReportError::Nothing { what });
        }
        let settings_text = std::fs::read_to_string(dir.join("suite.toml")).unwrap_or_default();
        let runs = read_runs(dir, &plan);
        Ok(Self {
            dir: dir.to_owned(),
            plan,
            settings_text,
            runs,
        })
    }

    /// Runs of one env and variant, by seed.
    pub fn cell(&self, env: usize, variant: usize) -> impl Iterator<Item = &SuiteRun> {
        self.runs
            .iter()
            .filter(move |run| run.env == env && run.variant == variant)
    }

    /// Planned env frames of one env, or the most that any of its runs got to.
    pub fn total_steps(&self, env: usize) -> f64 {
        self.plan.total_steps.get(&self.plan.envs[env].id).map_or_else(
            || {
                let of_env = self.runs.iter().filter(|run| run.env == env);
                of_env
                    .filter_map(SuiteRun::folder)
                    .map(RunFolder::last_step)
                    .fold(0.0, f64::max)
            },
            |steps| *steps as f64,
        )
    }
}

fn read_runs(dir: &Path, plan: &SuitePlan) -> Vec<SuiteRun> {
    let mut runs = Vec::new();
    for (env, env_plan) in plan.envs.iter().enumerate() {
        for (variant, variant_plan) in plan.variants.iter().enumerate() {
            for seed in &plan.seeds {
                let run_dir = dir
                    .join("runs")
                    .join(&env_plan.id)
                    .join(&variant_plan.name)
                    .join(format!("seed_{seed}"));
                let outcome = read_outcome(&run_dir);
                runs.push(SuiteRun {
                    env,
                    variant,
                    seed: *seed,
                    dir: run_dir,
                    outcome,
                });
            }
        }
    }
    runs
}

fn read_outcome(dir: &Path) -> Outcome {
    if !dir.is_dir() {
        return Outcome::NotStarted;
    }
    match RunFolder::read(dir) {
        Ok(folder) if folder.is_finished() && folder.evaluations.is_empty() => {
            Outcome::Unreadable("finished, but eval.csv holds no evaluation".to_owned())
        }
        Ok(folder) => Outcome::Read(Box::new(folder)),
        // Readers of the report know the run by its name; where its folder lay says nothing to them.
        Err(error) => Outcome::Unreadable(error.to_string().replace(&format!("{}/", dir.display()), "")),
    }
}

/// A command is a string, or a list of words.
fn command_lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let lines = Vec::<serde_json::Value>::deserialize(deserializer)?;
    Ok(lines
        .into_iter()
        .map(|line| match line {
            serde_json::Value::String(text) => text,
            serde_json::Value::Array(words) => words
                .iter()
                .map(|word| word.as_str().unwrap_or_default())
                .collect::<Vec<_>>()
                .join(" "),
            other => other.to_string(),
        })
        .collect())
}
