//! A leader makes way for a member of its choice.
//!
//! Dissertation §3.10. Models the `MsgTransferLeader` and `MsgTimeoutNow` parts of `raft.go` (etcd-io/raft).
//!
//! ```text
//! 1. the leader takes no more proposals and brings the target's log up to its own
//! 2. it tells the target to campaign at once; the target asks nobody whether it could win, and nobody refuses it for having
//!    heard of a leader
//! 3. the target's later term ends the leader; if nothing comes of it within an election time-out, the leader goes on
//! ```

use crate::etcd::raft::election::Campaign;
use crate::etcd::raft::entry::Machine;
use crate::etcd::raft::message::Body;
use crate::etcd::raft::node::{Node, ProposeError, Role};
use crate::etcd::raft::number::NodeId;

impl<M: Machine> Node<M> {
    /// Asks that `target` become leader. Nothing comes of it if `target` does not vote.
    ///
    /// # Errors
    /// If no leader is known.
    pub fn transfer_leadership(&mut self, target: NodeId) -> Result<(), ProposeError> {
        match (&self.role, self.leader) {
            (Role::Leader(_), _) => self.handle_transfer(target),
            (Role::Follower, Some(leader)) => {
                self.outbox.send(leader, Some(self.term), Body::Transfer { target });
            }
            _ => return Err(ProposeError::NoLeader),
        }
        Ok(())
    }

    /// The leader shall make way for `target`. A later wish takes the place of an earlier one.
    pub(super) fn handle_transfer(&mut self, target: NodeId) {
        let Role::Leader(leader) = &mut self.role else { return };
        if !self.membership.is_voter(target) || leader.transferee == Some(target) {
            return;
        }
        leader.transferee = None;
        if target == self.id {
            return;
        }
        leader.transferee = Some(target);
        self.election_elapsed = 0;
        if !self.finish_transfer(target) {
            self.send_append(target, true);
        }
    }

    /// If the leader makes way for `target`, whose log is now its own, tells it so. Says whether it did.
    pub(super) fn finish_transfer(&mut self, target: NodeId) -> bool {
        let last = self.log.last_index();
        let Role::Leader(leader) = &self.role else { return false };
        let caught_up = leader.progress.get(&target).is_some_and(|progress| progress.matched == last);
        let ready = leader.transferee == Some(target) && caught_up;
        if ready {
            self.outbox.send(target, Some(self.term), Body::TimeoutNow);
        }
        ready
    }

    /// The leader makes way for this member.
    pub(super) fn handle_timeout_now(&mut self) {
        if self.role == Role::Follower {
            self.start_campaign(Campaign::Transfer);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::etcd::raft::tests::cluster::led;
    use crate::etcd::raft::{Change, NodeId, Storage};

    #[test]
    fn a_leader_makes_way_for_voters_only() {
        let check = |target: u64, leads: u64| {
            let mut cluster = led(3);
            cluster.join(NodeId(4), Storage::empty(crate::etcd::raft::tests::kv::Kv::default()));
            cluster.with(NodeId(1), |node| node.propose_change(Change::AddLearner(NodeId(4)), None)).unwrap().unwrap();
            cluster.settle();
            cluster.with(NodeId(1), |node| node.transfer_leadership(NodeId(target))).unwrap().unwrap();
            cluster.settle();
            assert_eq!(cluster.leader(), Some(NodeId(leads)), "to {target}");
        };
        check(2, 2);
        check(1, 1);
        check(4, 1);
        check(9, 1);
    }
}
