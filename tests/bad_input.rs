//! Bad input gets a message that names the place, and exit code 2.

use std::fs;

use crate::{refused, text};

/// Writes a run file and returns the message with which `prospect train` refuses it.
fn train(run_file: &str, more: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    fs::write(&path, run_file).unwrap();
    let out = folder.path().join("out");
    let mut args = vec!["train", text(&path), "--out", text(&out)];
    args.extend(more);
    let message = refused(&args);
    assert!(!out.join("metrics.csv").exists(), "nothing may be started");
    message
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let message = train("[run]\nseed = 1\n\n[agent]\ngama = 0.9\n", &[]);
    assert!(message.contains("run.toml:5: agent.gama"), "{message}");
    assert!(message.contains("did you mean `gamma`"), "{message}");
}

#[test]
fn an_unknown_section_is_named() {
    let message = train("[agnt]\ngamma = 0.9\n", &[]);
    assert!(
        message.contains("run.toml:1: agnt") && message.contains("did you mean `agent`"),
        "{message}"
    );
}

#[test]
fn a_wrong_type_is_named_with_its_line() {
    let message = train("[env]\nid = \"MiniGrid-Empty-5x5-v0\"\nn_envs = \"many\"\n", &[]);
    assert!(
        message.contains("run.toml:3: env.n_envs") && message.contains("expected usize"),
        "{message}"
    );
}

#[test]
fn a_syntax_error_shows_the_line() {
    let message = train("[run]\nseed = = 1\n", &[]);
    assert!(message.contains("line 2"), "{message}");
}

#[test]
fn an_unknown_env_gets_a_suggestion() {
    let message = train("[env]\nid = \"MiniGrid-DorKey-5x5-v0\"\n", &[]);
    assert!(
        message.contains("MiniGrid-DorKey-5x5-v0") && message.contains("MiniGrid-DoorKey-5x5-v0"),
        "{message}"
    );
}

#[test]
fn an_unknown_reward_gets_the_list() {
    let message = train("[[reward]]\nkind = \"rdn\"\n", &[]);
    assert!(
        message.contains("reward[0]") && message.contains("rnd"),
        "{message}"
    );
}

#[test]
fn a_setting_of_a_reward_that_does_not_exist_is_named() {
    let message = train("[[reward]]\nkind = \"first_visit\"\nwieght = 0.1\n", &[]);
    assert!(
        message.contains("wieght") && message.contains("weight"),
        "{message}"
    );
}

#[test]
fn a_set_that_leads_nowhere_is_named() {
    assert!(train("", &["--set", "run.seed"]).contains("write it as key=value"));
    assert!(train("", &["--set", "agent.gamma=2"]).contains("gamma"));
}

#[test]
fn a_learner_that_does_not_fit_its_task_is_refused() {
    let cases = [
        ("dqn", "Pendulum-v1", "", "dqn cannot act in Pendulum-v1"),
        ("pqn", "Pendulum-v1", "", "it needs a discrete one"),
        (
            "sac",
            "MiniGrid-Empty-5x5-v0",
            "",
            "sac cannot act in MiniGrid-Empty-5x5-v0",
        ),
        (
            "td3",
            "CartPole-v1",
            "",
            "it needs a continuous one with finite bounds",
        ),
        (
            "sac",
            "Pendulum-v1",
            "hindsight = \"future\"",
            "Pendulum-v1 is none",
        ),
        (
            "td3",
            "Pendulum-v1",
            "hindsight = \"final\"",
            "set agent.hindsight = \"off\"",
        ),
        (
            "ppo",
            "CartPole-v1",
            "mask_actions = true",
            "agent.mask_actions = true",
        ),
        ("ppo", "CartPole-v1", "encoder = \"cnn\"", "use kind = \"flat\""),
        (
            "ppo",
            "MiniGrid-Empty-5x5-v0",
            "norm_obs = true",
            "agent.norm_obs = true",
        ),
        (
            "ppo",
            "CartPole-v1",
            "memory = \"gru\"\nn_minibatches = 3",
            "agent.n_minibatches = 3",
        ),
        (
            "dqn",
            "CartPole-v1",
            "buffer_size = 1000000000000000",
            "use fewer transitions",
        ),
        (
            "dqn",
            "CartPole-v1",
            "n_step = 90\nbuffer_size = 80",
            "agent.buffer_size = 80",
        ),
    ];
    for (kind, env, settings, expected) in cases {
        let file = format!("[env]\nid = \"{env}\"\nn_envs = 4\n[agent]\nkind = \"{kind}\"\n{settings}\n");
        let message = train(&file, &[]);
        assert!(message.contains(expected), "{kind} in {env}: {message}");
    }
    let reward = "[agent]\nkind = \"dqn\"\n[[reward]]\nkind = \"first_visit\"\nmix = \"own_value_head\"\n";
    assert!(train(reward, &[]).contains("use mix = \"add\""));
}

#[test]
fn an_action_out_of_range_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("tape.npy");
    write_npy(&tape, &[4, 2], &[0, 1, 2, 3, 4, 9, 0, 0]);
    let out = folder.path().join("o.npz");
    let args = [
        "rollout",
        "--env",
        "MiniGrid-Empty-5x5-v0",
        "--n-envs",
        "2",
        "--actions",
        text(&tape),
        "--out",
        text(&out),
    ];
    let message = refused(&args);
    assert!(
        message.contains("action 9 at step 2, actor 1 is outside of Discrete(7)"),
        "{message}"
    );
    assert!(!out.exists());
}

#[test]
fn an_action_file_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("tape.npy");
    fs::write(&tape, b"not numpy").unwrap();
    let message = refused(&[
        "rollout",
        "--env",
        "MiniGrid-Empty-5x5-v0",
        "--actions",
        text(&tape),
        "--out",
        "o.npz",
    ]);
    assert!(message.contains("tape.npy is no .npy file"), "{message}");
}

#[test]
fn options_that_do_not_fit_are_named() {
    let rollout = |options: &str| {
        let args = [
            "rollout",
            "--env",
            "MiniGrid-Empty-5x5-v0",
            "--random-actions",
            "0",
            "--steps",
            "1",
        ];
        refused(&[&args[..], &["--out", "o.npz", "--options", options]].concat())
    };
    assert!(rollout("{size").contains("give a JSON object"));
    assert!(rollout("{\"colour\": 3}").contains("has no option `colour`"));
}

#[test]
fn a_report_of_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refused(&["report", text(folder.path())]).contains("neither suite.json nor run.toml"));
}

#[test]
fn a_suite_that_tunes_on_reported_seeds_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("suite.toml");
    let suite = "[suite]\nname = \"x\"\nseeds = [1]\n[tuning]\nseeds = [1]\n[[env]]\nid = \"MiniGrid-Empty-5x5-v0\"\n\
                 total_steps = 1\nthreshold = 0.5\n[[variant]]\nname = \"none\"\n";
    fs::write(&path, suite).unwrap();
    let message = refused(&["compare", text(&path), "--out", text(&folder.path().join("out"))]);
    assert!(message.contains("share 1"), "{message}");
}

/// A minimal `.npy` file of int64.
pub(crate) fn write_npy(path: &std::path::Path, shape: &[usize], values: &[i64]) {
    let shape: Vec<_> = shape.iter().map(ToString::to_string).collect();
    let mut header = format!(
        "{{'descr': '<i8', 'fortran_order': False, 'shape': ({},), }}",
        shape.join(", ")
    );
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}
