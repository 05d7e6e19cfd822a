//! The numbers of the store: revisions, leases, clients, watches.
//!
//! Models `server/storage/mvcc/revision.go` (etcd). There, a revision of -1 or 0 and a lease of 0 mean "none"; here that is
//! an `Option`.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// The store's global revision: it starts at 1 and grows by one with every transaction that changes something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision of an empty store.
    pub const FIRST: Revision = Revision(1);

    /// The revision after this one.
    pub fn next(self) -> Revision {
        Revision(self.0 + 1)
    }

    /// The revision before this one; `None` before the very first.
    pub fn previous(self) -> Option<Revision> {
        self.0.checked_sub(1).map(Revision)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One change inside a revision: a transaction's first change has `sub` 0, its second 1, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Change {
    /// The revision.
    pub main: Revision,
    /// The place of the change in the revision's transaction.
    pub sub: u32,
}

/// A lease. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseId(pub NonZeroU64);

impl LeaseId {
    /// The lease numbered `n`; `None` for 0, which is no lease.
    pub fn new(n: u64) -> Option<LeaseId> {
        NonZeroU64::new(n).map(LeaseId)
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for LeaseId {
    /// Sixteen hexadecimal digits, as etcdctl prints a lease.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Who sends requests: one client connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientId(pub u32);

/// A watch of one client; each client counts its own from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WatchId(pub u64);
