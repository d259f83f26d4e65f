//! Parity with highway-env: the same seeds, or the same exported states, and the same actions give the same courses.
//!
//! Recorded by `scripts/record_highway_golden.py`, which describes the files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use support::driving::Courses;

/// Plays a file from its seeds and from the states that were exported on its tapes.
macro_rules! courses {
    ($($test:ident: $file:literal),* $(,)?) => {$(
        mod $test {
            use super::Courses;

            #[test]
            fn from_seeds() {
                Courses::open($file).play_from_seeds();
            }

            #[test]
            fn from_states() {
                Courses::open($file).play_from_states();
            }
        }
    )*};
}

courses! {
    exit: "exit-v0",
    exit_v1: "exit-v1",
    highway_fast: "highway-fast-v0",
    highway: "highway-v0",
    intersection_multi_agent: "intersection-multi-agent-v0",
    intersection_multi_agent_v1: "intersection-multi-agent-v1",
    intersection_multi_agent_v2: "intersection-multi-agent-v2",
    intersection: "intersection-v0",
    intersection_v1: "intersection-v1",
    intersection_v2: "intersection-v2",
    lane_keeping: "lane-keeping-v0",
    merge_generic: "merge-generic-v0",
    merge_generic_v1: "merge-generic-v1",
    merge: "merge-v0",
    merge_v1: "merge-v1",
    parking_actionrepeat: "parking-ActionRepeat-v0",
    parking_parked: "parking-parked-v0",
    parking: "parking-v0",
    racetrack_large: "racetrack-large-v0",
    racetrack_large_v1: "racetrack-large-v1",
    racetrack_oval: "racetrack-oval-v0",
    racetrack_oval_v1: "racetrack-oval-v1",
    racetrack: "racetrack-v0",
    racetrack_v1: "racetrack-v1",
    roundabout_generic: "roundabout-generic-v0",
    roundabout_generic_v1: "roundabout-generic-v1",
    roundabout: "roundabout-v0",
    roundabout_v1: "roundabout-v1",
    two_way: "two-way-v0",
    u_turn: "u-turn-v0",
    u_turn_v1: "u-turn-v1",
    highway_fast_linear: "highway-fast-v0+linear",
    highway_fast_aggressive: "highway-fast-v0+aggressive",
    highway_fast_defensive: "highway-fast-v0+defensive",
    highway_fast_occupancy: "highway-fast-v0+occupancy",
    highway_fast_ttc: "highway-fast-v0+ttc",
    highway_fast_lidar: "highway-fast-v0+lidar",
    highway_fast_features: "highway-fast-v0+features",
    highway_fast_lateral: "highway-fast-v0+lateral",
    highway_fast_continuous: "highway-fast-v0+continuous",
    highway_fast_dynamical: "highway-fast-v0+dynamical",
    highway_fast_axes: "highway-fast-v0+axes",
    highway_dense: "highway-v0+dense",
    intersection_destination: "intersection-v0+destination",
    merge_lidar: "merge-v0+lidar",
    merge_generic_lanes: "merge-generic-v0+lanes",
    racetrack_oval_obstacles: "racetrack-oval-v0+obstacles",
    parking_agents: "parking-v0+agents",
}
