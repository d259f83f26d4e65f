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
    fn what_lies_outside_is_not_drawn() {
        let mut canvas = Canvas::new([8, 8], [0.0; 2], [1.0; 2], WHITE);
        canvas.disc([-3.0, 5.0], 1.0, [0; 3]);
        canvas.line([-9.0, -9.0], [-5.0, 99.0], 1.0, [0; 3]);
        assert!(canvas.finish().rgb.iter().all(|&v| v == 255));
    }
}
