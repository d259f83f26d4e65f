//! Choosing each variant's setting with seeds of their own.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// The score of a tuning run: the area under its curve of held-out evaluation returns, divided by its length, so that
/// learning early counts as much as learning well. A failed run scores nothing.
///
/// # Errors
/// If `eval.csv` is there but cannot be understood.
pub fn score(dir: &Path) -> Result<Option<f64>> {
    let path = dir.join("eval.csv");
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(None);
    };
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| {
        header
            .iter()
            .position(|&h| h == name)
            .with_context(|| format!("{}: no column `{name}`", path.display()))
    };
    let (step, value) = (column("step")?, column("return_mean")?);
    let mut curve = Vec::new();
    for line in lines {
        let cells: Vec<_> = line.split(',').collect();
        let number = |i: usize| cells.get(i).and_then(|cell| cell.parse::<f64>().ok());
        if let (Some(x), Some(y)) = (number(step), number(value)) {
            curve.push((x, y));
        }
    }
    Ok(area(&curve))
}

/// The trapezoidal mean of a curve over its range; none for fewer than two points.
pub fn area(curve: &[(f64, f64)]) -> Option<f64> {
    let (first, last) = (curve.first()?, curve.last()?);
    let width = last.0 - first.0;
    if width <= 0.0 {
        return None;
    }
    Some(
        curve
            .windows(2)
            .map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0)
            .sum::<f64>()
            / width,
    )
}

/// The index of the best setting by mean score over the tuning seeds; the first of equals. Settings of which a run failed
/// come last.
pub fn best(scores: &[Vec<Option<f64>>]) -> (usize, f64) {
    let means = scores.iter().map(|runs| {
        let sum: Option<f64> = runs.iter().copied().sum();
        sum.map_or(f64::NEG_INFINITY, |sum| sum / runs.len().max(1) as f64)
    });
    means.enumerate().fold((0, f64::NEG_INFINITY), |best, (i, mean)| {
        if mean > best.1 { (i, mean) } else { best }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn area_is_the_mean_height() {
        assert_eq!(area(&[(0.0, 0.0), (10.0, 1.0), (20.0, 1.0)]), Some(0.75));
        assert_eq!(area(&[(0.0, 1.0)]), None);
    }

    #[test]
    fn the_first_of_equals_wins_and_failures_lose() {
        assert_eq!(
            best(&[
                vec![Some(0.5), None],
                vec![Some(0.1), Some(0.3)],
                vec![Some(0.2), Some(0.2)]
            ]),
            (1, 0.2)
        );
    }
}
