//! Heatmaps: a probe's field drawn over its level, panels side by side on one colour scale with a legend.

mod cells;
pub(crate) mod colour_map;
mod compose;
mod scale;

use std::path::Path;

use image::RgbImage;

pub use compose::{Heatmap, HeatmapRequest, field_title, heatmap_from_probe};
pub(crate) use compose::{default_kind, difference, panel, share_difference_scale};
pub use scale::{Scale, ScaleKind};

use crate::canvas::{Anchor, Area, Label, MUTED, Scene, text_width};
use crate::error::{ReportError, write_file};
use crate::probe::{Field, Level};

/// One level with one field.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Heading over the panel.
    pub title: String,
    /// Number of the level in its probe set.
    pub level_index: usize,
    /// The level.
    pub level: Level,
    /// The values.
    pub field: Field,
    /// A scale other than the common one, e.g. for a difference; it gets a bar of its own.
    pub own_scale: Option<Scale>,
}

/// How a heatmap is laid out.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatmapOptions {
    /// Heading of the figure.
    pub title: String,
    /// A line under the heading.
    pub subtitle: String,
    /// What the colours measure, with its unit.
    pub unit: String,
    /// The same for panels with a scale of their own.
    pub own_unit: String,
    /// Panels in a row.
    pub columns: usize,
    /// Names of the rows; empty for none.
    pub row_labels: Vec<String>,
    /// Width of a panel's level, about, in units of the drawing.
    pub panel_width: f64,
    /// Pixels per unit of the drawing.
    pub pixel_scale: f64,
}

impl Default for HeatmapOptions {
    fn default() -> Self {
        Self {
            title: String::new(),
            subtitle: String::new(),
            unit: String::new(),
            own_unit: "difference".to_owned(),
            columns: 4,
            row_labels: Vec::new(),
            panel_width: 230.0,
            pixel_scale: 2.0,
        }
    }
}

const GAP: f64 = 22.0;
const PANEL_HEAD: f64 = 24.0;
const BAR_WIDTH: f64 = 15.0;
const BAR_ROOM: f64 = 118.0;

/// Draws panels in rows on one colour scale, with its bar at the right.
///
/// Fields per pose are drawn as four triangles in each cell, towards each heading. Hatched cells have no value.
///
/// # Errors
/// [`ReportError::Nothing`] without panels, [`ReportError::FigureSize`] for a figure of absurd size.
pub fn draw_heatmap(
    panels: &[Panel],
    scale: Scale,
    options: &HeatmapOptions,
) -> Result<RgbImage, ReportError> {
    if panels.is_empty() {
        return Err(ReportError::Nothing {
            what: "a heatmap without panels".to_owned(),
        });
    }
    lay_out(panels, &scale, options).to_image(options.pixel_scale)
}

fn lay_out(panels: &[Panel], scale: &Scale, options: &HeatmapOptions) -> Scene {
    let columns = options.columns.clamp(1, panels.len());
    let rows = panels.len().div_ceil(columns);
    let widest = panels.iter().map(|panel| panel.level.width).max().unwrap_or(1) as f64;
    // Whole units keep the edges of cells on pixels: sharper, and a smaller file.
    let cell = (options.panel_width / widest).clamp(7.0, 44.0).round();
    let size = |of: fn(&Level) -> usize| panels.iter().map(|p| of(&p.level)).max().unwrap_or(1) as f64 * cell;
    let titles = panels
        .iter()
        .map(|p| text_width(&p.title, 12.5, true))
        .fold(0.0, f64::max);
    let (panel_width, panel_height) = (
        size(|level| level.width).max(titles.min(220.0)),
        size(|level| level.height),
    );
    let left = if options.row_labels.is_empty() { 14.0 } else { 36.0 };
    let head = if options.title.is_empty() { 10.0 } else { 34.0 }
        + if options.subtitle.is_empty() { 0.0 } else { 18.0 };
    let grid = Area::new(
        left,
        head,
        columns as f64 * (panel_width + GAP),
        rows as f64 * (panel_height + PANEL_HEAD + 12.0),
    );
    let own = panels.iter().find_map(|panel| panel.own_scale);
    let bars = if own.is_some() { 2.0 } else { 1.0 };
    let wanted =
        text_width(&options.title, 15.5, true).max(text_width(&options.subtitle, 11.5, false)) + 28.0;
    let mut scene = Scene::new(
        (grid.right() + bars * BAR_ROOM).max(wanted),
        grid.bottom().max(head + 190.0) + 10.0,
    );
    scene.text(Label::new([14.0, 24.0], options.title.clone(), 15.5).bold());
    scene.text(Label::new([14.0, head - 8.0], options.subtitle.clone(), 11.5).colour(MUTED));
    for (k, panel) in panels.iter().enumerate() {
        let x = grid.x + (k % columns) as f64 * (panel_width + GAP);
        let y = grid.y + (k / columns) as f64 * (panel_height + PANEL_HEAD + 12.0);
        scene.text(Label::new([x, y + 15.0], panel.title.clone(), 12.5).bold());
        let own = panel.own_scale.as_ref().unwrap_or(scale);
        cells::draw_level(&mut scene, panel, own, [x, y + PANEL_HEAD], cell);
        if let Some(name) = options.row_labels.get(k / columns).filter(|_| k % columns == 0) {
            let label = Label::new([20.0, y + PANEL_HEAD + panel_height / 2.0], name.clone(), 13.0)
                .bold()
                .upright();
            scene.text(label.anchor(Anchor::Middle));
        }
    }
    let bar_height = (panel_height * rows.min(2) as f64).clamp(120.0, 260.0);
    let bar = Area::new(
        grid.right() + 8.0,
        grid.y + PANEL_HEAD + 4.0,
        BAR_WIDTH,
        bar_height,
    );
    scale.draw_bar(&mut scene, bar, &options.unit);
    if let Some(own) = own {
        own.draw_bar(
            &mut scene,
            Area {
                x: bar.x + BAR_ROOM,
                ..bar
            },
            &options.own_unit,
        );
    }
    scene
}

/// Writes the numbers behind panels as CSV: panel, level, x, y, heading (empty for values per cell), object, value
/// (empty where there is none).
///
/// # Errors
/// [`ReportError::Write`].
pub fn write_heatmap_csv(path: &Path, panels: &[Panel]) -> Result<(), ReportError> {
    write_file(path, heatmap_csv(panels).as_bytes())
}

fn heatmap_csv(panels: &[Panel]) -> String {
    let mut out = String::from("panel,level,x,y,heading,object,value\n");
    for panel in panels {
        let headings: &[Vec<f32>] = match &panel.field {
            Field::PerCell(values) => std::slice::from_ref(values),
            Field::PerPose(headings) => headings,
        };
        let title = panel.title.replace('"', "\"\"");
        for (heading, values) in headings.iter().enumerate() {
            let heading = if headings.len() == 1 {
                String::new()
            } else {
                heading.to_string()
            };
            for x in 0..panel.level.width {
                for y in 0..panel.level.height {
                    let value = values[x * panel.level.height + y];
                    let value = if value.is_finite() {
                        value.to_string()
                    } else {
                        String::new()
                    };
                    let object = cells::object_name(panel.level.cell(x, y)[0]);
                    out.push_str(&format!(
                        "\"{title}\",{},{x},{y},{heading},{object},{value}\n",
                        panel.level_index
                    ));
                }
            }
        }
    }
    out
}
