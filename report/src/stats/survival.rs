//! Time until an event that some runs never see: Kaplan-Meier curves, medians and restricted means.
//!
//! "Frames to threshold" of a run that never reached the threshold is not missing and not the budget: it is censored,
//! known only to exceed what was run (Kaplan and Meier 1958).

use super::bootstrap::below;
use super::{Bootstrap, Estimate, StatError, all_finite, quantile_sorted, sort};

/// Guards `S <= 0.5` against rounding in the product of factors.
const HALF: f64 = 0.5 + 1e-12;

/// One run: when the event came, or until when it was known not to have come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeToEvent {
    /// Time of the event, or of the last look without it.
    pub time: f64,
    /// Whether the event came.
    pub happened: bool,
}

/// The Kaplan-Meier estimate: a step function that starts at 1 and drops at event times.
#[derive(Debug, Clone, PartialEq)]
pub struct KaplanMeier {
    /// Distinct event times, ascending.
    pub times: Vec<f64>,
    /// Share not yet at the event just after each time, `[times]`.
    pub survival: Vec<f64>,
    /// Times at which a run was censored, ascending, one entry per run.
    pub censored: Vec<f64>,
}

/// What a table says about one variant's times.
#[derive(Debug, Clone, PartialEq)]
pub struct SurvivalSummary {
    /// Runs that saw the event.
    pub reached: usize,
    /// All runs.
    pub runs: usize,
    /// Smallest time at which at most half have not seen the event; `None` if that never happens.
    pub median: Option<f64>,
    /// 95% bootstrap interval of the median; `None` at an end that lies beyond the horizon.
    pub median_interval: (Option<f64>, Option<f64>),
    /// Mean of `min(time, horizon)` with its interval.
    pub restricted_mean: Estimate,
    /// Horizon of the restricted mean.
    pub horizon: f64,
}

impl KaplanMeier {
    /// Smallest time at which the curve is at or below one half.
    pub fn median(&self) -> Option<f64> {
        self.times
            .iter()
            .zip(&self.survival)
            .find(|(_, share)| **share <= HALF)
            .map(|(time, _)| *time)
    }

    /// Area under the curve up to `horizon`.
    pub fn restricted_mean(&self, horizon: f64) -> f64 {
        let (mut area, mut from, mut level) = (0.0, 0.0, 1.0);
        for (time, share) in self.times.iter().zip(&self.survival) {
            let until = time.min(horizon);
            area += level * (until - from);
            from = until;
            level = *share;
        }
        area + level * (horizon - from).max(0.0)
    }
}

/// Kaplan-Meier estimate; at equal times events precede censoring.
///
/// # Errors
/// [`StatError::Empty`] without runs, [`StatError::NotFinite`] for NaN or infinite times.
pub fn kaplan_meier(runs: &[TimeToEvent]) -> Result<KaplanMeier, StatError> {
    if runs.is_empty() {
        return Err(StatError::Empty {
            what: "times to an event",
        });
    }
    let all: Vec<f64> = runs.iter().map(|run| run.time).collect();
    all_finite("times to an event", &all)?;
    Ok(estimate(runs))
}

fn estimate(runs: &[TimeToEvent]) -> KaplanMeier {
    let of = |happened: bool| {
        let mut times: Vec<f64> = runs
            .iter()
            .filter(|run| run.happened == happened)
            .map(|run| run.time)
            .collect();
        sort(&mut times);
        times
    };
    let censored = of(false);
    let mut times = of(true);
    times.dedup();
    let mut share = 1.0;
    let survival = times
        .iter()
        .map(|time| {
            let at_risk = runs.iter().filter(|run| run.time >= *time).count();
            let events = runs
                .iter()
                .filter(|run| run.happened && run.time == *time)
                .count();
            share *= 1.0 - events as f64 / at_risk as f64;
            share
        })
        .collect();
    KaplanMeier {
        times,
        survival,
        censored,
    }
}

/// Median, restricted mean to `horizon`, and bootstrap intervals over runs.
///
/// # Errors
/// As [`kaplan_meier`].
pub fn summarise_survival(
    bootstrap: &Bootstrap,
    name: &str,
    runs: &[TimeToEvent],
    horizon: f64,
) -> Result<SurvivalSummary, StatError> {
    let curve = kaplan_meier(runs)?;
    let replicates = bootstrap.replicate(
        name,
        |rng, buffer: &mut Vec<TimeToEvent>| {
            buffer.clear();
            buffer.extend((0..runs.len()).map(|_| runs[below(rng, runs.len())]));
            let curve = estimate(buffer);
            (curve.restricted_mean(horizon), curve.median().unwrap_or(f64::MAX))
        },
        Vec::new,
    );
    let (means, medians): (Vec<f64>, Vec<f64>) = replicates.into_iter().unzip();
    Ok(SurvivalSummary {
        reached: runs.iter().filter(|run| run.happened).count(),
        runs: runs.len(),
        median: curve.median(),
        median_interval: median_interval(bootstrap.level, medians),
        restricted_mean: bootstrap.interval(curve.restricted_mean(horizon), means),
        horizon,
    })
}

/// `f64::MAX` stands for "never" among the replicates; an end that touches it has no value.
fn median_interval(level: f64, mut medians: Vec<f64>) -> (Option<f64>, Option<f64>) {
    if medians.is_empty() {
        return (None, None);
    }
    sort(&mut medians);
    let tail = (1.0 - level) / 2.0;
    let end = |q| Some(quantile_sorted(&medians, q)).filter(|end| *end < f64::MAX / 1e9);
    (end(tail), end(1.0 - tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time: f64) -> TimeToEvent {
        TimeToEvent { time, happened: true }
    }

    fn censored(time: f64) -> TimeToEvent {
        TimeToEvent {
            time,
            happened: false,
        }
    }

    #[test]
    fn matches_the_leukaemia_trial() {
        // Freireich et al. 1963, 6-MP arm, as printed in every survival text: S(6)=.857, S(7)=.807, S(10)=.753,
        // S(13)=.690, S(16)=.627, S(22)=.538, S(23)=.448; median 23.
        let mut runs: Vec<_> = [6., 6., 6., 7., 10., 13., 16., 22., 23.].map(event).to_vec();
        runs.extend([6., 9., 10., 11., 17., 19., 20., 25., 32., 32., 34., 35.].map(censored));
        let curve = kaplan_meier(&runs).unwrap();
        assert_eq!(curve.times, vec![6., 7., 10., 13., 16., 22., 23.]);
        for (found, wanted) in curve
            .survival
            .iter()
            .zip([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448])
        {
            approx::assert_abs_diff_eq!(*found, wanted, epsilon = 5e-4);
        }
        assert_eq!(curve.median(), Some(23.0));
    }

    #[test]
    fn restricted_mean_counts_censored_runs_at_the_horizon() {
        let runs = [event(2.0), event(4.0), censored(10.0), censored(10.0)];
        let curve = kaplan_meier(&runs).unwrap();
        approx::assert_abs_diff_eq!(
            curve.restricted_mean(10.0),
            (2.0 + 4.0 + 10.0 + 10.0) / 4.0,
            epsilon = 1e-12
        );
        approx::assert_abs_diff_eq!(
            curve.restricted_mean(3.0),
            (2.0 + 3.0 * 3.0) / 4.0,
            epsilon = 1e-12
        );
        assert_eq!(curve.median(), Some(4.0));
    }

    #[test]
    fn a_median_that_most_runs_never_reach_is_none() {
        let runs = [event(2.0), censored(10.0), censored(10.0)];
        let bootstrap = Bootstrap::default().with_replicates(2_000);
        let summary = summarise_survival(&bootstrap, "s", &runs, 10.0).unwrap();
        assert_eq!((summary.reached, summary.runs, summary.median), (1, 3, None));
        assert_eq!(summary.median_interval, (Some(2.0), None));
        assert!(summary.restricted_mean.low >= 2.0 && summary.restricted_mean.high <= 10.0);
        approx::assert_abs_diff_eq!(summary.restricted_mean.point, 22.0 / 3.0, epsilon = 1e-9);
    }

    #[test]
    fn nobody_reaching_gives_the_horizon() {
        let curve = kaplan_meier(&[censored(5.0), censored(5.0)]).unwrap();
        assert_eq!((curve.median(), curve.restricted_mean(5.0)), (None, 5.0));
    }
}
