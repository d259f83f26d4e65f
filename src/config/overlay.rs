//! `--set a.b=c`: settings on top of a run file.

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

/// Applies `key.path=value` to `table`. The value is read as TOML; what is no TOML is taken as a text. A number in the path
/// is an index into an array, such as `reward.0.weight=0.1`.
///
/// # Errors
/// If there is no `=`, or the path leads through something that is neither table nor array.
pub fn apply(table: &mut Table, assignment: &str) -> Result<()> {
    let Some((path, value)) = assignment.split_once('=') else {
        bail!("--set {assignment}: write it as key=value, such as --set run.seed=2");
    };
    let path: Vec<_> = path.trim().split('.').map(str::trim).collect();
    if path.iter().any(|part| part.is_empty()) {
        bail!(
            "--set {assignment}: the key `{}` has an empty part",
            path.join(".")
        );
    }
    let value = parse_value(value.trim());
    set(table, &path, value).with_context(|| format!("--set {assignment}"))
}

/// Sets `path` in `table` to `value`, making tables on the way.
///
/// # Errors
/// If the path leads through something that is neither table nor array.
pub fn set(table: &mut Table, path: &[&str], value: Value) -> Result<()> {
    let [first, rest @ ..] = path else { return Ok(()) };
    if rest.is_empty() {
        table.insert((*first).to_owned(), value);
        return Ok(());
    }
    let next = table
        .entry((*first).to_owned())
        .or_insert_with(|| Value::Table(Table::new()));
    descend(next, first, rest, value)
}

fn descend(into: &mut Value, name: &str, path: &[&str], value: Value) -> Result<()> {
    match into {
        Value::Table(table) => set(table, path, value),
        Value::Array(array) => {
            let n = array.len();
            let [index, rest @ ..] = path else { return Ok(()) };
            let Some(element) = index.parse::<usize>().ok().and_then(|i| array.get_mut(i)) else {
                bail!("`{name}` is a list of {n}: `{index}` is no index into it (they begin at 0)");
            };
            if rest.is_empty() {
                *element = value;
                return Ok(());
            }
            descend(element, index, rest, value)
        }
        other => bail!("`{name}` is {}, it has no keys", other.type_str()),
    }
}

fn parse_value(text: &str) -> Value {
    let parsed = format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Lays `over` on `under`: tables are merged, everything else is replaced.
pub fn merge(under: &mut Table, over: &Table) {
    for (key, value) in over {
        match (under.get_mut(key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => merge(under, over),
            _ => {
                under.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Table {
        "[run]\nseed = 1\n[[reward]]\nkind = \"rnd\"\nweight = 0.5\n"
            .parse()
            .unwrap()
    }

    #[test]
    fn values_are_toml_or_text() {
        let mut table = base();
        for assignment in [
            "run.seed=7",
            "env.id=MiniGrid-Empty-5x5-v0",
            "reward.0.weight = 0.25",
            "eval.at=[1, 2]",
        ] {
            apply(&mut table, assignment).unwrap();
        }
        assert_eq!(table["run"]["seed"].as_integer(), Some(7));
        assert_eq!(table["env"]["id"].as_str(), Some("MiniGrid-Empty-5x5-v0"));
        assert_eq!(table["reward"][0]["weight"].as_float(), Some(0.25));
        assert_eq!(table["eval"]["at"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn mistakes_name_the_place() {
        let message = |assignment: &str| format!("{:#}", apply(&mut base(), assignment).unwrap_err());
        assert!(message("run.seed").contains("write it as key=value"));
        assert!(message("reward.3.weight=1").contains("`3` is no index"));
        assert!(message("run.seed.x=1").contains("`seed` is integer, it has no keys"));
        assert!(message("run..x=1").contains("empty part"));
    }

    #[test]
    fn merge_keeps_what_is_not_overlaid() {
        let mut table = base();
        merge(&mut table, &"[run]\nthreads = 2\n".parse().unwrap());
        assert_eq!(table["run"]["seed"].as_integer(), Some(1));
        assert_eq!(table["run"]["threads"].as_integer(), Some(2));
    }
}
