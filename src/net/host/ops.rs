//! What programs ask of their sockets.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::net::addr::{FlowId, Owner, SocketId};
use crate::net::fabric::{Ctx, Effect};
use crate::net::host::Netns;
use crate::net::packet::build::{self, IpChoice};
use crate::net::socket::{NetError, Socket, SocketEvent, SocketKind, SocketOp};
use crate::net::tcp::{Tcb, TcpOut};
use crate::sim::VecMap;

impl Netns {
    /// Does what `owner` asks. What fails is told as an event of the socket (or of the socket that was not opened).
    pub(crate) fn op(&mut self, owner: Owner, op: SocketOp, cx: &mut Ctx<'_>) {
        match op {
            SocketOp::Listen { token, at } => self.open(true, owner, token, at, cx),
            SocketOp::Bind { token, at } => self.open(false, owner, token, at, cx),
            SocketOp::Connect { token, to, flow } => self.connect_to(owner, token, to, flow, cx),
            SocketOp::Send { socket, bytes } => {
                self.with_own_tcb(owner, socket, cx, |tcb, now, out| tcb.send(&bytes, now, out));
            }
            SocketOp::SendTo { socket, to, bytes, carries, flow } => {
                let flow = flow.or(carries.map(|c| c.flow));
                let sent = self.send_to(owner, socket, to, &bytes, flow, carries, 64, cx);
                if let (Err(error), Some(known)) = (sent, self.sockets.get(socket)) {
                    let from = Ipv4Addr::UNSPECIFIED;
                    cx.tell(socket, known, SocketEvent::IcmpError { from, error, seq: None, to });
                }
            }
            SocketOp::Ping { token, to, seq, size, ttl } => self.ping(owner, token, to, (seq, size, ttl), cx),
            SocketOp::Probe { token, to, ttl } => self.probe(owner, token, to, ttl, cx),
            SocketOp::Sniff { token, dev, filter } => self.sniff(owner, token, &dev, filter, cx),
            SocketOp::Shutdown { socket } => {
                self.with_own_tcb(owner, socket, cx, |tcb, now, out| tcb.close(false, now, out));
            }
            SocketOp::Close { socket } => {
                self.close(owner, socket, cx, |tcb, now, out| tcb.close(true, now, out));
            }
            SocketOp::Abort { socket } => self.close(owner, socket, cx, |tcb, _, out| tcb.abort(out)),
        }
    }

    /// Closes every socket of `owner`, connections with a reset (the process was killed).
    pub(crate) fn close_all(&mut self, owner: Owner, cx: &mut Ctx<'_>) {
        let ids: Vec<SocketId> = self.sockets.iter().filter(|(_, s)| s.owner == owner).map(|(id, _)| id).collect();
        for id in ids {
            self.op(owner, SocketOp::Abort { socket: id }, cx);
        }
    }

    fn own(&self, owner: Owner, id: SocketId) -> bool {
        self.sockets.get(id).is_some_and(|s| s.owner == owner)
    }

    fn with_own_tcb(
        &mut self,
        owner: Owner,
        id: SocketId,
        cx: &mut Ctx<'_>,
        act: impl FnOnce(&mut Tcb, crate::sim::Time, &mut TcpOut),
    ) {
        if self.own(owner, id) {
            self.with_tcb(id, cx, act);
        }
    }

    fn close(
        &mut self,
        owner: Owner,
        id: SocketId,
        cx: &mut Ctx<'_>,
        act: impl FnOnce(&mut Tcb, crate::sim::Time, &mut TcpOut),
    ) {
        if !self.own(owner, id) {
            return;
        }
        match self.sockets.get(id).map(|s| &s.kind) {
            Some(SocketKind::Tcp { .. }) => self.with_tcb(id, cx, act),
            _ => _ = self.sockets.remove(id),
        }
    }

    pub(super) fn refuse(owner: Owner, token: u64, error: NetError, cx: &mut Ctx<'_>) {
        let socket = cx.socket();
        let event = SocketEvent::Failed(error);
        cx.out.push(Effect::Socket { owner, ns: cx.ns, socket, token, event });
    }

    /// Opens a listener or a UDP socket.
    fn open(&mut self, tcp: bool, owner: Owner, token: u64, at: SocketAddrV4, cx: &mut Ctx<'_>) {
        if !at.ip().is_unspecified() && !self.is_own(*at.ip()) {
            return Netns::refuse(owner, token, NetError::AddrNotAvailable, cx);
        }
        let port = match at.port() {
            0 => self.sockets.ephemeral(|s, port| s.is_free(tcp, SocketAddrV4::new(*at.ip(), port))),
            port => Some(port).filter(|_| self.sockets.is_free(tcp, at)),
        };
        let Some(port) = port else {
            return Netns::refuse(owner, token, NetError::AddrInUse, cx);
        };
        let at = SocketAddrV4::new(*at.ip(), port);
        let kind = if tcp { SocketKind::Listener { at } } else { SocketKind::Udp { at, peers: VecMap::new() } };
        let (id, socket) = (cx.socket(), Socket { owner, token, kind });
        cx.tell(id, &socket, SocketEvent::Bound { at });
        self.sockets.insert(id, socket);
    }

    fn connect_to(&mut self, owner: Owner, token: u64, to: SocketAddrV4, flow: Option<FlowId>, cx: &mut Ctx<'_>) {
        let route = self.route_to(*to.ip()).cloned();
        let Some(src) = route.and_then(|route| self.source_for(*to.ip(), &route)) else {
            return Netns::refuse(owner, token, NetError::NetUnreachable, cx);
        };
        let end = |port| SocketAddrV4::new(src, port);
        let free = |s: &super::Sockets, port| s.connection(end(port), to).is_none() && s.is_free(true, end(port));
        let Some(port) = self.sockets.ephemeral(free) else {
            return Netns::refuse(owner, token, NetError::AddrNotAvailable, cx);
        };
        let mut out = TcpOut::default();
        let (iss, mss) = (cx.sequence_number(), self.mss_to(*to.ip()));
        let flow = flow.unwrap_or_else(|| cx.flow());
        let tcb = Box::new(Tcb::connect(iss, mss, cx.now, &mut out));
        let kind = SocketKind::Tcp { local: end(port), peer: to, listener: None, flow, tcb };
        let (id, socket) = (cx.socket(), Socket { owner, token, kind });
        cx.tell(id, &socket, SocketEvent::Opened);
        self.sockets.insert(id, socket);
        self.put_out(id, out, cx);
    }

    #[allow(clippy::too_many_arguments, reason = "these are the arguments of sendto")]
    fn send_to(
        &mut self,
        owner: Owner,
        id: SocketId,
        to: SocketAddrV4,
        bytes: &[u8],
        flow: Option<FlowId>,
        carries: Option<crate::net::addr::Tag>,
        ttl: u8,
        cx: &mut Ctx<'_>,
    ) -> Result<(), NetError> {
        let route = self.route_to(*to.ip()).cloned().ok_or(NetError::NetUnreachable)?;
        let src = self.source_for(*to.ip(), &route).ok_or(NetError::AddrNotAvailable)?;
        if bytes.len() > 65_507 {
            return Err(NetError::MessageTooLong { mtu: u16::MAX });
        }
        let df = bytes.len() as u64 + 28 <= u64::from(self.path_mtu_to(*to.ip(), &route));
        let choice = IpChoice { ttl, id: self.next_ip_id(), df };
        let socket = self.sockets.get_mut(id).filter(|s| s.owner == owner).ok_or(NetError::BadSocket)?;
        let SocketKind::Udp { at, .. } = &socket.kind else { return Err(NetError::BadSocket) };
        let src = if at.ip().is_unspecified() { src } else { *at.ip() };
        let from = SocketAddrV4::new(src, at.port());
        let flow = match (carries, flow) {
            (Some(_), Some(flow)) => flow,
            (_, flow) => socket.udp_flow(to, flow, || cx.flow()),
        };
        self.send_built(build::udp(from, to, choice, bytes), flow, carries, cx)
    }

    /// A datagram of 32 bytes with a time to live.
    fn probe(&mut self, owner: Owner, token: u64, to: SocketAddrV4, ttl: u8, cx: &mut Ctx<'_>) {
        if self.sockets.udp_of(owner, token).is_none() {
            self.open(false, owner, token, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0), cx);
        }
        let Some(id) = self.sockets.udp_of(owner, token) else { return };
        let sent = self.send_to(owner, id, to, &[0; 32], None, None, ttl, cx);
        if let (Err(error), Some(socket)) = (sent, self.sockets.get(id)) {
            cx.tell(id, socket, SocketEvent::IcmpError { from: Ipv4Addr::UNSPECIFIED, error, seq: None, to });
        }
    }

    fn ping(&mut self, owner: Owner, token: u64, to: Ipv4Addr, (seq, size, ttl): (u16, u16, u8), cx: &mut Ctx<'_>) {
        let id = self.sockets.ping_of(owner, token).unwrap_or_else(|| {
            let (ident, id) = (self.sockets.ident(), cx.socket());
            let kind = SocketKind::Ping { ident, flow: cx.flow(), sent: VecMap::new() };
            let socket = Socket { owner, token, kind };
            cx.tell(id, &socket, SocketEvent::Opened);
            self.sockets.insert(id, socket);
            id
        });
        let sent = self.send_ping(id, to, (seq, size, ttl), cx);
        if let (Err(error), Some(socket)) = (sent, self.sockets.get(id)) {
            let (from, to) = (Ipv4Addr::UNSPECIFIED, SocketAddrV4::new(to, 0));
            cx.tell(id, socket, SocketEvent::IcmpError { from, error, seq: Some(seq), to });
        }
    }

    fn send_ping(
        &mut self,
        id: SocketId,
        to: Ipv4Addr,
        (seq, size, ttl): (u16, u16, u8),
        cx: &mut Ctx<'_>,
    ) -> Result<(), NetError> {
        let route = self.route_to(to).cloned().ok_or(NetError::NetUnreachable)?;
        let src = self.source_for(to, &route).ok_or(NetError::AddrNotAvailable)?;
        let size = size.min(65_507);
        let df = u32::from(size) + 28 <= self.path_mtu_to(to, &route);
        let choice = IpChoice { ttl, id: self.next_ip_id(), df };
        let socket = self.sockets.get_mut(id).ok_or(NetError::BadSocket)?;
        socket.pinged(seq, cx.now);
        let SocketKind::Ping { ident, flow, .. } = socket.kind else { return Err(NetError::BadSocket) };
        // The payload of ping(8): bytes that count up.
        let data: Vec<u8> = (0..size).map(|n| n.to_le_bytes()[0]).collect();
        self.send_built(build::echo(src, to, choice, false, ident, seq, &data), flow, None, cx)
    }
}
