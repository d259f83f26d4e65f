//! Random streams and running statistics among named tensors: as texts, because their numbers fit no float of 32 bits.

use prospect_nets::{NamedTensors, NetsError};
use prospect_sim::random::Generator;
use serde::{Serialize, de::DeserializeOwned};

use crate::error::AgentError;

fn to_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let byte = |i: usize| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok();
    (0..text.len().div_ceil(2)).map(byte).collect()
}

fn damaged(what: &str, name: &str) -> AgentError {
    AgentError::Nets(NetsError::Format {
        reason: format!("{what} {name} is missing or damaged"),
    })
}

/// Adds a stream under `stream.<name>`.
pub(crate) fn store(stored: &mut NamedTensors, name: &str, stream: &Generator) {
    stored.set_text(&format!("stream.{name}"), to_hex(&stream.to_bytes()));
}

/// The stream of that name.
///
/// # Errors
/// [`AgentError::Nets`] if it is missing or damaged.
pub(crate) fn restore(stored: &NamedTensors, name: &str) -> Result<Generator, AgentError> {
    let bytes = stored.text(&format!("stream.{name}")).and_then(from_hex);
    let bytes: Option<[u8; Generator::N_BYTES]> = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes
        .and_then(|bytes| Generator::from_bytes(&bytes).ok())
        .ok_or_else(|| damaged("random stream", name))
}

/// Adds statistics under `statistics.<name>`, to the last bit.
pub(crate) fn store_statistics<T: Serialize>(stored: &mut NamedTensors, name: &str, value: &T) {
    let bytes = postcard::to_stdvec(value).unwrap_or_default();
    stored.set_text(&format!("statistics.{name}"), to_hex(&bytes));
}

/// The statistics of that name.
///
/// # Errors
/// [`AgentError::Nets`] if they are missing or damaged.
pub(crate) fn restore_statistics<T: DeserializeOwned>(
    stored: &NamedTensors,
    name: &str,
) -> Result<T, AgentError> {
    let bytes = stored.text(&format!("statistics.{name}")).and_then(from_hex);
    bytes
        .and_then(|bytes| postcard::from_bytes(&bytes).ok())
        .ok_or_else(|| damaged("statistics", name))
}

/// The whole number under that key.
///
/// # Errors
/// [`AgentError::Nets`] if it is missing or damaged.
pub(crate) fn restore_count(stored: &NamedTensors, key: &str) -> Result<u64, AgentError> {
    let count = stored.text(key).and_then(|text| text.parse().ok());
    count.ok_or_else(|| {
        AgentError::Nets(NetsError::Format {
            reason: format!("the number of {key} is missing or damaged"),
        })
    })
}
