//! Replies and events.
//!
//! Models `api/etcdserverpb/rpc.proto` and `api/mvccpb/kv.proto` (etcd).

use std::sync::Arc;

use crate::etcd::key::Key;
use crate::etcd::saved::Saved;
use crate::etcd::{LeaseId, Revision, WatchId};
use crate::sim::Span;

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyValue<V> {
    /// The key.
    pub key: Key,
    /// Its value.
    pub value: V,
    /// The revision of its creation.
    pub create_revision: Revision,
    /// The revision of its last change.
    pub mod_revision: Revision,
    /// How many times it was written since its creation; 1 when just created.
    pub version: u64,
    /// Its lease.
    pub lease: Option<LeaseId>,
}

/// A key without its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyMeta {
    /// The key.
    pub key: Key,
    /// The revision of its creation.
    pub create_revision: Revision,
    /// The revision of its last change.
    pub mod_revision: Revision,
    /// How many times it was written since its creation.
    pub version: u64,
    /// Its lease.
    pub lease: Option<LeaseId>,
}

impl<V> KeyValue<V> {
    /// Everything but the value.
    pub fn meta(&self) -> KeyMeta {
        KeyMeta {
            key: self.key.clone(),
            create_revision: self.create_revision,
            mod_revision: self.mod_revision,
            version: self.version,
            lease: self.lease,
        }
    }
}

/// An answer: who gives it, as of when, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reply<V> {
    /// Who and when.
    pub header: Header,
    /// What.
    pub body: Body<V>,
}

/// Who answers, and the store's revision then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Header {
    /// The cluster.
    pub cluster_id: u64,
    /// The member.
    pub member_id: u64,
    /// The store's revision.
    pub revision: Revision,
    /// The member's Raft term.
    pub raft_term: u64,
}

/// What is answered, by kind of request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Body<V> {
    /// To `Range`.
    Range(RangeReply<V>),
    /// To `Put`.
    Put {
        /// What was there before, if asked for and there.
        prev: Option<KeyValue<V>>,
    },
    /// To `Delete`.
    Delete {
        /// How many keys were deleted.
        deleted: u64,
        /// What was there, if asked for.
        prev: Vec<KeyValue<V>>,
    },
    /// To `Txn`.
    Txn(TxnReply<V>),
    /// To `Compact`.
    Compact,
    /// To `LeaseGrant`.
    LeaseGrant {
        /// The lease.
        id: LeaseId,
        /// Its time to live.
        ttl: Span,
    },
    /// To `LeaseRevoke`.
    LeaseRevoke,
    /// To `LeaseKeepAlive`.
    LeaseKeepAlive {
        /// The lease.
        id: LeaseId,
        /// Its time to live; `None` if it does not exist.
        ttl: Option<Span>,
    },
    /// To `LeaseTimeToLive`.
    LeaseTimeToLive {
        /// The lease.
        id: LeaseId,
        /// What there is to say; `None` if it does not exist.
        life: Option<LeaseLife>,
    },
    /// To `LeaseList`: the one that ends first comes first.
    LeaseList(Vec<LeaseId>),
    /// To `WatchCreate`.
    WatchCreate(WatchId),
    /// To `WatchCancel`; also when there was no such watch.
    WatchCancel(WatchId),
    /// To `WatchProgress`.
    WatchProgress,
    /// To `Status`.
    Status(Status),
    /// To `MemberList`.
    MemberList(Vec<MemberInfo>),
    /// To `MemberAdd`.
    MemberAdd {
        /// Who is new.
        member: MemberInfo,
        /// All members.
        members: Vec<MemberInfo>,
    },
    /// To `MemberRemove`, `MemberUpdate` and `MemberPromote`: all members.
    MembersChanged(Vec<MemberInfo>),
    /// To `AlarmList`: the alarms that are on; to `AlarmDisarm`: those that were put out.
    Alarms(Vec<(u64, Alarm)>),
    /// To `Defragment`.
    Defragment,
    /// To `HashKv`.
    HashKv(HashKv),
    /// To `Snapshot`.
    Snapshot(Arc<Saved<V>>),
    /// To `MoveLeader`: who made way.
    MoveLeader {
        /// It led before.
        from: u64,
    },
}

/// What an alarm is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alarm {
    /// A member has no space.
    NoSpace,
    /// A member holds something else than the others.
    Corrupt,
}

impl Alarm {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Alarm::NoSpace => "NOSPACE",
            Alarm::Corrupt => "CORRUPT",
        }
    }

    /// Its number on the wire.
    pub fn number(self) -> u64 {
        match self {
            Alarm::NoSpace => 1,
            Alarm::Corrupt => 2,
        }
    }
}

/// A hash over the history of all keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HashKv {
    /// The hash.
    pub hash: u32,
    /// Up to which revision.
    pub at: Revision,
    /// What was compacted away before.
    pub compacted: Option<Revision>,
}

/// The answer to a range.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RangeReply<V> {
    /// What was found, as far as it was asked for.
    pub found: Found<V>,
    /// How many keys are in the range, whatever the limit.
    pub count: u64,
    /// Whether the limit left some out.
    pub more: bool,
}

impl<V> RangeReply<V> {
    /// The keys with values; none if values were not asked for.
    pub fn kvs(&self) -> &[KeyValue<V>] {
        match &self.found {
            Found::Full(kvs) => kvs,
            Found::Keys(_) | Found::Count => &[],
        }
    }

    /// The keys with values, owned; none if values were not asked for.
    pub fn into_kvs(self) -> Vec<KeyValue<V>> {
        match self.found {
            Found::Full(kvs) => kvs,
            Found::Keys(_) | Found::Count => Vec::new(),
        }
    }
}

/// What a range found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Found<V> {
    /// Keys with values.
    Full(Vec<KeyValue<V>>),
    /// Keys without values.
    Keys(Vec<KeyMeta>),
    /// Only their number was asked for.
    Count,
}

/// The answer to a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TxnReply<V> {
    /// Whether the comparisons held.
    pub succeeded: bool,
    /// The answers of the branch that was done, in order. Only `Range`, `Put`, `Delete` and `Txn` occur.
    pub responses: Vec<Body<V>>,
}

/// How long a lease lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseLife {
    /// What it was granted for.
    pub granted: Span,
    /// What is left of it.
    pub remaining: Span,
    /// Its keys, if asked for.
    pub keys: Vec<Key>,
}

/// The state of a member, as `etcdctl endpoint status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// Bytes of the database.
    pub db_size: u64,
    /// Bytes of it in use.
    pub db_size_in_use: u64,
    /// The most bytes it may have, as the flag says; 0 if it does not.
    pub quota: u64,
    /// The member that leads, if one is known.
    pub leader: Option<u64>,
    /// The last index of the log.
    pub raft_index: u64,
    /// The last index applied.
    pub raft_applied_index: u64,
    /// The term.
    pub raft_term: u64,
    /// Whether the member only learns.
    pub is_learner: bool,
    /// Alarms and errors, in words.
    pub errors: Vec<String>,
}

/// A member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemberInfo {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where its peers reach it.
    pub peer_urls: Vec<String>,
    /// Where its clients reach it.
    pub client_urls: Vec<String>,
    /// Whether it only learns.
    pub is_learner: bool,
}

/// A change of a key, as a watch tells it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event<V> {
    /// The key was written.
    Put {
        /// What it is now.
        kv: KeyValue<V>,
        /// What it was before, if asked for and there.
        prev: Option<KeyValue<V>>,
    },
    /// The key was deleted.
    Delete {
        /// The key.
        key: Key,
        /// The revision of the deletion.
        mod_revision: Revision,
        /// What it was before, if asked for and still known.
        prev: Option<KeyValue<V>>,
    },
}

impl<V> Event<V> {
    /// The key.
    pub fn key(&self) -> &Key {
        match self {
            Event::Put { kv, .. } => &kv.key,
            Event::Delete { key, .. } => key,
        }
    }

    /// The revision of the change.
    pub fn revision(&self) -> Revision {
        match self {
            Event::Put { kv, .. } => kv.mod_revision,
            Event::Delete { mod_revision, .. } => *mod_revision,
        }
    }

    /// What was there before, if known.
    pub fn prev(&self) -> Option<&KeyValue<V>> {
        match self {
            Event::Put { prev, .. } | Event::Delete { prev, .. } => prev.as_ref(),
        }
    }

    /// Whether it is a put.
    pub fn is_put(&self) -> bool {
        matches!(self, Event::Put { .. })
    }

    /// Whether it is the put that created the key.
    pub fn is_create(&self) -> bool {
        matches!(self, Event::Put { kv, .. } if kv.create_revision == kv.mod_revision)
    }

    /// The same without what was there before.
    pub fn without_prev(mut self) -> Event<V> {
        match &mut self {
            Event::Put { prev, .. } | Event::Delete { prev, .. } => *prev = None,
        }
        self
    }
}
