//! Reading without writing to the log: the leader makes sure that it still leads, and says from which index on an answer is
//! current.
//!
//! Dissertation §6.4. Models `read_only.go` and the `MsgReadIndex` parts of `raft.go` (etcd-io/raft), with
//! `ReadOnlySafe` only: reads by lease (§6.4.1) rest on clocks, and etcd does not use them.
//!
//! ```text
//! 1. the request comes to the leader: it notes its commit index, once its term has committed something
//! 2. heartbeats carry the request; a majority's answers say that nobody else led when they were sent
//! 3. whoever asked may answer from a machine that has applied up to the noted index
//! ```

use std::collections::VecDeque;

use crate::etcd::raft::entry::Machine;
use crate::etcd::raft::message::Body;
use crate::etcd::raft::node::{Node, ProposeError, Role};
use crate::etcd::raft::number::{LogIndex, NodeId, ReadId};
use crate::sim::VecSet;

/// A read may be answered once `index` is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadState {
    /// Which read.
    pub id: ReadId,
    /// From where on an answer is current.
    pub index: LogIndex,
}

/// A read that waits for a majority.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PendingRead {
    id: ReadId,
    /// Who asked.
    from: NodeId,
    index: LogIndex,
    heard: VecSet<NodeId>,
}

/// A leader's reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct PendingReads {
    /// Asked before the term had committed anything.
    held: Vec<(NodeId, ReadId)>,
    /// In the order in which they came.
    queue: VecDeque<PendingRead>,
}

impl PendingReads {
    /// The read that heartbeats carry: a majority that answers for it answers for all before it.
    pub fn last(&self) -> Option<ReadId> {
        self.queue.back().map(|read| read.id)
    }
}

impl<M: Machine> Node<M> {
    /// Asks from which index on a read is current; [`ReadState`] comes with a later [`Node::ready`], or never if messages are
    /// lost or the leader changes: then ask again with a new number. (etcd asks again every 500 ms.)
    ///
    /// # Errors
    /// If no leader is known.
    pub fn read_index(&mut self, id: ReadId) -> Result<(), ProposeError> {
        match (&self.role, self.leader) {
            (Role::Leader(_), _) => self.handle_read_request(self.id, id),
            (Role::Follower, Some(leader)) => self.outbox.send(leader, None, Body::ReadRequest(id)),
            _ => return Err(ProposeError::NoLeader),
        }
        Ok(())
    }

    /// Somebody asks the leader; who is not leader any more says nothing.
    pub(super) fn handle_read_request(&mut self, from: NodeId, id: ReadId) {
        let index = self.log.committed();
        let may_answer = self.log.has_committed_in(self.term);
        let Role::Leader(leader) = &mut self.role else { return };
        if !may_answer {
            // What was committed before its term it does not know yet (§8).
            leader.reads.held.push((from, id));
        } else if leader.reads.queue.iter().all(|read| read.id != id) {
            leader.reads.queue.push_back(PendingRead { id, from, index, heard: VecSet::from([self.id]) });
            if self.membership.is_majority(|id| id == self.id) {
                self.confirm_read(self.id, id);
            } else {
                self.broadcast_heartbeat(Some(id));
            }
        }
    }

    /// The term has committed something: what was held goes its way.
    pub(super) fn release_held_reads(&mut self) {
        let Role::Leader(leader) = &mut self.role else { return };
        for (from, id) in std::mem::take(&mut leader.reads.held) {
            self.handle_read_request(from, id);
        }
    }

    /// `from` heard a heartbeat that carried `id`.
    pub(super) fn confirm_read(&mut self, from: NodeId, id: ReadId) {
        let Role::Leader(leader) = &mut self.role else { return };
        let queue = &mut leader.reads.queue;
        let Some(place) = queue.iter().position(|read| read.id == id) else { return };
        queue[place].heard.insert(from);
        let heard = &queue[place].heard;
        if !self.membership.is_majority(|id| heard.contains(&id)) {
            return;
        }
        for read in queue.drain(..=place) {
            if read.from == self.id {
                self.reads.push(ReadState { id: read.id, index: read.index });
            } else {
                let body = Body::ReadReply { id: read.id, index: read.index };
                self.outbox.send(read.from, Some(self.term), body);
            }
        }
    }

    /// The leader answered.
    pub(super) fn handle_read_reply(&mut self, id: ReadId, index: LogIndex) {
        if self.role == Role::Follower {
            self.reads.push(ReadState { id, index });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::raft::tests::cluster::{Cluster, led};

    fn answered(cluster: &Cluster, id: u64) -> Vec<u64> {
        cluster.members.get(&NodeId(id)).unwrap().reads.iter().map(|read| read.id.0).collect()
    }

    #[test]
    fn the_majority_that_answers_for_a_read_answers_for_those_before_it() {
        let mut cluster = led(3);
        for read in [7, 8, 8, 9] {
            cluster.with(NodeId(1), |node| node.read_index(ReadId(read))).unwrap().unwrap();
        }
        cluster.work(NodeId(1));
        let last = |body: &Body<_>| matches!(body, Body::Heartbeat { read: Some(ReadId(9)), .. });
        cluster.network.retain(|message| last(&message.body));
        cluster.settle();
        assert_eq!(answered(&cluster, 1), [7, 8, 9], "a number that came twice is one read");
    }

    #[test]
    fn without_a_majority_no_read_is_answered() {
        let check = |members: u64, gone: &[u64], is: &[u64]| {
            let mut cluster = led(members);
            gone.iter().for_each(|id| cluster.crash(NodeId(*id), true));
            cluster.with(NodeId(1), |node| node.read_index(ReadId(7))).unwrap().unwrap();
            cluster.settle();
            assert_eq!(answered(&cluster, 1), is, "{gone:?} of {members} are gone");
        };
        check(1, &[], &[7]);
        check(3, &[2], &[7]);
        check(3, &[2, 3], &[]);
        check(5, &[2, 3], &[7]);
        check(5, &[2, 3, 4], &[]);
        let lonely = crate::etcd::raft::tests::kv::node_of_three(1).read_index(ReadId(7));
        assert_eq!(lonely, Err(ProposeError::NoLeader));
    }
}
