//! Bridging: a frame at a bridge port, and a frame that the host sends by the bridge.
//!
//! Models net/bridge/br_input.c, br_forward.c and, with `bridge_nf`, br_netfilter_hooks.c: bridged IPv4 packets pass the
//! same iptables hooks as routed ones, so an answer between two pods of one node finds its rewriting again.

use std::sync::Arc;

use crate::net::addr::DevId;
use crate::net::conntrack::Tracked;
use crate::net::device::DeviceKind;
use crate::net::fabric::Ctx;
use crate::net::filter::Table;
use crate::net::hop::{Decision, DropReason, Link, Stage};
use crate::net::host::{Netns, Skb};
use crate::net::packet::{ETHER_IPV4, Packet};

impl Netns {
    /// A frame comes in by a port of a bridge.
    pub(crate) fn bridge_input(&mut self, bridge: DevId, port: DevId, packet: Packet, cx: &mut Ctx<'_>) {
        let ether = packet.ether();
        let Some(device) = self.devices.get_mut(&bridge).filter(|d| d.up) else {
            return cx.drop_at(&packet, Link::Ethernet, &self.dev_name(port), DropReason::LinkDown);
        };
        let name = device.name.clone();
        let own = device.mac;
        device.count_rx(packet.frame().len());
        self.tap(&packet, Link::Ethernet, bridge, Stage::In, cx);
        if let Some(DeviceKind::Bridge(fdb)) = self.devices.get_mut(&bridge).map(|d| &mut d.kind) {
            fdb.learn(ether.src, port, cx.now);
        }
        if ether.dst == own {
            cx.hop(&packet, Link::Ethernet, &name, Stage::BridgeIn, || Decision::BridgeOwn(own));
            return self.ether_input(bridge, packet, cx);
        }
        if ether.dst.is_multicast() {
            self.flood(bridge, Some(port), packet.clone(), cx);
            return self.ether_input(bridge, packet, cx);
        }
        if self.bridge_nf && self.tracking && ether.kind == ETHER_IPV4 {
            return self.bridge_hooks(bridge, port, packet, cx);
        }
        self.bridge_forward(bridge, Some(port), packet, cx);
    }

    /// The iptables hooks for a bridged packet.
    fn bridge_hooks(&mut self, bridge: DevId, port: DevId, packet: Packet, cx: &mut Ctx<'_>) {
        let name = self.dev_name(bridge);
        let Some(ip) = packet.ip() else {
            return cx.drop_at(&packet, Link::Ethernet, &name, DropReason::Malformed);
        };
        let (input, input_dev) = (name.clone(), Some(bridge));
        let mut skb = Skb { packet, ip, ct: Tracked::Untracked, input, input_dev, output: name, bridged: true };
        let to = skb.ip.dst;
        if !self.pre_hook(Stage::Prerouting, "PREROUTING", &mut skb, cx) {
            return;
        }
        if skb.ip.dst != to {
            // Rewritten to somewhere else: from here on it is routed.
            skb.bridged = false;
            return self.route_input(skb, cx);
        }
        if !self.filter_hook(Stage::Forward, "FORWARD", &mut skb, cx) {
            return;
        }
        self.ipvs_answer("FORWARD", &mut skb, cx);
        if self.post_hook(Table::Nat, Stage::Postrouting, "POSTROUTING", &mut skb, cx) {
            self.bridge_forward(bridge, Some(port), skb.packet, cx);
        }
    }

    /// Sends a unicast frame to the port behind which its destination is.
    pub(crate) fn bridge_forward(&mut self, bridge: DevId, from: Option<DevId>, packet: Packet, cx: &mut Ctx<'_>) {
        let mac = packet.ether().dst;
        let device = &self.devices[&bridge];
        let Some(port) = device.fdb().and_then(|fdb| fdb.port_of(mac, cx.now)) else {
            return self.flood(bridge, from, packet, cx);
        };
        let name = device.name.clone();
        let back = from == Some(port) && !self.devices.get(&port).is_some_and(|d| d.hairpin);
        if back {
            return cx.drop_at(&packet, Link::Ethernet, &name, DropReason::NoPort);
        }
        let port_name = self.dev_name(port);
        cx.hop(&packet, Link::Ethernet, &name, Stage::BridgeForward, || Decision::Fdb { mac, port: port_name });
        self.transmit(port, packet, cx);
    }

    /// Sends a frame to every port but the one that it came in by.
    pub(crate) fn flood(&mut self, bridge: DevId, from: Option<DevId>, packet: Packet, cx: &mut Ctx<'_>) {
        let ports: Vec<DevId> = self
            .devices
            .values()
            .filter(|d| d.master == Some(bridge) && d.up && Some(d.id) != from)
            .map(|d| d.id)
            .collect();
        let name: Arc<str> = self.dev_name(bridge);
        let mac = packet.ether().dst;
        if ports.is_empty() && !(mac.is_multicast() && from.is_some()) {
            return cx.drop_at(&packet, Link::Ethernet, &name, DropReason::NoPort);
        }
        let count = u16::try_from(ports.len()).unwrap_or(u16::MAX);
        cx.hop(&packet, Link::Ethernet, &name, Stage::BridgeFlood, || Decision::Flood { mac, ports: count });
        for port in ports {
            self.transmit(port, packet.clone(), cx);
        }
    }
}
