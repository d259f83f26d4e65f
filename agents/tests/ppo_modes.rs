//! Every mode of PPO: exact resume, the same bytes for any threads, weight 0 is no weight, time-outs are bootstrapped, and
//! each learns what it is for.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{
    setup,
    toy::{Hands, ToyRules, toy, toy_trainer},
};
use prospect_agents::{
    Play, PpoConfig, TrainSetup, Trainer,
    config::{BaselineKind, MemoryKind},
};
use prospect_shaping::ModuleRegistry;
use prospect_sim::{Rollout, Seeds, VecEnv, VecEnvConfig};

const BONUS: &str = "[[reward]]\nkind = \"first_visit\"\nname = \"bonus\"\nkey = [\"observation\"]\n";

fn small() -> PpoConfig {
    PpoConfig {
        total_steps: 8 * 16 * 6,
        rollout_steps: 16,
        n_minibatches: 4,
        update_epochs: 2,
        learning_rate: 3e-3,
        hidden: vec![16],
        memory_size: 8,
        ..PpoConfig::default()
    }
}

/// All modes, by name.
fn modes() -> Vec<(&'static str, ToyRules, PpoConfig)> {
    let (plain, one) = (small(), ToyRules::default());
    let hands = |hands| ToyRules { hands, ..one };
    let memory = |memory| PpoConfig {
        memory,
        sequence_steps: 6,
        norm_obs: true,
        ..small()
    };
    vec![
        ("reals", hands(Hands::Real), plain.clone()),
        (
            "squashed",
            hands(Hands::Real),
            PpoConfig {
                squash: true,
                ..plain.clone()
            },
        ),
        ("two", hands(Hands::Two), plain.clone()),
        (
            "masked",
            one,
            PpoConfig {
                mask_actions: true,
                ..plain.clone()
            },
        ),
        (
            "normalised",
            hands(Hands::Real),
            PpoConfig {
                norm_obs: true,
                norm_reward: true,
                ..plain.clone()
            },
        ),
        (
            "group",
            one,
            PpoConfig {
                baseline: BaselineKind::Group,
                ..plain
            },
        ),
        // Episodes of 5 steps end inside rollouts of 16 and inside sequences of 6.
        ("gru", ToyRules { length: 5, ..one }, memory(MemoryKind::Gru)),
        (
            "lstm",
            ToyRules {
                length: 5,
                ..hands(Hands::Real)
            },
            PpoConfig {
                shared_trunk: true,
                ..memory(MemoryKind::Lstm)
            },
        ),
    ]
}

fn after(mut trainer: Trainer, iterations: usize) -> (Trainer, Vec<String>) {
    let metrics = (0..iterations)
        .map(|_| format!("{:?}", trainer.iterate().unwrap().metrics))
        .collect();
    (trainer, metrics)
}

fn weights(rules: ToyRules, agent: &PpoConfig, reward: &str) -> Vec<u8> {
    after(toy_trainer(rules, agent.clone(), reward, 3), 3)
        .0
        .learner()
        .weights()
}

#[test]
fn a_resumed_run_ends_with_the_same_bytes() {
    let reward = format!("{BONUS}mix = \"own_value_head\"\n");
    for (name, rules, agent) in modes() {
        let fresh = || toy_trainer(rules, agent.clone(), &reward, 3);
        let (halfway, _) = after(fresh(), 2);
        let checkpoint = halfway.save().unwrap();
        let (whole, metrics) = after(halfway, 2);
        let mut resumed = fresh();
        resumed.load(&checkpoint).unwrap();
        let (resumed, again) = after(resumed, 2);
        assert_eq!(metrics, again, "{name}");
        assert_eq!(
            whole.learner().store().to_bytes(),
            resumed.learner().store().to_bytes(),
            "{name}"
        );
        let evaluate = |trainer: &Trainer| format!("{:?}", trainer.evaluate(10, Play::Sampled).unwrap());
        assert_eq!(evaluate(&whole), evaluate(&resumed), "{name}");
    }
}

#[test]
fn the_same_bytes_with_any_threads_and_shards() {
    let registry = ModuleRegistry::with_builtin();
    for (name, rules, agent) in modes() {
        let run = |threads: usize, shards: Option<usize>| {
            let setup = TrainSetup {
                threads,
                shards,
                ..setup(toy(rules), agent.clone(), "", 3, &registry)
            };
            let (trainer, metrics) = after(Trainer::new(setup).unwrap(), 2);
            (trainer.learner().weights(), metrics)
        };
        assert_eq!(run(2, Some(4)), run(1, None), "{name}");
    }
}

#[test]
fn a_bonus_of_weight_0_changes_nothing_and_another_does() {
    for (name, rules, agent) in modes() {
        let without = weights(rules, &agent, "");
        for mix in ["add", "own_value_head", "advantage"] {
            let with = |weight: f64| {
                weights(
                    rules,
                    &agent,
                    &format!("{BONUS}weight = {weight:?}\nmix = \"{mix}\"\n"),
                )
            };
            assert_eq!(with(0.0), without, "{name}, {mix}");
            assert_ne!(with(0.5), without, "{name}, {mix}");
        }
    }
}

#[test]
fn looking_leaves_training_alone() {
    for (name, rules, agent) in modes() {
        let mut watched = toy_trainer(rules, agent.clone(), "", 3);
        for _ in 0..3 {
            let first = watched.evaluate(5, Play::Sampled).unwrap();
            assert_eq!(watched.evaluate(5, Play::Sampled).unwrap(), first, "{name}");
            watched.evaluate(5, Play::Greedy).unwrap();
            watched.iterate().unwrap();
        }
        assert_eq!(watched.learner().weights(), weights(rules, &agent, ""), "{name}");
    }
}

/// Every step pays 1 and only time ends an episode: with gamma 0.9 every state is worth 10. Taken for ends, time-outs after
/// 4 steps leave at most 3.5.
#[test]
fn time_outs_are_bootstrapped() {
    let all = modes().into_iter();
    for (name, rules, agent) in all.filter(|(name, ..)| ["reals", "gru", "lstm"].contains(name)) {
        let rules = ToyRules {
            endless: true,
            length: 4,
            cues: 2,
            ..rules
        };
        let agent = PpoConfig {
            total_steps: 8 * 16 * 120,
            gamma: 0.9,
            learning_rate: 1e-2,
            update_epochs: 8,
            n_minibatches: 1,
            norm_obs: false,
            sequence_steps: 0,
            ..agent
        };
        let mut trainer = toy_trainer(rules, agent, "", 2);
        while !trainer.is_finished() {
            trainer.iterate().unwrap();
        }
        let mut envs = VecEnv::new(toy(rules), &VecEnvConfig::of(20)).unwrap();
        let mut rollout = Rollout::new(envs.layout(), 1);
        envs.reset(Seeds::Base(0), rollout.first_row_mut()).unwrap();
        for value in trainer.learner().judge(&rollout, 0).value {
            assert!((value - 10.0).abs() < 0.7, "{name}: {value}");
        }
    }
}

/// Mean return of held-out episodes after `steps`.
fn learned(rules: ToyRules, agent: PpoConfig, steps: u64, play: Play) -> f64 {
    let agent = PpoConfig {
        total_steps: steps,
        learning_rate: 1e-2,
        ..agent
    };
    let mut trainer = toy_trainer(rules, agent, "", 1);
    while !trainer.is_finished() {
        trainer.iterate().unwrap();
    }
    trainer.evaluate(50, play).unwrap().return_mean
}

#[test]
fn every_mode_learns_the_cue() {
    // At most 1 a step; chance is a quarter of it for one choice, 0.375 for two, about 0.3 for reals.
    for (name, rules, agent) in modes() {
        let mean = learned(rules, agent, 8 * 16 * 60, Play::Greedy) / f64::from(rules.length);
        assert!(mean > 0.85, "{name}: {mean}");
    }
}

/// The cue is seen in the first step only and asked for in the last one.
#[test]
fn only_memory_solves_what_must_be_remembered() {
    let rules = ToyRules {
        cues: 2,
        length: 5,
        seen: 1,
        late: true,
        ..ToyRules::default()
    };
    let with = |memory: MemoryKind| {
        let agent = PpoConfig {
            memory,
            n_minibatches: 1,
            update_epochs: 4,
            ..small()
        };
        learned(rules, agent, 8 * 16 * 60, Play::Greedy)
    };
    for memory in [MemoryKind::Gru, MemoryKind::Lstm] {
        let success = with(memory);
        assert!(success > 0.95, "{memory:?}: {success}");
    }
    assert!(with(MemoryKind::None) < 0.75);
}

#[test]
fn forbidden_actions_are_never_taken() {
    let rules = ToyRules::default();
    let agent = PpoConfig {
        mask_actions: true,
        ..small()
    };
    let trainer = after(toy_trainer(rules, agent, "", 3), 2).0;
    let facts = vec!["cue".to_owned(), "action_mask".to_owned()];
    let config = VecEnvConfig {
        n_envs: 50,
        facts,
        ..VecEnvConfig::default()
    };
    let mut envs = VecEnv::new(toy(rules), &config).unwrap();
    let mut rollout = Rollout::new(envs.layout(), 20);
    envs.reset(Seeds::Base(0), rollout.first_row_mut()).unwrap();
    let rng = prospect_sim::random::Generator::named(1, "play");
    let mut player = trainer.learner().player(50, Play::Sampled, rng);
    for t in 0..20 {
        player.act(&mut rollout, t);
        let (actions, row) = rollout.step_mut(t);
        envs.step(actions, row).unwrap();
        player.observe(&rollout, t);
    }
    let cue = rollout.layout().state_fact("cue").unwrap();
    let cues = rollout.state_fact(cue).as_i32().unwrap();
    let taken = rollout.actions().as_i32().unwrap().iter().zip(cues);
    let mut neighbours = 0;
    for (action, cue) in taken {
        // Without the mask half of a thousand untrained choices would be others.
        let left = (action - cue).rem_euclid(4);
        assert!(left == 0 || left == 3, "cue {cue}, action {action}");
        neighbours += usize::from(left == 3);
    }
    assert!(neighbours > 50);
}

#[test]
fn a_task_that_allows_nothing_stops_the_run() {
    let rules = ToyRules {
        stuck: true,
        ..ToyRules::default()
    };
    let agent = PpoConfig {
        mask_actions: true,
        ..small()
    };
    let error = toy_trainer(rules, agent, "", 3)
        .iterate()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("Toy-v0 allows actor 0 no action at step 0"),
        "{error}"
    );
}

#[test]
fn settings_that_do_not_fit_are_refused_by_key() {
    let registry = ModuleRegistry::with_builtin();
    let refused = |hands: Hands, agent: PpoConfig| {
        let rules = ToyRules {
            hands,
            ..ToyRules::default()
        };
        let setup = setup(toy(rules), agent, "", 3, &registry);
        Trainer::new(setup).err().unwrap().to_string()
    };
    let masked = PpoConfig {
        mask_actions: true,
        ..small()
    };
    // The toy's mask has one value per cue, not one per option of both choices, and reals have no options.
    for hands in [Hands::Two, Hands::Real] {
        let error = refused(hands, masked.clone());
        assert!(
            error.contains("mask_actions") && error.contains("use false"),
            "{error}"
        );
    }
    let uneven = PpoConfig {
        memory: MemoryKind::Gru,
        n_minibatches: 3,
        ..small()
    };
    let error = refused(Hands::One, uneven);
    assert!(
        error.contains("n_minibatches = 3") && error.contains("divisor of the 8 actors"),
        "{error}"
    );
}

/// What is written is clipped or squashed to the bounds; what is learned from is not.
#[test]
fn written_actions_keep_to_their_bounds() {
    for squash in [false, true] {
        let rules = ToyRules {
            hands: Hands::Real,
            ..ToyRules::default()
        };
        let agent = PpoConfig {
            squash,
            log_std_init: 1.0,
            ..small()
        };
        let trainer = toy_trainer(rules, agent, "", 3);
        let mut envs = VecEnv::new(toy(rules), &VecEnvConfig::of(100)).unwrap();
        let mut rollout = Rollout::new(envs.layout(), 1);
        envs.reset(Seeds::Base(0), rollout.first_row_mut()).unwrap();
        let rng = prospect_sim::random::Generator::named(1, "play");
        trainer
            .learner()
            .player(100, Play::Sampled, rng)
            .act(&mut rollout, 0);
        let actions = rollout.actions().as_f32().unwrap();
        assert!(actions.iter().all(|a| (-1.0..=1.0).contains(a)));
        // Clipped, two thirds of draws of deviation e lie at the bounds.
        let at_bounds = actions.iter().filter(|a| a.abs() == 1.0).count();
        assert!(if squash { at_bounds < 5 } else { at_bounds > 40 }, "{at_bounds}");
    }
}
