//! The figures of a suite: which numbers go into which chart.

use super::axis::{Span, Unit};
use super::interval_chart::{IntervalPanel, IntervalRow, interval_chart};
use super::line_chart::{LineChart, Naming, Reference, Series, small_multiples};
use super::strip_chart::{StripRow, strip_chart};
use crate::analysis::{Aggregate, BandCurve, CellAnalysis, SuiteAnalysis, TaskAnalysis, VariantAggregate};
use crate::canvas::{Point, Scene, Style, variant_styles};
use crate::stats::{Curve, KaplanMeier};
use crate::suite_folder::{EnvPlan, SuiteFolder};

/// Label of every axis over training.
pub(crate) const FRAMES: &str = "environment frames";
const CHART: [f64; 2] = [600.0, 340.0];

/// A figure with its file name (without ending) and a sentence on what it shows.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub name: String,
    pub caption: String,
    pub scene: Scene,
}

/// Draws a suite's figures with one look per variant.
pub(crate) struct SuiteFigures<'a> {
    suite: &'a SuiteFolder,
    analysis: &'a SuiteAnalysis,
    styles: Vec<Style>,
}

impl<'a> SuiteFigures<'a> {
    pub(crate) fn new(suite: &'a SuiteFolder, analysis: &'a SuiteAnalysis) -> Self {
        let styles = variant_styles(suite.plan.variants.len(), analysis.baseline);
        Self {
            suite,
            analysis,
            styles,
        }
    }

    pub(crate) fn style(&self, variant: usize) -> Style {
        self.styles[variant]
    }

    fn title(&self, variant: usize) -> String {
        self.suite.plan.variants[variant].title().to_owned()
    }

    fn plan(&self, task: &TaskAnalysis) -> &EnvPlan {
        &self.suite.plan.envs[task.env]
    }

    /// The figures over all tasks; none where tasks cannot be compared.
    pub(crate) fn overall(&self) -> Vec<Figure> {
        let Some(aggregate) = &self.analysis.aggregate else {
            return Vec::new();
        };
        let fixed = [
            self.aggregates(aggregate),
            self.profiles(aggregate),
            self.efficiency(aggregate),
        ];
        fixed.into_iter().chain(self.improvements(aggregate)).collect()
    }

    /// Each env's figures.
    pub(crate) fn per_task(&self) -> Vec<Vec<Figure>> {
        let of_task = |task: &TaskAnalysis| {
            let fixed = [
                Some(self.returns(task)),
                Some(self.successes(task)),
                self.solved(task),
            ];
            fixed
                .into_iter()
                .chain([self.coverage(task), self.first_success(task)])
                .flatten()
                .collect()
        };
        self.analysis.tasks.iter().map(of_task).collect()
    }

    /// All envs' learning curves in one figure.
    pub(crate) fn overview(&self) -> Figure {
        let charts: Vec<LineChart> = self
            .analysis
            .tasks
            .iter()
            .map(|task| self.return_chart(task, &self.plan(task).id, false))
            .collect();
        let columns = if matches!(charts.len(), 2 | 4) { 2 } else { 3 };
        let width = if charts.len() == 1 {
            640.0
        } else {
            1170.0 / columns.min(charts.len()) as f64
        };
        Figure {
            name: "learning_curves".to_owned(),
            caption: "Mean return of 100 held-out episodes during training: interquartile mean over seeds, with its \
                      95% bootstrap band."
                .to_owned(),
            scene: small_multiples(&charts, columns, [width, 300.0]),
        }
    }

    /// One env's learning curves, with single runs.
    fn returns(&self, task: &TaskAnalysis) -> Figure {
        self.figure(
            task,
            "return",
            "Held-out evaluation during training. Thick: interquartile mean over seeds; band: 95% stratified \
             bootstrap interval; thin: single runs, unfinished ones included.",
            self.return_chart(task, "Return", true).scene(CHART[0], CHART[1]),
        )
    }

    /// One env's success rate.
    fn successes(&self, task: &TaskAnalysis) -> Figure {
        let series = |cell: &CellAnalysis| self.band_series(cell.variant, &cell.successes, &[]);
        let chart = LineChart {
            title: "Success rate".to_owned(),
            y_label: "episodes that succeed".to_owned(),
            y_unit: Unit::Share,
            y: Some(Span {
                min: -0.02,
                max: 1.02,
            }),
            series: task.cells.iter().map(series).collect(),
            ..over_frames(task)
        };
        let caption =
            "Share of held-out episodes that succeed: interquartile mean over seeds with its 95% band.";
        self.figure(task, "success", caption, chart.scene(CHART[0], CHART[1]))
    }

    /// One env's coverage; `None` where no run logged it.
    fn coverage(&self, task: &TaskAnalysis) -> Option<Figure> {
        let series: Vec<Series> = task
            .cells
            .iter()
            .filter(|cell| !cell.run_coverage.is_empty())
            .map(|cell| self.band_series(cell.variant, &cell.coverage, &cell.run_coverage))
            .collect();
        if series.is_empty() {
            return None;
        }
        let chart = LineChart {
            title: "Coverage".to_owned(),
            y_label: "distinct observations".to_owned(),
            y_unit: Unit::Count,
            series,
            ..over_frames(task)
        };
        let caption = "Distinct observations met since the start of training (lifelong): interquartile mean over \
                       seeds, 95% band, thin lines for single runs.";
        Some(self.figure(task, "coverage", caption, chart.scene(CHART[0], CHART[1])))
    }

    /// One env's share of runs that reached the threshold; `None` without a threshold.
    fn solved(&self, task: &TaskAnalysis) -> Option<Figure> {
        let threshold = self.plan(task).threshold?;
        let series: Vec<Series> = task
            .cells
            .iter()
            .filter_map(|cell| {
                let (curve, summary) = cell.threshold.as_ref()?;
                Some(self.survival_series(cell.variant, curve, summary.horizon.max(task.horizon)))
            })
            .collect();
        let chart = LineChart {
            title: format!(
                "Runs that reached a return of {}",
                super::axis::write_number(threshold, Unit::Number)
            ),
            y_label: "share of runs".to_owned(),
            y_unit: Unit::Share,
            y: Some(Span {
                min: -0.03,
                max: 1.05,
            }),
            series,
            ..over_frames(task)
        };
        let caption = "Kaplan-Meier estimate of the share of runs whose held-out return has reached the threshold. A \
                       tick marks runs that ended without reaching it: they are censored, not counted as slow.";
        Some(self.figure(task, "threshold", caption, chart.scene(CHART[0], CHART[1])))
    }

    /// One env's first successes in training, run by run; `None` where no run logged them.
    fn first_success(&self, task: &TaskAnalysis) -> Option<Figure> {
        let rows: Vec<StripRow> = task
            .cells
            .iter()
            .filter_map(|cell| {
                let (_, summary) = cell.first_success.as_ref()?;
                let of_cell = self
                    .analysis
                    .results
                    .iter()
                    .filter(|r| r.env == task.env && r.variant == cell.variant);
                Some(StripRow {
                    label: self.title(cell.variant),
                    style: self.style(cell.variant),
                    runs: of_cell.filter_map(|r| Some((r.seed, r.first_success?))).collect(),
                    centre: summary.median,
                })
            })
            .collect();
        if rows.is_empty() {
            return None;
        }
        let scene = strip_chart("First success in training", FRAMES, &rows, CHART[0]);
        Some(self.figure(
            task,
            "first_success",
            "Env frames until training first met a success, run by run.",
            scene,
        ))
    }

    /// Aggregates with intervals.
    fn aggregates(&self, aggregate: &Aggregate) -> Figure {
        let rows: Vec<IntervalRow> = aggregate
            .ranking()
            .into_iter()
            .map(|v| {
                self.row(
                    v.variant,
                    vec![Some(v.iqm), Some(v.optimality_gap), Some(v.mean), Some(v.median)],
                )
            })
            .collect();
        let panel = |title: &str, hint: &str| IntervalPanel {
            title: title.to_owned(),
            hint: hint.to_owned(),
            unit: Unit::Number,
            include: vec![0.0, 1.0],
            reference: None,
        };
        let panels = [
            panel("IQM", "higher is better"),
            panel("Optimality gap", "lower is better"),
            panel("Mean", "higher is better"),
            panel("Median", "higher is better"),
        ];
        Figure {
            name: "aggregate_intervals".to_owned(),
            caption: "Normalised scores (0 random policy, 1 best known) over all compared tasks and seeds, with 95% \
                      stratified bootstrap intervals."
                .to_owned(),
            scene: interval_chart(&rows, &panels),
        }
    }

    /// Probability of improvement over the reference, and paired differences; `None` with a single variant.
    fn improvements(&self, aggregate: &Aggregate) -> Option<Figure> {
        let reference = self.analysis.reference();
        let rows: Vec<IntervalRow> = aggregate
            .ranking()
            .into_iter()
            .filter_map(|v| {
                let pair = aggregate.pair(v.variant, reference)?;
                Some(self.row(v.variant, vec![Some(pair.improvement), pair.difference]))
            })
            .collect();
        if rows.is_empty() {
            return None;
        }
        let name = self.title(reference);
        let panels = [
            IntervalPanel {
                title: format!("P(better than {name})"),
                hint: "probability of improvement; 50% is no difference".to_owned(),
                unit: Unit::Share,
                include: vec![0.0, 1.0],
                reference: Some(0.5),
            },
            IntervalPanel {
                title: format!("Score minus {name}"),
                hint: "mean paired difference, same seeds and levels".to_owned(),
                unit: Unit::Number,
                include: vec![0.0],
                reference: Some(0.0),
            },
        ];
        Some(Figure {
            name: "improvement".to_owned(),
            caption: format!("Each variant against {name}, with 95% bootstrap intervals."),
            scene: interval_chart(&rows, &panels),
        })
    }

    /// Performance profiles.
    fn profiles(&self, aggregate: &Aggregate) -> Figure {
        let series = |v: &VariantAggregate| {
            let band = BandCurve {
                steps: aggregate.taus.clone(),
                estimates: v.profile.clone(),
            };
            self.band_series(v.variant, &band, &[])
        };
        let chart = LineChart {
            title: "Performance profile".to_owned(),
            x_label: "normalised score τ".to_owned(),
            y_label: "runs with score > τ".to_owned(),
            x_unit: Unit::Number,
            y_unit: Unit::Share,
            x: None,
            y: Some(Span {
                min: -0.02,
                max: 1.02,
            }),
            series: aggregate.variants.iter().map(series).collect(),
            references: Vec::new(),
            naming: Naming::Direct,
        };
        // All profiles end at zero, where direct labels would pile up: a legend reads better.
        let scene = small_multiples(&[chart], 1, CHART);
        Figure {
            name: "performance_profile".to_owned(),
            caption:
                "Share of runs, over all compared tasks, whose normalised score exceeds τ; a higher curve is \
                      better. Bands: pointwise 95% stratified bootstrap intervals."
                    .to_owned(),
            scene,
        }
    }

    /// IQM over all tasks during training.
    fn efficiency(&self, aggregate: &Aggregate) -> Figure {
        let chart = LineChart {
            title: "Sample efficiency".to_owned(),
            x_label: if aggregate.efficiency_in_frames {
                FRAMES
            } else {
                "share of each task's budget"
            }
            .to_owned(),
            y_label: "IQM of normalised return".to_owned(),
            x_unit: if aggregate.efficiency_in_frames {
                Unit::Count
            } else {
                Unit::Share
            },
            y_unit: Unit::Number,
            x: None,
            y: None,
            series: aggregate
                .variants
                .iter()
                .map(|v| self.band_series(v.variant, &v.efficiency, &[]))
                .collect(),
            references: Vec::new(),
            naming: Naming::Direct,
        };
        Figure {
            name: "sample_efficiency".to_owned(),
            caption:
                "Interquartile mean of normalised return over all compared tasks and seeds during training, \
                      with pointwise 95% bands."
                    .to_owned(),
            scene: chart.scene(CHART[0], CHART[1]),
        }
    }

    fn figure(&self, task: &TaskAnalysis, kind: &str, caption: &str, scene: Scene) -> Figure {
        Figure {
            name: format!("{}_{kind}", self.plan(task).id),
            caption: caption.to_owned(),
            scene,
        }
    }

    fn return_chart(&self, task: &TaskAnalysis, title: &str, detailed: bool) -> LineChart {
        let plan = self.plan(task);
        let lines = [
            ("ceiling", plan.ceiling),
            ("threshold", plan.threshold),
            ("random policy", plan.floor),
        ];
        let reference = |(label, y): (&str, Option<f64>)| {
            Some(Reference {
                y: y?,
                label: label.to_owned(),
            })
        };
        let runs = |cell: &'_ CellAnalysis| {
            if detailed {
                cell.run_returns.clone()
            } else {
                Vec::new()
            }
        };
        LineChart {
            title: title.to_owned(),
            y_label: "mean return".to_owned(),
            series: task
                .cells
                .iter()
                .map(|cell| self.band_series(cell.variant, &cell.returns, &runs(cell)))
                .collect(),
            references: lines.into_iter().filter_map(reference).collect(),
            ..over_frames(task)
        }
    }

    fn band_series(&self, variant: usize, band: &BandCurve, runs: &[Curve]) -> Series {
        let points = |curve: &Curve| {
            curve
                .steps
                .iter()
                .zip(&curve.values)
                .map(|(x, y)| [*x, *y])
                .collect()
        };
        Series {
            label: self.title(variant),
            style: self.style(variant),
            line: band
                .steps
                .iter()
                .zip(&band.estimates)
                .map(|(x, e)| [*x, e.point])
                .collect(),
            band: band.estimates.iter().map(|e| [e.low, e.high]).collect(),
            runs: runs.iter().map(points).collect(),
            ticks: Vec::new(),
        }
    }

    /// One minus the Kaplan-Meier curve, as steps up to the horizon.
    fn survival_series(&self, variant: usize, curve: &KaplanMeier, horizon: f64) -> Series {
        let mut line: Vec<Point> = vec![[0.0, 0.0]];
        let mut level = 0.0;
        for (time, survival) in curve.times.iter().zip(&curve.survival) {
            line.push([*time, level]);
            level = 1.0 - survival;
            line.push([*time, level]);
        }
        let end = curve
            .censored
            .last()
            .copied()
            .unwrap_or(horizon)
            .max(curve.times.last().copied().unwrap_or(0.0));
        line.push([end, level]);
        let height = |time: f64| {
            let seen = curve
                .times
                .iter()
                .zip(&curve.survival)
                .take_while(|(t, _)| **t <= time)
                .last();
            seen.map_or(0.0, |(_, survival)| 1.0 - survival)
        };
        Series {
            label: self.title(variant),
            style: self.style(variant),
            line,
            band: Vec::new(),
            runs: Vec::new(),
            ticks: curve.censored.iter().map(|time| [*time, height(*time)]).collect(),
        }
    }

    fn row(&self, variant: usize, estimates: Vec<Option<crate::stats::Estimate>>) -> IntervalRow {
        IntervalRow {
            label: self.title(variant),
            style: self.style(variant),
            estimates,
        }
    }
}

/// A chart over a task's training without series.
fn over_frames(task: &TaskAnalysis) -> LineChart {
    LineChart {
        title: String::new(),
        x_label: FRAMES.to_owned(),
        y_label: String::new(),
        x_unit: Unit::Count,
        y_unit: Unit::Number,
        x: Some(Span {
            min: 0.0,
            max: task.horizon.max(1.0),
        }),
        y: None,
        series: Vec::new(),
        references: Vec::new(),
        naming: Naming::Direct,
    }
}
