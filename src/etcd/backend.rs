//! What was written, by revision: the store's only copy of values.
//!
//! Models the `key` bucket of `server/storage/backend` (etcd), which is bbolt there; here it is a shared map, so that a
//! checkpoint is a clone. It has no pages, so `size` counts what is in use; how much of the file is free, the member
//! reckons.

use crate::etcd::key::Key;
use crate::etcd::payload::Payload;
use crate::etcd::reply::KeyValue;
use crate::etcd::revision::{Change, Revision};
use crate::sim::SharedMap;

/// The records of all revisions that are still known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Backend<V> {
    records: SharedMap<Change, Record<V>>,
    size: u64,
}

/// One change of one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Record<V> {
    /// It was written.
    Put(KeyValue<V>),
    /// It was deleted.
    Tombstone(Key),
}

/// What a record costs beside its key and value: the revision's key and the protobuf's numbers.
const OVERHEAD: u64 = 40;

impl<V> Default for Backend<V> {
    fn default() -> Self {
        Backend { records: SharedMap::default(), size: 0 }
    }
}

impl<V: Payload> Backend<V> {
    /// Adds a record at a change after all others.
    pub fn append(&mut self, change: Change, record: Record<V>) {
        self.size += record.size();
        self.records.insert(change, record);
    }

    /// The put at `change`, which must be one that is known.
    pub fn put_at(&self, change: Change) -> &KeyValue<V> {
        match self.records.get(&change) {
            Some(Record::Put(kv)) => kv,
            other => unreachable!("the index points at puts that are kept, not at {other:?}"),
        }
    }

    /// The record at `change`, if it is known.
    pub fn record_at(&self, change: Change) -> Option<&Record<V>> {
        self.records.get(&change)
    }

    /// The records from `start` on, in order.
    pub fn since(&self, start: Revision) -> impl Iterator<Item = (&Change, &Record<V>)> {
        self.records.range(Change { main: start, sub: 0 }..)
    }

    /// Drops the records at `changes`.
    pub fn drop_all(&mut self, changes: &[Change]) {
        for change in changes {
            if let Some(record) = self.records.get(change) {
                self.size -= record.size();
            }
            self.records.remove(change);
        }
    }

    /// How many records are kept.
    pub fn records(&self) -> u64 {
        self.records.len()
    }

    /// Bytes in use.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl<V: Payload> Record<V> {
    /// Which key changed.
    pub fn key(&self) -> &Key {
        match self {
            Record::Put(kv) => &kv.key,
            Record::Tombstone(key) => key,
        }
    }

    fn size(&self) -> u64 {
        OVERHEAD
            + match self {
                Record::Put(kv) => kv.key.len() as u64 + kv.value.size(),
                Record::Tombstone(key) => key.len() as u64,
            }
    }
}
