//! `prospect train`: one run in its folder, started or resumed.

use std::{
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use prospect_agents::{
    EpisodeStats, Trainer,
    session::{self, Event, Session, SessionConfig, Start},
};
use prospect_nets::libtorch_info;
use serde_json::json;

use crate::{
    commands::{config::modules, stop_on_signal},
    config::RunFile,
    failure::{Failure, Outcome, Sort},
    machine::{self, Machine},
    training,
};

/// Options of `prospect train`.
#[derive(Args, Debug)]
pub struct TrainArgs {
    /// The run file
    pub run_file: PathBuf,
    /// Settings on top, such as --set run.seed=2
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// Folder of the run
    #[arg(long)]
    pub out: PathBuf,
    /// Go on from the folder's newest checkpoint; start if there is none
    #[arg(long)]
    pub resume: bool,
    /// Say nothing
    #[arg(long, short)]
    pub quiet: bool,
}

/// How often `status.json` is renewed.
const STATUS_EVERY: Duration = Duration::from_millis(500);

/// Runs the command.
///
/// # Errors
/// Bad input for a run file or folder that cannot be used; a failed run if a term is no number or a file cannot be written.
pub fn run(args: &TrainArgs) -> Outcome {
    let file = RunFile::read(&args.run_file, &args.sets, &modules()).map_err(Failure::Input)?;
    let trainer = training::trainer(&file)?;
    let config = SessionConfig {
        eval: file.eval.clone(),
        probe: file.probe.clone(),
        checkpoint: file.checkpoint.clone(),
    };
    let start = if args.resume { Start::Resume } else { Start::New };
    let mut session = Session::open(&args.out, trainer, config, start).map_err(training::sort)?;
    write_records(&args.out, &file).or_run(|| format!("writing into {}", args.out.display()))?;
    let stop = stop_on_signal()?;
    let mut watcher = Watcher::new(args, &file, session.trainer().step());
    let result = session.run(&stop, &mut |trainer, event| watcher.take(trainer, event));
    watcher.bar.finish_and_clear();
    let step = session.trainer().step();
    match result {
        Ok(session::Outcome::Finished) => {
            write_status(&args.out, "finished", step, None);
            watcher.say(&format!("{} frames made; {}", step, args.out.display()));
            Ok(())
        }
        Ok(session::Outcome::Stopped) => {
            write_status(&args.out, "interrupted", step, None);
            let dir = args.out.display();
            Err(Failure::run(anyhow::anyhow!(
                "stopped at {step} frames with a checkpoint; `--resume` goes on ({dir})"
            )))
        }
        Err(error) => {
            write_status(&args.out, "failed", step, Some(&error.to_string()));
            Err(training::sort(error))
        }
    }
}

/// `run.toml` and `meta.json`.
fn write_records(dir: &Path, file: &RunFile) -> anyhow::Result<()> {
    let resolved = file.resolved()?;
    fs::write(dir.join("run.toml"), toml::to_string(&resolved)?)?;
    let torch = libtorch_info();
    let meta = json!({
        "prospect": env!("CARGO_PKG_VERSION"),
        "git": machine::git_revision(),
        "libtorch": torch.version,
        "libtorch_kernels": torch.cpu_capability,
        "rustc": machine::compiler(),
        "cpu_features": machine::cpu_features(),
        "seed": file.run.seed,
        "run_id": format!("{}-seed{}", file.env.id, file.run.seed),
        "env": file.env.id,
        "command": std::env::args().collect::<Vec<_>>(),
        "started_utc": machine::now_utc(),
        "machine": Machine::this(),
    });
    fs::write(dir.join("meta.json"), serde_json::to_string_pretty(&meta)?)?;
    write_status(dir, "running", 0, None);
    Ok(())
}

/// Renews `status.json`; a disk that is full must not end a run that could still be resumed.
fn write_status(dir: &Path, state: &str, step: u64, error: Option<&str>) {
    let text = json!({ "state": state, "step": step, "error": error }).to_string();
    let (path, new) = (dir.join("status.json"), dir.join("status.json.new"));
    let written = fs::write(&new, text).and_then(|()| fs::rename(&new, &path));
    if let Err(why) = written {
        tracing::warn!("{}: {why}", path.display());
    }
}

/// Shows how a run goes: a bar on a terminal, lines of JSON elsewhere, nothing if it is to be quiet.
struct Watcher {
    bar: ProgressBar,
    lines: bool,
    quiet: bool,
    dir: PathBuf,
    status: Instant,
    held_out: Option<EpisodeStats>,
}

impl Watcher {
    fn new(args: &TrainArgs, file: &RunFile, step: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if args.quiet || !terminal {
            ProgressBar::hidden()
        } else {
            let bar = ProgressBar::new(file.agent.total_steps());
            let template = "[{bar:32}] {human_pos}/{human_len} frames, {eta} left, {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_position(step);
            bar
        };
        Self {
            bar,
            lines: !args.quiet && !terminal,
            quiet: args.quiet,
            dir: args.out.clone(),
            status: Instant::now(),
            held_out: None,
        }
    }

    fn take(&mut self, trainer: &Trainer, event: &Event<'_>) {
        match event {
            Event::Iteration(report) => {
                self.bar.set_position(report.step);
                let number = |name: &str| {
                    report
                        .metrics
                        .get(name)
                        .map_or("-".to_owned(), |x| format!("{x:.3}"))
                };
                let held_out = self
                    .held_out
                    .as_ref()
                    .map_or("-".to_owned(), |s| format!("{:.3}", s.return_mean));
                let seconds: f64 = report.hops.named().iter().map(|hop| hop.1).sum();
                let sps = report.steps as f64 / seconds.max(1e-9);
                let returns = number("charts/episodic_return");
                self.bar
                    .set_message(format!("SPS {sps:.0}, return {returns}, held-out {held_out}"));
                if self.status.elapsed() >= STATUS_EVERY {
                    write_status(&self.dir, "running", report.step, None);
                    self.status = Instant::now();
                }
            }
            Event::Evaluation { step, stats } => {
                if self.lines {
                    let line = json!({
                        "step": step,
                        "return_mean": stats.return_mean,
                        "success_rate": stats.success_rate,
                        "length_mean": stats.length_mean,
                    });
                    println!("{line}");
                }
                self.held_out = Some(*stats);
            }
            Event::Checkpoint(_) | Event::Probe(_) => {
                tracing::debug!("at {} frames: {event:?}", trainer.step());
            }
        }
    }

    fn say(&self, line: &str) {
        if !self.quiet && !self.lines {
            println!("{line}");
        }
    }
}
