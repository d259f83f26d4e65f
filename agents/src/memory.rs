//! What a recurrent policy carries from step to step.

use prospect_nets::{Gru, Init, Lstm, ParamBuilder, ParamSet, Sequences, Tensor};
use prospect_sim::{Rollout, random::Generator};

use crate::{config::MemoryKind, export::MemoryDescription};

/// A recurrent cell between a network's hidden layers and its head.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Memory {
    Gru(Gru),
    Lstm(Lstm),
}

impl Memory {
    /// Orthogonal weights and biases of 0 (detail 1 of the LSTM's five in Huang et al. 2022); none for
    /// [`MemoryKind::None`].
    pub(crate) fn new(
        params: &mut ParamBuilder,
        name: &str,
        kind: MemoryKind,
        inputs: usize,
        width: usize,
        rng: &mut Generator,
    ) -> Option<Self> {
        let init = Init::Orthogonal { gain: 1.0 };
        match kind {
            MemoryKind::None => None,
            MemoryKind::Gru => Some(Self::Gru(Gru::new(params, name, inputs, width, init, rng))),
            MemoryKind::Lstm => Some(Self::Lstm(Lstm::new(params, name, inputs, width, init, rng))),
        }
    }

    /// What it is, for an export.
    pub(crate) fn describe(self, name: &str) -> MemoryDescription {
        let kind = match self {
            Self::Gru(_) => "gru",
            Self::Lstm(_) => "lstm",
        };
        MemoryDescription {
            kind: kind.to_owned(),
            name: name.to_owned(),
            width: self.width(),
        }
    }

    /// Values of one actor's state.
    pub(crate) fn state_width(self) -> usize {
        match self {
            Self::Gru(cell) => cell.width(),
            Self::Lstm(cell) => 2 * cell.width(),
        }
    }

    /// Values of one output.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Gru(cell) => cell.width(),
            Self::Lstm(cell) => cell.width(),
        }
    }

    /// Inputs `[n, inputs]` and states `[n, state]` to the next states; `keep` `[n, 1]` clears a state first.
    pub(crate) fn step(self, params: &ParamSet, x: &Tensor, state: &Tensor, keep: Option<&Tensor>) -> Tensor {
        match self {
            Self::Gru(cell) => cell.step(params, x, state, keep),
            Self::Lstm(cell) => cell.step(params, x, state, keep),
        }
    }

    /// All steps of sequences at once; see [`Gru::sequences`].
    pub(crate) fn sequences(
        self,
        params: &ParamSet,
        features: &Tensor,
        sequences: &Sequences<'_>,
    ) -> Option<Tensor> {
        match self {
            Self::Gru(cell) => cell.sequences(params, features, sequences),
            Self::Lstm(cell) => cell.sequences(params, features, sequences),
        }
    }

    /// The outputs `[n, width]` of states.
    pub(crate) fn output(self, state: &Tensor) -> Tensor {
        match self {
            Self::Gru(_) => state.shallow_clone(),
            Self::Lstm(cell) => cell.output(state),
        }
    }
}

/// The states of all actors, zero where an episode begins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemoryState {
    /// The policy's, `[actors, state]`; empty without memory.
    pub policy: Vec<f32>,
    /// The critic's, if it has a memory of its own.
    pub critic: Vec<f32>,
}

/// Clears the states `[actors, state]` of actors whose episode ended with step `t`.
pub(crate) fn clear_ended(state: &mut [f32], rollout: &Rollout, t: usize) {
    let width = state.len() / rollout.actors().max(1);
    if width == 0 {
        return;
    }
    for (k, state) in state.chunks_exact_mut(width).enumerate() {
        if rollout.ended(t, k) {
            state.fill(0.0);
        }
    }
}
