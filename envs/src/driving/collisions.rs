//! Collisions of vehicles with each other and with objects, in the order in which highway-env finds them.

use super::road::polygon::{Contact, Corners, meet, rectangle};
use super::road::scalar::{norm, scale, sub};
use super::traffic::Traffic;

/// With no more vehicles than this all pairs are looked at.
const FEW_VEHICLES: usize = 16;
/// With no more vehicles than this that look for collisions their pairs are looked at.
const FEW_CHECKING: usize = 4;
/// Rounding must not cut off pairs that are exactly as far apart as they may be, in m.
const SLACK: f64 = 1e-6;

impl Traffic<'_> {
    /// Finds who collides now or within the next substep. Of several impacts on a vehicle the last one counts, so pairs are
    /// visited as the package does: by the first of a pair, then by the second, objects after vehicles.
    pub fn collide(&mut self) {
        self.list_pairs();
        let n = self.vehicles.bodies.len();
        let pairs = std::mem::take(&mut self.scratch.pairs);
        for &(i, j) in &pairs {
            let (i, j) = (i as usize, j as usize);
            if j < n {
                self.collide_vehicles(i, j);
            } else {
                self.collide_object(i, j - n);
            }
        }
        self.scratch.pairs = pairs;
    }

    /// Pairs that may be near enough, in order; an object's index counts on after the vehicles'.
    fn list_pairs(&mut self) {
        let n = self.vehicles.bodies.len();
        let objects = n as u32..(n + self.vehicles.objects.len()) as u32;
        self.scratch.pairs.clear();
        let checking = self.vehicles.bodies.iter().filter(|body| body.check_collisions);
        if n <= FEW_VEHICLES {
            self.list_checking_pairs();
        } else if checking.count() <= FEW_CHECKING {
            self.list_pairs_of_checking();
        } else {
            self.list_near_pairs();
        }
        if !objects.is_empty() {
            let with_objects = (0..n as u32).flat_map(|i| objects.clone().map(move |j| (i, j)));
            self.scratch.pairs.extend(with_objects);
            self.scratch.pairs.sort_unstable();
        }
    }

    /// All pairs of which one looks for collisions.
    fn list_checking_pairs(&mut self) {
        let bodies = &self.vehicles.bodies;
        for (i, body) in bodies.iter().enumerate() {
            let others = bodies.iter().enumerate().skip(i + 1);
            let checked = others.filter(|(_, other)| body.check_collisions || other.check_collisions);
            self.scratch
                .pairs
                .extend(checked.map(|(j, _)| (i as u32, j as u32)));
        }
    }

    /// The same, for those that look for collisions one after another.
    fn list_pairs_of_checking(&mut self) {
        let bodies = &self.vehicles.bodies;
        let pairs = &mut self.scratch.pairs;
        let checking = bodies
            .iter()
            .enumerate()
            .filter(|(_, body)| body.check_collisions);
        for (i, _) in checking {
            // A pair of two that look is listed by its second.
            let others = bodies.iter().enumerate();
            let others = others.filter(|&(j, other)| j < i || (j > i && !other.check_collisions));
            pairs.extend(others.map(|(j, _)| (i.min(j) as u32, i.max(j) as u32)));
        }
        pairs.sort_unstable();
    }

    /// Pairs whose x differ by no more than the farthest-reaching pair's distance.
    fn list_near_pairs(&mut self) {
        let vehicles = &self.vehicles;
        let dt = self.rules.dt;
        let states = vehicles.bodies.iter().zip(vehicles.params);
        let (diagonal, speed) = states.fold((0.0_f64, 0.0_f64), |(diagonal, speed), (body, params)| {
            (diagonal.max(params.diagonal()), speed.max(body.speed))
        });
        let reach = diagonal + speed * dt + SLACK;
        let sweep = &mut self.scratch.sweep;
        sweep.clear();
        let places = vehicles.bodies.iter().enumerate();
        sweep.extend(places.map(|(i, body)| (body.position[0], i as u32)));
        sweep.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        for (at, &(x, i)) in sweep.iter().enumerate() {
            let near = sweep[at + 1..].iter().take_while(|other| other.0 - x <= reach);
            for &(_, j) in near {
                let checked = [i, j].map(|k| vehicles.bodies[k as usize].check_collisions);
                if checked.contains(&true) {
                    self.scratch.pairs.push((i.min(j), i.max(j)));
                }
            }
        }
        self.scratch.pairs.sort_unstable();
    }

    fn corners(&self, i: usize) -> Corners {
        let (body, params) = (&self.vehicles.bodies[i], &self.vehicles.params[i]);
        rectangle(
            body.position,
            params.length,
            params.width,
            self.scratch.index.along(i),
        )
    }

    #[inline]
    fn collide_vehicles(&mut self, i: usize, j: usize) {
        let vehicles = &self.vehicles;
        let (first, second) = (&vehicles.bodies[i], &vehicles.bodies[j]);
        let dt = self.rules.dt;
        // Most pairs are too far apart along x already: a diagonal is shorter than two sides.
        let sides = |k: usize| vehicles.params[k].length + vehicles.params[k].width;
        let most = f64::midpoint(sides(i), sides(j)) + first.speed.abs() * dt + SLACK;
        if (second.position[0] - first.position[0]).abs() > most {
            return;
        }
        let reach =
            f64::midpoint(vehicles.params[i].diagonal(), vehicles.params[j].diagonal()) + first.speed * dt;
        if norm(sub(second.position, first.position)) > reach {
            return;
        }
        let index = &self.scratch.index;
        let moved =
            [(i, first.speed), (j, second.speed)].map(|(k, speed)| scale(scale(index.along(k), speed), dt));
        let contact = meet(&self.corners(i), &self.corners(j), moved[0], moved[1]);
        let bodies = &mut self.vehicles.bodies;
        if let Some(translation) = contact.translation {
            bodies[i].impact = Some(scale(translation, 0.5));
            bodies[j].impact = Some(scale(translation, -0.5));
        }
        if contact.intersecting {
            bodies[i].crashed = true;
            bodies[j].crashed = true;
        }
    }

    fn collide_object(&mut self, i: usize, o: usize) {
        let vehicles = &mut self.vehicles;
        let (body, object) = (&vehicles.bodies[i], &vehicles.objects[o]);
        if !(body.check_collisions || object.check_collisions) {
            return;
        }
        let dt = self.rules.dt;
        let reach = f64::midpoint(vehicles.params[i].diagonal(), object.diagonal()) + body.speed * dt;
        if norm(sub(object.position, body.position)) > reach {
            return;
        }
        let index = &self.scratch.index;
        let along = index.along(vehicles.bodies.len() + o);
        let moved = scale(scale(index.along(i), body.speed), dt);
        let object_moved = scale(scale(along, object.speed), dt);
        let other = rectangle(object.position, object.length, object.width, along);
        let Contact {
            intersecting,
            translation,
        } = meet(&self.corners(i), &other, moved, object_moved);
        let (body, object) = (&mut self.vehicles.bodies[i], &mut self.vehicles.objects[o]);
        if !object.solid {
            object.hit |= intersecting;
            return;
        }
        if translation.is_some() {
            body.impact = translation;
        }
        if intersecting {
            body.crashed = true;
            object.crashed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::driving::road::RoadNetwork;
    use crate::driving::vehicle::{Kind, RoadObject, Vehicle};
    use crate::driving::{Fleet, Rules, Scratch};

    /// highway-env's order: each vehicle with all later ones, then with all objects.
    fn collide_plainly(traffic: &mut Traffic<'_>) {
        let n = traffic.vehicles.bodies.len();
        for i in 0..n {
            for j in i + 1..n {
                let checked = [i, j].map(|k| traffic.vehicles.bodies[k].check_collisions);
                if checked.contains(&true) {
                    traffic.collide_vehicles(i, j);
                }
            }
            for o in 0..traffic.vehicles.objects.len() {
                traffic.collide_object(i, o);
            }
        }
    }

    fn collide_sorted(traffic: &mut Traffic<'_>) {
        traffic.collide();
    }

    fn run(fleet: &mut Fleet, network: &RoadNetwork, collide: impl FnOnce(&mut Traffic<'_>)) {
        let mut scratch = Scratch::default();
        let mut traffic = Traffic {
            network,
            rules: Rules {
                dt: 0.2,
                connected_lanes: false,
                regulated: false,
            },
            vehicles: fleet.view(),
            scratch: &mut scratch,
        };
        traffic.look();
        collide(&mut traffic);
    }

    proptest! {
        #[test]
        fn near_pairs_collide_as_all_pairs_do(
            states in proptest::collection::vec((0.0..60.0_f64, 0.0..12.0_f64, -3.0..3.0_f64, -10.0..30.0_f64, any::<bool>()), 2..40),
            objects in proptest::collection::vec((0.0..60.0_f64, any::<bool>()), 0..3),
        ) {
            let mut builder = RoadNetwork::builder();
            builder.add_straight_road(4, 1000.0, 30.0);
            let network = builder.build().unwrap();
            let mut fleet = Fleet::default();
            for &(x, y, heading, speed, checks) in &states {
                let mut vehicle = Vehicle::new(&network, Kind::Idm, [x, y], heading, speed);
                vehicle.body.check_collisions = checks;
                fleet.push(vehicle);
            }
            for &(x, solid) in &objects {
                let object = RoadObject::obstacle(&network, [x, 4.0], 0.5);
                fleet.objects.push(RoadObject { solid, ..object });
            }
            let mut plain = fleet.clone();
            run(&mut fleet, &network, collide_sorted);
            run(&mut plain, &network, collide_plainly);
            prop_assert_eq!(fleet, plain);
        }
    }
}
