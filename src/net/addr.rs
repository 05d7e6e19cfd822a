//! The names of things on the network: MAC addresses, namespaces, devices, sockets, packets, conversations.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An Ethernet address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: Mac = Mac([0xff; 6]);
    /// `00:00:00:00:00:00`, what loopback and an unanswered ARP request show.
    pub const ZERO: Mac = Mac([0; 6]);

    /// The address that Docker gives to the interface with `ip`: `02:42` and the four bytes of the address.
    pub fn of_ip(ip: Ipv4Addr) -> Mac {
        let [a, b, c, d] = ip.octets();
        Mac([0x02, 0x42, a, b, c, d])
    }

    /// A locally administered unicast address made of 64 random bits.
    pub fn local(bits: u64) -> Mac {
        let b = bits.to_le_bytes();
        Mac([b[0] & 0xfc | 0x02, b[1], b[2], b[3], b[4], b[5]])
    }

    /// Whether it addresses a group (broadcast included).
    pub fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = BadMac;
    fn from_str(text: &str) -> Result<Mac, BadMac> {
        let mut mac = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut mac {
            let part = parts.next().filter(|p| p.len() == 2).ok_or(BadMac)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| BadMac)?;
        }
        parts.next().is_none().then_some(Mac(mac)).ok_or(BadMac)
    }
}

/// The text is not six hexadecimal pairs joined by colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadMac;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// A network namespace: a node's or a pod's.
    NsId(u32)
);
number!(
    /// A device of one namespace: its ifindex.
    DevId(u32)
);
number!(
    /// A socket, unique in the whole fabric and never reused.
    SocketId(u64)
);
number!(
    /// A packet. It stays the same while the packet crosses devices; a packet that encapsulates another has its own.
    PacketId(u64)
);
number!(
    /// A conversation: all packets of one connection, exchange of datagrams or ping, in both directions.
    FlowId(u64)
);
number!(
    /// Whoever uses sockets or holds the other end of a TUN; means nothing to the network.
    Owner(u64)
);
number!(
    /// An Ethernet segment: a switch that joins the `eth0` of several namespaces.
    SegmentId(u32)
);

/// A device of a namespace: one end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct End {
    /// The namespace.
    pub ns: NsId,
    /// The device in it.
    pub dev: DevId,
}

/// What a packet is and what it belongs to. Travels beside the bytes, never in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tag {
    /// The packet.
    pub packet: PacketId,
    /// Its conversation.
    pub flow: FlowId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_written_and_read_as_iproute2_does() {
        let mac = Mac::of_ip(Ipv4Addr::new(10, 244, 1, 2));
        assert_eq!(mac.to_string(), "02:42:0a:f4:01:02");
        assert_eq!("02:42:0a:f4:01:02".parse(), Ok(mac));
        assert_eq!("02:42:0a:f4:01".parse::<Mac>(), Err(BadMac));
        assert_eq!("02:42:0a:f4:01:zz".parse::<Mac>(), Err(BadMac));
    }

    #[test]
    fn a_random_mac_is_local_and_unicast() {
        for bits in [0, u64::MAX, 0x1234_5678_9abc_def1] {
            let mac = Mac::local(bits);
            assert!(!mac.is_multicast());
            assert_eq!(mac.0[0] & 2, 2);
        }
    }
}
