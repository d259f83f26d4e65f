//! The stack: all modules of a run, how their channels are normalised and mixed, and what is logged of them.

mod mixing;
mod relabel;

use arrayvec::ArrayVec;
use prospect_nets::TensorBatch;
use prospect_sim::{EnvSpec, Rollout};
use serde::{Deserialize, Serialize};

use crate::{
    config::{ExtrinsicConfig, Mix, RewardConfig},
    error::{ShapingError, hint},
    mixed::{Mixed, StreamSpec},
    module::{Batch, Context, MAX_CONTEXT_COLUMNS, Metrics, Needs, Relabel, RewardModule},
    normalise::Normaliser,
    registry::{ModuleInit, ModuleRegistry},
};

/// What the stack is made for, beside the modules' settings.
#[derive(Debug, Clone, Copy)]
pub struct StackInit<'a> {
    /// The env that is watched.
    pub spec: &'a EnvSpec,
    /// `K`: columns of its rollouts.
    pub actors: usize,
    /// The run's seed; every module derives streams of its own from it.
    pub seed: u64,
    /// Where tensors live.
    pub device: tch::Device,
}

struct Entry {
    config: RewardConfig,
    module: Box<dyn RewardModule>,
    normaliser: Normaliser,
    context: Context,
    /// The raw channel of the rollout labelled last, of a module whose rewards are [`Relabel::Frozen`].
    frozen: Vec<f32>,
}

/// The reward modules of a run and the rule that mixes them.
///
/// Per module `r = clip(normalise(raw))`, where statistics take the rollout in before they are used. Modules with
/// `mix = "add"` join the task's stream, `R = w_ext * r_ext + sum w * r`; `own_value_head` gives a stream of its own;
/// `advantage` a term of the advantage. A module with weight 0 runs and is logged, and adds nothing, not even a zero.
///
/// Order of calls: [`Self::prime`], [`Self::begin`] after a reset of all envs, [`Self::observe`] once per step, after `T`
/// steps [`Self::label`], then [`Self::learn`]. Rollouts are expected under `SAME_STEP` autoreset.
pub struct RewardStack {
    extrinsic: ExtrinsicConfig,
    entries: Vec<Entry>,
    actors: usize,
}

/// What [`RewardStack::save`] writes per module.
#[derive(Serialize, Deserialize)]
struct SavedEntry {
    name: String,
    kind: String,
    normaliser: Normaliser,
    module: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    entries: Vec<SavedEntry>,
}

const VERSION: u32 = 1;

impl RewardStack {
    /// Makes the modules of `configs`, in their order.
    ///
    /// # Errors
    /// [`ShapingError::UnknownKind`], and what the modules find wrong with their settings or the env.
    pub fn new(
        configs: Vec<RewardConfig>,
        extrinsic: ExtrinsicConfig,
        registry: &ModuleRegistry,
        init: &StackInit<'_>,
    ) -> Result<Self, ShapingError> {
        let make = |config: RewardConfig| make_entry(config, registry, init);
        let entries = configs.into_iter().map(make).collect::<Result<Vec<_>, _>>()?;
        for entry in &entries {
            check_facts(entry, init.spec)?;
        }
        Ok(Self {
            extrinsic,
            entries,
            actors: init.actors,
        })
    }

    /// What all modules together need: facts and components by name, and the largest number of priming steps.
    pub fn needs(&self) -> Needs {
        let mut all = Needs::default();
        for needs in self.entries.iter().map(|entry| entry.module.needs()) {
            all.prime_steps = all.prime_steps.max(needs.prime_steps);
            for (list, names) in [
                (&mut all.facts, needs.facts),
                (&mut all.observations, needs.observations),
            ] {
                for name in names {
                    if !list.contains(&name) {
                        list.push(name);
                    }
                }
            }
        }
        all
    }

    /// The configurations of the modules, in order.
    pub fn configs(&self) -> impl Iterator<Item = &RewardConfig> {
        self.entries.iter().map(|entry| &entry.config)
    }

    /// The module of that name, for diagnostics.
    pub fn module(&self, name: &str) -> Option<&dyn RewardModule> {
        let found = self.entries.iter().find(|entry| entry.config.name == name);
        found.map(|entry| entry.module.as_ref())
    }

    /// The streams that need value heads, in the order of [`Mixed::streams`].
    pub fn streams(&self) -> Vec<StreamSpec> {
        let own = self.configs().filter(|config| config.mix == Mix::OwnValueHead);
        own.map(|config| StreamSpec {
            name: config.name.clone(),
            gamma: config.gamma,
            gae_lambda: config.gae_lambda,
            episodic: config.episodic,
        })
        .collect()
    }

    /// Shows a rollout of a random policy to the modules that asked for one.
    ///
    /// # Errors
    /// [`ShapingError::Rollout`] if a fact is missing; what the modules return.
    pub fn prime(&mut self, rollout: &Rollout, tensors: &TensorBatch<'_>) -> Result<(), ShapingError> {
        for entry in &mut self.entries {
            if entry.module.needs().prime_steps > 0 {
                check_rollout(entry, rollout, None)?;
                let context = &Context::default();
                entry.module.prime(&Batch {
                    rollout,
                    context,
                    tensors,
                })?;
            }
        }
        Ok(())
    }

    /// Episodes have begun in all envs: row 0 of `rollout` holds their first observations. Not to be called where a run is
    /// resumed in mid-episode.
    ///
    /// # Errors
    /// [`ShapingError::Rollout`] if a subscribed fact is missing or there are other actors than the stack was made for.
    pub fn begin(&mut self, rollout: &Rollout) -> Result<(), ShapingError> {
        for entry in &mut self.entries {
            check_rollout(entry, rollout, Some(self.actors))?;
            entry.module.begin(rollout);
        }
        Ok(())
    }

    /// Takes step `t` in, right after it was made.
    pub fn observe(&mut self, rollout: &Rollout, t: usize) {
        let k = rollout.actors();
        for entry in &mut self.entries {
            for column in &mut entry.context.columns {
                // Allocates at a stack's first step only: rollouts of a run have one length.
                column.resize(rollout.n_steps() * k, 0.0);
            }
            let mut rows: ArrayVec<&mut [f32], MAX_CONTEXT_COLUMNS> = entry
                .context
                .columns
                .iter_mut()
                .map(|column| &mut column[t * k..(t + 1) * k])
                .collect();
            entry.module.observe(rollout, t, &mut rows);
        }
    }

    /// Labels a full rollout, updates the normalisers with it, and mixes. `frames` is the run's count of env steps, which
    /// moves the schedules.
    ///
    /// # Errors
    /// [`ShapingError::NotFinite`] with the place of the first value that is no number; what the modules return.
    pub fn label(
        &mut self,
        rollout: &Rollout,
        tensors: &TensorBatch<'_>,
        frames: u64,
    ) -> Result<Mixed, ShapingError> {
        let raws = self.raw_channels(rollout, tensors)?;
        for (entry, raw) in self.entries.iter_mut().zip(&raws) {
            entry.normaliser.update(raw, rollout);
            if entry.module.relabel() == Relabel::Frozen {
                entry.frozen.clone_from(raw);
            }
        }
        Ok(self.mix_and_log(rollout, raws, frames))
    }

    /// The same by the statistics as they are: changes nothing. For probes and heatmaps.
    ///
    /// # Errors
    /// As [`Self::label`].
    pub fn peek(
        &self,
        rollout: &Rollout,
        tensors: &TensorBatch<'_>,
        frames: u64,
    ) -> Result<Mixed, ShapingError> {
        let raws = self.raw_channels(rollout, tensors)?;
        Ok(self.mix_and_log(rollout, raws, frames))
    }

    /// Lets every module train on the rollout just labelled; metrics are named `reward/<name>/<metric>`.
    ///
    /// # Errors
    /// What the modules return.
    pub fn learn(&mut self, rollout: &Rollout, tensors: &TensorBatch<'_>) -> Result<Metrics, ShapingError> {
        let mut all = Metrics::new();
        for entry in &mut self.entries {
            let metrics = entry.module.learn(&Batch {
                rollout,
                context: &entry.context,
                tensors,
            })?;
            let name = &entry.config.name;
            all.extend(
                metrics
                    .into_iter()
                    .map(|(key, value)| (format!("reward/{name}/{key}"), value)),
            );
        }
        Ok(all)
    }

    /// All modules and normalisers as bytes, to be taken between rollouts (after [`Self::learn`]).
    ///
    /// # Errors
    /// [`ShapingError::State`].
    pub fn save(&self) -> Result<Vec<u8>, ShapingError> {
        let mut entries = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            entries.push(SavedEntry {
                name: entry.config.name.clone(),
                kind: entry.config.kind.clone(),
                normaliser: entry.normaliser.clone(),
                module: entry.module.save()?,
            });
        }
        let saved = Saved {
            version: VERSION,
            entries,
        };
        postcard::to_stdvec(&saved).map_err(|error| state_error("stack", error.to_string()))
    }

    /// Takes the bytes of [`Self::save`] of a stack with the same configuration back. After an error the stack may hold
    /// parts of them and is to be dropped.
    ///
    /// # Errors
    /// [`ShapingError::State`] if they are damaged or of another stack.
    pub fn load(&mut self, bytes: &[u8]) -> Result<(), ShapingError> {
        let saved: Saved = postcard::from_bytes(bytes)
            .map_err(|error| state_error("stack", format!("is damaged or of another version ({error})")))?;
        if saved.version != VERSION {
            let reason = format!("has version {}, this is {VERSION}", saved.version);
            return Err(state_error("stack", reason));
        }
        let names = |list: Vec<(&str, &str)>| {
            list.iter()
                .map(|(n, k)| format!("{n} ({k})"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let there: Vec<_> = saved
            .entries
            .iter()
            .map(|e| (e.name.as_str(), e.kind.as_str()))
            .collect();
        let here: Vec<_> = self
            .configs()
            .map(|c| (c.name.as_str(), c.kind.as_str()))
            .collect();
        if there != here {
            let reason = format!(
                "is of the modules [{}], this stack has [{}]",
                names(there),
                names(here)
            );
            return Err(state_error("stack", reason));
        }
        for (entry, saved) in self.entries.iter_mut().zip(saved.entries) {
            if !entry.normaliser.is_like(&saved.normaliser) {
                let reason = "its normaliser has other settings or actors".to_owned();
                return Err(state_error(&entry.config.name, reason));
            }
            entry.module.load(&saved.module)?;
            entry.normaliser = saved.normaliser;
        }
        Ok(())
    }

    /// A copy for `actors` other actors: lifelong knowledge and statistics kept, episodic memory empty. What happens to the
    /// copy does not reach this stack.
    ///
    /// # Errors
    /// What the modules return.
    pub fn fork(&self, actors: usize) -> Result<Self, ShapingError> {
        let mut entries = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let module = entry.module.fork(actors)?;
            entries.push(Entry {
                config: entry.config.clone(),
                context: empty_context(module.as_ref()),
                frozen: Vec::new(),
                module,
                normaliser: entry.normaliser.fork(actors),
            });
        }
        Ok(Self {
            extrinsic: self.extrinsic.clone(),
            entries,
            actors,
        })
    }

    fn raw_channels(
        &self,
        rollout: &Rollout,
        tensors: &TensorBatch<'_>,
    ) -> Result<Vec<Vec<f32>>, ShapingError> {
        let size = rollout.n_steps() * rollout.actors();
        let mut raws = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            check_rollout(entry, rollout, None)?;
            if entry.context.columns.iter().any(|column| column.len() != size) {
                let reason = "was not observed from its first step to its last".to_owned();
                return Err(rollout_error(entry, reason));
            }
            let mut raw = vec![0.0; size];
            let batch = Batch {
                rollout,
                context: &entry.context,
                tensors,
            };
            entry.module.label(&batch, &mut raw)?;
            check_finite(entry, &raw, rollout.actors())?;
            raws.push(raw);
        }
        Ok(raws)
    }
}

fn make_entry(
    config: RewardConfig,
    registry: &ModuleRegistry,
    init: &StackInit<'_>,
) -> Result<Entry, ShapingError> {
    let table = toml::Table::from_iter([("kind".to_owned(), toml::Value::String(config.kind.clone()))]);
    let kind = registry.find(config.index, &table)?;
    let module_init = ModuleInit {
        index: config.index,
        name: &config.name,
        spec: init.spec,
        actors: init.actors,
        seed: init.seed,
        gamma: config.channel_gamma,
        device: init.device,
    };
    let module = kind.build(&module_init, &config.settings)?;
    let normaliser = Normaliser::new(
        config.normalise,
        config.gamma,
        config.episodic,
        config.normalise_momentum,
        init.actors,
    );
    Ok(Entry {
        context: empty_context(module.as_ref()),
        frozen: Vec::new(),
        config,
        module,
        normaliser,
    })
}

fn empty_context(module: &dyn RewardModule) -> Context {
    let columns = module
        .context_columns()
        .iter()
        .take(MAX_CONTEXT_COLUMNS)
        .map(|_| Vec::new())
        .collect();
    Context { columns }
}

fn check_facts(entry: &Entry, spec: &EnvSpec) -> Result<(), ShapingError> {
    for fact in entry.module.needs().facts {
        let names = || spec.facts.iter().map(|fact| fact.field.name.as_str());
        if !names().any(|name| name == fact) {
            return Err(ShapingError::Needs {
                module: entry.config.name.clone(),
                what: format!("the fact `{fact}`"),
                env: spec.id.clone(),
                remedy: format!(
                    "it publishes {}{}",
                    names().collect::<Vec<_>>().join(", "),
                    hint(&fact, names())
                ),
            });
        }
    }
    Ok(())
}

fn check_rollout(entry: &Entry, rollout: &Rollout, actors: Option<usize>) -> Result<(), ShapingError> {
    let layout = rollout.layout();
    let needs = entry.module.needs();
    if let Some(name) = needs
        .observations
        .iter()
        .find(|name| layout.component(name).is_none())
    {
        return Err(rollout_error(
            entry,
            format!("has no observation component `{name}`"),
        ));
    }
    for fact in needs.facts {
        if layout.state_fact(&fact).is_none() && layout.event_fact(&fact).is_none() {
            let reason = format!("holds no fact `{fact}`; subscribe to RewardStack::needs().facts");
            return Err(rollout_error(entry, reason));
        }
    }
    match actors {
        Some(want) if want != layout.actors() => {
            let reason = format!("has {} actors, the stack was made for {want}", layout.actors());
            Err(rollout_error(entry, reason))
        }
        _ => Ok(()),
    }
}

fn rollout_error(entry: &Entry, reason: String) -> ShapingError {
    ShapingError::Rollout {
        module: entry.config.name.clone(),
        reason,
    }
}

fn state_error(module: &str, reason: String) -> ShapingError {
    ShapingError::State {
        module: module.to_owned(),
        reason,
    }
}

fn check_finite(entry: &Entry, raw: &[f32], actors: usize) -> Result<(), ShapingError> {
    match raw.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(at) => Err(ShapingError::NotFinite {
            module: entry.config.name.clone(),
            what: "reward",
            value: raw[at],
            step: at / actors,
            actor: at % actors,
        }),
    }
}
