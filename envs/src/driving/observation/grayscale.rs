//! `GrayscaleObservation`: what the package draws of the scene about the vehicle, in grey, the last few pictures of it.
//!
//! The picture is drawn by a rasteriser of our own after the package's rules: the same ground, the same dashes at the same
//! places, vehicles as rectangles of the same colours with the same dark outlines, the same truncation to whole pixels. It is not
//! equal to pygame's pixel by pixel: turned rectangles are sampled in another way, wheels and roofs are left out.

use prospect_sim::{Dtype, Field, FieldsMut};

use super::{Observer, ObserverScratch};
use crate::driving::road::scalar::Point;
use crate::driving::road::{Lane, LineType};
use crate::driving::scene::View;
use crate::driving::vehicle::Kind;
use crate::options::OptionReader;
use crate::registry::RegistryError;

/// Red, green, blue.
type Rgb = [f64; 3];

const GROUND: Rgb = [100.0; 3];
const PAINT: Rgb = [255.0; 3];
const OUTLINE: Rgb = [60.0; 3];
const CRASHED: Rgb = [255.0, 100.0, 100.0];
const TRAFFIC: Rgb = [100.0, 200.0, 255.0];
const CONTROLLED: Rgb = [50.0, 200.0, 0.0];
const OTHER: Rgb = [200.0, 200.0, 0.0];

/// From one dash to the next, in m.
const SPACING_M: f64 = 4.33;
/// Length of a dash, in m.
const DASH_M: f64 = 3.0;
/// Width of a line, in m; at least a pixel.
const LINE_M: f64 = 0.3;
/// Room for wheels at each end of a vehicle, in m.
const WHEEL_M: f64 = 1.0;
/// Smaller headings are drawn as none, in rad.
const LEAST_TURN: f64 = 2.0 * std::f64::consts::PI / 180.0;
/// Vehicles further outside of the picture than this are not drawn, in pixels.
const BEYOND: i64 = 50;

/// The largest side of a picture, in pixels.
const MAX_SIDE: usize = 512;
/// The most pictures in a stack.
const MAX_STACK: usize = 16;

/// A stack of grey pictures, `[stack_size, width, height]` bytes, the newest last. Before the first step of an episode all
/// but the newest are black.
#[derive(Debug, Clone, PartialEq)]
pub struct Grayscale {
    /// Width and height of a picture, in pixels.
    pub observation_shape: [usize; 2],
    /// Pictures in the stack.
    pub stack_size: usize,
    /// How much red, green and blue count.
    pub weights: Rgb,
    /// Pixels per m.
    pub scaling: f64,
    /// Where in the picture the own vehicle is, as shares of width and height.
    pub centering_position: [f64; 2],
}

impl Default for Grayscale {
    fn default() -> Self {
        Self {
            observation_shape: [84, 84],
            stack_size: 4,
            weights: [0.2989, 0.5870, 0.1140],
            scaling: 5.5,
            centering_position: [0.3, 0.5],
        }
    }
}

impl Grayscale {
    /// The observer that options describe.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        let default = Self::default();
        let sides = default.observation_shape.map(|side| side as f64);
        let sides: [f64; 2] = numbers(options, "observation_shape", sides)?;
        let fits = |side: &f64| side.fract() == 0.0 && (1.0..=MAX_SIDE as f64).contains(side);
        if !sides.iter().all(fits) {
            let expected = format!("[width, height] in whole pixels from 1 to {MAX_SIDE}");
            return Err(options.refuse("observation_shape", &expected));
        }
        Ok(Self {
            observation_shape: sides.map(|side| side as usize),
            stack_size: options.integer("stack_size", default.stack_size, 1..=MAX_STACK)?,
            weights: numbers(options, "weights", default.weights)?,
            scaling: options.number("scaling", default.scaling, 0.1..=100.0)?,
            centering_position: numbers(options, "centering_position", default.centering_position)?,
        })
    }

    /// Bytes of one picture.
    fn area(&self) -> usize {
        self.observation_shape[0] * self.observation_shape[1]
    }

    fn grey(&self, colour: Rgb) -> u8 {
        let sum: f64 = colour
            .iter()
            .zip(self.weights)
            .map(|(value, weight)| value * weight)
            .sum();
        sum.clamp(0.0, 255.0) as u8
    }
}

/// `N` numbers under `key`.
fn numbers<const N: usize>(
    options: &mut OptionReader<'_>,
    key: &'static str,
    default: [f64; N],
) -> Result<[f64; N], RegistryError> {
    let numbers = options.numbers(key, &default, N..=N)?;
    Ok(numbers.try_into().unwrap_or(default))
}

impl Observer for Grayscale {
    fn fields(&self) -> Vec<Field> {
        let [width, height] = self.observation_shape;
        let shape = [self.stack_size, width, height];
        vec![Field::new("observation", Dtype::U8, &shape, 0.0, 255.0)]
    }

    fn stack(&self) -> Option<[usize; 2]> {
        Some([self.stack_size, self.area()])
    }

    fn picture(&self, view: &View<'_>, agent: usize, out: &mut [u8]) {
        let [width, height] = self.observation_shape;
        let position = view.ego_body(agent).position;
        let mut canvas = Canvas {
            grey: |colour| self.grey(colour),
            origin: [
                position[0] - self.centering_position[0] * width as f64 / self.scaling,
                position[1] - self.centering_position[1] * height as f64 / self.scaling,
            ],
            scaling: self.scaling,
            size: [width, height],
            pixels: out,
        };
        canvas.draw(view);
    }

    fn observe(
        &self,
        view: &View<'_>,
        agent: usize,
        _: &mut ObserverScratch,
        out: &mut FieldsMut<'_>,
        actor: usize,
    ) {
        let width = self.stack_size * self.area();
        let Some(values) = out.first_mut().and_then(|field| field.data.as_u8()) else {
            return;
        };
        if let Some(stack) = view.pictures.get(agent * width..(agent + 1) * width) {
            values[actor * width..(actor + 1) * width].copy_from_slice(stack);
        }
    }
}

/// A picture in the making: pixels `[width, height]`.
struct Canvas<'a, G> {
    grey: G,
    /// The place of pixel 0, 0.
    origin: Point,
    /// Pixels per m.
    scaling: f64,
    size: [usize; 2],
    pixels: &'a mut [u8],
}

impl<G: Fn(Rgb) -> u8> Canvas<'_, G> {
    fn draw(&mut self, view: &View<'_>) {
        let ground = (self.grey)(GROUND);
        self.pixels.fill(ground);
        for lane in view.network.lanes() {
            self.lane(view.network.lane(lane));
        }
        for object in view.objects {
            let colour = match (object.solid, object.crashed, object.hit) {
                (true, false, _) => OTHER,
                (true, true, _) => CRASHED,
                (false, _, false) => TRAFFIC,
                (false, _, true) => CONTROLLED,
            };
            let stamp = Stamp::object(self.scaling, [object.length, object.width]);
            self.stamp(&stamp, object.position, object.heading, colour);
        }
        for (i, body) in view.bodies.iter().enumerate() {
            let [x, y] = self.pixel(body.position);
            let [width, height] = self.size.map(|side| side as i64 + BEYOND);
            if x <= -BEYOND || x >= width || y <= -BEYOND || y >= height {
                continue;
            }
            let colour = match view.drivers[i].kind {
                _ if body.crashed => CRASHED,
                Kind::Idm => TRAFFIC,
                Kind::Meta => CONTROLLED,
                _ => OTHER,
            };
            let size = [view.params[i].length, view.params[i].width];
            self.stamp(
                &Stamp::vehicle(self.scaling, size),
                body.position,
                body.heading,
                colour,
            );
        }
    }

    /// The pixel of a place; whole pixels are cut off towards the origin.
    fn pixel(&self, place: Point) -> [i64; 2] {
        [0, 1].map(|i| ((place[i] - self.origin[i]) * self.scaling) as i64)
    }

    fn set(&mut self, x: i64, y: i64, grey: u8) {
        let [width, height] = self.size;
        if (0..width as i64).contains(&x) && (0..height as i64).contains(&y) {
            self.pixels[x as usize * height + y as usize] = grey;
        }
    }

    /// The lines of a lane: as many pieces as could be seen, from a whole number of spacings on.
    fn lane(&mut self, lane: &Lane) {
        let reach_m = 2.0 * (self.size[0] + self.size[1]) as f64 / self.scaling;
        let count = (reach_m / SPACING_M) as i64;
        let (s, _) = lane.local_coordinates(self.origin);
        let first = ((s.trunc() / SPACING_M).floor() - (count / 2) as f64) * SPACING_M;
        for (line, side) in lane.lines().into_iter().zip([-0.5, 0.5]) {
            let (pieces, length) = match line {
                LineType::None => continue,
                LineType::Striped => (count, DASH_M),
                LineType::Continuous => (count, SPACING_M),
                LineType::ContinuousLine => (1, count as f64 * SPACING_M + DASH_M),
            };
            for piece in 0..pieces {
                let start = first + piece as f64 * SPACING_M;
                let lateral = side * lane.width_at(start);
                let ends = [start, start + length].map(|s| s.clamp(0.0, lane.length()));
                if ends[1] - ends[0] > 0.5 * DASH_M {
                    self.line(ends.map(|s| lane.position(s, lateral)));
                }
            }
        }
    }

    /// A straight line between the pixels of two places, as thick as a line is wide.
    fn line(&mut self, ends: [Point; 2]) {
        let [from, to] = ends.map(|end| self.pixel(end));
        let width = ((LINE_M * self.scaling) as i64).max(1);
        let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
        let steps = dx.abs().max(dy.abs());
        let [wide, high] = self.size.map(|side| side as i64 + width);
        let outside = |a: i64, b: i64, end: i64| a.max(b) < -width || a.min(b) > end;
        if outside(from[0], to[0], wide) || outside(from[1], to[1], high) {
            return;
        }
        let grey = (self.grey)(PAINT);
        for step in 0..=steps {
            let share = if steps == 0 {
                0.0
            } else {
                step as f64 / steps as f64
            };
            let x = from[0] + (share * dx as f64).round() as i64;
            let y = from[1] + (share * dy as f64).round() as i64;
            for offset in 0..width {
                let offset = offset - (width - 1) / 2;
                if dx.abs() >= dy.abs() {
                    self.set(x, y + offset, grey);
                } else {
                    self.set(x + offset, y, grey);
                }
            }
        }
    }

    /// A stamp turned about its middle, which comes to lie on a place.
    fn stamp(&mut self, stamp: &Stamp, place: Point, heading: f64, colour: Rgb) {
        let heading = if heading.abs() > LEAST_TURN { heading } else { 0.0 };
        let (sin, cos) = heading.sin_cos();
        let middle = self.pixel(place);
        let half = stamp.side as f64 / 2.0;
        let reach = (half * (sin.abs() + cos.abs())).ceil() as i64 + 1;
        let colours = [
            colour,
            OUTLINE,
            colour.map(|value| (value / 0.68).floor().min(255.0)),
        ];
        let greys = colours.map(&self.grey);
        for dx in -reach..reach {
            for dy in -reach..reach {
                let [x, y] = [dx as f64 + 0.5, dy as f64 + 0.5];
                let own = [x * cos + y * sin + half, y * cos - x * sin + half];
                if let Some(part) = stamp.part(own.map(|value| value.floor() as i64)) {
                    self.set(middle[0] + dx, middle[1] + dy, greys[part as usize]);
                }
            }
        }
    }
}

/// What a pixel of a stamp shows.
#[derive(Clone, Copy)]
enum Part {
    Body,
    Outline,
    Light,
}

/// A rectangle `[x, y, width, height]` in pixels.
type Area = [i64; 4];

/// A vehicle or object as it is drawn heading along x: a square of pixels with a rectangle in it.
struct Stamp {
    side: i64,
    body: Area,
    lights: [Area; 2],
}

impl Stamp {
    fn vehicle(scaling: f64, [length, width]: [f64; 2]) -> Self {
        let pixels = |size: f64| (size * scaling) as i64;
        let whole = length + 2.0 * WHEEL_M;
        let light = |y: f64| [WHEEL_M + length - 0.72, y, 0.72, 0.6].map(pixels);
        Self {
            side: pixels(whole),
            body: [WHEEL_M, whole / 2.0 - width / 2.0, length, width].map(pixels),
            lights: [
                light(whole / 2.0 - 1.4 * width / 3.0),
                light(whole / 2.0 + 0.6 * width / 5.0),
            ],
        }
    }

    fn object(scaling: f64, [length, width]: [f64; 2]) -> Self {
        let pixels = |size: f64| (size * scaling) as i64;
        Self {
            side: pixels(length),
            body: [0.0, length / 2.0 - width / 2.0, length, width].map(pixels),
            lights: [[0; 4]; 2],
        }
    }

    fn part(&self, at: [i64; 2]) -> Option<Part> {
        let inside = |[x, y, width, height]: Area, border: i64| {
            (x + border..x + width - border).contains(&at[0])
                && (y + border..y + height - border).contains(&at[1])
        };
        if !inside(self.body, 0) || !inside([0, 0, self.side, self.side], 0) {
            None
        } else if !inside(self.body, 1) {
            Some(Part::Outline)
        } else if self.lights.iter().any(|&light| inside(light, 0)) {
            Some(Part::Light)
        } else {
            Some(Part::Body)
        }
    }
}
