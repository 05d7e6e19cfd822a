//! What can go wrong, in etcd's words.
//!
//! Models `api/v3rpc/rpctypes/error.go` (etcd).

use std::fmt;

use crate::etcd::Revision;

/// The gRPC status code of an error, as far as clients look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The request makes no sense.
    InvalidArgument,
    /// What it speaks of does not exist.
    NotFound,
    /// The revision is not there (any more or yet).
    OutOfRange,
    /// The state does not allow it.
    FailedPrecondition,
    /// There is no room.
    ResourceExhausted,
    /// Nobody answers just now.
    Unavailable,
    /// What was stored is damaged.
    DataLoss,
    /// What has no code of its own.
    Unknown,
}

impl Code {
    /// The code's name.
    pub fn name(self) -> &'static str {
        match self {
            Code::InvalidArgument => "InvalidArgument",
            Code::NotFound => "NotFound",
            Code::OutOfRange => "OutOfRange",
            Code::FailedPrecondition => "FailedPrecondition",
            Code::ResourceExhausted => "ResourceExhausted",
            Code::Unavailable => "Unavailable",
            Code::DataLoss => "DataLoss",
            Code::Unknown => "Unknown",
        }
    }
}

/// An error of the store or of a member. `Display` is etcd's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EtcdError {
    /// A request without a key.
    EmptyKey,
    /// `ignore_value` or `ignore_lease` on a key that is not there.
    KeyNotFound,
    /// More than 128 operations in one branch of a transaction.
    TooManyOps,
    /// A transaction writes one key twice.
    DuplicateKey,
    /// The revision asked for was compacted away; the store keeps what is needed from `compacted` on.
    Compacted {
        /// The last compaction's revision.
        compacted: Revision,
    },
    /// The revision asked for has not been reached.
    FutureRevision,
    /// The lease does not exist (any more).
    LeaseNotFound,
    /// A lease of that number exists already.
    LeaseExists,
    /// A lease of more than 9,000,000,000 seconds.
    LeaseTtlTooLarge,
    /// A write of more than 1.5 MiB.
    RequestTooLarge,
    /// The database is full (the alarm NOSPACE is on).
    NoSpace,
    /// The members differ (the alarm CORRUPT is on).
    Corrupt,
    /// A watch of a range in which no key can be.
    EmptyWatchRange,
    /// The client has a watch of that number already.
    DuplicateWatchId,
    /// The member knows of no leader.
    NoLeader,
    /// No answer came in time.
    Timeout,
    /// No answer came in time, and the leader that may have had the request is gone.
    TimeoutLeaderFail,
    /// The new leader was not there in time.
    TimeoutLeaderTransfer,
    /// The leader changed while the request waited.
    LeaderChanged,
    /// Only the leader does such a thing.
    NotLeader,
    /// Who shall lead is no voter.
    BadLeaderTransferee,
    /// There is no such member.
    MemberNotFound,
    /// A member of that number exists already.
    MemberExists,
    /// Another member has one of these URLs.
    PeerUrlExists,
    /// These are no URLs.
    MemberBadUrls,
    /// Only learners are promoted.
    MemberNotLearner,
    /// The learner lags behind.
    LearnerNotReady,
    /// A learner answers only old reads, and how it is.
    NotSupportedForLearner,
    /// There is a learner already.
    TooManyLearners,
    /// The cluster would lose its majority to members that have not started.
    NotEnoughStarted,
    /// Not enough members are connected.
    Unhealthy,
    /// The leader makes way and takes nothing.
    ProposalDropped,
    /// The member's port is closed.
    Refused,
    /// The connection broke while the answer was awaited.
    ConnectionLost,
}

impl EtcdError {
    /// The gRPC code.
    pub fn code(self) -> Code {
        match self {
            EtcdError::EmptyKey
            | EtcdError::KeyNotFound
            | EtcdError::TooManyOps
            | EtcdError::DuplicateKey
            | EtcdError::EmptyWatchRange
            | EtcdError::DuplicateWatchId
            | EtcdError::MemberBadUrls
            | EtcdError::RequestTooLarge => Code::InvalidArgument,
            EtcdError::Compacted { .. } | EtcdError::FutureRevision | EtcdError::LeaseTtlTooLarge => Code::OutOfRange,
            EtcdError::LeaseNotFound | EtcdError::MemberNotFound => Code::NotFound,
            EtcdError::LeaseExists
            | EtcdError::NotLeader
            | EtcdError::BadLeaderTransferee
            | EtcdError::MemberExists
            | EtcdError::PeerUrlExists
            | EtcdError::MemberNotLearner
            | EtcdError::LearnerNotReady
            | EtcdError::TooManyLearners
            | EtcdError::NotSupportedForLearner
            | EtcdError::NotEnoughStarted => Code::FailedPrecondition,
            EtcdError::NoSpace => Code::ResourceExhausted,
            EtcdError::Corrupt => Code::DataLoss,
            EtcdError::NoLeader
            | EtcdError::Unhealthy
            | EtcdError::Timeout
            | EtcdError::TimeoutLeaderFail
            | EtcdError::TimeoutLeaderTransfer
            | EtcdError::LeaderChanged
            | EtcdError::Refused
            | EtcdError::ConnectionLost => Code::Unavailable,
            EtcdError::ProposalDropped => Code::Unknown,
        }
    }
}

impl fmt::Display for EtcdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EtcdError::EmptyKey => "etcdserver: key is not provided",
            EtcdError::KeyNotFound => "etcdserver: key not found",
            EtcdError::TooManyOps => "etcdserver: too many operations in txn request",
            EtcdError::DuplicateKey => "etcdserver: duplicate key given in txn request",
            EtcdError::Compacted { .. } => "etcdserver: mvcc: required revision has been compacted",
            EtcdError::FutureRevision => "etcdserver: mvcc: required revision is a future revision",
            EtcdError::LeaseNotFound => "etcdserver: requested lease not found",
            EtcdError::LeaseExists => "etcdserver: lease already exists",
            EtcdError::LeaseTtlTooLarge => "etcdserver: too large lease TTL",
            EtcdError::RequestTooLarge => "etcdserver: request is too large",
            EtcdError::NoSpace => "etcdserver: mvcc: database space exceeded",
            EtcdError::Corrupt => "etcdserver: corrupt cluster",
            EtcdError::EmptyWatchRange => "mvcc: watcher range is empty",
            EtcdError::DuplicateWatchId => "mvcc: duplicate watch ID provided on the WatchStream",
            EtcdError::NoLeader => "etcdserver: no leader",
            EtcdError::Timeout => "etcdserver: request timed out",
            EtcdError::TimeoutLeaderFail => "etcdserver: request timed out, possibly due to previous leader failure",
            EtcdError::TimeoutLeaderTransfer => "etcdserver: request timed out, leader transfer took too long",
            EtcdError::LeaderChanged => "etcdserver: leader changed",
            EtcdError::NotLeader => "etcdserver: not leader",
            EtcdError::BadLeaderTransferee => "etcdserver: bad leader transferee",
            EtcdError::MemberNotFound => "etcdserver: member not found",
            EtcdError::MemberExists => "etcdserver: member ID already exist",
            EtcdError::PeerUrlExists => "etcdserver: Peer URLs already exists",
            EtcdError::MemberBadUrls => "etcdserver: given member URLs are invalid",
            EtcdError::MemberNotLearner => "etcdserver: can only promote a learner member",
            EtcdError::LearnerNotReady => "etcdserver: can only promote a learner member which is in sync with leader",
            EtcdError::NotSupportedForLearner => "etcdserver: rpc not supported for learner",
            EtcdError::TooManyLearners => "etcdserver: too many learner members in cluster",
            EtcdError::NotEnoughStarted => {
                "etcdserver: re-configuration failed due to not enough started members"
            }
            EtcdError::Unhealthy => "etcdserver: unhealthy cluster",
            EtcdError::ProposalDropped => "raft proposal dropped",
            EtcdError::Refused => {
                "connection error: desc = \"transport: Error while dialing: dial tcp 127.0.0.1:2379: connect: connection refused\""
            }
            EtcdError::ConnectionLost => "error reading from server: EOF",
        })
    }
}

impl std::error::Error for EtcdError {}
