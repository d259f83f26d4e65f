//! A small anti-aliased rasteriser for pictures of continuous tasks.

use prospect_sim::Frame;

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// Paper.
pub const WHITE: Rgb = [255; 3];
/// Outlines and wheels.
pub const INK: Rgb = [30; 3];
/// Ground and rails.
pub const GREY: Rgb = [150; 3];
/// What moves, or what ends an episode.
pub const RED: Rgb = [204, 60, 60];
/// Goals.
pub const GREEN: Rgb = [40, 160, 60];

/// A picture in the making. Shapes are given in world coordinates, y up; their edges are blended over one pixel.
#[derive(Debug, Clone)]
pub struct Canvas {
    frame: Frame,
    /// World coordinates of the left lower corner.
    origin: [f64; 2],
    /// Pixels per world unit, the same along x and y.
    scale: f64,
}

impl Canvas {
    /// A canvas of `size` pixels that shows at least the world from `low` to `high`, undistorted and centred.
    pub fn new(size: [usize; 2], low: [f64; 2], high: [f64; 2], background: Rgb) -> Self {
        let [width, height] = size.map(|pixels| pixels.max(1));
        let span = [high[0] - low[0], high[1] - low[1]];
        let scale = (width as f64 / span[0]).min(height as f64 / span[1]);
        let origin = [
            low[0] - (width as f64 / scale - span[0]) / 2.0,
            low[1] - (height as f64 / scale - span[1]) / 2.0,
        ];
        let frame = Frame {
            width,
            height,
            rgb: background.repeat(width * height),
        };
        Self { frame, origin, scale }
    }

    /// Fills all points whose signed distance to a shape is negative; `bounds` encloses the shape.
    fn shape(&mut self, bounds: [[f64; 2]; 2], colour: Rgb, distance: impl Fn([f64; 2]) -> f64) {
        let [low, high] = bounds;
        let column = |x: f64| (x - self.origin[0]) * self.scale;
        let line = |y: f64| self.frame.height as f64 - (y - self.origin[1]) * self.scale;
        let clip = |from: f64, to: f64, end: usize| {
            ((from - 1.0).max(0.0) as usize).min(end)..((to + 2.0).max(0.0) as usize).min(end)
        };
        let columns = clip(column(low[0]), column(high[0]), self.frame.width);
        let lines = clip(line(high[1]), line(low[1]), self.frame.height);
        for y in lines {
            for x in columns.clone() {
                let at = [
                    self.origin[0] + (x as f64 + 0.5) / self.scale,
                    self.origin[1] + (self.frame.height as f64 - y as f64 - 0.5) / self.scale,
                ];
                let cover = (0.5 - distance(at) * self.scale).clamp(0.0, 1.0);
                if cover > 0.0 {
                    let first = (y * self.frame.width + x) * 3;
                    for (pixel, ink) in self.frame.rgb[first..first + 3].iter_mut().zip(colour) {
                        *pixel = (f64::from(*pixel) * (1.0 - cover) + f64::from(ink) * cover).round() as u8;
                    }
                }
            }
        }
    }

    /// A filled circle.
    pub fn disc(&mut self, centre: [f64; 2], radius: f64, colour: Rgb) {
        self.line(centre, centre, 2.0 * radius, colour);
    }

    /// A line with round ends.
    pub fn line(&mut self, from: [f64; 2], to: [f64; 2], width: f64, colour: Rgb) {
        let radius = width / 2.0;
        let along = [to[0] - from[0], to[1] - from[1]];
        let length = along[0].hypot(along[1]);
        let bounds = [
            [from[0].min(to[0]) - radius, from[1].min(to[1]) - radius],
            [from[0].max(to[0]) + radius, from[1].max(to[1]) + radius],
        ];
        self.shape(bounds, colour, |[x, y]| {
            let (dx, dy) = (x - from[0], y - from[1]);
            let share = if length > 0.0 {
                ((dx * along[0] + dy * along[1]) / (length * length)).clamp(0.0, 1.0)
            } else {
                0.0
            };
            (dx - share * along[0]).hypot(dy - share * along[1]) - radius
        });
    }

    /// A filled rectangle.
    pub fn rectangle(&mut self, low: [f64; 2], high: [f64; 2], colour: Rgb) {
        self.shape([low, high], colour, |at| {
            let beyond = |i: usize| (low[i] - at[i]).max(at[i] - high[i]);
            beyond(0).max(beyond(1))
        });
    }

    /// A filled rectangle of half sizes `half` (along and across `heading`, in rad from x towards y), its corners rounded by
    /// `rounding`.
    pub fn turned_rectangle(
        &mut self,
        centre: [f64; 2],
        heading: f64,
        half: [f64; 2],
        rounding: f64,
        colour: Rgb,
    ) {
        let (sin, cos) = heading.sin_cos();
        let reach = half[0].hypot(half[1]);
        let bounds = [
            centre.map(|value| value - reach),
            centre.map(|value| value + reach),
        ];
        let rounding = rounding.min(half[0]).min(half[1]);
        self.shape(bounds, colour, |[x, y]| {
            let (dx, dy) = (x - centre[0], y - centre[1]);
            let along = (dx * cos + dy * sin).abs() - half[0] + rounding;
            let across = (dy * cos - dx * sin).abs() - half[1] + rounding;
            along.max(0.0).hypot(across.max(0.0)) + along.max(across).min(0.0) - rounding
        });
    }

    /// A filled convex polygon; its corners go round it in either direction.
    pub fn convex(&mut self, corners: &[[f64; 2]], colour: Rgb) {
        let ahead = |i: usize| corners[(i + 1) % corners.len()];
        let area: f64 = (0..corners.len())
            .map(|i| corners[i][0] * ahead(i)[1] - corners[i][1] * ahead(i)[0])
            .sum();
        let edges: Vec<_> = (0..corners.len())
            .filter_map(|i| {
                let along = [ahead(i)[0] - corners[i][0], ahead(i)[1] - corners[i][1]];
                let length = along[0].hypot(along[1]) * area.signum();
                (length != 0.0).then(|| (corners[i], [along[1] / length, -along[0] / length]))
            })
            .collect();
        let extreme =
            |pick: fn(f64, f64) -> f64, i: usize| corners.iter().map(|corner| corner[i]).reduce(pick);
        let (Some(left), Some(low)) = (extreme(f64::min, 0), extreme(f64::min, 1)) else {
            return;
        };
        let (Some(right), Some(high)) = (extreme(f64::max, 0), extreme(f64::max, 1)) else {
            return;
        };
        self.shape([[left, low], [right, high]], colour, |[x, y]| {
            let beyond = edges
                .iter()
                .map(|(corner, normal)| (x - corner[0]) * normal[0] + (y - corner[1]) * normal[1]);
            beyond.fold(f64::NEG_INFINITY, f64::max)
        });
    }

    /// The picture.
    pub fn finish(self) -> Frame {
        self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(frame: &Frame, x: usize, y: usize) -> u8 {
        frame.rgb[(y * frame.width + x) * 3]
    }

    #[test]
    fn shapes_cover_what_they_should() {
        let mut canvas = Canvas::new([40, 20], [0.0, 0.0], [4.0, 2.0], WHITE);
        canvas.rectangle([0.0, 0.0], [1.0, 1.0], [0; 3]);
        canvas.disc([3.0, 1.0], 0.5, [0; 3]);
        let frame = canvas.finish();
        // y points up: the rectangle is in the lower left corner.
        assert_eq!([pixel(&frame, 2, 17), pixel(&frame, 9, 10)], [0, 0]);
        assert_eq!([pixel(&frame, 2, 2), pixel(&frame, 12, 17)], [255, 255]);
        let dark: f64 = frame
            .rgb
            .iter()
            .step_by(3)
            .map(|&v| 1.0 - f64::from(v) / 255.0)
            .sum();
        let area = 100.0 + std::f64::consts::PI * 25.0;
        assert!(
            (dark - area).abs() < 0.02 * area,
            "{dark} pixels instead of {area}"
        );
    }

    #[test]
    fn turned_rectangles_and_polygons_cover_their_areas() {
        let dark = |frame: &Frame| -> f64 {
            let values = frame.rgb.iter().step_by(3);
            values.map(|&v| 1.0 - f64::from(v) / 255.0).sum()
        };
        let mut canvas = Canvas::new([60, 60], [0.0; 2], [6.0; 2], WHITE);
        canvas.turned_rectangle([3.0, 3.0], 0.7, [2.0, 0.5], 0.0, [0; 3]);
        assert!((dark(&canvas.finish()) - 400.0).abs() < 8.0);
        for corners in [
            [[1.0, 1.0], [5.0, 1.0], [3.0, 4.0]],
            [[3.0, 4.0], [5.0, 1.0], [1.0, 1.0]],
        ] {
            let mut canvas = Canvas::new([60, 60], [0.0; 2], [6.0; 2], WHITE);
            canvas.convex(&corners, [0; 3]);
            let covered = dark(&canvas.finish());
            assert!((covered - 600.0).abs() < 12.0, "{covered}");
        }
    }

    #[test]
    fn what_lies_outside_is_not_drawn() {
        let mut canvas = Canvas::new([8, 8], [0.0; 2], [1.0; 2], WHITE);
        canvas.disc([-3.0, 5.0], 1.0, [0; 3]);
        canvas.line([-9.0, -9.0], [-5.0, 99.0], 1.0, [0; 3]);
        assert!(canvas.finish().rgb.iter().all(|&v| v == 255));
    }
}
