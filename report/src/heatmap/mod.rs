//! Heatmaps: a probe's field drawn over its level, panels side by side on one colour scale with a legend.

mod cells;
pub(crate) mod colour_map;
mod compose;
mod plane;
mod scale;

use std::path::Path;

use image::RgbImage;

pub use compose::{Heatmap, HeatmapRequest, field_title, heatmap_from_probe};
pub(crate) use compose::{assemble, default_kind, difference, panel, share_difference_scale};
pub use scale::{Scale, ScaleKind};

use crate::canvas::{Area, Label, MUTED, Scene, text_width};
use crate::error::{ReportError, write_file};
use crate::probe::{Field, Level};
use cells::Extent;

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
    /// Names of the actions, for fields of actions; empty for MiniGrid's.
    pub action_names: Vec<String>,
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
const ROW_LABEL: f64 = 22.0;
const LEFT: f64 = 14.0;
const BAR_WIDTH: f64 = 15.0;
const BAR_ROOM: f64 = 142.0;

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

/// Sizes of a figure's parts, in units of the drawing.
struct Layout {
    columns: usize,
    rows: usize,
    cell: f64,
    panel: [f64; 2],
    /// Room for axes at the left of each panel's cells.
    left: f64,
    row_head: f64,
    head: f64,
}

impl Layout {
    fn new(panels: &[Panel], options: &HeatmapOptions) -> Self {
        let columns = options.columns.clamp(1, panels.len());
        let shown: Vec<Extent> = panels.iter().map(|panel| Extent::of(&panel.level)).collect();
        let most = |of: fn(&Extent) -> usize| shown.iter().map(of).max().unwrap_or(1) as f64;
        let (wide, high) = (most(Extent::width), most(Extent::height));
        // Whole units keep the edges of cells on pixels: sharper, and a smaller file.
        let cell = (options.panel_width / wide.max(high * 0.75))
            .clamp(7.0, 40.0)
            .round();
        let titles = panels
            .iter()
            .map(|p| text_width(&p.title, 12.5, true))
            .fold(0.0, f64::max);
        let title = if options.title.is_empty() { 10.0 } else { 34.0 };
        let has_axes = panels.iter().any(|panel| panel.level.plane.is_some());
        let [left, below] = if has_axes { plane::MARGIN } else { [0.0; 2] };
        Self {
            columns,
            rows: panels.len().div_ceil(columns),
            cell,
            panel: [left + (wide * cell).max(titles.min(220.0)), high * cell + below],
            left,
            row_head: if options.row_labels.is_empty() {
                PANEL_HEAD
            } else {
                PANEL_HEAD + ROW_LABEL
            },
            head: title
                + if options.subtitle.is_empty() { 0.0 } else { 18.0 }
                + if options.row_labels.is_empty() { 0.0 } else { 8.0 },
        }
    }

    fn row_height(&self) -> f64 {
        self.panel[1] + self.row_head + 14.0
    }

    /// Where all panels lie.
    fn grid(&self) -> Area {
        let width = self.columns as f64 * (self.panel[0] + GAP);
        Area::new(LEFT, self.head, width, self.rows as f64 * self.row_height())
    }

    /// Upper left corner of a panel's level.
    fn corner(&self, k: usize) -> [f64; 2] {
        let x = LEFT + self.left + (k % self.columns) as f64 * (self.panel[0] + GAP);
        [
            x,
            self.head + (k / self.columns) as f64 * self.row_height() + self.row_head,
        ]
    }
}

fn lay_out(panels: &[Panel], scale: &Scale, options: &HeatmapOptions) -> Scene {
    let layout = Layout::new(panels, options);
    let grid = layout.grid();
    let own = panels.iter().find_map(|panel| panel.own_scale);
    let bars = if own.is_some() { 2.0 } else { 1.0 };
    let heading =
        text_width(&options.title, 15.5, true).max(text_width(&options.subtitle, 11.5, false)) + 28.0;
    let width = (grid.right() + bars * BAR_ROOM).max(heading).ceil();
    let mut scene = Scene::new(width, (grid.bottom().max(layout.head + 200.0) + 6.0).ceil());
    scene.text(Label::new([LEFT, 24.0], options.title.clone(), 15.5).bold());
    scene.text(Label::new([LEFT, 44.0], options.subtitle.clone(), 11.5).colour(MUTED));
    for (k, panel) in panels.iter().enumerate() {
        let corner = layout.corner(k);
        let title = Label::new([corner[0], corner[1] - 8.0], panel.title.clone(), 12.5);
        if let Some(name) = options.row_labels.get(k / layout.columns) {
            if k % layout.columns == 0 {
                let label = Label::new([corner[0], corner[1] - 10.0 - ROW_LABEL], name.clone(), 14.0);
                scene.text(label.bold());
            }
            scene.text(title.colour(MUTED));
        } else {
            scene.text(title.bold());
        }
        let own = panel.own_scale.as_ref().unwrap_or(scale);
        cells::draw_level(&mut scene, panel, own, corner, layout.cell);
    }
    let height = (layout.panel[1] * layout.rows.min(2) as f64).clamp(130.0, 260.0);
    let bar = Area::new(
        grid.right() + 8.0,
        layout.head + layout.row_head + 4.0,
        BAR_WIDTH,
        height,
    );
    let names = panels.first().map_or(&[][..], |panel| &panel.action_names);
    scale.draw_bar(&mut scene, bar, &options.unit, names);
    if let Some(own) = own {
        own.draw_bar(
            &mut scene,
            Area {
                x: bar.x + BAR_ROOM,
                ..bar
            },
            &options.own_unit,
            &[],
        );
    }
    scene
}

/// Writes the numbers behind panels as CSV: panel, level, x, y, heading (empty for values per cell), object, value
/// (empty where there is none). On a plane, x and y are the values of its facts in the middle of a cell, and the object is
/// `wall` where there is no such state.
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
                    let [x, y] = match &panel.level.plane {
                        Some(plane) => plane::middle(&panel.level, plane, x, y),
                        None => [x as f64, y as f64],
                    };
                    out.extend([format!(
                        "\"{title}\",{},{x},{y},{heading},{object},{value}\n",
                        panel.level_index
                    )]);
                }
            }
        }
    }
    out
}
