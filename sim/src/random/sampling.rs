//! Choices, shuffles and permutations.

use std::collections::HashSet;

use super::Generator;

/// numpy's tolerance on the sum of probabilities: the square root of the f64 epsilon.
const SUM_TOLERANCE: f64 = 1.490_116_119_384_765_6e-8;

/// Populations up to this size are never shuffled to draw a subset, whatever its size.
const MAX_SET_POPULATION: usize = 10_000;

/// Subsets of at most one in this many of a larger population are drawn through a set instead of a shuffle.
const SET_CUTOFF: usize = 50;

/// Why a vector of probabilities cannot be drawn from; numpy raises `ValueError` in these cases.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightError {
    /// There is nothing to choose from.
    #[error("choice with probabilities: the vector is empty; give at least one probability")]
    Empty,
    /// A probability is negative, infinite or not a number.
    #[error(
        "choice with probabilities: entry {index} is {value}; probabilities must be finite and not negative"
    )]
    Invalid {
        /// Place in the vector.
        index: usize,
        /// The entry.
        value: f64,
    },
    /// The probabilities do not sum to one within 1.5e-8.
    #[error("choice with probabilities: the sum is {0}; divide by it so that it is 1")]
    Sum(f64),
    /// More distinct values are asked for than have a probability above zero.
    #[error(
        "choice without replacement: {asked} values of {possible} with a probability above zero; ask for fewer"
    )]
    TooFew {
        /// Values asked for.
        asked: usize,
        /// Values with a probability above zero.
        possible: usize,
    },
}

impl Generator {
    /// An index in `0..n`, as `choice(n)` (and the item drawn by `choice(items)`).
    ///
    /// # Panics
    /// If `n` is zero, where numpy raises `ValueError`.
    #[inline]
    pub fn choice(&mut self, n: usize) -> usize {
        assert!(n > 0, "choice(0): nothing to choose from");
        self.bounded(n as u64 - 1) as usize
    }

    /// An index drawn with the given probabilities, as `choice(len, p=probabilities)`: one real, inverted cdf.
    ///
    /// # Errors
    /// [`WeightError`] if the probabilities are no distribution; nothing is consumed then.
    pub fn choice_p(&mut self, probabilities: &[f64]) -> Result<usize, WeightError> {
        check_distribution(probabilities)?;
        Ok(invert_cdf(probabilities, self.random()))
    }

    /// `k` distinct indices of `0..n` in random order, as `choice(n, k, replace=False)`.
    ///
    /// Floyd's set method and a shuffle of the result; for more than one in 50 of a population above 10,000, the tail
    /// of a partial shuffle.
    ///
    /// # Panics
    /// If `k > n`, where numpy raises `ValueError`.
    pub fn choice_without_replacement(&mut self, n: usize, k: usize) -> Vec<usize> {
        assert!(
            k <= n,
            "choice_without_replacement({n}, {k}): more values asked for than there are"
        );
        if n > MAX_SET_POPULATION && k > n / SET_CUTOFF {
            let mut items: Vec<usize> = (0..n).collect();
            self.shuffle_choice(&mut items, (n - k).max(1));
            return items.split_off(n - k);
        }
        let mut seen = HashSet::with_capacity(k);
        let mut items = Vec::with_capacity(k);
        for last in n - k..n {
            let drawn = self.bounded(last as u64) as usize;
            let item = if seen.insert(drawn) { drawn } else { last };
            seen.insert(item);
            items.push(item);
        }
        self.shuffle_choice(&mut items, 1);
        items
    }

    /// `k` distinct indices drawn one after another with the given probabilities, as
    /// `choice(len, k, replace=False, p=probabilities)`.
    ///
    /// # Errors
    /// [`WeightError`] if the probabilities are no distribution or fewer than `k` of them are above zero.
    pub fn choice_p_without_replacement(
        &mut self,
        probabilities: &[f64],
        k: usize,
    ) -> Result<Vec<usize>, WeightError> {
        check_distribution(probabilities)?;
        let possible = probabilities.iter().filter(|&&p| p > 0.0).count();
        if possible < k {
            return Err(WeightError::TooFew { asked: k, possible });
        }
        let mut remaining = probabilities.to_vec();
        let mut found: Vec<usize> = Vec::with_capacity(k);
        while found.len() < k {
            // One batch of reals against one cdf: repeats within the batch are dropped and drawn for again.
            let cdf = cumulated(&remaining);
            for _ in found.len()..k {
                let x = self.random();
                let index = cdf.partition_point(|&c| c <= x);
                if remaining[index] > 0.0 {
                    remaining[index] = 0.0;
                    found.push(index);
                }
            }
        }
        Ok(found)
    }

    /// Puts the items in random order, as `shuffle(items)` of a list or of an array.
    ///
    /// Fisher-Yates from the end with masked rejection, not the bounded multiplication of [`Self::integers`]. Up to one
    /// item consumes nothing.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.masked(i as u64) as usize;
            items.swap(i, j);
        }
    }

    /// The shuffle inside `choice`, down to place `first`: unlike [`Self::shuffle`] it draws as `integers` does.
    fn shuffle_choice(&mut self, items: &mut [usize], first: usize) {
        for i in (first..items.len()).rev() {
            let j = self.bounded(i as u64) as usize;
            items.swap(i, j);
        }
    }

    /// `0..n` in random order, as `permutation(n)`.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut items: Vec<usize> = (0..n).collect();
        self.shuffle(&mut items);
        items
    }
}

/// The first index whose cdf exceeds `x`: `searchsorted(cumsum(p) / total, x, side="right")`, without the array.
fn invert_cdf(probabilities: &[f64], x: f64) -> usize {
    let total = probabilities.iter().fold(0.0, |sum, p| sum + p);
    let mut sum = 0.0;
    let position = probabilities.iter().position(|p| {
        sum += p;
        sum / total > x
    });
    // The last value of the cdf is exactly 1 and x is below 1, so there always is a position.
    position.unwrap_or(probabilities.len() - 1)
}

/// `cumsum(p) / total`.
fn cumulated(probabilities: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut cdf: Vec<f64> = probabilities
        .iter()
        .map(|p| {
            sum += p;
            sum
        })
        .collect();
    for c in &mut cdf {
        *c /= sum;
    }
    cdf
}

fn check_distribution(probabilities: &[f64]) -> Result<(), WeightError> {
    if probabilities.is_empty() {
        return Err(WeightError::Empty);
    }
    if let Some((index, &value)) = probabilities
        .iter()
        .enumerate()
        .find(|(_, p)| !p.is_finite() || **p < 0.0)
    {
        return Err(WeightError::Invalid { index, value });
    }
    let sum = compensated_sum(probabilities);
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(WeightError::Sum(sum));
    }
    Ok(())
}

/// Kahan's summation, so that long vectors are judged by their values and not by rounding.
fn compensated_sum(values: &[f64]) -> f64 {
    let (mut sum, mut lost) = (0.0, 0.0);
    for value in values {
        let corrected = value - lost;
        let next = sum + corrected;
        lost = (next - sum) - corrected;
        sum = next;
    }
    sum
}
