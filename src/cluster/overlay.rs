//! flanneld on a node, and what the kernel and the container runtime make of its subnet: flannel0, docker0, masquerading.

use std::net::{Ipv4Addr, SocketAddrV4};

use ipnet::Ipv4Net;

use crate::cluster::clients::number_of;
use crate::cluster::event::{Actor, Happened, Local, NodeIx};
use crate::cluster::host::{CNI_ADD, owner_of};
use crate::cluster::{Cluster, Message};
use crate::control::apiserver::StoredValue;
use crate::etcd;
use crate::net::addr::{End, Mac, SocketId};
use crate::net::fabric;
use crate::net::filter::Table;
use crate::net::route::Route;
use crate::net::socket::{SocketEvent, SocketOp};
use crate::node::{flannel, runtime};
use crate::sim::{EventId, Out};

/// The token of flanneld's UDP socket.
const FLANNEL_SOCKET: u64 = 1;

/// What etcd tells flanneld; `None` for what it does not care about.
pub(crate) fn flannel_input(effect: etcd::Effect<StoredValue>) -> Option<flannel::Input<StoredValue>> {
    Some(match effect {
        etcd::Effect::Response { id, result, .. } => flannel::Input::Etcd { id, result },
        etcd::Effect::WatchEvents { events, .. } => flannel::Input::Changes(events),
        etcd::Effect::WatchCanceled { .. } => flannel::Input::WatchLost,
        etcd::Effect::WatchProgress { .. } => return None,
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
                    self.send(me, Actor::Etcd, cause, Message::ToEtcd(etcd::Input::Request { client, id, op }));
                }
                flannel::Effect::Configure { network, subnet, tun, mtu, port } => {
                    self.configure_flannel(ix, network, subnet, tun, mtu, port, cause);
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
                    let Some((ns, Some(dev))) = self.host(ix).map(|host| (host.ns, host.flannel0)) else { continue };
                    self.network(fabric::Input::Tun { to: End { ns, dev }, bytes: bytes.into(), tag }, cause);
                }
                flannel::Effect::Dropped { .. } => {}
                flannel::Effect::Log(line) => {
                    if let Some(subnet) = line.strip_prefix("Subnet added: ") {
                        let what = Local::Subnet { subnet: subnet.into(), via: "".into() };
                        self.trace.record(self.now, cause, Happened::Node { who: me, what });
                    }
                }
            }
        }
    }

    /// What flanneld and the container runtime's start-up make of a subnet: flannel0 with the route of the whole overlay,
    /// `subnet.env`, docker0 with the subnet's first address, and the masquerading of what leaves the overlay.
    #[allow(clippy::too_many_arguments)] // What flanneld says at its start, all at once.
    fn configure_flannel(
        &mut self,
        ix: NodeIx,
        network: Ipv4Net,
        subnet: Ipv4Net,
        tun: Ipv4Addr,
        mtu: u32,
        port: u16,
        cause: Option<EventId>,
    ) {
        let me = Actor::Flanneld(ix);
        let Some(ns) = self.host(ix).map(|host| host.ns) else { return };
        let flannel0 = self.fabric.add_tun(ns, "flannel0", mtu, tun, owner_of(me)).expect("flannel0 was not there");
        let route = Route::new(network, None, flannel0, "flannel0".into());
        self.fabric.replace_route(ns, route).expect("flannel0 is up");
        let bridge_ip = Ipv4Addr::from(u32::from(subnet.network()) + 1);
        let bridge_addr = Ipv4Net::new(bridge_ip, subnet.prefix_len()).expect("the subnet has this length");
        let known = self.host(ix).and_then(|host| host.cni.bridge);
        if known.is_none_or(|(_, addr, _)| addr != bridge_addr) {
            let mac = Mac::of_ip(bridge_ip);
            let bridge = self.fabric.add_bridge(ns, "docker0", mac, mtu, bridge_addr).expect("docker0 was not there");
            for rule in [
                format!("-A POSTROUTING -s {network} -d {network} -j RETURN"),
                format!("-A POSTROUTING -s {network} ! -d 224.0.0.0/4 -j MASQUERADE"),
            ] {
                self.fabric.iptables(ns, Table::Nat, &rule).expect("flannel's rules can be read");
            }
            if let Some(host) = self.host_mut(ix) {
                host.cni.bridge = Some((bridge, bridge_addr, mtu));
                host.subnet_env = flannel::subnet_env(network, subnet, mtu);
            }
        }
        if let Some(host) = self.host_mut(ix) {
            host.flannel0 = Some(flannel0);
        }
        let ip = self.host(ix).map_or(Ipv4Addr::UNSPECIFIED, |host| host.ip);
        let op = SocketOp::Bind { token: FLANNEL_SOCKET, at: SocketAddrV4::new(ip, port) };
        self.node_socket(me, ix, op, cause);
        let what = Local::Subnet { subnet: subnet.to_string().into(), via: ip.to_string().into() };
        self.trace.record(self.now, cause, Happened::Node { who: me, what });
        let ready = Message::ToRuntime(runtime::Input::NetworkReady(true));
        self.hand_over(Actor::Runtime(ix), cause, CNI_ADD, ready);
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
        let (ns, flannel0) = (host.ns, host.flannel0.take());
        host.flannel_socket = None;
        let mut out = Out::default();
        self.fabric.kill_owner(ns, owner_of(Actor::Flanneld(ix)), now, &mut out);
        if let Some(dev) = flannel0 {
            self.fabric.remove_device(ns, dev).ok();
        }
        let effects = out.take_caused();
        self.fabric_did(effects);
    }
}
