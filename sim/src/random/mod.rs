//! placeholder
use serde::{Deserialize, Serialize};
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generator(u64);
impl Generator {
    pub fn default_rng(seed: u64) -> Self {
        Self(seed)
    }
    pub fn integers(&mut self, low: i64, high: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        low + ((self.0 >> 33) as i64) % (high - low)
    }
}
