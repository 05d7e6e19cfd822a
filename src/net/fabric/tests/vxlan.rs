//! Exchanges through VXLAN.

use super::*;
use crate::net::addr::Mac;
use crate::net::fabric::world::{POD_NETS, VTEPS};
use crate::net::fault::LinkFault;
use crate::net::packet::UDP;

#[test]
fn a_request_to_the_other_node_is_wrapped_by_the_kernel() {
    let mut world = World::vxlan();
    world.serve(world.pods[2], 80);
    let got = world.curl(world.pods[0], "10.244.2.2:80", Span::secs(2)).expect("an answer");
    assert_eq!(got, world.answer);
    let mac = world.fabric.ns(world.nodes[0]).expect("there").device(world.docker0[0]).expect("there").mac;
    assert_eq!(
        told(&world),
        [
            "Send pod0/eth0: route default via 10.244.1.1 dev eth0".to_owned(),
            "Veth worker1/veth0: other end of the veth pair".to_owned(),
            format!("BridgeIn worker1/docker0: {mac} is the bridge itself"),
            "Route worker1/flannel.1: route 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink".to_owned(),
            "Encap worker1/flannel.1: fdb 02:00:00:00:00:02 dst 192.168.0.12 vni 1".to_owned(),
            "Wire worker1/eth0: to 02:42:c0:a8:00:0c on the segment".to_owned(),
            "Arrive worker2/eth0: to 02:42:c0:a8:00:0c on the segment".to_owned(),
            "Decap worker2/flannel.1: from 192.168.0.11, vni 1".to_owned(),
            "Route worker2/docker0: route 10.244.2.0/24 dev docker0 proto kernel scope link src 10.244.2.1".to_owned(),
            "BridgeOut worker2/docker0: fdb 02:42:0a:f4:02:02 dev veth2".to_owned(),
        ]
    );
    check_bytes(&world);
    world.check_conservation();
}

#[test]
fn on_the_wire_are_the_headers_and_then_the_frame_as_it_was() {
    let mut world = World::vxlan();
    world.serve(world.pods[2], 80);
    world.curl(world.pods[0], "10.244.2.2:80", Span::secs(2)).expect("an answer");
    let mut ports = Vec::new();
    for wire in world.hops.iter().filter(|h| h.stage == Stage::Wire) {
        let Some(inner) = wire.carries else { continue };
        let wrapped =
            world.hops.iter().find(|h| h.packet == inner && h.stage == Stage::Tunnel).expect("it was wrapped");
        let unwrapped = world.hops.iter().find(|h| h.packet == inner && h.stage == Stage::Decap).expect("unwrapped");
        let bytes = wire.bytes();
        let ip = crate::net::packet::Ip::parse(&bytes[ETHER_LEN..]).expect("an IP packet");
        assert_eq!((ip.proto, ip.ttl, ip.df), (UDP, 64, false));
        assert_eq!(be16(bytes, ETHER_LEN + 22), 8472);
        assert_eq!(bytes[ETHER_LEN + 28..][..8], [8, 0, 0, 0, 0, 0, 1, 0]);
        assert_eq!(&bytes[ETHER_LEN + 36..], wrapped.bytes());
        assert_eq!(wrapped.bytes(), unwrapped.bytes());
        ports.push((ip.src, be16(bytes, ETHER_LEN + 20)));
    }
    assert!(ports.len() >= 8, "SYN to FIN, both ways: {}", ports.len());
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 2, "one source port for each end of the conversation: {ports:?}");
}

#[test]
fn a_ping_loses_two_hops_of_its_time_to_live_and_a_big_one_fits_after_cutting() {
    let mut world = World::vxlan();
    let Some(SocketEvent::EchoReply { ttl, .. }) = world.ping(world.pods[0], "10.244.2.2", 56, 64) else {
        panic!("an answer");
    };
    assert_eq!(ttl, 62);
    let told = world.ping(world.pods[0], "10.244.2.2", 4000, 64);
    assert!(matches!(told, Some(SocketEvent::EchoReply { size: 4008, .. })), "{told:?}");
    assert!(world.hops.iter().filter(|h| h.stage == Stage::Wire).all(|h| h.bytes().len() <= 1514));
    check_bytes(&world);
}

/// A request that goes wrong because of what `spoil` does; the packet ends for this reason.
fn check(spoil: impl FnOnce(&mut World), why: DropReason) {
    let mut world = World::vxlan();
    world.serve(world.pods[2], 80);
    spoil(&mut world);
    // Long enough for ARP to give up, and between two tries of TCP.
    assert!(world.curl(world.pods[0], "10.244.2.2:80", Span::millis(6_500)).is_err());
    let why = Decision::Drop(why);
    let ends: Vec<String> =
        world.hops.iter().filter(|h| h.stage == Stage::Drop).map(|h| h.decision.to_string()).collect();
    assert!(world.hops.iter().any(|h| h.decision == why), "{why} is not among {ends:?}");
    world.check_conservation();
}

#[test]
fn each_wrong_entry_ends_a_packet_in_its_own_way() {
    // No entry of the forwarding database.
    let forget = |w: &mut World| w.fabric.set_tunnel(w.nodes[0], w.flannel[0], VTEPS[1], None).expect("there");
    check(forget, DropReason::NoTunnelEnd(VTEPS[1]));
    // An entry that leads to the wrong host: it has no tunnel.
    let astray = |w: &mut World| {
        w.fabric.remove_device(w.nodes[1], w.flannel[1]).expect("there");
    };
    check(astray, DropReason::NoSocket(SocketAddrV4::new(NODE_IPS[1], 8472)));
    // An old hardware address of the other end.
    let old = Mac([2, 0, 0, 0, 0, 9]);
    let stale = |w: &mut World| {
        w.fabric.set_neighbour(w.nodes[0], w.flannel[0], POD_NETS[1], Some(old)).expect("there");
        w.fabric.set_tunnel(w.nodes[0], w.flannel[0], old, Some(NODE_IPS[1])).expect("there");
    };
    check(stale, DropReason::NotForUs(old));
    // No neighbour: the question would be a broadcast, which leads nowhere.
    let silent = |w: &mut World| w.fabric.set_neighbour(w.nodes[0], w.flannel[0], POD_NETS[1], None).expect("there");
    check(silent, DropReason::NoTunnelEnd(Mac::BROADCAST));
}

#[test]
fn a_big_answer_survives_a_lossy_link() {
    let mut world = World::vxlan();
    world.answer = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    world.serve(world.pods[2], 80);
    let eth0 = world.fabric.ns(world.nodes[1]).expect("there").device_named("eth0").expect("there").id;
    let fault = LinkFault { loss: 100_000, ..LinkFault::default() };
    world.fabric.faults_mut().set_link(End { ns: world.nodes[1], dev: eth0 }, fault);
    let got = world.curl(world.pods[0], "10.244.2.2:80", Span::secs(120)).expect("an answer");
    assert!(got == world.answer);
    world.check_conservation();
}

#[test]
fn its_device_and_its_entries_are_shown_as_iproute2_does() {
    let world = World::vxlan();
    let node = world.fabric.ns(world.nodes[0]).expect("there");
    assert_eq!(
        show::ip_link(
            node,
            |device| device.id == world.flannel[0],
            show::LinkStyle { details: true, ..show::LinkStyle::default() }
        ),
        "6: flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN mode DEFAULT group default \n    \
         link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 68 maxmtu 65535 \n    \
         vxlan id 1 local 192.168.0.11 dev eth0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300 udpcsum \
         noudp6zerocsumtx noudp6zerocsumrx addrgenmode eui64 numtxqueues 1 numrxqueues 1 gso_max_size 65536 \
         gso_max_segs 65535 \n"
    );
    assert_eq!(show::ip_neigh(node, None, world.now), "10.244.2.0 dev flannel.1 lladdr 02:00:00:00:00:02 PERMANENT \n");
    let fdb = show::bridge_fdb(node, None, Some(world.flannel[0]), world.now);
    assert_eq!(fdb, "02:00:00:00:00:02 dev flannel.1 dst 192.168.0.12 self permanent\n");
    assert!(show::ip_route(node, |_| true).contains("10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink \n"));
}
