//! Our statistics against numbers recorded from the real `rliable` package
//! (`scripts/record_rliable_golden.py` writes `tests/golden/rliable/rliable.json`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use prospect_report::stats::{
    Bootstrap, Estimate, Scores, iqm, mean, median_of_task_means, optimality_gap, performance_profile,
    performance_profile_of_task_means, probability_of_improvement,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    taus: Vec<f64>,
    aggregate_names: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    x: Vec<Vec<f64>>,
    y: Vec<Vec<f64>>,
    aggregates: Vec<f64>,
    aggregate_cis: Vec<Vec<f64>>,
    task_bootstrap_cis: Vec<Vec<f64>>,
    probability_of_improvement: f64,
    probability_of_improvement_ci: Vec<f64>,
    profile_runs: Vec<f64>,
    profile_tasks: Vec<f64>,
}

const STATISTICS: [fn(&Scores) -> f64; 4] = [mean, median_of_task_means, iqm, optimality_gap];

fn golden() -> Golden {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/golden/rliable/rliable.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Two bootstraps of 20,000 and more replicates agree on the tail probability to about 0.0014 (one sigma). Scores of
/// zeros and ones make the statistic a lattice, where a quantile may hop by a whole step; so the recorded end is held
/// between our quantiles at slightly smaller and larger tails, not against one number.
const TAIL_TOLERANCE: f64 = 0.006;

fn bootstrap(tail: f64) -> Bootstrap {
    Bootstrap {
        replicates: 40_000,
        level: 1.0 - 2.0 * tail,
        seed: 5,
        resample_tasks: false,
    }
}

fn assert_brackets(what: &str, estimate: impl Fn(Bootstrap) -> Estimate, recorded: [f64; 2]) {
    let wide = estimate(bootstrap(0.025 - TAIL_TOLERANCE));
    let narrow = estimate(bootstrap(0.025 + TAIL_TOLERANCE));
    let [low, high] = recorded;
    let slack = 1e-9;
    assert!(
        wide.low - slack <= low && low <= narrow.low + slack,
        "{what}: {wide:?} {narrow:?} against {low}"
    );
    assert!(
        narrow.high - slack <= high && high <= wide.high + slack,
        "{what}: {wide:?} {narrow:?} against {high}"
    );
    assert!(narrow.high - narrow.low <= wide.high - wide.low + slack, "{what}");
}

#[test]
fn golden_file_covers_the_cases() {
    let golden = golden();
    assert_eq!(
        golden.aggregate_names,
        ["mean", "median", "iqm", "optimality_gap"]
    );
    assert!(golden.cases.len() >= 7);
}

#[test]
fn point_statistics_equal_rliable() {
    let golden = golden();
    for case in &golden.cases {
        let x = Scores::from_rows(&case.x).unwrap();
        let y = Scores::from_rows(&case.y).unwrap();
        for (statistic, wanted) in STATISTICS.iter().zip(&case.aggregates) {
            assert!(
                (statistic(&x) - wanted).abs() < 1e-12,
                "{}: {} against {wanted}",
                case.name,
                statistic(&x)
            );
        }
        let found = probability_of_improvement(&x, &y).unwrap();
        assert!(
            (found - case.probability_of_improvement).abs() < 1e-12,
            "{}",
            case.name
        );
        for (found, wanted) in performance_profile(&x, &golden.taus)
            .iter()
            .zip(&case.profile_runs)
        {
            assert!((found - wanted).abs() < 1e-12, "{}", case.name);
        }
        let by_task = performance_profile_of_task_means(&x, &golden.taus);
        for (found, wanted) in by_task.iter().zip(&case.profile_tasks) {
            assert!((found - wanted).abs() < 1e-12, "{}", case.name);
        }
    }
}

#[test]
fn intervals_agree_with_rliable() {
    for case in &golden().cases {
        let x = Scores::from_rows(&case.x).unwrap();
        for (resample_tasks, cis) in [(false, &case.aggregate_cis), (true, &case.task_bootstrap_cis)] {
            for (k, statistic) in STATISTICS.iter().enumerate() {
                let what = format!("{} statistic {k}, resample_tasks {resample_tasks}", case.name);
                let estimate = |settings: Bootstrap| {
                    Bootstrap {
                        resample_tasks,
                        ..settings
                    }
                    .estimate(&case.name, &x, statistic)
                };
                assert_brackets(&what, estimate, [cis[0][k], cis[1][k]]);
            }
        }
    }
}

#[test]
fn improvement_intervals_agree_with_rliable() {
    for case in &golden().cases {
        let x = Scores::from_rows(&case.x).unwrap();
        let y = Scores::from_rows(&case.y).unwrap();
        let estimate = |settings: Bootstrap| {
            settings
                .estimate_pair(&case.name, &x, &y, probability_of_improvement)
                .unwrap()
        };
        let ci = &case.probability_of_improvement_ci;
        assert_brackets(&case.name, estimate, [ci[0], ci[1]]);
    }
}

proptest::proptest! {
    /// Swapping the variants mirrors the probability, and any strictly increasing map of the scores leaves it alone.
    #[test]
    fn improvement_is_antisymmetric_and_ordinal(
        x in proptest::collection::vec(-2.0_f64..2.0, 1..9),
        y in proptest::collection::vec(-2.0_f64..2.0, 1..9),
    ) {
        let scores = |runs: &[f64]| Scores::new(vec![runs.to_vec()]).unwrap();
        let there = probability_of_improvement(&scores(&x), &scores(&y)).unwrap();
        let back = probability_of_improvement(&scores(&y), &scores(&x)).unwrap();
        proptest::prop_assert!((there + back - 1.0).abs() < 1e-12);
        let cubed = |runs: &[f64]| runs.iter().map(|v| v * v * v).collect::<Vec<_>>();
        let mapped = probability_of_improvement(&scores(&cubed(&x)), &scores(&cubed(&y))).unwrap();
        proptest::prop_assert!((there - mapped).abs() < 1e-12);
    }

    /// The IQM lies within the data and ignores how far out the outer quarters are.
    #[test]
    fn iqm_is_bounded_and_robust(mut runs in proptest::collection::vec(0.0_f64..1.0, 4..20)) {
        let plain = iqm(&Scores::new(vec![runs.clone()]).unwrap());
        proptest::prop_assert!((0.0..=1.0).contains(&plain));
        runs.sort_by(f64::total_cmp);
        *runs.last_mut().unwrap() = 1e6;
        let stretched = iqm(&Scores::new(vec![runs]).unwrap());
        proptest::prop_assert!((plain - stretched).abs() < 1e-12);
    }
}
