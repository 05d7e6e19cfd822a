//! flanneld on a node, and what the kernel and the container runtime make of its subnet: the device that joins the node to
//! the others, routes, docker0, masquerading.

use std::net::{Ipv4Addr, SocketAddrV4};

use ipnet::Ipv4Net;

use crate::cluster::clients::number_of;
use crate::cluster::event::{Actor, Happened, Local, NodeIx};
use crate::cluster::host::{CNI_ADD, NODE_MTU, POD_NETWORK, owner_of};
use crate::cluster::power::CARD;
use crate::cluster::why::Decides;
use crate::cluster::{Backend, Cluster, Message};
use crate::control::apiserver::StoredValue;
use crate::etcd;
use crate::net::addr::{DevId, End, Mac, NsId, SocketId};
use crate::net::device::DeviceKind;
use crate::net::fabric;
use crate::net::filter::text::Refused;
use crate::net::filter::{Filter, Table};
use crate::net::route::Route;
use crate::net::socket::{SocketEvent, SocketOp};
use crate::net::vxlan::Vxlan;
use crate::node::flannel::rules::Rules;
use crate::node::flannel::{self, Link, Netlink, SubnetRoute};
use crate::node::runtime;
use crate::sim::{EventId, Out};

/// The token of flanneld's UDP socket.
const FLANNEL_SOCKET: u64 = 1;

/// What etcd tells flanneld; `None` for what it does not care about.
pub(crate) fn flannel_input(effect: etcd::Effect<StoredValue>) -> Option<flannel::Input<StoredValue>> {
    Some(match effect {
        etcd::Effect::Response { id, result, .. } => flannel::Input::Etcd { id, result },
        etcd::Effect::WatchEvents { events, .. } => flannel::Input::Changes(events),
        etcd::Effect::WatchCanceled { .. } => flannel::Input::WatchLost,
        etcd::Effect::WatchProgress { .. } | etcd::Effect::Peer(_) | etcd::Effect::Save(_) | etcd::Effect::Exit(_) => {
            return None;
        }
    })
}

impl Cluster {
    pub(crate) fn flanneld(&mut self, ix: NodeIx, input: flannel::Input<StoredValue>, cause: Option<EventId>) {
        let now = self.now;
        let Some(host) = self.host_mut(ix) else { return };
        let mut out = Out::caused_by(cause);
        host.flanneld.handle(input, now, &mut out);
        let effects = out.take_caused();
        self.flanneld_did(ix, effects);
        self.rearm(Actor::Flanneld(ix));
    }

    pub(crate) fn flanneld_did(&mut self, ix: NodeIx, effects: Vec<(Option<EventId>, flannel::Effect<StoredValue>)>) {
        let me = Actor::Flanneld(ix);
        for (cause, effect) in effects {
            match effect {
                flannel::Effect::Etcd { id, op } => {
                    let client = etcd::ClientId(number_of(me));
                    let request = Message::ToEtcd(etcd::Input::Request { client, id, op });
                    self.send(me, self.etcd_for(me), cause, request);
                }
                flannel::Effect::Configure { network, subnet, link, mtu } => {
                    self.configure_flannel(ix, (network, subnet), link, mtu, cause);
                }
                flannel::Effect::EnsureRules { network, subnet } => {
                    if self.flannel_rules(ix, network, subnet, Rules::ensure) {
                        self.hands.changed(ix, Decides::Rules, cause);
                    }
                }
                flannel::Effect::Netlink(entry) => {
                    self.netlink(ix, entry);
                    self.hands.changed(ix, Decides::Routes, cause);
                }
                flannel::Effect::SubnetAdded { subnet, via } => {
                    let what = Local::Subnet { subnet: subnet.to_string().into(), via: via.to_string().into() };
                    let entry = self.trace.record(self.now, cause, Happened::Node { who: me, what });
                    self.hands.changed(ix, Decides::Routes, Some(entry));
                }
                flannel::Effect::Send { to, bytes, carries, .. } => {
                    let Some(socket) = self.host(ix).and_then(|host| host.flannel_socket) else { continue };
                    let op = SocketOp::SendTo {
                        socket,
                        to,
                        bytes: bytes.into(),
                        carries: Some(carries),
                        flow: Some(carries.flow),
                    };
                    self.node_socket(me, ix, op, cause);
                }
                flannel::Effect::WriteTun { bytes, tag } => {
                    let Some((ns, Some(dev))) = self.host(ix).map(|host| (host.ns, host.tunnel)) else { continue };
                    self.network(fabric::Input::Tun { to: End { ns, dev }, bytes: bytes.into(), tag }, cause);
                }
                flannel::Effect::Dropped { .. } | flannel::Effect::Log(_) => {}
            }
        }
    }

    /// What flanneld and the container runtime's start-up make of a subnet: the device, the rules, `subnet.env`, docker0 with
    /// the subnet's first address.
    fn configure_flannel(
        &mut self,
        ix: NodeIx,
        (network, subnet): (Ipv4Net, Ipv4Net),
        link: Link,
        mtu: u32,
        cause: Option<EventId>,
    ) {
        let Some((ns, ip)) = self.host(ix).map(|host| (host.ns, host.ip)) else { return };
        let tunnel = self.flannel_device(ix, ns, network, link, mtu);
        if let Some(host) = self.host_mut(ix) {
            host.tunnel = tunnel;
            host.subnet_env = flannel::subnet_env(network, subnet, mtu);
        }
        if let Link::Tun { port, .. } = link {
            let op = SocketOp::Bind { token: FLANNEL_SOCKET, at: SocketAddrV4::new(ip, port) };
            self.node_socket(Actor::Flanneld(ix), ix, op, cause);
        }
        self.flannel_rules(ix, network, subnet, Rules::set_up);
        self.bridge_up(ix, Actor::Flanneld(ix), subnet, mtu, cause);
    }

    /// Does something with flanneld's rules in the kernel of a node.
    fn flannel_rules(
        &mut self,
        ix: NodeIx,
        network: Ipv4Net,
        subnet: Ipv4Net,
        done: impl Fn(&Rules, &mut Filter) -> Result<bool, Refused>,
    ) -> bool {
        let Some(ns) = self.host(ix).map(|host| host.ns) else { return false };
        let mut changed = false;
        for rules in flannel::rules::of(network, subnet) {
            let done = self.fabric.edit_filter(ns, |filter| done(&rules, filter));
            changed |= done.expect("flanneld writes rules that can be read");
        }
        changed
    }

    /// Somebody has touched the rules of a node: flanneld sees it when it looks after its own.
    pub(crate) fn rules_touched(&mut self, ix: NodeIx, cause: Option<EventId>) {
        self.flanneld(ix, flannel::Input::RulesTouched, cause);
    }

    /// The device that joins a node to the others; one that outlived an earlier flanneld is used again.
    fn flannel_device(&mut self, ix: NodeIx, ns: NsId, network: Ipv4Net, link: Link, mtu: u32) -> Option<DevId> {
        match link {
            Link::Tun { addr, .. } => {
                let owner = owner_of(Actor::Flanneld(ix));
                let dev = self.fabric.add_tun(ns, "flannel0", mtu, addr, owner).expect("flannel0 was not there");
                let route = Route::new(network, None, dev, "flannel0".into());
                self.fabric.replace_route(ns, route).expect("flannel0 is up");
                Some(dev)
            }
            Link::Vxlan { vni, addr, mac, port } => {
                let (local, name) = (self.host(ix)?.ip, format!("flannel.{vni}"));
                let netns = self.fabric.ns(ns)?;
                let parent = netns.device_named(CARD)?.id;
                let left = netns.device_named(&name).map(|device| device.id);
                let tunnel = Vxlan::new(vni, local, parent, port);
                let add = || self.fabric.add_vxlan(ns, &name, (mac, mtu), addr, tunnel).expect("it was not there");
                let dev = left.unwrap_or_else(add);
                self.fabric.set_up(ns, dev, true).expect("it is there");
                Some(dev)
            }
            Link::Card => None,
        }
    }

    /// Without an overlay, the runtime makes its CNI configuration from the node's subnet: a bridge, and masquerading of what
    /// leaves the pods' network. How packets get to other nodes is nobody's business.
    pub(crate) fn pod_cidr(&mut self, ix: NodeIx, cidr: Ipv4Net, cause: Option<EventId>) {
        if self.scenario.backend == Backend::None {
            let Some((ns, known)) = self.host(ix).map(|host| (host.ns, host.cni.bridge)) else { return };
            if known.is_none() {
                let rule = format!("-A POSTROUTING -s {cidr} ! -d {POD_NETWORK} -j MASQUERADE");
                self.fabric.iptables(ns, Table::Nat, &rule).expect("the rule can be read");
            }
            self.bridge_up(ix, Actor::Runtime(ix), cidr, NODE_MTU, cause);
        }
    }

    /// docker0 with the first address of a node's subnet, unless it is there from before; from now on pods can be plugged in.
    fn bridge_up(&mut self, ix: NodeIx, who: Actor, subnet: Ipv4Net, mtu: u32, cause: Option<EventId>) {
        let Some((ns, ip, known)) = self.host(ix).map(|host| (host.ns, host.ip, host.cni.bridge)) else { return };
        if known.is_none() {
            let bridge_ip = Ipv4Addr::from(u32::from(subnet.network()) + 1);
            let addr = Ipv4Net::new(bridge_ip, subnet.prefix_len()).expect("the subnet has this length");
            let mac = Mac::of_ip(bridge_ip);
            let bridge = self.fabric.add_bridge(ns, "docker0", mac, mtu, addr).expect("docker0 was not there");
            if let Some(host) = self.host_mut(ix) {
                host.cni.bridge = Some((bridge, addr, mtu));
            }
        }
        let what = Local::Subnet { subnet: subnet.to_string().into(), via: ip.to_string().into() };
        self.trace.record(self.now, cause, Happened::Node { who, what });
        let ready = Message::ToRuntime(runtime::Input::NetworkReady(true));
        self.hand_over(Actor::Runtime(ix), cause, CNI_ADD, ready);
    }

    /// The kernel is told something by flanneld. What it refuses, flanneld logs and leaves.
    fn netlink(&mut self, ix: NodeIx, entry: Netlink) {
        let Some((ns, tunnel)) = self.host(ix).map(|host| (host.ns, host.tunnel)) else { return };
        match (entry, tunnel) {
            (Netlink::Neighbour { ip, mac }, Some(dev)) => _ = self.fabric.set_neighbour(ns, dev, ip, mac),
            (Netlink::Fdb { mac, remote }, Some(dev)) => _ = self.fabric.set_tunnel(ns, dev, mac, remote),
            (Netlink::Neighbour { .. } | Netlink::Fdb { .. }, None) => {}
            (Netlink::SetRoute(route), _) => {
                if let Some(route) = self.kernel_route(ns, tunnel, route) {
                    self.fabric.replace_route(ns, route).ok();
                }
            }
            (Netlink::KeepRoute(route), _) => {
                if let Some(route) = self.kernel_route(ns, tunnel, route) {
                    self.fabric.add_route(ns, route).ok();
                }
            }
            (Netlink::DelRoute(route), _) => {
                if let Some(route) = self.kernel_route(ns, tunnel, route) {
                    self.fabric.remove_route(ns, route.dst, Some(route.dev)).ok();
                }
            }
        }
    }

    /// A subnet's route with its device: the tunnel, or the network card.
    fn kernel_route(&self, ns: NsId, tunnel: Option<DevId>, route: SubnetRoute) -> Option<Route> {
        let SubnetRoute { dst, via, onlink } = route;
        let ns = self.fabric.ns(ns)?;
        let device = if onlink { ns.device(tunnel?)? } else { ns.device_named(CARD)? };
        Some(Route { onlink, ..Route::new(dst, Some(via), device.id, device.name.clone()) })
    }

    /// The hardware address of the VXLAN device that a node has.
    pub(crate) fn vtep_of(&self, ix: NodeIx) -> Option<Mac> {
        let ns = self.fabric.ns(self.host(ix)?.ns)?;
        ns.devices().find(|device| matches!(device.kind, DeviceKind::Vxlan(_))).map(|device| device.mac)
    }

    pub(crate) fn flannel_socket(&mut self, ix: NodeIx, socket: SocketId, event: SocketEvent, cause: Option<EventId>) {
        match event {
            SocketEvent::Bound { .. } => {
                if let Some(host) = self.host_mut(ix) {
                    host.flannel_socket = Some(socket);
                }
            }
            SocketEvent::Datagram { bytes, carries: Some(tag), .. } => {
                self.flanneld(ix, flannel::Input::Datagram { bytes: bytes.to_vec(), tag }, cause);
            }
            _ => {}
        }
    }

    pub(crate) fn flanneld_stops(&mut self, ix: NodeIx) {
        let now = self.now;
        let Some(host) = self.host_mut(ix) else { return };
        host.flanneld.stop();
        let (ns, tunnel) = (host.ns, host.tunnel.take());
        host.flannel_socket = None;
        let mut out = Out::default();
        self.fabric.kill_owner(ns, owner_of(Actor::Flanneld(ix)), now, &mut out);
        // A TUN dies with its program; what the kernel was told stays.
        let device = tunnel.and_then(|dev| self.fabric.ns(ns)?.device(dev));
        if let Some(dev) = device.filter(|device| matches!(device.kind, DeviceKind::Tun(_))).map(|device| device.id) {
            self.fabric.remove_device(ns, dev).ok();
        }
        let effects = out.take_caused();
        self.fabric_did(effects);
    }
}
