//! The gridworld ids: `MiniGrid`'s own, and ours over the same parameters.

use std::sync::Arc;

use prospect_sim::Env;

use super::env::{Gridworld, Settings};
use super::levels::crossing::{self, Crossing};
use super::levels::doorkey::DoorKey;
use super::levels::empty::Empty;
use super::levels::fourrooms::FourRooms;
use super::levels::keycorridor::KeyCorridor;
use super::levels::lavagap::LavaGap;
use super::levels::memory::Memory;
use super::levels::multiroom::{self, MultiRoom};
use super::levels::unlock::{Unlock, Variant};
use super::levels::{Level, roomgrid};
use super::view::VIEW;
use crate::options::{OptionReader, Options};
use crate::registry::{RegistryError, TaskEntry};

/// The largest side of a grid that options may ask for.
const MAX_SIDE: usize = 99;

/// A family with the parameters of an id.
#[derive(Debug, Clone)]
enum Preset {
    Empty(Empty),
    DoorKey(DoorKey),
    FourRooms(FourRooms),
    MultiRoom(MultiRoom),
    KeyCorridor(KeyCorridor),
    Unlock(Unlock),
    LavaGap(LavaGap),
    Crossing(Crossing),
    Memory(Memory),
}

const fn empty(size: usize, random_start: bool) -> Preset {
    Preset::Empty(Empty { size, random_start })
}

const fn crossing(size: usize, n_crossings: usize, lava: bool) -> Preset {
    Preset::Crossing(Crossing {
        size,
        n_crossings,
        lava,
    })
}

const fn corridor(room_size: usize, n_rows: usize) -> Preset {
    Preset::KeyCorridor(KeyCorridor { room_size, n_rows })
}

const fn memory(size: usize, random_length: bool) -> Preset {
    Preset::Memory(Memory { size, random_length })
}

const fn rooms(n: usize, max_room_size: usize) -> Preset {
    Preset::MultiRoom(MultiRoom::of(n, max_room_size))
}

const fn unlock(variant: Variant) -> Preset {
    Preset::Unlock(Unlock::of(variant))
}

/// Every id (without its `MiniGrid-` prefix) with its parameters.
fn presets() -> Vec<(&'static str, Preset)> {
    vec![
        ("Empty-5x5-v0", empty(5, false)),
        ("Empty-6x6-v0", empty(6, false)),
        ("Empty-8x8-v0", empty(8, false)),
        ("Empty-16x16-v0", empty(16, false)),
        ("Empty-Random-5x5-v0", empty(5, true)),
        ("Empty-Random-6x6-v0", empty(6, true)),
        ("DoorKey-5x5-v0", Preset::DoorKey(DoorKey { size: 5 })),
        ("DoorKey-6x6-v0", Preset::DoorKey(DoorKey { size: 6 })),
        ("DoorKey-8x8-v0", Preset::DoorKey(DoorKey { size: 8 })),
        ("DoorKey-16x16-v0", Preset::DoorKey(DoorKey { size: 16 })),
        ("FourRooms-v0", Preset::FourRooms(FourRooms)),
        ("MultiRoom-N2-S4-v0", rooms(2, 4)),
        // Upstream keeps this id's six rooms for compatibility; v1 has four.
        ("MultiRoom-N4-S5-v0", rooms(6, 5)),
        ("MultiRoom-N4-S5-v1", rooms(4, 5)),
        ("MultiRoom-N6-v0", rooms(6, 10)),
        ("MultiRoom-N7-S4-v0", rooms(7, 4)),
        ("MultiRoom-N7-S8-v0", rooms(7, 8)),
        ("MultiRoom-N10-S4-v0", rooms(10, 4)),
        ("MultiRoom-N10-S10-v0", rooms(10, 10)),
        ("MultiRoom-N12-S10-v0", rooms(12, 10)),
        ("KeyCorridorS3R1-v0", corridor(3, 1)),
        ("KeyCorridorS3R2-v0", corridor(3, 2)),
        ("KeyCorridorS3R3-v0", corridor(3, 3)),
        ("KeyCorridorS4R3-v0", corridor(4, 3)),
        ("KeyCorridorS5R3-v0", corridor(5, 3)),
        ("KeyCorridorS6R3-v0", corridor(6, 3)),
        ("Unlock-v0", unlock(Variant::Unlock)),
        ("UnlockPickup-v0", unlock(Variant::UnlockPickup)),
        ("BlockedUnlockPickup-v0", unlock(Variant::BlockedUnlockPickup)),
        ("LavaGapS5-v0", Preset::LavaGap(LavaGap { size: 5 })),
        ("LavaGapS6-v0", Preset::LavaGap(LavaGap { size: 6 })),
        ("LavaGapS7-v0", Preset::LavaGap(LavaGap { size: 7 })),
        ("LavaCrossingS9N1-v0", crossing(9, 1, true)),
        ("LavaCrossingS9N2-v0", crossing(9, 2, true)),
        ("LavaCrossingS9N3-v0", crossing(9, 3, true)),
        ("LavaCrossingS11N5-v0", crossing(11, 5, true)),
        ("SimpleCrossingS9N1-v0", crossing(9, 1, false)),
        ("SimpleCrossingS9N2-v0", crossing(9, 2, false)),
        ("SimpleCrossingS9N3-v0", crossing(9, 3, false)),
        ("SimpleCrossingS11N5-v0", crossing(11, 5, false)),
        ("MemoryS7-v0", memory(7, false)),
        ("MemoryS9-v0", memory(9, false)),
        ("MemoryS11-v0", memory(11, false)),
        ("MemoryS13-v0", memory(13, false)),
        ("MemoryS13Random-v0", memory(13, true)),
        ("MemoryS17Random-v0", memory(17, true)),
    ]
}

impl Preset {
    fn family(&self) -> &'static str {
        match self {
            Self::Empty(level) if level.random_start => "Empty-Random",
            Self::Empty(_) => "Empty",
            Self::DoorKey(_) => "DoorKey",
            Self::FourRooms(_) => "FourRooms",
            Self::MultiRoom(_) => "MultiRoom",
            Self::KeyCorridor(_) => "KeyCorridor",
            Self::Unlock(level) => match level.variant {
                Variant::Unlock => "Unlock",
                Variant::UnlockPickup => "UnlockPickup",
                Variant::BlockedUnlockPickup => "BlockedUnlockPickup",
            },
            Self::LavaGap(_) => "LavaGap",
            Self::Crossing(level) if level.lava => "LavaCrossing",
            Self::Crossing(_) => "SimpleCrossing",
            Self::Memory(_) => "Memory",
        }
    }

    fn doc(&self) -> &'static str {
        match self {
            Self::Empty(_) => "Walk to the goal in the corner of an empty room.",
            Self::DoorKey(_) => "Fetch the key, unlock the door, walk to the goal.",
            Self::FourRooms(_) => "Walk to the goal, anywhere in four rooms joined by gaps.",
            Self::MultiRoom(_) => {
                "Walk through a chain of rooms with closed doors to the goal in the last one."
            }
            Self::KeyCorridor(_) => "Search side rooms for a key, unlock the locked room, take the ball.",
            Self::Unlock(level) => match level.variant {
                Variant::Unlock => "Fetch the key and open the locked door.",
                Variant::UnlockPickup => "Fetch the key, open the locked door, take the box behind it.",
                Variant::BlockedUnlockPickup => {
                    "Clear the ball from the door, fetch the key, open the door, take the box behind it."
                }
            },
            Self::LavaGap(_) => "Walk to the goal through the gap in a column of lava.",
            Self::Crossing(level) if level.lava => "Walk to the goal through the gaps in rivers of lava.",
            Self::Crossing(_) => "Walk to the goal through the gaps in walls.",
            Self::Memory(_) => "See an object, walk down the hallway, turn to the object that matches.",
        }
    }

    /// The level with the changes that options ask for.
    fn level(&self, options: &mut OptionReader<'_>) -> Result<Arc<dyn Level>, RegistryError> {
        Ok(match self.clone() {
            Self::Empty(level) => Arc::new(Empty {
                size: options.integer("size", level.size, 4..=MAX_SIDE)?,
                random_start: options.flag("random_start", level.random_start)?,
            }),
            Self::DoorKey(level) => Arc::new(DoorKey {
                size: options.integer("size", level.size, 5..=MAX_SIDE)?,
            }),
            Self::FourRooms(level) => Arc::new(level),
            Self::MultiRoom(level) => Arc::new(multiroom_level(&level, options)?),
            Self::KeyCorridor(level) => Arc::new(KeyCorridor {
                room_size: options.integer("room_size", level.room_size, 3..=33)?,
                n_rows: options.integer("n_rows", level.n_rows, 1..=roomgrid::MAX_ROOMS / 3)?,
            }),
            Self::Unlock(level) => Arc::new(Unlock {
                room_size: options.integer("room_size", level.room_size, 4..=MAX_SIDE / 2)?,
                ..level
            }),
            Self::LavaGap(level) => Arc::new(LavaGap {
                size: options.integer("size", level.size, 5..=MAX_SIDE)?,
            }),
            Self::Crossing(level) => Arc::new(Crossing {
                size: options.odd("size", level.size, 5..=crossing::MAX_SIZE)?,
                n_crossings: options.integer("n_crossings", level.n_crossings, 0..=crossing::MAX_SIZE)?,
                lava: options.flag("lava", level.lava)?,
            }),
            Self::Memory(level) => Arc::new(Memory {
                size: options.odd("size", level.size, 7..=MAX_SIDE)?,
                random_length: options.flag("random_length", level.random_length)?,
            }),
        })
    }
}

fn multiroom_level(level: &MultiRoom, options: &mut OptionReader<'_>) -> Result<MultiRoom, RegistryError> {
    let min_rooms = options.integer("min_rooms", level.min_rooms, 1..=multiroom::MAX_ROOMS)?;
    let max_rooms = options.integer(
        "max_rooms",
        level.max_rooms.max(min_rooms),
        min_rooms..=multiroom::MAX_ROOMS,
    )?;
    Ok(MultiRoom {
        min_rooms,
        max_rooms,
        max_room_size: options.integer("max_room_size", level.max_room_size, 4..=MAX_SIDE)?,
        width: options.integer("width", level.width, 5..=MAX_SIDE)?,
        height: options.integer("height", level.height, 5..=MAX_SIDE)?,
    })
}

/// One entry of the registry per id.
pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
    presets().into_iter().map(|(name, preset)| {
        let id = format!("MiniGrid-{name}");
        let (family, doc) = (preset.family(), preset.doc());
        let task = id.clone();
        let factory = move |options: &Options| -> Result<Arc<dyn Env>, RegistryError> {
            let mut options = OptionReader::new(&task, options);
            let level = preset.level(&mut options)?;
            let max_steps = options.integer("max_steps", level.max_steps() as usize, 1..=1_000_000_000)?;
            let settings = Settings {
                max_steps: Some(max_steps as u32),
                see_through_walls: Some(options.flag("see_through_walls", level.see_through_walls())?),
                view_size: Some(options.odd("view_size", VIEW, 3..=VIEW)?),
                portable: options.flag("portable", false)?,
            };
            options.finish()?;
            Ok(Arc::new(Gridworld::new(&task, family, doc, level, settings)))
        };
        TaskEntry::new(&id, family, doc, factory)
    })
}
