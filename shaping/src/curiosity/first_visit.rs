//! First-visit bonus: 1 if the next observation was not seen before in the present episode, else 0.
//!
//! Source: `1[N_ep = 1]`, the episodic factor of `NovelD` (Zhang et al. 2021), alone. The first observation of an episode is a
//! visit.

use prospect_sim::Rollout;

use super::{
    count::CountSettings,
    key::KeySource,
    visits::{EpisodicVisits, SavedVisits},
};
use crate::{
    error::ShapingError,
    module::{Batch, Needs, Relabel, RewardModule},
    registry::{ModuleInit, ModuleKind},
    state,
};

const KIND: &str = "first_visit";
const VERSION: u32 = 1;

pub(super) fn kind() -> ModuleKind {
    let doc = "1 if the next observation is new in the present episode, else 0";
    ModuleKind::new(KIND, doc, |init, settings: CountSettings| {
        Ok(Box::new(FirstVisit::new(init, &settings)?))
    })
    .with_common(|common| common.weight = 0.005.into())
}

/// See the module's page.
pub struct FirstVisit {
    name: String,
    visits: EpisodicVisits,
}

impl FirstVisit {
    fn new(init: &ModuleInit<'_>, settings: &CountSettings) -> Result<Self, ShapingError> {
        let keys = KeySource::new(init, &settings.key, settings.resolution)?;
        Ok(Self {
            name: init.name.to_owned(),
            visits: EpisodicVisits::new(keys, init.actors),
        })
    }
}

impl RewardModule for FirstVisit {
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
            *out = f32::from(u8::from(*seen == 1.0));
        }
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, ShapingError> {
        state::encode(&self.name, KIND, VERSION, &self.visits.save())
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), ShapingError> {
        let saved: SavedVisits = state::decode(&self.name, KIND, VERSION, bytes)?;
        self.visits.load(&self.name, &saved)
    }

    fn fork(&self, actors: usize) -> Result<Box<dyn RewardModule>, ShapingError> {
        Ok(Box::new(Self {
            name: self.name.clone(),
            visits: self.visits.fork(actors),
        }))
    }
}
