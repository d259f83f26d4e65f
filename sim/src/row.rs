//! The borrowed slices that a step writes into, and how they split over shards.

use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

use crate::{
    buffer::SliceMut,
    env::EnvSpec,
    error::SimError,
    facts::FactSelection,
    space::{ActionSpace, Field},
};

/// The most components an observation may have, and the most facts that may be subscribed to per kind.
pub const MAX_FIELDS: usize = 24;

/// One field of a range of actors: `[actors, width]` values.
#[derive(Debug)]
pub struct FieldMut<'a> {
    /// Values per actor.
    pub width: usize,
    /// The values.
    pub data: SliceMut<'a>,
}

/// Several fields of the same range of actors.
pub type FieldsMut<'a> = ArrayVec<FieldMut<'a>, MAX_FIELDS>;

fn split_fields(fields: FieldsMut<'_>, actors: usize) -> (FieldsMut<'_>, FieldsMut<'_>) {
    let mut left = FieldsMut::new();
    let mut right = FieldsMut::new();
    for FieldMut { width, data } in fields {
        let (a, b) = data.split_at(width * actors);
        left.push(FieldMut { width, data: a });
        right.push(FieldMut { width, data: b });
    }
    (left, right)
}

/// What every row of a `VecEnv` holds: fields, actors, actions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowLayout {
    /// Env instances.
    pub n_envs: usize,
    /// Actors per env instance; actors are numbered env-major.
    pub agents_per_env: usize,
    /// Components of the observation.
    pub observation: Vec<Field>,
    /// Subscribed state facts.
    pub state_facts: Vec<Field>,
    /// Subscribed event facts.
    pub event_facts: Vec<Field>,
    /// The action space of one actor.
    pub actions: ActionSpace,
}

impl RowLayout {
    /// The layout of `n_envs` instances of the env described by `spec`.
    ///
    /// # Errors
    /// [`SimError::Config`] if there are more fields than [`MAX_FIELDS`].
    pub fn new(spec: &EnvSpec, selection: &FactSelection, n_envs: usize) -> Result<Self, SimError> {
        let pick = |list: &[usize]| {
            list.iter()
                .map(|&i| spec.facts[i].field.clone())
                .collect::<Vec<_>>()
        };
        let layout = Self {
            n_envs,
            agents_per_env: spec.agents_per_env,
            observation: spec.observation.clone(),
            state_facts: pick(&selection.state),
            event_facts: pick(&selection.event),
            actions: spec.actions.clone(),
        };
        let most = layout
            .observation
            .len()
            .max(layout.state_facts.len())
            .max(layout.event_facts.len());
        if most > MAX_FIELDS {
            return Err(SimError::Config {
                key: "facts",
                value: most.to_string(),
                remedy: format!("at most {MAX_FIELDS} fields of a kind"),
            });
        }
        Ok(layout)
    }

    /// Columns of a row: env instances times actors per instance.
    pub fn actors(&self) -> usize {
        self.n_envs * self.agents_per_env
    }

    /// The index of observation component `name`.
    pub fn component(&self, name: &str) -> Option<usize> {
        self.observation.iter().position(|field| field.name == name)
    }

    /// The index of state fact `name` among the subscribed ones.
    pub fn state_fact(&self, name: &str) -> Option<usize> {
        self.state_facts.iter().position(|field| field.name == name)
    }

    /// The index of event fact `name` among the subscribed ones.
    pub fn event_fact(&self, name: &str) -> Option<usize> {
        self.event_facts.iter().position(|field| field.name == name)
    }
}

/// Actions of a range of actors, `[actors, width]`.
#[derive(Debug, Clone, Copy)]
pub enum Actions<'a> {
    /// Indices, for discrete and multi-discrete spaces.
    Discrete(&'a [i32]),
    /// Reals.
    Continuous(&'a [f32]),
}

impl Actions<'_> {
    /// The number of values.
    pub fn len(self) -> usize {
        match self {
            Actions::Discrete(v) => v.len(),
            Actions::Continuous(v) => v.len(),
        }
    }

    /// True if there are no values.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Splits in two at value `mid`.
    pub fn split_at(self, mid: usize) -> (Self, Self) {
        match self {
            Actions::Discrete(v) => {
                let (a, b) = v.split_at(mid);
                (Actions::Discrete(a), Actions::Discrete(b))
            }
            Actions::Continuous(v) => {
                let (a, b) = v.split_at(mid);
                (Actions::Continuous(a), Actions::Continuous(b))
            }
        }
    }

    /// Checks type, length and range against `space`.
    ///
    /// # Errors
    /// [`SimError::Length`] or [`SimError::Action`].
    pub fn check(self, space: &ActionSpace, actors: usize) -> Result<(), SimError> {
        let width = space.width();
        if self.len() != actors * width {
            let layout = format!("{actors} actors x {width}, {space}");
            return Err(SimError::Length {
                what: "actions",
                got: self.len(),
                want: actors * width,
                layout,
            });
        }
        let bad = match (self, space) {
            (Actions::Discrete(v), ActionSpace::Discrete { n }) => {
                v.iter().position(|&a| a < 0 || a as usize >= *n)
            }
            (Actions::Discrete(v), ActionSpace::MultiDiscrete { nvec }) => v
                .iter()
                .enumerate()
                .position(|(i, &a)| a < 0 || a as usize >= nvec[i % width]),
            (Actions::Continuous(v), ActionSpace::Continuous { .. }) => v.iter().position(|a| !a.is_finite()),
            _ => Some(0),
        };
        match bad {
            None => Ok(()),
            Some(i) => Err(SimError::Action {
                actor: i / width,
                value: self.printed(i),
                space: space.to_string(),
            }),
        }
    }

    fn printed(self, i: usize) -> String {
        match self {
            Actions::Discrete(v) => v[i].to_string(),
            Actions::Continuous(v) => v[i].to_string(),
        }
    }
}

/// What a reset writes: first observations and state facts of a range of actors.
#[derive(Debug)]
pub struct ResetRowMut<'a> {
    /// Observation components.
    pub observation: FieldsMut<'a>,
    /// Subscribed state facts.
    pub state_facts: FieldsMut<'a>,
}

impl ResetRowMut<'_> {
    /// Splits in two after `actors` actors.
    pub fn split_at(self, actors: usize) -> (Self, Self) {
        let (o1, o2) = split_fields(self.observation, actors);
        let (s1, s2) = split_fields(self.state_facts, actors);
        (
            Self {
                observation: o1,
                state_facts: s1,
            },
            Self {
                observation: o2,
                state_facts: s2,
            },
        )
    }
}

/// What a step writes, for a range of actors.
#[derive(Debug)]
pub struct RowMut<'a> {
    /// The next observation and its facts; of a new episode where one has ended and was reset.
    pub next: ResetRowMut<'a>,
    /// Final observation and facts; written only where an episode has ended.
    pub last: ResetRowMut<'a>,
    /// Subscribed event facts.
    pub event_facts: FieldsMut<'a>,
    /// The task's reward.
    pub reward: &'a mut [f64],
    /// The task has ended for this actor.
    pub terminated: &'a mut [bool],
    /// The episode was cut off for this actor.
    pub truncated: &'a mut [bool],
    /// The actor took part in this step.
    pub alive: &'a mut [bool],
}

impl RowMut<'_> {
    /// Splits in two after `actors` actors.
    pub fn split_at(self, actors: usize) -> (Self, Self) {
        let (n1, n2) = self.next.split_at(actors);
        let (l1, l2) = self.last.split_at(actors);
        let (e1, e2) = split_fields(self.event_facts, actors);
        let (r1, r2) = self.reward.split_at_mut(actors);
        let (d1, d2) = self.terminated.split_at_mut(actors);
        let (c1, c2) = self.truncated.split_at_mut(actors);
        let (a1, a2) = self.alive.split_at_mut(actors);
        (
            Self {
                next: n1,
                last: l1,
                event_facts: e1,
                reward: r1,
                terminated: d1,
                truncated: c1,
                alive: a1,
            },
            Self {
                next: n2,
                last: l2,
                event_facts: e2,
                reward: r2,
                terminated: d2,
                truncated: c2,
                alive: a2,
            },
        )
    }
}
