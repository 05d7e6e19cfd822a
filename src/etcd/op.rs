//! Requests and replies.
//!
//! Models `api/etcdserverpb/rpc.proto` (etcd). Where etcd has flags that exclude each other (`ignore_value` with a value,
//! `keys_only` with values in the answer), the types here leave no room for the error.

use crate::etcd::key::{Key, KeyRange};
use crate::etcd::{LeaseId, Revision, WatchId};
use crate::sim::Span;

/// A request of a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op<V> {
    /// Read keys.
    Range(RangeOp),
    /// Write one key.
    Put(PutOp<V>),
    /// Delete keys.
    Delete(DeleteOp),
    /// Compare, then do one of two lists of operations, all in one revision.
    Txn(TxnOp<V>),
    /// Forget what was overwritten or deleted before this revision.
    Compact(Revision),
    /// Create a lease; without a number, the member chooses one.
    LeaseGrant {
        /// The number wanted.
        id: Option<LeaseId>,
        /// How long it lives without being kept alive, in whole seconds (at least 2, as with etcd's default timings).
        ttl: Span,
    },
    /// End a lease now: its keys are deleted in one revision.
    LeaseRevoke(LeaseId),
    /// Start the lease's time again.
    LeaseKeepAlive(LeaseId),
    /// Ask how long the lease still lives.
    LeaseTimeToLive {
        /// The lease.
        id: LeaseId,
        /// Whether its keys are wanted too.
        keys: bool,
    },
    /// All leases.
    LeaseList,
    /// Be told of changes.
    WatchCreate(WatchOp),
    /// Do not be told any more.
    WatchCancel(WatchId),
    /// Ask for the current revision on all the client's watches.
    WatchProgress,
    /// The member's state.
    Status,
    /// The cluster's members.
    MemberList,
    /// A new member shall belong to the cluster.
    MemberAdd {
        /// Where its peers reach it.
        peer_urls: Vec<String>,
        /// Whether it only learns.
        is_learner: bool,
    },
    /// This member shall belong to it no more.
    MemberRemove(u64),
    /// The peers of this member reach it elsewhere.
    MemberUpdate {
        /// The member.
        id: u64,
        /// Where.
        peer_urls: Vec<String>,
    },
    /// This learner shall vote.
    MemberPromote(u64),
    /// The leader shall make way for this member.
    MoveLeader(u64),
    /// The alarms that are on.
    AlarmList,
    /// Put all alarms out.
    AlarmDisarm,
    /// Give the free pages of the member's database file back to the disk.
    Defragment,
    /// A hash over the history of all keys up to a revision, or to the current one.
    HashKv(Option<Revision>),
    /// The member's database as it is now.
    Snapshot,
}

impl<V> Op<V> {
    /// Whether it goes through the replicated log (true) or is answered by the member asked (false).
    pub fn is_replicated(&self) -> bool {
        match self {
            Op::Put(_)
            | Op::Delete(_)
            | Op::Compact(_)
            | Op::LeaseGrant { .. }
            | Op::LeaseRevoke(_)
            | Op::MemberAdd { .. }
            | Op::MemberRemove(_)
            | Op::MemberUpdate { .. }
            | Op::MemberPromote(_)
            | Op::AlarmDisarm => true,
            Op::Txn(txn) => !txn.is_read_only(),
            _ => false,
        }
    }

    /// Whether a member that only learns answers it.
    pub fn is_for_learners(&self) -> bool {
        match self {
            Op::Range(range) => range.serializable,
            Op::Status => true,
            _ => false,
        }
    }

    /// Whether it reads what was written before it was asked, wherever it is asked.
    pub fn is_linearizable_read(&self) -> bool {
        match self {
            Op::Range(range) => !range.serializable,
            Op::Txn(txn) => txn.is_read_only() && !txn.is_serializable(),
            Op::MemberList | Op::AlarmList => true,
            _ => false,
        }
    }
}

/// Which keys to read and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RangeOp {
    /// The keys.
    pub range: KeyRange,
    /// As of which revision; the current one if not said.
    pub revision: Option<Revision>,
    /// At most so many keys.
    pub limit: Option<u64>,
    /// What of them.
    pub what: RangeWhat,
    /// In which order; by key, ascending, if not said.
    pub sort: Option<Sort>,
    /// Only keys changed, created in these revisions.
    pub only: RevisionFilter,
    /// Whether the member asked may answer from what it has, however old that is.
    pub serializable: bool,
}

impl RangeOp {
    /// All keys of `range` with their values, now, by key.
    pub fn new(range: KeyRange) -> RangeOp {
        RangeOp {
            range,
            revision: None,
            limit: None,
            what: RangeWhat::KeysAndValues,
            sort: None,
            only: RevisionFilter::default(),
            serializable: false,
        }
    }

    /// The same as of `revision`.
    pub fn at(mut self, revision: Revision) -> RangeOp {
        self.revision = Some(revision);
        self
    }

    /// The same, at most `limit` keys.
    pub fn limit(mut self, limit: u64) -> RangeOp {
        self.limit = Some(limit);
        self
    }

    /// The same, without values.
    pub fn keys_only(mut self) -> RangeOp {
        self.what = RangeWhat::KeysOnly;
        self
    }

    /// The same, but only how many there are.
    pub fn count_only(mut self) -> RangeOp {
        self.what = RangeWhat::CountOnly;
        self
    }

    /// The same, sorted.
    pub fn sorted(mut self, by: SortBy, order: SortOrder) -> RangeOp {
        self.sort = Some(Sort { by, order: Some(order) });
        self
    }
}

/// What of the keys a range answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RangeWhat {
    /// Everything.
    KeysAndValues,
    /// Everything but the values.
    KeysOnly,
    /// Only how many.
    CountOnly,
}

/// Bounds on revisions, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevisionFilter {
    /// Least revision of the last change.
    pub min_mod: Option<Revision>,
    /// Greatest revision of the last change.
    pub max_mod: Option<Revision>,
    /// Least revision of the creation.
    pub min_create: Option<Revision>,
    /// Greatest revision of the creation.
    pub max_create: Option<Revision>,
}

/// An order of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// Which way. If not said: ascending, but as with etcd a limit then takes one key more than it says by key, and only
    /// those are sorted.
    pub order: Option<SortOrder>,
}

/// What keys are sorted by; equal ones stay in key order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SortBy {
    /// The key.
    Key,
    /// How many times it was written since its creation.
    Version,
    /// The revision of its creation.
    Create,
    /// The revision of its last change.
    Modify,
    /// The value's text.
    Value,
}

/// Which way keys are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SortOrder {
    /// The least first.
    Ascend,
    /// The greatest first.
    Descend,
}

/// Writes one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PutOp<V> {
    /// The key; not empty.
    pub key: Key,
    /// Its value.
    pub value: NewValue<V>,
    /// Its lease.
    pub lease: NewLease,
    /// Whether to answer what was there before.
    pub prev_kv: bool,
}

impl<V> PutOp<V> {
    /// Writes `value` at `key`, without lease.
    pub fn new(key: impl Into<Key>, value: V) -> PutOp<V> {
        PutOp { key: key.into(), value: NewValue::Set(value), lease: NewLease::None, prev_kv: false }
    }

    /// The same under a lease.
    pub fn lease(mut self, lease: LeaseId) -> PutOp<V> {
        self.lease = NewLease::Attach(lease);
        self
    }

    /// The same, answering what was there before.
    pub fn prev_kv(mut self) -> PutOp<V> {
        self.prev_kv = true;
        self
    }
}

/// The value that a put writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NewValue<V> {
    /// This one.
    Set(V),
    /// The one that is there (etcd's `ignore_value`).
    Keep,
}

/// The lease that a put leaves on its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NewLease {
    /// None.
    None,
    /// This one.
    Attach(LeaseId),
    /// The one that is there (etcd's `ignore_lease`).
    Keep,
}

/// Deletes keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeleteOp {
    /// Which.
    pub range: KeyRange,
    /// Whether to answer what was there.
    pub prev_kv: bool,
}

impl DeleteOp {
    /// Deletes the keys of `range`.
    pub fn new(range: KeyRange) -> DeleteOp {
        DeleteOp { range, prev_kv: false }
    }
}

/// If all comparisons hold, `success`, else `failure`; at once and in one revision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TxnOp<V> {
    /// What must hold.
    pub compare: Vec<Compare<V>>,
    /// What is done if it holds.
    pub success: Vec<TxnStep<V>>,
    /// What is done if it does not.
    pub failure: Vec<TxnStep<V>>,
}

impl<V> TxnOp<V> {
    /// Whether neither branch writes.
    pub fn is_read_only(&self) -> bool {
        self.success.iter().chain(&self.failure).all(|step| match step {
            TxnStep::Range(_) => true,
            TxnStep::Txn(txn) => txn.is_read_only(),
            TxnStep::Put(_) | TxnStep::Delete(_) => false,
        })
    }

    /// Whether all that it reads may be old.
    pub fn is_serializable(&self) -> bool {
        self.success.iter().chain(&self.failure).all(|step| match step {
            TxnStep::Range(range) => range.serializable,
            TxnStep::Txn(txn) => txn.is_serializable(),
            TxnStep::Put(_) | TxnStep::Delete(_) => false,
        })
    }
}

/// One operation of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TxnStep<V> {
    /// Reads.
    Range(RangeOp),
    /// Writes.
    Put(PutOp<V>),
    /// Deletes.
    Delete(DeleteOp),
    /// Another transaction inside.
    Txn(TxnOp<V>),
}

/// A comparison that must hold for every key of the range. A key that is not there has version 0, revisions 0 and no lease,
/// and no comparison of its value holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Compare<V> {
    /// The keys.
    pub range: KeyRange,
    /// What of them, and with what.
    pub target: Target<V>,
    /// How.
    pub relation: Relation,
}

impl<V> Compare<V> {
    /// `mod(key) == revision`; with `None`: the key does not exist.
    pub fn mod_is(key: &str, revision: Option<Revision>) -> Compare<V> {
        let target = Target::Mod(revision.unwrap_or_default());
        Compare { range: KeyRange::one(key), target, relation: Relation::Equal }
    }

    /// `version(key) == 0`: the key does not exist.
    pub fn absent(key: &str) -> Compare<V> {
        Compare { range: KeyRange::one(key), target: Target::Version(0), relation: Relation::Equal }
    }
}

/// What is compared, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target<V> {
    /// The number of writes since the creation.
    Version(u64),
    /// The revision of the creation.
    Create(Revision),
    /// The revision of the last change.
    Mod(Revision),
    /// The value.
    Value(V),
    /// The lease.
    Lease(Option<LeaseId>),
}

/// How a target is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `<`
    Less,
}

/// What to watch and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WatchOp {
    /// The keys.
    pub range: KeyRange,
    /// From which revision on, that one included; from the next one if not said.
    pub start: Option<Revision>,
    /// The number wanted; else the client's next free one.
    pub id: Option<WatchId>,
    /// Whether puts are left out.
    pub no_put: bool,
    /// Whether deletions are left out.
    pub no_delete: bool,
    /// Whether events carry what was there before.
    pub prev_kv: bool,
    /// Whether an idle watch is told the revision every ten minutes.
    pub progress: bool,
}

impl WatchOp {
    /// All changes of `range` from the next revision on.
    pub fn new(range: KeyRange) -> WatchOp {
        WatchOp { range, start: None, id: None, no_put: false, no_delete: false, prev_kv: false, progress: false }
    }

    /// The same from `revision` on.
    pub fn from(mut self, revision: Revision) -> WatchOp {
        self.start = Some(revision);
        self
    }

    /// The same with what was there before.
    pub fn prev_kv(mut self) -> WatchOp {
        self.prev_kv = true;
        self
    }
}
