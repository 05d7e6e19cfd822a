//! How a member begins: alone or with others, by joining, after a crash, with a database that was restored.
//!
//! Models `server/etcdserver/bootstrap.go` (etcd).

use std::sync::Arc;

use crate::etcd::lease_clock::LeaseClock;
use crate::etcd::lease_number::LeaseNumbers;
use crate::etcd::member::corrupt::Checks;
use crate::etcd::member::membership::{Connections, REMOVED};
use crate::etcd::member::peer::Asked;
use crate::etcd::member::read::Reads;
use crate::etcd::member::rounds::Ticks;
use crate::etcd::member::wait::Waiting;
use crate::etcd::member::{Member, MemberConfig};
use crate::etcd::payload::Payload;
use crate::etcd::raft::{self, EntryId, LogIndex, Membership, Node, Snapshot, Storage, Term};
use crate::etcd::replica::Replica;
use crate::etcd::saved::{Restore, Saved};
use crate::etcd::watch::WatchHub;
use crate::sim::{Out, Time};

impl<V: Payload> Member<V> {
    /// A member of a new cluster, with an empty store. One that is alone leads from the start.
    pub fn new(config: MemberConfig) -> Member<V> {
        Member::new_at(config, Time::ZERO)
    }

    /// The same, started at `now`.
    pub fn new_at(config: MemberConfig, now: Time) -> Member<V> {
        let replica = Replica::default();
        let storage = Storage::bootstrap(config.first_members(), replica.clone());
        let raft = Node::start(config.node(), raft::Config::ETCD, storage, None, config.rng(now));
        let mut member = Member::with(config, raft, replica, now);
        if member.config.others.is_empty() {
            // Nobody is there to be told anything, nor a disk to be waited for. Who votes must be applied before it campaigns.
            let mut nobody = Out::default();
            member.work(now, &mut nobody);
            member.raft.campaign();
            member.work(now, &mut nobody);
        }
        member
    }

    /// A member that joins a cluster which exists: its disk is empty, and the others tell it everything.
    pub fn join(config: MemberConfig, now: Time) -> Member<V> {
        let replica = Replica::default();
        let storage = Storage::empty(replica.clone());
        let raft = Node::start(config.node(), raft::Config::ETCD, storage, None, config.rng(now));
        Member::with(config, raft, replica, now)
    }

    /// What a crash leaves, started again at `now`: the log and the store are on its disk, its connections are not.
    pub fn restart(&mut self, now: Time) {
        let storage = self.raft.clone().crash();
        let applied = (self.raft.log().applied(), self.raft.membership().clone());
        let rng = self.config.rng(now);
        let raft = Node::start(self.config.node(), raft::Config::ETCD, storage, Some(applied), rng);
        let (config, replica) = (self.config.clone(), std::mem::take(&mut self.replica));
        *self = Member { file: self.file, ..Member::with(config, raft, replica, now) };
    }

    fn with(config: MemberConfig, raft: Node<Replica<V>>, replica: Replica<V>, now: Time) -> Member<V> {
        let unix_ms = config.started_unix_ms + now.0 / 1_000_000;
        let lease_numbers = LeaseNumbers::new(config.member_id, unix_ms);
        let reads = Reads::new(LeaseNumbers::new(config.member_id, unix_ms));
        let waiting = Waiting::new(config.node(), now);
        let leaves = replica.removed.contains(&config.node()).then(|| (now, REMOVED.into()));
        let mut member = Member {
            config,
            started: now,
            raft,
            replica,
            clock: LeaseClock::default(),
            watches: WatchHub::default(),
            lease_numbers,
            waiting,
            reads,
            asked: Asked::default(),
            file: 0,
            connections: Connections::default(),
            leaves,
            checks: Checks::default(),
            saving: None,
            ticks: Ticks::new(now),
        };
        member.hurry();
        member
    }

    /// A first member of a new cluster that begins with `saved`: the log stands at the entries that made its members. `config`
    /// says how it is run.
    pub fn restored(config: &MemberConfig, restore: &Restore, saved: &Saved<V>, now: Time) -> Member<V> {
        let config = restore.config(config);
        let replica = restore.replica(saved);
        let membership = Membership { voters: replica.members.keys().copied().collect(), ..Membership::default() };
        let index = LogIndex(u64::try_from(membership.voters.len()).unwrap_or(u64::MAX));
        let last = EntryId { term: Term(1), index };
        let machine = Arc::new(replica.clone());
        let storage = Storage::from_snapshot(Snapshot { last, membership: membership.clone(), machine });
        let raft = Node::start(config.node(), raft::Config::ETCD, storage, Some((index, membership)), config.rng(now));
        Member::with(config, raft, replica, now)
    }
}
