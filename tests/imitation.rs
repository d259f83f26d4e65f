//! Planned episodes recorded by `prospect rollout`, imitated by `prospect train`.

use std::{fs, path::Path};

use npyz::WriterBuilder;
use prospect::{
    commands::envs::registry,
    sim::{Rollout, Seeds, VecEnv, VecEnvConfig},
};

use crate::{ok, prospect, text};

const ENV: &str = "MiniGrid-DoorKey-5x5-v0";
const STEPS: usize = 64;
const ACTORS: usize = 64;

/// The planner's actions, `[T, K]`, episode after episode.
fn plan() -> Vec<i64> {
    let env = registry().make(ENV, &serde_json::Map::new()).unwrap();
    let mut envs = VecEnv::new(env, &VecEnvConfig::of(ACTORS)).unwrap();
    let mut rollout = Rollout::new(envs.layout(), 1);
    envs.reset(Seeds::Base(1000), rollout.first_row_mut()).unwrap();
    let mut tapes: Vec<Vec<i32>> = vec![Vec::new(); ACTORS];
    let mut actions = Vec::new();
    for _ in 0..STEPS {
        for (k, tape) in tapes.iter_mut().enumerate() {
            if tape.is_empty() {
                *tape = envs.plan(k).unwrap();
                tape.reverse();
            }
            rollout.discrete_actions_mut(0)[k] = tape.pop().unwrap();
        }
        actions.extend(rollout.actions().as_i32().unwrap().iter().map(|&a| i64::from(a)));
        let (now, row) = rollout.step_mut(0);
        envs.step(now, row).unwrap();
        rollout.carry();
    }
    actions
}

fn write_npy(path: &Path, actions: Vec<i64>) {
    let file = fs::File::create(path).unwrap();
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&[STEPS as u64, ACTORS as u64])
        .writer(file)
        .begin_nd()
        .unwrap();
    writer.extend(actions).unwrap();
    writer.finish().unwrap();
}

const RUN: &str = r#"
[env]
id = "MiniGrid-DoorKey-5x5-v0"
n_envs = 4
[agent]
kind = "ppo"
total_steps = 16
rollout_steps = 4
n_minibatches = 1
[agent.bc]
demonstrations = "DEMONSTRATIONS"
epochs = 15
[probe]
every_steps = 0
[checkpoint]
every_steps = 0
"#;

#[test]
fn planned_episodes_are_imitated_on_levels_never_seen() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_npy(&at("plan.npy"), plan());
    let (actors, out) = (ACTORS.to_string(), at("demonstrations.npz"));
    ok(&[
        "rollout",
        "--env",
        ENV,
        "--seed",
        "1000",
        "--n-envs",
        &actors,
        "--facts",
        "none",
        "--actions",
        text(&at("plan.npy")),
        "--out",
        text(&out),
    ]);
    fs::write(at("run.toml"), RUN.replace("DEMONSTRATIONS", text(&out))).unwrap();
    ok(&[
        "train",
        text(&at("run.toml")),
        "--out",
        text(&at("run")),
        "--quiet",
    ]);
    let eval = fs::read_to_string(at("run/eval.csv")).unwrap();
    let first: Vec<&str> = eval.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(
        (first[0], first[1]),
        ("0", "100"),
        "before the first step, on 100 levels: {eval}"
    );
    let success: f64 = first[4].parse().unwrap();
    assert!(success > 0.9, "{eval}");

    // The settings are printed whole, and read again.
    let settings = ok(&["config", text(&at("run.toml"))]);
    assert!(
        settings.contains("[agent.bc]") && settings.contains("epochs = 15"),
        "{settings}"
    );

    // Evaluation needs no demonstrations; training does, and says so.
    fs::remove_file(&out).unwrap();
    ok(&["eval", text(&at("run"))]);
    let output = prospect(&[
        "train",
        text(&at("run.toml")),
        "--out",
        text(&at("other")),
        "--quiet",
    ]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        message.contains("demonstrations.npz") && message.contains("prospect rollout"),
        "{message}"
    );
}
