//! The report of a synthetic suite: numbers against hand computation, troubled runs, and a page that stands alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod synthetic;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use prospect_report::{ReportPaths, write_report, write_run_report, write_suite_report};
use synthetic::{ENVS, FINALS, RANGES, VARIANTS, first_success, run_dir, unique_states, write_suite};

/// A fresh folder that stays for inspection.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir).unwrap();
    }
    fs::create_dir_all(&dir).unwrap();
    dir
}

type Row = BTreeMap<String, String>;

fn table(paths: &ReportPaths, name: &str) -> Vec<Row> {
    let path = paths.tables.iter().find(|path| path.ends_with(name)).unwrap();
    csv::Reader::from_path(path)
        .unwrap()
        .deserialize()
        .map(Result::unwrap)
        .collect()
}

fn number(row: &Row, column: &str) -> f64 {
    row[column]
        .parse()
        .unwrap_or_else(|_| panic!("{column} of {row:?}"))
}

fn find<'a>(rows: &'a [Row], wanted: &[(&str, &str)]) -> &'a Row {
    rows.iter()
        .find(|row| wanted.iter().all(|(column, value)| row[*column] == *value))
        .unwrap()
}

fn assert_close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
}

fn normalised(env: usize, value: f64) -> f64 {
    let (floor, ceiling, _) = RANGES[env];
    (value - floor) / (ceiling - floor)
}

/// All normalised scores of a variant, task after task.
fn pooled(variant: usize) -> Vec<f64> {
    (0..3)
        .flat_map(|env| FINALS[env][variant].map(|value| normalised(env, value)))
        .collect()
}

#[test]
fn numbers_equal_hand_computation() {
    let suite = write_suite(&scratch("numbers"));
    let paths = write_suite_report(&suite).unwrap();
    let aggregates = table(&paths, "aggregates.csv");
    for (variant, (name, _)) in VARIANTS.iter().enumerate() {
        let mut scores = pooled(variant);
        let mean = scores.iter().sum::<f64>() / 15.0;
        let gap = 1.0 - scores.iter().map(|s| s.min(1.0)).sum::<f64>() / 15.0;
        scores.sort_by(f64::total_cmp);
        // 15 scores: three are dropped at each end, nine are averaged.
        let iqm = scores[3..12].iter().sum::<f64>() / 9.0;
        for (statistic, wanted) in [("iqm", iqm), ("mean", mean), ("optimality_gap", gap)] {
            let row = find(&aggregates, &[("variant", name), ("statistic", statistic)]);
            assert_close(number(row, "point"), wanted);
            assert!(number(row, "low") <= wanted && wanted <= number(row, "high"));
            assert_eq!(row["runs"], "15");
        }
    }
    // DoorKey, first visit: 0.95 and one 0.97 are dropped.
    let scores = table(&paths, "task_scores.csv");
    let row = find(
        &scores,
        &[
            ("env", ENVS[0]),
            ("variant", "first_visit"),
            ("statistic", "iqm_final_return"),
        ],
    );
    assert_close(number(row, "point"), (0.96 + 0.96 + 0.97) / 3.0);
    let row = find(
        &scores,
        &[
            ("env", ENVS[1]),
            ("variant", "rnd"),
            ("statistic", "iqm_unique_states"),
        ],
    );
    assert_close(number(row, "point"), unique_states(1, 2, 2));
}

#[test]
fn comparisons_are_paired_and_counted() {
    let suite = write_suite(&scratch("pairs"));
    let paths = write_suite_report(&suite).unwrap();
    let rows = table(&paths, "improvement.csv");
    assert_eq!(rows.len(), 6);
    let row = find(&rows, &[("x", "first_visit"), ("y", "none")]);
    let (ours, theirs) = (pooled(1), pooled(0));
    let difference = ours.iter().zip(&theirs).map(|(a, b)| a - b).sum::<f64>() / 15.0;
    assert_close(number(row, "paired_difference"), difference);
    assert_eq!(
        (row["wins"].as_str(), row["losses"].as_str(), row["ties"].as_str()),
        ("15", "0", "0")
    );
    assert_close(number(row, "sign_test_p"), 2.0 / f64::from(1 << 15));
    // DoorKey: of 25 pairs 22 are won and 2 tied (0.96 twice against 0.96); the other tasks are won throughout.
    let wins: f64 = FINALS[0][1]
        .iter()
        .flat_map(|a| {
            FINALS[0][0].map(|b| {
                if *a > b {
                    1.0
                } else if *a == b {
                    0.5
                } else {
                    0.0
                }
            })
        })
        .sum();
    assert_close(
        number(row, "probability_x_better"),
        (wins / 25.0 + 1.0 + 1.0) / 3.0,
    );
    let back = find(&rows, &[("x", "none"), ("y", "first_visit")]);
    assert_close(
        number(row, "probability_x_better") + number(back, "probability_x_better"),
        1.0,
    );
}

#[test]
fn runs_that_never_arrive_are_censored() {
    let suite = write_suite(&scratch("censored"));
    let paths = write_suite_report(&suite).unwrap();
    let rows = table(&paths, "frames_to_threshold.csv");
    let row = find(&rows, &[("env", ENVS[1]), ("variant", "rnd")]);
    assert_eq!((row["reached"].as_str(), row["runs"].as_str()), ("3", "5"));
    let never = find(&rows, &[("env", ENVS[2]), ("variant", "none")]);
    assert_eq!(
        (never["reached"].as_str(), never["median_frames"].as_str()),
        ("0", "")
    );
    assert_close(number(never, "restricted_mean_frames"), 1_000_000.0);
    let minority = find(&rows, &[("env", ENVS[2]), ("variant", "rnd")]);
    assert_eq!(
        (minority["reached"].as_str(), minority["median_frames"].as_str()),
        ("1", "")
    );
    let html = fs::read_to_string(&paths.html).unwrap();
    assert!(html.contains("&gt;1M (4 of 5 never)"));
    assert!(html.contains("&gt;1M (5 of 5 never)"));
    let firsts = table(&paths, "first_success.csv");
    let row = find(&firsts, &[("env", ENVS[0]), ("variant", "rnd")]);
    let mut times: Vec<f64> = (0..5)
        .map(|seed| first_success(0, 2, seed).unwrap() as f64)
        .collect();
    times.sort_by(f64::total_cmp);
    assert_close(number(row, "median_frames"), times[2]);
}

#[test]
fn the_page_stands_alone_and_is_well_formed() {
    let suite = write_suite(&scratch("page"));
    let paths = write_suite_report(&suite).unwrap();
    let html = fs::read_to_string(&paths.html).unwrap();
    assert_stands_alone(&html);
    for wanted in [
        "First visit",
        "Optimality gap",
        "Performance profile",
        "Kaplan-Meier",
        "36 tuning runs of 0.3M environment frames each, on seeds 101, 102 (disjoint from the reporting seeds)",
        "prospect compare assets/suites/bonuses.toml",
        "Example CPU @ 2.0 GHz",
        "all 45 runs finished",
    ] {
        assert!(html.contains(wanted), "the page lacks {wanted:?}");
    }
    assert!(
        paths.figures.len() >= 5 + 3 * 5 + 3 * 5,
        "{}",
        paths.figures.len()
    );
    for figure in &paths.figures {
        let (width, height) = image::image_dimensions(figure).unwrap();
        assert!(
            width > 400 && height > 200,
            "{} is {width} x {height}",
            figure.display()
        );
    }
}

#[test]
fn the_same_folder_gives_the_same_report() {
    let suite = write_suite(&scratch("again"));
    let first = fs::read(write_suite_report(&suite).unwrap().html).unwrap();
    let second = fs::read(write_suite_report(&suite).unwrap().html).unwrap();
    assert!(first == second);
}

#[test]
fn troubled_runs_are_shown_and_do_not_stop_the_rest() {
    let suite = write_suite(&scratch("troubled"));
    let failed = run_dir(&suite, 0, 1, 0);
    fs::write(
        failed.join("status.json"),
        r#"{"state": "failed", "step": 100000, "error": "value loss went <NaN> at step 100000"}"#,
    )
    .unwrap();
    let eval = run_dir(&suite, 1, 2, 1).join("eval.csv");
    let text = fs::read_to_string(&eval).unwrap().replacen("0.2,", "oops,", 1);
    fs::write(&eval, text).unwrap();
    fs::remove_dir_all(run_dir(&suite, 2, 0, 4)).unwrap();
    fs::write(
        run_dir(&suite, 2, 1, 0).join("status.json"),
        r#"{"state": "running", "step": 5}"#,
    )
    .unwrap();
    // A probe that is cut off costs its heatmaps, not the report.
    fs::write(
        run_dir(&suite, 1, 0, 0).join("probe/step_000000000000.npz"),
        b"PK\x03\x04 cut off",
    )
    .unwrap();
    let paths = write_suite_report(&suite).unwrap();
    let html = fs::read_to_string(&paths.html).unwrap();
    assert_stands_alone(&html);
    assert!(html.contains("41 of 45 runs finished"));
    assert!(html.contains("value loss went &lt;NaN&gt; at step 100000"));
    assert!(html.contains("eval.csv: line 2, column `return_std`"));
    assert!(html.contains("no folder yet"));
    assert!(html.contains("No heatmaps: "));
    let aggregates = table(&paths, "aggregates.csv");
    assert_eq!(
        find(&aggregates, &[("variant", "first_visit"), ("statistic", "iqm")])["runs"],
        "13"
    );
    let runs = table(&paths, "runs.csv");
    let row = find(
        &runs,
        &[("env", ENVS[0]), ("variant", "first_visit"), ("seed", "1")],
    );
    assert_eq!(
        (row["state"].as_str(), row["final_return"].as_str()),
        ("failed", "")
    );
}

#[test]
fn a_variant_without_any_finished_run_does_not_erase_the_comparison() {
    let suite = write_suite(&scratch("absent"));
    fs::remove_dir_all(suite.join("runs").join(ENVS[0]).join("rnd")).unwrap();
    fs::remove_dir_all(suite.join("runs").join(ENVS[1]).join("rnd")).unwrap();
    fs::remove_dir_all(suite.join("runs").join(ENVS[2]).join("rnd")).unwrap();
    let paths = write_suite_report(&suite).unwrap();
    let aggregates = table(&paths, "aggregates.csv");
    assert_eq!(
        find(&aggregates, &[("variant", "none"), ("statistic", "iqm")])["runs"],
        "15"
    );
    assert!(aggregates.iter().all(|row| row["variant"] != "rnd"));
    assert_stands_alone(&fs::read_to_string(&paths.html).unwrap());
}

/// One task without ceiling and threshold, one variant, one seed, nothing logged but the evaluations.
#[test]
fn a_suite_of_a_single_bare_run_still_has_a_report() {
    let suite = write_suite(&scratch("bare"));
    fs::write(
        suite.join("suite.json"),
        format!(r#"{{"name": "one <run>", "envs": [{{"id": "{}"}}], "variants": [{{"name": "none"}}], "seeds": [1]}}"#, ENVS[0]),
    )
    .unwrap();
    let run = run_dir(&suite, 0, 0, 0);
    fs::remove_dir_all(run.join("probe")).unwrap();
    fs::remove_file(run.join("metrics.csv")).unwrap();
    fs::remove_file(run.join("timing.csv")).unwrap();
    let paths = write_report(&suite).unwrap();
    let html = fs::read_to_string(&paths.html).unwrap();
    assert_stands_alone(&html);
    assert!(html.contains("one &lt;run&gt;") && html.contains("Nothing was tuned"));
    assert!(paths.tables.iter().all(|path| !path.ends_with("aggregates.csv")));
    let scores = table(&paths, "task_scores.csv");
    assert_close(
        number(find(&scores, &[("statistic", "iqm_final_return")]), "point"),
        FINALS[0][0][0],
    );
}

#[test]
fn a_ceiling_below_its_floor_is_named() {
    let suite = write_suite(&scratch("range"));
    let path = suite.join("suite.json");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replacen("\"ceiling\": 1.0", "\"ceiling\": -1.0", 1);
    fs::write(&path, text).unwrap();
    let error = write_report(&suite).unwrap_err().to_string();
    assert!(
        error.contains(ENVS[0]) && error.contains("must lie above floor"),
        "{error}"
    );
}

#[test]
fn other_folders_are_refused_with_a_remedy() {
    let error = write_report(&scratch("neither")).unwrap_err().to_string();
    assert!(
        error.contains("has no suite.json or run.toml; give the folder"),
        "{error}"
    );
}

#[test]
fn a_single_run_has_its_own_report() {
    let suite = write_suite(&scratch("single"));
    let run = run_dir(&suite, 1, 2, 0);
    let paths = write_run_report(&run).unwrap();
    let html = fs::read_to_string(&paths.html).unwrap();
    assert_stands_alone(&html);
    // 0.72 of 100 episodes: Wilson's interval is 62.5% to 79.9%.
    for wanted in [
        "72% [63%, 80%]",
        "Share of the advantage",
        "Bonus of rnd",
        "explained variance",
        "learn</td>",
    ] {
        assert!(html.contains(wanted), "the page lacks {wanted:?}");
    }
    assert!(
        paths
            .figures
            .iter()
            .any(|path| path.ends_with("run_heatmap_visits.png"))
    );
}

/// No reference to anything outside the file, and every element closed in order.
fn assert_stands_alone(html: &str) {
    for outside in [
        "http://", "https://", "@import", "url(", "<link", "src=\"/", "<iframe",
    ] {
        assert!(!html.contains(outside), "the page contains {outside}");
    }
    for (attribute, allowed) in [("src=\"", "data:"), ("href=\"", "#")] {
        for place in html.split(attribute).skip(1) {
            assert!(
                place.starts_with(allowed),
                "{attribute}{}",
                &place[..place.len().min(60)]
            );
        }
    }
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").unwrap();
    while let Some(at) = rest.find('<') {
        let tag = &rest[at + 1..];
        let end = tag.find('>').unwrap();
        let body = &tag[..end];
        rest = &tag[end + 1..];
        let name = body
            .trim_start_matches('/')
            .split([' ', '/', '\n'])
            .next()
            .unwrap();
        assert!(
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()),
            "stray < before {body:.40}"
        );
        if body.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed out of order");
        } else if !body.ends_with('/') {
            open.push(name);
            if name == "script" || name == "style" {
                rest = &rest[rest.find(&format!("</{name}>")).unwrap()..];
            }
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    let ids: Vec<&str> = html
        .split(" id=\"")
        .skip(1)
        .map(|s| &s[..s.find('"').unwrap()])
        .collect();
    for target in html.split("href=\"#").skip(1).map(|s| &s[..s.find('"').unwrap()]) {
        assert!(ids.contains(&target), "no element has the id {target}");
    }
}
