//! The control plane of several masters: the load balancer's servers, who leads by which Lease, Raft in etcd's members.

use serde::{Deserialize, Serialize};

use crate::sim::{Span, Time};
use crate::view::{Health, MemberRole, Place};

/// The control plane as its panel shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaView {
    /// The load balancer's health; `None` where there is none.
    pub balancer: Option<Health>,
    /// The API servers, by master.
    pub servers: Vec<ServerView>,
    /// The elections by Lease; without candidates where there are none.
    pub elections: Vec<ElectionView>,
    /// Who took over what, newest first.
    pub takeovers: Vec<TakeoverView>,
    /// etcd's members, by master.
    pub members: Vec<RaftView>,
    /// So many members are a majority.
    pub majority: u32,
    /// The first index of the cells that are shown.
    pub first_cell: u64,
    /// Votes and what else moves leadership: under way, or sent a moment ago, oldest first.
    pub ballots: Vec<BallotView>,
    /// What can be set up in one go.
    pub situations: Vec<SituationView>,
    /// The chaos, if it reigns or has reigned.
    pub chaos: Option<ChaosView>,
}

/// Faults at random, and whether what must hold holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChaosView {
    /// About how much time is between two faults or repairs; `None` once it is over.
    pub every: Option<Span>,
    /// How many things are broken now.
    pub broken: u32,
    /// What must hold.
    pub invariants: Vec<InvariantView>,
}

/// Something that must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvariantView {
    /// What.
    pub what: Invariant,
    /// How often it was looked at.
    pub checked: u64,
    /// What broke it; `None` while it holds.
    pub broken: Option<String>,
}

/// What must hold, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Invariant {
    /// No two pods have one address, and each is of its node's subnet.
    Addresses,
    /// No two nodes have one subnet.
    Subnets,
    /// The scheduler binds pods to nodes that are.
    Bindings,
    /// No object is newer than the store.
    Versions,
    /// The store never goes back.
    Forward,
    /// Members of etcd that have applied the same hold the same.
    Agreement,
    /// Of each term, one member leads at most.
    OneLeader,
    /// Only who holds the lease acts.
    Fencing,
}

/// An API server as the load balancer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerView {
    /// Its place.
    pub place: Place,
    /// Its health as it is.
    pub health: Health,
    /// Whether the load balancer gives it new connections; `None` without a load balancer.
    pub up: Option<bool>,
    /// How many checks in a row have spoken against that.
    pub against: u8,
    /// How many must.
    pub needed: u8,
    /// Clients whose connection goes to it.
    pub clients: Vec<Place>,
}

/// An election by Lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElectionView {
    /// The Lease: `kube-scheduler`.
    pub lease: String,
    /// Who holds it by its record; `None` if nobody does.
    pub holder: Option<String>,
    /// Since when.
    pub since: Option<Time>,
    /// The last renewal, as the record says.
    pub renewed: Option<Time>,
    /// When the first of those who stand by may take over, if nothing is heard of the holder until then.
    pub free_at: Option<Time>,
    /// How long a record is good.
    pub duration: Span,
    /// How often it changed hands.
    pub transitions: u32,
    /// Who takes part, by master.
    pub candidates: Vec<CandidateView>,
}

/// One that takes part in an election.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateView {
    /// Its place.
    pub place: Place,
    /// Its health.
    pub health: Health,
    /// Its identity.
    pub identity: String,
    /// What it may do.
    pub role: CandidateRole,
    /// Since when.
    pub since: Time,
    /// When it last saw the record change.
    pub seen: Option<Time>,
}

/// What a candidate may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CandidateRole {
    /// It works.
    Leads,
    /// It waits.
    StandsBy,
    /// It has lost the lease, and its process ends.
    Ended,
    /// It works, and nobody else wants to.
    Alone,
}

/// Who took over, or gave up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeoverView {
    /// When.
    pub at: Time,
    /// What.
    pub what: Takeover,
}

/// What was taken over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Takeover {
    /// An Event of reason `LeaderElection`: the Lease, and upstream's message.
    Lease {
        /// The Lease.
        lease: String,
        /// `master1_… became leader`.
        message: String,
    },
    /// A member of etcd leads a term.
    Term {
        /// The member.
        member: String,
        /// The term.
        term: u64,
    },
}

/// A member of etcd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaftView {
    /// Its name.
    pub name: String,
    /// Its number, in hexadecimal.
    pub id: String,
    /// Its place.
    pub place: Place,
    /// Its health.
    pub health: Health,
    /// Its role.
    pub role: MemberRole,
    /// Whether it learns and does not vote.
    pub learner: bool,
    /// Its term.
    pub term: u64,
    /// Whom it voted for in its term.
    pub vote: Option<String>,
    /// The leader, as far as it knows.
    pub leader: Option<String>,
    /// Up to where its log is committed.
    pub commit: u64,
    /// Up to where it has applied its log.
    pub applied: u64,
    /// The first index of its log.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// The last entries of its log.
    pub cells: Vec<CellView>,
    /// What a leader knows of the others.
    pub progress: Vec<ProgressView>,
    /// What a candidate was answered.
    pub votes: Vec<(String, bool)>,
    /// How long since it heard from its leader (of a leader: since it last looked for its majority).
    pub quiet: Span,
    /// After how much of that it campaigns (of a leader: looks again).
    pub patience: Span,
    /// For whom it makes way.
    pub transferee: Option<String>,
    /// By how much its disk is slower than it should be.
    pub disk: Span,
}

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellView {
    /// Its place.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// What it says in brief; empty of the entry with which a leader begins its term.
    pub what: String,
}

/// What a leader knows of a follower.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressView {
    /// The follower.
    pub member: String,
    /// Up to here its log is the leader's.
    pub matched: u64,
    /// What is sent next.
    pub next: u64,
    /// How it is sent to.
    pub phase: Phase,
    /// How many messages are under way.
    pub inflight: u32,
    /// Whether nothing is sent now.
    pub paused: bool,
    /// Whether the leader has heard of it since it last looked.
    pub active: bool,
}

/// How a leader sends to a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// It looks for where the logs part.
    Probe,
    /// One message after the other.
    Replicate,
    /// A snapshot is under way.
    Snapshot,
}

/// A message that moves leadership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BallotView {
    /// When it was sent.
    pub at: Time,
    /// When it arrives.
    pub arrives_at: Time,
    /// By whom.
    pub from: String,
    /// To whom.
    pub to: String,
    /// Raft's name of it: `MsgVote`.
    pub kind: String,
    /// Its term.
    pub term: Option<u64>,
    /// Whether a fault takes it.
    pub lost: bool,
}

/// What can be set up in one go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SituationView {
    /// Which.
    pub situation: Situation,
    /// The lines of the terminal that do it; none if it cannot be now.
    pub lines: Vec<String>,
}

/// A situation that is worth seeing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Situation {
    /// etcd's leader crashes.
    LeaderCrash,
    /// etcd's leader makes way for another member.
    MoveLeader,
    /// The master of etcd's leader is cut off.
    LeaderCut,
    /// So many members crash that no majority is left.
    QuorumLost,
    /// A follower's disk is slow.
    SlowFollower,
    /// The scheduler that works crashes.
    SchedulerCrash,
    /// Messages are late when the leader crashes: candidates meet.
    SplitVote,
    /// Everything is mended.
    Mend,
}
