//! `--reset-state`: an env whose episodes start from a scene in a file.

use std::{fs, path::Path, sync::Arc};

use anyhow::anyhow;
use prospect_envs::Options;
use prospect_sim::Env;
use serde_json::Value;

use crate::{
    commands::envs::registry,
    failure::{Failure, Outcome, Sort},
};

/// The option under which an env takes the scene, and the key under which a scene carries options of its own.
const OPTION: &str = "reset_state";
const CONFIG: &str = "config";

/// The env of an id that starts every episode from the scene in `path`. Options given by hand win over those of the scene.
///
/// # Errors
/// Bad input for a file that cannot be read, and what [`registry`] refuses.
pub(crate) fn make_env(id: &str, options: &str, path: &Path) -> Outcome<Arc<dyn Env>> {
    let given: Options = serde_json::from_str(options)
        .or_input(|| format!("--options {options}: give a JSON object such as {{\"duration\": 9}}"))?;
    let mut state = read(path)?;
    let mut all = match state.remove(CONFIG) {
        None | Some(Value::Null) => Options::new(),
        Some(Value::Object(config)) => config,
        Some(other) => {
            let problem = anyhow!(
                "{}: {CONFIG}: {other} is not an object; give options as {{\"key\": value}}",
                path.display()
            );
            return Err(Failure::Input(problem));
        }
    };
    all.extend(given);
    all.insert(OPTION.to_owned(), Value::Object(state));
    registry().make(id, &all).or_input(|| path.display().to_string())
}

fn read(path: &Path) -> Outcome<Options> {
    let text = fs::read_to_string(path).or_input(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).or_input(|| {
        format!(
            "{}: no scene; give a JSON object as docs/driving-state.md describes it (numbers must be finite: JSON has no NaN)",
            path.display()
        )
    })
}
