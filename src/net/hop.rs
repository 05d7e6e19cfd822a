//! Hops: what each device and each decision did to a packet, as values.
//!
//! A hop holds what decided (the route, the rule, the entry), not words: words are made when somebody looks. A reader who
//! follows one packet (and the packets that carry it) through the hops in order sees its path.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::net::addr::{FlowId, Mac, NsId, Owner, PacketId, SocketId};
use crate::net::filter::Hit;
use crate::net::ipvs::{Scheduler, VirtualAt};
use crate::net::nft::NftHit;
use crate::net::packet::ETHER_LEN;
use crate::net::route::Route;
use crate::sim::{EventId, Span, Time};

/// One thing that happened to a packet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hop {
    /// The packet.
    pub packet: PacketId,
    /// Its conversation.
    pub flow: FlowId,
    /// The packet inside.
    pub carries: Option<PacketId>,
    /// When.
    pub at: Time,
    /// The entry of the trace that sent it, as far as whoever composes the world knows.
    pub cause: Option<EventId>,
    /// In which namespace.
    pub ns: NsId,
    /// At which device; empty if at none.
    pub dev: Arc<str>,
    /// What kind of place it is.
    pub stage: Stage,
    /// What was decided and by what.
    pub decision: Decision,
    /// Whether the bytes have a meaning from the Ethernet header on or from the IP header on.
    pub link: Link,
    /// The frame as it was then.
    pub frame: Arc<[u8]>,
}

impl Hop {
    /// Whether only a capture saw this, and nothing happened.
    pub fn is_tap(&self) -> bool {
        matches!(self.stage, Stage::In | Stage::Out)
    }

    /// The bytes that have a meaning here: a frame, or an IP packet.
    pub fn bytes(&self) -> &[u8] {
        match self.link {
            Link::Ethernet => &self.frame,
            Link::Ip => &self.frame[ETHER_LEN..],
        }
    }
}

/// What the bytes begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// An Ethernet header.
    Ethernet,
    /// An IP header.
    Ip,
}

/// The kind of place on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// A program sends; the route table chooses the device.
    Send,
    /// A program sends a packet that carries another.
    Encap,
    /// Came out of a veth pair.
    Veth,
    /// A bridge takes a frame for its own address in.
    BridgeIn,
    /// A bridge sends a frame to the port behind which its destination is.
    BridgeForward,
    /// A bridge sends a frame to all ports.
    BridgeFlood,
    /// The hook before routing.
    Prerouting,
    /// The route table decides where a packet that is not for us goes.
    Route,
    /// The hook for packets that are passed on.
    Forward,
    /// The hook for packets to us.
    Input,
    /// IPVS, between the rules of a hook: LOCAL_IN, LOCAL_OUT or FORWARD.
    Ipvs,
    /// The hook for packets from us.
    Output,
    /// The hook before leaving.
    Postrouting,
    /// Waits for or asks for a hardware address.
    Neighbour,
    /// Handed to the program at the other end of a TUN.
    Tun,
    /// Wrapped by the kernel at a tunnel device.
    Tunnel,
    /// Came out of a tunnel: written into a TUN by its program, or unwrapped by the kernel.
    Decap,
    /// Leaves by the network card.
    Wire,
    /// Held up or doubled by a bad cable.
    Cable,
    /// Came in by the network card.
    Arrive,
    /// Cut up or put together.
    Fragment,
    /// Reached a program or the stack itself.
    Deliver,
    /// Ended.
    Drop,
    /// Seen by a capture as it comes in by a device. Captures only.
    In,
    /// Seen by a capture as it leaves by a device. Captures only.
    Out,
}

/// What decided to rewrite an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// A rule of iptables.
    Rule(Hit),
    /// A rule of nftables.
    Nft(Box<NftHit>),
    /// A virtual server of IPVS.
    Ipvs {
        /// The hook: `LOCAL_IN`, `LOCAL_OUT` or `FORWARD`.
        hook: &'static str,
        /// The virtual server.
        server: VirtualAt,
        /// How it chose; `None` for an answer.
        scheduler: Option<Scheduler>,
    },
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            By::Rule(hit) => hit.fmt(f),
            By::Nft(hit) => hit.fmt(f),
            By::Ipvs { hook, server, scheduler } => {
                write!(f, "IPVS {hook}: {} {}", crate::net::ipvs::proto_word(server.proto), server.at)?;
                scheduler.map_or(Ok(()), |scheduler| write!(f, " {}", scheduler.word()))
            }
        }
    }
}

/// What was decided, by what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// This route.
    Route(Arc<Route>),
    /// The other end of the veth pair.
    Peer,
    /// The frame is for the bridge's own address.
    BridgeOwn(Mac),
    /// The forwarding database knows the port.
    Fdb {
        /// The address.
        mac: Mac,
        /// The port.
        port: Arc<str>,
    },
    /// The forwarding database does not know the address (or it is a group): to all ports.
    Flood {
        /// The address.
        mac: Mac,
        /// To how many ports.
        ports: u16,
    },
    /// This rule, or the policy of this chain.
    Rule(Hit),
    /// A rewritten address, by this rule.
    Rewrite {
        /// Whether the source was rewritten, else the destination.
        source: bool,
        /// What it was.
        from: SocketAddrV4,
        /// What it is.
        to: SocketAddrV4,
        /// The rule; `None` if connection tracking remembers it from the first packet.
        by: Option<By>,
    },
    /// IPVS passes it on as it is, to the hardware address of a real server.
    Direct {
        /// The virtual server.
        server: VirtualAt,
        /// How it chose.
        scheduler: Scheduler,
        /// The real server.
        to: Ipv4Addr,
    },
    /// A fault that was put there: the cable brings it later, or twice.
    Late {
        /// By how much.
        by: Span,
        /// Whether a second one follows.
        twice: bool,
    },
    /// The hardware address of the next hop is not known; the packet waits.
    Waits(Ipv4Addr),
    /// Handed to the program that holds the TUN.
    TunRead(Owner),
    /// Written by the program that holds the TUN.
    TunWritten(Owner),
    /// The forwarding database of a tunnel device names the host behind which the address is.
    Tunnel {
        /// The address.
        mac: Mac,
        /// The host.
        remote: Ipv4Addr,
        /// The network identifier.
        vni: u32,
    },
    /// The kernel unwraps it for a tunnel device.
    Untunnel {
        /// The network identifier that it names.
        vni: u32,
        /// The device.
        dev: Arc<str>,
    },
    /// Unwrapped by the kernel.
    Tunnelled {
        /// The network identifier.
        vni: u32,
        /// The host that it came from.
        from: Ipv4Addr,
    },
    /// The segment, and to whom the switch passes it.
    Segment {
        /// The address.
        mac: Mac,
        /// To how many network cards.
        ends: u16,
    },
    /// A socket took it.
    Socket {
        /// The socket.
        socket: SocketId,
        /// Whose.
        owner: Owner,
        /// Where it is bound.
        at: SocketAddrV4,
    },
    /// The stack answered an echo request or took an ICMP error in.
    Icmp,
    /// The stack took an ARP packet in.
    Arp {
        /// Who.
        ip: Ipv4Addr,
        /// Has which address.
        mac: Mac,
    },
    /// Cut into so many fragments.
    Fragmented(u16),
    /// A fragment that waits for the others.
    Held,
    /// It ended.
    Drop(DropReason),
    /// Nothing: a capture looks on.
    Seen,
}

/// Why a packet ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// No route to there.
    NoRoute(Ipv4Addr),
    /// The route says so.
    Blackhole(Arc<Route>),
    /// The packet is for somebody else and `net.ipv4.ip_forward` is 0.
    ForwardingOff,
    /// The time to live ran out.
    TtlExceeded,
    /// Too big for the device, and it must not be fragmented.
    TooBig {
        /// What fits.
        mtu: u32,
    },
    /// The device is down.
    LinkDown,
    /// The frame is for another hardware address.
    NotForUs(Mac),
    /// `rp_filter`: what answers this address would not leave by the device that it came in by.
    NoWayBack(Ipv4Addr),
    /// A program of that protocol and port does not exist.
    NoSocket(SocketAddrV4),
    /// Nobody answers for this address.
    NoNeighbour(Ipv4Addr),
    /// Too many packets wait for this address.
    QueueFull(Ipv4Addr),
    /// A rule or policy.
    Filter(Hit),
    /// A rule of nftables.
    Nft(Box<NftHit>),
    /// The virtual server of IPVS has no real server that takes new connections.
    NoRealServer(VirtualAt),
    /// The real server of the IPVS connection was taken away.
    RealServerGone(SocketAddrV4),
    /// The table of connections is full.
    ConntrackFull,
    /// A header or checksum is wrong.
    Malformed,
    /// A protocol that is not spoken here.
    UnknownProtocol(u8),
    /// A fault that was put there: lost on the link.
    Lost,
    /// A fault that was put there: too long for the link, and nobody is told.
    TooLong {
        /// What gets through.
        mtu: u32,
    },
    /// A fault that was put there: the link is cut.
    Cut,
    /// No other port of the bridge to send it to.
    NoPort,
    /// The segment has nobody with that address.
    NobodyThere,
    /// The forwarding database of the tunnel device does not know the address.
    NoTunnelEnd(Mac),
    /// No tunnel device has this network identifier.
    NoTunnel(u32),
    /// The device or namespace it was on its way to is gone.
    Gone,
    /// The fragments that belong to it did not come.
    FragmentsMissing,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decision::Route(route) => write!(f, "route {route}"),
            Decision::Peer => write!(f, "other end of the veth pair"),
            Decision::BridgeOwn(mac) => write!(f, "{mac} is the bridge itself"),
            Decision::Fdb { mac, port } => write!(f, "fdb {mac} dev {port}"),
            Decision::Flood { mac, ports } => write!(f, "no fdb entry for {mac}: flooded to {ports} ports"),
            Decision::Rule(hit) => write!(f, "{hit}"),
            Decision::Rewrite { source, from, to, by } => {
                let what = if *source { "source" } else { "destination" };
                write!(f, "{what} {from} becomes {to}")?;
                match by {
                    Some(hit) => write!(f, " by {hit}"),
                    None => write!(f, " by conntrack"),
                }
            }
            Decision::Direct { server, scheduler, to } => {
                let proto = crate::net::ipvs::proto_word(server.proto);
                write!(f, "IPVS LOCAL_IN: {proto} {} {}: as it is to {to}", server.at, scheduler.word())
            }
            Decision::Late { by, twice } => {
                let twice = if *twice { ", and twice" } else { "" };
                write!(f, "{by} late on the link{twice} (fault)")
            }
            Decision::Waits(ip) => write!(f, "who has {ip}?"),
            Decision::TunRead(owner) => write!(f, "read by program {owner}"),
            Decision::TunWritten(owner) => write!(f, "written by program {owner}"),
            Decision::Tunnel { mac, remote, vni } => write!(f, "fdb {mac} dst {remote} vni {vni}"),
            Decision::Untunnel { vni, dev } => write!(f, "vni {vni} is {dev}"),
            Decision::Tunnelled { vni, from } => write!(f, "from {from}, vni {vni}"),
            Decision::Segment { mac, ends: 1 } => write!(f, "to {mac} on the segment"),
            Decision::Segment { mac, ends } => write!(f, "to {mac}: {ends} cards on the segment"),
            Decision::Socket { at, .. } => write!(f, "socket {at}"),
            Decision::Icmp => write!(f, "icmp"),
            Decision::Arp { ip, mac } => write!(f, "{ip} is at {mac}"),
            Decision::Fragmented(n) => write!(f, "cut into {n} fragments"),
            Decision::Held => write!(f, "waits for the other fragments"),
            Decision::Drop(why) => write!(f, "{why}"),
            Decision::Seen => Ok(()),
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DropReason::NoRoute(to) => write!(f, "no route to {to}"),
            DropReason::Blackhole(route) => write!(f, "route {route}"),
            DropReason::ForwardingOff => write!(f, "net.ipv4.ip_forward = 0"),
            DropReason::TtlExceeded => write!(f, "time to live exceeded"),
            DropReason::TooBig { mtu } => write!(f, "too big: mtu {mtu} and DF set"),
            DropReason::LinkDown => write!(f, "device is down"),
            DropReason::NotForUs(mac) => write!(f, "frame is for {mac}"),
            DropReason::NoWayBack(ip) => write!(f, "rp_filter: the way back to {ip} is another one"),
            DropReason::NoSocket(at) => write!(f, "nothing listens on {at}"),
            DropReason::NoNeighbour(ip) => write!(f, "no answer to ARP for {ip}"),
            DropReason::QueueFull(ip) => write!(f, "too many packets wait for ARP of {ip}"),
            DropReason::Filter(hit) => write!(f, "{hit}"),
            DropReason::Nft(hit) => write!(f, "{hit}"),
            DropReason::NoRealServer(at) => {
                let proto = crate::net::ipvs::proto_word(at.proto);
                write!(f, "IPVS: no real server of {proto} {} takes new connections", at.at)
            }
            DropReason::RealServerGone(at) => write!(f, "IPVS: real server {at} of this connection is gone"),
            DropReason::ConntrackFull => write!(f, "nf_conntrack: table full, dropping packet"),
            DropReason::Malformed => write!(f, "malformed packet or wrong checksum"),
            DropReason::UnknownProtocol(n) => write!(f, "protocol {n} unknown here"),
            DropReason::Lost => write!(f, "lost on the link (fault)"),
            DropReason::TooLong { mtu } => {
                write!(f, "longer than {mtu} bytes, which is all that the link carries (fault)")
            }
            DropReason::Cut => write!(f, "link is cut (fault)"),
            DropReason::NoPort => write!(f, "the bridge has no other port"),
            DropReason::NobodyThere => write!(f, "nobody on the segment has that address"),
            DropReason::NoTunnelEnd(mac) => write!(f, "no fdb entry for {mac} at the tunnel device"),
            DropReason::NoTunnel(vni) => write!(f, "no tunnel device has vni {vni}"),
            DropReason::Gone => write!(f, "device is gone"),
            DropReason::FragmentsMissing => write!(f, "fragments are missing"),
        }
    }
}
