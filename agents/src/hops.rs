//! Where the time of training goes.

use std::time::Instant;

/// Seconds spent in each hop of an iteration.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Hops {
    /// Policy inference and sampling.
    pub act_s: f64,
    /// Env steps with observations, facts and resets.
    pub step_s: f64,
    /// Reward modules watching each step.
    pub observe_s: f64,
    /// Coverage and episode statistics.
    pub watch_s: f64,
    /// Reward modules labelling, and mixing.
    pub label_s: f64,
    /// Values and advantages.
    pub gae_s: f64,
    /// Replay: storing rows, drawing samples and labelling them anew.
    pub replay_s: f64,
    /// The policy's update.
    pub update_s: f64,
    /// Reward modules learning.
    pub learn_s: f64,
}

impl Hops {
    /// Names and seconds.
    pub fn named(&self) -> [(&'static str, f64); 9] {
        [
            ("act", self.act_s),
            ("step", self.step_s),
            ("observe", self.observe_s),
            ("watch", self.watch_s),
            ("label", self.label_s),
            ("gae", self.gae_s),
            ("replay", self.replay_s),
            ("update", self.update_s),
            ("learn", self.learn_s),
        ]
    }

    /// Adds another iteration's seconds.
    pub fn add(&mut self, other: &Self) {
        self.act_s += other.act_s;
        self.step_s += other.step_s;
        self.observe_s += other.observe_s;
        self.watch_s += other.watch_s;
        self.label_s += other.label_s;
        self.gae_s += other.gae_s;
        self.replay_s += other.replay_s;
        self.update_s += other.update_s;
        self.learn_s += other.learn_s;
    }
}

/// Time since the last lap.
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn lap(&mut self, sum_s: &mut f64) {
        let now = Instant::now();
        *sum_s += (now - self.0).as_secs_f64();
        self.0 = now;
    }
}
