//! The vehicles of one scene while they drive: one substep in highway-env's order.
//!
//! In a substep every vehicle decides, in the order of the list; then every vehicle moves, in the same order; then pairs of
//! vehicles and objects collide. A decision may read targets that earlier vehicles of the list have just changed, so the
//! order is part of the result.

use super::episode::Episode;
use super::neighbours::{LaneIndex, Neighbours};
use super::road::RoadNetwork;
use super::road::scalar::{Point, direction};
use super::road::{LaneIx, Route};
use super::scene::View;
use super::settings::Settings;
use super::vehicle::{Body, Driver, Params, RoadObject, Vehicle};

/// Vehicles in list order, one slice per component, and the objects.
#[derive(Debug)]
pub struct Vehicles<'a> {
    /// Motion.
    pub bodies: &'a mut [Body],
    /// Intentions.
    pub drivers: &'a mut [Driver],
    /// Plans.
    pub routes: &'a mut [Route],
    /// Constants.
    pub params: &'a [Params],
    /// Obstacles and landmarks.
    pub objects: &'a mut [RoadObject],
}

impl Vehicles<'_> {
    /// The scene, to look at.
    pub(super) fn view<'b>(
        &'b self,
        network: &'b RoadNetwork,
        settings: &'b Settings,
        episode: &'b Episode,
    ) -> View<'b> {
        View {
            network,
            settings,
            bodies: self.bodies,
            drivers: self.drivers,
            routes: self.routes,
            params: self.params,
            objects: self.objects,
            episode,
            pictures: &[],
        }
    }
}

/// How the vehicles of a scene see each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Length of a substep, in s.
    pub dt: f64,
    /// Neighbours are looked for on connected lanes too (the ids with version 1 and above).
    pub connected_lanes: bool,
    /// Conflicts are foreseen and resolved by priorities (intersections).
    pub regulated: bool,
}

/// Buffers for one scene at a time; no state.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    /// Who is where.
    pub index: LaneIndex,
    /// Twice the geometric mean of comfortable acceleration and braking of each vehicle, in m/s².
    pub(super) comfort: Vec<f64>,
    /// Unit vectors of the headings before the vehicles move.
    headings: Vec<Point>,
    /// Vehicles that are changing lane, some of which may have finished.
    pub(super) changing: Vec<u32>,
    /// Pairs that may collide.
    pub(super) pairs: Vec<(u32, u32)>,
    /// Vehicles from left to right.
    pub(super) sweep: Vec<(f64, u32)>,
}

/// A scene that is being stepped.
#[derive(Debug)]
pub struct Traffic<'a> {
    /// The roads.
    pub network: &'a RoadNetwork,
    /// How they drive.
    pub rules: Rules,
    /// The vehicles.
    pub vehicles: Vehicles<'a>,
    /// Buffers.
    pub scratch: &'a mut Scratch,
}

impl Traffic<'_> {
    /// Finds out who is where. To be called before the first substep, and after anything but a substep has moved a vehicle.
    pub fn look(&mut self) {
        let (network, index) = (self.network, &mut self.scratch.index);
        let is_asked = self
            .vehicles
            .drivers
            .iter()
            .any(|driver| driver.kind.is_traffic());
        index.clear(network, is_asked);
        for body in &*self.vehicles.bodies {
            index.add(network, body.position, body.heading, body.lane, true);
        }
        let comfort = |params: &Params| 2.0 * (-params.comfort_acc_max * params.comfort_acc_min).sqrt();
        self.scratch.comfort.clear();
        self.scratch
            .comfort
            .extend(self.vehicles.params.iter().map(comfort));
        self.add_objects();
    }

    fn add_objects(&mut self) {
        let index = &mut self.scratch.index;
        for object in &*self.vehicles.objects {
            index.add(
                self.network,
                object.position,
                object.heading,
                object.lane,
                object.solid,
            );
        }
        index.sort();
    }

    /// One substep; `clock` counts the substeps of a regulated scene.
    pub fn substep(&mut self, clock: &mut u32) {
        self.act();
        if self.rules.regulated {
            self.regulate(clock);
        }
        self.advance();
        self.collide();
    }

    /// Every vehicle decides.
    pub fn act(&mut self) {
        let vehicles = &self.vehicles;
        self.scratch.changing.clear();
        for (i, (body, driver)) in vehicles.bodies.iter().zip(&*vehicles.drivers).enumerate() {
            if driver.kind.has_target() && body.lane != driver.target_lane {
                self.scratch.changing.push(i as u32);
            }
        }
        for i in 0..self.vehicles.bodies.len() {
            let kind = self.vehicles.drivers[i].kind;
            if !kind.has_target() {
                continue;
            }
            let was_changing = self.is_changing(i);
            if kind.is_traffic() {
                self.act_traffic(i);
            } else {
                self.control(i);
            }
            if !was_changing && self.is_changing(i) {
                self.scratch.changing.push(i as u32);
            }
        }
    }

    #[inline]
    fn is_changing(&self, i: usize) -> bool {
        self.vehicles.bodies[i].lane != self.vehicles.drivers[i].target_lane
    }

    /// Every vehicle moves.
    pub fn advance(&mut self) {
        let (index, headings) = (&mut self.scratch.index, &mut self.scratch.headings);
        index.take_along(headings);
        let is_asked = self
            .vehicles
            .drivers
            .iter()
            .any(|driver| driver.kind.is_traffic());
        index.clear(self.network, is_asked);
        let vehicles = &mut self.vehicles;
        let states = vehicles.bodies.iter_mut().zip(&mut *vehicles.drivers);
        for (((body, driver), params), &along) in states.zip(vehicles.params).zip(&*headings) {
            if driver.kind.is_traffic() {
                driver.timer += self.rules.dt;
            }
            let before = body.heading;
            body.advance_along(along, driver.kind, params, self.rules.dt);
            let along = if body.heading == before {
                along
            } else {
                direction(body.heading)
            };
            let heading = (body.heading, along);
            body.lane = index.settle(self.network, body.position, heading, body.lane);
        }
        self.add_objects();
    }

    /// Vehicle `i`'s coordinates on `lane`, in m.
    #[inline]
    pub fn coordinates(&self, i: usize, lane: LaneIx) -> (f64, f64) {
        let body = &self.vehicles.bodies[i];
        if lane == body.lane {
            self.scratch.index.own(i)
        } else {
            self.network.lane(lane).local_coordinates(body.position)
        }
    }

    /// The neighbours of vehicle `i` on `lane`, which need not be its own. There are none in scenes without traffic.
    #[inline]
    pub fn neighbours(&self, i: usize, lane: LaneIx) -> Neighbours {
        let (s, _) = self.coordinates(i, lane);
        let index = &self.scratch.index;
        if self.rules.connected_lanes {
            index.on_connected_lanes(self.network, i, s, lane)
        } else {
            index.on_lane(i, s, lane)
        }
    }

    /// At the end of its target lane a vehicle follows the next one.
    pub(super) fn follow_road(&mut self, i: usize) {
        let target = self.vehicles.drivers[i].target_lane;
        let (s, _) = self.coordinates(i, target);
        if self.network.lane(target).after_end(s) {
            let position = self.vehicles.bodies[i].position;
            let route = &mut self.vehicles.routes[i];
            self.vehicles.drivers[i].target_lane = self.network.next_lane(target, route, position);
        }
    }
}

/// The vehicles and objects of a scene, owned: for making scenes, and for use outside of a shard.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fleet {
    /// Motion.
    pub bodies: Vec<Body>,
    /// Intentions.
    pub drivers: Vec<Driver>,
    /// Plans.
    pub routes: Vec<Route>,
    /// Constants.
    pub params: Vec<Params>,
    /// Obstacles and landmarks.
    pub objects: Vec<RoadObject>,
}

/// Keeps the items that are marked.
fn keep_marked<T>(items: &mut Vec<T>, marks: &[bool]) {
    let mut marks = marks.iter();
    items.retain(|_| marks.next().copied().unwrap_or(false));
}

impl Fleet {
    /// The number of vehicles.
    pub fn len(&self) -> usize {
        self.bodies.len()
    }

    /// True if there are no vehicles.
    pub fn is_empty(&self) -> bool {
        self.bodies.is_empty()
    }

    /// Removes all vehicles and objects.
    pub fn clear(&mut self) {
        self.bodies.clear();
        self.drivers.clear();
        self.routes.clear();
        self.params.clear();
        self.objects.clear();
    }

    /// Adds a vehicle at the end of the list and returns its index.
    pub fn push(&mut self, vehicle: Vehicle) -> usize {
        self.bodies.push(vehicle.body);
        self.drivers.push(vehicle.driver);
        self.routes.push(vehicle.route);
        self.params.push(vehicle.params);
        self.bodies.len() - 1
    }

    /// Adds a vehicle at place `at` of the list.
    pub fn insert(&mut self, at: usize, vehicle: Vehicle) {
        self.bodies.insert(at, vehicle.body);
        self.drivers.insert(at, vehicle.driver);
        self.routes.insert(at, vehicle.route);
        self.params.insert(at, vehicle.params);
    }

    /// Vehicle `i`.
    pub fn vehicle(&self, i: usize) -> Vehicle {
        Vehicle {
            body: self.bodies[i],
            driver: self.drivers[i],
            route: self.routes[i].clone(),
            params: self.params[i],
        }
    }

    /// Keeps the vehicles for which `keep` is true of their index, in order.
    pub fn retain(&mut self, mut keep: impl FnMut(&Self, usize) -> bool) {
        let kept: Vec<_> = (0..self.len()).map(|i| keep(self, i)).collect();
        keep_marked(&mut self.bodies, &kept);
        keep_marked(&mut self.drivers, &kept);
        keep_marked(&mut self.routes, &kept);
        keep_marked(&mut self.params, &kept);
    }

    /// The vehicles as slices.
    pub fn view(&mut self) -> Vehicles<'_> {
        Vehicles {
            bodies: &mut self.bodies,
            drivers: &mut self.drivers,
            routes: &mut self.routes,
            params: &self.params,
            objects: &mut self.objects,
        }
    }
}
