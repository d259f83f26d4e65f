//! `prospect report`: the written report of a suite's folder or of one run's.

use std::path::PathBuf;

use clap::Args;
use prospect_report::write_report;

use crate::failure::{Failure, Outcome, Sort};

/// Options of `prospect report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// Folder of `prospect compare` or of `prospect train`
    pub dir: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// Bad input if the folder is neither; a failed run if the report cannot be written.
pub fn run(args: &ReportArgs) -> Outcome {
    let known = ["suite.json", "run.toml"]
        .iter()
        .any(|name| args.dir.join(name).is_file());
    if !known {
        let dir = args.dir.display();
        let message = "holds neither suite.json nor run.toml; give a folder that `prospect compare` or `prospect train` wrote";
        return Err(Failure::input(anyhow::anyhow!("{dir} {message}")));
    }
    let paths = write_report(&args.dir);
    let paths = paths.or_run(|| format!("reporting on {}", args.dir.display()))?;
    println!("{}", paths.html.display());
    Ok(())
}
