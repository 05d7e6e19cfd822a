//! Replication: proposals become entries, entries reach followers, a majority's entries are committed.
//!
//! Raft paper §5.3 and §5.4.2; dissertation §10.2.1. Models `appendEntry`, `maybeSendAppend`, `handleAppendEntries`, the
//! `MsgProp` and `MsgAppResp` parts of `stepLeader`, and `maybeCommit` of `raft.go` (etcd-io/raft).
//!
//! Where the logs part is found in steps of terms, not of entries. The leader's log and the follower's:
//!
//! ```text
//! index   1 2 3 4 5 6 7 8
//! leader  1 3 3 3 5 5 5 5     probe after 8 (term 5): rejected, "my last entry of term <= 5 is 6, of term 2"
//! follow  1 1 1 1 2 2         probe after 1, the leader's last entry of term <= 2: accepted
//! ```

use std::sync::Arc;

use crate::etcd::raft::entry::{Content, Entry, Machine};
use crate::etcd::raft::membership::Change;
use crate::etcd::raft::message::Body;
use crate::etcd::raft::node::{Node, ProposeError, Role, StepError};
use crate::etcd::raft::number::{EntryId, LogIndex, NodeId, Term};
use crate::etcd::raft::progress::Phase;

/// What became of a proposal. Neither means that it will be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proposed {
    /// This member leads, and this entry of its log is it.
    Appended(EntryId),
    /// It was sent to the leader.
    Forwarded(NodeId),
}

impl<M: Machine> Node<M> {
    /// Proposes a command.
    ///
    /// # Errors
    /// If no leader is known or the leader makes way.
    pub fn propose(&mut self, command: Arc<M::Command>) -> Result<Proposed, ProposeError> {
        self.propose_content(Content::Command(command))
    }

    /// Proposes a change of the membership, and what the machine is told when it is applied.
    ///
    /// # Errors
    /// As [`Node::propose`]; also if the last change is not applied yet or the change makes no sense.
    pub fn propose_change(
        &mut self,
        change: Change,
        context: Option<Arc<M::Command>>,
    ) -> Result<Proposed, ProposeError> {
        self.propose_content(Content::Change(change, context))
    }

    fn propose_content(&mut self, content: Content<M>) -> Result<Proposed, ProposeError> {
        match (&self.role, self.leader) {
            (Role::Leader(_), _) => {
                let id = self.accept_proposal(content)?;
                self.broadcast_append();
                Ok(Proposed::Appended(id))
            }
            (Role::Follower, Some(leader)) => {
                self.outbox.send(leader, None, Body::Propose(vec![content]));
                Ok(Proposed::Forwarded(leader))
            }
            _ => Err(ProposeError::NoLeader),
        }
    }

    /// A member passes on what was proposed to it.
    pub(super) fn handle_proposal(&mut self, contents: Vec<Content<M>>) -> Result<(), StepError> {
        for content in contents {
            self.propose_content(content).map_err(StepError::Refused)?;
        }
        Ok(())
    }

    /// The leader makes a proposal an entry of its log.
    fn accept_proposal(&mut self, content: Content<M>) -> Result<EntryId, ProposeError> {
        let Role::Leader(leader) = &mut self.role else { return Err(ProposeError::NoLeader) };
        if !self.membership.contains(self.id) {
            return Err(ProposeError::Removed);
        }
        if leader.transferee.is_some() {
            return Err(ProposeError::Transferring);
        }
        if let Content::Change(change, _) = &content {
            // One at a time, and none before the term has committed something: else two leaders could each let one
            // through that the other does not know of, and two majorities need not overlap.
            if leader.change_barrier > self.log.applied() || !self.log.has_committed_in(self.term) {
                return Err(ProposeError::ChangePending);
            }
            self.membership.after(*change).map_err(ProposeError::Change)?;
            leader.change_barrier = self.log.last_index().next();
        }
        Ok(self.append_own(content))
    }

    /// The leader writes an entry. It counts for itself once it is on disk.
    pub(super) fn append_own(&mut self, content: Content<M>) -> EntryId {
        let entry = Entry { term: self.term, index: self.log.last_index().next(), content };
        let id = entry.id();
        self.log.append(entry);
        self.outbox.send(self.id, Some(self.term), Body::AppendAccepted { last: id.index });
        id
    }

    /// Sends everybody what they lack, or at least up to where it is committed.
    pub(super) fn broadcast_append(&mut self) {
        for id in &self.membership.all() {
            if *id != self.id {
                self.send_append(*id, true);
            }
        }
    }

    /// Sends `to` what it lacks, as far as flow control lets it; an empty message only if `even_empty`. Says whether anything
    /// was sent.
    pub(super) fn send_append(&mut self, to: NodeId, even_empty: bool) -> bool {
        let Some(progress) = self.role.progress_mut(to) else { return false };
        if progress.is_paused() {
            return false;
        }
        let index = progress.next.previous();
        let Some(term) = self.log.term(index) else { return self.send_snapshot(to) };
        // A full window still lets an empty message through: were all that filled it lost, nothing else would tell.
        let entries = if progress.is_full() {
            Vec::new()
        } else {
            self.log.entries_from(progress.next, self.config.max_message_bytes)
        };
        if entries.is_empty() && !even_empty {
            return false;
        }
        let commit = self.log.committed();
        progress.sent(entries.last().map(|entry| entry.index), commit);
        let prev = EntryId { term, index };
        self.outbox.send(to, Some(self.term), Body::Append { prev, entries, commit });
        true
    }

    /// A leader's entries arrive.
    pub(super) fn handle_append(&mut self, from: NodeId, prev: EntryId, entries: &[Entry<M>], commit: LogIndex) {
        if !self.follow(from) {
            return;
        }
        let committed = self.log.committed();
        let body = if prev.index < committed {
            Body::AppendAccepted { last: committed }
        } else if let Some(last) = self.log.append_after(prev, entries, commit) {
            Body::AppendAccepted { last }
        } else {
            let hint = self.log.last_of_term_at_most(prev.term, prev.index);
            Body::AppendRejected { at: prev.index, hint }
        };
        self.outbox.send(from, Some(self.term), body);
    }

    /// A follower does not have what comes before the entries that were sent.
    pub(super) fn handle_rejected(&mut self, from: NodeId, at: LogIndex, hint: EntryId) {
        let part = if hint.term > Term::ZERO {
            self.log.last_of_term_at_most(hint.term, hint.index).index
        } else {
            hint.index
        };
        let Some(progress) = self.role.progress_mut(from) else { return };
        progress.active = true;
        if progress.rejected(at, part) {
            if matches!(progress.phase, Phase::Replicate { .. }) {
                progress.become_probe();
            }
            self.send_append(from, true);
        }
    }

    /// A follower (or this leader's own disk) has all up to `last`.
    pub(super) fn handle_accepted(&mut self, from: NodeId, last: LogIndex) -> Result<(), StepError> {
        let (first, own_last) = (self.log.first_index(), self.log.last_index());
        let Some(progress) = self.role.progress_mut(from) else { return Ok(()) };
        if last > own_last {
            return Err(StepError::Malformed);
        }
        progress.active = true;
        let news = progress.accepted(last);
        let found = progress.matched == last && progress.phase == Phase::Probe;
        if !news && !found {
            return Ok(());
        }
        match progress.phase {
            Phase::Probe => progress.become_replicate(),
            // Wherever the snapshot came from: it is enough that the log goes on from where the follower is.
            Phase::Snapshot { .. } if progress.matched.next() >= first => progress.become_replicate(),
            Phase::Snapshot { .. } => {}
            Phase::Replicate { .. } => progress.arrived(last),
        }
        if self.commit_what_majority_holds() {
            self.release_held_reads();
            self.broadcast_append();
        } else if from != self.id {
            let committed = self.log.committed();
            if self.role.progress_mut(from).is_some_and(|progress| progress.can_learn_commit(committed)) {
                self.send_append(from, true);
            }
        }
        if from != self.id {
            // The window has room again.
            while self.send_append(from, false) {}
            self.finish_transfer(from);
        }
        Ok(())
    }

    /// Commits what a majority holds, if the leader may. Says whether anything was committed.
    pub(super) fn commit_what_majority_holds(&mut self) -> bool {
        let Role::Leader(leader) = &self.role else { return false };
        let holds = |id: NodeId| leader.progress.get(&id).map_or(LogIndex::ZERO, |progress| progress.matched);
        let held = self.membership.held_by_majority(holds);
        self.log.commit_in_term(held, self.term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::raft::tests::cluster::led;
    use crate::etcd::raft::tests::kv::{Put, node_of_three};

    #[test]
    fn a_proposal_goes_to_the_leader_or_nowhere() {
        let put = || Arc::new(Put { key: 0, value: 1 });
        assert_eq!(node_of_three(1).propose(put()), Err(ProposeError::NoLeader));
        let mut cluster = led(3);
        let place = EntryId { term: Term(2), index: LogIndex(5) };
        assert_eq!(cluster.with(NodeId(1), |node| node.propose(put())), Some(Ok(Proposed::Appended(place))));
        assert_eq!(cluster.with(NodeId(2), |node| node.propose(put())), Some(Ok(Proposed::Forwarded(NodeId(1)))));
        cluster.settle();
        assert!(cluster.members.values().all(|member| member.machine.writes == 2));
    }

    #[test]
    fn no_change_is_taken_before_the_last_one_is_applied() {
        let mut cluster = led(3);
        let mut change = |id: u64, change| cluster.with(NodeId(id), |node| node.propose_change(change, None)).unwrap();
        assert!(change(1, Change::AddLearner(NodeId(4))).is_ok());
        assert_eq!(change(1, Change::AddLearner(NodeId(5))), Err(ProposeError::ChangePending));
        cluster.settle();
        let again = cluster.with(NodeId(1), |node| node.propose_change(Change::AddLearner(NodeId(5)), None)).unwrap();
        assert!(again.is_ok());
    }
}
