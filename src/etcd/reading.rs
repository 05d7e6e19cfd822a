//! What views may look at: keys, the history of a key, leases, watches. Nothing here changes anything.

use crate::etcd::backend::Record;
use crate::etcd::key::{Key, KeyRange};
use crate::etcd::member::Member;
use crate::etcd::payload::Payload;
use crate::etcd::reply::{KeyValue, LeaseLife};
use crate::etcd::revision::{ClientId, LeaseId, Revision, WatchId};
use crate::etcd::store::Store;
use crate::etcd::watch::Watcher;
use crate::sim::Time;

/// One change in the history of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version<'a, V> {
    /// When it changed.
    pub revision: Revision,
    /// What it was then; `None` if it was deleted.
    pub kv: Option<&'a KeyValue<V>>,
}

/// A lease with its number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseView {
    /// The lease.
    pub id: LeaseId,
    /// Its time and keys.
    pub life: LeaseLife,
}

/// A watch with who holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WatchView<'a> {
    /// Who holds it.
    pub client: ClientId,
    /// Its number there.
    pub watch: WatchId,
    /// What it wants.
    pub watcher: &'a Watcher,
}

impl<V: Payload> Store<V> {
    /// The keys of `range` that exist now, in order, with their values.
    pub fn keys<'a>(&'a self, range: &KeyRange) -> impl Iterator<Item = &'a KeyValue<V>> {
        self.index.range(range, None).map(|(_, change)| self.backend.put_at(change))
    }

    /// The keys of `range` of which something is known, deleted ones included, in order.
    pub fn known_keys<'a>(&'a self, range: &'a KeyRange) -> impl Iterator<Item = &'a Key> + 'a {
        self.index.known(range).map(|(key, _)| key)
    }

    /// The key as it is now.
    pub fn get(&self, key: &str) -> Option<&KeyValue<V>> {
        self.index.get(key, None).map(|change| self.backend.put_at(change))
    }

    /// The key as it was at `at`, as far as that is still known.
    pub fn get_at(&self, key: &str, at: Revision) -> Option<&KeyValue<V>> {
        self.index.get(key, Some(at)).map(|change| self.backend.put_at(change))
    }

    /// All that is known of how `key` changed, oldest first.
    pub fn history<'a>(&'a self, key: &str) -> impl Iterator<Item = Version<'a, V>> + 'a {
        let changes = self.index.key(key).into_iter().flat_map(|known| known.changes());
        changes.map(|change| {
            let kv = match self.backend.record_at(change) {
                Some(Record::Put(kv)) => Some(kv),
                Some(Record::Tombstone(_)) | None => None,
            };
            Version { revision: change.main, kv }
        })
    }

    /// All leases, by number.
    pub fn leases(&self) -> impl Iterator<Item = LeaseId> + '_ {
        self.leases.iter().map(|(id, _)| id)
    }

    /// How many records are kept, over all revisions.
    pub fn records(&self) -> u64 {
        self.backend.records()
    }

    /// Bytes of keys and values kept, over all revisions.
    pub fn bytes(&self) -> u64 {
        self.backend.size()
    }
}

impl<V: Payload> Member<V> {
    /// How long lease `id` lives at `now`, as far as this member knows: who does not lead knows only what was granted.
    pub fn lease_life(&self, id: LeaseId, now: Time, with_keys: bool) -> Option<LeaseLife> {
        let leases = &self.store().leases;
        let granted = leases.ttl(id)?;
        let keys = if with_keys { leases.keys(id).cloned().collect() } else { Vec::new() };
        Some(LeaseLife { granted, remaining: self.lease_clock().remaining(id, now).unwrap_or(granted), keys })
    }

    /// All leases; where this member leads, the one that ends first comes first.
    pub fn leases(&self) -> Vec<LeaseId> {
        let mut leases: Vec<LeaseId> = self.lease_clock().in_order().collect();
        if leases.is_empty() {
            leases.extend(self.store().leases());
        }
        leases
    }

    /// All leases at `now` with their keys, in the same order.
    pub fn lease_views(&self, now: Time) -> impl Iterator<Item = LeaseView> + '_ {
        self.leases()
            .into_iter()
            .filter_map(move |id| self.lease_life(id, now, true).map(|life| LeaseView { id, life }))
    }

    /// All watches, by client and number.
    pub fn watch_views(&self) -> impl Iterator<Item = WatchView<'_>> {
        self.watches().iter().map(|((client, watch), watcher)| WatchView { client: *client, watch: *watch, watcher })
    }
}
