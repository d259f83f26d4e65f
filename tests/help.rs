//! What `--help` says.

use std::process::{Command, Stdio};

use crate::ok;

#[test]
fn every_command_explains_itself() {
    let help = ok(&["--help"]);
    let commands = [
        "envs", "train", "eval", "compare", "report", "heatmap", "rollout", "label", "bench", "config",
        "doctor", "demo",
    ];
    for command in commands {
        assert!(help.contains(command), "{command} is missing in --help");
        let text = ok(&[command, "--help"]);
        assert!(text.contains("Usage: prospect"), "{command}");
    }
}

#[test]
fn the_default_run_file_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    let first = ok(&["config"]);
    std::fs::write(&path, &first).unwrap();
    assert_eq!(ok(&["config", path.to_str().unwrap()]), first);
    assert!(
        first.contains("[agent]") && first.contains("# Discount of the task's stream"),
        "{first}"
    );
    let kinds = [
        "count",
        "episodic_count",
        "first_visit",
        "rnd",
        "icm",
        "noveld",
        "potential",
    ];
    assert!(
        kinds
            .iter()
            .all(|kind| first.contains(&format!("kind = \"{kind}\""))),
        "{first}"
    );
}

#[test]
fn envs_are_listed_for_programs() {
    let list: serde_json::Value = serde_json::from_str(&ok(&["envs", "--json"])).unwrap();
    let list = list.as_array().unwrap();
    let entry = list
        .iter()
        .find(|entry| entry["id"] == "MiniGrid-DoorKey-8x8-v0")
        .unwrap();
    assert_eq!(entry["max_steps"], 640);
    assert_eq!(entry["actions"]["n"], 7);
    assert_eq!(entry["observation"][0]["shape"], serde_json::json!([7, 7, 3]));
    for id in [
        "MiniGrid-MultiRoom-N12-S10-v0",
        "MiniGrid-KeyCorridorS6R3-v0",
        "MiniGrid-MemoryS17Random-v0",
    ] {
        let entry = list
            .iter()
            .find(|entry| entry["id"] == id)
            .unwrap_or_else(|| panic!("{id}"));
        let (floor, ceiling) = (
            entry["floor"].as_f64().unwrap(),
            entry["ceiling"].as_f64().unwrap(),
        );
        assert!(
            0.0 <= floor && floor < ceiling && ceiling <= 1.0,
            "{id}: {floor} {ceiling}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_early_sees_no_panic() {
    // More than a pipe holds, so that the program is still writing when its reader is gone.
    let mut child = Command::new(env!("CARGO_BIN_EXE_prospect"))
        .args(["envs", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(!output.status.success());
}
