//! `prospect bench steps`: how fast an env steps under random actions, with a checksum that `prospect rollout` reproduces.

use std::time::Instant;

use clap::Args;
use cpu_time::ProcessTime;
use prospect_sim::{
    ActionSpace, Rollout, Seeds, SimError, VecEnv, VecEnvConfig, hash::Fnv1a, random::Generator,
};
use serde::Serialize;

use crate::{
    commands::{envs::make_env, print_json, rollout::checksum_row},
    failure::{Outcome, Sort},
};

/// Steps whose observations go into the checksum.
pub const CHECKSUM_STEPS: usize = 1000;

/// Options of `prospect bench steps`.
#[derive(Args, Debug)]
pub struct BenchStepsArgs {
    /// Id of the env
    #[arg(long)]
    pub env: String,
    /// Options of the env, as JSON
    #[arg(long, default_value = "{}")]
    pub options: String,
    /// Number of env instances
    #[arg(long, default_value_t = 1024)]
    pub n_envs: usize,
    /// Threads that step the envs
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Shards the envs are spread over
    #[arg(long)]
    pub shards: Option<usize>,
    /// How long to step, after the thousand steps of the checksum
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// Base seed of the envs
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Seed of the random actions, as in `prospect rollout --random-actions`
    #[arg(long, default_value_t = 0)]
    pub action_seed: u64,
    /// Rows of the rollout buffer that observations are written into, in turn
    #[arg(long, default_value_t = 16)]
    pub rollout_steps: usize,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// What is measured; the JSON of `--json`.
#[derive(Debug, Serialize)]
pub struct StepsReport {
    /// Id of the env.
    pub env: String,
    /// Env instances.
    pub n_envs: usize,
    /// Threads.
    pub threads: usize,
    /// Env steps made while timed, over all instances.
    pub steps: u64,
    /// Wall-clock seconds of the timed part.
    pub seconds: f64,
    /// CPU seconds of the whole process in the timed part.
    pub cpu_seconds: f64,
    /// Env steps per wall-clock second.
    pub steps_per_second: f64,
    /// Env steps per CPU second.
    pub steps_per_cpu_second: f64,
    /// FNV-1a of all observations of the first thousand steps, the reset's included.
    pub observation_checksum: String,
}

/// A rate with three digits or so: tasks differ a thousandfold.
fn thousands(rate: f64) -> String {
    match rate {
        0.0..1e4 => format!("{rate:.0}"),
        1e4..1e6 => format!("{:.0} k", rate / 1e3),
        _ => format!("{:.2} M", rate / 1e6),
    }
}

/// Runs the command.
///
/// # Errors
/// Bad input for an unknown env or option.
pub fn run(args: &BenchStepsArgs) -> Outcome {
    let env = make_env(&args.env, &args.options)?;
    let config = VecEnvConfig {
        n_envs: args.n_envs,
        threads: args.threads,
        shards: args.shards,
        ..VecEnvConfig::default()
    };
    let mut envs = VecEnv::new(env, &config).or_input(|| "setting up the envs".to_owned())?;
    let report = measure(&mut envs, args).or_run(|| "stepping".to_owned())?;
    if args.json {
        return print_json(&report);
    }
    println!(
        "{}: {} steps/s, {} steps per CPU-second ({} envs, {} threads, {} steps in {:.2} s)",
        report.env,
        thousands(report.steps_per_second),
        thousands(report.steps_per_cpu_second),
        report.n_envs,
        report.threads,
        report.steps,
        report.seconds
    );
    println!(
        "checksum of the observations of the first {CHECKSUM_STEPS} steps: {}",
        report.observation_checksum
    );
    Ok(())
}

fn measure(envs: &mut VecEnv, args: &BenchStepsArgs) -> Result<StepsReport, SimError> {
    let mut player = Player::new(envs, args)?;
    let mut hash = Fnv1a::default();
    checksum_row(&player.rollout, 0, &mut hash);
    for _ in 0..CHECKSUM_STEPS {
        let row = player.step(envs)?;
        checksum_row(&player.rollout, row, &mut hash);
    }
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    let mut rounds = 0_u64;
    while wall.elapsed().as_secs_f64() < args.seconds {
        for _ in 0..64 {
            player.step(envs)?;
        }
        rounds += 64;
    }
    let (seconds, cpu_seconds) = (wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
    let steps = rounds * args.n_envs as u64;
    Ok(StepsReport {
        env: args.env.clone(),
        n_envs: args.n_envs,
        threads: args.threads,
        steps,
        seconds,
        cpu_seconds,
        steps_per_second: steps as f64 / seconds,
        steps_per_cpu_second: steps as f64 / cpu_seconds,
        observation_checksum: format!("{:016x}", hash.finish()),
    })
}

/// Steps with random actions into a rollout buffer that is filled again and again.
struct Player {
    rollout: Rollout,
    rng: Generator,
    draws: Vec<i64>,
    t: usize,
}

impl Player {
    fn new(envs: &mut VecEnv, args: &BenchStepsArgs) -> Result<Self, SimError> {
        let mut rollout = Rollout::new(envs.layout(), args.rollout_steps.max(1));
        envs.reset(Seeds::Base(args.seed), rollout.first_row_mut())?;
        let draws = vec![0; envs.actors() * envs.layout().actions.width()];
        Ok(Self {
            rollout,
            rng: Generator::default_rng(args.action_seed),
            draws,
            t: 0,
        })
    }

    /// Makes one step and returns the row it wrote.
    fn step(&mut self, envs: &mut VecEnv) -> Result<usize, SimError> {
        if self.t == self.rollout.n_steps() {
            self.t = 0;
        }
        self.draw(&envs.layout().actions);
        let (actions, row) = self.rollout.step_mut(self.t);
        envs.step(actions, row)?;
        self.t += 1;
        Ok(self.t)
    }

    fn draw(&mut self, space: &ActionSpace) {
        match space {
            ActionSpace::Discrete { n } => {
                self.rng.integers_into(0, *n as i64, &mut self.draws);
                let actions = self.rollout.discrete_actions_mut(self.t);
                actions
                    .iter_mut()
                    .zip(&self.draws)
                    .for_each(|(action, &draw)| *action = draw as i32);
            }
            ActionSpace::MultiDiscrete { nvec } => {
                for (i, action) in self.rollout.discrete_actions_mut(self.t).iter_mut().enumerate() {
                    *action = self.rng.integers(0, nvec[i % nvec.len()] as i64) as i32;
                }
            }
            ActionSpace::Continuous { low, high } => {
                for (i, action) in self.rollout.continuous_actions_mut(self.t).iter_mut().enumerate() {
                    let i = i % low.len();
                    *action = self.rng.uniform(f64::from(low[i]), f64::from(high[i])) as f32;
                }
            }
        }
    }
}
