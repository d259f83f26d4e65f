//! Normalisers of a raw channel: what it is divided by, and over which values that is measured.

use prospect_sim::Rollout;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a channel is divided by or shifted with. Statistics are updated with the present rollout before it is normalised,
/// and leave out actors that took no part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Normalise {
    /// Nothing.
    #[default]
    None,
    /// The standard deviation of all rewards so far.
    RunningStd,
    /// The standard deviation of all discounted returns so far, `R = gamma * R + r` along each actor's time (`OpenAI`'s
    /// RND). With `episodic` the return starts again where an episode ends; without, it goes on, as RND has it.
    ReturnStd,
    /// Smallest and largest value of the rollout, to `[0, 1]`; 0 where all are equal.
    MinMax,
    /// Mean and standard deviation, each a moving average over rollouts (DEIR).
    Standardise,
}

/// Mean and variance of a stream of numbers, merged batch by batch (Chan et al. 1983); exact, without a prior.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    count: f64,
    mean: f64,
    m2: f64,
}

impl Moments {
    /// The moments of `values`.
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let (count, sum) = values.clone().fold((0.0, 0.0), |(n, sum), x| (n + 1.0, sum + x));
        if count == 0.0 {
            return Self::default();
        }
        let mean = sum / count;
        let m2 = values.fold(0.0, |m2, x| m2 + (x - mean) * (x - mean));
        Self { count, mean, m2 }
    }

    /// Takes another batch in.
    pub fn merge(&mut self, other: Self) {
        if other.count == 0.0 {
            return;
        }
        let count = self.count + other.count;
        let delta = other.mean - self.mean;
        self.mean += delta * other.count / count;
        self.m2 += other.m2 + delta * delta * self.count * other.count / count;
        self.count = count;
    }

    /// How many values.
    pub fn count(self) -> f64 {
        self.count
    }

    /// Their mean; 0 if there are none.
    pub fn mean(self) -> f64 {
        self.mean
    }

    /// Their variance (divided by their number, not by one less); 0 if there are none.
    pub fn variance(self) -> f64 {
        if self.count > 0.0 {
            self.m2 / self.count
        } else {
            0.0
        }
    }

    /// One over their standard deviation, or 1 if they hardly differ: a constant channel stays as it is.
    fn scale(self) -> f64 {
        let std = self.variance().sqrt();
        if std > 1e-8 * self.mean.abs() && std > 1e-30 {
            1.0 / std
        } else {
            1.0
        }
    }
}

/// DEIR's small number beside the standard deviation.
const STANDARDISE_EPS: f64 = 1e-5;

/// A normaliser and what it remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Normaliser {
    kind: Normalise,
    gamma: f64,
    episodic: bool,
    momentum: f64,
    moments: Moments,
    /// The moving mean and variance of `standardise`.
    moving: (f64, f64),
    /// The discounted return of each actor so far, of `return_std`.
    returns: Vec<f64>,
    /// The returns of the present rollout, kept so that no rollout allocates.
    #[serde(skip)]
    scratch: Vec<f64>,
}

impl Normaliser {
    /// A normaliser that has seen nothing. `gamma` and `episodic` are those of `return_std`, `momentum` is that of
    /// `standardise`.
    pub fn new(kind: Normalise, gamma: f64, episodic: bool, momentum: f64, actors: usize) -> Self {
        let per_actor = if kind == Normalise::ReturnStd { actors } else { 0 };
        Self {
            kind,
            gamma,
            episodic,
            momentum,
            moments: Moments::default(),
            moving: (0.0, 1.0),
            returns: vec![0.0; per_actor],
            scratch: Vec::new(),
        }
    }

    /// The same statistics for other actors, whose returns start at 0.
    #[must_use]
    pub fn fork(&self, actors: usize) -> Self {
        let per_actor = if self.kind == Normalise::ReturnStd {
            actors
        } else {
            0
        };
        Self {
            returns: vec![0.0; per_actor],
            ..self.clone()
        }
    }

    /// The number of actors it keeps returns of; 0 for all kinds but `return_std`.
    pub fn actors(&self) -> usize {
        self.returns.len()
    }

    /// True if `other` was made with the same settings, so that its statistics mean the same.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.gamma == other.gamma
            && self.episodic == other.episodic
            && self.momentum == other.momentum
            && self.returns.len() == other.returns.len()
    }

    /// Takes the raw channel of a rollout in, `[T, K]`.
    pub fn update(&mut self, raw: &[f32], rollout: &Rollout) {
        let alive = rollout.alive();
        let values = || {
            raw.iter()
                .zip(alive)
                .filter(|(_, alive)| **alive)
                .map(|(x, _)| f64::from(*x))
        };
        match self.kind {
            Normalise::None | Normalise::MinMax => {}
            Normalise::RunningStd => self.moments.merge(Moments::of(values())),
            Normalise::ReturnStd => self.update_returns(raw, rollout),
            Normalise::Standardise => {
                let batch = Moments::of(values());
                if batch.count() == 0.0 {
                    return;
                }
                let keep = self.momentum;
                let mean = keep * self.moving.0 + (1.0 - keep) * batch.mean();
                // DEIR measures the variance around the moving mean, not around the batch's.
                let spread = batch.variance() + (batch.mean() - mean) * (batch.mean() - mean);
                self.moving = (mean, keep * self.moving.1 + (1.0 - keep) * spread);
            }
        }
    }

    fn update_returns(&mut self, raw: &[f32], rollout: &Rollout) {
        let k = rollout.actors();
        self.scratch.clear();
        for (t, row) in raw.chunks_exact(k.max(1)).enumerate() {
            for (actor, reward) in row.iter().enumerate() {
                if !rollout.alive()[t * k + actor] {
                    continue;
                }
                let value = self.gamma * self.returns[actor] + f64::from(*reward);
                self.scratch.push(value);
                let restart = self.episodic && rollout.ended(t, actor);
                self.returns[actor] = if restart { 0.0 } else { value };
            }
        }
        self.moments.merge(Moments::of(self.scratch.iter().copied()));
    }

    /// Writes the normalised channel to `out`, by the statistics as they are.
    pub fn apply(&self, raw: &[f32], alive: &[bool], out: &mut [f32]) {
        let (shift, scale) = match self.kind {
            Normalise::None => (0.0, 1.0),
            Normalise::RunningStd | Normalise::ReturnStd => (0.0, self.moments.scale()),
            Normalise::MinMax => min_max(raw, alive),
            Normalise::Standardise => (self.moving.0, 1.0 / (self.moving.1.sqrt() + STANDARDISE_EPS)),
        };
        for (out, x) in out.iter_mut().zip(raw) {
            *out = ((f64::from(*x) - shift) * scale) as f32;
        }
    }
}

fn min_max(raw: &[f32], alive: &[bool]) -> (f64, f64) {
    let values = raw.iter().zip(alive).filter(|(_, alive)| **alive);
    let ends = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), (x, _)| {
        (low.min(*x), high.max(*x))
    });
    let (low, high) = (f64::from(ends.0), f64::from(ends.1));
    if high > low {
        (low, 1.0 / (high - low))
    } else if high == low {
        (low, 1.0)
    } else {
        (0.0, 1.0)
    }
}
