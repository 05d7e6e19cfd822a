//! Who led which term of etcd, and since when: as told by the first entries that a leader sent in its term.

use crate::cluster::{Actor, Cluster, Happened, MasterIx, Said};
use crate::sim::{EventId, Time, VecMap};

/// What of the trace has been looked through, and what was found.
#[derive(Default)]
pub struct Terms {
    next: EventId,
    found: VecMap<u64, (Time, MasterIx)>,
}

impl Terms {
    /// Looks through what has happened since the last time.
    pub fn take_in(&mut self, cluster: &Cluster) {
        for entry in cluster.trace().since(self.next) {
            if let Happened::Sent {
                from: Actor::Etcd(from), what: Said::Raft { kind: "MsgApp", term: Some(term) }, ..
            } = &entry.event
                && !self.found.contains_key(term)
            {
                self.found.insert(*term, (entry.at, *from));
            }
        }
        self.next = cluster.trace().next_id();
    }

    /// The terms, each with when it began and with its leader, in order.
    pub fn found(&self) -> impl DoubleEndedIterator<Item = (u64, Time, MasterIx)> {
        self.found.iter().map(|(term, (at, leader))| (*term, *at, *leader))
    }
}
