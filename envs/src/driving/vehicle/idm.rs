//! The Intelligent Driver Model (Treiber, Hennecke, Helbing 2000) and the linear model of acceleration.

use super::controller::{linear_steering, steering_control};
use super::params::Params;
use crate::driving::neighbours::{Neighbours, ThingIx};
use crate::driving::road::LaneIx;
use crate::driving::road::scalar::{Point, clip, dot, not_zero, scale, sub};
use crate::driving::traffic::Traffic;

/// A vehicle or an object, as drivers see it.
struct Seen {
    position: Point,
    speed: f64,
    lane: LaneIx,
    /// None for objects and for vehicles without a target.
    target_speed: Option<f64>,
    is_vehicle: bool,
}

/// What a vehicle finds on its own lane.
pub(super) struct Present {
    /// The acceleration it would choose with nobody ahead, in m/s².
    pub(super) free: f64,
    /// Who is ahead and behind.
    pub(super) neighbours: Neighbours,
    /// The acceleration it chooses, in m/s².
    pub(super) acceleration: f64,
}

impl Traffic<'_> {
    /// Vehicle `i`, of traffic, decides.
    pub(in crate::driving) fn act_traffic(&mut self, i: usize) {
        if self.vehicles.bodies[i].crashed {
            return;
        }
        self.follow_road(i);
        let free = self.free_acceleration(i, i as ThingIx);
        let neighbours = self.neighbours(i, self.vehicles.bodies[i].lane);
        let present = Present {
            free,
            neighbours,
            acceleration: self.own_acceleration(i, free, neighbours.front),
        };
        if self.vehicles.drivers[i].enable_lane_change {
            self.change_lane_policy(i, &present);
        }
        let driver = &self.vehicles.drivers[i];
        let (own, target) = (self.vehicles.bodies[i].lane, driver.target_lane);
        let mut acceleration = present.acceleration;
        if own != target {
            let other = self.own_acceleration(i, free, self.neighbours(i, target).front);
            acceleration = if other < acceleration { other } else { acceleration };
        }
        let coordinates = self.coordinates(i, target);
        let lane = self.network.lane(target);
        let params = &self.vehicles.params[i];
        let body = &mut self.vehicles.bodies[i];
        body.steering = if driver.kind.is_linear() {
            linear_steering(body, params, lane, coordinates)
        } else {
            steering_control(body, params, lane, coordinates)
        };
        body.acceleration = clip(acceleration, -params.acc_max, params.acc_max);
    }

    #[inline]
    fn seen(&self, thing: ThingIx) -> Seen {
        let i = thing as usize;
        let vehicles = &self.vehicles;
        if let Some(body) = vehicles.bodies.get(i) {
            let driver = &vehicles.drivers[i];
            return Seen {
                position: body.position,
                speed: body.speed,
                lane: body.lane,
                target_speed: driver.kind.has_target().then_some(driver.target_speed),
                is_vehicle: true,
            };
        }
        let object = &vehicles.objects[i - vehicles.bodies.len()];
        Seen {
            position: object.position,
            speed: object.speed,
            lane: object.lane,
            target_speed: None,
            is_vehicle: false,
        }
    }

    /// The acceleration that vehicle `asker` would choose in the place of `subject` behind `front`, in m/s².
    pub(super) fn acceleration(&self, asker: usize, subject: Option<ThingIx>, front: Option<ThingIx>) -> f64 {
        subject.map_or(0.0, |at| {
            self.acceleration_behind(asker, at, self.free_acceleration(asker, at), front)
        })
    }

    /// The acceleration that vehicle `i` would choose behind `front`, in m/s², if its free one is known.
    #[inline]
    pub(super) fn own_acceleration(&self, i: usize, free: f64, front: Option<ThingIx>) -> f64 {
        self.acceleration_behind(i, i as ThingIx, free, front)
    }

    /// IDM's acceleration of `subject` with nobody ahead, by the parameters of vehicle `asker`, in m/s²; 0 where another
    /// model drives.
    #[inline]
    fn free_acceleration(&self, asker: usize, subject: ThingIx) -> f64 {
        if self.vehicles.drivers[asker].kind.is_linear() {
            return 0.0;
        }
        let subject = self.seen(subject);
        if !subject.is_vehicle {
            return 0.0;
        }
        let params = &self.vehicles.params[asker];
        let mut target = subject.target_speed.unwrap_or(0.0);
        if let Some(limit) = self.network.lane(subject.lane).speed_limit() {
            target = clip(target, 0.0, limit);
        }
        let ratio = subject.speed.max(0.0) / not_zero(target).abs();
        params.comfort_acc_max * (1.0 - ratio.powf(params.delta))
    }

    fn acceleration_behind(&self, asker: usize, at: ThingIx, free: f64, front: Option<ThingIx>) -> f64 {
        let subject = self.seen(at);
        let params = &self.vehicles.params[asker];
        let front = front.map(|thing| (thing, self.seen(thing)));
        if self.vehicles.drivers[asker].kind.is_linear() {
            let front = front.map(|(_, front)| (self.gap(at, &subject, &front), front.speed));
            return linear_acceleration(params, &subject, front);
        }
        let Some((thing, front)) = front.filter(|_| subject.is_vehicle) else {
            return free;
        };
        let gap = self.gap(at, &subject, &front);
        let ratio = self.desired_gap(asker, (at, subject.speed), (thing, front.speed)) / not_zero(gap);
        free - params.comfort_acc_max * (ratio * ratio)
    }

    /// From `subject` to `other` along the subject's lane, between centres, in m.
    #[inline]
    fn gap(&self, at: ThingIx, subject: &Seen, other: &Seen) -> f64 {
        let lane = self.network.lane(subject.lane);
        lane.local_coordinates(other.position).0 - self.scratch.index.own(at as usize).0
    }

    /// From vehicle `i` to `other` along the lane of `i`, in m.
    #[inline]
    pub(super) fn gap_between(&self, i: usize, other: usize) -> f64 {
        let bodies = &self.vehicles.bodies;
        let lane = self.network.lane(bodies[i].lane);
        lane.local_coordinates(bodies[other].position).0 - self.scratch.index.own(i).0
    }

    /// The distance that IDM with the parameters of vehicle `asker` keeps from a thing ahead, given who and how fast both
    /// are, in m.
    #[inline]
    pub(super) fn desired_gap(
        &self,
        asker: usize,
        (subject, speed): (ThingIx, f64),
        (front, front_speed): (ThingIx, f64),
    ) -> f64 {
        let along = self.scratch.index.along(subject as usize);
        let front_along = self.scratch.index.along(front as usize);
        let closing = sub(scale(along, speed), scale(front_along, front_speed));
        let params = &self.vehicles.params[asker];
        params.distance_wanted
            + speed * params.time_wanted
            + speed * dot(closing, along) / self.scratch.comfort[asker]
    }
}

/// The linear model; of the front it needs the distance in m and the speed in m/s.
#[inline]
fn linear_acceleration(params: &Params, subject: &Seen, front: Option<(f64, f64)>) -> f64 {
    let missing_speed = subject.target_speed.unwrap_or(subject.speed) - subject.speed;
    let safe = params.distance_wanted + subject.speed.max(0.0) * params.time_wanted;
    let (closing, missing_gap) = front.map_or((0.0, 0.0), |(gap, speed)| {
        ((speed - subject.speed).min(0.0), (gap - safe).min(0.0))
    });
    let [of_speed, of_closing, of_gap] = params.acceleration_parameters;
    of_speed * missing_speed + of_closing * closing + of_gap * missing_gap
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driving::road::RoadNetwork;
    use crate::driving::vehicle::{Kind, Vehicle};
    use crate::driving::{Fleet, Rules, Scratch};

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} instead of {b}");
    }

    /// Calls `check` with a vehicle of this kind at 22 m/s that wants 24 m/s, and one 25 m ahead at 18 m/s.
    fn with_leader(kind: Kind, check: impl FnOnce(&Traffic<'_>)) {
        let mut builder = RoadNetwork::builder();
        builder.add_straight_road(2, 10_000.0, 30.0);
        let network = builder.build().unwrap();
        let mut fleet = Fleet::default();
        let mut vehicle = Vehicle::new(&network, kind, [100.0, 0.0], 0.0, 22.0);
        vehicle.driver.target_speed = 24.0;
        fleet.push(vehicle);
        fleet.push(Vehicle::new(&network, Kind::Idm, [125.0, 0.0], 0.0, 18.0));
        let rules = Rules {
            dt: 1.0 / 15.0,
            connected_lanes: false,
            regulated: false,
        };
        let mut scratch = Scratch::default();
        let mut traffic = Traffic {
            network: &network,
            rules,
            vehicles: fleet.view(),
            scratch: &mut scratch,
        };
        traffic.look();
        check(&traffic);
    }

    #[test]
    fn idm_has_the_published_numbers() {
        with_leader(Kind::Idm, |traffic| {
            near(traffic.acceleration(0, Some(0), None), 0.881_799_768_5);
            near(traffic.acceleration(0, Some(0), Some(1)), -13.302_638_305_7);
            near(traffic.desired_gap(0, (0, 22.0), (1, 18.0)), 54.360_751_148_9);
            assert_eq!(traffic.acceleration(0, None, Some(1)), 0.0);
        });
    }

    #[test]
    fn the_linear_model_weighs_speed_closing_and_gap() {
        with_leader(Kind::Linear, |traffic| {
            near(traffic.acceleration(0, Some(0), None), 0.3 * 2.0);
            let gap = 25.0 - (10.0 + 2.5 * 22.0);
            near(
                traffic.acceleration(0, Some(0), Some(1)),
                0.3 * 2.0 - 0.3 * 4.0 + 2.0 * gap,
            );
        });
    }
}
