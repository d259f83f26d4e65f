//! What the stack hands to the agent for one rollout: the task's stream, streams of their own, advantage terms.

use crate::module::Metrics;

/// A stream that gets a value head of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamSpec {
    /// The module's name.
    pub name: String,
    /// The discount of its returns.
    pub gamma: f64,
    /// GAE's lambda.
    pub gae_lambda: f64,
    /// False if returns go on over the ends of episodes: the stream then bootstraps through the reset observation.
    pub episodic: bool,
}

/// The rewards of one such stream in one rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// The module's name.
    pub name: String,
    /// `w` in `A = A_task + sum w * A_k`, as it is now; may be 0.
    pub weight: f64,
    /// The discount of its returns.
    pub gamma: f64,
    /// GAE's lambda.
    pub gae_lambda: f64,
    /// False if returns go on over the ends of episodes.
    pub episodic: bool,
    /// `[T, K]`, normalised and clipped, not weighted.
    pub reward: Vec<f32>,
}

/// A term that is added to the advantage and that no value head sees.
#[derive(Debug, Clone, PartialEq)]
pub struct AdvantageTerm {
    /// The module's name.
    pub name: String,
    /// Its factor, as it is now; may be 0.
    pub weight: f64,
    /// `[T, K]`, normalised and clipped, not weighted.
    pub value: Vec<f32>,
}

/// One module's channel, for recorders, heatmaps and `prospect label`.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// The module's name.
    pub name: String,
    /// `[T, K]` as the module gave it.
    pub raw: Vec<f32>,
    /// `[T, K]` normalised, clipped and weighted.
    pub mixed: Vec<f32>,
}

/// All that came of one rollout.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mixed {
    /// `[T, K]`: the weighted task's reward plus the modules that are added to it.
    pub task: Vec<f32>,
    /// Streams with value heads of their own, in the stack's order.
    pub streams: Vec<Stream>,
    /// Terms of the advantage, in the stack's order.
    pub advantage: Vec<AdvantageTerm>,
    /// Every module's channel, in the stack's order.
    pub channels: Vec<Channel>,
    /// Sizes of all channels: `reward/<name>/raw_mean`, `raw_std`, `raw_min`, `raw_max`, `mixed_mean`, `weight`, and the
    /// same for `extrinsic`.
    pub metrics: Metrics,
}
