//! A network namespace: devices, routes, neighbours, iptables, connections, sockets, and the path of a packet through them.
//!
//! Models net/ipv4 of Linux as a node or a pod uses it:
//!
//! ```text
//! receive -> (bridge) -> PREROUTING -> route -+-> INPUT -> (IPVS) -> socket -> OUTPUT -> route -+
//!                                             +-> FORWARD -> (IPVS) ----------------------------+-> POSTROUTING -> neighbour -> device
//! ```
//!
//! Everything that happens in one namespace on one input happens at one time; time passes on links. Differs from Linux: IPv4
//! only, no traffic control; the reverse-path filter is one for all devices.

use crate::sim::{VecMap, VecSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::net::addr::{DevId, Mac, NsId};
use crate::net::conntrack::Conntrack;
use crate::net::device::{Device, DeviceKind};
use crate::net::filter::{Filter, Table};
use crate::net::ipvs::Ipvs;
use crate::net::neigh::Neighbour;
use crate::net::nft::Nft;
use crate::net::packet::Packet;
use crate::net::route::{Route, RouteKind, RouteProto, RouteTable, Scope};
use crate::net::socket::Sockets;
use crate::sim::Time;

mod bridging;
mod hooks;
mod input;
mod ipvs;
mod nft;
mod ops;
mod output;
mod reassembly;
mod tap;
mod transport;
mod tunnel;

/// The ifindex of `lo` in every namespace.
pub const LO: DevId = DevId(1);

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Netns {
    /// Which one.
    pub id: NsId,
    /// Its name.
    pub name: Arc<str>,
    /// `net.ipv4.ip_forward`.
    pub ip_forward: bool,
    /// `net.ipv4.conf.all.rp_filter`: 0 takes every source, 1 one that is reached by the device that it came in by, 2 one that
    /// is reached at all.
    pub rp_filter: u8,
    /// `net.bridge.bridge-nf-call-iptables`.
    pub bridge_nf: bool,
    pub(crate) devices: VecMap<DevId, Device>,
    pub(crate) next_dev: u32,
    pub(crate) main: RouteTable,
    pub(crate) local: RouteTable,
    pub(crate) neighbours: VecMap<(DevId, Ipv4Addr), Neighbour>,
    pub(crate) arp_timers: VecSet<(Time, DevId, Ipv4Addr)>,
    pub(crate) filter: Filter,
    pub(crate) conntrack: Conntrack,
    pub(crate) ipvs: Ipvs,
    pub(crate) nft: Nft,
    pub(crate) tracking: bool,
    pub(crate) sockets: Sockets,
    pub(crate) ip_id: u16,
    pub(crate) fragments: reassembly::Fragments,
    pub(crate) path_mtu: VecMap<Ipv4Addr, u16>,
    /// When the fabric was told to wake it; kept by the fabric.
    pub(crate) wake: Option<Time>,
}

impl Netns {
    /// A namespace with nothing but `lo`, which is up.
    pub fn new(id: NsId, name: &str) -> Netns {
        let mut ns = Netns {
            id,
            name: name.into(),
            ip_forward: false,
            rp_filter: 0,
            bridge_nf: true,
            devices: VecMap::new(),
            next_dev: 1,
            main: RouteTable::default(),
            local: RouteTable::default(),
            neighbours: VecMap::new(),
            arp_timers: VecSet::new(),
            filter: Filter::default(),
            conntrack: Conntrack::default(),
            ipvs: Ipvs::default(),
            nft: Nft::default(),
            tracking: false,
            sockets: Sockets::default(),
            ip_id: 1,
            fragments: reassembly::Fragments::default(),
            path_mtu: VecMap::new(),
            wake: None,
        };
        let lo = ns.add_device("lo", Mac::ZERO, 65_536, DeviceKind::Loopback);
        ns.set_up(lo, true);
        ns.add_addr(lo, Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8));
        ns
    }

    /// The devices by ifindex.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.values()
    }

    /// A device.
    pub fn device(&self, dev: DevId) -> Option<&Device> {
        self.devices.get(&dev)
    }

    /// The device of that name.
    pub fn device_named(&self, name: &str) -> Option<&Device> {
        self.devices.values().find(|d| &*d.name == name)
    }

    /// The main table.
    pub fn routes(&self) -> &RouteTable {
        &self.main
    }

    /// The table of own and broadcast addresses.
    pub fn local_routes(&self) -> &RouteTable {
        &self.local
    }

    /// The neighbours by device and address.
    pub fn neighbours(&self) -> impl Iterator<Item = (DevId, Ipv4Addr, &Neighbour)> {
        self.neighbours.iter().map(|((dev, ip), n)| (*dev, *ip, n))
    }

    /// The iptables rules.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The connections.
    pub fn conntrack(&self) -> &Conntrack {
        &self.conntrack
    }

    /// The tables of nftables.
    pub fn nft(&self) -> &Nft {
        &self.nft
    }

    /// The virtual servers.
    pub fn ipvs(&self) -> &Ipvs {
        &self.ipvs
    }

    /// The sockets.
    pub fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// Whether an address belongs to this namespace.
    pub fn is_own(&self, ip: Ipv4Addr) -> bool {
        self.local.lookup(ip).is_some_and(|r| r.kind == RouteKind::Local)
    }

    /// The route to `to`: the local table first, then the main one.
    pub fn route_to(&self, to: Ipv4Addr) -> Option<&Arc<Route>> {
        self.local.lookup(to).or_else(|| self.main.lookup(to))
    }

    /// The address that a program speaks from towards `to` if it does not choose one.
    pub fn source_for(&self, to: Ipv4Addr, route: &Route) -> Option<Ipv4Addr> {
        if route.kind == RouteKind::Local {
            return Some(to);
        }
        let own = || self.devices.get(&route.dev)?.source_for(route.next_hop(to));
        // A device without an address borrows one.
        let any = || self.devices.values().filter(|d| d.id != LO).find_map(Device::primary);
        route.src.or_else(own).or_else(any)
    }

    pub(crate) fn add_device(&mut self, name: &str, mac: Mac, mtu: u32, kind: DeviceKind) -> DevId {
        let id = DevId(self.next_dev);
        self.next_dev += 1;
        self.devices.insert(id, Device::new(id, name, mac, mtu, kind));
        id
    }

    /// Takes a device away with its addresses, routes and neighbours; frees its ports if it is a bridge.
    pub(crate) fn remove_device(&mut self, dev: DevId) -> Option<Device> {
        self.set_up(dev, false);
        let device = self.devices.remove(&dev)?;
        self.local.retain(|r| r.dev != dev);
        self.neighbours.retain(|(d, _), _| *d != dev);
        for other in self.devices.values_mut() {
            if other.master == Some(dev) {
                other.master = None;
            }
            if let DeviceKind::Bridge(fdb) = &mut other.kind {
                fdb.forget_port(dev);
            }
        }
        Some(device)
    }

    /// Sets a device up (its connected routes appear) or down (all its routes disappear).
    pub(crate) fn set_up(&mut self, dev: DevId, up: bool) {
        let Some(device) = self.devices.get_mut(&dev) else { return };
        device.up = up;
        let addrs = device.addrs.clone();
        if up {
            addrs.iter().for_each(|a| self.connect(dev, *a));
        } else {
            self.main.retain(|r| r.dev != dev);
            self.neighbours.retain(|(d, _), n| *d != dev || matches!(n, Neighbour::Permanent { .. }));
        }
    }

    /// Gives a device an address; its connected route appears if the device is up.
    pub(crate) fn add_addr(&mut self, dev: DevId, addr: Ipv4Net) {
        let Some(device) = self.devices.get_mut(&dev) else { return };
        if device.addrs.contains(&addr) {
            return;
        }
        device.addrs.push(addr);
        let (name, up, lo) = (device.name.clone(), device.up, dev == LO);
        let local = |dst: Ipv4Net, kind| Route {
            scope: if kind == RouteKind::Broadcast { Scope::Link } else { Scope::Host },
            src: Some(addr.addr()),
            proto: RouteProto::Kernel,
            kind,
            ..Route::new(dst, None, dev, name.clone())
        };
        self.local.replace(local(if lo { addr } else { addr.addr().into() }, RouteKind::Local));
        if !lo && addr.prefix_len() < 31 {
            self.local.replace(local(addr.broadcast().into(), RouteKind::Broadcast));
        }
        if up {
            self.connect(dev, addr);
        }
    }

    /// Takes an address away with its routes.
    pub(crate) fn remove_addr(&mut self, dev: DevId, addr: Ipv4Net) {
        let Some(device) = self.devices.get_mut(&dev) else { return };
        device.addrs.retain(|a| *a != addr);
        self.local.retain(|r| r.dev != dev || r.src != Some(addr.addr()));
        self.main.retain(|r| r.dev != dev || r.src != Some(addr.addr()));
    }

    /// The connected route of an address.
    fn connect(&mut self, dev: DevId, addr: Ipv4Net) {
        if dev != LO && addr.prefix_len() < 32 {
            let name = self.devices[&dev].name.clone();
            let (src, proto) = (Some(addr.addr()), RouteProto::Kernel);
            self.main.add(Route { src, proto, ..Route::new(addr, None, dev, name) });
        }
    }

    /// Changes the rules, all or nothing; connection tracking comes on with the first rule that needs it.
    pub(crate) fn edit_filter<T, E>(&mut self, edit: impl FnOnce(&mut Filter) -> Result<T, E>) -> Result<T, E> {
        let done = edit(&mut self.filter)?;
        self.tracking |= self.filter.needs_conntrack();
        Ok(done)
    }

    /// Whether a chain has anything to say.
    pub(crate) fn has_rules(&self, table: Table, chain: &str) -> bool {
        self.filter.chain(table, chain).is_some_and(|c| c.policy_drop || c.rules().next().is_some())
    }

    /// The name of a device, for hops.
    pub(crate) fn dev_name(&self, dev: DevId) -> Arc<str> {
        self.devices.get(&dev).map_or_else(Arc::default, |d| d.name.clone())
    }

    /// When it must be woken next.
    pub(crate) fn next_wake(&self) -> Option<Time> {
        let arp = self.arp_timers.first().map(|t| t.0);
        let tcp = self.sockets.next_timer().map(|t| t.0);
        [arp, tcp, self.fragments.deadline()].into_iter().flatten().min()
    }
}

/// A packet inside the stack of one namespace.
pub(crate) struct Skb {
    pub packet: Packet,
    pub ip: crate::net::packet::Ip,
    pub ct: crate::net::conntrack::Tracked,
    pub input: Arc<str>,
    pub input_dev: Option<DevId>,
    pub output: Arc<str>,
    /// Whether it only passes a bridge.
    pub bridged: bool,
}
