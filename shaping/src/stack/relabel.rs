//! Rewards of old data: which columns a replay stores beside each step, and how rewards are found again from them.

use prospect_nets::TensorBatch;
use prospect_sim::Rollout;

use super::{Entry, RewardStack, check_finite, check_rollout, rollout_error};
use crate::{
    config::{Mix, place},
    error::ShapingError,
    mixed::Mixed,
    module::{Batch, Context, Relabel},
};

impl Entry {
    /// The columns that a replay stores for it: its context, and its label if that is not to be made again.
    fn stored(&self) -> impl Iterator<Item = &[f32]> {
        let label = (self.module.relabel() == Relabel::Frozen).then_some(&self.frozen);
        self.context.columns.iter().chain(label).map(Vec::as_slice)
    }
}

impl RewardStack {
    /// The names of the columns that a replay stores beside each step, in their order: per module `<module>/<column>` for
    /// each column of its context, and `label/<module>` where it declares [`Relabel::Frozen`].
    pub fn context_columns(&self) -> Vec<String> {
        let mut names = Vec::new();
        for entry in &self.entries {
            let module = &entry.config.name;
            let own = entry.module.context_columns();
            names.extend(
                own.iter()
                    .take(entry.context.columns.len())
                    .map(|column| format!("{module}/{column}")),
            );
            if entry.module.relabel() == Relabel::Frozen {
                names.push(format!("label/{module}"));
            }
        }
        names
    }

    /// Column `i` of [`Self::context_columns`] in the rollout labelled last, `[T, K]`; empty if there is none.
    pub fn context_column(&self, i: usize) -> &[f32] {
        self.entries
            .iter()
            .flat_map(Entry::stored)
            .nth(i)
            .unwrap_or_default()
    }

    /// The rewards of stored steps as they are today, by the statistics as they are: changes nothing. `contexts` holds the
    /// columns of [`Self::context_columns`] that were stored with the steps, `[T, K]` each.
    ///
    /// Modules that declare [`Relabel::Exact`] or [`Relabel::FromContext`] label the rollout, with the stored context for
    /// theirs; the labels of [`Relabel::Frozen`] ones are the stored ones. Steps with `alive = false` have reward 0 from every
    /// module. The normalisers `min_max` and `standardise` work as in [`Self::label`]: the former spans the given rollout.
    /// [`Mixed::metrics`] is left empty.
    ///
    /// # Errors
    /// [`ShapingError::Rollout`] for other columns than the stack's, [`ShapingError::NotFinite`], and what the modules
    /// return.
    pub fn relabel(
        &self,
        rollout: &Rollout,
        contexts: &[Vec<f32>],
        tensors: &TensorBatch<'_>,
        frames: u64,
    ) -> Result<Mixed, ShapingError> {
        let size = rollout.n_steps() * rollout.actors();
        let columns: usize = self.entries.iter().map(|entry| entry.stored().count()).sum();
        if contexts.len() != columns || contexts.iter().any(|column| column.len() != size) {
            return Err(ShapingError::Rollout {
                module: "stack".to_owned(),
                reason: format!("comes without the {columns} columns of context that belong to it"),
            });
        }
        let mut rest = contexts;
        let mut raws = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let (stored, after) = rest.split_at(entry.stored().count());
            rest = after;
            let mut raw = raw_again(entry, rollout, stored, tensors)?;
            let dead = raw.iter_mut().zip(rollout.alive()).filter(|(_, alive)| !**alive);
            dead.for_each(|(raw, _)| *raw = 0.0);
            check_finite(entry, &raw, rollout.actors())?;
            raws.push(raw);
        }
        Ok(self.mix(rollout, raws, frames))
    }

    /// Refuses modules that are not simply added to the task's reward, which is all that a learner without value heads and
    /// advantages of its own can use.
    ///
    /// # Errors
    /// [`ShapingError::Config`] naming the first such module.
    pub fn only_adds(&self) -> Result<(), ShapingError> {
        let Some(config) = self.configs().find(|config| config.mix != Mix::Add) else {
            return Ok(());
        };
        let mix = match config.mix {
            Mix::Add => "add",
            Mix::OwnValueHead => "own_value_head",
            Mix::Advantage => "advantage",
        };
        Err(ShapingError::Config {
            key: place(config.index, "mix"),
            reason: format!(
                "reward `{}` is mixed as \"{mix}\", which a learner of action values cannot do; set mix = \"add\"",
                config.name
            ),
        })
    }
}

fn raw_again(
    entry: &Entry,
    rollout: &Rollout,
    stored: &[Vec<f32>],
    tensors: &TensorBatch<'_>,
) -> Result<Vec<f32>, ShapingError> {
    check_rollout(entry, rollout, None)?;
    let (own, label) = stored.split_at(entry.context.columns.len());
    if entry.module.relabel() == Relabel::Frozen {
        let Some(label) = label.first() else {
            return Err(rollout_error(
                entry,
                "comes without the label that was stored".to_owned(),
            ));
        };
        return Ok(label.clone());
    }
    let context = &Context {
        columns: own.to_vec(),
    };
    let mut raw = vec![0.0; rollout.n_steps() * rollout.actors()];
    let batch = Batch {
        rollout,
        context,
        tensors,
    };
    entry.module.label(&batch, &mut raw)?;
    Ok(raw)
}
