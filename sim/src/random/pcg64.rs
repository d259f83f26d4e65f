//! The bit stream: PCG XSL-RR 128/64 with numpy's half-word buffer.

use serde::{Deserialize, Serialize};

use super::SeedSequence;

const MULTIPLIER: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;

/// A 128-bit linear congruential generator with the XSL-RR output of the state after the step (O'Neill 2014).
///
/// Bit-equal to numpy's `PCG64`: a 32-bit draw takes the low half of a 64-bit draw and keeps the high half for the next
/// 32-bit draw; 64-bit draws leave a kept half alone. Two streams are equal if all their further draws are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredState", into = "StoredState")]
pub struct Pcg64 {
    state: u128,
    inc: u128,
    buffered: Option<u32>,
}

/// Why stored bytes or numbers are no stream state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The increment of a PCG64 must be odd.
    #[error("random stream state: increment {0:#x} is even; the state was not written by this program")]
    EvenIncrement(u128),
    /// The byte that tells whether a half-word is kept is neither 0 nor 1, or an absent half-word is not zero.
    #[error("random stream state: half-word flag {flag} with value {value:#x}; the bytes are damaged")]
    HalfWord {
        /// The flag as read.
        flag: u8,
        /// The half-word as read.
        value: u32,
    },
}

impl Pcg64 {
    /// Bytes of [`Self::to_bytes`].
    pub const N_BYTES: usize = 37;

    /// The stream of a seed sequence, as `PCG64(sequence)`.
    pub fn new(sequence: &SeedSequence) -> Self {
        let mut w = [0; 8];
        sequence.fill_state(&mut w);
        // Four 64-bit words, each low half first; the high word of each 128-bit number comes first.
        let wide = |i: usize| {
            u128::from(w[i + 1]) << 96
                | u128::from(w[i]) << 64
                | u128::from(w[i + 3]) << 32
                | u128::from(w[i + 2])
        };
        let mut stream = Self {
            state: 0,
            inc: wide(4) << 1 | 1,
            buffered: None,
        };
        stream.step();
        stream.state = stream.state.wrapping_add(wide(0));
        stream.step();
        stream
    }

    /// The stream in a given position, as numpy's `bit_generator.state` dictionary states it.
    ///
    /// # Errors
    /// [`StateError::EvenIncrement`] if `inc` is even.
    pub fn from_parts(state: u128, inc: u128, buffered: Option<u32>) -> Result<Self, StateError> {
        if inc & 1 == 0 {
            return Err(StateError::EvenIncrement(inc));
        }
        Ok(Self { state, inc, buffered })
    }

    /// numpy's `state["state"]["state"]`.
    pub fn state(&self) -> u128 {
        self.state
    }

    /// numpy's `state["state"]["inc"]`.
    pub fn inc(&self) -> u128 {
        self.inc
    }

    /// numpy's `state["uinteger"]` where `has_uint32` is set.
    pub fn buffered(&self) -> Option<u32> {
        self.buffered
    }

    #[inline]
    fn step(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.inc);
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.step();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    /// The kept half-word if there is one, else the low half of the next 64 bits, whose high half is then kept.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        if let Some(half) = self.buffered.take() {
            return half;
        }
        let word = self.next_u64();
        self.buffered = Some((word >> 32) as u32);
        word as u32
    }

    /// Skips `delta` 64-bit draws in logarithmic time and drops the kept half-word, as numpy's `advance`.
    pub fn advance(&mut self, delta: u128) {
        let (mut power_mult, mut power_inc) = (MULTIPLIER, self.inc);
        let (mut total_mult, mut total_inc) = (1_u128, 0_u128);
        let mut remaining = delta;
        while remaining > 0 {
            if remaining & 1 == 1 {
                total_mult = total_mult.wrapping_mul(power_mult);
                total_inc = total_inc.wrapping_mul(power_mult).wrapping_add(power_inc);
            }
            power_inc = power_mult.wrapping_add(1).wrapping_mul(power_inc);
            power_mult = power_mult.wrapping_mul(power_mult);
            remaining >>= 1;
        }
        self.state = total_mult.wrapping_mul(self.state).wrapping_add(total_inc);
        self.buffered = None;
    }

    /// The position as bytes: state and increment (16 each), half-word flag (1), half-word (4); little-endian.
    ///
    /// Carries no version: the container that stores it does.
    pub fn to_bytes(&self) -> [u8; Self::N_BYTES] {
        let mut bytes = [0; Self::N_BYTES];
        bytes[..16].copy_from_slice(&self.state.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.inc.to_le_bytes());
        bytes[32] = u8::from(self.buffered.is_some());
        bytes[33..].copy_from_slice(&self.buffered.unwrap_or(0).to_le_bytes());
        bytes
    }

    /// The position stored by [`Self::to_bytes`].
    ///
    /// # Errors
    /// [`StateError`] if the bytes are no state of this generator.
    pub fn from_bytes(bytes: &[u8; Self::N_BYTES]) -> Result<Self, StateError> {
        let wide = |at: usize| u128::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let value = u32::from_le_bytes(std::array::from_fn(|i| bytes[33 + i]));
        let buffered = match (bytes[32], value) {
            (0, 0) => None,
            (1, half) => Some(half),
            (flag, value) => return Err(StateError::HalfWord { flag, value }),
        };
        Self::from_parts(wide(0), wide(16), buffered)
    }
}

/// What serde stores: 128-bit numbers as (high, low), since not every format has them.
#[derive(Serialize, Deserialize)]
struct StoredState {
    state: (u64, u64),
    inc: (u64, u64),
    buffered: Option<u32>,
}

impl From<Pcg64> for StoredState {
    fn from(stream: Pcg64) -> Self {
        let halves = |wide: u128| ((wide >> 64) as u64, wide as u64);
        Self {
            state: halves(stream.state),
            inc: halves(stream.inc),
            buffered: stream.buffered,
        }
    }
}

impl TryFrom<StoredState> for Pcg64 {
    type Error = StateError;

    fn try_from(stored: StoredState) -> Result<Self, StateError> {
        let wide = |(high, low): (u64, u64)| u128::from(high) << 64 | u128::from(low);
        Self::from_parts(wide(stored.state), wide(stored.inc), stored.buffered)
    }
}
