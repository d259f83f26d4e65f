//! Right of way: conflicts on the way ahead are foreseen and the vehicle of lower priority stops.

use super::road::RouteStep;
use super::road::polygon::Footprint;
use super::road::scalar::{Point, dot, norm, sub};
use super::traffic::Traffic;
use super::vehicle::Kind;

/// Rounds of regulation per s.
const FREQUENCY_HZ: f64 = 2.0;
/// How long a vehicle yields at least, in s.
const YIELD_S: f64 = 0.0;
/// How many predictions are made, 0.25 s apart.
const N_PREDICTIONS: usize = 11;
const PREDICTION_STEP_S: f64 = 0.25;

/// Places and headings to come.
type Prediction = [(Point, f64); N_PREDICTIONS];

impl Traffic<'_> {
    /// Counts the substep, and resolves conflicts when it is time.
    pub(super) fn regulate(&mut self, clock: &mut u32) {
        *clock += 1;
        let period = (1.0 / self.rules.dt / FREQUENCY_HZ) as u32;
        if clock.is_multiple_of(period.max(1)) {
            self.release_yielding();
            self.resolve_conflicts();
        }
    }

    fn release_yielding(&mut self) {
        let vehicles = &mut self.vehicles;
        for (driver, body) in vehicles.drivers.iter_mut().zip(&*vehicles.bodies) {
            if !driver.is_yielding {
                continue;
            }
            if f64::from(driver.yield_timer) >= YIELD_S * FREQUENCY_HZ {
                driver.target_speed = self.network.lane(body.lane).speed_limit().unwrap_or(0.0);
                driver.is_yielding = false;
            } else {
                driver.yield_timer += 1;
            }
        }
    }

    fn resolve_conflicts(&mut self) {
        let n = self.vehicles.bodies.len();
        let predictions: Vec<Prediction> = (0..n).map(|i| self.predict(i)).collect();
        for i in 0..n {
            for j in i + 1..n {
                if self.conflict(i, &predictions[i], j, &predictions[j]) {
                    let yielding = self.lower_priority(i, j);
                    let driver = &mut self.vehicles.drivers[yielding];
                    if driver.kind.has_target() && driver.kind != Kind::Meta {
                        driver.target_speed = 0.0;
                        driver.is_yielding = true;
                        driver.yield_timer = 0;
                    }
                }
            }
        }
    }

    /// Where vehicle `i` will be at constant speed: along its route, or with its wheels as they are.
    fn predict(&self, i: usize) -> Prediction {
        let vehicles = &self.vehicles;
        let (body, kind) = (&vehicles.bodies[i], vehicles.drivers[i].kind);
        if !kind.has_target() {
            let mut ahead = *body;
            ahead.acceleration = 0.0;
            return std::array::from_fn(|_| {
                ahead.advance(kind, &vehicles.params[i], PREDICTION_STEP_S);
                (ahead.position, ahead.heading)
            });
        }
        let own = [RouteStep {
            road: self.network.road(body.lane),
            id: Some(self.network.id(body.lane)),
        }];
        let steps = match vehicles.routes[i].steps() {
            [] => &own,
            steps => steps,
        };
        let (s, _) = self.scratch.index.own(i);
        std::array::from_fn(|nth| {
            let time = PREDICTION_STEP_S * (nth + 1) as f64;
            self.network.along_route(steps, s + body.speed * time, body.lane)
        })
    }

    fn conflict(&self, i: usize, of_i: &Prediction, j: usize, of_j: &Prediction) -> bool {
        let params = self.vehicles.params;
        let footprint = |k: usize, (center, heading): (Point, f64)| Footprint {
            center,
            length: 1.5 * params[k].length,
            width: 0.9 * params[k].width,
            heading,
        };
        of_i.iter().zip(of_j).any(|(&at_i, &at_j)| {
            norm(sub(at_j.0, at_i.0)) <= params[i].length
                && footprint(i, at_i).intersects(&footprint(j, at_j))
        })
    }

    /// The one whose lane has the lower priority, or the one behind.
    fn lower_priority(&self, i: usize, j: usize) -> usize {
        let bodies = &self.vehicles.bodies;
        let [of_i, of_j] = [i, j].map(|k| self.network.lane(bodies[k].lane).priority());
        if of_i != of_j {
            return if of_i > of_j { j } else { i };
        }
        let index = &self.scratch.index;
        let ahead =
            |of: usize, other: usize| dot(index.along(of), sub(bodies[other].position, bodies[of].position));
        if ahead(i, j) > ahead(j, i) { i } else { j }
    }
}
