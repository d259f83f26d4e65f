//! The generator: construction, integers, uniform reals and its stored form.

use serde::{Deserialize, Serialize};

use super::{Pcg64, SeedSequence, StateError};

/// A stream with numpy's `Generator` methods; each draw consumes what numpy 2.x consumes.
///
/// Scalar draws never allocate. Choices, shuffles and permutations are in `sampling.rs`, normals and exponentials in
/// `ziggurat.rs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generator {
    bits: Pcg64,
}

impl Generator {
    /// Bytes of [`Self::to_bytes`].
    pub const N_BYTES: usize = Pcg64::N_BYTES;

    /// The stream of a seed, as `np.random.default_rng(seed)`.
    pub fn default_rng(seed: u64) -> Self {
        Self::from_sequence(&SeedSequence::new(seed))
    }

    /// The stream of a seed sequence, as `Generator(PCG64(sequence))`.
    pub fn from_sequence(sequence: &SeedSequence) -> Self {
        Self::from_bits(Pcg64::new(sequence))
    }

    /// The stream of a seed and a name, unrelated to [`Self::default_rng`] and to any other name.
    ///
    /// With `h` the FNV-1a 64 hash of the name's UTF-8 bytes it is numpy's
    /// `Generator(PCG64(SeedSequence(seed, spawn_key=(h & 0xffffffff, h >> 32))))`.
    pub fn named(seed: u64, name: &str) -> Self {
        let hash = fnv1a_64(name.as_bytes());
        let key = [hash as u32, (hash >> 32) as u32];
        Self::from_sequence(&SeedSequence::new(seed).with_spawn_key(&key))
    }

    /// The generator that goes on from a position of the bit stream.
    pub fn from_bits(bits: Pcg64) -> Self {
        Self { bits }
    }

    /// The bit stream and its position.
    pub fn bits(&self) -> &Pcg64 {
        &self.bits
    }

    /// The bit stream, for raw draws.
    pub fn bits_mut(&mut self) -> &mut Pcg64 {
        &mut self.bits
    }

    /// The position as bytes; see [`Pcg64::to_bytes`].
    pub fn to_bytes(&self) -> [u8; Self::N_BYTES] {
        self.bits.to_bytes()
    }

    /// The generator stored by [`Self::to_bytes`].
    ///
    /// # Errors
    /// [`StateError`] if the bytes are no state of a PCG64.
    pub fn from_bytes(bytes: &[u8; Self::N_BYTES]) -> Result<Self, StateError> {
        Pcg64::from_bytes(bytes).map(Self::from_bits)
    }

    /// The next 64 raw bits, as `bit_generator.random_raw()`.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.bits.next_u64()
    }

    /// The next 32 raw bits, through the half-word buffer.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        self.bits.next_u32()
    }

    /// An integer in `[low, high)`, as `integers(low, high)` with the default dtype int64.
    ///
    /// A range of one value consumes nothing; up to 2^32 values consume 32-bit draws, more consume 64-bit draws.
    ///
    /// # Panics
    /// If `low >= high`, where numpy raises `ValueError`.
    #[inline]
    pub fn integers(&mut self, low: i64, high: i64) -> i64 {
        assert!(low < high, "integers({low}, {high}): the range is empty");
        self.integers_inclusive(low, high - 1)
    }

    /// An integer in `[low, high]`, as `integers(low, high, endpoint=True)`.
    ///
    /// # Panics
    /// If `low > high`, where numpy raises `ValueError`.
    #[inline]
    pub fn integers_inclusive(&mut self, low: i64, high: i64) -> i64 {
        assert!(
            low <= high,
            "integers_inclusive({low}, {high}): the range is empty"
        );
        let span = high.wrapping_sub(low) as u64;
        low.wrapping_add(self.bounded(span) as i64)
    }

    /// Fills `values` with integers in `[low, high)`, as `integers(low, high, size)`: the scalar draws in order.
    ///
    /// # Panics
    /// If `low >= high`, where numpy raises `ValueError`.
    pub fn integers_into(&mut self, low: i64, high: i64, values: &mut [i64]) {
        assert!(low < high, "integers({low}, {high}): the range is empty");
        for value in values {
            *value = self.integers_inclusive(low, high - 1);
        }
    }

    /// A number in `[0, max]` by multiplication with rejection (Lemire 2019, doi 10.1145/3230636).
    #[inline]
    pub(super) fn bounded(&mut self, max: u64) -> u64 {
        match u32::try_from(max) {
            Ok(0) => 0,
            Ok(u32::MAX) => u64::from(self.next_u32()),
            Ok(max) => u64::from(self.bounded_u32(max)),
            Err(_) if max == u64::MAX => self.next_u64(),
            Err(_) => self.bounded_u64(max),
        }
    }

    #[inline]
    fn bounded_u32(&mut self, max: u32) -> u32 {
        let n = u64::from(max) + 1;
        let mut product = u64::from(self.next_u32()) * n;
        if u64::from(product as u32) < n {
            let threshold = (u32::MAX - max) % (max + 1);
            while (product as u32) < threshold {
                product = u64::from(self.next_u32()) * n;
            }
        }
        (product >> 32) as u32
    }

    #[inline]
    fn bounded_u64(&mut self, max: u64) -> u64 {
        let n = u128::from(max) + 1;
        let mut product = u128::from(self.next_u64()) * n;
        if u128::from(product as u64) < n {
            let threshold = (u64::MAX - max) % (max + 1);
            while (product as u64) < threshold {
                product = u128::from(self.next_u64()) * n;
            }
        }
        (product >> 64) as u64
    }

    /// A number in `[0, max]` by masking and rejection: what numpy's shuffle of a list draws with.
    #[inline]
    pub(super) fn masked(&mut self, max: u64) -> u64 {
        if max == 0 {
            return 0;
        }
        let mask = u64::MAX >> max.leading_zeros();
        let narrow = u32::try_from(max).is_ok();
        loop {
            let word = if narrow {
                u64::from(self.next_u32())
            } else {
                self.next_u64()
            };
            if word & mask <= max {
                return word & mask;
            }
        }
    }

    /// A real in `[0, 1)` with 53 bits, as `random()`.
    #[inline]
    pub fn random(&mut self) -> f64 {
        const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 * UNIT
    }

    /// A real in `[0, 1)` with 24 bits, as `random(dtype=np.float32)`; consumes a 32-bit draw.
    #[inline]
    pub fn random_f32(&mut self) -> f32 {
        const UNIT: f32 = 1.0 / (1_u32 << 24) as f32;
        (self.next_u32() >> 8) as f32 * UNIT
    }

    /// Fills `values` with reals in `[0, 1)`, as `random(size)`.
    pub fn random_into(&mut self, values: &mut [f64]) {
        values.fill_with(|| self.random());
    }

    /// A real in `[low, high)`, as `uniform(low, high)`.
    #[inline]
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.random()
    }

    /// Fills `values` with reals in `[low, high)`, as `uniform(low, high, size)`.
    pub fn uniform_into(&mut self, low: f64, high: f64, values: &mut [f64]) {
        values.fill_with(|| self.uniform(low, high));
    }
}

/// FNV-1a of 64 bits (RFC 9923): stable over platforms and versions, which std's hashers are not.
fn fnv1a_64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
