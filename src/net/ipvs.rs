//! IPVS: virtual servers, the real servers behind them, and the connections between.
//!
//! Models net/netfilter/ipvs of Linux 6 with NAT forwarding or direct routing, and `net.ipv4.vs.conntrack`, `expire_nodest_conn` and
//! `expire_quiescent_template` at 1, as kube-proxy sets them. A packet to a virtual server is taken at LOCAL_IN (from a
//! program of the host at LOCAL_OUT), gets the address of a real server and is sent on; the answer gets the virtual address
//! back at FORWARD. With direct routing only the hardware address is the real server's: it holds the virtual address itself and
//! answers the client past this host. Differs: addresses are rewritten as the table of connections remembers it, so that both tables always
//! agree; a client stays with its server for the time-out from its last new connection on; no fwmark services.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddrV4;

use crate::net::packet::{TCP, UDP};
use crate::sim::{Span, Time, VecMap};

mod conn;
mod sched;

pub use conn::{Conn, ConnKey, State};
pub use sched::Scheduler;

/// Protocol and address of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualAt {
    /// Protocol number.
    pub proto: u8,
    /// Address and port.
    pub at: SocketAddrV4,
}

impl fmt::Display for VirtualAt {
    /// As `ipvsadm -L -n` begins its line: `TCP  10.96.0.1:443`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<4} {}", proto_word(self.proto), self.at)
    }
}

/// `TCP` or `UDP`.
pub fn proto_word(proto: u8) -> &'static str {
    match proto {
        TCP => "TCP",
        UDP => "UDP",
        _ => "SCTP",
    }
}

/// What passed: by a virtual server, or by one of its real servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stats {
    /// Connections that were opened.
    pub conns: u64,
    /// Packets to it.
    pub in_packets: u64,
    /// Packets from it.
    pub out_packets: u64,
    /// Bytes of IP packets to it.
    pub in_bytes: u64,
    /// Bytes of IP packets from it.
    pub out_bytes: u64,
}

impl Stats {
    fn count(&mut self, back: bool, bytes: u16) {
        let (packets, sum) = match back {
            false => (&mut self.in_packets, &mut self.in_bytes),
            true => (&mut self.out_packets, &mut self.out_bytes),
        };
        *packets += 1;
        *sum += u64::from(bytes);
    }
}

/// A server that does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RealServer {
    /// Where it is.
    pub at: SocketAddrV4,
    /// Its weight; 0: it gets no new connections.
    pub weight: u32,
    /// What passed by it.
    pub stats: Stats,
}

/// How packets get to real servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Forward {
    /// Their destination is rewritten, and answers come back through this host.
    #[default]
    Masquerading,
    /// They are passed on as they are, to the hardware address of the real server, which answers the client itself.
    DirectRouting,
}

impl Forward {
    /// The word of `ipvsadm -L`.
    pub fn word(self) -> &'static str {
        match self {
            Forward::Masquerading => "Masq",
            Forward::DirectRouting => "Route",
        }
    }
}

/// An address that stands for several servers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VirtualServer {
    /// How a server is chosen.
    pub scheduler: Scheduler,
    /// How long a client stays with its server; `None`: not at all.
    pub persistent: Option<Span>,
    /// How its servers are reached.
    pub forward: Forward,
    /// The servers, the newest first.
    servers: Vec<RealServer>,
    /// Where the scheduler is.
    turn: sched::Turn,
    /// What passed by all of them.
    pub stats: Stats,
}

impl VirtualServer {
    /// The servers, the newest first.
    pub fn servers(&self) -> &[RealServer] {
        &self.servers
    }

    fn server_mut(&mut self, at: SocketAddrV4) -> Option<&mut RealServer> {
        self.servers.iter_mut().find(|server| server.at == at)
    }
}

/// The table of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ipvs {
    services: VecMap<VirtualAt, VirtualServer>,
    connections: BTreeMap<ConnKey, Conn>,
    /// By protocol, real server and client.
    by_server: BTreeMap<(u8, SocketAddrV4, SocketAddrV4), ConnKey>,
    /// How many connections there may be before those past their time are taken out.
    purge_at: usize,
}

/// What becomes of a packet to a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chosen {
    /// It goes to this server.
    Server(SocketAddrV4),
    /// There is none that takes new connections: the client is told that the port is unreachable.
    Nobody,
    /// The server of its connection was taken away: the packet is dropped, the next one chooses anew.
    ServerGone(SocketAddrV4),
    /// It belongs to no connection and opens none: the host's own stack gets it.
    NotOurs,
}

impl Ipvs {
    /// Whether there is no virtual server.
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// The virtual servers by protocol and address.
    pub fn services(&self) -> impl Iterator<Item = (&VirtualAt, &VirtualServer)> {
        self.services.iter()
    }

    /// A virtual server.
    pub fn service(&self, at: VirtualAt) -> Option<&VirtualServer> {
        self.services.get(&at)
    }

    /// Adds a virtual server, or changes how it chooses. Answers whether anything changed.
    pub fn put_service(&mut self, at: VirtualAt, scheduler: Scheduler, persistent: Option<Span>) -> bool {
        match self.services.get_mut(&at) {
            Some(known) if (known.scheduler, known.persistent) == (scheduler, persistent) => false,
            Some(known) => {
                (known.scheduler, known.persistent, known.turn) = (scheduler, persistent, sched::Turn::default());
                true
            }
            None => {
                let (servers, turn, stats) = (Vec::new(), sched::Turn::default(), Stats::default());
                let forward = Forward::default();
                self.services.insert(at, VirtualServer { scheduler, persistent, forward, servers, turn, stats });
                true
            }
        }
    }

    /// Says how the servers of a virtual server are reached.
    pub fn set_forward(&mut self, at: VirtualAt, forward: Forward) {
        if let Some(service) = self.services.get_mut(&at) {
            service.forward = forward;
        }
    }

    /// Takes a virtual server away with its real servers; its connections end with their time.
    pub fn remove_service(&mut self, at: VirtualAt) {
        self.services.remove(&at);
    }

    /// Adds a real server, or changes its weight. Answers whether anything changed.
    pub fn put_server(&mut self, of: VirtualAt, at: SocketAddrV4, weight: u32) -> bool {
        let Some(service) = self.services.get_mut(&of) else { return false };
        match service.server_mut(at) {
            Some(known) => std::mem::replace(&mut known.weight, weight) != weight,
            None => {
                service.servers.insert(0, RealServer { at, weight, stats: Stats::default() });
                service.turn.inserted_first();
                true
            }
        }
    }

    /// Takes a real server away. Its connections are dropped with their next packet.
    pub fn remove_server(&mut self, of: VirtualAt, at: SocketAddrV4) {
        let Some(service) = self.services.get_mut(&of) else { return };
        if let Some(index) = service.servers.iter().position(|server| server.at == at) {
            service.servers.remove(index);
            service.turn.removed(index);
        }
    }

    /// How many connections of a real server are open, and how many are beginning or ending.
    pub fn connections_of(&self, of: VirtualAt, server: SocketAddrV4, now: Time) -> (u32, u32) {
        let (low, high) = (SocketAddrV4::new([0, 0, 0, 0].into(), 0), SocketAddrV4::new([255; 4].into(), u16::MAX));
        let (mut active, mut inactive) = (0, 0);
        for (_, key) in self.by_server.range((of.proto, server, low)..=(of.proto, server, high)) {
            if key.to != of {
                continue;
            }
            let Some(conn) = self.connections.get(key).filter(|conn| conn.expires > now) else { continue };
            *if conn.state == State::Established { &mut active } else { &mut inactive } += 1;
        }
        (active, inactive)
    }

    /// The connections that have not run out of time, and those that only hold a client to its server.
    pub fn connections(&self, now: Time) -> impl Iterator<Item = (&ConnKey, &Conn)> {
        self.connections.iter().filter(move |(_, conn)| conn.expires > now)
    }

    /// Whether that is the answer to a connection; where the client sent it to. Counts the packet.
    pub fn answer(&mut self, proto: u8, server: SocketAddrV4, client: SocketAddrV4, seen: Seen) -> Option<VirtualAt> {
        let key = *self.by_server.get(&(proto, server, client))?;
        let conn = self.connections.get_mut(&key).filter(|conn| conn.expires > seen.now)?;
        conn.passes(true, proto, seen);
        self.count(key.to, server, true, seen.bytes);
        Some(key.to)
    }

    /// Chooses the server for a packet from `client` to a virtual server, or finds the one that its connection has.
    pub fn choose(&mut self, of: VirtualAt, client: SocketAddrV4, seen: Seen) -> Chosen {
        let key = ConnKey { client, to: of };
        let known = self.connections.get(&key).filter(|conn| conn.expires > seen.now).copied();
        if let Some(conn) = known.filter(|conn| !conn.gives_way_to(seen)) {
            let service =
                self.services.get(&of).filter(|service| service.servers.iter().any(|server| server.at == conn.server));
            let Some(forward) = service.map(|service| service.forward) else {
                self.forget(&key);
                return Chosen::ServerGone(conn.server);
            };
            let open = self.connections.get_mut(&key).expect("it was found just now");
            open.passes(false, of.proto, seen);
            if forward == Forward::DirectRouting {
                open.sees_no_answers(seen);
            }
            self.count(of, conn.server, false, seen.bytes);
            return Chosen::Server(conn.server);
        }
        if !self.services.contains_key(&of) || of.proto == TCP && !seen.is_syn() {
            return Chosen::NotOurs;
        }
        let Some(server) = self.held(of, client, seen.now).or_else(|| self.schedule(of, client, seen.now)) else {
            return Chosen::Nobody;
        };
        self.open(key, server, seen);
        Chosen::Server(server)
    }

    /// The server that a client is held to, if that still takes connections.
    fn held(&self, of: VirtualAt, client: SocketAddrV4, now: Time) -> Option<SocketAddrV4> {
        let service = self.services.get(&of).filter(|service| service.persistent.is_some())?;
        let template = self.connections.get(&ConnKey::template(client, of)).filter(|held| held.expires > now)?;
        service.servers.iter().find(|server| server.at == template.server && server.weight > 0).map(|server| server.at)
    }

    fn open(&mut self, key: ConnKey, server: SocketAddrV4, seen: Seen) {
        self.purge(seen.now);
        self.forget(&key);
        let mut conn = Conn::new(server, key.to.proto, seen.now);
        conn.passes(false, key.to.proto, seen);
        self.connections.insert(key, conn);
        self.by_server.insert((key.to.proto, server, key.client), key);
        let service = self.services.get_mut(&key.to).expect("a server of it was chosen");
        if let Some(time) = service.persistent {
            self.connections.insert(ConnKey::template(key.client, key.to), Conn::template(server, seen.now + time));
        }
        service.stats.conns += 1;
        if let Some(server) = service.server_mut(server) {
            server.stats.conns += 1;
        }
        self.count(key.to, server, false, seen.bytes);
    }

    fn count(&mut self, of: VirtualAt, server: SocketAddrV4, back: bool, bytes: u16) {
        let Some(service) = self.services.get_mut(&of) else { return };
        service.stats.count(back, bytes);
        if let Some(server) = service.server_mut(server) {
            server.stats.count(back, bytes);
        }
    }

    fn forget(&mut self, key: &ConnKey) {
        if let Some(conn) = self.connections.remove(key) {
            self.by_server.remove(&(key.to.proto, conn.server, key.client));
        }
    }

    /// Takes out what is past its time, once that is worth looking.
    fn purge(&mut self, now: Time) {
        if self.connections.len() < self.purge_at.max(1_024) {
            return;
        }
        self.connections.retain(|_, conn| conn.expires > now);
        let connections = &self.connections;
        self.by_server.retain(|_, key| connections.contains_key(key));
        self.purge_at = self.connections.len() * 2;
    }
}

/// What is looked at of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub now: Time,
    /// The flags of TCP; else 0.
    pub flags: u8,
    /// Length of the IP packet, in bytes.
    pub bytes: u16,
}

impl Seen {
    /// Whether it opens a TCP connection.
    fn is_syn(self) -> bool {
        self.flags & 0x17 == 0x02
    }
}

#[cfg(test)]
mod tests;
