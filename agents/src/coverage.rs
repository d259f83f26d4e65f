//! What a run has seen so far: distinct observations, distinct positions, the first success.

use std::collections::HashSet;

use prospect_sim::{Dtype, Rollout, RowLayout, hash};
use serde::{Deserialize, Serialize};

use crate::recorder::Metrics;

/// Lifelong coverage of the training envs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    states: HashSet<u64, Mixed>,
    positions: HashSet<(i32, i32), Mixed>,
    first_success_step: Option<u64>,
    #[serde(skip)]
    bytes: Vec<u8>,
}

/// A fixed hasher, so that a checkpoint's size and speed do not vary between processes. Keys are hashes or small.
type Mixed = std::hash::BuildHasherDefault<std::collections::hash_map::DefaultHasher>;

impl Coverage {
    /// Takes in the first observations of all actors.
    pub fn begin(&mut self, rollout: &Rollout) {
        for k in 0..rollout.actors() {
            self.visit(rollout, 0, k, false);
        }
    }

    /// Takes in what step `t` led to; a final observation counts, and so does the reset observation after it.
    pub fn observe(&mut self, rollout: &Rollout, t: usize) {
        for k in 0..rollout.actors() {
            if rollout.ended(t, k) {
                self.visit(rollout, t, k, true);
            }
            self.visit(rollout, t + 1, k, false);
        }
    }

    /// Notes the first success.
    pub fn succeed(&mut self, step: u64) {
        self.first_success_step.get_or_insert(step);
    }

    fn visit(&mut self, rollout: &Rollout, t: usize, k: usize, last: bool) {
        let layout = rollout.layout();
        let at = t * rollout.actors() + k;
        self.bytes.clear();
        for (i, field) in layout.observation.iter().enumerate() {
            if field.dtype != Dtype::Text {
                let all = if last {
                    rollout.final_observation(i)
                } else {
                    rollout.observation(i)
                };
                all.slice(at * field.width()..(at + 1) * field.width())
                    .extend_bytes(&mut self.bytes);
            }
        }
        self.states.insert(hash::key(&self.bytes));
        if let (Some(x), Some(y)) = (layout.state_fact("agent_x"), layout.state_fact("agent_y")) {
            let read = |fact: usize| {
                let all = if last {
                    rollout.final_fact(fact)
                } else {
                    rollout.state_fact(fact)
                };
                all.get_f64(at) as i32
            };
            self.positions.insert((read(x), read(y)));
        }
    }

    /// `explore/unique_states`, `explore/unique_positions` if the env has positions, `explore/first_success_step` (NaN
    /// until there is one).
    pub fn metrics(&self, layout: &RowLayout, into: &mut Metrics) {
        into.insert("explore/unique_states".to_owned(), self.states.len() as f64);
        if layout.state_fact("agent_x").is_some() && layout.state_fact("agent_y").is_some() {
            into.insert("explore/unique_positions".to_owned(), self.positions.len() as f64);
        }
        let first = self.first_success_step.map_or(f64::NAN, |step| step as f64);
        into.insert("explore/first_success_step".to_owned(), first);
    }

    /// The bytes of a checkpoint: sorted, so that they are a function of what was seen.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut states: Vec<_> = self.states.iter().copied().collect();
        states.sort_unstable();
        let mut positions: Vec<_> = self.positions.iter().copied().collect();
        positions.sort_unstable();
        // Vectors and sets have one form in postcard, so this reads back as `Self`.
        postcard::to_stdvec(&(states, positions, self.first_success_step)).unwrap_or_default()
    }

    /// The reverse of [`Self::to_bytes`].
    ///
    /// # Errors
    /// postcard's reason.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}
