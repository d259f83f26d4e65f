//! What a recurrent policy carries from step to step.

use prospect_nets::{Cell, CellConfig, CellKind, Init, ParamBuilder};
use prospect_sim::{Rollout, random::Generator};

use crate::{
    config::{MemoryKind, PpoConfig},
    export::MemoryDescription,
};

/// A recurrent cell between a network's hidden layers and its head, with orthogonal weights and biases of 0 (detail 1 of the
/// LSTM's five in Huang et al. 2022) unless `memory_horizon` sets them; none for [`MemoryKind::None`].
pub(crate) fn cell(
    config: &PpoConfig,
    params: &mut ParamBuilder,
    name: &str,
    inputs: usize,
    rng: &mut Generator,
) -> Option<Cell> {
    let kind = match config.memory {
        MemoryKind::None => return None,
        MemoryKind::Gru => CellKind::Gru,
        MemoryKind::Lstm => CellKind::Lstm,
    };
    let config = CellConfig {
        kind,
        inputs,
        width: config.memory_size,
        horizon: config.memory_horizon,
        init: Init::Orthogonal { gain: 1.0 },
    };
    Some(Cell::new(config, params, name, rng))
}

/// What it is, for an export.
pub(crate) fn describe(cell: &Cell, name: &str) -> MemoryDescription {
    let kind = match cell.kind() {
        CellKind::Gru => "gru",
        CellKind::Lstm => "lstm",
    };
    MemoryDescription {
        kind: kind.to_owned(),
        name: name.to_owned(),
        width: cell.width(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn biases(horizon: usize) -> Vec<f32> {
        let config = PpoConfig {
            memory: MemoryKind::Gru,
            memory_size: 8,
            memory_horizon: horizon,
            ..PpoConfig::default()
        };
        let (mut builder, mut rng) = (ParamBuilder::new(), Generator::named(0, "test"));
        cell(&config, &mut builder, "memory", 3, &mut rng).unwrap();
        let params = builder.build(prospect_nets::Device::Cpu);
        let mut stored = prospect_nets::NamedTensors::new();
        params.store("", &mut stored);
        let bias = stored
            .iter()
            .find(|tensor| tensor.name.ends_with("memory.bias_ih"));
        bias.unwrap().values.clone()
    }

    #[test]
    fn a_horizon_is_in_the_biases_of_the_gate_that_keeps() {
        assert_eq!(biases(0), [0.0; 24]);
        let found = biases(20);
        assert!(found[..8].iter().chain(&found[16..]).all(|bias| *bias == 0.0));
        let longest = 19.0f32.ln();
        assert!(found[8..16].iter().all(|bias| (0.0..=longest).contains(bias)));
        assert!(found[8..16].iter().any(|bias| *bias > 1.0));
    }
}
