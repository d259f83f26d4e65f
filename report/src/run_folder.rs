//! One run's folder, read: settings, versions, state, metrics, evaluations, probes.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{ReportError, read_json, read_text};
use crate::number_table::NumberTable;
use crate::stats::Curve;

/// `meta.json`: what ran where. Shown, never computed with, so a missing entry is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RunMeta {
    /// Version of Prospect.
    pub prospect: String,
    /// Git revision.
    pub git: Option<String>,
    /// Version of libtorch.
    pub libtorch: Option<String>,
    /// Version of the compiler.
    pub rustc: Option<String>,
    /// CPU features that were in use.
    pub cpu_features: Vec<String>,
    /// Run seed.
    pub seed: u64,
    /// Identity of the run.
    pub run_id: String,
    /// Id of the env.
    pub env: String,
    /// The command line, word by word.
    pub command: Vec<String>,
    /// When it was started, RFC 3339.
    pub started_utc: String,
    /// The machine.
    pub machine: Machine,
}

/// The machine of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// The processor's own name.
    pub cpu_model: String,
    /// Cores that the system reports.
    pub cores: u32,
}

/// State of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Not ended, or its process was killed.
    Running,
    /// Ended as planned.
    Finished,
    /// Ended by an error.
    Failed,
    /// Ended by the user, with a checkpoint.
    Interrupted,
}

impl RunState {
    /// The word as in `status.json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// `status.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunStatus {
    /// State of the run.
    pub state: RunState,
    /// Env frames so far.
    #[serde(default)]
    pub step: u64,
    /// Message of the error that ended the run.
    #[serde(default)]
    pub error: Option<String>,
}

/// One row of `eval.csv`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Env frames trained on before the evaluation.
    pub step: f64,
    /// Held-out episodes.
    pub episodes: f64,
    /// Mean episodic return.
    pub return_mean: f64,
    /// Standard deviation of the episodic return.
    pub return_std: f64,
    /// Share of episodes that succeeded.
    pub success_rate: f64,
    /// Mean episodic length in steps.
    pub length_mean: f64,
}

/// A probe file and the frames trained before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeFile {
    /// Env frames.
    pub step: u64,
    /// Where it lies.
    pub path: PathBuf,
}

/// A run folder, read.
#[derive(Debug, Clone)]
pub struct RunFolder {
    /// The folder.
    pub dir: PathBuf,
    /// `run.toml` as it stands.
    pub settings_text: String,
    /// `run.toml` parsed.
    pub settings: toml::Table,
    /// `meta.json`.
    pub meta: RunMeta,
    /// `status.json`.
    pub status: RunStatus,
    /// `metrics.csv`; empty if the run ended before its first iteration.
    pub metrics: NumberTable,
    /// `timing.csv`; empty likewise.
    pub timing: NumberTable,
    /// `eval.csv`, ascending steps; empty likewise.
    pub evaluations: Vec<Evaluation>,
    /// `probe/step_*.npz`, ascending steps.
    pub probes: Vec<ProbeFile>,
}

impl RunFolder {
    /// Reads a run folder, also of a run that goes on, failed, or was interrupted.
    ///
    /// # Errors
    /// [`ReportError::Missing`] without `run.toml`, `meta.json` or `status.json`; [`ReportError::Syntax`] or
    /// [`ReportError::Cell`] where a file does not parse.
    pub fn read(dir: &Path) -> Result<Self, ReportError> {
        let settings_path = require(dir, "run.toml")?;
        let settings_text = read_text(&settings_path)?;
        let settings = parse_toml(&settings_path, &settings_text)?;
        Ok(Self {
            dir: dir.to_owned(),
            settings_text,
            settings,
            meta: read_json(&require(dir, "meta.json")?)?,
            status: read_json(&require(dir, "status.json")?)?,
            metrics: optional_table(&dir.join("metrics.csv"))?,
            timing: optional_table(&dir.join("timing.csv"))?,
            evaluations: read_evaluations(&dir.join("eval.csv"))?,
            probes: list_probes(&dir.join("probe"))?,
        })
    }

    /// Whether the run ended as planned.
    pub fn is_finished(&self) -> bool {
        self.status.state == RunState::Finished
    }

    /// Mean return over evaluations; `None` without one.
    pub fn return_curve(&self) -> Option<Curve> {
        self.evaluation_curve(|row| row.return_mean)
    }

    /// Success rate over evaluations; `None` without one.
    pub fn success_curve(&self) -> Option<Curve> {
        self.evaluation_curve(|row| row.success_rate)
    }

    fn evaluation_curve(&self, value: fn(&Evaluation) -> f64) -> Option<Curve> {
        (!self.evaluations.is_empty()).then(|| Curve {
            steps: self.evaluations.iter().map(|row| row.step).collect(),
            values: self.evaluations.iter().map(value).collect(),
        })
    }

    /// Env frames at which training first met a success.
    pub fn first_success_step(&self) -> Option<f64> {
        self.metrics
            .column("explore/first_success_step")?
            .iter()
            .find_map(|value| *value)
    }

    /// Env frames that the run got to, by whichever file knows of more.
    pub fn last_step(&self) -> f64 {
        let logged = self.metrics.last("step").unwrap_or(0.0);
        let evaluated = self.evaluations.last().map_or(0.0, |row| row.step);
        logged.max(evaluated).max(self.status.step as f64)
    }

    /// Names of the reward modules that were logged (`reward/<module>/raw_mean`), in file order.
    pub fn reward_modules(&self) -> Vec<String> {
        self.metrics
            .names()
            .iter()
            .filter_map(|name| {
                name.strip_prefix("reward/")?
                    .strip_suffix("/raw_mean")
                    .map(str::to_owned)
            })
            .collect()
    }
}

/// Whether a folder looks like a run's.
pub(crate) fn is_run_folder(dir: &Path) -> bool {
    dir.join("run.toml").is_file() || dir.join("status.json").is_file()
}

fn require(dir: &Path, file: &str) -> Result<PathBuf, ReportError> {
    let path = dir.join(file);
    if path.is_file() {
        return Ok(path);
    }
    Err(ReportError::Missing {
        folder: dir.to_owned(),
        file: file.to_owned(),
        remedy: "give the folder that `prospect train --out` wrote, or start the run again",
    })
}

/// Parses TOML, turning the parser's byte offset into line and column.
pub(crate) fn parse_toml(path: &Path, text: &str) -> Result<toml::Table, ReportError> {
    text.parse().map_err(|error: toml::de::Error| {
        let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
        ReportError::Syntax {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
            message: error.message().to_owned(),
        }
    })
}

fn optional_table(path: &Path) -> Result<NumberTable, ReportError> {
    if path.is_file() {
        NumberTable::read(path)
    } else {
        Ok(NumberTable::default())
    }
}

fn read_evaluations(path: &Path) -> Result<Vec<Evaluation>, ReportError> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let table = NumberTable::read(path)?;
    let column = |name: &str| table.full_column(name);
    let (step, episodes) = (column("step")?, column("episodes")?);
    let (return_mean, return_std) = (column("return_mean")?, column("return_std")?);
    let (success_rate, length_mean) = (column("success_rate")?, column("length_mean")?);
    let mut rows: Vec<Evaluation> = Vec::with_capacity(step.len());
    for k in 0..step.len() {
        // A resumed run may repeat an evaluation: the later row holds.
        rows.retain(|row| row.step < step[k]);
        rows.push(Evaluation {
            step: step[k],
            episodes: episodes[k],
            return_mean: return_mean[k],
            return_std: return_std[k],
            success_rate: success_rate[k],
            length_mean: length_mean[k],
        });
    }
    Ok(rows)
}

fn list_probes(folder: &Path) -> Result<Vec<ProbeFile>, ReportError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |source| ReportError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut probes = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Some(step) = path.file_name().and_then(|name| step_of(name.to_str()?)) {
            probes.push(ProbeFile { step, path });
        }
    }
    probes.sort_by_key(|probe| probe.step);
    Ok(probes)
}

/// `step_000000123456.npz` is 123,456.
pub(crate) fn step_of(file_name: &str) -> Option<u64> {
    file_name
        .strip_prefix("step_")?
        .strip_suffix(".npz")?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_is_read_from_the_name() {
        assert_eq!(step_of("step_000000123456.npz"), Some(123_456));
        assert_eq!(step_of("step_x.npz"), None);
        assert_eq!(step_of("other.npz"), None);
    }

    #[test]
    fn toml_errors_carry_line_and_column() {
        let error = parse_toml(Path::new("run.toml"), "[run]\nseed = = 1\n").unwrap_err();
        assert!(
            error.to_string().starts_with("run.toml: line 2, column 8:"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_without_files_says_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let error = RunFolder::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("has no run.toml; give the folder"), "{error}");
    }

    #[test]
    fn nan_in_an_evaluation_is_an_error_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("eval.csv");
        let header = "step,episodes,return_mean,return_std,success_rate,length_mean\n";
        std::fs::write(
            &path,
            format!("{header}0,100,0.5,0.1,0.5,20\n100,100,NaN,0.1,0.5,20\n"),
        )
        .unwrap();
        let error = read_evaluations(&path).unwrap_err().to_string();
        assert!(
            error.contains("eval.csv: line 3, column `return_mean`"),
            "{error}"
        );
    }
}
