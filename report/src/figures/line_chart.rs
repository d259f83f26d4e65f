//! Curves with bands over training, with direct labels beside their ends.

use super::axis::{Frame, FrameText, LABEL_SIZE, Span, TICK_SIZE, Unit, spread};
use super::legend;
use crate::canvas::{Area, Label, MUTED, PAPER, Point, Scene, Stroke, Style, text_width};

/// One variant's curve.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub label: String,
    pub style: Style,
    /// Main line.
    pub line: Vec<Point>,
    /// Lower and upper limits at the same x as `line`; empty for none.
    pub band: Vec<[f64; 2]>,
    /// Single runs, drawn faintly.
    pub runs: Vec<Vec<Point>>,
    /// Runs that end without the event: a tick on the line (survival curves).
    pub ticks: Vec<Point>,
}

/// A height worth naming, e.g. the threshold.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub y: f64,
    pub label: String,
}

/// Where the names of the series stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Beside the right end of each curve.
    Direct,
    /// Nowhere: a legend stands elsewhere.
    Elsewhere,
}

/// A chart of curves.
#[derive(Debug, Clone)]
pub(crate) struct LineChart {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    pub x_unit: Unit,
    pub y_unit: Unit,
    pub x: Option<Span>,
    pub y: Option<Span>,
    pub series: Vec<Series>,
    pub references: Vec<Reference>,
    pub naming: Naming,
}

const LABEL_GAP: f64 = 9.0;

impl LineChart {
    /// Draws the chart alone.
    pub(crate) fn scene(&self, width: f64, height: f64) -> Scene {
        let mut scene = Scene::new(width, height);
        self.draw(&mut scene, Area::new(0.0, 0.0, width, height));
        scene
    }

    /// Draws the chart into a part of a scene.
    pub(crate) fn draw(&self, scene: &mut Scene, area: Area) {
        let frame = Frame {
            plot: self.plot(area),
            x: self.x_span(),
            y: self.y_span(),
        };
        frame.draw(
            scene,
            &FrameText {
                title: &self.title,
                x_label: &self.x_label,
                y_label: &self.y_label,
                x_unit: self.x_unit,
                y_unit: self.y_unit,
            },
        );
        self.draw_references(scene, &frame);
        for series in &self.series {
            draw_band(scene, &frame, series);
        }
        for series in &self.series {
            draw_runs(scene, &frame, series);
        }
        // Dashed lines last: where curves coincide, the gaps show what lies below.
        for dashed in [false, true] {
            for series in self
                .series
                .iter()
                .filter(|series| series.style.dash.is_some() == dashed)
            {
                draw_line(scene, &frame, series);
            }
        }
        if self.naming == Naming::Direct {
            self.draw_names(scene, &frame);
        }
    }

    fn plot(&self, area: Area) -> Area {
        let widest = self
            .series
            .iter()
            .map(|s| text_width(&s.label, LABEL_SIZE, true))
            .fold(0.0, f64::max);
        let right = if self.naming == Naming::Direct {
            (widest + LABEL_GAP + 12.0).min(area.width * 0.4)
        } else {
            16.0
        };
        Area::new(
            area.x + 62.0,
            area.y + 34.0,
            area.width - 62.0 - right,
            area.height - 34.0 - 46.0,
        )
    }

    fn x_span(&self) -> Span {
        let xs = self
            .series
            .iter()
            .flat_map(|s| s.line.iter().chain(s.runs.iter().flatten()).map(|p| p[0]));
        self.x.unwrap_or_else(|| Span::over(xs, &[]))
    }

    fn y_span(&self) -> Span {
        let lines = self
            .series
            .iter()
            .flat_map(|s| s.line.iter().chain(s.runs.iter().flatten()).map(|p| p[1]));
        let bands = self.series.iter().flat_map(|s| s.band.iter().flatten().copied());
        let references: Vec<f64> = self.references.iter().map(|r| r.y).collect();
        let span = Span::over(lines.chain(bands), &references);
        let room = if self.references.is_empty() { 0.04 } else { 0.09 };
        self.y.unwrap_or_else(|| Span {
            max: span.padded(0.04).max,
            ..span.padded(room)
        })
    }

    fn draw_references(&self, scene: &mut Scene, frame: &Frame) {
        let (plot, pen) = (frame.plot, Stroke::new(MUTED, 1.0).dashed(Some([4.0, 4.0])));
        let visible: Vec<&Reference> = self
            .references
            .iter()
            .filter(|r| (0.0..=1.0).contains(&frame.y.place(r.y)))
            .collect();
        // The lowest name stands below its line, where no curve runs.
        let wishes: Vec<f64> = visible
            .iter()
            .map(|r| {
                frame.py(r.y)
                    + if frame.y.place(r.y) < 0.15 {
                        TICK_SIZE
                    } else {
                        -4.0
                    }
            })
            .collect();
        let places = spread(&wishes, TICK_SIZE, plot.y + 8.0, plot.bottom() - 2.0);
        for (reference, place) in visible.iter().zip(places) {
            let y = frame.py(reference.y);
            scene.line(vec![[plot.x, y], [plot.right(), y]], pen);
            let width = text_width(&reference.label, TICK_SIZE - 1.0, false);
            scene.rect(
                Area::new(plot.x + 4.0, place - TICK_SIZE + 2.5, width + 4.0, TICK_SIZE),
                Some(PAPER.with_opacity(0.75)),
                None,
            );
            let label = Label::new([plot.x + 6.0, place], reference.label.clone(), TICK_SIZE - 1.0);
            scene.text(label.colour(MUTED));
        }
    }

    fn draw_names(&self, scene: &mut Scene, frame: &Frame) {
        let plot = frame.plot;
        let named: Vec<(&Series, Point)> = self
            .series
            .iter()
            .filter_map(|s| s.line.last().map(|end| (s, frame.point(end[0], end[1]))))
            .collect();
        let wishes: Vec<f64> = named.iter().map(|(_, end)| end[1]).collect();
        let places = spread(&wishes, LABEL_SIZE + 2.5, plot.y, plot.bottom() - 2.0);
        for ((series, end), y) in named.iter().zip(places) {
            let x = plot.right() + LABEL_GAP;
            if (end[1] - y).abs() > 2.0 || end[0] < plot.right() - 3.0 {
                let leader = Stroke::new(series.style.colour.with_opacity(0.6), 0.8);
                scene.line(vec![*end, [plot.right() + 1.0, end[1]], [x - 2.0, y]], leader);
            }
            let label = Label::new([x, y + LABEL_SIZE * 0.36], series.label.clone(), LABEL_SIZE);
            scene.text(label.bold().colour(series.style.colour));
        }
    }
}

fn draw_band(scene: &mut Scene, frame: &Frame, series: &Series) {
    if series.band.len() != series.line.len() || series.band.len() < 2 {
        return;
    }
    let upper = series
        .line
        .iter()
        .zip(&series.band)
        .map(|(p, [_, high])| frame.point(p[0], *high));
    let lower = series
        .line
        .iter()
        .zip(&series.band)
        .rev()
        .map(|(p, [low, _])| frame.point(p[0], *low));
    scene.polygon(
        upper.chain(lower).collect(),
        series.style.colour.with_opacity(0.16),
    );
}

fn draw_runs(scene: &mut Scene, frame: &Frame, series: &Series) {
    let pen = Stroke::new(series.style.colour.with_opacity(0.3), 0.9);
    for run in &series.runs {
        scene.line(run.iter().map(|p| frame.point(p[0], p[1])).collect(), pen);
    }
}

fn draw_line(scene: &mut Scene, frame: &Frame, series: &Series) {
    let points: Vec<Point> = series.line.iter().map(|p| frame.point(p[0], p[1])).collect();
    if let [only] = points[..] {
        scene.shape(
            series.style.shape,
            only,
            4.0,
            Some(series.style.colour),
            None,
            None,
        );
    }
    scene.line(
        points,
        Stroke::new(series.style.colour, 2.4).dashed(series.style.dash),
    );
    for tick in &series.ticks {
        let [x, y] = frame.point(tick[0], tick[1]);
        scene.line(
            vec![[x, y - 6.0], [x, y + 6.0]],
            Stroke::new(series.style.colour, 2.0),
        );
    }
}

/// Several charts side by side under one legend; each chart loses its direct labels.
pub(crate) fn small_multiples(
    charts: &[LineChart],
    columns: usize,
    [cell_width, cell_height]: [f64; 2],
) -> Scene {
    let columns = columns.min(charts.len()).max(1);
    let rows = charts.len().div_ceil(columns);
    let width = cell_width * columns as f64;
    let names = charts
        .iter()
        .max_by_key(|chart| chart.series.len())
        .map_or(&[][..], |chart| &chart.series);
    let entries: Vec<(String, Style)> = names.iter().map(|s| (s.label.clone(), s.style)).collect();
    let head = 8.0 + legend::height(&entries, width - 24.0);
    let mut scene = Scene::new(width, head + cell_height * rows as f64);
    legend::draw(&mut scene, &entries, [12.0, 16.0], width - 24.0);
    for (k, chart) in charts.iter().enumerate() {
        let area = Area::new(
            cell_width * (k % columns) as f64,
            head + cell_height * (k / columns) as f64,
            cell_width,
            cell_height,
        );
        LineChart {
            naming: Naming::Elsewhere,
            ..chart.clone()
        }
        .draw(&mut scene, area);
    }
    scene
}
