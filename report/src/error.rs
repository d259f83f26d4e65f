//! What can go wrong between a run folder and a report, each with the place and the remedy.

use std::path::{Path, PathBuf};

use crate::stats::StatError;

/// Why a folder cannot be read or a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file or folder that cannot be written.
    #[error("cannot write {}: {source}; check free space and permissions", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file that a folder of this kind must hold.
    #[error("{} has no {file}; {remedy}", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The file's name.
        file: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A JSON or TOML file that does not parse or lacks a key.
    #[error("{}: line {line}, column {column}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A CSV cell that is not what its column holds.
    #[error("{}: line {line}, column `{column}`: {message}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Line, from 1, the header being line 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// What is wrong, and what to do.
        message: String,
    },
    /// A CSV file without a column that is needed.
    #[error("{}: no column `{column}`; the file has {found}; was it written by another version?", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column wanted.
        column: String,
        /// The columns present.
        found: String,
    },
    /// A probe file whose arrays do not fit the documented form.
    #[error("{}: array `{array}`: {message}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// Name of the array.
        array: String,
        /// What is wrong, and what to do.
        message: String,
    },
    /// A field that a probe does not hold.
    #[error("{} has no field `{field}`; it has: {available}", path.display())]
    UnknownField {
        /// The probe file.
        path: PathBuf,
        /// The field asked for.
        field: String,
        /// The fields it holds.
        available: String,
    },
    /// A level that a probe does not hold.
    #[error("{} has no level {level}; it has levels 0 to {last}", path.display())]
    UnknownLevel {
        /// The probe file.
        path: PathBuf,
        /// The level asked for.
        level: usize,
        /// The largest level there is.
        last: usize,
    },
    /// Two probes that must show the same level do not.
    #[error("{} and {} show different layouts at level {level}; compare runs of the same env and seed", a.display(), b.display())]
    LayoutsDiffer {
        /// One probe file.
        a: PathBuf,
        /// The other probe file.
        b: PathBuf,
        /// The level.
        level: usize,
    },
    /// A list that must not be empty.
    #[error("nothing to draw: {what}")]
    Nothing {
        /// What is missing.
        what: String,
    },
    /// A statistic that cannot be computed.
    #[error("{context}: {source}")]
    Stat {
        /// Whose numbers.
        context: String,
        /// The statistic's reason.
        source: StatError,
    },
    /// An image that cannot be encoded.
    #[error("cannot encode a figure as PNG: {0}")]
    Image(#[from] image::ImageError),
    /// A drawing of no or absurd size.
    #[error("a figure of {width} x {height} pixels cannot be drawn; give fewer panels or smaller cells")]
    FigureSize {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

impl ReportError {
    pub(crate) fn stat(context: impl Into<String>) -> impl FnOnce(StatError) -> Self {
        let context = context.into();
        move |source| Self::Stat { context, source }
    }
}

/// Reads a text file, naming it where it fails.
pub(crate) fn read_text(path: &Path) -> Result<String, ReportError> {
    std::fs::read_to_string(path).map_err(|source| ReportError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file, naming it where it fails.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    std::fs::write(path, bytes).map_err(|source| ReportError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Makes a folder and its parents, naming it where it fails.
pub(crate) fn make_folder(path: &Path) -> Result<(), ReportError> {
    std::fs::create_dir_all(path).map_err(|source| ReportError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Parses a JSON file into `T`.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ReportError> {
    let text = read_text(path)?;
    serde_json::from_str(&text).map_err(|error| ReportError::Syntax {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
        message: error.to_string(),
    })
}
