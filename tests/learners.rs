//! Every kind of learner: its folder, wherever it lies, is all that an evaluation and a resume need.

use std::fs;

use crate::{ok, refused, text};

/// Kind, task, settings.
const LEARNERS: [(&str, &str, &str); 7] = [
    ("ppo", "CartPole-v1", "rollout_steps = 32\nnorm_obs = true"),
    (
        "ppo",
        "MiniGrid-MemoryS7-v0",
        "rollout_steps = 32\nmemory = \"gru\"\nmemory_size = 16\nn_minibatches = 4",
    ),
    (
        "dqn",
        "CartPole-v1",
        "learning_starts = 200\ntrain_frequency = 8\nprioritised = true\nn_step = 3\nnoisy = true",
    ),
    ("pqn", "CartPole-v1", "rollout_steps = 32"),
    ("sac", "Pendulum-v1", "batch_size = 32"),
    ("td3", "Pendulum-v1", "batch_size = 32"),
    (
        "sac",
        "PointMaze_UMaze-v3",
        "batch_size = 32\nhindsight = \"future\"",
    ),
];

#[test]
fn a_folder_is_all_that_is_needed() {
    for (kind, env, settings) in LEARNERS {
        let root = tempfile::tempdir().unwrap();
        let (run, made) = (root.path().join("run.toml"), root.path().join("made"));
        let file = format!(
            "[env]\nid = \"{env}\"\nn_envs = 4\n[agent]\nkind = \"{kind}\"\ntotal_steps = 1024\nhidden = [16]\n{settings}\n\
             [eval]\nevery_steps = 1024\nepisodes = 3\n[probe]\nevery_steps = 0\n"
        );
        fs::write(&run, file).unwrap();
        ok(&["train", text(&run), "--out", text(&made), "--quiet"]);
        fs::remove_file(&run).unwrap();
        let moved = root.path().join("elsewhere").join("moved");
        fs::create_dir(moved.parent().unwrap()).unwrap();
        fs::rename(&made, &moved).unwrap();
        // A folder that comes from a machine with a CUDA device plays on one without.
        let resolved = moved.join("run.toml");
        let settings = fs::read_to_string(&resolved).unwrap();
        let elsewhere = settings.replace("device = \"cpu\"", "device = \"cuda\"");
        assert_ne!(settings, elsewhere);
        fs::write(&resolved, elsewhere).unwrap();
        let evaluated = ok(&["eval", text(&moved), "--episodes", "3", "--json"]);
        ok(&["export", text(&moved)]);
        fs::write(&resolved, settings).unwrap();
        let evaluated: serde_json::Value = serde_json::from_str(&evaluated).unwrap();
        let stored = fs::read_to_string(moved.join("eval.csv")).unwrap();
        let last: Vec<&str> = stored.lines().last().unwrap().split(',').collect();
        assert_eq!(evaluated["step"].to_string(), last[0], "{kind} in {env}");
        assert_eq!(
            evaluated["return_mean"].as_f64(),
            last[2].parse().ok(),
            "{kind} in {env}"
        );
        let longer = ["--resume", "--quiet", "--set", "agent.total_steps=1536"];
        ok(&[&["train", text(&resolved), "--out", text(&moved)], &longer[..]].concat());
        let stored = fs::read_to_string(moved.join("eval.csv")).unwrap();
        let steps: Vec<&str> = stored
            .lines()
            .skip(1)
            .filter_map(|line| line.split(',').next())
            .collect();
        assert_eq!(steps, ["0", "1024", "1536"], "{kind} in {env}");
    }
}

#[test]
fn a_policy_plays_other_levels_than_it_learned() {
    let root = tempfile::tempdir().unwrap();
    let (run, made) = (root.path().join("run.toml"), root.path().join("made"));
    let file = "[env]\nid = \"MiniGrid-Empty-5x5-v0\"\nn_envs = 4\n[agent]\ntotal_steps = 512\nhidden = [16]\n[probe]\nevery_steps = 0\n";
    fs::write(&run, file).unwrap();
    ok(&["train", text(&run), "--out", text(&made), "--quiet"]);
    let eval = |more: &[&str]| -> serde_json::Value {
        let command = [&["eval", text(&made), "--episodes", "5", "--json"], more].concat();
        serde_json::from_str(&ok(&command)).unwrap()
    };
    assert_eq!(eval(&["--env", "MiniGrid-Empty-5x5-v0"]), eval(&[]));
    let other = eval(&["--env", "MiniGrid-Empty-8x8-v0"]);
    assert_eq!(other["env"], "MiniGrid-Empty-8x8-v0");
    assert!(other["floor"].is_number() && other["ceiling"].is_number());
    let larger = eval(&["--env", "MiniGrid-Empty-8x8-v0", "--options", r#"{"size": 12}"#]);
    assert!(larger["floor"].is_null(), "{larger}");
    let another_view = [
        "eval",
        text(&made),
        "--env",
        "MiniGrid-Empty-8x8-v0",
        "--options",
        r#"{"view_size": 3}"#,
    ];
    let refusal = refused(&another_view);
    assert!(
        refusal.contains("the policy of MiniGrid-Empty-5x5-v0 cannot play"),
        "{refusal}"
    );
    assert!(refused(&["eval", text(&made), "--env", "CartPole-v1"]).contains("its actions are"));
}
