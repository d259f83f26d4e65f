//! A scene as pixels.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use tiny_skia::{FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, StrokeDash, Transform};

use super::font::outline;
use super::{Anchor, Colour, Label, Mark, PAPER, Scene, Stroke, text_width};
use crate::ReportError;

/// Larger figures are refused: they would be a mistake, and cost gigabytes.
const MAX_PIXELS: u64 = 120_000_000;

pub(super) fn to_image(scene: &Scene, scale: f64) -> Result<RgbImage, ReportError> {
    let (width, height) = (
        (scene.width * scale).ceil() as u32,
        (scene.height * scale).ceil() as u32,
    );
    let size_error = ReportError::FigureSize { width, height };
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(size_error);
    }
    let Some(mut pixmap) = Pixmap::new(width, height) else {
        return Err(size_error);
    };
    pixmap.fill(tiny_skia::Color::from_rgba8(PAPER.r, PAPER.g, PAPER.b, 255));
    let transform = Transform::from_scale(scale as f32, scale as f32);
    for mark in &scene.marks {
        draw(&mut pixmap, mark, transform);
    }
    let rgb = pixmap
        .data()
        .chunks_exact(4)
        .flat_map(|p| [p[0], p[1], p[2]])
        .collect();
    RgbImage::from_raw(width, height, rgb).ok_or(size_error)
}

/// PNG bytes of an image.
pub(crate) fn encode_png(image: &RgbImage) -> Result<Vec<u8>, ReportError> {
    let mut bytes = Vec::new();
    // Drawings are flat areas: without filters they deflate best, to a quarter of the crate's fast default.
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::NoFilter);
    encoder.write_image(
        image.as_raw(),
        image.width(),
        image.height(),
        ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}

fn draw(pixmap: &mut Pixmap, mark: &Mark, transform: Transform) {
    match mark {
        Mark::Path {
            points,
            closed,
            fill,
            stroke,
            ..
        } => {
            let mut builder = PathBuilder::new();
            for (k, point) in points.iter().enumerate() {
                let [x, y] = point.map(|v| v as f32);
                if k == 0 {
                    builder.move_to(x, y);
                } else {
                    builder.line_to(x, y);
                }
            }
            if *closed {
                builder.close();
            }
            paint(pixmap, builder, *fill, *stroke, transform);
        }
        Mark::Circle {
            centre,
            radius,
            fill,
            stroke,
            ..
        } => {
            let mut builder = PathBuilder::new();
            builder.push_circle(centre[0] as f32, centre[1] as f32, *radius as f32);
            paint(pixmap, builder, *fill, *stroke, transform);
        }
        Mark::Text(label) => draw_text(pixmap, label, transform),
    }
}

fn paint(
    pixmap: &mut Pixmap,
    builder: PathBuilder,
    fill: Option<Colour>,
    stroke: Option<Stroke>,
    transform: Transform,
) {
    let Some(path) = builder.finish() else { return };
    if let Some(colour) = fill {
        pixmap.fill_path(&path, &solid(colour), FillRule::Winding, transform, None);
    }
    if let Some(stroke) = stroke {
        let pen = tiny_skia::Stroke {
            width: stroke.width as f32,
            line_join: LineJoin::Round,
            line_cap: LineCap::Butt,
            dash: stroke
                .dash
                .and_then(|dash| StrokeDash::new(dash.iter().map(|v| *v as f32).collect(), 0.0)),
            ..tiny_skia::Stroke::default()
        };
        pixmap.stroke_path(&path, &solid(stroke.colour), &pen, transform, None);
    }
}

fn solid(colour: Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(
        colour.r,
        colour.g,
        colour.b,
        (colour.opacity * 255.0).round() as u8,
    );
    paint.anti_alias = true;
    paint
}

fn draw_text(pixmap: &mut Pixmap, label: &Label, transform: Transform) {
    let width = text_width(&label.text, label.size, label.bold);
    let start = match label.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width / 2.0,
        Anchor::End => -width,
    };
    let mut builder = PathBuilder::new();
    let mut pen: Option<[f64; 2]> = None;
    outline(&label.text, label.size, label.bold, |curve| {
        let at = |k: usize| [(curve[k][0] + start) as f32, curve[k][1] as f32];
        if pen != Some(curve[0]) {
            if pen.is_some() {
                builder.close();
            }
            builder.move_to(at(0)[0], at(0)[1]);
        }
        match curve.len() {
            2 => builder.line_to(at(1)[0], at(1)[1]),
            3 => builder.quad_to(at(1)[0], at(1)[1], at(2)[0], at(2)[1]),
            _ => builder.cubic_to(at(1)[0], at(1)[1], at(2)[0], at(2)[1], at(3)[0], at(3)[1]),
        }
        pen = curve.last().copied();
    });
    let turn = if label.upright {
        Transform::from_rotate(-90.0)
    } else {
        Transform::identity()
    };
    let [x, y] = label.at.map(|v| v as f32);
    let place = turn.post_translate(x, y).post_concat(transform);
    paint(pixmap, builder, Some(label.colour), None, place);
}

#[cfg(test)]
mod tests {
    use super::super::{Area, INK, Point};
    use super::*;

    #[test]
    fn pixels_land_where_marks_are() {
        let mut scene = Scene::new(20.0, 10.0);
        scene.rect(Area::new(5.0, 2.0, 4.0, 3.0), Some(Colour::rgb(200, 0, 0)), None);
        let image = scene.to_image(2.0).unwrap();
        assert_eq!(image.dimensions(), (40, 20));
        assert_eq!(image.get_pixel(12, 6).0, [200, 0, 0]);
        assert_eq!(image.get_pixel(4, 4).0, [255, 255, 255]);
    }

    #[test]
    fn text_is_inked_within_its_width() {
        let at: Point = [10.0, 20.0];
        let mut scene = Scene::new(200.0, 30.0);
        scene.text(Label::new(at, "Hil", 16.0));
        let image = scene.to_image(1.0).unwrap();
        let inked: Vec<u32> = image
            .enumerate_pixels()
            .filter(|(.., p)| p.0[0] < INK.r + 90)
            .map(|(x, ..)| x)
            .collect();
        let end = 10.0 + text_width("Hil", 16.0, false);
        assert!(!inked.is_empty());
        assert!(
            inked.iter().all(|x| (10.0..=end).contains(&f64::from(*x))),
            "{inked:?}"
        );
    }

    #[test]
    fn absurd_sizes_are_refused() {
        assert!(matches!(
            Scene::new(1e6, 1e6).to_image(1.0),
            Err(ReportError::FigureSize { .. })
        ));
        assert!(matches!(
            Scene::new(0.0, 10.0).to_image(1.0),
            Err(ReportError::FigureSize { .. })
        ));
    }
}
