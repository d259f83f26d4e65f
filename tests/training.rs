//! Training, resuming, evaluating, comparing, drawing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{ok, prospect, refused, text};

/// A run that takes a second or two and passes several checkpoints, evaluations and probes.
const RUN: &str = r#"
[run]
seed = 3
[env]
id = "MiniGrid-MultiRoom-N2-S4-v0"
n_envs = 8
[agent]
kind = "ppo"
total_steps = 20_000
rollout_steps = 64
hidden = [32, 32]
[[reward]]
kind = "first_visit"
weight = 0.01
[[reward]]
kind = "rnd"
weight = 0.1
[eval]
every_steps = 5_000
episodes = 10
[checkpoint]
every_steps = 2_000
[probe]
every_steps = 10_000
levels = 1
episodes = 2
"#;

fn run_file(folder: &Path) -> PathBuf {
    let path = folder.join("run.toml");
    fs::write(&path, RUN).unwrap();
    path
}

/// What must be the same for two runs to count as one: the deterministic logs and the last checkpoint's weights.
fn fingerprint(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut checkpoints: Vec<_> = fs::read_dir(dir.join("checkpoints"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    checkpoints.sort();
    let last = checkpoints.last().unwrap();
    let mut files = vec![dir.join("metrics.csv"), dir.join("eval.csv")];
    files.extend(["agent.safetensors", "rewards.bin", "envs.bin"].map(|name| last.join(name)));
    let read = |path: PathBuf| {
        (
            path.strip_prefix(dir).unwrap().display().to_string(),
            fs::read(&path).unwrap(),
        )
    };
    files.into_iter().map(read).collect()
}

fn assert_same(a: &Path, b: &Path) {
    for ((name, a), (other, b)) in fingerprint(a).into_iter().zip(fingerprint(b)) {
        assert_eq!(name, other);
        assert!(a == b, "{name} differs");
    }
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_file(folder.path());
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    ok(&["train", text(&run), "--out", text(&whole), "--quiet"]);
    // Instants that fall into start-up, training, and writing.
    for wait_ms in [150, 700, 500, 300] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_prospect"))
            .args(["train", text(&run), "--out", text(&killed), "--quiet", "--resume"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait_ms));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    ok(&["train", text(&run), "--out", text(&killed), "--quiet", "--resume"]);
    assert_same(&whole, &killed);
}

#[test]
fn threads_and_shards_change_no_byte_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_file(folder.path());
    let train = |name: &str, threads: u32, shards: u32| {
        let out = folder.path().join(name);
        let (threads, shards) = (format!("run.threads={threads}"), format!("run.shards={shards}"));
        let sets = [
            "--set",
            &threads,
            "--set",
            &shards,
            "--set",
            "agent.total_steps=6000",
        ];
        ok(&[&["train", text(&run), "--out", text(&out), "--quiet"], &sets[..]].concat());
        out
    };
    let one = train("one", 1, 0);
    assert_same(&one, &train("two", 2, 3));
    assert_same(&one, &train("four", 4, 8));
}

#[test]
fn a_runs_folder_can_be_evaluated_drawn_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_file(folder.path());
    let out = folder.path().join("run");
    ok(&["train", text(&run), "--out", text(&out), "--quiet"]);
    for name in [
        "run.toml",
        "meta.json",
        "status.json",
        "metrics.csv",
        "timing.csv",
        "eval.csv",
    ] {
        assert!(out.join(name).is_file(), "{name}");
    }
    let eval: serde_json::Value =
        serde_json::from_str(&ok(&["eval", text(&out), "--episodes", "10", "--json"])).unwrap();
    assert_eq!(eval["step"], 20_480);
    let stored = fs::read_to_string(out.join("eval.csv")).unwrap();
    let last: Vec<_> = stored.lines().last().unwrap().split(',').collect();
    assert_eq!(last[0], "20480");
    assert_eq!(
        eval["return_mean"].as_f64(),
        last[2].parse().ok(),
        "the same held-out levels and draws as in training"
    );
    let png = folder.path().join("map.png");
    for field in [
        "visits",
        "value",
        "bonus/first_visit",
        "bonus/rnd",
        "mixed",
        "greedy_action",
    ] {
        ok(&[
            "heatmap",
            text(&out),
            "--field",
            field,
            "--at",
            "all",
            "--out",
            text(&png),
        ]);
        assert!(fs::metadata(&png).unwrap().len() > 10_000, "{field}");
        assert!(
            fs::read_to_string(png.with_extension("csv"))
                .unwrap()
                .lines()
                .count()
                > 10,
            "{field}"
        );
    }
    let wrong = refused(&["heatmap", text(&out), "--field", "bonus/icm", "--out", text(&png)]);
    assert!(
        wrong.contains("there are:") && wrong.contains("bonus/rnd"),
        "{wrong}"
    );
    let html = ok(&["report", text(&out)]);
    assert!(fs::read_to_string(html.trim()).unwrap().contains("first_visit"));
}

#[test]
fn a_folder_with_a_run_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_file(folder.path());
    let out = folder.path().join("run");
    let short = ["--set", "agent.total_steps=2000", "--quiet"];
    ok(&[&["train", text(&run), "--out", text(&out)], &short[..]].concat());
    let message = refused(&[&["train", text(&run), "--out", text(&out)], &short[..]].concat());
    assert!(message.contains("--resume"), "{message}");
    let other = [
        &[
            "train",
            text(&run),
            "--out",
            text(&out),
            "--resume",
            "--set",
            "agent.gamma=0.9",
        ],
        &short[..],
    ]
    .concat();
    let message = refused(&other);
    assert!(message.contains("another run"), "{message}");
}

#[test]
fn damaged_checkpoints_are_named_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_file(folder.path());
    let out = folder.path().join("run");
    let args = [
        "train",
        text(&run),
        "--out",
        text(&out),
        "--quiet",
        "--resume",
        "--set",
    ];
    ok(&[&args[..], &["agent.total_steps=4000"]].concat());
    let mut checkpoints: Vec<_> = fs::read_dir(out.join("checkpoints"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    checkpoints.sort();
    let weights = checkpoints.last().unwrap().join("agent.safetensors");
    let good = fs::read(&weights).unwrap();
    fs::write(&weights, &good[..good.len() / 2]).unwrap();
    let message = refused(&[&args[..], &["agent.total_steps=6000"]].concat());
    assert!(message.contains("agent.safetensors"), "{message}");
    fs::write(&weights, &good).unwrap();
    ok(&[&args[..], &["agent.total_steps=6000"]].concat());
}

#[test]
fn a_run_whose_loss_is_no_number_stops_and_names_the_term() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_file(folder.path());
    let out = folder.path().join("run");
    let sets = [
        "--set",
        "agent.learning_rate=1e30",
        "--set",
        "agent.max_grad_norm=0",
        "--quiet",
    ];
    let output = prospect(&[&["train", text(&run), "--out", text(&out)], &sets[..]].concat());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains("loss") || message.contains("logits") || message.contains("gradient"),
        "{message}"
    );
    assert!(
        fs::read_to_string(out.join("status.json"))
            .unwrap()
            .contains("failed")
    );
}

#[test]
fn a_folder_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_file(folder.path());
    let out = folder.path().join("run");
    let mut child = Command::new(env!("CARGO_BIN_EXE_prospect"))
        .args([
            "train",
            text(&run),
            "--out",
            text(&out),
            "--quiet",
            "--set",
            "agent.total_steps=100_000_000",
        ])
        .spawn()
        .unwrap();
    while !out.join("status.json").exists() {
        std::thread::sleep(Duration::from_millis(50));
    }
    let message = refused(&["train", text(&run), "--out", text(&out), "--resume", "--quiet"]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(message.contains(&child.id().to_string()), "{message}");
}

/// A task without cells is looked at over the two facts that its env names.
#[test]
fn a_task_of_continuous_state_has_heatmaps() {
    let folder = tempfile::tempdir().unwrap();
    let (run, out) = (folder.path().join("run.toml"), folder.path().join("out"));
    fs::write(
        &run,
        r#"
[run]
seed = 1
[env]
id = "MountainCar-v0"
n_envs = 4
[agent]
kind = "ppo"
total_steps = 256
rollout_steps = 32
hidden = [8]
[[reward]]
kind = "rnd"
weight = 0.1
[probe]
every_steps = 256
levels = 3
episodes = 1
"#,
    )
    .unwrap();
    ok(&["train", text(&run), "--out", text(&out), "--quiet"]);
    for field in ["visits", "value", "greedy_action", "bonus/rnd"] {
        let png = folder.path().join("map.png");
        ok(&["heatmap", text(&out), "--field", field, "--out", text(&png)]);
        let csv = fs::read_to_string(png.with_extension("csv")).unwrap();
        // 36 x 28 cells, once: seeds differ only in where they start.
        assert_eq!(csv.lines().count(), 1 + 36 * 28, "{field}");
        assert!(
            csv.contains(",-1.175,-0.0675,,empty,"),
            "{field}: {}",
            &csv[..200]
        );
        if field == "visits" {
            let sum: f64 = csv
                .lines()
                .skip(1)
                .filter_map(|row| row.rsplit(',').next()?.parse::<f64>().ok())
                .sum();
            // Three episodes of 200 steps and their starts: an untrained car does not reach the flag.
            assert_eq!(sum, 3.0 * 201.0);
        }
    }
}

#[test]
fn a_suite_tunes_runs_reports_and_is_not_run_twice() {
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("suite.toml");
    fs::write(
        &suite,
        r#"
[suite]
name = "tiny"
seeds = [1, 2]
jobs = 2
[tuning]
seeds = [11]
length = 0.5
[base.env]
n_envs = 8
[base.agent]
rollout_steps = 64
hidden = [16]
[base.eval]
every_steps = 2000
episodes = 10
[base.probe]
every_steps = 4000
levels = 1
episodes = 1
[[env]]
id = "MiniGrid-Empty-5x5-v0"
total_steps = 4000
threshold = 0.5
[[variant]]
name = "none"
[[variant]]
name = "bonus"
label = "first visit"
[[variant.reward]]
kind = "first_visit"
[variant.grid]
"reward.0.weight" = [0.001, 0.01]
[[variant]]
name = "broken"
[variant.run.agent]
learning_rate = 1e30
max_grad_norm = 0.0
"#,
    )
    .unwrap();
    let out = folder.path().join("out");
    let compare = || prospect(&["compare", text(&suite), "--out", text(&out)]);
    let first = compare();
    let stderr = String::from_utf8_lossy(&first.stderr).into_owned();
    assert_eq!(
        first.status.code(),
        Some(1),
        "the broken variant is told of: {stderr}"
    );
    assert!(stderr.contains("2 of 6 runs failed"), "{stderr}");
    let html = fs::read_to_string(out.join("report/index.html")).unwrap();
    assert!(
        html.contains("first visit") && html.contains("probability of improvement"),
        "{html}"
    );
    let plan: serde_json::Value = serde_json::from_slice(&fs::read(out.join("suite.json")).unwrap()).unwrap();
    assert_eq!(plan["tuning"]["budget_runs"], 2);
    let run = out.join("runs/MiniGrid-Empty-5x5-v0/bonus/seed_2/metrics.csv");
    let written = fs::metadata(&run).unwrap().modified().unwrap();
    compare();
    assert_eq!(
        fs::metadata(&run).unwrap().modified().unwrap(),
        written,
        "a finished run is kept"
    );
}
