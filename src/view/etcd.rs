//! etcd: keys, revisions, watches, leases, members.

use serde::{Deserialize, Serialize};

use crate::sim::{EventId, Span, Time};
use crate::view::{Health, Place};

/// The store as the etcd panel shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdView {
    /// The newest revision.
    pub revision: u64,
    /// The revision up to which history is compacted; 0 if never.
    pub compacted: u64,
    /// Bytes in use.
    pub size: u64,
    /// Keys under the prefix that is wanted, in order.
    pub keys: Vec<KeyView>,
    /// How many more there are than are listed.
    pub more: u32,
    /// The key that is selected.
    pub selected: Option<KeyDetail>,
    /// Live watches.
    pub watchers: Vec<WatcherView>,
    /// Live leases.
    pub leases: Vec<LeaseView>,
    /// Members.
    pub members: Vec<MemberView>,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// The key: `/registry/pods/default/web-0`.
    pub key: String,
    /// The revision that created it.
    pub create_revision: u64,
    /// The revision that wrote it last.
    pub mod_revision: u64,
    /// How often it was written since its creation.
    pub version: u64,
    /// The lease that it hangs on.
    pub lease: Option<u64>,
    /// Bytes of its value.
    pub size: u32,
}

/// The selected key with its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDetail {
    /// The key.
    pub key: String,
    /// Its revisions that are not compacted, newest first.
    pub revisions: Vec<KeyRevision>,
}

/// One revision of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRevision {
    /// The revision.
    pub revision: u64,
    /// How many-th write since its creation; 0 of a deletion.
    pub version: u64,
    /// When it was written, if that is still known.
    pub at: Option<Time>,
    /// The value as indented JSON or as text; `None` of a deletion (tombstone).
    pub value: Option<String>,
    /// The entry of the trace in which it was written.
    pub written_by: Option<EventId>,
}

/// A live watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatcherView {
    /// Its number.
    pub id: u64,
    /// Who holds it, as far as is known: the component whose watch it feeds.
    pub holder: Place,
    /// The key or prefix.
    pub key: String,
    /// Whether `key` is a prefix.
    pub prefix: bool,
    /// The revision from which it is still owed changes.
    pub next_revision: u64,
    /// Changes sent so far.
    pub sent: u64,
}

/// A live lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseView {
    /// Its number.
    pub id: u64,
    /// Its whole time to live.
    pub ttl: Span,
    /// What is left of it.
    pub remaining: Span,
    /// Keys that hang on it.
    pub keys: Vec<String>,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// Its name.
    pub name: String,
    /// Its health.
    pub health: Health,
    /// Its role.
    pub role: MemberRole,
    /// Its term.
    pub term: u64,
    /// The index up to which its log is committed.
    pub commit: u64,
    /// The last index of its log.
    pub last: u64,
}

/// The role of a member in Raft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MemberRole {
    /// It leads.
    Leader,
    /// It follows.
    Follower,
    /// It asks for votes.
    Candidate,
    /// It asks whether asking for votes would have a chance.
    PreCandidate,
}
