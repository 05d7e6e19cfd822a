//! The end of the log that is not on disk yet.
//!
//! Dissertation §10.2.1 (a leader writes to its disk while its followers do). Models `log_unstable.go` (etcd-io/raft). What is
//! here hides what is on disk at the same places.

use crate::etcd::raft::entry::{Entry, Machine};
use crate::etcd::raft::number::LogIndex;
use crate::etcd::raft::snapshot::Snapshot;

/// What waits to be written: a snapshot, then entries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Unstable<M: Machine> {
    pub snapshot: Option<Snapshot<M>>,
    /// The place of the first entry that is here, or would be.
    pub offset: LogIndex,
    pub entries: Vec<Entry<M>>,
}

impl<M: Machine> Unstable<M> {
    /// Nothing waits; the log ends before `offset`.
    pub fn at(offset: LogIndex) -> Self {
        Unstable { snapshot: None, offset, entries: Vec::new() }
    }

    pub fn entry(&self, index: LogIndex) -> Option<&Entry<M>> {
        let place = index.0.checked_sub(self.offset.0)?;
        self.entries.get(usize::try_from(place).ok()?)
    }

    /// The place of the last entry, if anything is here.
    pub fn last_index(&self) -> Option<LogIndex> {
        self.entries.last().map(|entry| entry.index).or(self.snapshot.as_ref().map(|snapshot| snapshot.last.index))
    }

    /// Adds `entries`, which have no gap; they take the place of what stands there and after.
    pub fn append(&mut self, entries: Vec<Entry<M>>) {
        let Some(first) = entries.first().map(|entry| entry.index) else { return };
        if first <= self.offset {
            self.offset = first;
            self.entries = entries;
        } else {
            self.entries.truncate(usize::try_from(first.since(self.offset)).unwrap_or(usize::MAX));
            self.entries.extend(entries);
        }
    }

    /// `saved` is on disk now. If the log was rewritten meanwhile, all that differs still waits.
    pub fn saved(&mut self, saved: &[Entry<M>]) {
        let (Some(first), Some(last)) = (saved.first(), saved.last()) else { return };
        let still_there = self.entry(last.index).is_some_and(|entry| entry.term == last.term);
        if first.index == self.offset && still_there {
            self.entries.drain(..saved.len());
            self.offset = last.index.next();
        }
    }

    /// A snapshot up to `index` is on disk now.
    pub fn saved_snapshot(&mut self, index: LogIndex) {
        if self.snapshot.as_ref().is_some_and(|snapshot| snapshot.last.index == index) {
            self.snapshot = None;
        }
    }

    /// `snapshot` is all that there is.
    pub fn restore(&mut self, snapshot: Snapshot<M>) {
        self.offset = snapshot.last.index.next();
        self.entries.clear();
        self.snapshot = Some(snapshot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::raft::tests::kv::{Kv, entries};

    fn waiting(unstable: &Unstable<Kv>) -> Vec<(u64, u64)> {
        unstable.entries.iter().map(|entry| (entry.term.0, entry.index.0)).collect()
    }

    #[test]
    fn a_conflict_rewrites_what_waits() {
        let check = |then: &[(u64, u64)], offset: u64, is: &[(u64, u64)]| {
            let mut unstable = Unstable::at(LogIndex(5));
            unstable.append(entries(&[(1, 5), (1, 6)]));
            unstable.append(entries(then));
            assert_eq!((unstable.offset, waiting(&unstable)), (LogIndex(offset), is.to_vec()), "{then:?}");
        };
        check(&[(1, 7)], 5, &[(1, 5), (1, 6), (1, 7)]);
        check(&[(2, 6)], 5, &[(1, 5), (2, 6)]);
        check(&[(2, 5), (2, 6)], 5, &[(2, 5), (2, 6)]);
        check(&[(2, 3)], 3, &[(2, 3)]);
    }

    #[test]
    fn what_was_rewritten_while_it_was_saved_still_waits() {
        let check = |meanwhile: &[(u64, u64)], is: &[(u64, u64)]| {
            let mut unstable = Unstable::at(LogIndex(5));
            let saving = entries(&[(1, 5), (1, 6)]);
            unstable.append(saving.clone());
            unstable.append(entries(meanwhile));
            unstable.saved(&saving);
            assert_eq!(waiting(&unstable), is, "{meanwhile:?}");
        };
        check(&[], &[]);
        check(&[(1, 7)], &[(1, 7)]);
        check(&[(2, 6)], &[(1, 5), (2, 6)]);
        check(&[(2, 4), (2, 5), (2, 6)], &[(2, 4), (2, 5), (2, 6)]);
    }
}
