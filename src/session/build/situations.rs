//! Situations of a control plane that are worth seeing: the lines of the terminal that bring each about.

use crate::cluster::{Actor, Cluster, Faults, MasterIx, NodeIx};
use crate::control::apiserver::StoredValue;
use crate::etcd::Member;
use crate::session::build::cluster::health;
use crate::session::build::node_name;
use crate::view::Health;
use crate::view::ha::{Situation, SituationView};

/// By how much a slow follower's disk is slower: a heartbeat of etcd's is a tenth of a second.
const SLOW: &str = "700ms";
/// By how much messages are late so that candidates meet: about half of the shortest time after which a member campaigns.
const LATE: &str = "500ms";

/// All of them, with what each takes now.
pub fn situations(cluster: &Cluster) -> Vec<SituationView> {
    use Situation as S;
    let several = [S::LeaderCrash, S::MoveLeader, S::LeaderCut, S::SlowFollower, S::SchedulerCrash, S::SplitVote];
    let all = [
        (S::LeaderCrash, leader_crash(cluster)),
        (S::MoveLeader, move_leader(cluster)),
        (S::LeaderCut, leader_cut(cluster)),
        (S::QuorumLost, quorum_lost(cluster)),
        (S::SlowFollower, slow_follower(cluster)),
        (S::SchedulerCrash, scheduler_crash(cluster)),
        (S::SplitVote, split_vote(cluster)),
        (S::Mend, mend(cluster)),
    ];
    let is_alone = cluster.etcd_members().count() < 2;
    let kept = all.into_iter().filter(|(situation, _)| !(is_alone && several.contains(situation)));
    kept.map(|(situation, lines)| SituationView { situation, lines }).collect()
}

type Found<'a> = (MasterIx, &'a Member<StoredValue>);

/// The members that run and are not cut off.
fn running(cluster: &Cluster) -> Vec<Found<'_>> {
    cluster.etcd_members().filter(|(at, _)| health(cluster, Actor::Etcd(*at)) == Health::Up).collect()
}

/// The member that leads: of several that believe so, the one of the latest term.
fn leader(cluster: &Cluster) -> Option<Found<'_>> {
    let leaders = running(cluster).into_iter().filter(|(_, member)| member.raft().is_leader());
    leaders.max_by_key(|(_, member)| member.raft().term())
}

fn follower(cluster: &Cluster) -> Option<Found<'_>> {
    let (leads, _) = leader(cluster)?;
    running(cluster).into_iter().rev().find(|(at, _)| *at != leads)
}

fn leader_crash(cluster: &Cluster) -> Vec<String> {
    leader(cluster).map(|(at, _)| crash(cluster, Actor::Etcd(at))).into_iter().collect()
}

fn move_leader(cluster: &Cluster) -> Vec<String> {
    let Some((_, to)) = leader(cluster).and(follower(cluster)) else { return Vec::new() };
    let names: Vec<String> = cluster.etcd_members().filter_map(|(at, _)| node_name(cluster, NodeIx(at.0))).collect();
    let endpoints: Vec<String> = names.iter().map(|name| format!("{name}:2379")).collect();
    vec![format!("etcdctl move-leader {:x} --endpoints={}", to.config().member_id, endpoints.join(","))]
}

fn leader_cut(cluster: &Cluster) -> Vec<String> {
    let name = leader(cluster).and_then(|(at, _)| node_name(cluster, NodeIx(at.0)));
    name.map(|name| format!("!fault partition {name}")).into_iter().collect()
}

/// The first member is kept: the terminal's etcdctl asks it.
fn quorum_lost(cluster: &Cluster) -> Vec<String> {
    let running = running(cluster);
    let majority = cluster.etcd_members().count() / 2 + 1;
    let too_many = (running.len() + 1).saturating_sub(majority);
    running.iter().rev().take(too_many).map(|(at, _)| crash(cluster, Actor::Etcd(*at))).collect()
}

fn slow_follower(cluster: &Cluster) -> Vec<String> {
    let slow = |at: &MasterIx| cluster.faults().disks.contains_key(at);
    let found = follower(cluster).filter(|_| !cluster.etcd_members().any(|(at, _)| slow(&at)));
    let name = found.and_then(|(at, _)| node_name(cluster, NodeIx(at.0)));
    name.map(|name| format!("!fault slow-disk {name} {SLOW}")).into_iter().collect()
}

fn scheduler_crash(cluster: &Cluster) -> Vec<String> {
    let works = cluster
        .masters()
        .find(|(at, master)| master.scheduler.works() && health(cluster, Actor::Scheduler(*at)) == Health::Up);
    works.map(|(at, _)| crash(cluster, Actor::Scheduler(at))).into_iter().collect()
}

fn split_vote(cluster: &Cluster) -> Vec<String> {
    let crash = leader_crash(cluster);
    let late = crash.iter().map(|_| format!("!fault delay {LATE}"));
    late.chain(crash.clone()).collect()
}

fn mend(cluster: &Cluster) -> Vec<String> {
    let faults = cluster.faults();
    // What a member of etcd has lost, no command brings back.
    let mended = Faults { corrupted: faults.corrupted.clone(), ..Faults::default() };
    if *faults == mended && cluster.chaos().is_none() {
        return Vec::new();
    }
    let is_dark = |actor: &Actor| cluster.machine_of(*actor).is_some_and(|ix| faults.off.contains(&ix));
    let chaos = cluster.chaos().map(|_| "!fault chaos off".to_owned());
    let dark = faults.off.iter().filter_map(|ix| Some(format!("!fault start node {}", node_name(cluster, *ix)?)));
    let halted = faults.paused.iter().filter_map(|actor| Some(format!("!fault resume {}", words(cluster, *actor)?)));
    let down = faults.down.iter().filter(|actor| !is_dark(actor)).filter_map(|actor| words(cluster, *actor));
    let start = down.map(|words| format!("!fault start {words}"));
    let wrong = faults.skews.keys().filter_map(|ix| Some(format!("!fault skew {} 0s", node_name(cluster, *ix)?)));
    let over = faults.expired.keys().filter_map(|actor| Some(format!("!fault renew {}", words(cluster, *actor)?)));
    let heal = std::iter::once("!fault heal".to_owned());
    chaos.into_iter().chain(heal).chain(dark).chain(halted).chain(start).chain(wrong).chain(over).collect()
}

fn crash(cluster: &Cluster, actor: Actor) -> String {
    let words = words(cluster, actor).expect("a process of the control plane can be crashed");
    format!("!fault crash {words}")
}

/// The words by which `!fault` knows a process; `None` of what it does not.
fn words(cluster: &Cluster, actor: Actor) -> Option<String> {
    let on = |name: &str, ix: NodeIx| Some(format!("{name} {}", node_name(cluster, ix)?));
    let plane = |name: &str, at: MasterIx| {
        if cluster.scenario().masters > 1 { on(name, NodeIx(at.0)) } else { Some(name.to_owned()) }
    };
    match actor {
        Actor::ApiServer(at) => plane("kube-apiserver", at),
        Actor::Scheduler(at) => plane("kube-scheduler", at),
        Actor::ControllerManager(at) => plane("kube-controller-manager", at),
        Actor::Etcd(at) => plane("etcd", at),
        Actor::LoadBalancer => Some("load-balancer".to_owned()),
        Actor::Kubelet(ix) => on("kubelet", ix),
        Actor::KubeProxy(ix) => on("kube-proxy", ix),
        Actor::Flanneld(ix) => on("flanneld", ix),
        _ => None,
    }
}
