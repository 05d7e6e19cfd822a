//! What comes in: from a device, up to the decision whether it is for this host or is passed on.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::net::addr::{DevId, Mac};
use crate::net::conntrack::Tracked;
use crate::net::device::DeviceKind;
use crate::net::fabric::Ctx;
use crate::net::filter::Table;
use crate::net::hop::{Decision, DropReason, Link, Stage};
use crate::net::host::{LO, Netns, Skb};
use crate::net::neigh::{Arp, Neighbour};
use crate::net::packet::{ETHER_ARP, ETHER_IPV4, Packet, build};
use crate::net::route::{Route, RouteKind};

impl Netns {
    /// A frame arrives at a device from the other end of its link.
    pub(crate) fn receive(&mut self, dev: DevId, packet: Packet, cx: &mut Ctx<'_>) {
        let Some(device) = self.devices.get_mut(&dev) else {
            return cx.drop_at(&packet, Link::Ethernet, &Arc::from(""), DropReason::Gone);
        };
        let name = device.name.clone();
        if !device.up {
            device.stats.dropped += 1;
            return cx.drop_at(&packet, Link::Ethernet, &name, DropReason::LinkDown);
        }
        device.count_rx(packet.frame().len());
        self.tap(&packet, Link::Ethernet, dev, Stage::In, cx);
        let device = &self.devices[&dev];
        match (&device.kind, device.master) {
            (DeviceKind::Veth(_), _) => cx.hop(&packet, Link::Ethernet, &name, Stage::Veth, || Decision::Peer),
            (DeviceKind::Ether(_), _) => {
                let mac = packet.ether().dst;
                cx.hop(&packet, Link::Ethernet, &name, Stage::Arrive, || Decision::Segment { mac, ends: 1 });
            }
            _ => {}
        }
        match self.devices[&dev].master {
            Some(bridge) => self.bridge_input(bridge, dev, packet, cx),
            None => self.ether_input(dev, packet, cx),
        }
    }

    /// A program writes an IP packet into its TUN.
    pub(crate) fn tun_input(&mut self, dev: DevId, packet: Packet, cx: &mut Ctx<'_>) {
        let Some(device) = self.devices.get_mut(&dev) else {
            return cx.drop_at(&packet, Link::Ip, &Arc::from(""), DropReason::Gone);
        };
        let name = device.name.clone();
        let DeviceKind::Tun(owner) = device.kind else {
            return cx.drop_at(&packet, Link::Ip, &name, DropReason::Malformed);
        };
        device.count_rx(packet.payload().len());
        if !device.up {
            return cx.drop_at(&packet, Link::Ip, &name, DropReason::LinkDown);
        }
        self.tap(&packet, Link::Ip, dev, Stage::In, cx);
        cx.hop(&packet, Link::Ip, &name, Stage::Decap, || Decision::TunWritten(owner));
        self.ip_input(dev, packet, cx);
    }

    /// A frame reaches the stack by a device that is no bridge port.
    pub(crate) fn ether_input(&mut self, dev: DevId, packet: Packet, cx: &mut Ctx<'_>) {
        let device = &self.devices[&dev];
        let ether = packet.ether();
        if device.uses_arp() && ether.dst != device.mac && !ether.dst.is_multicast() {
            return cx.drop_at(&packet, Link::Ethernet, &device.name.clone(), DropReason::NotForUs(ether.dst));
        }
        match ether.kind {
            ETHER_ARP => self.arp_input(dev, &packet, cx),
            ETHER_IPV4 => self.ip_input(dev, packet, cx),
            _ if !device.uses_arp() => self.ip_input(dev, packet, cx),
            _ => cx.drop_at(&packet, Link::Ethernet, &device.name.clone(), DropReason::Malformed),
        }
    }

    fn arp_input(&mut self, dev: DevId, packet: &Packet, cx: &mut Ctx<'_>) {
        let name = self.dev_name(dev);
        let Some(arp) = Arp::parse(packet.payload()) else {
            return cx.drop_at(packet, Link::Ethernet, &name, DropReason::Malformed);
        };
        let (mac, ip) = arp.sender;
        let ours = self.is_own(arp.target);
        let asks = !arp.reply && ours;
        match self.neighbours.get_mut(&(dev, ip)) {
            Some(known) => {
                let waiting = known.heard(mac, arp.reply, cx.now);
                waiting.into_iter().for_each(|(packet, route)| self.send_via(packet, &route, cx));
            }
            None if asks && !ip.is_unspecified() => _ = self.neighbours.insert((dev, ip), Neighbour::Stale { mac }),
            None => {}
        }
        if !ours {
            return cx.drop_at(packet, Link::Ethernet, &name, DropReason::NotForUs(Mac::BROADCAST));
        }
        cx.hop(packet, Link::Ethernet, &name, Stage::Deliver, || Decision::Arp { ip, mac });
        if asks {
            let own = self.devices[&dev].mac;
            let reply = build::arp(true, (own, arp.target), (mac, ip), mac);
            let reply = Packet::of_buf(reply, cx.tag(packet.tag.flow), None);
            cx.hop(&reply, Link::Ethernet, &name, Stage::Send, || Decision::Arp { ip: arp.target, mac: own });
            self.transmit(dev, reply, cx);
        }
    }

    /// An IP packet reaches the stack.
    pub(crate) fn ip_input(&mut self, dev: DevId, packet: Packet, cx: &mut Ctx<'_>) {
        let input = self.dev_name(dev);
        let Some(ip) = packet.ip() else {
            return cx.drop_at(&packet, Link::Ip, &input, DropReason::Malformed);
        };
        let output = Arc::default();
        let mut skb = Skb { packet, ip, ct: Tracked::Untracked, input, input_dev: Some(dev), output, bridged: false };
        if self.tracking && skb.ip.is_fragment() {
            match self.reassemble(skb, cx) {
                Some(whole) => skb = whole,
                None => return,
            }
        }
        if self.pre_hook(Stage::Prerouting, "PREROUTING", &mut skb, cx) {
            self.route_input(skb, cx);
        }
    }

    /// Decides whether a packet is for this host.
    pub(crate) fn route_input(&mut self, skb: Skb, cx: &mut Ctx<'_>) {
        let to = skb.ip.dst;
        if !self.has_way_back(&skb) {
            return cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::NoWayBack(skb.ip.src));
        }
        match self.route_to(to).cloned() {
            _ if to == Ipv4Addr::BROADCAST => self.local_input(skb, cx),
            Some(route) if matches!(route.kind, RouteKind::Local | RouteKind::Broadcast) => self.local_input(skb, cx),
            route if !self.ip_forward => {
                let _ = route;
                cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::ForwardingOff);
            }
            None => {
                cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::NoRoute(to));
                self.icmp_error(&skb, (3, 0), 0, cx);
            }
            Some(route) if route.kind != RouteKind::Unicast => {
                cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::Blackhole(route.clone()));
                if route.kind == RouteKind::Unreachable {
                    self.icmp_error(&skb, (3, 1), 0, cx);
                }
            }
            Some(route) => self.forward(skb, &route, cx),
        }
    }

    /// Whether the reverse-path filter lets a packet in (`fib_validate_source`).
    fn has_way_back(&self, skb: &Skb) -> bool {
        let Some(dev) = skb.input_dev.filter(|dev| self.rp_filter > 0 && *dev != LO) else { return true };
        match self.route_to(skb.ip.src) {
            Some(route) if matches!(route.kind, RouteKind::Unicast) => self.rp_filter > 1 || route.dev == dev,
            _ => false,
        }
    }

    /// Passes a packet on.
    fn forward(&mut self, mut skb: Skb, route: &Arc<Route>, cx: &mut Ctx<'_>) {
        skb.output = route.dev_name.clone();
        cx.hop(&skb.packet, Link::Ip, &skb.output, Stage::Route, || Decision::Route(route.clone()));
        if skb.ip.ttl <= 1 {
            cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::TtlExceeded);
            return self.icmp_error(&skb, (11, 0), 0, cx);
        }
        let mtu = self.devices.get(&route.dev).map_or(0, |d| d.mtu);
        if skb.ip.df && u32::from(skb.ip.total) > mtu {
            cx.drop_at(&skb.packet, Link::Ip, &skb.output, DropReason::TooBig { mtu });
            return self.icmp_error(&skb, (3, 4), mtu, cx);
        }
        if !self.filter_hook(Stage::Forward, "FORWARD", &mut skb, cx) {
            return;
        }
        self.ipvs_answer("FORWARD", &mut skb, cx);
        skb.packet.decrement_ttl();
        skb.ip.ttl -= 1;
        self.postroute(skb, route, cx);
    }

    /// A packet for this host.
    fn local_input(&mut self, skb: Skb, cx: &mut Ctx<'_>) {
        let skb = if skb.ip.is_fragment() { self.reassemble(skb, cx) } else { Some(skb) };
        let Some(mut skb) = skb else { return };
        if !self.filter_hook(Stage::Input, "INPUT", &mut skb, cx) {
            return;
        }
        let Some(mut skb) = self.ipvs_input(skb, cx) else { return };
        if self.post_hook(Table::Nat, Stage::Input, "INPUT", &mut skb, cx) {
            self.deliver(skb, cx);
        }
    }
}
