//! Sockets as programs see them: descriptors, operations, events. Models the POSIX socket calls that programs use.
//!
//! Differs: no call blocks or fails at once; whatever comes of it comes as an event. A descriptor is a number that the
//! program chose ([`crate::workload::Ctx::fd`]); one of an accepted connection is chosen by whoever runs the program.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::net::hop::Link;
use crate::net::sniff::{Expr, Frame};

/// A descriptor of a socket, unique in one process tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fd(pub u32);

/// What a program does with a socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NetOp {
    /// Listens for TCP connections on all addresses.
    Listen {
        /// The new socket.
        fd: Fd,
        /// The port.
        port: u16,
    },
    /// Opens a UDP socket; port 0 for any.
    Bind {
        /// The new socket.
        fd: Fd,
        /// The port.
        port: u16,
    },
    /// Opens a TCP connection.
    Connect {
        /// The new socket.
        fd: Fd,
        /// Where to.
        to: SocketAddrV4,
    },
    /// Sends bytes on a TCP connection.
    Send {
        /// The connection.
        fd: Fd,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Sends a datagram from a UDP socket.
    SendTo {
        /// The socket.
        fd: Fd,
        /// Where to.
        to: SocketAddrV4,
        /// The payload.
        bytes: Vec<u8>,
    },
    /// Sends an ICMP echo request; the first one opens the socket.
    Ping {
        /// The socket.
        fd: Fd,
        /// Whom.
        to: Ipv4Addr,
        /// The sequence number.
        seq: u16,
        /// Bytes of data after the ICMP header.
        size: u16,
        /// Time to live.
        ttl: u8,
    },
    /// Sends a UDP datagram that may not come far; the first one opens the socket.
    Probe {
        /// The socket.
        fd: Fd,
        /// Where to; the port is the number by which its fate is told.
        to: SocketAddrV4,
        /// Time to live.
        ttl: u8,
    },
    /// Opens a packet socket, which sees frames.
    Sniff {
        /// The new socket.
        fd: Fd,
        /// At which device: `any` for all, nothing for the first that is no loopback.
        dev: String,
        /// What must hold of a frame.
        filter: Arc<Expr>,
    },
    /// Closes a socket; what was sent is still delivered.
    Close {
        /// The socket.
        fd: Fd,
    },
}

/// What happens on a socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NetEvent {
    /// The connection is there.
    Connected {
        /// The socket.
        fd: Fd,
        /// Our end.
        local: SocketAddrV4,
    },
    /// A packet socket listens.
    Sniffing {
        /// The socket.
        fd: Fd,
        /// At which device; `any` for all.
        dev: Arc<str>,
        /// What its frames begin with.
        link: Link,
    },
    /// A packet socket saw a frame.
    Frame {
        /// The socket.
        fd: Fd,
        /// The frame.
        frame: Arc<Frame>,
    },
    /// Somebody connected to a listening socket.
    Accepted {
        /// The listening socket.
        listener: Fd,
        /// The new connection.
        fd: Fd,
        /// The other end.
        peer: SocketAddrV4,
    },
    /// Bytes of a TCP connection, in order.
    Data {
        /// The connection.
        fd: Fd,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A datagram.
    Datagram {
        /// The socket.
        fd: Fd,
        /// From whom.
        from: SocketAddrV4,
        /// The payload.
        bytes: Vec<u8>,
    },
    /// An ICMP echo reply.
    Pong {
        /// The socket.
        fd: Fd,
        /// From whom.
        from: Ipv4Addr,
        /// The sequence number.
        seq: u16,
        /// The time to live of the reply as it came in.
        ttl: u8,
    },
    /// An ICMP error about a ping or a probe.
    Icmp {
        /// The socket.
        fd: Fd,
        /// Who says so; `0.0.0.0` if it was not sent at all.
        from: Ipv4Addr,
        /// What.
        error: crate::net::NetError,
        /// The sequence number of the ping, or the port of the probe.
        number: u16,
    },
    /// The other end sends no more.
    Ended {
        /// The connection.
        fd: Fd,
    },
    /// The socket is of no use any more, or what was sent did not arrive (datagrams).
    Failed {
        /// The socket.
        fd: Fd,
        /// Why.
        error: NetError,
    },
}

impl NetEvent {
    /// The socket that it is about; the listening one of a new connection.
    pub fn fd(&self) -> Fd {
        match self {
            NetEvent::Connected { fd, .. }
            | NetEvent::Data { fd, .. }
            | NetEvent::Icmp { fd, .. }
            | NetEvent::Sniffing { fd, .. }
            | NetEvent::Frame { fd, .. }
            | NetEvent::Datagram { fd, .. }
            | NetEvent::Pong { fd, .. }
            | NetEvent::Ended { fd }
            | NetEvent::Failed { fd, .. } => *fd,
            NetEvent::Accepted { listener, .. } => *listener,
        }
    }
}

/// Why a socket failed; `Display` is the operating system's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetError {
    /// ECONNREFUSED: a reset, or ICMP port unreachable.
    Refused,
    /// ETIMEDOUT.
    TimedOut,
    /// EHOSTUNREACH.
    HostUnreachable,
    /// ENETUNREACH.
    NetUnreachable,
    /// EADDRINUSE.
    AddressInUse,
    /// ECONNRESET.
    Reset,
    /// ENODEV.
    NoDevice,
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NetError::Refused => "Connection refused",
            NetError::TimedOut => "Connection timed out",
            NetError::HostUnreachable => "No route to host",
            NetError::NetUnreachable => "Network is unreachable",
            NetError::AddressInUse => "Address already in use",
            NetError::Reset => "Connection reset by peer",
            NetError::NoDevice => "No such device",
        })
    }
}

impl NetError {
    /// As Go's programs (the kubelet) write it: `connection refused`.
    pub fn go(self) -> &'static str {
        match self {
            NetError::Refused => "connect: connection refused",
            NetError::TimedOut => "i/o timeout",
            NetError::HostUnreachable => "connect: no route to host",
            NetError::NetUnreachable => "connect: network is unreachable",
            NetError::AddressInUse => "bind: address already in use",
            NetError::Reset => "read: connection reset by peer",
            NetError::NoDevice => "no such device",
        }
    }
}
