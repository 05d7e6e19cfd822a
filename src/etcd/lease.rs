//! Leases: keys that go when nobody keeps them alive.
//!
//! Models `server/lease/lessor.go` (etcd), as far as it is the same on all members: which leases there are, how long they live,
//! which keys are theirs. When one ends only the leader knows: see `lease_clock`.

use crate::etcd::error::EtcdError;
use crate::etcd::key::Key;
use crate::etcd::revision::LeaseId;
use crate::sim::{SharedMap, SharedSet, Span};

/// The least time to live: one and a half election time-outs (1 s), rounded up to a second.
const MIN_TTL: Span = Span::secs(2);
/// The greatest time to live that is granted.
const MAX_TTL: Span = Span::secs(9_000_000_000);

/// All leases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lessor {
    leases: SharedMap<LeaseId, Lease>,
    by_key: SharedMap<Key, LeaseId>,
}

/// One lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Lease {
    ttl: Span,
    keys: SharedSet<Key>,
}

impl Lessor {
    /// Creates lease `id`. Returns the time to live granted.
    pub fn grant(&mut self, id: LeaseId, ttl: Span) -> Result<Span, EtcdError> {
        if ttl > MAX_TTL {
            return Err(EtcdError::LeaseTtlTooLarge);
        }
        if self.exists(id) {
            return Err(EtcdError::LeaseExists);
        }
        let ttl = ttl.max(MIN_TTL);
        self.leases.insert(id, Lease { ttl, keys: SharedSet::default() });
        Ok(ttl)
    }

    /// Removes lease `id` and hands over its keys, in order.
    pub fn revoke(&mut self, id: LeaseId) -> Result<Vec<Key>, EtcdError> {
        let lease = self.leases.get(&id).ok_or(EtcdError::LeaseNotFound)?;
        let keys: Vec<Key> = lease.keys.iter().cloned().collect();
        for key in &keys {
            self.by_key.remove(key);
        }
        self.leases.remove(&id);
        Ok(keys)
    }

    /// All leases with their times to live, by number.
    pub fn iter(&self) -> impl Iterator<Item = (LeaseId, Span)> + '_ {
        self.leases.iter().map(|(id, lease)| (*id, lease.ttl))
    }

    /// The time to live of lease `id`, if there is such a lease.
    pub fn ttl(&self, id: LeaseId) -> Option<Span> {
        self.leases.get(&id).map(|lease| lease.ttl)
    }

    /// The keys of lease `id`, in order.
    pub fn keys(&self, id: LeaseId) -> impl Iterator<Item = &Key> + '_ {
        self.leases.get(&id).into_iter().flat_map(|lease| lease.keys.iter())
    }

    /// Whether there is a lease `id`.
    pub fn exists(&self, id: LeaseId) -> bool {
        self.leases.contains_key(&id)
    }

    /// The lease that `key` is under.
    pub fn of_key(&self, key: &str) -> Option<LeaseId> {
        self.by_key.get(key).copied()
    }

    /// Puts `key` under `lease`, or under none.
    pub fn attach(&mut self, key: &Key, lease: Option<LeaseId>) {
        let old = self.of_key(key);
        if old == lease {
            return;
        }
        if let Some(old) = old.and_then(|old| self.leases.get_mut(&old)) {
            old.keys.remove(key);
        }
        match lease {
            Some(id) => {
                self.leases.get_mut(&id).expect("a lease is checked before use").keys.insert(key.clone());
                self.by_key.insert(key.clone(), id);
            }
            None => {
                self.by_key.remove(key);
            }
        }
    }
}
