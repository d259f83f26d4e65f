//! The subcommands, one file each.

pub mod bench_steps;
pub mod bench_train;
mod bodies;
pub mod compare;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod envs;
pub mod eval;
pub mod export;
pub mod heatmap;
pub mod label;
mod libtorch_work;
pub mod report;
mod reset_state;
pub mod rollout;
pub mod train;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

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

/// A flag that Ctrl-C or a termination signal sets: long work ends with a checkpoint. A second signal ends the process.
///
/// # Errors
/// If no handler can be installed.
pub fn stop_on_signal() -> Outcome<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::abort();
        }
    };
    ctrlc::set_handler(handler).or_run(|| "listening for Ctrl-C".to_owned())?;
    Ok(stop)
}
