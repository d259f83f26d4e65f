//! Bonuses of the present episode: for its first visit of an observation, or by the count of its visits.
//!
//! With `N_ep` the visits of the next observation in the present episode, the first of which is that of the reset:
//! - `first_visit`, `1[N_ep = 1]`: the episodic factor of `NovelD` (Zhang et al. 2021), alone;
//! - `episodic_count`, `1 / sqrt(N_ep)`: the episodic factor of RIDE (Raileanu and Rocktäschel 2020), alone.

use prospect_sim::Rollout;

use super::{
    count::CountSettings,
    inverse_root,
    key::KeySource,
    visits::{EpisodicVisits, SavedVisits},
};
use crate::{
    error::ShapingError,
    module::{Batch, Needs, Relabel, RewardModule},
    registry::{ModuleInit, ModuleKind},
    state,
};

const VERSION: u32 = 1;

/// What a number of visits is worth; 0 visits are those of an actor that took no part.
type Worth = fn(f32) -> f32;

pub(super) fn first_visit() -> ModuleKind {
    let worth: Worth = |visits| f32::from(u8::from(visits == 1.0));
    kind(
        "first_visit",
        "1 if the next observation is new in the present episode, else 0",
        worth,
    )
}

pub(super) fn episodic_count() -> ModuleKind {
    let doc = "1 / sqrt(N), N: visits of the next observation in the present episode";
    kind("episodic_count", doc, inverse_root)
}

fn kind(name: &'static str, doc: &str, worth: Worth) -> ModuleKind {
    ModuleKind::new(name, doc, move |init, settings: CountSettings| {
        Ok(Box::new(EpisodicBonus::new(name, worth, init, &settings)?))
    })
    .with_common(|common| common.weight = 0.005.into())
}

/// See the module's page.
pub struct EpisodicBonus {
    kind: &'static str,
    name: String,
    worth: Worth,
    visits: EpisodicVisits,
}

impl EpisodicBonus {
    fn new(
        kind: &'static str,
        worth: Worth,
        init: &ModuleInit<'_>,
        settings: &CountSettings,
    ) -> Result<Self, ShapingError> {
        let keys = KeySource::new(init, &settings.key, settings.resolution)?;
        Ok(Self {
            kind,
            name: init.name.to_owned(),
            worth,
            visits: EpisodicVisits::new(keys, init.actors),
        })
    }
}

impl RewardModule for EpisodicBonus {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs(&self) -> Needs {
        self.visits.needs()
    }

    fn context_columns(&self) -> Vec<String> {
        vec!["count".to_owned()]
    }

    fn relabel(&self) -> Relabel {
        Relabel::FromContext
    }

    fn begin(&mut self, rollout: &Rollout) {
        self.visits.begin(rollout);
    }

    fn observe(&mut self, rollout: &Rollout, t: usize, context: &mut [&mut [f32]]) {
        if let [column] = context {
            self.visits.observe(rollout, t, column);
        }
    }

    fn label(&self, batch: &Batch<'_>, out: &mut [f32]) -> Result<(), ShapingError> {
        let seen = batch.context.columns.iter().flatten();
        for (out, seen) in out.iter_mut().zip(seen) {
            *out = (self.worth)(*seen);
        }
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, ShapingError> {
        state::encode(&self.name, self.kind, VERSION, &self.visits.save())
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), ShapingError> {
        let saved: SavedVisits = state::decode(&self.name, self.kind, VERSION, bytes)?;
        self.visits.load(&self.name, &saved)
    }

    fn fork(&self, actors: usize) -> Result<Box<dyn RewardModule>, ShapingError> {
        Ok(Box::new(Self {
            kind: self.kind,
            name: self.name.clone(),
            worth: self.worth,
            visits: self.visits.fork(actors),
        }))
    }
}
