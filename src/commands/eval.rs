//! `prospect eval`: held-out episodes of a run's newest checkpoint, from its folder alone.

use std::path::PathBuf;

use clap::Args;
use prospect_agents::{Play, session};
use serde::Serialize;

use crate::{
    commands::{
        envs::{make_env, registry},
        print_json,
    },
    failure::Outcome,
    training,
};

/// Options of `prospect eval`.
#[derive(Args, Debug)]
pub struct EvalArgs {
    /// Folder of a run
    pub dir: PathBuf,
    /// Episodes, one per held-out level
    #[arg(long, default_value_t = 100)]
    pub episodes: usize,
    /// Play another task with the same observations and actions, such as a larger level
    #[arg(long, value_name = "ID")]
    pub env: Option<String>,
    /// Options of that task, as JSON
    #[arg(long, requires = "env", default_value = "{}")]
    pub options: String,
    /// Take the best or mean action instead of what the run file says
    #[arg(long)]
    pub deterministic: bool,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// The JSON of `--json`.
#[derive(Debug, Serialize)]
struct EvalReport {
    env: String,
    step: u64,
    episodes: usize,
    return_mean: f64,
    return_std: f64,
    success_rate: f64,
    length_mean: f64,
    floor: Option<f64>,
    ceiling: Option<f64>,
    normalised_score: Option<f64>,
    constant_policies: Vec<ConstantPolicy>,
}

/// A policy that does the same in every step.
#[derive(Debug, Serialize)]
struct ConstantPolicy {
    action: &'static str,
    return_mean: f64,
    success_rate: f64,
}

/// Runs the command.
///
/// # Errors
/// Bad input if the folder holds no run or its checkpoint is damaged.
pub fn run(args: &EvalArgs) -> Outcome {
    let (file, mut trainer) = training::stored(&args.dir)?;
    session::load_latest(&args.dir, &mut trainer).map_err(training::sort)?;
    let play = if args.deterministic {
        Play::Greedy
    } else {
        file.eval.play()
    };
    let id = args.env.as_ref().unwrap_or(&file.env.id);
    let (stats, as_registered) = match &args.env {
        Some(id) => {
            let env = make_env(id, &args.options)?;
            let stats = trainer.evaluate_on(&env, args.episodes, play);
            (stats, args.options == "{}")
        }
        None => (trainer.evaluate(args.episodes, play), file.env.options.is_empty()),
    };
    let stats = stats.map_err(training::sort)?;
    // What random policies and the planner reach is known of tasks without options.
    let registry = registry();
    let entry = registry.get(id).ok().filter(|_| as_registered);
    let scores = entry.and_then(prospect_envs::TaskEntry::scores);
    let constant = entry.map_or(&[][..], prospect_envs::TaskEntry::constant_scores);
    let (floor, ceiling) = (scores.map(|s| s.floor), scores.and_then(|s| s.ceiling));
    let normalised = floor
        .zip(ceiling)
        .map(|(floor, ceiling)| (stats.return_mean - floor) / (ceiling - floor));
    let report = EvalReport {
        env: id.clone(),
        step: trainer.step(),
        episodes: args.episodes,
        return_mean: stats.return_mean,
        return_std: stats.return_std,
        success_rate: stats.success_rate,
        length_mean: stats.length_mean,
        floor,
        ceiling,
        normalised_score: normalised,
        constant_policies: constant
            .iter()
            .map(|score| ConstantPolicy {
                action: score.action,
                return_mean: score.mean_return,
                success_rate: score.success_rate,
            })
            .collect(),
    };
    if args.json {
        return print_json(&report);
    }
    print_report(&report);
    Ok(())
}

fn print_report(report: &EvalReport) {
    println!(
        "{} after {} frames, {} held-out episodes:",
        report.env, report.step, report.episodes
    );
    println!("  return  {:.4} +- {:.4}", report.return_mean, report.return_std);
    println!(
        "  success {:.1}%, length {:.1}",
        100.0 * report.success_rate,
        report.length_mean
    );
    match (report.floor, report.ceiling, report.normalised_score) {
        (Some(floor), Some(ceiling), Some(score)) => {
            println!("  between a random policy ({floor:.4}) and the planner ({ceiling:.4}): {score:.4}");
        }
        (Some(floor), ..) => println!("  a random policy: {floor:.4}"),
        _ => {}
    }
    for policy in &report.constant_policies {
        println!(
            "  always {}: {:.4}, success {:.1}%",
            policy.action,
            policy.return_mean,
            100.0 * policy.success_rate
        );
    }
}
