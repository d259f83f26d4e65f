//! Env steps per second of CPU time of driving tasks with random actions on one thread, and what a step costs with more and
//! more vehicles on the road.
//!
//! `cargo run --release -p prospect-envs --example driving_speed [ID-PART]`

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

use cpu_time::ThreadTime;
use prospect_envs::{Options, Registry};
use prospect_sim::random::Generator;
use prospect_sim::{ActionSpace, Env, Rollout, Seeds, VecEnv, VecEnvConfig};

const ENVS: usize = 64;
/// Steps of each instance per rollout; what is measured is the best of several.
const STEPS: usize = 64;
const ROLLOUTS: usize = 9;

/// Draws an action for every actor.
fn draw(space: &ActionSpace, rollout: &mut Rollout, t: usize, rng: &mut Generator) {
    match space {
        ActionSpace::Discrete { n } => {
            for action in rollout.discrete_actions_mut(t) {
                *action = rng.integers(0, *n as i64) as i32;
            }
        }
        _ => {
            for value in rollout.continuous_actions_mut(t) {
                *value = rng.uniform(-1.0, 1.0) as f32;
            }
        }
    }
}

/// Seconds of CPU time of one step of one instance: the best rollout, resets included.
fn step_cost_s(env: &Arc<dyn Env>, envs: usize) -> Result<f64, Box<dyn Error>> {
    let mut vec = VecEnv::new(Arc::clone(env), &VecEnvConfig::of(envs))?;
    let mut rollout = Rollout::new(vec.layout(), STEPS);
    vec.reset(Seeds::Base(1), rollout.first_row_mut())?;
    let mut rng = Generator::default_rng(0);
    let mut best = f64::INFINITY;
    for _ in 0..ROLLOUTS {
        for t in 0..STEPS {
            draw(&env.spec().actions, &mut rollout, t, &mut rng);
        }
        let start = ThreadTime::now();
        for t in 0..STEPS {
            let (actions, row) = rollout.step_mut(t);
            vec.step(actions, row)?;
        }
        best = best.min(start.elapsed().as_secs_f64());
        rollout.carry();
    }
    Ok(best / (STEPS * envs) as f64)
}

fn main() -> Result<(), Box<dyn Error>> {
    let part = std::env::args().nth(1).unwrap_or_default();
    let registry = Registry::with_builtin();
    let mut out = std::io::stdout().lock();
    let is_driving = |id: &str| !id.starts_with("MiniGrid") && id.ends_with(|c: char| c.is_ascii_digit());
    for entry in registry.iter() {
        let id = entry.id();
        if is_driving(id) && !id.contains("-Sparse-") && !part.is_empty() && id.contains(&part) {
            let cost = step_cost_s(&entry.make(&Options::new())?, ENVS)?;
            writeln!(
                out,
                "{id:32} {:>10.0} steps/s  {:>8.2} us",
                1.0 / cost,
                cost * 1e6
            )?;
        }
    }
    writeln!(out, "highway-fast-v0 by vehicles:")?;
    for vehicles in [10, 20, 50, 100, 200, 500, 1000] {
        let mut options = Options::new();
        options.insert("vehicles_count".to_owned(), vehicles.into());
        for (id, what) in [("highway-fast-v0", "ego collides"), ("highway-v0", "all collide")] {
            options.insert("simulation_frequency".to_owned(), 5.into());
            options.insert("lanes_count".to_owned(), 3.into());
            let cost = step_cost_s(&registry.make(id, &options)?, 8)?;
            let each = cost / 5.0 / f64::from(vehicles + 1);
            writeln!(
                out,
                "{vehicles:6} {what:14} {:>10.2} us/step {:>8.1} ns per vehicle and substep",
                cost * 1e6,
                each * 1e9
            )?;
        }
    }
    Ok(())
}
