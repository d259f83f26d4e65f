//! What runs outside of the schedule of a driving task: resets, observations, facts.

use bevy_ecs::entity::Entity;
use bevy_ecs::query::With;
use bevy_ecs::system::{Query, ResMut, SystemState};
use bevy_ecs::world::World;
use prospect_sim::{
    BodyState, EnvRows, FactSelection, FieldsMut, Frame, Occupied, RowSelection, SimError, Slot,
};

use super::env::Shared;
use super::episode::{Episode, Objects, Remembered};
use super::facts::Facts;
use super::observation::ObserverScratch;
use super::pictures::Pictures;
use super::road::Route;
use super::scene::View;
use super::state;
use super::systems::{Desk, RowQuery, VehicleQuery};
use super::table::{RowMut, Still, Table, with_table};
use super::task::Task;
use super::vehicle::{Body, Driver, Params};
use super::view::{paint, view_of, window_of};
use crate::row_order::for_rows;

/// What a tile of a picture shows, in m.
const TILE_M: f64 = 4.0;

/// All components of vehicles, to look at.
type VehicleView<'w, 's> =
    Query<'w, 's, (&'static Body, &'static Driver, &'static Route, &'static Params), With<Slot>>;
/// What a row has beside its vehicles, to look at.
type RowView<'w, 's, M> = Query<
    'w,
    's,
    (
        &'static Episode,
        &'static Objects,
        &'static Remembered<M>,
        &'static Occupied,
    ),
>;
type Looking<M> = SystemState<(VehicleView<'static, 'static>, RowView<'static, 'static, M>)>;
type Changing<T> = SystemState<(
    VehicleQuery<'static, 'static>,
    RowQuery<'static, 'static, <T as Task>::Memory>,
    ResMut<'static, Desk<T>>,
)>;

/// The functions of a shard, with their cached queries.
pub(super) struct DrivingRows<T: Task> {
    id: String,
    shared: Shared<T>,
    /// Entities by row.
    entities: Vec<Entity>,
    slots: usize,
    looking: Looking<T::Memory>,
    changing: Changing<T>,
    facts: Facts,
    scratch: ObserverScratch,
}

impl<T: Task> DrivingRows<T> {
    pub(super) fn new(
        world: &mut World,
        id: &str,
        shared: Shared<T>,
        entities: Vec<Entity>,
        selection: &FactSelection,
    ) -> Self {
        Self {
            id: id.to_owned(),
            slots: shared.capacity(),
            facts: Facts::new(&*shared.task, selection),
            shared,
            entities,
            looking: SystemState::new(world),
            changing: SystemState::new(world),
            scratch: ObserverScratch::default(),
        }
    }

    /// Calls `look` with each selected row's number, view and memory.
    fn each_view(
        &mut self,
        world: &World,
        rows: RowSelection<'_>,
        mut look: impl FnMut(usize, &View<'_>, &T::Memory, &mut ObserverScratch),
    ) {
        let Ok((vehicles, row_states)) = self.looking.get(world) else {
            return;
        };
        let mut tables = vehicles.contiguous_iter().into_iter().flatten();
        let Some((bodies, drivers, routes, params)) = tables.next() else {
            return;
        };
        let pictures = world.get_resource::<Pictures>();
        let (shared, slots, scratch) = (&self.shared, self.slots, &mut self.scratch);
        for_rows(rows, self.entities.len(), |row| {
            let Ok((episode, objects, memory, used)) = row_states.get(self.entities[row]) else {
                return;
            };
            let range = row * slots..row * slots + used.0 as usize;
            let view = View {
                network: shared.task.network(),
                settings: &shared.settings,
                bodies: &bodies[range.clone()],
                drivers: &drivers[range.clone()],
                routes: &routes[range.clone()],
                params: &params[range],
                objects: &objects.0,
                episode,
                pictures: pictures.map_or(&[], |pictures| pictures.row(row)),
            };
            look(row, &view, &memory.0, scratch);
        });
    }
}

impl<T: Task> DrivingRows<T> {
    /// Everything of a row as the next step will find it: what is due after the last step is done, though not in the row.
    pub(super) fn still(&mut self, world: &mut World, row: usize) -> Option<Still<T::Memory>> {
        let (mut vehicles, mut row_states, mut desk) = self.changing.get_mut(world).ok()?;
        let parts = row_states.get_mut(*self.entities.get(row)?).ok()?;
        let mut still = None;
        with_table!(vehicles, table => {
            still = Some(RowMut::new(parts).still(&mut desk, &table, row));
        });
        still
    }
}

impl<T: Task> EnvRows for DrivingRows<T> {
    fn reset(&mut self, world: &mut World, rows: RowSelection<'_>) -> Result<(), SimError> {
        let Ok((mut vehicles, mut row_states, mut desk)) = self.changing.get_mut(world) else {
            return Ok(());
        };
        let desk = &mut *desk;
        let mut too_many = None;
        with_table!(vehicles, mut table => for_rows(rows, self.entities.len(), |row| {
            let Ok(parts) = row_states.get_mut(self.entities[row]) else {
                return;
            };
            let mut row_state = RowMut::new(parts);
            if T::CHANGES_BETWEEN_STEPS {
                row_state.finish_step(desk, &mut table, row);
            }
            let used = row_state.used.0 as usize;
            desk.ends[row].clear();
            desk.ends[row].extend(table.bodies[row * desk.slots..][..used].iter().map(Body::state));
            if let Err(vehicles) = row_state.start(desk, &mut table, row) {
                too_many = Some(vehicles);
            }
        }));
        if let Some(mut pictures) = world.remove_resource::<Pictures>() {
            let settings = self.shared.settings.clone();
            self.each_view(world, rows, |row, view, _, _| {
                pictures.clear(row);
                pictures.push(row, |agent, out| settings.observation.picture(view, agent, out));
            });
            world.insert_resource(pictures);
        }
        match too_many {
            None => Ok(()),
            Some(vehicles) => Err(SimError::Env {
                env: self.id.clone(),
                reason: format!("{vehicles} vehicles where there is room for {}", self.slots),
            }),
        }
    }

    fn seeded(&mut self, world: &mut World, row: usize) {
        if let Some(mut episode) = world.get_mut::<Episode>(self.entities[row]) {
            episode.between_is_due = false;
        }
    }

    fn observe(
        &mut self,
        world: &mut World,
        rows: RowSelection<'_>,
        observation: &mut FieldsMut<'_>,
        facts: &mut FieldsMut<'_>,
    ) {
        let (task, settings) = (self.shared.task.clone(), self.shared.settings.clone());
        let wanted = self.facts.state.clone();
        self.each_view(world, rows, |row, view, memory, scratch| {
            for agent in 0..settings.agents {
                let actor = row * settings.agents + agent;
                task.observe(view, memory, agent, scratch, observation, actor);
                for (fact, field) in wanted.iter().zip(facts.iter_mut()) {
                    field.data.set_f64(actor, fact.value(&*task, view, memory, agent));
                }
            }
        });
    }

    fn events(&mut self, world: &mut World, facts: &mut FieldsMut<'_>) {
        let desk = world.resource::<Desk<T>>();
        for (fact, field) in self.facts.events.iter().zip(facts.iter_mut()) {
            for (actor, result) in desk.results.iter().enumerate() {
                field.data.set_f64(actor, fact.value(result));
            }
        }
    }

    fn render(&mut self, world: &mut World, row: usize, tile: usize) -> Option<Frame> {
        let mut frame = None;
        let only = [u32::try_from(row).ok().filter(|_| row < self.entities.len())?];
        self.each_view(world, RowSelection::List(&only), |_, view, _, _| {
            let window = window_of(view);
            let pixels_per_m = tile as f64 / TILE_M;
            let size = window.size_m.map(|size| (size * pixels_per_m).ceil() as usize);
            frame = Some(paint(&view_of(view), window, size));
        });
        frame
    }

    fn state_json(&mut self, world: &mut World, row: usize) -> Option<String> {
        if !T::PUBLISHED {
            return None;
        }
        let still = self.still(world, row)?;
        let view = View {
            network: self.shared.task.network(),
            settings: &self.shared.settings,
            bodies: &still.fleet.bodies,
            drivers: &still.fleet.drivers,
            routes: &still.fleet.routes,
            params: &still.fleet.params,
            objects: &still.fleet.objects,
            episode: &still.episode,
            pictures: &[],
        };
        let mut form = state::scene(&self.id, &view, &still.rng);
        self.shared.task.publish(&view, &still.memory, &mut form);
        serde_json::to_string(&form).ok()
    }

    fn bodies(&mut self, world: &mut World, row: usize, ended: bool, out: &mut Vec<BodyState>) {
        if ended {
            let ends = &world.resource::<Desk<T>>().ends;
            out.extend_from_slice(&ends[row]);
        } else if let Some(still) = self.still(world, row) {
            out.extend(still.fleet.bodies.iter().map(Body::state));
        }
    }
}
