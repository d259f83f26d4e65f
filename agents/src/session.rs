//! A run in its folder: logs, held-out evaluations, probes, checkpoints; started, resumed, stopped.
//!
//! The folder holds `metrics.csv`, `timing.csv`, `eval.csv`, `tensorboard/`, `checkpoints/step_…/` and `probe/step_….npz`.
//! A run that is killed at any instant and resumed ends with the same weights and the same `metrics.csv` and `eval.csv`
//! as one that was not: files are cut back to the offsets stored in the checkpoint, and everything after it is done again.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use serde::{Deserialize, Serialize};

use crate::{
    checkpoint::{self, Checkpoint, CheckpointFolder},
    config::{CheckpointConfig, EvalConfig, ProbeConfig},
    episodes::EpisodeStats,
    error::AgentError,
    probe,
    recorder::{CsvLog, EventLog, Metrics},
    trainer::{IterationReport, Trainer},
};

/// When a session looks aside from training.
#[derive(Debug, Clone, Default)]
pub struct SessionConfig {
    /// Held-out evaluation.
    pub eval: EvalConfig,
    /// Probes for heatmaps.
    pub probe: ProbeConfig,
    /// Checkpoints.
    pub checkpoint: CheckpointConfig,
}

/// Whether the folder must be new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A folder that holds a run is refused.
    New,
    /// Goes on from the newest checkpoint; from the beginning if there is none yet.
    Resume,
}

/// Why [`Session::run`] came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All steps are made.
    Finished,
    /// The stop flag was set; a checkpoint was written.
    Stopped,
}

/// What a session tells while it runs.
#[derive(Debug)]
pub enum Event<'a> {
    /// A rollout and its update are done.
    Iteration(&'a IterationReport),
    /// A held-out evaluation is done.
    Evaluation {
        /// Env steps made.
        step: u64,
        /// Its result.
        stats: EpisodeStats,
    },
    /// A checkpoint is complete.
    Checkpoint(&'a Path),
    /// A probe is written.
    Probe(&'a Path),
}

/// A run and the files it writes.
pub struct Session {
    trainer: Trainer,
    config: SessionConfig,
    folder: PathBuf,
    checkpoints: CheckpointFolder,
    metrics: CsvLog,
    timing: CsvLog,
    eval: CsvLog,
    events: EventLog,
    /// Seconds trained before this process began.
    wall_s: f64,
    cpu_s: f64,
    started: Instant,
    started_cpu_s: f64,
    /// Held for as long as the session lives.
    _lock: File,
}

/// Where the logs end, as a checkpoint stores it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Offsets {
    metrics: u64,
    timing: u64,
    eval: u64,
    events: u64,
}

/// Time spent so far; in a file of its own because it differs between otherwise equal runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Spent {
    wall_s: f64,
    cpu_s: f64,
}

/// Takes the folder for this process until the file is dropped.
///
/// # Errors
/// [`AgentError::InUse`] if another process has it; [`AgentError::Io`].
pub fn lock(folder: &Path) -> Result<File, AgentError> {
    fs::create_dir_all(folder).map_err(AgentError::io(folder))?;
    let path = folder.join("run.lock");
    let open = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let mut file = open.map_err(AgentError::io(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // The other process may be about to write its number; the message does without it then.
            let read = file.read_to_string(&mut pid).is_ok() && !pid.is_empty();
            return Err(AgentError::InUse {
                path: folder.to_owned(),
                pid: if read {
                    pid.trim().to_owned()
                } else {
                    "unknown".to_owned()
                },
            });
        }
        Err(TryLockError::Error(why)) => return Err(AgentError::io(&path)(why)),
    }
    file.set_len(0).map_err(AgentError::io(&path))?;
    write!(file, "{}", std::process::id()).map_err(AgentError::io(&path))?;
    Ok(file)
}

/// The checkpoints of the run in `folder`.
pub fn checkpoints(folder: &Path) -> CheckpointFolder {
    CheckpointFolder::new(folder.join("checkpoints"), usize::MAX)
}

/// Loads the newest checkpoint of the run in `folder` into a trainer of the same setup, to evaluate it or to draw it.
///
/// # Errors
/// [`AgentError::NoRun`] if there is none; [`AgentError::Checkpoint`] if it is damaged or of another run.
pub fn load_latest(folder: &Path, trainer: &mut Trainer) -> Result<PathBuf, AgentError> {
    let Some(path) = checkpoints(folder).latest()? else {
        return Err(AgentError::NoRun {
            path: folder.to_owned(),
            missing: "a checkpoint",
        });
    };
    load(&path, trainer)?;
    Ok(path)
}

/// Loads one checkpoint into a trainer of the same setup, to evaluate it or to draw it: a replay is left empty.
///
/// # Errors
/// [`AgentError::Checkpoint`] if it is damaged or of another run.
pub fn load(path: &Path, trainer: &mut Trainer) -> Result<Checkpoint, AgentError> {
    load_whole(path, trainer, false)
}

/// Loads one checkpoint, with the replay if that is asked for.
fn load_whole(path: &Path, trainer: &mut Trainer, replay: bool) -> Result<Checkpoint, AgentError> {
    let mut checkpoint = checkpoint::read(path)?;
    checkpoint.replay = replay;
    trainer.load(&checkpoint).map_err(|why| match why {
        AgentError::Checkpoint {
            path: name,
            reason,
            remedy,
        } => AgentError::Checkpoint {
            path: path.join(name),
            reason,
            remedy,
        },
        other => other,
    })?;
    Ok(checkpoint)
}

impl Session {
    /// Takes the folder and brings a fresh trainer to where the run in it was.
    ///
    /// # Errors
    /// [`AgentError::InUse`], [`AgentError::Exists`] for [`Start::New`] in a folder with a run, [`AgentError::Checkpoint`]
    /// if the newest checkpoint is damaged or of another run, [`AgentError::Io`].
    pub fn open(
        folder: &Path,
        mut trainer: Trainer,
        config: SessionConfig,
        start: Start,
    ) -> Result<Self, AgentError> {
        let held = lock(folder)?;
        let checkpoints = CheckpointFolder::new(folder.join("checkpoints"), config.checkpoint.keep_last);
        let there = folder.join("metrics.csv").exists() || checkpoints.latest()?.is_some();
        if start == Start::New && there {
            return Err(AgentError::Exists {
                path: folder.to_owned(),
            });
        }
        let mut offsets = Offsets::default();
        let mut spent = Spent::default();
        if let Some(path) = checkpoints.latest()? {
            let replay = config.checkpoint.replay;
            if !replay {
                tracing::warn!(
                    "checkpoint.replay = false: a replay starts empty, and the run does not go on exactly"
                );
            }
            let stored = load_whole(&path, &mut trainer, replay)?;
            offsets = read_json(&stored, &path, "offsets.json")?;
            spent = read_json(&stored, &path, "spent.json")?;
        }
        let tensorboard = folder.join("tensorboard");
        fs::create_dir_all(&tensorboard).map_err(AgentError::io(&tensorboard))?;
        Ok(Self {
            metrics: CsvLog::open(&folder.join("metrics.csv"), offsets.metrics)?,
            timing: CsvLog::open(&folder.join("timing.csv"), offsets.timing)?,
            eval: CsvLog::open(&folder.join("eval.csv"), offsets.eval)?,
            events: EventLog::open(
                &tensorboard.join("events.out.tfevents.1.prospect"),
                offsets.events,
            )?,
            folder: folder.to_owned(),
            trainer,
            config,
            checkpoints,
            wall_s: spent.wall_s,
            cpu_s: spent.cpu_s,
            started: Instant::now(),
            started_cpu_s: cpu_time_s(),
            _lock: held,
        })
    }

    /// Trains until all steps are made or `stop` is set (looked at between iterations), and tells `watch` what happens.
    ///
    /// # Errors
    /// [`AgentError::NotFinite`] and [`AgentError::CheckpointWrite`]: the run stops, and its last checkpoint is good.
    pub fn run(
        &mut self,
        stop: &AtomicBool,
        watch: &mut dyn FnMut(&Trainer, &Event<'_>),
    ) -> Result<Outcome, AgentError> {
        self.trainer.start()?;
        if self.trainer.step() == 0 {
            // A run that was stopped before its first rollout has its first row already.
            if self.eval.offset() == 0 {
                self.evaluate(watch)?;
            }
            self.probe(watch)?;
        }
        while !self.trainer.is_finished() {
            if stop.load(Ordering::Relaxed) {
                self.checkpoint(watch)?;
                return Ok(Outcome::Stopped);
            }
            let before = self.trainer.step();
            let clock = Instant::now();
            let report = self.trainer.iterate()?;
            self.record(&report, clock.elapsed().as_secs_f64())?;
            watch(&self.trainer, &Event::Iteration(&report));
            let last = self.trainer.is_finished();
            let due = |every: u64| last || (every > 0 && before / every != report.step / every);
            if due(self.config.eval.every_steps) {
                self.evaluate(watch)?;
            }
            if due(self.config.probe.every_steps) {
                self.probe(watch)?;
            }
            if due(self.config.checkpoint.every_steps) {
                self.checkpoint(watch)?;
            }
        }
        Ok(Outcome::Finished)
    }

    fn record(&mut self, report: &IterationReport, seconds: f64) -> Result<(), AgentError> {
        self.metrics.append(report.step, &report.metrics)?;
        self.events.append(report.step, &report.metrics)?;
        let sps = report.steps as f64 / seconds.max(1e-9);
        let spent = self.spent();
        let mut timing = Metrics::from([
            ("wall_s".to_owned(), spent.wall_s),
            ("cpu_s".to_owned(), spent.cpu_s),
            ("sps".to_owned(), sps),
        ]);
        let hops = report.hops.named();
        timing.extend(hops.map(|(name, seconds)| (format!("hop/{name}_s"), seconds)));
        self.timing
            .append_in_order(report.step, &["wall_s", "cpu_s", "sps"], &timing)?;
        self.events
            .append(report.step, &Metrics::from([("charts/SPS".to_owned(), sps)]))
    }

    fn evaluate(&mut self, watch: &mut dyn FnMut(&Trainer, &Event<'_>)) -> Result<(), AgentError> {
        if self.config.eval.episodes == 0 {
            return Ok(());
        }
        let (step, stats) = (
            self.trainer.step(),
            self.trainer
                .evaluate(self.config.eval.episodes, self.config.eval.play())?,
        );
        let first = [
            "episodes",
            "return_mean",
            "return_std",
            "success_rate",
            "length_mean",
        ];
        self.eval.append_in_order(step, &first, &stats.columns())?;
        let named = stats
            .columns()
            .into_iter()
            .map(|(name, value)| (format!("eval/{name}"), value));
        self.events.append(step, &named.collect())?;
        watch(&self.trainer, &Event::Evaluation { step, stats });
        Ok(())
    }

    fn probe(&mut self, watch: &mut dyn FnMut(&Trainer, &Event<'_>)) -> Result<(), AgentError> {
        if self.config.probe.every_steps == 0 || self.config.probe.levels == 0 {
            return Ok(());
        }
        if let Some(found) = probe::look(&self.trainer, &self.config.probe)? {
            let path = self
                .folder
                .join("probe")
                .join(format!("step_{:012}.npz", self.trainer.step()));
            found.write(&path)?;
            watch(&self.trainer, &Event::Probe(&path));
        }
        Ok(())
    }

    fn checkpoint(&mut self, watch: &mut dyn FnMut(&Trainer, &Event<'_>)) -> Result<(), AgentError> {
        self.metrics.sync()?;
        self.timing.sync()?;
        self.eval.sync()?;
        self.events.sync()?;
        let offsets = Offsets {
            metrics: self.metrics.offset(),
            timing: self.timing.offset(),
            eval: self.eval.offset(),
            events: self.events.offset(),
        };
        let mut stored = self.checkpoints.begin()?;
        stored.replay = self.config.checkpoint.replay;
        self.trainer.save_into(&mut stored)?;
        stored.add("offsets.json", serde_json::to_vec(&offsets).unwrap_or_default());
        stored.add(
            "spent.json",
            serde_json::to_vec(&self.spent()).unwrap_or_default(),
        );
        let path = self.checkpoints.write(&stored)?;
        watch(&self.trainer, &Event::Checkpoint(&path));
        Ok(())
    }

    fn spent(&self) -> Spent {
        Spent {
            wall_s: self.wall_s + self.started.elapsed().as_secs_f64(),
            cpu_s: self.cpu_s + cpu_time_s() - self.started_cpu_s,
        }
    }

    /// The run in memory.
    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }

    /// The run's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn read_json<T: serde::de::DeserializeOwned>(
    stored: &Checkpoint,
    path: &Path,
    name: &str,
) -> Result<T, AgentError> {
    let bytes = stored.get(name).unwrap_or_default();
    serde_json::from_slice(bytes).map_err(|why| AgentError::Checkpoint {
        path: path.join(name),
        reason: why.to_string(),
        remedy: "resume from another checkpoint",
    })
}

/// CPU seconds of this process so far, all threads; 0 where the system does not tell.
pub fn cpu_time_s() -> f64 {
    // Fields 14 and 15 of proc(5) stat, user and system time, in ticks of 1/100 s on every Linux of today.
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
