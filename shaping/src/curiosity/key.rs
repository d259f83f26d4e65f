//! What counts as "the same place": a hash of chosen observation components and facts.

use arrayvec::ArrayVec;
use prospect_sim::{FactKind, Rollout, Slice, hash, row::MAX_FIELDS};

use crate::{
    error::{ShapingError, hint},
    module::Needs,
    registry::ModuleInit,
};

#[derive(Debug, Clone)]
enum Part {
    Observation(String),
    Fact(String),
}

/// The recipe of a key, looked up by name in each rollout that comes by.
#[derive(Debug, Clone)]
pub(crate) struct KeySource {
    parts: Vec<Part>,
    resolution: f32,
    /// The bytes of the key being made, so that no step allocates.
    bytes: Vec<u8>,
}

impl KeySource {
    /// Checks `names` (the setting `key`) against the env: components of the observation first, then state facts. Reals
    /// are cut into bins of width `resolution` if that is above 0.
    pub(crate) fn new(
        init: &ModuleInit<'_>,
        names: &[String],
        resolution: f64,
    ) -> Result<Self, ShapingError> {
        if names.is_empty() || names.len() > MAX_FIELDS {
            return Err(init.config_error(
                "key",
                format!("names {} fields; name 1 to {MAX_FIELDS}", names.len()),
            ));
        }
        if !(resolution >= 0.0 && resolution.is_finite()) {
            return Err(init.config_error("resolution", format!("is {resolution}; it must be 0 or above")));
        }
        let spec = init.spec;
        let components = || spec.observation.iter().map(|field| field.name.as_str());
        let facts = || {
            let state = spec.facts.iter().filter(|fact| fact.kind == FactKind::State);
            state.map(|fact| fact.field.name.as_str())
        };
        let mut parts = Vec::with_capacity(names.len());
        for name in names {
            if components().any(|known| known == name) {
                parts.push(Part::Observation(name.clone()));
            } else if facts().any(|known| known == name) {
                parts.push(Part::Fact(name.clone()));
            } else {
                let known = components().chain(facts()).collect::<Vec<_>>().join(", ");
                let what = format!("`{name}` (in `key`)");
                let near = hint(name, components().chain(facts()));
                return Err(init.needs_error(what, format!("components and state facts are {known}{near}")));
            }
        }
        Ok(Self {
            parts,
            resolution: resolution as f32,
            bytes: Vec::new(),
        })
    }

    pub(crate) fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        for part in &self.parts {
            match part {
                Part::Observation(name) => needs.observations.push(name.clone()),
                Part::Fact(name) => needs.facts.push(name.clone()),
            }
        }
        needs
    }

    /// The keys of one rollout. Parts that it does not hold are left out; the stack refuses such rollouts before.
    pub(crate) fn of<'a>(&'a mut self, rollout: &'a Rollout) -> Keys<'a> {
        let layout = rollout.layout();
        let mut columns = ArrayVec::new();
        for part in &self.parts {
            let column = match part {
                Part::Observation(name) => layout.component(name).map(|i| Column {
                    width: layout.observation[i].width(),
                    states: rollout.observation(i),
                    finals: rollout.final_observation(i),
                }),
                Part::Fact(name) => layout.state_fact(name).map(|i| Column {
                    width: layout.state_facts[i].width(),
                    states: rollout.state_fact(i),
                    finals: rollout.final_fact(i),
                }),
            };
            columns.extend(column);
        }
        Keys {
            rollout,
            columns,
            actors: rollout.actors(),
            resolution: self.resolution,
            bytes: &mut self.bytes,
        }
    }
}

struct Column<'a> {
    width: usize,
    states: Slice<'a>,
    finals: Slice<'a>,
}

/// The keys of one rollout's states.
pub(crate) struct Keys<'a> {
    rollout: &'a Rollout,
    columns: ArrayVec<Column<'a>, MAX_FIELDS>,
    actors: usize,
    resolution: f32,
    bytes: &'a mut Vec<u8>,
}

impl Keys<'_> {
    /// The key of state row `t` (`0..=T`) of `actor`.
    pub(crate) fn state(&mut self, t: usize, actor: usize) -> u64 {
        self.key(t * self.actors + actor, false)
    }

    /// The key of what `actor` came to with step `t`: the final state if its episode ended then.
    pub(crate) fn next(&mut self, t: usize, actor: usize) -> u64 {
        if self.rollout.ended(t, actor) {
            self.key(t * self.actors + actor, true)
        } else {
            self.key((t + 1) * self.actors + actor, false)
        }
    }

    fn key(&mut self, at: usize, is_final: bool) -> u64 {
        let values = |column: &Column<'_>| {
            let all = if is_final {
                column.finals.as_u8()
            } else {
                column.states.as_u8()
            };
            all.map(|bytes| &bytes[at * column.width..(at + 1) * column.width])
                .map(hash::key)
        };
        // The common case, one component of bytes, is hashed where it lies.
        if let [column] = self.columns.as_slice()
            && let Some(key) = values(column)
        {
            return key;
        }
        self.bytes.clear();
        for column in &self.columns {
            let all = if is_final { column.finals } else { column.states };
            let own = all.slice(at * column.width..(at + 1) * column.width);
            match own.as_f32() {
                Some(reals) => reals
                    .iter()
                    .for_each(|x| push_real(self.bytes, *x, self.resolution)),
                None => own.extend_bytes(self.bytes),
            }
        }
        hash::key(self.bytes)
    }
}

fn push_real(bytes: &mut Vec<u8>, x: f32, resolution: f32) {
    if resolution > 0.0 {
        let bin = (x / resolution).floor() as i64;
        bytes.extend_from_slice(&bin.to_le_bytes());
    } else {
        // -0 and 0 are one place.
        bytes.extend_from_slice(&(x + 0.0).to_le_bytes());
    }
}

/// Calls `f` for each actor for which state row `t + 1` is the first of an episode: all actors of its env have ended.
pub(crate) fn for_each_reset(rollout: &Rollout, t: usize, mut f: impl FnMut(usize)) {
    let agents = rollout.layout().agents_per_env.max(1);
    let k = rollout.actors();
    for first in (0..k).step_by(agents) {
        let env = first..(first + agents).min(k);
        let is_over = |actor: usize| !rollout.alive()[t * k + actor] || rollout.ended(t, actor);
        if env.clone().all(is_over) {
            env.for_each(&mut f);
        }
    }
}
