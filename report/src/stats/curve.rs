//! Values over training: grids shared by several runs, areas, and the first step at a threshold.

use super::{StatError, all_finite};

/// One run's value over training.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    /// Env frames, strictly increasing, `[points]`.
    pub steps: Vec<f64>,
    /// Value at each step, `[points]`.
    pub values: Vec<f64>,
}

impl Curve {
    /// Takes matching steps and values.
    ///
    /// # Errors
    /// [`StatError::Empty`], [`StatError::ShapeMismatch`], [`StatError::NotFinite`], or
    /// [`StatError::NotIncreasing`] where steps repeat or go back.
    pub fn new(steps: Vec<f64>, values: Vec<f64>) -> Result<Self, StatError> {
        if steps.is_empty() {
            return Err(StatError::Empty { what: "curve" });
        }
        if steps.len() != values.len() {
            return Err(StatError::ShapeMismatch {
                what: "values of a curve",
                expected: steps.len(),
                found: values.len(),
            });
        }
        all_finite("steps of a curve", &steps)?;
        all_finite("values of a curve", &values)?;
        match steps.windows(2).position(|pair| pair[1] <= pair[0]) {
            Some(before) => Err(StatError::NotIncreasing {
                what: "curve",
                index: before + 1,
            }),
            None => Ok(Self { steps, values }),
        }
    }

    /// First step.
    pub fn start(&self) -> f64 {
        self.steps[0]
    }

    /// Last step.
    pub fn end(&self) -> f64 {
        self.steps[self.steps.len() - 1]
    }

    /// Last value.
    pub fn last(&self) -> f64 {
        self.values[self.values.len() - 1]
    }

    /// Value at `step`, linear between points, constant outside them.
    pub fn at(&self, step: f64) -> f64 {
        let above = self.steps.partition_point(|s| *s < step);
        if above == 0 {
            return self.values[0];
        }
        if above == self.steps.len() {
            return self.last();
        }
        let (from, to) = (self.steps[above - 1], self.steps[above]);
        let share = (step - from) / (to - from);
        self.values[above - 1] + share * (self.values[above] - self.values[above - 1])
    }
}

/// Steps at which several runs can be compared: their own steps where all agree, else `points` even steps over the
/// range that all cover. Empty if no range is shared.
pub fn common_grid(curves: &[&Curve], points: usize) -> Vec<f64> {
    let Some(first) = curves.first() else {
        return Vec::new();
    };
    if curves.iter().all(|curve| curve.steps == first.steps) && first.steps.len() <= points {
        return first.steps.clone();
    }
    let start = curves
        .iter()
        .map(|curve| curve.start())
        .fold(f64::NEG_INFINITY, f64::max);
    let end = curves
        .iter()
        .map(|curve| curve.end())
        .fold(f64::INFINITY, f64::min);
    // A run cut short by one of equal grids still shares its points with the others.
    let shortest = curves
        .iter()
        .min_by_key(|curve| curve.steps.len())
        .unwrap_or(first);
    if shortest.steps.len() <= points
        && curves
            .iter()
            .all(|curve| curve.steps.starts_with(&shortest.steps))
    {
        return shortest.steps.clone();
    }
    if end < start {
        return Vec::new();
    }
    let gaps = points.max(2) - 1;
    (0..=gaps)
        .map(|k| start + (end - start) * k as f64 / gaps as f64)
        .collect()
}

/// Values of a curve on a grid, `[grid]`.
pub fn resample(curve: &Curve, grid: &[f64]) -> Vec<f64> {
    grid.iter().map(|step| curve.at(*step)).collect()
}

/// Mean height of the curve: the trapezoid area over its range, divided by the range. A single point is its own mean.
pub fn area_under(curve: &Curve) -> f64 {
    let range = curve.end() - curve.start();
    if range == 0.0 {
        return curve.last();
    }
    let area: f64 = (1..curve.steps.len())
        .map(|k| (curve.steps[k] - curve.steps[k - 1]) * f64::midpoint(curve.values[k], curve.values[k - 1]))
        .sum();
    area / range
}

/// First step whose value is at least `threshold`.
pub fn first_reached(curve: &Curve, threshold: f64) -> Option<f64> {
    curve
        .values
        .iter()
        .position(|value| *value >= threshold)
        .map(|k| curve.steps[k])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(steps: &[f64], values: &[f64]) -> Curve {
        Curve::new(steps.to_vec(), values.to_vec()).unwrap()
    }

    #[test]
    fn interpolates_between_points_and_holds_outside() {
        let line = curve(&[10.0, 20.0, 40.0], &[0.0, 1.0, 0.0]);
        assert_eq!(
            resample(&line, &[0.0, 10.0, 15.0, 30.0, 99.0]),
            vec![0.0, 0.0, 0.5, 0.5, 0.0]
        );
    }

    #[test]
    fn area_is_the_mean_height() {
        assert_eq!(area_under(&curve(&[0.0, 1.0, 3.0], &[0.0, 1.0, 1.0])), 2.5 / 3.0);
        assert_eq!(area_under(&curve(&[5.0], &[0.25])), 0.25);
    }

    #[test]
    fn threshold_includes_equality() {
        let line = curve(&[0.0, 10.0, 20.0], &[0.0, 0.5, 0.9]);
        assert_eq!(first_reached(&line, 0.5), Some(10.0));
        assert_eq!(first_reached(&line, 0.95), None);
    }

    #[test]
    fn grid_is_shared_or_even() {
        let a = curve(&[0.0, 10.0, 20.0], &[0.0; 3]);
        let b = curve(&[0.0, 10.0], &[0.0; 2]);
        assert_eq!(common_grid(&[&a, &a], 50), vec![0.0, 10.0, 20.0]);
        assert_eq!(common_grid(&[&a, &b], 50), vec![0.0, 10.0]);
        let c = curve(&[5.0, 17.0], &[0.0; 2]);
        assert_eq!(common_grid(&[&a, &c], 4), vec![5.0, 9.0, 13.0, 17.0]);
        assert!(common_grid(&[&b, &curve(&[30.0, 40.0], &[0.0; 2])], 4).is_empty());
    }

    #[test]
    fn bad_curves_are_refused() {
        assert!(matches!(
            Curve::new(vec![0.0, 0.0], vec![1.0, 1.0]),
            Err(StatError::NotIncreasing { index: 1, .. })
        ));
        assert!(matches!(
            Curve::new(vec![0.0], vec![f64::NAN]),
            Err(StatError::NotFinite { .. })
        ));
        assert!(matches!(
            Curve::new(vec![0.0], vec![]),
            Err(StatError::ShapeMismatch { .. })
        ));
    }
}
