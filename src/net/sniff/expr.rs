//! Filter expressions as values, and whether a frame passes one. Models what libpcap's gencode.c makes of them.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::net::addr::Mac;
use crate::net::hop::Link;
use crate::net::packet::{ETHER_ARP, ETHER_IPV4, ETHER_LEN, Ip, TCP, UDP, be16};

/// SCTP's protocol number.
const SCTP: u8 = 132;

/// What must hold of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expr {
    /// Nothing: every frame passes.
    All,
    /// The opposite.
    Not(Box<Expr>),
    /// Both.
    And(Box<Expr>, Box<Expr>),
    /// Either.
    Or(Box<Expr>, Box<Expr>),
    /// An address of IP or ARP.
    Host(Carrier, Dir, Ipv4Addr),
    /// A network of IP or ARP addresses.
    Net(Carrier, Dir, Ipv4Net),
    /// A hardware address.
    Ether(Dir, Mac),
    /// A port from the first to the second, of that protocol or of any that has ports.
    Ports(Option<u8>, Dir, u16, u16),
    /// What Ethernet carries.
    EtherProto(u16),
    /// What IP carries.
    IpProto(u8),
    /// For everybody, by hardware address.
    Broadcast,
    /// For a group, by hardware address; for everybody too.
    Multicast,
    /// For a group of IP.
    IpMulticast,
    /// Whether two numbers compare so.
    Compare(Arith, Order, Arith),
}

/// In which headers an address is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// IP and ARP.
    Any,
    /// IP.
    Ip,
    /// ARP.
    Arp,
}

/// Whose address or port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dir {
    /// The source's or the destination's.
    Either,
    /// The source's.
    Src,
    /// The destination's.
    Dst,
    /// The source's and the destination's.
    Both,
}

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// `=`.
    Equal,
    /// `!=`.
    Unequal,
    /// `>`.
    Greater,
    /// `<`.
    Less,
    /// `>=`.
    AtLeast,
    /// `<=`.
    AtMost,
}

/// A number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Arith {
    /// Itself.
    Number(u32),
    /// The length of the frame.
    Len,
    /// Bytes of a header: of which, from where on, how many.
    Bytes(Header, Box<Arith>, u8),
    /// `+`, `*`, `&`, `|`, `<<` or `>>`.
    With(&'static str, Box<Arith>, Box<Arith>),
}

/// A header of which bytes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Header {
    /// Ethernet's.
    Ether,
    /// ARP's.
    Arp,
    /// IP's.
    Ip,
    /// That of a protocol inside IP.
    Inside(u8),
}

/// A frame as a filter sees it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    bytes: &'a [u8],
    kind: u16,
    payload: &'a [u8],
    ip: Option<Ip>,
    len: u32,
}

impl<'a> View<'a> {
    /// Of bytes that begin as `link` says; `extra` is what a cooked header makes them longer by.
    pub fn new(bytes: &'a [u8], link: Link, extra: i64) -> View<'a> {
        let (kind, payload) = match link {
            Link::Ethernet if bytes.len() >= ETHER_LEN => (be16(bytes, 12), &bytes[ETHER_LEN..]),
            Link::Ethernet => (0, &bytes[bytes.len()..]),
            Link::Ip => (ETHER_IPV4, bytes),
        };
        let bytes = if link == Link::Ethernet { bytes } else { &bytes[..0] };
        let whole = i64::try_from(payload.len() + bytes.len().min(ETHER_LEN)).unwrap_or(0) + extra;
        let ip = if kind == ETHER_IPV4 { Ip::parse_cut(payload) } else { None };
        View { bytes, kind, payload, ip, len: u32::try_from(whole).unwrap_or(0) }
    }

    fn addresses(&self, carrier: Carrier) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let at = |at: usize| self.payload.get(at..at + 4).map(|b| Ipv4Addr::new(b[0], b[1], b[2], b[3]));
        match (carrier, self.kind) {
            (Carrier::Any | Carrier::Ip, ETHER_IPV4) => self.ip.map(|ip| (ip.src, ip.dst)),
            (Carrier::Any | Carrier::Arp, ETHER_ARP) => at(14).zip(at(24)),
            _ => None,
        }
    }

    fn macs(&self) -> Option<(Mac, Mac)> {
        let b = self.bytes.get(..12)?;
        Some((Mac([b[6], b[7], b[8], b[9], b[10], b[11]]), Mac([b[0], b[1], b[2], b[3], b[4], b[5]])))
    }

    fn ports(&self, proto: Option<u8>) -> Option<(u16, u16)> {
        let ip = self.ip.filter(|ip| ip.is_first())?;
        let fits = proto.map_or(matches!(ip.proto, TCP | UDP | SCTP), |p| p == ip.proto);
        let l4 = self.payload.get(usize::from(ip.header)..).filter(|l4| fits && l4.len() >= 4)?;
        Some((be16(l4, 0), be16(l4, 2)))
    }

    fn header(&self, header: Header) -> Option<&'a [u8]> {
        match header {
            Header::Ether => Some(self.bytes).filter(|b| !b.is_empty()),
            Header::Arp => (self.kind == ETHER_ARP).then_some(self.payload),
            Header::Ip => self.ip.map(|_| self.payload),
            Header::Inside(proto) => {
                let ip = self.ip.filter(|ip| ip.proto == proto && ip.is_first())?;
                self.payload.get(usize::from(ip.header)..)
            }
        }
    }
}

fn between<T>(dir: Dir, pair: Option<(T, T)>, is: impl Fn(&T) -> bool) -> bool {
    pair.is_some_and(|(src, dst)| match dir {
        Dir::Either => is(&src) || is(&dst),
        Dir::Src => is(&src),
        Dir::Dst => is(&dst),
        Dir::Both => is(&src) && is(&dst),
    })
}

impl Expr {
    /// Whether a frame passes.
    pub fn passes(&self, frame: &View<'_>) -> bool {
        match self {
            Expr::All => true,
            Expr::Not(inner) => !inner.passes(frame),
            Expr::And(a, b) => a.passes(frame) && b.passes(frame),
            Expr::Or(a, b) => a.passes(frame) || b.passes(frame),
            Expr::Host(carrier, dir, ip) => between(*dir, frame.addresses(*carrier), |a| a == ip),
            Expr::Net(carrier, dir, net) => between(*dir, frame.addresses(*carrier), |a| net.contains(a)),
            Expr::Ether(dir, mac) => between(*dir, frame.macs(), |a| a == mac),
            Expr::Ports(proto, dir, low, high) => {
                between(*dir, frame.ports(*proto), |port| (low..=high).contains(&port))
            }
            Expr::EtherProto(kind) => frame.kind == *kind,
            Expr::IpProto(proto) => frame.ip.is_some_and(|ip| ip.proto == *proto),
            Expr::Broadcast => frame.macs().is_some_and(|(_, to)| to == Mac::BROADCAST),
            Expr::Multicast => frame.macs().is_some_and(|(_, to)| to.is_multicast()),
            Expr::IpMulticast => frame.ip.is_some_and(|ip| ip.dst.octets()[0] >= 224),
            // What asks for bytes that are not there is false.
            Expr::Compare(a, order, b) => a.value(frame).zip(b.value(frame)).is_some_and(|(a, b)| match order {
                Order::Equal => a == b,
                Order::Unequal => a != b,
                Order::Greater => a > b,
                Order::Less => a < b,
                Order::AtLeast => a >= b,
                Order::AtMost => a <= b,
            }),
        }
    }
}

impl Arith {
    fn value(&self, frame: &View<'_>) -> Option<u32> {
        Some(match self {
            Arith::Number(n) => *n,
            Arith::Len => frame.len,
            Arith::Bytes(header, at, size) => {
                let at = usize::try_from(at.value(frame)?).ok()?;
                let bytes = frame.header(*header)?.get(at..at.checked_add(usize::from(*size))?)?;
                bytes.iter().fold(0, |n, b| n << 8 | u32::from(*b))
            }
            Arith::With(sign, a, b) => {
                let (a, b) = (a.value(frame)?, b.value(frame)?);
                match *sign {
                    "+" => a.wrapping_add(b),
                    "*" => a.wrapping_mul(b),
                    "&" => a & b,
                    "|" => a | b,
                    "<<" => a.checked_shl(b)?,
                    _ => a.checked_shr(b)?,
                }
            }
        })
    }
}
