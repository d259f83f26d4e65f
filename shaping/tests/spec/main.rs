//! The executable specification of the stack and of every module, on tapes of a toy env.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod counts;
mod mixing;
mod neural;
mod potentials;
mod properties;
mod relabel;
mod run_file;
mod toy;
