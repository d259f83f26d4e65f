//! The intersection from above.

use std::f64::consts::FRAC_PI_2;

use super::driver::{LENGTH_M, Vehicle, WAITING_MPS, WIDTH_M};
use super::flow::Junction;
use super::layout::{APPROACH_M, APPROACHES, LANE_WIDTH_M, Layout, Turn};
use super::road::Road;
use super::signal::Stage;
use crate::driving::view::{
    BodyView, DrivingView, Light, Marking, MarkingStyle, Place, Role, SignalView, Strip, Window,
};

/// From the box to the stop line, in m.
const STOP_LINE_M: f64 = 1.0;
/// How far the arms are drawn, from the middle, in m.
const ARM_M: f64 = 230.0;
/// What pictures show of each arm, in m.
const SHOWN_M: f64 = 75.0;

/// An approach: the direction in which its vehicles come, and what is to their right.
struct Axis {
    heading: f64,
    ahead: Place,
    right: Place,
}

impl Axis {
    fn of(approach: usize) -> Self {
        // Approach 0 comes from the north, going south, which is down.
        let ahead = [[0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [1.0, 0.0]][approach % APPROACHES];
        Self {
            heading: f64::atan2(ahead[1], ahead[0]),
            ahead,
            right: [-ahead[1], ahead[0]],
        }
    }

    /// The place `along` and `across` (to the right) from the middle.
    fn place(&self, along: f64, across: f64) -> Place {
        [0, 1].map(|i| along * self.ahead[i] + across * self.right[i])
    }
}

/// Where a vehicle of a lane is `position_m` behind the lane's beginning, and its heading.
fn locate(layout: Layout, lane: usize, turn: Turn, position_m: f64) -> (Place, f64) {
    let axis = Axis::of(layout.approach(lane));
    let half = layout.half_box_m();
    let across = (lane % layout.lanes_per_approach()) as f64 * LANE_WIDTH_M + LANE_WIDTH_M / 2.0;
    // Metres into the box; before it, negative.
    let inside = position_m - APPROACH_M - STOP_LINE_M;
    // Turning to the right, `side` is 1, to the left -1.
    let (side, radius) = match turn {
        Turn::Straight => (0.0, f64::INFINITY),
        Turn::Right => (1.0, half - across),
        Turn::Left => (-1.0, half + across),
    };
    if side == 0.0 || inside <= 0.0 {
        return (axis.place(inside - half, across), axis.heading);
    }
    let angle = inside / radius;
    if angle < FRAC_PI_2 {
        let (sin, cos) = angle.sin_cos();
        let place = axis.place(radius * sin - half, across + side * radius * (1.0 - cos));
        return (place, axis.heading + side * angle);
    }
    let beyond = inside - radius * FRAC_PI_2;
    let place = axis.place(radius - half, side * (half + beyond));
    (place, axis.heading + side * FRAC_PI_2)
}

fn body(layout: Layout, lane: usize, vehicle: &Vehicle) -> BodyView {
    let turn = Turn::ALL[usize::from(vehicle.turn.min(2))];
    let (centre, heading) = locate(layout, lane, turn, vehicle.position_m - LENGTH_M / 2.0);
    BodyView {
        role: match turn {
            Turn::Left => Role::Defensive,
            Turn::Straight => Role::Traffic,
            Turn::Right => Role::Passive,
        },
        centre,
        heading,
        length_m: LENGTH_M - 0.4,
        width_m: WIDTH_M,
        hit: false,
        braking: vehicle.speed_mps < WAITING_MPS,
    }
}

/// Roads and lines: the same at all times.
fn ground(layout: Layout) -> DrivingView {
    let (half, lanes) = (layout.half_box_m(), layout.lanes_per_approach());
    let road_m = lanes as f64 * LANE_WIDTH_M;
    let mut view = DrivingView::default();
    let line =
        |axis: &Axis, from: f64, to: f64, across: f64| vec![axis.place(from, across), axis.place(to, across)];
    for axis in [0, 1].map(Axis::of) {
        view.strips.push(Strip {
            line: line(&axis, -ARM_M, ARM_M, 0.0),
            width_m: 2.0 * road_m + 1.0,
        });
    }
    for axis in [0, 1].map(Axis::of) {
        // Corners are cut off, as wide as the box is.
        view.strips.push(Strip {
            line: line(&axis, 1.0 - half, half - 1.0, 0.0),
            width_m: 2.0 * half - 2.0,
        });
    }
    for axis in (0..APPROACHES).map(Axis::of) {
        let mut mark = |from, to, across, style| {
            view.markings.push(Marking {
                line: line(&axis, from, to, across),
                style,
            });
        };
        let stop = -half - STOP_LINE_M;
        mark(-ARM_M, stop, 0.0, MarkingStyle::Middle);
        mark(-ARM_M, stop, road_m, MarkingStyle::Solid);
        mark(half, ARM_M, road_m, MarkingStyle::Solid);
        for lane in 1..lanes {
            let across = lane as f64 * LANE_WIDTH_M;
            mark(stop - 30.0, stop, across, MarkingStyle::Solid);
            mark(stop - 30.0, -ARM_M, across, MarkingStyle::Dashed);
            mark(half, ARM_M, across, MarkingStyle::Dashed);
        }
    }
    view
}

/// What is to be seen of a row now. Vehicles are coloured by where they go.
pub(super) fn view(junction: &Junction, road: Road<'_>) -> DrivingView {
    let layout = road.layout();
    let mut view = ground(layout);
    for lane in 0..layout.n_lanes() {
        let axis = Axis::of(layout.approach(lane));
        let left = (lane % layout.lanes_per_approach()) as f64 * LANE_WIDTH_M;
        let along = -layout.half_box_m() - STOP_LINE_M;
        view.signals.push(SignalView {
            line: [
                axis.place(along, left + 0.7),
                axis.place(along, left + LANE_WIDTH_M - 0.7),
            ],
            light: match junction.signal.shows(layout.phase_of(lane)) {
                Some(Stage::Green) => Light::Green,
                Some(_) => Light::Yellow,
                None => Light::Red,
            },
        });
        view.bodies
            .extend(road.lane(lane).iter().map(|vehicle| body(layout, lane, vehicle)));
    }
    view
}

/// What pictures show.
pub(super) fn window(layout: Layout) -> Window {
    Window {
        centre: [0.0; 2],
        size_m: [2.0 * (layout.half_box_m() + SHOWN_M); 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_continuous_and_end_on_the_right_side_of_the_road() {
        for lanes in 2..=4 {
            let layout = Layout::new(lanes);
            for lane in 0..layout.n_lanes() {
                for turn in Turn::ALL {
                    let mut last = locate(layout, lane, turn, 0.0);
                    for step in 1..=2600 {
                        let now = locate(layout, lane, turn, f64::from(step) * 0.1);
                        let moved = (now.0[0] - last.0[0]).hypot(now.0[1] - last.0[1]);
                        assert!((moved - 0.1).abs() < 1e-3, "lane {lane} {turn:?}: {moved}");
                        last = now;
                    }
                    // Out of the box, to the right of the road's middle as one drives.
                    let (place, heading) = last;
                    let across = place[1] * heading.cos() - place[0] * heading.sin();
                    let expected = (lane % lanes) as f64 * LANE_WIDTH_M + LANE_WIDTH_M / 2.0;
                    assert!((across - expected).abs() < 1e-9, "lane {lane} {turn:?}: {across}");
                }
            }
        }
    }

    #[test]
    fn a_right_turn_from_the_north_leads_west() {
        let layout = Layout::new(2);
        let (place, _) = locate(layout, 1, Turn::Right, 255.0);
        assert!(place[0] < -20.0 && place[1] < 0.0, "{place:?}");
        let (place, _) = locate(layout, 0, Turn::Left, 255.0);
        assert!(place[0] > 20.0 && place[1] > 0.0, "{place:?}");
    }
}
