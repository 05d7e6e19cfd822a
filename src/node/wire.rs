//! The network's socket types, as the node's programs use them. A stand-in until `net` is here.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::sim::Span;

/// A socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// A conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u64);

/// A packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u64);

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
            NetError::Prohibited => "EACCES",
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
            NetError::Prohibited => "Permission denied",
            NetError::BadSocket => "Bad file descriptor",
        })
    }
}
