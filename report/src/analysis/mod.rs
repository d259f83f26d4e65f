//! Every number of a suite's report, computed once: figures, tables and text only show what is here.

mod aggregate;
mod result;
mod task;

pub use aggregate::{Aggregate, PairComparison, VariantAggregate};
pub use result::RunResult;
pub(crate) use result::total;
pub use task::{BandCurve, CellAnalysis, TaskAnalysis};

use crate::error::ReportError;
use crate::stats::Bootstrap;
use crate::suite_folder::{SuiteFolder, SuitePlan};

/// Names by which a variant without any bonus is known.
const BASELINE_NAMES: [&str; 7] = [
    "none",
    "no_bonus",
    "no-bonus",
    "baseline",
    "ppo",
    "plain",
    "extrinsic",
];

/// Replicates of the intervals in tables.
pub const TABLE_REPLICATES: usize = 20_000;
/// Replicates of the bands of curves and profiles, per point.
pub const BAND_REPLICATES: usize = 2_000;

/// All numbers of a suite.
#[derive(Debug, Clone)]
pub struct SuiteAnalysis {
    /// One entry per planned run, in the order of [`SuiteFolder::runs`].
    pub results: Vec<RunResult>,
    /// One entry per env.
    pub tasks: Vec<TaskAnalysis>,
    /// Over all tasks that can be compared; `None` if there is none.
    pub aggregate: Option<Aggregate>,
    /// The variant without bonus, if one is named so.
    pub baseline: Option<usize>,
}

impl SuiteAnalysis {
    /// Computes everything. The same folder gives the same numbers, intervals included.
    ///
    /// # Errors
    /// [`ReportError::Stat`] where a statistic cannot be computed, e.g. a ceiling below its floor.
    pub fn compute(suite: &SuiteFolder) -> Result<Self, ReportError> {
        let bootstrap = Bootstrap::default().with_replicates(TABLE_REPLICATES);
        let results = suite
            .runs
            .iter()
            .map(|run| RunResult::of(suite, run))
            .collect::<Result<Vec<_>, _>>()?;
        let tasks = (0..suite.plan.envs.len())
            .map(|env| TaskAnalysis::compute(suite, env, &results, &bootstrap))
            .collect::<Result<Vec<_>, _>>()?;
        let baseline = find_baseline(&suite.plan);
        let aggregate = Aggregate::compute(suite, &results, &bootstrap)?;
        Ok(Self {
            results,
            tasks,
            aggregate,
            baseline,
        })
    }

    /// The variant that others are compared with: the one without bonus, else the first.
    pub fn reference(&self) -> usize {
        self.baseline.unwrap_or(0)
    }
}

/// The variant whose name says that it has no bonus.
pub(crate) fn find_baseline(plan: &SuitePlan) -> Option<usize> {
    plan.variants
        .iter()
        .position(|variant| BASELINE_NAMES.contains(&variant.name.to_lowercase().as_str()))
}
