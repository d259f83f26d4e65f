//! MOBIL: when traffic changes lane (Kesting, Treiber, Helbing 2007).

use super::idm::Present;
use crate::driving::neighbours::ThingIx;
use crate::driving::road::LaneIx;
use crate::driving::traffic::Traffic;

/// Slower than this, in m/s, nobody changes lane.
const LEAST_SPEED: f64 = 1.0;

/// The sign of a difference of indices, 0 for equal ones.
fn sign(from: u16, to: u16) -> i32 {
    (i32::from(to) - i32::from(from)).signum()
}

impl Traffic<'_> {
    /// Vehicle `i` gives a change of lane up, or, when its clock says so, thinks of one.
    pub(super) fn change_lane_policy(&mut self, i: usize, present: &Present) {
        let own = self.vehicles.bodies[i].lane;
        let driver = &mut self.vehicles.drivers[i];
        if own != driver.target_lane {
            let same_road = self.network.road(own) == self.network.road(driver.target_lane);
            if same_road && self.is_taken(i) {
                self.vehicles.drivers[i].target_lane = own;
            }
            return;
        }
        if driver.timer <= self.vehicles.params[i].lane_change_delay {
            return;
        }
        driver.timer = 0.0;
        let body = self.vehicles.bodies[i];
        for lane in self.network.side_lanes(own) {
            let reachable = self.network.lane(lane).is_reachable_from(body.position);
            if reachable && body.speed.abs() >= LEAST_SPEED && self.recommends(i, present, lane) {
                self.vehicles.drivers[i].target_lane = lane;
            }
        }
    }

    /// Whether another vehicle that is changing to the same lane is ahead by less than the distance that is to be kept.
    fn is_taken(&self, i: usize) -> bool {
        let vehicles = &self.vehicles;
        let target = vehicles.drivers[i].target_lane;
        self.scratch.changing.iter().any(|&other| {
            let v = other as usize;
            if v == i || vehicles.bodies[v].lane == target || vehicles.drivers[v].target_lane != target {
                return false;
            }
            let gap = self.gap_between(i, v);
            let me = (i as ThingIx, vehicles.bodies[i].speed);
            let wanted = self.desired_gap(i, me, (other, vehicles.bodies[v].speed));
            0.0 < gap && gap < wanted
        })
    }

    /// Whether MOBIL recommends vehicle `i` to change to `lane`.
    fn recommends(&self, i: usize, present: &Present, lane: LaneIx) -> bool {
        let me = Some(i as ThingIx);
        let params = &self.vehicles.params[i];
        let new = self.neighbours(i, lane);
        let follower_braking = self.acceleration(i, new.rear, me);
        if follower_braking < -params.lane_change_max_braking_imposed {
            return false;
        }
        let predicted = self.own_acceleration(i, present.free, new.front);
        if let Some(id) = self.vehicles.routes[i].first().and_then(|step| step.id) {
            // The route wants a lane: go there if it is safe.
            let target = self.network.id(self.vehicles.drivers[i].target_lane);
            let right_way = sign(target, self.network.id(lane)) == sign(target, id);
            return right_way && predicted >= -params.lane_change_max_braking_imposed;
        }
        let old = present.neighbours;
        let mut gain = predicted - present.acceleration;
        if params.politeness != 0.0 {
            let of_new = follower_braking - self.acceleration(i, new.rear, new.front);
            let of_old = self.acceleration(i, old.rear, old.front) - self.acceleration(i, old.rear, me);
            gain += params.politeness * (of_new + of_old);
        }
        gain >= params.lane_change_min_acc_gain
    }
}
