//! What a leader does by the clock: heartbeats, and looking for its majority.
//!
//! Raft paper §5.2 (heartbeats); dissertation §6.2 (a leader that hears from no majority steps down). Models `tickHeartbeat`,
//! `bcastHeartbeat`, `becomeLeader` and `MsgCheckQuorum` of `raft.go` (etcd-io/raft).

use crate::etcd::raft::entry::{Content, Machine};
use crate::etcd::raft::message::Body;
use crate::etcd::raft::node::{Node, Role};
use crate::etcd::raft::number::{LogIndex, NodeId, ReadId};
use crate::etcd::raft::progress::{Phase, Progress};
use crate::etcd::raft::read_index::PendingReads;
use crate::sim::VecMap;

/// What only a leader knows; forgotten when it steps down.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leader {
    /// Each member's progress, its own with it.
    pub progress: VecMap<NodeId, Progress>,
    /// Ticks since the last heartbeat.
    pub(super) heartbeat_elapsed: u32,
    /// For whom it makes way.
    pub transferee: Option<NodeId>,
    /// No change of the membership may be proposed before all up to here is applied.
    pub(super) change_barrier: LogIndex,
    pub(super) reads: PendingReads,
}

impl<M: Machine> Node<M> {
    /// Begins its term as leader, with an entry that says nothing.
    pub(super) fn become_leader(&mut self) {
        self.reset(self.term);
        self.leader = Some(self.id);
        let last = self.log.last_index();
        let mut progress: VecMap<NodeId, Progress> = VecMap::new();
        for id in &self.membership.all() {
            progress.insert(*id, Progress::new(last.next(), self.config.max_inflight));
        }
        if let Some(own) = progress.get_mut(&self.id) {
            own.accepted(last);
            own.become_replicate();
            own.active = true;
        }
        let reads = PendingReads::default();
        self.role =
            Role::Leader(Leader { progress, heartbeat_elapsed: 0, transferee: None, change_barrier: last, reads });
        self.append_own(Content::Empty);
    }

    pub(super) fn tick_leader(&mut self) {
        let Role::Leader(leader) = &mut self.role else { return };
        leader.heartbeat_elapsed = leader.heartbeat_elapsed.saturating_add(1);
        self.election_elapsed = self.election_elapsed.saturating_add(1);
        if self.election_elapsed >= self.config.election_ticks {
            self.election_elapsed = 0;
            // Whoever was to take over has not.
            leader.transferee = None;
            if self.config.check_quorum {
                self.look_for_majority();
            }
        }
        let due = self.config.heartbeat_ticks;
        if let Role::Leader(leader) = &mut self.role
            && leader.heartbeat_elapsed >= due
        {
            leader.heartbeat_elapsed = 0;
            let read = leader.reads.last();
            self.broadcast_heartbeat(read);
        }
    }

    /// Steps down unless a majority was heard of since the last look.
    fn look_for_majority(&mut self) {
        let Role::Leader(leader) = &mut self.role else { return };
        let heard = |id: NodeId| leader.progress.get(&id).is_some_and(|progress| progress.active);
        if !self.membership.is_majority(heard) {
            self.become_follower(self.term, None);
            return;
        }
        for (id, progress) in leader.progress.iter_mut() {
            progress.active = *id == self.id;
        }
    }

    pub(super) fn broadcast_heartbeat(&mut self, read: Option<ReadId>) {
        let Role::Leader(leader) = &mut self.role else { return };
        for (id, progress) in leader.progress.iter_mut().filter(|(id, _)| **id != self.id) {
            // Never further than what the follower is known to hold: what it has beyond may not be the leader's.
            let commit = progress.matched.min(self.log.committed());
            self.outbox.send(*id, Some(self.term), Body::Heartbeat { commit, read });
            progress.sent_commit_in_heartbeat(commit);
        }
    }

    /// A follower lives: a probe may go again, and what it lacks.
    pub(super) fn handle_heartbeat_reply(&mut self, from: NodeId, read: Option<ReadId>) {
        let last = self.log.last_index();
        let Some(progress) = self.role.progress_mut(from) else { return };
        progress.active = true;
        progress.paused = false;
        if progress.matched < last || progress.phase == Phase::Probe {
            self.send_append(from, true);
        }
        if let Some(read) = read {
            self.confirm_read(from, read);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::etcd::raft::tests::cluster::led;
    use crate::etcd::raft::{Body, LogIndex, NodeId, RoleName};

    #[test]
    fn a_leader_speaks_with_every_tick() {
        let mut cluster = led(3);
        for beats in 1..=3 {
            cluster.with(NodeId(1), |node| node.tick());
            cluster.begin(NodeId(1));
            cluster.finish(NodeId(1));
            let is_beat = |body: &Body<_>| *body == Body::Heartbeat { commit: LogIndex(4), read: None };
            assert_eq!(cluster.network.iter().filter(|message| is_beat(&message.body)).count(), 2 * beats);
        }
    }

    #[test]
    fn a_leader_that_hears_from_nobody_steps_down_at_the_second_look() {
        let mut cluster = led(3);
        let role_after = |cluster: &mut crate::etcd::raft::tests::cluster::Cluster, ticks: u32| {
            for _ in 0..ticks {
                cluster.with(NodeId(1), |node| node.tick());
            }
            cluster.node(NodeId(1)).unwrap().role()
        };
        assert_eq!(role_after(&mut cluster, 19), RoleName::Leader);
        assert_eq!(role_after(&mut cluster, 1), RoleName::Follower);
    }
}
