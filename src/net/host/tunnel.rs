//! VXLAN in the kernel: wrapping what leaves by such a device, unwrapping what arrives on its port.
//!
//! Models `vxlan_xmit` and `vxlan_rcv`. The wrapping packet is one of the host's own: it is routed, passes OUTPUT and
//! POSTROUTING and may be fragmented (DF is not set).

use std::net::SocketAddrV4;
use std::sync::Arc;

use crate::net::addr::DevId;
use crate::net::device::DeviceKind;
use crate::net::fabric::Ctx;
use crate::net::hop::{Decision, DropReason, Link, Stage};
use crate::net::host::{Netns, Skb};
use crate::net::packet::Packet;
use crate::net::packet::build::{self, IpChoice};
use crate::net::vxlan;

impl Netns {
    /// A frame leaves by a VXLAN device.
    pub(crate) fn encapsulate(&mut self, dev: DevId, frame: &Packet, cx: &mut Ctx<'_>) {
        let name = self.dev_name(dev);
        let Some(DeviceKind::Vxlan(tunnel)) = self.devices.get(&dev).map(|d| &d.kind) else { return };
        let mac = frame.ether().dst;
        let Some(remote) = tunnel.remote_of(mac) else {
            return cx.drop_at(frame, Link::Ethernet, &name, DropReason::NoTunnelEnd(mac));
        };
        let vni = tunnel.vni;
        let from = SocketAddrV4::new(tunnel.local, vxlan::source_port(frame.frame(), self.id));
        let to = SocketAddrV4::new(remote, tunnel.port);
        cx.hop(frame, Link::Ethernet, &name, Stage::Tunnel, || Decision::Tunnel { mac, remote, vni });
        let choice = IpChoice { ttl: 64, id: self.next_ip_id(), df: false };
        let payload = [&vxlan::header(vni), frame.frame()].concat();
        let tag = cx.tag(frame.tag.flow);
        let mut outer = Packet::of_buf(build::udp(from, to, choice, &payload), tag, Some(frame.tag));
        outer.mark = frame.mark;
        // Nobody is told of a host that cannot be reached: the frame is lost.
        let _ = self.output(outer, cx);
    }

    /// Whether the kernel itself takes datagrams of a port.
    pub(crate) fn is_tunnel_port(&self, port: u16) -> bool {
        self.devices.values().any(|d| matches!(&d.kind, DeviceKind::Vxlan(tunnel) if tunnel.port == port))
    }

    /// A datagram arrives on the port of a VXLAN device: the frame inside comes in by the device of its VNI.
    pub(crate) fn decapsulate(&mut self, skb: &Skb, cx: &mut Ctx<'_>) {
        let Some((vni, frame)) = vxlan::parse(&skb.packet.l4(&skb.ip)[8..]) else {
            return cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::Malformed);
        };
        let is_its = |kind: &DeviceKind| matches!(kind, DeviceKind::Vxlan(tunnel) if tunnel.vni == vni);
        let Some(device) = self.devices.values_mut().find(|d| d.up && is_its(&d.kind)) else {
            return cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::NoTunnel(vni));
        };
        let (dev, name): (DevId, Arc<str>) = (device.id, device.name.clone());
        device.count_rx(frame.len());
        cx.hop(&skb.packet, Link::Ip, &skb.input, Stage::Deliver, || Decision::Untunnel { vni, dev: name.clone() });
        let tag = skb.packet.carries.unwrap_or_else(|| cx.tag(skb.packet.tag.flow));
        let inner = Packet::of_buf(frame.to_vec(), tag, None);
        let from = skb.ip.src;
        self.tap(&inner, Link::Ethernet, dev, Stage::In, cx);
        cx.hop(&inner, Link::Ethernet, &name, Stage::Decap, || Decision::Tunnelled { vni, from });
        self.ether_input(dev, inner, cx);
    }
}
