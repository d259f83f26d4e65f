//! `prospect envs`: the tasks there are, with their spaces, facts, floors and ceilings.

use std::sync::Arc;

use clap::Args;
use prospect_envs::{Options, Registry, TaskEntry};
use prospect_sim::{ActionSpace, Dtype, Env, FactKind, Field};
use serde::Serialize;

use crate::{
    commands::print_json,
    failure::{Failure, Outcome, Sort},
};

/// Options of `prospect envs`.
#[derive(Args, Debug)]
pub struct EnvsArgs {
    /// Only ids that contain this text
    pub filter: Option<String>,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// One env in the JSON list.
#[derive(Debug, Serialize)]
struct EnvEntry {
    id: String,
    family: String,
    doc: String,
    observation: Vec<FieldEntry>,
    actions: ActionEntry,
    max_steps: Option<u32>,
    facts: Vec<FactEntry>,
    floor: Option<f64>,
    ceiling: Option<f64>,
}

#[derive(Debug, Serialize)]
struct FieldEntry {
    name: String,
    dtype: &'static str,
    shape: Vec<usize>,
    low: f64,
    high: f64,
}

#[derive(Debug, Serialize)]
struct ActionEntry {
    space: String,
    n: Option<usize>,
    names: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FactEntry {
    name: String,
    kind: &'static str,
    dtype: &'static str,
    shape: Vec<usize>,
    unit: String,
    low: f64,
    high: f64,
    doc: String,
}

/// Every env that this program knows.
pub fn registry() -> Registry {
    Registry::with_builtin()
}

/// The env of an id, with options given as JSON.
///
/// # Errors
/// Bad input for JSON that cannot be read, an unknown id or an option that does not fit.
pub fn make_env(id: &str, options: &str) -> Outcome<Arc<dyn Env>> {
    let options: Options = serde_json::from_str(options)
        .or_input(|| format!("--options {options}: give a JSON object such as {{\"size\": 9}}"))?;
    registry().make(id, &options).map_err(Failure::input)
}

/// Runs the command.
///
/// # Errors
/// A failed run if an env cannot be made.
pub fn run(args: &EnvsArgs) -> Outcome {
    let registry = registry();
    let filter = args.filter.as_deref().unwrap_or("").to_lowercase();
    let chosen = registry
        .iter()
        .filter(|entry| entry.id().to_lowercase().contains(&filter));
    let entries = chosen.map(describe).collect::<Outcome<Vec<_>>>()?;
    if args.json {
        return print_json(&entries);
    }
    println!(
        "{:<38} {:<20} {:>9} {:>7} {:>8}",
        "id", "family", "max_steps", "floor", "ceiling"
    );
    for entry in &entries {
        let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.3}"));
        let steps = entry.max_steps.map_or("-".to_owned(), |steps| steps.to_string());
        let (floor, ceiling) = (number(entry.floor), number(entry.ceiling));
        println!(
            "{:<38} {:<20} {steps:>9} {floor:>7} {ceiling:>8}",
            entry.id, entry.family
        );
    }
    println!(
        "{} tasks; `--json` adds observations, actions and facts",
        entries.len()
    );
    Ok(())
}

fn describe(entry: &TaskEntry) -> Outcome<EnvEntry> {
    let env = entry
        .make(&Options::new())
        .or_run(|| format!("making {}", entry.id()))?;
    let spec = env.spec();
    let n = if let ActionSpace::Discrete { n } = spec.actions {
        Some(n)
    } else {
        None
    };
    Ok(EnvEntry {
        id: spec.id.clone(),
        family: entry.family().to_owned(),
        doc: entry.doc().to_owned(),
        observation: spec.observation.iter().map(field).collect(),
        actions: ActionEntry {
            space: spec.actions.to_string(),
            n,
            names: spec.action_names.clone(),
        },
        max_steps: spec.max_steps,
        facts: spec.facts.iter().map(fact).collect(),
        floor: entry.scores().map(|scores| scores.floor),
        ceiling: entry.scores().and_then(|scores| scores.ceiling),
    })
}

fn field(field: &Field) -> FieldEntry {
    let (low, high) = (field.low, field.high);
    FieldEntry {
        name: field.name.clone(),
        dtype: dtype(field.dtype),
        shape: field.shape.clone(),
        low,
        high,
    }
}

fn fact(fact: &prospect_sim::FactSpec) -> FactEntry {
    FactEntry {
        name: fact.field.name.clone(),
        kind: if fact.kind == FactKind::State {
            "state"
        } else {
            "event"
        },
        dtype: dtype(fact.field.dtype),
        shape: fact.field.shape.clone(),
        unit: fact.unit.clone(),
        low: fact.field.low,
        high: fact.field.high,
        doc: fact.doc.clone(),
    }
}

/// The name of the numpy type that a field is exported as.
fn dtype(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::U8 => "uint8",
        Dtype::I32 => "int32",
        Dtype::Index => "int64",
        Dtype::F32 => "float32",
        Dtype::Bool => "bool",
        Dtype::Text => "str",
    }
}
