//! The example map: its lanes are those that another OpenDRIVE reader sees, and they join without gaps.
//!
//! Recorded by `scripts/record_opendrive_golden.py`, which describes the file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

use std::path::{Path, PathBuf};

use prospect_envs::driving::map::{MapLane, RoadMap};
use serde_json::Value;

/// How far recorded points may lie from our centre lines, in m: the recorded ones are exact to a tenth of a millimetre.
const TOLERANCE_M: f64 = 1e-3;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn town() -> RoadMap {
    RoadMap::load(&root().join("assets/maps/town.xodr")).unwrap()
}

/// The name of a lane in the record. No section of this map is cut by speed limits, so stretches are sections.
fn name(lane: &MapLane) -> Value {
    serde_json::json!([lane.road.parse::<u32>().unwrap(), lane.stretch, lane.id])
}

#[test]
fn lanes_are_those_of_another_reader() {
    let text = std::fs::read_to_string(root().join("tests/golden/driving/town_lanes.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    let golden = golden["lanes"].as_array().unwrap();
    let map = town();
    assert_eq!(golden.len(), map.lanes.len());
    for record in golden {
        let wanted = serde_json::json!([record["road"], record["section"], record["id"]]);
        let lane = map.lanes.iter().find(|lane| name(lane) == wanted).unwrap();
        let points = record["points"].as_array().unwrap();
        let mut last = -1.0;
        for point in points {
            let (s, lateral) = lane
                .centre
                .local_coordinates([0, 1].map(|i| point[i].as_f64().unwrap()));
            assert!(
                lateral.abs() < TOLERANCE_M,
                "{wanted}: {lateral} m aside at {s} m"
            );
            assert!(s > last, "{wanted}: the other way around");
            last = s;
        }
        // Its sections begin and end at samples, which are a centimetre apart.
        assert!((last - lane.centre.length_m()).abs() < 0.02, "{wanted}: {last}");
        let mut successors: Vec<Value> = lane
            .successors
            .iter()
            .map(|&next| name(&map.lanes[next]))
            .collect();
        successors.sort_by_key(Value::to_string);
        let mut recorded = record["successors"].as_array().unwrap().clone();
        recorded.sort_by_key(Value::to_string);
        // The other reader does not follow direct junctions, through which these roads lead.
        let direct = ["120", "121", "125"].contains(&lane.road.as_str()) && recorded.is_empty();
        assert!(
            successors == recorded || (direct && successors.len() == 1),
            "{wanted}: {successors:?}"
        );
    }
}

#[test]
fn lanes_join_without_gaps() {
    let map = town();
    for lane in &map.lanes {
        let end = lane.centre.length_m();
        for &next in &lane.successors {
            let next = &map.lanes[next];
            let [from, to] = [lane.centre.position(end, 0.0), next.centre.position(0.0, 0.0)];
            let gap = (from[0] - to[0]).hypot(from[1] - to[1]);
            let kink = (lane.centre.heading_at(end) - next.centre.heading_at(0.0)).sin();
            let step = lane.width_at(end) - next.width_at(0.0);
            assert!(
                gap < 1e-9 && kink.abs() < 1e-9 && step.abs() < 1e-9,
                "{} to {}",
                lane.road,
                next.road
            );
        }
    }
    // Only the two lanes of the entries end.
    assert_eq!(
        map.lanes.iter().filter(|lane| lane.successors.is_empty()).count(),
        2
    );
}

#[test]
fn limits_widths_and_what_was_passed_over() {
    let map = town();
    let lane = |road: &str, stretch: usize, id: i32| {
        let mut found = map.lanes.iter().filter(|lane| lane.road == road);
        found
            .find(|lane| lane.stretch == stretch && lane.id == id)
            .unwrap()
    };
    let limit = |lane: &MapLane| (lane.speed_limit_mps.unwrap() * 3.6).round() as u32;
    assert_eq!(limit(lane("1", 0, 1)), 50);
    assert_eq!(limit(lane("20", 2, -1)), 100);
    // The exit lane has a limit of its own.
    assert_eq!(limit(lane("20", 2, -3)), 80);
    let exit = lane("20", 1, -3);
    assert_eq!(exit.width_at(0.0), 0.0);
    // Half way, the cubic is at half of its height.
    assert!((exit.width_at(0.5 * exit.centre.length_m()) - 1.75).abs() < 1e-3);
    assert!((exit.width_at(1e3) - 3.5).abs() < 1e-9);
    assert!(map.ignored.is_empty());
    // Traffic keeps to the right: 1.75 m to the right of the middle of the street that leads north.
    let [x, y] = lane("1", 0, -1).centre.position(0.0, 0.0);
    assert!((x - 1.75).abs() < 1e-9 && (y - 15.0).abs() < 1e-9);
}
