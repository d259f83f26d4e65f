//! Behaviour cloning: from demonstrations alone, beside PPO, resumed, and from files that do not fit.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::{fs::File, io::BufWriter, path::Path};

use common::toy::{Hands, ToyRules, toy, toy_trainer};
use npyz::{AutoSerialize, WriterBuilder, npz::NpzWriter, zip::write::FileOptions};
use prospect_agents::{
    Play, PpoConfig, Trainer,
    config::{BcConfig, MemoryKind},
};
use prospect_sim::{Rollout, Seeds, VecEnv, VecEnvConfig};

const STEPS: usize = 24;
const ACTORS: usize = 16;

fn rules(hands: Hands) -> ToyRules {
    ToyRules {
        hands,
        ..ToyRules::default()
    }
}

/// What the cue asks for, or its opposite for every other actor.
fn play(rules: ToyRules, half_wrong: bool) -> Rollout {
    let config = VecEnvConfig {
        n_envs: ACTORS,
        facts: vec!["action_mask".to_owned(), "cue".to_owned()],
        ..VecEnvConfig::default()
    };
    let mut envs = VecEnv::new(toy(rules), &config).unwrap();
    let mut rollout = Rollout::new(envs.layout(), STEPS);
    envs.reset(Seeds::Base(100), rollout.first_row_mut()).unwrap();
    for t in 0..STEPS {
        let cues = rollout.state_fact(1).as_i32().unwrap()[t * ACTORS..(t + 1) * ACTORS].to_vec();
        for (k, &cue) in cues.iter().enumerate() {
            let cue = if half_wrong && k % 2 == 1 {
                (cue + 1) % 4
            } else {
                cue
            };
            match rules.hands {
                Hands::One => rollout.discrete_actions_mut(t)[k] = cue,
                Hands::Two => {
                    rollout.discrete_actions_mut(t)[2 * k..2 * k + 2].copy_from_slice(&[cue, cue % 2])
                }
                Hands::Real => rollout.continuous_actions_mut(t)[k] = 1.6 * cue as f32 / 3.0 - 0.8,
            }
        }
        let (actions, row) = rollout.step_mut(t);
        envs.step(actions, row).unwrap();
    }
    rollout
}

/// A file as `prospect rollout` writes it, without what nobody reads.
struct Out(NpzWriter<BufWriter<File>>);

impl Out {
    fn new(path: &Path) -> Self {
        Self(NpzWriter::new(BufWriter::new(File::create(path).unwrap())))
    }

    fn put<T: AutoSerialize + Copy>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: impl IntoIterator<Item = T>,
    ) {
        let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        let array = self.0.array(name, FileOptions::default()).unwrap();
        let mut writer = array.default_dtype().shape(&shape).begin_nd().unwrap();
        writer.extend(values).unwrap();
        writer.finish().unwrap();
    }
}

fn write(path: &Path, rollout: &Rollout, without: &str) {
    let mut out = Out::new(path);
    let plain = [STEPS, ACTORS];
    let full = [STEPS, ACTORS, rollout.layout().actions.width()];
    if without != "observation" {
        let values = rollout.observation(0).as_f32().unwrap();
        out.put("observation", &[STEPS + 1, ACTORS, 5], values.iter().copied());
    }
    match rollout.actions().as_i32() {
        Some(actions) => {
            let shape = if full[2] == 1 { &plain[..] } else { &full };
            out.put("action", shape, actions.iter().map(|&a| i64::from(a)));
        }
        None => out.put(
            "action",
            &full,
            rollout.actions().as_f32().unwrap().iter().copied(),
        ),
    }
    out.put("reward", &plain, rollout.reward().iter().copied());
    out.put("terminated", &plain, rollout.terminated().iter().copied());
    out.put("truncated", &plain, rollout.truncated().iter().copied());
}

fn small(path: &Path) -> PpoConfig {
    PpoConfig {
        total_steps: 8 * 16 * 6,
        rollout_steps: 16,
        n_minibatches: 4,
        update_epochs: 2,
        learning_rate: 3e-3,
        hidden: vec![16],
        memory_size: 8,
        norm_obs: true,
        bc: Some(BcConfig {
            demonstrations: path.display().to_string(),
            epochs: 40,
            learning_rate: 1e-2,
            minibatch_size: 64,
            ..BcConfig::default()
        }),
        ..PpoConfig::default()
    }
}

/// Mean reward of a held-out step, without a step of training.
fn cloned(rules: ToyRules, agent: PpoConfig) -> f64 {
    let mut trainer = toy_trainer(rules, agent, "", 1);
    trainer.start().unwrap();
    trainer.evaluate(50, Play::Greedy).unwrap().return_mean / f64::from(rules.length)
}

#[test]
fn demonstrations_alone_teach_every_kind_of_action() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demonstrations.npz");
    for hands in [Hands::One, Hands::Two, Hands::Real] {
        write(&path, &play(rules(hands), false), "");
        for (squash, memory) in [(false, MemoryKind::None), (true, MemoryKind::Gru)] {
            let agent = PpoConfig {
                squash,
                memory,
                ..small(&path)
            };
            let mean = cloned(rules(hands), agent);
            assert!(mean > 0.93, "{hands:?} {memory:?}: {mean}");
        }
    }
}

#[test]
fn only_successes_are_learned_from_if_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demonstrations.npz");
    write(&path, &play(rules(Hands::One), true), "");
    let chosen = |only_successful: bool| {
        let mut agent = small(&path);
        agent.bc.as_mut().unwrap().only_successful = only_successful;
        cloned(rules(Hands::One), agent)
    };
    assert!(chosen(true) > 0.93, "{}", chosen(true));
    assert!(chosen(false) < 0.93, "{}", chosen(false));
}

fn with_coef(path: &Path, coef: f64) -> PpoConfig {
    let mut agent = small(path);
    let bc = agent.bc.as_mut().unwrap();
    (bc.coef, bc.epochs) = (coef, 1);
    agent
}

#[test]
fn the_auxiliary_loss_changes_the_gradient_and_weight_0_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demonstrations.npz");
    write(&path, &play(rules(Hands::One), false), "");
    let after = |agent: PpoConfig| {
        let mut trainer = toy_trainer(rules(Hands::One), agent, "", 1);
        let metrics = trainer.iterate().unwrap().metrics;
        (
            trainer.learner().weights(),
            metrics.get("losses/bc_loss").copied(),
        )
    };
    let without = after(with_coef(&path, 0.0));
    let with = after(with_coef(&path, 1.0));
    assert!(without.1.is_none() && with.1.unwrap() > 0.0);
    assert_ne!(without.0, with.0);
    // Without passes and without the loss, demonstrations are as good as none.
    let mut idle = with_coef(&path, 0.0);
    idle.bc.as_mut().unwrap().epochs = 0;
    let none = PpoConfig {
        bc: None,
        ..idle.clone()
    };
    assert_eq!(after(idle).0, after(none).0);
}

#[test]
fn a_resumed_run_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demonstrations.npz");
    write(&path, &play(rules(Hands::Real), false), "");
    for memory in [MemoryKind::None, MemoryKind::Lstm] {
        let agent = PpoConfig {
            memory,
            ..with_coef(&path, 0.5)
        };
        let fresh = || toy_trainer(rules(Hands::Real), agent.clone(), "", 1);
        let go_on = |mut trainer: Trainer| {
            (0..2).for_each(|_| drop(trainer.iterate().unwrap()));
            trainer
        };
        // At step 0, after the passes over the demonstrations, and later.
        let mut started = fresh();
        started.start().unwrap();
        let at_0 = started.save().unwrap();
        let halfway = go_on(started);
        let at_2 = halfway.save().unwrap();
        let whole = go_on(halfway).learner().store().to_bytes();
        for (checkpoint, turns) in [(at_0, 2), (at_2, 1)] {
            let mut resumed = fresh();
            resumed.load(&checkpoint).unwrap();
            for _ in 0..turns {
                resumed = go_on(resumed);
            }
            assert_eq!(resumed.learner().store().to_bytes(), whole, "{memory:?}");
        }
    }
}

#[test]
fn files_that_do_not_fit_are_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demonstrations.npz");
    let refused = |rules: ToyRules| {
        let mut trainer = toy_trainer(rules, small(&path), "", 1);
        trainer.start().unwrap_err().to_string()
    };
    let error = refused(rules(Hands::One));
    assert!(
        error.contains("demonstrations.npz") && error.contains("prospect rollout"),
        "{error}"
    );

    write(&path, &play(rules(Hands::One), false), "observation");
    let error = refused(rules(Hands::One));
    assert!(
        error.contains("array `observation` is missing") && error.contains("prospect rollout"),
        "{error}"
    );

    write(&path, &play(rules(Hands::One), false), "");
    let wider = ToyRules {
        cues: 5,
        ..rules(Hands::One)
    };
    let error = refused(wider);
    assert!(
        error.contains("has shape [25, 16, 5], not [25, 16, 6]"),
        "{error}"
    );
    let error = refused(rules(Hands::Two));
    assert!(
        error.contains("not 2 values per action") && error.contains("MultiDiscrete([4, 2])"),
        "{error}"
    );

    // Actions that the task does not have.
    let mut rollout = play(rules(Hands::One), false);
    rollout.discrete_actions_mut(3)[2] = 4;
    write(&path, &rollout, "");
    let error = refused(rules(Hands::One));
    assert!(
        error.contains("holds 4, not one of 4") && error.contains("Discrete(4)"),
        "{error}"
    );
}
