//! What goes out: routing what programs send, neighbours, devices, ICMP errors.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::net::addr::{DevId, End, FlowId, Mac, Tag};
use crate::net::conntrack::Tracked;
use crate::net::device::DeviceKind;
use crate::net::fabric::{Ctx, Effect, VETH_LATENCY};
use crate::net::filter::Table;
use crate::net::hop::{Decision, DropReason, Link, Stage};
use crate::net::host::{LO, Netns, Skb};
use crate::net::neigh::{Neighbour, QUEUE, Step};
use crate::net::packet::build::{self, IpChoice};
use crate::net::packet::{ICMP, Packet};
use crate::net::route::{Route, RouteKind};
use crate::net::socket::NetError;

impl Netns {
    /// Sends an IP packet that was made here.
    pub(crate) fn output(&mut self, packet: Packet, cx: &mut Ctx<'_>) -> Result<(), NetError> {
        let ip = packet.sound_ip();
        let none = Arc::default();
        let stage = if packet.carries.is_some() { Stage::Encap } else { Stage::Send };
        let Some(route) = self.route_to(ip.dst).cloned() else {
            cx.drop_at(&packet, Link::Ip, &none, DropReason::NoRoute(ip.dst));
            return Err(NetError::NetUnreachable);
        };
        if matches!(route.kind, RouteKind::Blackhole | RouteKind::Unreachable) {
            cx.drop_at(&packet, Link::Ip, &none, DropReason::Blackhole(route));
            return Err(NetError::HostUnreachable);
        }
        let output = self.dev_name(self.egress(&route));
        cx.hop(&packet, Link::Ip, &output, stage, || Decision::Route(route.clone()));
        let mut skb = Skb { packet, ip, ct: Tracked::Untracked, input: none, input_dev: None, output, bridged: false };
        if !self.pre_hook(Stage::Output, "OUTPUT", &mut skb, cx) {
            return Ok(());
        }
        if !self.ipvs_output(&mut skb, cx) {
            return Err(NetError::Refused);
        }
        let mut route = route;
        if skb.ip.dst != ip.dst {
            let Some(other) = self.route_to(skb.ip.dst).cloned() else {
                cx.drop_at(&skb.packet, Link::Ip, &skb.output, DropReason::NoRoute(skb.ip.dst));
                return Err(NetError::NetUnreachable);
            };
            route = other;
            skb.output = self.dev_name(self.egress(&route));
            cx.hop(&skb.packet, Link::Ip, &skb.output, Stage::Output, || Decision::Route(route.clone()));
        }
        if !self.filter_hook(Stage::Output, "OUTPUT", &mut skb, cx) {
            return Err(NetError::Prohibited);
        }
        self.postroute(skb, &route, cx);
        Ok(())
    }

    /// The last hook, then cutting to size, then out.
    pub(crate) fn postroute(&mut self, mut skb: Skb, route: &Arc<Route>, cx: &mut Ctx<'_>) {
        if !self.post_hook(Table::Nat, Stage::Postrouting, "POSTROUTING", &mut skb, cx) {
            return;
        }
        let dev = self.egress(route);
        let mtu = self.devices.get(&dev).map_or(0, |d| d.mtu);
        if u32::from(skb.ip.total) <= mtu {
            return self.send_via(skb.packet, route, cx);
        }
        if skb.ip.df {
            cx.drop_at(&skb.packet, Link::Ip, &skb.output, DropReason::TooBig { mtu });
            return self.icmp_error(&skb, (3, 4), mtu, cx);
        }
        let parts = build::fragments(skb.packet.payload(), &skb.ip, mtu);
        let count = u16::try_from(parts.len()).expect("a packet has few fragments");
        cx.hop(&skb.packet, Link::Ip, &skb.output, Stage::Fragment, || Decision::Fragmented(count));
        for part in parts {
            self.send_via(Packet::of_buf(part, skb.packet.tag, skb.packet.carries), route, cx);
        }
    }

    /// The device that a route leads to: `lo` for what is our own.
    pub(crate) fn egress(&self, route: &Route) -> DevId {
        if route.kind == RouteKind::Local { LO } else { route.dev }
    }

    /// Hands a packet to the device of its route, with a hardware address if it needs one.
    pub(crate) fn send_via(&mut self, mut packet: Packet, route: &Arc<Route>, cx: &mut Ctx<'_>) {
        let dev = self.egress(route);
        let Some(device) = self.devices.get_mut(&dev).filter(|d| d.up) else {
            return cx.drop_at(&packet, Link::Ip, &self.dev_name(dev), DropReason::LinkDown);
        };
        let (name, mac) = (device.name.clone(), device.mac);
        match device.kind {
            DeviceKind::Tun(owner) => {
                device.count_tx(packet.payload().len());
                self.tap(&packet, Link::Ip, dev, Stage::Out, cx);
                cx.hop(&packet, Link::Ip, &name, Stage::Tun, || Decision::TunRead(owner));
                let (bytes, tag) = (packet.payload().into(), packet.tag);
                cx.out.push(Effect::TunRead { owner, ns: self.id, dev, bytes, tag });
            }
            DeviceKind::Loopback => {
                packet.set_ether(build::ipv4_ether(Mac::ZERO, Mac::ZERO));
                self.transmit(dev, packet, cx);
            }
            _ => {
                let ip = packet.sound_ip();
                let group =
                    route.kind == RouteKind::Broadcast || ip.dst == Ipv4Addr::BROADCAST || ip.dst.is_multicast();
                let to = if group { Some(Mac::BROADCAST) } else { self.resolve(dev, &packet, ip.src, route, cx) };
                if let Some(to) = to {
                    packet.set_ether(build::ipv4_ether(mac, to));
                    self.transmit(dev, packet, cx);
                }
            }
        }
    }

    /// The hardware address of the next hop; `None` if the packet waits (a copy of it is kept) or is lost.
    fn resolve(
        &mut self,
        dev: DevId,
        packet: &Packet,
        src: Ipv4Addr,
        route: &Arc<Route>,
        cx: &mut Ctx<'_>,
    ) -> Option<Mac> {
        let ip = packet.sound_ip();
        let next = route.next_hop(ip.dst);
        if let Some(known) = self.neighbours.get_mut(&(dev, next)) {
            let before = known.deadline();
            if let Some(mac) = known.use_mac(cx.now) {
                if let Some(at) = known.deadline().filter(|at| Some(*at) != before) {
                    self.arp_timers.insert((at, dev, next));
                }
                return Some(mac);
            }
            if let Neighbour::Incomplete { queue, .. } = known {
                let name = self.devices[&dev].name.clone();
                queue.push_back((packet.clone(), route.clone()));
                let lost = if queue.len() > QUEUE { queue.pop_front() } else { None };
                cx.hop(packet, Link::Ip, &name, Stage::Neighbour, || Decision::Waits(next));
                if let Some((lost, _)) = lost {
                    cx.drop_at(&lost, Link::Ip, &name, DropReason::QueueFull(next));
                }
                return None;
            }
        }
        let name = self.devices[&dev].name.clone();
        cx.hop(packet, Link::Ip, &name, Stage::Neighbour, || Decision::Waits(next));
        let fresh = Neighbour::asked(packet.clone(), route.clone(), cx.now);
        self.arp_timers.extend(fresh.deadline().map(|at| (at, dev, next)));
        self.neighbours.insert((dev, next), fresh);
        self.ask(dev, next, Some(src), None, packet.tag.flow, cx);
        None
    }

    /// Sends an ARP request.
    fn ask(
        &mut self,
        dev: DevId,
        who: Ipv4Addr,
        src: Option<Ipv4Addr>,
        to: Option<Mac>,
        flow: FlowId,
        cx: &mut Ctx<'_>,
    ) {
        let src = src.filter(|ip| self.is_own(*ip)).or_else(|| self.devices[&dev].source_for(who));
        let (mac, name) = (self.devices[&dev].mac, self.devices[&dev].name.clone());
        let from = (mac, src.unwrap_or(Ipv4Addr::UNSPECIFIED));
        let frame = build::arp(false, from, (Mac::ZERO, who), to.unwrap_or(Mac::BROADCAST));
        let packet = Packet::of_buf(frame, cx.tag(flow), None);
        cx.hop(&packet, Link::Ethernet, &name, Stage::Send, || Decision::Waits(who));
        self.transmit(dev, packet, cx);
    }

    /// The timers of neighbours that ran out.
    pub(crate) fn wake_neighbours(&mut self, cx: &mut Ctx<'_>) {
        while let Some((_, dev, ip)) = self.arp_timers.first().copied().filter(|(at, ..)| *at <= cx.now) {
            self.arp_timers.pop_first();
            let Some(neighbour) = self.neighbours.get_mut(&(dev, ip)) else { continue };
            let flow = match neighbour {
                Neighbour::Incomplete { queue, .. } => queue.front().map(|(p, _)| p.tag.flow),
                _ => None,
            };
            let step = neighbour.timeout(cx.now);
            self.arp_timers.extend(neighbour.deadline().map(|at| (at, dev, ip)));
            match step {
                Step::Ask { to } => {
                    let flow = flow.unwrap_or_else(|| cx.flow());
                    self.ask(dev, ip, None, to, flow, cx);
                }
                Step::GiveUp(lost) => {
                    let name = self.dev_name(dev);
                    for (packet, _) in lost {
                        cx.drop_at(&packet, Link::Ip, &name, DropReason::NoNeighbour(ip));
                        if let Some(skb) = Skb::again(packet) {
                            self.icmp_error(&skb, (3, 1), 0, cx);
                        }
                    }
                }
                Step::Send(_) | Step::Wait => {}
            }
        }
    }

    /// A frame leaves by a device.
    pub(crate) fn transmit(&mut self, dev: DevId, packet: Packet, cx: &mut Ctx<'_>) {
        let Some(device) = self.devices.get_mut(&dev) else {
            return cx.drop_at(&packet, Link::Ethernet, &Arc::from(""), DropReason::Gone);
        };
        if !device.up {
            device.stats.dropped += 1;
            return cx.drop_at(&packet, Link::Ethernet, &device.name.clone(), DropReason::LinkDown);
        }
        device.count_tx(packet.frame().len());
        // What goes out by loopback is seen once, as it comes back in.
        if device.kind != DeviceKind::Loopback {
            self.tap(&packet, Link::Ethernet, dev, Stage::Out, cx);
        }
        let device = &self.devices[&dev];
        let from = End { ns: self.id, dev };
        match device.kind {
            DeviceKind::Loopback => cx.carry(from, from, &device.name, VETH_LATENCY, packet),
            DeviceKind::Veth(peer) => cx.carry(from, peer, &device.name, VETH_LATENCY, packet),
            DeviceKind::Ether(segment) => {
                let name = device.name.clone();
                cx.wire(segment, from, &name, packet);
            }
            DeviceKind::Bridge(_) if packet.ether().dst.is_multicast() => self.flood(dev, None, packet, cx),
            DeviceKind::Bridge(_) => self.bridge_forward(dev, None, packet, cx),
            DeviceKind::Vxlan(_) => self.encapsulate(dev, &packet, cx),
            DeviceKind::Tun(_) => {}
            DeviceKind::Dummy => cx.drop_at(&packet, Link::Ethernet, &device.name.clone(), DropReason::NobodyThere),
        }
    }

    /// Tells the sender of a packet what became of it. Never about ICMP errors, broadcasts or later fragments.
    pub(crate) fn icmp_error(&mut self, about: &Skb, what: (u8, u8), rest: u32, cx: &mut Ctx<'_>) {
        let ip = &about.ip;
        let l4 = about.packet.l4(ip);
        let is_error = ip.proto == ICMP && l4.first().is_none_or(|kind| !matches!(kind, 0 | 8));
        let group = |a: Ipv4Addr| a.is_multicast() || a.is_broadcast() || a.is_unspecified();
        if is_error || !ip.is_first() || group(ip.dst) || group(ip.src) {
            return;
        }
        let Some(route) = self.route_to(ip.src).cloned() else { return };
        let from = if self.is_own(ip.dst) { Some(ip.dst) } else { self.source_for(ip.src, &route) };
        let Some(from) = from else { return };
        let choice = IpChoice { ttl: 64, id: self.next_ip_id(), df: false };
        let known = about.as_its_sender_knows_it();
        let buf = build::icmp_error(from, ip.src, choice, what, rest, &known.payload()[..usize::from(ip.total)]);
        let tag = cx.tag(about.packet.tag.flow);
        // A sender that cannot be told is not told.
        let _ = self.output(Packet::of_buf(buf, tag, None), cx);
    }

    /// The identification of the next packet.
    pub(crate) fn next_ip_id(&mut self) -> u16 {
        self.ip_id = self.ip_id.wrapping_add(1);
        self.ip_id
    }

    /// What a packet to `to` by `route` may be long, in bytes.
    pub(crate) fn path_mtu_to(&self, to: Ipv4Addr, route: &Route) -> u32 {
        let device = self.devices.get(&self.egress(route)).map_or(1500, |d| d.mtu);
        self.path_mtu.get(&to).map_or(device, |known| device.min(u32::from(*known)))
    }

    /// Builds, sends and tags a packet of a conversation.
    pub(crate) fn send_built(
        &mut self,
        buf: Vec<u8>,
        flow: FlowId,
        carries: Option<Tag>,
        cx: &mut Ctx<'_>,
    ) -> Result<(), NetError> {
        let packet = Packet::of_buf(buf, cx.tag(flow), carries);
        self.output(packet, cx)
    }
}

impl Skb {
    /// The packet before its destination was rewritten, if its connection is not in the table yet: nothing else could find
    /// the way back for what is told about it.
    pub(crate) fn as_its_sender_knows_it(&self) -> Packet {
        let mut packet = self.packet.clone();
        if let Tracked::Fresh(connection) = &self.ct
            && connection.is_dnat()
        {
            let (ip, port) = connection.orig.dst;
            packet.rewrite(&self.ip, false, SocketAddrV4::new(ip, port));
        }
        packet
    }

    /// A packet that comes back from a queue; `None` if it is no IP packet.
    fn again(packet: Packet) -> Option<Skb> {
        let ip = packet.ip()?;
        let none: Arc<str> = Arc::default();
        let input = none.clone();
        Some(Skb { packet, ip, ct: Tracked::Untracked, input, input_dev: None, output: none, bridged: false })
    }
}
