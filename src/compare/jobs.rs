//! Runs as child processes that share the cores: libtorch's threads and seeds are global to a process.

use std::{
    collections::VecDeque,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;

/// One run to be made.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its folder.
    pub dir: PathBuf,
    /// Its run file, as text.
    pub run_file: String,
    /// Frames it will make.
    pub steps: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It was finished before.
    Kept,
    /// It ran to its end.
    Finished,
    /// It failed; the reason is the last line that it wrote.
    Failed(String),
    /// It was stopped by the user and can be resumed.
    Interrupted,
}

/// `status.json` of a run folder, as far as it is needed here.
#[derive(Debug, Deserialize)]
struct Status {
    state: String,
    #[serde(default)]
    step: u64,
}

fn status(dir: &Path) -> Option<Status> {
    serde_json::from_slice(&fs::read(dir.join("status.json")).ok()?).ok()
}

/// True if the run in `dir` has reached its end.
pub fn finished(dir: &Path) -> bool {
    status(dir).is_some_and(|status| status.state == "finished")
}

struct Running {
    job: usize,
    child: Child,
}

/// Makes all runs, `at_once` at a time, and tells how each ended, in the order of `jobs`. A finished run is kept as it is, an
/// interrupted one is resumed, a failed one does not stop the rest. `stop` ends all with a checkpoint.
///
/// # Errors
/// If a folder or file cannot be written or the program cannot be started.
pub fn run_all(jobs: &[Job], at_once: usize, title: &str, stop: &AtomicBool) -> Result<Vec<End>> {
    let mut ends = vec![End::Kept; jobs.len()];
    let mut waiting: VecDeque<_> = (0..jobs.len()).filter(|&i| !finished(&jobs[i].dir)).collect();
    let total: u64 = waiting.iter().map(|&i| jobs[i].steps).sum();
    let bar = progress(total, title);
    let mut done_steps = 0;
    let mut running: Vec<Running> = Vec::new();
    while !waiting.is_empty() || !running.is_empty() {
        let stopping = stop.load(Ordering::Relaxed);
        while !stopping && running.len() < at_once {
            let Some(job) = waiting.pop_front() else { break };
            running.push(Running {
                job,
                child: start(&jobs[job])?,
            });
        }
        if stopping {
            waiting.drain(..).for_each(|job| ends[job] = End::Interrupted);
        }
        std::thread::sleep(Duration::from_millis(100));
        let mut still = Vec::new();
        for mut run in running {
            match run.child.try_wait()? {
                None => still.push(run),
                Some(code) => {
                    let job = &jobs[run.job];
                    done_steps += job.steps;
                    ends[run.job] = ending(job, code.success(), stopping);
                    if let End::Failed(why) = &ends[run.job] {
                        bar.println(format!("failed: {}: {why}", job.dir.display()));
                    }
                }
            }
        }
        running = still;
        let partial: u64 = running
            .iter()
            .filter_map(|run| status(&jobs[run.job].dir))
            .map(|s| s.step)
            .sum();
        bar.set_position((done_steps + partial).min(total));
        bar.set_message(format!("{} running, {} waiting", running.len(), waiting.len()));
    }
    bar.finish_and_clear();
    Ok(ends)
}

fn progress(total: u64, title: &str) -> ProgressBar {
    let bar = if total == 0 {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(total)
    };
    let template = "{prefix} [{bar:32}] {human_pos}/{human_len} frames, {per_sec}, {eta} left ({msg})";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(title.to_owned());
    bar
}

fn start(job: &Job) -> Result<Child> {
    fs::create_dir_all(&job.dir).with_context(|| format!("creating {}", job.dir.display()))?;
    let file = job.dir.join("request.toml");
    fs::write(&file, &job.run_file).with_context(|| format!("writing {}", file.display()))?;
    let log = job.dir.join("stderr.log");
    let log_file = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
    Command::new(std::env::current_exe()?)
        .args(["train", "--quiet", "--resume", "--out"])
        .arg(&job.dir)
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log_file)
        .spawn()
        .context("starting a run")
}

fn ending(job: &Job, success: bool, stopping: bool) -> End {
    match (success && finished(&job.dir), stopping) {
        (true, _) => End::Finished,
        (false, true) => End::Interrupted,
        (false, false) => {
            let log = fs::read_to_string(job.dir.join("stderr.log")).unwrap_or_default();
            let last = log.lines().rev().find(|line| !line.trim().is_empty());
            End::Failed(last.unwrap_or("it ended without a word").to_owned())
        }
    }
}
