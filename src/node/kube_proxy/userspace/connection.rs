//! Connections through kube-proxy: one to the client, one to the backend, bytes copied both ways.
//! Models `pkg/proxy/userspace/proxysocket.go` (1.11).

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::net::addr::{FlowId, SocketId};
use crate::node::kube_proxy::ServicePortName;
use crate::sim::{Span, Time};

/// How long each try to reach a backend may take (`EndpointDialTimeouts`).
pub const DIAL_TIMEOUTS: [Span; 4] = [Span::millis(250), Span::millis(500), Span::secs(1), Span::secs(2)];

/// How long a UDP client's backend socket is kept when idle (`--udp-timeout`).
pub const UDP_IDLE: Span = Span::millis(250);

/// A client's TCP connection and its backend's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Whose.
    pub service: ServicePortName,
    /// The client's socket.
    pub client: SocketId,
    /// The client's address.
    pub peer: SocketAddrV4,
    /// The conversation.
    pub flow: FlowId,
    /// The backend's side.
    pub backend: BackendState,
    /// What the client sent before the backend was connected.
    pub early: Vec<u8>,
    /// The client has sent everything.
    pub client_done: bool,
}

/// The backend's side of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BackendState {
    /// Try number `attempt` (0 to 3) is under way until `deadline`.
    Dialling {
        /// Which try.
        attempt: u8,
        /// When it is given up.
        deadline: Time,
        /// The backend.
        endpoint: SocketAddrV4,
        /// Its socket, once it is known.
        socket: Option<SocketId>,
    },
    /// Connected.
    Open {
        /// The backend's socket.
        socket: SocketId,
    },
}

/// A UDP client's way to a backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UdpClient {
    /// Whose.
    pub service: ServicePortName,
    /// The socket on which the client is answered.
    pub listener: SocketId,
    /// The client.
    pub peer: SocketAddrV4,
    /// The chosen backend.
    pub endpoint: SocketAddrV4,
    /// The conversation.
    pub flow: FlowId,
    /// The backend's socket, once it is known, or what waits for it.
    pub socket: Result<SocketId, Vec<Vec<u8>>>,
    /// When it is closed for being idle.
    pub idle_at: Time,
}

impl Connection {
    /// The backend's socket, if there is one.
    pub fn backend_socket(&self) -> Option<SocketId> {
        match &self.backend {
            BackendState::Dialling { socket, .. } => *socket,
            BackendState::Open { socket } => Some(*socket),
        }
    }

    /// The client's address without its port.
    pub fn client_ip(&self) -> Ipv4Addr {
        *self.peer.ip()
    }
}
