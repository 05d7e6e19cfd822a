//! One etcd process: requests in, responses and watch events out.
//!
//! Models `server/etcdserver/v3_server.go` and `server/etcdserver/api/v3rpc` (etcd). A request that changes something is made
//! into a `Command` that is complete in itself (a lease has its number) and proposed to the cluster's log; it is answered when
//! the log comes to it. What reads is answered from the store, once that is known to be current; what is about this member
//! alone, at once.
//!
//! ```text
//! start     new, joining, restarted, restored members
//! rounds    what Raft wants written, sent and applied; the clock
//! wait      requests that wait for their place in the log, and for how long
//! read      linearizable reads
//! peer      what members tell each other beside the log
//! membership  who belongs to the cluster
//! corrupt   whether the others hold the same
//! ```

mod corrupt;
mod membership;
mod peer;
mod read;
mod rounds;
mod start;
mod wait;

use crate::etcd::error::EtcdError;
use crate::etcd::lease_clock::LeaseClock;
use crate::etcd::lease_number::LeaseNumbers;
use crate::etcd::op::{Op, WatchOp};
use crate::etcd::payload::Payload;
use crate::etcd::raft::{Node, NodeId, Ready, SnapshotStatus};
use crate::etcd::replica::{Proposal, Replica, Request, RequestId, command_size};
use crate::etcd::reply::{Alarm, Body, Event, Header, MemberInfo, Reply, Status};
use crate::etcd::revision::{ClientId, LeaseId, Revision, WatchId};
use crate::etcd::store::{Command, Store};
use crate::etcd::watch::WatchHub;
use crate::sim::{Component, Out, Rng, Span, Time, Wake};
use std::sync::Arc;

use corrupt::Checks;
use membership::Connections;
pub use membership::REMOVED;
use peer::Asked;
pub use peer::{PeerBody, PeerMessage};
use read::Reads;
use rounds::Ticks;
use wait::Waiting;

/// The largest write, in bytes (`--max-request-bytes`).
const MAX_REQUEST: u64 = 1_572_864;
/// What an empty database file uses; one free page is beside it.
const MIN_IN_USE: u64 = 16_384;
/// The size of a page of the database file.
const PAGE: u64 = 4_096;
/// The most bytes a database has if nothing is said.
const QUOTA: u64 = 2 << 30;
/// A follower that hears of no leader for that long campaigns (`--election-timeout`).
const ELECTION: Span = Span::secs(1);
/// How long a request may take.
const REQUEST_TIMEOUT: Span = Span::secs(7);
/// How long a watch may be without a leader.
const WATCH_PATIENCE: Span = Span::secs(3);

/// Who the member is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemberConfig {
    /// The cluster's number.
    pub cluster_id: u64,
    /// The member's number.
    pub member_id: u64,
    /// Its name.
    pub name: String,
    /// Where its peers reach it.
    pub peer_urls: Vec<String>,
    /// Where its clients reach it.
    pub client_urls: Vec<String>,
    /// Its version.
    pub version: String,
    /// Milliseconds of the calendar (since 1970) at the start of the simulation; lease numbers contain them.
    pub started_unix_ms: u64,
    /// The other members of the new cluster (`--initial-cluster`).
    pub others: Vec<MemberInfo>,
    /// What its election time-outs are drawn from.
    pub seed: u64,
    /// The most bytes its database may have (`--quota-backend-bytes`); 0 for the default.
    pub quota: u64,
    /// How long its disk takes to write a piece of the log. Of a member that is alone nothing: its requests are late by that.
    pub disk: Span,
}

impl Default for MemberConfig {
    /// A member called `default` on the usual ports of this machine, alone, with the numbers that etcd gives such a member.
    fn default() -> Self {
        MemberConfig {
            cluster_id: 0xcdf8_1819_4e3a_8c32,
            member_id: 0x8e9e_05c5_2164_694d,
            name: "default".into(),
            peer_urls: vec!["http://localhost:2380".into()],
            client_urls: vec!["http://localhost:2379".into()],
            version: "3.6.6".into(),
            started_unix_ms: 0,
            others: Vec::new(),
            seed: 0,
            quota: 0,
            disk: Span::ZERO,
        }
    }
}

impl MemberConfig {
    /// The member as the others know it.
    pub fn info(&self) -> MemberInfo {
        MemberInfo {
            id: self.member_id,
            name: self.name.clone(),
            peer_urls: self.peer_urls.clone(),
            client_urls: self.client_urls.clone(),
            is_learner: false,
        }
    }

    /// What the time-outs of a start at `now` are drawn from.
    fn rng(&self, now: Time) -> Rng {
        Rng::stream(self.seed.wrapping_add(now.0), &format!("raft/{}", self.name))
    }

    fn node(&self) -> NodeId {
        NodeId(self.member_id)
    }

    /// The members of the new cluster, by number, each as the request that makes it one.
    fn first_members<V: Payload>(&self) -> Vec<(NodeId, Option<Arc<Request<V>>>)> {
        let mut all: Vec<MemberInfo> = self.others.clone();
        all.push(self.info());
        all.sort_by_key(|member| member.id);
        let first = |info: MemberInfo| {
            let member = NodeId(info.id);
            let unstarted = MemberInfo { name: String::new(), client_urls: Vec::new(), ..info };
            let id = RequestId { member, started: Time::ZERO, number: u64::MAX };
            (member, Some(Arc::new(Request::new(id, Proposal::Join(unstarted)))))
        };
        all.into_iter().map(first).collect()
    }
}

/// One etcd member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member<V: Payload> {
    config: MemberConfig,
    /// When it started last.
    started: Time,
    raft: Node<Replica<V>>,
    replica: Replica<V>,
    clock: LeaseClock,
    watches: WatchHub,
    lease_numbers: LeaseNumbers,
    waiting: Waiting<V>,
    reads: Reads<V>,
    asked: Asked<V>,
    /// Bytes of the database file. It grows, and shrinks only when it is defragmented.
    file: u64,
    connections: Connections,
    /// When it ends, if it cannot go on, and why.
    leaves: Option<(Time, String)>,
    checks: Checks,
    /// What the disk is writing.
    saving: Option<Ready<Replica<V>>>,
    ticks: Ticks,
}

/// What reaches a member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input<V: Payload> {
    /// A client asks.
    Request {
        /// Who.
        client: ClientId,
        /// The client's number for the request, given back with the answer.
        id: u64,
        /// What.
        op: Op<V>,
    },
    /// A client's connection is gone; its watches go with it.
    Disconnect {
        /// Who.
        client: ClientId,
    },
    /// Another member says something.
    Peer(PeerMessage<V>),
    /// The disk has what it was to write.
    Saved,
    /// What was sent to this member did not arrive.
    Unreachable(NodeId),
    /// What became of a snapshot that was sent to this member.
    SnapshotSent(NodeId, SnapshotStatus),
}

/// What a member wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect<V: Payload> {
    /// Answer a request.
    Response {
        /// Who asked.
        client: ClientId,
        /// The client's number for the request.
        id: u64,
        /// The answer.
        result: Result<Reply<V>, EtcdError>,
    },
    /// Tell a watch of changes: never none, in order, a revision's changes never split.
    WatchEvents {
        /// Whose watch.
        client: ClientId,
        /// Which.
        watch: WatchId,
        /// The store's revision.
        revision: Revision,
        /// The changes.
        events: Vec<Event<V>>,
    },
    /// Tell a watch that it has been told all up to this revision.
    WatchProgress {
        /// Whose watch.
        client: ClientId,
        /// Which; `None` for all of the client's.
        watch: Option<WatchId>,
        /// The store's revision.
        revision: Revision,
    },
    /// Tell a watch that it is over: its start was compacted away, or there has been no leader for too long.
    WatchCanceled {
        /// Whose watch.
        client: ClientId,
        /// Which.
        watch: WatchId,
        /// Why.
        why: EtcdError,
    },
    /// Tell another member.
    Peer(PeerMessage<V>),
    /// Write to the disk, which takes this long; `Input::Saved` says that it was done.
    Save(Span),
    /// End, with these words in its log.
    Exit(String),
}

/// Why a member wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A lease's time is over.
    LeaseExpiry(LeaseId),
    /// An idle watch asked to be told the revision.
    WatchProgress,
    /// A heartbeat is due, or an election if nothing is heard.
    Tick,
    /// A request has waited long enough.
    Timeout,
    /// It cannot go on.
    Removed,
    /// The others are to be asked for their hashes.
    Check,
}

impl<V: Payload> Member<V> {
    /// Who it is.
    pub fn config(&self) -> &MemberConfig {
        &self.config
    }

    /// Its store, to look at.
    pub fn store(&self) -> &Store<V> {
        &self.replica.store
    }

    /// What it holds as the others do, to look at.
    pub fn replica(&self) -> &Replica<V> {
        &self.replica
    }

    /// Its part in the log, to look at.
    pub fn raft(&self) -> &Node<Replica<V>> {
        &self.raft
    }

    /// When leases end, if it leads.
    pub fn lease_clock(&self) -> &LeaseClock {
        &self.clock
    }

    /// Its watches, to look at.
    pub fn watches(&self) -> &WatchHub {
        &self.watches
    }

    /// Whether it is the only member.
    fn is_alone(&self) -> bool {
        let membership = self.raft.membership();
        membership.voters.len() <= 1 && membership.learners.is_empty() && membership.is_voter(self.raft.id())
    }

    /// The most bytes its database may have from now on, as if it had been started with the flag; 0 for the default.
    pub fn set_quota(&mut self, bytes: u64) {
        self.config.quota = bytes;
    }

    fn quota(&self) -> u64 {
        if self.config.quota == 0 { QUOTA } else { self.config.quota }
    }

    /// Bytes of its database that are in use.
    fn in_use(&self) -> u64 {
        MIN_IN_USE.max(self.store().backend.size().next_multiple_of(PAGE) + 3 * PAGE)
    }

    /// Bytes of its database file.
    fn size(&self) -> u64 {
        self.file.max(self.in_use() + PAGE)
    }

    /// What it says of itself.
    pub fn status(&self) -> Status {
        let leader = self.raft.leader().map(|id| id.0);
        let no_leader = leader.is_none().then(|| EtcdError::NoLeader.to_string());
        let alarms = self.replica.alarms.iter().map(|(id, alarm)| format!("memberID:{} alarm:{} ", id.0, alarm.name()));
        Status {
            version: self.config.version.clone(),
            db_size: self.size(),
            db_size_in_use: self.in_use(),
            quota: self.config.quota,
            leader,
            raft_index: self.raft.log().committed().0,
            raft_applied_index: self.raft.log().applied().0,
            raft_term: self.raft.term().0,
            is_learner: self.raft.is_learner(),
            errors: no_leader.into_iter().chain(alarms).collect(),
        }
    }

    fn header(&self) -> Header {
        Header {
            cluster_id: self.config.cluster_id,
            member_id: self.config.member_id,
            revision: self.store().revision(),
            raft_term: self.raft.term().0,
        }
    }

    fn respond(&self, from: (ClientId, u64), result: Result<Body<V>, EtcdError>, out: &mut Out<Effect<V>>) {
        let result = result.map(|body| Reply { header: self.header(), body });
        out.push(Effect::Response { client: from.0, id: from.1, result });
    }

    fn request(&mut self, from: (ClientId, u64), op: Op<V>, now: Time, out: &mut Out<Effect<V>>) {
        if self.raft.is_learner() && !op.is_for_learners() {
            return self.respond(from, Err(EtcdError::NotSupportedForLearner), out);
        }
        if op.is_linearizable_read() && !self.is_settled() {
            return self.read(from, op, now, out);
        }
        let command = match op {
            Op::Put(op) => Command::Put(op),
            Op::Delete(op) => Command::Delete(op),
            Op::Txn(op) if !op.is_read_only() => Command::Txn(op),
            Op::Compact(at) => Command::Compact(at),
            Op::LeaseGrant { id, ttl } => Command::LeaseGrant(id.unwrap_or_else(|| self.lease_numbers.draw()), ttl),
            Op::LeaseRevoke(id) => Command::LeaseRevoke(id),
            Op::LeaseKeepAlive(_) | Op::LeaseTimeToLive { .. } if !self.raft.is_leader() => {
                return self.ask_leader(from, op, now, out);
            }
            op if Member::is_reconfiguration(&op) => return self.reconfigure(from, op, now, out),
            Op::MoveLeader(target) => return self.move_leader(from, NodeId(target), now, out),
            Op::AlarmDisarm => return self.propose(Some(from), Proposal::Disarm, now, out),
            Op::Defragment => {
                self.file = self.in_use() + PAGE;
                return self.respond(from, Ok(Body::Defragment), out);
            }
            op => {
                let mut then = Vec::new();
                let result = self.answer(from.0, op, now, &mut then);
                self.respond(from, result, out);
                return then.into_iter().for_each(|effect| out.push(effect));
            }
        };
        if command_size(&command) > MAX_REQUEST {
            return self.respond(from, Err(EtcdError::RequestTooLarge), out);
        }
        if command.needs_space() && self.size() + command_size(&command) > self.quota() {
            let id = self.raft.id();
            if !self.replica.alarms.contains(&(id, Alarm::NoSpace)) {
                self.propose(None, Proposal::Raise(id, Alarm::NoSpace), now, out);
            }
            return self.respond(from, Err(EtcdError::NoSpace), out);
        }
        self.propose(Some(from), Proposal::Command(command), now, out);
    }

    /// The answer to `op` from what this member has. What must come after the answer goes to `then`.
    fn answer(
        &mut self,
        client: ClientId,
        op: Op<V>,
        now: Time,
        then: &mut Vec<Effect<V>>,
    ) -> Result<Body<V>, EtcdError> {
        match op {
            Op::Range(op) => self.store().range(&op).map(Body::Range),
            Op::Txn(op) => self.store().read_txn(op),
            Op::LeaseKeepAlive(id) => Ok(Body::LeaseKeepAlive { id, ttl: self.keep_alive(id, now) }),
            Op::LeaseTimeToLive { id, keys } => Ok(Body::LeaseTimeToLive { id, life: self.lease_life(id, now, keys) }),
            Op::LeaseList => Ok(Body::LeaseList(self.leases())),
            Op::WatchCreate(op) => self.watch(client, op, now, then),
            Op::WatchCancel(watch) => {
                self.watches.cancel((client, watch));
                Ok(Body::WatchCancel(watch))
            }
            Op::WatchProgress => {
                then.push(Effect::WatchProgress { client, watch: None, revision: self.store().revision() });
                Ok(Body::WatchProgress)
            }
            Op::MemberAdd { .. } | Op::MemberRemove(_) | Op::MemberUpdate { .. } | Op::MemberPromote(_) => {
                self.may_reconfigure(&op, now).map(|()| Body::MembersChanged(self.members()))
            }
            Op::Status => Ok(Body::Status(self.status())),
            Op::MemberList => Ok(Body::MemberList(self.members())),
            Op::AlarmList => Ok(Body::Alarms(self.replica.alarm_list())),
            Op::HashKv(at) => self.store().hash_kv(at).map(Body::HashKv),
            Op::Snapshot => Ok(Body::Snapshot(Arc::new(self.saved_copy()))),
            Op::Put(_)
            | Op::Delete(_)
            | Op::Compact(_)
            | Op::LeaseGrant { .. }
            | Op::LeaseRevoke(_)
            | Op::MoveLeader(_)
            | Op::AlarmDisarm
            | Op::Defragment => Err(EtcdError::NotLeader),
        }
    }

    /// Starts the time of a lease again. Returns its time to live; `None` if there is no such lease or it is over.
    fn keep_alive(&mut self, id: LeaseId, now: Time) -> Option<Span> {
        let ttl = self.store().leases.ttl(id)?;
        self.clock.remaining(id, now).filter(|left| *left > Span::ZERO)?;
        self.clock.begin(id, ttl, now);
        Some(ttl)
    }

    /// Creates a watch; one that begins in the past is told at once what it missed.
    fn watch(
        &mut self,
        client: ClientId,
        op: WatchOp,
        now: Time,
        then: &mut Vec<Effect<V>>,
    ) -> Result<Body<V>, EtcdError> {
        if self.raft.leader().is_none() {
            return Err(EtcdError::NoLeader);
        }
        let start = op.start.unwrap_or(self.store().revision().next());
        let watch = self.watches.create(client, op, start, now)?;
        self.tell_missed((client, watch), then);
        Ok(Body::WatchCreate(watch))
    }

    /// Tells a watch what it has not been told of; ends it if that is not known any more.
    fn tell_missed(&mut self, (client, watch): (ClientId, WatchId), then: &mut Vec<Effect<V>>) {
        let revision = self.store().revision();
        let Some(watcher) = self.watches.get((client, watch)) else { return };
        let missed = if watcher.next > revision {
            Ok(Vec::new())
        } else {
            let since = self.replica.store.events_since(watcher.next, &watcher.range);
            since.map(|all| all.filter_map(|event| watcher.shown(&event)).collect())
        };
        match missed {
            Err(why) => {
                self.watches.cancel((client, watch));
                then.push(Effect::WatchCanceled { client, watch, why });
            }
            Ok(events) if events.is_empty() => {}
            Ok(events) => {
                self.watches.told((client, watch), revision);
                then.push(Effect::WatchEvents { client, watch, revision, events });
            }
        }
    }
}

impl<V: Payload> Component for Member<V> {
    type Input = Input<V>;
    type Effect = Effect<V>;
    type Reason = Reason;

    fn handle(&mut self, input: Input<V>, now: Time, out: &mut Out<Effect<V>>) {
        self.catch_up(now, out);
        match input {
            Input::Request { client, id, op } => self.request((client, id), op, now, out),
            Input::Disconnect { client } => self.watches.disconnect(client),
            Input::Peer(message) => self.hear(message, now, out),
            Input::Saved => {
                if let Some(ready) = self.saving.take() {
                    self.saved(ready, now, out);
                }
            }
            Input::Unreachable(id) => {
                self.connections.remove(&id);
                self.raft.report_unreachable(id);
            }
            Input::SnapshotSent(id, status) => self.raft.report_snapshot(id, status),
        }
        self.work(now, out);
    }

    fn wake(&mut self, now: Time, out: &mut Out<Effect<V>>) {
        self.catch_up(now, out);
        if self.clock.next_look().is_some_and(|at| at <= now) {
            for lease in self.clock.due(now) {
                self.propose(None, Proposal::Command(Command::LeaseRevoke(lease)), now, out);
            }
        }
        let revision = self.store().revision();
        for (client, watch) in self.watches.due_progress(now) {
            out.push(Effect::WatchProgress { client, watch: Some(watch), revision });
        }
        self.check_hashes(now, out);
        self.time_out(now, out);
        self.work(now, out);
        self.leave(now, out);
    }

    fn wake_at(&self) -> Option<Wake<Reason>> {
        let expiry = self.clock.next_look().zip(self.clock.in_order().next());
        let expiry = expiry.map(|(at, lease)| Wake { at, why: Reason::LeaseExpiry(lease) });
        let progress = self.watches.next_progress().map(|at| Wake { at, why: Reason::WatchProgress });
        let tick = self.next_tick().map(|at| Wake { at, why: Reason::Tick });
        let timeout = self.next_timeout().map(|at| Wake { at, why: Reason::Timeout });
        let removed = self.leaves.as_ref().map(|(at, _)| Wake { at: *at, why: Reason::Removed });
        let check = self.checks.next().map(|at| Wake { at, why: Reason::Check });
        [expiry, progress, tick, timeout, removed, check].into_iter().flatten().min_by_key(|wake| wake.at)
    }
}
