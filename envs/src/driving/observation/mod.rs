//! What agents see: one file per type of observation of highway-env.
//!
//! A new type implements [`Observer`] in a file of its own and gets an arm in [`read`].

mod attributes;
mod exit;
mod goal;
mod grayscale;
mod kinematics;
mod lidar;
mod occupancy;
mod time_to_collision;
mod tuple;

use std::fmt::Debug;

use prospect_sim::{Field, FieldsMut};

pub use attributes::{Attribute, Attributes};
pub use exit::ExitObservation;
pub use goal::KinematicsGoal;
pub use grayscale::Grayscale;
pub use kinematics::{Feature, Kinematics, square_ranges};
pub use lidar::Lidar;
pub use occupancy::{Layer, OccupancyGrid};
pub use time_to_collision::TimeToCollision;
pub use tuple::Tuple;

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

    /// What it shows of a task's measurements, in order; see [`Task::measure`](super::Task::measure).
    fn attributes(&self) -> &[Attribute] {
        &[]
    }

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

/// Types of observation of one agent; the last two cannot be parts of a tuple.
const TYPES: [&str; 9] = [
    "Kinematics",
    "ExitObservation",
    "TimeToCollision",
    "KinematicsGoal",
    "OccupancyGrid",
    "LidarObservation",
    "AttributesObservation",
    "GrayscaleObservation",
    "TupleObservation",
];

/// The observer that the option `observation` describes, as highway-env's configuration writes it; `default` without it.
///
/// # Errors
/// [`RegistryError`] for types and options that are unknown.
pub fn read(
    options: &mut OptionReader<'_>,
    default: Box<dyn Observer>,
) -> Result<Box<dyn Observer>, RegistryError> {
    let Some(mut own) = options.nested("observation")? else {
        return Ok(default);
    };
    if own.raw("type").and_then(|name| name.as_str()) == Some("MultiAgentObservation") {
        // Every agent sees by the same configuration; agents are actors of their own here.
        let inner = own.nested("observation_config")?;
        own.finish()?;
        let Some(inner) = inner else {
            return Ok(default);
        };
        own = inner;
    }
    read_type(own, &*default, &TYPES)
}

/// The observer of one agent of one of these types.
fn read_type(
    mut options: OptionReader<'_>,
    default: &dyn Observer,
    types: &[&'static str],
) -> Result<Box<dyn Observer>, RegistryError> {
    let observer: Box<dyn Observer> = match options.choice("type", "Kinematics", types)? {
        "KinematicsGoal" => Box::new(KinematicsGoal::read(&mut options)?),
        "ExitObservation" => Box::new(ExitObservation::read(&mut options)?),
        "TimeToCollision" => Box::new(TimeToCollision::read(&mut options)?),
        "OccupancyGrid" => Box::new(OccupancyGrid::read(&mut options)?),
        "GrayscaleObservation" => Box::new(Grayscale::read(&mut options)?),
        "LidarObservation" => Box::new(Lidar::read(&mut options)?),
        "AttributesObservation" if default.attributes().is_empty() => {
            return Err(options.refuse("type", "another type: this task measures no attributes"));
        }
        "AttributesObservation" => Box::new(Attributes::read(&mut options)?),
        "TupleObservation" => {
            let parts = options.nested_list("observation_configs")?.into_iter();
            // A tuple in a tuple would only be a longer tuple; stacks of pictures are kept for whole observations.
            let observers: Result<Vec<_>, _> = parts
                .map(|part| read_type(part, default, &TYPES[..TYPES.len() - 2]))
                .collect();
            Box::new(Tuple::new(observers?))
        }
        _ => Box::new(Kinematics::read(&mut options)?),
    };
    options.finish()?;
    Ok(observer)
}
