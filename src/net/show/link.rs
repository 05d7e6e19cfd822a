//! The text of `ip link`, `ip addr`, `bridge link` and `bridge vlan`.
//!
//! Models ip/ipaddress.c, bridge/link.c, bridge/vlan.c and the details of ip/iplink_vxlan.c and its like; of busybox,
//! networking/libiproute/ipaddress.c. Differs: of a bridge and its ports, `-d` shows the values that mean something here.

use std::fmt::Write;

use crate::net::addr::{DevId, Mac, NsId};
use crate::net::bridge::AGEING;
use crate::net::device::{Device, DeviceKind, Stats};
use crate::net::host::Netns;
use crate::sim::VecMap;

/// How links are shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkStyle {
    /// `-d`.
    pub details: bool,
    /// `-s`.
    pub stats: bool,
    /// `-br`.
    pub brief: bool,
    /// `-o`.
    pub oneline: bool,
    /// As busybox does.
    pub busybox: bool,
}

/// `ip addr` of the wanted devices.
pub fn ip_addr(ns: &Netns, wanted: impl Fn(&Device) -> bool, style: LinkStyle) -> String {
    links(ns, wanted, true, style)
}

/// `ip link` of the wanted devices.
pub fn ip_link(ns: &Netns, wanted: impl Fn(&Device) -> bool, style: LinkStyle) -> String {
    links(ns, wanted, false, style)
}

fn links(ns: &Netns, wanted: impl Fn(&Device) -> bool, addresses: bool, style: LinkStyle) -> String {
    let peers = netns_ids(ns);
    let show = |device: &Device| match style {
        LinkStyle { brief: true, .. } => brief(ns, device, addresses),
        // On one line, an address stands for itself.
        LinkStyle { oneline: true, .. } if addresses => {
            let line = |line: String| format!("{}: {}{line}\n", device.id, device.name);
            addr_lines(device).map(|(first, second)| line(format!("{first}\\{second}"))).collect()
        }
        _ => {
            let mut text = String::new();
            link(ns, device, &peers, (addresses, style), &mut text);
            if style.details {
                detail(ns, device, &mut text);
            }
            text.push('\n');
            if style.stats && !addresses {
                stats(&device.stats, &mut text);
            }
            if addresses {
                addr_lines(device).for_each(|(first, second)| text += &format!("{first}\n{second}\n"));
                if style.stats {
                    stats(&device.stats, &mut text);
                }
            }
            if style.oneline { text.trim_end_matches('\n').replace('\n', "\\") + "\n" } else { text }
        }
    };
    ns.devices().filter(|device| wanted(device)).map(show).collect()
}

/// `-br`: name, state and what the name stands for.
fn brief(ns: &Netns, device: &Device, addresses: bool) -> String {
    let (flags, state) = (flags(ns, device, ""), state(ns, device));
    let rest = match addresses {
        true => device.addrs.iter().map(|addr| format!("{addr} ")).collect(),
        false if matches!(device.kind, DeviceKind::Tun(_)) => format!("<{flags}> "),
        false => format!("{} <{flags}> ", device.mac),
    };
    format!("{:<16} {state:<14} {rest}\n", format!("{}{}", device.name, peer_of(device)))
}

fn peer_of(device: &Device) -> String {
    match device.kind {
        DeviceKind::Veth(peer) => format!("@if{}", peer.dev),
        _ => String::new(),
    }
}

/// What `-s` adds: bytes and packets.
fn stats(stats: &Stats, text: &mut String) {
    let Stats { rx_packets, rx_bytes, tx_packets, tx_bytes, dropped } = *stats;
    let heads = |way: &str, last: [&str; 2]| {
        format!(
            "    {way}: {:>6} {:>7} {:>6} {:>7} {:>7} {:>7} {:>10}\n",
            "bytes", "packets", "errors", "dropped", last[0], last[1], ""
        )
    };
    let row = |bytes: u64, packets: u64, dropped: u64| {
        format!("    {bytes:>10} {packets:>7} {:>6} {dropped:>7} {:>7} {:>7} \n", 0, 0, 0)
    };
    *text += &(heads("RX", ["missed", "mcast"]) + &row(rx_bytes, rx_packets, 0));
    *text += &(heads("TX", ["carrier", "collsns"]) + &row(tx_bytes, tx_packets, dropped));
}

/// `bridge link`: the ports of bridges.
pub fn bridge_link(ns: &Netns, only: Option<DevId>) -> String {
    let mut text = String::new();
    for device in ns.devices().filter(|device| only.is_none_or(|only| only == device.id)) {
        let Some(master) = device.master.and_then(|master| ns.device(master)) else { continue };
        let (flags, state) = (flags(ns, device, ""), if device.up { "forwarding" } else { "disabled" });
        _ = writeln!(
            text,
            "{}: {}{}: <{flags}> mtu {} master {} state {state} priority 32 cost 2 ",
            device.id,
            device.name,
            peer_of(device),
            device.mtu,
            master.name
        );
    }
    text
}

/// `bridge vlan`: every bridge and port is in VLAN 1, which nobody looks at.
pub fn bridge_vlan(ns: &Netns) -> String {
    let is_there = |device: &&Device| device.master.is_some() || matches!(device.kind, DeviceKind::Bridge(_));
    let rows = ns.devices().filter(is_there).map(|device| format!("{:<16}  1 PVID Egress Untagged\n", device.name));
    "port              vlan-id  \n".to_owned() + &rows.collect::<String>()
}

/// `brctl show`.
pub fn brctl(ns: &Netns) -> String {
    let mut text = String::from("bridge name\tbridge id\t\tSTP enabled\tinterfaces\n");
    for bridge in ns.devices().filter(|device| matches!(device.kind, DeviceKind::Bridge(_))) {
        let ports: Vec<&str> = ns.devices().filter(|d| d.master == Some(bridge.id)).map(|port| &*port.name).collect();
        let id = bridge.mac.to_string().replace(':', "");
        _ = writeln!(text, "{}\t\t8000.{id}\tno\t\t{}", bridge.name, ports.join("\n\t\t\t\t\t\t\t"));
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

/// What stands between the angle brackets; `more` is what busybox adds.
fn flags(ns: &Netns, device: &Device, more: &str) -> String {
    let flags = match device.kind {
        DeviceKind::Loopback => "LOOPBACK",
        DeviceKind::Tun(_) => "POINTOPOINT,MULTICAST,NOARP",
        DeviceKind::Dummy => "BROADCAST,NOARP",
        DeviceKind::Ether(_) | DeviceKind::Veth(_) | DeviceKind::Bridge(_) | DeviceKind::Vxlan(_) => {
            "BROADCAST,MULTICAST"
        }
    };
    match (device.up, has_carrier(ns, device)) {
        (true, true) => format!("{flags},UP,LOWER_UP{more}"),
        (true, false) => format!("NO-CARRIER,{flags},UP{more}"),
        (false, _) => format!("{flags}{more}"),
    }
}

fn state(ns: &Netns, device: &Device) -> &'static str {
    match (&device.kind, device.up && has_carrier(ns, device)) {
        (DeviceKind::Loopback | DeviceKind::Tun(_) | DeviceKind::Vxlan(_) | DeviceKind::Dummy, true) => "UNKNOWN",
        (_, true) => "UP",
        (_, false) => "DOWN",
    }
}

fn link(
    ns: &Netns,
    device: &Device,
    peers: &VecMap<NsId, usize>,
    (addresses, style): (bool, LinkStyle),
    text: &mut String,
) {
    let (qdisc, qlen) = match device.kind {
        DeviceKind::Loopback => ("noqueue", " qlen 1000"),
        DeviceKind::Tun(_) => ("fq_codel", " qlen 500"),
        DeviceKind::Ether(_) => ("fq_codel", " qlen 1000"),
        DeviceKind::Dummy => ("noqueue", " "),
        DeviceKind::Veth(_) | DeviceKind::Bridge(_) | DeviceKind::Vxlan(_) => ("noqueue", " "),
    };
    let (peer, state) = (peer_of(device), state(ns, device));
    // busybox looks for the other end in its own namespace.
    let more = if style.busybox && !peer.is_empty() { ",M-DOWN" } else { "" };
    let flags = flags(ns, device, more);
    let qdisc = if device.up { qdisc } else { "noop" };
    let master = device.master.and_then(|m| ns.device(m)).map_or_else(String::new, |m| format!(" master {}", m.name));
    let mode = match (style.busybox, addresses) {
        (true, _) => "",
        (false, true) => " group default",
        (false, false) => " mode DEFAULT group default",
    };
    let _ = writeln!(
        text,
        "{}: {}{peer}: <{flags}> mtu {} qdisc {qdisc}{master} state {state}{mode}{qlen}",
        device.id, device.name, device.mtu
    );
    let netns = match device.kind {
        DeviceKind::Veth(peer) if !style.busybox => format!(" link-netnsid {}", peers[&peer.ns]),
        _ => String::new(),
    };
    let _ = match device.kind {
        DeviceKind::Loopback => write!(text, "    link/loopback {} brd {}", Mac::ZERO, Mac::ZERO),
        DeviceKind::Tun(_) => write!(text, "    link/none "),
        _ => write!(text, "    link/ether {} brd {}{netns}", device.mac, Mac::BROADCAST),
    };
}

/// What `-d` adds to a link.
fn detail(ns: &Netns, device: &Device, text: &mut String) {
    let (least, most) = match device.kind {
        DeviceKind::Loopback => (0, 0),
        DeviceKind::Ether(_) => (68, 9_194),
        DeviceKind::Dummy => (0, 0),
        _ => (68, 65_535),
    };
    let promiscuity = u8::from(device.master.is_some());
    let _ = write!(text, " promiscuity {promiscuity} minmtu {least} maxmtu {most} ");
    let _ = match &device.kind {
        DeviceKind::Vxlan(tunnel) => write!(
            text,
            "\n    vxlan id {} local {} dev {} srcport 0 0 dstport {} nolearning ttl auto ageing 300 udpcsum noudp6zerocsumtx \
             noudp6zerocsumrx ",
            tunnel.vni,
            tunnel.local,
            ns.dev_name(tunnel.parent),
            tunnel.port
        ),
        DeviceKind::Tun(_) => write!(text, "\n    tun type tun pi off vnet_hdr off persist off "),
        DeviceKind::Veth(_) => write!(text, "\n    veth "),
        DeviceKind::Bridge(_) => write!(
            text,
            "\n    bridge forward_delay 1500 hello_time 200 max_age 2000 ageing_time {} stp_state 0 priority 32768 \
             vlan_filtering 0 vlan_protocol 802.1Q ",
            AGEING.as_secs() * 100
        ),
        DeviceKind::Dummy => write!(text, "\n    dummy "),
        DeviceKind::Loopback | DeviceKind::Ether(_) => Ok(()),
    };
    if device.master.is_some() {
        let hairpin = if device.hairpin { "on" } else { "off" };
        let _ = write!(
            text,
            "\n    bridge_slave state forwarding priority 32 cost 2 hairpin {hairpin} guard off root_block off fastleave off \
             learning on flood on "
        );
    }
    text.push_str("addrgenmode eui64 numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535 ");
}

pub(super) fn has_carrier(ns: &Netns, device: &Device) -> bool {
    match device.kind {
        DeviceKind::Bridge(_) => ns.devices().any(|d| d.master == Some(device.id) && d.up),
        _ => true,
    }
}

/// The two lines of each address.
fn addr_lines(device: &Device) -> impl Iterator<Item = (String, &'static str)> {
    device.addrs.iter().map(|addr| {
        let (brd, scope) = match (&device.kind, addr.prefix_len()) {
            (DeviceKind::Loopback, _) => (String::new(), "host"),
            (_, 31 | 32) => (String::new(), "global"),
            _ => (format!(" brd {}", addr.broadcast()), "global"),
        };
        let first = format!("    inet {addr}{brd} scope {scope} {}", device.name);
        (first, "       valid_lft forever preferred_lft forever")
    })
}
