//! A small drawing surface: marks in pixels, written as SVG for the page and as PNG for files, from one description.
//!
//! Text is measured and, in PNG, drawn with an embedded font, so that figures look the same on a machine without any
//! fonts.

mod colour;
mod font;
mod raster;
mod svg;

pub(crate) use colour::{Colour, GRID, INK, MUTED, PAPER, Shape, Style, variant_styles};
pub(crate) use font::text_width;
pub(crate) use raster::encode_png;
pub(crate) use svg::escape;

/// A place in pixels; y grows downwards.
pub(crate) type Point = [f64; 2];

/// Which end of a text its x names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stroke {
    pub colour: Colour,
    pub width: f64,
    /// Lengths of dash and gap.
    pub dash: Option<[f64; 2]>,
}

impl Stroke {
    pub(crate) fn new(colour: Colour, width: f64) -> Self {
        Self {
            colour,
            width,
            dash: None,
        }
    }

    pub(crate) fn dashed(self, dash: Option<[f64; 2]>) -> Self {
        Self { dash, ..self }
    }
}

/// A line of text; `at` is its baseline.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub at: Point,
    pub text: String,
    pub size: f64,
    pub colour: Colour,
    pub anchor: Anchor,
    pub bold: bool,
    /// Turned a quarter to the left, for y axes.
    pub upright: bool,
}

impl Label {
    pub(crate) fn new(at: Point, text: impl Into<String>, size: f64) -> Self {
        let text = text.into();
        Self {
            at,
            text,
            size,
            colour: INK,
            anchor: Anchor::Start,
            bold: false,
            upright: false,
        }
    }

    pub(crate) fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub(crate) fn colour(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }

    pub(crate) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(crate) fn upright(self) -> Self {
        Self {
            upright: true,
            ..self
        }
    }
}

/// One thing drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mark {
    Path {
        points: Vec<Point>,
        closed: bool,
        fill: Option<Colour>,
        stroke: Option<Stroke>,
        note: Option<String>,
    },
    Circle {
        centre: Point,
        radius: f64,
        fill: Option<Colour>,
        stroke: Option<Stroke>,
        note: Option<String>,
    },
    Text(Label),
}

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Area {
    pub(crate) fn new(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self { x, y, width, height }
    }

    pub(crate) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.height
    }

    pub(crate) fn corners(&self) -> Vec<Point> {
        vec![
            [self.x, self.y],
            [self.right(), self.y],
            [self.right(), self.bottom()],
            [self.x, self.bottom()],
        ]
    }
}

/// A drawing: marks in the order in which they cover each other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scene {
    pub width: f64,
    pub height: f64,
    pub marks: Vec<Mark>,
}

impl Scene {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            marks: Vec::new(),
        }
    }

    pub(crate) fn line(&mut self, points: Vec<Point>, stroke: Stroke) {
        if points.len() > 1 {
            self.marks.push(Mark::Path {
                points,
                closed: false,
                fill: None,
                stroke: Some(stroke),
                note: None,
            });
        }
    }

    pub(crate) fn polygon(&mut self, points: Vec<Point>, fill: Colour) {
        self.marks.push(Mark::Path {
            points,
            closed: true,
            fill: Some(fill),
            stroke: None,
            note: None,
        });
    }

    pub(crate) fn rect(&mut self, area: Area, fill: Option<Colour>, stroke: Option<Stroke>) {
        self.marks.push(Mark::Path {
            points: area.corners(),
            closed: true,
            fill,
            stroke,
            note: None,
        });
    }

    /// A shape with an optional note that a browser shows under the pointer.
    pub(crate) fn shape(
        &mut self,
        shape: Shape,
        centre: Point,
        radius: f64,
        fill: Option<Colour>,
        stroke: Option<Stroke>,
        note: Option<String>,
    ) {
        match shape.corners(centre, radius) {
            None => self.marks.push(Mark::Circle {
                centre,
                radius,
                fill,
                stroke,
                note,
            }),
            Some(points) => self.marks.push(Mark::Path {
                points,
                closed: true,
                fill,
                stroke,
                note,
            }),
        }
    }

    pub(crate) fn text(&mut self, label: Label) {
        if !label.text.is_empty() {
            self.marks.push(Mark::Text(label));
        }
    }

    /// The drawing as an `<svg>` element, to be put into a page.
    pub(crate) fn to_svg(&self, description: &str) -> String {
        svg::to_svg(self, description)
    }

    /// The drawing as pixels, `scale` per unit.
    pub(crate) fn to_image(&self, scale: f64) -> Result<image::RgbImage, crate::ReportError> {
        raster::to_image(self, scale)
    }
}
