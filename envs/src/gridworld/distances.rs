//! Walking distances through all that is left to do, for the fact `goal_distance`.

use super::cell::{Cell, Kind};
use super::grid::{Board, Geometry};
use super::rules::{Agent, Objective, Target};

const NOWHERE: u16 = u16::MAX;
/// A place that no grid has.
const NO_PLACE: u32 = u32::MAX;

/// Walking distances of each row of a shard, kept until the row's grid changes.
#[derive(Debug)]
pub(crate) struct Distances {
    geometry: Geometry,
    maps: Vec<u16>,
    queue: Vec<u32>,
    scratch: Vec<u16>,
}

impl Distances {
    pub(crate) fn new(geometry: Geometry, rows: usize) -> Self {
        let stride = geometry.stride();
        Self {
            geometry,
            maps: vec![NOWHERE; rows * stride],
            queue: Vec::with_capacity(stride),
            scratch: vec![NOWHERE; stride],
        }
    }

    /// The distance from a place, -1 if there is no way.
    pub(crate) fn at(&self, row: usize, place: u32) -> i32 {
        let stride = self.geometry.stride();
        let distance = self.maps.get(row * stride + (place as usize).min(stride - 1));
        distance
            .filter(|distance| **distance != NOWHERE)
            .map_or(-1, |distance| i32::from(*distance))
    }

    /// Computes the distances of a row from its present grid.
    pub(crate) fn update(
        &mut self,
        row: usize,
        board: &Board<'_>,
        agent: &Agent,
        target: &Target,
        objective: Objective,
    ) {
        let stages = Stages::of(board, agent, target, objective);
        let stride = self.geometry.stride();
        let map = &mut self.maps[row * stride..(row + 1) * stride];
        let Some(last) = stages.last else {
            map.fill(if agent.carrying == target.object {
                0
            } else {
                NOWHERE
            });
            return;
        };
        flood(board.codes(), self.geometry, last, 0, map, &mut self.queue);
        let reached = |map: &[u16], place: u32| map.get(place as usize).copied().unwrap_or(NOWHERE);
        let Some(door) = stages.door else { return };
        if reached(map, agent.at) != NOWHERE && (last != door || stages.holds_key) {
            return;
        }
        // The way leads through the locked door, and to its key first unless that is in hand.
        let key = if stages.holds_key {
            None
        } else {
            Some(stages.key.unwrap_or(NO_PLACE))
        };
        for stage in [Some(door), key].into_iter().flatten() {
            let rest = reached(map, stage);
            if rest == NOWHERE {
                map.fill(NOWHERE);
                return;
            }
            flood(
                board.codes(),
                self.geometry,
                stage,
                rest,
                &mut self.scratch,
                &mut self.queue,
            );
            map.copy_from_slice(&self.scratch);
        }
    }
}

/// What an agent has to walk to before the episode ends.
struct Stages {
    /// Where success is; none if the object to pick up is in hand or gone.
    last: Option<u32>,
    /// The first locked door.
    door: Option<u32>,
    /// Its key, if that lies somewhere.
    key: Option<u32>,
    /// Whether its key is in hand.
    holds_key: bool,
}

impl Stages {
    fn of(board: &Board<'_>, agent: &Agent, target: &Target, objective: Objective) -> Self {
        let find = |wanted: &dyn Fn(Cell) -> bool| -> Option<u32> {
            let found = board.cells().find(|(_, _, cell)| wanted(*cell));
            found.map(|(x, y, _)| board.geometry().place(x, y))
        };
        let last = match objective {
            Objective::Goal => find(&|cell| cell == Cell::GOAL),
            Objective::PickUp => find(&|cell| cell.code() == target.object),
            Objective::Open | Objective::Reach => Some(target.success),
        };
        let door = find(&Cell::is_locked_door);
        let key = door.and_then(|door| find(&|cell| cell.unlocks(board.at(door))));
        let holds_key = door.is_some_and(|door| Cell::from_column(agent.carrying).unlocks(board.at(door)));
        Self {
            last,
            door,
            key,
            holds_key,
        }
    }
}

/// Walking distances to `source`, plus `offset`. Walls and lava block; locked doors are reached, not crossed.
fn flood(codes: &[u8], geometry: Geometry, source: u32, offset: u16, map: &mut [u16], queue: &mut Vec<u32>) {
    map.fill(NOWHERE);
    queue.clear();
    map[source as usize] = offset;
    queue.push(source);
    let mut next = 0;
    while let Some(&place) = queue.get(next) {
        next += 1;
        let distance = map[place as usize];
        for heading in geometry.headings() {
            let to = place.wrapping_add_signed(heading) as usize;
            let Some(&code) = codes.get(to) else { continue };
            let cell = Cell::from_column(code);
            if map[to] != NOWHERE || matches!(cell.kind(), Kind::Wall | Kind::Lava) {
                continue;
            }
            map[to] = distance + 1;
            if !cell.is_locked_door() {
                queue.push(to as u32);
            }
        }
    }
}
