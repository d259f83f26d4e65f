//! Numbers as a reader wants them: estimates with intervals, frames, durations, censored times.

use crate::figures::axis::{Unit, write_number};
use crate::stats::{Estimate, SurvivalSummary};

/// What stands where there is no number.
pub(crate) const NO_VALUE: &str = "–";

/// Two decimals with a typographic minus; a value that rounds to zero has no sign.
pub(crate) fn score(value: f64) -> String {
    let text = format!("{value:.2}");
    if text == "-0.00" {
        "0.00".to_owned()
    } else {
        text.replace('-', "−")
    }
}

/// A score with its sign.
pub(crate) fn signed(value: f64) -> String {
    let text = score(value);
    if value >= 0.005 { format!("+{text}") } else { text }
}

/// `0.87 [0.80, 0.93]` as plain text.
pub(crate) fn with_interval(estimate: Estimate, write: impl Fn(f64) -> String) -> String {
    format!(
        "{} [{}, {}]",
        write(estimate.point),
        write(estimate.low),
        write(estimate.high)
    )
}

/// The same as markup, the interval set back.
pub(crate) fn interval_cell(estimate: Option<Estimate>, write: impl Fn(f64) -> String) -> String {
    estimate.map_or_else(
        || NO_VALUE.to_owned(),
        |e| {
            format!(
                "{} <span class=\"ci\">[{}, {}]</span>",
                write(e.point),
                write(e.low),
                write(e.high)
            )
        },
    )
}

/// Env frames: 0.31M.
pub(crate) fn frames(value: f64) -> String {
    write_number(value, Unit::Count)
}

/// A whole number with its thousands apart: 4,237.
pub(crate) fn whole(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if value <= -0.5 { format!("−{out}") } else { out }
}

/// A share: 80%.
pub(crate) fn share(value: f64) -> String {
    format!("{:.0}%", value * 100.0)
}

/// A duration: 42 s, 12 min, 3.4 h.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else if seconds < 5400.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3600.0)
    }
}

/// Median frames to an event: `0.31M [0.25M, >1M]`, or `>1M (3 of 5 never)`.
pub(crate) fn time_to_event(summary: &SurvivalSummary) -> String {
    let never = summary.runs - summary.reached;
    let rest = if never == 0 {
        String::new()
    } else {
        format!(" ({never} of {} never)", summary.runs)
    };
    let beyond = format!(">{}", frames(summary.horizon));
    let Some(median) = summary.median else {
        return format!("{beyond}{rest}");
    };
    let end = |value: Option<f64>| value.map_or_else(|| beyond.clone(), frames);
    let (low, high) = summary.median_interval;
    format!("{} [{}, {}]{rest}", frames(median), end(low), end(high))
}

/// Names joined as in a sentence: a, b and c.
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// `1 run`, `3 runs`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(reached: usize, median: Option<f64>, interval: (Option<f64>, Option<f64>)) -> SurvivalSummary {
        SurvivalSummary {
            reached,
            runs: 5,
            median,
            median_interval: interval,
            restricted_mean: Estimate {
                point: 0.0,
                low: 0.0,
                high: 0.0,
            },
            horizon: 1e6,
        }
    }

    #[test]
    fn censored_times_say_so() {
        assert_eq!(
            time_to_event(&summary(2, None, (Some(4e5), None))),
            ">1M (3 of 5 never)"
        );
        let some = summary(4, Some(3.1e5), (Some(2.5e5), None));
        assert_eq!(time_to_event(&some), "0.31M [0.25M, >1M] (1 of 5 never)");
        let all = summary(5, Some(3e4), (Some(2e4), Some(4e4)));
        assert_eq!(time_to_event(&all), "30k [20k, 40k]");
    }

    #[test]
    fn signs_and_rounding() {
        assert_eq!(
            (score(-0.001), score(-0.256)),
            ("0.00".to_owned(), "−0.26".to_owned())
        );
        assert_eq!(
            (signed(0.3), signed(-0.3), signed(0.001)),
            ("+0.30".into(), "−0.30".into(), "0.00".into())
        );
        assert_eq!(
            (whole(4237.4), whole(999.0), whole(-1_234_567.0)),
            ("4,237".into(), "999".into(), "−1,234,567".into())
        );
        assert_eq!(
            (duration(42.0), duration(720.0), duration(9000.0)),
            ("42 s".into(), "12 min".into(), "2.5 h".into())
        );
    }
}
