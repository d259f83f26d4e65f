//! Entropy mixing: from a seed and spawn keys to the words that initialise a stream.

use serde::{Deserialize, Serialize};

const POOL_SIZE: usize = 4;
const XSHIFT: u32 = 16;
const INIT_A: u32 = 0x43b0_d7e5;
const MULT_A: u32 = 0x931e_8875;
const INIT_B: u32 = 0x8b51_f9dd;
const MULT_B: u32 = 0x58f3_8ded;
const MIX_MULT_L: u32 = 0xca01_f9dd;
const MIX_MULT_R: u32 = 0x4973_f715;

/// A source of well mixed words for any number of independent streams.
///
/// Same words as `numpy.random.SeedSequence` with its default pool of four (after M. E. O'Neill's `seed_seq_fe`). Two
/// sequences with different entropy or different spawn keys give unrelated streams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedSequence {
    entropy: Vec<u32>,
    spawn_key: Vec<u32>,
    n_children_spawned: u32,
}

impl SeedSequence {
    /// The sequence of a seed, as `SeedSequence(seed)`.
    pub fn new(seed: u64) -> Self {
        Self::from_u128(u128::from(seed))
    }

    /// The sequence of a wide seed, as `SeedSequence(seed)`.
    pub fn from_u128(seed: u128) -> Self {
        let significant_words = (128 - seed.leading_zeros()).div_ceil(32).max(1);
        let words: Vec<u32> = (0..significant_words)
            .map(|i| (seed >> (32 * i)) as u32)
            .collect();
        Self::from_words(&words)
    }

    /// The sequence of several words of entropy, as `SeedSequence([w0, w1, ..])`.
    pub fn from_words(words: &[u32]) -> Self {
        Self {
            entropy: words.to_vec(),
            spawn_key: Vec::new(),
            n_children_spawned: 0,
        }
    }

    /// The same entropy under another spawn key, as `SeedSequence(entropy, spawn_key=key)`.
    #[must_use]
    pub fn with_spawn_key(mut self, spawn_key: &[u32]) -> Self {
        self.spawn_key = spawn_key.to_vec();
        self
    }

    /// The key that tells this sequence from others with the same entropy.
    pub fn spawn_key(&self) -> &[u32] {
        &self.spawn_key
    }

    /// The next `n` children, as `spawn(n)`: their keys extend this one by a counter that goes on over calls.
    pub fn spawn(&mut self, n: u32) -> Vec<Self> {
        let first = self.n_children_spawned;
        self.n_children_spawned = first.saturating_add(n);
        (first..self.n_children_spawned)
            .map(|child| {
                let mut key = self.spawn_key.clone();
                key.push(child);
                Self::from_words(&self.entropy).with_spawn_key(&key)
            })
            .collect()
    }

    /// The first `n` 32-bit words, as `generate_state(n)`.
    pub fn generate_state_u32(&self, n: usize) -> Vec<u32> {
        let mut words = vec![0; n];
        self.fill_state(&mut words);
        words
    }

    /// The first `n` 64-bit words, as `generate_state(n, np.uint64)`: pairs of 32-bit words, low word first.
    pub fn generate_state_u64(&self, n: usize) -> Vec<u64> {
        let words = self.generate_state_u32(2 * n);
        words
            .chunks_exact(2)
            .map(|pair| u64::from(pair[1]) << 32 | u64::from(pair[0]))
            .collect()
    }

    /// Fills `words` with the first words of the state; no allocation.
    pub(super) fn fill_state(&self, words: &mut [u32]) {
        let pool = self.mixed_pool();
        let mut hash_const = INIT_B;
        for (i, word) in words.iter_mut().enumerate() {
            let mut value = pool[i % POOL_SIZE] ^ hash_const;
            hash_const = hash_const.wrapping_mul(MULT_B);
            value = value.wrapping_mul(hash_const);
            *word = value ^ (value >> XSHIFT);
        }
    }

    fn mixed_pool(&self) -> [u32; POOL_SIZE] {
        // Numpy pads the entropy to the pool only where a key follows, so that (entropy, key) pairs cannot collide.
        let padding = if self.spawn_key.is_empty() {
            0
        } else {
            POOL_SIZE.saturating_sub(self.entropy.len())
        };
        let zeros = std::iter::repeat_n(&0, padding);
        let mut words = self.entropy.iter().chain(zeros).chain(&self.spawn_key).copied();

        let mut hash = Hash { hash_const: INIT_A };
        let mut pool = [0; POOL_SIZE];
        for slot in &mut pool {
            *slot = hash.hash(words.next().unwrap_or(0));
        }
        for src in 0..POOL_SIZE {
            for dst in (0..POOL_SIZE).filter(|&dst| dst != src) {
                pool[dst] = mix(pool[dst], hash.hash(pool[src]));
            }
        }
        for word in words {
            for slot in &mut pool {
                *slot = mix(*slot, hash.hash(word));
            }
        }
        pool
    }
}

/// The running multiplier of the input hash.
struct Hash {
    hash_const: u32,
}

impl Hash {
    fn hash(&mut self, value: u32) -> u32 {
        let value = value ^ self.hash_const;
        self.hash_const = self.hash_const.wrapping_mul(MULT_A);
        let value = value.wrapping_mul(self.hash_const);
        value ^ (value >> XSHIFT)
    }
}

fn mix(x: u32, y: u32) -> u32 {
    let mixed = MIX_MULT_L
        .wrapping_mul(x)
        .wrapping_sub(MIX_MULT_R.wrapping_mul(y));
    mixed ^ (mixed >> XSHIFT)
}
