//! Plays every policy that does the same in every step, and prints the rows of the table in `src/constant_scores.rs`, or
//! with `--markdown` those of the table in `docs/driving.md`.
//!
//! `cargo run --release -p prospect-envs --example constant_policies [ID-PART] [--markdown]`

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

use prospect_envs::{Options, Registry};
use prospect_sim::{ActionSpace, Env, Rollout, Seeds, VecEnv, VecEnvConfig};

const EPISODES_PER_ACTOR: usize = 10;
const ENVS: usize = 100;
const FIRST_SEED: u64 = 1_000_000;

/// A policy: its name and the numbers it sends to every actor in every step.
struct Policy {
    name: String,
    discrete: i32,
    continuous: Vec<f32>,
}

/// One policy per discrete action; for continuous ones: no action, and each axis at either end of its range.
fn policies(env: &Arc<dyn Env>) -> Vec<Policy> {
    let spec = env.spec();
    match &spec.actions {
        ActionSpace::Discrete { n } => {
            let name = |action: usize| spec.action_names.get(action).cloned();
            let policy = |action| Policy {
                name: name(action).unwrap_or_else(|| action.to_string()),
                discrete: action as i32,
                continuous: Vec::new(),
            };
            (0..*n).map(policy).collect()
        }
        ActionSpace::Continuous { low, high } => {
            let zero = vec![0.0; low.len()];
            let mut policies = vec![("zero".to_owned(), zero.clone())];
            for axis in 0..low.len() {
                let name = spec.action_names.get(axis).cloned();
                let name = name.unwrap_or_else(|| format!("axis {axis}"));
                for (end, value) in [("lowest", low[axis]), ("highest", high[axis])] {
                    let mut action = zero.clone();
                    action[axis] = value;
                    policies.push((format!("{end} {name}"), action));
                }
            }
            let policy = |(name, continuous)| Policy {
                name,
                discrete: 0,
                continuous,
            };
            policies.into_iter().map(policy).collect()
        }
        ActionSpace::MultiDiscrete { .. } => Vec::new(),
    }
}

/// Mean return and share of successes: the first episodes of each actor, as many of each.
fn play(env: &Arc<dyn Env>, policy: &Policy) -> Result<(f64, f64), Box<dyn Error>> {
    let config = VecEnvConfig {
        facts: vec!["success".to_owned()],
        ..VecEnvConfig::of(ENVS)
    };
    let mut vec = VecEnv::new(Arc::clone(env), &config)?;
    let mut rollout = Rollout::new(vec.layout(), 1);
    vec.reset(Seeds::Base(FIRST_SEED), rollout.first_row_mut())?;
    let actors = rollout.actors();
    let mut episodes = vec![0; actors];
    let mut succeeded = vec![false; actors];
    let (mut total, mut successes) = (0.0, 0_usize);
    while episodes.iter().any(|count| *count < EPISODES_PER_ACTOR) {
        rollout.discrete_actions_mut(0).fill(policy.discrete);
        if !policy.continuous.is_empty() {
            for action in rollout
                .continuous_actions_mut(0)
                .chunks_exact_mut(policy.continuous.len())
            {
                action.copy_from_slice(&policy.continuous);
            }
        }
        let (actions, row) = rollout.step_mut(0);
        vec.step(actions, row)?;
        for actor in 0..actors {
            if episodes[actor] == EPISODES_PER_ACTOR || !rollout.alive()[actor] {
                continue;
            }
            total += rollout.reward()[actor];
            succeeded[actor] |= rollout.event_fact(0).get_f64(actor) != 0.0;
            if rollout.ended(0, actor) {
                episodes[actor] += 1;
                successes += usize::from(std::mem::take(&mut succeeded[actor]));
            }
        }
    }
    let n = (EPISODES_PER_ACTOR * actors) as f64;
    Ok((total / n, successes as f64 / n))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, parts): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let part = parts.into_iter().next().unwrap_or_default();
    let markdown = flags.iter().any(|flag| flag == "--markdown");
    let mut out = std::io::stdout();
    for entry in Registry::with_builtin()
        .iter()
        .filter(|entry| entry.id().contains(&part))
    {
        let env = entry.make(&Options::new())?;
        let mut cells = Vec::new();
        for policy in policies(&env) {
            let (mean, success) = play(&env, &policy)?;
            cells.push(if markdown {
                format!("{} {mean:.2} ({:.0} %)", policy.name, 100.0 * success)
            } else {
                format!("c(\"{}\", {mean:.4}, {success:.3})", policy.name)
            });
        }
        if markdown {
            let floor = entry
                .scores()
                .map_or_else(String::new, |scores| format!("{:.2}", scores.floor));
            writeln!(out, "| {} | {floor} | {} |", entry.id(), cells.join(", "))?;
        } else {
            writeln!(out, "    (\"{}\", &[{}]),", entry.id(), cells.join(", "))?;
        }
    }
    Ok(())
}
