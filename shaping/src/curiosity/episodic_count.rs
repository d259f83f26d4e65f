//! Episodic count bonus: `1 / sqrt(N_ep)`, with `N_ep` the visits of the next observation in the present episode.
//!
//! Source: the episodic factor of RIDE (Raileanu and Rocktäschel 2020), alone. The first observation of an episode is a visit.

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

const KIND: &str = "episodic_count";
const VERSION: u32 = 1;

pub(super) fn kind() -> ModuleKind {
    let doc = "1 / sqrt(N), N: visits of the next observation in the present episode";
    ModuleKind::new(KIND, doc, |init, settings: CountSettings| {
        Ok(Box::new(EpisodicCount::new(init, &settings)?))
    })
    .with_common(|common| common.weight = 0.005.into())
}

/// See the module's page.
pub struct EpisodicCount {
    name: String,
    visits: EpisodicVisits,
}

impl EpisodicCount {
    fn new(init: &ModuleInit<'_>, settings: &CountSettings) -> Result<Self, ShapingError> {
        let keys = KeySource::new(init, &settings.key, settings.resolution)?;
        Ok(Self {
            name: init.name.to_owned(),
            visits: EpisodicVisits::new(keys, init.actors),
        })
    }
}

impl RewardModule for EpisodicCount {
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
        inverse_root(batch, out);
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
