//! The embedded font: widths and outlines of text.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, GlyphId, OutlineCurve};

const REGULAR: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-subset.ttf");
const BOLD: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-Bold-subset.ttf");

/// Width per unit of size that stands in where the font cannot be read.
const FALLBACK_ADVANCE: f64 = 0.6;

fn face(bold: bool) -> Option<&'static FontRef<'static>> {
    static FACES: OnceLock<[Option<FontRef<'static>>; 2]> = OnceLock::new();
    let faces = FACES.get_or_init(|| [REGULAR, BOLD].map(|bytes| FontRef::try_from_slice(bytes).ok()));
    faces[usize::from(bold)].as_ref()
}

/// Width of a text in pixels.
pub(crate) fn text_width(text: &str, size: f64, bold: bool) -> f64 {
    let Some(font) = face(bold) else {
        return text.chars().count() as f64 * size * FALLBACK_ADVANCE;
    };
    place(font, text, size).1
}

/// Glyphs with the x of their origin, and the width of the whole.
fn place(font: &FontRef<'_>, text: &str, size: f64) -> (Vec<(GlyphId, f64)>, f64) {
    let scale = size / units(font);
    let mut x = 0.0;
    let mut before: Option<GlyphId> = None;
    let glyphs = text
        .chars()
        .map(|c| {
            let mut glyph = font.glyph_id(c);
            if glyph.0 == 0 {
                glyph = font.glyph_id('\u{fffd}');
            }
            if let Some(before) = before {
                x += f64::from(font.kern_unscaled(before, glyph)) * scale;
            }
            before = Some(glyph);
            let at = x;
            x += f64::from(font.h_advance_unscaled(glyph)) * scale;
            (glyph, at)
        })
        .collect();
    (glyphs, x)
}

fn units(font: &FontRef<'_>) -> f64 {
    f64::from(font.units_per_em().unwrap_or(2048.0))
}

/// Calls `draw` with each outline curve of a text, in pixels relative to the start of its baseline, y downwards.
pub(super) fn outline(text: &str, size: f64, bold: bool, mut draw: impl FnMut(&[[f64; 2]])) {
    let Some(font) = face(bold) else { return };
    let scale = size / units(font);
    for (glyph, x) in place(font, text, size).0 {
        let Some(outline) = font.outline(glyph) else {
            continue;
        };
        let at = |p: ab_glyph::Point| [x + f64::from(p.x) * scale, -f64::from(p.y) * scale];
        for curve in outline.curves {
            match curve {
                OutlineCurve::Line(a, b) => draw(&[at(a), at(b)]),
                OutlineCurve::Quad(a, b, c) => draw(&[at(a), at(b), at(c)]),
                OutlineCurve::Cubic(a, b, c, d) => draw(&[at(a), at(b), at(c), at(d)]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_faces_load_and_measure() {
        assert!(face(false).is_some() && face(true).is_some());
        let plain = text_width("environment frames", 12.0, false);
        assert!((90.0..140.0).contains(&plain), "{plain}");
        assert!(text_width("environment frames", 12.0, true) > plain);
        approx::assert_abs_diff_eq!(
            text_width("ab", 24.0, false),
            2.0 * text_width("ab", 12.0, false),
            epsilon = 1e-6
        );
    }

    #[test]
    fn characters_of_the_figures_are_in_the_font() {
        let font = face(false).unwrap();
        for c in "09AZaz .,:;()[]<>=+-−×≥≤≈–—…·'%/_µ²→▸●■▲".chars() {
            assert_ne!(font.glyph_id(c).0, 0, "no glyph for {c}");
        }
    }
}
