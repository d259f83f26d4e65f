//! Prints settings as TOML with the meaning of every key, taken from the doc comments of the structs that read them.

use serde_json::Value as Json;
use toml::{Table, Value};

/// Writes `values` as the table `[name]`, each key after the description that `schema` (a JSON schema) has for it. Keys the
/// schema knows and `values` lacks (settings that are off) are written as comments.
pub fn table(out: &mut String, name: &str, header: &str, values: &Table, schema: &Json) {
    if let Some(text) = schema.get("description").and_then(Json::as_str) {
        comment(out, "", text);
    }
    out.push_str(header);
    out.push('\n');
    let properties = schema.get("properties").and_then(Json::as_object);
    let doc = |key: &str| {
        properties
            .and_then(|p| p.get(key))
            .and_then(|p| p.get("description"))
            .and_then(Json::as_str)
    };
    let (tables, plain): (Vec<_>, Vec<_>) = values.iter().partition(|(_, value)| is_section(value));
    for (key, value) in plain {
        if let Some(text) = doc(key) {
            comment(out, "", text);
        }
        out.push_str(&format!("{key} = {value}\n"));
    }
    for (key, property) in properties.into_iter().flatten() {
        if !values.contains_key(key) {
            if let Some(text) = property.get("description").and_then(Json::as_str) {
                comment(out, "", text);
            }
            out.push_str(&format!("# {key} = (not set)\n"));
        }
    }
    for (key, value) in tables {
        let (Value::Table(inner), path) = (value, format!("{name}.{key}")) else {
            continue;
        };
        let inner_schema = properties.and_then(|p| p.get(key)).map(|p| resolve(p, schema));
        out.push('\n');
        table(
            out,
            &path,
            &format!("[{path}]"),
            inner,
            inner_schema.unwrap_or(&Json::Null),
        );
    }
}

/// A table with nothing in it is written inline, so that it stays with its description.
fn is_section(value: &Value) -> bool {
    matches!(value, Value::Table(table) if !table.is_empty())
}

fn resolve<'a>(property: &'a Json, root: &'a Json) -> &'a Json {
    let reference = property
        .get("$ref")
        .and_then(Json::as_str)
        .and_then(|r| r.strip_prefix("#/$defs/"));
    reference
        .and_then(|name| root.get("$defs")?.get(name))
        .unwrap_or(property)
}

fn comment(out: &mut String, indent: &str, text: &str) {
    for line in text.lines() {
        out.push_str(format!("{indent}# {line}").trim_end());
        out.push('\n');
    }
}
