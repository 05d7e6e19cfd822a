//! The control plane of several masters: the load balancer, the elections by Lease, Raft in etcd's members.

use std::collections::BTreeSet;

use crate::api::{Event, Kind, KindOf as _, Lease};
use crate::cluster::masters::{Candidate, Master};
use crate::cluster::{Actor, Cluster, Happened, MasterIx, Said};
use crate::control::apiserver::StoredValue;
use crate::control::elector::{self, Elector};
use crate::control::Calendar;
use crate::etcd::Member;
use crate::etcd::raft::{self, Content, LogIndex, NodeId};
use crate::session::build::cluster::health;
use crate::session::build::terms::Terms;
use crate::session::build::{etcd, place_of, situations};
use crate::sim::{Span, Time, VecMap};
use crate::view::ha::{
    BallotView, CandidateRole, CandidateView, CellView, ElectionView, Phase, ProgressView, RaftView, ServerView,
    Takeover, TakeoverView,
};
use crate::view::{HaView, Health, Place};

/// So many entries of a log are shown.
const CELLS: u64 = 16;
/// So many changes of leadership are listed.
const TAKEOVERS: usize = 12;
/// For so long a vote is shown after it was sent.
const SHOWN: Span = Span::secs(3);
/// What moves leadership, as Raft calls it.
const BALLOTS: [&str; 7] = [
    "MsgPreVote",
    "MsgPreVoteResp",
    "MsgVote",
    "MsgVoteResp",
    "MsgTransferLeader",
    "MsgTimeoutNow",
    "MsgSnap",
];

/// The control plane at this moment.
pub fn ha(cluster: &Cluster, terms: &Terms) -> HaView {
    let last = cluster.etcd_members().map(|(_, member)| member.raft().log().last_index().0).max().unwrap_or(0);
    let first_cell = (last + 1).saturating_sub(CELLS).max(1);
    let members: Vec<RaftView> = cluster.etcd_members().map(|(at, of)| raft_view(cluster, at, of, first_cell)).collect();
    HaView {
        balancer: cluster.balancer().map(|_| health(cluster, Actor::LoadBalancer)),
        servers: cluster.masters().map(|(at, _)| server(cluster, at)).collect(),
        elections: vec![
            election(cluster, "kube-scheduler", |at, master| (Actor::Scheduler(at), part(&master.scheduler))),
            election(cluster, "kube-controller-manager", |at, master| {
                (Actor::ControllerManager(at), part(&master.manager))
            }),
        ],
        takeovers: takeovers(cluster, terms),
        majority: u32::try_from(members.len() / 2 + 1).unwrap_or(1),
        members,
        first_cell,
        ballots: ballots(cluster),
        situations: situations::situations(cluster),
    }
}

fn server(cluster: &Cluster, at: MasterIx) -> ServerView {
    let backend = usize::try_from(at.0).ok().and_then(|n| cluster.balancer()?.backends().get(n));
    let sessions = cluster.balancer().map(|balancer| balancer.sessions()).into_iter().flat_map(|all| all.iter());
    let clients: BTreeSet<Place> =
        sessions.filter(|(_, to)| **to == at).map(|(client, _)| place_of(cluster, *client)).collect();
    ServerView {
        place: place_of(cluster, Actor::ApiServer(at)),
        health: health(cluster, Actor::ApiServer(at)),
        up: backend.map(|backend| backend.is_up),
        against: backend.map_or(0, |backend| backend.against),
        needed: backend.map_or(0, |backend| backend.needed()),
        clients: clients.into_iter().collect(),
    }
}

fn part<P: crate::sim::Component<Input = crate::api::Answer, Effect = crate::api::Call>>(
    candidate: &Candidate<P>,
) -> Option<&Elector> {
    candidate.elector()
}

fn election(
    cluster: &Cluster,
    name: &str,
    of: impl Fn(MasterIx, &Master) -> (Actor, Option<&Elector>),
) -> ElectionView {
    let calendar = Calendar::new(cluster.scenario().epoch());
    let candidates: Vec<CandidateView> = cluster
        .masters()
        .map(|(at, master)| {
            let (actor, elector) = of(at, master);
            candidate(cluster, actor, elector)
        })
        .collect();
    let lease = cluster.object(Kind::Lease, "kube-system", name).and_then(Lease::of).map(|lease| &lease.spec);
    let waits = |candidate: &&CandidateView| {
        candidate.role == CandidateRole::StandsBy && candidate.health == Health::Up
    };
    ElectionView {
        lease: name.to_owned(),
        holder: lease.and_then(|spec| spec.holder_identity.clone()).filter(|holder| !holder.is_empty()),
        since: lease.and_then(|spec| spec.acquire_time).map(|at| calendar.micro_time(at)),
        renewed: lease.and_then(|spec| spec.renew_time).map(|at| calendar.micro_time(at)),
        free_at: candidates.iter().filter(waits).filter_map(|c| c.seen).min().map(|seen| seen + elector::LEASE_DURATION),
        duration: elector::LEASE_DURATION,
        transitions: lease.and_then(|spec| spec.lease_transitions).and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        candidates,
    }
}

fn candidate(cluster: &Cluster, actor: Actor, elector: Option<&Elector>) -> CandidateView {
    let (role, since) = match elector.map(Elector::role) {
        Some((elector::Role::Leads, since)) => (CandidateRole::Leads, since),
        Some((elector::Role::StandsBy, since)) => (CandidateRole::StandsBy, since),
        Some((elector::Role::Ended, since)) => (CandidateRole::Ended, since),
        None => (CandidateRole::Alone, Time::ZERO),
    };
    CandidateView {
        place: place_of(cluster, actor),
        health: health(cluster, actor),
        identity: elector.map(|elector| elector.identity().to_owned()).unwrap_or_default(),
        role,
        since,
        seen: elector.and_then(Elector::observed).map(|(at, _)| at),
    }
}

fn takeovers(cluster: &Cluster, terms: &Terms) -> Vec<TakeoverView> {
    let acquired = acquired(cluster);
    let calendar = Calendar::new(cluster.scenario().epoch());
    let told = cluster.objects(Kind::Event).filter_map(Event::of).filter(|event| event.reason == "LeaderElection");
    let told = told.map(|event| {
        let exact = event.message.strip_suffix(" became leader").and_then(|identity| acquired.get(identity));
        let second = event.first_timestamp.map_or(Time::ZERO, |at| calendar.time(at));
        let (lease, message) = (event.involved_object.name.clone(), event.message.clone());
        TakeoverView { at: exact.copied().unwrap_or(second), what: Takeover::Lease { lease, message } }
    });
    let led = terms.found().filter_map(|(term, at, leader)| {
        let member = cluster.etcd_members().find(|(at, _)| *at == leader)?.1.config().name.clone();
        Some(TakeoverView { at, what: Takeover::Term { member, term } })
    });
    let mut all: Vec<TakeoverView> = told.chain(led).collect();
    all.sort_by(|a, b| (b.at, &b.what).cmp(&(a.at, &a.what)));
    all.truncate(TAKEOVERS);
    all
}

/// When each holder acquired its lease, by what etcd still has of the leases' history: Events only know the second.
fn acquired(cluster: &Cluster) -> VecMap<String, Time> {
    let calendar = Calendar::new(cluster.scenario().epoch());
    let store = cluster.etcd_member().store();
    let mut found = VecMap::new();
    for name in ["kube-scheduler", "kube-controller-manager"] {
        for change in store.history(&Kind::Lease.etcd_key("kube-system", name)) {
            let Some(StoredValue::Object(object)) = change.kv.map(|kv| &kv.value) else { continue };
            let Some(lease) = Lease::of(object) else { continue };
            if let (Some(holder), Some(at)) = (&lease.spec.holder_identity, lease.spec.acquire_time) {
                found.insert(holder.clone(), calendar.micro_time(at));
            }
        }
    }
    found
}

fn raft_view(cluster: &Cluster, at: MasterIx, member: &Member<StoredValue>, first_cell: u64) -> RaftView {
    let name_of = |id: NodeId| name_of(cluster, id);
    let raft = member.raft();
    let log = raft.log();
    let (quiet, patience) = member.silence(cluster.now());
    let others = raft.progress().filter(|(id, _)| *id != raft.id());
    RaftView {
        name: member.config().name.clone(),
        id: raft.id().to_string(),
        place: place_of(cluster, Actor::Etcd(at)),
        health: health(cluster, Actor::Etcd(at)),
        role: etcd::role(raft.role()),
        learner: raft.is_learner(),
        term: raft.term().0,
        vote: raft.vote().map(name_of),
        leader: raft.leader().map(name_of),
        commit: log.committed().0,
        applied: log.applied().0,
        first: log.first_index().0,
        last: log.last_index().0,
        cells: (first_cell..first_cell + CELLS).filter_map(|index| cell(log.entry(LogIndex(index))?)).collect(),
        progress: others.map(|(id, progress)| progress_view(name_of(id), progress)).collect(),
        votes: raft.votes().map(|(id, yes)| (name_of(id), yes)).collect(),
        quiet,
        patience,
        transferee: raft.transferee().map(name_of),
        disk: cluster.faults().disks.get(&at).copied().unwrap_or(Span::ZERO),
    }
}

fn name_of(cluster: &Cluster, id: NodeId) -> String {
    let found = cluster.etcd_members().find(|(_, member)| member.raft().id() == id);
    found.map_or_else(|| id.to_string(), |(_, member)| member.config().name.clone())
}

fn cell<M: raft::Machine<Command: std::fmt::Display>>(entry: &raft::Entry<M>) -> Option<CellView> {
    let what = match &entry.content {
        Content::Empty => String::new(),
        Content::Command(command) => command.to_string(),
        Content::Change(change) => change.to_string(),
    };
    Some(CellView { index: entry.index.0, term: entry.term.0, what })
}

fn progress_view(member: String, of: &raft::Progress) -> ProgressView {
    let (phase, inflight) = match &of.phase {
        raft::Phase::Probe => (Phase::Probe, 0),
        raft::Phase::Replicate { inflight } => (Phase::Replicate, inflight.len()),
        raft::Phase::Snapshot { .. } => (Phase::Snapshot, 1),
    };
    ProgressView {
        member,
        matched: of.matched.0,
        next: of.next.0,
        phase,
        inflight: u32::try_from(inflight).unwrap_or(u32::MAX),
        paused: of.is_paused(),
        active: of.active,
    }
}

fn ballots(cluster: &Cluster) -> Vec<BallotView> {
    let now = cluster.now();
    let recent = cluster.trace().iter().rev().take_while(|entry| entry.at + SHOWN >= now);
    let found = recent.filter_map(|entry| match &entry.event {
        Happened::Sent {
            from: Actor::Etcd(from),
            to: Actor::Etcd(to),
            arrives_at,
            lost,
            what: Said::Raft { kind, term },
        } if BALLOTS.contains(kind) => {
            let name = |at: &MasterIx| {
                let found = cluster.etcd_members().find(|(of, _)| of == at);
                found.map(|(_, member)| member.config().name.clone()).unwrap_or_default()
            };
            Some(BallotView {
                at: entry.at,
                arrives_at: *arrives_at,
                from: name(from),
                to: name(to),
                kind: (*kind).to_owned(),
                term: *term,
                lost: *lost,
            })
        }
        _ => None,
    });
    let mut all: Vec<BallotView> = found.collect();
    all.reverse();
    all
}
