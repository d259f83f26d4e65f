//! Aggregates over tasks and runs (Agarwal et al. 2021, the `rliable` package's definitions).

use super::{Scores, slice_mean, sort};

/// Mean over tasks of the mean over runs.
pub fn mean(scores: &Scores) -> f64 {
    slice_mean(&task_means(scores))
}

/// Median over tasks of the mean over runs (numpy's: the middle two are averaged).
pub fn median_of_task_means(scores: &Scores) -> f64 {
    let mut means = task_means(scores);
    sort(&mut means);
    let half = means.len() / 2;
    if means.len() % 2 == 1 {
        means[half]
    } else {
        f64::midpoint(means[half - 1], means[half])
    }
}

/// Interquartile mean: all scores pooled and sorted, `floor(n / 4)` dropped at each end, the rest averaged
/// (`scipy.stats.trim_mean(.25)`; no fractional weights, so that three runs of one task drop nothing).
pub fn iqm(scores: &Scores) -> f64 {
    let mut flat: Vec<f64> = scores.iter().collect();
    sort(&mut flat);
    let cut = flat.len() / 4;
    slice_mean(&flat[cut..flat.len() - cut])
}

/// `gamma - mean(min(score, gamma))` with `gamma = 1`: how far the scores fall short of the ceiling. Lower is better.
pub fn optimality_gap(scores: &Scores) -> f64 {
    let clipped: f64 = scores.iter().map(|score| score.min(1.0)).sum();
    1.0 - clipped / scores.n_scores() as f64
}

/// Mean over runs of each task, `[tasks]`.
pub(crate) fn task_means(scores: &Scores) -> Vec<f64> {
    scores.tasks().iter().map(|runs| slice_mean(runs)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn x() -> Scores {
        Scores::from_rows(&[
            vec![0.10, 0.92, 0.50],
            vec![0.25, 0.95, 0.40],
            vec![0.00, 0.97, 0.75],
            vec![0.60, 0.91, 0.55],
            vec![0.35, 1.10, 0.45],
        ])
        .unwrap()
    }

    fn y() -> Scores {
        Scores::from_rows(&[
            vec![0.05, 0.90, 0.50],
            vec![0.20, 0.93, 0.65],
            vec![0.30, 0.96, 0.35],
            vec![0.15, 0.91, 0.30],
        ])
        .unwrap()
    }

    #[test]
    fn aggregates_match_the_hand_computed_vectors() {
        for (stat, of_x, of_y) in [
            (mean as fn(&Scores) -> f64, 0.586_667, 0.516_667),
            (median_of_task_means, 0.53, 0.45),
            (iqm, 0.603_333, 0.5),
            (optimality_gap, 0.42, 0.483_333),
        ] {
            approx::assert_abs_diff_eq!(stat(&x()), of_x, epsilon = 5e-7);
            approx::assert_abs_diff_eq!(stat(&y()), of_y, epsilon = 5e-7);
        }
    }

    #[test]
    fn iqm_of_three_runs_drops_nothing() {
        let scores = Scores::new(vec![vec![0.0, 0.3, 0.9]]).unwrap();
        approx::assert_abs_diff_eq!(iqm(&scores), 0.4, epsilon = 1e-12);
    }

    #[test]
    fn median_averages_the_middle_two_tasks() {
        let scores = Scores::new(vec![vec![0.0], vec![0.2], vec![0.6], vec![5.0]]).unwrap();
        approx::assert_abs_diff_eq!(median_of_task_means(&scores), 0.4, epsilon = 1e-12);
    }

    #[test]
    fn scores_above_the_ceiling_do_not_hide_a_gap() {
        let scores = Scores::new(vec![vec![2.0, 0.5]]).unwrap();
        approx::assert_abs_diff_eq!(optimality_gap(&scores), 0.25, epsilon = 1e-12);
    }
}
