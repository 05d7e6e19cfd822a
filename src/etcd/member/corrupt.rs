//! Whether the others hold the same: hashes over the history of all keys, compared by the leader.
//!
//! Models `PeriodicCheck` of `server/etcdserver/corrupt.go` (etcd 3.6), which runs where `--corrupt-check-time` says how often,
//! and `triggerCorruptAlarm`. A follower is asked for its hash at the leader's revision; one that answers with another, though
//! it has compacted as much, is what the alarm CORRUPT is raised about. `InitialCheck` compares before a member serves anybody,
//! so whoever starts members does it with what is here.

use crate::etcd::error::EtcdError;
use crate::etcd::member::peer::PeerBody;
use crate::etcd::member::{Effect, Member};
use crate::etcd::op::Op;
use crate::etcd::payload::Payload;
use crate::etcd::raft::NodeId;
use crate::etcd::replica::Proposal;
use crate::etcd::reply::{Alarm, Body, HashKv};
use crate::etcd::saved::Saved;
use crate::sim::{Out, Span, Time, VecMap};

/// How often hashes are compared, and what was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Checks {
    every: Option<Span>,
    next: Option<Time>,
    asked: u64,
    /// Who was asked, with the leader's own hash then.
    open: VecMap<(u64, NodeId), HashKv>,
}

impl Checks {
    pub fn next(&self) -> Option<Time> {
        self.next
    }
}

impl<V: Payload> Member<V> {
    /// Its database as it is now.
    pub fn saved_copy(&self) -> Saved<V> {
        Saved { replica: self.replica.clone(), size: self.size() }
    }

    /// It loses a key without anybody's knowing, itself included. Says whether it had it.
    pub fn lose(&mut self, key: &str) -> bool {
        self.replica.store.lose(key)
    }

    /// How often it compares hashes while it leads (`--corrupt-check-time`); `None` for never.
    pub fn set_corrupt_check(&mut self, every: Option<Span>, now: Time) {
        self.checks = Checks { every, next: every.map(|every| now + every), ..Checks::default() };
    }

    /// Whether its history differs from that of `other`, as far as both can say (`InitialCheck`).
    pub fn differs_from(&self, other: &Member<V>) -> bool {
        let own = self.store().hash_kv(None);
        let theirs = own.and_then(|own| other.store().hash_kv(Some(own.at)));
        matches!((own, theirs), (Ok(own), Ok(theirs)) if own.compacted == theirs.compacted && own.hash != theirs.hash)
    }

    /// Compares hashes if the time has come.
    pub(super) fn check_hashes(&mut self, now: Time, out: &mut Out<Effect<V>>) {
        if self.checks.next.is_none_or(|at| at > now) {
            return;
        }
        self.checks.next = self.checks.every.map(|every| now + every);
        self.checks.open.clear();
        let Some(own) = self.store().hash_kv(None).ok().filter(|_| self.raft.is_leader()) else { return };
        self.checks.asked += 1;
        let (me, number) = (self.raft.id(), self.checks.asked);
        let others: Vec<NodeId> = self.replica.members.keys().copied().filter(|id| *id != me).collect();
        for to in others {
            self.checks.open.insert((number, to), own);
            let body = PeerBody::Ask { number, op: Op::HashKv(Some(own.at)) };
            self.tell(to, body, out);
        }
    }

    /// A follower has answered: whoever differs is told of to all.
    pub(super) fn compare_hash(
        &mut self,
        (number, from): (u64, NodeId),
        result: &Result<Body<V>, EtcdError>,
        now: Time,
        out: &mut Out<Effect<V>>,
    ) {
        let Some(own) = self.checks.open.remove(&(number, from)) else { return };
        let Ok(Body::HashKv(theirs)) = result else { return };
        let differs = theirs.compacted == own.compacted && theirs.hash != own.hash;
        if differs && self.raft.is_leader() && !self.replica.has_alarm(Alarm::Corrupt) {
            self.checks.open.clear();
            self.propose(None, Proposal::Raise(from, Alarm::Corrupt), now, out);
        }
    }
}
