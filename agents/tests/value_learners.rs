//! Learners of action values keep the rules of every learner: bonuses reach them, time-outs are not the end of the world,
//! interrupted runs go on with the same bits, and they learn.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{ChainRules, chain, chain_of, setup, small_dqn, small_pqn, trainer};
use prospect_agents::{
    AgentConfig, AgentError, DqnConfig, Play, PqnConfig, TrainSetup, Trainer, config::Distribution,
};
use prospect_shaping::ModuleRegistry;
use prospect_sim::{ActionSpace, Rollout, Seeds, VecEnv, VecEnvConfig};

/// One of each: plain, with a distribution of either kind, all parts at once, and without a replay.
fn family_of(dqn: &DqnConfig, pqn: PqnConfig) -> [(&'static str, AgentConfig); 5] {
    let of = |distribution| DqnConfig {
        distribution,
        ..dqn.clone()
    };
    let rainbow = DqnConfig {
        double: true,
        dueling: true,
        n_step: 3,
        prioritised: true,
        noisy: true,
        ..of(Distribution::C51)
    };
    [
        ("dqn", of(Distribution::None).into()),
        ("c51", of(Distribution::C51).into()),
        ("qr", of(Distribution::Qr).into()),
        ("rainbow", rainbow.into()),
        ("pqn", pqn.into()),
    ]
}

fn family() -> [(&'static str, AgentConfig); 5] {
    family_of(&small_dqn(), small_pqn())
}

/// The same with a discount of 0.9, for returns up to `v_max`.
fn family_for_returns(learning_rate: f64, v_max: f64) -> [(&'static str, AgentConfig); 5] {
    let dqn = DqnConfig {
        total_steps: 16_000,
        gamma: 0.9,
        learning_rate,
        v_max,
        n_atoms: 41,
        ..small_dqn()
    };
    let pqn = PqnConfig {
        total_steps: 16_000,
        gamma: 0.9,
        learning_rate,
        ..small_pqn()
    };
    family_of(&dqn, pqn)
}

fn bonus(weight: f64) -> String {
    format!(
        "[[reward]]\nkind = \"first_visit\"\nname = \"bonus\"\nkey = [\"position\"]\nweight = {weight:?}\n\
         normalise = \"running_std\"\n"
    )
}

fn weights_after(agent: impl Into<AgentConfig>, as_vector: bool, reward: &str, iterations: usize) -> Vec<u8> {
    let rules = ChainRules {
        as_vector,
        ..ChainRules::default()
    };
    let mut trainer = trainer(rules, agent, reward, 3);
    for _ in 0..iterations {
        trainer.iterate().unwrap();
    }
    trainer.learner().weights()
}

#[test]
fn a_bonus_is_learned_and_one_of_weight_0_changes_no_bit() {
    for (name, agent) in family() {
        for as_vector in [false, true] {
            let after = |reward: &str| weights_after(agent.clone(), as_vector, reward, 3);
            let without = after("");
            assert_ne!(after(&bonus(0.1)), without, "{name}");
            assert_eq!(after(&bonus(0.0)), without, "{name}");
        }
    }
}

#[test]
fn the_same_bytes_with_any_threads_and_shards() {
    let registry = ModuleRegistry::with_builtin();
    for (name, agent) in family() {
        let run = |threads: usize, shards: Option<usize>| {
            let env = chain(ChainRules::default());
            let setup = TrainSetup {
                threads,
                shards,
                ..setup(env, agent.clone(), &bonus(0.1), 3, &registry)
            };
            let mut trainer = Trainer::new(setup).unwrap();
            let metrics = format!("{:?}", trainer.iterate().unwrap().metrics);
            (trainer.learner().weights(), metrics)
        };
        let reference = run(1, None);
        for (threads, shards) in [(2, Some(4)), (1, Some(3))] {
            assert_eq!(run(threads, shards), reference, "{name}: {threads}, {shards:?}");
        }
    }
}

#[test]
fn a_resumed_run_goes_on_with_the_same_bits() {
    for (name, agent) in family() {
        for as_vector in [false, true] {
            let rules = ChainRules {
                as_vector,
                ..ChainRules::default()
            };
            let mut whole = trainer(rules, agent.clone(), &bonus(0.1), 3);
            (0..3).for_each(|_| drop(whole.iterate().unwrap()));
            let checkpoint = whole.save().unwrap();
            let mut resumed = trainer(rules, agent.clone(), &bonus(0.1), 3);
            resumed.load(&checkpoint).unwrap();
            for _ in 0..3 {
                let metrics = |trainer: &mut Trainer| format!("{:?}", trainer.iterate().unwrap().metrics);
                assert_eq!(metrics(&mut whole), metrics(&mut resumed), "{name}");
            }
            let bytes = |trainer: &Trainer| trainer.learner().store().to_bytes();
            assert_eq!(bytes(&whole), bytes(&resumed), "{name}");
        }
    }
}

/// Learning waits until a whole window is there again, and does not end the run.
#[test]
fn a_run_that_left_its_replay_behind_goes_on() {
    let dqn = DqnConfig {
        train_frequency: 1,
        ..small_dqn()
    };
    for (name, agent) in family_of(&dqn, small_pqn()) {
        let mut whole = trainer(ChainRules::default(), agent.clone(), "", 3);
        whole.iterate().unwrap();
        let mut checkpoint = whole.save().unwrap();
        checkpoint.replay = false;
        let mut resumed = trainer(ChainRules::default(), agent, "", 3);
        resumed.load(&checkpoint).unwrap();
        let metrics = resumed.iterate().unwrap().metrics;
        assert!(metrics["losses/td_loss"].is_finite(), "{name}");
    }
}

#[test]
fn evaluation_and_probes_leave_training_alone() {
    for (name, agent) in family() {
        let mut plain = trainer(ChainRules::default(), agent.clone(), "", 3);
        let mut watched = trainer(ChainRules::default(), agent, "", 3);
        for _ in 0..3 {
            plain.iterate().unwrap();
            for play in [Play::Sampled, Play::Greedy] {
                let first = watched.evaluate(10, play).unwrap();
                assert_eq!(watched.evaluate(10, play).unwrap(), first, "{name}");
            }
            prospect_agents::probe::look(&watched, &prospect_agents::ProbeConfig::default())
                .unwrap()
                .unwrap();
            watched.iterate().unwrap();
        }
        let bytes = |trainer: &Trainer| trainer.learner().store().to_bytes();
        assert_eq!(bytes(&plain), bytes(&watched), "{name}");
    }
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
        as_vector: true,
        ..ChainRules::default()
    };
    for (name, agent) in family_for_returns(1e-2, 20.0) {
        let mut trainer = trainer(rules, agent, "", 2);
        while !trainer.is_finished() {
            trainer.iterate().unwrap();
        }
        let mut envs = VecEnv::new(chain(rules), &VecEnvConfig::of(20)).unwrap();
        let mut rollout = Rollout::new(envs.layout(), 1);
        envs.reset(Seeds::Base(0), rollout.first_row_mut()).unwrap();
        for value in trainer.learner().judge(&rollout, 0).value {
            assert!((value - 10.0).abs() < 0.5, "{name}: {value}");
        }
    }
}

#[test]
fn the_goal_is_found_and_its_value_is_the_discounted_reward() {
    let rules = ChainRules {
        as_vector: true,
        ..ChainRules::default()
    };
    for (name, agent) in family_for_returns(3e-3, 2.0) {
        let mut trainer = trainer(rules, agent, "", 1);
        while !trainer.is_finished() {
            trainer.iterate().unwrap();
        }
        let after = trainer.evaluate(20, Play::Greedy).unwrap().success_rate;
        assert_eq!(after, 1.0, "{name}");
        let mut envs = VecEnv::new(chain(rules), &VecEnvConfig::of(1)).unwrap();
        let mut rollout = Rollout::new(envs.layout(), 1);
        envs.reset(Seeds::Base(0), rollout.first_row_mut()).unwrap();
        // Eight steps from the goal: 0.9^7.
        let value = trainer.learner().judge(&rollout, 0).value[0];
        assert!((value - 0.478).abs() < 0.08, "{name}: {value}");
    }
}

#[test]
fn what_is_no_number_stops_the_run_under_its_name() {
    let agent = DqnConfig {
        learning_rate: 1e30,
        ..small_dqn()
    };
    let mut broken = trainer(ChainRules::default(), agent, "", 1);
    let error = (0..5).find_map(|_| broken.iterate().err()).unwrap().to_string();
    assert!(
        error.contains("became") && error.contains("last checkpoint is good"),
        "{error}"
    );
    let rules = ChainRules {
        broken_after: 5,
        ..ChainRules::default()
    };
    let error = trainer(rules, small_dqn(), "", 1)
        .iterate()
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("the task's reward of Chain-v0 became NaN"),
        "{error}"
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let registry = ModuleRegistry::with_builtin();
    let continuous = ActionSpace::Continuous {
        low: vec![-1.0],
        high: vec![1.0],
    };
    for (_, agent) in family() {
        let env = chain_of(ChainRules::default(), continuous.clone());
        let error = Trainer::new(setup(env, agent.clone(), "", 1, &registry))
            .err()
            .unwrap();
        assert!(matches!(error, AgentError::ActionSpace { .. }), "{error}");
        let reward = bonus(0.1).replace("weight", "mix = \"own_value_head\"\nweight");
        let env = chain(ChainRules::default());
        let error = Trainer::new(setup(env, agent, &reward, 1, &registry))
            .err()
            .unwrap();
        assert!(error.to_string().contains("mix = \"add\""), "{error}");
    }
}
