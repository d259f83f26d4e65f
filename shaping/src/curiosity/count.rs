//! Lifelong count bonus: `1 / sqrt(N)`, with `N` the visits of the next observation by all actors since training began.
//!
//! Source: the count baseline of RIDE (Raileanu and Rocktäschel 2020) and Strehl and Littman 2008. Counts are read after
//! the whole row of actors is counted.

use prospect_sim::Rollout;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    inverse_root,
    key::{KeySource, for_each_reset},
    table::CountTable,
};
use crate::{
    error::ShapingError,
    module::{Batch, Metrics, Needs, Relabel, RewardModule},
    registry::{ModuleInit, ModuleKind},
    state,
};

const KIND: &str = "count";
const VERSION: u32 = 1;

/// Settings of `count`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CountSettings {
    /// What is counted: names of observation components or state facts, taken together.
    pub key: Vec<String>,
    /// Width of the bins into which reals are cut before they are counted; 0 counts exact values.
    pub resolution: f64,
}

impl Default for CountSettings {
    fn default() -> Self {
        Self {
            key: vec!["image".to_owned()],
            resolution: 0.0,
        }
    }
}

pub(super) fn kind() -> ModuleKind {
    let doc = "1 / sqrt(N), N: visits of the next observation by all actors since training began";
    ModuleKind::new(KIND, doc, |init, settings: CountSettings| {
        Ok(Box::new(Count::new(init, &settings)?))
    })
    .with_common(|common| common.weight = 0.005.into())
}

/// See the module's page.
pub struct Count {
    name: String,
    keys: KeySource,
    counts: CountTable,
    /// The keys of the present row.
    row: Vec<u64>,
}

impl Count {
    fn new(init: &ModuleInit<'_>, settings: &CountSettings) -> Result<Self, ShapingError> {
        Ok(Self {
            name: init.name.to_owned(),
            keys: KeySource::new(init, &settings.key, settings.resolution)?,
            counts: CountTable::default(),
            row: Vec::with_capacity(init.actors),
        })
    }
}

impl RewardModule for Count {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs(&self) -> Needs {
        self.keys.needs()
    }

    fn context_columns(&self) -> Vec<String> {
        vec!["count".to_owned()]
    }

    fn relabel(&self) -> Relabel {
        Relabel::FromContext
    }

    fn begin(&mut self, rollout: &Rollout) {
        let mut keys = self.keys.of(rollout);
        for actor in 0..rollout.actors() {
            self.counts.increment(keys.state(0, actor));
        }
    }

    fn observe(&mut self, rollout: &Rollout, t: usize, context: &mut [&mut [f32]]) {
        let k = rollout.actors();
        let alive = &rollout.alive()[t * k..(t + 1) * k];
        let mut keys = self.keys.of(rollout);
        self.row.clear();
        self.row.extend((0..k).map(|actor| keys.next(t, actor)));
        for (key, _) in self.row.iter().zip(alive).filter(|(_, alive)| **alive) {
            self.counts.increment(*key);
        }
        for_each_reset(rollout, t, |actor| {
            self.counts.increment(keys.state(t + 1, actor));
        });
        if let [column] = context {
            for ((out, key), alive) in column.iter_mut().zip(&self.row).zip(alive) {
                *out = if *alive { self.counts.get(*key) as f32 } else { 0.0 };
            }
        }
    }

    fn label(&self, batch: &Batch<'_>, out: &mut [f32]) -> Result<(), ShapingError> {
        let counts = batch.context.columns.iter().flatten();
        out.iter_mut()
            .zip(counts)
            .for_each(|(out, n)| *out = inverse_root(*n));
        Ok(())
    }

    fn learn(&mut self, _: &Batch<'_>) -> Result<Metrics, ShapingError> {
        Ok(Metrics::from([("distinct".to_owned(), self.counts.len() as f64)]))
    }

    fn save(&self) -> Result<Vec<u8>, ShapingError> {
        state::encode(&self.name, KIND, VERSION, &self.counts.to_sorted())
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), ShapingError> {
        let list: Vec<(u64, u64)> = state::decode(&self.name, KIND, VERSION, bytes)?;
        self.counts = CountTable::from_sorted(&list);
        Ok(())
    }

    fn fork(&self, actors: usize) -> Result<Box<dyn RewardModule>, ShapingError> {
        Ok(Box::new(Self {
            name: self.name.clone(),
            keys: self.keys.clone(),
            counts: self.counts.clone(),
            row: Vec::with_capacity(actors),
        }))
    }
}
