//! The replay of learners that learn from old data: what was seen and done, sampled in windows of n steps.
//!
//! A [`Replay`] keeps the last rows of a run, each with the `K` actors of the envs. An observation is stored once: what step
//! `t` led to is the observation of row `t + 1`, or the final observation, which is kept aside, where the episode ended.
//! Rows have absolute numbers that go on for ever; row `r` is in slot `r % slots`.
//!
//! A [`Sample`] is itself a rollout, of `n` steps and as many actors as there are windows, so that reward modules label it
//! again as they label any rollout ([`prospect_shaping::RewardStack::relabel`]).
//!
//! Windows: a transition can be sampled once the `n` rows that begin with it are there (as in Dopamine; Stable-Baselines3
//! cuts the windows at the newest row short instead, which makes the newest transitions one-step ones). A window ends with
//! its episode, terminated or truncated, and never reaches into the next one.

mod draw;
mod ends;
mod priorities;
mod ring;
mod sample;
mod segments;
#[cfg(test)]
mod tests;

use std::ops::Range;

use prospect_sim::{Rollout, RowLayout, Slice};

pub use self::{
    draw::{Draw, Eligible},
    priorities::PriorityConfig,
    sample::{Sample, n_step_returns},
};
use self::{
    ends::Ends,
    priorities::Priorities,
    ring::{ALIVE, Ring},
};
use crate::error::AgentError;

/// The key of the run file that says how many transitions a replay holds.
const CAPACITY_KEY: &str = "agent.buffer_size";

/// A transition: the step of `actor` in row `row`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pick {
    /// The absolute number of its row.
    pub row: u64,
    /// The actor.
    pub actor: u32,
}

/// What was seen and done in the last rows of a run. See the module's page.
#[derive(Debug, Clone)]
pub struct Replay {
    layout: RowLayout,
    /// Rows of steps that are kept; the ring has one slot more, for the state that the newest step led to.
    rows: usize,
    ring: Ring,
    ends: Ends,
    /// The number of the first row that was taken in: not 0 where a run went on without its replay.
    base: u64,
    /// The number of the next row: rows `first_row()..head` have steps, row `head` has a state only.
    head: u64,
    /// Rows of a segment of a checkpoint.
    segment_rows: u64,
    /// Steps in the ring whose actor took part.
    alive: usize,
    priorities: Option<Priorities>,
}

/// Refuses a capacity that the system has no memory for, which would end the process without a word of why.
fn check_room(per_row: usize, rows: usize, capacity: usize) -> Result<(), AgentError> {
    let bytes = rows.checked_add(1).and_then(|rows| rows.checked_mul(per_row));
    if bytes.is_some_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok()) {
        return Ok(());
    }
    Err(AgentError::Config {
        key: CAPACITY_KEY,
        value: capacity.to_string(),
        remedy: format!(
            "{:.0} GB do not fit into this machine's memory; use fewer transitions",
            rows as f64 * per_row as f64 / 1e9
        ),
    })
}

impl Replay {
    /// An empty replay of at least `capacity` transitions (whole rows of `K`), with `context_columns` columns of reward
    /// modules' context.
    ///
    /// # Errors
    /// [`AgentError::Config`] for a capacity of 0 or beyond the machine's memory.
    pub fn new(layout: &RowLayout, context_columns: usize, capacity: usize) -> Result<Self, AgentError> {
        let actors = layout.actors();
        if capacity == 0 || actors == 0 {
            return Err(AgentError::Config {
                key: CAPACITY_KEY,
                value: capacity.to_string(),
                remedy: "use at least as many transitions as there are envs".to_owned(),
            });
        }
        let rows = capacity.div_ceil(actors);
        let per_row = Ring::new(layout, context_columns, 1).bytes();
        check_room(per_row, rows, capacity)?;
        let ring = Ring::new(layout, context_columns, rows + 1);
        Ok(Self {
            layout: layout.clone(),
            rows,
            segment_rows: segments::segment_rows(&ring),
            ring,
            ends: Ends::new(layout),
            base: 0,
            head: 0,
            alive: 0,
            priorities: None,
        })
    }

    /// Keeps priorities of all transitions, for [`Draw::Prioritised`] with windows of `n_step` steps.
    ///
    /// # Errors
    /// [`AgentError::Config`] if fewer than `n_step` rows are kept, or a setting is out of range.
    pub fn with_priorities(mut self, config: &PriorityConfig, n_step: usize) -> Result<Self, AgentError> {
        self.check_window(n_step)?;
        self.priorities = Some(Priorities::new(
            config,
            n_step,
            self.ring.slots,
            self.ring.actors,
        )?);
        Ok(self)
    }

    fn check_window(&self, n_step: usize) -> Result<(), AgentError> {
        if (1..=self.rows).contains(&n_step) {
            return Ok(());
        }
        Err(AgentError::Config {
            key: CAPACITY_KEY,
            value: self.capacity().to_string(),
            remedy: format!(
                "windows of {n_step} steps need at least {n_step} x {} transitions",
                self.ring.actors
            ),
        })
    }

    /// Takes a filled rollout in, which must go on where the one before it ended; `context` gives column `i` of the reward
    /// modules' context, `[T, K]` ([`prospect_shaping::RewardStack::context_column`]).
    ///
    /// # Errors
    /// [`AgentError::Replay`] if the rollout is of other envs or a column of context is of another size.
    pub fn push<'a>(
        &mut self,
        rollout: &Rollout,
        context: impl Fn(usize) -> &'a [f32],
    ) -> Result<(), AgentError> {
        if *rollout.layout() != self.layout {
            return Err(self.error("it was made for rollouts of another layout"));
        }
        let size = rollout.n_steps() * self.ring.actors;
        if (0..self.ring.contexts.len()).any(|i| context(i).len() != size) {
            return Err(self.error("a column of context is not as long as the rollout"));
        }
        for t in 0..rollout.n_steps() {
            self.push_step(rollout, t, &context);
        }
        let slot = self.slot(self.head);
        self.ring.write_state(slot, rollout, rollout.n_steps());
        Ok(())
    }

    fn push_step<'a>(&mut self, rollout: &Rollout, t: usize, context: &impl Fn(usize) -> &'a [f32]) {
        let slot = self.slot(self.head);
        self.ring.write_state(slot, rollout, t);
        self.ring.write_step(slot, rollout, t, context);
        for actor in (0..self.ring.actors).filter(|&actor| rollout.ended(t, actor)) {
            self.ends.push(self.head, actor, rollout, t);
        }
        self.advance();
    }

    /// The row at `head` is whole; the oldest one goes if there are too many.
    fn advance(&mut self) {
        self.alive += self.alive_in(self.head);
        self.head += 1;
        let gone = self
            .head
            .checked_sub(self.rows as u64 + 1)
            .filter(|&row| row >= self.base);
        if let Some(gone) = gone {
            self.alive -= self.alive_in(gone);
            self.ends.trim(self.first_row());
        }
        self.refresh_priorities(gone);
    }

    fn alive_in(&self, row: u64) -> usize {
        let flags = &self.ring.flags[self.records(row)];
        flags.iter().filter(|&&flags| flags & ALIVE != 0).count()
    }

    /// Gives the row whose window has just become whole the largest priority, and the row that has gone none.
    fn refresh_priorities(&mut self, gone: Option<u64>) {
        let gone = gone.map(|row| self.records(row));
        let Some(n_step) = self.priorities.as_ref().map(Priorities::n_step) else {
            return;
        };
        let whole = self
            .head
            .checked_sub(n_step as u64)
            .filter(|&row| row >= self.first_row());
        let whole = whole.map(|row| self.records(row));
        if let Some(priorities) = &mut self.priorities {
            priorities.clear(gone.unwrap_or_default());
            for at in whole
                .unwrap_or_default()
                .filter(|&at| self.ring.flags[at] & ALIVE != 0)
            {
                priorities.add(at);
            }
        }
    }

    fn slot(&self, row: u64) -> usize {
        (row % self.ring.slots as u64) as usize
    }

    /// The numbers of the records of a row in all columns.
    fn records(&self, row: u64) -> Range<usize> {
        let at = self.slot(row) * self.ring.actors;
        at..at + self.ring.actors
    }

    /// The number of one of them.
    fn record(&self, row: u64, actor: u32) -> usize {
        self.slot(row) * self.ring.actors + actor as usize
    }

    /// Transitions that it can hold.
    pub fn capacity(&self) -> usize {
        self.rows * self.ring.actors
    }

    /// Transitions that it holds.
    pub fn len(&self) -> usize {
        (self.head - self.first_row()) as usize * self.ring.actors
    }

    /// True if it holds none.
    pub fn is_empty(&self) -> bool {
        self.head == self.base
    }

    /// What a row holds.
    pub fn layout(&self) -> &RowLayout {
        &self.layout
    }

    /// Columns of context.
    pub fn context_columns(&self) -> usize {
        self.ring.contexts.len()
    }

    /// The oldest row that is there.
    pub fn first_row(&self) -> u64 {
        self.head.saturating_sub(self.rows as u64).max(self.base)
    }

    /// The row after the newest one; its state is there, its step is not.
    pub fn end_row(&self) -> u64 {
        self.head
    }

    /// Bytes of everything that is kept.
    pub fn bytes(&self) -> usize {
        let priorities = self.priorities.as_ref().map_or(0, Priorities::bytes);
        self.ring.bytes() + self.ends.bytes() + priorities
    }

    /// True if the actor took part in that step. The row must be there.
    pub fn is_alive(&self, pick: Pick) -> bool {
        self.ring.flags[self.record(pick.row, pick.actor)] & ALIVE != 0
    }

    /// The row with which the episode of `pick` ended, or none while it goes on.
    pub fn episode_end(&self, pick: Pick) -> Option<u64> {
        self.ends.at_or_after(pick.row, pick.actor as usize)
    }

    /// The first row of `pick`'s episode that is still there.
    pub fn episode_start(&self, pick: Pick) -> u64 {
        let before = self.ends.before(pick.row, pick.actor as usize);
        before.map_or(0, |row| row + 1).max(self.first_row())
    }

    /// Component `component` of the observation that the step of `pick` led to: the final one where it ended the episode.
    /// The row must be there.
    pub fn achieved(&self, component: usize, pick: Pick) -> Slice<'_> {
        match self.ends.find(pick.row, pick.actor as usize) {
            Some(place) => self.ends.observation(component, place),
            None => self.ring.observation[component].record(self.record(pick.row + 1, pick.actor)),
        }
    }

    /// The same of the subscribed state fact `fact`.
    pub fn achieved_fact(&self, fact: usize, pick: Pick) -> Slice<'_> {
        match self.ends.find(pick.row, pick.actor as usize) {
            Some(place) => self.ends.state_fact(fact, place),
            None => self.ring.state_facts[fact].record(self.record(pick.row + 1, pick.actor)),
        }
    }

    fn error(&self, reason: impl Into<String>) -> AgentError {
        AgentError::Replay {
            reason: reason.into(),
            first: self.first_row(),
            end: self.head,
            actors: self.ring.actors,
        }
    }
}
