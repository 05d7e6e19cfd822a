//! One etcd process: requests in, responses and watch events out.
//!
//! Models `server/etcdserver/v3_server.go` and `server/etcdserver/api/v3rpc` (etcd). A request that changes something is made
//! into a `Command` that is complete in itself (a lease has its number) and goes to `commit`, where a replicated log can
//! stand; what only reads is answered from the store. This member is alone: what is committed is applied at once, as term 2,
//! as with a real cluster of one.

use crate::etcd::error::EtcdError;
use crate::etcd::lease_number::LeaseNumbers;
use crate::etcd::op::{NewValue, Op, TxnOp, TxnStep, WatchOp};
use crate::etcd::payload::Payload;
use crate::etcd::reply::{Body, Event, Header, MemberInfo, Reply, Status};
use crate::etcd::revision::{ClientId, LeaseId, Revision, WatchId};
use crate::etcd::store::{Command, Store};
use crate::etcd::watch::WatchHub;
use crate::sim::{Component, Out, Time, Wake};

/// The largest write, in bytes (`--max-request-bytes`).
const MAX_REQUEST: u64 = 1_572_864;
/// What an empty database file uses; one free page is beside it.
const MIN_IN_USE: u64 = 16_384;
/// The size of a page of the database file.
const PAGE: u64 = 4_096;

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
}

impl Default for MemberConfig {
    /// A member called `default` on the usual ports of this machine, with the numbers that etcd gives such a member.
    fn default() -> Self {
        MemberConfig {
            cluster_id: 0xcdf8_1819_4e3a_8c32,
            member_id: 0x8e9e_05c5_2164_694d,
            name: "default".into(),
            peer_urls: vec!["http://localhost:2380".into()],
            client_urls: vec!["http://localhost:2379".into()],
            version: "3.6.6".into(),
            started_unix_ms: 0,
        }
    }
}

/// One etcd member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member<V> {
    config: MemberConfig,
    store: Store<V>,
    watches: WatchHub,
    lease_numbers: LeaseNumbers,
    term: u64,
    applied: u64,
}

/// What reaches a member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input<V> {
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
}

/// What a member wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect<V> {
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
    /// Tell a watch that it is over, because its start was compacted away.
    WatchCanceled {
        /// Whose watch.
        client: ClientId,
        /// Which.
        watch: WatchId,
        /// The revision of the compaction.
        compacted: Revision,
    },
}

/// Why a member wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A lease's time is over.
    LeaseExpiry(LeaseId),
    /// An idle watch asked to be told the revision.
    WatchProgress,
}

impl<V: Payload> Member<V> {
    /// A new member with an empty store.
    pub fn new(config: MemberConfig) -> Member<V> {
        let lease_numbers = LeaseNumbers::new(config.member_id, config.started_unix_ms);
        // A new cluster of one has written four entries (its term, its member, its version) before the first request.
        Member { config, store: Store::new(), watches: WatchHub::default(), lease_numbers, term: 2, applied: 4 }
    }

    /// Who it is.
    pub fn config(&self) -> &MemberConfig {
        &self.config
    }

    /// Its store, to look at.
    pub fn store(&self) -> &Store<V> {
        &self.store
    }

    /// Its watches, to look at.
    pub fn watches(&self) -> &WatchHub {
        &self.watches
    }

    /// What it says of itself.
    pub fn status(&self) -> Status {
        let in_use = MIN_IN_USE.max(self.store.backend.size().next_multiple_of(PAGE) + 3 * PAGE);
        Status {
            version: self.config.version.clone(),
            db_size: in_use + PAGE,
            db_size_in_use: in_use,
            leader: Some(self.config.member_id),
            raft_index: self.applied,
            raft_applied_index: self.applied,
            raft_term: self.term,
            is_learner: false,
            errors: Vec::new(),
        }
    }

    /// The members it knows.
    pub fn members(&self) -> Vec<MemberInfo> {
        vec![MemberInfo {
            id: self.config.member_id,
            name: self.config.name.clone(),
            peer_urls: self.config.peer_urls.clone(),
            client_urls: self.config.client_urls.clone(),
            is_learner: false,
        }]
    }

    fn header(&self) -> Header {
        Header {
            cluster_id: self.config.cluster_id,
            member_id: self.config.member_id,
            revision: self.store.revision(),
            raft_term: self.term,
        }
    }

    fn request(&mut self, from: (ClientId, u64), op: Op<V>, now: Time, out: &mut Out<Effect<V>>) {
        let (client, id) = from;
        let mut then = Vec::new();
        let result = self.answer(client, op, now, out, &mut then);
        let result = result.map(|body| Reply { header: self.header(), body });
        out.push(Effect::Response { client, id, result });
        then.into_iter().for_each(|effect| out.push(effect));
    }

    /// The answer to `op`. What must come after the answer goes to `then`.
    fn answer(
        &mut self,
        client: ClientId,
        op: Op<V>,
        now: Time,
        out: &mut Out<Effect<V>>,
        then: &mut Vec<Effect<V>>,
    ) -> Result<Body<V>, EtcdError> {
        match op {
            Op::Range(op) => self.store.range(&op).map(Body::Range),
            Op::Txn(op) if op.is_read_only() => self.store.read_txn(op),
            Op::Put(op) => self.commit(Command::Put(op), now, out),
            Op::Delete(op) => self.commit(Command::Delete(op), now, out),
            Op::Txn(op) => self.commit(Command::Txn(op), now, out),
            Op::Compact(at) => self.commit(Command::Compact(at), now, out),
            Op::LeaseGrant { id, ttl } => {
                let id = id.unwrap_or_else(|| self.lease_numbers.draw());
                self.commit(Command::LeaseGrant(id, ttl), now, out)
            }
            Op::LeaseRevoke(id) => self.commit(Command::LeaseRevoke(id), now, out),
            Op::LeaseKeepAlive(id) => Ok(Body::LeaseKeepAlive { id, ttl: self.store.leases.keep_alive(id, now) }),
            Op::LeaseTimeToLive { id, keys } => {
                Ok(Body::LeaseTimeToLive { id, life: self.store.leases.life(id, now, keys) })
            }
            Op::LeaseList => Ok(Body::LeaseList(self.store.leases.list().collect())),
            Op::WatchCreate(op) => self.watch(client, op, now, then),
            Op::WatchCancel(watch) => {
                self.watches.cancel((client, watch));
                Ok(Body::WatchCancel(watch))
            }
            Op::WatchProgress => {
                then.push(Effect::WatchProgress { client, watch: None, revision: self.store.revision() });
                Ok(Body::WatchProgress)
            }
            Op::Status => Ok(Body::Status(self.status())),
            Op::MemberList => Ok(Body::MemberList(self.members())),
        }
    }

    /// Puts `command` through the log: here, applies it. Watches are told before the client is answered, as in etcd.
    fn commit(&mut self, command: Command<V>, now: Time, out: &mut Out<Effect<V>>) -> Result<Body<V>, EtcdError> {
        if command_size(&command) > MAX_REQUEST {
            return Err(EtcdError::RequestTooLarge);
        }
        self.applied += 1;
        let applied = self.store.apply(command, now);
        let revision = self.store.revision();
        for ((client, watch), events) in self.watches.notify(&applied.events, revision) {
            out.push(Effect::WatchEvents { client, watch, revision, events });
        }
        applied.result
    }

    /// Creates a watch; one that begins in the past is told at once what it missed.
    fn watch(
        &mut self,
        client: ClientId,
        op: WatchOp,
        now: Time,
        then: &mut Vec<Effect<V>>,
    ) -> Result<Body<V>, EtcdError> {
        let revision = self.store.revision();
        let start = op.start.unwrap_or(revision.next());
        let range = op.range.clone();
        let watch = self.watches.create(client, op, start, now)?;
        let watcher = self.watches.get((client, watch)).expect("the watch was just created");
        let missed = if start > revision {
            Ok(Vec::new())
        } else {
            self.store.events_since(start, &range).map(|all| all.filter_map(|event| watcher.shown(&event)).collect())
        };
        match missed {
            Err(EtcdError::Compacted { compacted }) => {
                self.watches.cancel((client, watch));
                then.push(Effect::WatchCanceled { client, watch, compacted });
            }
            Err(other) => return Err(other),
            Ok(events) => {
                if !events.is_empty() {
                    self.watches.told((client, watch), revision);
                    then.push(Effect::WatchEvents { client, watch, revision, events });
                }
            }
        }
        Ok(Body::WatchCreate(watch))
    }
}

impl<V: Payload> Component for Member<V> {
    type Input = Input<V>;
    type Effect = Effect<V>;
    type Reason = Reason;

    fn handle(&mut self, input: Input<V>, now: Time, out: &mut Out<Effect<V>>) {
        match input {
            Input::Request { client, id, op } => self.request((client, id), op, now, out),
            Input::Disconnect { client } => self.watches.disconnect(client),
        }
    }

    fn wake(&mut self, now: Time, out: &mut Out<Effect<V>>) {
        if self.store.leases.next_look().is_some_and(|at| at <= now) {
            for lease in self.store.leases.due(now) {
                self.commit(Command::LeaseRevoke(lease), now, out).expect("a lease that is due exists");
            }
        }
        let revision = self.store.revision();
        for (client, watch) in self.watches.due_progress(now) {
            out.push(Effect::WatchProgress { client, watch: Some(watch), revision });
        }
    }

    fn wake_at(&self) -> Option<Wake<Reason>> {
        let expiry = self.store.leases.next_look().zip(self.store.leases.list().next());
        let expiry = expiry.map(|(at, lease)| Wake { at, why: Reason::LeaseExpiry(lease) });
        let progress = self.watches.next_progress().map(|at| Wake { at, why: Reason::WatchProgress });
        [expiry, progress].into_iter().flatten().min_by_key(|wake| wake.at)
    }
}

fn command_size<V: Payload>(command: &Command<V>) -> u64 {
    match command {
        Command::Put(op) => match &op.value {
            NewValue::Set(value) => op.key.len() as u64 + value.size(),
            NewValue::Keep => op.key.len() as u64,
        },
        Command::Txn(op) => txn_size(op),
        _ => 0,
    }
}

fn txn_size<V: Payload>(op: &TxnOp<V>) -> u64 {
    let step_size = |step: &TxnStep<V>| match step {
        TxnStep::Put(op) => match &op.value {
            NewValue::Set(value) => op.key.len() as u64 + value.size(),
            NewValue::Keep => op.key.len() as u64,
        },
        TxnStep::Txn(op) => txn_size(op),
        TxnStep::Range(_) | TxnStep::Delete(_) => 0,
    };
    op.success.iter().chain(&op.failure).map(step_size).sum()
}
