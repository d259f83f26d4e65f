//! The gridworld [`Env`]: its components, its four systems, and the functions that run outside the schedule.

use std::borrow::Cow;
use std::sync::Arc;

use bevy_ecs::change_detection::{DetectChangesMut, Mut};
use bevy_ecs::entity::Entity;
use bevy_ecs::query::QueryState;
use bevy_ecs::resource::Resource;
use bevy_ecs::system::{Query, Res, ResMut};
use bevy_ecs::world::World;
use prospect_sim::{
    ActionColumn, ActionSpace, ColumnState, Dtype, Env, EnvIx, EnvRows, EnvSpec, Field, FieldsMut, Frame,
    Outcome, Pose, Rng, RowSelection, RowState, Scene, ShardBuilder, SimError, StepSet,
};

use super::cell::Cell;
use super::facts::{self, EventFact, StateFact};
use super::grid::{Board, CellColumn};
use super::levels::{Level, LevelError};
use super::planner::{self, Distances};
use super::render::{self, Picture};
use super::rules::{self, Agent, Objective, Target, Touch};
use super::view::{IMAGE_BYTES, VIEW, Viewer};
use super::wide::{Sight, WideViewer};

/// Levels in a row that may fail before a reset gives up. Upstream raises at the first; a long run should not.
const LEVEL_TRIES: usize = 8;

impl RowState for Agent {
    const NAME: &'static str = "grid_agent";
}

impl RowState for Target {
    const NAME: &'static str = "grid_target";
}

/// The cells of all rows of a shard.
#[derive(Resource, Debug)]
pub(crate) struct Cells {
    column: CellColumn,
    /// Rows whose cells have changed since their distances were last computed.
    pub(crate) stale: Vec<bool>,
}

impl Cells {
    pub(crate) fn board(&self, row: usize) -> Board<'_> {
        self.column.board(row)
    }
}

impl ColumnState for Cells {
    const NAME: &'static str = "grid_cells";

    fn encode_row(&self, row: usize, out: &mut Vec<u8>) {
        out.extend(self.column.board(row).cells().map(|(_, _, cell)| cell.code()));
    }

    fn decode_row(&mut self, row: usize, bytes: &[u8]) -> Result<(), String> {
        let geometry = self.column.geometry();
        if bytes.len() != geometry.width() * geometry.height() {
            return Err(format!(
                "{} cells for a grid of {}x{}",
                bytes.len(),
                geometry.width(),
                geometry.height()
            ));
        }
        if let Some(code) = bytes.iter().find(|code| Cell::from_code(**code).is_none()) {
            return Err(format!("{code} is no cell code"));
        }
        let mut board = self.column.board_mut(row);
        for (line, codes) in bytes.chunks_exact(geometry.width()).enumerate() {
            for (x, &code) in codes.iter().enumerate() {
                board.set(x, line, Cell::from_column(code));
            }
        }
        self.stale[row] = true;
        Ok(())
    }
}

/// What the last step touched, one entry per row. Not state: written before it is read in every step.
#[derive(Resource, Debug)]
pub(crate) struct Touches(pub(crate) Vec<Touch>);

/// The constants of a shard's systems.
#[derive(Resource, Debug, Clone, Copy)]
struct Rules {
    headings: [i32; 4],
    objective: Objective,
    action_map: [u8; 8],
    max_steps: u32,
}

/// `Act`: every agent's action changes its pose, its hands and the cell in front of it.
fn act(
    mut agents: Query<'_, '_, &mut Agent>,
    actions: Res<'_, ActionColumn>,
    rules: Res<'_, Rules>,
    mut cells: ResMut<'_, Cells>,
    mut touches: ResMut<'_, Touches>,
) {
    let rules = *rules;
    let cells = &mut *cells;
    let rows = cells.column.rows_mut().zip(&mut touches.0).zip(&actions.discrete);
    for (mut agent, ((codes, touch), &action)) in agents.iter_mut().zip(rows) {
        let action = rules.action_map[(action & 7) as usize];
        *touch = rules::act(codes, &rules.headings, agent.bypass_change_detection(), action);
    }
}

/// `Advance`: nothing in these levels moves by itself; rows whose grid has changed are marked for the planner.
fn mark_stale(mut cells: ResMut<'_, Cells>, touches: Res<'_, Touches>) {
    for (stale, touch) in cells.stale.iter_mut().zip(&touches.0) {
        *stale |= touch.changed();
    }
}

/// `Judge`: reward and termination.
fn judge(
    agents: Query<'_, '_, (&Agent, &Target)>,
    cells: Res<'_, Cells>,
    rules: Res<'_, Rules>,
    touches: Res<'_, Touches>,
    mut outcome: ResMut<'_, Outcome>,
) {
    let objective = rules.objective;
    let outcome = &mut *outcome;
    let rows = agents.iter().zip(cells.column.rows()).zip(&touches.0);
    let results = outcome.reward.iter_mut().zip(&mut outcome.terminated);
    for ((((agent, target), codes), touch), (reward, terminated)) in rows.zip(results) {
        let verdict = rules::judge(objective, codes, agent, target, *touch);
        *terminated = verdict.terminated;
        *reward = if verdict.success {
            rules::success_reward(agent.step, rules.max_steps)
        } else {
            0.0
        };
    }
}

/// `End`: the step limit, whether or not the episode has terminated.
fn end(agents: Query<'_, '_, &Agent>, rules: Res<'_, Rules>, mut outcome: ResMut<'_, Outcome>) {
    for (agent, truncated) in agents.iter().zip(&mut outcome.truncated) {
        *truncated = agent.step >= rules.max_steps;
    }
}

/// What may be changed about a level without changing its family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// The step limit (the level's own if none); at least 1.
    pub max_steps: Option<u32>,
    /// Whether walls hide nothing (as the level says if none).
    pub see_through_walls: Option<bool>,
    /// Uses portable instructions even where the machine has wide ones; the bytes are the same.
    pub portable: bool,
}

/// A gridworld over a family of levels.
#[derive(Debug)]
pub struct Gridworld {
    spec: EnvSpec,
    level: Arc<dyn Level>,
    missions: Vec<String>,
    max_steps: u32,
    see_through_walls: bool,
    portable: bool,
}

impl Gridworld {
    /// The env of `level` under a registered id.
    pub fn new(id: &str, family: &str, doc: &str, level: Arc<dyn Level>, settings: Settings) -> Self {
        let max_steps = settings.max_steps.unwrap_or_else(|| level.max_steps());
        let missions = level.missions();
        let image = Field::new("image", Dtype::U8, &[VIEW, VIEW, 3], 0.0, 255.0);
        let direction = Field::new("direction", Dtype::Index, &[], 0.0, 3.0);
        let mission = Field::new(
            "mission",
            Dtype::Text,
            &[],
            0.0,
            missions.len().saturating_sub(1) as f64,
        );
        let spec = EnvSpec {
            id: id.to_owned(),
            family: family.to_owned(),
            doc: doc.to_owned(),
            observation: vec![image, direction, mission],
            actions: ActionSpace::Discrete {
                n: rules::ACTIONS.len(),
            },
            action_names: rules::ACTIONS.map(str::to_owned).to_vec(),
            max_steps: Some(max_steps),
            reward_range: (0.0, 1.0),
            agents_per_env: 1,
            facts: facts::schema(level.geometry(), max_steps),
        };
        let see_through_walls = settings
            .see_through_walls
            .unwrap_or_else(|| level.see_through_walls());
        Self {
            spec,
            level,
            missions,
            max_steps,
            see_through_walls,
            portable: settings.portable,
        }
    }

    /// The family of levels.
    pub fn level(&self) -> &Arc<dyn Level> {
        &self.level
    }
}

impl Env for Gridworld {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn build(&self, shard: &mut ShardBuilder<'_>) -> Result<Box<dyn EnvRows>, SimError> {
        let geometry = self.level.geometry();
        let n = shard.n_envs();
        let objective = self.level.objective();
        let agent = Agent {
            at: geometry.place(1, 1),
            step: 0,
            dir: 0,
            carrying: Cell::EMPTY.code(),
        };
        shard.state(|_| agent);
        shard.state(|_| Target {
            success: 0,
            failure: 0,
            mission: 0,
            object: Cell::EMPTY.code(),
        });
        shard.column(Cells {
            column: CellColumn::new(geometry, n),
            stale: vec![true; n],
        });
        shard.resource(Touches(vec![Touch::NONE; n]));
        shard.resource(Rules {
            headings: geometry.headings(),
            objective,
            action_map: objective.action_map(),
            max_steps: self.max_steps,
        });
        let state_facts: Vec<_> = shard
            .facts()
            .state
            .iter()
            .filter_map(|&i| StateFact::from_schema(i))
            .collect();
        let event_facts: Vec<_> = shard
            .facts()
            .event
            .iter()
            .filter_map(|&i| EventFact::from_schema(i))
            .collect();
        shard.systems(StepSet::Act, act);
        let distances = state_facts
            .contains(&StateFact::GoalDistance)
            .then(|| Distances::new(geometry, n));
        if distances.is_some() {
            shard.systems(StepSet::Advance, mark_stale);
        }
        shard.systems(StepSet::Judge, judge).systems(StepSet::End, end);
        let world = shard.world();
        let entities = rows_in_order(world, &self.spec.id)?;
        let viewer = Viewer::new(geometry, self.see_through_walls);
        Ok(Box::new(GridRows {
            id: self.spec.id.clone(),
            template: template(&*self.level),
            level: Arc::clone(&self.level),
            objective,
            viewer: if self.portable {
                WideViewer::portable(viewer)
            } else {
                WideViewer::new(viewer)
            },
            entities,
            starts: world.query(),
            seen: world.query(),
            poses: world.query(),
            state_facts,
            event_facts,
            distances,
        }))
    }

    fn text(&self, component: usize, id: i32) -> Cow<'static, str> {
        let mission = usize::try_from(id).ok().and_then(|id| self.missions.get(id));
        match (component, mission) {
            (2, Some(text)) => Cow::Owned(text.clone()),
            _ => Cow::Borrowed(""),
        }
    }
}

/// The shard's entities by row. Systems zip queries with columns, so the order of iteration must be the rows'.
fn rows_in_order(world: &mut World, id: &str) -> Result<Vec<Entity>, SimError> {
    let mut query = world.query::<(Entity, &EnvIx, &Agent)>();
    let rows: Vec<_> = query
        .iter(world)
        .map(|(entity, ix, _)| (entity, ix.0 as usize))
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

/// The bytes of one instance with what all levels share.
fn template(level: &dyn Level) -> Vec<u8> {
    let mut column = CellColumn::new(level.geometry(), 1);
    let mut board = column.board_mut(0);
    board.clear();
    level.draw_template(&mut board);
    board.codes_mut().to_vec()
}

struct GridRows {
    id: String,
    level: Arc<dyn Level>,
    objective: Objective,
    template: Vec<u8>,
    viewer: WideViewer,
    entities: Vec<Entity>,
    starts: QueryState<(&'static mut Rng, &'static mut Agent, &'static mut Target)>,
    seen: QueryState<(&'static Agent, &'static Target)>,
    poses: QueryState<&'static mut Agent>,
    state_facts: Vec<StateFact>,
    event_facts: Vec<EventFact>,
    distances: Option<Distances>,
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
                facts::write_state(wanted, facts, row, &cells.board(row), agent, distance);
            });
        });
    }
}

/// Calls `each` with every selected row.
fn for_rows(rows: RowSelection<'_>, n: usize, mut each: impl FnMut(usize)) {
    match rows {
        RowSelection::All => (0..n).for_each(each),
        RowSelection::List(list) => list.iter().for_each(|&row| each(row as usize)),
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
        let [image, direction, mission] = observation.as_mut_slice() else {
            return;
        };
        if let (Some(images), Some(directions), Some(missions)) =
            (image.data.as_u8(), direction.data.as_i32(), mission.data.as_i32())
        {
            let world: &World = world;
            let column = &world.resource::<Cells>().column;
            // Poses come from snapshots too: a place outside the grid must not become one outside the column.
            let last = column
                .geometry()
                .place(column.geometry().width() - 1, column.geometry().height() - 1);
            let sight = |row: usize, agent: &Agent| Sight {
                at: column.origin(row) + agent.at.min(last) as usize,
                dir: agent.dir,
                carrying: agent.carrying,
            };
            match rows {
                RowSelection::All => {
                    let numbers = directions.iter_mut().zip(missions.iter_mut()).enumerate();
                    let sights = self.seen.iter(world).zip(numbers).map(
                        |((agent, target), (row, (direction, mission)))| {
                            *direction = i32::from(agent.dir);
                            *mission = i32::from(target.mission);
                            sight(row, agent)
                        },
                    );
                    self.viewer.observe_all(column.bytes(), sights, images);
                }
                RowSelection::List(list) => {
                    for &row in list {
                        let row = row as usize;
                        let Ok((agent, target)) = self.seen.get(world, self.entities[row]) else {
                            continue;
                        };
                        directions[row] = i32::from(agent.dir);
                        missions[row] = i32::from(target.mission);
                        let image = &mut images[row * IMAGE_BYTES..(row + 1) * IMAGE_BYTES];
                        self.viewer
                            .observe_all(column.bytes(), std::iter::once(sight(row, agent)), image);
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
