//! Gauss-Legendre quadrature, for curves whose positions and lengths have no closed form.

/// Abscissae in `[-1, 1]` and weights of the eight-point rule, which is exact to degree 15; the other four mirror these.
const EIGHT_POINTS: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
];

/// The integral of `f` from 0 to `end`, by the eight-point rule on `panels` panels of equal width.
pub(super) fn integral<const N: usize>(end: f64, panels: usize, f: impl Fn(f64) -> [f64; N]) -> [f64; N] {
    let half = 0.5 * end / panels as f64;
    let mut sum = [0.0; N];
    for panel in 0..panels {
        let middle = (2 * panel + 1) as f64 * half;
        for (abscissa, weight) in EIGHT_POINTS {
            for x in [middle - half * abscissa, middle + half * abscissa] {
                for (sum, value) in sum.iter_mut().zip(f(x)) {
                    *sum += weight * half * value;
                }
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_exact() {
        let [sixth, fifteenth] = integral(2.0, 1, |x| [x.powi(6), x.powi(15)]);
        assert!((sixth - 128.0 / 7.0).abs() < 1e-12, "{sixth}");
        assert!((fifteenth - 4096.0).abs() < 1e-9, "{fifteenth}");
    }
}
