//! Curiosity: rewards for what is new, rare or badly predicted.

pub mod count;
mod distillation;
pub mod episodic_count;
pub mod first_visit;
#[cfg(test)]
mod golden;
pub mod icm;
mod input;
mod key;
pub mod noveld;
pub mod rnd;
mod table;
mod training;
mod visits;

pub use count::{Count, CountSettings};
pub use episodic_count::EpisodicCount;
pub use first_visit::FirstVisit;
pub use icm::{Icm, IcmSettings};
pub use input::EncoderKind;
pub use noveld::{NovelD, NovelDSettings};
pub use rnd::{Rnd, RndSettings};

use crate::{module::Batch, registry::ModuleKind};

/// The kinds in this folder.
pub(crate) fn kinds() -> Vec<ModuleKind> {
    vec![
        count::kind(),
        episodic_count::kind(),
        first_visit::kind(),
        rnd::kind(),
        icm::kind(),
        noveld::kind(),
    ]
}

/// `1 / sqrt(n)` of the counts in the first context column, 0 where nothing was counted.
fn inverse_root(batch: &Batch<'_>, out: &mut [f32]) {
    let counts = batch.context.columns.iter().flatten();
    for (out, n) in out.iter_mut().zip(counts) {
        *out = if *n > 0.0 { 1.0 / n.sqrt() } else { 0.0 };
    }
}
