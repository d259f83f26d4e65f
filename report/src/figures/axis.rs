//! Axes: ranges, ticks that read well, and the frame of a chart.

use crate::canvas::{Anchor, Area, GRID, INK, Label, MUTED, Point, Scene, Stroke};

/// Size of tick labels in pixels.
pub(crate) const TICK_SIZE: f64 = 11.5;
/// Size of axis titles and direct labels.
pub(crate) const LABEL_SIZE: f64 = 12.5;
/// Size of chart titles.
pub(crate) const TITLE_SIZE: f64 = 14.0;

/// What an axis counts, which decides how its ticks are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Plain numbers.
    Number,
    /// Counts and frames: 0.2M, 50k.
    Count,
    /// Shares: 25%.
    Share,
}

/// The span of an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    pub min: f64,
    pub max: f64,
}

impl Span {
    /// The least span over all values and `include`; widened where it would be empty.
    pub(crate) fn over(values: impl IntoIterator<Item = f64>, include: &[f64]) -> Self {
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values
            .into_iter()
            .chain(include.iter().copied())
            .filter(|v| v.is_finite())
        {
            min = min.min(value);
            max = max.max(value);
        }
        if min > max {
            return Self { min: 0.0, max: 1.0 };
        }
        if max - min < 1e-12 * max.abs().max(1e-6) {
            let pad = if max == 0.0 { 1.0 } else { max.abs() * 0.1 };
            return Self {
                min: if min == 0.0 { 0.0 } else { min - pad },
                max: max + pad,
            };
        }
        Self { min, max }
    }

    /// A little wider at both ends, so that lines at the limits do not lie on the frame.
    pub(crate) fn padded(self, share: f64) -> Self {
        let pad = (self.max - self.min) * share;
        Self {
            min: self.min - pad,
            max: self.max + pad,
        }
    }

    /// Where `value` lies: 0 at the lower end, 1 at the upper.
    pub(crate) fn place(self, value: f64) -> f64 {
        (value - self.min) / (self.max - self.min)
    }
}

/// About `wanted` ticks at 1, 2, 2.5 or 5 times a power of ten, within the span.
pub(crate) fn ticks(span: Span, wanted: usize) -> Vec<f64> {
    let raw = (span.max - span.min) / wanted.max(1) as f64;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= raw * 0.999)
        .unwrap_or(raw);
    let first = (span.min / step - 1e-9).ceil() as i64;
    let last = (span.max / step + 1e-9).floor() as i64;
    (first..=last).map(|k| k as f64 * step).collect()
}

/// Ticks with their texts: as many decimals as keep neighbours apart, in one unit along the axis.
pub(crate) fn labelled_ticks(span: Span, wanted: usize, unit: Unit) -> Vec<(f64, String)> {
    let places = ticks(span, wanted);
    let largest = places.iter().fold(0.0_f64, |most, tick| most.max(tick.abs()));
    let step = if places.len() > 1 {
        places[1] - places[0]
    } else {
        largest
    };
    let (factor, ending) = match unit {
        Unit::Share => (100.0, "%"),
        Unit::Count if largest >= 1e9 => (1e-9, "G"),
        Unit::Count if largest >= 2e5 => (1e-6, "M"),
        Unit::Count if largest >= 2e3 => (1e-3, "k"),
        Unit::Number if largest >= 1e5 || (largest < 1e-3 && largest > 0.0) => {
            return places
                .into_iter()
                .map(|tick| (tick, write_number(tick, unit)))
                .collect();
        }
        Unit::Number | Unit::Count => (1.0, ""),
    };
    let decimals = (0..9)
        .find(|d| {
            let power = 10_f64.powi(*d);
            places.iter().all(|tick| {
                let shown = tick * factor;
                ((shown * power).round() / power - shown).abs() < step * factor * 0.01
            })
        })
        .unwrap_or(9) as usize;
    places
        .into_iter()
        .map(|tick| {
            let text = trim(format!("{:.decimals$}", tick * factor));
            let ending = if text == "0" && unit == Unit::Count {
                ""
            } else {
                ending
            };
            (tick, format!("{text}{ending}"))
        })
        .collect()
}

/// Writes a number for an axis or a table: shortest form that keeps about three digits.
pub(crate) fn write_number(value: f64, unit: Unit) -> String {
    let magnitude = value.abs();
    match unit {
        Unit::Share => format!("{}%", trim(format!("{:.1}", value * 100.0))),
        Unit::Count if magnitude >= 1e9 => format!("{}G", trim(format!("{:.2}", value / 1e9))),
        Unit::Count if magnitude >= 1e6 => format!("{}M", trim(format!("{:.2}", value / 1e6))),
        Unit::Count if magnitude >= 1e5 => format!("{}M", trim(format!("{:.3}", value / 1e6))),
        Unit::Count if magnitude >= 1e3 => format!("{}k", trim(format!("{:.1}", value / 1e3))),
        Unit::Count if magnitude >= 10.0 => trim(format!("{value:.0}")),
        _ if magnitude != 0.0 && !(1e-3..1e5).contains(&magnitude) => {
            minus(format!("{value:.1e}").replace(".0e", "e"))
        }
        _ if magnitude >= 100.0 => trim(format!("{value:.0}")),
        _ if magnitude >= 1.0 => trim(format!("{value:.2}")),
        _ => trim(format!("{value:.3}")),
    }
}

fn trim(text: String) -> String {
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    };
    if text == "-0" { "0".to_owned() } else { minus(text) }
}

/// A typographic minus, as wide as a plus.
fn minus(text: String) -> String {
    text.replace('-', "−")
}

/// Distance of ticks on a lower axis whose labels may be long.
pub(crate) const TICK_SPACING: f64 = 76.0;

/// A chart's plot area with its scales.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    pub plot: Area,
    pub x: Span,
    pub y: Span,
}

/// Titles and units of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameText<'a> {
    pub title: &'a str,
    pub x_label: &'a str,
    pub y_label: &'a str,
    pub x_unit: Unit,
    pub y_unit: Unit,
}

impl Frame {
    pub(crate) fn px(&self, x: f64) -> f64 {
        self.plot.x + self.x.place(x) * self.plot.width
    }

    pub(crate) fn py(&self, y: f64) -> f64 {
        self.plot.bottom() - self.y.place(y) * self.plot.height
    }

    pub(crate) fn point(&self, x: f64, y: f64) -> Point {
        [self.px(x), self.py(y)]
    }

    /// Draws title, grid, ticks and axis titles.
    pub(crate) fn draw(&self, scene: &mut Scene, text: &FrameText<'_>) {
        let plot = self.plot;
        scene.text(Label::new([plot.x, plot.y - 12.0], text.title, TITLE_SIZE).bold());
        self.draw_y_axis(scene, text.y_label, text.y_unit, true);
        self.draw_x_axis(scene, text.x_label, text.x_unit, TICK_SPACING);
    }

    /// Draws the left axis alone: with lines across the plot, or with ticks.
    pub(crate) fn draw_y_axis(&self, scene: &mut Scene, y_label: &str, unit: Unit, across: bool) {
        let plot = self.plot;
        let (to, stroke) = if across {
            (plot.right(), Stroke::new(GRID, 1.0))
        } else {
            (plot.x - 4.0, Stroke::new(INK, 1.0))
        };
        for (tick, text) in labelled_ticks(self.y, (plot.height / 44.0).round() as usize, unit) {
            let y = self.py(tick);
            scene.line(vec![[plot.x, y], [to, y]], stroke);
            let label = Label::new([plot.x - 7.0, y + TICK_SIZE * 0.36], text, TICK_SIZE);
            scene.text(label.anchor(Anchor::End).colour(MUTED));
        }
        let middle = plot.y + plot.height / 2.0;
        let label = Label::new([plot.x - 46.0, middle], y_label, LABEL_SIZE);
        scene.text(label.anchor(Anchor::Middle).upright());
    }

    /// Draws the lower axis alone, with ticks about `spacing` apart.
    pub(crate) fn draw_x_axis(&self, scene: &mut Scene, x_label: &str, unit: Unit, spacing: f64) {
        let plot = self.plot;
        let base = Stroke::new(INK, 1.0);
        scene.line(vec![[plot.x, plot.bottom()], [plot.right(), plot.bottom()]], base);
        for (tick, text) in labelled_ticks(self.x, (plot.width / spacing).round() as usize, unit) {
            let x = self.px(tick);
            scene.line(vec![[x, plot.bottom()], [x, plot.bottom() + 4.0]], base);
            let label = Label::new([x, plot.bottom() + 6.0 + TICK_SIZE], text, TICK_SIZE);
            scene.text(label.anchor(Anchor::Middle).colour(MUTED));
        }
        let middle = plot.x + plot.width / 2.0;
        scene.text(Label::new([middle, plot.bottom() + 36.0], x_label, LABEL_SIZE).anchor(Anchor::Middle));
    }
}

/// Spreads label heights so that none overlap: each stays as near to its wish as `gap` and the limits allow.
pub(crate) fn spread(wishes: &[f64], gap: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by(|a, b| wishes[*a].total_cmp(&wishes[*b]));
    let mut places: Vec<f64> = order
        .iter()
        .map(|k| wishes[*k].clamp(top, bottom.max(top)))
        .collect();
    // Pushing neighbours apart by halves settles quickly for a handful of labels.
    for _ in 0..200 {
        let mut moved = false;
        for k in 1..places.len() {
            let overlap = gap - (places[k] - places[k - 1]);
            if overlap > 1e-6 {
                places[k - 1] -= overlap / 2.0;
                places[k] += overlap / 2.0;
                moved = true;
            }
        }
        let over = places.last().map_or(0.0, |last| (last - bottom).max(0.0));
        let under = places.first().map_or(0.0, |first| (top - first).max(0.0));
        if let Some(last) = places.last_mut() {
            *last -= over;
        }
        if let Some(first) = places.first_mut() {
            *first += under;
        }
        if !moved && over == 0.0 && under == 0.0 {
            break;
        }
    }
    let mut spread = vec![0.0; wishes.len()];
    for (place, k) in places.into_iter().zip(order) {
        spread[k] = place;
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let wanted = vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
        for (found, wanted) in ticks(Span { min: 0.0, max: 1.0 }, 5).iter().zip(&wanted) {
            approx::assert_abs_diff_eq!(found, wanted, epsilon = 1e-12);
        }
        assert_eq!(
            ticks(
                Span {
                    min: 0.0,
                    max: 983_040.0
                },
                5
            ),
            vec![0.0, 200_000.0, 400_000.0, 600_000.0, 800_000.0]
        );
        assert_eq!(ticks(Span { min: -0.3, max: 0.3 }, 3).len(), 3);
    }

    #[test]
    fn neighbouring_ticks_read_differently() {
        let texts = |min, max, unit| -> Vec<String> {
            labelled_ticks(Span { min, max }, 4, unit)
                .into_iter()
                .map(|(_, text)| text)
                .collect()
        };
        assert_eq!(
            texts(0.0098, 0.0102, Unit::Number),
            ["0.0098", "0.0099", "0.01", "0.0101", "0.0102"]
        );
        assert_eq!(
            texts(0.0, 1e6, Unit::Count),
            ["0", "0.25M", "0.5M", "0.75M", "1M"]
        );
        assert_eq!(
            texts(0.0, 2e5, Unit::Count),
            ["0", "0.05M", "0.1M", "0.15M", "0.2M"]
        );
        assert_eq!(texts(0.0, 1e5, Unit::Count), ["0", "25k", "50k", "75k", "100k"]);
        assert_eq!(texts(0.0, 1.0, Unit::Share), ["0%", "25%", "50%", "75%", "100%"]);
    }

    #[test]
    fn numbers_read_well() {
        for (value, unit, text) in [
            (200_000.0, Unit::Count, "0.2M"),
            (1_500_000.0, Unit::Count, "1.5M"),
            (125_000.0, Unit::Count, "0.125M"),
            (50_000.0, Unit::Count, "50k"),
            (2_500.0, Unit::Count, "2.5k"),
            (0.0, Unit::Count, "0"),
            (0.25, Unit::Share, "25%"),
            (-0.5, Unit::Number, "−0.5"),
            (-0.0001, Unit::Share, "0%"),
            (12.0, Unit::Number, "12"),
            (0.955, Unit::Number, "0.955"),
            (0.000_02, Unit::Number, "2e−5"),
        ] {
            assert_eq!(write_number(value, unit), text);
        }
    }

    #[test]
    fn labels_do_not_overlap() {
        let found = spread(&[50.0, 50.0, 52.0, 10.0], 14.0, 0.0, 100.0);
        let mut sorted = found.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(
            sorted.windows(2).all(|pair| pair[1] - pair[0] > 13.9),
            "{found:?}"
        );
        assert_eq!(found[3], 10.0);
        assert!(found.iter().all(|y| (-0.1..=100.1).contains(y)));
    }

    #[test]
    fn a_flat_curve_still_has_a_span() {
        let span = Span::over([0.0, 0.0], &[]);
        assert!(span.max > span.min);
        assert_eq!(Span::over([], &[]), Span { min: 0.0, max: 1.0 });
    }
}
