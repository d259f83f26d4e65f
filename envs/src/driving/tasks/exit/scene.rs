//! Vehicles of the exit.

use crate::driving::task::Stage;

/// How vehicles are spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) lanes: usize,
    /// Ego vehicles.
    pub(super) egos: usize,
    /// Other vehicles.
    pub(super) others: usize,
    /// Spacing of the egos, in units of the default.
    pub(super) ego_spacing: f64,
    /// Others per default spacing.
    pub(super) density: f64,
}

/// The egos on the leftmost lane, then the others, the more on a lane the farther right it is; each starts ahead of all
/// before it and they keep their lanes.
pub(super) fn populate<M>(stage: &mut Stage<'_, M>, spread: &Spread) {
    const EGO_SPEED: f64 = 25.0;
    for _ in 0..spread.egos {
        let lane = stage.lane("0", "1", 0);
        let s = stage.place_ahead(lane, EGO_SPEED, spread.ego_spacing);
        stage.add_ego(stage.ego_on(lane, s, EGO_SPEED));
    }
    let total = (spread.lanes * (spread.lanes - 1) / 2) as f64;
    let shares: Vec<_> = (0..spread.lanes).map(|id| id as f64 / total).collect();
    for _ in 0..spread.others {
        let id = stage.rng.choice_p(&shares).unwrap_or(0);
        let lane = stage.lane("0", "1", id as u16);
        let speed = stage.network.lane(lane).speed_limit().unwrap_or(EGO_SPEED);
        let s = stage.place_ahead(lane, speed, 1.0 / spread.density);
        let mut other = stage.routed(stage.other_on(lane, s, speed), "3");
        other.driver.enable_lane_change = false;
        stage.fleet.push(other);
    }
}
