//! The ids of driving tasks, as highway-env names them, and their sparse variants.

use std::sync::Arc;

use prospect_sim::Env;

use super::action::{ActionType, Controls};
use super::env::{DrivingEnv, Title};
use super::observation::{Kinematics, square_ranges};
use super::rewarded::{Rewarded, Way};
use super::settings::{Defaults, Payment, Settings};
use super::state::form::SceneForm;
use super::task::Task;
use super::tasks::{self, Highway, MapRoute, Preset};
use crate::options::{OptionReader, Options};
use crate::registry::{RegistryError, TaskEntry};

/// What an entry's id is and what it says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// The id of highway-env.
    pub(super) id: &'static str,
    /// The family.
    pub(super) family: &'static str,
    /// One line on the task.
    pub(super) doc: &'static str,
    /// What the sparse variant pays 1 for; every other reward is 0.
    pub(super) sparse: &'static str,
}

/// An id and its sparse variant, whose id is the same with `-Sparse` before the version.
pub(super) fn pair<T: Task>(
    entry: Entry,
    defaults: fn() -> Defaults,
    read: impl Fn(&mut OptionReader<'_>) -> Result<T, RegistryError> + Copy + Send + Sync + 'static,
) -> [TaskEntry; 2] {
    [Payment::Shaped, Payment::Sparse].map(|payment| {
        let (id, doc) = match payment {
            Payment::Shaped => (entry.id.to_owned(), entry.doc.to_owned()),
            Payment::Sparse => {
                let (name, version) = entry.id.rsplit_once('-').unwrap_or((entry.id, "v0"));
                let doc = format!("{} Pays 1 for this alone: {}.", entry.doc, entry.sparse);
                (format!("{name}-Sparse-{version}"), doc)
            }
        };
        let own = (id.clone(), doc.clone());
        TaskEntry::new(
            &id,
            entry.family,
            &doc,
            move |options: &Options| -> Result<Arc<dyn Env>, RegistryError> {
                let (id, doc) = &own;
                let mut reader = OptionReader::new(id, options);
                let defaults = Defaults {
                    payment,
                    ..defaults()
                };
                let settings = Settings::read(&mut reader, defaults)?;
                let task = read(&mut reader)?;
                let start = reader.raw("reset_state");
                reader.finish()?;
                let title = Title {
                    id,
                    family: entry.family,
                    doc,
                };
                let env = DrivingEnv::new(title, task, settings);
                let Some(start) = start else {
                    return Ok(Arc::new(env));
                };
                let start = SceneForm::from_json(start).and_then(|scene| env.starting_from(scene));
                let refuse = |error| RegistryError::ResetState {
                    id: id.clone(),
                    error,
                };
                Ok(Arc::new(start.map_err(refuse)?))
            },
        )
    })
}

/// As [`pair`], of a task that can be paid by other rewards than its own, by the option `reward`.
pub(super) fn paid_pair<T: Way>(
    entry: Entry,
    defaults: fn() -> Defaults,
    read: impl Fn(&mut OptionReader<'_>) -> Result<T, RegistryError> + Copy + Send + Sync + 'static,
) -> [TaskEntry; 2] {
    pair(entry, defaults, move |options: &mut OptionReader<'_>| {
        Rewarded::read(options, read)
    })
}

/// One entry of the registry per id.
pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
    let highway = |id, doc| Entry {
        id,
        family: "Highway",
        doc,
        sparse: "to last until the time is up without a crash at a mean speed of 24 m/s or more",
    };
    let fast = || Defaults {
        simulation_frequency: 5,
        ..Defaults::default()
    };
    let heterogeneous = || Defaults {
        simulation_frequency: 5,
        agents: 5,
        observation: Box::new(Kinematics {
            vehicles_count: 15,
            features_range: square_ranges(100.0, 20.0),
            ..Kinematics::default()
        }),
        ..Defaults::default()
    };
    [
        paid_pair(
            highway(
                "highway-v0",
                "Drive fast on a highway, keep to the right, and hit nobody.",
            ),
            Defaults::default,
            |options: &mut OptionReader<'_>| Highway::read(options, Preset::USUAL),
        ),
        paid_pair(
            highway(
                "highway-fast-v0",
                "The same on three lanes with less traffic and five substeps per step.",
            ),
            fast,
            |options: &mut OptionReader<'_>| Highway::read(options, Preset::FAST),
        ),
        paid_pair(
            highway(
                "highway-heterogeneous-v0",
                "Five agents on eight lanes among normal, aggressive and conservative drivers.",
            ),
            heterogeneous,
            |options: &mut OptionReader<'_>| Highway::read(options, Preset::HETEROGENEOUS),
        ),
    ]
    .into_iter()
    .flatten()
    .chain(tasks::Merge::entries())
    .chain(tasks::Roundabout::entries())
    .chain(tasks::Intersection::entries())
    .chain(tasks::Exit::entries())
    .chain(tasks::TwoWay::entries())
    .chain(tasks::UTurn::entries())
    .chain(tasks::Parking::entries())
    .chain(tasks::Racetrack::entries())
    .chain(tasks::LaneKeeping::entries())
    .chain(map_routes())
}

/// Routes on maps of real roads. They are not of highway-env, and are paid by CaRL's reward.
fn map_routes() -> impl Iterator<Item = TaskEntry> {
    let defaults = || Defaults {
        policy_frequency: 5,
        connected_lanes: true,
        regulated: true,
        action: ActionType::Continuous(Controls::default()),
        ..Defaults::default()
    };
    let entry = Entry {
        id: "map-route-v0",
        family: "Map",
        doc: "Drive to a place on a map of real roads (OpenDRIVE), in traffic.",
        sparse: "to reach the destination",
    };
    pair(entry, defaults, |options: &mut OptionReader<'_>| {
        Rewarded::read_carl(options, MapRoute::read)
    })
    .into_iter()
}
