//! One member: what it knows, what reaches it, and who deals with it.
//!
//! Raft paper §5.1 and figure 2 ("rules for servers"). Models the `raft` struct, `Step` and the message loops of `raft.go`
//! (etcd-io/raft). Sans-IO: [`Node::step`], [`Node::tick`] and what a client asks for change the state and put messages out;
//! [`Node::ready`] hands out what is to be saved, sent and applied, [`Node::advance`] says that it was.

use std::fmt;

use crate::etcd::raft::config::Config;
use crate::etcd::raft::entry::{Entry, Machine};
use crate::etcd::raft::heartbeat::Leader;
use crate::etcd::raft::log::Log;
use crate::etcd::raft::membership::{ChangeError, Membership};
use crate::etcd::raft::message::{Ballot, Body, Message, Outbox};
use crate::etcd::raft::number::{EntryId, LogIndex, NodeId, Term};
use crate::etcd::raft::progress::Progress;
use crate::etcd::raft::read_index::ReadState;
use crate::etcd::raft::ready::Told;
use crate::etcd::raft::storage::Storage;
use crate::sim::{Rng, VecMap};

/// One member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node<M: Machine> {
    pub(super) id: NodeId,
    pub(super) config: Config,
    pub(super) rng: Rng,
    pub(super) term: Term,
    pub(super) vote: Option<NodeId>,
    pub(super) leader: Option<NodeId>,
    pub(super) role: Role,
    pub(super) log: Log<M>,
    pub(super) membership: Membership,
    /// Ticks since a follower heard from its leader, since a campaign began, since a leader last looked for its majority.
    pub(super) election_elapsed: u32,
    /// How many of them make this member campaign; drawn anew with every change of role.
    pub(super) election_timeout: u32,
    pub(super) outbox: Outbox<M>,
    pub(super) reads: Vec<ReadState>,
    pub(super) told: Told,
}

/// What a member is (figure 4).
///
/// ```text
/// Follower -- time-out --> PreCandidate -- majority would --> Candidate -- majority does --> Leader
///    ^---- a leader, a later term, refused by a majority ---------'               |
///    ^---- a later term, no majority heard of ------------------------------------'
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It follows a leader, or waits for one.
    Follower,
    /// It asks whether it could win.
    PreCandidate {
        /// What was answered.
        votes: VecMap<NodeId, bool>,
    },
    /// It campaigns in its term.
    Candidate {
        /// What was answered.
        votes: VecMap<NodeId, bool>,
    },
    /// It leads its term.
    Leader(Leader),
}

/// A role's name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleName {
    /// [`Role::Follower`].
    Follower,
    /// [`Role::PreCandidate`].
    PreCandidate,
    /// [`Role::Candidate`].
    Candidate,
    /// [`Role::Leader`].
    Leader,
}

impl Role {
    /// Its name.
    pub fn name(&self) -> RoleName {
        match self {
            Role::Follower => RoleName::Follower,
            Role::PreCandidate { .. } => RoleName::PreCandidate,
            Role::Candidate { .. } => RoleName::Candidate,
            Role::Leader(_) => RoleName::Leader,
        }
    }

    /// The progress of `id`, if this is a leader that keeps one.
    pub(super) fn progress_mut(&mut self, id: NodeId) -> Option<&mut Progress> {
        match self {
            Role::Leader(leader) => leader.progress.get_mut(&id),
            Role::Follower | Role::PreCandidate { .. } | Role::Candidate { .. } => None,
        }
    }
}

impl fmt::Display for RoleName {
    /// Upstream's word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RoleName::Follower => "StateFollower",
            RoleName::PreCandidate => "StatePreCandidate",
            RoleName::Candidate => "StateCandidate",
            RoleName::Leader => "StateLeader",
        })
    }
}

/// Why a message was not taken. None of these harms the member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepError {
    /// It is for somebody else.
    Misaddressed,
    /// It answers, but its sender is no member.
    Stranger(NodeId),
    /// It cannot have been sent by a correct member.
    Malformed,
    /// It proposes what cannot be.
    Refused(ProposeError),
}

/// Why a proposal, a read or a transfer was not taken. The client may try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProposeError {
    /// No leader is known.
    NoLeader,
    /// The leader makes way for another one.
    Transferring,
    /// This member was removed.
    Removed,
    /// An earlier change of the membership is under way, or this term has committed nothing yet.
    ChangePending,
    /// The change makes no sense.
    Change(ChangeError),
}

impl fmt::Display for ProposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProposeError::NoLeader => f.write_str("no leader"),
            ProposeError::Transferring => f.write_str("leadership is being transferred"),
            ProposeError::Removed => f.write_str("this member was removed"),
            ProposeError::ChangePending => f.write_str("a change of the membership is pending"),
            ProposeError::Change(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepError::Misaddressed => f.write_str("not for this member"),
            StepError::Stranger(id) => write!(f, "{id} is not a member"),
            StepError::Malformed => f.write_str("malformed"),
            StepError::Refused(error) => write!(f, "refused: {error}"),
        }
    }
}

impl std::error::Error for ProposeError {}
impl std::error::Error for StepError {}

impl<M: Machine> Node<M> {
    /// A member that starts, for the first time or again, with what is on its disk. `applied` says up to where its machine
    /// has applied the log and who belonged to the group then, if that is further than the snapshot; what is committed after
    /// that is handed out again.
    /// `rng` draws its election time-outs: each member's must differ.
    pub fn start(
        id: NodeId,
        config: Config,
        storage: Storage<M>,
        applied: Option<(LogIndex, Membership)>,
        rng: Rng,
    ) -> Node<M> {
        let hard = storage.hard_state();
        let (applied, membership) = applied.unzip();
        let membership = membership.unwrap_or_else(|| storage.snapshot().membership.clone());
        let log = Log::new(storage, applied);
        let mut node = Node {
            id,
            config: config.in_range(),
            rng,
            term: hard.term,
            vote: hard.vote,
            leader: None,
            role: Role::Follower,
            membership,
            log,
            election_elapsed: 0,
            election_timeout: 0,
            outbox: Outbox::new(id),
            reads: Vec::new(),
            told: Told::default(),
        };
        node.become_follower(hard.term, None);
        node.told = Told::of(&node);
        node
    }

    /// What a crash leaves of it: its disk. What was handed out but not yet said to be saved is lost.
    pub fn crash(self) -> Storage<M> {
        self.log.into_storage()
    }

    /// A unit of time passed: one heartbeat interval of etcd. Clocks may differ: what a fast or a slow one costs is an
    /// election too many or too late, never safety, for no read and no commit rests on a clock.
    pub fn tick(&mut self) {
        match self.role {
            Role::Leader(_) => self.tick_leader(),
            Role::Follower | Role::PreCandidate { .. } | Role::Candidate { .. } => self.tick_election(),
        }
    }

    /// A message arrives.
    ///
    /// # Errors
    /// If it is not taken; the member is as it was, but for a later term that the message told of.
    pub fn step(&mut self, message: Message<M>) -> Result<(), StepError> {
        if message.to != self.id {
            return Err(StepError::Misaddressed);
        }
        if message.from == self.id || !is_well_formed(&message) {
            return Err(StepError::Malformed);
        }
        if message.body.is_reply() && !self.membership.contains(message.from) {
            return Err(StepError::Stranger(message.from));
        }
        self.receive(message)
    }

    /// A message that passed the checks, or one of this member's to itself, arrives.
    pub(super) fn receive(&mut self, message: Message<M>) -> Result<(), StepError> {
        let term = message.term.unwrap_or(self.term);
        if term > self.term {
            if !self.heeds_later_term(&message, term) {
                return Ok(());
            }
        } else if term < self.term {
            self.answer_earlier_term(&message);
            return Ok(());
        }
        self.dispatch(message, term)
    }

    /// A message of a later term ends what this member was, unless it only asks what could be, or comes from a candidate while
    /// the leader lives. Says whether to go on with it.
    fn heeds_later_term(&mut self, message: &Message<M>, term: Term) -> bool {
        if let Body::Vote { transfer: false, .. } = message.body
            && self.hears_from_leader()
        {
            return false;
        }
        match message.body {
            Body::Vote { ballot: Ballot::Pre, .. } | Body::VoteReply { ballot: Ballot::Pre, granted: true } => {}
            _ => {
                let leader = message.body.is_from_leader().then_some(message.from);
                self.become_follower(term, leader);
            }
        }
        true
    }

    /// A message of an earlier term is answered only where its sender would otherwise never learn of the later one: a member
    /// that cannot win with check-quorum or pre-vote on has no other way to be heard.
    fn answer_earlier_term(&mut self, message: &Message<M>) {
        match message.body {
            Body::Append { .. } | Body::Heartbeat { .. } if self.config.check_quorum || self.config.pre_vote => {
                let body = Body::AppendAccepted { last: LogIndex::ZERO };
                self.outbox.send(message.from, Some(self.term), body);
            }
            Body::Vote { ballot: Ballot::Pre, .. } => {
                let body = Body::VoteReply { ballot: Ballot::Pre, granted: false };
                self.outbox.send(message.from, Some(self.term), body);
            }
            _ => {}
        }
    }

    fn dispatch(&mut self, message: Message<M>, term: Term) -> Result<(), StepError> {
        let from = message.from;
        match message.body {
            Body::Vote { ballot, last, .. } => self.handle_vote(from, term, ballot, last),
            Body::VoteReply { ballot, granted } => self.handle_vote_reply(from, ballot, granted),
            Body::Append { prev, entries, commit } => self.handle_append(from, prev, &entries, commit),
            Body::AppendAccepted { last } => return self.handle_accepted(from, last),
            Body::AppendRejected { at, hint } => self.handle_rejected(from, at, hint),
            Body::Heartbeat { commit, read } => {
                if self.follow(from) {
                    self.log.commit_to(commit);
                    self.outbox.send(from, Some(self.term), Body::HeartbeatReply { read });
                }
            }
            Body::HeartbeatReply { read } => self.handle_heartbeat_reply(from, read),
            Body::Snapshot(snapshot) => {
                if self.follow(from) {
                    self.handle_snapshot(from, snapshot);
                }
            }
            Body::Propose(contents) => return self.handle_proposal(contents),
            Body::ReadRequest(id) => self.handle_read_request(from, id),
            Body::ReadReply { id, index } => self.handle_read_reply(id, index),
            Body::Transfer { target } => self.handle_transfer(target),
            Body::TimeoutNow => self.handle_timeout_now(),
        }
        Ok(())
    }

    /// The leader of this term was heard of. Says whether this member follows it: a leader follows nobody in its own term.
    pub(super) fn follow(&mut self, leader: NodeId) -> bool {
        match self.role {
            Role::Leader(_) => return false,
            Role::PreCandidate { .. } | Role::Candidate { .. } => self.become_follower(self.term, Some(leader)),
            Role::Follower => {
                self.election_elapsed = 0;
                self.leader = Some(leader);
            }
        }
        true
    }
}

/// No term and no place that a group comes to is as great as this; after the greatest number there would be no next.
const BEYOND: u64 = u64::MAX / 2;

/// Can a correct member have sent it?
fn is_well_formed<M: Machine>(message: &Message<M>) -> bool {
    if message.term.is_some_and(|term| term.0 >= BEYOND) {
        return false;
    }
    let timeless = matches!(message.body, Body::Propose(_) | Body::ReadRequest(_));
    match (&message.body, message.term) {
        (Body::Append { prev, entries, .. }, Some(term)) => follow_each_other(*prev, entries, term),
        (Body::Snapshot(snapshot), Some(term)) => snapshot.last.term <= term && snapshot.last.index.0 < BEYOND,
        (Body::Propose(contents), None) => !contents.is_empty(),
        (_, term) => term.is_none() == timeless,
    }
}

/// Do `entries` follow `prev` without a gap, their terms never going down and none after `term`?
fn follow_each_other<M: Machine>(prev: EntryId, entries: &[Entry<M>], term: Term) -> bool {
    let mut last = prev;
    let fits = |entry: &Entry<M>| {
        let fits = entry.index == last.index.next() && entry.term >= last.term && entry.term <= term;
        last = entry.id();
        fits
    };
    prev.term <= term && entries.iter().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::raft::tests::kv::{Kv, append, entries, node_of_three};

    #[test]
    fn a_message_that_no_correct_member_sends_is_refused() {
        let check = |message: Message<Kv>, error: StepError| {
            let mut node = node_of_three(1);
            let before = node.clone();
            assert_eq!(node.step(message), Err(error));
            assert_eq!(node, before);
        };
        let message = |from: u64, to: u64, term: Option<u64>, body| Message {
            from: NodeId(from),
            to: NodeId(to),
            term: term.map(Term),
            body,
        };
        check(message(2, 3, Some(1), Body::TimeoutNow), StepError::Misaddressed);
        check(message(1, 1, Some(1), Body::TimeoutNow), StepError::Malformed);
        check(message(2, 1, None, Body::TimeoutNow), StepError::Malformed);
        check(message(2, 1, Some(1), Body::Propose(vec![])), StepError::Malformed);
        check(message(2, 1, None, Body::Propose(vec![])), StepError::Malformed);
        check(message(9, 1, Some(1), Body::AppendAccepted { last: LogIndex(1) }), StepError::Stranger(NodeId(9)));
        check(append(2, 1, 2, (1, 3), entries(&[(2, 5)])), StepError::Malformed);
        check(append(2, 1, 2, (1, 3), entries(&[(3, 4)])), StepError::Malformed);
        check(append(2, 1, 2, (2, 3), entries(&[(1, 4)])), StepError::Malformed);
    }

    #[test]
    fn a_committed_entry_is_never_rewritten() {
        let check = |prev: (u64, u64), sent: &[(u64, u64)], last: (u64, u64)| {
            let mut node = node_of_three(1);
            node.step(append(2, 1, 2, prev, entries(sent))).unwrap();
            let last = EntryId { term: Term(last.0), index: LogIndex(last.1) };
            assert_eq!(node.log.last(), last, "{prev:?} {sent:?}");
        };
        check((1, 2), &[(2, 3)], (1, 3));
        check((0, 0), &[(2, 1), (2, 2), (2, 3), (2, 4)], (1, 3));
        check((1, 3), &[(2, 4)], (2, 4));
    }
}
