//! Whole exchanges through two nodes.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::net::fabric::world::{CLIENT, NODE_IPS, POD_IPS, World};
use crate::net::filter::Table;
use crate::net::hop::By;
use crate::net::hop::{Decision, DropReason, Link, Stage};
use crate::net::packet::{ETHER_LEN, Packet, TCP, be16};
use crate::net::path::{StepKind, steps};
use crate::net::*;
use crate::sim::{Span, digest_of};

mod vxlan;

/// Every frame of every hop is sound to etherparse, lengths and checksums included.
fn check_bytes(world: &World) {
    for hop in &world.hops {
        let tag = Tag { packet: hop.packet, flow: hop.flow };
        let packet = Packet::of_buf(hop.frame.to_vec(), tag, None);
        match hop.link {
            Link::Ethernet => _ = etherparse::SlicedPacket::from_ethernet(hop.bytes()).expect("etherparse reads it"),
            Link::Ip => _ = etherparse::SlicedPacket::from_ip(hop.bytes()).expect("etherparse reads it"),
        }
        let arp = hop.link == Link::Ethernet && packet.ether().kind == crate::net::packet::ETHER_ARP;
        if !arp {
            let ip = packet.ip().expect("a right header checksum");
            assert!(packet.l4_sum_is_right(&ip), "{:?} {}", hop.stage, hop.decision);
        }
    }
}

fn is_tcp(packet: &Packet) -> bool {
    packet.ip().is_some_and(|ip| ip.proto == TCP)
}

/// The steps of the first TCP packet: kind, place and decision.
fn told(world: &World) -> Vec<String> {
    let name = |ns| &world.fabric.ns(ns).expect("there").name;
    let steps = steps(&world.hops, world.first_packet(is_tcp));
    steps.iter().map(|s| format!("{:?} {}/{}: {}", s.kind, name(s.ns), s.dev, s.hops[0].decision)).collect()
}

#[test]
fn a_request_to_the_other_node_takes_the_ten_steps() {
    let mut world = World::new();
    world.serve(world.pods[2], 80);
    let got = world.curl(world.pods[0], "10.244.2.2:80", Span::secs(2)).expect("an answer");
    assert_eq!(got, world.answer);
    let told = told(&world);
    let mac = world.fabric.ns(world.nodes[0]).expect("there").device(world.docker0[0]).expect("there").mac;
    assert_eq!(
        told,
        [
            "Send pod0/eth0: route default via 10.244.1.1 dev eth0".to_owned(),
            "Veth worker1/veth0: other end of the veth pair".to_owned(),
            format!("BridgeIn worker1/docker0: {mac} is the bridge itself"),
            "Route worker1/flannel0: route 10.244.0.0/16 dev flannel0".to_owned(),
            "Encap worker1/eth0: route 192.168.0.0/24 dev eth0 proto kernel scope link src 192.168.0.11".to_owned(),
            "Wire worker1/eth0: to 02:42:c0:a8:00:0c on the segment".to_owned(),
            "Arrive worker2/eth0: to 02:42:c0:a8:00:0c on the segment".to_owned(),
            "Decap worker2/flannel0: written by program 1".to_owned(),
            "Route worker2/docker0: route 10.244.2.0/24 dev docker0 proto kernel scope link src 10.244.2.1".to_owned(),
            "BridgeOut worker2/docker0: fdb 02:42:0a:f4:02:02 dev veth2".to_owned(),
        ]
    );
    check_bytes(&world);
    world.check_conservation();
}

#[test]
fn the_udp_payload_on_the_wire_is_the_inner_packet_and_nothing_else() {
    let mut world = World::new();
    world.serve(world.pods[2], 80);
    world.curl(world.pods[0], "10.244.2.2:80", Span::secs(2)).expect("an answer");
    let mut seen = 0;
    for wire in world.hops.iter().filter(|h| h.stage == Stage::Wire) {
        let Some(inner) = wire.carries else { continue };
        let written =
            world.hops.iter().find(|h| h.packet == inner && h.stage == Stage::Decap).expect("it was unwrapped");
        let mut payload = wire.bytes()[ETHER_LEN + 28..].to_vec();
        assert_eq!(be16(wire.bytes(), ETHER_LEN + 22), 8285);
        crate::net::packet::lower_ttl(&mut payload);
        assert_eq!(payload, written.bytes());
        seen += 1;
    }
    assert!(seen >= 8, "SYN to FIN, both ways: {seen}");
}

#[test]
fn a_request_on_one_node_never_leaves_it() {
    let mut world = World::new();
    world.serve(world.pods[1], 80);
    let got = world.curl(world.pods[0], "10.244.1.3:80", Span::secs(2)).expect("an answer");
    assert_eq!(got, world.answer);
    let kinds: Vec<StepKind> = steps(&world.hops, world.first_packet(is_tcp)).iter().map(|s| s.kind).collect();
    assert_eq!(kinds, [StepKind::Send, StepKind::Veth, StepKind::BridgeOut]);
    assert!(world.hops.iter().all(|h| h.stage != Stage::Wire));
    check_bytes(&world);
    world.check_conservation();
}

#[test]
fn containers_of_one_pod_talk_over_loopback() {
    let mut world = World::new();
    world.serve(world.pods[1], 8080);
    let got = world.curl(world.pods[1], "127.0.0.1:8080", Span::secs(1)).expect("an answer");
    assert_eq!(got, world.answer);
    let path = steps(&world.hops, world.first_packet(is_tcp));
    assert_eq!(
        path.iter().map(|s| (s.kind, &*s.dev)).collect::<Vec<_>>(),
        [(StepKind::Send, "lo"), (StepKind::Deliver, "lo")]
    );
}

#[test]
fn a_closed_port_refuses_at_once() {
    let mut world = World::new();
    let refused = world.curl(world.pods[0], "10.244.2.3:81", Span::secs(1));
    assert_eq!(refused, Err(Some(NetError::Refused)));
    let why = Decision::Drop(DropReason::NoSocket(SocketAddrV4::new(POD_IPS[3], 81)));
    assert!(world.hops.iter().any(|h| h.decision == why));
}

#[test]
fn an_address_that_nobody_has_is_unreachable_after_three_requests() {
    let mut world = World::new();
    let failed = world.curl(world.pods[0], "10.244.1.77:80", Span::secs(10));
    assert_eq!(failed, Err(Some(NetError::HostUnreachable)));
    let pod = world.fabric.ns(world.pods[0]).expect("there");
    let asked = |h: &&Hop| h.stage == Stage::Send && matches!(h.decision, Decision::Waits(_));
    let asked = world.hops.iter().filter(asked).count();
    assert_eq!(asked, 3);
    assert!(pod.neighbours().any(|(_, ip, n)| ip == Ipv4Addr::new(10, 244, 1, 77) && n.mac().is_none()));
    world.check_conservation();
}

#[test]
fn a_ping_to_the_other_node_loses_four_hops_of_its_time_to_live() {
    let mut world = World::new();
    let Some(SocketEvent::EchoReply { from, ttl, size, .. }) = world.ping(world.pods[0], "10.244.2.2", 56, 64) else {
        panic!("an answer");
    };
    // Two nodes pass it on, two flannelds take one each.
    assert_eq!((from, ttl, size), (POD_IPS[2], 60, 64));
}

#[test]
fn a_time_to_live_that_runs_out_is_told() {
    let mut world = World::new();
    let told = world.ping(world.pods[0], "10.244.2.2", 56, 1);
    let (from, to) = (Ipv4Addr::new(10, 244, 1, 1), SocketAddrV4::new(POD_IPS[2], 1));
    assert_eq!(told, Some(SocketEvent::IcmpError { from, error: NetError::TtlExceeded, seq: Some(1), to }));
}

#[test]
fn a_big_ping_is_cut_up_and_put_together_again() {
    let mut world = World::new();
    let told = world.ping(world.pods[0], "10.244.2.2", 4000, 64);
    assert!(matches!(told, Some(SocketEvent::EchoReply { size: 4008, .. })), "{told:?}");
    for hop in world.hops.iter().filter(|h| h.stage == Stage::Wire) {
        assert!(hop.bytes().len() <= 1514);
    }
    check_bytes(&world);
}

#[test]
fn a_pod_with_too_big_an_mtu_learns_what_fits() {
    let mut world = World::new();
    let eth0 = world.fabric.ns(world.pods[2]).expect("there").device_named("eth0").expect("there").id;
    world.fabric.set_mtu(world.pods[2], eth0, 1500).expect("there");
    let (node, port) = (world.nodes[1], "veth2");
    let port = world.fabric.ns(node).expect("there").device_named(port).expect("there").id;
    world.fabric.set_mtu(node, port, 1500).expect("there");
    let client = world.fabric.ns(world.pods[0]).expect("there").device_named("eth0").expect("there").id;
    world.fabric.set_mtu(world.pods[0], client, 1500).expect("there");
    world.answer = vec![b'x'; 20_000];
    world.serve(world.pods[2], 80);
    let got = world.curl(world.pods[0], "10.244.2.2:80", Span::secs(20)).expect("an answer");
    assert_eq!(got.len(), 20_000);
    let too_big = Decision::Drop(DropReason::TooBig { mtu: 1472 });
    assert!(world.hops.iter().any(|h| h.decision == too_big));
}

#[test]
fn userspace_proxying_redirects_to_a_port_of_the_node() {
    let mut world = World::new();
    let node = world.nodes[0];
    world.fabric.iptables(node, Table::Nat, "-N KUBE-PORTALS-CONTAINER").expect("new");
    world.fabric.iptables(node, Table::Nat, "-A PREROUTING -j KUBE-PORTALS-CONTAINER").expect("sound");
    let rule = "-A KUBE-PORTALS-CONTAINER -m comment --comment default/web: -p tcp -m tcp --dport 80 -d 10.0.0.5/32 -j REDIRECT --to-ports 43211";
    world.fabric.iptables(node, Table::Nat, rule).expect("sound");
    world.serve(node, 43211);
    let got = world.curl(world.pods[0], "10.0.0.5:80", Span::secs(2)).expect("an answer");
    assert_eq!(got, world.answer);
    let rewritten = |h: &&Hop| matches!(&h.decision, Decision::Rewrite { source: false, by: Some(By::Rule(hit)), .. } if hit.rule.as_ref().is_some_and(|(n, _)| *n == 1));
    let hop = world.hops.iter().find(rewritten).expect("the rule is recorded");
    assert_eq!(
        hop.decision.to_string(),
        "destination 10.0.0.5:80 becomes 10.244.1.1:43211 by nat rule 1: -A KUBE-PORTALS-CONTAINER -d 10.0.0.5/32 -p tcp -m comment --comment default/web: -m tcp --dport 80 -j REDIRECT --to-ports 43211"
    );
    check_bytes(&world);
    world.check_conservation();
}

#[test]
fn a_service_by_rules_alone_reaches_a_pod_of_the_same_node_and_itself() {
    let mut world = World::new();
    let node = world.nodes[0];
    let rules = "*nat\n:KUBE-POSTROUTING - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n\
        -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000\n\
        -A PREROUTING -s 10.244.1.3/32 -d 10.0.0.5/32 -j KUBE-MARK-MASQ\n\
        -A PREROUTING -d 10.0.0.5/32 -p tcp --dport 80 -j DNAT --to-destination 10.244.1.3:8080\n\
        -A OUTPUT -d 10.0.0.5/32 -p tcp --dport 80 -j DNAT --to-destination 10.244.1.3:8080\n\
        -A POSTROUTING -j KUBE-POSTROUTING\n\
        -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n\
        -A KUBE-POSTROUTING -j MASQUERADE --random-fully\nCOMMIT\n";
    world.fabric.iptables_restore(node, rules, true).expect("sound");
    world.serve(world.pods[1], 8080);
    for from in [world.pods[0], world.pods[1]] {
        let got = world.curl(from, "10.0.0.5:80", Span::secs(2)).expect("an answer");
        assert_eq!(got, world.answer);
    }
    check_bytes(&world);
    world.check_conservation();
}

#[test]
fn masquerading_shows_the_nodes_address_and_finds_the_way_back() {
    let mut world = World::new();
    let node = world.nodes[0];
    world
        .fabric
        .iptables(node, Table::Nat, "-A POSTROUTING -s 10.244.1.0/24 ! -o docker0 -j MASQUERADE")
        .expect("sound");
    world.serve(world.nodes[1], 9000);
    let got = world.curl(world.pods[0], "192.168.0.12:9000", Span::secs(2));
    // The pod has no route to the nodes but by default, the node has one.
    assert_eq!(got, Ok(world.answer.clone()));
    let seen = world.news.iter().find_map(|n| match n.event {
        SocketEvent::Accepted { peer, .. } => Some(*peer.ip()),
        _ => None,
    });
    assert_eq!(seen, Some(NODE_IPS[0]));
    check_bytes(&world);
    world.check_conservation();
}

#[test]
fn an_echo_gets_another_identifier_and_the_answer_the_old_one() {
    let mut world = World::new();
    let node = world.nodes[0];
    world
        .fabric
        .iptables(node, Table::Nat, "-A POSTROUTING -s 10.244.1.0/24 ! -o docker0 -j MASQUERADE --random-fully")
        .expect("sound");
    for pod in [world.pods[0], world.pods[1]] {
        let got = world.ping(pod, "192.168.0.12", 56, 64);
        assert!(matches!(got, Some(SocketEvent::EchoReply { .. })), "{got:?}");
    }
    let table = world.fabric.ns(node).expect("there").conntrack();
    let ids: Vec<_> = table.iter(world.now).map(|c| (c.orig.src.1 != c.reply.dst.1, c.is_dnat(), c.replied)).collect();
    assert_eq!(ids, [(true, false, true); 2]);
    check_bytes(&world);
    world.check_conservation();
}

#[test]
fn a_rejected_connection_is_refused_through_the_rewriting() {
    let mut world = World::new();
    let node = world.nodes[0];
    let rules = "*filter\n-A FORWARD -d 10.244.2.2/32 -j REJECT\nCOMMIT\n\
        *nat\n-A PREROUTING -d 10.0.0.6/32 -p tcp --dport 80 -j DNAT --to-destination 10.244.2.2:80\nCOMMIT\n";
    world.fabric.iptables_restore(node, rules, true).expect("sound");
    assert_eq!(world.curl(world.pods[0], "10.0.0.6:80", Span::secs(2)), Err(Some(NetError::Refused)));
    check_bytes(&world);
}

#[test]
fn without_forwarding_or_flanneld_packets_end_where_they_should() {
    let mut world = World::new();
    world.fabric.set_ip_forward(world.nodes[0], false);
    assert_eq!(world.curl(world.pods[0], "10.244.2.2:80", Span::secs(2)), Err(None));
    assert!(world.hops.iter().any(|h| h.decision == Decision::Drop(DropReason::ForwardingOff)));
    let mut world = World::new();
    world.fabric.faults_mut().set_cut(world.nodes[0], world.nodes[1], true);
    assert_eq!(world.curl(world.pods[0], "10.244.2.2:80", Span::secs(200)), Err(Some(NetError::TimedOut)));
    assert!(world.hops.iter().any(|h| h.decision == Decision::Drop(DropReason::Cut)));
}

#[test]
fn a_source_whose_way_back_is_another_is_refused_by_the_strict_filter_only() {
    for (mode, answered) in [(0, true), (2, true), (1, false)] {
        let mut world = World::new();
        world.serve(world.nodes[1], 9000);
        let node = world.nodes[1];
        let lo = "10.244.1.0/24".parse().expect("a network");
        let docker0 = world.docker0[1];
        // What answers the first node's pods would leave by the own bridge.
        let astray = crate::net::route::Route::new(lo, None, docker0, "docker0".into());
        world.fabric.add_route(node, astray).expect("a new route");
        world.fabric.set_rp_filter(node, mode);
        let _ = world.curl(world.pods[0], "192.168.0.12:9000", Span::secs(2));
        let refused = Decision::Drop(DropReason::NoWayBack(POD_IPS[0]));
        assert_eq!(world.hops.iter().all(|hop| hop.decision != refused), answered, "rp_filter={mode}");
    }
}

#[test]
fn a_big_answer_survives_a_lossy_link() {
    let mut world = World::new();
    world.answer = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    world.serve(world.pods[2], 80);
    let eth0 = world.fabric.ns(world.nodes[1]).expect("there").device_named("eth0").expect("there").id;
    let fault = fault::LinkFault { loss: 100_000, ..fault::LinkFault::default() };
    world.fabric.faults_mut().set_link(End { ns: world.nodes[1], dev: eth0 }, fault);
    let got = world.curl(world.pods[0], "10.244.2.2:80", Span::secs(120)).expect("an answer");
    assert!(got == world.answer);
    world.check_conservation();
}

#[test]
fn a_killed_program_resets_its_connections_and_a_removed_pod_is_gone() {
    let mut world = World::new();
    world.serve(world.pods[2], 80);
    world.answer = Vec::new();
    let to = SocketAddrV4::new(POD_IPS[2], 80);
    world.op(world.pods[0], CLIENT, SocketOp::Connect { token: 1, to, flow: None });
    world.run(Span::millis(1));
    let mut out = crate::sim::Out::default();
    world.fabric.kill_owner(world.pods[0], CLIENT, world.now, &mut out);
    assert!(world.fabric.ns(world.pods[0]).expect("there").sockets().iter().next().is_none());
    world.fabric.remove_ns(world.pods[2]);
    let node = world.fabric.ns(world.nodes[1]).expect("there");
    assert!(node.device_named("veth2").is_none());
    // The node believes its neighbour for a while, then asks, then says so.
    assert_eq!(world.curl(world.pods[1], "10.244.2.2:80", Span::secs(100)), Err(Some(NetError::HostUnreachable)));
}

#[test]
fn the_same_seed_gives_the_same_hops_and_the_same_state() {
    let run = || {
        let mut world = World::new();
        world.serve(world.pods[2], 80);
        world.curl(world.pods[0], "10.244.2.2:80", Span::secs(2)).expect("an answer");
        (digest_of(&world.hops), digest_of(&world.fabric))
    };
    assert_eq!(run(), run());
}
