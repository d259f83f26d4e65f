//! The registry of task ids. Other crates add their own tasks to it, without a fork.
//!
//! A gridworld of one's own is a [`Level`](crate::gridworld::Level); any other task is an
//! [`Env`]:
//!
//! ```
//! use std::sync::Arc;
//!
//! use prospect_envs::gridworld::{BoardMut, Cell, Geometry, Gridworld, Level, LevelError, Objective, Settings, Start};
//! use prospect_envs::{Options, Registry, TaskEntry};
//! use prospect_sim::random::Generator;
//!
//! /// A corridor with the goal at its end.
//! #[derive(Debug)]
//! struct Corridor;
//!
//! impl Level for Corridor {
//!     fn geometry(&self) -> Geometry { Geometry::new(12, 3) }
//!     fn max_steps(&self) -> u32 { 50 }
//!     fn objective(&self) -> Objective { Objective::Goal }
//!     fn missions(&self) -> Vec<String> { vec!["walk".to_owned()] }
//!     fn draw_template(&self, board: &mut BoardMut<'_>) {
//!         board.draw_room(0, 0, 12, 3);
//!         board.set(10, 1, Cell::GOAL);
//!     }
//!     fn generate(&self, _: &mut BoardMut<'_>, rng: &mut Generator) -> Result<Start, LevelError> {
//!         Ok(Start::at(1, 1, rng.integers(0, 4) as u8))
//!     }
//! }
//!
//! let mut registry = Registry::with_builtin();
//! registry.register(TaskEntry::new("My-Corridor-v0", "Corridor", "Walk to the end.", |_: &Options| {
//!     let level = Arc::new(Corridor);
//!     Ok(Arc::new(Gridworld::new("My-Corridor-v0", "Corridor", "Walk to the end.", level, Settings::default())))
//! }))?;
//! let env = registry.make("My-Corridor-v0", &Options::new())?;
//! assert_eq!(env.spec().max_steps, Some(50));
//! # Ok::<(), prospect_envs::RegistryError>(())
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use prospect_sim::Env;

use crate::constant_scores::{self, ConstantScore};
use crate::driving::state::StateError;
use crate::options::Options;
use crate::scores::{self, Scores};
use crate::{classic, driving, gridworld};

/// Makes an env from options.
pub type Factory = dyn Fn(&Options) -> Result<Arc<dyn Env>, RegistryError> + Send + Sync;

/// What can go wrong between an id and an env.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// No task has this id.
    #[error("unknown env id `{id}`; {hint}")]
    UnknownId {
        /// The id asked for.
        id: String,
        /// The nearest ids, or where to find all of them.
        hint: String,
    },
    /// Another task has this id already.
    #[error("env id `{id}` is registered already; choose another")]
    Taken {
        /// The id.
        id: String,
    },
    /// An option has a value that the task cannot use.
    #[error("option `{key}` = {value} of {id}: expected {expected}")]
    Option {
        /// The task.
        id: String,
        /// The option's name.
        key: &'static str,
        /// Its value, as JSON.
        value: String,
        /// What would be accepted.
        expected: String,
    },
    /// The scene that episodes are to start from cannot be used.
    #[error("option `reset_state` of {id}: {error}")]
    ResetState {
        /// The task.
        id: String,
        /// What is wrong with it.
        error: StateError,
    },
    /// The options are no task together.
    #[error("{id} cannot be made so: {reason}")]
    Task {
        /// The task.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// The task has no such option.
    #[error("{id} has no option `{key}`; it has: {known}")]
    UnknownOption {
        /// The task.
        id: String,
        /// The option's name.
        key: String,
        /// The names there are.
        known: String,
    },
}

/// A registered task.
#[derive(Clone)]
pub struct TaskEntry {
    id: String,
    family: String,
    doc: String,
    scores: Option<Scores>,
    factory: Arc<Factory>,
}

impl std::fmt::Debug for TaskEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskEntry")
            .field("id", &self.id)
            .field("family", &self.family)
            .finish_non_exhaustive()
    }
}

impl TaskEntry {
    /// A task under an id.
    pub fn new(
        id: &str,
        family: &str,
        doc: &str,
        factory: impl Fn(&Options) -> Result<Arc<dyn Env>, RegistryError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            id: id.to_owned(),
            family: family.to_owned(),
            doc: doc.to_owned(),
            scores: scores::of(id),
            factory: Arc::new(factory),
        }
    }

    /// Gives the task a floor and a ceiling, for normalised scores.
    #[must_use]
    pub fn with_scores(mut self, scores: Scores) -> Self {
        self.scores = Some(scores);
        self
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The family.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// One line on the task.
    pub fn doc(&self) -> &str {
        &self.doc
    }

    /// Floor and ceiling of the task without options, if they are known.
    pub fn scores(&self) -> Option<Scores> {
        self.scores
    }

    /// What policies earn that do the same in every step; empty where that was not measured.
    pub fn constant_scores(&self) -> &'static [ConstantScore] {
        constant_scores::of(&self.id)
    }

    /// The env with these options.
    ///
    /// # Errors
    /// What the task's factory returns.
    pub fn make(&self, options: &Options) -> Result<Arc<dyn Env>, RegistryError> {
        (self.factory)(options)
    }
}

/// Tasks by id.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    entries: BTreeMap<String, TaskEntry>,
}

impl Registry {
    /// A registry without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// All tasks of this crate.
    pub fn with_builtin() -> Self {
        let entries = gridworld::catalogue::entries()
            .chain(classic::catalogue::entries())
            .chain(driving::catalogue::entries())
            .chain(driving::signals::entries())
            .map(|entry| (entry.id.clone(), entry))
            .collect();
        Self { entries }
    }

    /// Adds a task.
    ///
    /// # Errors
    /// [`RegistryError::Taken`] if its id is in use.
    pub fn register(&mut self, entry: TaskEntry) -> Result<(), RegistryError> {
        if self.entries.contains_key(&entry.id) {
            return Err(RegistryError::Taken { id: entry.id });
        }
        self.entries.insert(entry.id.clone(), entry);
        Ok(())
    }

    /// All tasks, by id.
    pub fn iter(&self) -> impl Iterator<Item = &TaskEntry> {
        self.entries.values()
    }

    /// The task of an id.
    ///
    /// # Errors
    /// [`RegistryError::UnknownId`], with the nearest ids.
    pub fn get(&self, id: &str) -> Result<&TaskEntry, RegistryError> {
        self.entries.get(id).ok_or_else(|| RegistryError::UnknownId {
            id: id.to_owned(),
            hint: self.hint(id),
        })
    }

    /// The env of an id with these options.
    ///
    /// # Errors
    /// [`RegistryError::UnknownId`], and what the task's factory returns.
    pub fn make(&self, id: &str, options: &Options) -> Result<Arc<dyn Env>, RegistryError> {
        self.get(id)?.make(options)
    }

    fn hint(&self, id: &str) -> String {
        let wanted = id.to_lowercase();
        let mut near: Vec<_> = self
            .entries
            .keys()
            .map(|known| (edit_distance(&wanted, &known.to_lowercase()), known))
            .filter(|(distance, known)| *distance <= known.len() / 3)
            .collect();
        near.sort();
        let names: Vec<_> = near.iter().take(3).map(|(_, known)| known.as_str()).collect();
        if names.is_empty() {
            return "`prospect envs` lists all of them".to_owned();
        }
        format!("did you mean {}?", names.join(" or "))
    }
}

/// Insertions, deletions and replacements between two texts.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<_> = b.chars().collect();
    let mut costs: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = costs[0];
        costs[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = costs[j + 1];
            costs[j + 1] = replaced.min(diagonal + 1).min(costs[j] + 1);
        }
    }
    costs[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_ids_name_their_neighbours() {
        let registry = Registry::with_builtin();
        let error = registry
            .make("MiniGrid-DorKey-8x8-v0", &Options::new())
            .err()
            .unwrap();
        assert!(
            error.to_string().contains("did you mean MiniGrid-DoorKey-8x8-v0"),
            "{error}"
        );
        let error = registry.make("Breakout-v5", &Options::new()).err().unwrap();
        assert!(error.to_string().contains("prospect envs"), "{error}");
    }

    #[test]
    fn options_are_checked() {
        let registry = Registry::with_builtin();
        let make = |json: &str| {
            let options: Options = serde_json::from_str(json).unwrap();
            registry
                .make("MiniGrid-DoorKey-8x8-v0", &options)
                .map(|env| env.spec().max_steps)
        };
        assert_eq!(make("{}").unwrap(), Some(640));
        assert_eq!(make(r#"{"size": 6}"#).unwrap(), Some(360));
        assert_eq!(make(r#"{"max_steps": 7}"#).unwrap(), Some(7));
        let error = |json: &str| make(json).unwrap_err().to_string();
        assert!(error(r#"{"size": 2}"#).contains("expected an integer from 5 to 99"));
        assert!(error(r#"{"size": "big"}"#).contains("option `size` = \"big\""));
        assert!(error(r#"{"max_steps": 0}"#).contains("expected an integer from 1"));
        assert!(error(r#"{"sise": 6}"#).contains("has no option `sise`; it has: size, max_steps"));
    }

    #[test]
    fn an_id_is_registered_once() {
        let mut registry = Registry::with_builtin();
        let entry = registry.get("MiniGrid-Unlock-v0").unwrap().clone();
        assert_eq!(
            registry.register(entry),
            Err(RegistryError::Taken {
                id: "MiniGrid-Unlock-v0".to_owned()
            })
        );
    }

    #[test]
    fn edit_distances_of_known_pairs() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("same", "same"), 0);
    }
}
