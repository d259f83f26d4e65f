//! The rows of a shard: their entities in order, and walking over a selection of them.

use bevy_ecs::entity::Entity;
use bevy_ecs::query::Without;
use bevy_ecs::world::World;
use prospect_sim::{EnvIx, RowSelection, SimError, Slot};

/// The shard's entities by row. Systems zip queries with columns, so the order of iteration must be the rows'.
///
/// # Errors
/// [`SimError::Env`] if rows of different components are iterated in another order.
pub(crate) fn rows_in_order(world: &mut World, id: &str) -> Result<Vec<Entity>, SimError> {
    let mut query = world.query_filtered::<(Entity, &EnvIx), Without<Slot>>();
    let rows: Vec<_> = query
        .iter(world)
        .map(|(entity, ix)| (entity, ix.0 as usize))
        .collect();
    if rows.iter().enumerate().any(|(row, (_, ix))| row != *ix) {
        let reason = "rows are not iterated in their order; add components to all rows alike".to_owned();
        return Err(SimError::Env {
            env: id.to_owned(),
            reason,
        });
    }
    Ok(rows.into_iter().map(|(entity, _)| entity).collect())
}

/// Calls `each` with every selected row of `n`.
pub(crate) fn for_rows(rows: RowSelection<'_>, n: usize, mut each: impl FnMut(usize)) {
    match rows {
        RowSelection::All => (0..n).for_each(each),
        RowSelection::List(list) => list.iter().for_each(|&row| each(row as usize)),
    }
}
