//! The ring of rows: one flat array per column, `[slots, K, width]`, each in the type in which the env writes it.

use prospect_sim::{ActionSpace, Buffer, Field, Rollout, RowLayout, Slice};

/// Bits of [`Ring::flags`].
pub(super) const TERMINATED: u8 = 1;
pub(super) const TRUNCATED: u8 = 2;
pub(super) const ALIVE: u8 = 4;
pub(super) const ENDED: u8 = TERMINATED | TRUNCATED;

/// One column, `[slots, K, width]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) width: usize,
    pub(super) data: Buffer,
}

impl Column {
    pub(super) fn zeros(field: &Field, records: usize) -> Self {
        let width = field.width();
        Self {
            width,
            data: Buffer::zeros(field.dtype, records * width),
        }
    }

    /// Record `at`, `width` values.
    pub(super) fn record(&self, at: usize) -> Slice<'_> {
        self.data.slice(at * self.width..(at + 1) * self.width)
    }

    /// Copies rows of `K` records: row `t` of `from` to slot `slot`.
    fn write_row(&mut self, slot: usize, from: Slice<'_>, t: usize, actors: usize) {
        let stride = actors * self.width;
        self.data
            .write(slot * stride, from.slice(t * stride..(t + 1) * stride));
    }

    /// Bytes of all its values.
    pub(super) fn bytes(&self) -> usize {
        self.data.len() * self.data.value_size()
    }
}

/// Rows of `K` records. A record of slot `s` and actor `k` has number `s * K + k` in every column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ring {
    pub(super) actors: usize,
    pub(super) slots: usize,
    pub(super) observation: Vec<Column>,
    pub(super) state_facts: Vec<Column>,
    pub(super) event_facts: Vec<Column>,
    /// Bytes where every action is below 256.
    pub(super) actions: Column,
    pub(super) contexts: Vec<Column>,
    pub(super) flags: Vec<u8>,
    pub(super) reward: Vec<f64>,
}

impl Ring {
    pub(super) fn new(layout: &RowLayout, context_columns: usize, slots: usize) -> Self {
        let actors = layout.actors();
        let records = slots * actors;
        let columns = |fields: &[Field]| fields.iter().map(|field| Column::zeros(field, records)).collect();
        let context = || Column {
            width: 1,
            data: Buffer::F32(vec![0.0; records]),
        };
        Self {
            actors,
            slots,
            observation: columns(&layout.observation),
            state_facts: columns(&layout.state_facts),
            event_facts: columns(&layout.event_facts),
            actions: actions(&layout.actions, records),
            contexts: (0..context_columns).map(|_| context()).collect(),
            flags: vec![0; records],
            reward: vec![0.0; records],
        }
    }

    /// Takes state row `t` of a rollout in.
    pub(super) fn write_state(&mut self, slot: usize, rollout: &Rollout, t: usize) {
        let actors = self.actors;
        for (i, column) in self.observation.iter_mut().enumerate() {
            column.write_row(slot, rollout.observation(i), t, actors);
        }
        for (i, column) in self.state_facts.iter_mut().enumerate() {
            column.write_row(slot, rollout.state_fact(i), t, actors);
        }
    }

    /// Takes step `t` of a rollout in; `context` gives column `i` of its context, `[T, K]`.
    pub(super) fn write_step<'a>(
        &mut self,
        slot: usize,
        rollout: &Rollout,
        t: usize,
        context: impl Fn(usize) -> &'a [f32],
    ) {
        let k = self.actors;
        for (i, column) in self.event_facts.iter_mut().enumerate() {
            column.write_row(slot, rollout.event_fact(i), t, k);
        }
        for (i, column) in self.contexts.iter_mut().enumerate() {
            column.write_row(slot, Slice::F32(context(i)), t, k);
        }
        write_actions(&mut self.actions, slot, rollout.actions(), t, k);
        let (row, place) = (t * k..(t + 1) * k, slot * k..(slot + 1) * k);
        self.reward[place.clone()].copy_from_slice(&rollout.reward()[row.clone()]);
        for (flags, at) in self.flags[place].iter_mut().zip(row) {
            *flags = bit(rollout.terminated()[at], TERMINATED)
                | bit(rollout.truncated()[at], TRUNCATED)
                | bit(rollout.alive()[at], ALIVE);
        }
    }

    /// The columns of states, in the order in which files have them.
    pub(super) fn state_columns(&self) -> impl Iterator<Item = &Column> {
        self.observation.iter().chain(&self.state_facts)
    }

    /// The columns of steps, but for flags and reward, in the order in which files have them.
    pub(super) fn step_columns(&self) -> impl Iterator<Item = &Column> {
        self.event_facts
            .iter()
            .chain([&self.actions])
            .chain(&self.contexts)
    }

    /// [`Self::state_columns`], to be written.
    pub(super) fn state_columns_mut(&mut self) -> impl Iterator<Item = &mut Column> {
        self.observation.iter_mut().chain(&mut self.state_facts)
    }

    /// [`Self::step_columns`], to be written.
    pub(super) fn step_columns_mut(&mut self) -> impl Iterator<Item = &mut Column> {
        self.event_facts
            .iter_mut()
            .chain([&mut self.actions])
            .chain(&mut self.contexts)
    }

    /// Bytes of all columns.
    pub(super) fn bytes(&self) -> usize {
        let values: usize = self
            .state_columns()
            .chain(self.step_columns())
            .map(Column::bytes)
            .sum();
        values + self.flags.len() + size_of_val(self.reward.as_slice())
    }
}

fn bit(is_set: bool, mask: u8) -> u8 {
    if is_set { mask } else { 0 }
}

fn actions(space: &ActionSpace, records: usize) -> Column {
    let width = space.width();
    let len = records * width;
    let most = match space {
        ActionSpace::Discrete { n } => *n,
        ActionSpace::MultiDiscrete { nvec } => nvec.iter().copied().max().unwrap_or(0),
        ActionSpace::Continuous { .. } => usize::MAX,
    };
    let data = if space.is_continuous() {
        Buffer::F32(vec![0.0; len])
    } else if most <= 256 {
        Buffer::U8(vec![0; len])
    } else {
        Buffer::I32(vec![0; len])
    };
    Column { width, data }
}

fn write_actions(column: &mut Column, slot: usize, actions: Slice<'_>, t: usize, actors: usize) {
    let stride = column.width * actors;
    match (&mut column.data, actions) {
        (Buffer::U8(to), Slice::I32(from)) => {
            let from = &from[t * stride..(t + 1) * stride];
            let to = &mut to[slot * stride..(slot + 1) * stride];
            to.iter_mut()
                .zip(from)
                .for_each(|(to, &action)| *to = action as u8);
        }
        _ => column.write_row(slot, actions, t, actors),
    }
}

/// Writes the actions of the records `index` from the place where value `at` of `to` is.
pub(super) fn gather_actions(column: &Column, to: &mut Buffer, at: usize, index: &[usize]) {
    match (&column.data, &mut *to) {
        (Buffer::U8(from), Buffer::I32(to)) => {
            let width = column.width;
            for (to, &i) in to[at..].chunks_exact_mut(width.max(1)).zip(index) {
                let from = &from[i * width..(i + 1) * width];
                to.iter_mut()
                    .zip(from)
                    .for_each(|(to, &action)| *to = i32::from(action));
            }
        }
        (data, to) => to.gather(at, data.as_slice(), column.width, index),
    }
}
