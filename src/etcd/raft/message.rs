//! What members tell each other. Every message may be lost, late, doubled or overtaken.
//!
//! Raft paper figure 2 (the two calls and their answers) and §7 (`InstallSnapshot`); dissertation §3.10, §6.4, §9.6. Models
//! `Message` and `MessageType` of `raftpb/raft.proto` (etcd-io/raft). There, one struct has the fields of all kinds; here
//! each kind has its own. The names are upstream's.

use std::fmt;

use crate::etcd::raft::entry::{Content, Entry, Machine};
use crate::etcd::raft::number::{EntryId, LogIndex, NodeId, ReadId, Term};
use crate::etcd::raft::snapshot::Snapshot;

/// A message from one member to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message<M: Machine> {
    /// Who sends it.
    pub from: NodeId,
    /// Who shall have it.
    pub to: NodeId,
    /// The sender's term (for pre-votes: the term that would be campaigned for); `None` of what a client could have said at
    /// the leader as well: it holds in every term.
    pub term: Option<Term>,
    /// What it says.
    pub body: Body<M>,
}

/// For what a vote is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ballot {
    /// "Would you vote for me?": binds nobody (dissertation §9.6).
    Pre,
    /// "Vote for me": a promise for the term, written to disk before it is given.
    Real,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Body<M: Machine> {
    /// Asks for a vote (§5.2).
    Vote {
        /// A real one?
        ballot: Ballot,
        /// The candidate's last entry (§5.4.1).
        last: EntryId,
        /// The leader itself wants this candidate, so that having heard from a leader is no reason to refuse
        /// (dissertation §4.2.3).
        transfer: bool,
    },
    /// Gives or refuses a vote.
    VoteReply {
        /// A real one?
        ballot: Ballot,
        /// Given?
        granted: bool,
    },
    /// Entries for a follower, or none: to probe, or to tell what is committed (§5.3).
    Append {
        /// The entry before the first one.
        prev: EntryId,
        /// The entries, without a gap.
        entries: Vec<Entry<M>>,
        /// Up to where the leader has committed.
        commit: LogIndex,
    },
    /// The follower's log matches the leader's up to `last`, and that is on its disk.
    AppendAccepted {
        /// Up to where.
        last: LogIndex,
    },
    /// The follower does not have the entry before the first one.
    AppendRejected {
        /// The index of that entry.
        at: LogIndex,
        /// The last entry of the follower's that may match (§5.3, the faster way back).
        hint: EntryId,
    },
    /// The leader lives (§5.2); carries the last request to read that waits for a majority.
    Heartbeat {
        /// Up to where the leader has committed, as far as the follower is known to match.
        commit: LogIndex,
        /// The read that an answer confirms (dissertation §6.4).
        read: Option<ReadId>,
    },
    /// The follower heard the heartbeat.
    HeartbeatReply {
        /// The heartbeat's read.
        read: Option<ReadId>,
    },
    /// The machine as a whole, for a follower that needs entries which are gone (§7).
    Snapshot(Snapshot<M>),
    /// Commands or a change that a follower was given, for the leader.
    Propose(Vec<Content<M>>),
    /// A read that a follower was asked for, for the leader.
    ReadRequest(ReadId),
    /// Whoever has applied up to `index` may answer the read (dissertation §6.4).
    ReadReply {
        /// Which read.
        id: ReadId,
        /// From where on it is current.
        index: LogIndex,
    },
    /// The leader shall make way for `target`; passed on to it by a follower.
    Transfer {
        /// Who shall lead.
        target: NodeId,
    },
    /// Campaign at once: the leader makes way (dissertation §3.10).
    TimeoutNow,
}

impl<M: Machine> Body<M> {
    /// Upstream's name of the kind.
    pub fn name(&self) -> &'static str {
        match self {
            Body::Vote { ballot: Ballot::Pre, .. } => "MsgPreVote",
            Body::Vote { ballot: Ballot::Real, .. } => "MsgVote",
            Body::VoteReply { ballot: Ballot::Pre, .. } => "MsgPreVoteResp",
            Body::VoteReply { ballot: Ballot::Real, .. } => "MsgVoteResp",
            Body::Append { .. } => "MsgApp",
            Body::AppendAccepted { .. } | Body::AppendRejected { .. } => "MsgAppResp",
            Body::Heartbeat { .. } => "MsgHeartbeat",
            Body::HeartbeatReply { .. } => "MsgHeartbeatResp",
            Body::Snapshot(_) => "MsgSnap",
            Body::Propose(_) => "MsgProp",
            Body::ReadRequest(_) => "MsgReadIndex",
            Body::ReadReply { .. } => "MsgReadIndexResp",
            Body::Transfer { .. } => "MsgTransferLeader",
            Body::TimeoutNow => "MsgTimeoutNow",
        }
    }

    /// Is it the answer to a message? Those of strangers are not taken.
    pub fn is_reply(&self) -> bool {
        matches!(
            self,
            Body::VoteReply { .. }
                | Body::AppendAccepted { .. }
                | Body::AppendRejected { .. }
                | Body::HeartbeatReply { .. }
                | Body::ReadReply { .. }
        )
    }

    /// Does only a leader say such a thing?
    pub(super) fn is_from_leader(&self) -> bool {
        matches!(self, Body::Append { .. } | Body::Heartbeat { .. } | Body::Snapshot(_))
    }

    /// Is it a promise that must be on disk before it is given (dissertation §3.8)?
    pub(super) fn waits_for_disk(&self) -> bool {
        matches!(self, Body::VoteReply { .. } | Body::AppendAccepted { .. } | Body::AppendRejected { .. })
    }

    /// How many bytes it takes on the wire, about. The machine in a snapshot is its owner's to count.
    pub fn size(&self) -> u64 {
        const HEADER: u64 = 24;
        let payload = match self {
            Body::Append { entries, .. } => entries.iter().map(Entry::size).sum(),
            Body::Propose(contents) => contents.iter().map(content_size).sum(),
            _ => 0,
        };
        payload.saturating_add(HEADER)
    }
}

fn content_size<M: Machine>(content: &Content<M>) -> u64 {
    use crate::etcd::raft::entry::Command as _;
    match content {
        Content::Command(command) | Content::Change(_, Some(command)) => command.size(),
        Content::Empty | Content::Change(_, None) => 0,
    }
}

impl<M: Machine<Command: fmt::Display>> fmt::Display for Message<M> {
    /// `1 -> 2 MsgApp term=2 after=1/3 [2/4 ""] commit=3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} {}", self.from, self.to, self.body.name())?;
        if let Some(term) = self.term {
            write!(f, " term={term}")?;
        }
        let words = |items: Vec<String>| items.join(", ");
        let read = |read: &Option<ReadId>| read.map_or_else(String::new, |id| format!(" read={id}"));
        match &self.body {
            Body::Vote { last, transfer, .. } => {
                write!(f, " last={last}{}", if *transfer { " transfer" } else { "" })
            }
            Body::VoteReply { granted, .. } => f.write_str(if *granted { " yes" } else { " no" }),
            Body::Append { prev, entries, commit } => {
                let entries = words(entries.iter().map(ToString::to_string).collect());
                write!(f, " after={prev} [{entries}] commit={commit}")
            }
            Body::AppendAccepted { last } => write!(f, " up-to={last}"),
            Body::AppendRejected { at, hint } => write!(f, " rejects={at} hint={hint}"),
            Body::Heartbeat { commit, read: id } => write!(f, " commit={commit}{}", read(id)),
            Body::HeartbeatReply { read: id } => f.write_str(&read(id)),
            Body::Snapshot(snapshot) => write!(f, " last={} {}", snapshot.last, snapshot.membership),
            Body::Propose(contents) => write!(f, " [{}]", words(contents.iter().map(ToString::to_string).collect())),
            Body::ReadRequest(id) => write!(f, " read={id}"),
            Body::ReadReply { id, index } => write!(f, " read={id} at={index}"),
            Body::Transfer { target } => write!(f, " to={target}"),
            Body::TimeoutNow => Ok(()),
        }
    }
}

/// The messages that a member wants sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Outbox<M: Machine> {
    from: NodeId,
    /// May go at once.
    pub now: Vec<Message<M>>,
    /// Promises: once all that is unsaved now has been saved. Some are to the member itself.
    pub once_saved: Vec<Message<M>>,
}

impl<M: Machine> Outbox<M> {
    pub fn new(from: NodeId) -> Self {
        Outbox { from, now: Vec::new(), once_saved: Vec::new() }
    }

    pub fn send(&mut self, to: NodeId, term: Option<Term>, body: Body<M>) {
        let message = Message { from: self.from, to, term, body };
        if message.body.waits_for_disk() {
            self.once_saved.push(message);
        } else if to != self.from {
            self.now.push(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::raft::tests::kv::{Kv, append, entries};

    #[test]
    fn promises_wait_for_the_disk_and_nothing_else_does() {
        let check = |to: u64, body: Body<Kv>, waits: bool, goes: bool| {
            let mut outbox = Outbox::new(NodeId(1));
            outbox.send(NodeId(to), Some(Term(1)), body);
            assert_eq!((outbox.once_saved.len(), outbox.now.len()), (usize::from(waits), usize::from(goes)));
        };
        check(2, Body::AppendAccepted { last: LogIndex(1) }, true, false);
        check(1, Body::AppendAccepted { last: LogIndex(1) }, true, false);
        check(2, Body::VoteReply { ballot: Ballot::Real, granted: true }, true, false);
        check(2, Body::HeartbeatReply { read: None }, false, true);
        check(2, Body::TimeoutNow, false, true);
    }

    #[test]
    fn a_message_is_shown_in_one_line() {
        let message = append(1, 2, 2, (1, 3), entries(&[(2, 4)]));
        assert_eq!(message.to_string(), "1 -> 2 MsgApp term=2 after=1/3 [2/4 \"a=204\"] commit=3");
        assert_eq!(message.body.size(), 24 + 12 + 8);
    }
}
