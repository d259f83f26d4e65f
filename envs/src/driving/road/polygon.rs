//! Rectangles that stand or move: corners, overlap by separating axes, and the overlap that traffic rules use.

use super::scalar::{Point, add, direction, dot, norm, scale, sub};

/// The corners of a rectangle in order; the first is rear left of its heading (y points down).
pub type Corners = [Point; 4];

/// What [`meet`] says of two moving polygons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contact {
    /// They overlap now.
    pub intersecting: bool,
    /// The shortest vector that moves the first out of the second, if they overlap after their displacements.
    pub translation: Option<Point>,
}

impl Contact {
    /// No contact.
    pub const NONE: Self = Self {
        intersecting: false,
        translation: None,
    };
}

/// The corners of a rectangle `length` by `width` m that is turned by the heading with unit vector `along`.
pub fn rectangle(center: Point, length: f64, width: f64, along: Point) -> Corners {
    let [c, s] = along;
    let (l, w) = (length / 2.0, width / 2.0);
    [[-l, -w], [-l, w], [l, w], [l, -w]].map(|[x, y]| add([c * x - s * y, s * x + c * y], center))
}

fn project(corners: &Corners, axis: Point) -> (f64, f64) {
    corners
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), &p| {
            let at = dot(p, axis);
            (min.min(at), max.max(at))
        })
}

/// Between two intervals; negative if they overlap.
fn gap(a: (f64, f64), b: (f64, f64)) -> f64 {
    if a.0 < b.0 { b.0 - a.1 } else { a.0 - b.1 }
}

fn center(corners: &Corners) -> Point {
    scale(corners.iter().copied().fold([0.0; 2], add), 0.25)
}

/// Whether `a` and `b` overlap, and whether they will once they have moved on by `moved_a` and `moved_b`
/// (separating axes, with the intervals of the first stretched by the relative displacement).
pub fn meet(a: &Corners, b: &Corners, moved_a: Point, moved_b: Point) -> Contact {
    let (mut intersecting, mut colliding) = (true, true);
    let mut least = f64::INFINITY;
    let mut way_out = [0.0; 2];
    let relative = sub(moved_a, moved_b);
    let apart = sub(center(a), center(b));
    for polygon in [a, b] {
        for edge in 0..4 {
            let (p1, p2) = (polygon[edge], polygon[(edge + 1) % 4]);
            let normal = [p1[1] - p2[1], p2[0] - p1[0]];
            let length = norm(normal);
            let normal = [normal[0] / length, normal[1] / length];
            let (mut span_a, span_b) = (project(a, normal), project(b, normal));
            intersecting &= gap(span_a, span_b) <= 0.0;
            let speed = dot(normal, relative);
            if speed < 0.0 {
                span_a.0 += speed;
            } else {
                span_a.1 += speed;
            }
            let distance = gap(span_a, span_b);
            colliding &= distance <= 0.0;
            if !intersecting && !colliding {
                return Contact::NONE;
            }
            if distance.abs() < least {
                least = distance.abs();
                let sign = if dot(apart, normal) > 0.0 { 1.0 } else { -1.0 };
                way_out = scale(normal, sign);
            }
        }
    }
    Contact {
        intersecting,
        translation: colliding.then(|| scale(way_out, least)),
    }
}

/// A rectangle with a heading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Footprint {
    /// Its centre.
    pub center: Point,
    /// Along the heading, in m.
    pub length: f64,
    /// Across the heading, in m.
    pub width: f64,
    /// In rad.
    pub heading: f64,
}

impl Footprint {
    /// Whether `point` is inside, as highway-env decides it: the point is turned *with* the heading rather than against it,
    /// which is right only for headings along an axis. Traffic at its intersections yields by this test.
    fn holds(&self, point: Point) -> bool {
        let [c, s] = direction(self.heading);
        let [x, y] = sub(point, self.center);
        let turned = [c * x - s * y, s * x + c * y];
        turned[0].abs() <= self.length / 2.0 && turned[1].abs() <= self.width / 2.0
    }

    /// Corners, middles of the edges and centre.
    fn marks(&self) -> [Point; 9] {
        let [c, s] = direction(self.heading);
        let (l, w) = (self.length / 2.0, self.width / 2.0);
        let own = [
            [-l, -w],
            [-l, w],
            [l, w],
            [l, -w],
            [0.0, 0.0],
            [-l, 0.0],
            [l, 0.0],
            [0.0, -w],
            [0.0, w],
        ];
        own.map(|[x, y]| add([c * x - s * y, s * x + c * y], self.center))
    }

    /// Whether one of them has a corner, the middle of an edge or its centre inside the other.
    pub fn intersects(&self, other: &Self) -> bool {
        self.marks().iter().any(|&mark| other.holds(mark))
            || other.marks().iter().any(|&mark| self.holds(mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn car(x: f64, y: f64, heading: f64) -> Corners {
        rectangle([x, y], 5.0, 2.0, direction(heading))
    }

    #[test]
    fn apart_overlapping_and_about_to_overlap() {
        let still = [0.0; 2];
        assert_eq!(
            meet(&car(0.0, 0.0, 0.0), &car(6.0, 0.0, 0.0), still, still),
            Contact::NONE
        );
        let contact = meet(&car(0.0, 0.0, 0.0), &car(4.5, 0.0, 0.0), still, still);
        assert!(contact.intersecting);
        let [x, y] = contact.translation.unwrap();
        assert!((x + 0.5).abs() < 1e-12 && y.abs() < 1e-12, "{x} {y}");
        let soon = meet(&car(0.0, 0.0, 0.0), &car(6.0, 0.0, 0.0), [2.0, 0.0], still);
        assert!(!soon.intersecting);
        assert!((soon.translation.unwrap()[0] + 1.0).abs() < 1e-12);
    }

    #[test]
    fn turned_rectangles_are_separated_by_their_own_axes() {
        let still = [0.0; 2];
        // Their bounding boxes overlap, they do not.
        let diagonal = car(0.0, 0.0, std::f64::consts::FRAC_PI_4);
        assert_eq!(meet(&diagonal, &car(4.0, -1.5, 0.0), still, still), Contact::NONE);
        assert!(meet(&diagonal, &car(3.0, 1.5, 0.0), still, still).intersecting);
    }

    #[test]
    fn footprints_along_the_axes() {
        let at = |x: f64, y: f64| Footprint {
            center: [x, y],
            length: 7.5,
            width: 1.8,
            heading: 0.0,
        };
        assert!(at(0.0, 0.0).intersects(&at(7.0, 1.0)));
        assert!(!at(0.0, 0.0).intersects(&at(8.0, 0.0)));
        assert!(!at(0.0, 0.0).intersects(&at(0.0, 2.0)));
    }
}
