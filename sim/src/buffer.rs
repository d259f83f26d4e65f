//! Flat typed arrays: owned, borrowed and mutably borrowed.

use serde::{Deserialize, Serialize};

use crate::space::Dtype;

/// An owned flat array of one of the storage types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Buffer {
    /// Bytes.
    U8(Vec<u8>),
    /// Integers, also indices and texts.
    I32(Vec<i32>),
    /// Reals.
    F32(Vec<f32>),
    /// Truth values.
    Bool(Vec<bool>),
}

/// A borrowed flat array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Slice<'a> {
    /// Bytes.
    U8(&'a [u8]),
    /// Integers, also indices and texts.
    I32(&'a [i32]),
    /// Reals.
    F32(&'a [f32]),
    /// Truth values.
    Bool(&'a [bool]),
}

/// A mutably borrowed flat array.
#[derive(Debug, PartialEq)]
pub enum SliceMut<'a> {
    /// Bytes.
    U8(&'a mut [u8]),
    /// Integers, also indices and texts.
    I32(&'a mut [i32]),
    /// Reals.
    F32(&'a mut [f32]),
    /// Truth values.
    Bool(&'a mut [bool]),
}

/// Runs the same expression for whichever type a buffer or slice holds.
macro_rules! each {
    ($value:expr, $Enum:ident, $v:ident => $body:expr) => {
        match $value {
            $Enum::U8($v) => $body,
            $Enum::I32($v) => $body,
            $Enum::F32($v) => $body,
            $Enum::Bool($v) => $body,
        }
    };
}

/// The same, wrapping the result in the same variant of another enum.
macro_rules! map {
    ($value:expr, $From:ident => $To:ident, $v:ident => $body:expr) => {
        match $value {
            $From::U8($v) => $To::U8($body),
            $From::I32($v) => $To::I32($body),
            $From::F32($v) => $To::F32($body),
            $From::Bool($v) => $To::Bool($body),
        }
    };
}

/// Runs the same expression for the values of a buffer and of a slice of the same type.
macro_rules! pair {
    ($to:expr, $from:expr, ($a:ident, $b:ident) => $body:expr) => {
        match ($to, $from) {
            (Buffer::U8($a), Slice::U8($b)) => $body,
            (Buffer::I32($a), Slice::I32($b)) => $body,
            (Buffer::F32($a), Slice::F32($b)) => $body,
            (Buffer::Bool($a), Slice::Bool($b)) => $body,
            (to, from) => unreachable!("values of {from:?} cannot go into {to:?}"),
        }
    };
}

fn gather<T: Copy>(to: &mut [T], from: &[T], width: usize, index: &[usize]) {
    match width {
        0 => {}
        // A copy of known length is a move, not a call.
        1 => to.iter_mut().zip(index).for_each(|(to, &i)| *to = from[i]),
        _ => to
            .chunks_exact_mut(width)
            .zip(index)
            .for_each(|(to, &i)| to.copy_from_slice(&from[i * width..(i + 1) * width])),
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> + '_ {
    bytes.as_chunks().0.iter().copied()
}

impl Buffer {
    /// `len` zeros of the type that stores `dtype`.
    pub fn zeros(dtype: Dtype, len: usize) -> Self {
        match dtype {
            Dtype::U8 => Self::U8(vec![0; len]),
            Dtype::I32 | Dtype::Index | Dtype::Text => Self::I32(vec![0; len]),
            Dtype::F32 => Self::F32(vec![0.0; len]),
            Dtype::Bool => Self::Bool(vec![false; len]),
        }
    }

    /// `len` zeros of the same type.
    #[must_use]
    pub fn zeros_like(&self, len: usize) -> Self {
        match self {
            Self::U8(_) => Self::U8(vec![0; len]),
            Self::I32(_) => Self::I32(vec![0; len]),
            Self::F32(_) => Self::F32(vec![0.0; len]),
            Self::Bool(_) => Self::Bool(vec![false; len]),
        }
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        each!(self, Self, v => v.len())
    }

    /// True if there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Borrows `range`.
    pub fn slice(&self, range: std::ops::Range<usize>) -> Slice<'_> {
        map!(self, Self => Slice, v => &v[range])
    }

    /// Borrows all.
    pub fn as_slice(&self) -> Slice<'_> {
        self.slice(0..self.len())
    }

    /// Borrows `range` mutably.
    pub fn slice_mut(&mut self, range: std::ops::Range<usize>) -> SliceMut<'_> {
        map!(self, Self => SliceMut, v => &mut v[range])
    }

    /// Copies `from` to the place where `to` begins.
    pub fn copy_within(&mut self, from: std::ops::Range<usize>, to: usize) {
        each!(self, Self, v => v.copy_within(from, to));
    }

    /// Copies `values`, which must be of the same type, to the place where value `at` is.
    pub fn write(&mut self, at: usize, values: Slice<'_>) {
        pair!(self, values, (to, from) => to[at..at + from.len()].copy_from_slice(from));
    }

    /// Copies the records `index` of `from`, `width` values each, one after another to the place where value `at` is. The
    /// types must be the same.
    pub fn gather(&mut self, at: usize, from: Slice<'_>, width: usize, index: &[usize]) {
        pair!(self, from, (to, from) => {
            gather(&mut to[at..at + index.len() * width], from, width, index);
        });
    }

    /// Reads the values that [`Slice::extend_bytes`] made `bytes` of, to the place where value `at` is.
    pub fn write_bytes(&mut self, at: usize, bytes: &[u8]) {
        match self {
            Self::U8(v) => v[at..at + bytes.len()].copy_from_slice(bytes),
            Self::Bool(v) => v[at..]
                .iter_mut()
                .zip(bytes)
                .for_each(|(x, &byte)| *x = byte != 0),
            Self::I32(v) => v[at..]
                .iter_mut()
                .zip(words(bytes))
                .for_each(|(x, word)| *x = i32::from_le_bytes(word)),
            Self::F32(v) => v[at..]
                .iter_mut()
                .zip(words(bytes))
                .for_each(|(x, word)| *x = f32::from_le_bytes(word)),
        }
    }

    /// Bytes of one value.
    pub fn value_size(&self) -> usize {
        match self {
            Self::U8(_) | Self::Bool(_) => 1,
            Self::I32(_) | Self::F32(_) => 4,
        }
    }

    /// Sets all values to zero.
    pub fn clear(&mut self) {
        match self {
            Self::U8(v) => v.fill(0),
            Self::I32(v) => v.fill(0),
            Self::F32(v) => v.fill(0.0),
            Self::Bool(v) => v.fill(false),
        }
    }
}

impl<'a> Slice<'a> {
    /// The number of values.
    pub fn len(self) -> usize {
        each!(self, Self, v => v.len())
    }

    /// True if there are no values.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Borrows `range`.
    #[must_use]
    pub fn slice(self, range: std::ops::Range<usize>) -> Self {
        map!(self, Self => Slice, v => &v[range])
    }

    /// The bytes, if it holds bytes.
    pub fn as_u8(self) -> Option<&'a [u8]> {
        if let Self::U8(v) = self { Some(v) } else { None }
    }

    /// The integers, if it holds integers.
    pub fn as_i32(self) -> Option<&'a [i32]> {
        if let Self::I32(v) = self { Some(v) } else { None }
    }

    /// The reals, if it holds reals.
    pub fn as_f32(self) -> Option<&'a [f32]> {
        if let Self::F32(v) = self { Some(v) } else { None }
    }

    /// The truth values, if it holds truth values.
    pub fn as_bool(self) -> Option<&'a [bool]> {
        if let Self::Bool(v) = self { Some(v) } else { None }
    }

    /// Value `i` as a real, whatever the type; true is 1.
    pub fn get_f64(self, i: usize) -> f64 {
        match self {
            Self::U8(v) => f64::from(v[i]),
            Self::I32(v) => f64::from(v[i]),
            Self::F32(v) => f64::from(v[i]),
            Self::Bool(v) => f64::from(u8::from(v[i])),
        }
    }

    /// Appends the values' little-endian bytes, the form in which observations are hashed and counted.
    pub fn extend_bytes(self, out: &mut Vec<u8>) {
        match self {
            Self::U8(v) => out.extend_from_slice(v),
            Self::I32(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
            Self::F32(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
            Self::Bool(v) => out.extend(v.iter().map(|&x| u8::from(x))),
        }
    }
}

impl SliceMut<'_> {
    /// The number of values.
    pub fn len(&self) -> usize {
        each!(self, Self, v => v.len())
    }

    /// True if there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Splits in two at `mid`.
    pub fn split_at(self, mid: usize) -> (Self, Self) {
        match self {
            Self::U8(v) => {
                let (a, b) = v.split_at_mut(mid);
                (Self::U8(a), Self::U8(b))
            }
            Self::I32(v) => {
                let (a, b) = v.split_at_mut(mid);
                (Self::I32(a), Self::I32(b))
            }
            Self::F32(v) => {
                let (a, b) = v.split_at_mut(mid);
                (Self::F32(a), Self::F32(b))
            }
            Self::Bool(v) => {
                let (a, b) = v.split_at_mut(mid);
                (Self::Bool(a), Self::Bool(b))
            }
        }
    }

    /// The bytes, if it holds bytes.
    pub fn as_u8(&mut self) -> Option<&mut [u8]> {
        if let Self::U8(v) = self { Some(v) } else { None }
    }

    /// The integers, if it holds integers.
    pub fn as_i32(&mut self) -> Option<&mut [i32]> {
        if let Self::I32(v) = self { Some(v) } else { None }
    }

    /// The reals, if it holds reals.
    pub fn as_f32(&mut self) -> Option<&mut [f32]> {
        if let Self::F32(v) = self { Some(v) } else { None }
    }

    /// The truth values, if it holds truth values.
    pub fn as_bool(&mut self) -> Option<&mut [bool]> {
        if let Self::Bool(v) = self { Some(v) } else { None }
    }

    /// Writes `value` at `i`, whatever the type; a truth value is `value != 0`.
    pub fn set_f64(&mut self, i: usize, value: f64) {
        match self {
            Self::U8(v) => v[i] = value as u8,
            Self::I32(v) => v[i] = value as i32,
            Self::F32(v) => v[i] = value as f32,
            Self::Bool(v) => v[i] = value != 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_gathered_in_the_order_asked_for() {
        let from = Buffer::I32((0..12).collect());
        let mut to = Buffer::zeros(Dtype::I32, 7);
        to.gather(1, from.as_slice(), 3, &[3, 0]);
        assert_eq!(to, Buffer::I32(vec![0, 9, 10, 11, 0, 1, 2]));
        to.gather(0, from.as_slice(), 1, &[7]);
        to.write(5, from.slice(4..6));
        assert_eq!(to, Buffer::I32(vec![7, 9, 10, 11, 0, 4, 5]));
    }

    #[test]
    fn bytes_are_read_back_as_the_values_they_were_made_of() {
        let buffers = [
            Buffer::U8(vec![0, 7, 255]),
            Buffer::I32(vec![i32::MIN, -1, 70_000]),
            Buffer::F32(vec![-0.0, 1.5, f32::INFINITY]),
            Buffer::Bool(vec![true, false, true]),
        ];
        for buffer in buffers {
            let mut bytes = Vec::new();
            buffer.slice(1..3).extend_bytes(&mut bytes);
            assert_eq!(bytes.len(), 2 * buffer.value_size());
            let mut read = buffer.clone();
            read.clear();
            read.write(0, buffer.slice(0..1));
            read.write_bytes(1, &bytes);
            assert_eq!(read, buffer);
        }
    }
}
