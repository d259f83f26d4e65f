//! Priorities of transitions (Schaul et al. 2016, the proportional variant) in a tree of sums.

use std::ops::Range;

use prospect_sim::random::Generator;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{config::within, error::AgentError};

/// Draws that are looked up side by side.
const LANES: usize = 16;

/// Settings of prioritised replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PriorityConfig {
    /// How much priorities count: 0 samples uniformly, 1 in proportion to the size of the error.
    pub alpha: f64,
    /// How much of the sampling's bias importance weights correct at the start of the run; it rises linearly to 1.
    pub beta: f64,
    /// What is added to the size of an error, so that no transition is lost.
    pub eps: f64,
}

impl Default for PriorityConfig {
    /// Those of the paper's proportional variant (table 3), with Dopamine's and CleanRL's small number.
    fn default() -> Self {
        Self {
            alpha: 0.6,
            beta: 0.4,
            eps: 1e-6,
        }
    }
}

impl PriorityConfig {
    /// `beta` when the share `progress` of the run is made.
    pub fn beta_at(&self, progress: f64) -> f64 {
        self.beta + (1.0 - self.beta) * progress.clamp(0.0, 1.0)
    }

    /// Refuses settings that cannot be.
    ///
    /// # Errors
    /// [`AgentError::Config`] naming the key.
    pub fn check(&self) -> Result<(), AgentError> {
        within("alpha", self.alpha, 0.0, 1.0)?;
        within("beta", self.beta, 0.0, 1.0)?;
        within("eps", self.eps, f64::MIN_POSITIVE, 1.0)
    }
}

/// A complete binary tree whose leaves are priorities and whose other nodes are the sums of their two children. A node is
/// made anew from its children whenever one changes, so the leaves alone determine every bit of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SumTree {
    /// Node 1 is the root, the children of `i` are `2 i` and `2 i + 1`, leaf `i` is node `width + i`.
    nodes: Vec<f64>,
    width: usize,
    leaves: usize,
}

impl SumTree {
    pub(super) fn new(leaves: usize) -> Self {
        let width = leaves.next_power_of_two();
        Self {
            nodes: vec![0.0; 2 * width],
            width,
            leaves,
        }
    }

    pub(super) fn total(&self) -> f64 {
        self.nodes[1]
    }

    pub(super) fn get(&self, leaf: usize) -> f64 {
        self.nodes[self.width + leaf]
    }

    pub(super) fn leaves(&self) -> &[f64] {
        &self.nodes[self.width..self.width + self.leaves]
    }

    pub(super) fn set(&mut self, leaf: usize, value: f64) {
        let mut node = self.width + leaf;
        self.nodes[node] = value;
        while node > 1 {
            node /= 2;
            self.nodes[node] = self.nodes[2 * node] + self.nodes[2 * node + 1];
        }
    }

    /// Sets all leaves at once.
    pub(super) fn set_all(&mut self, values: &[f64]) {
        self.nodes[self.width..self.width + values.len()].copy_from_slice(values);
        for node in (1..self.width).rev() {
            self.nodes[node] = self.nodes[2 * node] + self.nodes[2 * node + 1];
        }
    }

    /// The leaves in whose shares of the sum the masses fall; each has a share as long as there is any. They go down side by
    /// side, because each has to wait for memory at every level of a large tree.
    pub(super) fn find<const N: usize>(&self, mut masses: [f64; N]) -> [usize; N] {
        let mut found = [1; N];
        for _ in 0..self.width.trailing_zeros() {
            for (node, mass) in found.iter_mut().zip(&mut masses) {
                let (left, right) = (self.nodes[2 * *node], self.nodes[2 * *node + 1]);
                // Rounding may leave a mass just beyond the sum of what is there.
                let goes_left = *mass < left || right == 0.0;
                *mass -= if goes_left { 0.0 } else { left };
                *node = 2 * *node + usize::from(!goes_left);
            }
        }
        found.map(|node| node - self.width)
    }
}

/// The priorities of all records of a ring; those that may not be drawn have 0.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Priorities {
    config: PriorityConfig,
    n_step: usize,
    tree: SumTree,
    /// The largest priority ever set, which new transitions get.
    largest: f64,
}

impl Priorities {
    pub(super) fn new(
        config: &PriorityConfig,
        n_step: usize,
        slots: usize,
        actors: usize,
    ) -> Result<Self, AgentError> {
        config.check()?;
        Ok(Self {
            config: config.clone(),
            n_step,
            tree: SumTree::new(slots * actors),
            largest: 1.0,
        })
    }

    pub(super) fn n_step(&self) -> usize {
        self.n_step
    }

    pub(super) fn total(&self) -> f64 {
        self.tree.total()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.tree.nodes.as_slice())
    }

    /// The largest priority ever set.
    pub(super) fn largest(&self) -> f64 {
        self.largest
    }

    /// The priorities of all records.
    pub(super) fn leaves(&self) -> &[f64] {
        self.tree.leaves()
    }

    /// Takes what [`Self::leaves`] and [`Self::largest`] gave back.
    pub(super) fn restore(&mut self, leaves: &[f64], largest: f64) {
        self.tree.set_all(leaves);
        self.largest = largest;
    }

    /// The records may not be drawn any more.
    pub(super) fn clear(&mut self, records: Range<usize>) {
        for record in records {
            if self.tree.get(record) != 0.0 {
                self.tree.set(record, 0.0);
            }
        }
    }

    /// The record may be drawn from now on.
    pub(super) fn add(&mut self, record: usize) {
        self.tree.set(record, self.largest);
    }

    /// Sets the priority of a record that may be drawn to `(|error| + eps)^alpha`.
    pub(super) fn update(&mut self, record: usize, error: f64) {
        let priority = (error.abs() + self.config.eps).powf(self.config.alpha);
        if priority.is_finite() && self.tree.get(record) != 0.0 {
            self.tree.set(record, priority);
            self.largest = self.largest.max(priority);
        }
    }

    /// Draws one record from each of `n` equal parts of the sum and hands them to `take` with their numbers.
    pub(super) fn draw(&self, rng: &mut Generator, n: usize, mut take: impl FnMut(usize, usize)) {
        let part = self.tree.total() / n as f64;
        let mut mass = |i: usize| (i as f64 + rng.random()) * part;
        let whole = n / LANES * LANES;
        for start in (0..whole).step_by(LANES) {
            let found = self
                .tree
                .find(std::array::from_fn::<_, LANES, _>(|lane| mass(start + lane)));
            found
                .into_iter()
                .enumerate()
                .for_each(|(lane, record)| take(start + lane, record));
        }
        for i in whole..n {
            let [record] = self.tree.find([mass(i)]);
            take(i, record);
        }
    }

    /// Writes `(N P(i))^-beta` of each record, divided by the largest of them: `N` and the sum cancel, and what is left is
    /// `(least / p_i)^beta`.
    pub(super) fn weigh(&self, records: impl Iterator<Item = usize> + Clone, beta: f64, weights: &mut [f32]) {
        let least = records
            .clone()
            .map(|record| self.tree.get(record))
            .fold(f64::INFINITY, f64::min);
        for (weight, record) in weights.iter_mut().zip(records) {
            *weight = (least / self.tree.get(record)).powf(beta) as f32;
        }
    }
}
