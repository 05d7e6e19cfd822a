//! Who sent a packet and what ended it: links from its way to entries of the trace.

use std::net::Ipv4Addr;

use super::{Way, ip_of};
use crate::cluster::why::Decides;
use crate::cluster::{Cluster, Host, NodeIx};
use crate::net::addr::{Mac, NsId};
use crate::net::hop::{Decision, DropReason as Drop, Hop};
use crate::sim::EventId;
use crate::view::{DropReason, Outcome};

/// The entry that sent a packet. What goes out by a timer of TCP was asked for when the conversation's earlier packets were.
pub fn sent_by(cluster: &Cluster, way: &Way<'_>) -> Option<EventId> {
    let first = way.first()?;
    let own = way.iter().find_map(|hop| hop.cause);
    own.or_else(|| {
        cluster.hops().iter().filter(|hop| hop.flow == first.flow && hop.at <= first.at).find_map(|h| h.cause)
    })
}

/// The entry that last changed what ended a packet; `None` if it went on, or nobody changed anything.
pub fn ended_by(cluster: &Cluster, way: &Way<'_>, outcome: &Outcome) -> Option<EventId> {
    let last = way.last()?;
    let Decision::Drop(why) = &last.decision else { return None };
    if matches!(outcome, Outcome::Dropped { reason: DropReason::NoRuleFor(_), .. }) {
        return rule_lost_by(cluster, way);
    }
    let what = match why {
        Drop::Filter(_) | Drop::Nft(_) | Drop::NoRealServer(_) | Drop::RealServerGone(_) => Decides::Rules,
        Drop::NoRoute(_) | Drop::Blackhole(_) | Drop::NoTunnelEnd(_) | Drop::NoTunnel(_) => Decides::Routes,
        // Nobody answers: the route leads to nobody, or a cable is bad.
        Drop::NoNeighbour(to) => return neighbour_lost_by(cluster, last.ns, *to),
        Drop::Lost | Drop::TooLong { .. } | Drop::Cut | Drop::LinkDown => return cable_changed_by(cluster, last),
        Drop::ForwardingOff | Drop::ConntrackFull => Decides::Kernel,
        Drop::NotForUs(_) => return misled_by(cluster, way),
        Drop::NoSocket(at) => return closed_by(cluster, last, at.port()),
        _ => return None,
    };
    let at = cluster.node_of_ns(last.ns)?;
    cluster.hands().of(at, what)
}

/// The latest of the entries that changed the rules of the node that let it go with the address of a Service, or that ended who
/// writes them.
fn rule_lost_by(cluster: &Cluster, way: &Way<'_>) -> Option<EventId> {
    let at = way.iter().rev().find_map(|hop| cluster.node_of_ns(hop.ns))?;
    let hands = cluster.hands();
    hands.of(at, Decides::Rules).max(hands.of(at, Decides::Proxy))
}

/// The latest of the entries that changed one of the two cables that a frame has to pass: the sender's, or that of the node whose
/// hardware address it bears.
fn cable_changed_by(cluster: &Cluster, last: &Hop) -> Option<EventId> {
    let card = |host: &Host| Some(cluster.fabric().ns(host.ns)?.device_named("eth0")?.mac);
    let to = last.bytes().first_chunk().map(|bytes| Mac(*bytes));
    let there = (0_u32..).map(NodeIx).zip(cluster.hosts()).find(|(_, host)| to.is_some() && card(host) == to);
    let both = [cluster.node_of_ns(last.ns), there.map(|(ix, _)| ix)];
    both.into_iter().flatten().filter_map(|at| cluster.hands().of(at, Decides::Cable)).max()
}

/// The latest of the entries that changed the routes or the cable here, or the cable of the node that should answer.
fn neighbour_lost_by(cluster: &Cluster, ns: NsId, to: Ipv4Addr) -> Option<EventId> {
    let here = cluster.node_of_ns(ns)?;
    let there = (0_u32..).map(NodeIx).zip(cluster.hosts()).find(|(_, host)| host.ip == to).map(|(ix, _)| ix);
    let hands = cluster.hands();
    let there = there.and_then(|there| hands.of(there, Decides::Cable));
    [hands.of(here, Decides::Routes), hands.of(here, Decides::Cable), there].into_iter().flatten().max()
}

/// The entry that last changed the tables of the tunnel which brought a frame to somebody else.
fn misled_by(cluster: &Cluster, way: &Way<'_>) -> Option<EventId> {
    let sent = way.iter().rev().find(|hop| matches!(hop.decision, Decision::Tunnel { .. }))?;
    cluster.hands().of(cluster.node_of_ns(sent.ns)?, Decides::Routes)
}

/// The entry that ended the process of a node that listened on the port.
fn closed_by(cluster: &Cluster, last: &Hop, port: u16) -> Option<EventId> {
    let (ip, _) = ip_of(last)?;
    let at = (0_u32..).map(NodeIx).zip(cluster.hosts()).find(|(_, host)| host.ns == last.ns).map(|(ix, _)| ix)?;
    cluster.hands().who_closed(at, (ip.proto, port))
}

#[cfg(test)]
mod tests {
    use super::super::{list, packet};
    use crate::session::build::testing::{booted, run};
    use crate::session::build::why;
    use crate::sim::Span;
    use crate::view::{Happening, Outcome};

    /// With a backend, the packets of a request that a fault ends lead back to it: to the last one where there are several.
    fn check(backend: &str, service: bool, faults: &[&str]) {
        let mut world = booted(&format!("nodes=2 pull=0s seed=13 proxy=iptables backend={backend}"));
        let on = |node: &str| format!("--overrides='{{\"spec\":{{\"nodeName\":\"{node}\"}}}}'");
        run(&mut world, &format!("kubectl run web --image=nginx --port=80 {}", on("worker2")));
        run(&mut world, &format!("kubectl run client --image=curlimages/curl {} --command -- sleep 1d", on("worker1")));
        world.run_until(world.now() + Span::secs(5));
        let ip = {
            let pod = world.cluster.object(crate::api::Kind::Pod, "default", "web").expect("it was made");
            pod.to_value()["status"]["podIP"].as_str().expect("it runs").to_owned()
        };
        let to = if service { "10.96.0.80" } else { &ip };
        if service {
            run(&mut world, "kubectl expose pod web --cluster-ip=10.96.0.80");
            world.run_until(world.now() + Span::secs(3));
        }
        let get = format!("kubectl exec client -- curl -s -m 3 http://{to}/{}", "long".repeat(350));
        run(&mut world, &get);
        world.run_until(world.now() + Span::secs(5));
        let before = list(&world.cluster).packets.last().expect("they were answered").id;
        for fault in faults {
            run(&mut world, &format!("!fault {fault}"));
        }
        run(&mut world, &get);
        world.run_until(world.now() + Span::secs(10));
        let lines = list(&world.cluster).packets;
        let ended = lines.iter().filter(|line| line.id > before && matches!(line.outcome, Outcome::Dropped { .. }));
        let ended: Vec<_> = ended.filter_map(|line| packet(&world.cluster, line.id)).collect();
        let first = ended.first().unwrap_or_else(|| panic!("{faults:?}: nothing was lost of {lines:#?}"));
        let by = first.ended_by.unwrap_or_else(|| panic!("{faults:?}: nobody ended {:?}", first.line));
        let chain = why::chain(&world.cluster, by).expect("it is remembered");
        let root = chain.links.last().expect("a chain has links").what.clone();
        let culprit = faults.last().expect("there is one");
        assert_eq!(root, Happening::Fault((*culprit).to_owned()), "{:?}", first.line);
    }

    #[test]
    fn every_fault_of_the_network_is_found_from_the_packet_that_it_ended() {
        check("vxlan", false, &["link worker2 loss=100%"]);
        check("vxlan", false, &["link worker2 mtu=1400"]);
        check("vxlan", false, &["wrong-fdb worker1 worker2"]);
        check("vxlan", false, &["stale-route worker1 worker2"]);
        check("vxlan", false, &["conntrack worker1 full"]);
        check("vxlan", false, &["ip-forward worker1 off"]);
        check("host-gw", false, &["partition worker2"]);
    }

    #[test]
    fn a_dead_flanneld_is_found_from_either_side() {
        check("udp", false, &["crash flanneld worker2"]);
        check("udp", false, &["crash flanneld worker1"]);
        check("udp", false, &["crash kubelet worker2", "crash flanneld worker2"]);
    }

    #[test]
    fn a_rule_that_was_taken_away_is_found_from_what_it_would_have_rewritten() {
        check("vxlan", true, &["drop-rule worker1 nat PREROUTING 1"]);
        check("host-gw", true, &["link worker2 delay=1ms", "drop-rule worker1 nat PREROUTING 1"]);
    }
}
