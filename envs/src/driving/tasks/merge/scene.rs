//! Vehicles of the merge.

use super::network::Sections;
use crate::driving::task::Stage;

/// Where the ego starts, along the rightmost lane, in m.
pub(super) const EGO_START: f64 = 30.0;
/// How fast the ego starts, in m/s.
const EGO_SPEED: f64 = 30.0;

/// Three others on the highway and one on the ramp.
pub(super) fn fixed<M>(stage: &mut Stage<'_, M>) {
    stage.add_ego(stage.ego_on(stage.lane("a", "b", 1), EGO_START, EGO_SPEED));
    for (s, speed) in [(90.0, 29.0), (70.0, 31.0), (5.0, 31.5)] {
        let id = stage.rng.integers(0, 2) as u16;
        let s = s + stage.rng.uniform(-5.0, 5.0);
        let speed = speed + stage.rng.uniform(-1.0, 1.0);
        let other = stage.other_on(stage.lane("a", "b", id), s, speed);
        stage.fleet.push(other);
    }
    add_merging(stage, 110.0);
}

/// Up to `vehicles` others at random places at least 15 m from each other, and one on the ramp.
pub(super) fn generic<M>(stage: &mut Stage<'_, M>, sections: &Sections, lanes: usize, vehicles: usize) {
    const TRIES: usize = 10;
    const SAFE_DISTANCE: f64 = 15.0;
    let last = (lanes - 1) as u16;
    stage.add_ego(stage.ego_on(stage.lane("a", "b", last), EGO_START, EGO_SPEED));
    let mut taken = vec![(last, EGO_START)];
    for _ in 0..vehicles {
        for _ in 0..TRIES {
            let id = stage.rng.integers(0, lanes as i64) as u16;
            let s = stage.rng.uniform(0.0, sections.ramp_end());
            let near = |&(lane, at): &(u16, f64)| lane == id && (s - at).abs() <= SAFE_DISTANCE;
            if taken.iter().any(near) {
                continue;
            }
            let speed = 30.0 + stage.rng.uniform(-2.0, 2.0);
            // Beyond the end of this road it starts on the next one.
            let other = stage.other_on(stage.lane("a", "b", id), s, speed);
            stage.fleet.push(other);
            taken.push((id, s));
            break;
        }
    }
    add_merging(stage, EGO_START + 30.0);
}

/// Adds the vehicle on the ramp, which wants to be faster than it is.
fn add_merging<M>(stage: &mut Stage<'_, M>, s: f64) {
    let mut merging = stage.other_on(stage.lane("j", "k", 0), s, 20.0);
    merging.driver.target_speed = 30.0;
    stage.fleet.push(merging);
}
