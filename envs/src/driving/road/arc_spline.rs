//! A curve of straights and circular arcs without kinks: exact lengths, and projections in closed form.

use std::f64::consts::PI;

use super::scalar::Point;

/// What rounding may add to a distance, in m.
const SLACK_M: f64 = 1e-6;
/// Curvatures below this, in 1/m, are straight: over a kilometre they turn by a microradian.
const STRAIGHT: f64 = 1e-9;

/// One straight or arc.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArcPiece {
    /// Distance along the curve where it starts, in m.
    start_m: f64,
    length_m: f64,
    origin: Point,
    /// Direction at its start: angle in rad, and as a unit vector.
    heading: f64,
    direction: Point,
    /// In 1/m; positive turns from x towards y.
    curvature: f64,
    /// A circle around it: its middle and half its length.
    middle: Point,
    /// Where it ends, and its direction there as a unit vector.
    end: Point,
    end_direction: Point,
}

/// Metres ahead of `origin` and to its side, in a direction.
fn local(origin: Point, [cos, sin]: Point, point: Point) -> Point {
    let [x, y] = [point[0] - origin[0], point[1] - origin[1]];
    [x * cos + y * sin, y * cos - x * sin]
}

/// Without the care of `hypot` for numbers that no road has.
fn length([x, y]: Point) -> f64 {
    (x * x + y * y).sqrt()
}

/// The first of the items whose measure is least, each measured once.
fn first_least<T>(items: &[T], measure: impl Fn(&T) -> f64) -> Option<&T> {
    let measured = items.iter().map(|item| (measure(item), item));
    measured.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, item)| item)
}

/// Pieces in a row, and a box around them: most of a long curve is too far away to look at.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Chunk {
    first: usize,
    count: usize,
    low: Point,
    high: Point,
}

/// Pieces of a [`Chunk`].
const CHUNK: usize = 16;

impl Chunk {
    fn of(first: usize, piece: &ArcPiece) -> Self {
        let [low, high] = piece.bounds();
        Self {
            first,
            count: 1,
            low,
            high,
        }
    }

    fn add(&mut self, piece: &ArcPiece) {
        let [low, high] = piece.bounds();
        self.count += 1;
        self.low = [0, 1].map(|axis| self.low[axis].min(low[axis]));
        self.high = [0, 1].map(|axis| self.high[axis].max(high[axis]));
    }

    fn pieces<'a>(&self, all: &'a [ArcPiece]) -> &'a [ArcPiece] {
        &all[self.first..self.first + self.count]
    }

    /// Squared distance to the box, in m².
    fn away_squared(&self, point: Point) -> f64 {
        let [x, y] = [0, 1].map(|axis| {
            let outside = (self.low[axis] - point[axis]).max(point[axis] - self.high[axis]);
            outside.max(0.0)
        });
        x * x + y * y
    }
}

impl ArcPiece {
    fn new(start_m: f64, origin: Point, heading: f64, curvature: f64, length_m: f64) -> Self {
        let (sin, cos) = heading.sin_cos();
        let piece = Self {
            start_m,
            length_m,
            origin,
            heading,
            direction: [cos, sin],
            curvature: if curvature.abs() < STRAIGHT {
                0.0
            } else {
                curvature
            },
            middle: origin,
            end: origin,
            end_direction: [cos, sin],
        };
        let (sin, cos) = piece.heading_at(length_m).sin_cos();
        Self {
            middle: piece.position(0.5 * length_m, 0.0),
            end: piece.position(length_m, 0.0),
            end_direction: [cos, sin],
            ..piece
        }
    }

    /// `u` metres into the piece and `lateral` metres aside.
    fn position(&self, u: f64, lateral: f64) -> Point {
        let [cos, sin] = self.direction;
        let [ahead, aside] = if self.curvature == 0.0 {
            [u, lateral]
        } else {
            // Around the centre, at distance 1 / curvature aside: half angles keep the digits of long radii.
            let (half_sin, half_cos) = (0.5 * self.curvature * u).sin_cos();
            let chord = 2.0 * half_sin / self.curvature;
            [
                chord * half_cos - lateral * 2.0 * half_sin * half_cos,
                chord * half_sin + lateral * (1.0 - 2.0 * half_sin * half_sin),
            ]
        };
        [
            self.origin[0] + ahead * cos - aside * sin,
            self.origin[1] + ahead * sin + aside * cos,
        ]
    }

    /// Where along the infinite straight or the circle the point is nearest, and its distance aside. On a circle the
    /// position is within half a turn of the piece's middle.
    fn project(&self, point: Point) -> (f64, f64) {
        let [ahead, aside] = local(self.origin, self.direction, point);
        if self.curvature == 0.0 {
            return (ahead, aside);
        }
        let from_centre = 1.0 - aside * self.curvature;
        let turn = (ahead * self.curvature).atan2(from_centre);
        let expected = 0.5 * self.curvature * self.length_m;
        let turns = ((turn - expected) / (2.0 * PI)).round();
        // The distance from the circle, (1 - |c - p|) / curvature, written without the difference of large numbers.
        let excess = ahead * ahead * self.curvature + aside * (aside * self.curvature - 2.0);
        let lateral = -excess / (1.0 + length([ahead * self.curvature, from_centre]));
        ((turn - 2.0 * PI * turns) / self.curvature, lateral)
    }

    fn heading_at(&self, u: f64) -> f64 {
        self.heading + self.curvature * u
    }

    /// The smallest and the largest x and y that it may reach.
    fn bounds(&self) -> [Point; 2] {
        let reach = 0.5 * self.length_m;
        [-reach, reach].map(|reach| self.middle.map(|x| x + reach))
    }

    /// Squared distance to its middle, in m².
    fn away_squared(&self, point: Point) -> f64 {
        let [x, y] = [point[0] - self.middle[0], point[1] - self.middle[1]];
        x * x + y * y
    }
}

/// A curve of [`ArcPiece`]s.
///
/// `lateral` is positive a quarter turn from the heading, from x towards y: to the right where y points down.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ArcSpline {
    pieces: Vec<ArcPiece>,
    chunks: Vec<Chunk>,
    length_m: f64,
}

impl ArcSpline {
    /// Goes on with a piece from a point in a direction; pieces of no length are left out.
    pub fn push(&mut self, origin: Point, heading: f64, curvature: f64, length_m: f64) {
        if length_m > 0.0 {
            let piece = ArcPiece::new(self.length_m, origin, heading, curvature, length_m);
            match self.chunks.last_mut() {
                Some(chunk) if chunk.count < CHUNK => chunk.add(&piece),
                _ => self.chunks.push(Chunk::of(self.pieces.len(), &piece)),
            }
            self.pieces.push(piece);
            self.length_m += length_m;
        }
    }

    /// How long the curve is, in m.
    pub fn length_m(&self) -> f64 {
        self.length_m
    }

    /// How many straights and arcs it has.
    pub fn piece_count(&self) -> usize {
        self.pieces.len()
    }

    /// The piece at `s`, and how far into it: beyond the ends straight on.
    fn piece(&self, s: f64) -> Option<(ArcPiece, f64)> {
        let count = self.pieces.partition_point(|piece| piece.start_m <= s);
        let piece = *self.pieces.get(count.saturating_sub(1))?;
        let u = s - piece.start_m;
        let inside = u.clamp(0.0, piece.length_m);
        if u == inside {
            return Some((piece, u));
        }
        let heading = piece.heading_at(inside);
        let beyond = ArcPiece::new(0.0, piece.position(inside, 0.0), heading, 0.0, 1.0);
        Some((beyond, u - inside))
    }

    /// The point `s` metres along the curve and `lateral` metres aside; beyond the ends straight on.
    pub fn position(&self, s: f64, lateral: f64) -> Point {
        self.piece(s)
            .map_or([0.0; 2], |(piece, u)| piece.position(u, lateral))
    }

    /// Direction of the curve at `s`, in rad, not brought into one turn.
    pub fn heading_at(&self, s: f64) -> f64 {
        self.piece(s).map_or(0.0, |(piece, u)| piece.heading_at(u))
    }

    /// Distance along the curve and aside of the curve's point that is nearest; before the start and beyond the end
    /// measured along the tangents there.
    pub fn local_coordinates(&self, point: Point) -> (f64, f64) {
        let mut best = (0.0, 0.0);
        let mut nearest = f64::INFINITY;
        // No piece farther than this needs to be looked at.
        let mut bound = self.guess(point) + SLACK_M;
        for chunk in &self.chunks {
            if chunk.away_squared(point) > bound * bound {
                continue;
            }
            for piece in chunk.pieces(&self.pieces) {
                let reach = bound + 0.5 * piece.length_m;
                if piece.away_squared(point) > reach * reach {
                    continue;
                }
                let (distance, found) = self.nearest_on(piece, point);
                if distance < nearest {
                    nearest = distance;
                    bound = bound.min(distance + SLACK_M);
                    best = (piece.start_m + found.0, found.1);
                }
            }
        }
        best
    }

    /// A lower bound of the distance to the curve in m, found without a projection; below 0 if there is none.
    pub fn least_distance(&self, point: Point) -> f64 {
        let away = self.chunks.iter().map(|chunk| chunk.away_squared(point));
        away.fold(f64::INFINITY, f64::min).sqrt() - SLACK_M
    }

    /// The distance to a piece that may well be the nearest.
    fn guess(&self, point: Point) -> f64 {
        let chunk = first_least(&self.chunks, |chunk| chunk.away_squared(point));
        let pieces = chunk.map_or(&[][..], |chunk| chunk.pieces(&self.pieces));
        let piece = first_least(pieces, |piece| piece.away_squared(point));
        piece.map_or(f64::INFINITY, |piece| self.nearest_on(piece, point).0)
    }

    /// Distance of a piece, with the coordinates of its nearest point counted from its start.
    fn nearest_on(&self, piece: &ArcPiece, point: Point) -> (f64, (f64, f64)) {
        let (u, lateral) = piece.project(point);
        let inside = u.clamp(0.0, piece.length_m);
        if u == inside {
            (lateral.abs(), (u, lateral))
        } else {
            self.beside(piece, inside, point)
        }
    }

    /// Distance to an end of a piece, with the coordinates along the tangent there: how far beyond the end counts only at
    /// the ends of the whole curve.
    fn beside(&self, piece: &ArcPiece, inside: f64, point: Point) -> (f64, (f64, f64)) {
        let [ahead, aside] = if inside > 0.0 {
            local(piece.end, piece.end_direction, point)
        } else {
            local(piece.origin, piece.direction, point)
        };
        let outer = if inside > 0.0 {
            ahead > 0.0 && piece.start_m + piece.length_m >= self.length_m
        } else {
            ahead < 0.0 && piece.start_m <= 0.0
        };
        let beyond = if outer { ahead } else { 0.0 };
        (length([ahead, aside]), (inside + beyond, aside))
    }

    /// The part from `start` to `end`.
    #[must_use]
    pub fn part(&self, start: f64, end: f64) -> Self {
        let mut part = Self::default();
        for piece in &self.pieces {
            let from = (start - piece.start_m).clamp(0.0, piece.length_m);
            let to = (end - piece.start_m).clamp(0.0, piece.length_m);
            part.push(
                piece.position(from, 0.0),
                piece.heading_at(from),
                piece.curvature,
                to - from,
            );
        }
        part
    }

    /// The curve with y turned over, as maps whose y points up are drawn where it points down.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        let mut mirrored = Self::default();
        for piece in &self.pieces {
            let [x, y] = piece.origin;
            mirrored.push([x, -y], -piece.heading, -piece.curvature, piece.length_m);
        }
        mirrored
    }

    /// The smallest and the largest x and y that the curve may reach.
    pub fn bounds(&self) -> [Point; 2] {
        let mut bounds = [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]];
        for chunk in &self.chunks {
            bounds[0] = [0, 1].map(|axis| bounds[0][axis].min(chunk.low[axis]));
            bounds[1] = [0, 1].map(|axis| bounds[1][axis].max(chunk.high[axis]));
        }
        bounds
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::FRAC_PI_2;

    use super::*;

    /// 10 m along x, a quarter turn of radius 20 towards y, 5 m along y.
    fn bend() -> ArcSpline {
        let mut curve = ArcSpline::default();
        curve.push([0.0, 0.0], 0.0, 0.0, 10.0);
        curve.push([10.0, 0.0], 0.0, 0.05, 20.0 * FRAC_PI_2);
        curve.push([30.0, 20.0], FRAC_PI_2, 0.0, 5.0);
        curve
    }

    fn near(a: Point, b: Point) {
        assert!((a[0] - b[0]).hypot(a[1] - b[1]) < 1e-9, "{a:?} {b:?}");
    }

    #[test]
    fn positions_of_a_bend() {
        let curve = bend();
        assert!((curve.length_m() - (15.0 + 10.0 * PI)).abs() < 1e-12);
        near(curve.position(-2.0, 1.0), [-2.0, 1.0]);
        near(
            curve.position(10.0 + 10.0 * FRAC_PI_2, 0.0),
            [10.0 + 200.0_f64.sqrt(), 20.0 - 200.0_f64.sqrt()],
        );
        near(curve.position(10.0 + 20.0 * FRAC_PI_2, 5.0), [25.0, 20.0]);
        near(curve.position(curve.length_m() + 3.0, -1.0), [31.0, 28.0]);
        assert!((curve.heading_at(1e3) - FRAC_PI_2).abs() < 1e-12);
    }

    #[test]
    fn coordinates_are_the_inverse_of_positions() {
        for curve in [bend(), bend().mirrored()] {
            for step in -20..=500 {
                let s = 0.1 * f64::from(step);
                for lateral in [-8.0, -0.5, 0.0, 1e-3, 3.0, 8.0] {
                    let (found, aside) = curve.local_coordinates(curve.position(s, lateral));
                    assert!(
                        (found - s).abs() < 1e-9 && (aside - lateral).abs() < 1e-9,
                        "{s} {lateral}"
                    );
                }
            }
        }
    }

    #[test]
    fn long_radii_keep_their_digits() {
        let mut curve = ArcSpline::default();
        curve.push([0.0; 2], 0.3, 2e-9, 1000.0);
        let (s, lateral) = curve.local_coordinates(curve.position(700.0, 1.25));
        assert!(
            (s - 700.0).abs() < 1e-9 && (lateral - 1.25).abs() < 1e-9,
            "{s} {lateral}"
        );
    }

    #[test]
    fn parts_and_mirrors() {
        let curve = bend();
        let part = curve.part(5.0, 20.0);
        assert!((part.length_m() - 15.0).abs() < 1e-12);
        near(part.position(9.0, 2.0), curve.position(14.0, 2.0));
        let [x, y] = curve.position(14.0, 2.0);
        near(curve.mirrored().position(14.0, -2.0), [x, -y]);
        let [low, high] = curve.bounds();
        assert!(low[0] <= 0.0 && low[1] <= 0.0 && high[0] >= 30.0 && high[1] >= 25.0);
    }
}
