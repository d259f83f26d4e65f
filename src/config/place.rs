//! Where in a TOML text a key stands, so that an error can name the line.

use toml::de::{DeTable, DeValue};

/// The line (from 1) of the key at `path` in `text`, or of the nearest of its parents.
pub fn line_of(text: &str, path: &[String]) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let mut found = None;
    walk(table.get_ref(), path, &mut found);
    found.map(|offset| text[..offset].bytes().filter(|&byte| byte == b'\n').count() + 1)
}

fn walk(table: &DeTable<'_>, path: &[String], found: &mut Option<usize>) {
    let [first, rest @ ..] = path else { return };
    let Some((key, value)) = table
        .iter()
        .find(|(key, _)| key.get_ref().as_ref() == first.as_str())
    else {
        return;
    };
    *found = Some(key.span().start);
    descend(value.get_ref(), rest, found);
}

fn descend(value: &DeValue<'_>, path: &[String], found: &mut Option<usize>) {
    match value {
        DeValue::Table(table) => walk(table, path, found),
        DeValue::Array(array) => {
            let [first, rest @ ..] = path else { return };
            let element = first.parse::<usize>().ok().and_then(|i| array.get(i));
            if let Some(element) = element {
                *found = Some(element.span().start);
                descend(element.get_ref(), rest, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_keys_in_tables_and_lists() {
        let text = "[run]\nseed = 1\n\n[[reward]]\nkind = \"rnd\"\n[[reward]]\nkind = \"icm\"\nweight = 2\n";
        let line = |path: &[&str]| {
            line_of(
                text,
                &path.iter().map(|&part| part.to_owned()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(line(&["run", "seed"]), Some(2));
        assert_eq!(line(&["reward", "1", "weight"]), Some(8));
        assert_eq!(line(&["run", "threads"]), Some(1), "the nearest parent");
        assert_eq!(line(&["agent"]), None);
    }
}
