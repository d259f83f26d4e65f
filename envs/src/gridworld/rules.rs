//! What an action does to the grid, and what ends an episode: `MiniGridEnv.step` of `MiniGrid` 3.2.0.

use std::hint::select_unpredictable as select;

use bevy_ecs::component::Component;
use serde::{Deserialize, Serialize};

use super::cell::{Cell, TOGGLED};
use super::levels::Start;

/// Names of the actions, in order.
pub const ACTIONS: [&str; 7] = ["left", "right", "forward", "pickup", "drop", "toggle", "done"];
/// Turn left.
pub const LEFT: u8 = 0;
/// Turn right.
pub const RIGHT: u8 = 1;
/// Move forward.
pub const FORWARD: u8 = 2;
/// Pick up what is in front.
pub const PICKUP: u8 = 3;
/// Drop what is carried in front.
pub const DROP: u8 = 4;
/// Open, close or unlock the door in front, or open the box.
pub const TOGGLE: u8 = 5;

/// What ends an episode with success. Walking onto a goal square always does, and lava always ends it without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// Walk onto the goal square.
    Goal,
    /// Pick up [`Target::object`].
    PickUp,
    /// Toggle something while the door at [`Target::success`] is open.
    Open,
    /// Stand on [`Target::success`], not on [`Target::failure`]. The pick-up action toggles.
    Reach,
}

impl Objective {
    /// What each action means under this objective.
    pub(crate) const fn action_map(self) -> [u8; 8] {
        match self {
            Self::Reach => [0, 1, 2, TOGGLE, 4, 5, 6, 6],
            _ => [0, 1, 2, 3, 4, 5, 6, 6],
        }
    }
}

/// The agent of an instance and its clock.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The agent's place, an index into its instance's cells.
    pub at: u32,
    /// Steps made in this episode.
    pub step: u32,
    /// Heading: 0 right, 1 down, 2 left, 3 up.
    pub dir: u8,
    /// Code of what it carries; [`Cell::EMPTY`] for empty hands.
    pub carrying: u8,
}

/// What an instance's episode is about.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Place of the success cell or the door to open.
    pub success: u32,
    /// Place of the failure cell.
    pub failure: u32,
    /// Index of the mission's text.
    pub mission: u16,
    /// Code of the object to pick up.
    pub object: u8,
}

impl Target {
    /// The target of a fresh level.
    pub(crate) const fn of(start: &Start, geometry: super::grid::Geometry) -> Self {
        Self {
            success: geometry.place(start.success.0, start.success.1),
            failure: geometry.place(start.failure.0, start.failure.1),
            mission: start.mission,
            object: start.object.code(),
        }
    }
}

/// What a step did to the cell in front: enough to judge it and to tell its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// The action, as the objective takes it ([`Objective::Reach`] makes pick-up a toggle).
    pub action: u8,
    /// Code of the front cell before the action.
    pub before: u8,
    /// Code of that cell after it.
    pub after: u8,
}

impl Touch {
    /// A step that touched nothing.
    pub const NONE: Self = Self {
        action: 6,
        before: Cell::EMPTY.code(),
        after: Cell::EMPTY.code(),
    };

    /// Whether the step changed the grid.
    pub const fn changed(self) -> bool {
        self.before != self.after
    }
}

/// Makes one action. `cells` are the codes of one instance, `headings` from its geometry.
///
/// There is no branch on the action: random actions would be mispredicted every other step.
#[inline]
#[expect(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch")]
pub fn act(cells: &mut [u8], headings: &[i32; 4], agent: &mut Agent, action: u8) -> Touch {
    const EMPTY: u8 = Cell::EMPTY.code();
    const TURN: [u8; 8] = [3, 1, 0, 0, 0, 0, 0, 0];
    let place = agent.at.wrapping_add_signed(headings[(agent.dir & 3) as usize]);
    let Some(front) = cells.get_mut(place as usize) else {
        // Only in a level without border walls: what lies outside is wall.
        return act_at_edge(agent, action, TURN[(action & 7) as usize]);
    };
    let before = *front;
    let cell = Cell::from_column(before);
    let held = agent.carrying;
    let forward = (action == FORWARD) & cell.is_walkable();
    let pick = (action == PICKUP) & (held == EMPTY) & cell.is_portable();
    let drop = (action == DROP) & (held != EMPTY) & (before == EMPTY);
    let unlock = Cell::from_column(held).unlocks(cell);
    let toggled = select(unlock, cell.unlocked().code(), TOGGLED[(before & 63) as usize]);
    let after = select(
        action == TOGGLE,
        toggled,
        select(pick, EMPTY, select(drop, held, before)),
    );
    *front = after;
    agent.carrying = select(pick, before, select(drop, EMPTY, held));
    agent.at = select(forward, place, agent.at);
    agent.dir = (agent.dir + TURN[(action & 7) as usize]) & 3;
    agent.step += 1;
    Touch {
        action,
        before,
        after,
    }
}

#[cold]
fn act_at_edge(agent: &mut Agent, action: u8, turn: u8) -> Touch {
    agent.dir = (agent.dir + turn) & 3;
    agent.step += 1;
    Touch {
        action,
        before: Cell::WALL.code(),
        after: Cell::WALL.code(),
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The task has ended.
    pub terminated: bool,
    /// It has ended with success.
    pub success: bool,
}

/// Judges a step; `cells` are the codes of one instance after it.
#[inline]
pub fn judge(objective: Objective, cells: &[u8], agent: &Agent, target: &Target, touch: Touch) -> Verdict {
    let walked = touch.action == FORWARD;
    let goal = walked && touch.before == Cell::GOAL.code();
    let lava = walked && touch.before == Cell::LAVA.code();
    let (success, failure) = match objective {
        Objective::Goal => (false, false),
        Objective::PickUp => (touch.action == PICKUP && agent.carrying == target.object, false),
        Objective::Open => {
            let open = cells
                .get(target.success as usize)
                .is_some_and(|door| Cell::from_column(*door).is_open_door());
            (touch.action == TOGGLE && open, false)
        }
        Objective::Reach => (agent.at == target.success, agent.at == target.failure),
    };
    let success = (goal | success) && !failure;
    Verdict {
        terminated: success | lava | failure,
        success,
    }
}

/// The reward of success after `step` of `max_steps` steps.
#[inline]
pub fn success_reward(step: u32, max_steps: u32) -> f64 {
    1.0 - 0.9 * (f64::from(step) / f64::from(max_steps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gridworld::cell::{Colour, DoorState};
    use crate::gridworld::grid::{CellColumn, Geometry};

    fn step(front: Cell, carrying: Cell, action: u8) -> (Agent, Cell, Touch) {
        let geometry = Geometry::new(3, 1);
        let mut column = CellColumn::new(geometry, 1);
        let mut board = column.board_mut(0);
        board.clear();
        board.set(1, 0, front);
        let mut agent = Agent {
            at: 0,
            step: 4,
            dir: 0,
            carrying: carrying.code(),
        };
        let touch = act(board.codes_mut(), &geometry.headings(), &mut agent, action);
        assert_eq!(agent.step, 5);
        (agent, board.get(1, 0), touch)
    }

    #[test]
    fn turns_go_round_and_move_nothing() {
        let (agent, _, touch) = step(Cell::EMPTY, Cell::EMPTY, LEFT);
        assert_eq!((agent.dir, agent.at, touch.changed()), (3, 0, false));
        let (agent, _, _) = step(Cell::EMPTY, Cell::EMPTY, RIGHT);
        assert_eq!((agent.dir, agent.at), (1, 0));
    }

    #[test]
    fn forward_enters_what_can_be_walked_on() {
        for (front, moves) in [
            (Cell::EMPTY, true),
            (Cell::GOAL, true),
            (Cell::LAVA, true),
            (Cell::floor(Colour::Red), true),
            (Cell::door(Colour::Red, DoorState::Open), true),
            (Cell::door(Colour::Red, DoorState::Closed), false),
            (Cell::WALL, false),
            (Cell::key(Colour::Red), false),
            (Cell::boxed(Colour::Red), false),
        ] {
            let (agent, after, _) = step(front, Cell::EMPTY, FORWARD);
            assert_eq!(agent.at == 1, moves, "{front:?}");
            assert_eq!(after, front);
        }
    }

    #[test]
    fn pick_up_needs_empty_hands_and_drop_an_empty_cell() {
        let (ball, key) = (Cell::ball(Colour::Blue), Cell::key(Colour::Red));
        let (agent, after, _) = step(ball, Cell::EMPTY, PICKUP);
        assert_eq!((agent.carrying, after), (ball.code(), Cell::EMPTY));
        let (agent, after, _) = step(ball, key, PICKUP);
        assert_eq!((agent.carrying, after), (key.code(), ball));
        let (agent, after, _) = step(Cell::EMPTY, key, DROP);
        assert_eq!((agent.carrying, after), (Cell::EMPTY.code(), key));
        let (agent, after, _) = step(Cell::floor(Colour::Blue), key, DROP);
        assert_eq!((agent.carrying, after), (key.code(), Cell::floor(Colour::Blue)));
        let (agent, after, _) = step(Cell::EMPTY, Cell::EMPTY, DROP);
        assert_eq!((agent.carrying, after), (Cell::EMPTY.code(), Cell::EMPTY));
    }

    #[test]
    fn toggling_flips_doors_and_locked_ones_want_their_key() {
        let door = |state| Cell::door(Colour::Green, state);
        let (open, closed, locked) = (
            door(DoorState::Open),
            door(DoorState::Closed),
            door(DoorState::Locked),
        );
        assert_eq!(step(open, Cell::EMPTY, TOGGLE).1, closed);
        assert_eq!(step(closed, Cell::EMPTY, TOGGLE).1, open);
        assert_eq!(step(locked, Cell::EMPTY, TOGGLE).1, locked);
        assert_eq!(step(locked, Cell::key(Colour::Red), TOGGLE).1, locked);
        let (agent, after, _) = step(locked, Cell::key(Colour::Green), TOGGLE);
        assert_eq!((agent.carrying, after), (Cell::key(Colour::Green).code(), open));
        assert_eq!(step(Cell::boxed(Colour::Red), Cell::EMPTY, TOGGLE).1, Cell::EMPTY);
        assert_eq!(step(Cell::GOAL, Cell::EMPTY, TOGGLE).1, Cell::GOAL);
    }
}
