//! Driving rollouts: scenes from files, arrays of vehicles, what is refused.

use std::{fs, path::Path};

use prospect::npz::{NpzIn, Values};
use serde_json::{Value, json};

use crate::{bad_input::write_npy, ok, refused, text};

/// An ego behind somebody slow.
fn scene() -> Value {
    json!({
        "vehicles": [
            {"kind": "ego", "position": [100.0, 4.0], "speed": 25.0},
            {"kind": "idm", "position": [118.0, 4.0], "speed": 5.0, "lane": ["0", "1", 1], "target_lane": ["0", "1", 1],
             "target_speed": 5.0, "timer": 0.25, "delta": 4.0, "route": [["0", "1", null]], "enable_lane_change": false},
            {"kind": "defensive", "position": [300.0, 0.0], "heading": 0.0, "speed": 20.0},
        ],
        "time": 7.0,
    })
}

fn save(folder: &Path, scene: &str) -> std::path::PathBuf {
    let path = folder.join("state.json");
    fs::write(&path, scene).unwrap();
    path
}

#[test]
fn every_episode_starts_from_the_scene() {
    let folder = tempfile::tempdir().unwrap();
    let state = save(folder.path(), &scene().to_string());
    let out = folder.path().join("out.npz");
    let tape = folder.path().join("tape.npy");
    write_npy(&tape, &[6, 2], &[3; 12]);
    ok(&[
        "rollout",
        "--env",
        "highway-fast-v0",
        "--n-envs",
        "2",
        "--reset-state",
        text(&state),
        "--actions",
        text(&tape),
        "--out",
        text(&out),
    ]);
    let mut npz = NpzIn::open(&out).unwrap();
    let mut read = |name: &str| npz.read(name).unwrap().unwrap_or_else(|| panic!("no {name}"));
    let (position, present) = (read("position"), read("present"));
    assert_eq!(position.shape, [7, 2, 3, 2]);
    assert_eq!(present.shape, [7, 2, 3]);
    assert_eq!(read("heading").shape, [7, 2, 3]);
    assert_eq!(read("speed").shape, [7, 2, 3]);
    assert_eq!(read("final_position").shape, [6, 2, 3, 2]);
    let position = position.reals().unwrap();
    let row = |t: usize| &position[t * 12..(t + 1) * 12];
    assert_eq!(row(0)[..6], [100.0, 4.0, 118.0, 4.0, 300.0, 0.0]);
    let Values::Integers(terminated) = read("terminated").values else {
        panic!()
    };
    let end = terminated.iter().position(|&ended| ended != 0).unwrap() / 2;
    assert!(end < 5, "the ego runs into the slow vehicle: {terminated:?}");
    assert_eq!(row(end + 1), row(0), "the scene repeats");
    let crashed = read("final_crashed").reals().unwrap();
    assert_eq!(crashed[end * 6..end * 6 + 3], [1.0, 1.0, 0.0]);
    let Values::Integers(present) = read("final_present").values else {
        panic!()
    };
    assert!(present[..end * 6].iter().all(|&present| present == 0));
}

/// The message with which a scene is refused.
fn refuse(scene: &str) -> String {
    refuse_on("highway-fast-v0", scene)
}

fn refuse_on(env: &str, scene: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let state = save(folder.path(), scene);
    let out = folder.path().join("out.npz");
    let message = refused(&[
        "rollout",
        "--env",
        env,
        "--reset-state",
        text(&state),
        "--random-actions",
        "0",
        "--steps",
        "1",
        "--out",
        text(&out),
    ]);
    assert!(message.contains("state.json"), "{message}");
    assert!(!out.exists());
    message
}

/// The scene with a change to it.
fn changed(pointer: &str, value: Value) -> String {
    let mut scene = scene();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    scene.pointer_mut(parent).unwrap()[key] = value;
    scene.to_string()
}

#[track_caller]
fn assert_refused(pointer: &str, value: Value, path: &str, remedy: &str) {
    let message = refuse(&changed(pointer, value));
    assert!(message.contains(path), "{path}: {message}");
    assert!(message.contains(remedy), "{remedy}: {message}");
}

#[test]
fn values_that_cannot_be_used_are_named_by_their_path() {
    let lane = |id| json!(["0", "1", id]);
    assert_refused(
        "/vehicles/1/lane",
        lane(7),
        "vehicles[1].lane",
        "its lanes are 0 to 2",
    );
    assert_refused(
        "/vehicles/1/lane",
        json!(["0", "9", 0]),
        "vehicles[1].lane",
        "the roads are 0-1",
    );
    assert_refused(
        "/vehicles/1/target_lane",
        lane(3),
        "vehicles[1].target_lane",
        "its lanes",
    );
    assert_refused(
        "/vehicles/1/route",
        json!([["0", "1", 5]]),
        "vehicles[1].route[0]",
        "its lanes",
    );
    assert_refused("/vehicles/1/kind", json!("bus"), "vehicles[1].kind", "aggressive");
    assert_refused("/vehicles/1/sped", json!(3.0), "vehicles[1].sped", "speed");
    assert_refused("/vehicles/1/speed", json!("fast"), "vehicles[1].speed", "f64");
    assert_refused("/vehicles/1/position", json!([1.0]), "vehicles[1].position", "2");
    assert_refused(
        "/vehicles/1/position",
        json!([101.0, 4.5]),
        "vehicles[1].position",
        "move one of them",
    );
    assert_refused("/vehicles/1/length", json!(0.0), "vehicles[1].length", "above 0");
    assert_refused(
        "/vehicles/1/kind",
        json!("ego"),
        "vehicles",
        "controlled_vehicles",
    );
    assert_refused("/vehicles/0/kind", json!("idm"), "vehicles", "give as many egos");
    assert_refused(
        "/vehicles/0/speed_index",
        json!(3),
        "vehicles[0].speed_index",
        "give 0 to 2",
    );
    assert_refused(
        "/vehicles/0/target_speeds",
        json!([1.0, 2.0]),
        "target_speeds",
        "option `action`",
    );
    assert_refused("/controlled", json!([1]), "controlled", "list the indices");
    assert_refused("/version", json!(9), "version", "export it again");
    assert_refused(
        "/random",
        json!({"state": "-1", "inc": "1"}),
        "random.state",
        "decimal string",
    );
    assert_refused("/speed", json!(1), "unknown field `speed`", "vehicles");
}

#[test]
fn what_is_no_scene_is_refused() {
    let nan = scene().to_string().replace("100.0", "NaN");
    let message = refuse(&nan);
    assert!(
        message.contains("line 1") && message.contains("finite"),
        "{message}"
    );
    assert!(refuse("[]").contains("a map"), "{}", refuse("[]"));
    assert!(
        refuse("{}").contains("missing field `vehicles`"),
        "{}",
        refuse("{}")
    );
    let config = r#"{"vehicles": [], "config": 3}"#;
    assert!(refuse(config).contains("is not an object"), "{}", refuse(config));
    let other = refuse_on("MiniGrid-Empty-5x5-v0", &scene().to_string());
    assert!(other.contains("has no option `reset_state`"), "{other}");
}

#[test]
fn options_of_a_scene_hold_unless_others_are_given() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = scene();
    scene["config"] = json!({"lanes_count": 2, "duration": 9});
    // Far enough that no choice of the ego can end the episode by a crash.
    scene["vehicles"][1]["position"] = json!([400.0, 4.0]);
    let state = save(folder.path(), &scene.to_string());
    let out = folder.path().join("out.npz");
    let mut args = vec![
        "rollout",
        "--env",
        "highway-fast-v0",
        "--reset-state",
        text(&state),
        "--random-actions",
        "0",
        "--steps",
        "2",
        "--out",
        text(&out),
    ];
    ok(&args);
    let truncated = |args: &[&str]| {
        ok(args);
        let flags = NpzIn::open(&out).unwrap().read("truncated").unwrap().unwrap();
        flags.reals().unwrap()
    };
    assert_eq!(truncated(&args), [0.0, 1.0], "7 s have passed, 9 are given");
    args.extend(["--options", "{\"duration\": 8}"]);
    assert_eq!(truncated(&args), [1.0, 1.0]);
}

#[test]
fn an_action_that_is_no_number_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("tape.npy");
    let mut header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 2), }".to_vec();
    header.resize(117, b' ');
    header.push(b'\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header);
    bytes.extend([0.0_f32, 0.1, f32::NAN, 0.0].iter().flat_map(|x| x.to_le_bytes()));
    fs::write(&tape, bytes).unwrap();
    let message = refused(&[
        "rollout",
        "--env",
        "highway-fast-v0",
        "--options",
        "{\"action\": {\"type\": \"ContinuousAction\"}}",
        "--actions",
        text(&tape),
        "--out",
        text(&folder.path().join("out.npz")),
    ]);
    assert!(message.contains("step 1") && message.contains("NaN"), "{message}");
}
