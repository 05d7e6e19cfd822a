//! What a member says of itself: for `etcdctl endpoint status`, the panel, and tests.
//!
//! Models `status.go` (etcd-io/raft) and `IsLearnerReady` of `server/etcdserver/server.go` (etcd).

use crate::etcd::raft::entry::Machine;
use crate::etcd::raft::log::Log;
use crate::etcd::raft::membership::Membership;
use crate::etcd::raft::node::{Node, Role, RoleName};
use crate::etcd::raft::number::{LogIndex, NodeId, Term};
use crate::etcd::raft::progress::Progress;

impl<M: Machine> Node<M> {
    /// Its number.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Its term.
    pub fn term(&self) -> Term {
        self.term
    }

    /// Whom it voted for in its term.
    pub fn vote(&self) -> Option<NodeId> {
        self.vote
    }

    /// The leader, as far as it knows.
    pub fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// What it is.
    pub fn role(&self) -> RoleName {
        self.role.name()
    }

    /// Does it lead?
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// Does it learn, as far as it knows?
    pub fn is_learner(&self) -> bool {
        self.membership.is_learner(self.id)
    }

    /// The members, as of what it has applied.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// Its log.
    pub fn log(&self) -> &Log<M> {
        &self.log
    }

    /// Ticks since it heard from its leader, and how many of them make it campaign; of a leader, since it last looked for its
    /// majority, and how many are between two looks.
    pub fn election_clock(&self) -> (u32, u32) {
        let of = if self.is_leader() { self.config.election_ticks } else { self.election_timeout };
        (self.election_elapsed, of)
    }

    /// What a leader knows of each member, itself with it; nothing if it does not lead.
    pub fn progress(&self) -> impl Iterator<Item = (NodeId, &Progress)> {
        let leader = if let Role::Leader(leader) = &self.role { Some(leader) } else { None };
        leader.into_iter().flat_map(|leader| leader.progress.iter()).map(|(id, progress)| (*id, progress))
    }

    /// The votes that a candidate (or who asks whether it could win) has been answered; nothing of others.
    pub fn votes(&self) -> impl Iterator<Item = (NodeId, bool)> {
        let votes = match &self.role {
            Role::PreCandidate { votes } | Role::Candidate { votes } => Some(votes),
            Role::Follower | Role::Leader(_) => None,
        };
        votes.into_iter().flat_map(|votes| votes.iter()).map(|(id, yes)| (*id, *yes))
    }

    /// For whom the leader makes way.
    pub fn transferee(&self) -> Option<NodeId> {
        if let Role::Leader(leader) = &self.role { leader.transferee } else { None }
    }

    /// All of that in one line.
    pub fn summary(&self) -> String {
        let leader = self.leader.map_or_else(|| "none".to_owned(), |id| id.to_string());
        let log = &self.log;
        let (role, applied, committed, last) = (self.role(), log.applied(), log.committed(), log.last());
        let (id, term, members) = (self.id, self.term, &self.membership);
        format!("{id} {role} term={term} leader={leader} last={last} committed={committed} applied={applied} {members}")
    }

    /// May the learner be promoted? Its log must reach nine tenths of the leader's. `None` if this member does not lead or
    /// there is no such learner.
    pub fn is_learner_ready(&self, id: NodeId) -> Option<bool> {
        let matched = |id| self.progress().find(|(other, _)| *other == id).map(|(_, progress)| progress.matched);
        let (learner, leader): (LogIndex, LogIndex) = (matched(id)?, matched(self.id)?);
        self.membership.is_learner(id).then(|| learner.0.saturating_mul(10) >= leader.0.saturating_mul(9))
    }
}

#[cfg(test)]
mod tests {
    use crate::etcd::raft::tests::cluster::led;
    use crate::etcd::raft::tests::kv::Kv;
    use crate::etcd::raft::{Change, NodeId, Storage};

    #[test]
    fn a_learner_is_ready_once_its_log_reaches_nine_tenths_of_the_leaders() {
        let mut cluster = led(3);
        let ready = |cluster: &crate::etcd::raft::tests::cluster::Cluster, at: u64, learner: u64| {
            cluster.node(NodeId(at)).unwrap().is_learner_ready(NodeId(learner))
        };
        cluster.with(NodeId(1), |node| node.propose_change(Change::AddLearner(NodeId(4)), None)).unwrap().unwrap();
        cluster.settle();
        assert_eq!(ready(&cluster, 1, 4), Some(false));
        cluster.join(NodeId(4), Storage::empty(Kv::default()));
        cluster.with(NodeId(1), |node| node.tick());
        cluster.settle();
        assert_eq!(ready(&cluster, 1, 4), Some(true));
        assert_eq!(ready(&cluster, 1, 2), None, "it votes already");
        assert_eq!(ready(&cluster, 2, 4), None, "only the leader knows");
    }
}
