//! One run in numbers.

use crate::error::ReportError;
use crate::number_table::NumberTable;
use crate::run_folder::RunFolder;
use crate::stats::{Curve, TimeToEvent, area_under, first_reached, normalised};
use crate::suite_folder::{EnvPlan, SuiteFolder, SuiteRun};

/// One run in numbers; `None` where the run does not tell.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// Position of the env in the plan.
    pub env: usize,
    /// Position of the variant in the plan.
    pub variant: usize,
    /// Seed.
    pub seed: u64,
    /// State in one word.
    pub state: &'static str,
    /// Why it has no result.
    pub trouble: Option<String>,
    /// Whether it ended as planned.
    pub finished: bool,
    /// Env frames it got to.
    pub last_step: f64,
    /// Mean return of the last evaluation, of a finished run.
    pub final_return: Option<f64>,
    /// Success rate of the last evaluation, of a finished run.
    pub final_success: Option<f64>,
    /// `final_return` between floor and ceiling.
    pub score: Option<f64>,
    /// Mean height of the return curve, between floor and ceiling where they are known.
    pub area_under_curve: Option<f64>,
    /// When an evaluation first reached the threshold; censored at the last evaluation.
    pub threshold: Option<TimeToEvent>,
    /// When training first met a success; censored at the last logged step.
    pub first_success: Option<TimeToEvent>,
    /// Distinct observations seen in all.
    pub unique_states: Option<f64>,
    /// Wall-clock seconds.
    pub wall_s: Option<f64>,
    /// CPU seconds.
    pub cpu_s: Option<f64>,
    /// Env frames per wall-clock second over the whole run.
    pub sps: Option<f64>,
}

impl RunResult {
    pub(crate) fn of(suite: &SuiteFolder, run: &SuiteRun) -> Result<Self, ReportError> {
        let unknown = Self::unknown(run);
        let Some(folder) = run.folder() else {
            return Ok(unknown);
        };
        let plan = &suite.plan.envs[run.env];
        let curve = folder.return_curve();
        let ended = curve.as_ref().filter(|_| folder.is_finished());
        let successes = folder.success_curve().filter(|_| folder.is_finished());
        let wall_s = folder.timing.last("wall_s");
        let area = ended.map(area_under);
        Ok(Self {
            last_step: folder.last_step(),
            final_return: ended.map(Curve::last),
            final_success: successes.map(|curve| curve.last()),
            score: on_scale(plan, ended.map(Curve::last))?,
            area_under_curve: if plan.ceiling.is_some() {
                on_scale(plan, area)?
            } else {
                area
            },
            threshold: curve
                .as_ref()
                .zip(plan.threshold)
                .map(|(curve, wanted)| reaching(curve, wanted)),
            first_success: first_success(folder),
            unique_states: folder.metrics.last("explore/unique_states"),
            wall_s,
            cpu_s: folder.timing.last("cpu_s"),
            sps: wall_s.filter(|s| *s > 0.0).map(|s| folder.last_step() / s),
            ..unknown
        })
    }

    /// A run of which nothing but its state is known.
    fn unknown(run: &SuiteRun) -> Self {
        Self {
            env: run.env,
            variant: run.variant,
            seed: run.seed,
            state: run.state(),
            trouble: run.trouble(),
            finished: run.finished().is_some(),
            last_step: 0.0,
            final_return: None,
            final_success: None,
            score: None,
            area_under_curve: None,
            threshold: None,
            first_success: None,
            unique_states: None,
            wall_s: None,
            cpu_s: None,
            sps: None,
        }
    }
}

/// The normalised score, or `None` without a value or where the env has no floor or no ceiling.
fn on_scale(plan: &EnvPlan, value: Option<f64>) -> Result<Option<f64>, ReportError> {
    match (value, plan.floor, plan.ceiling) {
        (Some(value), Some(floor), Some(ceiling)) => normalised(value, floor, ceiling)
            .map(Some)
            .map_err(ReportError::stat(&plan.id)),
        _ => Ok(None),
    }
}

fn reaching(curve: &Curve, threshold: f64) -> TimeToEvent {
    match first_reached(curve, threshold) {
        Some(time) => TimeToEvent { time, happened: true },
        None => TimeToEvent {
            time: curve.end(),
            happened: false,
        },
    }
}

/// `None` where the run logs no such column, since "never" and "not measured" are not the same.
fn first_success(folder: &RunFolder) -> Option<TimeToEvent> {
    folder.metrics.column("explore/first_success_step")?;
    let time = folder.first_success_step();
    Some(TimeToEvent {
        time: time.unwrap_or_else(|| folder.last_step()),
        happened: time.is_some(),
    })
}

/// Sum of a timing column whose rows each stand for one iteration (`hop/*`).
pub(crate) fn total(timing: &NumberTable, column: &str) -> Option<f64> {
    Some(timing.column(column)?.iter().flatten().sum())
}
