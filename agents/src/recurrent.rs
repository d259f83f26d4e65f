//! The actor and critic with memory: one step while acting, whole sequences while learning.
//!
//! States are zero where an episode begins, also in the middle of a sequence. A rollout's sequences begin with the states
//! that were carried into it, and are run anew with the present weights in every epoch. A truncated episode's final
//! observation is valued with the state carried up to it.

use prospect_nets::{
    Cell, TensorBatch,
    tch::{Tensor, no_grad},
};
use prospect_sim::Rollout;

use crate::{
    estimates::Values,
    memory::{MemoryState, clear_ended},
    network::copy_out,
    policy::{ActorCritic, Branch},
    samples::Samples,
};

/// Whole sequences of a minibatch: all steps of some actors.
#[derive(Clone, Copy)]
pub struct Sequences<'a> {
    /// The rollout.
    pub batch: &'a TensorBatch<'a>,
    /// Whose steps, `[E]`.
    pub actors: &'a [i64],
    /// The samples of these actors that are learned from, as `t * K + k`.
    pub index: &'a [i64],
    /// The states of all actors at the rollout's beginning.
    pub start: &'a MemoryState,
}

/// Rows of `[K, width]`, `[n, width]`.
fn rows_of(state: &[f32], actors: &[i64], all: usize) -> Vec<f32> {
    let width = state.len() / all.max(1);
    let rows = actors.iter().map(|&k| k as usize * width);
    rows.flat_map(|at| &state[at..at + width]).copied().collect()
}

/// The same as a tensor.
fn rows(state: &[f32], actors: &[i64], all: usize) -> Tensor {
    Tensor::from_slice(&rows_of(state, actors, all)).view([actors.len() as i64, -1])
}

/// Whether an actor's episode went on into step `t`; at a rollout's beginning the carried states know.
fn goes_on(rollout: &Rollout, t: usize, k: i64) -> bool {
    t == 0 || !rollout.ended(t - 1, k as usize)
}

/// [`goes_on`] for all steps, `[T, n]`.
fn kept(rollout: &Rollout, actors: &[i64]) -> Vec<bool> {
    (0..rollout.n_steps())
        .flat_map(|t| actors.iter().map(move |&k| goes_on(rollout, t, k)))
        .collect()
}

/// 0 for the actors whose episode ended with the step before `t`; none if no episode did.
fn keep(rollout: &Rollout, t: usize, actors: &[i64]) -> Option<Tensor> {
    let keep = actors
        .iter()
        .map(|&k| f32::from(u8::from(goes_on(rollout, t, k))));
    let keep: Vec<f32> = keep.collect();
    keep.contains(&0.0)
        .then(|| Tensor::from_slice(&keep).view([-1, 1]))
}

impl ActorCritic {
    /// States of zero for `actors`; empty without memory.
    pub fn fresh_state(&self, actors: usize) -> MemoryState {
        let zeros = |branch: &Branch| {
            let width = branch.memory.map_or(0, |cell| cell.state_width());
            vec![0.0; actors * width]
        };
        MemoryState {
            policy: zeros(&self.policy),
            critic: self.critic.as_ref().map(zeros).unwrap_or_default(),
        }
    }

    /// One step of the policy: its outputs `[n, outputs]` for `samples`, whose states `[n, state]` move on.
    pub fn outputs_with(&self, samples: &Samples<'_>, state: &mut Vec<f32>, out: &mut Vec<f32>) {
        let Some(memory) = self.policy.memory else {
            return self.outputs(samples, out);
        };
        no_grad(|| {
            let next = self.advance(&self.policy, memory, samples, state);
            copy_out(
                &self.policy_head.forward(&self.params, &memory.output(&next)),
                out,
            );
        });
    }

    /// The task's values `[n]` of samples that each begin an episode.
    pub fn values_afresh(&self, samples: &Samples<'_>, out: &mut Vec<f32>) {
        let branch = self.critic.as_ref().unwrap_or(&self.policy);
        let Some(memory) = branch.memory else {
            return self.values(samples, out);
        };
        no_grad(|| {
            let mut state = vec![0.0; samples.len() * memory.state_width()];
            let next = self.advance(branch, memory, samples, &mut state);
            copy_out(&self.value_head.forward(&self.params, &memory.output(&next)), out);
        });
    }

    fn advance(&self, branch: &Branch, memory: Cell, samples: &Samples<'_>, state: &mut Vec<f32>) -> Tensor {
        let device = self.params.device();
        let features = branch.trunk.forward(&self.params, &samples.tensors(device));
        let before = Tensor::from_slice(state.as_slice()).view([samples.len() as i64, -1]);
        let next = memory.step(&self.params, &features, &before.to_device(device), None);
        copy_out(&next, state);
        next
    }

    /// Values of all states of a rollout and of the final observations of its truncated episodes, each with the state
    /// carried up to it. Beside them the critic's states after the last step, cleared where an episode ended with it; none if
    /// it shares the policy's.
    pub(crate) fn values_of_rollout(
        &self,
        batch: &TensorBatch<'_>,
        start: &MemoryState,
    ) -> (Values, Vec<f32>) {
        no_grad(|| match &self.critic {
            Some(critic) => self.run(critic, batch, &start.critic),
            None => (self.run(&self.policy, batch, &start.policy).0, Vec::new()),
        })
    }

    fn run(&self, branch: &Branch, batch: &TensorBatch<'_>, start: &[f32]) -> (Values, Vec<f32>) {
        let Some(memory) = branch.memory else {
            return Default::default();
        };
        let (steps, k, device) = (batch.n_steps(), batch.actors(), self.params.device());
        let (rollout, all): (_, Vec<i64>) = (batch.rollout(), (0..k as i64).collect());
        let features = branch.trunk.forward(&self.params, batch.observations());
        let (cut, finals) = batch.truncated_finals();
        let finals = (!cut.is_empty()).then(|| branch.trunk.forward(&self.params, &finals));
        let value = |state: &Tensor| self.value_head.forward(&self.params, &memory.output(state));
        let mut found = Values {
            states: Vec::with_capacity(batch.len() + k),
            finals: vec![0.0; batch.len()],
        };
        let mut state = rows(start, &all, k).to_device(device);
        let (mut part, mut next_cut) = (Vec::new(), 0);
        for t in 0..steps {
            let keep = keep(rollout, t, &all).map(|keep| keep.to_device(device));
            let x = features.narrow(0, (t * k) as i64, k as i64);
            state = memory.step(&self.params, &x, &state, keep.as_ref());
            copy_out(&value(&state), &mut part);
            found.states.extend_from_slice(&part);
            let first = next_cut;
            next_cut += cut[first..].iter().take_while(|&&at| at < (t + 1) * k).count();
            if let (Some(finals), true) = (&finals, next_cut > first) {
                let actors: Vec<i64> = cut[first..next_cut].iter().map(|at| (at % k) as i64).collect();
                let carried = state.index_select(0, &Tensor::from_slice(&actors).to_device(device));
                let x = finals.narrow(0, first as i64, actors.len() as i64);
                copy_out(&value(&memory.step(&self.params, &x, &carried, None)), &mut part);
                let pairs = cut[first..next_cut].iter().zip(&part);
                pairs.for_each(|(&at, &value)| found.finals[at] = value);
            }
        }
        let mut carried = Vec::new();
        copy_out(&state, &mut carried);
        clear_ended(&mut carried, rollout, steps - 1);
        let x = branch.trunk.forward(&self.params, &batch.last_observations());
        let state = rows(&carried, &all, k).to_device(device);
        copy_out(&value(&memory.step(&self.params, &x, &state, None)), &mut part);
        found.states.extend_from_slice(&part);
        (found, carried)
    }

    /// Outputs `[n, outputs]` and values `[n]` of the samples in `sequences.index`, with libtorch's graph.
    pub(crate) fn forward_sequences(&self, sequences: &Sequences<'_>) -> (Tensor, Tensor) {
        let (k, per_step) = (sequences.batch.actors() as i64, sequences.actors.len() as i64);
        let mut place = vec![0; k as usize];
        let pairs = sequences.actors.iter().zip(0..per_step);
        pairs.for_each(|(&actor, at)| place[actor as usize] = at);
        let numbers = sequences.index.iter();
        let wanted: Vec<i64> = numbers
            .map(|&sample| sample / k * per_step + place[(sample % k) as usize])
            .collect();
        let wanted = Tensor::from_slice(&wanted).to_device(self.params.device());
        let policy = self
            .remember(&self.policy, sequences, &sequences.start.policy)
            .index_select(0, &wanted);
        let critic = self.critic.as_ref().map_or_else(
            || policy.shallow_clone(),
            |critic| {
                let all = self.remember(critic, sequences, &sequences.start.critic);
                all.index_select(0, &wanted)
            },
        );
        (
            self.policy_head.forward(&self.params, &policy),
            self.value_head.forward(&self.params, &critic).view(-1),
        )
    }

    /// Features after the memory of all steps of some actors, `[T * E, width]`.
    fn remember(&self, branch: &Branch, sequences: &Sequences<'_>, start: &[f32]) -> Tensor {
        let (batch, actors, device) = (sequences.batch, sequences.actors, self.params.device());
        let (steps, k) = (batch.n_steps(), batch.actors() as i64);
        let samples: Vec<i64> = (0..steps as i64)
            .flat_map(|t| actors.iter().map(move |actor| t * k + actor))
            .collect();
        let observations = Samples::chosen(batch, &samples).tensors(device);
        let features = branch.trunk.forward(&self.params, &observations);
        let Some(memory) = branch.memory else {
            return features;
        };
        let at_once = prospect_nets::Sequences {
            start: &rows_of(start, actors, k as usize),
            keep: &kept(batch.rollout(), actors),
            detach_every: self.sequence_steps,
        };
        if let Some(outputs) = memory.sequences(&self.params, &features, &at_once) {
            return outputs;
        }
        let per_step = actors.len() as i64;
        let mut state = rows(start, actors, k as usize).to_device(device);
        let mut outputs = Vec::with_capacity(steps);
        for t in 0..steps {
            if self.sequence_steps > 0 && t % self.sequence_steps == 0 {
                state = state.detach();
            }
            let keep = keep(batch.rollout(), t, actors).map(|keep| keep.to_device(device));
            let x = features.narrow(0, t as i64 * per_step, per_step);
            state = memory.step(&self.params, &x, &state, keep.as_ref());
            outputs.push(memory.output(&state));
        }
        Tensor::cat(&outputs, 0)
    }
}
