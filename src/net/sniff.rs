//! Packet sockets: what a program that listens at devices (tcpdump) sees, and the filter that decides it in the kernel.
//!
//! Models net/packet/af_packet.c as libpcap uses it: every frame that a device takes in or sends is shown once, with whether
//! it was for this host, as long as the filter of the socket says yes. Differs: nothing is ever lost for want of room.

use std::sync::Arc;

use crate::net::addr::Mac;
use crate::net::device::{Device, DeviceKind};
use crate::net::hop::{Link, Stage};
use crate::net::packet::ETHER_LEN;
use crate::sim::Time;

pub mod expr;
mod parse;
pub mod token;

pub use expr::{Expr, View};
pub use parse::{FilterError, SERVICES};

/// A frame as a packet socket sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// When.
    pub at: Time,
    /// At which device.
    pub dev: Arc<str>,
    /// Its number.
    pub index: u32,
    /// The device's own type in a cooked header (`ARPHRD_…`).
    pub hardware: u16,
    /// Whose it is.
    pub way: Way,
    /// What the bytes begin with.
    pub link: Link,
    /// The bytes.
    pub bytes: Arc<[u8]>,
}

/// Whose a frame is (`PACKET_HOST` and the others); the numbers are those of a cooked header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// For this host.
    In = 0,
    /// For everybody.
    Broadcast = 1,
    /// For a group.
    Multicast = 2,
    /// For somebody else; seen because the card takes everything in, or by a bridge port.
    Other = 3,
    /// Sent by this host.
    Out = 4,
}

impl Frame {
    /// What `device` shows of a frame; `stage` is `In` or `Out`.
    pub fn of(device: &Device, stage: Stage, link: Link, frame: &[u8], at: Time) -> Frame {
        let bytes = match link {
            Link::Ethernet => frame,
            Link::Ip => &frame[ETHER_LEN..],
        };
        let to = Mac([frame[0], frame[1], frame[2], frame[3], frame[4], frame[5]]);
        let way = match (stage, link) {
            (Stage::Out, _) => Way::Out,
            (_, Link::Ip) => Way::In,
            _ if to == Mac::BROADCAST => Way::Broadcast,
            _ if to.is_multicast() => Way::Multicast,
            _ if to == device.mac => Way::In,
            _ => Way::Other,
        };
        let hardware = match device.kind {
            DeviceKind::Loopback => 772,
            DeviceKind::Tun(_) => 0xfffe,
            _ => 1,
        };
        Frame { at, dev: device.name.clone(), index: device.id.0, hardware, way, link, bytes: bytes.into() }
    }
}
