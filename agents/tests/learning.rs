//! Does it learn? Small tasks with known answers, several seeds each.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{ChainRules, small, trainer};
use prospect_agents::{Play, PpoConfig};

/// Locks in a row that chance opens, all within the time, in less than one of a hundred thousand episodes.
const LOCKED: ChainRules = ChainRules {
    last: 32,
    max_steps: 44,
    start_below: 0,
    endless: false,
    locked: true,
    as_vector: false,
    broken_after: u32::MAX,
};

fn success_after(reward: &str, steps: u64, seed: u64) -> f64 {
    let agent = PpoConfig {
        total_steps: steps,
        anneal_lr: false,
        ..small()
    };
    let mut trainer = trainer(LOCKED, agent, reward, seed);
    while !trainer.is_finished() {
        trainer.iterate().unwrap();
    }
    trainer.evaluate(50, Play::Sampled).unwrap().success_rate
}

#[test]
fn the_near_goal_is_found_without_a_bonus() {
    let agent = PpoConfig {
        total_steps: 30_000,
        ..small()
    };
    let mut trainer = trainer(ChainRules::default(), agent, "", 1);
    let before = trainer.evaluate(50, Play::Sampled).unwrap().success_rate;
    while !trainer.is_finished() {
        trainer.iterate().unwrap();
    }
    let after = trainer.evaluate(50, Play::Sampled).unwrap().success_rate;
    assert!(before < 0.6 && after > 0.95, "{before} {after}");
}

#[test]
fn the_locked_goal_is_found_only_if_the_bonus_reaches_the_policy() {
    let bonus = "[[reward]]\nkind = \"first_visit\"\nkey = [\"position\"]\nweight = 0.1\n";
    for seed in 0..3 {
        let with = success_after(bonus, 40_000, seed);
        let without = success_after("", 40_000, seed);
        assert!(
            with > 0.9 && without < 0.1,
            "seed {seed}: {with} with the bonus, {without} without"
        );
    }
}
