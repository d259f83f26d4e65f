//! Everything that can go wrong in the simulator.

/// An error of the simulator. Messages are fragments that fit after "failed to …:".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// A configuration value that no simulator can be built from.
    #[error("{key} = {value}: {remedy}")]
    Config {
        /// The key as the user wrote it.
        key: &'static str,
        /// The value, printed.
        value: String,
        /// What would be accepted.
        remedy: String,
    },
    /// A fact was subscribed to that the env does not publish.
    #[error("{env} publishes no fact `{name}`; it has: {known}")]
    UnknownFact {
        /// The env's id.
        env: String,
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// An action outside of the action space.
    #[error("action {value} of actor {actor} is outside of {space}")]
    Action {
        /// The column of the action.
        actor: usize,
        /// The offending value, printed.
        value: String,
        /// The space, printed.
        space: String,
    },
    /// A buffer does not have the length that the layout asks for.
    #[error("{what} holds {got} values, {want} are needed ({layout})")]
    Length {
        /// The buffer's name.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length needed.
        want: usize,
        /// How the length comes about.
        layout: String,
    },
    /// An env was stepped after its end with autoreset disabled.
    #[error("env {env} has ended; reset it first (autoreset is disabled)")]
    Ended {
        /// The env's index.
        env: usize,
    },
    /// An env keeps state in components that no snapshot would hold.
    #[error("{missing} component(s) of a row of {env} have no codec; add them with ShardBuilder::state")]
    MissingCodec {
        /// The env's id.
        env: String,
        /// How many there are.
        missing: usize,
    },
    /// A snapshot that cannot be restored here.
    #[error("snapshot: {reason}")]
    Snapshot {
        /// What does not fit.
        reason: String,
    },
    /// The env cannot do what was asked.
    #[error("{env} has no {capability}")]
    Unsupported {
        /// The env's id.
        env: String,
        /// What was asked for.
        capability: &'static str,
    },
    /// Level generation or another part of an env failed.
    #[error("{env}: {reason}")]
    Env {
        /// The env's id.
        env: String,
        /// What failed, and the remedy.
        reason: String,
    },
}
