//! `prospect config`: a run file with every default and its meaning.

use std::path::PathBuf;

use clap::Args;
use prospect_shaping::ModuleRegistry;

use crate::{
    config::RunFile,
    failure::{Failure, Outcome, Sort},
};

/// Options of `prospect config`.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// A run file to complete; the defaults alone if left out
    pub run_file: Option<PathBuf>,
    /// Settings on top, such as --set agent.gamma=0.999
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
}

/// Every kind of reward module that this program knows.
pub fn modules() -> ModuleRegistry {
    ModuleRegistry::with_builtin()
}

/// Runs the command.
///
/// # Errors
/// Bad input for a run file that cannot be read.
pub fn run(args: &ConfigArgs) -> Outcome {
    let registry = modules();
    let file = match &args.run_file {
        Some(path) => RunFile::read(path, &args.sets, &registry),
        None => RunFile::parse("", "defaults", &args.sets, &registry),
    };
    let text = file
        .map_err(Failure::Input)?
        .documented(&registry)
        .or_run(|| "writing TOML".to_owned())?;
    print!("{text}");
    Ok(())
}
