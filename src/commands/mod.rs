//! The subcommands, one file each.

pub mod bench_steps;
pub mod envs;
pub mod rollout;

use serde::Serialize;

use crate::failure::{Outcome, Sort};

/// Prints a result as JSON on standard output.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn print_json(value: &impl Serialize) -> Outcome {
    let text = serde_json::to_string_pretty(value).or_run(|| "writing JSON".to_owned())?;
    println!("{text}");
    Ok(())
}
