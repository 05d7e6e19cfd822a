//! etcd: a multi-version key-value store with transactions, leases and watches. It knows nothing of Kubernetes.
//!
//! ```text
//! op, reply      what a client may ask and is answered
//! store          revisions: put, delete, transaction, compaction; `apply` is where a replicated log ends
//!   key_index      one key: generations of changes, tombstones
//!   index          all keys in order, each with its key_index
//!   backend        the records themselves, by revision
//!   lease          leases with their keys
//!   lease_clock    when they end, which only the leader knows
//! replica        what all members hold alike, and the requests that their log holds
//! watch          who wants to know what; events by key, catching up from a revision
//! member         one etcd process as a component: requests in, responses and watch events out
//! saved          a database in a file, and the member of a new cluster that begins with it
//! reading        what views may look at
//! raft           how members agree on one log
//! ```
//!
//! A worked example. Revisions start at 1; each transaction that changes something takes the next one:
//!
//! ```text
//! put a=1            revision 2    a: [2]
//! put b=1, put a=2   revision 3    a: [2 3]  b: [3]        (one transaction: changes 3.0 and 3.1)
//! delete a           revision 4    a: [2 3 4t]
//! get a at 3         a=2, created at 2, modified at 3, version 2
//! watch from 3       3: put b, put a   4: delete a         (a revision's events come together)
//! compact 4          a: [4t]   b: [3]                      (get at 3 or watch from 3 now fail: compacted)
//! ```
//!
//! Models `server/storage/mvcc`, `server/lease`, `server/etcdserver/txn` and `api/v3rpc` (etcd 3.6). Everything is persistent
//! ([`SharedMap`](crate::sim::SharedMap)): a checkpoint of a store with a million records is a handful of pointers.

pub mod backend;
pub mod error;
pub mod index;
pub mod key;
pub mod key_index;
pub mod lease;
pub mod lease_clock;
pub mod lease_number;
pub mod member;
pub mod op;
pub mod payload;
pub mod raft;
pub mod reading;
pub mod replica;
pub mod reply;
pub mod revision;
pub mod saved;
pub mod store;
pub mod txn;
pub mod watch;

#[cfg(test)]
mod tests;

pub use error::{Code, EtcdError};
pub use key::{Key, KeyRange};
pub use member::{Effect, Input, Member, MemberConfig, PeerBody, PeerMessage, REMOVED, Reason};
pub use op::{
    Compare, DeleteOp, NewLease, NewValue, Op, PutOp, RangeOp, RangeWhat, Relation, RevisionFilter, Sort, SortBy,
    SortOrder, Target, TxnOp, TxnStep, WatchOp,
};
pub use payload::Payload;
pub use reading::{LeaseView, Version, WatchView};
pub use reply::{
    Alarm, Body, Event, Found, HashKv, Header, KeyMeta, KeyValue, LeaseLife, MemberInfo, RangeReply, Reply, Status,
    TxnReply,
};
pub use revision::{Change, ClientId, LeaseId, Revision, WatchId};
pub use saved::{Restore, RestoreError, Saved};
pub use store::{Applied, Command, Store};
pub use watch::Watcher;
