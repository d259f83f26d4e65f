//! Which room may depend on which, and on what never: the table of the design, held against `cargo metadata`.
//!
//! Only normal dependencies count. What a room never may reach is looked for through outside crates too, but not through
//! other rooms: they have lines of their own (agents must not use `bevy_ecs`, though `sim`, which they build on, does).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Context, Result};
use serde_json::Value;

/// A line of the design's table.
struct Room {
    package: &'static str,
    /// The other rooms that it may depend on.
    may: &'static [&'static str],
    /// Crates that it never may reach; a name stands for its family (`egui`, `egui_plot`).
    never: &'static [&'static str],
}

const ALL: &[&str] = &[
    "prospect-sim",
    "prospect-envs",
    "prospect-nets",
    "prospect-shaping",
    "prospect-agents",
    "prospect-report",
    "prospect-studio",
];

const WINDOW: [&str; 2] = ["egui", "eframe"];

const ROOMS: &[Room] = &[
    Room {
        package: "prospect-sim",
        may: &[],
        never: &["tch", "torch-sys", WINDOW[0], WINDOW[1], "clap"],
    },
    Room {
        package: "prospect-envs",
        may: &["prospect-sim"],
        never: &["tch", "torch-sys", WINDOW[0], WINDOW[1]],
    },
    Room {
        package: "prospect-nets",
        may: &["prospect-sim"],
        never: &WINDOW,
    },
    Room {
        package: "prospect-shaping",
        may: &["prospect-sim", "prospect-nets"],
        never: &WINDOW,
    },
    Room {
        package: "prospect-agents",
        may: &["prospect-sim", "prospect-nets", "prospect-shaping"],
        never: &["bevy_ecs", WINDOW[0], WINDOW[1]],
    },
    Room {
        package: "prospect-report",
        may: &["prospect-sim", "prospect-envs"],
        never: &WINDOW,
    },
    Room {
        package: "prospect-studio",
        may: ALL,
        never: &[],
    },
    Room {
        package: "prospect",
        may: ALL,
        never: &[],
    },
    Room {
        package: "xtask",
        may: &[],
        never: &[],
    },
];

/// The normal dependencies of every package, by package id, and the packages' names.
struct Graph {
    names: BTreeMap<String, String>,
    edges: BTreeMap<String, Vec<String>>,
    members: Vec<String>,
}

fn text(value: &Value, key: &str) -> Result<String> {
    let found = value[key].as_str();
    Ok(found
        .with_context(|| format!("cargo metadata has no text {key}"))?
        .to_owned())
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value[key]
        .as_array()
        .with_context(|| format!("cargo metadata has no list {key}"))
}

impl Graph {
    fn read(metadata: &Value) -> Result<Self> {
        let mut names = BTreeMap::new();
        for package in list(metadata, "packages")? {
            names.insert(text(package, "id")?, text(package, "name")?);
        }
        let mut edges = BTreeMap::new();
        for node in list(&metadata["resolve"], "nodes")? {
            let mut normal = vec![];
            for dependency in list(node, "deps")? {
                // A normal dependency's kind is null.
                if list(dependency, "dep_kinds")?
                    .iter()
                    .any(|kind| kind["kind"].is_null())
                {
                    normal.push(text(dependency, "pkg")?);
                }
            }
            edges.insert(text(node, "id")?, normal);
        }
        let members = list(metadata, "workspace_members")?
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        Ok(Self {
            names,
            edges,
            members,
        })
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }

    fn dependencies(&self, id: &str) -> &[String] {
        self.edges.get(id).map_or(&[], Vec::as_slice)
    }

    /// Chains of names from a room to each outside crate that it reaches without passing another room.
    fn reached<'a>(&'a self, start: &'a str) -> Vec<Vec<&'a str>> {
        let mut seen = BTreeSet::from([start]);
        let mut queue = VecDeque::from([(start, vec![self.name(start)])]);
        let mut chains = vec![];
        while let Some((id, chain)) = queue.pop_front() {
            for next in self.dependencies(id) {
                if self.members.contains(next) || !seen.insert(next) {
                    continue;
                }
                let mut longer = chain.clone();
                longer.push(self.name(next));
                chains.push(longer.clone());
                queue.push_back((next, longer));
            }
        }
        chains
    }
}

fn is_of_family(name: &str, family: &str) -> bool {
    let rest = name.strip_prefix(family);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '-']))
}

/// What is wrong, one line each; empty if all is well.
///
/// # Errors
/// If `metadata` is not what `cargo metadata --format-version 1` writes.
pub(crate) fn problems(metadata: &Value) -> Result<Vec<String>> {
    let graph = Graph::read(metadata)?;
    let mut problems = vec![];
    for member in &graph.members {
        let name = graph.name(member);
        let Some(room) = ROOMS.iter().find(|room| room.package == name) else {
            problems.push(format!(
                "{name} is no room of the design: give it a line in xtask/src/layers.rs and a decision record"
            ));
            continue;
        };
        for other in graph
            .dependencies(member)
            .iter()
            .filter(|id| graph.members.contains(id))
        {
            let other = graph.name(other);
            if !room.may.contains(&other) {
                problems.push(format!(
                    "{name} depends on {other}; it may depend on {:?} only",
                    room.may
                ));
            }
        }
        for chain in graph.reached(member) {
            let last = chain.last().copied().unwrap_or_default();
            if room.never.iter().any(|family| is_of_family(last, family)) {
                problems.push(format!(
                    "{name} never depends on {last}, but does: {}",
                    chain.join(" -> ")
                ));
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Metadata of the given edges (from, to, kind); names with `prospect` and `xtask` are members.
    fn metadata(edges: &[(&str, &str, Value)]) -> Value {
        let names: BTreeSet<&str> = edges.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
        let is_member = |name: &&&str| name.starts_with("prospect") || **name == "xtask";
        let node = |name: &&str| {
            let deps: Vec<Value> = edges
                .iter()
                .filter(|(from, _, _)| from == name)
                .map(|(_, to, kind)| json!({ "pkg": format!("id {to}"), "dep_kinds": [{ "kind": kind }] }))
                .collect();
            json!({ "id": format!("id {name}"), "deps": deps })
        };
        json!({
            "packages": names.iter().map(|name| json!({ "id": format!("id {name}"), "name": name })).collect::<Vec<_>>(),
            "workspace_members": names.iter().filter(is_member).map(|name| format!("id {name}")).collect::<Vec<_>>(),
            "resolve": { "nodes": names.iter().map(node).collect::<Vec<_>>() },
        })
    }

    fn found(edges: &[(&str, &str, Value)]) -> Vec<String> {
        problems(&metadata(edges)).unwrap()
    }

    const NORMAL: Value = Value::Null;

    #[test]
    fn the_design_itself_passes() {
        let edges = [
            ("prospect", "prospect-agents", NORMAL),
            ("prospect", "clap", NORMAL),
            ("prospect-agents", "prospect-shaping", NORMAL),
            ("prospect-shaping", "prospect-nets", NORMAL),
            ("prospect-nets", "prospect-sim", NORMAL),
            ("prospect-nets", "tch", NORMAL),
            // Reaches agents too, through rooms that may have it.
            ("prospect-sim", "bevy_ecs", NORMAL),
            ("prospect-envs", "prospect-sim", NORMAL),
        ];
        assert_eq!(found(&edges), Vec::<String>::new());
    }

    #[test]
    fn an_edge_between_rooms_that_is_not_in_the_table_fails() {
        let problems = found(&[("prospect-sim", "prospect-envs", NORMAL)]);
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].starts_with("prospect-sim depends on prospect-envs"),
            "{problems:?}"
        );
        assert_eq!(found(&[("prospect-report", "prospect-agents", NORMAL)]).len(), 1);
        assert_eq!(found(&[("prospect-envs", "prospect-nets", NORMAL)]).len(), 1);
    }

    #[test]
    fn a_forbidden_crate_is_found_through_others() {
        let problems = found(&[
            ("prospect-report", "plots", NORMAL),
            ("plots", "egui_plot", NORMAL),
        ]);
        assert!(
            problems[0].contains("prospect-report -> plots -> egui_plot"),
            "{problems:?}"
        );
        assert_eq!(found(&[("prospect-sim", "clap", NORMAL)]).len(), 1);
        assert_eq!(found(&[("prospect-envs", "tch", NORMAL)]).len(), 1);
        assert_eq!(found(&[("prospect-agents", "bevy_ecs", NORMAL)]).len(), 1);
    }

    #[test]
    fn development_and_build_dependencies_do_not_count() {
        let edges = [
            ("prospect-sim", "clap", json!("dev")),
            ("prospect-sim", "prospect-envs", json!("dev")),
            ("prospect-envs", "egui", json!("build")),
        ];
        assert_eq!(found(&edges), Vec::<String>::new());
    }

    #[test]
    fn a_new_room_needs_a_line() {
        let problems = found(&[("prospect-utils", "serde", NORMAL)]);
        assert!(problems[0].contains("prospect-utils is no room"), "{problems:?}");
    }

    #[test]
    fn families_end_at_a_word() {
        assert!(
            is_of_family("egui", "egui")
                && is_of_family("egui_plot", "egui")
                && is_of_family("egui-winit", "egui")
        );
        assert!(!is_of_family("tchar", "tch") && !is_of_family("clapboard", "clap"));
    }

    #[test]
    fn other_json_is_an_error() {
        assert!(problems(&json!({ "packages": [] })).is_err());
    }
}
