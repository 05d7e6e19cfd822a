//! Connections of IPVS and their states. Models net/netfilter/ipvs/ip_vs_proto_tcp.c and ip_vs_proto_udp.c, with NAT: both
//! directions are seen. With direct routing only requests are.

use std::net::SocketAddrV4;

use crate::net::ipvs::{Seen, VirtualAt};
use crate::net::packet::TCP;
use crate::sim::{Span, Time};

/// A client and where it sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnKey {
    /// The client; port 0: all that it opens, as long as it is held to one server.
    pub client: SocketAddrV4,
    /// The virtual server.
    pub to: VirtualAt,
}

impl ConnKey {
    /// What holds a client to its server.
    pub(super) fn template(client: SocketAddrV4, to: VirtualAt) -> ConnKey {
        ConnKey { client: SocketAddrV4::new(*client.ip(), 0), to }
    }
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Nothing was seen, or it only holds a client to its server.
    None,
    /// Open.
    Established,
    /// The server began.
    SynSent,
    /// The client began.
    SynRecv,
    /// The server closes.
    FinWait,
    /// Both closed.
    TimeWait,
    /// Reset.
    Close,
    /// The client closes.
    CloseWait,
    /// The client has closed, the server closes.
    LastAck,
    /// UDP.
    Udp,
}

impl State {
    /// The word of `ipvsadm -L -c`.
    pub fn word(self) -> &'static str {
        match self {
            State::None => "NONE",
            State::Established => "ESTABLISHED",
            State::SynSent => "SYN_SENT",
            State::SynRecv => "SYN_RECV",
            State::FinWait => "FIN_WAIT",
            State::TimeWait => "TIME_WAIT",
            State::Close => "CLOSE",
            State::CloseWait => "CLOSE_WAIT",
            State::LastAck => "LAST_ACK",
            State::Udp => "UDP",
        }
    }

    /// How long it lasts without another packet.
    fn lasts(self) -> Span {
        Span::secs(match self {
            State::None => 2,
            State::Established => 900,
            State::SynSent | State::FinWait | State::TimeWait => 120,
            State::SynRecv | State::CloseWait => 60,
            State::Close => 10,
            State::LastAck => 30,
            State::Udp => 300,
        })
    }

    /// What a segment makes of it.
    fn after(self, back: bool, flags: u8) -> State {
        use State as S;
        let (fin, syn, rst, ack) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0, flags & 16 != 0);
        match (self, back) {
            (S::SynRecv, false) if rst => S::SynRecv,
            (S::TimeWait, true) if rst => S::TimeWait,
            (S::SynSent, true) if rst || fin => S::SynSent,
            _ if rst => S::Close,
            (S::Established, _) | (S::SynSent, true) if syn => self,
            (S::SynRecv, true) if syn => S::SynRecv,
            (S::SynSent, false) if syn => S::Established,
            (_, false) if syn => S::SynRecv,
            (_, true) if syn => S::SynSent,
            (S::Close | S::LastAck, _) if fin => self,
            (S::Established, false) if fin => S::CloseWait,
            (S::Established, true) if fin => S::FinWait,
            (S::CloseWait, false) | (S::SynSent, _) | (S::FinWait, true) if fin => self,
            (S::None, false) if fin => S::Close,
            _ if fin => S::TimeWait,
            (S::None | S::SynRecv, _) if ack => S::Established,
            (S::SynSent, true) if ack => S::SynSent,
            (S::LastAck, false) if ack => S::Close,
            _ => self,
        }
    }
}

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conn {
    /// The real server.
    pub server: SocketAddrV4,
    /// How far it is.
    pub state: State,
    /// When it is forgotten.
    pub expires: Time,
}

impl Conn {
    pub(super) fn new(server: SocketAddrV4, proto: u8, now: Time) -> Conn {
        let state = if proto == TCP { State::None } else { State::Udp };
        Conn { server, state, expires: now + state.lasts() }
    }

    pub(super) fn template(server: SocketAddrV4, expires: Time) -> Conn {
        Conn { server, state: State::None, expires }
    }

    /// Takes a packet in.
    pub(super) fn passes(&mut self, back: bool, proto: u8, seen: Seen) {
        if proto == TCP {
            self.state = self.state.after(back, seen.flags);
        }
        self.expires = seen.now + self.state.lasts();
    }

    /// Takes in that answers are never seen: a client that closes has closed both ways.
    pub(super) fn sees_no_answers(&mut self, seen: Seen) {
        if self.state == State::CloseWait {
            self.state = State::FinWait;
            self.expires = seen.now + self.state.lasts();
        }
    }

    /// Whether a packet with the same ends opens another connection (`conn_reuse_mode` 1).
    pub(super) fn gives_way_to(self, seen: Seen) -> bool {
        self.state == State::TimeWait && seen.is_syn()
    }
}
