//! What each statistic in a report means, in plain words.

use super::page::escape;

const ENTRIES: [(&str, &str); 15] = [
    (
        "Held-out evaluation",
        "The mean over episodes on levels that training never meets, with actions sampled from the policy, at fixed \
         intervals of training. All returns and success rates of this report are of this kind unless they say otherwise.",
    ),
    (
        "Normalised score",
        "(final return − floor) / (ceiling − floor). The floor is the random policy's return, the ceiling the best return \
         that a planner knows. 0 is no better than random, 1 is as good as can be.",
    ),
    (
        "IQM",
        "Interquartile mean: all scores are pooled and sorted, a quarter is dropped at each end (rounded down), the rest \
         is averaged. Less swayed by single runs than the mean, less wasteful than the median.",
    ),
    (
        "Optimality gap",
        "How far the scores fall short of 1 on average, scores above 1 counting as 1. Lower is better.",
    ),
    (
        "Mean, median",
        "The mean over tasks of the mean over runs; the median over tasks of the mean over runs.",
    ),
    (
        "Probability of improvement",
        "The chance that a random run of the first variant beats a random run of the second on the same task, ties \
         counting half, averaged over tasks (Mann-Whitney). It says how often, not by how much.",
    ),
    (
        "Performance profile",
        "For each score τ, the share of runs over all tasks that score more than τ. A curve above another everywhere is \
         better in the strongest sense.",
    ),
    (
        "95% interval",
        "Stratified percentile bootstrap: the runs of each task are drawn again with replacement, independently per task \
         (and per checkpoint), the statistic is recomputed, and the middle 95% of the results is shown. With five seeds \
         such intervals are somewhat too narrow; they carry no correction for looking at many comparisons.",
    ),
    (
        "Paired difference",
        "Runs with the same seed meet the same levels, so variants are also compared seed by seed: the mean difference of \
         their normalised scores, with a bootstrap over seeds.",
    ),
    (
        "Sign test",
        "Counts the pairs that each variant wins and gives the probability of a split at least this uneven if neither \
         were better.",
    ),
    (
        "Frames to threshold",
        "Environment frames until an evaluation first reached the task's threshold. A run that never did is censored: \
         its time is only known to exceed what was run. \">1.0M (3 of 5 never)\" means that fewer than half of the runs \
         got there. Unfinished runs count as censored where they stopped. Times are exact only up to the interval \
         between evaluations.",
    ),
    (
        "Kaplan-Meier median",
        "The earliest time by which at least half of the runs have reached the threshold, censored runs being accounted \
         for (Kaplan and Meier 1958).",
    ),
    (
        "Restricted mean",
        "The mean of the smaller of time-to-threshold and budget: it exists even when some runs never get there.",
    ),
    (
        "Coverage",
        "The number of distinct observations met since training began. First success is the frame at which training \
         first met a success, by whatever chance.",
    ),
    (
        "Wilson interval",
        "A 95% interval for a share of successes that stays sound with few trials and at 0% and 100%.",
    ),
];

/// The glossary as a definition list.
pub(crate) fn glossary() -> String {
    let entries: Vec<String> = ENTRIES
        .iter()
        .map(|(term, meaning)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(term), escape(meaning)))
        .collect();
    format!(
        "<dl class=\"glossary\">{}</dl>\n<p class=\"meta\">Aggregates follow Agarwal et al., \
         <i>Deep reinforcement learning at the edge of the statistical precipice</i> (2021), and agree with the \
         <code>rliable</code> package.</p>\n",
        entries.concat()
    )
}
