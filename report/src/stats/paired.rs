//! Paired comparison of two variants that share seeds (the same levels), seed by seed.

use super::bootstrap::below;
use super::{Bootstrap, Estimate, StatError, all_finite, slice_mean};

/// Differences of one task: entry k is the first variant minus the second on the k-th shared seed.
pub type PairedTask = Vec<f64>;

/// Exact two-sided sign test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignTest {
    /// Pairs with a positive difference.
    pub wins: usize,
    /// Pairs with a negative difference.
    pub losses: usize,
    /// Pairs without a difference; they do not enter the test.
    pub ties: usize,
    /// Probability, if neither variant were better, of a split at least this uneven.
    pub p_value: f64,
}

/// Mean over tasks of the mean paired difference, with a bootstrap over the seeds of each task.
///
/// # Errors
/// [`StatError::Empty`] without pairs, [`StatError::NotFinite`] for NaN.
pub fn paired_difference(
    bootstrap: &Bootstrap,
    name: &str,
    tasks: &[PairedTask],
) -> Result<Estimate, StatError> {
    check(tasks)?;
    let point = slice_mean(&tasks.iter().map(|task| slice_mean(task)).collect::<Vec<_>>());
    let replicates = bootstrap.replicate(
        name,
        |rng, (): &mut ()| {
            let total: f64 = tasks
                .iter()
                .map(|task| {
                    (0..task.len()).map(|_| task[below(rng, task.len())]).sum::<f64>() / task.len() as f64
                })
                .sum();
            total / tasks.len() as f64
        },
        || (),
    );
    Ok(bootstrap.interval(point, replicates))
}

/// Counts wins and losses over all pairs and tests them against a fair coin.
///
/// # Errors
/// As [`paired_difference`].
pub fn sign_test(tasks: &[PairedTask]) -> Result<SignTest, StatError> {
    check(tasks)?;
    let count = |wanted: fn(&f64) -> bool| tasks.iter().flatten().filter(|d| wanted(d)).count();
    let wins = count(|d| *d > 0.0);
    let losses = count(|d| *d < 0.0);
    let ties = count(|d| *d == 0.0);
    Ok(SignTest {
        wins,
        losses,
        ties,
        p_value: two_sided_fair_coin(wins.min(losses), wins + losses),
    })
}

fn check(tasks: &[PairedTask]) -> Result<(), StatError> {
    if tasks.is_empty() || tasks.iter().any(Vec::is_empty) {
        return Err(StatError::Empty {
            what: "paired differences",
        });
    }
    tasks
        .iter()
        .try_for_each(|task| all_finite("paired differences", task))
}

/// `min(1, 2 P(K <= fewer))` for K binomial(n, 1/2), by logarithms so that large n does not overflow.
fn two_sided_fair_coin(fewer: usize, n: usize) -> f64 {
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    let mut tail = log_term.exp();
    for k in 0..fewer {
        log_term += ((n - k) as f64 / (k + 1) as f64).ln();
        tail += log_term.exp();
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_test_matches_binomial_tables() {
        // scipy.stats.binomtest(k, n, .5).pvalue for 1 of 9, 0 of 5, 7 of 14.
        for (fewer, n, p) in [
            (1, 9, 0.039_062_5),
            (0, 5, 0.0625),
            (7, 14, 1.0),
            (0, 0, 1.0),
            (3, 15, 0.035_156_25),
        ] {
            approx::assert_abs_diff_eq!(two_sided_fair_coin(fewer, n), p, epsilon = 1e-9);
        }
    }

    #[test]
    fn counts_wins_losses_and_ties() {
        let test = sign_test(&[vec![0.1, -0.2, 0.0], vec![0.3, 0.4]]).unwrap();
        assert_eq!((test.wins, test.losses, test.ties), (3, 1, 1));
        approx::assert_abs_diff_eq!(test.p_value, 0.625, epsilon = 1e-9);
    }

    #[test]
    fn difference_weighs_tasks_equally() {
        let bootstrap = Bootstrap::default().with_replicates(2_000);
        let found = paired_difference(&bootstrap, "d", &[vec![1.0], vec![0.0, 0.0, 0.3]]).unwrap();
        approx::assert_abs_diff_eq!(found.point, 0.55, epsilon = 1e-12);
        assert!(found.low >= 0.5 && found.high <= 0.65);
    }

    #[test]
    fn nan_is_an_error() {
        assert!(matches!(
            sign_test(&[vec![0.1, f64::NAN]]),
            Err(StatError::NotFinite { index: 1, .. })
        ));
        assert!(matches!(sign_test(&[]), Err(StatError::Empty { .. })));
    }
}
