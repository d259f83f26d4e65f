//! Points with intervals: aggregate statistics side by side, probabilities of improvement, paired differences.

use super::axis::{Frame, LABEL_SIZE, Span, TICK_SPACING, TITLE_SIZE, Unit, write_number};
use crate::canvas::{Anchor, Area, GRID, Label, MUTED, Scene, Shape, Stroke, Style, text_width};
use crate::stats::Estimate;

/// One row of a chart: a name, a look, and one estimate per panel.
#[derive(Debug, Clone)]
pub(crate) struct IntervalRow {
    pub label: String,
    pub style: Style,
    /// One entry per panel; `None` where the statistic does not exist.
    pub estimates: Vec<Option<Estimate>>,
}

/// One panel of a chart.
#[derive(Debug, Clone)]
pub(crate) struct IntervalPanel {
    pub title: String,
    /// A line under the title, e.g. which direction is better.
    pub hint: String,
    pub unit: Unit,
    /// Values that the axis must reach.
    pub include: Vec<f64>,
    /// A value to mark with a vertical line, e.g. 0.5 for a probability of improvement.
    pub reference: Option<f64>,
}

const ROW_HEIGHT: f64 = 30.0;
const HEAD: f64 = 58.0;
const FOOT: f64 = 30.0;

/// Draws panels beside each other over common rows.
pub(crate) fn interval_chart(rows: &[IntervalRow], panels: &[IntervalPanel]) -> Scene {
    let names = rows
        .iter()
        .map(|row| text_width(&row.label, LABEL_SIZE, true))
        .fold(0.0, f64::max)
        + 22.0;
    let panel_width = if panels.len() > 2 { 205.0 } else { 330.0 };
    let gap = 26.0;
    let width = names + panels.len() as f64 * (panel_width + gap) + 44.0;
    let mut scene = Scene::new(width, HEAD + ROW_HEIGHT * rows.len() as f64 + FOOT);
    for (r, row) in rows.iter().enumerate() {
        let y = HEAD + ROW_HEIGHT * (r as f64 + 0.5) + LABEL_SIZE * 0.36;
        let label = Label::new([names - 10.0, y], row.label.clone(), LABEL_SIZE);
        scene.text(label.bold().anchor(Anchor::End).colour(row.style.colour));
    }
    for (p, panel) in panels.iter().enumerate() {
        let x = names + p as f64 * (panel_width + gap);
        let plot = Area::new(x, HEAD, panel_width, ROW_HEIGHT * rows.len() as f64);
        draw_panel(&mut scene, plot, rows, p, panel);
    }
    scene
}

fn draw_panel(scene: &mut Scene, plot: Area, rows: &[IntervalRow], index: usize, panel: &IntervalPanel) {
    scene.text(Label::new([plot.x, plot.y - 26.0], panel.title.clone(), TITLE_SIZE).bold());
    scene.text(Label::new([plot.x, plot.y - 10.0], panel.hint.clone(), 10.5).colour(MUTED));
    let estimates: Vec<Estimate> = rows.iter().filter_map(|row| row.estimates[index]).collect();
    let ends = estimates.iter().flat_map(|e| [e.point, e.low, e.high]);
    let x = Span::over(ends, &panel.include).padded(0.05);
    let frame = Frame {
        plot,
        x,
        y: Span { min: 0.0, max: 1.0 },
    };
    for k in 0..=rows.len() {
        let y = plot.y + ROW_HEIGHT * k as f64;
        scene.line(vec![[plot.x, y], [plot.right(), y]], Stroke::new(GRID, 1.0));
    }
    if let Some(reference) = panel.reference {
        let x = frame.px(reference);
        let pen = Stroke::new(MUTED, 1.2).dashed(Some([4.0, 3.0]));
        scene.line(vec![[x, plot.y], [x, plot.bottom()]], pen);
    }
    frame.draw_x_axis(scene, "", panel.unit, TICK_SPACING);
    for (r, row) in rows.iter().enumerate() {
        let y = plot.y + ROW_HEIGHT * (r as f64 + 0.5);
        match row.estimates[index] {
            Some(estimate) => draw_estimate(scene, &frame, y, row, estimate, panel),
            None => scene.text(Label::new([plot.x + 6.0, y + 4.0], "no value", 10.5).colour(MUTED)),
        }
    }
}

fn draw_estimate(
    scene: &mut Scene,
    frame: &Frame,
    y: f64,
    row: &IntervalRow,
    estimate: Estimate,
    panel: &IntervalPanel,
) {
    let colour = row.style.colour;
    let (low, high) = (frame.px(estimate.low), frame.px(estimate.high));
    let bar = Area::new(low, y - 6.5, (high - low).max(1.5), 13.0);
    scene.rect(bar, Some(colour.with_opacity(0.3)), None);
    let unit = panel.unit;
    let note = format!(
        "{} · {}: {} [{}, {}]",
        row.label,
        panel.title,
        write_number(estimate.point, unit),
        write_number(estimate.low, unit),
        write_number(estimate.high, unit)
    );
    scene.shape(
        Shape::Circle,
        [frame.px(estimate.point), y],
        4.2,
        Some(colour),
        None,
        Some(note),
    );
    // The number stands on whichever side of the bar has room.
    let text = match unit {
        Unit::Share => format!("{:.0}%", estimate.point * 100.0),
        Unit::Number | Unit::Count => format!("{:.2}", estimate.point).replace('-', "−"),
    };
    let wide = text_width(&text, 10.5, false) + 6.0;
    let fits_right = high + wide < frame.plot.right() + 6.0;
    let (x, anchor) = if fits_right {
        (high + 6.0, Anchor::Start)
    } else {
        (low - 6.0, Anchor::End)
    };
    scene.text(Label::new([x, y + 3.8], text, 10.5).colour(MUTED).anchor(anchor));
}
