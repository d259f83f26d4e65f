//! Tests across rooms, through the binary as a user starts it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Bad input gets a message that names the place, and exit code 2.
mod bad_input;
/// Driving rollouts: scenes from files, arrays of vehicles.
mod driving;
/// Exported policies, read by a program that knows nothing but the files.
mod export;
/// What `--help` says.
mod help;
/// Planned episodes recorded, and imitated.
mod imitation;
/// Every kind of learner: trained, evaluated and resumed.
mod learners;
/// Rollouts: files, checksums, the same bytes however they are made.
mod rollout;
/// Training, resuming, evaluating, comparing, drawing.
mod training;

use std::{
    path::Path,
    process::{Command, Output},
};

/// Runs the binary.
fn prospect(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_prospect"))
        .args(args)
        .output()
        .unwrap()
}

/// Runs the binary, which must succeed, and returns what it printed.
fn ok(args: &[&str]) -> String {
    let output = prospect(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "prospect {}: {stderr}", args.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the binary, which must refuse its input, and returns the message.
fn refused(args: &[&str]) -> String {
    let output = prospect(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        output.status.code(),
        Some(2),
        "prospect {}: {stderr}",
        args.join(" ")
    );
    stderr
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
