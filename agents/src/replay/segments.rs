//! The replay on disk: full segments, which are written once, and the rest, which every checkpoint holds.
//!
//! Segment `i` holds the rows from `i S` up to `(i + 1) S`, with the final observations of episodes that ended in them. It
//! does not change any more once row `(i + 1) S` has begun, so checkpoints share it. The layout of the bytes is described in
//! `docs/formats.md`.

use std::ops::Range;

use prospect_sim::RowLayout;
use serde::{Deserialize, Serialize};

use super::{
    Replay,
    ends::Ends,
    priorities::Priorities,
    ring::{Column, ENDED, Ring},
};
use crate::{
    checkpoint::{Checkpoint, foreign},
    error::AgentError,
};

const MAGIC: &[u8; 4] = b"PRSR";
const VERSION: u32 = 1;
/// Bytes that a segment has at least, where one row is not larger.
const SEGMENT_BYTES: usize = 4 << 20;

const HEAD: &str = "replay.bin";
const TAIL: &str = "replay_tail.bin";
const PRIORITIES: &str = "replay_priorities.bin";

/// What a checkpoint says of a replay beside its rows.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    version: u32,
    layout: RowLayout,
    context_columns: usize,
    rows: usize,
    segment_rows: u64,
    base: u64,
    end_row: u64,
    largest_priority: Option<f64>,
}

fn name_of(segment: u64) -> String {
    format!("replay_{segment:08}.bin")
}

/// Rows of a segment of at least [`SEGMENT_BYTES`].
pub(super) fn segment_rows(ring: &Ring) -> u64 {
    SEGMENT_BYTES.div_ceil((ring.bytes() / ring.slots).max(1)) as u64
}

impl Replay {
    /// Segments of `rows` rows instead of some megabytes.
    #[must_use]
    pub fn with_segment_rows(mut self, rows: u64) -> Self {
        self.segment_rows = rows.max(1);
        self
    }

    /// Adds everything to a checkpoint, or nothing if that is not to hold the replay. Segments that the checkpoint's folder
    /// has already are only named.
    pub fn save(&self, checkpoint: &mut Checkpoint) {
        if !checkpoint.replay {
            return;
        }
        checkpoint.add_value(
            HEAD,
            &Head {
                largest_priority: self.priorities.as_ref().map(Priorities::largest),
                ..self.described()
            },
        );
        for segment in self.full_segments() {
            checkpoint.add_segment(&name_of(segment), || self.encode(&self.segment(segment)));
        }
        checkpoint.add(TAIL, self.encode(&self.tail()));
        if let Some(priorities) = &self.priorities {
            let rows = (self.first_row()..self.head).map(|row| self.slot(row) * self.ring.actors);
            let leaves = rows.flat_map(|at| &priorities.leaves()[at..at + self.ring.actors]);
            checkpoint.add(PRIORITIES, leaves.flat_map(|leaf| leaf.to_le_bytes()).collect());
        }
    }

    /// The replay as far as it must be the same for a checkpoint to fit, and where it stands.
    fn described(&self) -> Head {
        Head {
            version: VERSION,
            layout: self.layout.clone(),
            context_columns: self.context_columns(),
            rows: self.rows,
            segment_rows: self.segment_rows,
            base: self.base,
            end_row: self.head,
            largest_priority: None,
        }
    }

    /// The segments that are full and of which a row is in the ring.
    fn full_segments(&self) -> Range<u64> {
        self.first_row() / self.segment_rows..self.head / self.segment_rows
    }

    /// The rows of a full segment that are in the ring.
    fn segment(&self, segment: u64) -> Rows {
        let end = (segment + 1) * self.segment_rows;
        Rows {
            steps: self.first_row().max(segment * self.segment_rows)..end,
            states: end,
        }
    }

    /// The rows that no full segment holds, and the state after them.
    fn tail(&self) -> Rows {
        let start = self.head / self.segment_rows * self.segment_rows;
        Rows {
            steps: start.max(self.first_row())..self.head,
            states: self.head + 1,
        }
    }

    /// The reverse of [`Self::save`], into a replay that was made in the same way. If the checkpoint is not to hold the
    /// replay, this one is empty afterwards, and its rows go on with the number that they would have.
    ///
    /// # Errors
    /// [`AgentError::Checkpoint`] if a file is missing, damaged, or of a replay that was made in another way. The replay is
    /// to be dropped then.
    pub fn load(&mut self, checkpoint: &Checkpoint) -> Result<(), AgentError> {
        self.clear(checkpoint.step / self.ring.actors as u64);
        if !checkpoint.replay {
            return Ok(());
        }
        if checkpoint.get(HEAD).is_none() {
            return Err(AgentError::Checkpoint {
                path: HEAD.into(),
                reason: "is missing: the checkpoint was written with checkpoint.replay = false".to_owned(),
                remedy: "set checkpoint.replay = false to go on with an empty replay",
            });
        }
        let stored: Head = checkpoint.value(HEAD)?;
        (self.base, self.head) = (stored.base, stored.end_row);
        let here = Head {
            largest_priority: stored.largest_priority,
            ..self.described()
        };
        if stored != here || stored.largest_priority.is_some() != self.priorities.is_some() {
            return Err(foreign(
                HEAD,
                "is of a replay with other rows, another capacity or other priorities",
            ));
        }
        for segment in self.full_segments() {
            let name = name_of(segment);
            self.decode(&checkpoint.segment(&name)?, &name, &self.segment(segment))?;
        }
        self.decode(checkpoint.file(TAIL)?, TAIL, &self.tail())?;
        self.alive = (self.first_row()..self.head).map(|row| self.alive_in(row)).sum();
        self.load_priorities(checkpoint, stored.largest_priority)
    }

    fn load_priorities(&mut self, checkpoint: &Checkpoint, largest: Option<f64>) -> Result<(), AgentError> {
        let (first, count) = (self.first_row(), self.len());
        let (slots, actors) = (self.ring.slots as u64, self.ring.actors);
        let (Some(priorities), Some(largest)) = (&mut self.priorities, largest) else {
            return Ok(());
        };
        let bytes = checkpoint.file(PRIORITIES)?;
        if bytes.len() != 8 * count {
            return Err(foreign(
                PRIORITIES,
                format!("has {} bytes for {count} transitions", bytes.len()),
            ));
        }
        let mut leaves = vec![0.0; slots as usize * actors];
        for (i, value) in doubles(bytes).enumerate() {
            let slot = (first + (i / actors) as u64) % slots;
            leaves[slot as usize * actors + i % actors] = value;
        }
        priorities.restore(&leaves, largest);
        Ok(())
    }

    /// Forgets everything; the next row is number `row`.
    fn clear(&mut self, row: u64) {
        (self.base, self.head, self.alive) = (row, row, 0);
        self.ends = Ends::new(&self.layout);
        if let Some(priorities) = &mut self.priorities {
            priorities.restore(&vec![0.0; self.ring.slots * self.ring.actors], 1.0);
        }
    }

    /// The bytes of `rows`.
    fn encode(&self, rows: &Rows) -> Vec<u8> {
        let per_row = self.ring.bytes() / self.ring.slots;
        let mut out = Vec::with_capacity(64 + per_row * (rows.states - rows.steps.start) as usize);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        for number in [
            rows.steps.start,
            rows.steps.end,
            rows.states,
            self.ring.actors as u64,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for row in rows.steps.clone() {
            out.extend_from_slice(&self.ring.flags[self.records(row)]);
        }
        for row in rows.steps.clone() {
            let reward = &self.ring.reward[self.records(row)];
            out.extend(reward.iter().flat_map(|reward| reward.to_le_bytes()));
        }
        let mut write = |column: &Column, range: Range<u64>| {
            for row in range {
                let records = self.records(row);
                let values = records.start * column.width..records.end * column.width;
                column.data.slice(values).extend_bytes(&mut out);
            }
        };
        self.ring
            .state_columns()
            .for_each(|column| write(column, rows.steps.start..rows.states));
        self.ring
            .step_columns()
            .for_each(|column| write(column, rows.steps.clone()));
        for row in rows.steps.clone() {
            for actor in 0..self.ring.actors {
                if let Some(place) = self.ends.find(row, actor) {
                    self.ends
                        .columns()
                        .for_each(|column| column.record(place).extend_bytes(&mut out));
                }
            }
        }
        out
    }

    /// The reverse of [`Self::encode`]. The bytes may begin with rows before those asked for, which are passed over.
    fn decode(&mut self, bytes: &[u8], name: &str, rows: &Rows) -> Result<(), AgentError> {
        let mut input = Input { bytes, name };
        if input.take(4)? != MAGIC || input.take(4)? != VERSION.to_le_bytes() {
            return Err(foreign(name, "holds no rows that this program reads"));
        }
        let (start, found) = (
            input.number()?,
            (input.number()?, input.number()?, input.number()?),
        );
        if found != (rows.steps.end, rows.states, self.ring.actors as u64) || start > rows.steps.start {
            return Err(foreign(
                name,
                format!("begins with row {start} and ends with {found:?}, which does not fit"),
            ));
        }
        let passed = (rows.steps.start - start) as usize;
        let flags = input.take((rows.steps.end - start) as usize * self.ring.actors)?;
        let reward = input.take(8 * flags.len())?;
        self.decode_columns(&mut input, passed, rows)?;
        let actors = self.ring.actors;
        for (i, row) in rows.steps.clone().enumerate() {
            let (place, from) = (self.records(row), (passed + i) * actors);
            self.ring.flags[place.clone()].copy_from_slice(&flags[from..from + actors]);
            let from = doubles(&reward[8 * from..8 * (from + actors)]);
            self.ring.reward[place]
                .iter_mut()
                .zip(from)
                .for_each(|(to, reward)| *to = reward);
        }
        self.decode_finals(&mut input, flags, start, passed)?;
        match input.bytes.len() {
            0 => Ok(()),
            surplus => Err(foreign(name, format!("is followed by {surplus} foreign bytes"))),
        }
    }

    fn decode_columns(
        &mut self,
        input: &mut Input<'_>,
        passed: usize,
        rows: &Rows,
    ) -> Result<(), AgentError> {
        let (actors, slots) = (self.ring.actors, self.ring.slots as u64);
        let mut read = |column: &mut Column, range: Range<u64>| -> Result<(), AgentError> {
            let stride = column.width * actors;
            let size = stride * column.data.value_size();
            input.take(passed * size)?;
            for row in range {
                column
                    .data
                    .write_bytes((row % slots) as usize * stride, input.take(size)?);
            }
            Ok(())
        };
        for column in self.ring.state_columns_mut() {
            read(column, rows.steps.start..rows.states)?;
        }
        for column in self.ring.step_columns_mut() {
            read(column, rows.steps.clone())?;
        }
        Ok(())
    }

    /// Reads the final observations of the rows that begin with `start` and have these flags; `passed` of them are left out.
    fn decode_finals(
        &mut self,
        input: &mut Input<'_>,
        flags: &[u8],
        start: u64,
        passed: usize,
    ) -> Result<(), AgentError> {
        let actors = self.ring.actors;
        for at in (0..flags.len()).filter(|&at| flags[at] & ENDED != 0) {
            let row = at / actors;
            let place = (row >= passed).then(|| self.ends.reserve(start + row as u64, at % actors));
            for column in self.ends.columns_mut() {
                let bytes = input.take(column.width * column.data.value_size())?;
                if let Some(place) = place {
                    column.data.write_bytes(place * column.width, bytes);
                }
            }
        }
        Ok(())
    }
}

/// Rows as a file has them.
struct Rows {
    steps: Range<u64>,
    /// The states are those of the steps up to this row: one more than there are steps at the end of the replay.
    states: u64,
}

/// What is still to be read of a file.
struct Input<'a> {
    bytes: &'a [u8],
    name: &'a str,
}

impl<'a> Input<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], AgentError> {
        let Some((taken, rest)) = self.bytes.split_at_checked(n) else {
            return Err(foreign(self.name, "is too short"));
        };
        self.bytes = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, AgentError> {
        let mut number = [0; 8];
        number.copy_from_slice(self.take(8)?);
        Ok(u64::from_le_bytes(number))
    }
}

fn doubles(bytes: &[u8]) -> impl Iterator<Item = f64> + '_ {
    bytes.as_chunks().0.iter().map(|word| f64::from_le_bytes(*word))
}
