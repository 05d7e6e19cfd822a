//! The control plane of several masters: the load balancer, the elections by Lease, Raft in etcd's members.

use std::collections::BTreeSet;

use crate::api::{Event, Kind, KindOf as _, Lease};
use crate::cluster::check;
use crate::cluster::masters::Master;
use crate::cluster::watched::Watched;
use crate::cluster::{Actor, Cluster, Happened, MasterIx, Said};
use crate::control::Calendar;
use crate::control::apiserver::StoredValue;
use crate::control::elector::{self, Elector};
use crate::etcd::Member;
use crate::etcd::raft::{self, Content, LogIndex, NodeId};
use crate::session::build::cluster::health;
use crate::session::build::terms::Terms;
use crate::session::build::{etcd, place_of, situations};
use crate::sim::{Span, Time, VecMap};
use crate::view::ha::{
    BallotView, CandidateRole, CandidateView, CellView, ChaosView, ElectionView, Invariant, InvariantView, Phase,
    ProgressView, RaftView, ServerView, Takeover, TakeoverView,
};
use crate::view::{HaView, Health, Place};

/// So many entries of a log are shown.
const CELLS: u64 = 16;
/// So many changes of leadership are listed.
const TAKEOVERS: usize = 12;
/// For so long a vote is shown after it was sent.
const SHOWN: Span = Span::secs(3);
/// What moves leadership, as Raft calls it.
const BALLOTS: [&str; 7] =
    ["MsgPreVote", "MsgPreVoteResp", "MsgVote", "MsgVoteResp", "MsgTransferLeader", "MsgTimeoutNow", "MsgSnap"];

/// The control plane at this moment.
pub fn ha(cluster: &Cluster, terms: &Terms) -> HaView {
    let last = cluster.etcd_members().map(|(_, member)| member.raft().log().last_index().0).max().unwrap_or(0);
    let first_cell = (last + 1).saturating_sub(CELLS).max(1);
    let members: Vec<RaftView> =
        cluster.etcd_members().map(|(at, of)| raft_view(cluster, at, of, first_cell)).collect();
    HaView {
        balancer: cluster.balancer().map(|_| health(cluster, Actor::LoadBalancer)),
        servers: cluster.masters().map(|(at, _)| server(cluster, at)).collect(),
        elections: vec![
            election(cluster, "kube-scheduler", |at, master| (Actor::Scheduler(at), master.scheduler.elector())),
            election(cluster, "kube-controller-manager", |at, master| {
                (Actor::ControllerManager(at), master.manager.elector())
            }),
        ],
        takeovers: takeovers(cluster, terms),
        majority: u32::try_from(members.len() / 2 + 1).unwrap_or(1),
        members,
        first_cell,
        ballots: ballots(cluster),
        situations: situations::situations(cluster),
        chaos: cluster.watched().map(|watched| chaos(cluster, watched)),
    }
}

/// The chaos, and what was found under it.
fn chaos(cluster: &Cluster, watched: &Watched) -> ChaosView {
    let named = |invariant| match invariant {
        check::Invariant::Addresses => Invariant::Addresses,
        check::Invariant::Subnets => Invariant::Subnets,
        check::Invariant::Bindings => Invariant::Bindings,
        check::Invariant::Versions => Invariant::Versions,
        check::Invariant::Forward => Invariant::Forward,
        check::Invariant::Agreement => Invariant::Agreement,
        check::Invariant::OneLeader => Invariant::OneLeader,
        check::Invariant::Fencing => Invariant::Fencing,
    };
    let view = |invariant: &check::Invariant| InvariantView {
        what: named(*invariant),
        checked: watched.checked(*invariant),
        broken: watched.broken(*invariant).map(str::to_owned),
    };
    ChaosView {
        every: cluster.chaos().map(|chaos| chaos.every()),
        broken: cluster.chaos().map_or(0, |chaos| u32::try_from(chaos.broken()).unwrap_or(u32::MAX)),
        invariants: check::Invariant::ALL.iter().map(view).collect(),
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
    let waits =
        |candidate: &&CandidateView| candidate.role == CandidateRole::StandsBy && candidate.health == Health::Up;
    ElectionView {
        lease: name.to_owned(),
        holder: lease.and_then(|spec| spec.holder_identity.clone()).filter(|holder| !holder.is_empty()),
        since: lease.and_then(|spec| spec.acquire_time).map(|at| calendar.micro_time(at)),
        renewed: lease.and_then(|spec| spec.renew_time).map(|at| calendar.micro_time(at)),
        free_at: candidates
            .iter()
            .filter(waits)
            .filter_map(|c| c.seen)
            .min()
            .map(|seen| seen + elector::LEASE_DURATION),
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
            let Some(object) = change.kv.and_then(|kv| kv.value.object()) else { continue };
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
        cells: (first_cell..first_cell + CELLS).filter_map(|index| log.entry(LogIndex(index)).map(cell)).collect(),
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

fn cell<M: raft::Machine<Command: std::fmt::Display>>(entry: &raft::Entry<M>) -> CellView {
    let what = match &entry.content {
        Content::Empty => String::new(),
        Content::Command(command) => command.to_string(),
        Content::Change(change, _) => change.to_string(),
    };
    CellView { index: entry.index.0, term: entry.term.0, what }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::World;
    use crate::session::build::testing::{booted, run};
    use crate::view::MemberRole;
    use crate::view::ha::Situation;

    fn three() -> World {
        booted("nodes=1 masters=3 seed=4")
    }

    fn view(world: &World) -> HaView {
        let mut terms = Terms::default();
        terms.take_in(&world.cluster);
        ha(&world.cluster, &terms)
    }

    fn after(world: &mut World, span: Span) -> HaView {
        world.run_until(world.now() + span);
        view(world)
    }

    /// Brings a situation about, as the page would.
    fn set_up(world: &mut World, which: Situation) {
        let lines = view(world).situations.into_iter().find(|s| s.situation == which).expect("offered").lines;
        assert!(!lines.is_empty(), "{which:?} cannot be now");
        lines.iter().for_each(|line| run(world, line));
    }

    fn leaders(view: &HaView) -> Vec<&RaftView> {
        view.members.iter().filter(|m| m.role == MemberRole::Leader && m.health == Health::Up).collect()
    }

    fn leading(election: &ElectionView) -> Vec<&CandidateView> {
        election.candidates.iter().filter(|c| c.role == CandidateRole::Leads).collect()
    }

    #[test]
    fn one_of_each_leads_and_the_others_follow() {
        let mut world = three();
        let view = after(&mut world, Span::secs(5));
        let leader = leaders(&view)[0];
        assert_eq!(leaders(&view).len(), 1);
        assert_eq!((view.members.len(), view.majority, leader.progress.len()), (3, 2, 2));
        assert!(leader.progress.iter().all(|p| p.phase == Phase::Replicate && p.active && p.matched > 0));
        for member in &view.members {
            assert_eq!(member.leader.as_ref(), Some(&leader.name));
            assert_eq!(member.cells.last().map(|cell| cell.index), Some(member.last));
            assert!(member.cells.iter().all(|cell| cell.index >= view.first_cell && cell.term == member.term));
        }
        for election in &view.elections {
            let holders: Vec<&str> = leading(election).iter().map(|c| &*c.identity).collect();
            assert_eq!(holders, [election.holder.as_deref().expect("somebody holds it")]);
            let left = election.free_at.expect("two wait").since(world.now());
            assert!(left > Span::secs(10) && left <= Span::secs(15), "{left}");
        }
        assert!(view.servers.iter().all(|server| server.up == Some(true)));
        assert!(view.servers.iter().any(|server| !server.clients.is_empty()));
        let named = |what: &Takeover| matches!(what, Takeover::Term { member, .. } if *member == leader.name);
        assert!(view.takeovers.iter().any(|takeover| named(&takeover.what)), "{:?}", view.takeovers);
        let mend = view.situations.iter().find(|s| s.situation == Situation::Mend).expect("offered");
        assert!(mend.lines.is_empty(), "nothing is broken");
    }

    #[test]
    fn when_etcds_leader_crashes_another_leads_a_later_term() {
        let mut world = three();
        let before = after(&mut world, Span::secs(5));
        let old = leaders(&before)[0].clone();
        set_up(&mut world, Situation::LeaderCrash);
        let view = after(&mut world, Span::secs(10));
        let new = leaders(&view)[0];
        assert!(new.name != old.name && new.term > old.term);
        assert!(view.members.iter().any(|member| member.name == old.name && member.health == Health::Down));
        let silent = new.progress.iter().find(|p| p.member == old.name).expect("still a member");
        assert!(!silent.active, "{silent:?}");
        let told = TakeoverView {
            at: view.takeovers[0].at,
            what: Takeover::Term { member: new.name.clone(), term: new.term },
        };
        assert!(view.takeovers.contains(&told), "{:?}", view.takeovers);
        set_up(&mut world, Situation::Mend);
        let view = after(&mut world, Span::secs(10));
        assert!(view.members.iter().all(|member| member.health == Health::Up && member.term == new.term));
    }

    #[test]
    fn votes_are_seen_under_way() {
        let mut world = three();
        set_up(&mut world, Situation::SplitVote);
        let mut seen = Vec::new();
        for _ in 0..60 {
            let now = world.now();
            let view = after(&mut world, Span::millis(100));
            seen.extend(view.ballots.into_iter().filter(|ballot| ballot.arrives_at > now + Span::millis(100)));
        }
        for kind in ["MsgPreVote", "MsgPreVoteResp", "MsgVote"] {
            assert!(seen.iter().any(|ballot| ballot.kind == kind && ballot.from != ballot.to), "no {kind} in {seen:?}");
        }
    }

    #[test]
    fn a_lost_majority_is_mended() {
        let mut world = three();
        set_up(&mut world, Situation::QuorumLost);
        let view = after(&mut world, Span::secs(15));
        let up = view.members.iter().filter(|member| member.health == Health::Up).count();
        assert!(up < view.majority as usize);
        assert!(leaders(&view).is_empty(), "who hears of no majority steps down");
        assert!(
            view.servers.iter().all(|server| server.up == Some(false)),
            "no API server is ready: {:?}",
            view.servers
        );
        set_up(&mut world, Situation::Mend);
        let view = after(&mut world, Span::secs(30));
        assert_eq!(leaders(&view).len(), 1);
        assert!(view.servers.iter().all(|server| server.up == Some(true)), "{:?}", view.servers);
    }

    #[test]
    fn a_candidate_takes_over_when_the_lease_is_over() {
        let mut world = three();
        let before = after(&mut world, Span::secs(5)).elections[0].clone();
        set_up(&mut world, Situation::SchedulerCrash);
        let waits = after(&mut world, Span::secs(5)).elections[0].clone();
        assert_eq!((waits.holder.clone(), leading(&waits).len()), (before.holder.clone(), 0));
        let free_at = waits.free_at.expect("two wait");
        assert!(free_at > world.now());
        let later = after(&mut world, Span::secs(2)).elections[0].clone();
        assert_eq!(later.free_at, waits.free_at, "nobody renews it");
        let view = after(&mut world, Span::secs(20));
        let election = &view.elections[0];
        assert_eq!((election.transitions, leading(election).len()), (1, 1));
        assert_ne!(election.holder, before.holder);
        let took = view.takeovers.iter().find(|t| matches!(t.what, Takeover::Lease { .. })).expect("told");
        assert_eq!(Some(took.at), election.since, "to the microsecond");
        assert!(took.at >= free_at && took.at.since(free_at) < Span::secs(5), "{} {free_at}", took.at);
        assert!(matches!(&took.what, Takeover::Lease { lease, .. } if lease == "kube-scheduler"));
    }

    #[test]
    fn a_master_that_is_cut_off_is_found_out_by_the_load_balancer() {
        let mut world = three();
        world.run_until(world.now() + Span::secs(5));
        set_up(&mut world, Situation::LeaderCut);
        let view = after(&mut world, Span::secs(5));
        let against = view.servers.iter().find(|server| server.against > 0).expect("a check has failed");
        assert_eq!((against.up, against.health, against.needed), (Some(true), Health::Unreachable, 3));
        let view = after(&mut world, Span::secs(8));
        let down = view.servers.iter().find(|server| server.up == Some(false)).expect("it is down by now");
        assert!(down.clients.is_empty() && down.health == Health::Unreachable);
    }

    #[test]
    fn a_slow_follower_lags_behind() {
        let mut world = three();
        set_up(&mut world, Situation::SlowFollower);
        let slow = |view: &HaView| view.members.iter().find(|member| member.disk > Span::ZERO).cloned().expect("one");
        let mut most = 0;
        for _ in 0..20 {
            let view = after(&mut world, Span::millis(200));
            let follower = slow(&view);
            let known = leaders(&view)[0].progress.iter().find(|p| p.member == follower.name).map(|p| p.matched);
            most = most.max(leaders(&view)[0].last - known.expect("the leader knows it"));
        }
        assert!(most > 0, "nothing was ever missing");
    }

    #[test]
    fn everything_is_mended_whatever_was_broken() {
        let mut world = three();
        let broken = ["chaos 20s", "pause etcd master3", "partition master1 from master2", "slow-disk master2 100ms"];
        let more =
            ["crash node worker1", "crash load-balancer", "loss 5%", "skew master2 1m", "expire kubelet master3"];
        for words in broken.iter().chain(&more) {
            run(&mut world, &format!("!fault {words}"));
        }
        set_up(&mut world, Situation::Mend);
        // A node takes its time to start.
        world.run_until(world.now() + Span::secs(60));
        assert_eq!(*world.cluster.faults(), crate::cluster::Faults::default());
        assert!(world.cluster.chaos().is_none());
    }

    #[test]
    fn under_chaos_all_that_must_hold_is_looked_at_and_holds() {
        let mut world = three();
        assert_eq!(view(&world).chaos, None);
        run(&mut world, "!fault chaos 5s");
        // What chaos breaks first is a matter of chance.
        let mut reigns = || after(&mut world, Span::secs(60)).chaos.expect("chaos reigns");
        let mut views = (0..10).map(|_| reigns());
        let chaos = views.find(|chaos| chaos.invariants.iter().all(|invariant| invariant.checked > 0));
        let chaos = chaos.expect("ten minutes are enough to look at everything");
        assert_eq!(chaos.every, Some(Span::secs(5)));
        for invariant in &chaos.invariants {
            assert_eq!(invariant.broken, None, "{:?}", invariant.what);
        }
        assert_eq!(chaos.invariants.len(), 8);
        run(&mut world, "!fault chaos off");
        let over = view(&world).chaos.expect("what was found stays");
        assert_eq!((over.every, over.broken), (None, 0));
    }

    #[test]
    fn one_master_has_no_elections_and_no_load_balancer() {
        let view = view(&booted("nodes=1"));
        assert_eq!((view.balancer, view.members.len(), view.servers[0].up), (None, 1, None));
        assert!(view.elections.iter().all(|election| election.candidates[0].role == CandidateRole::Alone));
        assert!(!view.situations.iter().any(|s| s.situation == Situation::LeaderCrash));
    }
}
