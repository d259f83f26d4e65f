//! A level over a plane of two facts: cells without objects, with axes.

use super::Panel;
use super::cells::{AGENT, GOAL, WALL, draw_value};
use super::scale::Scale;
use crate::canvas::{Area, INK, PAPER, Point, Scene, Shape, Stroke};
use crate::figures::axis::{Frame, Span, Unit};
use crate::probe::{Field, Level, Plane};

/// Distance of ticks along x: their numbers are short.
const TICK_SPACING: f64 = 42.0;
/// Room at the left and below for ticks and names of the axes.
pub(super) const MARGIN: [f64; 2] = [62.0, 44.0];

/// Draws a level with a panel's values and its axes; `at` is the upper left corner of the cells.
pub(super) fn draw(scene: &mut Scene, panel: &Panel, plane: &Plane, scale: &Scale, at: Point, cell: f64) {
    let level = &panel.level;
    let area = Area::new(
        at[0],
        at[1],
        level.width as f64 * cell,
        level.height as f64 * cell,
    );
    for x in 0..level.width {
        for y in 0..level.height {
            let index = x * level.height + y;
            let line = (level.height - 1 - y) as f64;
            let place = Area::new(area.x + x as f64 * cell, area.y + line * cell, cell, cell);
            if is_blocked(panel, scale, index) {
                scene.rect(place, Some(WALL), None);
            } else {
                draw_value(scene, panel, scale, index, place);
            }
        }
    }
    scene.rect(area, None, Some(Stroke::new(INK, 1.0)));
    let span = |i: usize| Span {
        min: plane.low[i],
        max: plane.high[i],
    };
    let frame = Frame {
        plot: area,
        x: span(0),
        y: span(1),
    };
    frame.draw_x_axis(scene, &plane.label(0), Unit::Number, TICK_SPACING);
    frame.draw_y_axis(scene, &plane.label(1), Unit::Number, false);
    if let Some([x, y]) = plane.goal {
        for (colour, width) in [(PAPER, 5.0), (GOAL, 3.0)] {
            let ring = Some(Stroke::new(colour, width));
            scene.shape(Shape::Circle, frame.point(x, y), 8.0, None, ring, None);
        }
    }
    if let Some([x, y]) = plane.start {
        let edge = Some(Stroke::new(PAPER, 1.2));
        scene.shape(Shape::Circle, frame.point(x, y), 5.0, Some(AGENT), edge, None);
    }
}

/// There is no such state, and none of an ending episode was seen there either.
fn is_blocked(panel: &Panel, scale: &Scale, index: usize) -> bool {
    let value = match &panel.field {
        Field::PerCell(values) => values[index],
        Field::PerPose(_) => f32::NAN,
    };
    panel.level.cells[index][0] == 2 && (value == 0.0 || scale.colour(f64::from(value)).is_none())
}

/// The values of the facts in the middle of a cell, for tables.
pub(super) fn middle(level: &Level, plane: &Plane, x: usize, y: usize) -> [f64; 2] {
    let middle = |i: usize, at: usize, n: usize| {
        let share = (at as f64 + 0.5) / n as f64;
        let value = plane.low[i] + share * (plane.high[i] - plane.low[i]);
        // Enough digits for any axis, without those that only show how reals are stored.
        (value * 1e6).round() / 1e6
    };
    [middle(0, x, level.width), middle(1, y, level.height)]
}
