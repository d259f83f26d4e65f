//! The `prospect` binary: parse the command line, run one command, turn its error into an exit code.

use std::process::ExitCode;

use clap::Parser;
use prospect::cli::Cli;
use tracing_subscriber::EnvFilter;

#[expect(clippy::print_stderr, reason = "the one place where errors are shown")]
fn main() -> ExitCode {
    // A reader that has seen enough, such as `head`, ends the program quietly instead of making it panic.
    sigpipe::reset();
    // Libraries only emit; what is shown of it is decided here, and by RUST_LOG.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,tiny_skia=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .init();
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("prospect: {failure}");
            failure.code()
        }
    }
}
