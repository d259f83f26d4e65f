//! Base seeds of a run: disjoint blocks of level seeds for training, evaluation and probes.

/// Run seeds must be below this, so that every level seed fits 63 bits.
pub const MAX_RUN_SEED: u64 = 1 << 29;

/// Envs of one vectorised env must be at most this many, so that blocks stay apart.
pub const MAX_ENVS: u64 = 1 << 32;

/// What a block of level seeds is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Purpose {
    /// Rollouts that the policy learns from.
    Training = 0,
    /// Held-out episodes that are only scored.
    Evaluation = 1,
    /// Rollouts that measure the policy or a reward module in the course of training.
    Probe = 2,
    /// Kept for later use.
    Spare = 3,
}

impl Purpose {
    /// All purposes, in the order of their indices.
    pub const ALL: [Self; 4] = [Self::Training, Self::Evaluation, Self::Probe, Self::Spare];

    /// The number that stands for the purpose in the formula of [`run_seed`].
    pub fn index(self) -> u64 {
        self as u64
    }
}

/// Why a run has no base seed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// The run seed is 2^29 or more.
    #[error("run seed {0} is too large; give one below 536870912 (2^29)")]
    RunSeed(u64),
}

/// The base seed of a run's vectorised env: `run_seed * 2^34 + purpose * 2^32`.
///
/// Env i is seeded `base + i`, i < 2^32 ([`MAX_ENVS`]). So runs with seeds 0 and 1 share no level, evaluation never meets
/// a training level, and variants under one run seed see the same levels. Every sum is below 2^63.
///
/// # Errors
/// [`SeedError::RunSeed`] if `run_seed` is not below [`MAX_RUN_SEED`].
pub fn run_seed(run_seed: u64, purpose: Purpose) -> Result<u64, SeedError> {
    if run_seed >= MAX_RUN_SEED {
        return Err(SeedError::RunSeed(run_seed));
    }
    Ok((run_seed << 34) + (purpose.index() << 32))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn follows_the_formula() {
        assert_eq!(run_seed(0, Purpose::Training), Ok(0));
        assert_eq!(run_seed(0, Purpose::Evaluation), Ok(4_294_967_296));
        assert_eq!(run_seed(1, Purpose::Training), Ok(17_179_869_184));
        assert_eq!(run_seed(3, Purpose::Probe), Ok(60_129_542_144));
        assert_eq!(
            run_seed(MAX_RUN_SEED, Purpose::Training),
            Err(SeedError::RunSeed(MAX_RUN_SEED))
        );
        let last = run_seed(MAX_RUN_SEED - 1, Purpose::Spare).unwrap() + (MAX_ENVS - 1);
        assert_eq!(last, (1 << 63) - 1);
    }

    proptest! {
        #[test]
        fn level_seeds_name_their_run_purpose_and_env(
            run in 0..MAX_RUN_SEED, purpose in 0..4_usize, env in 0..MAX_ENVS,
        ) {
            let seed = run_seed(run, Purpose::ALL[purpose]).unwrap() + env;
            // Being invertible, the formula maps no two (run, purpose, env) to one seed.
            prop_assert_eq!((seed >> 34, (seed >> 32) & 3, seed & 0xffff_ffff), (run, purpose as u64, env));
        }

        #[test]
        fn blocks_of_neighbours_are_disjoint(
            runs in (0_u64..4, 0_u64..4), purposes in (0..4_usize, 0..4_usize), envs in (0..MAX_ENVS, 0..MAX_ENVS),
        ) {
            let first = run_seed(runs.0, Purpose::ALL[purposes.0]).unwrap() + envs.0;
            let second = run_seed(runs.1, Purpose::ALL[purposes.1]).unwrap() + envs.1;
            prop_assert_eq!(first == second, (runs.0, purposes.0, envs.0) == (runs.1, purposes.1, envs.1));
        }
    }
}
