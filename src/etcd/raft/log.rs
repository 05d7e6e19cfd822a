//! A member's log: what is on disk, what waits to be, up to where it is committed and up to where applied.
//!
//! Raft paper §5.3 (log matching), §5.4.1 (up to date) and §5.4.2 (what a leader may commit). Models `log.go` (etcd-io/raft).
//!
//! ```text
//! first_index                 applied    committed            last_index
//!      |  entries on disk ...    |           |    ... entries that wait |
//! ```

use crate::etcd::raft::entry::{Content, Entry, Machine, within};
use crate::etcd::raft::number::{EntryId, LogIndex, Term};
use crate::etcd::raft::snapshot::Snapshot;
use crate::etcd::raft::storage::Storage;
use crate::etcd::raft::unstable::Unstable;

/// A member's log. `applied <= committed <= last_index`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Log<M: Machine> {
    storage: Storage<M>,
    unstable: Unstable<M>,
    committed: LogIndex,
    applied: LogIndex,
}

impl<M: Machine> Log<M> {
    /// The log on a disk, of which the machine has applied all up to `applied`.
    pub(super) fn new(storage: Storage<M>, applied: Option<LogIndex>) -> Self {
        let snapshot = storage.snapshot().last.index;
        let committed = storage.hard_state().commit.clamp(snapshot, storage.last().index.max(snapshot));
        let applied = applied.unwrap_or(snapshot).clamp(snapshot, committed);
        Log { unstable: Unstable::at(storage.last().index.next()), storage, committed, applied }
    }

    /// The disk.
    pub fn storage(&self) -> &Storage<M> {
        &self.storage
    }

    pub(super) fn storage_mut(&mut self) -> &mut Storage<M> {
        &mut self.storage
    }

    pub(super) fn into_storage(self) -> Storage<M> {
        self.storage
    }

    /// Up to where it is committed.
    pub fn committed(&self) -> LogIndex {
        self.committed
    }

    /// Up to where the machine has applied it.
    pub fn applied(&self) -> LogIndex {
        self.applied
    }

    /// The place of the first entry that is here.
    pub fn first_index(&self) -> LogIndex {
        let waiting = self.unstable.snapshot.as_ref();
        waiting.map_or_else(|| self.storage.first_index(), |snapshot| snapshot.last.index.next())
    }

    /// The place of the last entry.
    pub fn last_index(&self) -> LogIndex {
        self.unstable.last_index().unwrap_or(self.unstable.offset.previous())
    }

    /// The last entry.
    pub fn last(&self) -> EntryId {
        let index = self.last_index();
        EntryId { term: self.term(index).unwrap_or(Term::ZERO), index }
    }

    /// The latest snapshot, on disk or on its way there.
    pub fn snapshot(&self) -> &Snapshot<M> {
        self.unstable.snapshot.as_ref().unwrap_or(self.storage.snapshot())
    }

    /// Does a snapshot wait to be written and applied?
    pub(super) fn awaits_snapshot(&self) -> bool {
        self.unstable.snapshot.is_some()
    }

    /// The entry at `index`, if it is here.
    pub fn entry(&self, index: LogIndex) -> Option<&Entry<M>> {
        if index >= self.unstable.offset {
            return self.unstable.entry(index);
        }
        if self.awaits_snapshot() { None } else { self.storage.entry(index) }
    }

    /// The term of the entry at `index`; of what is gone, only the last one's is known.
    pub fn term(&self, index: LogIndex) -> Option<Term> {
        if let Some(entry) = self.entry(index) {
            return Some(entry.term);
        }
        match &self.unstable.snapshot {
            Some(snapshot) => (snapshot.last.index == index).then_some(snapshot.last.term),
            None if index < self.unstable.offset => self.storage.term(index),
            None => None,
        }
    }

    /// Is the entry of this name here?
    pub fn matches(&self, id: EntryId) -> bool {
        self.term(id.index) == Some(id.term)
    }

    /// Is a log that ends with `last` at least as up to date as this one (§5.4.1)?
    pub fn is_up_to_date(&self, last: EntryId) -> bool {
        last >= self.last()
    }

    /// The entries from `from` on, as many as fit into `max` bytes, but at least one.
    pub(super) fn entries_from(&self, from: LogIndex, max: u64) -> Vec<Entry<M>> {
        self.entries_between(from, self.last_index(), max)
    }

    fn entries_between(&self, from: LogIndex, to: LogIndex, max: u64) -> Vec<Entry<M>> {
        within((from.0..=to.0).map_while(|index| self.entry(LogIndex(index)).cloned()), max)
    }

    /// A leader adds an entry of its own.
    pub(super) fn append(&mut self, entry: Entry<M>) {
        self.unstable.append(vec![entry]);
    }

    /// A follower takes a leader's entries after `prev` and learns that the leader has committed up to `commit` (§5.3). Only
    /// from the first entry that differs on is anything rewritten: the message may be old. Says up to where the logs match;
    /// `None` if `prev` is not here. `prev` is not before what is committed.
    pub(super) fn append_after(&mut self, prev: EntryId, entries: &[Entry<M>], commit: LogIndex) -> Option<LogIndex> {
        assert!(prev.index >= self.committed, "what is committed is never rewritten");
        if !self.matches(prev) {
            return None;
        }
        let last = prev.index.plus(entries.len() as u64);
        if let Some(at) = entries.iter().position(|entry| !self.matches(entry.id())) {
            self.unstable.append(entries[at..].to_vec());
        }
        self.commit_to(commit.min(last));
        Some(last)
    }

    /// The last entry at or before `at` whose term is at most `term`: the best guess at where two logs part.
    pub(super) fn last_of_term_at_most(&self, term: Term, at: LogIndex) -> EntryId {
        let mut index = at.min(self.last_index());
        loop {
            match self.term(index) {
                Some(found) if found > term => index = index.previous(),
                Some(found) => return EntryId { term: found, index },
                None => return EntryId { term: Term::ZERO, index },
            }
        }
    }

    /// It is committed up to `index`, as far as it goes. Never goes back.
    pub(super) fn commit_to(&mut self, index: LogIndex) {
        self.committed = self.committed.max(index.min(self.last_index()));
    }

    /// The leader of `term` knows that a majority holds all up to `index`. Only if the entry there is of its own term may it
    /// commit it, and with it all before (§5.4.2). Says whether it did.
    pub(super) fn commit_in_term(&mut self, index: LogIndex, term: Term) -> bool {
        let commits = index > self.committed && self.term(index) == Some(term);
        if commits {
            self.commit_to(index);
        }
        commits
    }

    /// Is the last entry that is committed of `term`? Then its leader knows all that is committed (§8).
    pub(super) fn has_committed_in(&self, term: Term) -> bool {
        self.term(self.committed) == Some(term)
    }

    /// Is a change of the membership committed but not applied?
    pub(super) fn has_unapplied_change(&self) -> bool {
        (self.applied.next().0..=self.committed.0)
            .any(|index| self.entry(LogIndex(index)).is_some_and(|entry| matches!(entry.content, Content::Change(..))))
    }

    /// What may be applied next, as much as fits into `max` bytes. While a snapshot waits, nothing may.
    pub(super) fn to_apply(&self, max: u64) -> Vec<Entry<M>> {
        if self.awaits_snapshot() {
            return Vec::new();
        }
        self.entries_between(self.applied.next(), self.committed, max)
    }

    /// The snapshot and the entries that wait to be written.
    pub(super) fn to_save(&self) -> (Option<Snapshot<M>>, Vec<Entry<M>>) {
        (self.unstable.snapshot.clone(), self.unstable.entries.clone())
    }

    /// Does anything wait to be written or applied?
    pub(super) fn has_work(&self) -> bool {
        self.awaits_snapshot() || !self.unstable.entries.is_empty() || self.applied < self.committed
    }

    /// These are written now.
    pub(super) fn saved(&mut self, snapshot: Option<&Snapshot<M>>, entries: &[Entry<M>]) {
        if let Some(snapshot) = snapshot {
            self.storage.restore(snapshot.clone());
            self.unstable.saved_snapshot(snapshot.last.index);
            self.applied_to(snapshot.last.index);
        }
        self.storage.append(entries);
        self.unstable.saved(entries);
    }

    /// The machine has applied all up to `index`.
    pub(super) fn applied_to(&mut self, index: LogIndex) {
        self.applied = self.applied.max(index.min(self.committed));
    }

    /// `snapshot` is all that there is.
    pub(super) fn restore(&mut self, snapshot: Snapshot<M>) {
        self.committed = snapshot.last.index;
        self.unstable.restore(snapshot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::raft::tests::kv::{Kv, entries};

    fn id(term: u64, index: u64) -> EntryId {
        EntryId { term: Term(term), index: LogIndex(index) }
    }

    /// A log with entries of these terms from index 1 on.
    fn log(terms: &[u64]) -> Log<Kv> {
        let mut log = Log::new(Storage::empty(Kv::default()), None);
        let all: Vec<(u64, u64)> = (1..).zip(terms).map(|(index, term)| (*term, index)).collect();
        entries(&all).into_iter().for_each(|entry| log.append(entry));
        log
    }

    fn terms(log: &Log<Kv>) -> Vec<u64> {
        (1..=log.last_index().0).map(|index| log.term(LogIndex(index)).unwrap().0).collect()
    }

    #[test]
    fn a_follower_takes_only_what_follows_its_own_log() {
        let check = |prev: (u64, u64), sent: &[(u64, u64)], is: Option<u64>, then: &[u64]| {
            let mut log = log(&[1, 1, 2]);
            let appended = log.append_after(id(prev.0, prev.1), &entries(sent), LogIndex(9));
            assert_eq!((appended.map(|index| index.0), terms(&log)), (is, then.to_vec()), "{prev:?} {sent:?}");
        };
        check((2, 3), &[(3, 4)], Some(4), &[1, 1, 2, 3]);
        check((2, 3), &[], Some(3), &[1, 1, 2]);
        check((1, 2), &[(3, 3)], Some(3), &[1, 1, 3]);
        check((0, 0), &[(1, 1), (1, 2)], Some(2), &[1, 1, 2]); // an old message takes nothing away
        check((3, 3), &[(3, 4)], None, &[1, 1, 2]);
        check((3, 7), &[(3, 8)], None, &[1, 1, 2]);
    }

    #[test]
    fn a_leader_commits_only_entries_of_its_own_term() {
        let mut log = log(&[1, 2]);
        assert!(!log.commit_in_term(LogIndex(2), Term(4)), "figure 8 of the paper");
        entries(&[(4, 3)]).into_iter().for_each(|entry| log.append(entry));
        assert!(log.commit_in_term(LogIndex(3), Term(4)));
        assert_eq!(log.committed(), LogIndex(3));
        assert!(!log.commit_in_term(LogIndex(3), Term(4)));
    }

    #[test]
    fn the_guess_at_where_logs_part_skips_whole_terms() {
        let log = log(&[1, 3, 3, 4, 4, 5]);
        let check = |term, at, is| assert_eq!(log.last_of_term_at_most(Term(term), LogIndex(at)), is, "{term} {at}");
        check(5, 9, id(5, 6));
        check(4, 6, id(4, 5));
        check(3, 6, id(3, 3));
        check(2, 6, id(1, 1));
        check(0, 6, id(0, 0));
    }

    #[test]
    fn what_is_saved_is_applied_once_it_is_committed() {
        let mut log = log(&[1, 1, 1]);
        log.commit_to(LogIndex(2));
        let (snapshot, waiting) = log.to_save();
        assert!(snapshot.is_none());
        log.saved(None, &waiting);
        assert_eq!(log.storage().last(), id(1, 3));
        let apply = log.to_apply(u64::MAX);
        assert_eq!(apply.iter().map(|entry| entry.index.0).collect::<Vec<_>>(), [1, 2]);
        log.applied_to(LogIndex(2));
        assert!(!log.has_work());
    }

    #[test]
    fn at_least_one_entry_fits_however_large() {
        let log = log(&[1, 1, 1]);
        assert_eq!(log.entries_from(LogIndex(1), 0).len(), 1);
        assert_eq!(log.entries_from(LogIndex(2), u64::MAX).len(), 2);
        assert!(log.entries_from(LogIndex(4), u64::MAX).is_empty());
    }
}
