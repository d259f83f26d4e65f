//! Plans over the true state: shortest action tapes to success.
//!
//! [`plan`] is a breadth-first search over pose, hands, doors and moved objects. It leaves out actions that
//! cannot shorten a tape: closing doors, opening boxes, taking a key whose doors are open, dropping something
//! that is still needed. Tapes are shortest for every task in which nothing has to be put down (Empty, `DoorKey`,
//! `FourRooms`, `MultiRoom`, crossings, `LavaGap`, Unlock, Memory). Where a key or an obstacle must be put down, they
//! are shortest among the tapes that take an obstacle only from where the level put it.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use arrayvec::ArrayVec;

use super::cell::Cell;
use super::grid::Board;
use super::rules::{Agent, DROP, FORWARD, LEFT, Objective, PICKUP, RIGHT, TOGGLE, Target, success_reward};

/// States after which a search gives up.
const MAX_STATES: usize = 12_000_000;
const MAX_OBJECTS: usize = 4;
const MAX_DOORS: usize = 64;
const NOWHERE: u16 = u16::MAX;

/// A state of the search: what can differ between two moments of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    at: u16,
    dir: u8,
    /// Index of the object in hand, or [`EMPTY_HANDS`].
    held: u8,
    /// Which doors are open.
    open: u64,
    /// Where the objects lie; [`NOWHERE`] for the one in hand.
    objects: [u16; MAX_OBJECTS],
}

const EMPTY_HANDS: u8 = u8::MAX;

/// A multiplicative hasher: states are short, and not chosen by anybody who wants collisions.
#[derive(Debug, Default, Clone, Copy)]
struct StateHasher(u64);

impl Hasher for StateHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// What does not change during a search.
struct Problem<'a> {
    codes: &'a [u8],
    headings: [i32; 4],
    objective: Objective,
    target: &'a Target,
    doors: ArrayVec<(u16, Cell), MAX_DOORS>,
    objects: ArrayVec<(u16, Cell), MAX_OBJECTS>,
}

/// A shortest tape of actions to success from the present state; `None` if none was found.
///
/// The tape may be longer than the steps that are left.
pub fn plan(board: &Board<'_>, agent: &Agent, target: &Target, objective: Objective) -> Option<Vec<u8>> {
    let problem = Problem::new(board, agent, target, objective, false);
    problem.search(agent).or_else(|| {
        // Something may stand in the way: let objects be moved that the task itself does not need.
        let problem = Problem::new(board, agent, target, objective, true);
        problem.search(agent)
    })
}

/// The return of a shortest tape, 0 where there is none in time: the best that a policy can do from here.
pub fn best_return(
    board: &Board<'_>,
    agent: &Agent,
    target: &Target,
    objective: Objective,
    max_steps: u32,
) -> f64 {
    let steps = plan(board, agent, target, objective).map(|tape| agent.step + tape.len() as u32);
    steps
        .filter(|steps| *steps <= max_steps)
        .map_or(0.0, |steps| success_reward(steps, max_steps))
}

impl<'a> Problem<'a> {
    fn new(
        board: &Board<'a>,
        agent: &Agent,
        target: &'a Target,
        objective: Objective,
        with_obstacles: bool,
    ) -> Self {
        let mut doors = ArrayVec::new();
        let mut needed: Vec<(u16, Cell)> = Vec::new();
        let mut others: Vec<(u16, Cell)> = Vec::new();
        for (x, y, cell) in board.cells() {
            let place = board.geometry().place(x, y) as u16;
            if cell.is_door() {
                doors.try_push((place, cell)).unwrap_or_default();
            } else if objective == Objective::PickUp && cell.code() == target.object {
                needed.insert(0, (place, cell));
            } else if cell.is_key() {
                needed.push((place, cell));
            } else if cell.is_portable() && with_obstacles {
                others.push((place, cell));
            }
        }
        let near_door = |place: u16| doors.iter().map(|(door, _)| door.abs_diff(place)).min();
        others.sort_by_key(|(place, _)| near_door(*place));
        let held = Cell::from_column(agent.carrying);
        let in_hand = held.is_portable().then_some((NOWHERE, held));
        // Under `Reach` the pick-up action toggles: nothing can be moved.
        let movable = needed
            .into_iter()
            .chain(others)
            .filter(|_| objective != Objective::Reach);
        let objects = in_hand.into_iter().chain(movable).take(MAX_OBJECTS).collect();
        let headings = board.geometry().headings();
        Self {
            codes: board.codes(),
            headings,
            objective,
            target,
            doors,
            objects,
        }
    }

    fn start(&self, agent: &Agent) -> State {
        let mut objects = [NOWHERE; MAX_OBJECTS];
        for (place, (initial, _)) in objects.iter_mut().zip(&self.objects) {
            *place = *initial;
        }
        let held = if self.objects.first().is_some_and(|(place, _)| *place == NOWHERE) {
            0
        } else {
            EMPTY_HANDS
        };
        let mut open = 0;
        for (k, (_, door)) in self.doors.iter().enumerate() {
            open |= u64::from(door.is_open_door()) << k;
        }
        State {
            at: agent.at as u16,
            dir: agent.dir & 3,
            held,
            open,
            objects,
        }
    }

    fn search(&self, agent: &Agent) -> Option<Vec<u8>> {
        let start = self.start(agent);
        let mut seen: HashSet<State, BuildHasherDefault<StateHasher>> = HashSet::default();
        seen.insert(start);
        let mut states = vec![start];
        let mut parents: Vec<(u32, u8)> = vec![(0, 0)];
        let mut next = 0;
        while next < states.len() && states.len() < MAX_STATES {
            let state = states[next];
            for action in [LEFT, RIGHT, FORWARD, PICKUP, DROP, TOGGLE] {
                let Some((after, success)) = self.apply(state, action) else {
                    continue;
                };
                if success {
                    return Some(tape(&parents, next, action));
                }
                if seen.insert(after) {
                    states.push(after);
                    parents.push((next as u32, action));
                }
            }
            next += 1;
        }
        None
    }

    /// The state after an action and whether it means success; `None` for an action that is of no use.
    fn apply(&self, mut state: State, action: u8) -> Option<(State, bool)> {
        let front = i32::from(state.at) + self.headings[state.dir as usize];
        let front = u16::try_from(front).ok()?;
        let mut success = false;
        match action {
            LEFT => state.dir = (state.dir + 3) & 3,
            RIGHT => state.dir = (state.dir + 1) & 3,
            FORWARD => {
                let cell = self.cell(&state, front);
                let trap = self.objective == Objective::Reach && u32::from(front) == self.target.failure;
                if !cell.is_walkable() || cell == Cell::LAVA || trap {
                    return None;
                }
                state.at = front;
                let reached = self.objective == Objective::Reach && u32::from(front) == self.target.success;
                success = cell == Cell::GOAL || reached;
            }
            PICKUP => success = self.pick_up(&mut state, front)?,
            DROP => self.drop(&mut state, front)?,
            _ => success = self.toggle(&mut state, front)?,
        }
        Some((state, success))
    }

    /// What stands at a place.
    fn cell(&self, state: &State, place: u16) -> Cell {
        if let Some(k) = state.objects.iter().position(|object| *object == place) {
            return self.objects[k].1;
        }
        if let Some(k) = self.doors.iter().position(|(door, _)| *door == place) {
            let door = self.doors[k].1;
            return if state.open >> k & 1 == 1 && !door.is_open_door() {
                open(door)
            } else {
                door
            };
        }
        if self.objects.iter().any(|(initial, _)| *initial == place) {
            return Cell::EMPTY;
        }
        self.codes
            .get(place as usize)
            .map_or(Cell::WALL, |code| Cell::from_column(*code))
    }

    /// Whether a key still has a locked door to open.
    fn opens_something(&self, state: &State, key: Cell) -> bool {
        self.doors
            .iter()
            .enumerate()
            .any(|(k, (_, door))| state.open >> k & 1 == 0 && key.unlocks(*door))
    }

    fn pick_up(&self, state: &mut State, front: u16) -> Option<bool> {
        let k = state.objects.iter().position(|place| *place == front)?;
        let (initial, object) = self.objects[k];
        let success = self.objective == Objective::PickUp && object.code() == self.target.object;
        let wanted = success
            || if object.is_key() {
                self.opens_something(state, object)
            } else {
                initial == front
            };
        if state.held != EMPTY_HANDS || !wanted {
            return None;
        }
        state.held = k as u8;
        state.objects[k] = NOWHERE;
        Some(success)
    }

    fn drop(&self, state: &mut State, front: u16) -> Option<()> {
        let (_, object) = self.objects.get(state.held as usize)?;
        let useful = if object.is_key() {
            self.objective == Objective::PickUp && !self.opens_something(state, *object)
        } else {
            true
        };
        if !useful || self.cell(state, front) != Cell::EMPTY {
            return None;
        }
        state.objects[state.held as usize] = front;
        state.held = EMPTY_HANDS;
        Some(())
    }

    fn toggle(&self, state: &mut State, front: u16) -> Option<bool> {
        let k = self.doors.iter().position(|(place, _)| *place == front)?;
        let door = self.doors[k].1;
        let key = self
            .objects
            .get(state.held as usize)
            .map_or(Cell::EMPTY, |(_, object)| *object);
        if state.open >> k & 1 == 1 || (door.is_locked_door() && !key.unlocks(door)) {
            return None;
        }
        state.open |= 1 << k;
        Some(self.objective == Objective::Open && u32::from(front) == self.target.success)
    }
}

fn open(door: Cell) -> Cell {
    if door.is_locked_door() {
        door.unlocked()
    } else {
        door.toggled()
    }
}

fn tape(parents: &[(u32, u8)], mut state: usize, last: u8) -> Vec<u8> {
    let mut actions = vec![last];
    while state != 0 {
        let (parent, action) = parents[state];
        actions.push(action);
        state = parent as usize;
    }
    actions.reverse();
    actions
}
