//! How a rollout is cut into minibatches: single steps in any order, or all steps of some actors.

use std::borrow::Cow;

use prospect_nets::TensorBatch;
use prospect_sim::random::Generator;

use crate::{memory::MemoryState, policy::Minibatch, recurrent::Sequences, samples::Samples};

/// The units of a rollout that are shuffled and cut.
#[derive(Debug, Clone)]
pub(crate) enum Minibatches {
    /// Samples by their numbers.
    Steps { samples: Vec<i64>, size: usize },
    /// Actors, whose steps stay together.
    Sequences {
        actors: Vec<i64>,
        size: usize,
        /// `[T, K]`: the samples that are learned from.
        chosen: Vec<bool>,
    },
}

/// One minibatch.
#[derive(Debug, Clone)]
pub(crate) struct Chunk<'a> {
    /// The actors whose sequences it is made of; empty if it is made of single steps.
    pub(crate) actors: &'a [i64],
    /// Its samples, `t * K + k`.
    pub(crate) index: Cow<'a, [i64]>,
}

impl Chunk<'_> {
    /// Its observations: single steps, or sequences that begin with the states `start` of all actors.
    pub(crate) fn minibatch<'a>(
        &'a self,
        batch: &'a TensorBatch<'a>,
        start: &'a MemoryState,
    ) -> Minibatch<'a> {
        if self.actors.is_empty() {
            return Minibatch::Steps(Samples::chosen(batch, &self.index));
        }
        Minibatch::Sequences(Sequences {
            batch,
            actors: self.actors,
            index: &self.index,
            start,
        })
    }
}

impl Minibatches {
    /// The samples in minibatches of `size`.
    pub(crate) fn steps(samples: Vec<i64>, size: usize) -> Self {
        Self::Steps {
            samples,
            size: size.max(1),
        }
    }

    /// `K` actors, `size` of them per minibatch.
    pub(crate) fn sequences(actors: usize, size: usize, chosen: Vec<bool>) -> Self {
        Self::Sequences {
            actors: (0..actors as i64).collect(),
            size: size.max(1),
            chosen,
        }
    }

    /// Brings the units into another order.
    pub(crate) fn shuffle(&mut self, rng: &mut Generator) {
        match self {
            Self::Steps { samples, .. } => rng.shuffle(samples),
            Self::Sequences { actors, .. } => rng.shuffle(actors),
        }
    }

    /// The minibatches in the present order, without those that have no samples.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = Chunk<'_>> {
        let (units, size): (&[i64], usize) = match self {
            Self::Steps { samples, size } => (samples, *size),
            Self::Sequences { actors, size, .. } => (actors, *size),
        };
        let chunks = units.chunks(size).map(|units| self.chunk(units));
        chunks.filter(|chunk| !chunk.index.is_empty())
    }

    fn chunk<'a>(&'a self, units: &'a [i64]) -> Chunk<'a> {
        match self {
            Self::Steps { .. } => Chunk {
                actors: &[],
                index: Cow::Borrowed(units),
            },
            Self::Sequences { actors, chosen, .. } => {
                let k = actors.len() as i64;
                let steps = chosen.len() as i64 / k.max(1);
                let samples = (0..steps).flat_map(|t| units.iter().map(move |actor| t * k + actor));
                Chunk {
                    actors: units,
                    index: samples.filter(|&i| chosen[i as usize]).collect(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_in_one_minibatch() {
        let mut steps = Minibatches::steps(vec![0, 1, 3, 4, 5], 2);
        let chosen = vec![true, true, false, true, true, true];
        let mut sequences = Minibatches::sequences(3, 2, chosen);
        let rng = &mut Generator::named(1, "shuffle");
        for minibatches in [&mut steps, &mut sequences] {
            minibatches.shuffle(rng);
            let mut all: Vec<i64> = minibatches
                .chunks()
                .flat_map(|chunk| chunk.index.into_owned())
                .collect();
            all.sort_unstable();
            assert_eq!(all, [0, 1, 3, 4, 5]);
        }
    }

    #[test]
    fn sequences_stay_together_in_the_order_of_time() {
        let sequences = Minibatches::sequences(2, 1, vec![true; 6]);
        let chunks: Vec<_> = sequences.chunks().map(|chunk| chunk.index.into_owned()).collect();
        assert_eq!(chunks, [[0, 2, 4], [1, 3, 5]]);
    }
}
