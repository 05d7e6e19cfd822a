//! A packet: real bytes, with room for an Ethernet header in front, and the tag that travels beside them.
//!
//! The bytes are shared between the packet and the hop records that show it; a change copies them only if somebody else
//! still looks at the old ones. Changes of single header fields patch the checksums incrementally (RFC 1624).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use etherparse::checksum::Sum16BitWords;

use crate::net::addr::{Mac, Tag};

pub mod build;
pub mod layers;

/// The length of an Ethernet header.
pub const ETHER_LEN: usize = 14;
/// EtherType of IPv4.
pub const ETHER_IPV4: u16 = 0x0800;
/// EtherType of ARP.
pub const ETHER_ARP: u16 = 0x0806;
/// IP protocol number of ICMP.
pub const ICMP: u8 = 1;
/// IP protocol number of TCP.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;

/// A frame or an IP packet on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Packet {
    /// Always begins with the space of an Ethernet header.
    pub(crate) buf: Arc<[u8]>,
    /// What it is and belongs to.
    pub tag: Tag,
    /// The packet inside, if it encapsulates one.
    pub carries: Option<Tag>,
    /// The firewall mark (`-j MARK`); lives in one namespace only.
    pub(crate) mark: u32,
}

/// What an Ethernet header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ether {
    /// To whom.
    pub dst: Mac,
    /// From whom.
    pub src: Mac,
    /// The EtherType.
    pub kind: u16,
}

/// What an IPv4 header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip {
    /// Source address.
    pub src: Ipv4Addr,
    /// Destination address.
    pub dst: Ipv4Addr,
    /// Protocol number.
    pub proto: u8,
    /// Time to live.
    pub ttl: u8,
    /// Identification.
    pub id: u16,
    /// "Don't fragment".
    pub df: bool,
    /// "More fragments".
    pub mf: bool,
    /// Offset of this fragment, in bytes.
    pub offset: u16,
    /// Length of the header, in bytes.
    pub header: u8,
    /// Length of header and payload, in bytes.
    pub total: u16,
}

impl Ip {
    /// Reads the header; `None` if it is not a whole IPv4 packet with a right header checksum.
    pub fn parse(bytes: &[u8]) -> Option<Ip> {
        Ip::parse_cut(bytes).filter(|ip| usize::from(ip.total) <= bytes.len())
    }

    /// As [`Ip::parse`], of a packet of which only the beginning is there (in an ICMP error).
    pub fn parse_cut(bytes: &[u8]) -> Option<Ip> {
        Ip::read(bytes).filter(|ip| sums_to_zero(&bytes[..usize::from(ip.header)]))
    }

    /// The fields of the header, its checksum not looked at.
    fn read(bytes: &[u8]) -> Option<Ip> {
        let head = bytes.get(..20)?;
        let header = (head[0] & 0x0f) * 4;
        let total = be16(head, 2);
        let fits = usize::from(header) <= bytes.len() && u16::from(header) <= total;
        if head[0] >> 4 != 4 || header < 20 || !fits {
            return None;
        }
        let frag = be16(head, 6);
        Some(Ip {
            src: addr(head, 12),
            dst: addr(head, 16),
            proto: head[9],
            ttl: head[8],
            id: be16(head, 4),
            df: frag & 0x4000 != 0,
            mf: frag & 0x2000 != 0,
            offset: (frag & 0x1fff) * 8,
            header,
            total,
        })
    }

    /// Whether it is a part of a packet only.
    pub fn is_fragment(&self) -> bool {
        self.mf || self.offset > 0
    }

    /// Whether the beginning of the payload is here (an unfragmented packet or a first fragment).
    pub fn is_first(&self) -> bool {
        self.offset == 0
    }
}

impl Packet {
    /// A packet of IP bytes.
    pub fn of_ip(bytes: &[u8], tag: Tag, carries: Option<Tag>) -> Packet {
        let mut buf = vec![0; ETHER_LEN + bytes.len()];
        buf[ETHER_LEN..].copy_from_slice(bytes);
        Packet::of_buf(buf, tag, carries)
    }

    /// A packet of a buffer that begins with the space of an Ethernet header.
    pub fn of_buf(buf: Vec<u8>, tag: Tag, carries: Option<Tag>) -> Packet {
        debug_assert!(buf.len() >= ETHER_LEN, "a packet has room for an Ethernet header");
        Packet { buf: buf.into(), tag, carries, mark: 0 }
    }

    /// The whole frame.
    pub fn frame(&self) -> &[u8] {
        &self.buf
    }

    /// What follows the Ethernet header.
    pub fn payload(&self) -> &[u8] {
        &self.buf[ETHER_LEN..]
    }

    /// The Ethernet header.
    pub fn ether(&self) -> Ether {
        let b = &self.buf;
        let mac = |at: usize| Mac([b[at], b[at + 1], b[at + 2], b[at + 3], b[at + 4], b[at + 5]]);
        Ether { dst: mac(0), src: mac(6), kind: be16(b, 12) }
    }

    /// The IPv4 header, if the payload is a sound IPv4 packet.
    pub fn ip(&self) -> Option<Ip> {
        Ip::parse(self.payload())
    }

    /// The IPv4 header of a packet that was built here, or found sound when it came in: its checksum is not looked at again.
    pub(crate) fn sound_ip(&self) -> Ip {
        Ip::read(self.payload()).expect("it was sound when it came in")
    }

    /// What follows the IP header, up to the length that the header tells.
    pub fn l4(&self, ip: &Ip) -> &[u8] {
        &self.payload()[usize::from(ip.header)..usize::from(ip.total)]
    }

    /// Source and destination port; for an ICMP echo its identifier twice. `None` for what has neither.
    pub fn ports(&self, ip: &Ip) -> Option<(u16, u16)> {
        ports_of(ip, self.l4(ip))
    }

    /// Writes the Ethernet header.
    pub fn set_ether(&mut self, ether: Ether) {
        let b = Arc::make_mut(&mut self.buf);
        b[..6].copy_from_slice(&ether.dst.0);
        b[6..12].copy_from_slice(&ether.src.0);
        b[12..14].copy_from_slice(&ether.kind.to_be_bytes());
    }

    /// Takes one from the time to live.
    pub fn decrement_ttl(&mut self) {
        lower_ttl(&mut Arc::make_mut(&mut self.buf)[ETHER_LEN..]);
    }

    /// Writes another source (or destination) address and port; for an ICMP echo the port is its identifier.
    pub(crate) fn rewrite(&mut self, ip: &Ip, source: bool, to: SocketAddrV4) {
        let b = &mut Arc::make_mut(&mut self.buf)[ETHER_LEN..];
        let at = if source { 12 } else { 16 };
        let new = to.ip().octets();
        let changes = [
            (be16(b, at), u16::from_be_bytes([new[0], new[1]])),
            (be16(b, at + 2), u16::from_be_bytes([new[2], new[3]])),
        ];
        b[at..at + 4].copy_from_slice(&new);
        patch(b, 10, &changes);
        if !ip.is_first() {
            return;
        }
        let l4 = &mut b[usize::from(ip.header)..usize::from(ip.total)];
        let port_at = if source { 0 } else { 2 };
        match ip.proto {
            TCP if l4.len() >= 20 => put_port(l4, port_at, 16, to.port(), &changes),
            UDP if l4.len() >= 8 && be16(l4, 6) != 0 => put_port(l4, port_at, 6, to.port(), &changes),
            UDP if l4.len() >= 8 => l4[port_at..port_at + 2].copy_from_slice(&to.port().to_be_bytes()),
            ICMP if l4.len() >= 8 && matches!(l4[0], 0 | 8) => put_port(l4, 4, 2, to.port(), &[]),
            _ => {}
        }
    }

    /// Whether the checksum of the TCP segment, UDP datagram or ICMP message is right (true for what has none).
    pub fn l4_sum_is_right(&self, ip: &Ip) -> bool {
        is_sound(ip, self.l4(ip))
    }
}

/// Whether the checksum of what IP carries is right (true for what has none).
pub(crate) fn is_sound(ip: &Ip, l4: &[u8]) -> bool {
    match ip.proto {
        _ if ip.is_fragment() => true,
        UDP if l4.len() >= 8 && be16(l4, 6) == 0 => true,
        TCP | UDP => pseudo_sum(ip.src, ip.dst, ip.proto, l4).ones_complement() == 0,
        ICMP => sums_to_zero(l4),
        _ => true,
    }
}

/// Takes one from the time to live of an IP packet and mends its checksum; answers what is left, `None` of no header.
pub fn lower_ttl(bytes: &mut [u8]) -> Option<u8> {
    if bytes.len() < 20 {
        return None;
    }
    let old = be16(bytes, 8);
    bytes[8] = bytes[8].saturating_sub(1);
    let new = be16(bytes, 8);
    patch(bytes, 10, &[(old, new)]);
    Some(bytes[8])
}

/// The ports in the first bytes of a TCP segment or UDP datagram; for an ICMP echo its identifier twice.
pub(crate) fn ports_of(ip: &Ip, l4: &[u8]) -> Option<(u16, u16)> {
    match ip.proto {
        _ if !ip.is_first() => None,
        TCP | UDP if l4.len() >= 4 => Some((be16(l4, 0), be16(l4, 2))),
        ICMP if l4.len() >= 8 && matches!(l4[0], 0 | 8) => Some((be16(l4, 4), be16(l4, 4))),
        _ => None,
    }
}

/// The sum over the pseudo header and the segment or datagram.
pub(crate) fn pseudo_sum(src: Ipv4Addr, dst: Ipv4Addr, proto: u8, l4: &[u8]) -> Sum16BitWords {
    let len = u16::try_from(l4.len()).expect("an IP payload is shorter than 64 KiB");
    Sum16BitWords::new()
        .add_4bytes(src.octets())
        .add_4bytes(dst.octets())
        .add_2bytes([0, proto])
        .add_2bytes(len.to_be_bytes())
        .add_slice(l4)
}

/// Two bytes at `at`, most significant first.
pub(crate) fn be16(b: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([b[at], b[at + 1]])
}

/// The address at `at`.
pub(crate) fn addr(b: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::new(b[at], b[at + 1], b[at + 2], b[at + 3])
}

fn sums_to_zero(bytes: &[u8]) -> bool {
    // etherparse sums in the machine's byte order; whether the complement is zero does not depend on it.
    Sum16BitWords::new().add_slice(bytes).ones_complement() == 0
}

/// Patches the checksum at `at` for 16-bit words that changed (RFC 1624, equation 3).
fn patch(b: &mut [u8], at: usize, changes: &[(u16, u16)]) {
    let mut sum = u32::from(!be16(b, at));
    for (old, new) in changes {
        sum += u32::from(!old) + u32::from(*new);
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let sum = !u16::try_from(sum).expect("folded to 16 bits");
    b[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

fn put_port(l4: &mut [u8], port_at: usize, sum_at: usize, port: u16, addresses: &[(u16, u16)]) {
    let old = be16(l4, port_at);
    l4[port_at..port_at + 2].copy_from_slice(&port.to_be_bytes());
    patch(l4, sum_at, addresses);
    patch(l4, sum_at, &[(old, port)]);
}
