//! What runs outside of a gridworld's schedule: resets, observations, facts, probes, pictures.

use std::sync::Arc;

use bevy_ecs::change_detection::Mut;
use bevy_ecs::entity::Entity;
use bevy_ecs::query::QueryState;
use bevy_ecs::world::World;
use prospect_sim::{EnvRows, FieldsMut, Frame, Outcome, Pose, Rng, RowSelection, Scene, SimError};

use super::cell::Cell;
use super::distances::Distances;
use super::facts::{self, EventFact, StateFact};
use super::levels::{Level, LevelError};
use super::planner;
use super::render::{self, Picture};
use super::rules::{Agent, Objective, Target};
use super::systems::{Cells, Touches};
use super::wide::{Sight, WideViewer};
use crate::row_order::for_rows;

/// Levels in a row that may fail before a reset gives up. Upstream raises at the first; a long run should not.
const LEVEL_TRIES: usize = 8;

/// The functions of a shard of gridworlds, with their cached queries.
pub(super) struct GridRows {
    pub(super) id: String,
    pub(super) level: Arc<dyn Level>,
    pub(super) objective: Objective,
    /// One instance's bytes with what all levels share.
    pub(super) template: Vec<u8>,
    pub(super) viewer: WideViewer,
    /// Entities by row.
    pub(super) entities: Vec<Entity>,
    /// Scratch: where the selected rows look from.
    pub(super) sights: Vec<Sight>,
    pub(super) starts: QueryState<(&'static mut Rng, &'static mut Agent, &'static mut Target)>,
    pub(super) seen: QueryState<(&'static Agent, &'static Target)>,
    pub(super) poses: QueryState<&'static mut Agent>,
    pub(super) state_facts: Vec<StateFact>,
    pub(super) event_facts: Vec<EventFact>,
    pub(super) distances: Option<Distances>,
}

impl GridRows {
    /// Draws a level for one row; its stream goes on where a failed level left it.
    fn start_row(&mut self, world: &mut World, cells: &mut Cells, row: usize) -> Result<(), LevelError> {
        let Ok((mut rng, mut agent, mut target)) = self.starts.get_mut(world, self.entities[row]) else {
            return Ok(());
        };
        let mut board = cells.column.board_mut(row);
        let mut tries = 0;
        let start = loop {
            board.copy_from(&self.template);
            match self.level.generate(&mut board, &mut rng.0) {
                Ok(start) => break start,
                Err(_) if tries + 1 < LEVEL_TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        };
        let geometry = board.geometry();
        *agent = Agent {
            at: geometry.place(start.x, start.y),
            step: 0,
            dir: start.dir,
            carrying: Cell::EMPTY.code(),
        };
        *target = Target::of(&start, geometry);
        cells.stale[row] = true;
        Ok(())
    }

    /// Agent and target of a row.
    fn row<'w>(&mut self, world: &'w World, row: usize) -> Option<(&'w Agent, &'w Target)> {
        self.seen.get(world, *self.entities.get(row)?).ok()
    }

    /// Writes headings and missions of the selected rows, and lists where they look from in `sights`.
    fn look(&mut self, world: &World, rows: RowSelection<'_>, directions: &mut [i32], missions: &mut [i32]) {
        let column = &world.resource::<Cells>().column;
        let geometry = column.geometry();
        // Poses come from snapshots too: a place outside the grid must not become one outside the column.
        let last = geometry.place(geometry.width() - 1, geometry.height() - 1);
        let mut look = |row: usize, agent: &Agent, target: &Target| {
            directions[row] = i32::from(agent.dir);
            missions[row] = i32::from(target.mission);
            Sight {
                at: column.origin(row) + agent.at.min(last) as usize,
                dir: agent.dir,
                carrying: agent.carrying,
            }
        };
        match rows {
            RowSelection::All => {
                let mut tables = self.seen.contiguous_iter(world).into_iter().flatten();
                let Some((agents, targets)) = tables.next() else {
                    return;
                };
                let rows = agents.iter().zip(targets).zip(&mut self.sights).enumerate();
                for (row, ((agent, target), sight)) in rows {
                    *sight = look(row, agent, target);
                }
            }
            RowSelection::List(list) => {
                for (&row, sight) in list.iter().zip(&mut self.sights) {
                    if let Ok((agent, target)) = self.seen.get(world, self.entities[row as usize]) {
                        *sight = look(row as usize, agent, target);
                    }
                }
            }
        }
    }

    fn write_facts(&mut self, world: &mut World, rows: RowSelection<'_>, facts: &mut FieldsMut<'_>) {
        if self.state_facts.is_empty() {
            return;
        }
        let (entities, seen) = (&self.entities, &mut self.seen);
        let (wanted, objective, distances) = (&self.state_facts, self.objective, &mut self.distances);
        world.resource_scope(|world, mut cells: Mut<'_, Cells>| {
            for_rows(rows, entities.len(), |row| {
                let Ok((agent, target)) = seen.get(world, entities[row]) else {
                    return;
                };
                if let Some(distances) = distances.as_mut()
                    && std::mem::take(&mut cells.stale[row])
                {
                    distances.update(row, &cells.board(row), agent, target, objective);
                }
                let distance = distances
                    .as_ref()
                    .map_or(-1, |distances| distances.at(row, agent.at));
                facts::write_state(wanted, facts, row, &cells.board(row), agent, objective, distance);
            });
        });
    }
}

impl EnvRows for GridRows {
    fn reset(&mut self, world: &mut World, rows: RowSelection<'_>) -> Result<(), SimError> {
        let n = self.entities.len();
        let result = world.resource_scope(|world, mut cells: Mut<'_, Cells>| match rows {
            RowSelection::All => (0..n).try_for_each(|row| self.start_row(world, &mut cells, row)),
            RowSelection::List(list) => list
                .iter()
                .try_for_each(|&row| self.start_row(world, &mut cells, row as usize)),
        });
        result.map_err(|error| SimError::Env {
            env: self.id.clone(),
            reason: error.to_string(),
        })
    }

    fn observe(
        &mut self,
        world: &mut World,
        rows: RowSelection<'_>,
        observation: &mut FieldsMut<'_>,
        facts: &mut FieldsMut<'_>,
    ) {
        if let [image, direction, mission] = observation.as_mut_slice()
            && let (Some(images), Some(directions), Some(missions)) =
                (image.data.as_u8(), direction.data.as_i32(), mission.data.as_i32())
        {
            self.look(world, rows, directions, missions);
            let column = &world.resource::<Cells>().column;
            match rows {
                RowSelection::All => self.viewer.observe_all(column.bytes(), &self.sights, images),
                RowSelection::List(list) => {
                    let bytes = self.viewer.viewer().image_bytes();
                    for (sight, &row) in self.sights.iter().zip(list) {
                        let image = row as usize * bytes..(row as usize + 1) * bytes;
                        self.viewer.observe_all(
                            column.bytes(),
                            std::slice::from_ref(sight),
                            &mut images[image],
                        );
                    }
                }
            }
        }
        self.write_facts(world, rows, facts);
    }

    fn events(&mut self, world: &mut World, facts: &mut FieldsMut<'_>) {
        if self.event_facts.is_empty() {
            return;
        }
        let world: &World = world;
        let (touches, outcome) = (world.resource::<Touches>(), world.resource::<Outcome>());
        for (fact, field) in self.event_facts.iter().zip(facts) {
            let Some(values) = field.data.as_bool() else {
                continue;
            };
            for (row, (value, touch)) in values.iter_mut().zip(&touches.0).enumerate() {
                *value = fact.of(*touch, outcome.terminated[row], outcome.reward[row]);
            }
        }
    }

    fn scene(&mut self, world: &mut World, row: usize) -> Option<Scene> {
        let (agent, _) = self.row(world, row)?;
        let board = world.resource::<Cells>().board(row);
        let geometry = board.geometry();
        let (x, y) = geometry.coordinates(agent.at);
        Some(Scene {
            width: geometry.width(),
            height: geometry.height(),
            cells: board.encode(),
            pose: [x as i32, y as i32, i32::from(agent.dir)],
        })
    }

    fn poses(&mut self, world: &mut World, row: usize) -> Vec<Pose> {
        if row >= self.entities.len() {
            return Vec::new();
        }
        let board = world.resource::<Cells>().board(row);
        let standable = board.cells().filter(|(_, _, cell)| may_stand(*cell));
        standable
            .flat_map(|(x, y, _)| (0..4).map(move |dir| [x as i32, y as i32, dir]))
            .collect()
    }

    fn place(&mut self, world: &mut World, row: usize, [x, y, dir]: Pose) -> bool {
        let (Ok(x), Ok(y), Ok(dir)) = (usize::try_from(x), usize::try_from(y), u8::try_from(dir)) else {
            return false;
        };
        let Some(&entity) = self.entities.get(row) else {
            return false;
        };
        let board = world.resource::<Cells>().board(row);
        let geometry = board.geometry();
        if dir > 3 || x >= geometry.width() || y >= geometry.height() || !may_stand(board.get(x, y)) {
            return false;
        }
        let Ok(mut agent) = self.poses.get_mut(world, entity) else {
            return false;
        };
        agent.at = geometry.place(x, y);
        agent.dir = dir;
        true
    }

    fn plan(&mut self, world: &mut World, row: usize) -> Option<Vec<i32>> {
        let (agent, target) = self.row(world, row)?;
        let board = world.resource::<Cells>().board(row);
        let plan = planner::plan(&board, agent, target, self.objective)?;
        Some(plan.into_iter().map(i32::from).collect())
    }

    fn render(&mut self, world: &mut World, row: usize, tile: usize) -> Option<Frame> {
        let (agent, _) = self.row(world, row)?;
        let column = &world.resource::<Cells>().column;
        let picture = Picture {
            highlight: true,
            tile,
        };
        Some(render::draw(column, row, self.viewer.viewer(), agent, picture))
    }
}

/// Where an agent can be put: walkable cells that do not end the episode.
fn may_stand(cell: Cell) -> bool {
    cell.is_walkable() && cell != Cell::GOAL && cell != Cell::LAVA
}
