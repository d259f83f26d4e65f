//! Named tensors as bytes, in the safetensors format, which Python's `safetensors` package reads too.
//!
//! A file is the header's length as a little-endian u64, the header (JSON: name to dtype, shape and offsets, and a
//! `__metadata__` map of strings), and the values, little-endian. Only f32 is stored. Bytes are a function of the content:
//! tensors lie in the order in which they were added, header keys too.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::error::NetsError;

/// One stored tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Its name, unique in its collection.
    pub name: String,
    /// Its shape.
    pub shape: Vec<i64>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

/// An ordered collection of tensors, with text beside them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NamedTensors {
    tensors: Vec<NamedTensor>,
    texts: BTreeMap<String, String>,
}

fn damaged(reason: impl Into<String>) -> NetsError {
    NetsError::Format {
        reason: reason.into(),
    }
}

impl NamedTensors {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor at the end.
    pub fn push(&mut self, name: impl Into<String>, shape: &[i64], values: Vec<f32>) {
        self.tensors.push(NamedTensor {
            name: name.into(),
            shape: shape.to_vec(),
            values,
        });
    }

    /// Adds or replaces a text.
    pub fn set_text(&mut self, key: &str, value: impl ToString) {
        self.texts.insert(key.to_owned(), value.to_string());
    }

    /// The text of a key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// The tensors, in order.
    pub fn iter(&self) -> impl Iterator<Item = &NamedTensor> {
        self.tensors.iter()
    }

    /// The tensor of that name.
    ///
    /// # Errors
    /// [`NetsError::MissingTensor`].
    pub fn get(&self, name: &str) -> Result<&NamedTensor, NetsError> {
        let found = self.tensors.iter().find(|tensor| tensor.name == name);
        found.ok_or_else(|| NetsError::MissingTensor {
            name: name.to_owned(),
        })
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut header = Map::new();
        if !self.texts.is_empty() {
            header.insert("__metadata__".into(), json!(self.texts));
        }
        let mut offset = 0;
        for tensor in &self.tensors {
            let end = offset + tensor.values.len() * 4;
            let entry = json!({ "dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, end] });
            header.insert(tensor.name.clone(), entry);
            offset = end;
        }
        let mut header = Value::Object(header).to_string().into_bytes();
        // The format wants the values aligned; spaces are what it pads with.
        header.resize(header.len().next_multiple_of(8), b' ');
        let mut bytes = Vec::with_capacity(8 + header.len() + offset);
        bytes.extend_from_slice(&(header.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&header);
        for value in self.tensors.iter().flat_map(|tensor| &tensor.values) {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`NetsError::Format`] if the bytes are cut short, or are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NetsError> {
        let (length, rest) = bytes
            .split_first_chunk::<8>()
            .ok_or_else(|| damaged("no header"))?;
        let length = usize::try_from(u64::from_le_bytes(*length))
            .map_err(|_| damaged("the header's length is absurd"))?;
        let (header, values) = rest
            .split_at_checked(length)
            .ok_or_else(|| damaged("the header is cut short"))?;
        let header: Map<String, Value> = serde_json::from_slice(header)
            .map_err(|error| damaged(format!("the header is no JSON ({error})")))?;
        let mut read = Self::new();
        let mut placed = Vec::new();
        for (name, entry) in &header {
            if name == "__metadata__" {
                read.texts = serde_json::from_value(entry.clone())
                    .map_err(|_| damaged("the metadata are no texts"))?;
            } else {
                placed.push((begin_of(name, entry)?, name, entry));
            }
        }
        placed.sort_by_key(|&(begin, name, _)| (begin, name));
        for (_, name, entry) in placed {
            read.tensors.push(read_tensor(name, entry, values)?);
        }
        let expected: usize = read.tensors.iter().map(|tensor| tensor.values.len() * 4).sum();
        if expected != values.len() {
            return Err(damaged(format!(
                "{} bytes of values, {expected} expected",
                values.len()
            )));
        }
        Ok(read)
    }
}

fn begin_of(name: &str, entry: &Value) -> Result<u64, NetsError> {
    let begin = entry["data_offsets"][0].as_u64();
    begin.ok_or_else(|| damaged(format!("tensor {name} has no offsets")))
}

fn read_tensor(name: &str, entry: &Value, values: &[u8]) -> Result<NamedTensor, NetsError> {
    if entry["dtype"] != "F32" {
        return Err(damaged(format!(
            "tensor {name} has type {}, only F32 is stored here",
            entry["dtype"]
        )));
    }
    let shape: Vec<i64> = serde_json::from_value(entry["shape"].clone())
        .map_err(|_| damaged(format!("tensor {name} has no shape")))?;
    let [begin, end]: [usize; 2] = serde_json::from_value(entry["data_offsets"].clone())
        .map_err(|_| damaged(format!("tensor {name} has no offsets")))?;
    let bytes = values
        .get(begin..end)
        .ok_or_else(|| damaged(format!("the values of tensor {name} are cut short")))?;
    let count = shape
        .iter()
        .try_fold(1i64, |n, &d| if d < 0 { None } else { n.checked_mul(d) });
    if count.and_then(|n| n.checked_mul(4)) != Some(bytes.len() as i64) {
        return Err(damaged(format!(
            "tensor {name} has {} bytes for shape {shape:?}",
            bytes.len()
        )));
    }
    let values = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|four| f32::from_le_bytes(*four))
        .collect();
    Ok(NamedTensor {
        name: name.to_owned(),
        shape,
        values,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> NamedTensors {
        let mut named = NamedTensors::new();
        named.push("b", &[2, 2], vec![1.0, -0.0, f32::MIN_POSITIVE, 1e30]);
        named.push("a", &[], vec![3.5]);
        named.push("none", &[0, 4], vec![]);
        named.set_text("step", 17);
        named
    }

    #[test]
    fn bytes_keep_every_bit_and_the_order() {
        let bytes = sample().to_bytes();
        let read = NamedTensors::from_bytes(&bytes).unwrap();
        assert_eq!(read.get("b").unwrap().values[1].to_bits(), (-0.0f32).to_bits());
        assert_eq!(read.get("a").unwrap().shape, Vec::<i64>::new());
        assert_eq!(read.text("step"), Some("17"));
        assert_eq!(read.to_bytes(), bytes);
    }

    #[test]
    fn every_cut_is_refused() {
        let bytes = sample().to_bytes();
        for length in 0..bytes.len() {
            assert!(
                NamedTensors::from_bytes(&bytes[..length]).is_err(),
                "cut to {length} bytes"
            );
        }
    }

    #[test]
    fn a_missing_tensor_is_named() {
        assert!(
            sample()
                .get("c")
                .unwrap_err()
                .to_string()
                .contains("tensor c is missing")
        );
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(NamedTensors::from_bytes(&bytes));
        }

        #[test]
        fn a_flipped_header_byte_never_panics(at in 0usize..100, value in any::<u8>()) {
            let mut bytes = sample().to_bytes();
            bytes[at] = value;
            drop(NamedTensors::from_bytes(&bytes));
        }
    }
}
