//! What the backends do with the subnets of other nodes.
//!
//! Models `pkg/backend/udp/udp_network_amd64.go`, `pkg/backend/vxlan/vxlan_network.go`, `pkg/backend/hostgw/hostgw.go` with
//! `pkg/backend/route_network.go` (flannel). UDP keeps a table in flanneld's own memory; the others program the kernel, which
//! keeps what it was told when flanneld dies. Differs: no direct routing in the VXLAN backend.

use std::net::{Ipv4Addr, SocketAddrV4};

use ipnet::Ipv4Net;

use crate::net::addr::{Mac, Tag};
use crate::node::flannel::config::Backend;
use crate::node::flannel::{Attrs, Effect, Flanneld, Forward, State, SubnetLease};
use crate::sim::Out;

/// The device that joins a node to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// flannel0, a TUN with this /32 and the route to the whole overlay; flanneld listens on the port.
    Tun {
        /// The subnet's first address.
        addr: Ipv4Addr,
        /// The UDP port.
        port: u16,
    },
    /// `flannel.VNI`, a VXLAN device with this /32.
    Vxlan {
        /// The network identifier.
        vni: u32,
        /// The subnet's first address.
        addr: Ipv4Addr,
        /// Its hardware address.
        mac: Mac,
        /// The UDP port.
        port: u16,
    },
    /// None: the network card itself.
    Card,
}

/// What flanneld asks of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Netlink {
    /// A permanent neighbour on the VXLAN device, or none any more.
    Neighbour {
        /// Its address.
        ip: Ipv4Addr,
        /// Its hardware address.
        mac: Option<Mac>,
    },
    /// An entry of the VXLAN device's forwarding database, or none any more.
    Fdb {
        /// The hardware address.
        mac: Mac,
        /// The node behind which it is.
        remote: Option<Ipv4Addr>,
    },
    /// A route takes the place of any other to the same subnet.
    SetRoute(SubnetRoute),
    /// A route goes.
    DelRoute(SubnetRoute),
    /// A route is put in again if it is missing.
    KeepRoute(SubnetRoute),
}

/// A route to the subnet of another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubnetRoute {
    /// The subnet.
    pub dst: Ipv4Net,
    /// The next hop: an address on the VXLAN device (then `onlink`), or the node itself.
    pub via: Ipv4Addr,
    /// Whether it leads to the VXLAN device.
    pub onlink: bool,
}

impl Backend {
    /// What it takes of the network card's MTU (`encapOverhead`): IP and UDP headers, with VXLAN also its own and an
    /// Ethernet header.
    pub(super) fn overhead(self) -> u32 {
        match self {
            Backend::Udp { .. } => 28,
            Backend::Vxlan { .. } => 50,
            Backend::HostGw => 0,
        }
    }

    /// The device of a node with this subnet.
    pub(super) fn link(self, subnet: Ipv4Net, vtep: Mac) -> Link {
        let addr = subnet.network();
        match self {
            Backend::Udp { port } => Link::Tun { addr, port },
            Backend::Vxlan { vni, port } => Link::Vxlan { vni, addr, mac: vtep, port },
            Backend::HostGw => Link::Card,
        }
    }

    /// What a node says of itself in its lease.
    pub(super) fn attrs(self, vtep: Mac) -> Attrs {
        match self {
            Backend::Udp { .. } => Attrs::Udp,
            Backend::Vxlan { vni, .. } => Attrs::Vxlan { vni, mac: vtep },
            Backend::HostGw => Attrs::HostGw,
        }
    }
}

/// What the kernel is told of another node's subnet, in this order; nothing with the UDP backend.
fn entries(lease: &SubnetLease, there: bool) -> Vec<Netlink> {
    let (dst, public) = (lease.subnet, lease.public_ip);
    let route = |via, onlink| {
        let route = SubnetRoute { dst, via, onlink };
        if there { Netlink::SetRoute(route) } else { Netlink::DelRoute(route) }
    };
    match lease.attrs {
        Attrs::Vxlan { mac, .. } => vec![
            Netlink::Neighbour { ip: dst.network(), mac: there.then_some(mac) },
            Netlink::Fdb { mac, remote: there.then_some(public) },
            route(dst.network(), true),
        ],
        Attrs::HostGw => vec![route(public, false)],
        Attrs::Udp | Attrs::Other(_) => Vec::new(),
    }
}

impl Flanneld {
    /// Another node has a subnet, or has it still.
    pub(super) fn learn<V>(&mut self, backend: Backend, lease: SubnetLease, out: &mut Out<Effect<V>>) {
        if lease.public_ip == self.public_ip {
            return;
        }
        let SubnetLease { subnet, public_ip, ref attrs } = lease;
        let log = match (backend, attrs) {
            (Backend::Udp { .. }, _) => format!("Subnet added: {subnet}"),
            (Backend::Vxlan { .. }, Attrs::Vxlan { mac, .. }) => {
                format!("adding subnet: {subnet} PublicIP: {public_ip} VtepMAC: {mac}")
            }
            (Backend::HostGw, Attrs::HostGw) => format!("Subnet added: {subnet} via {public_ip}"),
            (Backend::Vxlan { .. }, other) => {
                let word = other.word();
                return out.push(Effect::Log(format!("ignoring non-vxlan v4Subnet({subnet}) v6Subnet(): type={word}")));
            }
            (Backend::HostGw, other) => {
                return out.push(Effect::Log(format!("Ignoring non-host-gw subnet: type={}", other.word())));
            }
        };
        out.push(Effect::Log(log));
        if !matches!(backend, Backend::Udp { .. }) {
            entries(&lease, true).into_iter().for_each(|entry| out.push(Effect::Netlink(entry)));
        }
        out.push(Effect::SubnetAdded { subnet, via: public_ip });
        self.table.set(lease);
    }

    /// Another node's subnet is nobody's any more.
    pub(super) fn forget<V>(&mut self, backend: Backend, subnet: Ipv4Net, out: &mut Out<Effect<V>>) {
        let Some(lease) = self.table.remove(subnet) else { return };
        let public_ip = lease.public_ip;
        out.push(Effect::Log(match &lease.attrs {
            Attrs::Vxlan { mac, .. } if !matches!(backend, Backend::Udp { .. }) => {
                format!("removing subnet: {subnet} PublicIP: {public_ip} VtepMAC: {mac}")
            }
            _ => format!("Subnet removed: {subnet}"),
        }));
        if !matches!(backend, Backend::Udp { .. }) {
            entries(&lease, false).into_iter().for_each(|entry| out.push(Effect::Netlink(entry)));
        }
    }

    /// All subnets as they are now, after some news may have been missed.
    pub(super) fn relearn<V>(&mut self, backend: Backend, leases: Vec<SubnetLease>, out: &mut Out<Effect<V>>) {
        let is_there = |subnet| leases.iter().any(|lease| lease.subnet == subnet);
        let gone: Vec<Ipv4Net> =
            self.table.routes().iter().map(|lease| lease.subnet).filter(|subnet| !is_there(*subnet)).collect();
        gone.into_iter().for_each(|subnet| self.forget(backend, subnet, out));
        for lease in leases {
            if !self.table.routes().contains(&lease) {
                self.learn(backend, lease, out);
            }
        }
    }

    /// host-gw looks after its routes: whoever took one away is not believed.
    pub(super) fn check_routes<V>(&self, out: &mut Out<Effect<V>>) {
        for lease in self.table.routes() {
            let route = SubnetRoute { dst: lease.subnet, via: lease.public_ip, onlink: false };
            out.push(Effect::Netlink(Netlink::KeepRoute(route)));
        }
    }

    /// The UDP backend reads a packet from its TUN.
    pub(super) fn read_from_tun<V>(&mut self, bytes: &[u8], tag: Tag, out: &mut Out<Effect<V>>) {
        let State::Running(running) = &self.state else { return };
        let Backend::Udp { port } = running.config.backend else { return };
        let forward = self.table.outward(bytes, running.subnet.network());
        let effect = match forward {
            Forward::To(lease, bytes) => {
                Effect::Send { to: SocketAddrV4::new(lease.public_ip, port), bytes, carries: tag, subnet: lease.subnet }
            }
            Forward::Unreachable(answer) => {
                out.push(Effect::Dropped { tag, why: "no subnet for its destination" });
                Effect::WriteTun { bytes: answer, tag: None }
            }
            Forward::Drop(why) => Effect::Dropped { tag, why },
        };
        out.push(effect);
    }
}
