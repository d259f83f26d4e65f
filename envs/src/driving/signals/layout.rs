//! The intersection's layout: approaches, lanes, movements, and which phase serves which lanes.

/// Arms of the intersection: north, east, south, west, clockwise.
pub const APPROACHES: usize = 4;
/// Movements of an approach: left, straight on, right.
pub const TURNS: usize = 3;
/// Movements of the intersection; movement `approach * TURNS + turn`.
pub const MOVEMENTS: usize = APPROACHES * TURNS;
/// The most lanes of an approach.
pub(super) const MAX_LANES: usize = 4;
/// The most lanes of the intersection.
pub(super) const MAX_TOTAL_LANES: usize = APPROACHES * MAX_LANES;
/// Phases: two per axis, one for straight and right, one for left.
pub const PHASES: usize = 4;

/// From where a vehicle enters to the stop line, in m.
pub const APPROACH_M: f64 = 200.0;
/// From the stop line to where a vehicle is out of sight, in m.
pub const EXIT_M: f64 = 60.0;
/// Width of a lane, in m.
pub const LANE_WIDTH_M: f64 = 3.5;

/// Names of the approaches by where their vehicles come from.
pub const APPROACH_NAMES: [&str; APPROACHES] = ["north", "east", "south", "west"];

/// Names of the phases: the axis served, and what may go.
pub const PHASE_NAMES: [&str; PHASES] = ["ns_through", "ns_left", "ew_through", "ew_left"];

/// Where a vehicle goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Turn {
    /// Across the opposite traffic.
    Left = 0,
    /// Straight on.
    Straight = 1,
    /// Around the near corner.
    Right = 2,
}

impl Turn {
    /// All of them, by index.
    pub const ALL: [Self; TURNS] = [Self::Left, Self::Straight, Self::Right];
}

/// Four approaches of equal width. Lane 0 of each is for the left turn only, the others go straight on, and from the last
/// one (at the kerb) vehicles may turn right as well. Lanes are numbered `approach * lanes + lane`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    lanes: usize,
}

impl Layout {
    /// The layout with `lanes` per approach, at least 2 and at most `MAX_LANES`.
    pub fn new(lanes: usize) -> Self {
        Self {
            lanes: lanes.clamp(2, MAX_LANES),
        }
    }

    /// Lanes of one approach.
    pub fn lanes_per_approach(self) -> usize {
        self.lanes
    }

    /// Lanes of all approaches.
    pub fn n_lanes(self) -> usize {
        APPROACHES * self.lanes
    }

    /// The approach of a lane.
    pub fn approach(self, lane: usize) -> usize {
        lane / self.lanes
    }

    /// True for a lane of left turns.
    pub fn is_left(self, lane: usize) -> bool {
        lane.is_multiple_of(self.lanes)
    }

    /// True for a lane at the kerb.
    pub fn is_kerb(self, lane: usize) -> bool {
        lane % self.lanes == self.lanes - 1
    }

    /// The phase in which a lane has green.
    pub fn phase_of(self, lane: usize) -> usize {
        2 * (self.approach(lane) % 2) + usize::from(self.is_left(lane))
    }

    /// Half the side of the box in the middle, in m: as many lanes lead out of an arm as lead in.
    pub fn half_box_m(self) -> f64 {
        self.lanes as f64 * LANE_WIDTH_M + 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_serves_one_axis_and_every_lane_has_one_phase() {
        for lanes in 2..=MAX_LANES {
            let layout = Layout::new(lanes);
            for phase in 0..PHASES {
                let served: Vec<_> = (0..layout.n_lanes())
                    .filter(|&lane| layout.phase_of(lane) == phase)
                    .collect();
                let per_approach = if phase % 2 == 1 { 1 } else { lanes - 1 };
                assert_eq!(served.len(), 2 * per_approach);
                let axis = layout.approach(served[0]) % 2;
                assert!(served.iter().all(|&lane| layout.approach(lane) % 2 == axis));
            }
        }
    }
}
