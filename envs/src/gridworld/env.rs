//! The gridworld [`Env`]: its description, and how a shard of it is built.

use std::borrow::Cow;
use std::sync::Arc;

use prospect_sim::{ActionSpace, Dtype, Env, EnvRows, EnvSpec, Field, ShardBuilder, SimError, StepSet};

use super::cell::Cell;
use super::distances::Distances;
use super::facts::{self, EventFact, StateFact};
use super::grid::CellColumn;
use super::levels::Level;
use super::rows::GridRows;
use super::rules::{self, Agent, Target, Touch};
use super::systems::{Cells, Rules, Touches, act, end, judge, mark_stale};
use super::view::{VIEW, Viewer};
use super::wide::{Sight, WideViewer};
use crate::row_order::rows_in_order;

/// What may be changed about a level without changing its family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// The step limit (the level's own if none); at least 1.
    pub max_steps: Option<u32>,
    /// Whether walls hide nothing (as the level says if none).
    pub see_through_walls: Option<bool>,
    /// Side of the view in cells: 3, 5 or 7 (7 if none); `agent_view_size` of `MiniGrid`.
    pub view_size: Option<usize>,
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
    view_size: usize,
    portable: bool,
}

impl Gridworld {
    /// The env of `level` under a registered id.
    pub fn new(id: &str, family: &str, doc: &str, level: Arc<dyn Level>, settings: Settings) -> Self {
        let max_steps = settings.max_steps.unwrap_or_else(|| level.max_steps());
        let missions = level.missions();
        let view_size = settings.view_size.unwrap_or(VIEW);
        let image = Field::new("image", Dtype::U8, &[view_size, view_size, 3], 0.0, 255.0);
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
            view_size,
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
        self.add_state(shard);
        let facts = shard.facts();
        let state_facts: Vec<_> = facts
            .state
            .iter()
            .filter_map(|&i| StateFact::from_schema(i))
            .collect();
        let event_facts = facts
            .event
            .iter()
            .filter_map(|&i| EventFact::from_schema(i))
            .collect();
        let tracked = state_facts.contains(&StateFact::GoalDistance);
        shard.systems(StepSet::Act, act);
        if tracked {
            shard.systems(StepSet::Advance, mark_stale);
        }
        shard.systems(StepSet::Judge, judge).systems(StepSet::End, end);
        let world = shard.world();
        let entities = rows_in_order(world, &self.spec.id)?;
        let geometry = self.level.geometry();
        let viewer = Viewer::new(geometry, self.see_through_walls).with_side(self.view_size);
        let (starts, seen, poses) = (world.query(), world.query(), world.query());
        Ok(Box::new(GridRows {
            id: self.spec.id.clone(),
            template: template(&*self.level),
            level: Arc::clone(&self.level),
            objective: self.level.objective(),
            viewer: if self.portable {
                WideViewer::portable(viewer)
            } else {
                WideViewer::new(viewer)
            },
            sights: vec![Sight::default(); entities.len()],
            distances: tracked.then(|| Distances::new(geometry, entities.len())),
            entities,
            starts,
            seen,
            poses,
            state_facts,
            event_facts,
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

impl Gridworld {
    /// Adds components and columns to a shard.
    fn add_state(&self, shard: &mut ShardBuilder<'_>) {
        let (geometry, n) = (self.level.geometry(), shard.n_envs());
        let objective = self.level.objective();
        let empty = Cell::EMPTY.code();
        shard.state(|_| Agent {
            at: geometry.place(1, 1),
            step: 0,
            dir: 0,
            carrying: empty,
        });
        shard.state(|_| Target {
            success: 0,
            failure: 0,
            mission: 0,
            object: empty,
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
    }
}

/// The bytes of one instance with what all levels share.
fn template(level: &dyn Level) -> Vec<u8> {
    let mut column = CellColumn::new(level.geometry(), 1);
    let mut board = column.board_mut(0);
    board.clear();
    level.draw_template(&mut board);
    board.codes_mut().to_vec()
}
