//! SAC and TD3 by what any learner must do: learn, resume to the byte, take bonuses, and know time-outs from ends.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;
mod point;

use std::{fs, path::Path, sync::atomic::AtomicBool};

use point::{Pay, PointRules, line, setup, trainer};
use prospect_agents::{
    AgentConfig, AgentError, CheckpointConfig, DqnConfig, EvalConfig, Event, Outcome, Play, ProbeConfig,
    SacConfig, Session, SessionConfig, Start, Td3Config, TrainSetup, Trainer, config::HindsightStrategy,
};
use prospect_shaping::ModuleRegistry;
use prospect_sim::{Rollout, Seeds, VecEnv, VecEnvConfig};

fn sac() -> SacConfig {
    SacConfig {
        total_steps: 400,
        buffer_size: 300,
        learning_starts: 50,
        gradient_steps: 2,
        batch_size: 32,
        policy_lr: 3e-3,
        q_lr: 3e-3,
        tau: 0.02,
        gamma: 0.9,
        hidden: vec![16, 16],
        log_every_steps: 40,
        ..SacConfig::default()
    }
}

fn td3() -> Td3Config {
    Td3Config {
        total_steps: 400,
        buffer_size: 300,
        learning_starts: 50,
        gradient_steps: 2,
        batch_size: 32,
        policy_lr: 3e-3,
        q_lr: 3e-3,
        tau: 0.02,
        gamma: 0.9,
        hidden: vec![16, 16],
        log_every_steps: 40,
        ..Td3Config::default()
    }
}

/// SAC, TD3, and SAC with hindsight.
fn all() -> [AgentConfig; 3] {
    let hindsight = SacConfig {
        hindsight: HindsightStrategy::Future,
        ..sac()
    };
    [sac().into(), td3().into(), hindsight.into()]
}

fn finish(mut trainer: Trainer) -> Trainer {
    while !trainer.is_finished() {
        trainer.iterate().unwrap();
    }
    trainer
}

#[test]
fn the_point_learns_to_go_to_its_goal() {
    let long = SacConfig {
        total_steps: 4000,
        buffer_size: 4000,
        ..sac()
    };
    let longer = Td3Config {
        total_steps: 4000,
        buffer_size: 4000,
        ..td3()
    };
    for agent in [AgentConfig::from(long), longer.into()] {
        let kind = agent.kind();
        let begun = trainer(PointRules::default(), agent, "");
        let before = begun.evaluate(50, Play::Greedy).unwrap().return_mean;
        let learned = finish(begun);
        let after = learned.evaluate(50, Play::Greedy).unwrap().return_mean;
        // Going straight there costs half a step for each quarter of the way, and what is left then is little.
        assert!(before < -4.0 && after > -1.6, "{kind}: {before} {after}");
    }
}

#[test]
fn hindsight_finds_goals_that_chance_never_reaches() {
    let rules = PointRules {
        pay: Pay::Goal,
        terminates: true,
        max_steps: 24,
        far: 4.0,
        remote: true,
        ..PointRules::default()
    };
    let success = |strategy: HindsightStrategy| {
        let agent = SacConfig {
            total_steps: 6000,
            buffer_size: 6000,
            tau: 0.05,
            alpha: 0.1,
            hindsight: strategy,
            ..sac()
        };
        let learned = finish(trainer(rules, agent, ""));
        learned.evaluate(50, Play::Greedy).unwrap().success_rate
    };
    let without = success(HindsightStrategy::Off);
    let strategies = [
        HindsightStrategy::Final,
        HindsightStrategy::Future,
        HindsightStrategy::Episode,
    ];
    for strategy in strategies {
        let with = success(strategy);
        assert!(
            with > 0.6 && without < 0.1,
            "{strategy:?}: {with}, {without} without"
        );
    }
}

/// Every step pays 1 and only time ends an episode, so every state is worth 1 / (1 - 0.9) = 10. A learner that takes
/// time-outs for ends finds at most the value of the steps left, less than 6 on average.
#[test]
fn time_outs_are_bootstrapped() {
    let rules = PointRules {
        pay: Pay::Always,
        max_steps: 10,
        ..PointRules::default()
    };
    let without_entropy = SacConfig {
        total_steps: 4000,
        tau: 0.1,
        alpha: 0.0,
        autotune: false,
        ..sac()
    };
    let td3 = Td3Config {
        total_steps: 4000,
        tau: 0.1,
        ..td3()
    };
    for agent in [AgentConfig::from(without_entropy), td3.into()] {
        let kind = agent.kind();
        let learned = finish(trainer(rules, agent, ""));
        let mut envs = VecEnv::new(line(rules), &VecEnvConfig::of(20)).unwrap();
        let mut rollout = Rollout::new(envs.layout(), 1);
        envs.reset(Seeds::Base(0), rollout.first_row_mut()).unwrap();
        for value in learned.learner().judge(&rollout, 0).value {
            assert!((value - 10.0).abs() < 0.5, "{kind}: {value}");
        }
    }
}

fn bonus(weight: f64) -> String {
    format!(
        "[[reward]]\nkind = \"first_visit\"\nname = \"bonus\"\nkey = [\"agent_x\"]\nweight = {weight:?}\n"
    )
}

#[test]
fn a_bonus_reaches_the_policy_and_one_of_weight_0_changes_no_bit() {
    for agent in all() {
        let weights = |reward: &str| {
            let learned = finish(trainer(PointRules::default(), agent.clone(), reward));
            learned.learner().store().to_bytes()
        };
        let without = weights("");
        assert_eq!(weights(&bonus(0.0)), without);
        assert_ne!(weights(&bonus(0.1)), without);
    }
}

#[test]
fn a_bonus_that_is_not_added_is_refused() {
    let registry = ModuleRegistry::with_builtin();
    let reward = bonus(0.1) + "mix = \"own_value_head\"\n";
    let error = Trainer::new(setup(line(PointRules::default()), sac(), &reward, &registry))
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("bonus") && error.contains("mix"), "{error}");
}

#[test]
fn the_same_bytes_with_any_threads_and_shards() {
    let registry = ModuleRegistry::with_builtin();
    for agent in all() {
        let run = |threads: usize, shards: Option<usize>| {
            let setup = TrainSetup {
                threads,
                shards,
                ..setup(line(PointRules::default()), agent.clone(), &bonus(0.1), &registry)
            };
            let mut trainer = Trainer::new(setup).unwrap();
            let metrics: Vec<_> = (0..3)
                .map(|_| format!("{:?}", trainer.iterate().unwrap().metrics))
                .collect();
            (trainer.learner().store().to_bytes(), metrics)
        };
        let reference = run(1, None);
        assert_eq!(run(2, Some(4)), reference);
        assert_eq!(run(1, Some(2)), reference);
    }
}

fn open(folder: &Path, agent: &AgentConfig, start: Start) -> Session {
    let registry = ModuleRegistry::with_builtin();
    let setup = setup(line(PointRules::default()), agent.clone(), &bonus(0.1), &registry);
    let config = SessionConfig {
        eval: EvalConfig {
            every_steps: 100,
            episodes: 5,
            deterministic: true,
        },
        probe: ProbeConfig {
            every_steps: 0,
            ..ProbeConfig::default()
        },
        checkpoint: CheckpointConfig {
            every_steps: 80,
            keep_last: 2,
            ..CheckpointConfig::default()
        },
    };
    Session::open(folder, Trainer::new(setup).unwrap(), config, start).unwrap()
}

#[test]
fn killed_and_resumed_is_as_never_killed() {
    for agent in all() {
        let root = tempfile::tempdir().unwrap();
        let finish = |folder: &str, start: Start| {
            let folder = root.path().join(folder);
            let mut session = open(&folder, &agent, start);
            let outcome = session.run(&AtomicBool::new(false), &mut |_, _| {}).unwrap();
            assert_eq!(outcome, Outcome::Finished);
            let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
            let stored = session.trainer().learner().store().to_bytes();
            (stored, read("metrics.csv"), read("eval.csv"))
        };
        let whole = finish("whole", Start::New);
        for (kill_at, name) in [(2, "early"), (7, "late")] {
            let mut session = open(&root.path().join(name), &agent, Start::New);
            let mut rows = 0;
            let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                session.run(&AtomicBool::new(false), &mut |_, event| {
                    rows += usize::from(matches!(event, Event::Iteration(_)));
                    assert!(rows < kill_at, "killed");
                })
            }));
            assert!(died.is_err());
            drop(session);
            assert_eq!(finish(name, Start::Resume), whole, "{} {name}", agent.kind());
        }
    }
}

#[test]
fn what_is_no_number_stops_the_run_under_its_name() {
    let broken = PointRules {
        pay: Pay::Broken,
        ..PointRules::default()
    };
    for agent in all() {
        let error = trainer(broken, agent, "").iterate().unwrap_err().to_string();
        assert!(
            error.starts_with("the task's reward of Line-v0 became NaN"),
            "{error}"
        );
    }
    let wild_sac = SacConfig { q_lr: 1e30, ..sac() };
    let wild_td3 = Td3Config { q_lr: 1e30, ..td3() };
    for agent in [AgentConfig::from(wild_sac), wild_td3.into()] {
        let mut trainer = trainer(PointRules::default(), agent, "");
        let error = (0..10).find_map(|_| trainer.iterate().err()).unwrap();
        assert!(matches!(error, AgentError::NotFinite { .. }), "{error}");
    }
}

#[test]
fn learners_and_tasks_that_do_not_fit_are_refused() {
    let registry = ModuleRegistry::with_builtin();
    let refusal = |rules: PointRules, agent: AgentConfig| {
        let made = Trainer::new(setup(line(rules), agent, "", &registry));
        made.err().unwrap().to_string()
    };
    let error = refusal(PointRules::default(), DqnConfig::default().into());
    assert!(error.contains("Box([-2.0], [2.0])"), "{error}");
    let without = PointRules {
        goals: false,
        ..PointRules::default()
    };
    let [.., hindsight] = all();
    let error = refusal(without, hindsight);
    assert!(error.contains("Line-v0") && error.contains("no goals"), "{error}");
    // Four envs with episodes of twelve steps.
    let holding = |buffer_size: usize| {
        let agent = SacConfig {
            buffer_size,
            hindsight: HindsightStrategy::Final,
            ..sac()
        };
        Trainer::new(setup(line(PointRules::default()), agent, "", &registry))
    };
    assert!(holding(48).is_ok());
    let error = holding(44).err().unwrap().to_string();
    assert!(
        error.contains("agent.buffer_size = 44") && error.contains("at least 48"),
        "{error}"
    );
    for gradient_steps in [-2, 0, i64::MIN] {
        let agent = SacConfig {
            gradient_steps,
            ..sac()
        };
        let error = refusal(PointRules::default(), agent.into());
        assert!(error.contains("agent.gradient_steps"), "{error}");
    }
}

#[test]
fn unknown_keys_are_refused() {
    let error = serde_json::from_str::<SacConfig>(r#"{"taw": 1}"#)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("unknown field `taw`") && error.contains("`tau`"),
        "{error}"
    );
    assert!(serde_json::from_str::<Td3Config>(r#"{"alpha": 1}"#).is_err());
}

/// Minus one makes an update per env step, and a report has every loss from its first row on.
#[test]
fn updates_keep_pace_with_env_steps() {
    let agent = SacConfig {
        gradient_steps: -1,
        ..sac()
    };
    let mut trainer = trainer(PointRules::default(), agent, "");
    let first = trainer.iterate().unwrap().metrics;
    assert!(first["losses/qf1_loss"].is_nan() && first["losses/alpha"].is_nan());
    let trainer = finish(trainer);
    // The first updates follow the step that brings the count above 50: 52.
    let stored = trainer.learner().store();
    assert_eq!(stored.text("updates"), Some((400 - 52 + 4).to_string().as_str()));
}
