//! Checks of the project's own rules: `cargo xtask layers` and `cargo xtask lint-torch-random`.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

mod layers;
mod torch_random;

const USAGE: &str = "usage: cargo xtask <check>

  layers              no room depends on another, or on a crate, that the design forbids it
  lint-torch-random   nothing in nets, shaping, agents and src draws from libtorch's global generator";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let found = match names.as_slice() {
        ["layers"] => check_layers(),
        ["lint-torch-random"] => torch_random::check(&root()),
        _ => {
            say(USAGE);
            return ExitCode::from(2);
        }
    };
    match found {
        Ok(summary) => {
            say(&summary);
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "what a check found is its whole output")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// The workspace's folder: the one above this crate.
fn root() -> PathBuf {
    // As cargo says now: a build that several checkouts share may be of another one.
    let crate_folder = std::env::var_os("CARGO_MANIFEST_DIR");
    crate_folder
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
        .join("..")
}

fn check_layers() -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1"])
        .current_dir(root())
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let metadata = serde_json::from_slice(&output.stdout).context("cargo metadata wrote no JSON")?;
    let problems = layers::problems(&metadata)?;
    if !problems.is_empty() {
        bail!(
            "{} forbidden dependencies\n  {}",
            problems.len(),
            problems.join("\n  ")
        );
    }
    Ok("layers: every room keeps to its own".into())
}
