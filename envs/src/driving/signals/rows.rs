//! What runs outside of the schedule of the signalled intersection: resets, observations, facts.

use bevy_ecs::entity::Entity;
use bevy_ecs::query::QueryState;
use bevy_ecs::world::World;
use prospect_sim::{EnvRows, FieldsMut, Frame, Rng, RowSelection, SimError};

use super::env::Successes;
use super::facts::{EventFact, StateFact};
use super::flow::Junction;
use super::observation;
use super::picture;
use super::road::Roads;
use super::settings::Settings;
use crate::driving::view::paint;
use crate::row_order::for_rows;

/// Tiles along each side of a picture.
const TILES: usize = 20;

/// The functions of a shard, with their cached queries.
pub(super) struct SignalRows {
    pub(super) settings: Settings,
    /// Entities by row.
    pub(super) entities: Vec<Entity>,
    pub(super) starts: QueryState<(&'static mut Junction, &'static mut Rng)>,
    pub(super) seen: QueryState<&'static Junction>,
    pub(super) state_facts: Vec<StateFact>,
    pub(super) event_facts: Vec<EventFact>,
}

impl EnvRows for SignalRows {
    fn reset(&mut self, world: &mut World, rows: RowSelection<'_>) -> Result<(), SimError> {
        let layout = self.settings.layout;
        for_rows(rows, self.entities.len(), |row| {
            world.resource_mut::<Roads>().row_mut(row).clear();
            if let Ok((mut junction, mut rng)) = self.starts.get_mut(world, self.entities[row]) {
                *junction = Junction::start(layout, &mut rng.0);
            }
        });
        Ok(())
    }

    fn observe(
        &mut self,
        world: &mut World,
        rows: RowSelection<'_>,
        observation: &mut FieldsMut<'_>,
        facts: &mut FieldsMut<'_>,
    ) {
        let (settings, world) = (&self.settings, &*world);
        let roads = world.resource::<Roads>();
        let Some((width, values)) = observation
            .first_mut()
            .and_then(|field| Some((field.width, field.data.as_f32()?)))
        else {
            return;
        };
        for_rows(rows, self.entities.len(), |row| {
            let Ok(junction) = self.seen.get(world, self.entities[row]) else {
                return;
            };
            let road = roads.row(row);
            let out = &mut values[row * width..(row + 1) * width];
            observation::write(settings, junction, road, out);
            for (fact, field) in self.state_facts.iter().zip(facts.iter_mut()) {
                fact.write(settings, junction, road, row, &mut field.data);
            }
        });
    }

    fn events(&mut self, world: &mut World, facts: &mut FieldsMut<'_>) {
        let successes = &world.resource::<Successes>().0;
        for (row, (&entity, &success)) in self.entities.iter().zip(successes).enumerate() {
            let Ok(junction) = self.seen.get(world, entity) else {
                continue;
            };
            for (fact, field) in self.event_facts.iter().zip(facts.iter_mut()) {
                field.data.set_f64(row, fact.value(junction, success));
            }
        }
    }

    fn render(&mut self, world: &mut World, row: usize, tile: usize) -> Option<Frame> {
        let road = world.resource::<Roads>().row(row);
        let junction = self.seen.get(world, *self.entities.get(row)?).ok()?;
        let view = picture::view(junction, road);
        let side = tile * TILES;
        Some(paint(&view, picture::window(self.settings.layout), [side, side]))
    }
}
