//! Shares of successes with Wilson's interval.

use super::StatError;

/// The 0.975 quantile of the standard normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;

/// `successes` of `trials` with its 95% Wilson interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proportion {
    /// Number of successes.
    pub successes: usize,
    /// Number of trials.
    pub trials: usize,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Wilson's score interval at 95% (Wilson 1927), without continuity correction; sound for few trials and for shares
/// of 0 and 1, where the usual normal interval collapses.
///
/// # Errors
/// [`StatError::Empty`] without trials, [`StatError::ShapeMismatch`] with more successes than trials.
pub fn wilson_interval(successes: usize, trials: usize) -> Result<Proportion, StatError> {
    if trials == 0 {
        return Err(StatError::Empty { what: "proportion" });
    }
    if successes > trials {
        return Err(StatError::ShapeMismatch {
            what: "successes",
            expected: trials,
            found: successes,
        });
    }
    let n = trials as f64;
    let share = successes as f64 / n;
    let shrink = 1.0 + Z_95 * Z_95 / n;
    let centre = (share + Z_95 * Z_95 / (2.0 * n)) / shrink;
    let half = Z_95 / shrink * (share * (1.0 - share) / n + Z_95 * Z_95 / (4.0 * n * n)).sqrt();
    let low = if successes == 0 { 0.0 } else { centre - half };
    let high = if successes == trials { 1.0 } else { centre + half };
    Ok(Proportion {
        successes,
        trials,
        low,
        high,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_published_values() {
        // Newcombe 1998, table I, method 3: 81/263, 15/148, 0/20 and 1/29.
        for (successes, trials, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let interval = wilson_interval(successes, trials).unwrap();
            approx::assert_abs_diff_eq!(interval.low, low, epsilon = 5e-5);
            approx::assert_abs_diff_eq!(interval.high, high, epsilon = 5e-5);
        }
    }

    #[test]
    fn no_trials_is_an_error() {
        assert_eq!(
            wilson_interval(0, 0),
            Err(StatError::Empty { what: "proportion" })
        );
        assert!(wilson_interval(3, 2).is_err());
    }
}
