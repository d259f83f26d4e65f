//! Everything that can go wrong in a reward module or the stack.

use prospect_nets::NetsError;

/// An error of a reward module. Messages are fragments that fit after "failed to …:".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShapingError {
    /// No module of this kind is registered.
    #[error("{key} = \"{kind}\": no such kind{hint}; there are: {known}")]
    UnknownKind {
        /// The key in the run file, such as `reward[0].kind`.
        key: String,
        /// The kind asked for.
        kind: String,
        /// "; did you mean …?" or empty.
        hint: String,
        /// The registered kinds.
        known: String,
    },
    /// A key that neither all modules nor this one has.
    #[error("{key}: reward kind `{kind}` has no such key{hint}; it takes: {known}")]
    UnknownKey {
        /// The key in the run file, such as `reward[0].wieght`.
        key: String,
        /// The module's kind.
        kind: String,
        /// "; did you mean …?" or empty.
        hint: String,
        /// The keys there are.
        known: String,
    },
    /// A setting that does not fit.
    #[error("{key}: {reason}")]
    Config {
        /// The key in the run file, such as `reward[0].hidden`.
        key: String,
        /// What is wrong, and the remedy.
        reason: String,
    },
    /// Two modules under one name, or two kinds.
    #[error("{what} `{name}` is there twice: {remedy}")]
    Duplicate {
        /// "reward" or "reward kind".
        what: &'static str,
        /// The name.
        name: String,
        /// What to do.
        remedy: String,
    },
    /// The env does not publish what the module needs.
    #[error("reward `{module}` needs {what}, which {env} does not offer: {remedy}")]
    Needs {
        /// The module's name.
        module: String,
        /// The fact or observation component.
        what: String,
        /// The env's id.
        env: String,
        /// What to do.
        remedy: String,
    },
    /// A channel holds a value that is no number.
    #[error("reward `{module}`: its {what} became {value} at step {step}, actor {actor}")]
    NotFinite {
        /// The module's name.
        module: String,
        /// Which quantity.
        what: &'static str,
        /// The value.
        value: f32,
        /// Row of the rollout.
        step: usize,
        /// Column of the rollout.
        actor: usize,
    },
    /// A loss that is no number.
    #[error("reward `{module}`: its {what} became {value} in update {update}; lower its lr")]
    Diverged {
        /// The module's name.
        module: String,
        /// Which loss.
        what: &'static str,
        /// The value.
        value: f64,
        /// Optimiser steps made before.
        update: u64,
    },
    /// A rollout that is not laid out as the stack was told.
    #[error("reward `{module}`: the rollout {reason}")]
    Rollout {
        /// The module's name.
        module: String,
        /// What does not fit.
        reason: String,
    },
    /// Saved state that cannot be loaded here.
    #[error("reward `{module}`: saved state: {reason}")]
    State {
        /// The module's name.
        module: String,
        /// What does not fit.
        reason: String,
    },
    /// The neural side refused.
    #[error("reward `{module}`: {source}")]
    Torch {
        /// The module's name.
        module: String,
        /// What it said.
        source: NetsError,
    },
}

/// "; did you mean `x`?" for the nearest of `known`, or nothing if none is near.
pub(crate) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let near = known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .min();
    match near {
        Some((d, candidate)) if d <= 1 + candidate.len() / 4 => format!("; did you mean `{candidate}`?"),
        _ => String::new(),
    }
}

/// Edits (insert, delete, replace, swap of neighbours) from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_offered_and_far_ones_not() {
        let known = ["weight", "hidden", "lr"];
        assert_eq!(hint("wieght", known), "; did you mean `weight`?");
        assert_eq!(hint("hiden", known), "; did you mean `hidden`?");
        assert_eq!(hint("temperature", known), "");
    }

    #[test]
    fn a_swap_is_one_edit() {
        assert_eq!(distance("wieght", "weight"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
