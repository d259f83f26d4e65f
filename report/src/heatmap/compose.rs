//! From probe files to panels: over training time, several levels, or A against B with their difference.

use std::path::{Path, PathBuf};

use image::RgbImage;

use super::{HeatmapOptions, Panel, Scale, ScaleKind, draw_heatmap, write_heatmap_csv};
use crate::canvas::encode_png;
use crate::error::{ReportError, write_file};
use crate::figures::axis::{Unit, write_number};
use crate::probe::{GREEDY_ACTION, Probe};

/// What to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeatmapRequest {
    /// Probe files with the name each panel gets; an empty name becomes the frames trained.
    pub files: Vec<(String, PathBuf)>,
    /// Name of the field, as in [`crate::available_fields`].
    pub field: String,
    /// Levels of the probe set.
    pub levels: Vec<usize>,
    /// Logarithmic colours; `None` chooses: visits are logarithmic, the rest linear.
    pub log: Option<bool>,
    /// Adds a panel with the first file minus the second; the layouts must be equal.
    pub difference: bool,
}

/// A heatmap ready to be drawn or written.
#[derive(Debug, Clone)]
pub struct Heatmap {
    /// Its panels, row by row.
    pub panels: Vec<Panel>,
    /// The scale that they share.
    pub scale: Scale,
    /// Its layout.
    pub options: HeatmapOptions,
}

impl Heatmap {
    /// Draws it.
    ///
    /// # Errors
    /// As [`draw_heatmap`].
    pub fn image(&self) -> Result<RgbImage, ReportError> {
        draw_heatmap(&self.panels, self.scale, &self.options)
    }

    /// Writes picture and numbers.
    ///
    /// # Errors
    /// As [`draw_heatmap`], and [`ReportError::Write`].
    pub fn write(&self, png: &Path, csv: &Path) -> Result<(), ReportError> {
        write_file(png, &encode_png(&self.image()?)?)?;
        write_heatmap_csv(csv, &self.panels)
    }
}

/// Title of a field and the unit of its colours.
pub fn field_title(field: &str) -> (String, String) {
    let (title, unit) = match field {
        "visits" => ("Visits", "visits per cell"),
        "extrinsic" => ("Task reward", "mean task reward"),
        "mixed" => ("Mixed reward", "mean mixed reward"),
        "value" => ("Value of the task's stream", "value (return)"),
        "potential" => ("Potential", "potential"),
        GREEDY_ACTION => ("Greedy action", "action"),
        other => {
            let name = other.strip_prefix("bonus/").unwrap_or(other);
            return if other.starts_with("bonus/") {
                (format!("Bonus of {name}"), "mean raw bonus".to_owned())
            } else {
                (other.to_owned(), other.to_owned())
            };
        }
    };
    (title.to_owned(), unit.to_owned())
}

/// The kind of scale that suits a field.
pub(crate) fn default_kind(field: &str) -> ScaleKind {
    match field {
        GREEDY_ACTION => ScaleKind::Actions,
        "visits" => ScaleKind::Log,
        _ => ScaleKind::Linear,
    }
}

/// Builds panels from probe files: one row per level, one column per file, then the difference if asked for.
///
/// # Errors
/// [`ReportError::Nothing`] without files or levels or with a difference of other than two files; whatever reading a
/// probe gives; [`ReportError::LayoutsDiffer`] where a difference would compare different levels.
pub fn heatmap_from_probe(request: &HeatmapRequest) -> Result<Heatmap, ReportError> {
    check(request)?;
    let mut probes = Vec::new();
    for (name, path) in &request.files {
        probes.push((name.as_str(), Probe::read(path)?));
    }
    let mut panels = Vec::new();
    for level in &request.levels {
        for (name, probe) in &probes {
            panels.push(panel(name, probe, &request.field, *level)?);
        }
        if request.difference {
            panels.push(difference(&probes[0].1, &probes[1].1, &request.field, *level)?);
        }
    }
    share_difference_scale(&mut panels);
    let kind = match request.log {
        Some(true) if request.field != GREEDY_ACTION => ScaleKind::Log,
        Some(false) if request.field == "visits" => ScaleKind::Linear,
        _ => default_kind(&request.field),
    };
    let (title, unit) = field_title(&request.field);
    let several = request.levels.len() > 1;
    let rows = request
        .levels
        .iter()
        .filter(|_| several)
        .map(|level| format!("level {level}"))
        .collect();
    let columns = request.files.len() + usize::from(request.difference);
    Ok(assemble(panels, kind, [&title, &unit], columns, rows))
}

fn check(request: &HeatmapRequest) -> Result<(), ReportError> {
    let what = if request.files.is_empty() || request.levels.is_empty() {
        "no probe file or no level was given"
    } else if request.difference && (request.files.len() != 2 || request.field == GREEDY_ACTION) {
        "a difference needs exactly two probe files and a field of numbers"
    } else {
        return Ok(());
    };
    Err(ReportError::Nothing {
        what: what.to_owned(),
    })
}

/// Panels under one scale with the usual heading.
pub(crate) fn assemble(
    panels: Vec<Panel>,
    kind: ScaleKind,
    [title, unit]: [&str; 2],
    columns: usize,
    row_labels: Vec<String>,
) -> Heatmap {
    let on_plane = panels.iter().any(|panel| panel.level.plane.is_some());
    let kind = if on_plane && kind == ScaleKind::Actions {
        ScaleKind::NamedActions
    } else {
        kind
    };
    let options = HeatmapOptions {
        title: title.to_owned(),
        subtitle: legend(&panels, on_plane),
        unit: if kind == ScaleKind::Log {
            format!("{unit} (log)")
        } else {
            unit.to_owned()
        },
        columns,
        row_labels,
        ..HeatmapOptions::default()
    };
    Heatmap {
        scale: Scale::over(&panels, kind),
        panels,
        options,
    }
}

/// What the signs on the panels mean.
fn legend(panels: &[Panel], on_plane: bool) -> String {
    if !on_plane {
        return "one colour scale · grey: wall · hatched: no value · red arrow: start".to_owned();
    }
    let planes = || panels.iter().filter_map(|panel| panel.level.plane.as_ref());
    let mut text = "one colour scale · hatched: no value".to_owned();
    if panels
        .iter()
        .any(|panel| panel.level.cells.iter().any(|cell| cell[0] == 2))
    {
        text += " · grey: no such state";
    }
    if planes().any(|plane| plane.start.is_some()) {
        text += " · red dot: start";
    }
    if planes().any(|plane| plane.goal.is_some()) {
        text += " · green ring: goal";
    }
    text
}

/// One panel of a field; an empty name becomes the frames trained.
pub(crate) fn panel(name: &str, probe: &Probe, field: &str, level: usize) -> Result<Panel, ReportError> {
    let title = match probe.step {
        Some(step) if name.is_empty() => format!("{} frames", write_number(step as f64, Unit::Count)),
        _ => name.to_owned(),
    };
    Ok(Panel {
        title,
        level_index: level,
        level: probe.level(level)?.clone(),
        field: probe.field(field, level)?.clone(),
        own_scale: None,
        action_names: probe.action_names.clone(),
    })
}

/// The first probe minus the second, on a scale of its own.
pub(crate) fn difference(a: &Probe, b: &Probe, field: &str, level: usize) -> Result<Panel, ReportError> {
    if a.level(level)? != b.level(level)? {
        return Err(ReportError::LayoutsDiffer {
            a: a.path.clone(),
            b: b.path.clone(),
            level,
        });
    }
    let values = a.field(field, level)?.minus(b.field(field, level)?);
    let scale = Scale::spanning(values.finite(), ScaleKind::Diverging);
    Ok(Panel {
        title: "difference (first − second)".to_owned(),
        level_index: level,
        level: a.level(level)?.clone(),
        field: values,
        own_scale: Some(scale),
        action_names: Vec::new(),
    })
}

/// All difference panels of a figure share the widest of their scales.
pub(crate) fn share_difference_scale(panels: &mut [Panel]) {
    let reach = panels
        .iter()
        .filter_map(|panel| panel.own_scale)
        .map(|scale| scale.high)
        .fold(0.0, f64::max);
    for panel in panels {
        if let Some(own) = &mut panel.own_scale {
            (own.low, own.high) = (-reach, reach);
        }
    }
}
