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
                let name = format!("{id}/{}", suite.plan.variants[variant].name);
                cell(suite, env, variant, results, horizon, bootstrap, &name).map_err(ReportError::stat(name))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { env, horizon, cells })
    }
}

fn cell(
    suite: &SuiteFolder,
    env: usize,
    variant: usize,
    results: &[RunResult],
    horizon: f64,
    bootstrap: &Bootstrap,
    name: &str,
) -> Result<CellAnalysis, StatError> {
    let runs: Vec<&SuiteRun> = suite.cell(env, variant).collect();
    let folders: Vec<&RunFolder> = runs.iter().filter_map(|run| run.folder()).collect();
    let finished: Vec<&RunFolder> = runs.iter().filter_map(|run| run.finished()).collect();
    let numbers: Vec<&RunResult> = results
        .iter()
        .filter(|r| r.env == env && r.variant == variant)
        .collect();
    let gather =
        |pick: fn(&RunResult) -> Option<f64>| numbers.iter().filter_map(|r| pick(r)).collect::<Vec<f64>>();
    let ended = |pick: fn(&RunResult) -> Option<f64>| {
        numbers
            .iter()
            .filter(|r| r.finished)
            .filter_map(|r| pick(r))
            .collect::<Vec<f64>>()
    };
    let iqm_of = |what: &str, values: Vec<f64>| estimate(bootstrap, &format!("{name}/{what}"), values, iqm);
    let events = |pick: fn(&RunResult) -> Option<TimeToEvent>| {
        numbers.iter().filter_map(|r| pick(r)).collect::<Vec<_>>()
    };
    let band = |what: &str, curves: Vec<Curve>| band(bootstrap, &format!("{name}/{what}"), &curves);
    let coverage_of = |folder: &&RunFolder| folder.metrics.curve("explore/unique_states");
    Ok(CellAnalysis {
        variant,
        planned: runs.len(),
        finished: finished.len(),
        seeds: runs
            .iter()
            .filter(|run| run.folder().is_some())
            .map(|run| run.seed)
            .collect(),
        final_return: iqm_of("final_return", gather(|r| r.final_return))?,
        mean_return: estimate(
            bootstrap,
            &format!("{name}/mean"),
            gather(|r| r.final_return),
            mean,
        )?,
        final_success: iqm_of("final_success", gather(|r| r.final_success))?,
        area_under_curve: iqm_of("area", gather(|r| r.area_under_curve))?,
        unique_states: iqm_of("unique_states", ended(|r| r.unique_states))?,
        returns: band(
            "returns",
            finished.iter().filter_map(|f| f.return_curve()).collect(),
        )?,
        successes: band(
            "successes",
            finished.iter().filter_map(|f| f.success_curve()).collect(),
        )?,
        coverage: band("coverage", finished.iter().filter_map(coverage_of).collect())?,
        run_returns: folders.iter().filter_map(|f| f.return_curve()).collect(),
        run_coverage: folders.iter().filter_map(coverage_of).map(|c| thin(&c)).collect(),
        threshold: survival(
            bootstrap,
            &format!("{name}/threshold"),
            &events(|r| r.threshold),
            horizon,
        )?,
        first_success: survival(
            bootstrap,
            &format!("{name}/first"),
            &events(|r| r.first_success),
            horizon,
        )?,
        sps: median(gather(|r| r.sps)),
        wall_s: median(ended(|r| r.wall_s)),
        cpu_s: median(ended(|r| r.cpu_s)),
    })
}

fn estimate(
    bootstrap: &Bootstrap,
    name: &str,
    values: Vec<f64>,
    statistic: fn(&Scores) -> f64,
) -> Result<Option<Estimate>, StatError> {
    if values.is_empty() {
        return Ok(None);
    }
    Ok(Some(bootstrap.estimate(
        name,
        &Scores::new(vec![values])?,
        statistic,
    )))
}

/// IQM over runs at each step of their common grid; runs are resampled anew at each step, as rliable does.
fn band(bootstrap: &Bootstrap, name: &str, curves: &[Curve]) -> Result<BandCurve, StatError> {
    let grid = common_grid(&curves.iter().collect::<Vec<_>>(), CURVE_POINTS);
    let values: Vec<Vec<f64>> = curves.iter().map(|curve| resample(curve, &grid)).collect();
    let few = bootstrap.with_replicates(BAND_REPLICATES);
    let estimates = (0..grid.len())
        .map(|k| {
            let scores = Scores::new(vec![values.iter().map(|run| run[k]).collect()])?;
            Ok(few.estimate(&format!("{name}/{k}"), &scores, iqm))
        })
        .collect::<Result<Vec<_>, StatError>>()?;
    Ok(BandCurve {
        steps: grid,
        estimates,
    })
}

fn survival(
    bootstrap: &Bootstrap,
    name: &str,
    events: &[TimeToEvent],
    horizon: f64,
) -> Result<Option<(KaplanMeier, SurvivalSummary)>, StatError> {
    if events.is_empty() {
        return Ok(None);
    }
    Ok(Some((
        kaplan_meier(events)?,
        summarise_survival(bootstrap, name, events, horizon)?,
    )))
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
