//! Cubic polynomials of the distance along a road, as OpenDRIVE states widths and offsets.

/// `a + b x + c x² + d x³`
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Cubic {
    pub(super) coefficients: [f64; 4],
}

impl Cubic {
    pub(super) fn at(self, x: f64) -> f64 {
        let [a, b, c, d] = self.coefficients;
        a + x * (b + x * (c + x * d))
    }

    pub(super) fn slope(self, x: f64) -> f64 {
        let [_, b, c, d] = self.coefficients;
        b + x * (2.0 * c + x * 3.0 * d)
    }

    pub(super) fn second_derivative(self, x: f64) -> f64 {
        let [_, _, c, d] = self.coefficients;
        2.0 * c + 6.0 * d * x
    }
}

/// Cubics one after another: each holds from its start to the next one's. Before the first, the value is 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Profile {
    /// Start of each cubic in m, ascending, and the cubic of the distance from there.
    pub(super) records: Vec<(f64, Cubic)>,
}

impl Profile {
    /// The cubic that holds at `s`, and the distance into it. At a border the one before holds, if `before` says so.
    fn record(&self, s: f64, before: bool) -> Option<(Cubic, f64)> {
        let started = |start: f64| if before { start < s } else { start <= s };
        let count = self.records.partition_point(|&(start, _)| started(start));
        let (start, cubic) = *self.records.get(count.checked_sub(1)?)?;
        Some((cubic, s - start))
    }

    /// Value and slope at `s`, where `before` chooses the side of a border.
    pub(super) fn at(&self, s: f64, before: bool) -> (f64, f64) {
        let record = self.record(s, before);
        record.map_or((0.0, 0.0), |(cubic, x)| (cubic.at(x), cubic.slope(x)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_holds_from_record_to_record() {
        let records = vec![
            (
                1.0,
                Cubic {
                    coefficients: [2.0, 0.5, 0.0, 0.0],
                },
            ),
            (
                3.0,
                Cubic {
                    coefficients: [1.0, 0.0, 0.25, -0.5],
                },
            ),
        ];
        let profile = Profile { records };
        assert_eq!(profile.at(0.5, false), (0.0, 0.0));
        assert_eq!(profile.at(2.0, false), (2.5, 0.5));
        assert_eq!(profile.at(3.0, false), (1.0, 0.0));
        assert_eq!(profile.at(3.0, true), (3.0, 0.5));
        assert_eq!(profile.at(5.0, false), (1.0 + 1.0 - 4.0, 1.0 - 6.0));
    }
}
