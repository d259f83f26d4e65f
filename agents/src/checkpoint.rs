//! Checkpoints on disk: folders of files named in a manifest with their CRC32C, written aside and renamed into place.
//!
//! A folder that bears the name `step_…` is complete: it was filled under another name, flushed to disk and then renamed.
//! What a process that was killed left behind is swept away by the next write.
//!
//! What grows with the run and never changes once it is there, such as the rows of a replay, goes into segments: files in
//! the folder `segments/` beside the checkpoints, which several manifests may name. A segment is written once, by the first
//! checkpoint that names it, and deleted when no manifest names it any more.

mod folder;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use self::folder::CheckpointFolder;
use crate::error::AgentError;

/// Raised when the meaning of a checkpoint's files changes. Format 1 knew no segments.
pub const FORMAT: u32 = 2;
const OLDEST_FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";
/// The folder of segments, beside those of the checkpoints.
const SEGMENTS: &str = "segments";

const ANOTHER: &str = "delete this folder and resume from the checkpoint before it";
const FOREIGN: &str = "resume with the run file that it was made with, or from another checkpoint";
const INEXACT: &str = "without it the run cannot go on exactly: restore the file, resume from a checkpoint that does not \
                       need it, or set checkpoint.replay = false to go on with an empty replay";

/// One file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    name: String,
    bytes: u64,
    crc32c: u32,
}

impl Entry {
    fn of(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            bytes: bytes.len() as u64,
            crc32c: crc32c::crc32c(bytes),
        }
    }

    /// What is wrong with `bytes`, which should be those of this entry.
    fn fault(&self, bytes: &[u8]) -> Option<String> {
        if bytes.len() as u64 != self.bytes {
            return Some(format!(
                "has {} bytes, the manifest says {}",
                bytes.len(),
                self.bytes
            ));
        }
        let is_altered = crc32c::crc32c(bytes) != self.crc32c;
        is_altered.then(|| "was altered: its checksum does not fit".to_owned())
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    step: u64,
    /// What run it is of; a checkpoint is loaded only into the same.
    run: String,
    files: Vec<Entry>,
    /// Files in the folder of segments, which other checkpoints may name, too.
    #[serde(default)]
    segments: Vec<Entry>,
    /// CRC32C over all of the above, so that a damaged manifest is noticed, too.
    crc32c: u32,
}

impl Manifest {
    fn checksum(&self) -> u32 {
        let mut text = format!("{} {} {}", self.format, self.step, self.run);
        let mut list = |entries: &[Entry]| {
            for entry in entries {
                text += &format!("\n{}\n{}\n{}", entry.name, entry.bytes, entry.crc32c);
            }
        };
        list(&self.files);
        list(&self.segments);
        // The two lists must not be taken for one another.
        if !self.segments.is_empty() {
            text += &format!("\n{} files", self.files.len());
        }
        crc32c::crc32c(text.as_bytes())
    }
}

/// Where the bytes of a segment are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// Here, to be written.
    Memory(Vec<u8>),
    /// In the folder that the checkpoint was read from.
    File(PathBuf),
    /// In the folder that the checkpoint will be written to.
    Stored,
}

/// The files of a checkpoint in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Env steps made.
    pub step: u64,
    /// What run it is of.
    pub run: String,
    /// Whether the learner's replay is a part of it: if not, it is not stored, and starts empty when this is loaded.
    pub replay: bool,
    files: Vec<(String, Vec<u8>)>,
    segments: Vec<(Entry, Source)>,
    /// The segments that the folder it will be written to has already.
    stored: Vec<Entry>,
}

impl Checkpoint {
    /// A checkpoint without files, for itself: it holds the bytes of all its segments. One that is to be written comes from
    /// [`CheckpointFolder::begin`].
    pub fn new(step: u64, run: String) -> Self {
        Self {
            step,
            run,
            replay: true,
            files: Vec::new(),
            segments: Vec::new(),
            stored: Vec::new(),
        }
    }

    /// Adds a file.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) {
        self.files.push((name.to_owned(), bytes));
    }

    /// Adds a file that holds a value.
    pub(crate) fn add_value<T: Serialize>(&mut self, name: &str, value: &T) {
        // Values of plain data always have bytes.
        self.add(name, postcard::to_stdvec(value).unwrap_or_default());
    }

    /// The bytes of a file.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, bytes)| bytes.as_slice())
    }

    /// The bytes of a file that must be there.
    ///
    /// # Errors
    /// [`AgentError::Checkpoint`].
    pub fn file(&self, name: &str) -> Result<&[u8], AgentError> {
        self.get(name).ok_or_else(|| foreign(name, "is missing"))
    }

    /// The reverse of [`Self::add_value`].
    pub(crate) fn value<T: DeserializeOwned>(&self, name: &str) -> Result<T, AgentError> {
        postcard::from_bytes(self.file(name)?).map_err(|why| foreign(name, format!("cannot be read: {why}")))
    }

    /// Adds a segment. Its name must stand for its content: where the folder has a segment of that name, it is taken as it
    /// is, and `make` is not asked for the bytes.
    pub fn add_segment(&mut self, name: &str, make: impl FnOnce() -> Vec<u8>) {
        let segment = if let Some(entry) = self.stored.iter().find(|entry| entry.name == name) {
            (entry.clone(), Source::Stored)
        } else {
            let bytes = make();
            (Entry::of(name, &bytes), Source::Memory(bytes))
        };
        self.segments.push(segment);
    }

    /// The bytes of a segment, checked.
    ///
    /// # Errors
    /// [`AgentError::Checkpoint`], which says how to go on without it, if it is missing, cut short or altered.
    pub fn segment(&self, name: &str) -> Result<Cow<'_, [u8]>, AgentError> {
        let lost = |reason: String| AgentError::Checkpoint {
            path: Path::new("..").join(SEGMENTS).join(name),
            reason,
            remedy: INEXACT,
        };
        let Some((entry, source)) = self.segments.iter().find(|(entry, _)| entry.name == name) else {
            return Err(lost("is not named in the manifest".to_owned()));
        };
        let bytes = match source {
            Source::Memory(bytes) => Cow::Borrowed(bytes.as_slice()),
            Source::File(path) => {
                Cow::Owned(fs::read(path).map_err(|why| lost(format!("cannot be read: {why}")))?)
            }
            Source::Stored => return Err(lost("is on disk only; read the checkpoint from there".to_owned())),
        };
        match entry.fault(&bytes) {
            None => Ok(bytes),
            Some(reason) => Err(lost(reason)),
        }
    }

    fn manifest(&self) -> Manifest {
        let mut manifest = Manifest {
            format: FORMAT,
            step: self.step,
            run: self.run.clone(),
            files: self
                .files
                .iter()
                .map(|(name, bytes)| Entry::of(name, bytes))
                .collect(),
            segments: self.segments.iter().map(|(entry, _)| entry.clone()).collect(),
            crc32c: 0,
        };
        manifest.crc32c = manifest.checksum();
        manifest
    }
}

fn damaged(path: &Path, reason: impl Into<String>) -> AgentError {
    AgentError::Checkpoint {
        path: path.to_owned(),
        reason: reason.into(),
        remedy: ANOTHER,
    }
}

/// The error of a file that does not fit the run.
pub(crate) fn foreign(name: &str, reason: impl Into<String>) -> AgentError {
    AgentError::Checkpoint {
        path: name.into(),
        reason: reason.into(),
        remedy: FOREIGN,
    }
}

fn read_manifest(folder: &Path) -> Result<Manifest, AgentError> {
    let path = folder.join(MANIFEST);
    let text = fs::read(&path).map_err(|why| damaged(&path, format!("cannot be read: {why}")))?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|why| damaged(&path, format!("is no whole manifest: {why}")))?;
    if !(OLDEST_FORMAT..=FORMAT).contains(&manifest.format) {
        return Err(AgentError::Checkpoint {
            path,
            reason: format!(
                "has format {}, this program reads formats {OLDEST_FORMAT} to {FORMAT}",
                manifest.format
            ),
            remedy: "use the version of Prospect that wrote it",
        });
    }
    if manifest.checksum() != manifest.crc32c {
        return Err(damaged(&path, "was altered: its checksum does not fit"));
    }
    Ok(manifest)
}

/// Reads a checkpoint's folder and checks every byte of it; segments are read and checked when they are asked for.
///
/// # Errors
/// [`AgentError::Checkpoint`], which names the file, if one is missing, cut short or altered, or of another format.
pub fn read(folder: &Path) -> Result<Checkpoint, AgentError> {
    let manifest = read_manifest(folder)?;
    let mut checkpoint = Checkpoint::new(manifest.step, manifest.run);
    for entry in manifest.files {
        let path = folder.join(&entry.name);
        let bytes = fs::read(&path).map_err(|why| damaged(&path, format!("cannot be read: {why}")))?;
        if let Some(reason) = entry.fault(&bytes) {
            return Err(damaged(&path, reason));
        }
        checkpoint.files.push((entry.name, bytes));
    }
    let segments = folder.parent().unwrap_or(Path::new("")).join(SEGMENTS);
    for entry in manifest.segments {
        let path = segments.join(&entry.name);
        checkpoint.segments.push((entry, Source::File(path)));
    }
    Ok(checkpoint)
}
