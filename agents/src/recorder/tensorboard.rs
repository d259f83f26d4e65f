//! TensorBoard event files, written by hand: `TFRecord` framing around protobuf `Event` messages with scalar summaries.
//!
//! The format is TensorFlow's `core/util/event.proto` and `core/lib/io/record_writer`: length (u64), masked CRC32C of the
//! length, bytes, masked CRC32C of the bytes, all little-endian. `scripts/check_tensorboard.py` reads a file with the
//! `tensorboard` package.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{Metrics, csv::open_at};
use crate::error::AgentError;

/// An event file that can be cut back to a checkpoint.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    file: File,
    offset: u64,
}

impl EventLog {
    /// Opens the file at `path`, whose name must contain `tfevents`, and cuts it back to its first `offset` bytes; 0 starts
    /// it anew.
    ///
    /// # Errors
    /// [`AgentError::Io`]; [`AgentError::Checkpoint`] if the file is shorter than `offset`.
    pub fn open(path: &Path, offset: u64) -> Result<Self, AgentError> {
        let mut log = Self {
            path: path.to_owned(),
            file: open_at(path, offset)?,
            offset,
        };
        if offset == 0 {
            let mut event = Vec::new();
            put_double(&mut event, 1, wall_time_s());
            put_bytes(&mut event, 3, b"brain.Event:2");
            log.write(&record(&event))?;
        }
        Ok(log)
    }

    /// Adds one event with a scalar for each finite metric.
    ///
    /// # Errors
    /// [`AgentError::Io`].
    pub fn append(&mut self, step: u64, metrics: &Metrics) -> Result<(), AgentError> {
        self.write(&record(&scalar_event(wall_time_s(), step, metrics)))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), AgentError> {
        self.file.write_all(bytes).map_err(AgentError::io(&self.path))?;
        self.offset += bytes.len() as u64;
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

fn wall_time_s() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

/// `Event { wall_time = 1, step = 2, summary = 5 { repeated value = 1 { tag = 1, simple_value = 2 } } }`.
fn scalar_event(wall_time_s: f64, step: u64, metrics: &Metrics) -> Vec<u8> {
    let mut summary = Vec::new();
    for (name, value) in metrics.iter().filter(|(_, value)| value.is_finite()) {
        let mut entry = Vec::new();
        put_bytes(&mut entry, 1, name.as_bytes());
        entry.push(2 << 3 | 5);
        entry.extend_from_slice(&(*value as f32).to_le_bytes());
        put_bytes(&mut summary, 1, &entry);
    }
    let mut event = Vec::new();
    put_double(&mut event, 1, wall_time_s);
    event.push(2 << 3);
    put_varint(&mut event, step);
    put_bytes(&mut event, 5, &summary);
    event
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_double(out: &mut Vec<u8>, field: u8, value: f64) {
    out.push(field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    let crc = crc32c::crc32c(bytes);
    crc.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(data.len() + 16);
    out.extend_from_slice(&length);
    out.extend_from_slice(&masked_crc(&length));
    out.extend_from_slice(data);
    out.extend_from_slice(&masked_crc(data));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by `tensorboard` 2.20's own `RecordWriter` (see `scripts/check_tensorboard.py --golden`): the version event and
    /// one with two scalars, both at wall time 12.5.
    const GOLDEN: &str = "1800000000000000a37f4b220900000000000029401a0d627261696e2e4576656e743a326394a44f2b0000000000\
                          0000861bc34b09000000000000294010ac022a1d0a110a0a6368617274732f535053150000c03f0a080a017815000000\
                          c0d95463e3";

    #[test]
    fn bytes_are_those_of_tensorboard() {
        let mut version = Vec::new();
        put_double(&mut version, 1, 12.5);
        put_bytes(&mut version, 3, b"brain.Event:2");
        let metrics = Metrics::from([
            ("charts/SPS".to_owned(), 1.5),
            ("x".to_owned(), -2.0),
            ("skipped".to_owned(), f64::NAN),
        ]);
        let mut bytes = record(&version);
        bytes.extend(record(&scalar_event(12.5, 300, &metrics)));
        let byte = |i: usize| u8::from_str_radix(&GOLDEN[2 * i..2 * i + 2], 16).unwrap();
        let golden: Vec<u8> = (0..GOLDEN.len() / 2).map(byte).collect();
        assert_eq!(bytes, golden);
    }

    #[test]
    fn cutting_back_repeats_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.out.tfevents.1.prospect");
        let mut log = EventLog::open(&path, 0).unwrap();
        let start = log.offset();
        log.append(1, &Metrics::from([("a".to_owned(), 1.0)])).unwrap();
        let length = log.offset();
        let mut again = EventLog::open(&path, start).unwrap();
        again.append(1, &Metrics::from([("a".to_owned(), 1.0)])).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), length);
    }
}
