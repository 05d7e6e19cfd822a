//! Leases: keys that go when nobody keeps them alive.
//!
//! Models `server/lease/lessor.go` (etcd). There, only the leader's lessor watches the clock, and an expired lease goes by a
//! `LeaseRevoke` through the log; here too: `due` says which leases are over, and whoever leads revokes them. etcd looks
//! every 500 ms, so a lease outlives its time by up to that; `next_look` says when.

use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};

use crate::etcd::error::EtcdError;
use crate::etcd::key::Key;
use crate::etcd::reply::LeaseLife;
use crate::etcd::revision::LeaseId;
use crate::sim::{Span, Time};

/// The least time to live: one and a half election time-outs (1 s), rounded up to a second.
const MIN_TTL: Span = Span::secs(2);
/// The greatest time to live that is granted.
const MAX_TTL: Span = Span::secs(9_000_000_000);
/// How often the leader looks for expired leases.
const LOOK_EVERY: Span = Span::millis(500);

/// All leases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lessor {
    leases: RedBlackTreeMapSync<LeaseId, Lease>,
    by_expiry: RedBlackTreeSetSync<(Time, LeaseId)>,
    by_key: RedBlackTreeMapSync<Key, LeaseId>,
}

/// One lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Lease {
    ttl: Span,
    expires: Time,
    keys: RedBlackTreeSetSync<Key>,
}

impl Lessor {
    /// Creates lease `id`. Returns the time to live granted.
    pub fn grant(&mut self, id: LeaseId, ttl: Span, now: Time) -> Result<Span, EtcdError> {
        if ttl > MAX_TTL {
            return Err(EtcdError::LeaseTtlTooLarge);
        }
        if self.exists(id) {
            return Err(EtcdError::LeaseExists);
        }
        let ttl = ttl.max(MIN_TTL);
        let expires = now + ttl;
        self.leases.insert_mut(id, Lease { ttl, expires, keys: RedBlackTreeSetSync::default() });
        self.by_expiry.insert_mut((expires, id));
        Ok(ttl)
    }

    /// Removes lease `id` and hands over its keys, in order.
    pub fn revoke(&mut self, id: LeaseId) -> Result<Vec<Key>, EtcdError> {
        let lease = self.leases.get(&id).ok_or(EtcdError::LeaseNotFound)?;
        let (expires, keys): (Time, Vec<Key>) = (lease.expires, lease.keys.iter().cloned().collect());
        for key in &keys {
            self.by_key.remove_mut(key);
        }
        self.by_expiry.remove_mut(&(expires, id));
        self.leases.remove_mut(&id);
        Ok(keys)
    }

    /// Starts the time of lease `id` again. Returns its time to live; `None` if there is no such lease or it is over.
    pub fn keep_alive(&mut self, id: LeaseId, now: Time) -> Option<Span> {
        let lease = self.leases.get_mut(&id).filter(|lease| lease.expires > now)?;
        self.by_expiry.remove_mut(&(lease.expires, id));
        lease.expires = now + lease.ttl;
        self.by_expiry.insert_mut((lease.expires, id));
        Some(lease.ttl)
    }

    /// How long lease `id` lives; `None` if there is no such lease.
    pub fn life(&self, id: LeaseId, now: Time, with_keys: bool) -> Option<LeaseLife> {
        let lease = self.leases.get(&id)?;
        let keys = if with_keys { lease.keys.iter().cloned().collect() } else { Vec::new() };
        Some(LeaseLife { granted: lease.ttl, remaining: lease.expires.since(now), keys })
    }

    /// All leases, the one that ends first comes first.
    pub fn list(&self) -> impl Iterator<Item = LeaseId> + '_ {
        self.by_expiry.iter().map(|(_, id)| *id)
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
            old.keys.remove_mut(key);
        }
        match lease {
            Some(id) => {
                self.leases.get_mut(&id).expect("a lease is checked before use").keys.insert_mut(key.clone());
                self.by_key.insert_mut(key.clone(), id);
            }
            None => {
                self.by_key.remove_mut(key);
            }
        }
    }

    /// The leases whose time is over at `now`, the one that ended first first.
    pub fn due(&self, now: Time) -> Vec<LeaseId> {
        self.by_expiry.iter().take_while(|(expires, _)| *expires <= now).map(|(_, id)| *id).collect()
    }

    /// When the leader's next look finds an expired lease, if nobody keeps it alive.
    pub fn next_look(&self) -> Option<Time> {
        let (expires, _) = self.by_expiry.first()?;
        Some(Time(expires.0.div_ceil(LOOK_EVERY.0).saturating_mul(LOOK_EVERY.0)))
    }
}
