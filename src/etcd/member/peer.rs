//! What members tell each other: Raft's messages, and questions about leases, whose ends only the leader knows.
//!
//! Models `server/etcdserver/api/rafthttp` and `server/lease/leasehttp` (etcd). There, these go over streams and requests to the
//! peers' port.

use std::fmt;

use crate::etcd::error::EtcdError;
use crate::etcd::member::membership::REMOVED;
use crate::etcd::member::read::ASK_AGAIN;
use crate::etcd::member::{Effect, Member, REQUEST_TIMEOUT};
use crate::etcd::op::Op;
use crate::etcd::payload::Payload;
use crate::etcd::raft::{self, Message, NodeId};
use crate::etcd::replica::Replica;
use crate::etcd::reply::Body;
use crate::etcd::revision::ClientId;
use crate::sim::{Out, Time, VecMap};

/// What a member says that finds its disk emptied.
const LOST: &str = "tocommit is out of range: was the raft log corrupted, truncated, or lost?";

/// A message from one member to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerMessage<V: Payload> {
    /// Of which cluster its sender is.
    pub cluster: u64,
    /// Who sends it.
    pub from: NodeId,
    /// Who shall have it.
    pub to: NodeId,
    /// What it says.
    pub body: PeerBody<V>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PeerBody<V: Payload> {
    /// Something of the log.
    Raft(Message<Replica<V>>),
    /// A follower asks about a lease.
    Ask {
        /// The follower's number for the question.
        number: u64,
        /// What.
        op: Op<V>,
    },
    /// The leader answers.
    Answer {
        /// The number of the question.
        number: u64,
        /// What it says.
        result: Result<Body<V>, EtcdError>,
    },
    /// Who is spoken to was removed.
    Gone,
}

impl<V: Payload> PeerMessage<V> {
    /// Whether it carries the whole store.
    pub fn is_snapshot(&self) -> bool {
        matches!(&self.body, PeerBody::Raft(message) if matches!(message.body, raft::Body::Snapshot(_)))
    }

    /// Whether its sender must know if it does not arrive.
    pub fn is_missed(&self) -> bool {
        let carries =
            |body: &raft::Body<Replica<V>>| matches!(body, raft::Body::Append { .. } | raft::Body::Snapshot(_));
        matches!(&self.body, PeerBody::Raft(message) if carries(&message.body))
    }

    /// Whether it only says that its sender lives.
    pub fn is_heartbeat(&self) -> bool {
        let beats = |body: &raft::Body<Replica<V>>| {
            matches!(body, raft::Body::Heartbeat { read: None, .. } | raft::Body::HeartbeatReply { read: None })
        };
        matches!(&self.body, PeerBody::Raft(message) if beats(&message.body))
    }
}

impl<V: Payload> PeerBody<V> {
    /// Where it goes on the peers' port.
    pub fn path(&self) -> &'static str {
        match self {
            PeerBody::Raft(_) | PeerBody::Gone => "/raft",
            PeerBody::Ask { op, .. } if Member::is_reconfiguration(op) => "/members",
            PeerBody::Answer { result: Ok(Body::MembersChanged(_)), .. } => "/members",
            PeerBody::Ask { op: Op::HashKv(_), .. } | PeerBody::Answer { result: Ok(Body::HashKv(_)), .. } => {
                "/members/hashkv"
            }
            PeerBody::Ask { .. } | PeerBody::Answer { .. } => "/leases",
        }
    }
}

impl<V: Payload> fmt::Display for PeerMessage<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.body {
            PeerBody::Raft(message) => message.fmt(f),
            PeerBody::Ask { .. } => write!(f, "POST {}", self.body.path()),
            PeerBody::Answer { .. } => write!(f, "200 {}", self.body.path()),
            PeerBody::Gone => write!(f, "410 {}", self.body.path()),
        }
    }
}

/// What the leader was asked on behalf of clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked<V> {
    next: u64,
    /// By number, so the oldest is first.
    questions: VecMap<u64, Question<V>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question<V> {
    from: (ClientId, u64),
    op: Op<V>,
    began: Time,
    asked: Time,
}

impl<V> Default for Asked<V> {
    fn default() -> Self {
        Asked { next: 0, questions: VecMap::new() }
    }
}

impl<V> Asked<V> {
    /// On whose behalf, with their numbers for the requests.
    pub fn clients(&self) -> impl Iterator<Item = (ClientId, u64)> {
        self.questions.values().map(|question| question.from)
    }

    /// When to ask again, or to give up.
    pub fn next_look(&self) -> Option<Time> {
        self.questions.values().map(|q| (q.asked + ASK_AGAIN).min(q.began + REQUEST_TIMEOUT)).min()
    }
}

impl<V: Payload> Member<V> {
    /// Whether a leader takes for granted what this member has not: its disk was emptied.
    fn has_lost(&self, message: &Message<Replica<V>>) -> bool {
        let raft::Body::Heartbeat { commit, .. } = message.body else { return false };
        message.term.is_some_and(|term| term >= self.raft.term()) && commit > self.raft.log().last_index()
    }

    /// A client asks what the leader knows.
    pub(super) fn ask_leader(&mut self, from: (ClientId, u64), op: Op<V>, now: Time, out: &mut Out<Effect<V>>) {
        let number = self.asked.next;
        self.asked.next += 1;
        self.put_to_leader(number, op.clone(), out);
        self.asked.questions.insert(number, Question { from, op, began: now, asked: now });
    }

    /// Tells another member.
    pub(super) fn tell(&self, to: NodeId, body: PeerBody<V>, out: &mut Out<Effect<V>>) {
        let (cluster, from) = (self.config.cluster_id, self.raft.id());
        out.push(Effect::Peer(PeerMessage { cluster, from, to, body }));
    }

    fn put_to_leader(&self, number: u64, op: Op<V>, out: &mut Out<Effect<V>>) {
        if let Some(to) = self.raft.leader().filter(|leader| *leader != self.raft.id()) {
            let body = PeerBody::Ask { number, op };
            self.tell(to, body, out);
        }
    }

    /// Another member says something.
    pub(super) fn hear(&mut self, message: PeerMessage<V>, now: Time, out: &mut Out<Effect<V>>) {
        let PeerMessage { cluster, from, body, .. } = message;
        // A member of another cluster at a known address is refused with 412.
        if cluster != self.config.cluster_id {
            return;
        }
        if self.replica.removed.contains(&from) {
            return self.tell(from, PeerBody::Gone, out);
        }
        self.heard_of(from, now);
        match body {
            // What is not taken (it is of a stranger, or proposes what cannot be) is as good as lost.
            PeerBody::Raft(message) => {
                if self.has_lost(&message) {
                    return out.push(Effect::Exit(LOST.into()));
                }
                _ = self.raft.step(message);
            }
            PeerBody::Gone => out.push(Effect::Exit(REMOVED.into())),
            PeerBody::Ask { number, op } => {
                let result = if self.raft.is_leader() || matches!(op, Op::HashKv(_)) {
                    self.answer(ClientId(0), op, now, &mut Vec::new())
                } else {
                    Err(EtcdError::NotLeader)
                };
                let body = PeerBody::Answer { number, result };
                self.tell(from, body, out);
            }
            PeerBody::Answer { number, result: result @ (Ok(Body::HashKv(_)) | Err(EtcdError::FutureRevision)) } => {
                self.compare_hash((number, from), &result, now, out);
            }
            // Who was asked leads no longer: the next question goes to whoever does.
            PeerBody::Answer { result: Err(EtcdError::NotLeader), .. } => {}
            PeerBody::Answer { number, result } => {
                if let Some(question) = self.asked.questions.remove(&number) {
                    self.leader_said(question.from, &question.op, result, now, out);
                }
            }
        }
    }

    /// Asks again what was not answered, and gives up what has waited too long. A leader knows by itself.
    pub(super) fn ask_again(&mut self, now: Time, out: &mut Out<Effect<V>>) {
        let numbers: Vec<u64> = self.asked.questions.keys().copied().collect();
        for number in numbers {
            let Some(question) = self.asked.questions.get_mut(&number) else { continue };
            let (from, op, began) = (question.from, question.op.clone(), question.began);
            if began + REQUEST_TIMEOUT <= now {
                self.asked.questions.remove(&number);
                self.respond(from, Err(self.why_late(began)), out);
            } else if question.asked + ASK_AGAIN <= now {
                question.asked = now;
                if self.raft.is_leader() {
                    self.asked.questions.remove(&number);
                    let result = self.answer(from.0, op.clone(), now, &mut Vec::new());
                    self.leader_said(from, &op, result, now, out);
                } else {
                    self.put_to_leader(number, op, out);
                }
            }
        }
    }
}
