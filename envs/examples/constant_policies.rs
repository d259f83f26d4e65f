//! Plays every policy that does the same in every step, and prints the rows of the table in `src/constant_scores.rs`, or
//! with `--markdown` those of the table in `docs/driving.md`.
//!
//! `cargo run --release -p prospect-envs --example constant_policies [ID-PART] [--markdown]`

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

use prospect_envs::{Options, Registry};
use prospect_sim::random::Generator;
use prospect_sim::{ActionSpace, Env, Rollout, Seeds, VecEnv, VecEnvConfig};

const EPISODES_PER_ACTOR: usize = 3;
const ENVS: usize = 100;
const FIRST_SEED: u64 = 1_000_000;

/// What a policy sends to every actor in every step.
enum Choice {
    /// Uniformly random actions.
    Random,
    Index(i32),
    Reals(Vec<f32>),
}

/// A policy and its name.
struct Policy {
    name: String,
    choice: Choice,
}

/// One policy per discrete action; for continuous ones: no action, and each axis at either end of its range.
fn policies(env: &Arc<dyn Env>) -> Vec<Policy> {
    let spec = env.spec();
    match &spec.actions {
        ActionSpace::Discrete { n } => {
            let name = |action: usize| spec.action_names.get(action).cloned();
            let policy = |action| Policy {
                name: name(action).unwrap_or_else(|| action.to_string()),
                choice: Choice::Index(action as i32),
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
            let policy = |(name, action)| Policy {
                name,
                choice: Choice::Reals(action),
            };
            policies.into_iter().map(policy).collect()
        }
        ActionSpace::MultiDiscrete { .. } => Vec::new(),
    }
}

/// Writes the actions of all actors.
fn choose(choice: &Choice, space: &ActionSpace, rng: &mut Generator, rollout: &mut Rollout) {
    match (choice, space) {
        (Choice::Index(action), _) => rollout.discrete_actions_mut(0).fill(*action),
        (Choice::Reals(values), _) => {
            for action in rollout.continuous_actions_mut(0).chunks_exact_mut(values.len()) {
                action.copy_from_slice(values);
            }
        }
        (Choice::Random, ActionSpace::Discrete { n }) => {
            for action in rollout.discrete_actions_mut(0) {
                *action = rng.integers(0, *n as i64) as i32;
            }
        }
        (Choice::Random, ActionSpace::Continuous { low, high }) => {
            for action in rollout.continuous_actions_mut(0).chunks_exact_mut(low.len()) {
                for (value, (low, high)) in action.iter_mut().zip(low.iter().zip(high)) {
                    *value = rng.uniform(f64::from(*low), f64::from(*high)) as f32;
                }
            }
        }
        (Choice::Random, ActionSpace::MultiDiscrete { .. }) => {}
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
    let mut rng = Generator::default_rng(0);
    let actors = rollout.actors();
    let mut episodes = vec![0; actors];
    let mut succeeded = vec![false; actors];
    let (mut total, mut successes) = (0.0, 0_usize);
    while episodes.iter().any(|count| *count < EPISODES_PER_ACTOR) {
        choose(&policy.choice, &env.spec().actions, &mut rng, &mut rollout);
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
            let random = Policy {
                name: "random".to_owned(),
                choice: Choice::Random,
            };
            let (mean, success) = play(&env, &random)?;
            let random = format!("{mean:.2} ({:.0} %)", 100.0 * success);
            writeln!(out, "| {} | {random} | {} |", entry.id(), cells.join(", "))?;
        } else {
            writeln!(out, "    (\"{}\", &[{}]),", entry.id(), cells.join(", "))?;
        }
    }
    Ok(())
}
