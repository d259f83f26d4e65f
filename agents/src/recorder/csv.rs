//! CSV logs whose bytes are a function of their numbers, and which can be cut back to a checkpoint.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::Metrics;
use crate::error::AgentError;

/// A growing table: `step` first, then the columns that its first row has. Each row is written whole, at once.
#[derive(Debug)]
pub struct CsvLog {
    path: PathBuf,
    file: File,
    columns: Vec<String>,
    offset: u64,
    warned: bool,
}

impl CsvLog {
    /// Opens the table at `path` and cuts it back to its first `offset` bytes; 0 starts it anew.
    ///
    /// # Errors
    /// [`AgentError::Io`]; [`AgentError::Checkpoint`] if the file is shorter than `offset`.
    pub fn open(path: &Path, offset: u64) -> Result<Self, AgentError> {
        let mut file = open_at(path, offset)?;
        let mut columns = Vec::new();
        if offset > 0 {
            let mut text = String::new();
            file.rewind().map_err(AgentError::io(path))?;
            file.read_to_string(&mut text).map_err(AgentError::io(path))?;
            let header = text.lines().next().unwrap_or_default();
            columns = header.split(',').skip(1).map(str::to_owned).collect();
            file.seek(SeekFrom::End(0)).map_err(AgentError::io(path))?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            columns,
            offset,
            warned: false,
        })
    }

    /// Adds a row. A column without a metric, and a metric that is no finite number, leave an empty cell; a metric that the
    /// first row did not have is left out.
    ///
    /// # Errors
    /// [`AgentError::Io`].
    pub fn append(&mut self, step: u64, metrics: &Metrics) -> Result<(), AgentError> {
        self.append_in_order(step, &[], metrics)
    }

    /// The same; where this is the first row, the columns `first` come before the others.
    ///
    /// # Errors
    /// [`AgentError::Io`].
    pub fn append_in_order(
        &mut self,
        step: u64,
        first: &[&str],
        metrics: &Metrics,
    ) -> Result<(), AgentError> {
        let mut text = String::new();
        if self.offset == 0 {
            let others = metrics.keys().filter(|name| !first.contains(&name.as_str()));
            self.columns = first
                .iter()
                .map(|&name| name.to_owned())
                .chain(others.cloned())
                .collect();
            text.push_str("step");
            for column in &self.columns {
                text.push(',');
                text.push_str(column);
            }
            text.push('\n');
        }
        text.push_str(&step.to_string());
        for column in &self.columns {
            text.push(',');
            if let Some(value) = metrics.get(column) {
                push_number(&mut text, *value);
            }
        }
        text.push('\n');
        if !self.warned && metrics.keys().any(|name| !self.columns.contains(name)) {
            self.warned = true;
            let new: Vec<_> = metrics
                .keys()
                .filter(|name| !self.columns.contains(name))
                .collect();
            tracing::warn!(path = %self.path.display(), ?new, "metrics that the first row lacks are not recorded");
        }
        self.file
            .write_all(text.as_bytes())
            .map_err(AgentError::io(&self.path))?;
        self.offset += text.len() as u64;
        Ok(())
    }

    /// Bytes written so far, for the checkpoint.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Waits until everything is on disk.
    ///
    /// # Errors
    /// [`AgentError::Io`].
    pub fn sync(&self) -> Result<(), AgentError> {
        self.file.sync_data().map_err(AgentError::io(&self.path))
    }
}

/// Opens a log for appending after its first `offset` bytes and drops what lies behind them.
pub(super) fn open_at(path: &Path, offset: u64) -> Result<File, AgentError> {
    let open = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    let mut file = open.map_err(AgentError::io(path))?;
    let length = file.metadata().map_err(AgentError::io(path))?.len();
    if length < offset {
        return Err(AgentError::Checkpoint {
            path: path.to_owned(),
            reason: format!("the log has {length} bytes, the checkpoint was made at {offset}"),
            remedy: "restore the file, or resume from an older checkpoint",
        });
    }
    file.set_len(offset).map_err(AgentError::io(path))?;
    file.seek(SeekFrom::Start(offset)).map_err(AgentError::io(path))?;
    Ok(file)
}

/// The shortest decimal text that reads back as the same f64; nothing for NaN and infinities.
fn push_number(text: &mut String, value: f64) {
    if !value.is_finite() {
        return;
    }
    let size = value.abs();
    if size == 0.0 || (1e-5..1e16).contains(&size) {
        text.push_str(&value.to_string());
    } else {
        text.extend([format!("{value:e}")]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pairs: &[(&str, f64)]) -> Metrics {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect()
    }

    #[test]
    fn columns_come_from_the_first_row_and_gaps_stay_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.csv");
        let mut log = CsvLog::open(&path, 0).unwrap();
        log.append(10, &row(&[("b", 0.1), ("a", f64::NAN)])).unwrap();
        let cut = log.offset();
        log.append(20, &row(&[("b", 1e-7), ("late", 3.0)])).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "step,a,b\n10,,0.1\n20,,1e-7\n");
        assert_eq!(log.offset(), text.len() as u64);

        let mut again = CsvLog::open(&path, cut).unwrap();
        again.append(20, &row(&[("a", -2.0), ("b", 1e300)])).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "step,a,b\n10,,0.1\n20,-2,1e300\n"
        );
    }

    #[test]
    fn a_log_shorter_than_its_checkpoint_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.csv");
        std::fs::write(&path, "step\n").unwrap();
        let message = CsvLog::open(&path, 100).unwrap_err().to_string();
        assert!(
            message.contains("metrics.csv") && message.contains("5 bytes"),
            "{message}"
        );
    }

    #[test]
    fn numbers_read_back_the_same() {
        for value in [
            0.1,
            1.0 / 3.0,
            5e-324,
            f64::MAX,
            -0.0,
            1e16,
            123_456_789.0,
            9.999_999e-6,
        ] {
            let mut text = String::new();
            push_number(&mut text, value);
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
        }
    }
}
