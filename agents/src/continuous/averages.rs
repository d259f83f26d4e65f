//! Means of losses over the updates between two reports.

use crate::recorder::Metrics;

/// Sums under fixed names, so that a report has all of them from the first one on.
#[derive(Debug, Clone)]
pub(crate) struct Averages {
    names: &'static [&'static str],
    sums: Vec<(f64, f64)>,
}

impl Averages {
    /// Nothing yet.
    pub(crate) fn new(names: &'static [&'static str]) -> Self {
        Self {
            names,
            sums: vec![(0.0, 0.0); names.len()],
        }
    }

    /// Adds values in the order of the names from number `first` on.
    pub(crate) fn add(&mut self, first: usize, values: &[f64]) {
        for ((sum, n), value) in self.sums.iter_mut().skip(first).zip(values) {
            *sum += value;
            *n += 1.0;
        }
    }

    /// The means, NaN where nothing was added; then there is nothing again.
    pub(crate) fn take(&mut self) -> Metrics {
        let means = self.names.iter().zip(&mut self.sums).map(|(name, sum)| {
            let (total, n) = std::mem::take(sum);
            (format!("losses/{name}"), total / n)
        });
        means.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_taken_once_and_absent_ones_are_no_numbers() {
        let mut averages = Averages::new(&["a", "b", "c"]);
        averages.add(1, &[1.0, 5.0]);
        averages.add(1, &[3.0]);
        let means = averages.take();
        assert_eq!((means["losses/b"], means["losses/c"]), (2.0, 5.0));
        assert!(means["losses/a"].is_nan());
        assert!(averages.take()["losses/b"].is_nan());
    }
}
