//! Snapshots: what stands for the beginning of the log.
//!
//! Raft paper §7. Models `Snapshot` of `raftpb/raft.proto` and `restore`, `handleSnapshot` and `maybeSendSnapshot` of `raft.go`
//! (etcd-io/raft). etcd takes one every 10,000 entries and keeps 5,000 entries before it for slow followers
//! (`server/etcdserver/server.go`). There is no chunking: a snapshot is one message, as large as its owner says it is.

use std::sync::Arc;

use crate::etcd::raft::entry::Machine;
use crate::etcd::raft::membership::Membership;
use crate::etcd::raft::message::Body;
use crate::etcd::raft::node::Node;
use crate::etcd::raft::number::{EntryId, LogIndex, NodeId};
use crate::etcd::raft::progress::Phase;

/// The machine and the membership after an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Snapshot<M: Machine> {
    /// The last entry that is in it.
    pub last: EntryId,
    /// The members then.
    pub membership: Membership,
    /// The machine then.
    pub machine: Arc<M>,
}

/// Whether a snapshot reached its follower, as the transport reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SnapshotStatus {
    /// It was sent whole.
    Sent,
    /// It was not.
    Failed,
}

impl<M: Machine> Node<M> {
    /// Takes a snapshot of `machine`, which has applied all that this member has, and forgets the log but for `keep`
    /// entries before it. Nothing happens where there is nothing new to take.
    pub fn take_snapshot(&mut self, machine: Arc<M>, keep: u64) {
        let index = self.log.applied();
        if let Some(term) = self.log.term(index) {
            let last = EntryId { term, index };
            let membership = self.membership.clone();
            self.log.storage_mut().record_snapshot(Snapshot { last, membership, machine });
            self.log.storage_mut().compact(LogIndex(index.0.saturating_sub(keep)));
        }
    }

    /// Sends the latest snapshot to a follower that needs entries which are gone, unless it has not been heard of lately.
    pub(super) fn send_snapshot(&mut self, to: NodeId) -> bool {
        let snapshot = self.log.snapshot().clone();
        let Some(progress) = self.role.progress_mut(to) else { return false };
        if !progress.active {
            return false;
        }
        progress.become_snapshot(snapshot.last.index);
        self.outbox.send(to, Some(self.term), Body::Snapshot(snapshot));
        true
    }

    /// A leader's snapshot arrives.
    pub(super) fn handle_snapshot(&mut self, from: NodeId, snapshot: Snapshot<M>) {
        let restored = self.restore(snapshot);
        let last = if restored { self.log.last_index() } else { self.log.committed() };
        self.outbox.send(from, Some(self.term), Body::AppendAccepted { last });
    }

    /// Makes `snapshot` the beginning of the log; says whether it was needed. One that tells of nothing new is not; one whose
    /// last entry is here already only says that this entry is committed. It may be from before this member joined: the
    /// entry that adds it comes after. (Upstream refuses such a one, for etcd's server never sends one: it takes a new one
    /// for each follower.)
    fn restore(&mut self, snapshot: Snapshot<M>) -> bool {
        if snapshot.last.index <= self.log.committed() {
            return false;
        }
        if self.log.matches(snapshot.last) {
            self.log.commit_to(snapshot.last.index);
            return false;
        }
        self.membership = snapshot.membership.clone();
        self.log.restore(snapshot);
        true
    }

    /// The transport says what became of a snapshot that was sent to `to`.
    pub fn report_snapshot(&mut self, to: NodeId, status: SnapshotStatus) {
        let Some(progress) = self.role.progress_mut(to) else { return };
        if let Phase::Snapshot { pending } = progress.phase {
            let from = if status == SnapshotStatus::Sent { pending } else { LogIndex::ZERO };
            progress.become_probe();
            progress.next = progress.next.max(from.next());
            // What comes of it is not known before the follower answers, or the next heartbeat is.
            progress.paused = true;
        }
    }

    /// The transport says that `to` cannot be reached: what is under way to it is probably lost.
    pub fn report_unreachable(&mut self, to: NodeId) {
        if let Some(progress) = self.role.progress_mut(to)
            && matches!(progress.phase, Phase::Replicate { .. })
        {
            progress.become_probe();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::raft::number::Term;
    use crate::etcd::raft::tests::kv::{Kv, node_of_three};

    #[test]
    fn a_snapshot_is_taken_only_if_it_tells_of_something_new() {
        let check = |last: (u64, u64), taken: bool, applied: u64| {
            let mut node = node_of_three(1);
            let last = EntryId { term: Term(last.0), index: LogIndex(last.1) };
            let membership = node.membership.clone();
            let snapshot = Snapshot { last, membership, machine: Arc::new(Kv::default()) };
            assert_eq!(node.restore(snapshot), taken, "{last}");
            crate::etcd::raft::tests::kv::settle(&mut node);
            assert_eq!(node.log.applied(), LogIndex(applied), "{last}");
        };
        check((1, 2), false, 3);
        check((1, 3), false, 3);
        check((1, 4), true, 4);
        check((5, 9), true, 9);
    }
}
