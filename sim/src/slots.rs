//! Free entities of an env instance: vehicles, bodies. They live in slots that are made once, as many for every row, of which
//! the first few are in use; nothing is despawned.

use bevy_ecs::{component::Component, entity::Entity, query::With, resource::Resource, world::World};
use serde::{Deserialize, Serialize};

use crate::{
    error::SimError,
    shard::{EnvIx, ShardBuilder},
    snapshot::{Codec, RowState, absent, refuse},
};

/// Which of its row's slots an entity is. With [`EnvIx`] it is the entity's identity.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(pub u32);

/// How many slots of a row are in use: those below it.
#[derive(Component, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupied(pub u32);

impl RowState for Occupied {
    const NAME: &'static str = "occupied";
}

/// The slot entities of a shard, row by row.
#[derive(Resource, Debug, Default)]
pub(crate) struct SlotTable {
    pub(crate) entities: Vec<Entity>,
    per_row: usize,
}

impl SlotTable {
    fn row(&self, row: usize) -> &[Entity] {
        &self.entities[row * self.per_row..(row + 1) * self.per_row]
    }
}

impl ShardBuilder<'_> {
    /// Gives every row `per_row` slots, none of them in use, and the component [`Occupied`]; to be called once.
    ///
    /// Slots are spawned row by row and all have the same components, so a query over components of slots iterates one
    /// table in the order of rows and, within a row, of slots.
    pub fn slots(&mut self, per_row: usize) -> &mut Self {
        self.state(|_| Occupied::default());
        let rows = self.n_envs();
        let each = (0..rows).flat_map(|row| (0..per_row).map(move |slot| (row as u32, slot as u32)));
        let entities = each
            .map(|(row, slot)| self.world.spawn((EnvIx(row), Slot(slot))).id())
            .collect();
        self.world.insert_resource(SlotTable { entities, per_row });
        self
    }

    /// Gives every slot a component, which snapshots will hold for the slots in use.
    pub fn slot_state<C: RowState>(&mut self, mut make: impl FnMut() -> C) -> &mut Self {
        let table = self.world.get_resource::<SlotTable>();
        for entity in table.map(|table| table.entities.clone()).unwrap_or_default() {
            self.world.entity_mut(entity).insert(make());
        }
        self.slot_codecs.push(slot_codec::<C>(self.world));
        self
    }
}

/// Whether the entities with component `C` in slots are iterated in the order of rows and slots.
pub fn slots_in_order<C: Component>(world: &mut World) -> bool {
    let Some(table) = world.remove_resource::<SlotTable>() else {
        return false;
    };
    let mut query = world.query_filtered::<Entity, (With<Slot>, With<C>)>();
    let ordered = query.iter(world).eq(table.entities.iter().copied());
    world.insert_resource(table);
    ordered
}

/// Writes and reads one component of the slots in use of a row: their number, then a length and postcard's bytes for each.
fn slot_codec<C: RowState>(world: &mut World) -> Codec {
    Codec {
        name: C::NAME,
        version: C::VERSION,
        id: Some(world.register_component::<C>()),
        encode: |world, entity, row, out| {
            let used = occupied(world, entity)?;
            let table = world.get_resource::<SlotTable>().ok_or_else(|| absent("slots"))?;
            let entities = table.row(row);
            out.extend_from_slice(&used.to_le_bytes());
            for &slot in entities.iter().take(used as usize) {
                let state = world.get::<C>(slot).ok_or_else(|| absent(C::NAME))?;
                let bytes = postcard::to_stdvec(state).map_err(refuse)?;
                out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                out.extend(bytes);
            }
            Ok(())
        },
        decode: |world, entity, row, mut bytes| {
            let used = occupied(world, entity)?;
            let table = world.get_resource::<SlotTable>().ok_or_else(|| absent("slots"))?;
            let slots: Vec<_> = table.row(row).iter().copied().take(used as usize).collect();
            if take_u32(&mut bytes)? != used || slots.len() < used as usize {
                return Err(refuse(format!("`{}` is not of {used} slots", C::NAME)));
            }
            for slot in slots {
                let len = take_u32(&mut bytes)? as usize;
                let (state, rest) = bytes
                    .split_at_checked(len)
                    .ok_or_else(|| refuse(format!("`{}` is cut short", C::NAME)))?;
                bytes = rest;
                let state = postcard::from_bytes(state).map_err(refuse)?;
                *world.get_mut::<C>(slot).ok_or_else(|| absent(C::NAME))? = state;
            }
            Ok(())
        },
    }
}

fn occupied(world: &World, row: Entity) -> Result<u32, SimError> {
    let occupied = world.get::<Occupied>(row).ok_or_else(|| absent(Occupied::NAME))?;
    Ok(occupied.0)
}

fn take_u32(bytes: &mut &[u8]) -> Result<u32, SimError> {
    let (head, rest) = bytes
        .split_first_chunk()
        .ok_or_else(|| refuse("a slot is cut short"))?;
    *bytes = rest;
    Ok(u32::from_le_bytes(*head))
}
