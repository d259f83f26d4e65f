//! Parity with highway-env: the same seeds, or the same exported states, and the same actions give the same courses.
//!
//! Recorded by `scripts/record_highway_golden.py`, which describes the files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use support::driving::Courses;

/// Plays a file from seeds and from states; the least share of steps that can be compared, because nobody crawls.
macro_rules! courses {
    ($($test:ident: $file:literal, $share:literal),* $(,)?) => {$(
        mod $test {
            use super::Courses;

            #[test]
            fn from_seeds() {
                let share = Courses::open($file).play_from_seeds();
                assert!(share >= $share, "only {share} of the steps were compared");
            }

            #[test]
            fn from_states() {
                let share = Courses::open($file).play_from_states();
                assert!(share >= $share, "only {share} of the steps were compared");
            }
        }
    )*};
}

courses! {
    highway_fast: "highway-fast-v0", 1.0,
    merge: "merge-v0", 0.8,
    merge_connected: "merge-v1", 0.5,
    roundabout: "roundabout-v0", 0.3,
    intersection: "intersection-v0", 0.1,
    exit: "exit-v0", 0.35,
    parking: "parking-v0", 1.0,
    parking_parked: "parking-parked-v0", 1.0,
    parking_agents: "parking-v0+agents", 1.0,
    racetrack: "racetrack-v0", 0.9,
    racetrack_large: "racetrack-large-v0", 0.9,
    racetrack_obstacles: "racetrack-oval-v0+obstacles", 0.5,
    two_way: "two-way-v0", 0.8,
    lane_keeping: "lane-keeping-v0", 1.0,
}
