//! The `prospect` binary: parse the command line, run one command, turn its error into an exit code.

use std::process::ExitCode;

use clap::Parser;
use prospect::cli::Cli;

#[expect(clippy::print_stderr, reason = "the one place where errors are shown")]
fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("prospect: {failure}");
            failure.code()
        }
    }
}
