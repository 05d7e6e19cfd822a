//! What the members of a cluster hold alike, and what goes through their log.
//!
//! Models `InternalRaftRequest` of `api/etcdserverpb/raft_internal.proto` and the membership's buckets of
//! `server/etcdserver/api/membership` (etcd).

use std::fmt;

use crate::etcd::error::EtcdError;
use crate::etcd::op::{NewValue, TxnOp, TxnStep};
use crate::etcd::payload::Payload;
use crate::etcd::raft::{self, Machine, NodeId};
use crate::etcd::reply::{Alarm, MemberInfo};
use crate::etcd::store::{Command, Store};
use crate::sim::{Time, VecMap, VecSet};

/// The state that the log drives: equal on all members that have applied the same entries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replica<V> {
    /// Keys, leases, revisions.
    pub store: Store<V>,
    /// The members. Of one that has not started yet, neither the name nor the clients' URLs are known.
    pub members: VecMap<NodeId, MemberInfo>,
    /// Those that were removed: their numbers never come back.
    pub removed: VecSet<NodeId>,
    /// The version that the cluster as a whole speaks.
    pub version: Option<String>,
    /// The alarms that are on, by member.
    pub alarms: VecSet<(NodeId, Alarm)>,
}

impl<V> Default for Replica<V> {
    fn default() -> Self {
        Replica {
            store: Store::default(),
            members: VecMap::new(),
            removed: VecSet::new(),
            version: None,
            alarms: VecSet::new(),
        }
    }
}

/// Names a request: never used twice, restarts included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    /// Whose it is.
    pub member: NodeId,
    /// When that member started.
    pub started: Time,
    /// Its place among those of that start.
    pub number: u64,
}

/// What goes through the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request<V> {
    /// Its name.
    pub id: RequestId,
    /// What it says.
    pub what: Proposal<V>,
    /// How many bytes it takes, counted once.
    size: u64,
}

/// What a request says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Proposal<V> {
    /// Change the store.
    Command(Command<V>),
    /// This member has started and says how it is called and where its clients reach it.
    Publish(NodeId, String, Vec<String>),
    /// This member belongs to the cluster from now on.
    Join(MemberInfo),
    /// This learner votes from now on.
    Promote(NodeId),
    /// This member belongs to it no more.
    Leave(NodeId),
    /// The peers of this member reach it there from now on.
    Readdress(NodeId, Vec<String>),
    /// The cluster as a whole speaks this version.
    Version(String),
    /// An alarm is raised about this member.
    Raise(NodeId, Alarm),
    /// All alarms are put out.
    Disarm,
}

impl<V> Replica<V> {
    /// Whether an alarm of this kind is on.
    pub fn has_alarm(&self, kind: Alarm) -> bool {
        self.alarms.iter().any(|(_, alarm)| *alarm == kind)
    }

    /// Why no command of this kind may change anything while an alarm is on. Models `applierV3Capped` and `applierV3Corrupt`
    /// (etcd).
    pub fn forbids(&self, command: &Command<V>) -> Option<EtcdError> {
        if self.has_alarm(Alarm::Corrupt) {
            return Some(EtcdError::Corrupt);
        }
        (command.needs_space() && self.has_alarm(Alarm::NoSpace)).then_some(EtcdError::NoSpace)
    }

    /// The alarms that are on, as an answer says them.
    pub fn alarm_list(&self) -> Vec<(u64, Alarm)> {
        self.alarms.iter().map(|(id, alarm)| (id.0, *alarm)).collect()
    }
}

impl<V: Payload> Machine for Replica<V> {
    type Command = Request<V>;
}

impl<V: Payload> raft::Command for Request<V> {
    fn size(&self) -> u64 {
        self.size
    }
}

impl<V: Payload> Request<V> {
    /// A request called `id`.
    pub fn new(id: RequestId, what: Proposal<V>) -> Request<V> {
        const HEADER: u64 = 16;
        let said = match &what {
            Proposal::Command(command) => command_size(command),
            Proposal::Publish(..) | Proposal::Version(_) | Proposal::Join(_) | Proposal::Readdress(..) => 128,
            Proposal::Raise(..) | Proposal::Disarm | Proposal::Promote(_) | Proposal::Leave(_) => 16,
        };
        Request { id, what, size: HEADER + said }
    }
}

impl<V> fmt::Display for Request<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Proposal::Command(Command::Put(op)) => write!(f, "put {}", op.key),
            Proposal::Command(Command::Delete(op)) => write!(f, "delete {}", op.range.start()),
            Proposal::Command(Command::Txn(op)) => match op.success.first() {
                Some(TxnStep::Put(put)) => write!(f, "txn put {}", put.key),
                Some(TxnStep::Delete(delete)) => write!(f, "txn delete {}", delete.range.start()),
                _ => f.write_str("txn"),
            },
            Proposal::Command(Command::Compact(at)) => write!(f, "compact {at}"),
            Proposal::Command(Command::LeaseGrant(id, _)) => write!(f, "grant {id}"),
            Proposal::Command(Command::LeaseRevoke(id)) => write!(f, "revoke {id}"),
            Proposal::Publish(id, ..) => write!(f, "started {id}"),
            Proposal::Join(info) => write!(f, "join {}", NodeId(info.id)),
            Proposal::Promote(id) => write!(f, "promote {id}"),
            Proposal::Leave(id) => write!(f, "leave {id}"),
            Proposal::Readdress(id, _) => write!(f, "update {id}"),
            Proposal::Version(version) => write!(f, "version {version}"),
            Proposal::Raise(id, _) => write!(f, "alarm {id}"),
            Proposal::Disarm => f.write_str("disarm"),
        }
    }
}

/// How many bytes of keys and values a command has.
pub fn command_size<V: Payload>(command: &Command<V>) -> u64 {
    match command {
        Command::Put(op) => match &op.value {
            NewValue::Set(value) => op.key.len() as u64 + value.size(),
            NewValue::Keep => op.key.len() as u64,
        },
        Command::Txn(op) => txn_size(op),
        _ => 0,
    }
}

fn txn_size<V: Payload>(op: &TxnOp<V>) -> u64 {
    let step_size = |step: &TxnStep<V>| match step {
        TxnStep::Put(op) => match &op.value {
            NewValue::Set(value) => op.key.len() as u64 + value.size(),
            NewValue::Keep => op.key.len() as u64,
        },
        TxnStep::Txn(op) => txn_size(op),
        TxnStep::Range(_) | TxnStep::Delete(_) => 0,
    };
    op.success.iter().chain(&op.failure).map(step_size).sum()
}
