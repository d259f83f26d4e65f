//! The gridworld's columns and the four systems of a step.
//!
//! All rows of a shard have the same components, so they lie in one table and in the order of their numbers (which the
//! build checks): a system takes the table's slices and walks them beside the columns.

use bevy_ecs::resource::Resource;
use bevy_ecs::system::{Query, Res, ResMut};
use prospect_sim::{ActionColumn, ColumnState, Outcome, RowState};

use super::cell::Cell;
use super::grid::{Board, CellColumn};
use super::rules::{self, Agent, Objective, Target, Touch};

impl RowState for Agent {
    const NAME: &'static str = "grid_agent";
}

impl RowState for Target {
    const NAME: &'static str = "grid_target";
}

/// The cells of all rows of a shard.
#[derive(Resource, Debug)]
pub(super) struct Cells {
    pub(super) column: CellColumn,
    /// Rows whose cells have changed since their distances were last computed.
    pub(super) stale: Vec<bool>,
}

impl Cells {
    pub(super) fn board(&self, row: usize) -> Board<'_> {
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
pub(super) struct Touches(pub(super) Vec<Touch>);

/// The constants of a shard's systems.
#[derive(Resource, Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) headings: [i32; 4],
    pub(super) objective: Objective,
    pub(super) action_map: [u8; 8],
    pub(super) max_steps: u32,
}

/// `Act`: every agent's action changes its pose, its hands and the cell in front of it.
pub(super) fn act(
    mut agents: Query<'_, '_, &mut Agent>,
    actions: Res<'_, ActionColumn>,
    rules: Res<'_, Rules>,
    mut cells: ResMut<'_, Cells>,
    mut touches: ResMut<'_, Touches>,
) {
    let rules = *rules;
    let Ok(mut tables) = agents.contiguous_iter_mut() else {
        return;
    };
    let Some(mut agents) = tables.next() else { return };
    let agents = agents.bypass_change_detection().iter_mut();
    let rows = agents
        .zip(cells.column.rows_mut())
        .zip(&mut touches.0)
        .zip(&actions.discrete);
    for (((agent, codes), touch), &action) in rows {
        let action = rules.action_map[(action & 7) as usize];
        *touch = rules::act(codes, &rules.headings, agent, action);
    }
}

/// `Advance`: nothing in these levels moves by itself; rows whose grid has changed are marked for the planner.
pub(super) fn mark_stale(mut cells: ResMut<'_, Cells>, touches: Res<'_, Touches>) {
    for (stale, touch) in cells.stale.iter_mut().zip(&touches.0) {
        *stale |= touch.changed();
    }
}

/// `Judge`: reward and termination.
pub(super) fn judge(
    agents: Query<'_, '_, (&Agent, &Target)>,
    cells: Res<'_, Cells>,
    rules: Res<'_, Rules>,
    touches: Res<'_, Touches>,
    mut outcome: ResMut<'_, Outcome>,
) {
    let rules = *rules;
    let Some((agents, targets)) = agents.contiguous_iter().ok().and_then(|mut tables| tables.next()) else {
        return;
    };
    let outcome = &mut *outcome;
    let results = outcome.reward.iter_mut().zip(&mut outcome.terminated);
    let rows = agents
        .iter()
        .zip(targets)
        .zip(cells.column.rows())
        .zip(&touches.0);
    for ((((agent, target), codes), touch), (reward, terminated)) in rows.zip(results) {
        let verdict = rules::judge(rules.objective, codes, agent, target, *touch);
        *terminated = verdict.terminated;
        *reward = if verdict.success {
            rules::success_reward(agent.step, rules.max_steps)
        } else {
            0.0
        };
    }
}

/// `End`: the step limit, whether or not the episode has terminated.
pub(super) fn end(agents: Query<'_, '_, &Agent>, rules: Res<'_, Rules>, mut outcome: ResMut<'_, Outcome>) {
    let max_steps = rules.max_steps;
    let Some(agents) = agents.contiguous_iter().ok().and_then(|mut tables| tables.next()) else {
        return;
    };
    for (agent, truncated) in agents.iter().zip(&mut outcome.truncated) {
        *truncated = agent.step >= max_steps;
    }
}
