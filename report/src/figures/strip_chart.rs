//! One mark per run: when something first happened, with runs in which it never did marked as such.

use super::axis::{Frame, LABEL_SIZE, Span, TITLE_SIZE, Unit, write_number};
use crate::canvas::{Anchor, Area, GRID, INK, Label, MUTED, PAPER, Scene, Shape, Stroke, Style, text_width};
use crate::stats::TimeToEvent;

/// One variant's runs.
#[derive(Debug, Clone)]
pub(crate) struct StripRow {
    pub label: String,
    pub style: Style,
    /// Seed and time of each run.
    pub runs: Vec<(u64, TimeToEvent)>,
    /// A heavier tick, e.g. the median; `None` where there is none.
    pub centre: Option<f64>,
}

const ROW_HEIGHT: f64 = 34.0;
const HEAD: f64 = 34.0;

/// Draws the rows over a common time axis from 0 to `horizon`.
pub(crate) fn strip_chart(title: &str, x_label: &str, rows: &[StripRow], horizon: f64, width: f64) -> Scene {
    let names = rows
        .iter()
        .map(|row| text_width(&row.label, LABEL_SIZE, true))
        .fold(0.0, f64::max)
        + 22.0;
    let tally = 92.0;
    let mut scene = Scene::new(width, HEAD + ROW_HEIGHT * rows.len() as f64 + 62.0);
    let plot = Area::new(names, HEAD, width - names - tally, ROW_HEIGHT * rows.len() as f64);
    let x = Span {
        min: 0.0,
        max: horizon.max(1.0) * 1.03,
    };
    let frame = Frame {
        plot,
        x,
        y: Span { min: 0.0, max: 1.0 },
    };
    scene.text(Label::new([12.0, HEAD - 14.0], title, TITLE_SIZE).bold());
    for (r, row) in rows.iter().enumerate() {
        draw_row(&mut scene, &frame, plot.y + ROW_HEIGHT * (r as f64 + 0.5), row);
    }
    frame.draw_x_axis(&mut scene, x_label, Unit::Count);
    let hint = "filled: it happened · hollow arrow: not by the end of the run · tall tick: median";
    scene.text(Label::new([names, plot.bottom() + 54.0], hint, 10.5).colour(MUTED));
    scene
}

fn draw_row(scene: &mut Scene, frame: &Frame, y: f64, row: &StripRow) {
    let (plot, colour) = (frame.plot, row.style.colour);
    let name = Label::new(
        [plot.x - 10.0, y + LABEL_SIZE * 0.36],
        row.label.clone(),
        LABEL_SIZE,
    );
    scene.text(name.bold().anchor(Anchor::End).colour(colour));
    scene.line(vec![[plot.x, y], [plot.right(), y]], Stroke::new(GRID, 1.0));
    if let Some(centre) = row.centre {
        let x = frame.px(centre);
        scene.line(vec![[x, y - 12.0], [x, y + 12.0]], Stroke::new(colour, 2.6));
    }
    for (k, (seed, run)) in row.runs.iter().enumerate() {
        let x = frame.px(run.time);
        // Runs at the same time would hide each other: they fan out in height.
        let level = row.runs[..k]
            .iter()
            .filter(|(_, other)| (frame.px(other.time) - x).abs() < 7.0)
            .count();
        let lift = [0.0, -7.0, 7.0, -11.0, 11.0][level % 5];
        let time = write_number(run.time, Unit::Count);
        let (shape, fill, note) = if run.happened {
            (
                row.style.shape,
                colour.with_opacity(0.85),
                format!("{} · seed {seed}: {time}", row.label),
            )
        } else {
            (
                Shape::Right,
                PAPER,
                format!("{} · seed {seed}: not within {time}", row.label),
            )
        };
        let edge = Stroke::new(colour, 1.4);
        scene.shape(shape, [x, y + lift], 4.4, Some(fill), Some(edge), Some(note));
    }
    let reached = row.runs.iter().filter(|(_, run)| run.happened).count();
    let tally = Label::new(
        [plot.right() + 12.0, y + 4.0],
        format!("{reached} of {} runs", row.runs.len()),
        11.5,
    );
    scene.text(tally.colour(INK));
}
