//! Normal and exponential draws by the ziggurat method with numpy's tables and bit layout.

use super::Generator;
use super::ziggurat_tables::{
    EXPONENTIAL_CUTOFF, EXPONENTIAL_HEIGHT, EXPONENTIAL_WIDTH, NORMAL_CUTOFF, NORMAL_HEIGHT, NORMAL_WIDTH,
};

/// Where the normal's tail begins, and its inverse.
const NORMAL_TAIL: f64 = 3.654_152_885_361_009;
const NORMAL_TAIL_INV: f64 = 0.273_661_237_329_758_3;

/// Where the exponential's tail begins.
const EXPONENTIAL_TAIL: f64 = 7.697_117_470_131_05;

impl Generator {
    /// A draw from N(0, 1), as `standard_normal()` (Marsaglia and Tsang 2000, 256 layers).
    #[inline]
    pub fn standard_normal(&mut self) -> f64 {
        loop {
            // [3 unused | mantissa 52 | sign 1 | layer 8], from the high bit down.
            let word = self.next_u64();
            let layer = (word & 0xff) as usize;
            let mantissa = (word >> 9) & 0x000f_ffff_ffff_ffff;
            let magnitude = mantissa as f64 * f64::from_bits(NORMAL_WIDTH[layer]);
            let x = if word & 0x100 == 0 { magnitude } else { -magnitude };
            if mantissa < NORMAL_CUTOFF[layer] {
                return x;
            }
            if let Some(x) = self.normal_edge(layer, mantissa, x) {
                return x;
            }
        }
    }

    /// The draw in the tail (layer 0), or in the wedge of another layer where it is accepted.
    #[cold]
    fn normal_edge(&mut self, layer: usize, mantissa: u64, x: f64) -> Option<f64> {
        if layer > 0 {
            return self
                .under_density(&NORMAL_HEIGHT, layer, (-0.5 * x * x).exp())
                .then_some(x);
        }
        loop {
            let beyond = -NORMAL_TAIL_INV * (-self.random()).ln_1p();
            let y = -(-self.random()).ln_1p();
            if y + y > beyond * beyond {
                // The tail's sign is a bit of the mantissa, not the sign bit.
                let negative = (mantissa >> 8) & 1 == 1;
                return Some(if negative {
                    -(NORMAL_TAIL + beyond)
                } else {
                    NORMAL_TAIL + beyond
                });
            }
        }
    }

    /// Whether a uniform height in the layer lies under the density at the sample.
    fn under_density(&mut self, heights: &[u64; 256], layer: usize, density: f64) -> bool {
        let outer = f64::from_bits(heights[layer]);
        let inner = f64::from_bits(heights[layer - 1]);
        (inner - outer) * self.random() + outer < density
    }

    /// A draw from N(mean, std), as `normal(mean, std)`.
    #[inline]
    pub fn normal(&mut self, mean: f64, std: f64) -> f64 {
        mean + std * self.standard_normal()
    }

    /// Fills `values` with draws from N(0, 1), as `standard_normal(size)`.
    pub fn standard_normal_into(&mut self, values: &mut [f64]) {
        values.fill_with(|| self.standard_normal());
    }

    /// A draw from the exponential distribution of mean 1, as `standard_exponential()`.
    #[inline]
    pub fn standard_exponential(&mut self) -> f64 {
        loop {
            // [mantissa 53 | layer 8 | 3 unused].
            let word = self.next_u64();
            let layer = ((word >> 3) & 0xff) as usize;
            let mantissa = word >> 11;
            let x = mantissa as f64 * f64::from_bits(EXPONENTIAL_WIDTH[layer]);
            if mantissa < EXPONENTIAL_CUTOFF[layer] {
                return x;
            }
            if layer == 0 {
                return EXPONENTIAL_TAIL - (-self.random()).ln_1p();
            }
            if self.under_density(&EXPONENTIAL_HEIGHT, layer, (-x).exp()) {
                return x;
            }
        }
    }
}
