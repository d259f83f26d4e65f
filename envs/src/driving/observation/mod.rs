//! What agents see: one file per type of observation of highway-env.
//!
//! A new type implements [`Observer`] in a file of its own and gets an arm in [`read`].

mod exit;
mod grayscale;
mod kinematics;
mod time_to_collision;

use std::fmt::Debug;

use prospect_sim::{Field, FieldsMut};

pub use exit::ExitObservation;
pub use grayscale::Grayscale;
pub use kinematics::{Feature, Kinematics, square_ranges};
pub use time_to_collision::TimeToCollision;

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
    /// Tells how many steps there are per s; called before anything else.
    fn set_policy_frequency(&mut self, policy_frequency: usize) {
        let _ = policy_frequency;
    }

    /// True if it is about the target speeds of meta-actions, so that other actions do not do.
    fn needs_target_speeds(&self) -> bool {
        false
    }

    /// The observation's components.
    fn fields(&self) -> Vec<Field>;

    /// Pictures in the stack of an agent, and bytes of a picture, if it sees pictures; [`Self::picture`] draws them.
    fn stack(&self) -> Option<[usize; 2]> {
        None
    }

    /// Draws what `agent` sees now, the newest picture of its stack. The env calls it once at the start of an episode and after
    /// each step; [`View::pictures`] has the stacks.
    fn picture(&self, view: &View<'_>, agent: usize, out: &mut [u8]) {
        let _ = (view, agent, out);
    }

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
    Ok(match name {
        "ExitObservation" => Box::new(ExitObservation::read(options)?),
        "GrayscaleObservation" => Box::new(Grayscale::read(options)?),
        "TimeToCollision" => Box::new(TimeToCollision::read(options)?),
        _ => Box::new(Kinematics::read(options)?),
    })
}

/// The observer that the option `observation` describes, as highway-env's configuration writes it; `default` without it.
///
/// # Errors
/// [`RegistryError`] for types and options that are unknown.
pub fn read(
    options: &mut OptionReader<'_>,
    default: Box<dyn Observer>,
) -> Result<Box<dyn Observer>, RegistryError> {
    const TYPES: [&str; 5] = [
        "Kinematics",
        "ExitObservation",
        "GrayscaleObservation",
        "TimeToCollision",
        "MultiAgentObservation",
    ];
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
        name = own.choice("type", "Kinematics", &TYPES[..TYPES.len() - 1])?;
    }
    let observer = read_type(name, &mut own)?;
    own.finish()?;
    Ok(observer)
}
