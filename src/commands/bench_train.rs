//! `prospect bench train`: end-to-end training speed, the share of each hop, and what libtorch alone would reach.

use std::{path::PathBuf, time::Instant};

use clap::Args;
use cpu_time::ProcessTime;
use prospect_agents::Hops;
use prospect_nets::ceiling::ceiling;
use serde::Serialize;

use crate::{
    commands::{config::modules, libtorch_work::libtorch_work, print_json},
    config::RunFile,
    failure::{Failure, Outcome, Sort},
    training,
};

/// Options of `prospect bench train`.
#[derive(Args, Debug)]
pub struct BenchTrainArgs {
    /// The run file
    pub run_file: PathBuf,
    /// Settings on top, such as --set env.n_envs=64
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// How long to train
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// The JSON of `--json`.
#[derive(Debug, Serialize)]
struct TrainReport {
    env: String,
    n_envs: usize,
    rollout_steps: usize,
    steps: u64,
    seconds: f64,
    cpu_seconds: f64,
    steps_per_second: f64,
    /// Share of the time spent in each hop.
    hops: std::collections::BTreeMap<&'static str, f64>,
    /// What libtorch's own forward, backward and Adam allow, measured just after; null for networks it has no model of.
    ceiling_steps_per_second: Option<f64>,
    share_of_ceiling: Option<f64>,
}

/// Runs the command.
///
/// # Errors
/// Bad input for a run file that cannot be used; a failed run if training fails.
pub fn run(args: &BenchTrainArgs) -> Outcome {
    let file = RunFile::read(&args.run_file, &args.sets, &modules()).map_err(Failure::Input)?;
    let mut trainer = training::trainer(&file)?;
    // The first iterations allocate; they are not what a run is made of.
    for _ in 0..2 {
        trainer.iterate().map_err(training::sort)?;
    }
    let (mut hops, mut steps) = (Hops::default(), 0);
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    while wall.elapsed().as_secs_f64() < args.seconds {
        let report = trainer.iterate().map_err(training::sort)?;
        hops.add(&report.hops);
        steps += report.steps;
    }
    let (seconds, cpu_seconds) = (wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
    let steps_per_second = steps as f64 / seconds;
    let total: f64 = hops.named().iter().map(|hop| hop.1).sum();
    let ceiling = libtorch_work(&file, trainer.spec())
        .map(|work| ceiling(&work, 2.0).or_run(|| "measuring libtorch".to_owned()))
        .transpose()?
        .map(|measured| measured.steps_per_second);
    let report = TrainReport {
        env: file.env.id.clone(),
        n_envs: file.env.n_envs,
        rollout_steps: file.agent.rollout_steps(),
        steps,
        seconds,
        cpu_seconds,
        steps_per_second,
        hops: hops
            .named()
            .into_iter()
            .map(|(name, s)| (name, s / total))
            .collect(),
        ceiling_steps_per_second: ceiling,
        share_of_ceiling: ceiling.map(|ceiling| steps_per_second / ceiling),
    };
    if args.json {
        return print_json(&report);
    }
    println!(
        "{}: {:.0} steps/s end to end",
        report.env, report.steps_per_second
    );
    for (name, share) in &report.hops {
        println!("  {name:<8} {:>5.1}%", 100.0 * share);
    }
    if let (Some(ceiling), Some(share)) = (report.ceiling_steps_per_second, report.share_of_ceiling) {
        println!("  libtorch alone: {ceiling:.0} steps/s; {share:.2} of it reached");
    }
    Ok(())
}
