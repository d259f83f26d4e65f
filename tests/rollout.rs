//! Rollouts: files, checksums, the same bytes however they are made.

use std::fs;

use prospect::npz::{NpzIn, Values};

use crate::{bad_input::write_npy, ok, text};

const ENV: &str = "MiniGrid-DoorKey-5x5-v0";

fn rollout(folder: &std::path::Path, name: &str, more: &[&str]) -> NpzIn {
    let out = folder.join(name);
    let mut args = vec![
        "rollout",
        "--env",
        ENV,
        "--seed",
        "3",
        "--n-envs",
        "6",
        "--out",
        text(&out),
    ];
    args.extend(more);
    ok(&args);
    NpzIn::open(&out).unwrap()
}

#[test]
fn arrays_have_the_documented_names_and_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let mut npz = rollout(
        folder.path(),
        "a.npz",
        &["--random-actions", "1", "--steps", "300", "--snapshots"],
    );
    let mut shape = |name: &str| {
        npz.read(name)
            .unwrap()
            .unwrap_or_else(|| panic!("no {name}"))
            .shape
    };
    assert_eq!(shape("image"), [301, 6, 7, 7, 3]);
    assert_eq!(shape("direction"), [301, 6]);
    assert_eq!(shape("mission"), [301, 6]);
    assert_eq!(shape("final_image"), [300, 6, 7, 7, 3]);
    for name in [
        "action",
        "reward",
        "terminated",
        "truncated",
        "final_direction",
        "final_mission",
        "fact_success",
    ] {
        assert_eq!(shape(name), [300, 6], "{name}");
    }
    assert_eq!(shape("fact_agent_x"), [301, 6]);
    assert_eq!(shape("state_hash"), [301, 6]);
    let Values::Integers(truncated) = npz.read("truncated").unwrap().unwrap().values else {
        panic!()
    };
    assert!(
        truncated.iter().sum::<i64>() >= 3,
        "most of the envs pass a truncation after 250 steps"
    );
    let Values::Integers(direction) = npz.read("final_direction").unwrap().unwrap().values else {
        panic!()
    };
    let Values::Integers(terminated) = npz.read("terminated").unwrap().unwrap().values else {
        panic!()
    };
    let none_ended = (0..truncated.len()).filter(|&i| truncated[i] + terminated[i] == 0);
    assert!(none_ended.into_iter().all(|i| direction[i] == 0));
    let Values::Texts(missions) = npz.read("final_mission").unwrap().unwrap().values else {
        panic!()
    };
    for (i, mission) in missions.iter().enumerate() {
        assert_eq!(mission.is_empty(), truncated[i] + terminated[i] == 0, "{mission}");
    }
}

#[test]
fn random_actions_are_numpys() {
    let folder = tempfile::tempdir().unwrap();
    let mut npz = rollout(folder.path(), "a.npz", &["--random-actions", "5", "--steps", "2"]);
    let Values::Integers(actions) = npz.read("action").unwrap().unwrap().values else {
        panic!()
    };
    // numpy.random.default_rng(5).integers(0, 7, (2, 6))
    assert_eq!(actions, [4, 5, 0, 5, 3, 3, 4, 2, 6, 0, 1, 2]);
}

#[test]
fn the_same_bytes_with_any_threads_and_shards() {
    let folder = tempfile::tempdir().unwrap();
    let random = ["--random-actions", "1", "--steps", "260", "--snapshots"];
    let make = |name: &str, more: &[&str]| {
        let args: Vec<_> = random.iter().chain(more).copied().collect();
        rollout(folder.path(), name, &args);
        fs::read(folder.path().join(name)).unwrap()
    };
    let one = make("one.npz", &[]);
    assert_eq!(one, make("shards.npz", &["--shards", "5"]));
    assert_eq!(one, make("two.npz", &["--shards", "3", "--threads", "2"]));
    assert_eq!(one, make("four.npz", &["--shards", "6", "--threads", "4"]));
}

#[test]
fn a_stored_action_tape_replays() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = rollout(
        folder.path(),
        "a.npz",
        &["--random-actions", "9", "--steps", "40"],
    );
    let Values::Integers(actions) = first.read("action").unwrap().unwrap().values else {
        panic!()
    };
    let tape = folder.path().join("tape.npy");
    write_npy(&tape, &[40, 6], &actions);
    rollout(folder.path(), "b.npz", &["--actions", text(&tape)]);
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("a.npz"), read("b.npz"));
    let wrong = crate::refused(&[
        "rollout",
        "--env",
        ENV,
        "--actions",
        text(&tape),
        "--out",
        "c.npz",
    ]);
    assert!(
        wrong.contains("shape [40, 6]") && wrong.contains("[T, 1] is needed"),
        "{wrong}"
    );
}

#[test]
fn the_bench_checksum_is_the_rollouts() {
    let folder = tempfile::tempdir().unwrap();
    let bench = ok(&[
        "bench",
        "steps",
        "--env",
        ENV,
        "--n-envs",
        "3",
        "--seconds",
        "0.01",
        "--json",
    ]);
    let report: serde_json::Value = serde_json::from_str(&bench).unwrap();
    let out = folder.path().join("r.npz");
    let args = [
        "--seed",
        "0",
        "--n-envs",
        "3",
        "--random-actions",
        "0",
        "--steps",
        "1000",
        "--out",
        text(&out),
    ];
    ok(&[&["rollout", "--env", ENV], &args[..]].concat());
    let Some(Values::Texts(sum)) = NpzIn::open(&out)
        .unwrap()
        .read("observation_checksum")
        .unwrap()
        .map(|a| a.values)
    else {
        panic!("no checksum")
    };
    assert_eq!(report["observation_checksum"].as_str(), Some(sum[0].as_str()));
    assert!(report["steps_per_cpu_second"].as_f64().unwrap() > 0.0);
}

#[test]
fn env_0_can_be_filmed() {
    let folder = tempfile::tempdir().unwrap();
    let gif = folder.path().join("film.gif");
    rollout(
        folder.path(),
        "a.npz",
        &[
            "--random-actions",
            "1",
            "--steps",
            "5",
            "--gif",
            text(&gif),
            "--tile",
            "8",
        ],
    );
    let bytes = fs::read(&gif).unwrap();
    // Six frames of 5 x 5 cells: the header states 40 x 40 pixels, and each frame has a control block.
    assert_eq!(&bytes[..10], b"GIF89a\x28\x00\x28\x00");
    assert_eq!(bytes.windows(3).filter(|w| *w == [0x21, 0xf9, 0x04]).count(), 6);
}

#[test]
fn labels_equal_visits_counted_from_the_stored_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let mut npz = rollout(
        folder.path(),
        "r.npz",
        &["--random-actions", "2", "--steps", "300"],
    );
    let rewards = folder.path().join("rewards.toml");
    fs::write(&rewards, "[[reward]]\nkind = \"first_visit\"\nweight = 0.5\n").unwrap();
    let labels = folder.path().join("l.npz");
    let file = folder.path().join("r.npz");
    ok(&[
        "label",
        text(&file),
        "--reward",
        text(&rewards),
        "--out",
        text(&labels),
    ]);
    let mut integers = |name: &str| {
        let Values::Integers(v) = npz.read(name).unwrap().unwrap().values else {
            panic!("{name}")
        };
        v
    };
    let (images, finals) = (integers("image"), integers("final_image"));
    let (terminated, truncated) = (integers("terminated"), integers("truncated"));
    let view = |v: &[i64], row: usize| v[row * 147..(row + 1) * 147].to_vec();
    let mut expected = vec![0.0; 300 * 6];
    for k in 0..6 {
        let mut seen = std::collections::BTreeSet::from([view(&images, k)]);
        for t in 0..300 {
            let at = t * 6 + k;
            let ended = terminated[at] + truncated[at] > 0;
            let next = if ended {
                view(&finals, at)
            } else {
                view(&images, at + 6)
            };
            expected[at] = f64::from(u8::from(seen.insert(next)));
            if ended {
                seen = std::collections::BTreeSet::from([view(&images, at + 6)]);
            }
        }
    }
    let mut labels = NpzIn::open(&labels).unwrap();
    let mut reals = |name: &str| labels.read(name).unwrap().unwrap().reals().unwrap();
    assert_eq!(reals("raw/first_visit"), expected);
    assert!(expected.iter().sum::<f64>() > 100.0);
    assert_eq!(
        reals("mixed/first_visit"),
        expected.iter().map(|x| 0.5 * x).collect::<Vec<_>>()
    );
}
