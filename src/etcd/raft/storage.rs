//! What is on a member's disk: its promises, its latest snapshot, its log. It is all that a crash leaves.
//!
//! Dissertation §3.8 (persisted state) and raft paper figure 2. Models `MemoryStorage` of `storage.go`, `HardState` of
//! `raftpb/raft.proto` and `Bootstrap` of `bootstrap.go` (etcd-io/raft). The log is a shared map: a checkpoint of a
//! disk is a handful of pointers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::etcd::raft::entry::{Content, Entry, Machine};
use crate::etcd::raft::membership::{Change, Membership};
use crate::etcd::raft::number::{EntryId, LogIndex, NodeId, Term};
use crate::etcd::raft::snapshot::Snapshot;
use crate::sim::SharedMap;

/// A member's promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HardState {
    /// The latest term that it knows of.
    pub term: Term,
    /// Whom it voted for in that term.
    pub vote: Option<NodeId>,
    /// Up to where it knows the log to be committed. Not a promise: it only saves finding out again.
    pub commit: LogIndex,
}

/// A member's disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Storage<M: Machine> {
    hard: HardState,
    /// `compacted.index <= snapshot.last.index <= last index`
    snapshot: Snapshot<M>,
    /// The last entry that is gone; the name of it is kept, for the next one must fit it.
    compacted: EntryId,
    /// The entries after `compacted`, without a gap.
    entries: SharedMap<LogIndex, Entry<M>>,
}

impl<M: Machine> Storage<M> {
    /// The disk of a member that joins a group which exists: nothing is on it.
    pub fn empty(machine: M) -> Storage<M> {
        let snapshot =
            Snapshot { last: EntryId::default(), membership: Membership::default(), machine: Arc::new(machine) };
        let compacted = EntryId::default();
        Storage { hard: HardState::default(), snapshot, compacted, entries: SharedMap::new() }
    }

    /// The disk of each first member of a new group: in term 1, one committed entry for each of `voters`, with what the machine
    /// is told of it, the same on all.
    pub fn bootstrap(voters: impl IntoIterator<Item = (NodeId, Option<Arc<M::Command>>)>, machine: M) -> Storage<M> {
        let mut storage = Storage::empty(machine);
        for (index, (voter, context)) in (1..).zip(voters) {
            let content = Content::Change(Change::AddVoter(voter), context);
            let index = LogIndex(index);
            storage.entries.insert(index, Entry { term: Term(1), index, content });
        }
        storage.hard = HardState { term: Term(1), vote: None, commit: storage.last().index };
        storage
    }

    /// The disk of each first member of a group that begins with a snapshot.
    pub fn from_snapshot(snapshot: Snapshot<M>) -> Storage<M> {
        let mut storage = Storage::empty((*snapshot.machine).clone());
        storage.hard.term = snapshot.last.term;
        storage.restore(snapshot);
        storage
    }

    /// The promises.
    pub fn hard_state(&self) -> HardState {
        self.hard
    }

    /// The latest snapshot.
    pub fn snapshot(&self) -> &Snapshot<M> {
        &self.snapshot
    }

    /// The place of the first entry that is here, or would be.
    pub fn first_index(&self) -> LogIndex {
        self.compacted.index.next()
    }

    /// The last entry, or the last one that is gone.
    pub fn last(&self) -> EntryId {
        self.entries.last_key_value().map_or(self.compacted, |(_, entry)| entry.id())
    }

    /// The entries that are here.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<M>> {
        self.entries.values()
    }

    /// The entry at `index`, if it is here.
    pub fn entry(&self, index: LogIndex) -> Option<&Entry<M>> {
        self.entries.get(&index)
    }

    /// The term of the entry at `index`; of what is gone, only the last one's is known.
    pub fn term(&self, index: LogIndex) -> Option<Term> {
        if index == self.compacted.index {
            return Some(self.compacted.term);
        }
        self.entry(index).map(|entry| entry.term)
    }

    /// Writes promises.
    pub(super) fn write_hard_state(&mut self, hard: HardState) {
        self.hard = hard;
    }

    /// Writes entries; what stood in their place and after it is gone.
    pub(super) fn append(&mut self, entries: &[Entry<M>]) {
        for entry in entries {
            if entry.index < self.first_index() {
                continue;
            }
            while self.last().index >= entry.index {
                self.entries.remove(&self.last().index);
            }
            if self.last().index.next() == entry.index {
                self.entries.insert(entry.index, entry.clone());
            }
        }
    }

    /// Makes `snapshot` all that is here.
    pub(super) fn restore(&mut self, snapshot: Snapshot<M>) {
        self.compacted = snapshot.last;
        self.hard.commit = self.hard.commit.max(snapshot.last.index);
        self.snapshot = snapshot;
        self.entries = SharedMap::new();
    }

    /// Keeps `snapshot` beside the log, if it is newer than the one that is here.
    pub(super) fn record_snapshot(&mut self, snapshot: Snapshot<M>) {
        if snapshot.last.index > self.snapshot.last.index {
            self.snapshot = snapshot;
        }
    }

    /// Forgets the entries up to and with `to`, but none that the snapshot does not stand for.
    pub(super) fn compact(&mut self, to: LogIndex) {
        let to = to.min(self.snapshot.last.index);
        if let Some(entry) = self.entry(to) {
            self.compacted = entry.id();
            while self.entries.first_key_value().is_some_and(|(index, _)| *index <= to) {
                self.entries.pop_first();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::raft::tests::kv::{Kv, entries};

    fn indexes(storage: &Storage<Kv>) -> Vec<(u64, u64)> {
        storage.entries().map(|entry| (entry.term.0, entry.index.0)).collect()
    }

    #[test]
    fn a_new_group_begins_with_an_entry_for_each_member() {
        let storage: Storage<Kv> = Storage::bootstrap([NodeId(1), NodeId(2)].map(|id| (id, None)), Kv::default());
        assert_eq!(indexes(&storage), [(1, 1), (1, 2)]);
        assert_eq!(storage.hard_state(), HardState { term: Term(1), vote: None, commit: LogIndex(2) });
    }

    #[test]
    fn what_is_appended_takes_the_place_of_what_was_there_and_after() {
        let check = |then: &[(u64, u64)], is: &[(u64, u64)]| {
            let mut storage = Storage::empty(Kv::default());
            storage.append(&entries(&[(1, 1), (1, 2), (2, 3)]));
            storage.append(&entries(then));
            assert_eq!(indexes(&storage), is, "{then:?}");
        };
        check(&[], &[(1, 1), (1, 2), (2, 3)]);
        check(&[(2, 4)], &[(1, 1), (1, 2), (2, 3), (2, 4)]);
        check(&[(3, 2)], &[(1, 1), (3, 2)]);
        check(&[(3, 1), (3, 2)], &[(3, 1), (3, 2)]);
        check(&[(3, 6)], &[(1, 1), (1, 2), (2, 3)]); // a gap is never written
    }

    #[test]
    fn compaction_keeps_the_name_of_the_last_entry_and_what_no_snapshot_stands_for() {
        let mut storage = Storage::empty(Kv::default());
        storage.append(&entries(&[(1, 1), (1, 2), (2, 3), (2, 4)]));
        storage.compact(LogIndex(2));
        assert_eq!(indexes(&storage).len(), 4, "without a snapshot nothing goes");
        let last = EntryId { term: Term(2), index: LogIndex(3) };
        let machine = Arc::new(Kv::default());
        storage.record_snapshot(Snapshot { last, membership: Membership::default(), machine });
        storage.compact(LogIndex(9));
        assert_eq!(indexes(&storage), [(2, 4)]);
        assert_eq!((storage.first_index(), storage.term(LogIndex(3))), (LogIndex(4), Some(Term(2))));
        assert_eq!(storage.term(LogIndex(2)), None);
    }
}
