//! Heatmaps of a suite or a run: which probes are shown side by side.

use std::path::PathBuf;

use rayon::prelude::*;

use super::page::{figure, paragraph, picture, tabs};
use super::wording::frames;
use crate::canvas::encode_png;
use crate::error::ReportError;
use crate::heatmap::{
    Heatmap, Panel, assemble, default_kind, difference, field_title, panel, share_difference_scale,
};
use crate::probe::Probe;
use crate::run_folder::RunFolder;
use crate::suite_folder::SuiteFolder;

/// Most points in training time that one figure shows.
const MOST_TIMES: usize = 4;
/// Most levels that one figure shows.
const MOST_LEVELS: usize = 4;

/// A heatmap with the name of its tab, its file name and its caption.
pub(crate) struct NamedHeatmap {
    pub tab: String,
    pub file: String,
    pub caption: String,
    pub heatmap: Heatmap,
    /// The picture, drawn once for page and file.
    pub png: Vec<u8>,
    /// Its width on the page in pixels.
    pub width: f64,
}

impl NamedHeatmap {
    fn draw(tab: String, file: String, caption: String, heatmap: Heatmap) -> Result<Self, ReportError> {
        let image = heatmap.image()?;
        let width = f64::from(image.width()) / heatmap.options.pixel_scale;
        Ok(Self {
            tab,
            file,
            caption,
            heatmap,
            png: encode_png(&image)?,
            width,
        })
    }
}

/// The seed that an env's heatmaps show, and the heatmaps.
pub(crate) type SeedMaps = (u64, Vec<NamedHeatmap>);

/// One row of a figure: a variant (or the run itself) with its probes, ascending in training time.
struct Row {
    name: String,
    variant: usize,
    probes: Vec<Probe>,
}

/// Heatmaps of one env of a suite, and the seed they show; `None` where no run has probes.
///
/// # Errors
/// Whatever reading a probe gives.
pub(crate) fn suite_heatmaps(
    suite: &SuiteFolder,
    env: usize,
    reference: usize,
) -> Result<Option<SeedMaps>, ReportError> {
    let Some(seed) = best_seed(suite, env) else {
        return Ok(None);
    };
    let of_seed = suite.runs.iter().filter(|run| run.env == env && run.seed == seed);
    let folders: Vec<(usize, &RunFolder)> = of_seed
        .filter_map(|run| Some((run.variant, run.folder()?)))
        .filter(|(_, folder)| !folder.probes.is_empty())
        .collect();
    let times = shared_times(&folders.iter().map(|(_, folder)| *folder).collect::<Vec<_>>());
    let mut rows = Vec::new();
    for (variant, folder) in folders {
        let name = suite.plan.variants[variant].title().to_owned();
        rows.push(Row {
            name,
            variant,
            probes: read_probes(folder, &times)?,
        });
    }
    Ok(Some((
        seed,
        heatmaps(&suite.plan.envs[env].id, &rows, Some(reference))?,
    )))
}

/// Heatmaps of a single run; empty without probes.
///
/// # Errors
/// Whatever reading a probe gives.
pub(crate) fn run_heatmaps(folder: &RunFolder) -> Result<Vec<NamedHeatmap>, ReportError> {
    if folder.probes.is_empty() {
        return Ok(Vec::new());
    }
    let probes = read_probes(folder, &shared_times(&[folder]))?;
    heatmaps(
        "run",
        &[Row {
            name: String::new(),
            variant: 0,
            probes,
        }],
        None,
    )
}

/// The seed for which most variants have probes; of several, the first.
fn best_seed(suite: &SuiteFolder, env: usize) -> Option<u64> {
    let with_probes = |seed: u64| {
        let runs = suite.runs.iter().filter(|run| run.env == env && run.seed == seed);
        runs.filter(|run| run.folder().is_some_and(|folder| !folder.probes.is_empty()))
            .count()
    };
    let most = suite
        .plan
        .seeds
        .iter()
        .map(|seed| with_probes(*seed))
        .max()
        .filter(|most| *most > 0)?;
    suite
        .plan
        .seeds
        .iter()
        .copied()
        .find(|seed| with_probes(*seed) == most)
}

/// Frames at which all folders have a probe, thinned to a few that include the first and the last; where the folders
/// share none, empty.
fn shared_times(folders: &[&RunFolder]) -> Vec<u64> {
    let Some(first) = folders.first() else {
        return Vec::new();
    };
    let has = |folder: &RunFolder, step: u64| folder.probes.iter().any(|probe| probe.step == step);
    let shared: Vec<u64> = first
        .probes
        .iter()
        .map(|probe| probe.step)
        .filter(|step| folders.iter().all(|folder| has(folder, *step)))
        .collect();
    if shared.len() <= MOST_TIMES {
        return shared;
    }
    (0..MOST_TIMES)
        .map(|k| shared[k * (shared.len() - 1) / (MOST_TIMES - 1)])
        .collect()
}

/// The probes at the given times; the last one where there are no shared times.
fn read_probes(folder: &RunFolder, times: &[u64]) -> Result<Vec<Probe>, ReportError> {
    let mut wanted: Vec<&PathBuf> = folder
        .probes
        .iter()
        .filter(|probe| times.contains(&probe.step))
        .map(|probe| &probe.path)
        .collect();
    if wanted.is_empty() {
        wanted.extend(folder.probes.last().map(|probe| &probe.path));
    }
    wanted.into_iter().map(|path| Probe::read(path)).collect()
}

fn heatmaps(prefix: &str, rows: &[Row], reference: Option<usize>) -> Result<Vec<NamedHeatmap>, ReportError> {
    let mut fields: Vec<String> = Vec::new();
    for probe in rows.iter().filter_map(|row| row.probes.last()) {
        for field in probe.field_names() {
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
    }
    let mut maps = fields
        .par_iter()
        .map(|field| over_time(prefix, rows, field))
        .collect::<Result<Vec<_>, ReportError>>()?;
    if fields.iter().any(|field| field == "visits") {
        maps.extend(over_levels(prefix, rows)?);
        if let Some(reference) = reference {
            maps.extend(against(prefix, rows, reference)?);
        }
    }
    Ok(maps)
}

/// One field on the first level: a row per variant that has it, a column per point in time, one scale.
fn over_time(prefix: &str, rows: &[Row], field: &str) -> Result<NamedHeatmap, ReportError> {
    let having: Vec<&Row> = rows
        .iter()
        .filter(|row| row.probes.iter().all(|probe| probe.field(field, 0).is_ok()))
        .collect();
    let columns = having.iter().map(|row| row.probes.len()).max().unwrap_or(1);
    let mut panels = Vec::new();
    for row in &having {
        for probe in &row.probes {
            panels.push(panel("", probe, field, 0)?);
        }
    }
    let (title, unit) = field_title(field);
    let kind = default_kind(field);
    let whose = if field.starts_with("bonus/") {
        ", before weight and normalisation"
    } else {
        ""
    };
    let pose = if matches!(panels.first().map(|p| &p.field), Some(crate::Field::PerPose(_))) {
        " Each cell shows four triangles, one per heading of the agent."
    } else {
        ""
    };
    let caption = format!("{title}{whose}, on the first pinned level over training.{pose}");
    let heatmap = assemble(panels, kind, [&title, &unit], columns, row_names(&having));
    NamedHeatmap::draw(title, file_name(prefix, field), caption, heatmap)
}

/// Visits at the last point in time on several levels; `None` with one level.
fn over_levels(prefix: &str, rows: &[Row]) -> Result<Option<NamedHeatmap>, ReportError> {
    let mut panels = Vec::new();
    let last: Vec<(&Row, &Probe)> = rows
        .iter()
        .filter_map(|row| Some((row, row.probes.last()?)))
        .filter(|(_, probe)| probe.field("visits", 0).is_ok())
        .collect();
    let levels = last
        .iter()
        .map(|(_, probe)| probe.levels.len())
        .min()
        .unwrap_or(0)
        .min(MOST_LEVELS);
    if levels < 2 {
        return Ok(None);
    }
    for (_, probe) in &last {
        for level in 0..levels {
            panels.push(panel(&format!("level {level}"), probe, "visits", level)?);
        }
    }
    let names = row_names(&last.iter().map(|(row, _)| *row).collect::<Vec<_>>());
    let (_, unit) = field_title("visits");
    let caption = "Visits at the last checkpoint on several pinned levels.".to_owned();
    let heatmap = assemble(
        panels,
        default_kind("visits"),
        ["Visits on several levels", &unit],
        levels,
        names,
    );
    let file = file_name(prefix, "visits_levels");
    NamedHeatmap::draw("Visits, other levels".to_owned(), file, caption, heatmap).map(Some)
}

/// Each variant's visits beside the reference's and their difference; `None` where nothing can be compared.
fn against(prefix: &str, rows: &[Row], reference: usize) -> Result<Option<NamedHeatmap>, ReportError> {
    let Some((base, base_probe)) = rows
        .iter()
        .find(|row| row.variant == reference)
        .and_then(|row| Some((row, row.probes.last()?)))
    else {
        return Ok(None);
    };
    let mut panels = Vec::new();
    for row in rows.iter().filter(|row| row.variant != reference) {
        let Some(probe) = row.probes.last() else { continue };
        if probe.levels.first() != base_probe.levels.first() || probe.field("visits", 0).is_err() {
            continue;
        }
        panels.push(panel(&row.name, probe, "visits", 0)?);
        panels.push(panel(&base.name, base_probe, "visits", 0)?);
        panels.push(Panel {
            title: "difference".to_owned(),
            ..difference(probe, base_probe, "visits", 0)?
        });
    }
    if panels.is_empty() {
        return Ok(None);
    }
    share_difference_scale(&mut panels);
    let (_, unit) = field_title("visits");
    let title = format!("Visits against {}", base.name);
    let caption = format!(
        "Visits at the last checkpoint, first pinned level: each variant, {}, and the difference (red: more visits than \
         {}).",
        base.name, base.name
    );
    let heatmap = assemble(panels, default_kind("visits"), [&title, &unit], 3, Vec::new());
    NamedHeatmap::draw(title, file_name(prefix, "visits_difference"), caption, heatmap).map(Some)
}

fn row_names(rows: &[&Row]) -> Vec<String> {
    if rows.iter().all(|row| row.name.is_empty()) {
        return Vec::new();
    }
    rows.iter().map(|row| row.name.clone()).collect()
}

fn file_name(prefix: &str, field: &str) -> String {
    format!("{prefix}_heatmap_{}", field.replace('/', "_"))
}

/// Markup of heatmaps under tabs.
pub(crate) fn heatmap_tabs(maps: &[NamedHeatmap], intro: &str) -> String {
    if maps.is_empty() {
        return String::new();
    }
    let entries: Vec<(String, String)> = maps
        .iter()
        .map(|map| {
            (
                map.tab.clone(),
                figure(&picture(&map.png, map.width, &map.caption), &map.caption),
            )
        })
        .collect();
    format!("{}{}", paragraph(intro), tabs(&entries))
}

/// A sentence on which run the heatmaps show.
pub(crate) fn intro(seed: u64, last_step: f64) -> String {
    format!(
        "Probes on pinned levels, seed {seed}, up to {} frames. All variants of a seed share the levels, and all panels \
         of a figure share one colour scale.",
        frames(last_step)
    )
}
