//! What a member wants done, handed out in rounds.
//!
//! Raft paper figure 2; dissertation §3.8 and §10.2.1. Models `Ready` of `node.go` and `Ready`, `Advance` and `HasReady` of
//! `rawnode.go` (etcd-io/raft). There, a follower's messages all wait for the disk and a leader's may go before; here each
//! round says which may.
//!
//! ```text
//! ready  -> send `messages`; write `snapshot`, `entries`, `hard`; then send `replies`; then apply `snapshot`, `committed`
//! advance   all of that is done; in between, messages and ticks may come, but no further round
//! ```

use crate::etcd::raft::entry::{Content, Entry, Machine};
use crate::etcd::raft::membership::Change;
use crate::etcd::raft::message::Message;
use crate::etcd::raft::node::{Node, Role, RoleName};
use crate::etcd::raft::number::{LogIndex, NodeId};
use crate::etcd::raft::progress::Progress;
use crate::etcd::raft::read_index::ReadState;
use crate::etcd::raft::snapshot::Snapshot;
use crate::etcd::raft::storage::HardState;

/// Who leads and what this member is; not kept on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SoftState {
    /// The leader, as far as this member knows.
    pub leader: Option<NodeId>,
    /// What this member is.
    pub role: RoleName,
}

/// One round of work.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ready<M: Machine> {
    /// Who leads, if that or the role changed.
    pub soft: Option<SoftState>,
    /// Promises to write, if they changed.
    pub hard: Option<HardState>,
    /// A snapshot to write in place of the whole log, and to put in place of the machine.
    pub snapshot: Option<Snapshot<M>>,
    /// Entries to write.
    pub entries: Vec<Entry<M>>,
    /// Entries to apply, in order. Changes of the membership the member applies itself, in [`Node::advance`].
    pub committed: Vec<Entry<M>>,
    /// To send at once.
    pub messages: Vec<Message<M>>,
    /// To send once all is written.
    pub replies: Vec<Message<M>>,
    /// Reads that may be answered once their index is applied.
    pub reads: Vec<ReadState>,
    /// Promises of this member to itself: they count once all is written.
    own: Vec<Message<M>>,
}

impl<M: Machine> Ready<M> {
    /// Must the disk be waited for? Where only the commit index changed, it need not.
    pub fn must_sync(&self, before: HardState) -> bool {
        let promised = self.hard.is_some_and(|hard| (hard.term, hard.vote) != (before.term, before.vote));
        promised || !self.entries.is_empty() || self.snapshot.is_some()
    }

    /// How many bytes of entries it writes.
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(Entry::size).sum()
    }
}

/// What was handed out last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Told {
    soft: Option<SoftState>,
    hard: HardState,
    /// A round is out.
    busy: bool,
}

impl Told {
    pub fn of<M: Machine>(node: &Node<M>) -> Told {
        Told { soft: Some(node.soft_state()), hard: node.hard_state(), busy: false }
    }
}

impl<M: Machine> Node<M> {
    /// Who leads and what this member is.
    pub fn soft_state(&self) -> SoftState {
        SoftState { leader: self.leader, role: self.role.name() }
    }

    /// What must be on disk.
    pub fn hard_state(&self) -> HardState {
        HardState { term: self.term, vote: self.vote, commit: self.log.committed() }
    }

    /// Is there a round of work to hand out?
    pub fn has_ready(&self) -> bool {
        !self.told.busy
            && (self.log.has_work()
                || !self.outbox.now.is_empty()
                || !self.outbox.once_saved.is_empty()
                || !self.reads.is_empty()
                || self.told.soft != Some(self.soft_state())
                || self.told.hard != self.hard_state())
    }

    /// The next round of work, if there is any and the last one is done.
    pub fn ready(&mut self) -> Option<Ready<M>> {
        if !self.has_ready() {
            return None;
        }
        let (snapshot, entries) = self.log.to_save();
        let (own, replies) = std::mem::take(&mut self.outbox.once_saved).into_iter().partition(|m| m.to == self.id);
        let (soft, hard) = (self.soft_state(), self.hard_state());
        let ready = Ready {
            soft: (self.told.soft != Some(soft)).then_some(soft),
            hard: (self.told.hard != hard).then_some(hard),
            snapshot,
            entries,
            committed: self.log.to_apply(self.config.max_message_bytes),
            messages: std::mem::take(&mut self.outbox.now),
            replies,
            reads: std::mem::take(&mut self.reads),
            own,
        };
        self.told = Told { soft: Some(soft), hard, busy: true };
        Some(ready)
    }

    /// The round is done: written, sent, applied.
    pub fn advance(&mut self, ready: Ready<M>) {
        self.told.busy = false;
        self.log.saved(ready.snapshot.as_ref(), &ready.entries);
        if let Some(hard) = ready.hard {
            self.log.storage_mut().write_hard_state(hard);
        }
        if let Some(last) = ready.committed.last() {
            self.log.applied_to(last.index);
        }
        for entry in &ready.committed {
            if let Content::Change(change, _) = entry.content {
                self.apply_change(change);
            }
        }
        for message in ready.own {
            // Only proposals and others' messages can be refused.
            let _ = self.receive(message);
        }
    }

    /// A change of the membership is committed. One that makes no sense any more changes nothing, on all members alike.
    ///
    /// A leader that is removed goes on leading, though it takes no proposals: the others must still learn from it that its
    /// removal is committed. etcd's server stops it a second later.
    fn apply_change(&mut self, change: Change) {
        let Ok(membership) = self.membership.after(change) else { return };
        self.membership = membership;
        let last = self.log.last_index();
        let Role::Leader(leader) = &mut self.role else { return };
        leader.progress.retain(|id, _| self.membership.contains(*id));
        for id in &self.membership.all() {
            // Who is new counts as heard of, or the next look for a majority could come before its first word.
            leader.progress.entry(*id).or_insert_with(|| {
                let mut progress = Progress::new(last.max(LogIndex(1)), self.config.max_inflight);
                progress.active = true;
                progress
            });
        }
        leader.transferee = leader.transferee.filter(|id| self.membership.is_voter(*id));
        if self.commit_what_majority_holds() {
            self.release_held_reads();
            self.broadcast_append();
        } else {
            for id in &self.membership.all() {
                if *id != self.id {
                    self.send_append(*id, false);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::raft::tests::kv::{append, entries, node_of_three};

    #[test]
    fn one_round_is_out_at_a_time_and_what_comes_meanwhile_waits() {
        let mut node = node_of_three(1);
        node.step(append(2, 1, 2, (1, 3), entries(&[(2, 4)]))).unwrap();
        let first = node.ready().unwrap();
        assert_eq!((first.entries.len(), first.replies.len()), (1, 1));
        // A later leader takes the entry back while the disk is slow.
        node.step(append(3, 1, 3, (1, 3), entries(&[(3, 4), (3, 5)]))).unwrap();
        assert!(node.ready().is_none() && !node.has_ready());
        node.advance(first);
        let second = node.ready().unwrap();
        assert_eq!(second.entries, entries(&[(3, 4), (3, 5)]));
        node.advance(second);
        let written: Vec<_> = node.crash().entries().filter(|entry| entry.index > LogIndex(3)).cloned().collect();
        assert_eq!(written, entries(&[(3, 4), (3, 5)]));
    }

    #[test]
    fn the_disk_is_waited_for_where_something_is_promised() {
        let mut node = node_of_three(1);
        let before = node.hard_state();
        node.step(append(2, 1, 2, (1, 3), Vec::new())).unwrap();
        let ready = node.ready().unwrap();
        assert!(ready.must_sync(before), "a later term is a promise");
        let later = HardState { term: ready.hard.unwrap().term, ..before };
        assert!(!ready.must_sync(later));
    }
}
