//! Delivery to sockets: TCP, UDP, ICMP.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::net::addr::SocketId;
use crate::net::fabric::{Ctx, Effect};
use crate::net::hop::{Decision, DropReason, Link, Stage};
use crate::net::host::{Netns, Skb};
use crate::net::packet::build::{self, IpChoice, Segment};
use crate::net::packet::{ICMP, TCP, UDP, be16};
use crate::net::socket::{NetError, Socket, SocketEvent, SocketKind};
use crate::net::tcp::{Tcb, TcpEvent, TcpOut, TcpState};

impl Netns {
    /// Hands a packet to whom it is for.
    pub(crate) fn deliver(&mut self, skb: Skb, cx: &mut Ctx<'_>) {
        if !skb.packet.l4_sum_is_right(&skb.ip) {
            return cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::Malformed);
        }
        match skb.ip.proto {
            TCP => self.deliver_tcp(&skb, cx),
            UDP => self.deliver_udp(&skb, cx),
            ICMP => self.deliver_icmp(&skb, cx),
            other => {
                cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::UnknownProtocol(other));
                self.icmp_error(&skb, (3, 2), 0, cx);
            }
        }
    }

    fn ends(skb: &Skb) -> Option<(SocketAddrV4, SocketAddrV4)> {
        let (sport, dport) = skb.packet.ports(&skb.ip)?;
        Some((SocketAddrV4::new(skb.ip.dst, dport), SocketAddrV4::new(skb.ip.src, sport)))
    }

    fn delivered(&self, skb: &Skb, socket: SocketId, at: SocketAddrV4, cx: &mut Ctx<'_>) {
        let Some(owner) = self.sockets.get(socket).map(|s| s.owner) else { return };
        cx.hop(&skb.packet, Link::Ip, &skb.input, Stage::Deliver, || Decision::Socket { socket, owner, at });
    }

    fn deliver_udp(&mut self, skb: &Skb, cx: &mut Ctx<'_>) {
        let Some((to, from)) = Netns::ends(skb) else {
            return cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::Malformed);
        };
        if self.is_tunnel_port(to.port()) {
            return self.decapsulate(skb, cx);
        }
        let Some(id) = self.sockets.udp(to) else {
            cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::NoSocket(to));
            return self.icmp_error(skb, (3, 3), 0, cx);
        };
        let (tag, carries) = (skb.packet.tag, skb.packet.carries);
        self.delivered(skb, id, to, cx);
        let bytes = skb.packet.l4(&skb.ip)[8..].into();
        if let Some(socket) = self.sockets.get_mut(id) {
            if carries.is_none() {
                socket.udp_flow(from, Some(tag.flow), || tag.flow);
            }
            cx.tell(id, socket, SocketEvent::Datagram { from, to, bytes, tag, carries });
        }
    }

    fn deliver_icmp(&mut self, skb: &Skb, cx: &mut Ctx<'_>) {
        let l4 = skb.packet.l4(&skb.ip);
        if l4.len() < 8 {
            return cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::Malformed);
        }
        let (ident, seq) = (be16(l4, 4), be16(l4, 6));
        match l4[0] {
            8 => {
                cx.hop(&skb.packet, Link::Ip, &skb.input, Stage::Deliver, || Decision::Icmp);
                let choice = IpChoice { ttl: 64, id: self.next_ip_id(), df: false };
                let reply = build::echo(skb.ip.dst, skb.ip.src, choice, true, ident, seq, &l4[8..]);
                // A sender that cannot be reached gets no answer.
                let _ = self.send_built(reply, skb.packet.tag.flow, None, cx);
            }
            0 => self.echo_reply(skb, ident, seq, cx),
            _ => self.icmp_to_sockets(skb, cx),
        }
    }

    fn echo_reply(&mut self, skb: &Skb, ident: u16, seq: u16, cx: &mut Ctx<'_>) {
        let from = skb.ip.src;
        let Some(id) = self.sockets.ping(ident) else {
            let at = SocketAddrV4::new(skb.ip.dst, ident);
            return cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::NoSocket(at));
        };
        self.delivered(skb, id, SocketAddrV4::new(skb.ip.dst, ident), cx);
        let size = skb.ip.total - u16::from(skb.ip.header);
        // One that comes twice is told twice.
        if let Some(socket) = self.sockets.get(id)
            && let SocketKind::Ping { sent, .. } = &socket.kind
            && let Some(at) = sent.get(&seq).copied()
        {
            let after = cx.now.since(at);
            cx.tell(id, socket, SocketEvent::EchoReply { from, seq, ttl: skb.ip.ttl, size, after });
        }
    }

    /// An ICMP error: finds the socket that sent what it is about.
    fn icmp_to_sockets(&mut self, skb: &Skb, cx: &mut Ctx<'_>) {
        let l4 = skb.packet.l4(&skb.ip);
        cx.hop(&skb.packet, Link::Ip, &skb.input, Stage::Deliver, || Decision::Icmp);
        let Some((about, Some((sport, dport)))) = super::hooks::inner(&skb.ip, l4) else { return };
        let error = match (l4[0], l4[1]) {
            (11, _) => NetError::TtlExceeded,
            (3, 0 | 6 | 9 | 11) => NetError::NetUnreachable,
            (3, 3) => NetError::Refused,
            (3, 4) => NetError::MessageTooLong { mtu: be16(l4, 6).max(68) },
            _ => NetError::HostUnreachable,
        };
        if let NetError::MessageTooLong { mtu } = error {
            let known = self.path_mtu.entry(about.dst).or_insert(mtu);
            *known = mtu.min(*known);
        }
        let (local, peer) = (SocketAddrV4::new(about.src, sport), SocketAddrV4::new(about.dst, dport));
        match about.proto {
            TCP => {
                let Some(id) = self.sockets.connection(local, peer) else { return };
                self.with_tcb(id, cx, |tcb, now, out| match error {
                    NetError::MessageTooLong { mtu } => tcb.shrink(mtu, now, out),
                    _ => tcb.icmp(error, out),
                });
            }
            _ => {
                let found = if about.proto == UDP { self.sockets.udp(local) } else { self.sockets.ping(sport) };
                let inner = &l4[8 + usize::from(about.header)..];
                let seq = (about.proto == ICMP && inner.len() >= 8).then(|| be16(inner, 6));
                let from = skb.ip.src;
                if let Some((id, socket)) = found.and_then(|id| Some((id, self.sockets.get(id)?))) {
                    cx.tell(id, socket, SocketEvent::IcmpError { from, error, seq, to: peer });
                }
            }
        }
    }

    fn deliver_tcp(&mut self, skb: &Skb, cx: &mut Ctx<'_>) {
        let (Some((local, peer)), Some(segment)) = (Netns::ends(skb), Segment::parse(skb.packet.l4(&skb.ip))) else {
            return cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::Malformed);
        };
        self.confirm_neighbour(skb.ip.src, cx);
        let opens = segment.syn && segment.ack.is_none();
        if let Some(id) = self.sockets.connection(local, peer) {
            let old = matches!(&self.sockets.get(id).map(|s| &s.kind), Some(SocketKind::Tcp { tcb, .. }) if tcb.state() == TcpState::TimeWait);
            if !(old && opens) {
                self.delivered(skb, id, local, cx);
                return self.with_tcb(id, cx, |tcb, now, out| tcb.receive(segment, now, out));
            }
            self.sockets.remove(id);
        }
        match self.sockets.listener(local).filter(|_| opens) {
            Some(listener) => {
                self.delivered(skb, listener, local, cx);
                self.accept(listener, local, peer, &segment, skb, cx);
            }
            None => {
                cx.drop_at(&skb.packet, Link::Ip, &skb.input, DropReason::NoSocket(local));
                self.reset(skb, cx);
            }
        }
    }

    fn accept(
        &mut self,
        listener: SocketId,
        local: SocketAddrV4,
        peer: SocketAddrV4,
        syn: &Segment,
        skb: &Skb,
        cx: &mut Ctx<'_>,
    ) {
        let Some(Socket { owner, token, .. }) = self.sockets.get(listener).cloned() else { return };
        let mut out = TcpOut::default();
        let (iss, mss) = (cx.sequence_number(), self.mss_to(*peer.ip()));
        let tcb = Box::new(Tcb::accept(iss, mss, syn, cx.now, &mut out));
        let id = cx.socket();
        let flow = skb.packet.tag.flow;
        let kind = SocketKind::Tcp { local, peer, listener: Some(listener), flow, tcb };
        self.sockets.insert(id, Socket { owner, token, kind });
        self.put_out(id, out, cx);
    }

    /// The largest segment towards `to`.
    pub(crate) fn mss_to(&self, to: Ipv4Addr) -> u16 {
        let mtu = self.route_to(to).map_or(1500, |route| self.path_mtu_to(to, route));
        u16::try_from(mtu.min(65_535)).expect("clamped").saturating_sub(40).max(64)
    }

    /// What is heard at the TCP layer needs no ARP.
    fn confirm_neighbour(&mut self, from: Ipv4Addr, cx: &Ctx<'_>) {
        let Some(route) = self.main.lookup(from) else { return };
        let key = (route.dev, route.next_hop(from));
        if let Some(neighbour) = self.neighbours.get_mut(&key) {
            neighbour.confirm(cx.now);
        }
    }

    /// Lets a connection do something, then sends and tells what it wants sent and told.
    pub(crate) fn with_tcb(
        &mut self,
        id: SocketId,
        cx: &mut Ctx<'_>,
        act: impl FnOnce(&mut Tcb, crate::sim::Time, &mut TcpOut),
    ) {
        let Some(Socket { kind: SocketKind::Tcp { tcb, .. }, .. }) = self.sockets.get_mut(id) else { return };
        let mut out = TcpOut::default();
        let old = tcb.deadline();
        act(tcb, cx.now, &mut out);
        self.sockets.set_timer(id, old);
        self.put_out(id, out, cx);
    }

    /// Sends and tells what a connection wants sent and told.
    pub(crate) fn put_out(&mut self, id: SocketId, out: TcpOut, cx: &mut Ctx<'_>) {
        let Some(socket) = self.sockets.get(id) else { return };
        let SocketKind::Tcp { local, peer, listener, flow, tcb } = &socket.kind else { return };
        let (local, peer, listener, flow, state) = (*local, *peer, *listener, *flow, tcb.state());
        for event in out.events {
            let event = match event {
                TcpEvent::Connected => match listener {
                    Some(listener) => SocketEvent::Accepted { listener, local, peer, flow },
                    None => SocketEvent::Connected { local, peer, flow },
                },
                TcpEvent::Data(bytes) => SocketEvent::Data(bytes),
                TcpEvent::PeerClosed => SocketEvent::PeerClosed,
                TcpEvent::Closed => SocketEvent::Closed,
                TcpEvent::Failed(error) => SocketEvent::Failed(error),
            };
            cx.tell(id, socket, event);
        }
        if state == TcpState::Closed {
            self.sockets.remove(id);
        }
        for segment in out.segments {
            let choice = IpChoice { ttl: 64, id: self.next_ip_id(), df: true };
            let sent = self.send_built(build::tcp(local, peer, choice, &segment), flow, None, cx);
            // A rule that takes a segment away is no reason to give up: it may be let through when it is sent again.
            if let Err(error) = sent
                && error != NetError::Prohibited
            {
                self.with_tcb(id, cx, |tcb, _, out| tcb.icmp(error, out));
            }
        }
    }

    /// The timers of connections that ran out.
    pub(crate) fn wake_sockets(&mut self, cx: &mut Ctx<'_>) {
        while let Some((at, id)) = self.sockets.next_timer().filter(|(at, _)| *at <= cx.now) {
            self.sockets.drop_timer(at, id);
            self.with_tcb(id, cx, Tcb::wake);
        }
    }
}

impl Ctx<'_> {
    /// Tells a program something about its socket.
    pub(crate) fn tell(&mut self, id: SocketId, socket: &Socket, event: SocketEvent) {
        let Socket { owner, token, .. } = *socket;
        self.out.push(Effect::Socket { owner, ns: self.ns, socket: id, token, event });
    }
}
