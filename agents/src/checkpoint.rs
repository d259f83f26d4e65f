//! Checkpoints on disk: folders of files named in a manifest with their CRC32C, written aside and renamed into place.
//!
//! A folder that bears the name `step_…` is complete: it was filled under another name, flushed to disk and then renamed.
//! What a process that was killed left behind is swept away by the next write.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::error::AgentError;

/// Raised when the meaning of a checkpoint's files changes.
pub const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";
const ASIDE: &str = ".tmp-";

/// One file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    name: String,
    bytes: u64,
    crc32c: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    step: u64,
    /// What run it is of; a checkpoint is loaded only into the same.
    run: String,
    files: Vec<Entry>,
    /// CRC32C over all of the above, so that a damaged manifest is noticed, too.
    crc32c: u32,
}

impl Manifest {
    fn checksum(&self) -> u32 {
        let mut text = format!("{} {} {}", self.format, self.step, self.run);
        for entry in &self.files {
            for part in [
                entry.name.clone(),
                entry.bytes.to_string(),
                entry.crc32c.to_string(),
            ] {
                text.push('\n');
                text.push_str(&part);
            }
        }
        crc32c::crc32c(text.as_bytes())
    }
}

/// The files of a checkpoint in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Env steps made.
    pub step: u64,
    /// What run it is of.
    pub run: String,
    files: Vec<(String, Vec<u8>)>,
}

impl Checkpoint {
    /// A checkpoint without files.
    pub fn new(step: u64, run: String) -> Self {
        Self {
            step,
            run,
            files: Vec::new(),
        }
    }

    /// Adds a file.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) {
        self.files.push((name.to_owned(), bytes));
    }

    /// The bytes of a file.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, bytes)| bytes.as_slice())
    }

    fn manifest(&self) -> Manifest {
        let entry = |(name, bytes): &(String, Vec<u8>)| Entry {
            name: name.clone(),
            bytes: bytes.len() as u64,
            crc32c: crc32c::crc32c(bytes),
        };
        let mut manifest = Manifest {
            format: FORMAT,
            step: self.step,
            run: self.run.clone(),
            files: self.files.iter().map(entry).collect(),
            crc32c: 0,
        };
        manifest.crc32c = manifest.checksum();
        manifest
    }
}

/// The folder `checkpoints/` of a run.
#[derive(Debug, Clone)]
pub struct CheckpointFolder {
    path: PathBuf,
    keep_last: usize,
    /// The largest file that there is room for; a test fills the disk with it.
    room: Option<usize>,
}

impl CheckpointFolder {
    /// The folder at `path`, which need not exist; the newest `keep_last` (at least one) are kept.
    pub fn new(path: impl Into<PathBuf>, keep_last: usize) -> Self {
        Self {
            path: path.into(),
            keep_last: keep_last.max(1),
            room: None,
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
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(AgentError::io(&self.path))? {
            let entry = entry.map_err(AgentError::io(&self.path))?;
            if entry.file_name().to_string_lossy().starts_with("step_") {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }

    /// The newest complete checkpoint.
    ///
    /// # Errors
    /// [`AgentError::Io`].
    pub fn latest(&self) -> Result<Option<PathBuf>, AgentError> {
        Ok(self.list()?.pop())
    }

    /// Writes a checkpoint and, once it is complete, deletes those that are too old. Returns its folder.
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
        let aside = self.path.join(format!("{ASIDE}{}", name_of(checkpoint.step)));
        let filled = self.fill(checkpoint, &aside);
        if let Err(why) = filled {
            // Best effort: a full disk is the likely reason, and what is left here would only make it fuller.
            drop(fs::remove_dir_all(&aside));
            return Err(why);
        }
        if place.exists() {
            let old = self.path.join(format!("{ASIDE}old"));
            fs::rename(place, &old)?;
            fs::rename(&aside, place)?;
            fs::remove_dir_all(old)?;
        } else {
            fs::rename(&aside, place)?;
        }
        sync_folder(&self.path)
    }

    fn fill(&self, checkpoint: &Checkpoint, aside: &Path) -> io::Result<()> {
        fs::create_dir(aside)?;
        for (name, bytes) in &checkpoint.files {
            self.write_file(&aside.join(name), bytes)?;
        }
        let manifest = serde_json::to_vec_pretty(&checkpoint.manifest())?;
        self.write_file(&aside.join(MANIFEST), &manifest)?;
        sync_folder(aside)
    }

    fn write_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Some(room) = self.room.filter(|&room| bytes.len() > room) {
            fs::write(path, &bytes[..room])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    /// Deletes what writes that did not end have left.
    fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(ASIDE) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    fn delete_old(&self) -> Result<(), AgentError> {
        let all = self.list()?;
        let surplus = all.len().saturating_sub(self.keep_last);
        for path in &all[..surplus] {
            // Renamed first, so that a half-deleted folder never bears the name of a complete one.
            let doomed = self.path.join(format!("{ASIDE}doomed"));
            fs::rename(path, &doomed).map_err(AgentError::io(path))?;
            fs::remove_dir_all(&doomed).map_err(AgentError::io(&doomed))?;
        }
        Ok(())
    }
}

fn name_of(step: u64) -> String {
    format!("step_{step:012}")
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

const ANOTHER: &str = "delete this folder and resume from the checkpoint before it";

fn damaged(path: &Path, reason: impl Into<String>) -> AgentError {
    AgentError::Checkpoint {
        path: path.to_owned(),
        reason: reason.into(),
        remedy: ANOTHER,
    }
}

/// Reads a checkpoint's folder and checks every byte of it.
///
/// # Errors
/// [`AgentError::Checkpoint`], which names the file, if one is missing, cut short or altered, or of another format.
pub fn read(folder: &Path) -> Result<Checkpoint, AgentError> {
    let path = folder.join(MANIFEST);
    let text = fs::read(&path).map_err(|why| damaged(&path, format!("cannot be read: {why}")))?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|why| damaged(&path, format!("is no whole manifest: {why}")))?;
    if manifest.format != FORMAT {
        return Err(AgentError::Checkpoint {
            path,
            reason: format!(
                "has format {}, this program reads format {FORMAT}",
                manifest.format
            ),
            remedy: "use the version of Prospect that wrote it",
        });
    }
    if manifest.checksum() != manifest.crc32c {
        return Err(damaged(&path, "was altered: its checksum does not fit"));
    }
    let mut checkpoint = Checkpoint::new(manifest.step, manifest.run);
    for entry in manifest.files {
        let path = folder.join(&entry.name);
        let bytes = fs::read(&path).map_err(|why| damaged(&path, format!("cannot be read: {why}")))?;
        if bytes.len() as u64 != entry.bytes {
            let reason = format!("has {} bytes, the manifest says {}", bytes.len(), entry.bytes);
            return Err(damaged(&path, reason));
        }
        if crc32c::crc32c(&bytes) != entry.crc32c {
            return Err(damaged(&path, "was altered: its checksum does not fit"));
        }
        checkpoint.files.push((entry.name, bytes));
    }
    Ok(checkpoint)
}

#[cfg(test)]
mod tests {
    use prospect_sim::random::Generator;

    use super::*;

    fn sample(step: u64) -> Checkpoint {
        let mut checkpoint = Checkpoint::new(step, "Line-v0".to_owned());
        checkpoint.add("agent.safetensors", (0..=255).cycle().take(1000).collect());
        checkpoint.add("state.bin", step.to_le_bytes().to_vec());
        checkpoint
    }

    fn names(folder: &CheckpointFolder) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(&folder.path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_written_is_read_and_old_ones_go() {
        let root = tempfile::tempdir().unwrap();
        let folder = CheckpointFolder::new(root.path().join("checkpoints"), 2);
        assert_eq!(folder.latest().unwrap(), None);
        for step in [5, 10, 20, 20] {
            let path = folder.write(&sample(step)).unwrap();
            assert_eq!(read(&path).unwrap(), sample(step));
        }
        assert_eq!(names(&folder), ["step_000000000010", "step_000000000020"]);
        assert!(folder.latest().unwrap().unwrap().ends_with("step_000000000020"));
    }

    #[test]
    fn leftovers_are_no_checkpoints_and_are_swept() {
        let root = tempfile::tempdir().unwrap();
        let folder = CheckpointFolder::new(root.path(), 2);
        fs::create_dir(root.path().join(".tmp-step_000000000007")).unwrap();
        fs::write(root.path().join(".tmp-step_000000000007/state.bin"), b"half").unwrap();
        assert_eq!(folder.latest().unwrap(), None);
        folder.write(&sample(7)).unwrap();
        assert_eq!(names(&folder), ["step_000000000007"]);
    }

    #[test]
    fn a_full_disk_leaves_the_last_one_whole() {
        let root = tempfile::tempdir().unwrap();
        let mut folder = CheckpointFolder::new(root.path(), 1);
        folder.write(&sample(1)).unwrap();
        folder.room = Some(500);
        let error = folder.write(&sample(2)).unwrap_err();
        assert!(matches!(error, AgentError::CheckpointWrite { .. }));
        let message = error.to_string();
        assert!(
            message.contains("step_000000000002") && message.contains("step_000000000001 is untouched"),
            "{message}"
        );
        assert_eq!(names(&folder), ["step_000000000001"]);
        assert_eq!(read(&folder.latest().unwrap().unwrap()).unwrap(), sample(1));
    }

    #[test]
    fn every_truncation_and_every_changed_byte_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let folder = CheckpointFolder::new(root.path(), 1);
        let path = folder.write(&sample(3)).unwrap();
        let mut rng = Generator::default_rng(1);
        for name in ["agent.safetensors", "state.bin", MANIFEST] {
            let file = path.join(name);
            let whole = fs::read(&file).unwrap();
            for _ in 0..40 {
                let at = rng.choice(whole.len());
                fs::write(&file, &whole[..at]).unwrap();
                let error = read(&path).unwrap_err().to_string();
                assert!(
                    error.contains(name) && error.contains("delete this folder"),
                    "{error}"
                );
                let mut altered = whole.clone();
                altered[at] ^= 1 << rng.choice(8);
                fs::write(&file, &altered).unwrap();
                // A blank between two JSON tokens may turn into another blank; nothing else passes.
                if let Ok(found) = read(&path) {
                    assert_eq!(found, sample(3), "{name} byte {at}");
                    assert!(whole[at].is_ascii_whitespace());
                }
            }
            fs::write(&file, whole).unwrap();
        }
        fs::remove_file(path.join("state.bin")).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("state.bin"));
    }
}
