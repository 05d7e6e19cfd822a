//! Requests that wait for their place in the log, and what becomes of them when it does not come.
//!
//! Models `processInternalRaftRequestOnce`, `parseProposeCtxErr` and `MoveLeader` of `server/etcdserver`, and `monitorLeader` of
//! `server/etcdserver/api/v3rpc/interceptor.go` (etcd). A request that is applied after its client was told that it timed out is
//! applied all the same: the client does not know. There, a time-out says so if the connection to the leader was lost
//! meanwhile; here it does not.

use std::sync::Arc;

use crate::etcd::error::EtcdError;
use crate::etcd::member::{ELECTION, Effect, Member, REQUEST_TIMEOUT, WATCH_PATIENCE};
use crate::etcd::payload::Payload;
use crate::etcd::raft::{Change, NodeId, ProposeError};
use crate::etcd::replica::{Proposal, Request, RequestId};
use crate::etcd::reply::Body;
use crate::etcd::revision::{ClientId, WatchId};
use crate::sim::{Out, Time, VecMap};

/// Who waits for what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Waiting<V> {
    member: NodeId,
    started: Time,
    next: u64,
    /// By the numbers of their requests, so the oldest is first.
    clients: VecMap<u64, (ClientId, u64, Time)>,
    /// Not proposed yet, for no leader is known.
    held: Vec<Arc<Request<V>>>,
    /// For whom this leader makes way, and who asked for that.
    transfer: Option<Transfer>,
    /// Who leads, as far as is known.
    leader: Option<NodeId>,
    /// Since when that is nobody.
    leaderless: Option<Time>,
    /// When the leader of now was first heard of.
    elected: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Transfer {
    from: (ClientId, u64),
    target: NodeId,
    since: Time,
}

impl<V: Payload> Waiting<V> {
    /// Of a member that starts nobody waits for anything.
    pub fn new(member: NodeId, started: Time) -> Waiting<V> {
        Waiting {
            member,
            started,
            next: 0,
            clients: VecMap::new(),
            held: Vec::new(),
            transfer: None,
            leader: None,
            leaderless: Some(started),
            elected: None,
        }
    }

    /// Who waits for this request; it waits no longer.
    pub fn take(&mut self, id: RequestId) -> Option<(ClientId, u64)> {
        if (id.member, id.started) != (self.member, self.started) {
            return None;
        }
        self.clients.remove(&id.number).map(|(client, number, _)| (client, number))
    }
}

impl<V: Payload> Member<V> {
    /// Who waits for an answer: the client, its number for the request, and whether the request may change something.
    pub fn unanswered(&self) -> impl Iterator<Item = (ClientId, u64, bool)> {
        let writes = self.waiting.clients.values().map(|(client, id, _)| (*client, *id));
        let transfer = self.waiting.transfer.iter().map(|transfer| transfer.from);
        let reads = self.reads.clients().chain(self.asked.clients());
        let writes = writes.chain(transfer).map(|(client, id)| (client, id, true));
        writes.chain(reads.map(|(client, id)| (client, id, false)))
    }

    /// Proposes something, on behalf of a client or of its own.
    pub(super) fn propose(
        &mut self,
        from: Option<(ClientId, u64)>,
        what: Proposal<V>,
        now: Time,
        out: &mut Out<Effect<V>>,
    ) {
        self.propose_with(None, from, what, now, out);
    }

    /// The same, with a change of the membership. While another one is pending nothing comes of it.
    pub(super) fn propose_with(
        &mut self,
        change: Option<Change>,
        from: Option<(ClientId, u64)>,
        what: Proposal<V>,
        now: Time,
        out: &mut Out<Effect<V>>,
    ) {
        if let Err(error) = self.put_in_with(change, what, from, now)
            && let Some(from) = from
        {
            self.respond(from, Err(error), out);
        }
        self.work(now, out);
    }

    /// Puts a proposal into the log, or keeps it until a leader is known.
    pub(super) fn put_in(
        &mut self,
        what: Proposal<V>,
        from: Option<(ClientId, u64)>,
        now: Time,
    ) -> Result<(), EtcdError> {
        self.put_in_with(None, what, from, now)
    }

    fn put_in_with(
        &mut self,
        change: Option<Change>,
        what: Proposal<V>,
        from: Option<(ClientId, u64)>,
        now: Time,
    ) -> Result<(), EtcdError> {
        let number = self.waiting.next;
        self.waiting.next += 1;
        let id = RequestId { member: self.raft.id(), started: self.started, number };
        let request = Arc::new(Request::new(id, what));
        let proposed = match change {
            Some(change) => self.raft.propose_change(change, Some(Arc::clone(&request))),
            None => self.raft.propose(Arc::clone(&request)),
        };
        match proposed {
            Ok(_) | Err(ProposeError::ChangePending) => {}
            Err(ProposeError::NoLeader) if change.is_some() => return Err(EtcdError::NoLeader),
            Err(ProposeError::NoLeader) => self.waiting.held.push(request),
            Err(_) => return Err(EtcdError::ProposalDropped),
        }
        if let Some((client, id)) = from {
            self.waiting.clients.insert(number, (client, id, now));
        }
        Ok(())
    }

    /// A leader shall make way.
    pub(super) fn move_leader(&mut self, from: (ClientId, u64), target: NodeId, now: Time, out: &mut Out<Effect<V>>) {
        let refused = if !self.raft.is_leader() {
            Some(EtcdError::NotLeader)
        } else if !self.raft.membership().is_voter(target) {
            Some(EtcdError::BadLeaderTransferee)
        } else {
            None
        };
        if let Some(error) = refused {
            return self.respond(from, Err(error), out);
        }
        if target == self.raft.id() {
            return self.respond(from, Ok(Body::MoveLeader { from: target.0 }), out);
        }
        self.waiting.transfer = Some(Transfer { from, target, since: now });
        // A leader takes the wish; if it cannot be fulfilled, the time-out says so.
        _ = self.raft.transfer_leadership(target);
    }

    /// Who leads has changed.
    pub(super) fn leader_is(&mut self, leader: Option<NodeId>, now: Time, out: &mut Out<Effect<V>>) {
        let before = std::mem::replace(&mut self.waiting.leader, leader);
        let Some(leader) = leader else {
            self.waiting.leaderless.get_or_insert(now);
            return;
        };
        self.waiting.leaderless = None;
        if before != Some(leader) {
            self.waiting.elected = Some(now);
            self.fail_reads(EtcdError::LeaderChanged, now, out);
        }
        if let Some(transfer) = self.waiting.transfer.take_if(|transfer| transfer.target == leader) {
            self.respond(transfer.from, Ok(Body::MoveLeader { from: self.raft.id().0 }), out);
        }
        for request in std::mem::take(&mut self.waiting.held) {
            if self.raft.propose(Arc::clone(&request)) == Err(ProposeError::NoLeader) {
                self.waiting.held.push(request);
            }
        }
    }

    /// When somebody has waited long enough.
    pub(super) fn next_timeout(&self) -> Option<Time> {
        let request = self.waiting.clients.values().next().map(|(_, _, since)| *since + REQUEST_TIMEOUT);
        let transfer = self.waiting.transfer.map(|transfer| transfer.since + REQUEST_TIMEOUT);
        let watch = self.waiting.leaderless.filter(|_| self.watches.iter().next().is_some());
        let watch = watch.map(|since| since + WATCH_PATIENCE);
        [request, transfer, watch, self.reads.next_look(), self.asked.next_look()].into_iter().flatten().min()
    }

    /// Gives up what has waited long enough, and asks again what may be asked again.
    pub(super) fn time_out(&mut self, now: Time, out: &mut Out<Effect<V>>) {
        while let Some((number, (client, id, since))) = self.waiting.clients.iter().next().map(|(n, w)| (*n, *w)) {
            if since + REQUEST_TIMEOUT > now {
                break;
            }
            self.waiting.clients.remove(&number);
            self.waiting.held.retain(|request| request.id.number != number);
            self.respond((client, id), Err(self.why_late(since)), out);
        }
        if let Some(transfer) = self.waiting.transfer.take_if(|transfer| transfer.since + REQUEST_TIMEOUT <= now) {
            self.respond(transfer.from, Err(EtcdError::TimeoutLeaderTransfer), out);
        }
        if self.waiting.leaderless.is_some_and(|since| since + WATCH_PATIENCE <= now) {
            self.cancel_watches(out);
        }
        self.ask_again(now, out);
        self.look_at_reads(now, out);
    }

    /// What a request that was made at `since` is told: whether the leader of then may be why.
    pub(super) fn why_late(&self, since: Time) -> EtcdError {
        let fell = |elected: Time| since < elected && since + ELECTION + ELECTION > elected;
        if self.waiting.elected.is_some_and(fell) { EtcdError::TimeoutLeaderFail } else { EtcdError::Timeout }
    }

    /// Nobody has led for too long: what a watch would be told may be old for ever.
    fn cancel_watches(&mut self, out: &mut Out<Effect<V>>) {
        let watches: Vec<(ClientId, WatchId)> = self.watches.iter().map(|(watch, _)| *watch).collect();
        for (client, watch) in watches {
            self.watches.cancel((client, watch));
            out.push(Effect::WatchCanceled { client, watch, why: EtcdError::NoLeader });
        }
    }
}
