//! Connection tracking: what belongs together, in both directions, and what was rewritten.
//!
//! Models net/netfilter/nf_conntrack_core.c with the default time-outs of Linux. A connection has two tuples: `orig` as its
//! first packet came in, `reply` as the answer comes in. Rewriting is the difference between the two. An entry is confirmed
//! when its first packet leaves the stack; a packet that is dropped before leaves no entry. Differs: TCP states follow the
//! flags, windows are not checked; entries past their time are taken out when they are met or when room is needed.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::net::packet::{ICMP, Ip, TCP, UDP};
use crate::sim::{Rng, Span, Time};

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tuple {
    /// Protocol number.
    pub proto: u8,
    /// Source address and port (for ICMP the identifier).
    pub src: (Ipv4Addr, u16),
    /// Destination address and port (for ICMP the identifier).
    pub dst: (Ipv4Addr, u16),
}

impl Tuple {
    /// The tuple of a packet.
    pub fn of(ip: &Ip, ports: Option<(u16, u16)>) -> Tuple {
        let (sport, dport) = ports.unwrap_or((0, 0));
        Tuple { proto: ip.proto, src: (ip.src, sport), dst: (ip.dst, dport) }
    }

    /// The tuple of an answer.
    pub fn inverted(self) -> Tuple {
        Tuple { proto: self.proto, src: self.dst, dst: self.src }
    }
}

/// The number of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CtId(pub u64);

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// As the first packet.
    Original,
    /// The other way.
    Reply,
}

/// What a packet is to its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CtState {
    /// The first packet (or a later one before any answer).
    New,
    /// A packet of a connection that was answered.
    Established,
    /// An ICMP error about a connection.
    Related,
    /// Belongs to nothing, or nothing is tracked here.
    Invalid,
}

/// Datagrams that go both ways for longer than this are a stream.
const STREAM: Span = Span::secs(2);

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Not TCP.
    Plain,
    /// SYN seen.
    SynSent,
    /// SYN and ACK seen.
    SynRecv,
    /// Handshake done.
    Established,
    /// One FIN seen.
    FinWait,
    /// Both FINs seen.
    TimeWait,
    /// Reset.
    Close,
}

impl Phase {
    /// The word of `conntrack -L`; empty for what is not TCP.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Plain => "",
            Phase::SynSent => "SYN_SENT",
            Phase::SynRecv => "SYN_RECV",
            Phase::Established => "ESTABLISHED",
            Phase::FinWait => "FIN_WAIT",
            Phase::TimeWait => "TIME_WAIT",
            Phase::Close => "CLOSE",
        }
    }
}

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// As its first packet came in.
    pub orig: Tuple,
    /// As the answer comes in.
    pub reply: Tuple,
    /// How far it is.
    pub phase: Phase,
    /// Whether it was answered.
    pub replied: bool,
    /// Whether it is kept when the table is full: a handshake was done, or datagrams went both ways for a while.
    pub assured: bool,
    /// When its first packet came.
    pub begun: Time,
    /// When it is forgotten.
    pub expires: Time,
    /// Packets in both directions.
    pub packets: [u64; 2],
    /// Whether IPVS chose its destination: then IPVS rewrites that, at its own hooks.
    pub ipvs: bool,
}

impl Connection {
    /// Whether its destination was rewritten.
    pub fn is_dnat(&self) -> bool {
        let (to, from) = (self.orig.dst, self.reply.src);
        // The identifier of an echo is both ports, and only the source's to rewrite.
        to.0 != from.0 || self.orig.proto != ICMP && to.1 != from.1
    }

    /// Whether its source was rewritten.
    pub fn is_snat(&self) -> bool {
        self.orig.src != self.reply.dst
    }

    /// Where a packet of that direction must be going (or coming from) once it is rewritten.
    pub fn rewritten(&self, direction: Direction) -> Tuple {
        match direction {
            Direction::Original => self.reply.inverted(),
            Direction::Reply => self.orig.inverted(),
        }
    }

    fn timeout(&self) -> Span {
        match (self.orig.proto, self.phase) {
            (TCP, Phase::SynSent | Phase::FinWait | Phase::TimeWait) => Span::secs(120),
            (TCP, Phase::SynRecv) => Span::secs(60),
            (TCP, Phase::Established) => Span::secs(432_000),
            (TCP, _) => Span::secs(10),
            (UDP, _) if self.assured => Span::secs(120),
            (UDP | ICMP, _) => Span::secs(30),
            _ => Span::secs(600),
        }
    }

    /// Takes a packet in.
    fn take(&mut self, direction: Direction, flags: u8, now: Time) {
        let (answered, before) = (self.replied, self.phase);
        self.packets[usize::from(direction == Direction::Reply)] += 1;
        self.replied |= direction == Direction::Reply;
        self.advance(direction, flags);
        self.assured |= answered
            && match self.orig.proto {
                TCP => matches!(before, Phase::SynRecv | Phase::Established) && self.phase == Phase::Established,
                UDP => now > self.begun + STREAM,
                _ => false,
            };
        self.expires = now + self.timeout();
    }

    /// Takes the flags of a TCP packet in.
    fn advance(&mut self, direction: Direction, flags: u8) {
        let (fin, syn, rst, ack) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0, flags & 16 != 0);
        self.phase = match (self.phase, direction) {
            (Phase::Plain, _) => Phase::Plain,
            _ if rst => Phase::Close,
            (Phase::SynSent, Direction::Reply) if syn && ack => Phase::SynRecv,
            (Phase::SynRecv, Direction::Original) if ack && !syn && !fin => Phase::Established,
            (Phase::FinWait, _) if fin => Phase::TimeWait,
            (Phase::SynRecv | Phase::Established, _) if fin => Phase::FinWait,
            (Phase::TimeWait | Phase::Close, Direction::Original) if syn => Phase::SynSent,
            (phase, _) => phase,
        };
    }
}

/// What the table makes of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Tracked {
    /// Nothing is tracked, or it belongs to nothing.
    Untracked,
    /// The first packet of a connection that is not in the table yet.
    Fresh(Connection),
    /// A packet of a connection of the table.
    Known(CtId, Direction, CtState),
}

/// The table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Conntrack {
    connections: BTreeMap<CtId, Connection>,
    by_tuple: BTreeMap<Tuple, (CtId, Direction)>,
    next: u64,
    /// How many connections fit in (`nf_conntrack_max`).
    pub max: u32,
    /// How many did not, because the table was full.
    pub refused: u64,
}

impl Default for Conntrack {
    fn default() -> Self {
        Conntrack { connections: BTreeMap::new(), by_tuple: BTreeMap::new(), next: 0, max: 131_072, refused: 0 }
    }
}

impl Conntrack {
    /// Finds out what a packet belongs to. `flags` are those of TCP (zero otherwise).
    pub fn track(&mut self, tuple: Tuple, flags: u8, now: Time) -> Tracked {
        if let Some((id, direction)) = self.find(&tuple, now) {
            let connection = self.connections.get_mut(&id).expect("the index names what is there");
            let reopened = matches!(connection.phase, Phase::TimeWait | Phase::Close) && flags & 0x12 == 2;
            if !reopened {
                connection.take(direction, flags, now);
                let state = if connection.replied { CtState::Established } else { CtState::New };
                return Tracked::Known(id, direction, state);
            }
            self.remove(id);
        }
        if tuple.proto == TCP && flags & 4 != 0 {
            return Tracked::Untracked;
        }
        let phase = match (tuple.proto, flags & 2 != 0) {
            (TCP, true) => Phase::SynSent,
            (TCP, false) => Phase::Established,
            _ => Phase::Plain,
        };
        let mut connection = Connection {
            orig: tuple,
            reply: tuple.inverted(),
            phase,
            replied: false,
            assured: false,
            begun: now,
            expires: now,
            packets: [1, 0],
            ipvs: false,
        };
        connection.expires = now + connection.timeout();
        Tracked::Fresh(connection)
    }

    /// How many entries there are, those past their time included (`nf_conntrack_count`).
    pub fn len(&self) -> u32 {
        u32::try_from(self.connections.len()).unwrap_or(u32::MAX)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// The connection of a tuple that has not expired.
    pub fn find(&self, tuple: &Tuple, now: Time) -> Option<(CtId, Direction)> {
        self.by_tuple.get(tuple).copied().filter(|(id, _)| self.connections[id].expires > now)
    }

    /// A connection by its number.
    pub fn get(&self, id: CtId) -> Option<&Connection> {
        self.connections.get(&id)
    }

    /// Puts a connection in; `None` if the table is full. Another one with the same answer gives way if it has expired,
    /// else the ports of the new one must have been chosen with [`Conntrack::free_source`].
    pub fn confirm(&mut self, connection: Connection, now: Time) -> Option<CtId> {
        if u32::try_from(self.connections.len()).is_ok_and(|n| n >= self.max) {
            self.purge(now);
            if u32::try_from(self.connections.len()).is_ok_and(|n| n >= self.max) {
                self.refused += 1;
                return None;
            }
        }
        for tuple in [connection.orig, connection.reply] {
            if let Some((old, _)) = self.by_tuple.get(&tuple) {
                self.remove(*old);
            }
        }
        let id = CtId(self.next);
        self.next += 1;
        self.by_tuple.insert(connection.orig, (id, Direction::Original));
        self.by_tuple.insert(connection.reply, (id, Direction::Reply));
        self.connections.insert(id, connection);
        Some(id)
    }

    /// A source for answers to come back to: `wanted` if nobody has it, else the next free port of the same address.
    pub fn free_source(&self, reply: Tuple, wanted: SocketAddrV4, now: Time) -> SocketAddrV4 {
        let taken = |port: u16| {
            let src = if reply.proto == ICMP { (reply.src.0, port) } else { reply.src };
            let tuple = Tuple { src, dst: (*wanted.ip(), port), ..reply };
            self.find(&tuple, now).is_some()
        };
        let low = if wanted.port() < 1024 { 1 } else { 1024 };
        let next = |port: u16| if port == u16::MAX { low } else { port + 1 };
        let mut port = wanted.port();
        for _ in 0..u16::MAX {
            if !taken(port) {
                break;
            }
            port = next(port);
        }
        SocketAddrV4::new(*wanted.ip(), port)
    }

    /// Takes out what has expired.
    pub fn purge(&mut self, now: Time) {
        let old: Vec<CtId> = self.connections.iter().filter(|(_, c)| c.expires <= now).map(|(id, _)| *id).collect();
        old.into_iter().for_each(|id| self.remove(id));
    }

    /// Takes out every connection that `unwanted` says yes to (`conntrack -D`); answers how many.
    pub fn delete(&mut self, unwanted: impl Fn(&Connection) -> bool) -> usize {
        let gone: Vec<CtId> = self.connections.iter().filter(|(_, c)| unwanted(c)).map(|(id, _)| *id).collect();
        gone.iter().for_each(|id| self.remove(*id));
        gone.len()
    }

    /// The connections that have not expired, oldest first.
    pub fn iter(&self, now: Time) -> impl Iterator<Item = &Connection> {
        self.connections.values().filter(move |c| c.expires > now)
    }

    fn remove(&mut self, id: CtId) {
        if let Some(connection) = self.connections.remove(&id) {
            for tuple in [connection.orig, connection.reply] {
                if self.by_tuple.get(&tuple).is_some_and(|(owner, _)| *owner == id) {
                    self.by_tuple.remove(&tuple);
                }
            }
        }
    }
}

/// A port at random among those that may stand for `port`: privileged ones for privileged ones.
/// Models `nf_nat_l4proto_unique_tuple` with `--random-fully`.
pub fn random_port(port: u16, rng: &mut Rng) -> u16 {
    let (low, high) = match port {
        0..512 => (1, 511),
        512..1024 => (600, 1023),
        1024.. => (1024, 65_535),
    };
    u16::try_from(rng.between(low, high)).expect("the limits are ports")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(proto: u8, from: u16, to: u16) -> Tuple {
        Tuple { proto, src: (Ipv4Addr::new(10, 0, 0, 1), from), dst: (Ipv4Addr::new(10, 0, 0, 2), to) }
    }

    fn open(table: &mut Conntrack, tuple: Tuple) -> CtId {
        let Tracked::Fresh(connection) = table.track(tuple, 2, Time(0)) else { panic!("a new connection") };
        table.confirm(connection, Time(0)).expect("room")
    }

    #[test]
    fn a_tcp_connection_goes_through_its_phases() {
        let mut table = Conntrack::default();
        let there = tuple(TCP, 1, 80);
        let id = open(&mut table, there);
        for (tuple, flags, phase) in [
            (there.inverted(), 0x12, Phase::SynRecv),
            (there, 0x10, Phase::Established),
            (there, 0x11, Phase::FinWait),
            (there.inverted(), 0x11, Phase::TimeWait),
        ] {
            assert!(matches!(table.track(tuple, flags, Time(1)), Tracked::Known(..)));
            assert_eq!(table.get(id).expect("there").phase, phase);
        }
        assert!(table.get(id).expect("there").replied);
    }

    #[test]
    fn a_handshake_assures_and_so_do_datagrams_that_go_on_for_two_seconds() {
        let mut table = Conntrack::default();
        let web = tuple(TCP, 1, 80);
        let id = open(&mut table, web);
        for (tuple, flags, assured) in [(web.inverted(), 0x12, false), (web, 0x10, true), (web, 0x11, true)] {
            table.track(tuple, flags, Time(1));
            assert_eq!(table.get(id).expect("there").assured, assured);
        }
        let dns = tuple(UDP, 1, 53);
        let id = open(&mut table, dns);
        let left = |table: &Conntrack, now: Time| table.get(id).expect("there").expires.since(now);
        for (tuple, millis, assured, seconds) in
            [(dns.inverted(), 1, false, 30), (dns, 2_000, false, 30), (dns, 2_001, true, 120), (dns, 2_002, true, 120)]
        {
            let now = Time(0) + Span::millis(millis);
            table.track(tuple, 0, now);
            assert_eq!(table.get(id).expect("there").assured, assured, "after {millis} ms");
            assert_eq!(left(&table, now), Span::secs(seconds), "after {millis} ms");
        }
    }

    #[test]
    fn an_entry_expires_and_a_full_table_refuses() {
        let mut table = Conntrack { max: 1, ..Conntrack::default() };
        open(&mut table, tuple(UDP, 1, 53));
        let Tracked::Fresh(second) = table.track(tuple(UDP, 2, 53), 0, Time(1)) else { panic!("new") };
        assert_eq!(table.confirm(second.clone(), Time(1)), None);
        let later = Time(0) + Span::secs(30);
        assert_eq!(table.find(&tuple(UDP, 1, 53), later), None);
        assert!(table.confirm(second, later).is_some());
    }

    #[test]
    fn a_port_that_is_taken_gives_the_next_one() {
        let mut table = Conntrack::default();
        let id = open(&mut table, tuple(TCP, 5000, 80));
        let reply = table.get(id).expect("there").reply;
        let wanted = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 5000);
        assert_eq!(table.free_source(reply, wanted, Time(1)).port(), 5001);
    }
}
