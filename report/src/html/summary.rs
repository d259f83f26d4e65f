//! The first paragraph of a suite's report, written from the numbers.

use super::page::escape;
use super::wording::{counted, frames, listed, score, share, signed, with_interval};
use crate::analysis::{Aggregate, PairComparison, SuiteAnalysis, TaskAnalysis};
use crate::suite_folder::SuiteFolder;

/// Who wins, by how much, with what uncertainty, and what is missing: markup.
pub(crate) fn summary(suite: &SuiteFolder, analysis: &SuiteAnalysis) -> String {
    let mut sentences = vec![extent(suite, analysis)];
    if let Some(aggregate) = &analysis.aggregate {
        sentences.extend(ranking(suite, analysis, aggregate));
    } else {
        sentences.push(
            "No task has a floor, a ceiling and a finished run of every variant, so there is no comparison over tasks."
                .to_owned(),
        );
    }
    let tasks: Vec<String> = analysis
        .tasks
        .iter()
        .filter_map(|task| task_sentence(suite, task))
        .collect();
    let mut out = format!("<div class=\"summary\"><p>{}</p>", sentences.join(" "));
    if !tasks.is_empty() {
        out.extend([format!("<ul><li>{}</li></ul>", tasks.join("</li><li>"))]);
    }
    out += "</div>\n";
    out + &troubles(suite, analysis)
}

fn extent(suite: &SuiteFolder, analysis: &SuiteAnalysis) -> String {
    let finished = analysis.results.iter().filter(|r| r.finished).count();
    let planned = analysis.results.len();
    let all = if finished == planned {
        format!("all {planned} runs finished")
    } else {
        format!("<b>{finished} of {planned} runs finished</b>; the numbers rest on those")
    };
    format!(
        "{} on {} with {} each: {all}.",
        capital(&counted(suite.plan.variants.len(), "variant")),
        counted(suite.plan.envs.len(), "task"),
        counted(suite.plan.seeds.len(), "seed")
    )
}

fn ranking(suite: &SuiteFolder, analysis: &SuiteAnalysis, aggregate: &Aggregate) -> Vec<String> {
    let name = |variant: usize| format!("<b>{}</b>", escape(suite.plan.variants[variant].title()));
    let ranking = aggregate.ranking();
    let Some(best) = ranking.first() else {
        return Vec::new();
    };
    let over = if aggregate.envs.len() == suite.plan.envs.len() {
        format!("Over {}", counted(aggregate.envs.len(), "task"))
    } else {
        format!(
            "Over the {} of {} tasks that can be compared",
            aggregate.envs.len(),
            suite.plan.envs.len()
        )
    };
    let mut out = vec![format!(
        "{over}, {} has the highest interquartile mean of normalised scores, {}.",
        name(best.variant),
        with_interval(best.iqm, score)
    )];
    if let Some(second) = ranking.get(1) {
        out.push(format!(
            "Next is {} with {}.",
            name(second.variant),
            with_interval(second.iqm, score)
        ));
        if let Some(pair) = aggregate.pair(best.variant, second.variant) {
            out.push(verdict(&name(best.variant), &name(second.variant), pair));
        }
    }
    let reference = analysis.reference();
    let reference_is_new =
        best.variant != reference && ranking.get(1).is_some_and(|second| second.variant != reference);
    if let Some(pair) = aggregate
        .pair(best.variant, reference)
        .filter(|_| reference_is_new)
    {
        out.push(against(&name(best.variant), &name(reference), pair));
    }
    out
}

fn verdict(best: &str, second: &str, pair: &PairComparison) -> String {
    let chance = with_interval(pair.improvement, share);
    let (low, high) = (pair.improvement.low, pair.improvement.high);
    let beats = format!("A run of {best} beats one of {second} with probability {chance}");
    if low > 0.5 {
        format!("{beats}, so the data separate the two.")
    } else if high < 0.5 {
        format!(
            "{beats}: most single comparisons go the other way, although its interquartile mean is higher."
        )
    } else {
        format!("{beats}: <b>the data do not separate the two</b>.")
    }
}

fn against(best: &str, reference: &str, pair: &PairComparison) -> String {
    let mut out = format!(
        "Against {reference}, {best} wins with probability {}",
        with_interval(pair.improvement, share)
    );
    if let (Some(difference), Some(signs)) = (pair.difference, pair.signs) {
        out.extend([format!(
            "; on the same seeds its normalised score differs by {} ({} of {} pairs won)",
            with_interval(difference, signed),
            signs.wins,
            signs.wins + signs.losses + signs.ties
        )]);
    }
    out + "."
}

/// Who reached the threshold on one task.
fn task_sentence(suite: &SuiteFolder, task: &TaskAnalysis) -> Option<String> {
    let plan = &suite.plan.envs[task.env];
    let threshold = plan.threshold?;
    let (mut most, mut some, mut none) = (Vec::new(), Vec::new(), Vec::new());
    let mut cells: Vec<_> = task
        .cells
        .iter()
        .filter_map(|c| Some((c.variant, &c.threshold.as_ref()?.1)))
        .collect();
    let or_last = |median: Option<f64>| median.unwrap_or(f64::MAX);
    cells.sort_by(|a, b| or_last(a.1.median).total_cmp(&or_last(b.1.median)));
    for (variant, times) in cells {
        let name = escape(suite.plan.variants[variant].title());
        match times.median {
            Some(median) => most.push(format!("{name} in {} (median)", frames(median))),
            None if times.reached > 0 => {
                some.push(format!("{name} ({} of {} runs)", times.reached, times.runs));
            }
            None => none.push(name),
        }
    }
    let mut parts = Vec::new();
    if !most.is_empty() {
        parts.push(format!("reached by {}", listed(&most)));
    }
    if !some.is_empty() {
        parts.push(format!("by a minority of runs of {}", listed(&some)));
    }
    if !none.is_empty() {
        parts.push(format!("never by {}", listed(&none)));
    }
    if parts.is_empty() {
        return None;
    }
    Some(format!(
        "<b>{}</b>, return {}: {}.",
        escape(&plan.id),
        score(threshold),
        parts.join("; ")
    ))
}

/// Runs without a result, with their reasons.
fn troubles(suite: &SuiteFolder, analysis: &SuiteAnalysis) -> String {
    let lines: Vec<String> = analysis
        .results
        .iter()
        .filter_map(|run| {
            let why = run.trouble.as_ref()?;
            Some(format!(
                "<li>{} · {} · seed {}: <span class=\"bad\">{}</span> — {}</li>",
                escape(&suite.plan.envs[run.env].id),
                escape(suite.plan.variants[run.variant].title()),
                run.seed,
                run.state,
                escape(why)
            ))
        })
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    format!(
        "<div class=\"warn\"><p><b>{} without a result.</b> They are left out of final scores and bands, and count in \
         frames to threshold as far as they were evaluated.</p><ul>{}</ul></div>\n",
        counted(lines.len(), "run"),
        lines.concat()
    )
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
