//! `prospect demo`: the main job on a suite that fits into minutes.

use std::path::PathBuf;

use clap::Args;

use crate::{
    commands::compare::{CompareArgs, compare},
    failure::Outcome,
};

/// The suite, part of the program so that the binary alone can run it.
const SUITE: &str = include_str!("../../assets/suites/demo.toml");
const NAME: &str = "assets/suites/demo.toml";

/// Options of `prospect demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Folder of the suite
    #[arg(long, default_value = "runs/demo")]
    pub out: PathBuf,
    /// Runs at the same time; one per core if left out
    #[arg(long)]
    pub jobs: Option<usize>,
}

/// Runs the command.
///
/// # Errors
/// As `prospect compare`.
pub fn run(args: &DemoArgs) -> Outcome {
    println!(
        "five rewards, two tasks, three seeds: this takes some minutes and can be stopped and repeated at any time"
    );
    let args = CompareArgs {
        suite: PathBuf::from(NAME),
        out: args.out.clone(),
        jobs: args.jobs,
        no_report: false,
    };
    compare(SUITE, NAME, &args)
}
