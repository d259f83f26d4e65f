//! Random streams among named tensors: as texts, because a stream's numbers fit no float.

use prospect_nets::{NamedTensors, NetsError};
use prospect_sim::random::Generator;

use crate::error::AgentError;

/// Adds a stream under `stream.<name>`.
pub(crate) fn store(stored: &mut NamedTensors, name: &str, stream: &Generator) {
    let digits = stream
        .to_bytes()
        .into_iter()
        .flat_map(|byte| [byte >> 4, byte & 15]);
    let hex: String = digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect();
    stored.set_text(&format!("stream.{name}"), hex);
}

/// The stream of that name.
///
/// # Errors
/// [`AgentError::Nets`] if it is missing or damaged.
pub(crate) fn restore(stored: &NamedTensors, name: &str) -> Result<Generator, AgentError> {
    let text = stored.text(&format!("stream.{name}")).unwrap_or_default();
    let byte = |i: usize| {
        text.get(2 * i..2 * i + 2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
    };
    let mut bytes = [0; Generator::N_BYTES];
    let whole = bytes
        .iter_mut()
        .enumerate()
        .all(|(i, slot)| byte(i).map(|value| *slot = value).is_some());
    let stream = if whole {
        Generator::from_bytes(&bytes).ok()
    } else {
        None
    };
    stream.ok_or_else(|| {
        AgentError::Nets(NetsError::Format {
            reason: format!("random stream {name} is missing or damaged"),
        })
    })
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
