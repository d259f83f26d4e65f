//! Colours, and the look that one variant keeps in every figure.

use super::Point;

/// An RGB colour with opacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Colour {
    pub r: u8,
    pub g: u8,
    pub b: u8,
    pub opacity: f64,
}

impl Colour {
    pub(crate) const fn rgb(r: u8, g: u8, b: u8) -> Self {
        Self {
            r,
            g,
            b,
            opacity: 1.0,
        }
    }

    pub(crate) const fn with_opacity(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }

    /// `#rrggbb`.
    pub(crate) fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.r, self.g, self.b)
    }

    /// Relative luminance, 0 black to 1 white.
    #[cfg(test)]
    pub(crate) fn luminance(self) -> f64 {
        let linear = |c: u8| (f64::from(c) / 255.0).powf(2.2);
        0.2126 * linear(self.r) + 0.7152 * linear(self.g) + 0.0722 * linear(self.b)
    }
}

/// Text and axes.
pub(crate) const INK: Colour = Colour::rgb(0x22, 0x26, 0x2b);
/// Secondary text.
pub(crate) const MUTED: Colour = Colour::rgb(0x6b, 0x72, 0x7b);
/// Grid lines.
pub(crate) const GRID: Colour = Colour::rgb(0xe6, 0xe8, 0xeb);
/// Background.
pub(crate) const PAPER: Colour = Colour::rgb(0xff, 0xff, 0xff);

/// The variant without bonus is drawn in neutral grey, the others in Okabe and Ito's (2008) colours, which stay apart
/// under the common forms of colour blindness; their yellow is left out, being too faint on white.
const BASELINE: Colour = Colour::rgb(0x5a, 0x5f, 0x66);
const OKABE_ITO: [Colour; 6] = [
    Colour::rgb(0x00, 0x72, 0xb2),
    Colour::rgb(0xd5, 0x5e, 0x00),
    Colour::rgb(0x00, 0x9e, 0x73),
    Colour::rgb(0xcc, 0x79, 0xa7),
    Colour::rgb(0xe6, 0x9f, 0x00),
    Colour::rgb(0x56, 0xb4, 0xe9),
];

/// Shape of a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
    Down,
    Right,
}

impl Shape {
    const MARKERS: [Self; 5] = [
        Self::Circle,
        Self::Square,
        Self::Triangle,
        Self::Diamond,
        Self::Down,
    ];

    /// Corners around `centre`, of about the area of a circle of that radius; `None` for the circle itself.
    pub(crate) fn corners(self, centre: Point, radius: f64) -> Option<Vec<Point>> {
        let [x, y] = centre;
        let at = |dx: f64, dy: f64| [x + dx * radius, y + dy * radius];
        Some(match self {
            Self::Circle => return None,
            Self::Square => vec![at(-0.9, -0.9), at(0.9, -0.9), at(0.9, 0.9), at(-0.9, 0.9)],
            Self::Triangle => vec![at(0.0, -1.25), at(1.15, 0.8), at(-1.15, 0.8)],
            Self::Diamond => vec![at(0.0, -1.25), at(1.25, 0.0), at(0.0, 1.25), at(-1.25, 0.0)],
            Self::Down => vec![at(0.0, 1.25), at(1.15, -0.8), at(-1.15, -0.8)],
            Self::Right => vec![at(1.25, 0.0), at(-0.8, 1.15), at(-0.8, -1.15)],
        })
    }
}

/// The look of one variant: the same in every figure of a report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    pub colour: Colour,
    pub shape: Shape,
    pub dash: Option<[f64; 2]>,
}

/// One look per variant. Colours repeat after six variants with a dash, so that all stay distinct up to eighteen.
pub(crate) fn variant_styles(n_variants: usize, baseline: Option<usize>) -> Vec<Style> {
    const DASHES: [Option<[f64; 2]>; 3] = [None, Some([7.0, 4.0]), Some([2.0, 3.0])];
    let mut coloured = 0;
    (0..n_variants)
        .map(|variant| {
            if Some(variant) == baseline {
                return Style {
                    colour: BASELINE,
                    shape: Shape::Circle,
                    dash: Some([5.0, 3.0]),
                };
            }
            let k = coloured;
            coloured += 1;
            Style {
                colour: OKABE_ITO[k % OKABE_ITO.len()],
                shape: Shape::MARKERS[k % Shape::MARKERS.len()],
                dash: DASHES[(k / OKABE_ITO.len()) % DASHES.len()],
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_has_its_own_look() {
        let styles = variant_styles(18, Some(3));
        for (k, a) in styles.iter().enumerate() {
            for b in &styles[k + 1..] {
                assert!(a.colour != b.colour || a.dash != b.dash);
            }
        }
        assert_eq!(styles[3].colour, BASELINE);
    }

    #[test]
    fn colours_are_readable_on_paper() {
        for style in variant_styles(7, Some(0)) {
            assert!(style.colour.luminance() < 0.5, "{}", style.colour.hex());
        }
    }
}
