//! The numbers of a suite's report as CSV files, one row per number with its interval.

use std::path::{Path, PathBuf};

use crate::analysis::{Aggregate, BandCurve, CellAnalysis, RunResult, SuiteAnalysis};
use crate::error::{ReportError, make_folder, write_file};
use crate::stats::{Estimate, KaplanMeier, SurvivalSummary};
use crate::suite_folder::SuiteFolder;

/// Cells of one file, the header first.
struct Rows {
    name: &'static str,
    rows: Vec<Vec<String>>,
}

impl Rows {
    fn new(name: &'static str, header: &[&str]) -> Self {
        Self {
            name,
            rows: vec![header.iter().map(|name| (*name).to_owned()).collect()],
        }
    }

    fn push(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }
}

/// Writes all tables of a suite into a folder.
///
/// # Errors
/// [`ReportError::Write`].
pub(crate) fn write_suite_tables(
    suite: &SuiteFolder,
    analysis: &SuiteAnalysis,
    folder: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    make_folder(folder)?;
    let names = Names { suite };
    let mut tables = vec![
        runs(&names, &analysis.results),
        task_scores(&names, analysis),
        learning_curves(&names, analysis),
        times(&names, analysis, "frames_to_threshold", |cell| {
            cell.threshold.as_ref()
        }),
        times(&names, analysis, "first_success", |cell| {
            cell.first_success.as_ref()
        }),
        timing(&names, analysis),
    ];
    if let Some(aggregate) = &analysis.aggregate {
        tables.push(aggregates(&names, aggregate));
        tables.push(improvement(&names, aggregate));
        tables.push(profile(&names, aggregate));
        tables.push(efficiency(&names, aggregate));
    }
    tables.iter().map(|table| write(table, folder)).collect()
}

fn write(table: &Rows, folder: &Path) -> Result<PathBuf, ReportError> {
    let path = folder.join(format!("{}.csv", table.name));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| ReportError::Write {
        path: path.clone(),
        source: error.into(),
    };
    for row in &table.rows {
        writer.write_record(row).map_err(failed)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| failed(error.into_error().into()))?;
    write_file(&path, &bytes)?;
    Ok(path)
}

struct Names<'a> {
    suite: &'a SuiteFolder,
}

impl Names<'_> {
    fn env(&self, env: usize) -> String {
        self.suite.plan.envs[env].id.clone()
    }

    fn variant(&self, variant: usize) -> String {
        self.suite.plan.variants[variant].name.clone()
    }
}

/// The shortest text that reads back as the same number; empty for no value.
fn cell(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn estimate(value: Option<Estimate>) -> [String; 3] {
    value.map_or_else(Default::default, |e| {
        [e.point, e.low, e.high].map(|v| v.to_string())
    })
}

fn runs(names: &Names<'_>, results: &[RunResult]) -> Rows {
    let mut table = Rows::new(
        "runs",
        &[
            "env",
            "variant",
            "seed",
            "state",
            "last_step",
            "final_return",
            "final_success_rate",
            "normalised_score",
            "area_under_curve",
            "threshold_reached",
            "threshold_step",
            "first_success_reached",
            "first_success_step",
            "unique_states",
            "wall_s",
            "cpu_s",
            "sps",
            "trouble",
        ],
    );
    for run in results {
        table.push([
            names.env(run.env),
            names.variant(run.variant),
            run.seed.to_string(),
            run.state.to_owned(),
            run.last_step.to_string(),
            cell(run.final_return),
            cell(run.final_success),
            cell(run.score),
            cell(run.area_under_curve),
            run.threshold
                .map_or_else(String::new, |event| event.happened.to_string()),
            cell(run.threshold.map(|event| event.time)),
            run.first_success
                .map_or_else(String::new, |event| event.happened.to_string()),
            cell(run.first_success.map(|event| event.time)),
            cell(run.unique_states),
            cell(run.wall_s),
            cell(run.cpu_s),
            cell(run.sps),
            run.trouble.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn task_scores(names: &Names<'_>, analysis: &SuiteAnalysis) -> Rows {
    let header = [
        "env",
        "variant",
        "finished_runs",
        "planned_runs",
        "statistic",
        "point",
        "low",
        "high",
    ];
    let mut table = Rows::new("task_scores", &header);
    for task in &analysis.tasks {
        for found in &task.cells {
            for (statistic, value) in [
                ("iqm_final_return", found.final_return),
                ("mean_final_return", found.mean_return),
                ("iqm_final_success_rate", found.final_success),
                ("iqm_area_under_curve", found.area_under_curve),
                ("iqm_unique_states", found.unique_states),
            ] {
                let [point, low, high] = estimate(value);
                table.push([
                    names.env(task.env),
                    names.variant(found.variant),
                    found.finished.to_string(),
                    found.planned.to_string(),
                    statistic.to_owned(),
                    point,
                    low,
                    high,
                ]);
            }
        }
    }
    table
}

fn learning_curves(names: &Names<'_>, analysis: &SuiteAnalysis) -> Rows {
    let header = ["env", "variant", "quantity", "step", "iqm", "low", "high"];
    let mut table = Rows::new("learning_curves", &header);
    for task in &analysis.tasks {
        for found in &task.cells {
            let curves: [(&str, &BandCurve); 3] = [
                ("return_mean", &found.returns),
                ("success_rate", &found.successes),
                ("unique_states", &found.coverage),
            ];
            for (quantity, band) in curves {
                for (step, value) in band.steps.iter().zip(&band.estimates) {
                    let [point, low, high] = estimate(Some(*value));
                    let place = [
                        names.env(task.env),
                        names.variant(found.variant),
                        quantity.to_owned(),
                    ];
                    table.push(place.into_iter().chain([step.to_string(), point, low, high]));
                }
            }
        }
    }
    table
}

fn times(
    names: &Names<'_>,
    analysis: &SuiteAnalysis,
    name: &'static str,
    pick: impl Fn(&CellAnalysis) -> Option<&(KaplanMeier, SurvivalSummary)>,
) -> Rows {
    let mut table = Rows::new(
        name,
        &[
            "env",
            "variant",
            "reached",
            "runs",
            "median_frames",
            "median_low",
            "median_high",
            "restricted_mean_frames",
            "restricted_mean_low",
            "restricted_mean_high",
            "horizon_frames",
        ],
    );
    for task in &analysis.tasks {
        for found in &task.cells {
            let Some((_, summary)) = pick(found) else { continue };
            let place = [names.env(task.env), names.variant(found.variant)];
            let counts = [summary.reached.to_string(), summary.runs.to_string()];
            let medians = [
                summary.median,
                summary.median_interval.0,
                summary.median_interval.1,
            ]
            .map(cell);
            let means = estimate(Some(summary.restricted_mean));
            let row = place.into_iter().chain(counts).chain(medians).chain(means);
            table.push(row.chain([summary.horizon.to_string()]));
        }
    }
    table
}

fn timing(names: &Names<'_>, analysis: &SuiteAnalysis) -> Rows {
    let header = ["env", "variant", "median_sps", "median_wall_s", "median_cpu_s"];
    let mut table = Rows::new("timing", &header);
    for task in &analysis.tasks {
        for found in &task.cells {
            let place = [names.env(task.env), names.variant(found.variant)];
            table.push(
                place
                    .into_iter()
                    .chain([found.sps, found.wall_s, found.cpu_s].map(cell)),
            );
        }
    }
    table
}

fn aggregates(names: &Names<'_>, aggregate: &Aggregate) -> Rows {
    let mut table = Rows::new(
        "aggregates",
        &["variant", "runs", "statistic", "point", "low", "high"],
    );
    for found in &aggregate.variants {
        for (statistic, value) in [
            ("iqm", found.iqm),
            ("optimality_gap", found.optimality_gap),
            ("mean", found.mean),
            ("median", found.median),
        ] {
            let place = [
                names.variant(found.variant),
                found.runs.to_string(),
                statistic.to_owned(),
            ];
            table.push(place.into_iter().chain(estimate(Some(value))));
        }
    }
    table
}

fn improvement(names: &Names<'_>, aggregate: &Aggregate) -> Rows {
    let mut table = Rows::new(
        "improvement",
        &[
            "x",
            "y",
            "probability_x_better",
            "low",
            "high",
            "paired_difference",
            "difference_low",
            "difference_high",
            "wins",
            "losses",
            "ties",
            "sign_test_p",
        ],
    );
    for pair in &aggregate.pairs {
        let signs = pair.signs.map_or_else(Default::default, |signs| {
            [
                signs.wins.to_string(),
                signs.losses.to_string(),
                signs.ties.to_string(),
                signs.p_value.to_string(),
            ]
        });
        let place = [names.variant(pair.x), names.variant(pair.y)];
        let numbers = estimate(Some(pair.improvement))
            .into_iter()
            .chain(estimate(pair.difference));
        table.push(place.into_iter().chain(numbers).chain(signs));
    }
    table
}

fn profile(names: &Names<'_>, aggregate: &Aggregate) -> Rows {
    let mut table = Rows::new(
        "performance_profile",
        &["variant", "tau", "share_above", "low", "high"],
    );
    for found in &aggregate.variants {
        for (tau, value) in aggregate.taus.iter().zip(&found.profile) {
            let place = [names.variant(found.variant), tau.to_string()];
            table.push(place.into_iter().chain(estimate(Some(*value))));
        }
    }
    table
}

fn efficiency(names: &Names<'_>, aggregate: &Aggregate) -> Rows {
    let x = if aggregate.efficiency_in_frames {
        "step"
    } else {
        "share_of_budget"
    };
    let mut table = Rows::new("sample_efficiency", &["variant", x, "iqm", "low", "high"]);
    for found in &aggregate.variants {
        for (step, value) in found.efficiency.steps.iter().zip(&found.efficiency.estimates) {
            let place = [names.variant(found.variant), step.to_string()];
            table.push(place.into_iter().chain(estimate(Some(*value))));
        }
    }
    table
}
