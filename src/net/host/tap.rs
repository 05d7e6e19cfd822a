//! Where a device shows what passes through it: to a capture of everything, and to the packet sockets of its namespace.

use std::sync::Arc;

use crate::net::addr::{DevId, Owner};
use crate::net::device::DeviceKind;
use crate::net::fabric::Ctx;
use crate::net::hop::{Decision, Link, Stage};
use crate::net::host::{LO, Netns};
use crate::net::packet::Packet;
use crate::net::sniff::{Expr, Frame, View};
use crate::net::socket::{NetError, Socket, SocketEvent, SocketKind};

/// What the cooked header of a capture at all devices adds to a frame without its Ethernet header, in bytes.
const COOKED: i64 = 20;

impl Netns {
    /// Shows a packet at a device.
    pub(crate) fn tap(&self, packet: &Packet, link: Link, dev: DevId, stage: Stage, cx: &mut Ctx<'_>) {
        if cx.capturing() {
            cx.hop(packet, link, &self.dev_name(dev), stage, || Decision::Seen);
        }
        if self.sockets.packet().is_empty() {
            return;
        }
        let Some(device) = self.devices.get(&dev) else { return };
        let frame = Arc::new(Frame::of(device, stage, link, packet.frame(), cx.now));
        for id in self.sockets.packet() {
            let Some(socket) = self.sockets.get(*id) else { continue };
            let SocketKind::Packet { dev: only, filter } = &socket.kind else { continue };
            let extra = match (only, link) {
                (Some(_), _) => 0,
                (None, Link::Ethernet) => COOKED - 14,
                (None, Link::Ip) => COOKED,
            };
            if only.is_none_or(|only| only == dev) && filter.passes(&View::new(&frame.bytes, link, extra)) {
                cx.tell(*id, socket, SocketEvent::Frame(frame.clone()));
            }
        }
    }

    /// Opens a packet socket.
    pub(crate) fn sniff(&mut self, owner: Owner, token: u64, dev: &str, filter: Arc<Expr>, cx: &mut Ctx<'_>) {
        let device = match dev {
            "any" => None,
            "" => self.devices().find(|d| d.id != LO && d.up).or_else(|| self.device(LO)),
            name => match self.device_named(name) {
                None => return Netns::refuse(owner, token, NetError::NoDevice, cx),
                device => device,
            },
        };
        let link = match device.map(|d| &d.kind) {
            Some(DeviceKind::Tun(_)) => Link::Ip,
            _ => Link::Ethernet,
        };
        let name = device.map_or_else(|| Arc::from("any"), |d| d.name.clone());
        let kind = SocketKind::Packet { dev: device.map(|d| d.id), filter };
        let (id, socket) = (cx.socket(), Socket { owner, token, kind });
        cx.tell(id, &socket, SocketEvent::Sniffing { dev: name, link });
        self.sockets.insert(id, socket);
    }
}
