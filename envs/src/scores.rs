//! Floors and ceilings of the built-in tasks, between which scores are normalised.

/// What a random and a perfect policy reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// Mean return of uniformly random actions.
    pub floor: f64,
    /// Mean return of the planner's tapes; none where a task cannot be planned.
    pub ceiling: Option<f64>,
}

/// Rows `(id, floor, ceiling)`.
///
/// Printed by `cargo run --release -p prospect-envs --example score_tasks`.
const TABLE: &[(&str, f64, f64)] = &[];

/// The scores of a built-in task.
pub(crate) fn of(id: &str) -> Option<Scores> {
    let row = TABLE.iter().find(|row| row.0 == id)?;
    Some(Scores { floor: row.1, ceiling: Some(row.2) })
}
