//! Everything that can go wrong in a reward module or the stack.

/// An error of a reward module. Messages are fragments that fit after "failed to …:".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShapingError {
    /// No module of this kind is registered.
    #[error("unknown reward kind `{kind}`{hint}; there are: {known}")]
    UnknownKind {
        /// The kind asked for.
        kind: String,
        /// "; did you mean …?" or empty.
        hint: String,
        /// The registered kinds.
        known: String,
    },
    /// A setting of a module that does not fit.
    #[error("reward `{module}`: {key}: {reason}")]
    Config {
        /// The module's name.
        module: String,
        /// The key in the run file.
        key: String,
        /// What is wrong, and the remedy.
        reason: String,
    },
    /// The env does not publish what the module needs.
    #[error("reward `{module}` needs {what}, which {env} does not offer: {remedy}")]
    Needs {
        /// The module's name.
        module: String,
        /// The fact or observation component.
        what: String,
        /// The env's id.
        env: String,
        /// What to do.
        remedy: String,
    },
    /// A channel holds a value that is no number.
    #[error("reward `{module}`: its {what} became {value} at step {step}, actor {actor}")]
    NotFinite {
        /// The module's name.
        module: String,
        /// Which quantity.
        what: &'static str,
        /// The value.
        value: f32,
        /// Row of the rollout.
        step: usize,
        /// Column of the rollout.
        actor: usize,
    },
    /// Saved state that cannot be loaded here.
    #[error("reward `{module}`: saved state: {reason}")]
    State {
        /// The module's name.
        module: String,
        /// What does not fit.
        reason: String,
    },
    /// libtorch refused.
    #[error("reward `{module}`: {source}")]
    Torch {
        /// The module's name.
        module: String,
        /// What libtorch said.
        source: tch::TchError,
    },
}
