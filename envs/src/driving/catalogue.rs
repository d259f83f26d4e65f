//! The ids of driving tasks, as highway-env names them, and their sparse variants.

use std::sync::Arc;

use prospect_sim::Env;

use super::env::{DrivingEnv, Title};
use super::settings::{Defaults, Payment, Settings};
use super::task::Task;
use super::tasks::{Highway, LaneKeeping, Parking, ParkingDefaults, Racetrack, Track};
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
    read: fn(&mut OptionReader<'_>) -> Result<T, RegistryError>,
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
                reader.finish()?;
                let title = Title {
                    id,
                    family: entry.family,
                    doc,
                };
                Ok(Arc::new(DrivingEnv::new(title, task, settings)))
            },
        )
    })
}

/// One entry of the registry per id.
pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
    let highway = |id, doc| Entry {
        id,
        family: "Highway",
        doc,
        sparse: "to last until the time is up without a crash at a mean speed of 25 m/s or more",
    };
    let fast = || Defaults {
        simulation_frequency: 5,
        ..Defaults::default()
    };
    [
        pair(
            highway(
                "highway-v0",
                "Drive fast on a highway, keep to the right, and hit nobody.",
            ),
            Defaults::default,
            |options| Highway::read(options, false),
        ),
        pair(
            highway(
                "highway-fast-v0",
                "The same on three lanes with less traffic and five substeps per step.",
            ),
            fast,
            |options| Highway::read(options, true),
        ),
    ]
    .into_iter()
    .flatten()
    .chain(parking())
    .chain(racetracks())
    .chain(lane_keeping())
}

fn parking() -> impl Iterator<Item = TaskEntry> {
    let parking = |id, doc| Entry {
        id,
        family: "Parking",
        doc,
        sparse: "to stand in the spot",
    };
    let often = || Parking::defaults(5);
    [
        pair(
            parking("parking-v0", "Park a car in a given spot, in a given direction."),
            often,
            |options| Parking::read(options, ParkingDefaults::default()),
        ),
        pair(
            parking(
                "parking-ActionRepeat-v0",
                "Park a car in a given spot with one action per second.",
            ),
            || Parking::defaults(1),
            |options| {
                Parking::read(
                    options,
                    ParkingDefaults {
                        duration: 20.0,
                        vehicles_count: 0,
                    },
                )
            },
        ),
        pair(
            parking(
                "parking-parked-v0",
                "Park a car in a given spot between parked cars.",
            ),
            often,
            |options| {
                Parking::read(
                    options,
                    ParkingDefaults {
                        vehicles_count: 10,
                        ..ParkingDefaults::default()
                    },
                )
            },
        ),
    ]
    .into_iter()
    .flatten()
}

fn racetracks() -> impl Iterator<Item = TaskEntry> {
    let racetrack = |id| Entry {
        id,
        family: "Racetrack",
        doc: "Steer a car along a circuit without hitting those in front.",
        sparse: "to complete a lap",
    };
    let own_lane = || Racetrack::defaults(false);
    let connected = || Racetrack::defaults(true);
    let small = |options: &mut OptionReader<'_>| Racetrack::read(options, Track::Small);
    let large = |options: &mut OptionReader<'_>| Racetrack::read(options, Track::Large);
    let oval = |options: &mut OptionReader<'_>| Racetrack::read(options, Track::Oval);
    [
        pair(racetrack("racetrack-v0"), own_lane, small),
        pair(racetrack("racetrack-v1"), connected, small),
        pair(racetrack("racetrack-large-v0"), own_lane, large),
        pair(racetrack("racetrack-large-v1"), connected, large),
        pair(racetrack("racetrack-oval-v0"), own_lane, oval),
        pair(racetrack("racetrack-oval-v1"), connected, oval),
    ]
    .into_iter()
    .flatten()
}

fn lane_keeping() -> impl Iterator<Item = TaskEntry> {
    let entry = Entry {
        id: "lane-keeping-v0",
        family: "LaneKeeping",
        doc: "Steer a car with slipping tyres onto a winding lane and along it, through noise.",
        sparse: "to be on a lane after every step until the time is up",
    };
    pair(entry, LaneKeeping::defaults, LaneKeeping::read).into_iter()
}
