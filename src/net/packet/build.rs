//! Builds packets: every length and checksum is right. Headers are written by etherparse.
//!
//! Differs from Linux: TCP offers no timestamps and no selective acknowledgement; who looks at the options can tell.

use std::net::{Ipv4Addr, SocketAddrV4};

use etherparse::{ArpEthIpv4Packet, ArpOperation, IpFragOffset, IpNumber, Ipv4Header, TcpHeader, TcpOptionElement};
use etherparse::{IcmpEchoHeader, Icmpv4Header, Icmpv4Type, UdpHeader};

use crate::net::addr::Mac;
use crate::net::packet::{ETHER_ARP, ETHER_LEN, Ether, ICMP, Ip, TCP, UDP};

/// The fields of the IP header that a sender chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpChoice {
    /// Time to live.
    pub ttl: u8,
    /// Identification.
    pub id: u16,
    /// "Don't fragment".
    pub df: bool,
}

/// A TCP segment without its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Segment {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number; `None` without ACK flag.
    pub ack: Option<u32>,
    /// SYN.
    pub syn: bool,
    /// FIN.
    pub fin: bool,
    /// RST.
    pub rst: bool,
    /// PSH.
    pub psh: bool,
    /// The window field as it is in the header (not scaled).
    pub window: u16,
    /// Maximum segment size (on SYN only).
    pub mss: Option<u16>,
    /// Window scale (on SYN only).
    pub scale: Option<u8>,
    /// The payload.
    pub data: Vec<u8>,
}

impl Segment {
    /// Reads a TCP segment; `None` if it is malformed.
    pub fn parse(l4: &[u8]) -> Option<Segment> {
        let (head, data) = TcpHeader::from_slice(l4).ok()?;
        let (mut mss, mut scale) = (None, None);
        if head.syn {
            for option in head.options_iterator().flatten() {
                match option {
                    TcpOptionElement::MaximumSegmentSize(n) => mss = Some(n),
                    TcpOptionElement::WindowScale(n) => scale = Some(n),
                    _ => {}
                }
            }
        }
        Some(Segment {
            seq: head.sequence_number,
            ack: head.ack.then_some(head.acknowledgment_number),
            syn: head.syn,
            fin: head.fin,
            rst: head.rst,
            psh: head.psh,
            window: head.window_size,
            mss,
            scale,
            data: data.to_vec(),
        })
    }

    /// How much sequence space it takes: the data, SYN and FIN.
    pub fn space(&self) -> u32 {
        let data = u32::try_from(self.data.len()).expect("a segment is shorter than 64 KiB");
        data + u32::from(self.syn) + u32::from(self.fin)
    }
}

/// An IP packet (after the room for an Ethernet header) with the given payload.
pub fn ip(src: Ipv4Addr, dst: Ipv4Addr, proto: u8, choice: IpChoice, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|p| p.len()).sum();
    let len16 = u16::try_from(len).expect("an IP payload is shorter than 64 KiB");
    let mut head = Ipv4Header::new(len16, choice.ttl, IpNumber(proto), src.octets(), dst.octets())
        .expect("an IP payload is shorter than 64 KiB");
    head.identification = choice.id;
    head.dont_fragment = choice.df;
    head.header_checksum = head.calc_header_checksum();
    let mut buf = Vec::with_capacity(ETHER_LEN + 20 + len);
    buf.resize(ETHER_LEN, 0);
    buf.extend_from_slice(&head.to_bytes());
    for part in parts {
        buf.extend_from_slice(part);
    }
    buf
}

/// A UDP datagram in an IP packet.
pub fn udp(src: SocketAddrV4, dst: SocketAddrV4, choice: IpChoice, data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + data.len()).expect("a datagram is shorter than 64 KiB");
    let mut head = UdpHeader { source_port: src.port(), destination_port: dst.port(), length: len, checksum: 0 };
    head.checksum = head
        .calc_checksum_ipv4_raw(src.ip().octets(), dst.ip().octets(), data)
        .expect("a datagram is shorter than 64 KiB");
    ip(*src.ip(), *dst.ip(), UDP, choice, &[&head.to_bytes(), data])
}

/// A TCP segment in an IP packet.
pub fn tcp(src: SocketAddrV4, dst: SocketAddrV4, choice: IpChoice, segment: &Segment) -> Vec<u8> {
    let mut head = TcpHeader::new(src.port(), dst.port(), segment.seq, segment.window);
    head.ack = segment.ack.is_some();
    head.acknowledgment_number = segment.ack.unwrap_or(0);
    (head.syn, head.fin, head.rst, head.psh) = (segment.syn, segment.fin, segment.rst, segment.psh);
    let mut options = Vec::new();
    options.extend(segment.mss.map(TcpOptionElement::MaximumSegmentSize));
    if let Some(scale) = segment.scale {
        options.extend([TcpOptionElement::Noop, TcpOptionElement::WindowScale(scale)]);
    }
    head.set_options(&options).expect("two options fit");
    head.checksum = head
        .calc_checksum_ipv4_raw(src.ip().octets(), dst.ip().octets(), &segment.data)
        .expect("a segment is shorter than 64 KiB");
    ip(*src.ip(), *dst.ip(), TCP, choice, &[&head.to_bytes(), &segment.data])
}

/// An ICMP echo request or reply in an IP packet.
pub fn echo(src: Ipv4Addr, dst: Ipv4Addr, choice: IpChoice, reply: bool, id: u16, seq: u16, data: &[u8]) -> Vec<u8> {
    let echo = IcmpEchoHeader { id, seq };
    let kind = if reply { Icmpv4Type::EchoReply(echo) } else { Icmpv4Type::EchoRequest(echo) };
    let head = Icmpv4Header::with_checksum(kind, data);
    ip(src, dst, ICMP, choice, &[&head.to_bytes(), data])
}

/// An ICMP error in an IP packet: type, code, the 32 bits that follow, and the beginning of the packet it is about.
pub fn icmp_error(
    src: Ipv4Addr,
    dst: Ipv4Addr,
    choice: IpChoice,
    (kind, code): (u8, u8),
    rest: u32,
    about: &[u8],
) -> Vec<u8> {
    // RFC 1812: as much of the packet as fits into 576 bytes.
    let about = &about[..about.len().min(548)];
    let unknown = Icmpv4Type::Unknown { type_u8: kind, code_u8: code, bytes5to8: rest.to_be_bytes() };
    let head = Icmpv4Header::with_checksum(unknown, about);
    ip(src, dst, ICMP, choice, &[&head.to_bytes(), about])
}

/// An ARP frame. A request (`reply` false) asks for `to.1`; its target hardware address is zero.
pub fn arp(reply: bool, from: (Mac, Ipv4Addr), to: (Mac, Ipv4Addr), ether_dst: Mac) -> Vec<u8> {
    let arp = ArpEthIpv4Packet {
        operation: if reply { ArpOperation::REPLY } else { ArpOperation::REQUEST },
        sender_mac: from.0.0,
        sender_ipv4: from.1.octets(),
        target_mac: to.0.0,
        target_ipv4: to.1.octets(),
    };
    let mut buf = Vec::with_capacity(ETHER_LEN + 28);
    buf.extend_from_slice(&ether_dst.0);
    buf.extend_from_slice(&from.0.0);
    buf.extend_from_slice(&ETHER_ARP.to_be_bytes());
    buf.extend_from_slice(&arp.to_bytes());
    buf
}

/// The Ethernet header of an ordinary IPv4 frame.
pub fn ipv4_ether(src: Mac, dst: Mac) -> Ether {
    Ether { dst, src, kind: crate::net::packet::ETHER_IPV4 }
}

/// Cuts the IP packet in `payload` into fragments that fit `mtu`, each in a buffer with room for an Ethernet header.
pub fn fragments(payload: &[u8], ip: &Ip, mtu: u32) -> Vec<Vec<u8>> {
    let header = usize::from(ip.header);
    let body = &payload[header..usize::from(ip.total)];
    let room = usize::try_from(mtu).unwrap_or(usize::MAX).saturating_sub(header).max(8) / 8 * 8;
    let count = body.len().div_ceil(room);
    body.chunks(room)
        .enumerate()
        .map(|(i, part)| {
            let offset = usize::from(ip.offset) + i * room;
            let (mut head, _) = Ipv4Header::from_slice(payload).expect("a sound packet is cut up");
            head.total_len = u16::try_from(header + part.len()).expect("a fragment is shorter than the whole");
            head.more_fragments = ip.mf || i + 1 < count;
            head.fragment_offset =
                IpFragOffset::try_new(u16::try_from(offset / 8).expect("inside 64 KiB")).expect("an offset is 13 bits");
            head.header_checksum = head.calc_header_checksum();
            let mut buf = vec![0; ETHER_LEN];
            buf.extend_from_slice(&head.to_bytes());
            buf.extend_from_slice(part);
            buf
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::addr::{FlowId, PacketId, Tag};
    use crate::net::packet::Packet;
    use etherparse::SlicedPacket;

    const TAG: Tag = Tag { packet: PacketId(0), flow: FlowId(0) };
    const CHOICE: IpChoice = IpChoice { ttl: 64, id: 7, df: true };

    fn sound(buf: Vec<u8>) -> (Packet, Ip) {
        let packet = Packet::of_buf(buf, TAG, None);
        let ip = packet.ip().expect("a sound IP header");
        assert!(packet.l4_sum_is_right(&ip));
        SlicedPacket::from_ip(packet.payload()).expect("etherparse reads it");
        (packet, ip)
    }

    fn at(ip: [u8; 4], port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(ip.into(), port)
    }

    #[test]
    fn what_is_built_has_right_checksums() {
        for len in [0, 1, 2, 777, 1400] {
            let data = vec![0xa5; len];
            let (a, b) = (at([10, 0, 0, 1], 5000), at([10, 0, 0, 2], 80));
            sound(udp(a, b, CHOICE, &data));
            let segment = Segment {
                seq: 9,
                ack: Some(4),
                mss: Some(1460),
                scale: Some(7),
                syn: true,
                data,
                ..Segment::default()
            };
            let (packet, ip) = sound(tcp(a, b, CHOICE, &segment));
            assert_eq!(Segment::parse(packet.l4(&ip)), Some(segment.clone()));
            sound(echo(*a.ip(), *b.ip(), CHOICE, false, 1, 2, &segment.data));
            sound(icmp_error(*a.ip(), *b.ip(), CHOICE, (3, 3), 0, &segment.data));
        }
    }

    #[test]
    fn rewriting_keeps_the_checksums_right() {
        for source in [true, false] {
            let (a, b) = (at([10, 0, 0, 1], 5000), at([10, 0, 0, 2], 80));
            for buf in [
                udp(a, b, CHOICE, b"hello"),
                tcp(a, b, CHOICE, &Segment { data: b"odd".to_vec(), ..Segment::default() }),
                echo(*a.ip(), *b.ip(), CHOICE, true, 1, 2, b"x"),
            ] {
                let (mut packet, ip) = sound(buf);
                packet.rewrite(&ip, source, at([192, 168, 255, 254], 65535));
                packet.decrement_ttl();
                let (packet, ip) = sound(packet.buf.to_vec());
                assert_eq!(ip.ttl, 63);
                assert_eq!(if source { ip.src } else { ip.dst }, Ipv4Addr::new(192, 168, 255, 254));
                let (from, to) = packet.ports(&ip).expect("ports");
                assert_eq!(if source { from } else { to }, 65535);
            }
        }
    }

    #[test]
    fn fragments_put_together_are_the_packet() {
        let data: Vec<u8> = (0..4000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let (packet, ip) =
            sound(udp(at([1, 1, 1, 1], 1), at([2, 2, 2, 2], 2), IpChoice { df: false, ..CHOICE }, &data));
        let mut whole = Vec::new();
        let parts = fragments(packet.payload(), &ip, 1472);
        for (i, part) in parts.iter().enumerate() {
            let (part, head) = sound(part.clone());
            assert!(part.payload().len() <= 1472);
            assert_eq!(usize::from(head.offset), whole.len());
            assert_eq!(head.mf, i + 1 < parts.len());
            whole.extend_from_slice(part.l4(&head));
        }
        assert_eq!(whole, packet.l4(&ip));
    }
}
