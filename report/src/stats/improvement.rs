//! Probability of improvement and performance profiles (Agarwal et al. 2021, as in `rliable`).

use super::aggregate::task_means;
use super::{Scores, StatError, slice_mean};

/// P(X > Y): mean over tasks of the Mann-Whitney U over the number of pairs; a tie counts one half.
///
/// # Errors
/// [`StatError::ShapeMismatch`] where X and Y have different numbers of tasks.
pub fn probability_of_improvement(x: &Scores, y: &Scores) -> Result<f64, StatError> {
    if x.n_tasks() != y.n_tasks() {
        return Err(StatError::ShapeMismatch {
            what: "tasks of the compared variants",
            expected: x.n_tasks(),
            found: y.n_tasks(),
        });
    }
    let per_task: Vec<f64> = x
        .tasks()
        .iter()
        .zip(y.tasks())
        .map(|(x_runs, y_runs)| share_of_wins(x_runs, y_runs))
        .collect();
    Ok(slice_mean(&per_task))
}

fn share_of_wins(x_runs: &[f64], y_runs: &[f64]) -> f64 {
    let mut twice_wins = 0_u64;
    for x in x_runs {
        for y in y_runs {
            twice_wins += if x > y { 2 } else { u64::from(x == y) };
        }
    }
    twice_wins as f64 / (2 * x_runs.len() * y_runs.len()) as f64
}

/// Share of all scores (runs and tasks pooled) strictly above each `tau`, `[taus]`.
pub fn performance_profile(scores: &Scores, taus: &[f64]) -> Vec<f64> {
    let flat: Vec<f64> = scores.iter().collect();
    taus.iter().map(|tau| share_above(&flat, *tau)).collect()
}

/// Share of tasks whose mean over runs lies strictly above each `tau`, `[taus]`.
pub fn performance_profile_of_task_means(scores: &Scores, taus: &[f64]) -> Vec<f64> {
    let means = task_means(scores);
    taus.iter().map(|tau| share_above(&means, *tau)).collect()
}

fn share_above(values: &[f64], tau: f64) -> f64 {
    values.iter().filter(|value| **value > tau).count() as f64 / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wins_per_task_match_the_hand_computed_vector() {
        let x = [
            [0.10, 0.25, 0.00, 0.60, 0.35],
            [0.92, 0.95, 0.97, 0.91, 1.10],
            [0.50, 0.40, 0.75, 0.55, 0.45],
        ];
        let y = [
            [0.05, 0.20, 0.30, 0.15],
            [0.90, 0.93, 0.96, 0.91],
            [0.50, 0.65, 0.35, 0.30],
        ];
        for ((x_runs, y_runs), wanted) in x.iter().zip(&y).zip([0.6, 0.725, 0.675]) {
            approx::assert_abs_diff_eq!(share_of_wins(x_runs, y_runs), wanted, epsilon = 1e-12);
        }
    }

    #[test]
    fn profile_is_strict() {
        let scores = Scores::new(vec![vec![0.5, 0.5, 1.0, 0.0]]).unwrap();
        assert_eq!(
            performance_profile(&scores, &[0.5, 0.499, 1.0]),
            vec![0.25, 0.75, 0.0]
        );
        assert_eq!(
            performance_profile_of_task_means(&scores, &[0.5, 0.49]),
            vec![0.0, 1.0]
        );
    }

    #[test]
    fn different_numbers_of_tasks_are_refused() {
        let one = Scores::new(vec![vec![0.5]]).unwrap();
        let two = Scores::new(vec![vec![0.5], vec![0.5]]).unwrap();
        assert!(matches!(
            probability_of_improvement(&one, &two),
            Err(StatError::ShapeMismatch { .. })
        ));
    }
}
