//! What learners of continuous actions share: observations and actions as matrices, twin critics, the memory they sample.
//!
//! Networks see actions between -1 and 1, as in Stable-Baselines3.

mod averages;
mod critics;
mod experience;
#[cfg(test)]
pub(crate) mod golden;
mod spaces;
mod squashed;

pub(crate) use self::{
    averages::Averages,
    critics::TwinCritics,
    experience::{Experience, Minibatch},
    spaces::Spaces,
};
pub use self::{
    critics::{pessimist_gradient, squared_error},
    squashed::SquashedGaussian,
};

use prospect_sim::random::Generator;

/// Fills `out` with `n` standard normal draws.
pub(crate) fn normal_noise(n: usize, rng: &mut Generator, out: &mut Vec<f32>) {
    out.clear();
    out.extend((0..n).map(|_| rng.standard_normal() as f32));
}
