//! What runs outside of the schedule of a task of continuous state: resets, observations, facts, placements, pictures.

use arrayvec::ArrayVec;
use bevy_ecs::entity::Entity;
use bevy_ecs::query::QueryState;
use bevy_ecs::world::World;
use prospect_sim::{EnvRows, FieldsMut, Frame, Rng, RowSelection, SimError};

use super::env::{Body, Successes};
use super::task::{Observation, Task};
use crate::row_order::for_rows;

/// The most components an observation has.
const MAX_COMPONENTS: usize = 3;

/// The functions of a shard, with their cached queries.
pub(super) struct ClassicRows<T: Task> {
    task: T,
    /// Entities by row.
    entities: Vec<Entity>,
    bodies: QueryState<&'static Body<T::State>>,
    starts: QueryState<(&'static mut Body<T::State>, &'static mut Rng)>,
    /// The subscribed state facts, as indices into the schema.
    state_facts: Vec<usize>,
    n_state_facts: usize,
    /// Subscribed event facts: `success` or none.
    event_facts: usize,
}

/// Reading, and starting episodes.
type Queries<T> = (
    QueryState<&'static Body<<T as Task>::State>>,
    QueryState<(&'static mut Body<<T as Task>::State>, &'static mut Rng)>,
);

impl<T: Task> ClassicRows<T> {
    pub(super) fn new(
        task: T,
        entities: Vec<Entity>,
        (bodies, starts): Queries<T>,
        state_facts: Vec<usize>,
        event_facts: usize,
    ) -> Self {
        let n_state_facts = task.describe().facts.len();
        Self {
            task,
            entities,
            bodies,
            starts,
            state_facts,
            n_state_facts,
            event_facts,
        }
    }

    fn body(&mut self, world: &World, row: usize) -> Option<Body<T::State>> {
        self.bodies.get(world, *self.entities.get(row)?).ok().copied()
    }

    fn write_facts(&mut self, world: &World, rows: RowSelection<'_>, facts: &mut FieldsMut<'_>) {
        if self.state_facts.is_empty() {
            return;
        }
        for_rows(rows, self.entities.len(), |row| {
            let Ok(body) = self.bodies.get(world, self.entities[row]) else {
                return;
            };
            for (&fact, field) in self.state_facts.iter().zip(facts.iter_mut()) {
                let value = if fact < self.n_state_facts {
                    self.task.fact(&body.state, fact)
                } else {
                    f64::from(body.step)
                };
                field.data.set_f64(row, value);
            }
        });
    }
}

impl<T: Task> EnvRows for ClassicRows<T> {
    fn reset(&mut self, world: &mut World, rows: RowSelection<'_>) -> Result<(), SimError> {
        for_rows(rows, self.entities.len(), |row| {
            if let Ok((mut body, mut rng)) = self.starts.get_mut(world, self.entities[row]) {
                *body = Body {
                    state: self.task.start(&mut rng.0),
                    step: 0,
                };
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
        let mut columns: ArrayVec<&mut [f32], MAX_COMPONENTS> = observation
            .iter_mut()
            .filter_map(|field| field.data.as_f32())
            .take(MAX_COMPONENTS)
            .map(|values| &mut *values)
            .collect();
        match rows {
            RowSelection::All => {
                let mut tables = self.bodies.contiguous_iter(world).into_iter().flatten();
                for (row, body) in tables.next().unwrap_or_default().iter().enumerate() {
                    self.task.observe(&body.state).write(row, &mut columns);
                }
            }
            RowSelection::List(list) => {
                for row in list.iter().map(|&row| row as usize) {
                    if let Ok(body) = self.bodies.get(world, self.entities[row]) {
                        self.task.observe(&body.state).write(row, &mut columns);
                    }
                }
            }
        }
        self.write_facts(world, rows, facts);
    }

    fn events(&mut self, world: &mut World, facts: &mut FieldsMut<'_>) {
        let successes = &world.resource::<Successes>().0;
        for field in facts.iter_mut().take(self.event_facts) {
            if let Some(values) = field.data.as_bool() {
                values.copy_from_slice(successes);
            }
        }
    }

    fn place_on_plane(&mut self, world: &mut World, row: usize, at: [f64; 2]) -> bool {
        let Some(&entity) = self.entities.get(row) else {
            return false;
        };
        let Ok((mut body, _)) = self.starts.get_mut(world, entity) else {
            return false;
        };
        let Some(state) = self.task.place(&body.state, at) else {
            return false;
        };
        body.state = state;
        true
    }

    fn render(&mut self, world: &mut World, row: usize, tile: usize) -> Option<Frame> {
        let body = self.body(world, row)?;
        Some(self.task.draw(&body.state, tile))
    }
}
