//! First values of parameters, drawn from the project's own streams and never from libtorch's global generator.

use prospect_sim::random::Generator;
use serde::{Deserialize, Serialize};

/// How a weight begins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Init {
    /// Rows or columns orthonormal, times `gain` (Saxe et al. 2013; `torch.nn.init.orthogonal_`). Biases begin at 0.
    Orthogonal {
        /// Scale; PPO uses `sqrt(2)` for hidden layers, 0.01 for the policy head, 1 for the value head.
        gain: f64,
    },
    /// Uniform in `±1/sqrt(fan_in)`, weight and bias: what `torch.nn.Linear` and `Conv2d` do by themselves.
    KaimingUniform,
    /// Normal, each row scaled to length 1; biases begin at 0 (torch-ac's `init_params`).
    UnitRows,
    /// All the same.
    Constant {
        /// The value.
        value: f64,
    },
}

impl Init {
    /// Orthogonal with gain `sqrt(2)`, for layers followed by a rectifier or tanh as in CleanRL's PPO.
    pub const HIDDEN: Self = Self::Orthogonal {
        gain: std::f64::consts::SQRT_2,
    };

    /// A weight of `shape` `[outputs, inputs, ...]`, row-major.
    pub fn weight(self, shape: &[i64], rng: &mut Generator) -> Vec<f32> {
        let rows = shape.first().copied().unwrap_or(1) as usize;
        let columns = shape.iter().skip(1).product::<i64>() as usize;
        match self {
            Self::Orthogonal { gain } => orthogonal(rows, columns, gain, rng),
            Self::KaimingUniform => uniform(rows * columns, columns, rng),
            Self::UnitRows => unit_rows(rows, columns, rng),
            Self::Constant { value } => vec![value as f32; rows * columns],
        }
    }

    /// A bias of `width` values for a layer with `fan_in` inputs.
    pub fn bias(self, width: usize, fan_in: usize, rng: &mut Generator) -> Vec<f32> {
        match self {
            Self::KaimingUniform => uniform(width, fan_in, rng),
            Self::Orthogonal { .. } | Self::UnitRows | Self::Constant { .. } => vec![0.0; width],
        }
    }
}

fn uniform(n: usize, fan_in: usize, rng: &mut Generator) -> Vec<f32> {
    let bound = 1.0 / (fan_in.max(1) as f64).sqrt();
    (0..n).map(|_| rng.uniform(-bound, bound) as f32).collect()
}

fn unit_rows(rows: usize, columns: usize, rng: &mut Generator) -> Vec<f32> {
    let mut values = Vec::with_capacity(rows * columns);
    for _ in 0..rows {
        let row: Vec<f64> = (0..columns).map(|_| rng.standard_normal()).collect();
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        values.extend(row.iter().map(|x| (x / length) as f32));
    }
    values
}

/// Gram and Schmidt over normal vectors, twice each for accuracy: the orthogonal factor whose triangular one has a positive
/// diagonal, which is what PyTorch's sign correction makes of its QR.
fn orthogonal(rows: usize, columns: usize, gain: f64, rng: &mut Generator) -> Vec<f32> {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    while vectors.len() < count {
        let mut vector: Vec<f64> = (0..length).map(|_| rng.standard_normal()).collect();
        for _ in 0..2 {
            for earlier in &vectors {
                let overlap: f64 = earlier.iter().zip(&vector).map(|(a, b)| a * b).sum();
                vector
                    .iter_mut()
                    .zip(earlier)
                    .for_each(|(x, a)| *x -= overlap * a);
            }
        }
        let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        for x in &mut vector {
            *x /= norm;
        }
        vectors.push(vector);
    }
    let mut values = vec![0.0; rows * columns];
    for (i, vector) in vectors.iter().enumerate() {
        for (j, x) in vector.iter().enumerate() {
            let at = if rows <= columns {
                i * columns + j
            } else {
                j * columns + i
            };
            values[at] = (gain * x) as f32;
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    }

    #[test]
    fn orthogonal_rows_and_columns() {
        let mut rng = Generator::named(3, "init");
        let wide = Init::Orthogonal { gain: 2.0 }.weight(&[5, 9], &mut rng);
        for i in 0..5 {
            for j in 0..5 {
                let expected = if i == j { 4.0 } else { 0.0 };
                assert!((dot(&wide[i * 9..][..9], &wide[j * 9..][..9]) - expected).abs() < 1e-5);
            }
        }
        let tall = Init::Orthogonal { gain: 1.0 }.weight(&[9, 5], &mut rng);
        for i in 0..5 {
            for j in 0..5 {
                let column = |k: usize| tall.iter().skip(k).step_by(5).copied().collect::<Vec<_>>();
                let expected = f64::from(u8::from(i == j));
                assert!((dot(&column(i), &column(j)) - expected).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn unit_rows_have_length_one() {
        let weight = Init::UnitRows.weight(&[4, 3, 2, 2], &mut Generator::named(1, "init"));
        for row in weight.chunks(12) {
            assert!((dot(row, row) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn kaiming_stays_in_bounds_and_fills_them() {
        let mut rng = Generator::named(2, "init");
        let weight = Init::KaimingUniform.weight(&[64, 25], &mut rng);
        assert!(weight.iter().all(|x| x.abs() <= 0.2));
        assert!(weight.iter().any(|x| *x > 0.19) && weight.iter().any(|x| *x < -0.19));
        assert!(
            Init::KaimingUniform
                .bias(64, 25, &mut rng)
                .iter()
                .any(|x| *x != 0.0)
        );
    }

    #[test]
    fn the_same_stream_gives_the_same_bits() {
        let draw = || Init::HIDDEN.weight(&[16, 8], &mut Generator::named(7, "policy"));
        assert_eq!(draw(), draw());
        assert_ne!(
            draw(),
            Init::HIDDEN.weight(&[16, 8], &mut Generator::named(8, "policy"))
        );
    }
}
