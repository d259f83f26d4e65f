//! One env's numbers: per variant final scores, curves, coverage, times to events.

use rayon::prelude::*;

use super::{BAND_REPLICATES, RunResult};
use crate::error::ReportError;
use crate::run_folder::RunFolder;
use crate::stats::{
    Bootstrap, Curve, Estimate, KaplanMeier, Scores, StatError, SurvivalSummary, TimeToEvent, common_grid,
    iqm, kaplan_meier, mean, resample, summarise_survival,
};
use crate::suite_folder::{SuiteFolder, SuiteRun};

/// Most points of a drawn curve.
const CURVE_POINTS: usize = 80;

/// A statistic over training with its interval at each step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BandCurve {
    /// Env frames, `[points]`.
    pub steps: Vec<f64>,
    /// IQM over seeds at each step, `[points]`.
    pub estimates: Vec<Estimate>,
}

/// One variant on one env.
#[derive(Debug, Clone)]
pub struct CellAnalysis {
    /// Position of the variant in the plan.
    pub variant: usize,
    /// Planned runs.
    pub planned: usize,
    /// Runs that finished: those in the final scores.
    pub finished: usize,
    /// Seeds of the curves below that come from single runs.
    pub seeds: Vec<u64>,
    /// IQM over seeds of the final return.
    pub final_return: Option<Estimate>,
    /// Mean over seeds of the final return.
    pub mean_return: Option<Estimate>,
    /// IQM over seeds of the final success rate.
    pub final_success: Option<Estimate>,
    /// IQM over seeds of the area under the return curve.
    pub area_under_curve: Option<Estimate>,
    /// IQM over seeds of the distinct observations seen at the end.
    pub unique_states: Option<Estimate>,
    /// Mean evaluation return over training.
    pub returns: BandCurve,
    /// Evaluation success rate over training.
    pub successes: BandCurve,
    /// Distinct observations seen over training.
    pub coverage: BandCurve,
    /// Single runs' return curves, unfinished ones too.
    pub run_returns: Vec<Curve>,
    /// Single runs' coverage curves, unfinished ones too.
    pub run_coverage: Vec<Curve>,
    /// Kaplan-Meier curve and summary of the frames to the threshold.
    pub threshold: Option<(KaplanMeier, SurvivalSummary)>,
    /// Kaplan-Meier curve and summary of the frames to the first success in training.
    pub first_success: Option<(KaplanMeier, SurvivalSummary)>,
    /// Median over runs of env frames per wall-clock second.
    pub sps: Option<f64>,
    /// Median over runs of wall-clock seconds.
    pub wall_s: Option<f64>,
    /// Median over runs of CPU seconds.
    pub cpu_s: Option<f64>,
}

/// One env.
#[derive(Debug, Clone)]
pub struct TaskAnalysis {
    /// Position of the env in the plan.
    pub env: usize,
    /// Planned env frames per run.
    pub horizon: f64,
    /// One entry per variant.
    pub cells: Vec<CellAnalysis>,
}

impl TaskAnalysis {
    pub(crate) fn compute(
        suite: &SuiteFolder,
        env: usize,
        results: &[RunResult],
        bootstrap: &Bootstrap,
    ) -> Result<Self, ReportError> {
        let horizon = suite.total_steps(env);
        let cells = (0..suite.plan.variants.len())
            .into_par_iter()
            .map(|variant| {
                let id = &suite.plan.envs[env].id;
                let cell = Cell {
                    name: format!("{id}/{}", suite.plan.variants[variant].name),
                    runs: suite.cell(env, variant).collect(),
                    numbers: results
                        .iter()
                        .filter(|r| r.env == env && r.variant == variant)
                        .collect(),
                    horizon,
                    bootstrap,
                };
                cell.analyse(variant).map_err(ReportError::stat(cell.name))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { env, horizon, cells })
    }
}

/// The runs of one variant on one env, and how to estimate from them.
struct Cell<'a> {
    name: String,
    runs: Vec<&'a SuiteRun>,
    numbers: Vec<&'a RunResult>,
    horizon: f64,
    bootstrap: &'a Bootstrap,
}

impl Cell<'_> {
    fn analyse(&self, variant: usize) -> Result<CellAnalysis, StatError> {
        let folders: Vec<&RunFolder> = self.runs.iter().filter_map(|run| run.folder()).collect();
        let coverage = |folder: &RunFolder| folder.metrics.curve("explore/unique_states");
        Ok(CellAnalysis {
            variant,
            planned: self.runs.len(),
            finished: self.runs.iter().filter(|run| run.finished().is_some()).count(),
            seeds: self
                .runs
                .iter()
                .filter(|run| run.folder().is_some())
                .map(|run| run.seed)
                .collect(),
            final_return: self.estimate("final_return", iqm, |r| r.final_return)?,
            mean_return: self.estimate("mean", mean, |r| r.final_return)?,
            final_success: self.estimate("final_success", iqm, |r| r.final_success)?,
            area_under_curve: self.estimate("area", iqm, |r| r.area_under_curve)?,
            unique_states: self.estimate("unique_states", iqm, |r| r.unique_states)?,
            returns: self.band("returns", RunFolder::return_curve)?,
            successes: self.band("successes", RunFolder::success_curve)?,
            coverage: self.band("coverage", coverage)?,
            run_returns: folders
                .iter()
                .filter_map(|folder| folder.return_curve())
                .collect(),
            run_coverage: folders
                .iter()
                .filter_map(|folder| coverage(folder))
                .map(|c| thin(&c))
                .collect(),
            threshold: self.survival("threshold", |r| r.threshold)?,
            first_success: self.survival("first", |r| r.first_success)?,
            sps: median(self.of_finished(|r| r.sps)),
            wall_s: median(self.of_finished(|r| r.wall_s)),
            cpu_s: median(self.of_finished(|r| r.cpu_s)),
        })
    }

    fn of_finished(&self, pick: fn(&RunResult) -> Option<f64>) -> Vec<f64> {
        self.numbers
            .iter()
            .filter(|r| r.finished)
            .filter_map(|r| pick(r))
            .collect()
    }

    fn estimate(
        &self,
        what: &str,
        statistic: fn(&Scores) -> f64,
        pick: fn(&RunResult) -> Option<f64>,
    ) -> Result<Option<Estimate>, StatError> {
        let values = self.of_finished(pick);
        if values.is_empty() {
            return Ok(None);
        }
        let scores = Scores::new(vec![values])?;
        Ok(Some(self.bootstrap.estimate(
            &format!("{}/{what}", self.name),
            &scores,
            statistic,
        )))
    }

    /// IQM over finished runs at each step of their common grid; runs are resampled anew at each step, as rliable does.
    fn band(&self, what: &str, pick: fn(&RunFolder) -> Option<Curve>) -> Result<BandCurve, StatError> {
        let curves: Vec<Curve> = self.runs.iter().filter_map(|run| pick(run.finished()?)).collect();
        let grid = common_grid(&curves.iter().collect::<Vec<_>>(), CURVE_POINTS);
        let values: Vec<Vec<f64>> = curves.iter().map(|curve| resample(curve, &grid)).collect();
        let few = self.bootstrap.with_replicates(BAND_REPLICATES);
        let estimates = (0..grid.len())
            .map(|k| {
                let scores = Scores::new(vec![values.iter().map(|run| run[k]).collect()])?;
                Ok(few.estimate(&format!("{}/{what}/{k}", self.name), &scores, iqm))
            })
            .collect::<Result<Vec<_>, StatError>>()?;
        Ok(BandCurve {
            steps: grid,
            estimates,
        })
    }

    /// Over all runs that were evaluated, unfinished ones included: they are censored where they stopped.
    fn survival(
        &self,
        what: &str,
        pick: fn(&RunResult) -> Option<TimeToEvent>,
    ) -> Result<Option<(KaplanMeier, SurvivalSummary)>, StatError> {
        let events: Vec<TimeToEvent> = self.numbers.iter().filter_map(|r| pick(r)).collect();
        if events.is_empty() {
            return Ok(None);
        }
        let name = format!("{}/{what}", self.name);
        let summary = summarise_survival(self.bootstrap, &name, &events, self.horizon)?;
        Ok(Some((kaplan_meier(&events)?, summary)))
    }
}

/// At most [`CURVE_POINTS`] points of a curve, its ends included.
fn thin(curve: &Curve) -> Curve {
    let steps = common_grid(&[curve], CURVE_POINTS);
    Curve {
        values: resample(curve, &steps),
        steps,
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    values.sort_by(f64::total_cmp);
    Some(crate::stats::quantile_sorted(&values, 0.5))
}
