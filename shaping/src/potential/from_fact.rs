//! Potential-based shaping from a state fact: `F = gamma * Phi(s') - Phi(s)` (Ng, Harada and Russell 1999).
//!
//! `Phi` is a multiple of a fact, such as the distance to the goal. A terminal state has potential 0 whatever its facts
//! say (Grzes 2017), for otherwise the best policy would change; at a truncation the episode would have gone on, so the
//! final state keeps its potential. `gamma` is that of the stream in which the channel is summed. Over an episode of `T`
//! steps the discounted rewards then sum to `gamma^T * Phi(s_T) - Phi(s_0)`.

use prospect_sim::{FactKind, Slice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::{ShapingError, hint},
    module::{Batch, Needs, Relabel, RewardModule},
    registry::{ModuleInit, ModuleKind},
    state,
};

const KIND: &str = "potential";
const VERSION: u32 = 1;

/// Which values of the fact are good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Small ones, such as distances: `Phi = -scale * fact`.
    #[default]
    Lower,
    /// Large ones, such as progress: `Phi = scale * fact`.
    Higher,
}

/// Settings of `potential`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PotentialSettings {
    /// The state fact behind the potential, a single number.
    pub fact: String,
    /// Which values of the fact are good: `lower` (distances) or `higher` (progress).
    pub better: Better,
    /// Potential per unit of the fact.
    pub scale: f64,
    /// The value by which the fact says that it is not known; it is taken for the worst one in the fact's range. nan if
    /// every value counts.
    pub unknown: f64,
}

impl Default for PotentialSettings {
    fn default() -> Self {
        Self {
            fact: "goal_distance".to_owned(),
            better: Better::Lower,
            scale: 0.01,
            unknown: -1.0,
        }
    }
}

pub(crate) fn kind() -> ModuleKind {
    let doc = "gamma * Phi(s') - Phi(s), Phi a multiple of a fact; leaves the best policy as it is";
    ModuleKind::new(KIND, doc, |init, settings: PotentialSettings| {
        Ok(Box::new(Potential::new(init, settings)?))
    })
}

/// See the module's page.
#[derive(Debug, Clone)]
pub struct Potential {
    name: String,
    settings: PotentialSettings,
    /// What [`PotentialSettings::unknown`] is replaced by.
    worst: f64,
    gamma: f64,
}

impl Potential {
    fn new(init: &ModuleInit<'_>, settings: PotentialSettings) -> Result<Self, ShapingError> {
        let state = || init.spec.facts.iter().filter(|fact| fact.kind == FactKind::State);
        let names = || state().map(|fact| fact.field.name.as_str());
        let Some(fact) = state().find(|fact| fact.field.name == settings.fact) else {
            let near = hint(&settings.fact, names());
            let known = names().collect::<Vec<_>>().join(", ");
            let what = format!("the state fact `{}`", settings.fact);
            return Err(init.needs_error(what, format!("set `fact` to one of: {known}{near}")));
        };
        if fact.field.width() != 1 {
            let reason = format!(
                "`{}` has {} values; a potential needs one",
                settings.fact,
                fact.field.width()
            );
            return Err(init.config_error("fact", reason));
        }
        if !(settings.scale > 0.0 && settings.scale.is_finite()) {
            let reason = format!(
                "is {}; it must be above 0 (set `better` for the direction)",
                settings.scale
            );
            return Err(init.config_error("scale", reason));
        }
        let worst = match settings.better {
            Better::Lower => fact.field.high,
            Better::Higher => fact.field.low,
        };
        if settings.unknown.is_finite() && !worst.is_finite() {
            let reason = format!(
                "`{}` has no worst value in its range; set `unknown = nan`",
                settings.fact
            );
            return Err(init.config_error("unknown", reason));
        }
        Ok(Self {
            name: init.name.to_owned(),
            settings,
            worst,
            gamma: init.gamma,
        })
    }

    fn phi(&self, facts: Slice<'_>, at: usize) -> f64 {
        let value = facts.get_f64(at);
        let known = if value == self.settings.unknown {
            self.worst
        } else {
            value
        };
        match self.settings.better {
            Better::Lower => -self.settings.scale * known,
            Better::Higher => self.settings.scale * known,
        }
    }
}

impl RewardModule for Potential {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs(&self) -> Needs {
        Needs {
            facts: vec![self.settings.fact.clone()],
            ..Needs::default()
        }
    }

    fn relabel(&self) -> Relabel {
        Relabel::Exact
    }

    fn label(&self, batch: &Batch<'_>, out: &mut [f32]) -> Result<(), ShapingError> {
        let rollout = batch.rollout;
        let Some(fact) = rollout.layout().state_fact(&self.settings.fact) else {
            return Err(ShapingError::Rollout {
                module: self.name.clone(),
                reason: format!("holds no state fact `{}`", self.settings.fact),
            });
        };
        let (states, finals) = (rollout.state_fact(fact), rollout.final_fact(fact));
        let k = rollout.actors();
        for (at, out) in out.iter_mut().enumerate() {
            let next = match (rollout.terminated()[at], rollout.truncated()[at]) {
                (true, _) => 0.0,
                (false, true) => self.phi(finals, at),
                (false, false) => self.phi(states, at + k),
            };
            let is_alive = rollout.alive()[at];
            *out = if is_alive {
                (self.gamma * next - self.phi(states, at)) as f32
            } else {
                0.0
            };
        }
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, ShapingError> {
        state::encode(&self.name, KIND, VERSION, &())
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), ShapingError> {
        state::decode(&self.name, KIND, VERSION, bytes)
    }

    fn fork(&self, _actors: usize) -> Result<Box<dyn RewardModule>, ShapingError> {
        Ok(Box::new(self.clone()))
    }
}
