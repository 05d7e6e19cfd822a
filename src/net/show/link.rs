//! The text of `ip link` and `ip addr`.
//!
//! Models ip/ipaddress.c and the details of ip/iplink_vxlan.c and its like. Differs: of a bridge and its ports, `-d` shows
//! the values that mean something here.

use std::fmt::Write;

use crate::net::addr::{DevId, Mac, NsId};
use crate::net::bridge::AGEING;
use crate::net::device::{Device, DeviceKind};
use crate::net::host::Netns;
use crate::sim::VecMap;

/// `ip [-d] addr` (with `dev`, `ip addr show dev DEV`).
pub fn ip_addr(ns: &Netns, dev: Option<DevId>, details: bool) -> String {
    links(ns, dev, (true, details))
}

/// `ip [-d] link` (with `dev`, `ip link show dev DEV`).
pub fn ip_link(ns: &Netns, dev: Option<DevId>, details: bool) -> String {
    links(ns, dev, (false, details))
}

fn links(ns: &Netns, dev: Option<DevId>, (addresses, details): (bool, bool)) -> String {
    let mut text = String::new();
    let peers = netns_ids(ns);
    for device in ns.devices().filter(|d| dev.is_none_or(|dev| dev == d.id)) {
        link(ns, device, &peers, addresses, &mut text);
        if details {
            detail(ns, device, &mut text);
        }
        text.push('\n');
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
        DeviceKind::Dummy => ("BROADCAST,NOARP", "noqueue", " "),
        DeviceKind::Veth(_) | DeviceKind::Bridge(_) | DeviceKind::Vxlan(_) => ("BROADCAST,MULTICAST", "noqueue", " "),
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
        (DeviceKind::Loopback | DeviceKind::Tun(_) | DeviceKind::Vxlan(_) | DeviceKind::Dummy, true) => "UNKNOWN",
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
