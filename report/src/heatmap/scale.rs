//! How values become colours, and the colour bar that says so.

use super::Panel;
use super::colour_map::{diverging, sequential};
use crate::canvas::{Anchor, Area, Colour, INK, Label, Scene, Stroke};
use crate::figures::axis::{Span, TICK_SIZE, Unit, ticks, write_number};

/// Kind of a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleKind {
    /// Linear from low to high.
    Linear,
    /// Logarithmic; values of zero and below count as missing.
    Log,
    /// Symmetric around zero, for differences.
    Diverging,
    /// MiniGrid's action numbers, each with its own colour.
    Actions,
    /// Numbers of actions with other names.
    NamedActions,
}

/// From values to colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Kind of the scale.
    pub kind: ScaleKind,
    /// Value of the first colour.
    pub low: f64,
    /// Value of the last colour.
    pub high: f64,
}

/// MiniGrid's actions in order.
const ACTIONS: [(&str, Colour); 7] = [
    ("turn left", Colour::rgb(0xbf, 0xe0, 0xf4)),
    ("turn right", Colour::rgb(0x7d, 0xab, 0xdb)),
    ("forward", Colour::rgb(0xf4, 0xf4, 0xf4)),
    ("pick up", Colour::rgb(0xe6, 0x9f, 0x00)),
    ("drop", Colour::rgb(0x8c, 0x6b, 0x1f)),
    ("toggle", Colour::rgb(0xcc, 0x79, 0xa7)),
    ("done", Colour::rgb(0x00, 0x9e, 0x73)),
];

/// Colours of other actions; more actions repeat them.
const NAMED: [Colour; 8] = [
    Colour::rgb(0x00, 0x72, 0xb2),
    Colour::rgb(0xe6, 0x9f, 0x00),
    Colour::rgb(0x00, 0x9e, 0x73),
    Colour::rgb(0xcc, 0x79, 0xa7),
    Colour::rgb(0x56, 0xb4, 0xe9),
    Colour::rgb(0xd5, 0x5e, 0x00),
    Colour::rgb(0xf0, 0xe4, 0x42),
    Colour::rgb(0x60, 0x60, 0x60),
];

/// The action that moves the agent, drawn as an arrow.
pub(super) const FORWARD: usize = 2;

impl Scale {
    /// The scale of a kind that spans the values of all panels without a scale of their own.
    pub fn over(panels: &[Panel], kind: ScaleKind) -> Self {
        let values = panels
            .iter()
            .filter(|panel| panel.own_scale.is_none())
            .flat_map(|panel| panel.field.finite());
        Self::spanning(values, kind)
    }

    /// The scale of a kind that spans the given values.
    pub fn spanning(values: impl IntoIterator<Item = f64>, kind: ScaleKind) -> Self {
        let span = match kind {
            ScaleKind::Linear => Span::over(values, &[]),
            ScaleKind::Log => {
                let span = Span::over(values.into_iter().filter(|v| *v > 0.0), &[]);
                Span {
                    min: if span.min > 0.0 { span.min } else { 1.0 },
                    max: span.max.max(span.min.max(1.0)),
                }
            }
            ScaleKind::Diverging => {
                let reach = values.into_iter().map(f64::abs).fold(0.0, f64::max);
                let reach = if reach > 0.0 { reach } else { 1.0 };
                Span {
                    min: -reach,
                    max: reach,
                }
            }
            ScaleKind::Actions => Span {
                min: 0.0,
                max: (ACTIONS.len() - 1) as f64,
            },
            ScaleKind::NamedActions => Span {
                min: 0.0,
                max: values.into_iter().fold(1.0, f64::max),
            },
        };
        Self {
            kind,
            low: span.min,
            high: span.max,
        }
    }

    /// Colour of a value; `None` where the value is missing.
    pub(super) fn colour(&self, value: f64) -> Option<Colour> {
        if !value.is_finite() {
            return None;
        }
        match self.kind {
            ScaleKind::Linear => Some(sequential((value - self.low) / (self.high - self.low))),
            ScaleKind::Log if value <= 0.0 => None,
            ScaleKind::Log => {
                let range = (self.high / self.low).ln();
                Some(sequential(if range > 0.0 {
                    (value / self.low).ln() / range
                } else {
                    1.0
                }))
            }
            ScaleKind::Diverging => Some(diverging(value / self.high)),
            ScaleKind::Actions => ACTIONS.get(value as usize).map(|(_, colour)| *colour),
            ScaleKind::NamedActions => Some(NAMED[value as usize % NAMED.len()]),
        }
    }

    fn bar_ticks(&self) -> Vec<f64> {
        if self.kind != ScaleKind::Log {
            return ticks(
                Span {
                    min: self.low,
                    max: self.high,
                },
                5,
            );
        }
        let (from, to) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let steps: &[f64] = if to - from <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let all = (from..=to).flat_map(|power| steps.iter().map(move |m| m * 10_f64.powi(power)));
        all.filter(|tick| (self.low * 0.999..=self.high * 1.001).contains(tick))
            .collect()
    }

    /// Height at which a value stands on a bar.
    fn bar_y(&self, area: Area, value: f64) -> f64 {
        let share = match self.kind {
            ScaleKind::Log if self.high > self.low => (value / self.low).ln() / (self.high / self.low).ln(),
            _ if self.high > self.low => (value - self.low) / (self.high - self.low),
            _ => 0.5,
        };
        area.bottom() - share * area.height
    }

    /// Draws the colour bar with ticks and its unit, or the list of actions; `names` are those of named actions.
    pub(super) fn draw_bar(&self, scene: &mut Scene, area: Area, unit: &str, names: &[String]) {
        if self.kind == ScaleKind::Actions {
            draw_action_key(scene, area, ACTIONS);
            super::cells::arrow(scene, key_mark(area, FORWARD), 0, 6.0);
            return;
        }
        if self.kind == ScaleKind::NamedActions {
            let name = |k: usize| names.get(k).cloned().unwrap_or_else(|| format!("action {k}"));
            let count = names.len().max(self.high as usize + 1);
            draw_action_key(scene, area, (0..count).map(|k| (name(k), NAMED[k % NAMED.len()])));
            return;
        }
        let slices = 96;
        for k in 0..slices {
            let (from, to) = (
                f64::from(k) / f64::from(slices),
                f64::from(k + 1) / f64::from(slices),
            );
            let middle = f64::midpoint(from, to);
            let colour = match self.kind {
                ScaleKind::Diverging => diverging(2.0 * middle - 1.0),
                _ => sequential(middle),
            };
            // A little overlap hides the seams between slices.
            let slice = Area::new(
                area.x,
                area.bottom() - to * area.height,
                area.width,
                (to - from) * area.height + if k > 0 { 0.6 } else { 0.0 },
            );
            scene.rect(slice, Some(colour), None);
        }
        scene.rect(area, None, Some(Stroke::new(INK, 0.8)));
        for tick in self.bar_ticks() {
            let y = self.bar_y(area, tick);
            scene.line(
                vec![[area.right(), y], [area.right() + 4.0, y]],
                Stroke::new(INK, 0.9),
            );
            let label = write_number(tick, Unit::Number);
            scene.text(Label::new(
                [area.right() + 7.0, y + TICK_SIZE * 0.36],
                label,
                TICK_SIZE,
            ));
        }
        scene.text(Label::new([area.x, area.y - 8.0], unit, TICK_SIZE).anchor(Anchor::Start));
    }
}

/// The middle of entry `k` of a key.
fn key_mark(area: Area, k: usize) -> [f64; 2] {
    [area.x + 7.0, area.y + 11.0 + 22.0 * k as f64]
}

fn draw_action_key(
    scene: &mut Scene,
    area: Area,
    actions: impl IntoIterator<Item = (impl Into<String>, Colour)>,
) {
    scene.text(Label::new([area.x, area.y - 8.0], "greedy action", TICK_SIZE));
    for (k, (name, colour)) in actions.into_iter().enumerate() {
        let [x, y] = key_mark(area, k);
        scene.rect(
            Area::new(x - 7.0, y - 7.0, 14.0, 14.0),
            Some(colour),
            Some(Stroke::new(INK, 0.7)),
        );
        scene.text(Label::new([x + 13.0, y + 4.5], name, TICK_SIZE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_scale_is_symmetric() {
        let scale = Scale::spanning([-0.5, 2.0], ScaleKind::Diverging);
        assert_eq!((scale.low, scale.high), (-2.0, 2.0));
    }

    #[test]
    fn a_log_scale_leaves_out_zero() {
        let scale = Scale::spanning([0.0, 2.0, 200.0], ScaleKind::Log);
        assert_eq!((scale.low, scale.high), (2.0, 200.0));
        assert_eq!(scale.colour(0.0), None);
        assert_eq!(scale.colour(20.0), Some(sequential(0.5)));
        assert_eq!(scale.bar_ticks(), vec![10.0, 100.0]);
    }

    #[test]
    fn missing_values_have_no_colour() {
        for kind in [
            ScaleKind::Linear,
            ScaleKind::Log,
            ScaleKind::Diverging,
            ScaleKind::Actions,
            ScaleKind::NamedActions,
        ] {
            assert_eq!(Scale::spanning([1.0, 2.0], kind).colour(f64::NAN), None);
        }
    }
}
