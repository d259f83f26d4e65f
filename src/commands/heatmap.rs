//! `prospect heatmap`: a field over the fixed levels of a run's probes, as picture and numbers.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use prospect_report::{HeatmapRequest, available_fields, heatmap_from_probe};

use crate::failure::{Failure, Outcome, Sort};

/// Options of `prospect heatmap`.
#[derive(Args, Debug)]
pub struct HeatmapArgs {
    /// Folder of a run
    pub dir: PathBuf,
    /// What to draw: visits, extrinsic, mixed, value, potential, greedy_action, or bonus/NAME for each reward module
    /// (a wrong name prints those that the run has)
    #[arg(long)]
    pub field: String,
    /// Where to write the picture; the numbers go beside it as .csv
    #[arg(long)]
    pub out: PathBuf,
    /// Levels of the probe set, by number
    #[arg(long, value_delimiter = ',', default_value = "0")]
    pub level: Vec<usize>,
    /// Frames at which to look (the nearest probe is taken); `all` for every probe
    #[arg(long, value_delimiter = ',', default_value = "last")]
    pub at: Vec<String>,
    /// Another run: draws both and the first minus the second
    #[arg(long)]
    pub against: Option<PathBuf>,
    /// Logarithmic colours
    #[arg(long, conflicts_with = "linear")]
    pub log: bool,
    /// Linear colours
    #[arg(long)]
    pub linear: bool,
}

/// A probe file and the frames trained before it.
type ProbeAt = (u64, PathBuf);

/// Runs the command.
///
/// # Errors
/// Bad input if there is no probe, no such field or no such level; a failed run if a file cannot be written.
pub fn run(args: &HeatmapArgs) -> Outcome {
    let files = match &args.against {
        None => over_time(&args.dir, &args.at)?,
        Some(other) => {
            let name = |dir: &Path| {
                dir.file_name()
                    .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
            };
            let pair = [
                (name(&args.dir), latest(&args.dir, &args.at)?),
                (name(other), latest(other, &args.at)?),
            ];
            distinct(pair, &args.dir, other)
        }
    };
    let fields = available_fields(&files[0].1).map_err(Failure::input)?;
    if !fields.contains(&args.field) {
        let message = format!(
            "no field `{}` in {}; there are: {}",
            args.field,
            files[0].1.display(),
            fields.join(", ")
        );
        return Err(Failure::input(anyhow::anyhow!(message)));
    }
    let request = HeatmapRequest {
        files,
        field: args.field.clone(),
        levels: args.level.clone(),
        log: if args.log {
            Some(true)
        } else if args.linear {
            Some(false)
        } else {
            None
        },
        difference: args.against.is_some() && args.field != "greedy_action",
    };
    let heatmap = heatmap_from_probe(&request).map_err(Failure::input)?;
    let csv = args.out.with_extension("csv");
    heatmap
        .write(&args.out, &csv)
        .or_run(|| format!("writing {}", args.out.display()))?;
    println!("{}\n{}", args.out.display(), csv.display());
    Ok(())
}

/// Runs of one seed lie in folders of one name: then the part of their paths that differs tells them apart.
fn distinct(mut pair: [(String, PathBuf); 2], a: &Path, b: &Path) -> Vec<(String, PathBuf)> {
    if pair[0].0 == pair[1].0 {
        let [left, right] = differing_parts(a, b);
        pair[0].0 = left;
        pair[1].0 = right;
    }
    pair.into()
}

/// Two paths without the components that they begin and end with alike; whole where nothing would be left.
fn differing_parts(a: &Path, b: &Path) -> [String; 2] {
    let names = |path: &Path| -> Vec<String> {
        path.components()
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect()
    };
    let (left, right) = (names(a), names(b));
    let alike =
        |pairs: &mut dyn Iterator<Item = (&String, &String)>| pairs.take_while(|(x, y)| x == y).count();
    let head = alike(&mut left.iter().zip(&right));
    let tail = alike(&mut left[head..].iter().rev().zip(right[head..].iter().rev()));
    let rest = |parts: &[String], whole: &Path| match &parts[head..parts.len() - tail] {
        [] => whole.display().to_string(),
        kept => kept.join("/"),
    };
    [rest(&left, a), rest(&right, b)]
}

fn probes(dir: &Path) -> Outcome<Vec<ProbeAt>> {
    let folder = dir.join("probe");
    let entries = fs::read_dir(&folder).or_input(|| {
        format!(
            "{}: no probes; train with probe.every_steps above 0",
            folder.display()
        )
    })?;
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let step = name.strip_prefix("step_")?.strip_suffix(".npz")?.parse().ok()?;
            Some((step, entry.path()))
        })
        .collect();
    found.sort();
    if found.is_empty() {
        let message = format!(
            "{} is empty; train with probe.every_steps above 0",
            folder.display()
        );
        return Err(Failure::input(anyhow::anyhow!(message)));
    }
    Ok(found)
}

fn pick(probes: &[ProbeAt], at: &str) -> Outcome<Vec<PathBuf>> {
    match at {
        "all" => Ok(probes.iter().map(|probe| probe.1.clone()).collect()),
        "last" => Ok(probes.last().map(|probe| probe.1.clone()).into_iter().collect()),
        number => {
            let frames: f64 = number
                .replace('_', "")
                .parse()
                .or_input(|| format!("--at {number}: give a number of frames, `last` or `all`"))?;
            let nearest = probes.iter().min_by(|a, b| {
                let distance = |probe: &ProbeAt| (probe.0 as f64 - frames).abs();
                distance(a).total_cmp(&distance(b))
            });
            Ok(nearest.map(|probe| probe.1.clone()).into_iter().collect())
        }
    }
}

fn over_time(dir: &Path, at: &[String]) -> Outcome<Vec<(String, PathBuf)>> {
    let probes = probes(dir)?;
    let mut files = Vec::new();
    for at in at {
        files.extend(pick(&probes, at)?.into_iter().map(|path| (String::new(), path)));
    }
    files.dedup();
    Ok(files)
}

fn latest(dir: &Path, at: &[String]) -> Outcome<PathBuf> {
    let probes = probes(dir)?;
    let at = at.first().map_or("last", String::as_str);
    let picked = pick(&probes, at)?.pop();
    picked.ok_or_else(|| Failure::input(anyhow::anyhow!("{}: no probe at {at}", dir.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_told_apart_by_what_differs() {
        let parts = |a: &str, b: &str| differing_parts(Path::new(a), Path::new(b));
        assert_eq!(
            parts("runs/x/with/seed_1", "runs/x/without/seed_1"),
            ["with", "without"]
        );
        assert_eq!(parts("a/b/seed_1", "c/seed_1"), ["a/b", "c"]);
        assert_eq!(parts("runs/seed_1", "runs/old/seed_1"), ["runs/seed_1", "old"]);
    }
}
