//! The run file: its sections, `--set`, and printing it with the meaning of every key.

pub mod document;
pub mod overlay;
pub mod place;
pub mod run_file;

pub use run_file::RunFile;
