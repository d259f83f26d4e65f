//! Steps per CPU-second of a task with discrete actions, and what each part of a step takes of it.
//!
//! `cargo run --release -p prospect-envs --example step_shares [ID [N_ENVS [OPTIONS [ROLLOUT_STEPS]]]]`

use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};

use prospect_envs::{Options, Registry};
use prospect_sim::random::Generator;
use prospect_sim::{ActionSpace, Rollout, Seeds, VecEnv, VecEnvConfig};

const WINDOWS: usize = 20;

/// Best of some windows, in nanoseconds per call of `work`.
fn best(
    steps: usize,
    mut work: impl FnMut(usize) -> Result<(), Box<dyn Error>>,
) -> Result<Duration, Box<dyn Error>> {
    let mut best = Duration::MAX;
    for _ in 0..WINDOWS {
        let start = Instant::now();
        for t in 0..steps {
            work(t)?;
        }
        best = best.min(start.elapsed() / steps as u32);
    }
    Ok(best)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let id = arguments
        .next()
        .unwrap_or_else(|| "MiniGrid-DoorKey-8x8-v0".to_owned());
    let n_envs: usize = arguments.next().map_or(Ok(1024), |n| n.parse())?;
    let options: Options = serde_json::from_str(&arguments.next().unwrap_or_else(|| "{}".to_owned()))?;
    let rollout_steps: usize = arguments.next().map_or(Ok(128), |n| n.parse())?;
    let env = Registry::with_builtin().make(&id, &options)?;
    let mut vec = VecEnv::new(env, &VecEnvConfig::of(n_envs))?;
    let mut rollout = Rollout::new(vec.layout(), rollout_steps);
    vec.reset(Seeds::Base(1), rollout.first_row_mut())?;
    let mut rng = Generator::default_rng(0);
    let ActionSpace::Discrete { n: n_actions } = vec.spec().actions else {
        return Err(format!("{id} has no discrete actions").into());
    };
    let draw = best(rollout_steps, |t| {
        rollout
            .discrete_actions_mut(t)
            .iter_mut()
            .for_each(|action| *action = rng.integers(0, n_actions as i64) as i32);
        Ok(())
    })?;
    let step = best(rollout_steps, |t| {
        let (actions, row) = rollout.step_mut(t);
        vec.step(actions, row)?;
        Ok(())
    })?;
    let observe = best(rollout_steps, |_| {
        vec.observe(rollout.first_row_mut());
        Ok(())
    })?;
    let reset = best(rollout_steps, |_| {
        Ok(vec.reset(Seeds::Continue, rollout.first_row_mut())?)
    })?;
    let mut out = std::io::stdout();
    for (name, time) in [
        ("draw actions", draw),
        ("step", step),
        ("observe (in step)", observe),
        ("reset all", reset),
    ] {
        let per_env = time.as_nanos() as f64 / n_envs as f64;
        writeln!(out, "{name:>18} {per_env:8.2} ns/env  {:8.2} M/s", 1e3 / per_env)?;
    }
    Ok(())
}
