//! `prospect compare`: runs a suite of envs, variants and seeds, tunes first where a variant has a grid, and reports.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::anyhow;
use clap::Args;
use prospect_report::write_suite_report;
use serde_json::json;

use crate::{
    commands::{config::modules, envs::registry, stop_on_signal},
    compare::{
        jobs::{self, End, Job},
        suite::{EnvEntry, Setting, Suite, Variant},
        tuning,
    },
    config::RunFile,
    failure::{Failure, Outcome, Sort},
};

/// Options of `prospect compare`.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// The suite file
    pub suite: PathBuf,
    /// Folder of the suite: runs, tuning runs and report
    #[arg(long)]
    pub out: PathBuf,
    /// Runs at the same time; one per core if left out
    #[arg(long)]
    pub jobs: Option<usize>,
    /// Write no report
    #[arg(long)]
    pub no_report: bool,
}

/// The setting chosen for an env and a variant.
struct Chosen {
    setting: Setting,
    score: Option<f64>,
    grid_size: usize,
}

type Choices = BTreeMap<(usize, usize), Chosen>;

/// Runs the command.
///
/// # Errors
/// Bad input for a suite file that cannot be used; a failed run if runs failed or were interrupted, after the report.
pub fn run(args: &CompareArgs) -> Outcome {
    let name = args.suite.display().to_string();
    let text = fs::read_to_string(&args.suite).or_input(|| format!("reading suite file {name}"))?;
    compare(&text, &name, args)
}

/// The same with the text of a suite file.
///
/// # Errors
/// As [`run`].
pub fn compare(text: &str, name: &str, args: &CompareArgs) -> Outcome {
    let suite = Suite::parse(text).or_input(|| name.to_owned())?;
    check_runs(&suite, name)?;
    fs::create_dir_all(&args.out).or_input(|| format!("creating {}", args.out.display()))?;
    let suite_toml = args.out.join("suite.toml");
    refuse_another_suite(&suite_toml, text)?;
    fs::write(&suite_toml, text).or_run(|| format!("writing {}", suite_toml.display()))?;
    let stop = stop_on_signal()?;
    let at_once = match args.jobs.unwrap_or(suite.suite.jobs) {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        jobs => jobs,
    };
    let choices = tune(&suite, &args.out, at_once, &stop)?;
    write_plan(&suite, &choices, args, name)?;
    let jobs = reported_jobs(&suite, &choices, &args.out)?;
    let ends = jobs::run_all(&jobs, at_once, "runs", &stop).or_run(|| "running the suite".to_owned())?;
    if !args.no_report {
        let paths =
            write_suite_report(&args.out).or_run(|| format!("reporting on {}", args.out.display()))?;
        println!("{}", paths.html.display());
    }
    summarise(&jobs, &ends)
}

/// Every run file is read before anything runs, so that a mistake costs no time.
fn check_runs(suite: &Suite, name: &str) -> Outcome {
    let modules = modules();
    for env in &suite.envs {
        registry().get(&env.id).or_input(|| name.to_owned())?;
        for variant in &suite.variants {
            for setting in variant.settings().or_input(|| name.to_owned())? {
                let table = suite.run_table(env, variant, &setting, suite.suite.seeds[0], 1.0);
                let text = table.or_input(|| name.to_owned())?.to_string();
                let place = format!("{name}: variant `{}` on {}", variant.name, env.id);
                RunFile::parse(&text, &place, &[], &modules).map_err(Failure::Input)?;
            }
        }
    }
    Ok(())
}

/// A folder that holds another suite's runs is not mixed with this one's.
fn refuse_another_suite(path: &Path, text: &str) -> Outcome {
    match fs::read_to_string(path) {
        Ok(old) if old != text => Err(Failure::input(anyhow!(
            "{} is of another suite, or of an earlier state of this one; choose another --out, or delete the folder",
            path.display()
        ))),
        _ => Ok(()),
    }
}

fn tune(suite: &Suite, out: &Path, at_once: usize, stop: &Arc<AtomicBool>) -> Outcome<Choices> {
    let mut jobs = Vec::new();
    let mut cells = Vec::new();
    for (e, env) in suite.envs.iter().enumerate() {
        for (v, variant) in suite.variants.iter().enumerate() {
            let settings = variant.settings().or_input(|| "suite".to_owned())?;
            let first = jobs.len();
            if settings.len() > 1 {
                for (k, setting) in settings.iter().enumerate() {
                    for &seed in &suite.tuning.seeds {
                        let dir = out.join("tuning").join(&env.id).join(&variant.name);
                        let dir = dir.join(format!("setting_{k}")).join(format!("seed_{seed}"));
                        jobs.push(job(suite, env, variant, setting, seed, suite.tuning.length, dir)?);
                    }
                }
            }
            cells.push((e, v, settings, first));
        }
    }
    if !jobs.is_empty() {
        let ends = jobs::run_all(&jobs, at_once, "tuning", stop).or_run(|| "tuning".to_owned())?;
        if ends.contains(&End::Interrupted) {
            return Err(Failure::run(anyhow!(
                "interrupted while tuning; the same command goes on from here"
            )));
        }
    }
    let seeds = suite.tuning.seeds.len();
    let mut choices = Choices::new();
    for (e, v, settings, first) in cells {
        let chosen = if settings.len() > 1 {
            let score = |i: usize| tuning::score(&jobs[i].dir).or_run(|| "scoring a tuning run".to_owned());
            let scores = (0..settings.len())
                .map(|k| {
                    (0..seeds)
                        .map(|s| score(first + k * seeds + s))
                        .collect::<Outcome<Vec<_>>>()
                })
                .collect::<Outcome<Vec<_>>>()?;
            let (best, score) = tuning::best(&scores);
            Chosen {
                setting: settings[best].clone(),
                score: Some(score),
                grid_size: settings.len(),
            }
        } else {
            Chosen {
                setting: settings.into_iter().next().unwrap_or_default(),
                score: None,
                grid_size: 1,
            }
        };
        choices.insert((e, v), chosen);
    }
    Ok(choices)
}

fn job(
    suite: &Suite,
    env: &EnvEntry,
    variant: &Variant,
    setting: &Setting,
    seed: u64,
    length: f64,
    dir: PathBuf,
) -> Outcome<Job> {
    let table = suite
        .run_table(env, variant, setting, seed, length)
        .or_input(|| "suite".to_owned())?;
    Ok(Job {
        dir,
        run_file: table.to_string(),
        steps: (env.total_steps as f64 * length) as u64,
    })
}

/// Seed by seed, so that a suite that is stopped early has compared all variants on the seeds it has.
fn reported_jobs(suite: &Suite, choices: &Choices, out: &Path) -> Outcome<Vec<Job>> {
    let mut jobs = Vec::new();
    for &seed in &suite.suite.seeds {
        for (e, env) in suite.envs.iter().enumerate() {
            for (v, variant) in suite.variants.iter().enumerate() {
                let Some(chosen) = choices.get(&(e, v)) else {
                    continue;
                };
                let dir = out
                    .join("runs")
                    .join(&env.id)
                    .join(&variant.name)
                    .join(format!("seed_{seed}"));
                jobs.push(job(suite, env, variant, &chosen.setting, seed, 1.0, dir)?);
            }
        }
    }
    Ok(jobs)
}

/// `suite.json`: what the report needs to know of the plan.
fn write_plan(suite: &Suite, choices: &Choices, args: &CompareArgs, name: &str) -> Outcome {
    let registry = registry();
    let envs: Vec<_> = suite
        .envs
        .iter()
        .map(|env| {
            let scores = registry
                .get(&env.id)
                .ok()
                .and_then(prospect_envs::TaskEntry::scores);
            let (floor, ceiling) = (scores.map(|s| s.floor), scores.and_then(|s| s.ceiling));
            json!({ "id": env.id, "floor": floor, "ceiling": ceiling, "threshold": env.threshold })
        })
        .collect();
    let variants: Vec<_> = suite
        .variants
        .iter()
        .map(|v| json!({ "name": v.name, "label": v.label() }))
        .collect();
    let mut plan = json!({
        "name": suite.suite.name,
        "envs": envs,
        "variants": variants,
        "seeds": suite.suite.seeds,
        "total_steps": suite.envs.iter().map(|env| (env.id.clone(), env.total_steps)).collect::<BTreeMap<_, _>>(),
        "commands": [format!("prospect compare {name} --out {}", args.out.display())],
    });
    if choices.values().any(|chosen| chosen.grid_size > 1) {
        plan["tuning"] = tuning_plan(suite, choices);
    }
    let path = args.out.join("suite.json");
    let text = serde_json::to_string_pretty(&plan).or_run(|| "writing suite.json".to_owned())?;
    fs::write(&path, text).or_run(|| format!("writing {}", path.display()))
}

fn tuning_plan(suite: &Suite, choices: &Choices) -> serde_json::Value {
    let mut chosen: BTreeMap<&str, BTreeMap<&str, serde_json::Value>> = BTreeMap::new();
    let mut runs = 0;
    let mut longest = 0.0_f64;
    for ((e, v), choice) in choices {
        if choice.grid_size < 2 {
            continue;
        }
        runs += choice.grid_size * suite.tuning.seeds.len();
        longest = longest.max(suite.envs[*e].total_steps as f64 * suite.tuning.length);
        let settings: BTreeMap<_, _> = choice.setting.iter().map(|(key, value)| (key, value)).collect();
        let entry = json!({ "settings": settings, "score": choice.score, "grid_size": choice.grid_size });
        chosen
            .entry(&suite.envs[*e].id)
            .or_default()
            .insert(&suite.variants[*v].name, entry);
    }
    json!({ "seeds": suite.tuning.seeds, "budget_runs": runs, "steps": longest as u64, "chosen": chosen })
}

fn summarise(jobs: &[Job], ends: &[End]) -> Outcome {
    let failed: Vec<_> = jobs
        .iter()
        .zip(ends)
        .filter_map(|(job, end)| match end {
            End::Failed(why) => Some(format!("{}: {why}", job.dir.display())),
            _ => None,
        })
        .collect();
    if ends.contains(&End::Interrupted) {
        return Err(Failure::run(anyhow!(
            "interrupted; the same command goes on from here"
        )));
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::run(anyhow!(
        "{} of {} runs failed:\n  {}",
        failed.len(),
        jobs.len(),
        failed.join("\n  ")
    )))
}
