//! Random streams equal, bit for bit, to numpy's `Generator(PCG64(SeedSequence(seed)))`.
//!
//! Levels are a function of their seed here and in Python, so every draw consumes exactly what numpy 2.x consumes:
//! [`SeedSequence`] hashes entropy and spawn keys, [`Pcg64`] is the bit stream with numpy's half-word buffer, and
//! [`Generator`] has the methods. Golden data recorded from numpy 2.4.6 holds all of it.
//!
//! ```
//! use prospect_sim::random::Generator;
//!
//! // numpy: g = np.random.default_rng(42); g.integers(0, 10), g.random()
//! let mut rng = Generator::default_rng(42);
//! assert_eq!(rng.integers(0, 10), 0);
//! assert_eq!(rng.random(), 0.4388784397520523);
//! ```
//!
//! Normal and exponential draws call the platform's `exp` and `log1p` in about one of a hundred draws, as numpy does:
//! their bits are equal wherever both use the same libm.

mod base_seed;
mod generator;
mod pcg64;
mod sampling;
mod seed_sequence;
mod ziggurat;
mod ziggurat_tables;

pub use base_seed::{MAX_ENVS, MAX_RUN_SEED, Purpose, SeedError, run_seed};
pub use generator::Generator;
pub use pcg64::{Pcg64, StateError};
pub use sampling::WeightError;
pub use seed_sequence::SeedSequence;
