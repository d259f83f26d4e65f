//! Facts: the typed quantities that an env publishes beside its observation.

use serde::{Deserialize, Serialize};

use crate::{error::SimError, space::Field};

/// What a fact is aligned with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactKind {
    /// Describes a state: `[T+1]`, and once more for the final observation of an episode.
    State,
    /// Describes a transition: `[T]`.
    Event,
}

/// One fact of an env's schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FactSpec {
    /// Name, type, shape and range.
    pub field: Field,
    /// What it is aligned with.
    pub kind: FactKind,
    /// The unit: "cells", "steps", "m/s", or empty for a count or a truth value.
    pub unit: String,
    /// One line on what it says.
    pub doc: String,
}

impl FactSpec {
    /// A fact about a state.
    pub fn state(field: Field, unit: &str, doc: &str) -> Self {
        Self {
            field,
            kind: FactKind::State,
            unit: unit.to_owned(),
            doc: doc.to_owned(),
        }
    }

    /// A fact about a transition.
    pub fn event(field: Field, unit: &str, doc: &str) -> Self {
        Self {
            field,
            kind: FactKind::Event,
            unit: unit.to_owned(),
            doc: doc.to_owned(),
        }
    }
}

/// The facts somebody subscribed to, as indices into the env's schema, in the order of subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactSelection {
    /// State facts.
    pub state: Vec<usize>,
    /// Event facts.
    pub event: Vec<usize>,
}

impl FactSelection {
    /// Looks `names` up in `schema`; a name asked for twice is published once.
    ///
    /// # Errors
    /// [`SimError::UnknownFact`] for a name that `schema` does not have.
    pub fn new<'a>(
        env: &str,
        schema: &[FactSpec],
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, SimError> {
        let mut selection = Self::default();
        for name in names {
            let found = schema.iter().position(|fact| fact.field.name == name);
            let Some(index) = found else {
                let known: Vec<_> = schema.iter().map(|fact| fact.field.name.as_str()).collect();
                return Err(SimError::UnknownFact {
                    env: env.to_owned(),
                    name: name.to_owned(),
                    known: known.join(", "),
                });
            };
            let list = match schema[index].kind {
                FactKind::State => &mut selection.state,
                FactKind::Event => &mut selection.event,
            };
            if !list.contains(&index) {
                list.push(index);
            }
        }
        Ok(selection)
    }
}
