//! Statistics that a reader of RL results can check: aggregates as rliable defines them, bootstrap intervals,
//! survival estimates for frames-to-threshold, and paired comparisons.
//!
//! Every function refuses empty and non-finite input with a [`StatError`]; nothing here propagates NaN.

mod aggregate;
mod bootstrap;
mod curve;
mod improvement;
mod paired;
mod proportion;
mod scores;
mod survival;

pub use aggregate::{iqm, mean, median_of_task_means, optimality_gap};
pub use bootstrap::{Bootstrap, Estimate};
pub use curve::{Curve, area_under, common_grid, first_reached, resample};
pub use improvement::{performance_profile, performance_profile_of_task_means, probability_of_improvement};
pub use paired::{PairedTask, SignTest, paired_difference, sign_test};
pub use proportion::{Proportion, wilson_interval};
pub use scores::{Scores, normalised};
pub use survival::{KaplanMeier, SurvivalSummary, TimeToEvent, kaplan_meier, summarise_survival};

/// Why a statistic cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatError {
    /// No values at all, or a task without runs.
    #[error("{what} has no values; give at least one run per task")]
    Empty {
        /// What was being computed.
        what: &'static str,
    },
    /// A NaN or an infinity.
    #[error("{what} is not finite at index {index} ({value}); drop or repair that run first")]
    NotFinite {
        /// What was being read.
        what: &'static str,
        /// Position in the values as given.
        index: usize,
        /// The offending value.
        value: f64,
    },
    /// Two inputs that must have the same shape do not.
    #[error("{what}: expected {expected} entries, found {found}")]
    ShapeMismatch {
        /// What was being matched.
        what: &'static str,
        /// Length wanted.
        expected: usize,
        /// Length given.
        found: usize,
    },
    /// Floor and ceiling do not span a range.
    #[error("ceiling {ceiling} must lie above floor {floor}; correct the task's floor and ceiling")]
    EmptyRange {
        /// Return of the random policy.
        floor: f64,
        /// Best known return.
        ceiling: f64,
    },
    /// Steps of a curve that do not grow.
    #[error("{what}: steps must strictly increase, but entry {index} does not")]
    NotIncreasing {
        /// What was being read.
        what: &'static str,
        /// First entry that is not above the one before.
        index: usize,
    },
}

/// Refuses NaN and infinities.
pub(crate) fn all_finite(what: &'static str, values: &[f64]) -> Result<(), StatError> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(StatError::NotFinite {
            what,
            index,
            value: values[index],
        }),
        None => Ok(()),
    }
}

/// Mean of a non-empty slice.
pub(crate) fn slice_mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Sorts by value; inputs are finite by construction, so the total order is the usual one.
pub(crate) fn sort(values: &mut [f64]) {
    values.sort_unstable_by(f64::total_cmp);
}

/// Percentile by linear interpolation between order statistics (numpy's default), `q` in 0..=1, `sorted` ascending.
pub(crate) fn quantile_sorted(sorted: &[f64], q: f64) -> f64 {
    let last = sorted.len() - 1;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    if sorted[below] == sorted[above] {
        return sorted[below];
    }
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}
