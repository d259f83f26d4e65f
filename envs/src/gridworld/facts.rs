//! The facts that gridworlds publish: names, units and ranges. Names are stable.

use prospect_sim::{Dtype, FactSpec, Field, FieldsMut};

use super::cell::Cell;
use super::grid::{Board, Geometry};
use super::rules::{ACTIONS, Agent, DROP, FORWARD, Objective, PICKUP, TOGGLE, Touch, act};

/// A fact about a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StateFact {
    AgentX,
    AgentY,
    AgentDir,
    CarryingType,
    CarryingColor,
    FrontType,
    FrontColor,
    FrontState,
    Step,
    GoalDistance,
    OpenDoors,
    LockedDoors,
    ActionMask,
}

/// A fact about a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventFact {
    Moved,
    Bumped,
    PickedUp,
    Dropped,
    OpenedDoor,
    ClosedDoor,
    UnlockedDoor,
    OpenedBox,
    Success,
    Failure,
}

const STATE: [StateFact; 13] = [
    StateFact::AgentX,
    StateFact::AgentY,
    StateFact::AgentDir,
    StateFact::CarryingType,
    StateFact::CarryingColor,
    StateFact::FrontType,
    StateFact::FrontColor,
    StateFact::FrontState,
    StateFact::Step,
    StateFact::GoalDistance,
    StateFact::OpenDoors,
    StateFact::LockedDoors,
    StateFact::ActionMask,
];

const EVENTS: [EventFact; 10] = [
    EventFact::Moved,
    EventFact::Bumped,
    EventFact::PickedUp,
    EventFact::Dropped,
    EventFact::OpenedDoor,
    EventFact::ClosedDoor,
    EventFact::UnlockedDoor,
    EventFact::OpenedBox,
    EventFact::Success,
    EventFact::Failure,
];

impl StateFact {
    /// The fact at an index of [`schema`].
    pub(crate) fn from_schema(index: usize) -> Option<Self> {
        STATE.get(index).copied()
    }

    fn spec(self, geometry: Geometry, max_steps: u32) -> FactSpec {
        let cells = geometry.width() * geometry.height();
        let (name, low, high, unit, doc) = match self {
            Self::AgentX => (
                "agent_x",
                0,
                geometry.width() - 1,
                "cells",
                "the agent's column, 0 at the left",
            ),
            Self::AgentY => (
                "agent_y",
                0,
                geometry.height() - 1,
                "cells",
                "the agent's line, 0 at the top",
            ),
            Self::AgentDir => ("agent_dir", 0, 3, "", "heading: 0 right, 1 down, 2 left, 3 up"),
            Self::CarryingType => (
                "carrying_type",
                1,
                7,
                "",
                "object in hand as MiniGrid numbers it: 1 none, 5 key, 6 ball, 7 box",
            ),
            Self::CarryingColor => (
                "carrying_color",
                -1,
                5,
                "",
                "its colour: 0 red, 1 green, 2 blue, 3 purple, 4 yellow, 5 grey, -1 none",
            ),
            Self::FrontType => (
                "front_type",
                1,
                9,
                "",
                "object in front: 1 none, 2 wall, 3 floor, 4 door, 5 key, 6 ball, 7 box, 8 goal, 9 lava",
            ),
            Self::FrontColor => ("front_color", -1, 5, "", "its colour, -1 none"),
            Self::FrontState => (
                "front_state",
                -1,
                2,
                "",
                "a door in front: 0 open, 1 closed, 2 locked; -1 no door",
            ),
            Self::Step => (
                "step",
                0,
                max_steps as usize,
                "steps",
                "steps made in this episode",
            ),
            Self::GoalDistance => (
                "goal_distance",
                -1,
                3 * cells,
                "cells",
                "cells to walk through all that is left to do (to the key, its door, the target); doors count as open, \
                 turns and other actions do not count; -1 if there is no way",
            ),
            Self::OpenDoors => ("n_open_doors", 0, cells, "", "open doors in the level"),
            Self::LockedDoors => ("n_locked_doors", 0, cells, "", "locked doors in the level"),
            Self::ActionMask => {
                return FactSpec::state(
                    Field::new("action_mask", Dtype::Bool, &[ACTIONS.len()], 0.0, 1.0),
                    "",
                    "by action: whether it would change more than the clock",
                );
            }
        };
        FactSpec::state(
            Field::new(name, Dtype::I32, &[], f64::from(low), high as f64),
            unit,
            doc,
        )
    }

    fn of(self, board: &Board<'_>, agent: &Agent, distance: i32) -> i32 {
        let geometry = board.geometry();
        let carrying = Cell::from_column(agent.carrying);
        let front = || front_cell(board, agent);
        let colour = |cell: Cell| cell.colour().map_or(-1, |colour| colour as i32);
        let count =
            |which: fn(Cell) -> bool| board.cells().filter(|(_, _, cell)| which(*cell)).count() as i32;
        match self {
            Self::AgentX => geometry.coordinates(agent.at).0 as i32,
            Self::AgentY => geometry.coordinates(agent.at).1 as i32,
            Self::AgentDir => i32::from(agent.dir),
            Self::CarryingType => carrying.kind() as i32,
            Self::CarryingColor => colour(carrying),
            Self::FrontType => front().kind() as i32,
            Self::FrontColor => colour(front()),
            Self::FrontState => front().door_state().map_or(-1, |state| state as i32),
            Self::Step => agent.step as i32,
            Self::GoalDistance => distance,
            Self::OpenDoors => count(Cell::is_open_door),
            Self::LockedDoors => count(Cell::is_locked_door),
            Self::ActionMask => 0,
        }
    }
}

/// By action, whether it would change the agent or the cell in front: the rules themselves, tried on these two.
fn action_mask(board: &Board<'_>, agent: &Agent, objective: Objective) -> [bool; ACTIONS.len()] {
    const AHEAD: [i32; 4] = [1; 4];
    let front = front_cell(board, agent).code();
    let map = objective.action_map();
    std::array::from_fn(|action| {
        let mut cells = [Cell::EMPTY.code(), front];
        let before = Agent { at: 0, ..*agent };
        let mut after = before;
        let touch = act(&mut cells, &AHEAD, &mut after, map[action]);
        after.step = before.step;
        touch.changed() || after != before
    })
}

/// What the agent faces; wall outside of the grid.
fn front_cell(board: &Board<'_>, agent: &Agent) -> Cell {
    let heading = board.geometry().headings()[(agent.dir & 3) as usize];
    let place = agent.at.wrapping_add_signed(heading);
    let code = board.codes().get(place as usize);
    code.map_or(Cell::WALL, |code| Cell::from_column(*code))
}

impl EventFact {
    /// The fact at an index of [`schema`].
    pub(crate) fn from_schema(index: usize) -> Option<Self> {
        EVENTS.get(index.checked_sub(STATE.len())?).copied()
    }

    fn spec(self) -> FactSpec {
        let (name, doc) = match self {
            Self::Moved => ("moved", "the agent walked one cell"),
            Self::Bumped => ("bumped", "the agent tried to walk and could not"),
            Self::PickedUp => ("picked_up", "an object was picked up"),
            Self::Dropped => ("dropped", "an object was dropped"),
            Self::OpenedDoor => ("opened_door", "a door was opened, locked or not"),
            Self::ClosedDoor => ("closed_door", "a door was closed"),
            Self::UnlockedDoor => ("unlocked_door", "a locked door was opened"),
            Self::OpenedBox => ("opened_box", "a box was opened"),
            Self::Success => ("success", "the episode ended with success"),
            Self::Failure => (
                "failure",
                "the episode terminated without success; running out of time is no failure",
            ),
        };
        FactSpec::event(Field::new(name, Dtype::Bool, &[], 0.0, 1.0), "", doc)
    }

    /// Whether it holds of a step.
    pub(crate) fn of(self, touch: Touch, terminated: bool, reward: f64) -> bool {
        let (before, after) = (Cell::from_column(touch.before), Cell::from_column(touch.after));
        let toggled = touch.action == TOGGLE && touch.changed();
        match self {
            Self::Moved => touch.action == FORWARD && before.is_walkable(),
            Self::Bumped => touch.action == FORWARD && !before.is_walkable(),
            Self::PickedUp => touch.action == PICKUP && touch.changed(),
            Self::Dropped => touch.action == DROP && touch.changed(),
            Self::OpenedDoor => toggled && after.is_open_door(),
            Self::ClosedDoor => toggled && before.is_open_door(),
            Self::UnlockedDoor => toggled && before.is_locked_door(),
            Self::OpenedBox => toggled && !before.is_door(),
            Self::Success => terminated && reward > 0.0,
            Self::Failure => terminated && reward <= 0.0,
        }
    }
}

/// The facts of a gridworld: first those of states, then those of transitions.
pub fn schema(geometry: Geometry, max_steps: u32) -> Vec<FactSpec> {
    let states = STATE.iter().map(|fact| fact.spec(geometry, max_steps));
    states.chain(EVENTS.iter().map(|fact| fact.spec())).collect()
}

/// Writes the wanted state facts of a row.
pub(crate) fn write_state(
    wanted: &[StateFact],
    fields: &mut FieldsMut<'_>,
    row: usize,
    board: &Board<'_>,
    agent: &Agent,
    objective: Objective,
    distance: i32,
) {
    for (fact, field) in wanted.iter().zip(fields) {
        if let (StateFact::ActionMask, Some(values)) = (fact, field.data.as_bool()) {
            let mask = action_mask(board, agent, objective);
            values[row * mask.len()..(row + 1) * mask.len()].copy_from_slice(&mask);
        }
        if let Some(values) = field.data.as_i32() {
            values[row] = fact.of(board, agent, distance);
        }
    }
}
