//! Draws a [`DrivingView`] as a picture.

use prospect_sim::Frame;

use super::scene::{BodyView, DrivingView, Light, Marking, MarkingStyle, Place, Role, SignalView, Window};
use crate::canvas::{Canvas, Rgb};

const GRASS: Rgb = [104, 128, 92];
const KERB: Rgb = [150, 150, 146];
const ASPHALT: Rgb = [58, 61, 66];
const PAINT: Rgb = [226, 226, 218];
const MIDDLE_PAINT: Rgb = [222, 178, 64];
const ROUTE: Rgb = [70, 126, 148];
const GLASS: Rgb = [34, 40, 48];
const OUTLINE: Rgb = [24, 26, 30];
const CRASHED: Rgb = [226, 52, 44];
const REACHED: Rgb = [66, 196, 92];
const BRAKE_LIGHT: Rgb = [255, 70, 56];

/// Width of markings, in m; never less than a pixel.
const MARKING_M: f64 = 0.18;
/// Length of a dash and of the gap behind it, in m.
const DASH_M: [f64; 2] = [3.0, 4.5];
/// How far the ground beside the road is paved, in m.
const KERB_M: f64 = 0.5;

/// A picture of `size` pixels of what lies in the window.
pub fn paint(view: &DrivingView, window: Window, size: [usize; 2]) -> Frame {
    let [width, height] = window.size_m.map(|size| size.max(1e-3) / 2.0);
    let [x, y] = flip(window.centre);
    let mut painter = Painter {
        canvas: Canvas::new(size, [x - width, y - height], [x + width, y + height], GRASS),
        pixel_m: (2.0 * width / size[0].max(1) as f64).max(2.0 * height / size[1].max(1) as f64),
    };
    for (beyond, colour) in [(2.0 * KERB_M, KERB), (0.0, ASPHALT)] {
        for strip in &view.strips {
            painter.polyline(&strip.line, strip.width_m + beyond, colour);
        }
    }
    for marking in &view.markings {
        painter.marking(marking);
    }
    painter.polyline(&view.route, 0.6, ROUTE);
    for signal in &view.signals {
        painter.signal(signal);
    }
    for body in &view.bodies {
        painter.body(body);
    }
    painter.canvas.finish()
}

/// Canvases have y up.
fn flip([x, y]: Place) -> Place {
    [x, -y]
}

fn shade(colour: Rgb, factor: f64) -> Rgb {
    colour.map(|value| (f64::from(value) * factor).clamp(0.0, 255.0) as u8)
}

fn colour_of(body: &BodyView) -> Rgb {
    match body.role {
        Role::Goal if body.hit => REACHED,
        _ if body.hit => CRASHED,
        Role::Ego => [64, 214, 118],
        Role::Traffic => [104, 166, 226],
        Role::Aggressive => [236, 132, 58],
        Role::Defensive => [150, 134, 214],
        Role::Passive => [188, 192, 198],
        Role::Obstacle => [238, 190, 52],
        Role::Goal => [96, 180, 255],
    }
}

struct Painter {
    canvas: Canvas,
    /// Side of a pixel, in m.
    pixel_m: f64,
}

impl Painter {
    fn polyline(&mut self, line: &[Place], width_m: f64, colour: Rgb) {
        for pair in line.windows(2) {
            self.canvas.line(flip(pair[0]), flip(pair[1]), width_m, colour);
        }
    }

    fn marking(&mut self, marking: &Marking) {
        let width_m = MARKING_M.max(self.pixel_m);
        match marking.style {
            MarkingStyle::Solid => self.polyline(&marking.line, width_m, PAINT),
            MarkingStyle::Middle => self.polyline(&marking.line, width_m, MIDDLE_PAINT),
            MarkingStyle::Dashed => {
                for dash in dashes(&marking.line) {
                    self.polyline(&dash, width_m, PAINT);
                }
            }
        }
    }

    fn signal(&mut self, signal: &SignalView) {
        let colour = match signal.light {
            Light::Red => [232, 58, 48],
            Light::Yellow => [250, 200, 48],
            Light::Green => [60, 222, 96],
        };
        self.polyline(&signal.line, 0.9_f64.max(2.0 * self.pixel_m), colour);
    }

    fn body(&mut self, body: &BodyView) {
        let colour = colour_of(body);
        let half = [body.length_m / 2.0, body.width_m / 2.0];
        match body.role {
            Role::Goal => self.frame(body, half, colour),
            Role::Obstacle => {
                self.rectangle(
                    body,
                    [0.0, 0.0],
                    half.map(|side| side + 0.6 * self.pixel_m),
                    0.2,
                    OUTLINE,
                );
                self.rectangle(body, [0.0, 0.0], half, 0.2, colour);
            }
            _ => self.vehicle(body, half, colour),
        }
    }

    /// The outline of a place to reach, with a wedge that shows its direction.
    fn frame(&mut self, body: &BodyView, half: [f64; 2], colour: Rgb) {
        let width_m = 0.3_f64.max(1.5 * self.pixel_m);
        let corners = [[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]];
        let outline: Vec<_> = corners
            .iter()
            .map(|c| along(body, [c[0] * half[0], c[1] * half[1]]))
            .collect();
        self.polyline(&outline, width_m, colour);
        let wedge = [[0.55, 0.0], [-0.1, 0.6], [-0.1, -0.6]];
        self.polygon(body, half, &wedge, colour);
    }

    /// Body, windscreen, rear window and, brightest where it goes, a bonnet that tapers.
    fn vehicle(&mut self, body: &BodyView, half: [f64; 2], colour: Rgb) {
        let rounding = 0.3 * body.width_m;
        self.rectangle(
            body,
            [0.0, 0.0],
            half.map(|side| side + 0.6 * self.pixel_m),
            rounding,
            OUTLINE,
        );
        self.rectangle(body, [0.0, 0.0], half, rounding, colour);
        self.polygon(
            body,
            half,
            &[[0.42, 0.72], [0.42, -0.72], [0.12, -0.62], [0.12, 0.62]],
            GLASS,
        );
        self.polygon(
            body,
            half,
            &[[-0.5, 0.62], [-0.5, -0.62], [-0.72, -0.66], [-0.72, 0.66]],
            GLASS,
        );
        self.polygon(
            body,
            half,
            &[[0.96, 0.0], [0.56, 0.5], [0.56, -0.5]],
            shade(colour, 1.28),
        );
        if body.braking {
            for side in [-0.62, 0.62] {
                let light = [-0.92 * half[0], side * half[1]];
                self.rectangle(body, light, [0.25, 0.3], 0.1, BRAKE_LIGHT);
            }
        }
    }

    /// A rectangle that is turned as the body is; `offset` and `half` are in m along and across it.
    fn rectangle(&mut self, body: &BodyView, offset: Place, half: [f64; 2], rounding: f64, colour: Rgb) {
        let centre = flip(along(body, offset));
        self.canvas
            .turned_rectangle(centre, -body.heading, half, rounding, colour);
    }

    /// A convex polygon whose corners are given in half lengths and half widths of the body.
    fn polygon(&mut self, body: &BodyView, half: [f64; 2], corners: &[Place], colour: Rgb) {
        let corners: Vec<_> = corners
            .iter()
            .map(|corner| flip(along(body, [corner[0] * half[0], corner[1] * half[1]])))
            .collect();
        self.canvas.convex(&corners, colour);
    }
}

/// The place `offset` (along, across) from the middle of a body.
fn along(body: &BodyView, offset: Place) -> Place {
    let (sin, cos) = body.heading.sin_cos();
    [
        body.centre[0] + offset[0] * cos - offset[1] * sin,
        body.centre[1] + offset[0] * sin + offset[1] * cos,
    ]
}

/// The dashes of a line, as polylines of their own.
fn dashes(line: &[Place]) -> Vec<Vec<Place>> {
    let mut dashes = Vec::new();
    let (mut inked, mut left) = (true, DASH_M[0]);
    let mut dash: Vec<Place> = line.first().copied().into_iter().collect();
    for pair in line.windows(2) {
        let span = [pair[1][0] - pair[0][0], pair[1][1] - pair[0][1]];
        let length = span[0].hypot(span[1]);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let place = [0, 1].map(|i| pair[0][i] + span[i] * done / length);
            if inked {
                dash.push(place);
                dashes.push(std::mem::take(&mut dash));
            } else {
                dash = vec![place];
            }
            inked = !inked;
            left = DASH_M[usize::from(!inked)];
        }
        left -= length - done;
        if inked {
            dash.push(pair[1]);
        }
    }
    if dash.len() > 1 {
        dashes.push(dash);
    }
    dashes
}

#[cfg(test)]
mod tests {
    use super::super::scene::Strip;
    use super::*;

    fn car(role: Role, centre: Place, heading: f64) -> BodyView {
        BodyView {
            role,
            centre,
            heading,
            length_m: 5.0,
            width_m: 2.0,
            hit: false,
            braking: false,
        }
    }

    fn pixel(frame: &Frame, x: usize, y: usize) -> Rgb {
        let first = (y * frame.width + x) * 3;
        [0, 1, 2].map(|i| frame.rgb[first + i])
    }

    #[test]
    fn what_is_south_is_below_and_what_is_east_is_to_the_right() {
        let view = DrivingView {
            bodies: vec![
                car(Role::Ego, [10.0, 0.0], 0.0),
                car(Role::Traffic, [0.0, 10.0], 0.0),
            ],
            ..DrivingView::default()
        };
        let window = Window {
            centre: [0.0, 0.0],
            size_m: [40.0, 40.0],
        };
        let frame = paint(&view, window, [200, 200]);
        let [red, green, blue] = pixel(&frame, 148, 100);
        assert!(green > red && green > blue, "the ego is green");
        let [red, green, blue] = pixel(&frame, 98, 150);
        assert!(blue > red && blue > green, "other vehicles are blue");
        assert_eq!(pixel(&frame, 50, 50), GRASS);
    }

    #[test]
    fn a_crash_is_red_and_the_road_is_dark() {
        let mut body = car(Role::Ego, [0.0, 0.0], 1.0);
        body.hit = true;
        let view = DrivingView {
            strips: vec![Strip {
                line: vec![[-20.0, 8.0], [20.0, 8.0]],
                width_m: 4.0,
            }],
            bodies: vec![body],
            ..DrivingView::default()
        };
        let window = Window {
            centre: [0.0, 0.0],
            size_m: [40.0, 40.0],
        };
        let frame = paint(&view, window, [400, 400]);
        assert_eq!(pixel(&frame, 200, 200), CRASHED);
        assert_eq!(pixel(&frame, 100, 280), ASPHALT);
    }

    #[test]
    fn dashes_cover_their_share_of_a_line() {
        let line: Vec<Place> = (0..=30).map(|i| [5.0 * f64::from(i), 0.0]).collect();
        let dashes = dashes(&line);
        assert_eq!(dashes.len(), 20);
        for (n, dash) in dashes.iter().enumerate() {
            let (first, last) = (dash[0][0], dash[dash.len() - 1][0]);
            assert!((first - 7.5 * n as f64).abs() < 1e-9);
            assert!((last - first - 3.0).abs() < 1e-9);
        }
    }
}
