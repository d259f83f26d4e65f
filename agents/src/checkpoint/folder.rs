//! The folder of a run's checkpoints: what is complete there, how one more gets there, and which ones go.

use std::{
    cell::Cell,
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{Checkpoint, MANIFEST, Manifest, SEGMENTS, Source, read_manifest};
use crate::error::AgentError;

const COMPLETE: &str = "step_";
/// Begins the names of what is not complete.
const ASIDE: &str = ".tmp-";
/// Ends the name of a checkpoint while another one of the same step takes its place.
const OLD: &str = ".old";

/// The folder `checkpoints/` of a run.
#[derive(Debug, Clone)]
pub struct CheckpointFolder {
    pub(super) path: PathBuf,
    keep_last: usize,
    pub(super) faults: Faults,
}

/// What a test lets go wrong with the disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// The largest file that there is room for.
    pub(super) room: Option<usize>,
    /// Operations on files until the process is killed: from then on nothing is done any more.
    pub(super) operations: Cell<Option<usize>>,
    /// Leaves it to the system when bytes reach the disk: a killed process loses nothing that it has written.
    pub(super) unsynced: bool,
}

impl Faults {
    /// To be asked before each operation that changes the disk.
    fn operate(&self) -> io::Result<()> {
        match self.operations.get() {
            None => Ok(()),
            Some(0) => Err(io::ErrorKind::Interrupted.into()),
            Some(left) => {
                self.operations.set(Some(left - 1));
                Ok(())
            }
        }
    }
}

impl CheckpointFolder {
    /// The folder at `path`, which need not exist; the newest `keep_last` (at least one) are kept.
    pub fn new(path: impl Into<PathBuf>, keep_last: usize) -> Self {
        Self {
            path: path.into(),
            keep_last: keep_last.max(1),
            faults: Faults::default(),
        }
    }

    /// Complete checkpoints, oldest first.
    ///
    /// # Errors
    /// [`AgentError::Io`].
    pub fn list(&self) -> Result<Vec<PathBuf>, AgentError> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        let names = self.names().map_err(AgentError::io(&self.path))?;
        let complete = names.iter().filter(|name| name.starts_with(COMPLETE));
        // One that was to be replaced counts for as long as nothing is in its place.
        let present = complete.filter(|name| name.strip_suffix(OLD).is_none_or(|new| !names.contains(new)));
        Ok(present.map(|name| self.path.join(name)).collect())
    }

    fn names(&self) -> io::Result<BTreeSet<String>> {
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        fs::read_dir(&self.path)?.map(name).collect()
    }

    /// The newest complete checkpoint.
    ///
    /// # Errors
    /// [`AgentError::Io`].
    pub fn latest(&self) -> Result<Option<PathBuf>, AgentError> {
        Ok(self.list()?.pop())
    }

    /// A checkpoint to be filled and written here, which knows the segments that are here already: those that a complete
    /// checkpoint names and that have their full length.
    ///
    /// # Errors
    /// [`AgentError::Io`].
    pub fn begin(&self) -> Result<Checkpoint, AgentError> {
        let mut checkpoint = Checkpoint::new(0, String::new());
        // The segments of a damaged checkpoint are written once more.
        for manifest in self.list()?.iter().rev().flat_map(|path| read_manifest(path)) {
            for entry in manifest.segments {
                let there = fs::metadata(self.path.join(SEGMENTS).join(&entry.name));
                let is_known = checkpoint.stored.iter().any(|known| known.name == entry.name);
                if !is_known && there.is_ok_and(|there| there.len() == entry.bytes) {
                    checkpoint.stored.push(entry);
                }
            }
        }
        Ok(checkpoint)
    }

    /// Writes a checkpoint and, once it is complete, deletes those that are too old, and segments that no other needs.
    /// Returns its folder.
    ///
    /// # Errors
    /// [`AgentError::CheckpointWrite`], for instance where the disk is full; all older checkpoints are untouched then.
    pub fn write(&self, checkpoint: &Checkpoint) -> Result<PathBuf, AgentError> {
        let place = self.path.join(name_of(checkpoint.step));
        self.write_aside(checkpoint, &place).map_err(|source| {
            let kept = self.latest().ok().flatten();
            AgentError::CheckpointWrite {
                path: place.clone(),
                source,
                kept: kept.map_or_else(
                    || "there is no earlier checkpoint".to_owned(),
                    |kept| format!("{} is untouched", kept.display()),
                ),
            }
        })?;
        self.delete_old()?;
        Ok(place)
    }

    fn write_aside(&self, checkpoint: &Checkpoint, place: &Path) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        self.sweep()?;
        self.write_segments(checkpoint)?;
        let aside = self.path.join(format!("{ASIDE}{}", name_of(checkpoint.step)));
        let filled = self.fill(checkpoint, &aside);
        if let Err(why) = filled {
            // Best effort: a full disk is the likely reason, and what is left here would only make it fuller.
            drop(self.remove_folder(&aside));
            return Err(why);
        }
        if place.exists() {
            let old = self.path.join(format!("{}{OLD}", name_of(checkpoint.step)));
            self.rename(place, &old)?;
            self.rename(&aside, place)?;
            self.remove_folder(&old)?;
        } else {
            self.rename(&aside, place)?;
        }
        self.sync_folder(&self.path)
    }

    /// Writes the segments that are not here yet, before anything names them.
    fn write_segments(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        if checkpoint.segments.is_empty() {
            return Ok(());
        }
        let folder = self.path.join(SEGMENTS);
        fs::create_dir_all(&folder)?;
        for (entry, source) in &checkpoint.segments {
            let bytes = match source {
                Source::Memory(bytes) => bytes,
                Source::File(path) => &fs::read(path)?,
                Source::Stored => continue,
            };
            let aside = folder.join(format!("{ASIDE}{}", entry.name));
            if let Err(why) = self.write_file(&aside, bytes) {
                drop(self.remove_file(&aside));
                return Err(why);
            }
            self.rename(&aside, &folder.join(&entry.name))?;
        }
        self.sync_folder(&folder)
    }

    fn fill(&self, checkpoint: &Checkpoint, aside: &Path) -> io::Result<()> {
        self.faults.operate()?;
        fs::create_dir(aside)?;
        for (name, bytes) in &checkpoint.files {
            self.write_file(&aside.join(name), bytes)?;
        }
        let manifest = serde_json::to_vec_pretty(&checkpoint.manifest())?;
        self.write_file(&aside.join(MANIFEST), &manifest)?;
        self.sync_folder(aside)
    }

    fn write_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Some(room) = self.faults.room.filter(|&room| bytes.len() > room) {
            fs::write(path, &bytes[..room])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.faults.operate()?;
        let mut file = File::create(path)?;
        let (one, other) = bytes.split_at(bytes.len() / 2);
        file.write_all(one)?;
        self.faults.operate()?;
        file.write_all(other)?;
        if self.faults.unsynced {
            Ok(())
        } else {
            file.sync_all()
        }
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        if self.faults.unsynced {
            Ok(())
        } else {
            sync_folder(path)
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.faults.operate()?;
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.faults.operate()?;
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        for entry in fs::read_dir(path)? {
            self.remove_file(&entry?.path())?;
        }
        self.faults.operate()?;
        fs::remove_dir(path)
    }

    /// Deletes what writes that did not end have left.
    fn sweep(&self) -> io::Result<()> {
        let names = self.names()?;
        let replaced = |name: &str| name.strip_suffix(OLD).is_some_and(|new| names.contains(new));
        for name in names
            .iter()
            .filter(|name| name.starts_with(ASIDE) || replaced(name))
        {
            self.remove_folder(&self.path.join(name))?;
        }
        Ok(())
    }

    fn delete_old(&self) -> Result<(), AgentError> {
        let all = self.list()?;
        let (surplus, kept) = all.split_at(all.len().saturating_sub(self.keep_last));
        for path in surplus {
            // Renamed first, so that a half-deleted folder never bears the name of a complete one.
            let doomed = self.path.join(format!("{ASIDE}doomed"));
            self.rename(path, &doomed).map_err(AgentError::io(path))?;
            self.remove_folder(&doomed).map_err(AgentError::io(&doomed))?;
        }
        self.delete_segments(kept)
            .map_err(AgentError::io(self.path.join(SEGMENTS)))
    }

    /// Deletes the segments that none of the checkpoints `kept` names, and what is left of unfinished ones. If a manifest
    /// cannot be read, nobody knows what it needs, and all stay.
    fn delete_segments(&self, kept: &[PathBuf]) -> io::Result<()> {
        let folder = self.path.join(SEGMENTS);
        let manifests: Result<Vec<Manifest>, AgentError> =
            kept.iter().map(|path| read_manifest(path)).collect();
        let (Ok(manifests), Ok(files)) = (manifests, fs::read_dir(&folder)) else {
            return Ok(());
        };
        let entries = manifests.iter().flat_map(|manifest| &manifest.segments);
        let needed: BTreeSet<&str> = entries.map(|entry| entry.name.as_str()).collect();
        for file in files {
            let file = file?;
            if !needed.contains(file.file_name().to_string_lossy().as_ref()) {
                self.remove_file(&file.path())?;
            }
        }
        Ok(())
    }
}

fn name_of(step: u64) -> String {
    format!("{COMPLETE}{step:012}")
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
