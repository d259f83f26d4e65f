//! Writing reports: from a folder of runs to `report/index.html`, figures and tables.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::analysis::SuiteAnalysis;
use crate::canvas::encode_png;
use crate::error::{ReportError, make_folder, write_file};
use crate::figures::run::run_figures;
use crate::figures::suite::{Figure, SuiteFigures};
use crate::heatmap::write_heatmap_csv;
use crate::html::maps::{NamedHeatmap, run_heatmaps, suite_heatmaps};
use crate::html::run::run_html;
use crate::html::suite::SuitePage;
use crate::run_folder::{RunFolder, is_run_folder};
use crate::suite_folder::SuiteFolder;
use crate::tables::write_suite_tables;

/// Pixels per unit of a figure's drawing in its PNG file.
const FIGURE_SCALE: f64 = 2.0;

/// What a report consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportPaths {
    /// The page.
    pub html: PathBuf,
    /// Pictures.
    pub figures: Vec<PathBuf>,
    /// Numbers.
    pub tables: Vec<PathBuf>,
}

/// Writes the report of a suite folder or of a run folder, whichever it is.
///
/// # Errors
/// [`ReportError::Missing`] where it is neither; otherwise as [`write_suite_report`] and [`write_run_report`].
pub fn write_report(dir: &Path) -> Result<ReportPaths, ReportError> {
    if dir.join("suite.json").is_file() {
        return write_suite_report(dir);
    }
    if is_run_folder(dir) {
        return write_run_report(dir);
    }
    Err(ReportError::Missing {
        folder: dir.to_owned(),
        file: "suite.json or run.toml".to_owned(),
        remedy: "give the folder that `prospect train --out` or `prospect compare --out` wrote",
    })
}

/// Writes the report of a suite folder to `report/` within it: `index.html`, `figures/*.png`, `tables/*.csv`.
///
/// Runs that failed or are missing are named in the report; probes that cannot be read cost their heatmaps only.
///
/// # Errors
/// As [`SuiteFolder::read`] and [`SuiteAnalysis::compute`]; [`ReportError::Write`] where a file cannot be written.
pub fn write_suite_report(dir: &Path) -> Result<ReportPaths, ReportError> {
    let suite = SuiteFolder::read(dir)?;
    let analysis = SuiteAnalysis::compute(&suite)?;
    let figures = SuiteFigures::new(&suite, &analysis);
    let (overview, overall, per_task) = (figures.overview(), figures.overall(), figures.per_task());
    let maps: Vec<_> = (0..suite.plan.envs.len())
        .into_par_iter()
        .map(|env| suite_heatmaps(&suite, env, analysis.reference()).map_err(|error| error.to_string()))
        .collect();
    let page = SuitePage {
        suite: &suite,
        analysis: &analysis,
        figures: &figures,
        overall: &overall,
        overview: &overview,
        per_task: &per_task,
        maps: &maps,
    };
    let html = page.html();
    let out = Output::create(&dir.join("report"))?;
    let mut tables = write_suite_tables(&suite, &analysis, &out.tables)?;
    let drawn: Vec<&Figure> = std::iter::once(&overview)
        .chain(&overall)
        .chain(per_task.iter().flatten())
        .collect();
    let mut pictures = out.write_figures(&drawn)?;
    for (_, found) in maps.iter().flatten().flatten() {
        out.write_heatmaps(found, &mut pictures, &mut tables)?;
    }
    out.finish(&html, pictures, tables)
}

/// Writes the report of a single run folder to `report/` within it.
///
/// # Errors
/// As [`RunFolder::read`]; [`ReportError::Write`] where a file cannot be written.
pub fn write_run_report(dir: &Path) -> Result<ReportPaths, ReportError> {
    let folder = RunFolder::read(dir)?;
    let figures = run_figures(&folder);
    let maps = run_heatmaps(&folder).map_err(|error| error.to_string());
    let html = run_html(&folder, &figures, &maps);
    let out = Output::create(&dir.join("report"))?;
    let mut pictures = out.write_figures(&figures.all().collect::<Vec<_>>())?;
    let mut tables = Vec::new();
    if let Ok(found) = &maps {
        out.write_heatmaps(found, &mut pictures, &mut tables)?;
    }
    out.finish(&html, pictures, tables)
}

/// The folders of a report.
struct Output {
    dir: PathBuf,
    figures: PathBuf,
    tables: PathBuf,
}

impl Output {
    fn create(dir: &Path) -> Result<Self, ReportError> {
        let out = Self {
            dir: dir.to_owned(),
            figures: dir.join("figures"),
            tables: dir.join("tables"),
        };
        make_folder(&out.figures)?;
        make_folder(&out.tables)?;
        Ok(out)
    }

    fn write_figures(&self, figures: &[&Figure]) -> Result<Vec<PathBuf>, ReportError> {
        figures
            .par_iter()
            .map(|figure| {
                let path = self.figures.join(format!("{}.png", figure.name));
                write_file(&path, &encode_png(&figure.scene.to_image(FIGURE_SCALE)?)?)?;
                Ok(path)
            })
            .collect()
    }

    fn write_heatmaps(
        &self,
        maps: &[NamedHeatmap],
        pictures: &mut Vec<PathBuf>,
        tables: &mut Vec<PathBuf>,
    ) -> Result<(), ReportError> {
        for map in maps {
            let png = self.figures.join(format!("{}.png", map.file));
            let csv = self.tables.join(format!("{}.csv", map.file));
            write_file(&png, &map.png)?;
            write_heatmap_csv(&csv, &map.heatmap.panels)?;
            pictures.push(png);
            tables.push(csv);
        }
        Ok(())
    }

    /// Writes the page last, so that a page that is there is whole.
    fn finish(
        &self,
        html: &str,
        mut figures: Vec<PathBuf>,
        mut tables: Vec<PathBuf>,
    ) -> Result<ReportPaths, ReportError> {
        let page = self.dir.join("index.html");
        write_file(&page, html.as_bytes())?;
        figures.sort();
        tables.sort();
        Ok(ReportPaths {
            html: page,
            figures,
            tables,
        })
    }
}
