//! The page of a single run.

use super::glossary::glossary;
use super::maps::{NamedHeatmap, heatmap_tabs};
use super::page::{Page, code, details, escape, paragraph, table};
use super::settings::command_line;
use super::suite::{drawn, grid, run_versions};
use super::wording::{NO_VALUE, counted, duration, frames, score, share};
use crate::figures::run::RunFigures;
use crate::figures::suite::Figure;
use crate::run_folder::RunFolder;
use crate::stats::wilson_interval;

/// The whole document; `maps` are the heatmaps, or why there are none.
pub(crate) fn run_html(
    folder: &RunFolder,
    figures: &RunFigures,
    maps: &Result<Vec<NamedHeatmap>, String>,
) -> String {
    let title = if folder.meta.run_id.is_empty() {
        folder.meta.env.clone()
    } else {
        folder.meta.run_id.clone()
    };
    let mut page = Page::new(format!("{title}: run report"), header(folder, &title));
    let refs = |list: &'_ [Figure]| grid(&list.iter().collect::<Vec<_>>());
    page.section("Learning", refs(&figures.learning));
    page.section("Exploration", refs(&figures.coverage));
    page.section("Rewards", refs(&figures.rewards));
    page.section(
        "Heatmaps",
        match maps {
            Ok(maps) => heatmap_tabs(
                maps,
                "Probes on pinned levels; all panels of a figure share one colour scale.",
            ),
            Err(why) => format!("<div class=\"warn\"><p>No heatmaps: {}</p></div>", escape(why)),
        },
    );
    page.section("Losses", figures.losses.as_ref().map(drawn).unwrap_or_default());
    page.section("Speed", speed(folder, figures));
    page.section("Evaluations", evaluations(folder));
    page.section("Settings and versions", settings(folder));
    page.section("Glossary", glossary());
    page.finish()
}

fn header(folder: &RunFolder, title: &str) -> String {
    let meta = &folder.meta;
    let mut out = format!(
        "<h1>{}</h1>\n<p class=\"meta\">Run report: {}, seed {}, {} at {} frames.</p>\n",
        escape(title),
        escape(&meta.env),
        meta.seed,
        folder.status.state.word(),
        frames(folder.last_step())
    );
    out.extend([format!(
        "<div class=\"summary\"><p>{}</p></div>\n",
        escape(&sentences(folder))
    )]);
    if let Some(error) = &folder.status.error {
        out.extend([format!(
            "<div class=\"warn\"><p><b>The run failed:</b> {}</p></div>\n",
            escape(error)
        )]);
    }
    out + &non_finite(folder)
}

fn sentences(folder: &RunFolder) -> String {
    let mut out = Vec::new();
    match folder.evaluations.last() {
        Some(last) => {
            let successes = (last.success_rate * last.episodes).round() as usize;
            let limits = wilson_interval(successes, last.episodes as usize).map_or_else(
                |_| String::new(),
                |w| format!(" [{}, {}]", share(w.low), share(w.high)),
            );
            out.push(format!(
                "The last evaluation, at {} frames, gave a mean return of {} over {}; {}{limits} of them succeeded.",
                frames(last.step),
                score(last.return_mean),
                counted(last.episodes as usize, "held-out episode"),
                share(last.success_rate)
            ));
        }
        None => out.push("The run has not been evaluated yet.".to_owned()),
    }
    if folder.metrics.column("explore/first_success_step").is_some() {
        out.push(match folder.first_success_step() {
            Some(step) => format!("Training first met a success at {} frames.", frames(step)),
            None => format!(
                "Training met no success within {} frames.",
                frames(folder.last_step())
            ),
        });
    }
    if let Some(states) = folder.metrics.last("explore/unique_states") {
        out.push(format!("It saw {} distinct observations.", frames(states)));
    }
    out.push("This is one run: it says nothing about other seeds.".to_owned());
    out.join(" ")
}

/// Names the metrics that went NaN or infinite, with the first line.
fn non_finite(folder: &RunFolder) -> String {
    let found = folder.metrics.non_finite();
    let Some((line, column)) = found.first() else {
        return String::new();
    };
    format!(
        "<div class=\"warn\"><p><b>{} in metrics.csv not finite</b>, first in line {line}, column <code>{}</code>; they are \
         left out of the curves.</p></div>\n",
        counted(found.len(), "value"),
        escape(column)
    )
}

fn speed(folder: &RunFolder, figures: &RunFigures) -> String {
    let Some(wall) = folder.timing.last("wall_s").filter(|wall| *wall > 0.0) else {
        return String::new();
    };
    let cpu = folder.timing.last("cpu_s");
    let mut out = paragraph(&format!(
        "{} frames in {} of wall clock: {:.0} frames per second{}.",
        frames(folder.last_step()),
        duration(wall),
        folder.last_step() / wall,
        cpu.map_or_else(String::new, |cpu| format!(", {:.2} cores in use", cpu / wall))
    ));
    if !figures.hops.is_empty() {
        let rows: Vec<Vec<String>> = figures
            .hops
            .iter()
            .map(|(name, part)| vec![escape(name), format!("{:.1}%", part * 100.0)])
            .collect();
        out += &table(&["hop", "share of the time"], 1, &rows);
    }
    out
}

fn evaluations(folder: &RunFolder) -> String {
    if folder.evaluations.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = folder
        .evaluations
        .iter()
        .map(|row| {
            vec![
                frames(row.step),
                format!("{:.0}", row.episodes),
                format!("{:.3}", row.return_mean),
                format!("{:.3}", row.return_std),
                share(row.success_rate),
                format!("{:.1}", row.length_mean),
            ]
        })
        .collect();
    let header = [
        "frames",
        "episodes",
        "mean return",
        "std",
        "success",
        "mean length",
    ];
    details(
        &format!("Table of {}", counted(rows.len(), "evaluation")),
        &table(&header, 0, &rows),
    )
}

fn settings(folder: &RunFolder) -> String {
    let command = if folder.meta.command.is_empty() {
        NO_VALUE.to_owned()
    } else {
        command_line(&folder.meta.command)
    };
    format!(
        "{}{}{}",
        code(&command),
        details("run.toml, as resolved", &code(&folder.settings_text)),
        run_versions(&folder.meta)
    )
}
