//! What must hold always (figure 3 of the paper), checked from outside the members.

use std::collections::BTreeMap;

use crate::etcd::raft::tests::kv::Kv;
use crate::etcd::raft::{Content, Entry, EntryId, LogIndex, Node, NodeId, Term};

/// All that was seen so far.
#[derive(Clone, Debug, Default)]
pub struct Laws {
    leaders: BTreeMap<Term, NodeId>,
    terms: BTreeMap<NodeId, Term>,
    written: BTreeMap<EntryId, (Option<Term>, Content<Kv>)>,
    applied: BTreeMap<LogIndex, Entry<Kv>>,
}

impl Laws {
    /// A member after something happened to it.
    pub fn see(&mut self, node: &Node<Kv>) {
        let (id, term) = (node.id(), node.term());
        let before = self.terms.insert(id, term).unwrap_or_default();
        assert!(before <= term, "{id} went back from term {before} to {term}");
        let log = node.log();
        assert!(log.applied() <= log.committed() && log.committed() <= log.last_index(), "{id}: {log:?}");
        for (other, progress) in node.progress() {
            assert!(progress.matched < progress.next, "{id} of {other}: {progress}");
        }
        if node.is_leader() {
            let first = !self.leaders.contains_key(&term);
            let leader = *self.leaders.entry(term).or_insert(id);
            assert_eq!(leader, id, "election safety: two leaders in term {term}");
            if first {
                self.check_leader_is_complete(node);
            }
        }
    }

    /// A member crashes: a term that it told nobody of may be gone.
    pub fn crash(&mut self, id: NodeId) {
        self.terms.remove(&id);
    }

    fn check_leader_is_complete(&self, node: &Node<Kv>) {
        for (index, entry) in self.applied.range(node.log().first_index()..) {
            let (id, term) = (node.id(), node.term());
            let has = node.log().entry(*index);
            assert_eq!(has, Some(entry), "leader completeness: {id} leads term {term} without {index}");
        }
    }

    /// A member writes entries: those of one name are equal everywhere, and so, by induction, is all before them.
    pub fn write(&mut self, node: &Node<Kv>, entries: &[Entry<Kv>]) {
        for entry in entries {
            let before = node.log().term(entry.index.previous());
            let is = (before, entry.content.clone());
            let was = self.written.entry(entry.id()).or_insert_with(|| is.clone());
            assert_eq!(was.1, is.1, "log matching: two entries are called {}", entry.id());
            if let (Some(was), Some(is)) = (was.0, is.0) {
                assert_eq!(was, is, "log matching: what is before {} differs", entry.id());
            }
        }
    }

    /// A member applies an entry.
    pub fn apply(&mut self, id: NodeId, entry: &Entry<Kv>) {
        let was = self.applied.entry(entry.index).or_insert_with(|| entry.clone());
        assert_eq!(was, entry, "state-machine safety: {id} applies another entry at {}", entry.index);
    }

    /// Up to where anybody has applied.
    pub fn applied_to(&self) -> LogIndex {
        self.applied.last_key_value().map_or(LogIndex::ZERO, |(index, _)| *index)
    }

    /// The commands that were applied, in order.
    pub fn commands(&self) -> impl Iterator<Item = &Content<Kv>> {
        self.applied.values().map(|entry| &entry.content)
    }
}
