//! A bonus reaches the gradient; a bonus of weight 0 does not touch a single bit; time-outs are not the end of the world.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{ChainRules, chain, rewards, setup, small, trainer};
use prospect_agents::{Play, PpoConfig, TrainSetup, Trainer};
use prospect_shaping::ModuleRegistry;
use prospect_sim::{Rollout, Seeds, VecEnv, VecEnvConfig};

const MIXES: [&str; 3] = ["add", "own_value_head", "advantage"];

fn bonus(mix: &str, weight: f64) -> String {
    format!(
        "[[reward]]\nkind = \"first_visit\"\nname = \"bonus\"\nkey = [\"position\"]\nweight = {weight:?}\nmix = \"{mix}\"\n"
    )
}

fn weights_after(as_vector: bool, reward: &str, iterations: usize) -> Vec<u8> {
    let rules = ChainRules {
        as_vector,
        ..ChainRules::default()
    };
    let mut trainer = trainer(rules, small(), reward, 3);
    for _ in 0..iterations {
        trainer.iterate().unwrap();
    }
    trainer.learner().weights()
}

#[test]
fn a_bonus_changes_the_gradient_whatever_its_mix() {
    for as_vector in [false, true] {
        let without = weights_after(as_vector, "", 1);
        for mix in MIXES {
            assert_ne!(weights_after(as_vector, &bonus(mix, 0.1), 1), without, "{mix}");
        }
    }
}

#[test]
fn weight_0_is_bit_identical_to_no_module_at_all() {
    for as_vector in [false, true] {
        let without = weights_after(as_vector, "", 5);
        for mix in MIXES {
            assert_eq!(weights_after(as_vector, &bonus(mix, 0.0), 5), without, "{mix}");
        }
    }
}

#[test]
fn all_modules_at_weight_0_together_are_bit_identical_too() {
    let all: String = MIXES
        .iter()
        .enumerate()
        .map(|(i, mix)| bonus(mix, 0.0).replace("\"bonus\"", &format!("\"bonus{i}\"")))
        .collect();
    assert_eq!(weights_after(false, &all, 3), weights_after(false, "", 3));
}

#[test]
fn a_module_of_weight_0_is_logged_and_its_critic_learns() {
    let mut trainer = trainer(ChainRules::default(), small(), &bonus("own_value_head", 0.0), 3);
    let head = |trainer: &Trainer| {
        trainer
            .learner()
            .store()
            .get("stream.bonus.head.weight")
            .unwrap()
            .values
            .clone()
    };
    let before = head(&trainer);
    let report = trainer.iterate().unwrap();
    assert!(report.metrics["reward/bonus/raw_mean"] > 0.0);
    assert!(report.metrics["losses/value_loss/bonus"] > 0.0);
    assert_eq!(report.metrics["reward/bonus/advantage_ratio"], 0.0);
    assert_ne!(head(&trainer), before);
}

#[test]
fn the_same_bytes_with_any_threads_and_shards() {
    let registry = ModuleRegistry::with_builtin();
    let run = |threads: usize, shards: Option<usize>| {
        let setup = TrainSetup {
            threads,
            shards,
            ..setup(
                chain(ChainRules::default()),
                small(),
                &bonus("add", 0.1),
                3,
                &registry,
            )
        };
        let mut trainer = Trainer::new(setup).unwrap();
        let metrics: Vec<_> = (0..3)
            .map(|_| format!("{:?}", trainer.iterate().unwrap().metrics))
            .collect();
        (trainer.learner().weights(), metrics)
    };
    let reference = run(1, None);
    for (threads, shards) in [(2, Some(4)), (4, Some(8)), (1, Some(3))] {
        assert_eq!(
            run(threads, shards),
            reference,
            "{threads} threads, {shards:?} shards"
        );
    }
}

/// An index and the same index as a vector enter the same network; one runs through libtorch's graph, the other does not.
#[test]
fn both_ways_of_running_a_network_learn_the_same() {
    let run = |as_vector: bool| {
        let rules = ChainRules {
            as_vector,
            ..ChainRules::default()
        };
        let mut trainer = trainer(rules, small(), "", 3);
        assert_eq!(trainer.learner().is_fused(), as_vector && has_fma());
        (0..2)
            .map(|_| trainer.iterate().unwrap().metrics)
            .collect::<Vec<_>>()
    };
    for (a, b) in run(false).iter().zip(run(true)) {
        for name in [
            "losses/policy_loss",
            "losses/value_loss",
            "losses/entropy",
            "losses/grad_norm",
        ] {
            assert!(
                (a[name] - b[name]).abs() < 1e-4 * a[name].abs().max(1e-2),
                "{name}: {} {}",
                a[name],
                b[name]
            );
        }
    }
}

fn has_fma() -> bool {
    prospect_nets::libtorch_info().cpu_capability != "DEFAULT"
}

#[test]
fn evaluation_and_probes_leave_training_alone() {
    let mut plain = trainer(ChainRules::default(), small(), &bonus("add", 0.1), 3);
    let mut watched = trainer(ChainRules::default(), small(), &bonus("add", 0.1), 3);
    for _ in 0..3 {
        plain.iterate().unwrap();
        let first = watched.evaluate(20, Play::Sampled).unwrap();
        assert_eq!(
            watched.evaluate(20, Play::Sampled).unwrap(),
            first,
            "an evaluation repeats itself"
        );
        prospect_agents::probe::look(&watched, &prospect_agents::ProbeConfig::default())
            .unwrap()
            .unwrap();
        watched.iterate().unwrap();
    }
    assert_eq!(
        plain.learner().store().to_bytes(),
        watched.learner().store().to_bytes()
    );
}

/// Every step pays 1 and only time ends an episode, so with gamma 0.9 every state is worth 1 / (1 - 0.9) = 10. A learner
/// that takes time-outs for ends finds at most the value of the steps left, less than 6 on average.
#[test]
fn time_outs_are_bootstrapped() {
    let rules = ChainRules {
        last: 4,
        max_steps: 10,
        start_below: 3,
        endless: true,
        ..ChainRules::default()
    };
    let agent = PpoConfig {
        total_steps: 8 * 32 * 80,
        gamma: 0.9,
        learning_rate: 1e-2,
        update_epochs: 8,
        ..small()
    };
    let mut trainer = trainer(rules, agent, "", 2);
    while !trainer.is_finished() {
        trainer.iterate().unwrap();
    }
    let mut envs = VecEnv::new(chain(rules), &VecEnvConfig::of(20)).unwrap();
    let mut rollout = Rollout::new(envs.layout(), 1);
    envs.reset(Seeds::Base(0), rollout.first_row_mut()).unwrap();
    for value in trainer.learner().judge(&rollout, 0).value {
        assert!((value - 10.0).abs() < 0.5, "{value}");
    }
}

#[test]
fn nan_stops_the_run_and_names_the_term() {
    let rules = ChainRules {
        broken_after: 5,
        ..ChainRules::default()
    };
    let error = trainer(rules, small(), "", 1).iterate().unwrap_err().to_string();
    assert!(
        error.starts_with("the task's reward of Chain-v0 became NaN at step 256"),
        "{error}"
    );

    let agent = PpoConfig {
        learning_rate: 1e30,
        max_grad_norm: 0.0,
        ..small()
    };
    let mut broken = trainer(ChainRules::default(), agent, "", 1);
    let error = (0..5).find_map(|_| broken.iterate().err()).unwrap().to_string();
    assert!(
        error.contains("became") && error.contains("last checkpoint is good"),
        "{error}"
    );
}

#[test]
fn the_ratio_of_advantages_is_that_of_the_weights() {
    let agent = small();
    let ratio = |weight: f64| {
        let mut trainer = trainer(
            ChainRules::default(),
            agent.clone(),
            &bonus("own_value_head", weight),
            3,
        );
        trainer.iterate().unwrap().metrics["reward/bonus/advantage_ratio"]
    };
    let (one, two) = (ratio(0.1), ratio(0.2));
    assert!(one > 0.0 && (two / one - 2.0).abs() < 1e-9, "{one} {two}");
    assert_eq!(rewards(&bonus("add", 0.1), &agent.into()).len(), 1);
}
