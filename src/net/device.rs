//! Devices: loopback, Ethernet, veth, bridge, TUN, VXLAN, dummy.
//!
//! A bridge port is any device with a master. Differs from Linux: there are no queues and no carrier of their own; a device
//! is up or down, and a veth has a carrier while its peer is up.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::net::addr::{DevId, End, Mac, Owner, SegmentId};
use crate::net::bridge::Fdb;
use crate::net::vxlan::Vxlan;

/// A network device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    /// Its ifindex.
    pub id: DevId,
    /// Its name.
    pub name: Arc<str>,
    /// Its hardware address; zero for loopback and TUN.
    pub mac: Mac,
    /// The largest IP packet that it takes, in bytes.
    pub mtu: u32,
    /// Whether it was set up.
    pub up: bool,
    /// Its addresses with their prefix lengths; the first is the primary one.
    pub addrs: Vec<Ipv4Net>,
    /// What it is.
    pub kind: DeviceKind,
    /// The bridge that it is a port of.
    pub master: Option<DevId>,
    /// Whether, as a bridge port, it may get back what it sent.
    pub hairpin: bool,
    /// What passed through it.
    pub stats: Stats,
}

/// What a device is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// `lo`.
    Loopback,
    /// A network card on a segment.
    Ether(SegmentId),
    /// One end of a veth pair.
    Veth(End),
    /// A bridge.
    Bridge(Fdb),
    /// A TUN device; a program holds the other end.
    Tun(Owner),
    /// A VXLAN device; the kernel wraps and unwraps.
    Vxlan(Vxlan),
    /// A device that only holds addresses; what is sent by it is gone.
    Dummy,
}

/// What passed through a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stats {
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets that could not be sent or were not for us.
    pub dropped: u64,
}

impl Device {
    /// A device that is down and has no address.
    pub fn new(id: DevId, name: &str, mac: Mac, mtu: u32, kind: DeviceKind) -> Device {
        Device {
            id,
            name: name.into(),
            mac,
            mtu,
            up: false,
            addrs: Vec::new(),
            kind,
            master: None,
            hairpin: false,
            stats: Stats::default(),
        }
    }

    /// Whether `ip` is one of its own addresses.
    pub fn has(&self, ip: Ipv4Addr) -> bool {
        self.addrs.iter().any(|a| a.addr() == ip)
    }

    /// Its primary address.
    pub fn primary(&self) -> Option<Ipv4Addr> {
        self.addrs.first().map(Ipv4Net::addr)
    }

    /// The address to speak with towards `to`: one of the subnet of `to`, else the primary one.
    pub fn source_for(&self, to: Ipv4Addr) -> Option<Ipv4Addr> {
        self.addrs.iter().find(|a| a.contains(&to)).map(Ipv4Net::addr).or_else(|| self.primary())
    }

    /// Whether its neighbours are found by ARP.
    pub fn uses_arp(&self) -> bool {
        !matches!(self.kind, DeviceKind::Loopback | DeviceKind::Tun(_) | DeviceKind::Dummy)
    }

    /// The table of a bridge.
    pub fn fdb(&self) -> Option<&Fdb> {
        match &self.kind {
            DeviceKind::Bridge(fdb) => Some(fdb),
            _ => None,
        }
    }

    pub(crate) fn count_rx(&mut self, bytes: usize) {
        self.stats.rx_packets += 1;
        self.stats.rx_bytes += bytes as u64;
    }

    pub(crate) fn count_tx(&mut self, bytes: usize) {
        self.stats.tx_packets += 1;
        self.stats.tx_bytes += bytes as u64;
    }
}
