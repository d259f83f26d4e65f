//! Curiosity: rewards for what is new, rare or badly predicted.

pub mod count;
mod distillation;
pub mod episodic;
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
pub use episodic::EpisodicBonus;
pub use icm::{Icm, IcmSettings};
pub use input::EncoderKind;
pub use noveld::{NovelD, NovelDSettings};
pub use rnd::{Rnd, RndSettings};

use crate::registry::ModuleKind;

/// The kinds in this folder.
pub(crate) fn kinds() -> Vec<ModuleKind> {
    vec![
        count::kind(),
        episodic::episodic_count(),
        episodic::first_visit(),
        rnd::kind(),
        icm::kind(),
        noveld::kind(),
    ]
}

/// `1 / sqrt(visits)`; 0 where nothing was counted.
fn inverse_root(visits: f32) -> f32 {
    if visits > 0.0 { 1.0 / visits.sqrt() } else { 0.0 }
}
