//! What can go wrong while training, evaluating, saving and resuming.

use std::path::PathBuf;

use prospect_nets::NetsError;
use prospect_shaping::ShapingError;
use prospect_sim::SimError;

/// Errors of learners, trainer, checkpoints and run folders.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// A setting that cannot be.
    #[error("{key} = {value}: {remedy}")]
    Config {
        /// The key in the run file.
        key: &'static str,
        /// Its value.
        value: String,
        /// What would do.
        remedy: String,
    },
    /// The learner cannot act in this env.
    #[error("{agent} cannot act in {env}, whose action space is {space}; it needs {needs}")]
    ActionSpace {
        /// The learner.
        agent: &'static str,
        /// The env's id.
        env: String,
        /// Its action space.
        space: String,
        /// What kind of space it needs.
        needs: &'static str,
    },
    /// Hindsight was asked for in a task that gives it nothing to work with.
    #[error("hindsight needs a task with goals, and {env} is none: {reason}; set agent.hindsight = \"off\"")]
    Goals {
        /// The env's id.
        env: String,
        /// What is missing.
        reason: String,
    },
    /// The task allows an actor no action at all.
    #[error(
        "{env} allows actor {actor} no action at step {step}: its fact action_mask is false throughout; correct the task, or \
         use mask_actions = false"
    )]
    NoAction {
        /// The env's id.
        env: String,
        /// The first actor that it holds for.
        actor: usize,
        /// Env steps made before the rollout in which it happened.
        step: u64,
    },
    /// Demonstrations do not fit the task.
    #[error("demonstrations {path}: {reason}; {remedy}")]
    Demonstrations {
        /// Their file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// A policy cannot play another task than the one it learned.
    #[error(
        "the policy of {trained} cannot play {other}: {reason}; choose a task with the same observations and actions"
    )]
    OtherTask {
        /// The task it learned.
        trained: String,
        /// The task asked for.
        other: String,
        /// What differs.
        reason: String,
    },
    /// A quantity of training is no number; the run must stop.
    #[error(
        "{term} became {value} at step {step}; the last checkpoint is good: resume from it with a lower learning rate or \
         reward weight"
    )]
    NotFinite {
        /// Which one was the first.
        term: String,
        /// Its value.
        value: f64,
        /// Env steps made.
        step: u64,
    },
    /// A replay was given or asked for what does not fit.
    #[error("replay: {reason} (it holds rows {first} to {end} of {actors} actors)")]
    Replay {
        /// What does not fit.
        reason: String,
        /// The oldest row that is there.
        first: u64,
        /// The row after the newest one.
        end: u64,
        /// Actors.
        actors: usize,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A checkpoint could not be written; the run and the checkpoint before it are untouched.
    #[error(
        "cannot write checkpoint {path}: {source}; make room or choose another folder, then resume: {kept}"
    )]
    CheckpointWrite {
        /// Its folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
        /// Which checkpoint the run can be resumed from.
        kept: String,
    },
    /// A checkpoint is damaged, cut short or of another run.
    #[error("checkpoint {path}: {reason}; {remedy}")]
    Checkpoint {
        /// The file that does not fit.
        path: PathBuf,
        /// What is wrong.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The folder already holds a run.
    #[error("{path} already holds a run; add --resume to go on with it, or choose another --out")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// Another process writes to the folder.
    #[error("{path} is in use by process {pid}; wait for it, stop it, or choose another --out")]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process.
        pid: String,
    },
    /// The folder holds no run.
    #[error("{path} holds no run: {missing} is missing")]
    NoRun {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        missing: &'static str,
    },
    /// The simulator refused.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// A reward module refused.
    #[error(transparent)]
    Shaping(#[from] ShapingError),
    /// A network refused.
    #[error(transparent)]
    Nets(#[from] NetsError),
    /// The run's seed is out of range.
    #[error(transparent)]
    Seed(#[from] prospect_sim::random::SeedError),
}

impl AgentError {
    /// Names the file of an [`std::io::Error`].
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

/// Refuses a term of training that is no number.
///
/// # Errors
/// [`AgentError::NotFinite`].
pub(crate) fn finite<T: Into<String>>(
    value: f64,
    term: impl FnOnce() -> T,
    step: u64,
) -> Result<(), AgentError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(AgentError::NotFinite {
        term: term().into(),
        value,
        step,
    })
}
