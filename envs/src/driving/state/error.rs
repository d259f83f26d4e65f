//! What can be wrong with the JSON of a scene.

/// A value of the JSON that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}; {remedy}")]
#[non_exhaustive]
pub struct StateError {
    /// Where it is, such as `vehicles[3].lane`.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl StateError {
    /// `problem` at `path`.
    pub(crate) fn new(
        path: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let path: String = path.into();
        Self {
            path: if path == "." { "the scene".to_owned() } else { path },
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}
