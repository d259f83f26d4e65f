//! Prints success tapes of the planner for every gridworld id, as `scripts/record_minigrid_golden.py plans` reads them.
//!
//! `cargo run --release -p prospect-envs --example plan_tapes > tapes.json`

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

use prospect_envs::{Options, Registry};
use prospect_sim::{Env, Rollout, Seeds, VecEnv, VecEnvConfig};
use serde_json::{Value, json};

const SEEDS: u64 = 6;
const EPISODES: usize = 3;

/// Plans and plays some episodes in a row: the digits of all actions.
fn tape(env: &Arc<dyn Env>, seed: u64, episodes: usize) -> Result<String, Box<dyn Error>> {
    let mut vec = VecEnv::new(Arc::clone(env), &VecEnvConfig::of(1))?;
    let mut rollout = Rollout::new(vec.layout(), 1);
    vec.reset(Seeds::Base(seed), rollout.first_row_mut())?;
    let mut digits = String::new();
    for _ in 0..episodes {
        let plan = vec
            .plan(0)
            .ok_or_else(|| format!("no plan for {} with seed {seed}", env.spec().id))?;
        for action in plan {
            digits.push(char::from(b'0' + action as u8));
            rollout.discrete_actions_mut(0)[0] = action;
            let (actions, row) = rollout.step_mut(0);
            vec.step(actions, row)?;
        }
    }
    Ok(digits)
}

fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::with_builtin();
    let mut tapes = serde_json::Map::new();
    for entry in registry.iter() {
        let env = entry.make(&Options::new())?;
        let mut plans: Vec<Value> = Vec::new();
        for seed in 0..SEEDS {
            plans.push(json!({"seed": seed, "actions": tape(&env, seed, EPISODES)?}));
        }
        // Success in the very step that runs out of time: both flags.
        let actions = tape(&env, 0, 1)?;
        plans.push(json!({"seed": 0, "max_steps": actions.len(), "actions": actions}));
        tapes.insert(entry.id().to_owned(), Value::Array(plans));
    }
    writeln!(std::io::stdout(), "{}", Value::Object(tapes))?;
    Ok(())
}
