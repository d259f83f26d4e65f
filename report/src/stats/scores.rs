//! Final scores of one variant: tasks by runs.

use super::{StatError, all_finite};

/// Normalised scores of one variant, `[tasks][runs]`.
///
/// rliable wants the same number of runs in each task; here a task may have lost a run to a failure. With equal
/// numbers every statistic equals rliable's.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    tasks: Vec<Vec<f64>>,
}

impl Scores {
    /// Takes scores as `[tasks][runs]`.
    ///
    /// # Errors
    /// [`StatError::Empty`] without tasks or with a task without runs, [`StatError::NotFinite`] for NaN or infinity.
    pub fn new(tasks: Vec<Vec<f64>>) -> Result<Self, StatError> {
        if tasks.is_empty() || tasks.iter().any(Vec::is_empty) {
            return Err(StatError::Empty { what: "score matrix" });
        }
        let flat: Vec<f64> = tasks.iter().flatten().copied().collect();
        all_finite("score matrix", &flat)?;
        Ok(Self { tasks })
    }

    /// Takes scores as `[runs][tasks]`, rliable's layout.
    ///
    /// # Errors
    /// As [`Scores::new`], and [`StatError::ShapeMismatch`] where rows differ in length.
    pub fn from_rows(rows: &[Vec<f64>]) -> Result<Self, StatError> {
        let width = rows.first().map_or(0, Vec::len);
        if let Some(row) = rows.iter().find(|row| row.len() != width) {
            return Err(StatError::ShapeMismatch {
                what: "score row",
                expected: width,
                found: row.len(),
            });
        }
        Self::new(
            (0..width)
                .map(|task| rows.iter().map(|row| row[task]).collect())
                .collect(),
        )
    }

    /// Scores per task, `[tasks][runs]`.
    pub fn tasks(&self) -> &[Vec<f64>] {
        &self.tasks
    }

    /// Number of tasks.
    pub fn n_tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Number of scores over all tasks.
    pub fn n_scores(&self) -> usize {
        self.tasks.iter().map(Vec::len).sum()
    }

    /// All scores, task after task.
    pub fn iter(&self) -> impl Iterator<Item = f64> + '_ {
        self.tasks.iter().flatten().copied()
    }

    pub(crate) fn tasks_mut(&mut self) -> &mut Vec<Vec<f64>> {
        &mut self.tasks
    }
}

/// `(value - floor) / (ceiling - floor)`: 0 is the random policy, 1 the best known return.
///
/// # Errors
/// [`StatError::EmptyRange`] where the ceiling does not lie above the floor, [`StatError::NotFinite`] for NaN.
pub fn normalised(value: f64, floor: f64, ceiling: f64) -> Result<f64, StatError> {
    all_finite("value, floor, ceiling", &[value, floor, ceiling])?;
    if ceiling <= floor {
        return Err(StatError::EmptyRange { floor, ceiling });
    }
    Ok((value - floor) / (ceiling - floor))
}
