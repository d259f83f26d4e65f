//! One mark per run: when something first happened, with runs in which it never did marked as such.

use super::axis::{Frame, LABEL_SIZE, Span, TICK_SIZE, TICK_SPACING, TITLE_SIZE, Unit, write_number};
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

/// Room at the right for runs in which it never happened.
const NEVER: f64 = 74.0;

/// Draws the rows over a common time axis that ends soon after the last event; runs without the event stand to the
/// right of it, so that they do not squeeze the others.
pub(crate) fn strip_chart(title: &str, x_label: &str, rows: &[StripRow], width: f64) -> Scene {
    let names = rows
        .iter()
        .map(|row| text_width(&row.label, LABEL_SIZE, true))
        .fold(0.0, f64::max)
        + 22.0;
    let tally = 84.0;
    let height = ROW_HEIGHT * rows.len() as f64;
    let mut scene = Scene::new(width, HEAD + height + 62.0);
    let plot = Area::new(names, HEAD, width - names - NEVER - tally, height);
    let times = |happened| {
        let runs = rows.iter().flat_map(|row| &row.runs);
        runs.filter(move |(_, run)| run.happened == happened)
            .map(|(_, run)| run.time)
            .fold(0.0, f64::max)
    };
    let latest = if times(true) > 0.0 {
        times(true)
    } else {
        times(false)
    };
    let x = Span {
        min: 0.0,
        max: latest.max(1.0) * 1.04,
    };
    let frame = Frame {
        plot,
        x,
        y: Span { min: 0.0, max: 1.0 },
    };
    scene.text(Label::new([12.0, HEAD - 14.0], title, TITLE_SIZE).bold());
    let edge = plot.right() + 10.0;
    scene.line(
        vec![[edge, plot.y], [edge, plot.bottom()]],
        Stroke::new(MUTED, 1.0).dashed(Some([3.0, 3.0])),
    );
    let never = Label::new([edge + NEVER / 2.0, plot.bottom() + 18.0], "never", TICK_SIZE);
    scene.text(never.colour(MUTED).anchor(Anchor::Middle));
    for (r, row) in rows.iter().enumerate() {
        draw_row(&mut scene, &frame, plot.y + ROW_HEIGHT * (r as f64 + 0.5), row);
    }
    frame.draw_x_axis(&mut scene, x_label, Unit::Count, TICK_SPACING);
    let hint = "filled: it happened · hollow: not by the end of the run · tall tick: median";
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
    scene.line(
        vec![[plot.x, y], [plot.right() + NEVER, y]],
        Stroke::new(GRID, 1.0),
    );
    if let Some(centre) = row.centre {
        let x = frame.px(centre);
        scene.line(vec![[x, y - 12.0], [x, y + 12.0]], Stroke::new(colour, 2.6));
    }
    let (happened, never): (Vec<_>, Vec<_>) = row.runs.iter().partition(|(_, run)| run.happened);
    let edge = Some(Stroke::new(colour, 1.4));
    for (k, (seed, run)) in happened.iter().enumerate() {
        let x = frame.px(run.time);
        // Runs at the same time would hide each other: they fan out in height.
        let near = |(_, other): &&(u64, TimeToEvent)| (frame.px(other.time) - x).abs() < 7.0;
        let lift =
            [0.0, -7.0, 7.0, -11.0, 11.0][happened[..k].iter().filter(|other| near(other)).count() % 5];
        let note = format!(
            "{} · seed {seed}: {}",
            row.label,
            write_number(run.time, Unit::Count)
        );
        let fill = Some(colour.with_opacity(0.85));
        scene.shape(row.style.shape, [x, y + lift], 4.4, fill, edge, Some(note));
    }
    let gap = (NEVER - 20.0) / never.len().max(5) as f64;
    for (k, (seed, run)) in never.iter().enumerate() {
        let note = format!(
            "{} · seed {seed}: not within {}",
            row.label,
            write_number(run.time, Unit::Count)
        );
        let x = plot.right() + 22.0 + gap * k as f64;
        scene.shape(Shape::Right, [x, y], 4.4, Some(PAPER), edge, Some(note));
    }
    let text = format!("{} of {} runs", happened.len(), row.runs.len());
    scene.text(Label::new([plot.right() + NEVER + 14.0, y + 4.0], text, 11.5).colour(INK));
}
