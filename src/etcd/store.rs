//! The store: revisions of keys, and the one way to change them.
//!
//! Models `server/storage/mvcc/kvstore.go`, `kvstore_txn.go` and `server/etcdserver/txn/txn.go` (etcd). `apply` is pure: the
//! same commands give the same store, so a replicated log can stand before it. Every transaction that
//! changes something takes one revision; one that changes nothing takes none.

use crate::etcd::backend::{Backend, Record};
use crate::etcd::error::EtcdError;
use crate::etcd::index::Index;
use crate::etcd::key::{Key, KeyRange};
use crate::etcd::lease::Lessor;
use crate::etcd::op::SortOrder;
use crate::etcd::op::{
    DeleteOp, NewLease, NewValue, PutOp, RangeOp, RangeWhat, RevisionFilter, Sort, SortBy, TxnOp, TxnStep,
};
use crate::etcd::payload::Payload;
use crate::etcd::reply::{Body, Event, Found, KeyValue, RangeReply};
use crate::etcd::revision::{Change, LeaseId, Revision};
use crate::etcd::txn;
use crate::sim::Span;

/// A multi-version store of keys with values `V`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Store<V> {
    pub(crate) index: Index,
    pub(crate) backend: Backend<V>,
    pub(crate) leases: Lessor,
    revision: Revision,
    compacted: Option<Revision>,
}

/// What goes through the replicated log: a change, complete in itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command<V> {
    /// Write one key.
    Put(PutOp<V>),
    /// Delete keys.
    Delete(DeleteOp),
    /// A transaction.
    Txn(TxnOp<V>),
    /// Forget what was overwritten before this revision.
    Compact(Revision),
    /// Create this lease.
    LeaseGrant(LeaseId, Span),
    /// End this lease and delete its keys.
    LeaseRevoke(LeaseId),
}

impl<V> Command<V> {
    /// Whether it writes something that takes space: not where the alarm NOSPACE is on (`applierV3Capped`).
    pub fn needs_space(&self) -> bool {
        fn puts<V>(op: &TxnOp<V>) -> bool {
            op.success.iter().chain(&op.failure).any(|step| match step {
                TxnStep::Put(_) => true,
                TxnStep::Txn(op) => puts(op),
                TxnStep::Range(_) | TxnStep::Delete(_) => false,
            })
        }
        match self {
            Command::Put(_) | Command::LeaseGrant(..) => true,
            Command::Txn(op) => puts(op),
            Command::Delete(_) | Command::Compact(_) | Command::LeaseRevoke(_) => false,
        }
    }
}

/// What applying a command gave.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Applied<V> {
    /// The answer.
    pub result: Result<Body<V>, EtcdError>,
    /// The changes, all of one revision, in order; each with what was there before.
    pub events: Vec<Event<V>>,
}

impl<V> Default for Store<V> {
    fn default() -> Self {
        Store {
            index: Index::default(),
            backend: Backend::default(),
            leases: Lessor::default(),
            revision: Revision::FIRST,
            compacted: None,
        }
    }
}

impl<V: Payload> Store<V> {
    /// An empty store, at revision 1.
    pub fn new() -> Store<V> {
        Store::default()
    }

    /// The current revision.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The revision of the last compaction.
    pub fn compacted(&self) -> Option<Revision> {
        self.compacted
    }

    /// Does `command`.
    pub fn apply(&mut self, command: Command<V>) -> Applied<V> {
        let mut writer = Writer { main: self.revision.next(), store: self, events: Vec::new() };
        let result = match command {
            Command::Put(op) => writer.store.check_put(&op).map(|()| writer.put(op)),
            Command::Delete(op) => check_keys(&op.range).map(|()| writer.delete(&op)),
            Command::Txn(op) => txn::run(op, &mut writer),
            Command::Compact(at) => writer.store.compact(at).map(|()| Body::Compact),
            Command::LeaseGrant(id, ttl) => writer.store.leases.grant(id, ttl).map(|ttl| Body::LeaseGrant { id, ttl }),
            Command::LeaseRevoke(id) => writer.revoke(id).map(|()| Body::LeaseRevoke),
        };
        let events = writer.events;
        if !events.is_empty() {
            self.revision = self.revision.next();
        }
        Applied { result, events }
    }

    /// Reads.
    pub fn range(&self, op: &RangeOp) -> Result<RangeReply<V>, EtcdError> {
        self.check_range(op)?;
        Ok(self.read(op))
    }

    /// A transaction that only reads.
    pub fn read_txn(&self, op: TxnOp<V>) -> Result<Body<V>, EtcdError> {
        let chosen = txn::choose(op, self)?;
        txn::check(&chosen, self)?;
        Ok(txn::read(&chosen, self))
    }

    /// The changes from `start` on, in order, each with what was there before if that is still known.
    pub fn events_since<'a>(
        &'a self,
        start: Revision,
        range: &'a KeyRange,
    ) -> Result<impl Iterator<Item = Event<V>> + 'a, EtcdError> {
        self.check_kept(start)?;
        let wanted = self.backend.since(start).filter(move |(_, record)| range.contains(record.key()));
        Ok(wanted.map(move |(change, record)| self.event_of(*change, record)))
    }

    fn event_of(&self, change: Change, record: &Record<V>) -> Event<V> {
        let before = change.main.previous().filter(|before| self.check_kept(*before).is_ok());
        let prev = before.and_then(|before| self.index.get(record.key(), Some(before)));
        let prev = prev.map(|prev| self.backend.put_at(prev).clone());
        match record {
            Record::Put(kv) => Event::Put { kv: kv.clone(), prev },
            Record::Tombstone(key) => Event::Delete { key: key.clone(), mod_revision: change.main, prev },
        }
    }

    /// Whether all changes from `revision` on are still known.
    fn check_kept(&self, revision: Revision) -> Result<(), EtcdError> {
        match self.compacted {
            Some(compacted) if revision < compacted => Err(EtcdError::Compacted { compacted }),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_range(&self, op: &RangeOp) -> Result<(), EtcdError> {
        check_keys(&op.range)?;
        match op.revision {
            Some(at) if at > self.revision => Err(EtcdError::FutureRevision),
            Some(at) => self.check_kept(at),
            None => Ok(()),
        }
    }

    pub(crate) fn check_put(&self, op: &PutOp<V>) -> Result<(), EtcdError> {
        if op.key.is_empty() {
            return Err(EtcdError::EmptyKey);
        }
        if let NewLease::Attach(lease) = op.lease
            && !self.leases.exists(lease)
        {
            return Err(EtcdError::LeaseNotFound);
        }
        let keeps = op.value == NewValue::Keep || op.lease == NewLease::Keep;
        if keeps && self.index.get(&op.key, None).is_none() {
            return Err(EtcdError::KeyNotFound);
        }
        Ok(())
    }

    /// A range that was checked.
    pub(crate) fn read(&self, op: &RangeOp) -> RangeReply<V> {
        if op.what == RangeWhat::CountOnly {
            let count = self.index.range(&op.range, op.revision).count() as u64;
            return RangeReply { found: Found::Count, count, more: false };
        }
        let reorders = op.sort.is_some_and(|sort| sort.order.is_some()) || op.only != RevisionFilter::default();
        let limit = op.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let fetch = if reorders { usize::MAX } else { limit.saturating_add(1) };
        let mut count = 0_u64;
        let mut kvs: Vec<&KeyValue<V>> = Vec::new();
        for (_, change) in self.index.range(&op.range, op.revision) {
            count += 1;
            if kvs.len() < fetch {
                kvs.push(self.backend.put_at(change));
            }
        }
        kvs.retain(|kv| op.only.admits(kv));
        if let Some(sort) = op.sort {
            sort.apply(&mut kvs);
        }
        let more = kvs.len() > limit;
        kvs.truncate(limit);
        let found = match op.what {
            RangeWhat::KeysOnly => Found::Keys(kvs.into_iter().map(KeyValue::meta).collect()),
            _ => Found::Full(kvs.into_iter().cloned().collect()),
        };
        RangeReply { found, count, more }
    }

    /// The revision grows by that, and all history before is forgotten (`etcdutl snapshot restore --bump-revision`).
    pub(crate) fn bump(&mut self, by: u64) {
        self.revision = Revision(self.revision.0.saturating_add(by));
        let at = self.revision;
        self.compact(at).expect("a revision after all others can be compacted");
    }

    /// A key is gone as if it had never been written, and no revision says so. Says whether it was there. What a member that
    /// crashed with writes of its log half applied is left with (etcd 3.5.0 to 3.5.2).
    pub(crate) fn lose(&mut self, key: &str) -> bool {
        let Some(known) = self.index.forget(key) else { return false };
        let changes: Vec<Change> = known.changes().collect();
        self.backend.drop_all(&changes);
        self.leases.attach(&key.into(), None);
        true
    }

    fn compact(&mut self, at: Revision) -> Result<(), EtcdError> {
        match self.compacted {
            Some(compacted) if at <= compacted => return Err(EtcdError::Compacted { compacted }),
            _ if at > self.revision => return Err(EtcdError::FutureRevision),
            _ => {}
        }
        self.compacted = Some(at);
        let dropped = self.index.compact(at);
        self.backend.drop_all(&dropped);
        Ok(())
    }
}

/// Refuses a request that names no key.
pub(crate) fn check_keys(range: &KeyRange) -> Result<(), EtcdError> {
    match range {
        KeyRange::One(key) if key.is_empty() => Err(EtcdError::EmptyKey),
        _ => Ok(()),
    }
}

/// A transaction under way: what it writes is at once seen by what it reads.
pub(crate) struct Writer<'s, V> {
    pub(crate) store: &'s mut Store<V>,
    main: Revision,
    events: Vec<Event<V>>,
}

impl<V: Payload> Writer<'_, V> {
    /// A put that was checked.
    pub(crate) fn put(&mut self, op: PutOp<V>) -> Body<V> {
        let store = &mut *self.store;
        let prev = store.index.get(&op.key, None).map(|change| store.backend.put_at(change).clone());
        let key = prev.as_ref().map_or(op.key, |prev| prev.key.clone());
        let lease = match op.lease {
            NewLease::None => None,
            NewLease::Attach(lease) => Some(lease),
            NewLease::Keep => prev.as_ref().and_then(|prev| prev.lease),
        };
        let mut value = match op.value {
            NewValue::Set(value) => value,
            NewValue::Keep => prev.as_ref().expect("a put that keeps was checked").value.clone(),
        };
        value.stored_at(self.main);
        let change = next_change(self.main, &self.events);
        let extended = store.index.put(&key, change);
        store.leases.attach(&key, lease);
        let kv = KeyValue {
            key,
            value,
            create_revision: extended.created,
            mod_revision: self.main,
            version: extended.version,
            lease,
        };
        store.backend.append(change, Record::Put(kv.clone()));
        let answer = if op.prev_kv { prev.clone() } else { None };
        self.events.push(Event::Put { kv, prev });
        Body::Put { prev: answer }
    }

    /// A deletion that was checked.
    pub(crate) fn delete(&mut self, op: &DeleteOp) -> Body<V> {
        let found: Vec<Change> = self.store.index.range(&op.range, None).map(|(_, change)| change).collect();
        let deleted = found.len() as u64;
        let prev: Vec<KeyValue<V>> = found.into_iter().map(|change| self.delete_one(change)).collect();
        Body::Delete { deleted, prev: if op.prev_kv { prev } else { Vec::new() } }
    }

    /// Deletes the key that was put at `at`.
    fn delete_one(&mut self, at: Change) -> KeyValue<V> {
        let store = &mut *self.store;
        let prev = store.backend.put_at(at).clone();
        let change = next_change(self.main, &self.events);
        store.index.tombstone(&prev.key, change);
        store.backend.append(change, Record::Tombstone(prev.key.clone()));
        store.leases.attach(&prev.key, None);
        let key = prev.key.clone();
        self.events.push(Event::Delete { key, mod_revision: self.main, prev: Some(prev.clone()) });
        prev
    }

    fn revoke(&mut self, id: LeaseId) -> Result<(), EtcdError> {
        let keys: Vec<Key> = self.store.leases.revoke(id)?;
        for key in keys {
            self.delete(&DeleteOp::new(KeyRange::One(key)));
        }
        Ok(())
    }
}

fn next_change<V>(main: Revision, events: &[Event<V>]) -> Change {
    Change {
        main,
        sub: u32::try_from(events.len()).expect("a transaction changes fewer keys than there is memory for"),
    }
}

impl RevisionFilter {
    fn admits<V>(&self, kv: &KeyValue<V>) -> bool {
        self.min_mod.is_none_or(|min| kv.mod_revision >= min)
            && self.max_mod.is_none_or(|max| kv.mod_revision <= max)
            && self.min_create.is_none_or(|min| kv.create_revision >= min)
            && self.max_create.is_none_or(|max| kv.create_revision <= max)
    }
}

impl Sort {
    fn apply<V: Payload>(self, kvs: &mut [&KeyValue<V>]) {
        kvs.sort_by(|a, b| {
            let ascending = match self.by {
                SortBy::Key => a.key.cmp(&b.key),
                SortBy::Version => a.version.cmp(&b.version),
                SortBy::Create => a.create_revision.cmp(&b.create_revision),
                SortBy::Modify => a.mod_revision.cmp(&b.mod_revision),
                SortBy::Value => a.value.text().cmp(&b.value.text()),
            };
            match self.order {
                None | Some(SortOrder::Ascend) => ascending,
                Some(SortOrder::Descend) => ascending.reverse(),
            }
        });
    }
}
