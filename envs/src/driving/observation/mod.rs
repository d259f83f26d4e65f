//! What agents see: one file per type of observation of highway-env.
//!
//! A new type implements [`Observer`] in a file of its own and gets an arm in [`read`].

mod kinematics;

use std::fmt::Debug;

use prospect_sim::{Field, FieldsMut};

pub use kinematics::Kinematics;

use super::scene::View;
use crate::options::OptionReader;
use crate::registry::RegistryError;

/// Buffers of observers; no state.
#[derive(Debug, Clone, Default)]
pub struct ObserverScratch {
    /// Things with a key by which they are sorted.
    pub keyed: Vec<(f64, u32)>,
    /// Numbers.
    pub numbers: Vec<f64>,
}

/// A type of observation, configured.
pub trait Observer: Debug + Send + Sync {
    /// The observation's components.
    fn fields(&self) -> Vec<Field>;

    /// Writes what `agent` sees into the entries of `actor`: in component `c`, `width` values from `actor * width` on. To
    /// look must not change anything: it happens more than once for some states.
    fn observe(
        &self,
        view: &View<'_>,
        agent: usize,
        scratch: &mut ObserverScratch,
        out: &mut FieldsMut<'_>,
        actor: usize,
    );
}

/// The observer of a type's name.
fn read_type(name: &str, options: &mut OptionReader<'_>) -> Result<Box<dyn Observer>, RegistryError> {
    // Types other than the default one get their arms before it.
    debug_assert_eq!(name, "Kinematics");
    Ok(Box::new(Kinematics::read(options)?))
}

/// The observer that the option `observation` describes, as highway-env's configuration writes it; `default` without it.
///
/// # Errors
/// [`RegistryError`] for types and options that are unknown.
pub fn read(
    options: &mut OptionReader<'_>,
    default: Box<dyn Observer>,
) -> Result<Box<dyn Observer>, RegistryError> {
    const TYPES: [&str; 2] = ["Kinematics", "MultiAgentObservation"];
    let Some(mut own) = options.nested("observation")? else {
        return Ok(default);
    };
    let mut name = own.choice("type", "Kinematics", &TYPES)?;
    if name == "MultiAgentObservation" {
        // Every agent sees by the same configuration; agents are actors of their own here.
        let inner = own.nested("observation_config")?;
        own.finish()?;
        let Some(inner) = inner else {
            return Ok(default);
        };
        own = inner;
        name = own.choice("type", "Kinematics", &TYPES[..1])?;
    }
    let observer = read_type(name, &mut own)?;
    own.finish()?;
    Ok(observer)
}
