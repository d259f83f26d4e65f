//! Counts by key: one lifelong table, and one table per actor that forgets at once.
//!
//! Keys are hashes already ([`prospect_sim::hash::key`]), so that their low bits choose the slot. Both tables probe
//! linearly and allocate only as they grow; saved forms are sorted by key and so a function of the content alone.

/// Slots of a table that was just made; a power of two.
const FIRST_SLOTS: usize = 64;

/// A table holds at most this share of its slots, in tenths.
const MAX_LOAD_TENTHS: usize = 7;

fn is_full(len: usize, slots: usize) -> bool {
    len * 10 >= slots * MAX_LOAD_TENTHS
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    key: u64,
    /// 0 marks a free slot.
    count: u64,
}

/// How often each key was counted, ever.
#[derive(Debug, Clone)]
pub(crate) struct CountTable {
    slots: Vec<Slot>,
    len: usize,
}

impl Default for CountTable {
    fn default() -> Self {
        Self {
            slots: vec![Slot::default(); FIRST_SLOTS],
            len: 0,
        }
    }
}

impl CountTable {
    fn find(&self, key: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = key as usize & mask;
        while self.slots[at].count != 0 && self.slots[at].key != key {
            at = (at + 1) & mask;
        }
        at
    }

    /// Counts `key` once more and gives its count.
    pub(crate) fn increment(&mut self, key: u64) -> u64 {
        let at = self.find(key);
        if self.slots[at].count > 0 {
            self.slots[at].count += 1;
            return self.slots[at].count;
        }
        self.insert(key, 1);
        1
    }

    fn insert(&mut self, key: u64, count: u64) {
        if is_full(self.len + 1, self.slots.len()) {
            let bigger = vec![Slot::default(); self.slots.len() * 2];
            let old = std::mem::replace(&mut self.slots, bigger);
            for slot in old.into_iter().filter(|slot| slot.count > 0) {
                let at = self.find(slot.key);
                self.slots[at] = slot;
            }
        }
        let at = self.find(key);
        self.slots[at] = Slot { key, count };
        self.len += 1;
    }

    /// The count of `key`; 0 if it never came.
    pub(crate) fn get(&self, key: u64) -> u64 {
        self.slots[self.find(key)].count
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Keys and counts, ascending by key.
    pub(crate) fn to_sorted(&self) -> Vec<(u64, u64)> {
        let mut list: Vec<_> = self
            .slots
            .iter()
            .filter(|s| s.count > 0)
            .map(|s| (s.key, s.count))
            .collect();
        list.sort_unstable();
        list
    }

    /// The table with these keys and counts. A repeated key or a count of 0 is left out: neither is ever written.
    pub(crate) fn from_sorted(list: &[(u64, u64)]) -> Self {
        let mut table = Self::default();
        for &(key, count) in list {
            if count > 0 && table.get(key) == 0 {
                table.insert(key, count);
            }
        }
        table
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct StampedSlot {
    key: u64,
    /// The slot is taken if this is the table's present stamp.
    stamp: u32,
    count: u32,
}

/// How often each key was counted since the last [`Self::clear`], which costs nothing: it makes all slots stale.
#[derive(Debug, Clone)]
struct EpisodeTable {
    slots: Vec<StampedSlot>,
    len: usize,
    stamp: u32,
}

impl Default for EpisodeTable {
    fn default() -> Self {
        Self {
            slots: vec![StampedSlot::default(); FIRST_SLOTS],
            len: 0,
            stamp: 1,
        }
    }
}

impl EpisodeTable {
    fn find(&self, key: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = key as usize & mask;
        while self.slots[at].stamp == self.stamp && self.slots[at].key != key {
            at = (at + 1) & mask;
        }
        at
    }

    fn increment(&mut self, key: u64) -> u32 {
        let at = self.find(key);
        let slot = &mut self.slots[at];
        if slot.stamp == self.stamp {
            slot.count = slot.count.saturating_add(1);
            return slot.count;
        }
        self.insert(key, 1);
        1
    }

    fn insert(&mut self, key: u64, count: u32) {
        if is_full(self.len + 1, self.slots.len()) {
            let bigger = vec![StampedSlot::default(); self.slots.len() * 2];
            let old = std::mem::replace(&mut self.slots, bigger);
            for slot in old.into_iter().filter(|slot| slot.stamp == self.stamp) {
                let at = self.find(slot.key);
                self.slots[at] = slot;
            }
        }
        let at = self.find(key);
        self.slots[at] = StampedSlot {
            key,
            stamp: self.stamp,
            count,
        };
        self.len += 1;
    }

    fn clear(&mut self) {
        self.len = 0;
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.slots.fill(StampedSlot::default());
            self.stamp = 1;
        }
    }

    fn to_sorted(&self) -> Vec<(u64, u32)> {
        let taken = self.slots.iter().filter(|slot| slot.stamp == self.stamp);
        let mut list: Vec<_> = taken.map(|slot| (slot.key, slot.count)).collect();
        list.sort_unstable();
        list
    }
}

/// The counts of each actor's present episode.
#[derive(Debug, Clone)]
pub(crate) struct EpisodicCounts {
    tables: Vec<EpisodeTable>,
}

impl EpisodicCounts {
    /// Nothing counted, for `actors` actors.
    pub(crate) fn new(actors: usize) -> Self {
        Self {
            tables: vec![EpisodeTable::default(); actors],
        }
    }

    /// The number of actors.
    pub(crate) fn actors(&self) -> usize {
        self.tables.len()
    }

    /// Counts `key` once more for `actor` and gives its count in this episode.
    pub(crate) fn increment(&mut self, actor: usize, key: u64) -> u32 {
        self.tables[actor].increment(key)
    }

    /// Forgets everything of `actor`.
    pub(crate) fn clear(&mut self, actor: usize) {
        self.tables[actor].clear();
    }

    /// Keys and counts per actor, ascending by key.
    pub(crate) fn to_sorted(&self) -> Vec<Vec<(u64, u32)>> {
        self.tables.iter().map(EpisodeTable::to_sorted).collect()
    }

    /// The reverse of [`Self::to_sorted`].
    pub(crate) fn from_sorted(lists: &[Vec<(u64, u32)>]) -> Self {
        let mut counts = Self::new(lists.len());
        for (table, list) in counts.tables.iter_mut().zip(lists) {
            for &(key, count) in list {
                let at = table.find(key);
                if count > 0 && table.slots[at].stamp != table.stamp {
                    table.insert(key, count);
                }
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_equal_those_of_a_map(keys in proptest::collection::vec(0u64..300, 0..2000), stride in 1u64..1 << 40) {
            let mut table = CountTable::default();
            let mut map = BTreeMap::new();
            for key in keys.iter().map(|key| key * stride) {
                let n = map.entry(key).or_insert(0u64);
                *n += 1;
                prop_assert_eq!(table.increment(key), *n);
            }
            prop_assert_eq!(table.len(), map.len());
            prop_assert_eq!(table.to_sorted(), map.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(CountTable::from_sorted(&table.to_sorted()).to_sorted(), table.to_sorted());
        }

        #[test]
        fn episodes_equal_maps_that_are_cleared(steps in proptest::collection::vec((0u64..200, 0u8..40), 0..3000)) {
            let mut counts = EpisodicCounts::new(1);
            let mut map = BTreeMap::new();
            for (key, end) in steps {
                let key = key << 33;
                let n = map.entry(key).or_insert(0u32);
                *n += 1;
                prop_assert_eq!(counts.increment(0, key), *n);
                if end == 0 {
                    counts.clear(0);
                    map.clear();
                }
            }
            prop_assert_eq!(&counts.to_sorted()[0], &map.into_iter().collect::<Vec<_>>());
            let again = EpisodicCounts::from_sorted(&counts.to_sorted());
            prop_assert_eq!(again.to_sorted(), counts.to_sorted());
        }
    }

    #[test]
    fn the_key_zero_is_a_key() {
        let mut table = CountTable::default();
        assert_eq!(table.get(0), 0);
        assert_eq!((table.increment(0), table.increment(0), table.get(0)), (1, 2, 2));
    }

    #[test]
    fn a_stamp_that_comes_round_forgets_too() {
        let mut table = EpisodeTable {
            stamp: u32::MAX,
            ..EpisodeTable::default()
        };
        table.increment(7);
        table.clear();
        assert_eq!(table.increment(7), 1);
        assert_eq!(table.increment(7), 2);
    }
}
