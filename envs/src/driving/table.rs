//! The vehicles of a shard as slices of one table, and the rows they belong to.

use bevy_ecs::change_detection::Mut;
use prospect_sim::random::Generator;
use prospect_sim::{Occupied, Rng};

use super::env::Shared;
use super::episode::{Episode, Memory, Objects, Remembered};
use super::road::Route;
use super::scene::View;
use super::state::StartScene;
use super::systems::Desk;
use super::task::{Stage, Task};
use super::traffic::{Fleet, Vehicles};
use super::vehicle::{Body, Driver, Params, RoadObject};

/// Mutable slices of all vehicles of a shard.
pub(super) struct Table<'a> {
    pub(super) bodies: &'a mut [Body],
    pub(super) drivers: &'a mut [Driver],
    pub(super) routes: &'a mut [Route],
    pub(super) params: &'a mut [Params],
}

/// Evaluates an expression with a [`Table`] of all vehicles that a query finds.
macro_rules! with_table {
    ($query:expr, $table:pat => $body:expr) => {
        if let Ok(mut tables) = $query.contiguous_iter_mut()
            && let Some((mut bodies, mut drivers, mut routes, mut params)) = tables.next()
        {
            let $table = Table {
                bodies: bodies.bypass_change_detection(),
                drivers: drivers.bypass_change_detection(),
                routes: routes.bypass_change_detection(),
                params: params.bypass_change_detection(),
            };
            $body
        }
    };
}
pub(super) use with_table;

impl Table<'_> {
    /// The vehicles of a row whose slots begin at `first`.
    pub(super) fn row<'b>(
        &'b mut self,
        first: usize,
        used: usize,
        objects: &'b mut [RoadObject],
    ) -> Vehicles<'b> {
        let row = first..first + used;
        Vehicles {
            bodies: &mut self.bodies[row.clone()],
            drivers: &mut self.drivers[row.clone()],
            routes: &mut self.routes[row.clone()],
            params: &self.params[row],
            objects,
        }
    }

    /// The same, to look at.
    pub(super) fn view<'b, T: Task>(
        &'b self,
        shared: &'b Shared<T>,
        first: usize,
        used: usize,
        objects: &'b [RoadObject],
        episode: &'b Episode,
    ) -> View<'b> {
        let row = first..first + used;
        View {
            network: shared.task.network(),
            settings: &shared.settings,
            bodies: &self.bodies[row.clone()],
            drivers: &self.drivers[row.clone()],
            routes: &self.routes[row.clone()],
            params: &self.params[row],
            objects,
            episode,
            pictures: &[],
        }
    }

    fn load(&self, first: usize, used: usize, fleet: &mut Fleet) {
        let row = first..first + used;
        fleet.clear();
        fleet.bodies.extend_from_slice(&self.bodies[row.clone()]);
        fleet.drivers.extend_from_slice(&self.drivers[row.clone()]);
        fleet.routes.extend_from_slice(&self.routes[row.clone()]);
        fleet.params.extend_from_slice(&self.params[row]);
    }

    fn store(&mut self, first: usize, fleet: &Fleet) {
        let row = first..first + fleet.len();
        self.bodies[row.clone()].copy_from_slice(&fleet.bodies);
        self.drivers[row.clone()].copy_from_slice(&fleet.drivers);
        self.routes[row.clone()].clone_from_slice(&fleet.routes);
        self.params[row].copy_from_slice(&fleet.params);
    }
}

/// Everything of a row between two steps, copied.
#[derive(Debug)]
pub(super) struct Still<M> {
    pub(super) fleet: Fleet,
    pub(super) episode: Episode,
    pub(super) memory: M,
    pub(super) rng: Generator,
}

/// What a row has beside its vehicles.
pub(super) struct RowMut<'a, M> {
    pub(super) episode: &'a mut Episode,
    pub(super) objects: &'a mut Objects,
    pub(super) memory: &'a mut M,
    pub(super) used: &'a mut Occupied,
    pub(super) rng: &'a mut Generator,
}

/// The components of a row as a query yields them.
pub(super) type RowParts<'a, M> = (
    Mut<'a, Episode>,
    Mut<'a, Objects>,
    Mut<'a, Remembered<M>>,
    Mut<'a, Occupied>,
    Mut<'a, Rng>,
);

impl<'a, M: Memory> RowMut<'a, M> {
    pub(super) fn new((episode, objects, memory, used, rng): RowParts<'a, M>) -> Self {
        Self {
            episode: episode.into_inner(),
            objects: objects.into_inner(),
            memory: &mut memory.into_inner().0,
            used: used.into_inner(),
            rng: &mut rng.into_inner().0,
        }
    }

    /// Does what is due after the last step of the row, if anything is.
    pub(super) fn finish_step<T: Task<Memory = M>>(
        &mut self,
        desk: &mut Desk<T>,
        table: &mut Table<'_>,
        row: usize,
    ) {
        if !self.episode.between_is_due {
            return;
        }
        self.episode.between_is_due = false;
        table.load(row * desk.slots, self.used.0 as usize, &mut desk.fleet);
        std::mem::swap(&mut desk.fleet.objects, &mut self.objects.0);
        self.with_stage(desk, T::between);
        self.store(desk, table, row);
    }

    /// Makes the scene of a new episode.
    ///
    /// # Errors
    /// The number of vehicles, if they do not fit into the row's slots.
    pub(super) fn start<T: Task<Memory = M>>(
        &mut self,
        desk: &mut Desk<T>,
        table: &mut Table<'_>,
        row: usize,
    ) -> Result<(), usize> {
        desk.fleet.clear();
        let mut controlled = std::mem::take(&mut self.episode.controlled);
        let mut measured = std::mem::take(&mut self.episode.measured);
        controlled.clear();
        measured.clear();
        *self.episode = Episode {
            controlled,
            measured,
            ..Episode::default()
        };
        *self.memory = M::default();
        let start = desk.shared.start.clone();
        self.with_stage(desk, |task, stage| {
            task.reset(stage);
            if let Some(start) = start.as_deref() {
                start.apply(task, stage);
            }
        });
        let network = desk.shared.task.network();
        let lanes = self.episode.controlled.iter().map(|&i| {
            let lane = desk.fleet.bodies[usize::from(i)].lane;
            network.width(network.road(lane)) as u16
        });
        self.episode.first_lanes = match start.as_deref().and_then(StartScene::first_lanes) {
            Some(given) => given.to_vec(),
            None => lanes.collect(),
        };
        let vehicles = desk.fleet.len();
        self.store(desk, table, row);
        if vehicles > desk.slots {
            Err(vehicles)
        } else {
            Ok(())
        }
    }

    /// Everything of the row as the next step will find it, copied.
    pub(super) fn still<T: Task<Memory = M>>(
        &mut self,
        desk: &mut Desk<T>,
        table: &Table<'_>,
        row: usize,
    ) -> Still<M> {
        let mut still = Still {
            fleet: Fleet::default(),
            episode: self.episode.clone(),
            memory: self.memory.clone(),
            rng: self.rng.clone(),
        };
        table.load(row * desk.slots, self.used.0 as usize, &mut still.fleet);
        still.fleet.objects.clone_from(&self.objects.0);
        if still.episode.between_is_due {
            still.episode.between_is_due = false;
            let mut stage = Stage {
                network: desk.shared.task.network(),
                settings: &desk.shared.settings,
                fleet: &mut still.fleet,
                episode: &mut still.episode,
                memory: &mut still.memory,
                rng: &mut still.rng,
                scratch: &mut desk.scratch,
            };
            desk.shared.task.between(&mut stage);
        }
        still
    }

    fn with_stage<T: Task<Memory = M>>(
        &mut self,
        desk: &mut Desk<T>,
        change: impl FnOnce(&T, &mut Stage<'_, M>),
    ) {
        let mut stage = Stage {
            network: desk.shared.task.network(),
            settings: &desk.shared.settings,
            fleet: &mut desk.fleet,
            episode: self.episode,
            memory: self.memory,
            rng: self.rng,
            scratch: &mut desk.scratch,
        };
        change(&desk.shared.task, &mut stage);
    }

    /// Puts the desk's fleet into the row's slots; vehicles for which there is no slot are left out.
    fn store<T: Task<Memory = M>>(&mut self, desk: &mut Desk<T>, table: &mut Table<'_>, row: usize) {
        let slots = desk.slots;
        if desk.fleet.len() > slots {
            desk.fleet.retain(|_, i| i < slots);
        }
        std::mem::swap(&mut desk.fleet.objects, &mut self.objects.0);
        table.store(row * slots, &desk.fleet);
        self.used.0 = desk.fleet.len() as u32;
    }
}
