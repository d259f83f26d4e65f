//! Vehicles of the roundabout.

use crate::driving::road::scalar::{norm, sub};
use crate::driving::task::Stage;

/// How much speeds deviate, in m/s, and, in the fixed roundabout, places, in m.
const DEVIATION: f64 = 2.0;
/// In m/s.
const EGO_SPEED: f64 = 8.0;
/// Where the ego starts along the southern arm of the fixed roundabout, in m.
pub(super) const FIXED_START: f64 = 125.0;
/// How far from the end of the southern arm it starts in the generic one, in m.
pub(super) const BEFORE_END: f64 = 2.5;

/// Four others: one comes in on the outer lane, two circle on the inner one, one enters from the east. `destination` is that
/// of the first one, if it is not to be drawn.
pub(super) fn fixed<M>(stage: &mut Stage<'_, M>, destination: Option<usize>) {
    const DESTINATIONS: [&str; 3] = ["exr", "sxr", "nxr"];
    let ego = stage.ego_on(stage.lane("ser", "ses", 0), FIXED_START, EGO_SPEED);
    stage.add_ego(stage.routed(ego, "nxs"));
    for (nth, (from, to, id, s)) in [
        ("we", "sx", 1, 5.0),
        ("we", "sx", 0, 20.0),
        ("we", "sx", 0, -20.0),
        ("eer", "ees", 0, 50.0),
    ]
    .into_iter()
    .enumerate()
    {
        let s = s + stage.rng.standard_normal() * DEVIATION;
        let speed = 16.0 + stage.rng.standard_normal() * DEVIATION;
        let other = stage.other_on(stage.lane(from, to, id), s, speed);
        let chosen = match destination {
            Some(destination) if nth == 0 => destination.min(DESTINATIONS.len() - 1),
            _ => stage.rng.choice(DESTINATIONS.len()),
        };
        let other = stage.routed(other, DESTINATIONS[chosen]).randomized(stage.rng);
        stage.fleet.push(other);
    }
}

/// Roads on which others may start in the generic roundabout.
const STARTS: [(&str, &str); 7] = [
    ("we", "sx"),
    ("sx", "se"),
    ("ee", "nx"),
    ("nx", "ne"),
    ("eer", "ees"),
    ("ner", "nes"),
    ("wer", "wes"),
];

/// Up to `vehicles` others at random places at least 7 m from each other; `destination` is that of all, if it is not to be
/// drawn.
pub(super) fn generic<M>(stage: &mut Stage<'_, M>, vehicles: usize, destination: Option<usize>) {
    const DESTINATIONS: [&str; 4] = ["exr", "sxr", "nxr", "wxr"];
    const TRIES: usize = 10;
    const SAFE_DISTANCE: f64 = 7.0;
    let entry = stage.lane("ser", "ses", 0);
    let start = stage.network.lane(entry).length() - BEFORE_END;
    let ego = stage.ego_on(entry, start, EGO_SPEED);
    let mut taken = vec![ego.body.position];
    stage.add_ego(stage.routed(ego, "nxs"));
    for _ in 0..vehicles {
        for _ in 0..TRIES {
            let (from, to) = STARTS[stage.rng.integers(0, STARTS.len() as i64) as usize];
            let first = stage.lane(from, to, 0);
            let width = stage.network.width(stage.network.road(first));
            let id = stage.rng.integers(0, width as i64) as u16;
            let lane = stage.lane(from, to, id);
            let geometry = stage.network.lane(lane);
            let s = stage.rng.uniform(5.0, (geometry.length() - 5.0).max(5.0));
            let place = geometry.position(s, 0.0);
            if taken.iter().any(|&other| norm(sub(place, other)) < SAFE_DISTANCE) {
                continue;
            }
            let speed = 14.0 + stage.rng.standard_normal() * DEVIATION;
            let other = stage.other_on(lane, s, speed);
            let chosen = match destination {
                Some(destination) => destination.min(DESTINATIONS.len() - 1),
                None => stage.rng.integers(0, DESTINATIONS.len() as i64) as usize,
            };
            let other = stage.routed(other, DESTINATIONS[chosen]).randomized(stage.rng);
            stage.fleet.push(other);
            taken.push(place);
            break;
        }
    }
}
