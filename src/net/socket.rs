//! Sockets: what programs ask of the network and what it tells them.
//!
//! A program is known by an [`Owner`]; what it opens it calls by a token of its own choice, which comes back in every event
//! of that socket (an accepted connection has the token of its listener).

use crate::sim::{VecMap, VecSet};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::net::addr::{DevId, FlowId, Owner, SocketId, Tag};
use crate::net::hop::Link;
use crate::net::packet::{TCP, UDP};
use crate::net::sniff::{Expr, Frame};
use crate::net::tcp::Tcb;
use crate::sim::{Span, Time};

/// What a program wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SocketOp {
    /// Takes TCP connections in. The address may be `0.0.0.0`, the port 0 (any).
    Listen {
        /// What the owner calls it.
        token: u64,
        /// Where.
        at: SocketAddrV4,
    },
    /// Opens a TCP connection.
    Connect {
        /// What the owner calls it.
        token: u64,
        /// To where.
        to: SocketAddrV4,
        /// The conversation that it continues (a proxy's), or a new one.
        flow: Option<FlowId>,
    },
    /// Opens a UDP socket. The address may be `0.0.0.0`, the port 0 (any).
    Bind {
        /// What the owner calls it.
        token: u64,
        /// Where.
        at: SocketAddrV4,
    },
    /// Sends bytes over a TCP connection.
    Send {
        /// The connection.
        socket: SocketId,
        /// What.
        bytes: Vec<u8>,
    },
    /// Sends a datagram from a UDP socket.
    SendTo {
        /// The socket.
        socket: SocketId,
        /// To where.
        to: SocketAddrV4,
        /// What.
        bytes: Arc<[u8]>,
        /// The packet inside, if this encapsulates one; the datagram then belongs to its conversation.
        carries: Option<Tag>,
        /// The conversation that it continues, or one of its own.
        flow: Option<FlowId>,
    },
    /// Sends an ICMP echo request; the first one with this token opens a ping socket.
    Ping {
        /// What the owner calls it.
        token: u64,
        /// To whom.
        to: Ipv4Addr,
        /// The sequence number.
        seq: u16,
        /// How many bytes of payload.
        size: u16,
        /// Time to live.
        ttl: u8,
    },
    /// Sends a datagram that may not come far; the first one with this token opens a UDP socket.
    Probe {
        /// What the owner calls it.
        token: u64,
        /// To where.
        to: SocketAddrV4,
        /// Time to live.
        ttl: u8,
    },
    /// Opens a packet socket.
    Sniff {
        /// What the owner calls it.
        token: u64,
        /// At which device: `any` for all, nothing for the first that is no loopback.
        dev: String,
        /// What must hold of a frame.
        filter: Arc<Expr>,
    },
    /// Sends no more over a TCP connection; still receives.
    Shutdown {
        /// The connection.
        socket: SocketId,
    },
    /// Closes any socket in order.
    Close {
        /// The socket.
        socket: SocketId,
    },
    /// Closes a TCP connection with a reset; any other socket as `Close`.
    Abort {
        /// The connection.
        socket: SocketId,
    },
}

/// What the network tells a program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SocketEvent {
    /// `Listen` or `Bind` worked.
    Bound {
        /// Where, with the port that was chosen.
        at: SocketAddrV4,
    },
    /// `Connect` has begun; the socket can be closed from now on.
    Opened,
    /// A packet socket listens.
    Sniffing {
        /// At which device; `any` for all.
        dev: Arc<str>,
        /// What its frames begin with.
        link: Link,
    },
    /// A packet socket saw a frame.
    Frame(Arc<Frame>),
    /// A connection was taken in; it is a socket of its own.
    Accepted {
        /// By which listener.
        listener: SocketId,
        /// Our end.
        local: SocketAddrV4,
        /// Their end.
        peer: SocketAddrV4,
        /// The conversation.
        flow: FlowId,
    },
    /// A connection is open.
    Connected {
        /// Our end.
        local: SocketAddrV4,
        /// Their end.
        peer: SocketAddrV4,
        /// The conversation.
        flow: FlowId,
    },
    /// The next bytes of a connection.
    Data(Vec<u8>),
    /// The peer sends no more.
    PeerClosed,
    /// A connection that we closed is closed on both sides.
    Closed,
    /// It did not work or it broke; the socket is gone.
    Failed(NetError),
    /// A datagram.
    Datagram {
        /// Who sent it.
        from: SocketAddrV4,
        /// To which of our addresses.
        to: SocketAddrV4,
        /// What.
        bytes: Arc<[u8]>,
        /// The packet that brought it.
        tag: Tag,
        /// The packet inside, if it is an encapsulation.
        carries: Option<Tag>,
    },
    /// An answer to a ping.
    EchoReply {
        /// Who answered.
        from: Ipv4Addr,
        /// The sequence number.
        seq: u16,
        /// The time to live that it came with.
        ttl: u8,
        /// The length of the ICMP message, in bytes (`64 bytes from …`).
        size: u16,
        /// The round-trip time.
        after: Span,
    },
    /// An ICMP error about something that a UDP or ping socket sent; the socket lives on.
    IcmpError {
        /// Who says so.
        from: Ipv4Addr,
        /// What.
        error: NetError,
        /// The sequence number of the ping that it is about.
        seq: Option<u16>,
        /// To whom it was sent.
        to: SocketAddrV4,
    },
}

/// Why something does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetError {
    /// ECONNREFUSED.
    Refused,
    /// ECONNRESET.
    Reset,
    /// ETIMEDOUT.
    TimedOut,
    /// EHOSTUNREACH.
    HostUnreachable,
    /// ENETUNREACH.
    NetUnreachable,
    /// EADDRINUSE.
    AddrInUse,
    /// EADDRNOTAVAIL.
    AddrNotAvailable,
    /// EMSGSIZE; the path takes packets of so many bytes.
    MessageTooLong {
        /// The MTU.
        mtu: u16,
    },
    /// EACCES: a firewall forbids it.
    Prohibited,
    /// The time to live ran out on the way.
    TtlExceeded,
    /// ENODEV.
    NoDevice,
    /// EBADF: there is no such socket, or it cannot do that.
    BadSocket,
}

impl NetError {
    /// The name of the error number.
    pub fn errno(self) -> &'static str {
        match self {
            NetError::Refused => "ECONNREFUSED",
            NetError::Reset => "ECONNRESET",
            NetError::TimedOut => "ETIMEDOUT",
            NetError::HostUnreachable | NetError::TtlExceeded => "EHOSTUNREACH",
            NetError::NetUnreachable => "ENETUNREACH",
            NetError::AddrInUse => "EADDRINUSE",
            NetError::AddrNotAvailable => "EADDRNOTAVAIL",
            NetError::MessageTooLong { .. } => "EMSGSIZE",
            NetError::Prohibited => "EPERM",
            NetError::NoDevice => "ENODEV",
            NetError::BadSocket => "EBADF",
        }
    }
}

impl fmt::Display for NetError {
    /// What `strerror` says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NetError::Refused => "Connection refused",
            NetError::Reset => "Connection reset by peer",
            NetError::TimedOut => "Connection timed out",
            NetError::HostUnreachable | NetError::TtlExceeded => "No route to host",
            NetError::NetUnreachable => "Network is unreachable",
            NetError::AddrInUse => "Address already in use",
            NetError::AddrNotAvailable => "Cannot assign requested address",
            NetError::MessageTooLong { .. } => "Message too long",
            NetError::Prohibited => "Operation not permitted",
            NetError::NoDevice => "No such device",
            NetError::BadSocket => "Bad file descriptor",
        })
    }
}

/// A socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Socket {
    /// Whose.
    pub owner: Owner,
    /// What its owner calls it.
    pub token: u64,
    /// What it is.
    pub kind: SocketKind,
}

/// What a socket is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SocketKind {
    /// Takes TCP connections in.
    Listener {
        /// Where.
        at: SocketAddrV4,
    },
    /// A TCP connection.
    Tcp {
        /// Our end.
        local: SocketAddrV4,
        /// Their end.
        peer: SocketAddrV4,
        /// The listener that took it in.
        listener: Option<SocketId>,
        /// The conversation.
        flow: FlowId,
        /// The connection itself.
        tcb: Box<Tcb>,
    },
    /// A UDP socket.
    Udp {
        /// Where.
        at: SocketAddrV4,
        /// The conversations with those who sent something or were sent something.
        peers: VecMap<SocketAddrV4, FlowId>,
    },
    /// A ping socket.
    Ping {
        /// Its ICMP identifier.
        ident: u16,
        /// The conversation.
        flow: FlowId,
        /// When each request that is not answered was sent.
        sent: VecMap<u16, Time>,
    },
    /// A packet socket.
    Packet {
        /// Its device; `None` for all.
        dev: Option<DevId>,
        /// What must hold of a frame.
        filter: Arc<Expr>,
    },
}

/// How many conversations a UDP socket remembers.
const UDP_PEERS: usize = 256;
/// How many unanswered pings a socket remembers.
const PINGS: usize = 1024;

/// The first and the last port that is chosen by itself.
const EPHEMERAL: (u16, u16) = (32_768, 60_999);

/// The sockets of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sockets {
    all: VecMap<SocketId, Socket>,
    tcp: VecMap<(SocketAddrV4, SocketAddrV4), SocketId>,
    listeners: VecMap<(u16, Ipv4Addr), SocketId>,
    udp: VecMap<(u16, Ipv4Addr), SocketId>,
    pings: VecMap<u16, SocketId>,
    packet: Vec<SocketId>,
    timers: VecSet<(Time, SocketId)>,
    next_port: u16,
    next_ident: u16,
}

impl Default for Sockets {
    fn default() -> Self {
        Sockets {
            all: VecMap::new(),
            tcp: VecMap::new(),
            listeners: VecMap::new(),
            udp: VecMap::new(),
            pings: VecMap::new(),
            packet: Vec::new(),
            timers: VecSet::new(),
            next_port: EPHEMERAL.0,
            next_ident: 1,
        }
    }
}

impl Sockets {
    /// All sockets, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (SocketId, &Socket)> {
        self.all.iter().map(|(id, socket)| (*id, socket))
    }

    /// A socket.
    pub fn get(&self, id: SocketId) -> Option<&Socket> {
        self.all.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.all.get_mut(&id)
    }

    /// The connection between these two ends.
    pub(crate) fn connection(&self, local: SocketAddrV4, peer: SocketAddrV4) -> Option<SocketId> {
        self.tcp.get(&(local, peer)).copied()
    }

    /// The listener for a connection to `to`.
    pub(crate) fn listener(&self, to: SocketAddrV4) -> Option<SocketId> {
        best(&self.listeners, to)
    }

    /// The UDP socket for a datagram to `to`.
    pub(crate) fn udp(&self, to: SocketAddrV4) -> Option<SocketId> {
        best(&self.udp, to)
    }

    /// The ports on which `owner` takes in whatever comes, each with its protocol number.
    pub fn ports_of(&self, owner: Owner) -> impl Iterator<Item = (u8, u16)> {
        let own = self.all.values().filter(move |socket| socket.owner == owner);
        own.filter_map(|socket| match &socket.kind {
            SocketKind::Listener { at } => Some((TCP, at.port())),
            SocketKind::Udp { at, .. } => Some((UDP, at.port())),
            _ => None,
        })
    }

    /// The ping socket with that identifier.
    pub(crate) fn ping(&self, ident: u16) -> Option<SocketId> {
        self.pings.get(&ident).copied()
    }

    /// The ping socket that `owner` calls `token`.
    pub(crate) fn ping_of(&self, owner: Owner, token: u64) -> Option<SocketId> {
        self.pings.values().copied().find(|id| (self.all[id].owner, self.all[id].token) == (owner, token))
    }

    /// The UDP socket that `owner` calls `token`.
    pub(crate) fn udp_of(&self, owner: Owner, token: u64) -> Option<SocketId> {
        self.udp.values().copied().find(|id| (self.all[id].owner, self.all[id].token) == (owner, token))
    }

    /// The packet sockets.
    pub(crate) fn packet(&self) -> &[SocketId] {
        &self.packet
    }

    /// Puts a socket in. The port must be free.
    pub(crate) fn insert(&mut self, id: SocketId, socket: Socket) {
        match &socket.kind {
            SocketKind::Listener { at } => _ = self.listeners.insert((at.port(), *at.ip()), id),
            SocketKind::Tcp { local, peer, .. } => _ = self.tcp.insert((*local, *peer), id),
            SocketKind::Udp { at, .. } => _ = self.udp.insert((at.port(), *at.ip()), id),
            SocketKind::Ping { ident, .. } => _ = self.pings.insert(*ident, id),
            SocketKind::Packet { .. } => self.packet.push(id),
        }
        self.all.insert(id, socket);
        self.set_timer(id, None);
    }

    /// Takes a socket out.
    pub(crate) fn remove(&mut self, id: SocketId) -> Option<Socket> {
        let socket = self.all.remove(&id)?;
        match &socket.kind {
            SocketKind::Listener { at } => _ = self.listeners.remove(&(at.port(), *at.ip())),
            SocketKind::Tcp { local, peer, tcb, .. } => {
                self.tcp.remove(&(*local, *peer));
                if let Some(at) = tcb.deadline() {
                    self.timers.remove(&(at, id));
                }
            }
            SocketKind::Udp { at, .. } => _ = self.udp.remove(&(at.port(), *at.ip())),
            SocketKind::Ping { ident, .. } => _ = self.pings.remove(ident),
            SocketKind::Packet { .. } => self.packet.retain(|other| *other != id),
        }
        Some(socket)
    }

    /// Brings the timer of a connection up to date; `old` is what its deadline was.
    pub(crate) fn set_timer(&mut self, id: SocketId, old: Option<Time>) {
        let new = match self.all.get(&id).map(|s| &s.kind) {
            Some(SocketKind::Tcp { tcb, .. }) => tcb.deadline(),
            _ => None,
        };
        if let Some(old) = old.filter(|_| old != new) {
            self.timers.remove(&(old, id));
        }
        if let Some(new) = new {
            self.timers.insert((new, id));
        }
    }

    /// The connection whose timer runs out next.
    pub(crate) fn next_timer(&self) -> Option<(Time, SocketId)> {
        self.timers.first().copied()
    }

    pub(crate) fn drop_timer(&mut self, at: Time, id: SocketId) {
        self.timers.remove(&(at, id));
    }

    /// Whether a TCP (or UDP) socket could be opened at `at`.
    pub(crate) fn is_free(&self, tcp: bool, at: SocketAddrV4) -> bool {
        let ports = if tcp { &self.listeners } else { &self.udp };
        let any = Ipv4Addr::UNSPECIFIED;
        let mut same = ports.range((at.port(), Ipv4Addr::from(0))..=(at.port(), Ipv4Addr::from(u32::MAX)));
        same.all(|((_, ip), _)| *ip != *at.ip() && *ip != any && *at.ip() != any)
    }

    /// A port that is free, the next in turn.
    pub(crate) fn ephemeral(&mut self, free: impl Fn(&Sockets, u16) -> bool) -> Option<u16> {
        for _ in EPHEMERAL.0..=EPHEMERAL.1 {
            let port = self.next_port;
            self.next_port = if port == EPHEMERAL.1 { EPHEMERAL.0 } else { port + 1 };
            if free(self, port) {
                return Some(port);
            }
        }
        None
    }

    /// An identifier for a new ping socket.
    pub(crate) fn ident(&mut self) -> u16 {
        while self.pings.contains_key(&self.next_ident) {
            self.next_ident = self.next_ident.checked_add(1).unwrap_or(1);
        }
        let ident = self.next_ident;
        self.next_ident = ident.checked_add(1).unwrap_or(1);
        ident
    }
}

impl Socket {
    /// Remembers the conversation with `peer`, or says which one it is.
    pub(crate) fn udp_flow(
        &mut self,
        peer: SocketAddrV4,
        flow: Option<FlowId>,
        new: impl FnOnce() -> FlowId,
    ) -> FlowId {
        let SocketKind::Udp { peers, .. } = &mut self.kind else { return flow.unwrap_or_else(new) };
        let flow = flow.or_else(|| peers.get(&peer).copied()).unwrap_or_else(new);
        if peers.len() >= UDP_PEERS && !peers.contains_key(&peer) {
            peers.pop_first();
        }
        peers.insert(peer, flow);
        flow
    }

    /// Remembers when a ping was sent.
    pub(crate) fn pinged(&mut self, seq: u16, now: Time) {
        if let SocketKind::Ping { sent, .. } = &mut self.kind {
            if sent.len() >= PINGS {
                sent.pop_first();
            }
            sent.insert(seq, now);
        }
    }
}

/// The socket bound to the very address, else the one bound to any.
fn best(ports: &VecMap<(u16, Ipv4Addr), SocketId>, to: SocketAddrV4) -> Option<SocketId> {
    ports.get(&(to.port(), *to.ip())).or_else(|| ports.get(&(to.port(), Ipv4Addr::UNSPECIFIED))).copied()
}
