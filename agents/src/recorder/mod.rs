//! Where numbers of a run go: deterministic CSV files, timings beside them, and TensorBoard event files.

pub mod csv;
pub mod tensorboard;

pub use self::{csv::CsvLog, tensorboard::EventLog};

/// Metrics by name.
pub type Metrics = std::collections::BTreeMap<String, f64>;
