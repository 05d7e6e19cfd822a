//! Translates between the descriptors of programs ([`Fd`]) and the sockets of the network.
//!
//! The network names a socket once it is open; what a program does before that waits here. The token of a socket is the
//! number of its process and its descriptor; an accepted connection gets a descriptor of its own.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::net::{self, SocketEvent, SocketId, SocketOp};
use crate::sim::{VecMap, VecSet};
use crate::workload::{Fd, Ids, NetError, NetEvent, NetOp};

/// The sockets of one process tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SocketTable {
    open: VecMap<Fd, Slot>,
    by_id: VecMap<SocketId, Fd>,
    /// Those whose ICMP errors are what the program wants to know.
    probes: VecSet<Fd>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Slot {
    /// Asked for; what the program wants with it waits.
    Opening(Vec<NetOp>),
    /// There.
    Open(SocketId),
}

/// The token of a descriptor of a process.
pub fn token(process: u32, fd: Fd) -> u64 {
    u64::from(process) << 32 | u64::from(fd.0)
}

/// The process and the descriptor of a token.
pub fn of_token(token: u64) -> (u32, Fd) {
    let low = u32::try_from(token & 0xffff_ffff).expect("32 bits fit");
    (u32::try_from(token >> 32).expect("32 bits fit"), Fd(low))
}

fn any(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)
}

impl SocketTable {
    /// What the network is asked for when process `process` does `op`.
    pub fn op(&mut self, process: u32, op: NetOp) -> Vec<SocketOp> {
        let fd = match &op {
            NetOp::Listen { fd, .. }
            | NetOp::Bind { fd, .. }
            | NetOp::Connect { fd, .. }
            | NetOp::Send { fd, .. }
            | NetOp::SendTo { fd, .. }
            | NetOp::Ping { fd, .. }
            | NetOp::Sniff { fd, .. }
            | NetOp::Probe { fd, .. }
            | NetOp::Close { fd } => *fd,
        };
        let token = token(process, fd);
        let opens = match &op {
            NetOp::Listen { port, .. } => Some(SocketOp::Listen { token, at: any(*port) }),
            NetOp::Bind { port, .. } => Some(SocketOp::Bind { token, at: any(*port) }),
            NetOp::Connect { to, .. } => Some(SocketOp::Connect { token, to: *to, flow: None }),
            NetOp::Sniff { dev, filter, .. } => {
                Some(SocketOp::Sniff { token, dev: dev.clone(), filter: filter.clone() })
            }
            NetOp::Probe { to, ttl, .. } => {
                self.open.entry(fd).or_insert(Slot::Opening(Vec::new()));
                self.probes.insert(fd);
                return vec![SocketOp::Probe { token, to: *to, ttl: *ttl }];
            }
            NetOp::Ping { to, seq, size, ttl, .. } => {
                self.open.entry(fd).or_insert(Slot::Opening(Vec::new()));
                return vec![SocketOp::Ping { token, to: *to, seq: *seq, size: *size, ttl: *ttl }];
            }
            _ => None,
        };
        if let Some(opens) = opens {
            self.open.insert(fd, Slot::Opening(Vec::new()));
            return vec![opens];
        }
        match self.open.get_mut(&fd) {
            Some(Slot::Opening(waiting)) => {
                waiting.push(op);
                Vec::new()
            }
            Some(Slot::Open(id)) => {
                let id = *id;
                self.on_open(fd, id, op)
            }
            None => Vec::new(),
        }
    }

    fn on_open(&mut self, fd: Fd, socket: SocketId, op: NetOp) -> Vec<SocketOp> {
        match op {
            NetOp::Send { bytes, .. } => vec![SocketOp::Send { socket, bytes }],
            NetOp::SendTo { to, bytes, .. } => {
                vec![SocketOp::SendTo { socket, to, bytes: bytes.into(), carries: None, flow: None }]
            }
            NetOp::Close { .. } => {
                self.open.remove(&fd);
                self.by_id.remove(&socket);
                vec![SocketOp::Close { socket }]
            }
            _ => Vec::new(),
        }
    }

    /// The network named a socket: what waited for it.
    fn named(&mut self, fd: Fd, socket: SocketId) -> Vec<SocketOp> {
        match self.open.insert(fd, Slot::Open(socket)) {
            Some(Slot::Opening(waiting)) => {
                self.by_id.insert(socket, fd);
                waiting.into_iter().flat_map(|op| self.on_open(fd, socket, op)).collect()
            }
            Some(slot @ Slot::Open(_)) => {
                self.open.insert(fd, slot);
                Vec::new()
            }
            None => {
                // The process closed it before it was open.
                self.open.remove(&fd);
                vec![SocketOp::Close { socket }]
            }
        }
    }

    /// An event of the network as the program sees it, and what has to be done at once.
    pub fn event(
        &mut self,
        fd: Fd,
        socket: SocketId,
        event: SocketEvent,
        ids: &mut Ids,
    ) -> (Option<NetEvent>, Vec<SocketOp>) {
        let known = self.by_id.get(&socket).copied();
        let accepted = matches!(event, SocketEvent::Accepted { .. });
        if known.is_none() && !accepted && matches!(self.open.get(&fd), Some(Slot::Open(other)) if *other != socket) {
            // A connection that was accepted and closed since; its token is its listener's.
            return (None, Vec::new());
        }
        let fd = known.unwrap_or(fd);
        let told = match event {
            SocketEvent::Bound { .. } | SocketEvent::Opened => return (None, self.named(fd, socket)),
            SocketEvent::Accepted { peer, .. } => {
                let new = Fd(ids.take());
                self.open.insert(new, Slot::Open(socket));
                self.by_id.insert(socket, new);
                NetEvent::Accepted { listener: fd, fd: new, peer }
            }
            SocketEvent::Connected { local, .. } => {
                let ops = self.named(fd, socket);
                let told = self.open.contains_key(&fd).then_some(NetEvent::Connected { fd, local });
                return (told, ops);
            }
            SocketEvent::Sniffing { dev, link } => {
                let ops = self.named(fd, socket);
                let told = self.open.contains_key(&fd).then_some(NetEvent::Sniffing { fd, dev, link });
                return (told, ops);
            }
            SocketEvent::Frame(frame) => NetEvent::Frame { fd, frame },
            SocketEvent::Failed(error) => {
                self.open.remove(&fd);
                self.by_id.remove(&socket);
                NetEvent::Failed { fd, error: error_of(error) }
            }
            SocketEvent::Closed => {
                self.open.remove(&fd);
                self.by_id.remove(&socket);
                return (None, Vec::new());
            }
            SocketEvent::Data(bytes) => NetEvent::Data { fd, bytes },
            SocketEvent::PeerClosed => NetEvent::Ended { fd },
            SocketEvent::Datagram { from, bytes, .. } => NetEvent::Datagram { fd, from, bytes: bytes.to_vec() },
            SocketEvent::EchoReply { from, seq, ttl, .. } => {
                let ops = self.named(fd, socket);
                return (Some(NetEvent::Pong { fd, from, seq, ttl }), ops);
            }
            SocketEvent::IcmpError { from, error, seq: Some(number), .. } => NetEvent::Icmp { fd, from, error, number },
            SocketEvent::IcmpError { from, error, to, .. } if self.probes.contains(&fd) => {
                NetEvent::Icmp { fd, from, error, number: to.port() }
            }
            SocketEvent::IcmpError { error, .. } => NetEvent::Failed { fd, error: error_of(error) },
        };
        (
            self.open
                .contains_key(&fd)
                .then_some(told.clone())
                .or(matches!(told, NetEvent::Failed { .. }).then_some(told)),
            Vec::new(),
        )
    }

    /// The process is gone: every socket that it has is closed.
    pub fn close_all(&mut self) -> Vec<SocketOp> {
        self.open.clear();
        std::mem::take(&mut self.by_id).into_keys().map(|socket| SocketOp::Close { socket }).collect()
    }
}

fn error_of(error: net::NetError) -> NetError {
    match error {
        net::NetError::Refused => NetError::Refused,
        net::NetError::Reset | net::NetError::BadSocket => NetError::Reset,
        net::NetError::TimedOut => NetError::TimedOut,
        net::NetError::NoDevice => NetError::NoDevice,
        net::NetError::AddrInUse => NetError::AddressInUse,
        net::NetError::NetUnreachable | net::NetError::AddrNotAvailable => NetError::NetUnreachable,
        _ => NetError::HostUnreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), port)
    }

    fn accepted() -> SocketEvent {
        SocketEvent::Accepted { listener: SocketId(1), local: at(80), peer: at(9), flow: crate::net::FlowId(1) }
    }

    #[test]
    fn what_a_program_does_before_its_socket_is_named_waits() {
        let (mut table, mut ids) = (SocketTable::default(), Ids::default());
        let fd = Fd(3);
        let first = table.op(7, NetOp::Connect { fd, to: at(80) });
        assert_eq!(first, [SocketOp::Connect { token: token(7, fd), to: at(80), flow: None }]);
        assert_eq!(table.op(7, NetOp::Send { fd, bytes: vec![1] }), []);
        let (told, ops) = table.event(fd, SocketId(5), SocketEvent::Opened, &mut ids);
        assert_eq!((told, ops), (None, vec![SocketOp::Send { socket: SocketId(5), bytes: vec![1] }]));
    }

    #[test]
    fn an_accepted_connection_has_a_descriptor_of_its_own_and_its_end_is_not_its_listeners() {
        let (mut table, mut ids) = (SocketTable::default(), Ids::default());
        let listener = Fd(ids.take());
        table.op(7, NetOp::Listen { fd: listener, port: 80 });
        table.event(listener, SocketId(1), SocketEvent::Bound { at: at(80) }, &mut ids);
        let (told, _) = table.event(listener, SocketId(2), accepted(), &mut ids);
        let Some(NetEvent::Accepted { fd, .. }) = told else { panic!("{told:?}") };
        assert_ne!(fd, listener);
        assert_eq!(table.op(7, NetOp::Close { fd }), [SocketOp::Close { socket: SocketId(2) }]);
        let failed = SocketEvent::Failed(net::NetError::Reset);
        assert_eq!(table.event(listener, SocketId(2), failed, &mut ids), (None, vec![]));
        assert_eq!(table.close_all(), [SocketOp::Close { socket: SocketId(1) }]);
    }
}
