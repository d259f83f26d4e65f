//! Measures floor (uniformly random actions) and ceiling (the planner's tapes, where there is a planner) of every id, and
//! prints the rows of the tables in `src/scores.rs`.
//!
//! `cargo run --release -p prospect-envs --example score_tasks [ID-PART]`

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

use prospect_envs::{Options, Registry};
use prospect_sim::random::Generator;
use prospect_sim::{ActionSpace, Env, Rollout, Seeds, VecEnv, VecEnvConfig};

/// Levels whose plans make the ceiling, with seeds from here.
const LEVELS: usize = 100;
const FIRST_SEED: u64 = 1_000_000;
/// Episodes of the floor, at least.
const FLOOR_EPISODES: usize = 2_000;
const FLOOR_ENVS: usize = 250;

/// Mean return of random actions: the first episodes of each actor, as many of each, so that none is favoured for being
/// short.
fn floor(env: &Arc<dyn Env>) -> Result<f64, Box<dyn Error>> {
    let per_actor = FLOOR_EPISODES / FLOOR_ENVS;
    let mut vec = VecEnv::new(Arc::clone(env), &VecEnvConfig::of(FLOOR_ENVS))?;
    let mut rollout = Rollout::new(vec.layout(), 1);
    vec.reset(Seeds::Base(FIRST_SEED), rollout.first_row_mut())?;
    let mut rng = Generator::default_rng(0);
    let actors = rollout.actors();
    let mut episodes = vec![0; actors];
    let mut total = 0.0;
    while episodes.iter().any(|count| *count < per_actor) {
        draw_actions(&env.spec().actions, &mut rollout, &mut rng)?;
        let (actions, row) = rollout.step_mut(0);
        vec.step(actions, row)?;
        for (actor, count) in episodes.iter_mut().enumerate() {
            if *count < per_actor && rollout.alive()[actor] {
                total += rollout.reward()[actor];
                *count += usize::from(rollout.ended(0, actor));
            }
        }
    }
    Ok(total / (per_actor * actors) as f64)
}

/// Uniformly random actions of every instance.
fn draw_actions(
    space: &ActionSpace,
    rollout: &mut Rollout,
    rng: &mut Generator,
) -> Result<(), Box<dyn Error>> {
    match space {
        ActionSpace::Discrete { n } => {
            for action in rollout.discrete_actions_mut(0) {
                *action = rng.integers(0, *n as i64) as i32;
            }
        }
        ActionSpace::Continuous { low, high } => {
            for action in rollout.continuous_actions_mut(0).chunks_exact_mut(low.len()) {
                for (value, (low, high)) in action.iter_mut().zip(low.iter().zip(high)) {
                    *value = rng.uniform(f64::from(*low), f64::from(*high)) as f32;
                }
            }
        }
        ActionSpace::MultiDiscrete { .. } => return Err("no multi-discrete actions".into()),
    }
    Ok(())
}

/// Mean return of the planner's tapes, each level once; none if the task has no planner.
fn ceiling(env: &Arc<dyn Env>) -> Result<Option<f64>, Box<dyn Error>> {
    let max_steps = env.spec().max_steps.unwrap_or(u32::MAX) as usize;
    let mut vec = VecEnv::new(Arc::clone(env), &VecEnvConfig::of(LEVELS))?;
    let mut rollout = Rollout::new(vec.layout(), 1);
    vec.reset(Seeds::Base(FIRST_SEED), rollout.first_row_mut())?;
    if vec.scene(0).is_none() {
        return Ok(None);
    }
    let mut total = 0.0;
    for level in 0..LEVELS {
        let steps = vec.plan(level).map_or(usize::MAX, |plan| plan.len());
        if steps <= max_steps {
            total += 1.0 - 0.9 * (steps as f64 / max_steps as f64);
        }
    }
    Ok(Some(total / LEVELS as f64))
}

fn main() -> Result<(), Box<dyn Error>> {
    let part = std::env::args().nth(1).unwrap_or_default();
    let mut out = std::io::stdout();
    for entry in Registry::with_builtin()
        .iter()
        .filter(|entry| entry.id().contains(&part))
    {
        let env = entry.make(&Options::new())?;
        let ceiling = ceiling(&env)?.map_or_else(|| "None".to_owned(), |score| format!("{score:.4}"));
        writeln!(out, "    (\"{}\", {:.4}, {ceiling}),", entry.id(), floor(&env)?)?;
    }
    Ok(())
}
