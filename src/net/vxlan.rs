//! VXLAN: an Ethernet segment inside UDP, between hosts (RFC 7348).
//!
//! Models drivers/net/vxlan of Linux for a device that does not learn, as flannel makes it: whoever programs the forwarding
//! database says behind which host an address is, and a frame to any other address is dropped, broadcasts included. Differs:
//! the hash behind the source port is FNV instead of a seeded jhash; who looks for the very numbers can tell.

use std::net::Ipv4Addr;

use crate::net::addr::{DevId, Mac, NsId};
use crate::net::packet::{ETHER_IPV4, ETHER_LEN, Ip, be16, ports_of};
use crate::sim::VecMap;

/// Linux's port for VXLAN, older than the one that IANA gave out (4789).
pub const PORT: u16 = 8472;
/// The length of a VXLAN header.
pub const HEADER: usize = 8;
/// Source ports are drawn from here (`net.ipv4.ip_local_port_range`).
const SOURCE_PORTS: (u16, u16) = (32_768, 60_999);
/// The flag that says that there is a VNI.
const HAS_VNI: u8 = 0x08;

/// A VXLAN device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Vxlan {
    /// Its network identifier, 24 bits.
    pub vni: u32,
    /// The address that it sends from.
    pub local: Ipv4Addr,
    /// The device that it was created on.
    pub parent: DevId,
    /// The UDP port, here and there.
    pub port: u16,
    /// Behind which host an address is.
    fdb: VecMap<Mac, Ipv4Addr>,
}

impl Vxlan {
    /// A device with an empty forwarding database.
    pub fn new(vni: u32, local: Ipv4Addr, parent: DevId, port: u16) -> Vxlan {
        Vxlan { vni, local, parent, port, fdb: VecMap::new() }
    }

    /// The host behind which an address is.
    pub fn remote_of(&self, mac: Mac) -> Option<Ipv4Addr> {
        self.fdb.get(&mac).copied()
    }

    /// Puts a permanent entry in, or takes one away.
    pub fn set(&mut self, mac: Mac, remote: Option<Ipv4Addr>) {
        match remote {
            Some(remote) => _ = self.fdb.insert(mac, remote),
            None => _ = self.fdb.remove(&mac),
        }
    }

    /// The forwarding database, by address.
    pub fn iter(&self) -> impl Iterator<Item = (Mac, Ipv4Addr)> + '_ {
        self.fdb.iter().map(|(mac, remote)| (*mac, *remote))
    }
}

/// The header: a flag, three bytes that are zero, the VNI, a byte that is zero.
pub fn header(vni: u32) -> [u8; HEADER] {
    let [_, a, b, c] = vni.to_be_bytes();
    [HAS_VNI, 0, 0, 0, a, b, c, 0]
}

/// The VNI and the frame of a datagram's payload; `None` if it is no VXLAN.
pub fn parse(payload: &[u8]) -> Option<(u32, &[u8])> {
    let (head, frame) = payload.split_at_checked(HEADER)?;
    (head[0] & HAS_VNI != 0 && frame.len() >= ETHER_LEN)
        .then(|| (u32::from_be_bytes([0, head[4], head[5], head[6]]), frame))
}

/// The source port for a frame: one for each conversation inside, so that the hosts' network can balance them
/// (`udp_flow_src_port`). Each host hashes in its own way.
pub fn source_port(frame: &[u8], host: NsId) -> u16 {
    let hash = flow_hash(frame, host);
    let hash = u64::from(hash ^ (hash << 16));
    let (low, high) = SOURCE_PORTS;
    low + u16::try_from((hash * u64::from(high - low)) >> 32).expect("below the width of the range")
}

fn flow_hash(frame: &[u8], host: NsId) -> u32 {
    let mut hash = Fnv(0x811c_9dc5);
    hash.add(&host.0.to_be_bytes());
    let ip = (be16(frame, 12) == ETHER_IPV4).then(|| Ip::parse_cut(&frame[ETHER_LEN..])).flatten();
    let Some(ip) = ip else {
        hash.add(&frame[..ETHER_LEN]);
        return hash.0;
    };
    hash.add(&ip.src.octets());
    hash.add(&ip.dst.octets());
    hash.add(&[ip.proto]);
    // Fragments stay together: none of them tells its ports.
    let l4 = frame.get(ETHER_LEN + usize::from(ip.header)..).filter(|_| !ip.is_fragment());
    if let Some((from, to)) = l4.and_then(|l4| ports_of(&ip, l4)) {
        hash.add(&from.to_be_bytes());
        hash.add(&to.to_be_bytes());
    }
    hash.0
}

struct Fnv(u32);

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::packet::build::{self, IpChoice};
    use std::net::SocketAddrV4;

    #[test]
    fn a_header_is_as_the_rfc_draws_it() {
        assert_eq!(header(1), [8, 0, 0, 0, 0, 0, 1, 0]);
        assert_eq!(header(0x00ab_cdef), [8, 0, 0, 0, 0xab, 0xcd, 0xef, 0]);
        let datagram = [&header(7)[..], &[0; ETHER_LEN]].concat();
        assert_eq!(parse(&datagram), Some((7, &[0; ETHER_LEN][..])));
        assert_eq!(parse(&datagram[1..]), None);
        assert_eq!(parse(&[0; HEADER + ETHER_LEN]), None);
    }

    #[test]
    fn a_conversation_has_one_source_port_and_many_have_many() {
        let frame = |port: u16| {
            let (from, to) =
                (SocketAddrV4::new([10, 244, 1, 2].into(), port), SocketAddrV4::new([10, 244, 2, 2].into(), 80));
            let mut frame = build::udp(from, to, IpChoice { ttl: 64, id: port, df: true }, b"x");
            frame[12..14].copy_from_slice(&ETHER_IPV4.to_be_bytes());
            frame
        };
        assert_eq!(source_port(&frame(1), NsId(1)), source_port(&frame(1), NsId(1)));
        let mut ports: Vec<u16> = (1..=100).map(|n| source_port(&frame(n), NsId(1))).collect();
        assert!(ports.iter().all(|p| (SOURCE_PORTS.0..SOURCE_PORTS.1).contains(p)));
        ports.sort_unstable();
        ports.dedup();
        assert!(ports.len() > 90, "{}", ports.len());
    }
}
