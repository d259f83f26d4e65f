//! The page of a suite, section by section.

use super::glossary::glossary;
use super::maps::{SeedMaps, heatmap_tabs, intro};
use super::page::{Page, details, escape, figure, named, paragraph, table};
use super::settings::{differences, repeat, tuning, versions};
use super::summary::summary;
use super::wording::{
    NO_VALUE, counted, duration, frames, interval_cell, listed, score, share, signed, time_to_event, whole,
};
use crate::analysis::{Aggregate, CellAnalysis, SuiteAnalysis, TaskAnalysis};
use crate::figures::suite::{Figure, SuiteFigures};
use crate::stats::{KaplanMeier, SurvivalSummary, wilson_interval};
use crate::suite_folder::SuiteFolder;

/// Everything that the page shows.
pub(crate) struct SuitePage<'a> {
    pub suite: &'a SuiteFolder,
    pub analysis: &'a SuiteAnalysis,
    pub figures: &'a SuiteFigures<'a>,
    /// Figures over all tasks.
    pub overall: &'a [Figure],
    /// Learning curves of all tasks.
    pub overview: &'a Figure,
    /// Per env: its figures.
    pub per_task: &'a [Vec<Figure>],
    /// Per env: the seed shown and its heatmaps, or why there are none.
    pub maps: &'a [Result<Option<SeedMaps>, String>],
}

impl SuitePage<'_> {
    /// The whole document.
    pub(crate) fn html(&self) -> String {
        let plan = &self.suite.plan;
        let mut page = Page::new(format!("{}: exploration report", plan.name), self.header());
        if let Some(aggregate) = &self.analysis.aggregate {
            page.section("Over all tasks", self.over_all_tasks(aggregate));
        }
        page.section("Learning curves", drawn(self.overview));
        for task in &self.analysis.tasks {
            page.section(plan.envs[task.env].id.clone(), self.task(task));
        }
        page.section("Frames to threshold and first success", self.times());
        page.section("Wall-clock time and speed", self.speed());
        page.section(
            "Tuning and settings",
            format!("{}{}", tuning(self.suite), differences(self.suite)),
        );
        page.section("All runs", self.runs());
        page.section("Repeat it", repeat(self.suite));
        page.section("Glossary", glossary());
        page.finish()
    }

    fn header(&self) -> String {
        let plan = &self.suite.plan;
        let variants: Vec<String> = plan.variants.iter().map(|v| v.title().to_owned()).collect();
        format!(
            "<h1>{}</h1>\n<p class=\"meta\">Exploration report: {} on {} with {}. Figures lie in <code>figures/</code>, \
             numbers in <code>tables/</code> beside this page.</p>\n{}",
            escape(&plan.name),
            escape(&listed(&variants)),
            counted(plan.envs.len(), "task"),
            counted(plan.seeds.len(), "seed"),
            summary(self.suite, self.analysis)
        )
    }

    fn variant(&self, variant: usize) -> String {
        named(
            self.figures.style(variant).colour,
            self.suite.plan.variants[variant].title(),
        )
    }

    fn over_all_tasks(&self, aggregate: &Aggregate) -> String {
        let envs: Vec<String> = aggregate
            .envs
            .iter()
            .map(|env| self.suite.plan.envs[*env].id.clone())
            .collect();
        let mut out = paragraph(&format!(
            "Normalised scores of final evaluations: 0 is the random policy, 1 the best return known. Tasks compared: {}.",
            listed(&envs)
        ));
        let left_out: Vec<String> = (0..self.suite.plan.envs.len())
            .filter(|env| !aggregate.envs.contains(env))
            .map(|env| self.suite.plan.envs[env].id.clone())
            .collect();
        if !left_out.is_empty() {
            out += &paragraph(&format!(
                "Left out, for want of a floor, a ceiling or a finished run of each variant: {}.",
                listed(&left_out)
            ));
        }
        let (wide, narrow): (Vec<&Figure>, Vec<&Figure>) =
            self.overall.iter().partition(|f| f.scene.width > 660.0);
        out += &wide.iter().map(|f| drawn(f)).collect::<String>();
        out += &grid(&narrow);
        out += &self.aggregate_table(aggregate);
        out + &self.improvement_table(aggregate)
    }

    fn aggregate_table(&self, aggregate: &Aggregate) -> String {
        let rows: Vec<Vec<String>> = aggregate
            .ranking()
            .into_iter()
            .map(|v| {
                let cell = |estimate| interval_cell(Some(estimate), score);
                vec![
                    self.variant(v.variant),
                    v.runs.to_string(),
                    cell(v.iqm),
                    cell(v.optimality_gap),
                    cell(v.mean),
                    cell(v.median),
                ]
            })
            .collect();
        let header = ["variant", "runs", "IQM", "optimality gap", "mean", "median"];
        format!("<h3>Aggregate scores</h3>{}", table(&header, 1, &rows))
    }

    fn improvement_table(&self, aggregate: &Aggregate) -> String {
        // Each pair once, the better ranked variant first.
        let ranking = aggregate.ranking();
        let mut rows = Vec::new();
        for (k, x) in ranking.iter().enumerate() {
            for y in &ranking[k + 1..] {
                let Some(pair) = aggregate.pair(x.variant, y.variant) else {
                    continue;
                };
                let signs = pair.signs;
                rows.push(vec![
                    self.variant(pair.x),
                    self.variant(pair.y),
                    interval_cell(Some(pair.improvement), share),
                    interval_cell(pair.difference, signed),
                    signs.map_or(NO_VALUE.to_owned(), |s| {
                        format!("{} / {} / {}", s.wins, s.losses, s.ties)
                    }),
                    signs.map_or(NO_VALUE.to_owned(), |s| p_value(s.p_value)),
                ]);
            }
        }
        if rows.is_empty() {
            return String::new();
        }
        let header = [
            "X",
            "Y",
            "P(X better than Y)",
            "paired difference X − Y",
            "pairs won / lost / tied",
            "sign test p",
        ];
        format!("<h3>Pairwise comparisons</h3>{}", table(&header, 2, &rows))
    }

    fn task(&self, task: &TaskAnalysis) -> String {
        let plan = &self.suite.plan.envs[task.env];
        let known = [
            ("random policy", plan.floor),
            ("best known", plan.ceiling),
            ("threshold", plan.threshold),
        ];
        let known: Vec<String> = known
            .iter()
            .filter_map(|(name, value)| Some(format!("{name} {}", score((*value)?))))
            .collect();
        let returns = if known.is_empty() {
            String::new()
        } else {
            format!(" Returns: {}.", known.join(", "))
        };
        let mut out = paragraph(&format!(
            "{} environment frames per run.{returns}",
            frames(task.horizon)
        ));
        out += &self.task_table(task);
        out += &grid(&self.per_task[task.env].iter().collect::<Vec<_>>());
        let maps = match &self.maps[task.env] {
            Ok(None) => String::new(),
            Ok(Some((seed, maps))) => {
                let tabs = heatmap_tabs(maps, &intro(*seed, task.horizon));
                format!("<h3>Heatmaps</h3>{tabs}")
            }
            Err(why) => format!("<div class=\"warn\"><p>No heatmaps: {}</p></div>", escape(why)),
        };
        out + &maps
    }

    fn task_table(&self, task: &TaskAnalysis) -> String {
        let best = task
            .cells
            .iter()
            .filter_map(|c| Some(c.final_return?.point))
            .fold(f64::NEG_INFINITY, f64::max);
        let rows: Vec<Vec<String>> = task
            .cells
            .iter()
            .map(|cell| {
                let top = cell.final_return.is_some_and(|e| e.point == best) && task.cells.len() > 1;
                let write = |value: f64| score(value);
                let final_return = interval_cell(cell.final_return, write);
                vec![
                    self.variant(cell.variant),
                    finished(cell),
                    if top {
                        format!("<span class=\"best\">{final_return}</span>")
                    } else {
                        final_return
                    },
                    interval_cell(cell.mean_return, write),
                    interval_cell(cell.final_success, share),
                    interval_cell(cell.area_under_curve, write),
                    interval_cell(cell.unique_states, whole),
                ]
            })
            .collect();
        let area = if self.suite.plan.envs[task.env].ceiling.is_some() {
            "AUC (normalised)"
        } else {
            "AUC"
        };
        let header = [
            "variant",
            "finished",
            "final return, IQM",
            "final return, mean",
            "success, IQM",
            area,
            "distinct observations",
        ];
        table(&header, 1, &rows)
    }

    fn times(&self) -> String {
        let threshold = self.times_table("runs that reached it (Wilson)", |cell| cell.threshold.as_ref());
        let first = self.times_table("runs that met one (Wilson)", |cell| cell.first_success.as_ref());
        let mut out = String::new();
        if !threshold.is_empty() {
            out += "<h3>Frames to threshold</h3>";
            out += &paragraph(
                "A run that never reached the threshold is censored at the end of its evaluations; it enters neither as \
                 missing nor as solved at the budget.",
            );
            out += &threshold;
        }
        if !first.is_empty() {
            out += "<h3>Frames to the first success in training</h3>";
            out += &first;
        }
        out
    }

    fn times_table(
        &self,
        reached: &str,
        pick: impl Fn(&CellAnalysis) -> Option<&(KaplanMeier, SurvivalSummary)>,
    ) -> String {
        let mut rows = Vec::new();
        for task in &self.analysis.tasks {
            for cell in &task.cells {
                let Some((_, summary)) = pick(cell) else { continue };
                rows.push(vec![
                    escape(&self.suite.plan.envs[task.env].id),
                    self.variant(cell.variant),
                    reached_cell(summary),
                    escape(&time_to_event(summary)),
                    interval_cell(Some(summary.restricted_mean), frames),
                ]);
            }
        }
        if rows.is_empty() {
            return String::new();
        }
        table(
            &["task", "variant", reached, "median frames", "restricted mean"],
            2,
            &rows,
        )
    }

    fn speed(&self) -> String {
        let mut rows = Vec::new();
        for task in &self.analysis.tasks {
            for cell in task.cells.iter().filter(|cell| cell.sps.is_some()) {
                let cores = cell.cpu_s.zip(cell.wall_s).filter(|(_, wall)| *wall > 0.0);
                let text =
                    |value: Option<f64>, write: fn(f64) -> String| value.map_or(NO_VALUE.to_owned(), write);
                rows.push(vec![
                    escape(&self.suite.plan.envs[task.env].id),
                    self.variant(cell.variant),
                    text(cell.sps, whole),
                    text(cell.wall_s, duration),
                    text(cell.cpu_s, duration),
                    cores.map_or(NO_VALUE.to_owned(), |(cpu, wall)| format!("{:.2}", cpu / wall)),
                ]);
            }
        }
        if rows.is_empty() {
            return String::new();
        }
        let header = [
            "task",
            "variant",
            "SPS",
            "wall clock per run",
            "CPU time per run",
            "cores used",
        ];
        let text = "Medians over runs. SPS is environment frames per wall-clock second over the whole run, evaluation and \
                    learning included; runs that shared the machine slow each other down.";
        format!("{}{}", paragraph(text), table(&header, 2, &rows))
    }

    fn runs(&self) -> String {
        let text = |value: Option<f64>, write: fn(f64) -> String| value.map_or(NO_VALUE.to_owned(), write);
        let rows: Vec<Vec<String>> = self
            .analysis
            .results
            .iter()
            .map(|run| {
                let class = if run.finished { "" } else { " class=\"bad\"" };
                vec![
                    escape(&self.suite.plan.envs[run.env].id),
                    self.variant(run.variant),
                    run.seed.to_string(),
                    format!("<span{class}>{}</span>", run.state),
                    frames(run.last_step),
                    text(run.final_return, |v| format!("{v:.3}")),
                    text(run.final_success, share),
                    text(run.score, |v| format!("{v:.3}")),
                    event(run.threshold),
                    event(run.first_success),
                ]
            })
            .collect();
        let header = [
            "task",
            "variant",
            "seed",
            "state",
            "frames",
            "final return",
            "success",
            "score",
            "threshold at",
            "first success at",
        ];
        details(
            &format!("Table of {}", counted(rows.len(), "run")),
            &table(&header, 2, &rows),
        )
    }
}

fn reached_cell(summary: &SurvivalSummary) -> String {
    let Ok(w) = wilson_interval(summary.reached, summary.runs) else {
        return NO_VALUE.to_owned();
    };
    let limits = format!("[{}, {}]", share(w.low), share(w.high));
    format!(
        "{} of {} <span class=\"ci\">{limits}</span>",
        w.successes, w.trials
    )
}

fn finished(cell: &CellAnalysis) -> String {
    let text = format!("{} of {}", cell.finished, cell.planned);
    if cell.finished == cell.planned {
        text
    } else {
        format!("<span class=\"bad\">{text}</span>")
    }
}

fn event(event: Option<crate::stats::TimeToEvent>) -> String {
    event.map_or(NO_VALUE.to_owned(), |event| {
        if event.happened {
            frames(event.time)
        } else {
            escape(&format!(">{}", frames(event.time)))
        }
    })
}

fn p_value(p: f64) -> String {
    if p < 0.001 {
        "&lt;0.001".to_owned()
    } else {
        format!("{p:.3}")
    }
}

/// A figure as SVG with its caption.
pub(crate) fn drawn(found: &Figure) -> String {
    figure(&found.scene.to_svg(&found.caption), &found.caption)
}

/// Figures side by side where the window is wide enough.
pub(crate) fn grid(figures: &[&Figure]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    format!(
        "<div class=\"grid\">{}</div>\n",
        figures.iter().map(|f| drawn(f)).collect::<String>()
    )
}

/// Versions of a single run, for its own page.
pub(crate) fn run_versions(meta: &crate::run_folder::RunMeta) -> String {
    versions(&[meta])
}
