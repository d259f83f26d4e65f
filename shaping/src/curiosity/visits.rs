//! Visits of the present episode: what episodic counts, first visits and `NovelD` share.

use prospect_sim::Rollout;
use serde::{Deserialize, Serialize};

use super::{
    key::{KeySource, for_each_reset},
    table::EpisodicCounts,
};
use crate::{error::ShapingError, module::Needs, state::check_actors};

/// How often each actor saw each key since its episode began.
#[derive(Debug, Clone)]
pub(crate) struct EpisodicVisits {
    keys: KeySource,
    counts: EpisodicCounts,
}

/// The saved form of [`EpisodicVisits`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedVisits(Vec<Vec<(u64, u32)>>);

impl EpisodicVisits {
    pub(crate) fn new(keys: KeySource, actors: usize) -> Self {
        Self {
            keys,
            counts: EpisodicCounts::new(actors),
        }
    }

    /// The same keys for other actors, nothing visited.
    pub(crate) fn fork(&self, actors: usize) -> Self {
        Self::new(self.keys.clone(), actors)
    }

    pub(crate) fn needs(&self) -> Needs {
        self.keys.needs()
    }

    /// Forgets all episodes; row 0 of `rollout` is the first visit of each.
    pub(crate) fn begin(&mut self, rollout: &Rollout) {
        let mut keys = self.keys.of(rollout);
        for actor in 0..rollout.actors() {
            self.counts.clear(actor);
            self.counts.increment(actor, keys.state(0, actor));
        }
    }

    /// Takes step `t` in and writes per actor how often its next observation was seen in its episode, now included; 0 for
    /// an actor that took no part. The final observation counts into the episode that it ends.
    pub(crate) fn observe(&mut self, rollout: &Rollout, t: usize, seen: &mut [f32]) {
        let k = rollout.actors();
        let mut keys = self.keys.of(rollout);
        for (actor, seen) in seen.iter_mut().enumerate() {
            *seen = 0.0;
            if rollout.alive()[t * k + actor] {
                *seen = self.counts.increment(actor, keys.next(t, actor)) as f32;
            }
            if rollout.ended(t, actor) {
                self.counts.clear(actor);
            }
        }
        for_each_reset(rollout, t, |actor| {
            self.counts.increment(actor, keys.state(t + 1, actor));
        });
    }

    pub(crate) fn save(&self) -> SavedVisits {
        SavedVisits(self.counts.to_sorted())
    }

    pub(crate) fn load(&mut self, module: &str, saved: &SavedVisits) -> Result<(), ShapingError> {
        check_actors(module, saved.0.len(), self.counts.actors())?;
        self.counts = EpisodicCounts::from_sorted(&saved.0);
        Ok(())
    }
}
