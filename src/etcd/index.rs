//! All keys with their revisions, in key order.
//!
//! Models `server/storage/mvcc/index.go` (etcd), a B-tree there and a shared map here, so that a checkpoint is a clone.

use std::borrow::Borrow;

use crate::etcd::key::{Key, KeyRange};
use crate::etcd::key_index::{Extended, KeyIndex};
use crate::etcd::revision::{Change, Revision};
use crate::sim::SharedMap;

/// The index of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Index {
    keys: SharedMap<Key, KeyIndex>,
}

impl Index {
    /// Notes a put.
    pub fn put(&mut self, key: &Key, change: Change) -> Extended {
        if let Some(known) = self.keys.get_mut::<str>(key) {
            return known.put(change);
        }
        let mut fresh = KeyIndex::default();
        let extended = fresh.put(change);
        self.keys.insert(key.clone(), fresh);
        extended
    }

    /// Notes the deletion of a key that exists.
    pub fn tombstone(&mut self, key: &str, change: Change) {
        self.keys.get_mut(key).expect("only a key that exists is deleted").tombstone(change);
    }

    /// What is known of `key`.
    pub fn key(&self, key: &str) -> Option<&KeyIndex> {
        self.keys.get(key)
    }

    /// Forgets a key with all of its history, which it hands over.
    pub fn forget(&mut self, key: &str) -> Option<KeyIndex> {
        self.keys.remove(key)
    }

    /// The put of `key` in force as of `at`, or now.
    pub fn get(&self, key: &str, at: Option<Revision>) -> Option<Change> {
        self.keys.get(key).and_then(|known| in_force(known, at))
    }

    /// The keys of `range` that exist as of `at`, or now, in order, each with the put in force.
    pub fn range<'a>(&'a self, range: &KeyRange, at: Option<Revision>) -> impl Iterator<Item = (&'a Key, Change)> {
        self.known(range).filter_map(move |(key, known)| in_force(known, at).map(|change| (key, change)))
    }

    /// The keys of `range` of which something is known, deleted ones included, in order.
    pub fn known<'a>(&'a self, range: &KeyRange) -> impl Iterator<Item = (&'a Key, &'a KeyIndex)> {
        let walk = self.keys.range::<str>(range.walk_from());
        walk.take_while(move |(key, _)| range.contains(Borrow::<str>::borrow(*key)))
    }

    /// Forgets what nobody can ask for once `at` is the oldest revision, and hands it over.
    pub fn compact(&mut self, at: Revision) -> Vec<Change> {
        let touched: Vec<Key> =
            self.keys.iter().filter(|(_, known)| known.has_garbage(at)).map(|(key, _)| key.clone()).collect();
        let mut dropped = Vec::new();
        for key in touched {
            let known = self.keys.get_mut::<str>(&key).expect("the key was just seen");
            dropped.append(&mut known.compact(at));
            if known.is_empty() {
                self.keys.remove::<str>(&key);
            }
        }
        dropped
    }
}

fn in_force(known: &KeyIndex, at: Option<Revision>) -> Option<Change> {
    match at {
        Some(at) => known.get(at),
        None => known.current(),
    }
}
