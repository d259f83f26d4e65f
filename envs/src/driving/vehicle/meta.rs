//! Meta-actions: orders to change lane or speed, carried out by controllers.

use super::controller::{speed_control, steering_control};
use super::driver::speed_index;
use super::kind::Kind;
use crate::driving::road::scalar::clip;
use crate::driving::traffic::Traffic;

/// An order to a vehicle of kind [`Kind::Meta`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaAction {
    /// Change to the lane on the left.
    LaneLeft,
    /// Go on.
    Idle,
    /// Change to the lane on the right.
    LaneRight,
    /// Track the target speed above the present speed.
    Faster,
    /// Track the target speed below the present speed.
    Slower,
}

impl Traffic<'_> {
    /// Vehicle `i` takes an order and controls itself accordingly; `speeds` are the target speeds, in m/s.
    pub fn order(&mut self, i: usize, action: MetaAction, speeds: &[f64]) {
        let driver = &mut self.vehicles.drivers[i];
        debug_assert_eq!(driver.kind, Kind::Meta);
        let step = match action {
            MetaAction::Faster => 1.0,
            MetaAction::Slower => -1.0,
            _ => {
                self.follow_road(i);
                match action {
                    MetaAction::LaneLeft => self.change_lane(i, -1),
                    MetaAction::LaneRight => self.change_lane(i, 1),
                    _ => {}
                }
                self.steer(i);
                return;
            }
        };
        let index = f64::from(speed_index(speeds, self.vehicles.bodies[i].speed)) + step;
        driver.speed_index = clip(index, 0.0, (speeds.len() - 1) as f64) as u16;
        driver.target_speed = speeds[usize::from(driver.speed_index)];
        self.control(i);
    }

    fn change_lane(&mut self, i: usize, by: i32) {
        let driver = &mut self.vehicles.drivers[i];
        let target = self.network.beside(driver.target_lane, by);
        let lane = self.network.lane(target);
        if lane.is_reachable_from(self.vehicles.bodies[i].position) {
            driver.target_lane = target;
        }
    }

    /// Vehicle `i` keeps to its target lane and speed.
    pub fn control(&mut self, i: usize) {
        self.follow_road(i);
        self.steer(i);
    }

    fn steer(&mut self, i: usize) {
        let driver = &self.vehicles.drivers[i];
        let coordinates = self.coordinates(i, driver.target_lane);
        let lane = self.network.lane(driver.target_lane);
        let params = &self.vehicles.params[i];
        let body = &mut self.vehicles.bodies[i];
        body.steering = steering_control(body, params, lane, coordinates);
        body.acceleration = speed_control(body, driver.target_speed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driving::road::RoadNetwork;
    use crate::driving::vehicle::Vehicle;
    use crate::driving::{Fleet, Rules, Scratch};

    const SPEEDS: [f64; 3] = [20.0, 25.0, 30.0];

    /// Positions, heading and speed after each of 15 substeps of one vehicle at (100, 4) with 25 m/s on 4 lanes.
    fn drive(action: MetaAction) -> Vec<[f64; 4]> {
        let mut builder = RoadNetwork::builder();
        builder.add_straight_road(4, 10_000.0, 30.0);
        let network = builder.build().unwrap();
        let mut fleet = Fleet::default();
        fleet.push(Vehicle::new(&network, Kind::Meta, [100.0, 4.0], 0.0, 25.0));
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
        traffic.order(0, action, &SPEEDS);
        let course = (0..15).map(|_| {
            traffic.substep(&mut 0);
            let body = traffic.vehicles.bodies[0];
            [body.position[0], body.position[1], body.heading, body.speed]
        });
        course.collect()
    }

    fn near(found: &[f64], expected: &[f64]) {
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-9, "{found:?} instead of {expected:?}");
        }
    }

    #[test]
    fn a_change_of_lane_has_the_published_numbers() {
        let course = drive(MetaAction::LaneRight);
        near(
            &course[0][..3],
            &[101.651_416_960_1, 4.224_943_996_5, 0.089_977_598_61],
        );
        near(
            &course[4][..3],
            &[108.202_368_591_2, 5.460_412_064_1, 0.188_876_133_03],
        );
        near(
            &course[14][..3],
            &[124.742_330_368_1, 7.408_175_017_2, 0.066_813_331_77],
        );
    }

    #[test]
    fn speeding_up_has_the_published_numbers() {
        let end = drive(MetaAction::Faster)[14];
        near(&[end[0], end[3]], &[127.512_664_703_9, 29.145_558_826_869_3]);
    }

    #[test]
    fn there_is_no_lane_beyond_the_last() {
        let left = drive(MetaAction::LaneLeft);
        assert!(left[14][1] < 1.0);
        near(&drive(MetaAction::Idle)[14], &[125.0, 4.0, 0.0, 25.0]);
    }
}
