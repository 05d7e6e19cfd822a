//! The text of `ip`, `bridge` and `conntrack`, as iproute2 6.1 and conntrack-tools 1.4 print it.
//!
//! Models ip/iproute.c, ip/ipneigh.c, bridge/fdb.c. Differs: no IPv6 addresses, so no `inet6` lines. The
//! text of `iptables-save` is [`crate::net::filter::Filter::save`].

use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::net::addr::DevId;
use crate::net::conntrack::{Connection, Tuple};
use crate::net::device::DeviceKind;
use crate::net::host::Netns;
use crate::net::packet::{ICMP, TCP, UDP};
use crate::net::route::{Route, RouteKind};
use crate::sim::Time;

mod capture;
mod choice;
mod ipvs;
mod link;
mod net_tools;
mod proc;
mod socket;

pub use capture::capture_devices;
pub use choice::Choice;
pub use ipvs::{ipvs_connections, ipvs_servers, ipvs_stats};
pub use link::{LinkStyle, brctl, bridge_link, bridge_vlan, ip_addr, ip_link};
pub use net_tools::{Connections, Maker, busybox_arp, ifconfig, netstat, netstat_interfaces, route};
pub use proc::proc_net;
pub use socket::{Wanted, arp, arp_bsd, ipset, ss, ss_summary};

/// `ip route`: the wanted routes of the main table.
pub fn ip_route(ns: &Netns, wanted: impl Fn(&Route) -> bool) -> String {
    ns.routes().iter().filter(|route| wanted(route)).map(|route| format!("{route} \n")).collect()
}

/// `ip route show table local`.
pub fn ip_route_local(ns: &Netns, wanted: impl Fn(&Route) -> bool) -> String {
    ns.local_routes().iter().filter(|route| wanted(route)).map(|route| format!("{route} \n")).collect()
}

/// `ip route get TO [from FROM]`; `Err` is what goes to standard error (exit code 2).
pub fn ip_route_get(ns: &Netns, to: Ipv4Addr, from: Option<Ipv4Addr>) -> Result<String, String> {
    let unreachable = || "RTNETLINK answers: Network is unreachable\n".to_owned();
    let (at, route) = (to, ns.route_to(to).ok_or_else(unreachable)?);
    let src = ns.source_for(to, route).filter(|_| from.is_none());
    let src = src.map_or_else(String::new, |src| format!(" src {src}"));
    let to = from.map_or_else(|| to.to_string(), |from| format!("{to} from {from}"));
    let via = route.via.map_or_else(String::new, |via| format!(" via {via}"));
    match route.kind {
        RouteKind::Unicast => {
            let mtu = ns.path_mtu.get(&at).map_or_else(String::new, |mtu| format!("mtu {mtu} "));
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

/// `ip neigh` (with `dev`, `ip neigh show dev DEV`, whose lines do not name the device).
pub fn ip_neigh(ns: &Netns, dev: Option<DevId>, now: Time) -> String {
    let mut text = String::new();
    for (at, ip, neighbour) in ns.neighbours().filter(|(at, ..)| dev.is_none_or(|dev| dev == *at)) {
        let mac = neighbour.mac().map_or_else(String::new, |mac| format!("lladdr {mac} "));
        let name = if dev.is_none() { format!("dev {} ", ns.dev_name(at)) } else { String::new() };
        let _ = writeln!(text, "{ip} {name}{mac}{} ", neighbour.state(now).word());
    }
    text
}

/// `bridge fdb show [br BRIDGE] [dev DEV]`: what bridges know, and what VXLAN devices know themselves.
pub fn bridge_fdb(ns: &Netns, bridge: Option<DevId>, dev: Option<DevId>, now: Time) -> String {
    let mut text = String::new();
    for device in ns.devices().filter(|d| dev.is_none_or(|dev| dev == d.id)) {
        if let (DeviceKind::Vxlan(tunnel), None) = (&device.kind, bridge) {
            for (mac, remote) in tunnel.iter() {
                let _ = writeln!(text, "{mac} dev {} dst {remote} self permanent", device.name);
            }
        }
        let Some(master) = device.master.filter(|m| bridge.is_none_or(|b| b == *m)).and_then(|m| ns.device(m)) else {
            continue;
        };
        for (mac, entry) in master.fdb().into_iter().flat_map(|fdb| fdb.iter(now)).filter(|(_, e)| e.port == device.id)
        {
            let permanent = if entry.heard.is_none() { "permanent" } else { "" };
            let _ = writeln!(text, "{mac} dev {} master {} {permanent}", device.name, master.name);
        }
        let _ = writeln!(text, "{} dev {} master {} permanent", device.mac, device.name, master.name);
    }
    text
}

/// `conntrack -L` of the wanted connections, a line each.
pub fn conntrack(ns: &Netns, now: Time, wanted: impl Fn(&Connection) -> bool) -> Vec<String> {
    ns.conntrack().iter(now).filter(|c| wanted(c)).map(|c| connection(c, now)).collect()
}

/// `conntrack -S`, of one processor.
pub fn conntrack_stats(ns: &Netns) -> String {
    let full = ns.conntrack().refused;
    format!(
        "cpu=0   \tfound=0 invalid=0 insert=0 insert_failed=0 drop={full} early_drop=0 error=0 search_restart=0 \
         clash_resolve=0 chaintoolong=0 \n"
    )
}

fn connection(c: &Connection, now: Time) -> String {
    let (name, left) = (proto_name(c.orig.proto), c.expires.since(now).as_secs());
    let phase = c.phase.word();
    let phase = if phase.is_empty() { String::new() } else { format!("{phase} ") };
    let unreplied = if c.replied { "" } else { "[UNREPLIED] " };
    let assured = if c.assured { "[ASSURED] " } else { "" };
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

/// The number of a protocol by its name or number.
pub fn proto_number(name: &str) -> Option<u8> {
    [ICMP, TCP, UDP].into_iter().find(|proto| proto_name(*proto) == name).or_else(|| name.parse().ok())
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
            "2: eth0@if4: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1472 qdisc noqueue state UP group default ",
            "    link/ether 02:42:0a:f4:01:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0",
            "    inet 10.244.1.2/24 brd 10.244.1.255 scope global eth0",
            "       valid_lft forever preferred_lft forever",
            "",
        ];
        assert_eq!(ip_addr(pod, |_| true, LinkStyle::default()), lines.join("\n"));
        assert_eq!(
            ip_route(pod, |_| true),
            "default via 10.244.1.1 dev eth0 \n10.244.1.0/24 dev eth0 proto kernel scope link src 10.244.1.2 \n"
        );
    }

    #[test]
    fn a_node_shows_routes_neighbours_and_its_bridge() {
        let world = world();
        let node = world.fabric.ns(world.nodes[0]).expect("there");
        assert_eq!(
            ip_route(node, |_| true),
            "10.244.0.0/16 dev flannel0 \n\
             10.244.1.0/24 dev docker0 proto kernel scope link src 10.244.1.1 \n\
             192.168.0.0/24 dev eth0 proto kernel scope link src 192.168.0.11 \n"
        );
        assert_eq!(
            ip_neigh(node, None, world.now),
            "192.168.0.12 dev eth0 lladdr 02:42:c0:a8:00:0c REACHABLE \n\
             10.244.1.2 dev docker0 lladdr 02:42:0a:f4:01:02 DELAY \n"
        );
        let link = ip_link(node, |device| device.id == world.flannel[0], LinkStyle::default());
        assert_eq!(
            link,
            "6: flannel0: <POINTOPOINT,MULTICAST,NOARP,UP,LOWER_UP> mtu 1472 qdisc fq_codel state UNKNOWN mode DEFAULT group default qlen 500\n    link/none \n"
        );
        assert!(bridge_fdb(node, None, None, world.now).contains("02:42:0a:f4:01:02 dev veth0 master docker0 \n"));
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
            let got = ip_route_get(node, to.parse().expect("an address"), None);
            assert_eq!(got.as_deref().map_err(String::as_str), answer);
        }
    }
}
