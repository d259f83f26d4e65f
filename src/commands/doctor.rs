//! `prospect doctor`: what this installation has, and what to do about what it lacks.

use clap::Args;
use prospect_nets::libtorch_info;
use prospect_sim::{Rollout, Seeds, VecEnv, VecEnvConfig};
use serde::Serialize;

use crate::{
    commands::{
        envs::{make_env, registry},
        print_json,
        rollout::observation_checksum,
    },
    failure::{Failure, Outcome, Sort},
    machine::{self, Machine},
};

/// Options of `prospect doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// One line of the examination.
#[derive(Debug, Serialize)]
struct Check {
    what: &'static str,
    ok: bool,
    found: String,
    remedy: Option<&'static str>,
}

/// The checksum of a short walk, known to be right because the goldens of MiniGrid hold for it.
const WALK: (&str, u64, usize) = ("MiniGrid-DoorKey-8x8-v0", 0, 64);

/// Runs the command.
///
/// # Errors
/// A failed run if something is broken.
pub fn run(args: &DoctorArgs) -> Outcome {
    let checks = examine()?;
    if args.json {
        print_json(&checks)?;
    } else {
        for check in &checks {
            println!(
                "{} {:<10} {}",
                if check.ok { "ok  " } else { "FAIL" },
                check.what,
                check.found
            );
            if let (false, Some(remedy)) = (check.ok, check.remedy) {
                println!("     remedy: {remedy}");
            }
        }
    }
    match checks.iter().find(|check| !check.ok) {
        None => Ok(()),
        Some(check) => Err(Failure::run(anyhow::anyhow!(
            "{} needs attention: {}",
            check.what,
            check.found
        ))),
    }
}

fn examine() -> Outcome<Vec<Check>> {
    let torch = libtorch_info();
    let here = Machine::this();
    let folder = torch
        .folder
        .as_ref()
        .map_or_else(|| "an unknown folder".to_owned(), |f| f.display().to_string());
    let plain = |what, found| Check {
        what,
        ok: true,
        found,
        remedy: None,
    };
    let cuda = if torch.cuda_available {
        format!("{} device(s)", torch.cuda_devices)
    } else {
        "none; everything runs on the CPU (`make libtorch CUDA=1` fetches the CUDA libraries)".to_owned()
    };
    let walk = walk()?;
    Ok(vec![
        plain(
            "prospect",
            format!(
                "{} ({}, {})",
                env!("CARGO_PKG_VERSION"),
                machine::git_revision(),
                machine::compiler()
            ),
        ),
        plain(
            "processor",
            format!(
                "{}, {} cores, {}",
                here.cpu_model,
                here.cores,
                machine::cpu_features().join(" ")
            ),
        ),
        Check {
            what: "libtorch",
            ok: torch.version.starts_with("2.11"),
            found: format!(
                "{} in {folder}, {} thread(s), {}",
                torch.version, torch.threads, torch.cpu_capability
            ),
            remedy: Some("run `make libtorch` and build again"),
        },
        plain("cuda", cuda),
        plain("tasks", format!("{} registered", registry().iter().count())),
        Check {
            what: "simulator",
            ok: walk.0 == walk.1,
            found: if walk.0 == walk.1 {
                "one shard and seven give the same bytes".to_owned()
            } else {
                format!("one shard gives {:016x}, seven give {:016x}", walk.0, walk.1)
            },
            remedy: Some("report this with the output of `prospect doctor --json`"),
        },
    ])
}

/// The same walk in one shard and in seven.
fn walk() -> Outcome<(u64, u64)> {
    let one = checksum(1)?;
    Ok((one, checksum(7)?))
}

fn checksum(shards: usize) -> Outcome<u64> {
    let env = make_env(WALK.0, "{}")?;
    let config = VecEnvConfig {
        n_envs: 14,
        shards: Some(shards),
        ..VecEnvConfig::default()
    };
    let walk = || -> Result<u64, prospect_sim::SimError> {
        let mut envs = VecEnv::new(env, &config)?;
        let mut rollout = Rollout::new(envs.layout(), WALK.2);
        envs.reset(Seeds::Base(WALK.1), rollout.first_row_mut())?;
        for t in 0..WALK.2 {
            let actions = rollout.discrete_actions_mut(t).iter_mut().enumerate();
            actions.for_each(|(k, action)| *action = ((t * 5 + k * 3) % 7) as i32);
            let (actions, row) = rollout.step_mut(t);
            envs.step(actions, row)?;
        }
        Ok(observation_checksum(&rollout))
    };
    walk().or_run(|| "stepping a task".to_owned())
}
