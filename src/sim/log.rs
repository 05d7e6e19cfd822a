//! [`Log`]: a bounded queue of what happened, whose clones share what both hold.
//!
//! Entries lie in blocks of 256 behind an `Arc` each. A clone copies a pointer a block, so a checkpoint of a log of hundreds of
//! thousands of entries is cheap; writing copies the last block once, if it is shared.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Index;
use std::sync::Arc;

/// The entries of a full block.
const BLOCK: usize = 256;

/// A queue of at most `most` entries: the oldest goes first.
#[derive(Clone)]
pub struct Log<T> {
    /// All full but the last; none empty.
    blocks: VecDeque<Arc<Vec<T>>>,
    /// How many entries of the first block are forgotten.
    gone: u32,
    most: u32,
}

impl<T> Log<T> {
    /// An empty log that remembers the last `most` entries (at least one).
    pub fn new(most: u32) -> Self {
        Log { blocks: VecDeque::new(), gone: 0, most: most.max(1) }
    }

    fn gone(&self) -> usize {
        usize::try_from(self.gone).expect("a block is small")
    }

    /// How many entries are remembered at most.
    pub fn most(&self) -> u32 {
        self.most
    }

    /// How many entries are remembered.
    pub fn len(&self) -> usize {
        let last = self.blocks.back().map_or(0, |block| block.len());
        self.blocks.len().saturating_sub(1) * BLOCK + last - self.gone()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry at that place, counted from the oldest that is remembered.
    pub fn get(&self, at: usize) -> Option<&T> {
        let at = at.checked_add(self.gone())?;
        self.blocks.get(at / BLOCK)?.get(at % BLOCK)
    }

    /// The oldest that is remembered.
    pub fn front(&self) -> Option<&T> {
        self.get(0)
    }

    /// The entries from that place on, oldest first.
    pub fn from(&self, at: usize) -> impl DoubleEndedIterator<Item = &T> + Clone {
        let at = at.saturating_add(self.gone());
        let block = (at / BLOCK).min(self.blocks.len());
        let within = if block == at / BLOCK { at % BLOCK } else { 0 };
        let cut = move |(n, entries): (usize, &'_ Arc<Vec<T>>)| if n == 0 { within.min(entries.len()) } else { 0 };
        self.blocks.range(block..).enumerate().flat_map(move |(n, entries)| &entries[cut((n, entries))..])
    }

    /// All entries that are remembered, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.from(0)
    }
}

impl<T: Clone> Log<T> {
    /// Writes an entry down.
    pub fn push(&mut self, entry: T) {
        if self.len() >= usize::try_from(self.most).unwrap_or(usize::MAX) {
            self.gone += 1;
            if self.gone() == BLOCK || self.is_empty() {
                self.blocks.pop_front();
                self.gone = 0;
            }
        }
        match self.blocks.back_mut() {
            Some(block) if block.len() < BLOCK => Arc::make_mut(block).push(entry),
            _ => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(entry);
                self.blocks.push_back(Arc::new(block));
            }
        }
    }
}

impl<T> Index<usize> for Log<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        self.get(at).expect("a place in the log")
    }
}

impl<T: PartialEq> PartialEq for Log<T> {
    fn eq(&self, other: &Self) -> bool {
        self.most == other.most && self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<T: Eq> Eq for Log<T> {}

/// How the entries lie in blocks is no part of what is hashed.
impl<T: Hash> Hash for Log<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        self.iter().for_each(|entry| entry.hash(state));
    }
}

impl<T: fmt::Debug> fmt::Debug for Log<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::digest_of;

    fn filled(most: u32, count: u32) -> Log<u32> {
        let mut log = Log::new(most);
        (0..count).for_each(|n| log.push(n));
        log
    }

    #[test]
    fn a_log_holds_the_last_entries_as_a_queue_would() {
        for most in [1, 2, 255, 256, 257, 700] {
            for count in [0, 1, 255, 256, 257, 511, 512, 513, 2_000] {
                let log = filled(most, count);
                let want: Vec<u32> = (count.saturating_sub(most)..count).collect();
                let context = format!("the last {most} of {count}");
                assert_eq!(log.iter().copied().collect::<Vec<_>>(), want, "{context}");
                assert_eq!(log.iter().rev().count(), want.len(), "{context}");
                assert_eq!((log.len(), log.is_empty()), (want.len(), want.is_empty()), "{context}");
                for at in [0, 1, 254, 255, 256, 300, 699, 5_000] {
                    assert_eq!(log.get(at), want.get(at), "{context}: {at}");
                    let rest: Vec<u32> = log.from(at).copied().collect();
                    assert_eq!(rest, want.get(at..).unwrap_or_default(), "{context}: from {at}");
                }
            }
        }
    }

    #[test]
    fn a_clone_keeps_what_it_held_and_shares_full_blocks() {
        let mut log = filled(10_000, 1_000);
        let before = log.clone();
        (0..500).for_each(|n| log.push(n));
        assert_eq!((before.len(), log.len()), (1_000, 1_500));
        assert!(before.iter().copied().eq(0..1_000));
        assert!(Arc::ptr_eq(&before.blocks[0], &log.blocks[0]), "a full block is shared");
    }

    #[test]
    fn equal_entries_have_one_digest_wherever_the_blocks_begin() {
        let (long, short) = (filled(300, 900), {
            let mut log = Log::new(300);
            (600..900).for_each(|n| log.push(n));
            log
        });
        assert_eq!((digest_of(&long), &long), (digest_of(&short), &short));
        assert_ne!(digest_of(&long), digest_of(&filled(300, 901)));
    }
}
