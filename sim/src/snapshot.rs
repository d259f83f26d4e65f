//! Snapshots: versioned bytes of everything an env instance keeps, also the input of its state hash.
//!
//! A snapshot is a header (magic, format, env id) and one record per registered codec: name, version, length, bytes.
//! What no codec holds is lost, so a shard refuses to be built if a row has a component without one.

use bevy_ecs::{
    component::{Component, ComponentId, Mutable},
    entity::Entity,
    resource::Resource,
    world::World,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::error::SimError;

const MAGIC: &[u8; 4] = b"PSNP";
const FORMAT: u8 = 1;

/// A component of an env row that a snapshot holds. Its bytes are postcard's.
pub trait RowState: Component<Mutability = Mutable> + Serialize + DeserializeOwned {
    /// Its name in the snapshot, stable over releases.
    const NAME: &'static str;
    /// To be raised when the bytes change their meaning.
    const VERSION: u16 = 1;
}

/// A flat column of a shard, one stretch per row, that a snapshot holds row by row.
pub trait ColumnState: Resource<Mutability = Mutable> {
    /// Its name in the snapshot, stable over releases.
    const NAME: &'static str;
    /// To be raised when the bytes change their meaning.
    const VERSION: u16 = 1;

    /// Appends the bytes of `row`.
    fn encode_row(&self, row: usize, out: &mut Vec<u8>);

    /// Takes the bytes of `row` back.
    ///
    /// # Errors
    /// A reason, if the bytes do not fit.
    fn decode_row(&mut self, row: usize, bytes: &[u8]) -> Result<(), String>;
}

/// Writes and reads one component or column of one row.
#[derive(Clone, Copy)]
pub(crate) struct Codec {
    pub(crate) name: &'static str,
    pub(crate) version: u16,
    /// The component, or none for a column.
    pub(crate) id: Option<ComponentId>,
    pub(crate) encode: fn(&World, Entity, usize, &mut Vec<u8>) -> Result<(), SimError>,
    pub(crate) decode: fn(&mut World, Entity, usize, &[u8]) -> Result<(), SimError>,
}

pub(crate) fn refuse(reason: impl std::fmt::Display) -> SimError {
    SimError::Snapshot {
        reason: reason.to_string(),
    }
}

pub(crate) fn absent(name: &str) -> SimError {
    refuse(format!("this shard has no `{name}`"))
}

impl Codec {
    /// The component it is for; none for a column.
    pub(crate) fn id(&self) -> Option<ComponentId> {
        self.id
    }

    pub(crate) fn component<C: RowState>(world: &mut World) -> Self {
        Self {
            name: C::NAME,
            version: C::VERSION,
            id: Some(world.register_component::<C>()),
            encode: |world, entity, _, out| {
                let state = world.get::<C>(entity).ok_or_else(|| absent(C::NAME))?;
                out.extend(postcard::to_stdvec(state).map_err(refuse)?);
                Ok(())
            },
            decode: |world, entity, _, bytes| {
                let state = postcard::from_bytes(bytes).map_err(refuse)?;
                *world.get_mut::<C>(entity).ok_or_else(|| absent(C::NAME))? = state;
                Ok(())
            },
        }
    }

    pub(crate) fn column<R: ColumnState>() -> Self {
        Self {
            name: R::NAME,
            version: R::VERSION,
            id: None,
            encode: |world, _, row, out| {
                world
                    .get_resource::<R>()
                    .ok_or_else(|| absent(R::NAME))?
                    .encode_row(row, out);
                Ok(())
            },
            decode: |world, _, row, bytes| {
                let mut column = world.get_resource_mut::<R>().ok_or_else(|| absent(R::NAME))?;
                column
                    .decode_row(row, bytes)
                    .map_err(|why| refuse(format!("{}: {why}", R::NAME)))
            },
        }
    }
}

/// Everything of one row, as bytes.
pub(crate) fn encode(
    codecs: &[Codec],
    env_id: &str,
    world: &World,
    entity: Entity,
    row: usize,
) -> Result<Vec<u8>, SimError> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(MAGIC);
    out.push(FORMAT);
    write_text(&mut out, env_id);
    for codec in codecs {
        write_text(&mut out, codec.name);
        out.extend_from_slice(&codec.version.to_le_bytes());
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        (codec.encode)(world, entity, row, &mut out)?;
        let len = (out.len() - at - 4) as u32;
        out[at..at + 4].copy_from_slice(&len.to_le_bytes());
    }
    Ok(out)
}

/// Puts the bytes of [`encode`] into a row of the same env. All records are checked before any is applied to the row.
pub(crate) fn decode(
    codecs: &[Codec],
    env_id: &str,
    world: &mut World,
    entity: Entity,
    row: usize,
    bytes: &[u8],
) -> Result<(), SimError> {
    let mut reader = Reader { bytes };
    if reader.take(4)? != MAGIC || reader.take(1)? != [FORMAT] {
        return Err(refuse("these bytes are no snapshot of this format"));
    }
    let id = reader.text()?;
    if id != env_id {
        return Err(refuse(format!("it is of env {id}, not {env_id}")));
    }
    let mut records = Vec::with_capacity(codecs.len());
    for codec in codecs {
        let name = reader.text()?;
        let version = reader.u16()?;
        if name != codec.name || version != codec.version {
            let (want, have) = (codec.name, codec.version);
            return Err(refuse(format!(
                "found `{name}` version {version}, expected `{want}` version {have}"
            )));
        }
        let len = reader.u32()? as usize;
        records.push(reader.take(len)?);
    }
    if !reader.bytes.is_empty() {
        return Err(refuse(format!("{} bytes too many", reader.bytes.len())));
    }
    codecs
        .iter()
        .zip(records)
        .try_for_each(|(codec, record)| (codec.decode)(world, entity, row, record))
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], SimError> {
        let Some((head, tail)) = self.bytes.split_at_checked(n) else {
            return Err(refuse(format!(
                "it is cut short: {n} bytes expected, {} left",
                self.bytes.len()
            )));
        };
        self.bytes = tail;
        Ok(head)
    }

    fn u16(&mut self) -> Result<u16, SimError> {
        let b = self.take(2)?;
        Ok(u16::from_le_bytes([b[0], b[1]]))
    }

    fn u32(&mut self) -> Result<u32, SimError> {
        let b = self.take(4)?;
        Ok(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    fn text(&mut self) -> Result<&'a str, SimError> {
        let len = self.u16()? as usize;
        std::str::from_utf8(self.take(len)?).map_err(refuse)
    }
}
