//! Running statistics on plain slices, in f64, for observations. Those of rewards are `shaping`'s own, which know episodes.

use serde::{Deserialize, Serialize};

/// Mean and population variance per column of everything seen, merged batch by batch (Chan et al. 1979).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningMoments {
    count: f64,
    mean: Vec<f64>,
    /// Sum of squared deviations from the mean.
    squares: Vec<f64>,
}

impl RunningMoments {
    /// Nothing seen yet, for rows of `width` values.
    pub fn new(width: usize) -> Self {
        Self {
            count: 0.0,
            mean: vec![0.0; width],
            squares: vec![0.0; width],
        }
    }

    /// Values per row.
    pub fn width(&self) -> usize {
        self.mean.len()
    }

    /// The number of rows seen.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// The means; 0 before anything is seen.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The population variance of a column; 1 before anything is seen.
    pub fn variance(&self, column: usize) -> f64 {
        if self.count == 0.0 {
            1.0
        } else {
            self.squares[column] / self.count
        }
    }

    /// The standard deviation of a column; 1 before anything is seen.
    pub fn std(&self, column: usize) -> f64 {
        self.variance(column).sqrt()
    }

    /// Takes in rows `[n, width]`.
    pub fn update(&mut self, rows: &[f32]) {
        let width = self.width();
        self.merge(rows.len() / width.max(1), |i, column| {
            f64::from(rows[i * width + column])
        });
    }

    /// Takes in f64 rows `[n, width]`.
    pub fn update_f64(&mut self, rows: &[f64]) {
        let width = self.width();
        self.merge(rows.len() / width.max(1), |i, column| rows[i * width + column]);
    }

    fn merge(&mut self, n: usize, value: impl Fn(usize, usize) -> f64) {
        if n == 0 {
            return;
        }
        let rows = n as f64;
        let total = self.count + rows;
        for column in 0..self.width() {
            let mean = (0..n).map(|i| value(i, column)).sum::<f64>() / rows;
            let squares: f64 = (0..n).map(|i| (value(i, column) - mean).powi(2)).sum();
            let delta = mean - self.mean[column];
            self.mean[column] += delta * rows / total;
            self.squares[column] += squares + delta * delta * self.count * rows / total;
        }
        self.count = total;
    }
}

/// Observation whitening: subtract the mean, divide by the standard deviation, clip (RND: to ±5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Whitener {
    moments: RunningMoments,
    clip: f64,
}

/// Added to variances: keeps divisions finite where a value never changes.
pub const TINY: f64 = 1e-8;

impl Whitener {
    /// For rows of `width` values, clipped to `±clip`.
    pub fn new(width: usize, clip: f64) -> Self {
        Self {
            moments: RunningMoments::new(width),
            clip,
        }
    }

    /// Takes in rows `[n, width]`.
    pub fn update(&mut self, rows: &[f32]) {
        self.moments.update(rows);
    }

    /// Whitens rows `[n, width]` in place.
    ///
    /// A column that never changed has variance 0: its values become 0, or the clip where they differ for the first time.
    pub fn whiten(&self, rows: &mut [f32]) {
        let width = self.moments.width().max(1);
        let (mean, clip) = (self.moments.mean(), self.clip);
        let scale: Vec<f64> = (0..self.moments.width())
            .map(|column| 1.0 / (self.moments.variance(column) + TINY).sqrt())
            .collect();
        for row in rows.chunks_exact_mut(width) {
            for ((value, mean), scale) in row.iter_mut().zip(mean).zip(&scale) {
                *value = ((f64::from(*value) - mean) * scale).clamp(-clip, clip) as f32;
            }
        }
    }

    /// What has been seen.
    pub fn moments(&self) -> &RunningMoments {
        &self.moments
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_by_hand() {
        let mut moments = RunningMoments::new(2);
        assert_eq!((moments.mean()[0], moments.std(0)), (0.0, 1.0));
        moments.update(&[1.0, 10.0, 3.0, 10.0]);
        moments.update(&[5.0, 13.0]);
        // Columns 1, 3, 5 and 10, 10, 13.
        assert_eq!(moments.mean(), [3.0, 11.0]);
        approx::assert_relative_eq!(moments.variance(0), 8.0 / 3.0, max_relative = 1e-12);
        approx::assert_relative_eq!(moments.variance(1), 2.0, max_relative = 1e-12);
        moments.update(&[]);
        assert_eq!(moments.count(), 3.0);
    }

    #[test]
    fn whitening_by_hand() {
        let mut whitener = Whitener::new(1, 1.2);
        whitener.update(&[2.0, 4.0]);
        // Mean 3, standard deviation 1.
        let mut rows = [3.5, 9.0, -9.0];
        whitener.whiten(&mut rows);
        approx::assert_relative_eq!(rows[0], 0.5, max_relative = 1e-6);
        assert_eq!(rows[1..], [1.2, -1.2]);
    }

    #[test]
    fn a_constant_column_stays_finite() {
        let mut whitener = Whitener::new(1, 5.0);
        whitener.update(&[7.0; 10]);
        let mut rows = [7.0, 8.0];
        whitener.whiten(&mut rows);
        assert_eq!(rows, [0.0, 5.0]);
    }

    proptest! {
        #[test]
        fn batches_do_not_matter(values in proptest::collection::vec(-100.0f32..100.0, 1..40), cut in 0usize..40) {
            let cut = cut.min(values.len());
            let mut once = RunningMoments::new(1);
            once.update(&values);
            let mut parts = RunningMoments::new(1);
            parts.update(&values[..cut]);
            parts.update(&values[cut..]);
            prop_assert!((once.mean()[0] - parts.mean()[0]).abs() < 1e-9);
            prop_assert!((once.variance(0) - parts.variance(0)).abs() < 1e-7);
        }
    }
}
