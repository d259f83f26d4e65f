//! `LidarObservation`: per direction the nearest obstacle's distance and its speed along the ray.

use std::f64::consts::{FRAC_PI_2, TAU};

use prospect_sim::{Dtype, Field, FieldsMut};

use super::{Observer, ObserverScratch};
use crate::driving::road::polygon::{Corners, rectangle};
use crate::driving::road::scalar::{Point, direction, dot, norm, scale, sub};
use crate::driving::scene::View;
use crate::options::OptionReader;
use crate::registry::RegistryError;

/// A solid rectangle that reflects rays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// Its centre.
    pub(super) position: Point,
    /// In m/s.
    pub(super) velocity: Point,
    /// In rad.
    pub(super) heading: f64,
    /// Along its heading, in m.
    pub(super) length: f64,
    /// Across its heading, in m.
    pub(super) width: f64,
}

/// A lidar: so many rays all around, evenly spaced, fixed to the world and not to the vehicle.
#[derive(Debug, Clone, PartialEq)]
pub struct Lidar {
    /// Rays; the first points along x.
    pub cells: usize,
    /// How far it sees, in m.
    pub maximum_range: f64,
    /// Whether distances and speeds are divided by the range.
    pub normalize: bool,
}

impl Default for Lidar {
    fn default() -> Self {
        Self {
            cells: 16,
            maximum_range: 60.0,
            normalize: true,
        }
    }
}

impl Lidar {
    /// The observer that options describe.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        let default = Self::default();
        Ok(Self {
            cells: options.integer("cells", default.cells, 1..=10_000)?,
            maximum_range: options.number("maximum_range", default.maximum_range, 1e-3..=1e6)?,
            normalize: options.flag("normalize", default.normalize)?,
        })
    }

    /// Fills `grid`, `[cells, 2]`: distance in m and approach in m/s (negative: it comes nearer), each divided by the range if
    /// so wanted. Values are rounded to f32 as they are found, because the package compares with what it has stored.
    pub(super) fn trace(
        &self,
        origin: Point,
        velocity: Point,
        targets: impl Iterator<Item = Target>,
        grid: &mut [f32],
    ) {
        grid.fill(self.maximum_range as f32);
        for target in targets {
            self.mark(origin, velocity, &target, grid);
        }
        if self.normalize {
            let range = self.maximum_range as f32;
            for value in grid.iter_mut() {
                *value /= range;
            }
        }
    }

    /// Between two rays, in rad.
    fn spacing(&self) -> f64 {
        TAU / self.cells as f64
    }

    fn angle(&self, from: Point, to: Point) -> f64 {
        let [x, y] = sub(to, from);
        y.atan2(x) + self.spacing() / 2.0
    }

    fn cell(&self, angle: f64) -> usize {
        ((angle / self.spacing()).floor() as i64).rem_euclid(self.cells as i64) as usize
    }

    fn ray(&self, cell: usize) -> Point {
        direction(cell as f64 * self.spacing())
    }

    /// Marks a target in the cell of its centre and in all cells that it covers.
    fn mark(&self, origin: Point, velocity: Point, target: &Target, grid: &mut [f32]) {
        let center_distance = norm(sub(target.position, origin));
        if center_distance > self.maximum_range {
            return;
        }
        let mut offer = |cell: usize, distance: f64| {
            if distance <= f64::from(grid[2 * cell]) {
                let approach = dot(sub(target.velocity, velocity), self.ray(cell));
                grid[2 * cell] = distance as f32;
                grid[2 * cell + 1] = approach as f32;
            }
        };
        let center = self.cell(self.angle(origin, target.position));
        offer(center, center_distance - target.width / 2.0);
        let along = direction(target.heading);
        let corners = rectangle(target.position, target.length, target.width, along);
        let angles = corners.map(|corner| self.angle(origin, corner));
        let (mut first, mut last) = angles
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &a| {
                (low.min(a), high.max(a))
            });
        if first < -FRAC_PI_2 && FRAC_PI_2 < last {
            // Behind the origin, where angles jump by a turn.
            (first, last) = (last, first + TAU);
        }
        let (start, end) = (self.cell(first), self.cell(last));
        let covered = if start < end {
            start..end + 1
        } else {
            start..self.cells + end + 1
        };
        for cell in covered {
            let cell = cell % self.cells;
            let reach = scale(self.ray(cell), self.maximum_range);
            offer(cell, distance_along(origin, reach, &corners));
        }
    }
}

/// What reflects: all vehicles but `ego`, then all obstacles.
fn targets<'a>(view: &View<'a>, ego: usize) -> impl Iterator<Item = Target> + use<'a> {
    let vehicles = view.bodies.iter().zip(view.params).enumerate();
    let vehicles = vehicles
        .filter(move |(i, _)| *i != ego)
        .map(|(_, (body, params))| Target {
            position: body.position,
            velocity: scale(direction(body.heading), body.speed),
            heading: body.heading,
            length: params.length,
            width: params.width,
        });
    let obstacles = view.objects.iter().filter(|object| object.solid);
    let obstacles = obstacles.map(|object| Target {
        position: object.position,
        velocity: scale(direction(object.heading), object.speed),
        heading: object.heading,
        length: object.length,
        width: object.width,
    });
    vehicles.chain(obstacles)
}

impl Observer for Lidar {
    fn fields(&self) -> Vec<Field> {
        let high = if self.normalize { 1.0 } else { self.maximum_range };
        vec![Field::new(
            "observation",
            Dtype::F32,
            &[self.cells, 2],
            -high,
            high,
        )]
    }

    fn observe(
        &self,
        view: &View<'_>,
        agent: usize,
        _: &mut ObserverScratch,
        out: &mut FieldsMut<'_>,
        actor: usize,
    ) {
        let width = 2 * self.cells;
        let Some(values) = out.first_mut().and_then(|field| field.data.as_f32()) else {
            return;
        };
        let ego = view.ego(agent);
        let grid = &mut values[actor * width..(actor + 1) * width];
        self.trace(
            view.bodies[ego].position,
            view.velocity(ego),
            targets(view, ego),
            grid,
        );
    }
}

/// From `origin` to the rectangle along the segment to `origin + reach`, in m; infinite if it is not hit.
fn distance_along(origin: Point, reach: Point, corners: &Corners) -> f64 {
    let axis = |to: Point| {
        let edge = sub(to, corners[0]);
        let length = norm(edge);
        ([edge[0] / length, edge[1] / length], to)
    };
    // Per axis of the rectangle: which part of the segment lies between its two sides.
    let part = |(axis, to): (Point, Point)| {
        let advance = dot(reach, axis);
        let near = dot(sub(corners[0], origin), axis) / advance;
        let far = dot(sub(to, origin), axis) / advance;
        if advance >= 0.0 { (near, far) } else { (far, near) }
    };
    let across = part(axis(corners[1]));
    let along = part(axis(corners[3]));
    let overlap = |a: (f64, f64), b: (f64, f64)| (if a.0 < b.0 { b.0 - a.1 } else { a.0 - b.1 }) <= 0.0;
    if overlap(across, along) && overlap((0.0, 1.0), across) && overlap((0.0, 1.0), along) {
        across.0.max(along.0) * norm(reach)
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn car(position: Point, velocity: Point) -> Target {
        Target {
            position,
            velocity,
            heading: 0.0,
            length: 5.0,
            width: 2.0,
        }
    }

    #[test]
    fn a_car_ahead_reflects_the_first_ray() {
        let lidar = Lidar {
            normalize: false,
            ..Lidar::default()
        };
        let mut grid = [0.0; 32];
        let ahead = car([20.0, 0.0], [18.0, 0.0]);
        lidar.trace([0.0; 2], [25.0, 0.0], std::iter::once(ahead), &mut grid);
        // The rear bumper is nearer than the centre less half a width.
        assert_eq!(grid[..4], [17.5, -7.0, 60.0, 60.0]);
        let behind = car([-20.0, 0.0], [18.0, 0.0]);
        lidar.trace([0.0; 2], [25.0, 0.0], std::iter::once(behind), &mut grid);
        assert_eq!(grid[16..18], [17.5, 7.0]);
        lidar.trace(
            [0.0; 2],
            [25.0, 0.0],
            std::iter::once(car([60.1, 0.0], [0.0; 2])),
            &mut grid,
        );
        assert!(grid.iter().all(|&value| value == 60.0));
    }
}
