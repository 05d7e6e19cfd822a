//! The connections that run through kube-proxy, and what happens on their sockets.
//! Models `pkg/proxy/userspace/proxysocket.go` (1.11).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::net::addr::{FlowId, SocketId};
use crate::net::socket::{SocketEvent, SocketOp};
use crate::node::kube_proxy::userspace::Balancer;
use crate::node::kube_proxy::userspace::connection::{BackendState, Connection, DIAL_TIMEOUTS, UDP_IDLE, UdpClient};
use crate::node::kube_proxy::{Effect, ServicePortName};
use crate::sim::{Out, Time, VecMap};

/// Tokens of sockets towards backends have this bit; those of listeners do not.
const OUTGOING: u64 = 1 << 32;

/// Whether a token is of a socket towards a backend.
pub fn is_outgoing(token: u64) -> bool {
    token & OUTGOING != 0
}

/// All connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proxy {
    /// Who chooses backends.
    pub balancer: Balancer,
    /// TCP connections by the client's socket.
    connections: VecMap<SocketId, Connection>,
    /// UDP clients by service's socket and address.
    udp: VecMap<(SocketId, SocketAddrV4), UdpClient>,
    /// Which client's a token or socket towards a backend is.
    outgoing: VecMap<u64, Side>,
    backends: VecMap<SocketId, Side>,
    next: u64,
}

/// Whose a backend socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Side {
    Tcp(SocketId),
    Udp(SocketId, SocketAddrV4),
}

impl Proxy {
    /// No connections yet.
    pub fn new(balancer: Balancer) -> Proxy {
        Proxy {
            balancer,
            connections: VecMap::new(),
            udp: VecMap::new(),
            outgoing: VecMap::new(),
            backends: VecMap::new(),
            next: OUTGOING,
        }
    }

    fn token(&mut self, side: Side) -> u64 {
        self.next += 1;
        self.outgoing.insert(self.next, side);
        self.next
    }

    /// A client connected: the first backend in turn is tried.
    pub fn accepted(
        &mut self,
        service: ServicePortName,
        client: SocketId,
        peer: SocketAddrV4,
        flow: FlowId,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let connection = Connection {
            service,
            client,
            peer,
            flow,
            backend: BackendState::Dialling { attempt: 0, deadline: now, endpoint: peer, socket: None },
            early: Vec::new(),
            client_done: false,
        };
        self.connections.insert(client, connection);
        self.dial(client, 0, now, out);
    }

    /// Tries the next backend, or gives the connection up after the last try.
    fn dial(&mut self, client: SocketId, attempt: u8, now: Time, out: &mut Out<Effect>) {
        let Some(connection) = self.connections.get(&client) else { return };
        let (service, ip, flow) = (connection.service.clone(), connection.client_ip(), connection.flow);
        let timeout = DIAL_TIMEOUTS.get(usize::from(attempt));
        let endpoint = self.balancer.next(&service, ip, attempt > 0, now);
        let (Some(timeout), Some(endpoint)) = (timeout, endpoint) else {
            self.connections.remove(&client);
            out.push(Effect::Socket(SocketOp::Close { socket: client }));
            return;
        };
        let token = self.token(Side::Tcp(client));
        let deadline = now + *timeout;
        if let Some(connection) = self.connections.get_mut(&client) {
            connection.backend = BackendState::Dialling { attempt, deadline, endpoint, socket: None };
        }
        out.push(Effect::Socket(SocketOp::Connect { token, to: endpoint, flow: Some(flow) }));
    }

    /// Something happened on a connection's socket.
    pub fn handle(&mut self, socket: SocketId, token: u64, event: SocketEvent, now: Time, out: &mut Out<Effect>) {
        if let Some(side) = self.outgoing.get(&token).copied().filter(|_| is_outgoing(token)) {
            match side {
                Side::Tcp(client) => self.backend_event(client, socket, event, now, out),
                Side::Udp(listener, peer) => self.udp_answer(listener, peer, event, now, out),
            }
            return;
        }
        self.client_event(socket, event, out);
    }

    fn backend_event(
        &mut self,
        client: SocketId,
        socket: SocketId,
        event: SocketEvent,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Some(connection) = self.connections.get_mut(&client) else { return };
        match event {
            SocketEvent::Opened => {
                if let BackendState::Dialling { socket: slot, .. } = &mut connection.backend {
                    *slot = Some(socket);
                }
                self.backends.insert(socket, Side::Tcp(client));
            }
            SocketEvent::Connected { .. } => {
                connection.backend = BackendState::Open { socket };
                self.backends.insert(socket, Side::Tcp(client));
                let early = std::mem::take(&mut connection.early);
                if !early.is_empty() {
                    out.push(Effect::Socket(SocketOp::Send { socket, bytes: early }));
                }
                if connection.client_done {
                    out.push(Effect::Socket(SocketOp::Shutdown { socket }));
                }
            }
            SocketEvent::Data(bytes) => out.push(Effect::Socket(SocketOp::Send { socket: client, bytes })),
            SocketEvent::PeerClosed => out.push(Effect::Socket(SocketOp::Shutdown { socket: client })),
            SocketEvent::Failed(_) => match connection.backend {
                BackendState::Dialling { attempt, socket: known, .. } if known.is_none_or(|s| s == socket) => {
                    self.backends.remove(&socket);
                    self.dial(client, attempt + 1, now, out);
                }
                BackendState::Open { socket: open } if open == socket => {
                    self.drop_connection(client, Some(client), out)
                }
                _ => {}
            },
            SocketEvent::Closed if connection.backend == (BackendState::Open { socket }) => {
                self.drop_connection(client, Some(client), out);
            }
            _ => {}
        }
    }

    fn client_event(&mut self, client: SocketId, event: SocketEvent, out: &mut Out<Effect>) {
        let Some(connection) = self.connections.get_mut(&client) else { return };
        let open = match connection.backend {
            BackendState::Open { socket } => Some(socket),
            BackendState::Dialling { .. } => None,
        };
        match (event, open) {
            (SocketEvent::Data(bytes), Some(socket)) => out.push(Effect::Socket(SocketOp::Send { socket, bytes })),
            (SocketEvent::Data(bytes), None) => connection.early.extend(bytes),
            (SocketEvent::PeerClosed, Some(socket)) => out.push(Effect::Socket(SocketOp::Shutdown { socket })),
            (SocketEvent::PeerClosed, None) => connection.client_done = true,
            (SocketEvent::Failed(_) | SocketEvent::Closed, _) => {
                let backend = connection.backend_socket();
                self.drop_connection(client, backend, out);
            }
            _ => {}
        }
    }

    /// Forgets a connection and closes the side that is still open.
    fn drop_connection(&mut self, client: SocketId, close: Option<SocketId>, out: &mut Out<Effect>) {
        if let Some(backend) = self.connections.remove(&client).and_then(|c| c.backend_socket()) {
            self.backends.remove(&backend);
        }
        self.outgoing.retain(|_, side| *side != Side::Tcp(client));
        if let Some(socket) = close {
            out.push(Effect::Socket(SocketOp::Close { socket }));
        }
    }

    /// A client's datagram: to the backend that it has, or to the next in turn.
    #[allow(clippy::too_many_arguments)] // What a datagram is: where, from whom, what, in which conversation, when.
    pub fn datagram(
        &mut self,
        service: ServicePortName,
        listener: SocketId,
        peer: SocketAddrV4,
        bytes: Vec<u8>,
        flow: FlowId,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let key = (listener, peer);
        if !self.udp.contains_key(&key) {
            let Some(endpoint) = self.balancer.next(&service, *peer.ip(), false, now) else { return };
            let token = self.token(Side::Udp(listener, peer));
            let at = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
            out.push(Effect::Socket(SocketOp::Bind { token, at }));
            let socket = Err(Vec::new());
            self.udp
                .insert(key, UdpClient { service, listener, peer, endpoint, flow, socket, idle_at: now + UDP_IDLE });
        }
        let client = self.udp.get_mut(&key).expect("it was put there if it was missing");
        client.idle_at = now + UDP_IDLE;
        match &mut client.socket {
            Ok(socket) => out.push(send_to(*socket, client.endpoint, bytes, client.flow)),
            Err(waiting) => waiting.push(bytes),
        }
    }

    /// A UDP socket towards a backend is there.
    pub fn bound(&mut self, socket: SocketId, token: u64, out: &mut Out<Effect>) {
        let Some(Side::Udp(listener, peer)) = self.outgoing.get(&token).copied() else { return };
        let Some(client) = self.udp.get_mut(&(listener, peer)) else {
            out.push(Effect::Socket(SocketOp::Close { socket }));
            return;
        };
        if let Err(waiting) = std::mem::replace(&mut client.socket, Ok(socket)) {
            for bytes in waiting {
                out.push(send_to(socket, client.endpoint, bytes, client.flow));
            }
        }
    }

    fn udp_answer(
        &mut self,
        listener: SocketId,
        peer: SocketAddrV4,
        event: SocketEvent,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Some(client) = self.udp.get_mut(&(listener, peer)) else { return };
        if let SocketEvent::Datagram { bytes, .. } = event {
            client.idle_at = now + UDP_IDLE;
            out.push(send_to(listener, peer, bytes.to_vec(), client.flow));
        }
    }

    /// Gives up tries that take too long and UDP clients that are idle.
    pub fn wake(&mut self, now: Time, out: &mut Out<Effect>) {
        let late: Vec<(SocketId, u8, Option<SocketId>)> = self
            .connections
            .iter()
            .filter_map(|(client, connection)| match connection.backend {
                BackendState::Dialling { attempt, deadline, socket, .. } if deadline <= now => {
                    Some((*client, attempt, socket))
                }
                _ => None,
            })
            .collect();
        for (client, attempt, socket) in late {
            if let Some(socket) = socket {
                self.backends.remove(&socket);
                out.push(Effect::Socket(SocketOp::Abort { socket }));
            }
            self.dial(client, attempt + 1, now, out);
        }
        let idle: Vec<(SocketId, SocketAddrV4)> =
            self.udp.iter().filter(|(_, client)| client.idle_at <= now).map(|(key, _)| *key).collect();
        for key in idle {
            if let Some(UdpClient { socket: Ok(socket), .. }) = self.udp.remove(&key) {
                out.push(Effect::Socket(SocketOp::Close { socket }));
            }
            self.outgoing.retain(|_, side| *side != Side::Udp(key.0, key.1));
        }
    }

    /// When the next try or client is over.
    pub fn wake_at(&self) -> Option<Time> {
        let dials = self.connections.values().filter_map(|connection| match connection.backend {
            BackendState::Dialling { deadline, .. } => Some(deadline),
            BackendState::Open { .. } => None,
        });
        dials.chain(self.udp.values().map(|client| client.idle_at)).min()
    }
}

fn send_to(socket: SocketId, to: SocketAddrV4, bytes: Vec<u8>, flow: FlowId) -> Effect {
    Effect::Socket(SocketOp::SendTo { socket, to, bytes: Arc::from(bytes), carries: None, flow: Some(flow) })
}
