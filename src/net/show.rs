//! The text of `ip`, `bridge` and `conntrack`, as iproute2 6.1 and conntrack-tools 1.4 print it.
//!
//! Models ip/ipaddress.c, ip/iproute.c, ip/ipneigh.c, bridge/fdb.c. Differs: no IPv6 addresses, so no `inet6` lines. The
//! text of `iptables-save` is [`crate::net::filter::Filter::save`].

use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::net::addr::{DevId, Mac, NsId};
use crate::net::conntrack::{Connection, Tuple};
use crate::net::device::{Device, DeviceKind};
use crate::net::host::Netns;
use crate::net::packet::{ICMP, TCP, UDP};
use crate::net::route::RouteKind;
use crate::sim::{Time, VecMap};

/// `ip addr` (with `dev`, `ip addr show dev DEV`).
pub fn ip_addr(ns: &Netns, dev: Option<DevId>) -> String {
    links(ns, dev, true)
}

/// `ip link` (with `dev`, `ip link show dev DEV`).
pub fn ip_link(ns: &Netns, dev: Option<DevId>) -> String {
    links(ns, dev, false)
}

fn links(ns: &Netns, dev: Option<DevId>, addresses: bool) -> String {
    let mut text = String::new();
    let peers = netns_ids(ns);
    for device in ns.devices().filter(|d| dev.is_none_or(|dev| dev == d.id)) {
        link(ns, device, &peers, addresses, &mut text);
        if addresses {
            addrs(device, &mut text);
        }
    }
    text
}

/// The numbers that a namespace gives to those at the other ends of its veth pairs, in order of first use.
fn netns_ids(ns: &Netns) -> VecMap<NsId, usize> {
    let mut ids = VecMap::new();
    for device in ns.devices() {
        if let DeviceKind::Veth(peer) = device.kind {
            let next = ids.len();
            ids.entry(peer.ns).or_insert(next);
        }
    }
    ids
}

fn link(ns: &Netns, device: &Device, peers: &VecMap<NsId, usize>, addresses: bool, text: &mut String) {
    let (flags, qdisc, qlen) = match device.kind {
        DeviceKind::Loopback => ("LOOPBACK", "noqueue", " qlen 1000"),
        DeviceKind::Tun(_) => ("POINTOPOINT,MULTICAST,NOARP", "fq_codel", " qlen 500"),
        DeviceKind::Ether(_) => ("BROADCAST,MULTICAST", "fq_codel", " qlen 1000"),
        DeviceKind::Veth(_) | DeviceKind::Bridge(_) => ("BROADCAST,MULTICAST", "noqueue", " "),
    };
    let peer = match device.kind {
        DeviceKind::Veth(peer) => format!("@if{}", peer.dev),
        _ => String::new(),
    };
    let carrier = has_carrier(ns, device);
    let flags = match (device.up, carrier) {
        (true, true) => format!("{flags},UP,LOWER_UP"),
        (true, false) => format!("NO-CARRIER,{flags},UP"),
        (false, _) => flags.to_owned(),
    };
    let state = match (&device.kind, device.up && carrier) {
        (DeviceKind::Loopback | DeviceKind::Tun(_), true) => "UNKNOWN",
        (_, true) => "UP",
        (_, false) => "DOWN",
    };
    let qdisc = if device.up { qdisc } else { "noop" };
    let master = device.master.and_then(|m| ns.device(m)).map_or_else(String::new, |m| format!(" master {}", m.name));
    let mode = if addresses { "" } else { " mode DEFAULT" };
    let _ = writeln!(
        text,
        "{}: {}{peer}: <{flags}> mtu {} qdisc {qdisc}{master} state {state}{mode} group default{qlen}",
        device.id, device.name, device.mtu
    );
    let netns = match device.kind {
        DeviceKind::Veth(peer) => format!(" link-netnsid {}", peers[&peer.ns]),
        _ => String::new(),
    };
    let _ = match device.kind {
        DeviceKind::Loopback => writeln!(text, "    link/loopback {} brd {}", Mac::ZERO, Mac::ZERO),
        DeviceKind::Tun(_) => writeln!(text, "    link/none "),
        _ => writeln!(text, "    link/ether {} brd {}{netns}", device.mac, Mac::BROADCAST),
    };
}

fn has_carrier(ns: &Netns, device: &Device) -> bool {
    match device.kind {
        DeviceKind::Bridge(_) => ns.devices().any(|d| d.master == Some(device.id) && d.up),
        _ => true,
    }
}

fn addrs(device: &Device, text: &mut String) {
    for addr in &device.addrs {
        let (brd, scope) = match (&device.kind, addr.prefix_len()) {
            (DeviceKind::Loopback, _) => (String::new(), "host"),
            (_, 31 | 32) => (String::new(), "global"),
            _ => (format!(" brd {}", addr.broadcast()), "global"),
        };
        let _ = writeln!(text, "    inet {addr}{brd} scope {scope} {}", device.name);
        text.push_str("       valid_lft forever preferred_lft forever\n");
    }
}

/// `ip route` (the main table).
pub fn ip_route(ns: &Netns) -> String {
    ns.routes().iter().map(|route| format!("{route} \n")).collect()
}

/// `ip route show table local`.
pub fn ip_route_local(ns: &Netns) -> String {
    ns.local_routes().iter().map(|route| format!("{route} \n")).collect()
}

/// `ip route get TO`; `Err` is what goes to standard error (exit code 2).
pub fn ip_route_get(ns: &Netns, to: Ipv4Addr) -> Result<String, String> {
    let unreachable = || "RTNETLINK answers: Network is unreachable\n".to_owned();
    let route = ns.route_to(to).ok_or_else(unreachable)?;
    let src = ns.source_for(to, route).map_or_else(String::new, |src| format!(" src {src}"));
    let via = route.via.map_or_else(String::new, |via| format!(" via {via}"));
    match route.kind {
        RouteKind::Unicast => {
            let mtu = ns.path_mtu.get(&to).map_or_else(String::new, |mtu| format!("mtu {mtu} "));
            Ok(format!("{to}{via} dev {}{src} uid 0 \n    cache {mtu}\n", route.dev_name))
        }
        RouteKind::Local => Ok(format!("local {to} dev lo{src} uid 0 \n    cache <local> \n")),
        RouteKind::Broadcast => {
            Ok(format!("broadcast {to} dev {}{src} uid 0 \n    cache <local,brd> \n", route.dev_name))
        }
        RouteKind::Blackhole => Err("RTNETLINK answers: Invalid argument\n".to_owned()),
        RouteKind::Unreachable => Err("RTNETLINK answers: No route to host\n".to_owned()),
    }
}

/// `ip neigh`.
pub fn ip_neigh(ns: &Netns, now: Time) -> String {
    let mut text = String::new();
    for (dev, ip, neighbour) in ns.neighbours() {
        let mac = neighbour.mac().map_or_else(String::new, |mac| format!("lladdr {mac} "));
        let _ = writeln!(text, "{ip} dev {} {mac}{} ", ns.dev_name(dev), neighbour.state(now).word());
    }
    text
}

/// `bridge fdb show` (with `bridge`, `bridge fdb show br BRIDGE`).
pub fn bridge_fdb(ns: &Netns, bridge: Option<DevId>, now: Time) -> String {
    let mut text = String::new();
    for device in ns.devices().filter(|d| bridge.is_none_or(|b| b == d.id)) {
        let Some(fdb) = device.fdb() else { continue };
        let name = &device.name;
        let own = ns.devices().filter(|d| d.master == Some(device.id));
        for port in own {
            for (mac, entry) in fdb.iter(now).filter(|(_, e)| e.port == port.id) {
                let permanent = if entry.heard.is_none() { "permanent" } else { "" };
                let _ = writeln!(text, "{mac} dev {} master {name} {permanent}", port.name);
            }
            let _ = writeln!(text, "{} dev {} master {name} permanent", port.mac, port.name);
        }
    }
    text
}

/// `conntrack -L`.
pub fn conntrack(ns: &Netns, now: Time) -> String {
    ns.conntrack().iter(now).map(|c| connection(c, now)).collect()
}

fn connection(c: &Connection, now: Time) -> String {
    let (name, left) = (proto_name(c.orig.proto), c.expires.since(now).as_secs());
    let phase = c.phase.word();
    let phase = if phase.is_empty() { String::new() } else { format!("{phase} ") };
    let unreplied = if c.replied { "" } else { "[UNREPLIED] " };
    let assured = if c.replied && c.orig.proto != ICMP { "[ASSURED] " } else { "" };
    let (there, back) = (tuple(&c.orig, 8), tuple(&c.reply, 0));
    format!("{name:<8} {} {left} {phase}{there} {unreplied}{back} {assured}mark=0 use=1\n", c.orig.proto)
}

fn proto_name(proto: u8) -> &'static str {
    match proto {
        ICMP => "icmp",
        TCP => "tcp",
        UDP => "udp",
        _ => "unknown",
    }
}

fn tuple(t: &Tuple, icmp_type: u8) -> String {
    let ((src, sport), (dst, dport)) = (t.src, t.dst);
    match t.proto {
        ICMP => format!("src={src} dst={dst} type={icmp_type} code=0 id={sport}"),
        _ => format!("src={src} dst={dst} sport={sport} dport={dport}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::fabric::world::World;
    use crate::sim::Span;

    fn world() -> World {
        let mut world = World::new();
        world.serve(world.pods[2], 80);
        world.curl(world.pods[0], "10.244.2.2:80", Span::secs(1)).expect("an answer");
        world
    }

    #[test]
    fn a_pod_shows_its_addresses_as_iproute2_does() {
        let world = world();
        let pod = world.fabric.ns(world.pods[0]).expect("there");
        let lines = [
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000",
            "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00",
            "    inet 127.0.0.1/8 scope host lo",
            "       valid_lft forever preferred_lft forever",
            "2: eth0@if5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1472 qdisc noqueue state UP group default ",
            "    link/ether 02:42:0a:f4:01:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0",
            "    inet 10.244.1.2/24 brd 10.244.1.255 scope global eth0",
            "       valid_lft forever preferred_lft forever",
            "",
        ];
        assert_eq!(ip_addr(pod, None), lines.join("\n"));
        assert_eq!(
            ip_route(pod),
            "default via 10.244.1.1 dev eth0 \n10.244.1.0/24 dev eth0 proto kernel scope link src 10.244.1.2 \n"
        );
    }

    #[test]
    fn a_node_shows_routes_neighbours_and_its_bridge() {
        let world = world();
        let node = world.fabric.ns(world.nodes[0]).expect("there");
        assert_eq!(
            ip_route(node),
            "10.244.0.0/16 dev flannel0 \n\
             10.244.1.0/24 dev docker0 proto kernel scope link src 10.244.1.1 \n\
             192.168.0.0/24 dev eth0 proto kernel scope link src 192.168.0.11 \n"
        );
        assert_eq!(
            ip_neigh(node, world.now),
            "192.168.0.12 dev eth0 lladdr 02:42:c0:a8:00:0c REACHABLE \n\
             10.244.1.2 dev docker0 lladdr 02:42:0a:f4:01:02 DELAY \n"
        );
        let link = ip_link(node, Some(world.flannel0[0]));
        assert_eq!(
            link,
            "4: flannel0: <POINTOPOINT,MULTICAST,NOARP,UP,LOWER_UP> mtu 1472 qdisc fq_codel state UNKNOWN mode DEFAULT group default qlen 500\n    link/none \n"
        );
        assert!(bridge_fdb(node, None, world.now).contains("02:42:0a:f4:01:02 dev veth0 master docker0 \n"));
    }

    #[test]
    fn a_route_is_asked_for() {
        let world = world();
        let node = world.fabric.ns(world.nodes[0]).expect("there");
        for (to, answer) in [
            ("10.244.2.2", Ok("10.244.2.2 dev flannel0 src 10.244.1.0 uid 0 \n    cache \n")),
            ("10.244.1.1", Ok("local 10.244.1.1 dev lo src 10.244.1.1 uid 0 \n    cache <local> \n")),
            ("8.8.8.8", Err("RTNETLINK answers: Network is unreachable\n")),
        ] {
            let got = ip_route_get(node, to.parse().expect("an address"));
            assert_eq!(got.as_deref().map_err(String::as_str), answer);
        }
    }
}
