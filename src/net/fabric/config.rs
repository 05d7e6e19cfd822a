//! Setting the network up: what `ip`, `brctl` and `iptables` do.
//!
//! Names that a person could mistype answer with iproute2's words; what only the composition root says (a namespace that it
//! made itself) is an `Option` or is ignored.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::net::addr::{DevId, End, Mac, NsId, Owner, SegmentId};
use crate::net::bridge::Fdb;
use crate::net::conntrack::Connection;
use crate::net::device::DeviceKind;
use crate::net::fabric::{Effect, Fabric, SEGMENT_LATENCY, Segment};
use crate::net::filter::text::Refused;
use crate::net::filter::{Filter, Table};
use crate::net::host::Netns;
use crate::net::ipvs::Ipvs;
use crate::net::neigh::Neighbour;
use crate::net::nft;
use crate::net::route::Route;
use crate::net::vxlan::Vxlan;
use crate::sim::{Out, Span, Time};

/// Why a change was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// There is no such namespace or device.
    NoDevice,
    /// There is a device or route like that already.
    Exists,
    /// The gateway is not on a link.
    InvalidGateway,
    /// There is no such route.
    NoRoute,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConfigError::NoDevice => "Cannot find device",
            ConfigError::Exists => "RTNETLINK answers: File exists",
            ConfigError::InvalidGateway => "Error: Nexthop has invalid gateway.",
            ConfigError::NoRoute => "RTNETLINK answers: No such process",
        })
    }
}

/// Answers of what may be refused.
pub type Configured<T = ()> = Result<T, ConfigError>;

impl Fabric {
    /// A new namespace with `lo`.
    pub fn add_ns(&mut self, name: &str) -> NsId {
        let id = NsId(self.next_ns);
        self.next_ns += 1;
        self.namespaces.insert(id, Arc::new(Netns::new(id, name)));
        id
    }

    /// Takes a namespace away: its sockets die without a word, the other ends of its veth pairs disappear.
    pub fn remove_ns(&mut self, id: NsId) {
        let Some(ns) = self.namespaces.remove(&id) else { return };
        self.wakes.retain(|(_, other)| *other != id);
        for device in ns.devices() {
            self.unplug(End { ns: id, dev: device.id }, &device.kind);
        }
    }

    /// A segment that joins network cards (the nodes' network).
    pub fn add_segment(&mut self, name: &str) -> SegmentId {
        let id = SegmentId(self.core.next_segment);
        self.core.next_segment += 1;
        let segment = Segment { name: name.into(), latency: SEGMENT_LATENCY, cards: crate::sim::VecMap::new() };
        self.core.segments.insert(id, segment);
        id
    }

    /// How long a frame takes over a segment.
    pub fn set_segment_latency(&mut self, id: SegmentId, latency: Span) {
        if let Some(segment) = self.core.segments.get_mut(&id) {
            segment.latency = latency;
        }
    }

    /// A network card on a segment, with an address, up.
    pub fn add_ether(
        &mut self,
        ns: NsId,
        name: &str,
        segment: SegmentId,
        mac: Mac,
        addr: Ipv4Net,
    ) -> Configured<DevId> {
        let dev = self.add_device(ns, name, mac, 1500, DeviceKind::Ether(segment))?;
        if let Some(segment) = self.core.segments.get_mut(&segment) {
            segment.cards.insert(mac, End { ns, dev });
        }
        self.add_addr(ns, dev, addr)?;
        self.set_up(ns, dev, true)?;
        Ok(dev)
    }

    /// A bridge with an address, up.
    pub fn add_bridge(&mut self, ns: NsId, name: &str, mac: Mac, mtu: u32, addr: Ipv4Net) -> Configured<DevId> {
        let dev = self.add_device(ns, name, mac, mtu, DeviceKind::Bridge(Fdb::default()))?;
        self.add_addr(ns, dev, addr)?;
        self.set_up(ns, dev, true)?;
        Ok(dev)
    }

    /// A TUN whose packets `owner` reads and writes, up. It answers for a /32.
    pub fn add_tun(&mut self, ns: NsId, name: &str, mtu: u32, addr: Ipv4Addr, owner: Owner) -> Configured<DevId> {
        let dev = self.add_device(ns, name, Mac::ZERO, mtu, DeviceKind::Tun(owner))?;
        self.add_addr(ns, dev, addr.into())?;
        self.set_up(ns, dev, true)?;
        Ok(dev)
    }

    /// A VXLAN device with a /32, up.
    pub fn add_vxlan(
        &mut self,
        ns: NsId,
        name: &str,
        (mac, mtu): (Mac, u32),
        addr: Ipv4Addr,
        tunnel: Vxlan,
    ) -> Configured<DevId> {
        let dev = self.add_device(ns, name, mac, mtu, DeviceKind::Vxlan(tunnel))?;
        self.add_addr(ns, dev, addr.into())?;
        self.set_up(ns, dev, true)?;
        Ok(dev)
    }

    /// A device that only holds addresses (`ip link add NAME type dummy`); it stays down.
    pub fn add_dummy(&mut self, ns: NsId, name: &str, mac: Mac) -> Configured<DevId> {
        self.add_device(ns, name, mac, 1500, DeviceKind::Dummy)
    }

    /// Changes the virtual servers of a namespace.
    pub fn edit_ipvs<R>(&mut self, ns: NsId, edit: impl FnOnce(&mut Ipvs) -> R) -> Configured<R> {
        Ok(edit(&mut self.ns_mut(ns)?.ipvs))
    }

    /// Makes a table of nftables be this. Answers whether anything changed.
    pub fn load_nft(&mut self, ns: NsId, name: &str, table: nft::Table) -> Configured<bool> {
        let ns = self.ns_mut(ns)?;
        ns.tracking = true;
        Ok(ns.nft.load(name, table))
    }

    /// A veth pair, both ends down: `a` and `b` are namespace, name and hardware address.
    pub fn add_veth(&mut self, a: (NsId, &str, Mac), b: (NsId, &str, Mac), mtu: u32) -> Configured<(DevId, DevId)> {
        let nowhere = End { ns: b.0, dev: DevId(0) };
        let first = self.add_device(a.0, a.1, a.2, mtu, DeviceKind::Veth(nowhere))?;
        let end = End { ns: a.0, dev: first };
        let second = match self.add_device(b.0, b.1, b.2, mtu, DeviceKind::Veth(end)) {
            Ok(second) => second,
            Err(error) => {
                self.ns_mut(a.0)?.remove_device(first);
                return Err(error);
            }
        };
        self.edit_device(a.0, first, |d| d.kind = DeviceKind::Veth(End { ns: b.0, dev: second }))?;
        Ok((first, second))
    }

    /// What a bridge CNI plugin does for a pod: a veth pair from `pod` (called `eth0`) to a port called `host_name` of the
    /// bridge of `node`, both up, `addr` on the pod's side, a default route by `gateway`.
    #[allow(clippy::too_many_arguments, reason = "one call for what a CNI plugin does in one go")]
    pub fn add_pod_link(
        &mut self,
        pod: NsId,
        node: NsId,
        bridge: DevId,
        host_name: &str,
        host_mac: Mac,
        addr: Ipv4Net,
        gateway: Ipv4Addr,
        hairpin: bool,
    ) -> Configured<(DevId, DevId)> {
        let mtu = self.device(node, bridge)?.mtu;
        let (inside, outside) =
            self.add_veth((pod, "eth0", Mac::of_ip(addr.addr())), (node, host_name, host_mac), mtu)?;
        self.edit_device(node, outside, |d| (d.master, d.hairpin) = (Some(bridge), hairpin))?;
        self.set_up(node, outside, true)?;
        self.add_addr(pod, inside, addr)?;
        self.set_up(pod, inside, true)?;
        self.add_route(pod, Route::new(Ipv4Net::default(), Some(gateway), inside, "eth0".into()))?;
        Ok((inside, outside))
    }

    /// Takes a device away, and the other end of a veth pair with it.
    pub fn remove_device(&mut self, ns: NsId, dev: DevId) -> Configured {
        let device = self.ns_mut(ns)?.remove_device(dev).ok_or(ConfigError::NoDevice)?;
        self.unplug(End { ns, dev }, &device.kind);
        Ok(())
    }

    fn unplug(&mut self, end: End, kind: &DeviceKind) {
        match kind {
            DeviceKind::Veth(peer) => {
                if let Ok(ns) = self.ns_mut(peer.ns) {
                    ns.remove_device(peer.dev);
                }
            }
            DeviceKind::Ether(segment) => {
                if let Some(segment) = self.core.segments.get_mut(segment) {
                    segment.cards.retain(|_, e| *e != end);
                }
            }
            _ => {}
        }
    }

    /// Sets a device up or down.
    pub fn set_up(&mut self, ns: NsId, dev: DevId, up: bool) -> Configured {
        self.device(ns, dev)?;
        self.ns_mut(ns)?.set_up(dev, up);
        Ok(())
    }

    /// Changes the MTU of a device.
    pub fn set_mtu(&mut self, ns: NsId, dev: DevId, mtu: u32) -> Configured {
        self.edit_device(ns, dev, |d| d.mtu = mtu.clamp(68, 65_536))
    }

    /// Makes a device a port of a bridge, or frees it.
    pub fn set_master(&mut self, ns: NsId, dev: DevId, bridge: Option<DevId>) -> Configured {
        self.edit_device(ns, dev, |d| d.master = bridge)
    }

    /// Gives a device an address.
    pub fn add_addr(&mut self, ns: NsId, dev: DevId, addr: Ipv4Net) -> Configured {
        if self.device(ns, dev)?.addrs.contains(&addr) {
            return Err(ConfigError::Exists);
        }
        self.ns_mut(ns)?.add_addr(dev, addr);
        Ok(())
    }

    /// Takes an address away.
    pub fn remove_addr(&mut self, ns: NsId, dev: DevId, addr: Ipv4Net) -> Configured {
        self.device(ns, dev)?;
        self.ns_mut(ns)?.remove_addr(dev, addr);
        Ok(())
    }

    /// Adds a route. A gateway must be on a link unless the route says `onlink`.
    pub fn add_route(&mut self, ns: NsId, route: Route) -> Configured {
        self.check_route(ns, &route)?;
        if self.ns_mut(ns)?.main.add(route) { Ok(()) } else { Err(ConfigError::Exists) }
    }

    /// Adds a route or takes the place of the one to the same destination.
    pub fn replace_route(&mut self, ns: NsId, route: Route) -> Configured {
        self.check_route(ns, &route)?;
        self.ns_mut(ns)?.main.replace(route);
        Ok(())
    }

    fn check_route(&self, ns: NsId, route: &Route) -> Configured {
        let device = self.device(ns, route.dev)?;
        let reachable = |via: Ipv4Addr| route.onlink || device.addrs.iter().any(|a| a.contains(&via));
        if !device.up {
            return Err(ConfigError::NoDevice);
        }
        if route.via.is_none_or(reachable) { Ok(()) } else { Err(ConfigError::InvalidGateway) }
    }

    /// Takes the routes to `dst` away (by `dev`, if given).
    pub fn remove_route(&mut self, ns: NsId, dst: Ipv4Net, dev: Option<DevId>) -> Configured {
        let goes = |r: &Route| r.dst == dst.trunc() && dev.is_none_or(|d| d == r.dev);
        match self.ns_mut(ns)?.main.retain(|r| !goes(r)) {
            0 => Err(ConfigError::NoRoute),
            _ => Ok(()),
        }
    }

    /// Puts a permanent neighbour in, or takes one away.
    pub fn set_neighbour(&mut self, ns: NsId, dev: DevId, ip: Ipv4Addr, mac: Option<Mac>) -> Configured {
        self.device(ns, dev)?;
        let ns = self.ns_mut(ns)?;
        match mac {
            Some(mac) => _ = ns.neighbours.insert((dev, ip), Neighbour::Permanent { mac }),
            None => _ = ns.neighbours.remove(&(dev, ip)),
        }
        Ok(())
    }

    /// Puts a permanent entry into the forwarding database of a bridge, or takes one away.
    pub fn set_fdb(&mut self, ns: NsId, bridge: DevId, mac: Mac, port: Option<DevId>) -> Configured {
        self.edit_device(ns, bridge, |d| {
            if let DeviceKind::Bridge(fdb) = &mut d.kind {
                match port {
                    Some(port) => fdb.pin(mac, port),
                    None => fdb.remove(mac),
                }
            }
        })
    }

    /// Puts a permanent entry into the forwarding database of a VXLAN device, or takes one away.
    pub fn set_tunnel(&mut self, ns: NsId, dev: DevId, mac: Mac, remote: Option<Ipv4Addr>) -> Configured {
        self.edit_device(ns, dev, |d| {
            if let DeviceKind::Vxlan(tunnel) = &mut d.kind {
                tunnel.set(mac, remote);
            }
        })
    }

    /// Sets `net.ipv4.ip_forward`.
    pub fn set_ip_forward(&mut self, ns: NsId, on: bool) {
        if let Ok(ns) = self.ns_mut(ns) {
            ns.ip_forward = on;
        }
    }

    /// Sets `net.ipv4.conf.all.rp_filter`: 0, 1 or 2.
    pub fn set_rp_filter(&mut self, ns: NsId, mode: u8) {
        if let Ok(ns) = self.ns_mut(ns) {
            ns.rp_filter = mode;
        }
    }

    /// Sets `net.bridge.bridge-nf-call-iptables`.
    pub fn set_bridge_nf(&mut self, ns: NsId, on: bool) {
        if let Ok(ns) = self.ns_mut(ns) {
            ns.bridge_nf = on;
        }
    }

    /// What `iptables-restore [--noflush]` does, all or nothing.
    pub fn iptables_restore(&mut self, ns: NsId, text: &str, noflush: bool) -> Result<(), Refused> {
        self.edit_filter(ns, |filter| filter.restore(text, noflush))
    }

    /// What `iptables -t TABLE LINE` does (`-A CHAIN …`, `-I`, `-D`, `-C`, `-N`, `-X`, `-F`, `-P`).
    pub fn iptables(&mut self, ns: NsId, table: Table, line: &str) -> Result<(), Refused> {
        self.edit_filter(ns, |filter| filter.command(table, line))
    }

    /// Changes rules by any means, all or nothing if `edit` is.
    pub fn edit_filter<T>(
        &mut self,
        ns: NsId,
        edit: impl FnOnce(&mut Filter) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        self.ns_mut(ns).map_err(|_| Refused("no such namespace".into()))?.edit_filter(edit)
    }

    /// Forgets connections (`conntrack -D`); answers how many.
    pub fn forget_connections(&mut self, ns: NsId, unwanted: impl Fn(&Connection) -> bool) -> usize {
        self.ns_mut(ns).map_or(0, |ns| ns.conntrack.delete(unwanted))
    }

    /// How many connections the table of a namespace takes (`nf_conntrack_max`).
    pub fn set_conntrack_max(&mut self, ns: NsId, max: u32) {
        if let Ok(ns) = self.ns_mut(ns) {
            ns.conntrack.max = max;
        }
    }

    /// Closes every socket of `owner` in a namespace, as when its process is killed.
    pub fn kill_owner(&mut self, ns: NsId, owner: Owner, now: Time, out: &mut Out<Effect>) {
        self.within(ns, now, out, |ns, cx| ns.close_all(owner, cx));
    }

    /// A hardware address drawn from the fabric's stream, for bridges and the node's ends of veth pairs.
    pub fn random_mac(&mut self) -> Mac {
        Mac::local(self.core.rng.next_u64())
    }

    fn add_device(&mut self, ns: NsId, name: &str, mac: Mac, mtu: u32, kind: DeviceKind) -> Configured<DevId> {
        let ns = self.ns_mut(ns)?;
        if ns.device_named(name).is_some() {
            return Err(ConfigError::Exists);
        }
        Ok(ns.add_device(name, mac, mtu, kind))
    }

    fn device(&self, ns: NsId, dev: DevId) -> Configured<&crate::net::device::Device> {
        self.ns(ns).and_then(|ns| ns.device(dev)).ok_or(ConfigError::NoDevice)
    }

    fn edit_device(&mut self, ns: NsId, dev: DevId, edit: impl FnOnce(&mut crate::net::device::Device)) -> Configured {
        edit(self.ns_mut(ns)?.devices.get_mut(&dev).ok_or(ConfigError::NoDevice)?);
        Ok(())
    }

    fn ns_mut(&mut self, id: NsId) -> Configured<&mut Netns> {
        self.namespaces.get_mut(&id).map(Arc::make_mut).ok_or(ConfigError::NoDevice)
    }
}
