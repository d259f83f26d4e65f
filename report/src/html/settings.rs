//! What each variant was run with, how that was chosen, and how to run it again.

use std::collections::BTreeMap;

use super::page::{code, details, escape, paragraph, table};
use super::wording::{NO_VALUE, counted, frames};
use crate::run_folder::{RunFolder, RunMeta};
use crate::suite_folder::{ChosenSettings, SuiteFolder, TuningPlan};

/// The tuning budget in words, and the chosen settings.
pub(crate) fn tuning(suite: &SuiteFolder) -> String {
    let Some(plan) = suite.plan.tuning.as_ref().filter(|plan| plan.budget_runs > 0) else {
        return paragraph(
            "Nothing was tuned: each variant ran with the settings of the suite file. A bonus whose weight does not suit \
             a task can look worse here than it is.",
        );
    };
    let seeds: Vec<String> = plan.seeds.iter().map(u64::to_string).collect();
    let shared = plan
        .seeds
        .iter()
        .filter(|seed| suite.plan.seeds.contains(seed))
        .count();
    let apart = if shared == 0 {
        "disjoint from the reporting seeds".to_owned()
    } else {
        format!("of which {shared} are reporting seeds too, so that scores are optimistic")
    };
    let mut out = paragraph(&format!(
        "Settings were chosen by {} of {} environment frames each, on seeds {} ({apart}), per task and variant. The \
         setting with the best score was then run on the reporting seeds. Variants with larger grids had more chances.",
        counted(plan.budget_runs as usize, "tuning run"),
        frames(plan.steps as f64),
        seeds.join(", ")
    ));
    out += &chosen(suite, plan);
    out
}

fn chosen(suite: &SuiteFolder, plan: &TuningPlan) -> String {
    let mut rows = Vec::new();
    for env in &suite.plan.envs {
        for variant in &suite.plan.variants {
            let Some(found) = plan
                .chosen
                .get(&env.id)
                .and_then(|of_env| of_env.get(&variant.name))
            else {
                continue;
            };
            rows.push(vec![
                escape(&env.id),
                escape(variant.title()),
                format!("<code>{}</code>", escape(&setting_text(found))),
                found
                    .score
                    .map_or_else(|| NO_VALUE.to_owned(), |score| format!("{score:.3}")),
                found.grid_size.to_string(),
            ]);
        }
    }
    if rows.is_empty() {
        String::new()
    } else {
        table(
            &["task", "variant", "chosen", "score", "settings tried"],
            3,
            &rows,
        )
    }
}

fn setting_text(found: &ChosenSettings) -> String {
    let pairs: Vec<String> = found
        .settings
        .iter()
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    if pairs.is_empty() {
        "defaults".to_owned()
    } else {
        pairs.join(", ")
    }
}

/// The keys of the run files in which the variants differ, per env, and the full files on demand.
pub(crate) fn differences(suite: &SuiteFolder) -> String {
    let mut out = String::new();
    for (env, plan) in suite.plan.envs.iter().enumerate() {
        let first = |variant: usize| suite.cell(env, variant).find_map(|run| run.folder());
        let folders: Vec<Option<&RunFolder>> = (0..suite.plan.variants.len()).map(first).collect();
        let flat: Vec<BTreeMap<String, String>> = folders
            .iter()
            .map(|folder| folder.map_or_else(BTreeMap::new, |f| flatten(&f.settings)))
            .collect();
        let body = difference_table(suite, &folders, &flat);
        let mut files = String::new();
        for (variant, folder) in folders.iter().enumerate() {
            if let Some(folder) = folder {
                let name = suite.plan.variants[variant].title();
                files += &details(&format!("run.toml of {name}"), &code(&folder.settings_text));
            }
        }
        out += &details(&plan.id, &format!("{body}{files}"));
    }
    out
}

fn difference_table(
    suite: &SuiteFolder,
    folders: &[Option<&RunFolder>],
    flat: &[BTreeMap<String, String>],
) -> String {
    let there: Vec<usize> = (0..folders.len()).filter(|v| folders[*v].is_some()).collect();
    let mut keys: Vec<&String> = there.iter().flat_map(|v| flat[*v].keys()).collect();
    keys.sort();
    keys.dedup();
    let rows: Vec<Vec<String>> = keys
        .into_iter()
        .filter(|key| {
            there
                .windows(2)
                .any(|pair| flat[pair[0]].get(*key) != flat[pair[1]].get(*key))
        })
        .map(|key| {
            let values = there.iter().map(|v| {
                flat[*v]
                    .get(key)
                    .map_or(NO_VALUE.to_owned(), |value| escape(value))
            });
            std::iter::once(format!("<code>{}</code>", escape(key)))
                .chain(values)
                .collect()
        })
        .collect();
    if rows.is_empty() {
        return paragraph("The variants' run files are equal.");
    }
    let names = there.iter().map(|v| suite.plan.variants[*v].title());
    let header: Vec<&str> = std::iter::once("key").chain(names).collect();
    table(&header, header.len(), &rows)
}

/// Dotted keys and their values; elements of arrays of tables are numbered.
fn flatten(settings: &toml::Table) -> BTreeMap<String, String> {
    fn walk(prefix: &str, value: &toml::Value, out: &mut BTreeMap<String, String>) {
        let join = |key: &str| {
            if prefix.is_empty() {
                key.to_owned()
            } else {
                format!("{prefix}.{key}")
            }
        };
        match value {
            toml::Value::Table(table) => table.iter().for_each(|(key, value)| walk(&join(key), value, out)),
            toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(k, item)| walk(&format!("{prefix}[{k}]"), item, out));
            }
            leaf => {
                out.insert(prefix.to_owned(), leaf.to_string());
            }
        }
    }
    let mut out = BTreeMap::new();
    for (key, value) in settings {
        walk(key, value, &mut out);
    }
    out
}

/// The commands, the suite file, versions and machine.
pub(crate) fn repeat(suite: &SuiteFolder) -> String {
    let mut out = String::new();
    if !suite.plan.commands.is_empty() {
        out += &code(&suite.plan.commands.join("\n"));
    }
    if !suite.settings_text.is_empty() {
        out += &details("suite.toml, as resolved", &code(&suite.settings_text));
    }
    let metas: Vec<&RunMeta> = suite
        .runs
        .iter()
        .filter_map(|run| run.folder())
        .map(|f| &f.meta)
        .collect();
    out += &versions(&metas);
    if let Some(meta) = metas.first().filter(|meta| !meta.command.is_empty()) {
        out += &details("Command of a single run", &code(&command_line(&meta.command)));
    }
    out
}

/// Versions and machine of one or several runs; several values are all listed.
pub(crate) fn versions(metas: &[&RunMeta]) -> String {
    let gather = |pick: &dyn Fn(&RunMeta) -> String| {
        let mut values: Vec<String> = metas
            .iter()
            .map(|meta| pick(meta))
            .filter(|v| !v.is_empty())
            .collect();
        values.sort();
        values.dedup();
        if values.is_empty() {
            NO_VALUE.to_owned()
        } else {
            escape(&values.join("; "))
        }
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let first_start = metas
        .iter()
        .map(|meta| meta.started_utc.as_str())
        .filter(|s| !s.is_empty())
        .min();
    let rows: Vec<Vec<String>> = [
        ("Prospect", gather(&|meta| meta.prospect.clone())),
        ("git revision", gather(&|meta| text(&meta.git))),
        ("libtorch", gather(&|meta| text(&meta.libtorch))),
        ("rustc", gather(&|meta| text(&meta.rustc))),
        ("machine", gather(&|meta| machine(meta))),
        ("CPU features in use", gather(&|meta| meta.cpu_features.join(" "))),
        (
            "first run started",
            first_start.map_or_else(|| NO_VALUE.to_owned(), escape),
        ),
    ]
    .into_iter()
    .map(|(name, value)| vec![name.to_owned(), value])
    .collect();
    table(&["", ""], 2, &rows)
}

fn machine(meta: &RunMeta) -> String {
    if meta.machine.cpu_model.is_empty() {
        return String::new();
    }
    format!(
        "{}, {}",
        meta.machine.cpu_model,
        counted(meta.machine.cores as usize, "core")
    )
}

/// Words as a shell line, quoted where needed.
pub(crate) fn command_line(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_flattened_to_dotted_keys() {
        let text = "[run]\nseed = 1\n[[reward]]\nkind = \"rnd\"\nweight = 0.5\n[agent]\nhidden = [64, 64]\n";
        let flat = flatten(&text.parse().unwrap());
        assert_eq!(flat["run.seed"], "1");
        assert_eq!(flat["reward[0].kind"], "\"rnd\"");
        assert_eq!(flat["agent.hidden"], "[64, 64]");
    }

    #[test]
    fn command_lines_quote_what_a_shell_would_split() {
        let words = ["prospect", "train", "a b.toml", "--set", "reward.0.kind='x'"].map(str::to_owned);
        assert_eq!(
            command_line(&words),
            "prospect train 'a b.toml' --set 'reward.0.kind='\\''x'\\'''"
        );
    }
}
