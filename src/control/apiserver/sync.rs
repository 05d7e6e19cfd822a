//! What keeps the caches up to date, and the server's own errands to etcd. Models the reflector of
//! `k8s.io/apiserver/pkg/storage/cacher` and `storage/etcd3/lease_manager.go`.

use std::sync::Arc;

use crate::api::{Answer, CallId, Kind, Object, ResourceVersion, Status};
use crate::control::apiserver::cache::Change;
use crate::control::apiserver::call::{CallNo, ClientId, Door};
use crate::control::apiserver::health::Asked;
use crate::control::apiserver::masterlease::Round;
use crate::control::apiserver::{ApiServer, Effect, StoredValue, boot::Boot};
use crate::etcd::{self, Body, EtcdError, KeyRange, LeaseId, Op, RangeOp, Revision, WatchId, WatchOp};
use crate::sim::{Out, Span, Time};

/// How long an Event is kept (`--event-ttl`), and how much longer its lease may live so that events can share it.
const EVENT_TTL: Span = Span::secs(3_600);
const EVENT_LEASE_SHARE: Span = Span::secs(60);
/// So many events share a lease.
const EVENT_LEASE_USES: u32 = 1_000;

/// A request to etcd that no call waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Errand {
    /// The list that fills a cache.
    List(Kind),
    /// The watch of a cache.
    Watch(Kind),
    /// The revision, for caches that are behind.
    Progress,
    /// A step in a round of the servers that live.
    Endpoints(Round),
    /// Whether etcd answers, for a client that asks for the server's health.
    Health(ClientId, CallId, Asked),
    /// The same, for a client that asks for the whole control plane's.
    Components(u64),
}

/// The lease that new events share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventLease {
    id: LeaseId,
    granted: Time,
    uses: u32,
}

impl ApiServer {
    /// Begins to list etcd, kind by kind.
    pub(super) fn start(&mut self, _now: Time, out: &mut Out<Effect>) {
        self.boot = Boot::Syncing;
        for kind in Kind::ALL {
            self.list_kind(*kind, out);
        }
    }

    pub(super) fn list_kind(&mut self, kind: Kind, out: &mut Out<Effect>) {
        self.cache_mut(kind).begin_list();
        let op = Op::Range(RangeOp::new(KeyRange::prefix(&kind.etcd_prefix())));
        self.errand(Errand::List(kind), op, out);
    }

    pub(super) fn errand(&mut self, errand: Errand, op: Op<StoredValue>, out: &mut Out<Effect>) {
        let id = self.number();
        self.errands.insert(id, errand);
        out.push(Effect::Etcd { id, op });
    }

    /// Takes in what etcd says.
    pub(super) fn on_etcd(&mut self, effect: etcd::Effect<StoredValue>, now: Time, out: &mut Out<Effect>) {
        match effect {
            etcd::Effect::Response { id, result, .. } => match self.errands.remove(&id) {
                Some(errand) => self.on_errand(errand, result, now, out),
                None => self.on_reply(CallNo(id), result, now, out),
            },
            etcd::Effect::WatchEvents { watch, revision, events, .. } => {
                let Some(kind) = self.kind_of(watch) else { return };
                if !self.cache(kind).is_ready() {
                    return;
                }
                let changes = self.cache_mut(kind).apply(events, revision, now);
                for change in &changes {
                    self.alloc.learn(change.old.as_ref(), change.new.as_ref());
                }
                self.tell(kind, &changes, now, out);
                self.kind_changed(kind, now);
                self.catch_up(now, out);
                if kind == Kind::CustomResourceDefinition {
                    self.definitions_changed(now, out);
                    self.tend_definitions(now, out);
                } else {
                    self.objects_gone(kind, now, out);
                }
            }
            etcd::Effect::WatchProgress { watch, revision, .. } => {
                let kinds: Vec<Kind> = match watch {
                    Some(watch) => self.kind_of(watch).into_iter().collect(),
                    None => self.caches.keys().copied().collect(),
                };
                for kind in kinds {
                    if self.cache(kind).is_ready() {
                        self.cache_mut(kind).progress(revision);
                    }
                }
                self.catch_up(now, out);
            }
            etcd::Effect::WatchCanceled { watch, .. } => {
                if let Some(kind) = self.kind_of(watch) {
                    self.cache_lost(kind, out);
                    self.list_kind(kind, out);
                }
            }
            // What members do among themselves.
            etcd::Effect::Peer(_) | etcd::Effect::Save(_) | etcd::Effect::Exit(_) => {}
        }
    }

    fn on_errand(
        &mut self,
        errand: Errand,
        result: Result<etcd::Reply<StoredValue>, EtcdError>,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        match (errand, result) {
            (Errand::List(kind) | Errand::Watch(kind), _) if !self.caches.contains_key(&kind) => {}
            (Errand::List(kind), Ok(reply)) => {
                let revision = reply.header.revision;
                let Body::Range(range) = reply.body else { return };
                let before: Vec<Object> = self.cache(kind).objects().cloned().collect();
                self.cache_mut(kind).fill(range.into_kvs(), revision);
                let known: Vec<Object> = self.cache(kind).objects().cloned().collect();
                before.iter().for_each(|object| self.alloc.learn(Some(object), None));
                known.iter().for_each(|object| self.alloc.learn(None, Some(object)));
                let mut watch = WatchOp::new(KeyRange::prefix(&kind.etcd_prefix())).from(revision.next());
                watch.id = Some(self.watch_of(kind));
                self.errand(Errand::Watch(kind), Op::WatchCreate(watch), out);
                if kind == Kind::CustomResourceDefinition {
                    self.definitions_changed(now, out);
                }
                self.after_fill(now, out);
                self.kind_changed(kind, now);
                self.catch_up(now, out);
                if matches!(kind, Kind::CustomResourceDefinition | Kind::Custom(_)) {
                    self.tend_definitions(now, out);
                }
            }
            (Errand::Endpoints(round), result) => self.round_goes_on(round, result, now, out),
            (Errand::Health(client, id, asked), result) => {
                ApiServer::health_found(client, id, &asked, result.is_ok(), out);
            }
            (Errand::Components(no), result) => self.etcd_probed(no, result.map(|_| ()), out),
            (Errand::List(kind), Err(_)) => self.list_kind(kind, out),
            (Errand::Watch(kind), Err(_)) => {
                self.cache_lost(kind, out);
                self.list_kind(kind, out);
            }
            (Errand::Watch(_) | Errand::Progress, _) => {}
        }
    }

    /// A cache is filled: the server may be able to go on with its start.
    fn after_fill(&mut self, now: Time, out: &mut Out<Effect>) {
        if self.boot == Boot::Syncing && self.caches.values().all(super::cache::Cache::is_ready) {
            self.make_own_objects(now, out);
        }
    }

    /// The watch of a cache is over: what it knows may be old, and its watchers must list again.
    fn cache_lost(&mut self, kind: Kind, out: &mut Out<Effect>) {
        self.cache_mut(kind).reset();
        let watching: Vec<CallNo> = self.watchers[&kind].calls().collect();
        for call in watching {
            self.close_watch(call, Status::expired("The resourceVersion for the provided watch is too old."), out);
        }
    }

    /// The connection to etcd is gone.
    pub(super) fn on_etcd_lost(&mut self, now: Time, out: &mut Out<Effect>) {
        for errand in std::mem::take(&mut self.errands).into_values() {
            if let Errand::Health(client, id, asked) = errand {
                ApiServer::health_found(client, id, &asked, false, out);
            }
        }
        self.event_lease = None;
        let waiting: Vec<CallNo> = self.calls.iter().filter(|(_, c)| c.waits_for_etcd()).map(|(no, _)| *no).collect();
        for call in waiting {
            let status = Status {
                code: 500,
                reason: String::new(),
                message: "rpc error: code = Unavailable desc = transport is closing".into(),
                details: None,
            };
            self.answer(call, status.into(), now, out);
        }
        let kinds: Vec<Kind> = self.caches.keys().copied().collect();
        for kind in &kinds {
            self.cache_lost(*kind, out);
        }
        if self.boot != Boot::Off {
            for kind in kinds {
                self.list_kind(kind, out);
            }
        }
    }

    /// Tells watchers of changes.
    fn tell(&mut self, kind: Kind, changes: &[Change], now: Time, out: &mut Out<Effect>) {
        let revision = ResourceVersion(self.cache(kind).revision().0);
        for batch in self.watchers[&kind].batches(changes) {
            let mut written = Vec::new();
            for watcher in &batch.watchers {
                let Some(call) = self.calls.get(watcher) else { continue };
                let (client, id) = (call.client, call.id);
                match &call.door {
                    Door::Http(form) => {
                        let form = form.clone();
                        self.write_events(&mut written, &form, &batch.events, now, |chunk| {
                            out.push(Effect::Chunk { client, id, chunk });
                        });
                    }
                    _ => {
                        let events = Arc::clone(&batch.events);
                        out.push(Effect::Answer { client, answer: Answer::Events { id, events, revision } });
                    }
                }
            }
        }
    }

    /// Asks etcd for its revision on behalf of the caches that are behind, unless that is under way.
    pub(super) fn ask_progress(&mut self, out: &mut Out<Effect>) {
        if !self.errands.values().any(|e| *e == Errand::Progress) {
            self.errand(Errand::Progress, Op::WatchProgress, out);
        }
    }

    /// The lease for a new event, if there is one that may still be used.
    pub(super) fn event_lease(&mut self, now: Time) -> Option<LeaseId> {
        let lease = self.event_lease.as_mut()?;
        if now.since(lease.granted) >= EVENT_LEASE_SHARE || lease.uses >= EVENT_LEASE_USES {
            return None;
        }
        lease.uses += 1;
        Some(lease.id)
    }

    /// The request for a lease for events.
    pub(super) fn event_lease_request() -> Op<StoredValue> {
        Op::LeaseGrant { id: None, ttl: EVENT_TTL + EVENT_LEASE_SHARE }
    }

    /// A lease for events was granted.
    pub(super) fn new_event_lease(&mut self, id: LeaseId, now: Time) {
        self.event_lease = Some(EventLease { id, granted: now, uses: 0 });
    }

    /// Whether the cache of a kind has heard of everything up to `revision`.
    pub(super) fn has_heard(&self, kind: Kind, revision: Revision) -> bool {
        self.cache(kind).is_ready() && self.cache(kind).revision() >= revision
    }

    /// The number of the watch of a kind's cache.
    fn watch_of(&self, kind: Kind) -> WatchId {
        match Kind::ALL.iter().position(|k| *k == kind) {
            Some(at) => WatchId(at as u64),
            None => self.definitions.watch_of(kind),
        }
    }

    /// The kind whose cache has this watch.
    fn kind_of(&self, watch: WatchId) -> Option<Kind> {
        let own = usize::try_from(watch.0).ok().and_then(|at| Kind::ALL.get(at)).copied();
        own.or_else(|| self.definitions.kind_of(watch))
    }
}
