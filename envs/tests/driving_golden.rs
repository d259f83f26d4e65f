//! Parity with highway-env: the same seeds, or the same exported states, and the same actions give the same courses.
//!
//! Recorded by `scripts/record_highway_golden.py`, which describes the files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use support::driving::Courses;

/// Plays a file from seeds and from states.
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
    highway_fast: "highway-fast-v0",
    merge: "merge-v0",
    roundabout: "roundabout-v0",
    intersection: "intersection-v0",
    exit: "exit-v0",
    parking: "parking-v0",
    racetrack: "racetrack-v0",
    two_way: "two-way-v0",
    lane_keeping: "lane-keeping-v0",
}
