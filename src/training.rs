//! From a run file to a trainer, and from its errors to exit codes.

use std::{path::Path, sync::Arc};

use prospect_agents::{AgentError, TrainSetup, Trainer};
use prospect_nets::{DeviceChoice, set_threads};
use serde::Deserialize;

use crate::{
    commands::{config::modules, envs::registry},
    config::RunFile,
    failure::{Failure, Outcome, Sort},
};

/// Builds the run that `file` describes, in memory.
///
/// # Errors
/// Bad input if the env, a reward module or the device does not fit.
pub fn trainer(file: &RunFile) -> Outcome<Trainer> {
    // Two threads gain nothing on nets of this size, and cost fivefold beside another process.
    set_threads(1);
    let device =
        DeviceChoice::deserialize(serde_json::Value::String(file.run.device.clone())).or_input(|| {
            format!(
                "run.device = \"{}\": use \"cpu\", \"cuda\" or \"auto\"",
                file.run.device
            )
        })?;
    let registry = registry();
    let env = registry
        .make(&file.env.id, &file.env.options)
        .or_input(|| "env.id, env.options".to_owned())?;
    let modules = modules();
    Trainer::new(TrainSetup {
        env: Arc::clone(&env),
        n_envs: file.env.n_envs,
        threads: file.run.threads,
        shards: (file.run.shards > 0).then_some(file.run.shards),
        run_seed: file.run.seed,
        agent: file.agent.clone(),
        rewards: file.rewards.clone(),
        extrinsic: file.extrinsic.clone(),
        registry: &modules,
        device: device.resolve().or_input(|| "run.device".to_owned())?,
    })
    .map_err(sort)
}

/// The run in the folder `dir` as it was before its first step, to load a checkpoint into: on the CPU, wherever it was trained, so
/// that what a machine with a CUDA device learned plays on one without.
///
/// # Errors
/// Bad input if the folder holds no run, or as [`trainer`].
pub fn stored(dir: &Path) -> Outcome<(RunFile, Trainer)> {
    let mut file = RunFile::read(&dir.join("run.toml"), &[], &modules()).map_err(Failure::Input)?;
    "cpu".clone_into(&mut file.run.device);
    let trainer = trainer(&file)?;
    Ok((file, trainer))
}

/// What the user gave, or what the run met.
pub fn sort(error: AgentError) -> Failure {
    match error {
        AgentError::NotFinite { .. } | AgentError::CheckpointWrite { .. } | AgentError::Io { .. } => {
            Failure::run(error)
        }
        _ => Failure::input(error),
    }
}
