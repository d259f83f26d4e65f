//! A row of names with their line and marker, for figures that hold several charts.

use super::axis::LABEL_SIZE;
use crate::canvas::{Label, Point, Scene, Stroke, Style, text_width};

const ROW: f64 = 22.0;
const SAMPLE: f64 = 26.0;
const GAP: f64 = 22.0;

/// Positions of the entries relative to the first, wrapped to `width`.
fn places(entries: &[(String, Style)], width: f64) -> Vec<Point> {
    let (mut x, mut y) = (0.0, 0.0);
    entries
        .iter()
        .map(|(name, _)| {
            let wide = SAMPLE + 7.0 + text_width(name, LABEL_SIZE, false) + GAP;
            if x > 0.0 && x + wide - GAP > width {
                (x, y) = (0.0, y + ROW);
            }
            let at = [x, y];
            x += wide;
            at
        })
        .collect()
}

/// Height that the legend takes.
pub(crate) fn height(entries: &[(String, Style)], width: f64) -> f64 {
    if entries.iter().all(|(name, _)| name.is_empty()) {
        return 0.0;
    }
    places(entries, width).last().map_or(0.0, |last| last[1] + ROW)
}

/// Draws the legend; `at` is the middle of the left end of its first row.
pub(crate) fn draw(scene: &mut Scene, entries: &[(String, Style)], at: Point, width: f64) {
    for ((name, style), place) in entries
        .iter()
        .zip(places(entries, width))
        .filter(|((name, _), _)| !name.is_empty())
    {
        let (x, y) = (at[0] + place[0], at[1] + place[1]);
        scene.line(
            vec![[x, y], [x + SAMPLE, y]],
            Stroke::new(style.colour, 2.4).dashed(style.dash),
        );
        scene.text(Label::new(
            [x + SAMPLE + 7.0, y + LABEL_SIZE * 0.36],
            name.clone(),
            LABEL_SIZE,
        ));
    }
}
