//! Statistics, figures, heatmaps and HTML computed from Prospect's run folders.
//!
//! `prospect compare` leaves a suite folder and `prospect train` a run folder; this crate reads them and writes a
//! self-contained HTML report with figures as PNG and tables as CSV. It never runs a simulation and never changes a
//! run's files.

pub mod analysis;
mod canvas;
mod error;
mod figures;
mod heatmap;
mod html;
mod number_table;
mod probe;
mod report;
mod run_folder;
pub mod stats;
mod suite_folder;
mod tables;

pub use error::ReportError;
pub use heatmap::{
    Heatmap, HeatmapOptions, HeatmapRequest, Panel, Scale, ScaleKind, draw_heatmap, field_title,
    heatmap_from_probe, write_heatmap_csv,
};
pub use number_table::NumberTable;
pub use probe::{Field, GREEDY_ACTION, Level, Plane, Probe, available_fields};
pub use report::{ReportPaths, write_report, write_run_report, write_suite_report};
pub use run_folder::{Evaluation, Machine, ProbeFile, RunFolder, RunMeta, RunState, RunStatus};
pub use suite_folder::{
    ChosenSettings, EnvPlan, Outcome, SuiteFolder, SuitePlan, SuiteRun, TuningPlan, VariantPlan,
};
