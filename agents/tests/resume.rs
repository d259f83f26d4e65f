//! A run that was interrupted ends as one that was not, byte for byte; damaged and foreign checkpoints are refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use common::{ChainRules, chain, setup, small};
use prospect_agents::{
    AgentError, CheckpointConfig, EvalConfig, Event, Outcome, PpoConfig, ProbeConfig, Session, SessionConfig,
    Start, Trainer,
};
use prospect_shaping::ModuleRegistry;
use prospect_sim::random::Generator;

const BONUS: &str = "[[reward]]\nkind = \"first_visit\"\nkey = [\"position\"]\nweight = 0.1\nnormalise = \"running_std\"\n\
                     [[reward]]\nkind = \"count\"\nkey = [\"position\"]\nweight = 0.1\nmix = \"own_value_head\"\n\
                     episodic = false\n";

fn fresh(seed: u64) -> Trainer {
    prospect_nets::set_threads(1);
    let registry = ModuleRegistry::with_builtin();
    let agent = PpoConfig {
        total_steps: 8 * 32 * 9,
        target_kl: 0.05,
        ..small()
    };
    Trainer::new(setup(chain(ChainRules::default()), agent, BONUS, seed, &registry)).unwrap()
}

fn config() -> SessionConfig {
    SessionConfig {
        eval: EvalConfig {
            every_steps: 512,
            episodes: 10,
            deterministic: false,
        },
        probe: ProbeConfig {
            every_steps: 1024,
            levels: 2,
            episodes: 2,
        },
        checkpoint: CheckpointConfig {
            every_steps: 512,
            keep_last: 2,
            ..CheckpointConfig::default()
        },
    }
}

fn open(folder: &Path, start: Start) -> Result<Session, AgentError> {
    Session::open(folder, fresh(5), config(), start)
}

/// Runs until `iterations` are done and then drops everything, as a kill would: no checkpoint is written for it.
fn run_and_die(folder: &Path, start: Start, iterations: usize) {
    let mut session = open(folder, start).unwrap();
    let mut done = 0;
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        session.run(&AtomicBool::new(false), &mut |_, event| {
            if matches!(event, Event::Iteration(_)) {
                done += 1;
                assert!(done < iterations, "killed");
            }
        })
    }));
    assert!(died.is_err());
}

fn finish(folder: &Path, start: Start) -> Vec<u8> {
    let mut session = open(folder, start).unwrap();
    assert_eq!(
        session.run(&AtomicBool::new(false), &mut |_, _| {}).unwrap(),
        Outcome::Finished
    );
    session.trainer().learner().store().to_bytes()
}

fn same_files(a: &Path, b: &Path) {
    for name in ["metrics.csv", "eval.csv"] {
        let read = |folder: &Path| fs::read_to_string(folder.join(name)).unwrap();
        assert!(read(a).lines().count() > 4);
        assert_eq!(read(a), read(b), "{name}");
    }
    let lines = |folder: &Path| {
        fs::read_to_string(folder.join("timing.csv"))
            .unwrap()
            .lines()
            .count()
    };
    assert_eq!(lines(a), lines(b));
}

#[test]
fn killed_and_resumed_is_as_never_killed() {
    let root = tempfile::tempdir().unwrap();
    let whole = root.path().join("whole");
    let weights = finish(&whole, Start::New);
    let mut rng = Generator::default_rng(8);
    for attempt in 0..4 {
        let folder = root.path().join(format!("killed{attempt}"));
        run_and_die(&folder, Start::New, 1 + rng.choice(4));
        run_and_die(&folder, Start::Resume, 1 + rng.choice(3));
        assert_eq!(finish(&folder, Start::Resume), weights, "attempt {attempt}");
        same_files(&whole, &folder);
    }
}

#[test]
fn the_stop_flag_ends_with_a_checkpoint() {
    let root = tempfile::tempdir().unwrap();
    let weights = finish(&root.path().join("whole"), Start::New);
    let folder = root.path().join("stopped");
    let mut session = open(&folder, Start::New).unwrap();
    let stop = AtomicBool::new(false);
    let outcome = session.run(&stop, &mut |trainer, _| {
        stop.store(trainer.step() >= 3 * 256, Ordering::Relaxed);
    });
    assert_eq!(outcome.unwrap(), Outcome::Stopped);
    drop(session);
    assert!(folder.join("checkpoints/step_000000000768").exists());
    assert_eq!(finish(&folder, Start::Resume), weights);
    same_files(&root.path().join("whole"), &folder);
    // Nothing is left to do.
    assert_eq!(finish(&folder, Start::Resume), weights);
    same_files(&root.path().join("whole"), &folder);
}

#[test]
fn a_run_stopped_before_its_first_step_resumes() {
    let root = tempfile::tempdir().unwrap();
    let weights = finish(&root.path().join("whole"), Start::New);
    let folder = root.path().join("stopped");
    let mut session = open(&folder, Start::New).unwrap();
    assert_eq!(
        session.run(&AtomicBool::new(true), &mut |_, _| {}).unwrap(),
        Outcome::Stopped
    );
    drop(session);
    assert_eq!(finish(&folder, Start::Resume), weights);
    same_files(&root.path().join("whole"), &folder);
}

#[test]
fn a_folder_in_use_or_with_a_run_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run");
    let session = open(&folder, Start::New).unwrap();
    let error = open(&folder, Start::New).err().unwrap();
    assert!(matches!(error, AgentError::InUse { .. }), "{error}");
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );
    drop(session);
    let error = open(&folder, Start::New).err().unwrap();
    assert!(
        matches!(error, AgentError::Exists { .. }) && error.to_string().contains("--resume"),
        "{error}"
    );
}

#[test]
fn foreign_and_damaged_checkpoints_are_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run");
    finish(&folder, Start::New);
    let error = Session::open(&folder, fresh(6), config(), Start::Resume)
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("another run") && error.contains("seed 5") && error.contains("seed 6"),
        "{error}"
    );

    let latest = prospect_agents::session::checkpoints(&folder)
        .latest()
        .unwrap()
        .unwrap();
    let mut names: Vec<_> = fs::read_dir(&latest)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    let mut rng = Generator::default_rng(4);
    for path in names {
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..rng.choice(whole.len())]).unwrap();
        let error = open(&folder, Start::Resume).err().unwrap();
        assert!(matches!(error, AgentError::Checkpoint { .. }), "{error}");
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(error.to_string().contains(&name), "{error}");
        fs::write(&path, whole).unwrap();
    }
    open(&folder, Start::Resume).unwrap();
}

#[test]
fn probes_are_readable_and_add_up() {
    let root = tempfile::tempdir().unwrap();
    finish(root.path(), Start::New);
    let path = root.path().join("probe/step_000000000000.npz");
    let mut npz = npyz::npz::NpzArchive::open(&path).unwrap();
    let names: Vec<String> = npz.array_names().map(str::to_owned).collect();
    for name in [
        "layout",
        "agent_start",
        "visits",
        "extrinsic",
        "mixed",
        "bonus/first_visit",
        "bonus/count",
        "value",
    ] {
        assert!(
            names.iter().any(|found| found == name),
            "{name} is not in {names:?}"
        );
    }
    let visits: Vec<f32> = npz.by_name("visits").unwrap().unwrap().into_vec().unwrap();
    // Two levels of nine cells; two episodes each of at most 24 steps and their starts.
    assert_eq!(visits.len(), 18);
    let total: f32 = visits.iter().sum();
    assert!((4.0 * 9.0..=4.0 * 25.0).contains(&total), "{total}");
    let action = npz.by_name("greedy_action").unwrap().unwrap();
    assert_eq!(action.shape(), [2, 4, 9, 1]);
    let action: Vec<i8> = action.into_vec().unwrap();
    assert!(action.iter().all(|a| (-1..2).contains(a)) && action[8] == -1);
}
