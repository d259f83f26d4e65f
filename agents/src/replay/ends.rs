//! Where episodes ended, per actor, and what the actors saw there: the only observations that no row of the ring holds.

use std::collections::VecDeque;

use prospect_sim::{Rollout, RowLayout, Slice};

use super::ring::Column;

/// One end of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    /// The absolute row of the step that ended it.
    row: u64,
    /// How many ends there were before this one, over all actors.
    serial: u64,
}

/// The ends of episodes inside the ring, with final observations and facts in a ring of their own that grows as needed.
#[derive(Debug, Clone)]
pub(super) struct Ends {
    actors: Vec<VecDeque<End>>,
    observation: Vec<Column>,
    state_facts: Vec<Column>,
    capacity: usize,
    /// Serial numbers `first..next` are kept.
    first: u64,
    next: u64,
}

impl Ends {
    pub(super) fn new(layout: &RowLayout) -> Self {
        let columns = |fields: &[prospect_sim::Field]| fields.iter().map(|f| Column::zeros(f, 0)).collect();
        Self {
            actors: vec![VecDeque::new(); layout.actors()],
            observation: columns(&layout.observation),
            state_facts: columns(&layout.state_facts),
            capacity: 0,
            first: 0,
            next: 0,
        }
    }

    /// The episode of `actor` ended with step `t` of `rollout`, which has the absolute number `row`.
    pub(super) fn push(&mut self, row: u64, actor: usize, rollout: &Rollout, t: usize) {
        let place = self.reserve(row, actor);
        let at = t * rollout.actors() + actor;
        for (i, column) in self.observation.iter_mut().enumerate() {
            write_record(column, place, rollout.final_observation(i), at);
        }
        for (i, column) in self.state_facts.iter_mut().enumerate() {
            write_record(column, place, rollout.final_fact(i), at);
        }
    }

    /// Notes an end and returns the place of its final observation, which is to be filled.
    pub(super) fn reserve(&mut self, row: u64, actor: usize) -> usize {
        if self.next - self.first == self.capacity as u64 {
            self.grow();
        }
        let serial = self.next;
        self.next += 1;
        self.actors[actor].push_back(End { row, serial });
        self.place(serial)
    }

    fn grow(&mut self) {
        let (old, new) = (self.capacity, (2 * self.capacity).max(16));
        let kept: Vec<usize> = (self.first..self.next)
            .map(|serial| (serial % old.max(1) as u64) as usize)
            .collect();
        let mut places = Vec::with_capacity(kept.len());
        self.capacity = new;
        places.extend((self.first..self.next).map(|serial| self.place(serial)));
        for column in self.observation.iter_mut().chain(&mut self.state_facts) {
            let grown = column.data.zeros_like(new * column.width);
            let before = std::mem::replace(&mut column.data, grown);
            for (&from, &to) in kept.iter().zip(&places) {
                write_record(column, to, before.as_slice(), from);
            }
        }
    }

    fn place(&self, serial: u64) -> usize {
        (serial % self.capacity.max(1) as u64) as usize
    }

    /// Forgets the ends in rows before `row`.
    pub(super) fn trim(&mut self, row: u64) {
        for ends in &mut self.actors {
            while ends.front().is_some_and(|end| end.row < row) {
                ends.pop_front();
                // Serial numbers grow with rows, so what goes are the smallest ones, in whatever order of actors.
                self.first += 1;
            }
        }
    }

    /// The first row at or after `row` at which an episode of `actor` ended.
    pub(super) fn at_or_after(&self, row: u64, actor: usize) -> Option<u64> {
        let ends = &self.actors[actor];
        let i = ends.partition_point(|end| end.row < row);
        ends.get(i).map(|end| end.row)
    }

    /// The last row before `row` at which an episode of `actor` ended.
    pub(super) fn before(&self, row: u64, actor: usize) -> Option<u64> {
        let ends = &self.actors[actor];
        let i = ends.partition_point(|end| end.row < row);
        i.checked_sub(1).and_then(|i| ends.get(i)).map(|end| end.row)
    }

    /// The last row at which an episode of `actor` ended.
    pub(super) fn last(&self, actor: usize) -> Option<u64> {
        self.actors[actor].back().map(|end| end.row)
    }

    /// Where the final observation of the episode that ended at `row` is.
    pub(super) fn find(&self, row: u64, actor: usize) -> Option<usize> {
        let ends = &self.actors[actor];
        let i = ends.partition_point(|end| end.row < row);
        let end = ends.get(i).filter(|end| end.row == row)?;
        Some(self.place(end.serial))
    }

    /// Component `i` of the final observation at `place`.
    pub(super) fn observation(&self, i: usize, place: usize) -> Slice<'_> {
        self.observation[i].record(place)
    }

    /// State fact `i` of the final state at `place`.
    pub(super) fn state_fact(&self, i: usize, place: usize) -> Slice<'_> {
        self.state_facts[i].record(place)
    }

    /// All columns, in the order in which files have them.
    pub(super) fn columns(&self) -> impl Iterator<Item = &Column> {
        self.observation.iter().chain(&self.state_facts)
    }

    /// The same, to be written.
    pub(super) fn columns_mut(&mut self) -> impl Iterator<Item = &mut Column> {
        self.observation.iter_mut().chain(&mut self.state_facts)
    }

    /// Bytes of everything.
    pub(super) fn bytes(&self) -> usize {
        let ends: usize = self.actors.iter().map(VecDeque::capacity).sum();
        let values: usize = self.columns().map(Column::bytes).sum();
        values + ends * size_of::<End>()
    }
}

fn write_record(column: &mut Column, place: usize, from: Slice<'_>, at: usize) {
    let width = column.width;
    column
        .data
        .write(place * width, from.slice(at * width..(at + 1) * width));
}
