//! The figures of a single run.

use super::axis::{Span, Unit};
use super::line_chart::{LineChart, Naming, Series, small_multiples};
use super::suite::{FRAMES, Figure};
use crate::analysis::total;
use crate::canvas::{Colour, Shape, Style, variant_styles};
use crate::run_folder::RunFolder;
use crate::stats::{Curve, common_grid, resample, wilson_interval};

const CHART: [f64; 2] = [600.0, 320.0];
/// Most points of a drawn metric.
const POINTS: usize = 400;

/// All figures of a run, in the order of its page.
pub(crate) fn run_figures(folder: &RunFolder) -> RunFigures {
    RunFigures {
        learning: [returns(folder), success(folder), training(folder)]
            .into_iter()
            .flatten()
            .collect(),
        coverage: ["explore/unique_states", "explore/unique_positions"]
            .into_iter()
            .filter_map(|column| coverage(folder, column))
            .collect(),
        rewards: rewards(folder),
        losses: losses(folder),
        hops: hops(folder),
    }
}

/// The figures of a run by section.
pub(crate) struct RunFigures {
    pub learning: Vec<Figure>,
    pub coverage: Vec<Figure>,
    pub rewards: Vec<Figure>,
    pub losses: Option<Figure>,
    /// Share of wall-clock time per hop, largest first.
    pub hops: Vec<(String, f64)>,
}

impl RunFigures {
    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Figure> {
        self.learning
            .iter()
            .chain(&self.coverage)
            .chain(&self.rewards)
            .chain(&self.losses)
    }
}

fn main_style() -> Style {
    variant_styles(1, None)[0]
}

fn chart(folder: &RunFolder, title: &str, y_label: &str, y_unit: Unit, series: Vec<Series>) -> LineChart {
    LineChart {
        title: title.to_owned(),
        x_label: FRAMES.to_owned(),
        y_label: y_label.to_owned(),
        x_unit: Unit::Count,
        y_unit,
        x: Some(Span {
            min: 0.0,
            max: folder.last_step().max(1.0),
        }),
        y: None,
        series,
        references: Vec::new(),
        naming: Naming::Elsewhere,
    }
}

fn series(label: &str, style: Style, curve: &Curve) -> Series {
    let grid = common_grid(&[curve], POINTS);
    let values = resample(curve, &grid);
    Series {
        label: label.to_owned(),
        style,
        line: grid.into_iter().zip(values).map(|(x, y)| [x, y]).collect(),
        band: Vec::new(),
        runs: Vec::new(),
        ticks: Vec::new(),
    }
}

fn figure(name: &str, caption: &str, chart: &LineChart) -> Figure {
    Figure {
        name: name.to_owned(),
        caption: caption.to_owned(),
        scene: chart.scene(CHART[0], CHART[1]),
    }
}

/// Mean return with its standard error over episodes.
fn returns(folder: &RunFolder) -> Option<Figure> {
    let mut line = series("evaluation", main_style(), &folder.return_curve()?);
    if line.line.len() == folder.evaluations.len() {
        line.band = folder
            .evaluations
            .iter()
            .map(|row| {
                let half = 1.96 * row.return_std / row.episodes.max(1.0).sqrt();
                [row.return_mean - half, row.return_mean + half]
            })
            .collect();
    }
    let chart = chart(folder, "Held-out return", "mean return", Unit::Number, vec![line]);
    Some(figure(
        "return",
        "Mean return of held-out episodes; band: ±1.96 standard errors over the episodes of each evaluation (not over \
         seeds: this is one run).",
        &chart,
    ))
}

/// Success rate with its Wilson interval over episodes.
fn success(folder: &RunFolder) -> Option<Figure> {
    let mut line = series("evaluation", main_style(), &folder.success_curve()?);
    let bands: Option<Vec<[f64; 2]>> = folder
        .evaluations
        .iter()
        .map(|row| {
            let successes = (row.success_rate * row.episodes).round() as usize;
            wilson_interval(successes, row.episodes as usize)
                .ok()
                .map(|w| [w.low, w.high])
        })
        .collect();
    line.band = bands
        .filter(|bands| bands.len() == line.line.len())
        .unwrap_or_default();
    let mut chart = chart(
        folder,
        "Held-out success rate",
        "episodes that succeed",
        Unit::Share,
        vec![line],
    );
    chart.y = Some(Span {
        min: -0.02,
        max: 1.02,
    });
    Some(figure(
        "success",
        "Share of held-out episodes that succeed, with Wilson's 95% interval over episodes.",
        &chart,
    ))
}

fn training(folder: &RunFolder) -> Option<Figure> {
    let curve = folder.metrics.curve("charts/episodic_return")?;
    let lines = vec![series("training", main_style(), &curve)];
    let chart = chart(
        folder,
        "Training return",
        "mean episodic return",
        Unit::Number,
        lines,
    );
    Some(figure(
        "training_return",
        "Mean task return of the episodes that ended in each iteration of training.",
        &chart,
    ))
}

fn coverage(folder: &RunFolder, column: &str) -> Option<Figure> {
    let curve = folder.metrics.curve(column)?;
    let (title, y_label) = if column.ends_with("positions") {
        ("Positions visited", "distinct positions")
    } else {
        ("Coverage", "distinct observations")
    };
    let lines = vec![series(y_label, main_style(), &curve)];
    let chart = chart(folder, title, y_label, Unit::Count, lines);
    Some(figure(
        column.rsplit('/').next().unwrap_or(column),
        "Counted since the start of training.",
        &chart,
    ))
}

/// Raw size, mixed size and share of the advantage of every reward channel.
fn rewards(folder: &RunFolder) -> Vec<Figure> {
    let modules = folder.reward_modules();
    let styles = variant_styles(modules.len(), modules.iter().position(|name| name == "extrinsic"));
    let kinds = [
        (
            "raw_mean",
            "Raw reward",
            "mean per step",
            "Mean raw reward of each channel, before normalising and weighting.",
        ),
        (
            "mixed_mean",
            "Mixed reward",
            "mean per step",
            "Mean reward of each channel as it is mixed: normalised, clipped, weighted.",
        ),
        (
            "advantage_ratio",
            "Share of the advantage",
            "ratio",
            "Realised size of each channel's advantage relative to the whole: how much the channel steers the policy.",
        ),
    ];
    kinds
        .into_iter()
        .filter_map(|(column, title, y_label, caption)| {
            let lines: Vec<Series> = modules
                .iter()
                .zip(&styles)
                .filter_map(|(module, style)| {
                    let curve = folder.metrics.curve(&format!("reward/{module}/{column}"))?;
                    Some(series(module, *style, &curve))
                })
                .collect();
            let mut chart = chart(folder, title, y_label, Unit::Number, lines);
            chart.naming = Naming::Direct;
            (!chart.series.is_empty()).then(|| figure(&format!("reward_{column}"), caption, &chart))
        })
        .collect()
}

/// Every `losses/*` column in a small chart of its own.
fn losses(folder: &RunFolder) -> Option<Figure> {
    let style = Style {
        colour: Colour::rgb(0x33, 0x55, 0x77),
        shape: Shape::Circle,
        dash: None,
    };
    let charts: Vec<LineChart> = folder
        .metrics
        .names()
        .iter()
        .filter_map(|name| {
            let title = name.strip_prefix("losses/")?;
            let line = series("", style, &folder.metrics.curve(name)?);
            Some(chart(
                folder,
                &title.replace('_', " "),
                "",
                Unit::Number,
                vec![line],
            ))
        })
        .collect();
    if charts.is_empty() {
        return None;
    }
    Some(Figure {
        name: "losses".to_owned(),
        caption: "Losses and diagnostics of the learner, per iteration.".to_owned(),
        scene: small_multiples(&charts, 3, [390.0, 240.0]),
    })
}

fn hops(folder: &RunFolder) -> Vec<(String, f64)> {
    let hop = |name: &String| {
        let hop = name.strip_prefix("hop/")?.strip_suffix("_s")?;
        Some((hop.to_owned(), total(&folder.timing, name)?))
    };
    let mut hops: Vec<(String, f64)> = folder.timing.names().iter().filter_map(hop).collect();
    let all: f64 = hops.iter().map(|(_, seconds)| seconds).sum();
    if all <= 0.0 {
        return Vec::new();
    }
    for (_, seconds) in &mut hops {
        *seconds /= all;
    }
    hops.sort_by(|a, b| b.1.total_cmp(&a.1));
    hops
}
