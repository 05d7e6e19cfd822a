//! The files of `/proc/net`. Models net/core/net-procfs.c, net/ipv4/arp.c, fib_trie.c, tcp_ipv4.c and udp.c.
//!
//! Differs: the number of a socket's inode is that of the socket here, and its address is never shown, as to who is not root.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::net::addr::{Mac, SocketId};
use crate::net::host::Netns;
use crate::net::neigh::NeighbourState;
use crate::net::route::RouteKind;
use crate::net::socket::SocketKind;
use crate::sim::Time;

/// What is in a file of `/proc/net`; `None` if it is not there.
pub fn proc_net(ns: &Netns, file: &str, now: Time) -> Option<String> {
    Some(match file {
        "dev" => dev(ns),
        "arp" => arp(ns, now),
        "route" => route(ns),
        "tcp" => sockets(ns, true),
        "udp" => sockets(ns, false),
        // There is no IPv6.
        "tcp6" => TCP6.into(),
        "udp6" => UDP6.into(),
        _ => return None,
    })
}

const TCP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const UDP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";

fn dev(ns: &Netns) -> String {
    let mut text = String::from(
        "Inter-|   Receive                                                |  Transmit\n \
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n",
    );
    for device in ns.devices() {
        let (name, stats) = (&device.name, &device.stats);
        _ = writeln!(
            text,
            "{name:>6}: {:>7} {:>7}    0    0    0     0          0         0 {:>8} {:>7}    0 {:>4}    0     0       0          0",
            stats.rx_bytes, stats.rx_packets, stats.tx_bytes, stats.tx_packets, stats.dropped
        );
    }
    text
}

fn arp(ns: &Netns, now: Time) -> String {
    let mut text = String::from("IP address       HW type     Flags       HW address            Mask     Device\n");
    for (dev, ip, neighbour) in ns.neighbours() {
        let flags = match (neighbour.mac(), neighbour.state(now)) {
            (None, _) => 0,
            (_, NeighbourState::Permanent) => 6,
            _ => 2,
        };
        let (ip, mac) = (ip.to_string(), neighbour.mac().unwrap_or(Mac::ZERO).to_string());
        _ = writeln!(text, "{ip:<16} 0x{:<10x}0x{flags:<10x}{mac:<17}     *        {}", 1, ns.dev_name(dev));
    }
    text
}

/// An address as the kernel prints the number that it keeps: the first byte is the last.
fn hex(ip: Ipv4Addr) -> String {
    format!("{:08X}", u32::from(ip).swap_bytes())
}

fn route(ns: &Netns) -> String {
    let heads = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
    let mut text = format!("{heads:<127}\n");
    for route in ns.routes().iter() {
        let reject = matches!(route.kind, RouteKind::Blackhole | RouteKind::Unreachable);
        let host = route.dst.prefix_len() == 32;
        let flags = 1 | u16::from(route.via.is_some()) << 1 | u16::from(host) << 2 | u16::from(reject) << 9;
        let name = if reject { "*" } else { &*route.dev_name };
        let (dst, via) = (hex(route.dst.network()), hex(route.via.unwrap_or(Ipv4Addr::UNSPECIFIED)));
        let (mask, metric) = (hex(route.dst.netmask()), route.metric);
        let line = format!("{name}\t{dst}\t{via}\t{flags:04X}\t0\t0\t{metric}\t{mask}\t0\t0\t0");
        _ = writeln!(text, "{line:<127}");
    }
    text
}

fn sockets(ns: &Netns, tcp: bool) -> String {
    let none = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
    let rows = ns.sockets().iter().filter_map(|(id, socket)| match (&socket.kind, tcp) {
        (SocketKind::Listener { at }, true) => Some((id, *at, none, 10)),
        (SocketKind::Tcp { local, peer, tcb, .. }, true) => Some((id, *local, *peer, state(tcb.state().word()))),
        (SocketKind::Udp { at, .. }, false) => Some((id, *at, none, 7)),
        _ => None,
    });
    let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
    match tcp {
        true => lines(format!("{head:<149}\n"), rows, 149, "1 0000000000000000 100 0 0 10 0"),
        false => lines(
            format!("{:<127}\n", format!("{} ref pointer drops", head.replacen("  sl", "   sl", 1))),
            rows,
            127,
            "2 0000000000000000 0",
        ),
    }
}

fn lines(
    mut text: String,
    rows: impl Iterator<Item = (SocketId, SocketAddrV4, SocketAddrV4, u8)>,
    width: usize,
    rest: &str,
) -> String {
    for (at, (id, here, there, state)) in rows.enumerate() {
        let end = |end: SocketAddrV4| format!("{}:{:04X}", hex(*end.ip()), end.port());
        let (number, here, there, inode) = (format!("{at:>4}"), end(here), end(there), id.0);
        let line = format!(
            "{number}: {here} {there} {state:02X} 00000000:00000000 00:00000000 00000000     0        0 {inode} {rest}"
        );
        _ = writeln!(text, "{line:<width$}");
    }
    text
}

fn state(word: &str) -> u8 {
    let words = [
        "ESTAB",
        "SYN-SENT",
        "SYN-RECV",
        "FIN-WAIT-1",
        "FIN-WAIT-2",
        "TIME-WAIT",
        "UNCONN",
        "CLOSE-WAIT",
        "LAST-ACK",
        "LISTEN",
        "CLOSING",
    ];
    words.iter().zip(1..).find(|(known, _)| **known == word).map_or(7, |(_, number)| number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::fabric::world::World;

    #[test]
    fn the_kernel_prints_addresses_from_their_last_byte() {
        let mut world = World::new();
        world.serve(world.pods[0], 80);
        let pod = world.fabric.ns(world.pods[0]).expect("there");
        let routes = proc_net(pod, "route", world.now).expect("it is there");
        let line = "eth0\t00000000\t0101F40A\t0003\t0\t0\t0\t00000000\t0\t0\t0";
        assert_eq!(routes.lines().nth(1).map(str::trim_end), Some(line));
        let tcp = proc_net(pod, "tcp", world.now).expect("it is there");
        let row = tcp.lines().nth(1).expect("somebody listens");
        assert!(row.starts_with("   0: 00000000:0050 00000000:0000 0A 00000000:00000000 "), "{row}");
        assert!(tcp.lines().all(|line| line.len() == 149), "{tcp}");
        assert_eq!(proc_net(pod, "nothing", world.now), None);
    }

    #[test]
    fn counters_and_neighbours_stand_in_columns() {
        let world = World::new();
        let pod = world.fabric.ns(world.pods[0]).expect("there");
        let dev = proc_net(pod, "dev", world.now).expect("it is there");
        let lo = "    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0";
        assert_eq!(dev.lines().nth(2), Some(lo));
        let arp = proc_net(pod, "arp", world.now).expect("it is there");
        assert_eq!(
            arp.lines().next(),
            Some("IP address       HW type     Flags       HW address            Mask     Device")
        );
    }
}
