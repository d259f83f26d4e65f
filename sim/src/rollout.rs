//! Rollout storage: time-major, allocated once, written in place by the shards.

use serde::{Deserialize, Serialize};

use crate::{
    buffer::{Buffer, Slice},
    row::{Actions, FieldMut, FieldsMut, ResetRowMut, RowLayout, RowMut},
    space::Field,
};

/// `T` steps of `K` actors. State arrays have `T + 1` rows, of which the first is where the rollout begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    layout: RowLayout,
    n_steps: usize,
    observation: Vec<Buffer>,
    state_facts: Vec<Buffer>,
    final_observation: Vec<Buffer>,
    final_facts: Vec<Buffer>,
    event_facts: Vec<Buffer>,
    actions: Buffer,
    reward: Vec<f64>,
    terminated: Vec<bool>,
    truncated: Vec<bool>,
    alive: Vec<bool>,
}

/// All arrays of a [`Rollout`], for whoever fills one from something other than envs. Shapes are those of the methods of the
/// same names.
#[derive(Debug)]
pub struct ColumnsMut<'a> {
    /// Components of the observation, `[T + 1, K, width]`.
    pub observation: &'a mut [Buffer],
    /// Subscribed state facts, `[T + 1, K, width]`.
    pub state_facts: &'a mut [Buffer],
    /// Components of final observations, `[T, K, width]`.
    pub final_observation: &'a mut [Buffer],
    /// State facts of final states, `[T, K, width]`.
    pub final_facts: &'a mut [Buffer],
    /// Subscribed event facts, `[T, K, width]`.
    pub event_facts: &'a mut [Buffer],
    /// Actions, `[T, K, width]`: integers, or reals for a continuous space.
    pub actions: &'a mut Buffer,
    /// The task's reward, `[T, K]`.
    pub reward: &'a mut [f64],
    /// Terminations, `[T, K]`.
    pub terminated: &'a mut [bool],
    /// Truncations, `[T, K]`.
    pub truncated: &'a mut [bool],
    /// Which actors took part, `[T, K]`.
    pub alive: &'a mut [bool],
}

fn zeros(fields: &[Field], rows: usize) -> Vec<Buffer> {
    fields
        .iter()
        .map(|field| Buffer::zeros(field.dtype, rows * field.width()))
        .collect()
}

fn row_fields<'a>(fields: &[Field], buffers: &'a mut [Buffer], row: usize, actors: usize) -> FieldsMut<'a> {
    fields
        .iter()
        .zip(buffers)
        .map(|(field, buffer)| {
            let width = field.width();
            let stride = actors * width;
            FieldMut {
                width,
                data: buffer.slice_mut(row * stride..(row + 1) * stride),
            }
        })
        .collect()
}

impl Rollout {
    /// Storage of `n_steps` steps in the given layout.
    pub fn new(layout: &RowLayout, n_steps: usize) -> Self {
        let k = layout.actors();
        let actions = layout.actions.width() * k * n_steps;
        Self {
            layout: layout.clone(),
            n_steps,
            observation: zeros(&layout.observation, (n_steps + 1) * k),
            state_facts: zeros(&layout.state_facts, (n_steps + 1) * k),
            final_observation: zeros(&layout.observation, n_steps * k),
            final_facts: zeros(&layout.state_facts, n_steps * k),
            event_facts: zeros(&layout.event_facts, n_steps * k),
            actions: if layout.actions.is_continuous() {
                Buffer::F32(vec![0.0; actions])
            } else {
                Buffer::I32(vec![0; actions])
            },
            reward: vec![0.0; n_steps * k],
            terminated: vec![false; n_steps * k],
            truncated: vec![false; n_steps * k],
            alive: vec![true; n_steps * k],
        }
    }

    /// What a row holds.
    pub fn layout(&self) -> &RowLayout {
        &self.layout
    }

    /// `T`.
    pub fn n_steps(&self) -> usize {
        self.n_steps
    }

    /// `K`.
    pub fn actors(&self) -> usize {
        self.layout.actors()
    }

    /// Row 0, for [`crate::VecEnv::reset`].
    pub fn first_row_mut(&mut self) -> ResetRowMut<'_> {
        let k = self.layout.actors();
        ResetRowMut {
            observation: row_fields(&self.layout.observation, &mut self.observation, 0, k),
            state_facts: row_fields(&self.layout.state_facts, &mut self.state_facts, 0, k),
        }
    }

    /// The actions of step `t` and the row that the step writes, for [`crate::VecEnv::step`].
    pub fn step_mut(&mut self, t: usize) -> (Actions<'_>, RowMut<'_>) {
        let k = self.layout.actors();
        let width = k * self.layout.actions.width();
        let actions = match self.actions.slice(t * width..(t + 1) * width) {
            Slice::F32(v) => Actions::Continuous(v),
            Slice::I32(v) => Actions::Discrete(v),
            Slice::U8(_) | Slice::Bool(_) => Actions::Discrete(&[]),
        };
        let flags = t * k..(t + 1) * k;
        let layout = &self.layout;
        let row = RowMut {
            next: ResetRowMut {
                observation: row_fields(&layout.observation, &mut self.observation, t + 1, k),
                state_facts: row_fields(&layout.state_facts, &mut self.state_facts, t + 1, k),
            },
            last: ResetRowMut {
                observation: row_fields(&layout.observation, &mut self.final_observation, t, k),
                state_facts: row_fields(&layout.state_facts, &mut self.final_facts, t, k),
            },
            event_facts: row_fields(&layout.event_facts, &mut self.event_facts, t, k),
            reward: &mut self.reward[flags.clone()],
            terminated: &mut self.terminated[flags.clone()],
            truncated: &mut self.truncated[flags.clone()],
            alive: &mut self.alive[flags],
        };
        (actions, row)
    }

    /// The integer actions of step `t`, `[K, width]`; empty for a continuous space.
    pub fn discrete_actions_mut(&mut self, t: usize) -> &mut [i32] {
        let width = self.layout.actors() * self.layout.actions.width();
        match &mut self.actions {
            Buffer::I32(v) => &mut v[t * width..(t + 1) * width],
            _ => &mut [],
        }
    }

    /// The real actions of step `t`, `[K, width]`; empty for a discrete space.
    pub fn continuous_actions_mut(&mut self, t: usize) -> &mut [f32] {
        let width = self.layout.actors() * self.layout.actions.width();
        match &mut self.actions {
            Buffer::F32(v) => &mut v[t * width..(t + 1) * width],
            _ => &mut [],
        }
    }

    /// All arrays at once.
    pub fn columns_mut(&mut self) -> ColumnsMut<'_> {
        ColumnsMut {
            observation: &mut self.observation,
            state_facts: &mut self.state_facts,
            final_observation: &mut self.final_observation,
            final_facts: &mut self.final_facts,
            event_facts: &mut self.event_facts,
            actions: &mut self.actions,
            reward: &mut self.reward,
            terminated: &mut self.terminated,
            truncated: &mut self.truncated,
            alive: &mut self.alive,
        }
    }

    /// Makes the last state row the first one, so that the next rollout goes on from it.
    pub fn carry(&mut self) {
        let k = self.layout.actors();
        let fields = self.layout.observation.iter().zip(&mut self.observation);
        for (field, buffer) in fields.chain(self.layout.state_facts.iter().zip(&mut self.state_facts)) {
            let stride = field.width() * k;
            buffer.copy_within(self.n_steps * stride..(self.n_steps + 1) * stride, 0);
        }
    }

    /// Clears the rows of final observations and facts, which steps write only where an episode ends.
    pub fn clear_finals(&mut self) {
        self.final_observation
            .iter_mut()
            .chain(&mut self.final_facts)
            .for_each(Buffer::clear);
    }

    /// Component `i` of the observation at state row `t` (`0..=T`), `[K, width]`.
    pub fn observation_row(&self, i: usize, t: usize) -> Slice<'_> {
        let stride = self.layout.observation[i].width() * self.actors();
        self.observation[i].slice(t * stride..(t + 1) * stride)
    }

    /// Component `i` of all observations, `[T + 1, K, width]`.
    pub fn observation(&self, i: usize) -> Slice<'_> {
        self.observation[i].as_slice()
    }

    /// Component `i` of all final observations, `[T, K, width]`; meaningful where [`Self::ended`].
    pub fn final_observation(&self, i: usize) -> Slice<'_> {
        self.final_observation[i].as_slice()
    }

    /// What actor `k` observed as the result of step `t`: the final observation if its episode ended then.
    pub fn next_observation(&self, i: usize, t: usize, k: usize) -> Slice<'_> {
        let width = self.layout.observation[i].width();
        let actors = self.actors();
        if self.ended(t, k) {
            self.final_observation[i].slice((t * actors + k) * width..(t * actors + k + 1) * width)
        } else {
            let at = ((t + 1) * actors + k) * width;
            self.observation[i].slice(at..at + width)
        }
    }

    /// Subscribed state fact `i`, `[T + 1, K, width]`.
    pub fn state_fact(&self, i: usize) -> Slice<'_> {
        self.state_facts[i].as_slice()
    }

    /// Subscribed state fact `i` of final states, `[T, K, width]`; meaningful where [`Self::ended`].
    pub fn final_fact(&self, i: usize) -> Slice<'_> {
        self.final_facts[i].as_slice()
    }

    /// Subscribed event fact `i`, `[T, K, width]`.
    pub fn event_fact(&self, i: usize) -> Slice<'_> {
        self.event_facts[i].as_slice()
    }

    /// All actions, `[T, K, width]`.
    pub fn actions(&self) -> Slice<'_> {
        self.actions.as_slice()
    }

    /// All task rewards, `[T, K]`.
    pub fn reward(&self) -> &[f64] {
        &self.reward
    }

    /// All terminations, `[T, K]`.
    pub fn terminated(&self) -> &[bool] {
        &self.terminated
    }

    /// All truncations, `[T, K]`.
    pub fn truncated(&self) -> &[bool] {
        &self.truncated
    }

    /// Which actors took part, `[T, K]`.
    pub fn alive(&self) -> &[bool] {
        &self.alive
    }

    /// True if the episode of actor `k` ended with step `t`.
    pub fn ended(&self, t: usize, k: usize) -> bool {
        let at = t * self.actors() + k;
        self.terminated[at] || self.truncated[at]
    }
}
