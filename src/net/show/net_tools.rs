//! The text of `ifconfig`, `route`, `netstat` and `arp`, as net-tools 2.10 prints it on nodes and busybox 1.36 in containers.
//!
//! Models net-tools' lib/interface.c, lib/inet_gr.c, netstat.c and busybox's networking/interface.c, route.c, netstat.c, arp.c.
//! Differs: addresses and ports are not looked up by name, with or without `-n`; there is no IPv6.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::net::device::{Device, DeviceKind};
use crate::net::host::Netns;
use crate::net::neigh::NeighbourState;
use crate::net::route::{Route, RouteKind};
use crate::net::show::link::has_carrier;
use crate::net::socket::{Socket, SocketKind};
use crate::sim::Time;

/// Whose format it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// net-tools.
    NetTools,
    /// busybox.
    Busybox,
}

/// What a device without a hardware address shows instead.
const NO_ADDRESS: &str = "00-00-00-00-00-00-00-00-00-00-00-00-00-00-00-00";

/// `ifconfig [-a] [DEV]`; `None` if there is no such device. Without `-a` and a name, those that are up, by name.
pub fn ifconfig(ns: &Netns, only: Option<&str>, all: bool, maker: Maker) -> Option<String> {
    let shown = |device: &&Device| only.map_or(all || device.up, |name| *device.name == *name);
    let mut devices: Vec<&Device> = ns.devices().filter(shown).collect();
    if only.is_some() && devices.is_empty() {
        return None;
    }
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    let text = |device: &&Device| match maker {
        Maker::NetTools => interface(ns, device),
        Maker::Busybox => busybox_interface(ns, device),
    };
    Some(devices.iter().map(text).collect())
}

/// The flags of a device with their values, in the order in which both print them, and their letters in `netstat -i`.
fn flags(ns: &Netns, device: &Device) -> Vec<(&'static str, u32, char)> {
    let kind = &device.kind;
    let (tun, dummy) = (matches!(kind, DeviceKind::Tun(_)), matches!(kind, DeviceKind::Dummy));
    let loopback = matches!(kind, DeviceKind::Loopback);
    let all = [
        (device.up, ("UP", 1, 'U')),
        (!tun && !loopback, ("BROADCAST", 2, 'B')),
        (loopback, ("LOOPBACK", 8, 'L')),
        (tun, ("POINTOPOINT", 16, 'P')),
        (device.up && has_carrier(ns, device), ("RUNNING", 64, 'R')),
        (tun || dummy, ("NOARP", 128, 'O')),
        (!loopback && !dummy, ("MULTICAST", 4096, 'M')),
    ];
    all.into_iter().filter_map(|(on, flag)| on.then_some(flag)).collect()
}

fn queue(device: &Device) -> u32 {
    match device.kind {
        DeviceKind::Tun(_) => 500,
        DeviceKind::Ether(_) | DeviceKind::Loopback | DeviceKind::Dummy => 1000,
        DeviceKind::Veth(_) | DeviceKind::Bridge(_) | DeviceKind::Vxlan(_) => 0,
    }
}

/// Bytes with the largest unit of which there is one: `1.5 KiB`.
fn scaled(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let step = (0..units.len() - 1).take_while(|step| bytes >> (10 * (step + 1)) > 0).count();
    let tenths = if step == 0 { bytes * 10 } else { (bytes >> (10 * (step - 1))) * 10 / 1024 };
    format!("{}.{} {}", tenths / 10, tenths % 10, units[step])
}

fn interface(ns: &Netns, device: &Device) -> String {
    let (flags, stats) = (flags(ns, device), &device.stats);
    let (words, sum) =
        (flags.iter().map(|f| f.0).collect::<Vec<_>>().join(","), flags.iter().map(|f| f.1).sum::<u32>());
    let mut text = format!("{}: flags={sum}<{words}>  mtu {}\n", device.name, device.mtu);
    if let Some(addr) = device.addrs.first() {
        let (ip, mask) = (addr.addr(), addr.netmask());
        let other = match device.kind {
            DeviceKind::Tun(_) => format!("  destination {ip}"),
            DeviceKind::Loopback => String::new(),
            _ if addr.prefix_len() == 32 => "  broadcast 0.0.0.0".into(),
            _ => format!("  broadcast {}", addr.broadcast()),
        };
        _ = writeln!(text, "        inet {ip}  netmask {mask}{other}");
    }
    let queue = queue(device);
    _ = match device.kind {
        DeviceKind::Loopback => writeln!(text, "        loop  txqueuelen {queue}  (Local Loopback)"),
        DeviceKind::Tun(_) => writeln!(text, "        unspec {NO_ADDRESS}  txqueuelen {queue}  (UNSPEC)"),
        _ => writeln!(text, "        ether {}  txqueuelen {queue}  (Ethernet)", device.mac),
    };
    let (rx, tx) = (stats.rx_bytes, stats.tx_bytes);
    _ = write!(
        text,
        "        RX packets {}  bytes {rx} ({})\n        RX errors 0  dropped 0  overruns 0  frame 0\n        \
         TX packets {}  bytes {tx} ({})\n        TX errors 0  dropped {} overruns 0  carrier 0  collisions 0\n\n",
        stats.rx_packets,
        scaled(rx),
        stats.tx_packets,
        scaled(tx),
        stats.dropped
    );
    text
}

fn busybox_interface(ns: &Netns, device: &Device) -> String {
    let (flags, stats) = (flags(ns, device), &device.stats);
    let kind = match device.kind {
        DeviceKind::Loopback => "Local Loopback  ".to_owned(),
        DeviceKind::Tun(_) => format!("UNSPEC  HWaddr {NO_ADDRESS}  "),
        _ => format!("Ethernet  HWaddr {}  ", device.mac.to_string().to_uppercase()),
    };
    let mut text = format!("{:<9} Link encap:{kind}\n", device.name);
    if let Some(addr) = device.addrs.first() {
        let (ip, mask) = (addr.addr(), addr.netmask());
        let other = match device.kind {
            DeviceKind::Tun(_) => format!(" P-t-P:{ip} "),
            DeviceKind::Loopback => String::new(),
            _ if addr.prefix_len() == 32 => " Bcast:0.0.0.0 ".into(),
            _ => format!(" Bcast:{} ", addr.broadcast()),
        };
        _ = writeln!(text, "          inet addr:{ip} {other} Mask:{mask}");
    }
    let words: String = flags.iter().map(|f| format!("{} ", f.0)).collect();
    let (rx, tx) = (stats.rx_bytes, stats.tx_bytes);
    _ = write!(
        text,
        "          {words} MTU:{}  Metric:1\n          RX packets:{} errors:0 dropped:0 overruns:0 frame:0\n          \
         TX packets:{} errors:0 dropped:{} overruns:0 carrier:0\n          collisions:0 txqueuelen:{} \n          \
         RX bytes:{rx} ({})  TX bytes:{tx} ({})\n\n",
        device.mtu,
        stats.rx_packets,
        stats.tx_packets,
        stats.dropped,
        queue(device),
        scaled(rx),
        scaled(tx)
    );
    text
}

/// `netstat -i`, as net-tools prints it.
pub fn netstat_interfaces(ns: &Netns) -> String {
    let mut devices: Vec<&Device> = ns.devices().filter(|device| device.up).collect();
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    let mut text = "Kernel Interface table\nIface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n".to_owned();
    for device in devices {
        let mut letters: Vec<char> = flags(ns, device).iter().map(|f| f.2).collect();
        // Its own order: broadcast, loopback, multicast, no ARP, point to point, running, up.
        letters.sort_by_key(|letter| "BLMOPRU".find(*letter));
        let (stats, flags) = (&device.stats, letters.into_iter().collect::<String>());
        _ = writeln!(
            text,
            "{:<15} {:>5} {:>8} {:>6} {:>6} {:<6} {:>8} {:>6} {:>6} {:>6} {flags}",
            device.name, device.mtu, stats.rx_packets, 0, 0, 0, stats.tx_packets, 0, stats.dropped, 0
        );
    }
    text
}

/// `route [-n]`, or `netstat -r`, which shows sizes instead of metrics.
pub fn route(ns: &Netns, numeric: bool, netstat: bool, maker: Maker) -> String {
    let mut text = String::from("Kernel IP routing table\nDestination     Gateway         Genmask         ");
    text += if netstat { "Flags   MSS Window  irtt Iface\n" } else { "Flags Metric Ref    Use Iface\n" };
    for route in ns.routes().iter() {
        let any = |ip: Ipv4Addr, word: &str| match ip.is_unspecified() && !numeric {
            true => word.to_owned(),
            false => ip.to_string(),
        };
        let reject = matches!(route.kind, RouteKind::Blackhole | RouteKind::Unreachable);
        let dst = any(route.dst.network(), "default");
        let via = match (reject, maker) {
            (true, Maker::NetTools) => "-".to_owned(),
            (_, Maker::NetTools) => route.via.unwrap_or(Ipv4Addr::UNSPECIFIED).to_string(),
            (_, Maker::Busybox) => any(route.via.unwrap_or(Ipv4Addr::UNSPECIFIED), "*"),
        };
        _ = write!(text, "{dst:<15} {via:<15} {:<15} ", route.dst.netmask().to_string());
        let (flags, name) = (route_letters(route), if reject { "-" } else { &*route.dev_name });
        _ = match netstat {
            true => writeln!(text, "{flags:<7} {:>5} {:<5} {:>6} {name}", 0, 0, 0),
            false => writeln!(text, "{flags:<5} {:<6} {:<2} {:>7} {name}", route.metric, 0, 0),
        };
    }
    text
}

fn route_letters(route: &Route) -> String {
    let reject = matches!(route.kind, RouteKind::Blackhole | RouteKind::Unreachable);
    let mut letters = String::from(if reject { "!" } else { "U" });
    letters += if route.via.is_some() { "G" } else { "" };
    letters += if route.dst.prefix_len() == 32 { "H" } else { "" };
    letters
}

/// What `netstat` is asked to show.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connections {
    /// `-t`.
    pub tcp: bool,
    /// `-u`.
    pub udp: bool,
    /// `-x`.
    pub unix: bool,
    /// `-l`.
    pub listening: bool,
    /// `-a`.
    pub all: bool,
    /// `-p`.
    pub programs: bool,
}

/// `netstat [-atulpn]`; `program` names the process of a socket (`1/nginx`), as far as it is known.
pub fn netstat(ns: &Netns, wanted: Connections, maker: Maker, program: impl Fn(&Socket) -> Option<String>) -> String {
    let Connections { tcp, udp, unix, listening, all, programs } = wanted;
    let any = !tcp && !udp && !unix;
    let which = match (all, listening) {
        (true, _) => "(servers and established)",
        (_, true) => "(only servers)",
        _ => "(w/o servers)",
    };
    let mut text = String::new();
    if any || tcp || udp {
        let gap = if maker == Maker::Busybox { "       " } else { "      " };
        let title = match (programs, maker) {
            (false, _) => "",
            (true, Maker::NetTools) => " PID/Program name    ",
            (true, Maker::Busybox) => "PID/Program name    ",
        };
        _ = writeln!(text, "Active Internet connections {which}");
        _ = writeln!(text, "Proto Recv-Q Send-Q Local Address           Foreign Address         State{gap}{title}");
        for proto in ["tcp", "udp"].into_iter().filter(|proto| any || if *proto == "tcp" { tcp } else { udp }) {
            let rows = ns.sockets().iter().filter_map(|(_, socket)| Some((socket, row(socket)?)));
            for (socket, (_, here, there, state, listens)) in rows.filter(|(_, row)| row.0 == proto) {
                if !all && listens != listening {
                    continue;
                }
                let name = if programs { program(socket).unwrap_or_else(|| "-".into()) } else { String::new() };
                text += &connection(proto, &here, &there, state, &name, programs, maker);
            }
        }
    }
    if any || unix {
        let heads = if maker == Maker::Busybox { "I-Node Path" } else { "I-Node   Path" };
        _ = writeln!(text, "Active UNIX domain sockets {which}");
        _ = writeln!(text, "Proto RefCnt Flags       Type       State         {heads}");
    }
    text
}

/// Protocol, own end, the other end, state, and whether it waits for others.
type Row = (&'static str, String, String, &'static str, bool);

fn row(socket: &Socket) -> Option<Row> {
    let at = SocketAddrV4::to_string;
    Some(match &socket.kind {
        SocketKind::Listener { at: here } => ("tcp", at(here), "0.0.0.0:*".into(), "LISTEN", true),
        SocketKind::Udp { at: here, .. } => ("udp", at(here), "0.0.0.0:*".into(), "", true),
        SocketKind::Tcp { local, peer, tcb, .. } => ("tcp", at(local), at(peer), state(tcb.state().word()), false),
        SocketKind::Ping { .. } | SocketKind::Packet { .. } => return None,
    })
}

/// The state's word, which `ss` spells differently.
fn state(word: &str) -> &'static str {
    match word {
        "SYN-SENT" => "SYN_SENT",
        "SYN-RECV" => "SYN_RECV",
        "ESTAB" => "ESTABLISHED",
        "FIN-WAIT-1" => "FIN_WAIT1",
        "FIN-WAIT-2" => "FIN_WAIT2",
        "CLOSING" => "CLOSING",
        "TIME-WAIT" => "TIME_WAIT",
        "CLOSE-WAIT" => "CLOSE_WAIT",
        "LAST-ACK" => "LAST_ACK",
        _ => "CLOSE",
    }
}

fn connection(proto: &str, here: &str, there: &str, state: &str, name: &str, programs: bool, maker: Maker) -> String {
    let ends = format!("{proto:<4}  {:>6} {:>6} {here:<23} {there:<23} ", 0, 0);
    match (maker, programs) {
        (Maker::NetTools, false) => format!("{ends}{state:<11}\n"),
        (Maker::NetTools, true) => format!("{ends}{state:<11} {name:<20}\n"),
        (Maker::Busybox, _) => format!("{ends}{state:<12}{name:.20}\n"),
    }
}

/// busybox's `arp`, with and without `-a` and `-n`.
pub fn busybox_arp(ns: &Netns, now: Time) -> String {
    let mut text = String::new();
    for (dev, ip, neighbour) in ns.neighbours() {
        let at = match neighbour.mac() {
            Some(mac) => format!("{mac} [ether] "),
            None => "<incomplete> ".into(),
        };
        let permanent = if neighbour.state(now) == NeighbourState::Permanent { "PERM " } else { "" };
        _ = writeln!(text, "? ({ip}) at {at}{permanent} on {}", ns.dev_name(dev));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::fabric::world::World;

    fn in_pod(check: impl Fn(&Netns)) {
        let mut world = World::new();
        world.serve(world.pods[0], 80);
        check(world.fabric.ns(world.pods[0]).expect("there"));
    }

    #[test]
    fn bytes_have_one_digit_behind_the_point() {
        for (bytes, text) in [(0, "0.0 B"), (1023, "1023.0 B"), (1536, "1.5 KiB"), (1_593_844, "1.5 MiB")] {
            assert_eq!(scaled(bytes), text);
        }
    }

    #[test]
    fn the_two_makers_show_a_device_in_their_own_ways() {
        in_pod(|pod| {
            let lines = [
                "eth0      Link encap:Ethernet  HWaddr 02:42:0A:F4:01:02  ",
                "          inet addr:10.244.1.2  Bcast:10.244.1.255  Mask:255.255.255.0",
                "          UP BROADCAST RUNNING MULTICAST  MTU:1472  Metric:1",
                "          RX packets:0 errors:0 dropped:0 overruns:0 frame:0",
                "          TX packets:0 errors:0 dropped:0 overruns:0 carrier:0",
                "          collisions:0 txqueuelen:0 ",
                "          RX bytes:0 (0.0 B)  TX bytes:0 (0.0 B)",
                "\n",
            ];
            assert_eq!(ifconfig(pod, Some("eth0"), false, Maker::Busybox), Some(lines.join("\n")));
            let lines = [
                "eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1472",
                "        inet 10.244.1.2  netmask 255.255.255.0  broadcast 10.244.1.255",
                "        ether 02:42:0a:f4:01:02  txqueuelen 0  (Ethernet)",
            ];
            let shown = ifconfig(pod, Some("eth0"), false, Maker::NetTools).expect("it is there");
            assert!(shown.starts_with(&lines.join("\n")), "{shown}");
            assert_eq!(ifconfig(pod, Some("eth1"), false, Maker::Busybox), None);
        });
    }

    #[test]
    fn routes_and_listeners_stand_in_columns() {
        in_pod(|pod| {
            let table = "Kernel IP routing table\n\
                         Destination     Gateway         Genmask         Flags Metric Ref    Use Iface\n\
                         default         10.244.1.1      0.0.0.0         UG    0      0        0 eth0\n\
                         10.244.1.0      *               255.255.255.0   U     0      0        0 eth0\n";
            assert_eq!(route(pod, false, false, Maker::Busybox), table);
            let wanted = Connections { tcp: true, listening: true, programs: true, ..Connections::default() };
            let shown = netstat(pod, wanted, Maker::Busybox, |_| Some("1/nginx".into()));
            let last = "tcp        0      0 0.0.0.0:80              0.0.0.0:*               LISTEN      1/nginx";
            assert_eq!(shown.lines().last(), Some(last));
            let shown = netstat(pod, wanted, Maker::NetTools, |_| None);
            assert_eq!(shown.lines().last(), Some(&*format!("{} -                   ", &last[..last.len() - 8])));
        });
    }
}
