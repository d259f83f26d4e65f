//! What policies earn that do the same in every step: a learned one that earns less has learned nothing.

/// A policy that does the same in every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConstantScore {
    /// The name of its action, or what it is.
    pub action: &'static str,
    /// Its mean return.
    pub mean_return: f64,
    /// The share of its episodes that succeed.
    pub success_rate: f64,
}

const fn c(action: &'static str, mean_return: f64, success_rate: f64) -> ConstantScore {
    ConstantScore {
        action,
        mean_return,
        success_rate,
    }
}

/// Per id: action, mean return and success rate over 1,000 episodes.
///
/// Printed by `cargo run --release -p prospect-envs --example constant_policies`.
const TABLE: &[(&str, &[ConstantScore])] = &[];

/// The constant policies of a built-in task; empty where they were not measured.
pub(crate) fn of(id: &str) -> &'static [ConstantScore] {
    TABLE.iter().find(|row| row.0 == id).map_or(&[], |row| row.1)
}
