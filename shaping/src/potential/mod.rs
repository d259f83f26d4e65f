//! Potentials: shaping that leaves the best policy as it is.

pub mod from_fact;

pub use from_fact::{Better, Potential, PotentialSettings};

use crate::registry::ModuleKind;

/// The kinds in this folder.
pub(crate) fn kinds() -> Vec<ModuleKind> {
    vec![from_fact::kind()]
}
