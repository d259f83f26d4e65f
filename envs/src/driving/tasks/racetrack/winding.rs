//! The circuits of racetrack-v0 (two lanes) and racetrack-large-v0 (three lanes), point by point.

use super::course::{Course, DASHED, FULL, LANE_WIDTH, Lines, OPEN};
use crate::driving::road::scalar::{Point, add};
use crate::driving::road::{NetworkError, RoadNetwork};

/// Speed limit of the small circuit, in m/s.
const SMALL_LIMIT: f64 = 10.0;

/// Lines of two lanes side by side, in bends to the left and on most straights.
const LEFT: [Lines; 2] = [[FULL, OPEN], [DASHED, FULL]];
/// The same in bends to the right.
const RIGHT: [Lines; 2] = [[FULL, DASHED], [OPEN, FULL]];

/// The small circuit: nine stretches, about 350 m.
pub(super) fn small() -> Result<RoadNetwork, NetworkError> {
    let mut course = Course::new(SMALL_LIMIT);
    way_out(&mut course);
    // One bend in two pieces: coordinates along an arc of more than half a turn would not be unique.
    let bend = [18.1, -18.1];
    course
        .straight(
            ["f", "g"],
            &[
                ([55.7, -15.7], [35.7, -35.7]),
                ([59.3934, -19.2], [39.3934, -39.2]),
            ],
            &LEFT,
        )
        .arc(
            ["g", "h"],
            bend,
            false,
            &[(25.0, 315.0, 170.0), (30.0, 315.0, 165.0)],
            &LEFT,
        )
        .arc(
            ["h", "i"],
            bend,
            false,
            &[(25.0, 170.0, 56.0), (30.0, 170.0, 58.0)],
            &LEFT,
        )
        .arc(
            ["i", "a"],
            [43.2, 23.4],
            true,
            &[(23.5, 240.0, 270.0), (18.5, 238.0, 268.0)],
            &RIGHT,
        );
    course.finish()
}

/// The small circuit up to the slant.
fn way_out(course: &mut Course) {
    course
        .straight(
            ["a", "b"],
            &[([42.0, 0.0], [100.0, 0.0]), ([42.0, 5.0], [100.0, 5.0])],
            &[[FULL, DASHED], [DASHED, FULL]],
        )
        .arc(
            ["b", "c"],
            [100.0, -20.0],
            false,
            &[(20.0, 90.0, -1.0), (25.0, 90.0, -1.0)],
            &LEFT,
        )
        .straight(
            ["c", "d"],
            &[([120.0, -20.0], [120.0, -30.0]), ([125.0, -20.0], [125.0, -30.0])],
            &LEFT,
        )
        .arc(
            ["d", "e"],
            [105.0, -30.0],
            false,
            &[(15.0, 0.0, -181.0), (20.0, 0.0, -181.0)],
            &LEFT,
        )
        .arc(
            ["e", "f"],
            [70.0, -30.0],
            true,
            &[(20.0, 0.0, 136.0), (15.0, 0.0, 137.0)],
            &RIGHT,
        );
}

/// Lines of three lanes side by side.
const THREE: [Lines; 3] = [[FULL, OPEN], [DASHED, DASHED], [OPEN, FULL]];

/// Three points or radii a lane's width apart.
fn widths(first: f64) -> [f64; 3] {
    [first, first + LANE_WIDTH, first + 2.0 * LANE_WIDTH]
}

/// The large circuit: nine stretches, about 550 m, with a speed limit in m/s.
pub(super) fn large(speed_limit: f64) -> Result<RoadNetwork, NetworkError> {
    let mut course = Course::new(speed_limit);
    course
        .straight(
            ["a", "b"],
            &widths(0.0).map(|y| ([42.0, y], [200.0, y])),
            &[[FULL, DASHED], [DASHED, DASHED], [OPEN, FULL]],
        )
        .arc(
            ["b", "c"],
            [200.0, -20.0],
            false,
            &widths(20.0).map(|radius| (radius, 90.0, -1.0)),
            &THREE,
        )
        .straight(
            ["c", "d"],
            // A metre longer than drawn, for a better join.
            &widths(220.0).map(|x| ([x, -20.0], [x, -61.0])),
            &THREE,
        )
        .arc(
            ["d", "e"],
            [205.0, -60.0],
            false,
            &widths(15.0).map(|radius| (radius, 0.0, -181.0)),
            &THREE,
        )
        .arc(
            ["e", "f"],
            [170.0, -60.0],
            true,
            &[(20.0, 0.0, 136.0), (15.0, 0.0, 137.0), (10.0, 0.0, 137.0)],
            &THREE,
        );
    way_back(&mut course);
    course.finish()
}

/// How much longer the first slant of the large circuit is than that of the small one.
const EXTENSION: Point = [-30.0, -30.0];

/// Ends of the lanes of the large circuit's first slant; the third lies as far from the second as that from the first.
fn first_slant() -> [(Point, Point); 3] {
    let beyond = |first: Point, second: Point| [0, 1].map(|i| first[i] + 2.0 * (second[i] - first[i]));
    let starts = [[155.7, -45.7], [159.3934, -49.2]];
    let ends = [add([135.7, -65.7], EXTENSION), add([139.3934, -69.2], EXTENSION)];
    [
        (starts[0], ends[0]),
        (starts[1], ends[1]),
        (beyond(starts[0], starts[1]), beyond(ends[0], ends[1])),
    ]
}

/// The slants of the large circuit and the bends between them.
fn way_back(course: &mut Course) {
    const BEND_END: f64 = 205.0;
    const LAST_RADIUS: f64 = 15.0;
    let bend = add([118.1, -48.1], EXTENSION);
    let (sin, cos) = BEND_END.to_radians().sin_cos();
    let leaves = widths(25.0).map(|radius| [bend[0] + radius * cos, bend[1] + radius * sin]);
    let (sin, cos) = 30.0_f64.to_radians().sin_cos();
    let joins = widths(LAST_RADIUS).map(|radius| [42.0 - radius * cos, -LAST_RADIUS - radius * sin]);
    let second_slant = [0, 1, 2].map(|lane| (leaves[lane], joins[lane]));
    course
        .straight(["f", "g"], &first_slant(), &THREE)
        .arc(
            ["g", "h"],
            bend,
            false,
            &[
                (25.0, 317.0, BEND_END - 3.0),
                (30.0, 317.0, BEND_END),
                (35.0, 317.0, BEND_END),
            ],
            &THREE,
        )
        .straight(["h", "i"], &second_slant, &THREE)
        .arc(
            ["i", "a"],
            [42.0, -LAST_RADIUS],
            false,
            &[(15.0, 210.0, 88.0), (20.0, 210.0, 90.0), (25.0, 212.0, 88.0)],
            &THREE,
        );
}
