//! Nothing may draw from libtorch's global generator: a resumed run could not go on from its state.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Where tensors are used.
const ROOMS: [&str; 4] = ["nets", "shaping", "agents", "src"];

/// Functions that draw, without the `f_` that marks tch's fallible twins. Names that the project's own streams share
/// (`normal`, `uniform`, `random`) draw in libtorch only in their in-place form.
const DRAWING: [&str; 31] = [
    "manual_seed",
    "rand_like",
    "randn",
    "randn_like",
    "randint",
    "randint_low",
    "randint_like",
    "randint_like_low_dtype",
    "randperm",
    "rand_out",
    "randn_out",
    "multinomial",
    "bernoulli",
    "bernoulli_",
    "bernoulli_p",
    "bernoulli_float_",
    "poisson",
    "binomial",
    "dropout",
    "dropout_",
    "alpha_dropout",
    "feature_dropout",
    "native_dropout",
    "rrelu",
    "normal_",
    "uniform_",
    "random_",
    "exponential_",
    "cauchy_",
    "geometric_",
    "log_normal_",
];

/// Paths that draw, or whose initial values do.
const PATHS: [&str; 3] = ["Tensor::rand(", "tch::nn", "nn::VarStore"];

/// Looks through all sources; the error names every place.
pub(crate) fn check(root: &Path) -> Result<String> {
    let mut sources = vec![];
    for room in ROOMS {
        collect(&root.join(room), &mut sources)?;
    }
    let mut found = vec![];
    for path in &sources {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let place = path.strip_prefix(root).unwrap_or(path).display();
        found.extend(
            draws(&text)
                .into_iter()
                .map(|(line, what)| format!("{place}:{line}: {what}")),
        );
    }
    if !found.is_empty() {
        bail!(
            "libtorch's global generator is drawn from; use a stream of prospect_sim::random::Generator\n  {}",
            found.join("\n  ")
        );
    }
    Ok(format!("lint-torch-random: {} files, no draw", sources.len()))
}

fn collect(folder: &Path, sources: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    Ok(())
}

/// Lines (from 1) of a source that call a drawing function, and what they call. Comments do not count.
fn draws(source: &str) -> Vec<(usize, String)> {
    let mut found = vec![];
    for (number, line) in source.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let calls = called(code)
            .into_iter()
            .filter(|name| DRAWING.contains(&name.strip_prefix("f_").unwrap_or(name)));
        found.extend(calls.map(|name| (number + 1, format!("{name}()"))));
        let paths = PATHS.iter().filter(|path| code.contains(*path));
        found.extend(paths.map(|path| (number + 1, (*path).to_owned())));
    }
    found
}

/// The identifiers that are followed by `(` or `::<`, less definitions.
fn called(code: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (mut names, mut previous) = (vec![], "");
    let mut rest = code;
    while let Some(begin) = rest.find(is_word) {
        let word = &rest[begin..];
        let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
        let (name, after) = word.split_at(end);
        if (after.starts_with('(') || after.starts_with("::<")) && previous != "fn" {
            names.push(name);
        }
        previous = name;
        rest = after;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_found_with_their_lines() {
        let source = "let a = 1;\nlet b = Tensor::randn([2], kind);\nx.f_multinomial(1, true)?;\nlet c = Tensor::rand([1], k);";
        let found = draws(source);
        let expected = [(2, "randn()"), (3, "f_multinomial()"), (4, "Tensor::rand(")];
        assert_eq!(found, expected.map(|(line, what)| (line, what.to_owned())));
        assert_eq!(draws("use tch::nn::VarStore;").len(), 2);
        assert_eq!(draws("y.dropout(0.5, true).uniform_(0.0, 1.0)").len(), 2);
        assert_eq!(draws("tch::manual_seed(3)").len(), 1);
    }

    #[test]
    fn our_own_streams_and_comments_pass() {
        let source = "let x = rng.random() + rng.uniform(0.0, 1.0) + rng.standard_normal();\n// Tensor::randn(...) is forbidden\nfn bernoulli(p: f64) {}\nlet randn = 3;";
        assert_eq!(draws(source), []);
    }

    #[test]
    fn this_workspace_draws_nothing() {
        check(&crate::root()).unwrap();
    }
}
