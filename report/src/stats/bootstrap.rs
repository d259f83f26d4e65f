//! Stratified bootstrap with percentile intervals, seeded and reproducible.
//!
//! Each replicate resamples every task's runs with replacement, independently per task, and recomputes the statistic
//! on the resampled scores (Agarwal et al. 2021). rliable draws from a global generator and cannot repeat an interval;
//! here the stream is named by (seed, name), and replicates are drawn in fixed blocks, so that the interval does not
//! depend on the number of threads.

use prospect_sim::random::Generator;
use rayon::prelude::*;

use super::{Scores, StatError, quantile_sorted, sort};

/// Replicates per random stream; part of the definition, since it fixes which stream draws which replicate.
const BLOCK: usize = 500;

/// A point estimate with its percentile interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The statistic on the data as they are.
    pub point: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Settings of a bootstrap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// Number of replicates; rliable's defaults are 50,000 for aggregates and 2,000 for profiles.
    pub replicates: usize,
    /// Coverage of the interval, e.g. 0.95.
    pub level: f64,
    /// Seed of the resampling.
    pub seed: u64,
    /// Also resample tasks: asks how the aggregate would move on other tasks, not only with other seeds.
    pub resample_tasks: bool,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            replicates: 20_000,
            level: 0.95,
            seed: 0,
            resample_tasks: false,
        }
    }
}

impl Bootstrap {
    /// The same settings with another number of replicates.
    #[must_use]
    pub fn with_replicates(self, replicates: usize) -> Self {
        Self { replicates, ..self }
    }

    /// Interval of one statistic. `name` separates the random streams of different estimates.
    pub fn estimate(
        &self,
        name: &str,
        scores: &Scores,
        statistic: impl Fn(&Scores) -> f64 + Sync,
    ) -> Estimate {
        let replicates = self.replicate(
            name,
            |rng, buffer: &mut Scores| {
                self.resample(rng, scores, buffer);
                statistic(buffer)
            },
            || scores.clone(),
        );
        self.interval(statistic(scores), replicates)
    }

    /// Interval of a statistic of two variants, which are resampled independently.
    ///
    /// # Errors
    /// Whatever `statistic` returns on the data.
    pub fn estimate_pair(
        &self,
        name: &str,
        x: &Scores,
        y: &Scores,
        statistic: impl Fn(&Scores, &Scores) -> Result<f64, StatError> + Sync,
    ) -> Result<Estimate, StatError> {
        let point = statistic(x, y)?;
        let replicates = self.replicate(
            name,
            |rng, (x_buffer, y_buffer): &mut (Scores, Scores)| {
                self.resample(rng, x, x_buffer);
                self.resample(rng, y, y_buffer);
                // Resampling keeps the shapes, so a statistic that held for the data holds here.
                statistic(x_buffer, y_buffer).unwrap_or(point)
            },
            || (x.clone(), y.clone()),
        );
        Ok(self.interval(point, replicates))
    }

    /// Pointwise intervals of a vector-valued statistic, one per entry.
    pub fn estimate_each(
        &self,
        name: &str,
        scores: &Scores,
        statistic: impl Fn(&Scores) -> Vec<f64> + Sync,
    ) -> Vec<Estimate> {
        let point = statistic(scores);
        let replicates = self.replicate(
            name,
            |rng, buffer: &mut Scores| {
                self.resample(rng, scores, buffer);
                statistic(buffer)
            },
            || scores.clone(),
        );
        (0..point.len())
            .map(|k| self.interval(point[k], replicates.iter().map(|row| row[k]).collect()))
            .collect()
    }

    /// Runs `draw` once per replicate; results come back in replicate order.
    pub(crate) fn replicate<B, T: Send>(
        &self,
        name: &str,
        draw: impl Fn(&mut Generator, &mut B) -> T + Sync,
        buffer: impl Fn() -> B + Sync,
    ) -> Vec<T> {
        let blocks = self.replicates.div_ceil(BLOCK);
        (0..blocks)
            .into_par_iter()
            .flat_map_iter(|block| {
                let mut rng = Generator::named(self.seed, &format!("bootstrap/{name}/{block}"));
                let mut scratch = buffer();
                let count = BLOCK.min(self.replicates - block * BLOCK);
                (0..count)
                    .map(|_| draw(&mut rng, &mut scratch))
                    .collect::<Vec<T>>()
            })
            .collect()
    }

    /// Percentile interval of replicate values.
    pub(crate) fn interval(&self, point: f64, mut replicates: Vec<f64>) -> Estimate {
        if replicates.is_empty() {
            return Estimate {
                point,
                low: point,
                high: point,
            };
        }
        sort(&mut replicates);
        let tail = (1.0 - self.level) / 2.0;
        Estimate {
            point,
            low: quantile_sorted(&replicates, tail),
            high: quantile_sorted(&replicates, 1.0 - tail),
        }
    }

    fn resample(&self, rng: &mut Generator, from: &Scores, into: &mut Scores) {
        let n_tasks = from.n_tasks();
        for (task, runs) in into.tasks_mut().iter_mut().enumerate() {
            let source = if self.resample_tasks {
                below(rng, n_tasks)
            } else {
                task
            };
            let source = &from.tasks()[source];
            runs.clear();
            runs.extend((0..source.len()).map(|_| source[below(rng, source.len())]));
        }
    }
}

/// A uniform index below `n`, `n > 0`.
pub(crate) fn below(rng: &mut Generator, n: usize) -> usize {
    rng.integers(0, n as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::super::{iqm, mean, optimality_gap};
    use super::*;

    fn x() -> Scores {
        Scores::new(vec![
            vec![0.10, 0.25, 0.00, 0.60, 0.35],
            vec![0.92, 0.95, 0.97, 0.91, 1.10],
            vec![0.50, 0.40, 0.75, 0.55, 0.45],
        ])
        .unwrap()
    }

    #[test]
    fn intervals_match_the_reference() {
        let bootstrap = Bootstrap {
            replicates: 50_000,
            seed: 3,
            ..Bootstrap::default()
        };
        for (stat, low, high) in [
            (iqm as fn(&Scores) -> f64, 0.5189, 0.6833),
            (mean, 0.5167, 0.6627),
            (optimality_gap, 0.3460, 0.4873),
        ] {
            let found = bootstrap.estimate("x", &x(), stat);
            approx::assert_abs_diff_eq!(found.low, low, epsilon = 0.003);
            approx::assert_abs_diff_eq!(found.high, high, epsilon = 0.003);
        }
    }

    #[test]
    fn same_seed_same_interval_on_any_number_of_threads() {
        let bootstrap = Bootstrap {
            replicates: 3_001,
            seed: 11,
            ..Bootstrap::default()
        };
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| bootstrap.estimate("x", &x(), iqm))
        };
        assert_eq!(run(1), run(3));
        let other = Bootstrap {
            seed: 12,
            ..bootstrap
        }
        .estimate("x", &x(), iqm);
        assert_ne!(run(1), other);
    }

    #[test]
    fn constant_scores_give_a_point() {
        let flat = Scores::new(vec![vec![0.4; 5]; 2]).unwrap();
        let found = Bootstrap::default()
            .with_replicates(200)
            .estimate("flat", &flat, iqm);
        assert_eq!((found.low, found.high), (found.point, found.point));
    }

    #[test]
    fn resampling_tasks_widens_the_interval() {
        let runs = Bootstrap {
            replicates: 5_000,
            ..Bootstrap::default()
        };
        let tasks = Bootstrap {
            resample_tasks: true,
            ..runs
        };
        let narrow = runs.estimate("x", &x(), mean);
        let wide = tasks.estimate("x", &x(), mean);
        assert!(wide.high - wide.low > 1.5 * (narrow.high - narrow.low));
    }
}
