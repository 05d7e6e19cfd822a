//! What kube-proxy says of its health: on port 10256 of itself, and on the health check port of each Service whose external
//! traffic stays local, whether this node has endpoints of it. Load balancers ask there.
//!
//! Models `pkg/proxy/healthcheck/service_health.go` and `proxy_health.go` (1.36), and what Go's HTTP server writes around the
//! answers. Differs: a kube-proxy that runs writes its rules in time, so that it never finds itself late.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::api::{MicroTime, Node};
use crate::net::addr::SocketId;
use crate::net::socket::{SocketEvent, SocketOp};
use crate::node::kube_proxy::Effect;
use crate::node::kube_proxy::model::{Model, ServiceName};
use crate::sim::{Out, Time, VecMap};
use crate::workload::http::{self, Parsed, Request};

/// `healthzBindAddress`: where kube-proxy tells of itself.
pub const PORT: u16 = 10_256;
/// Tokens of these sockets have this bit, beside the port on which they listen.
const TOKEN: u64 = 1 << 40;
/// With this taint a node gets no more traffic from load balancers.
const TO_BE_DELETED: &str = "ToBeDeletedByClusterAutoscaler";

/// A port on which a load balancer can ask.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Door {
    /// The Service that is asked for; `None`: kube-proxy itself.
    service: Option<ServiceName>,
    socket: Option<SocketId>,
}

/// The doors and the connections through them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Health {
    /// Seconds since the Unix epoch at virtual time zero.
    epoch: i64,
    started: Option<Time>,
    is_eligible: bool,
    last_written: Option<Time>,
    doors: VecMap<u16, Door>,
    /// How many endpoints each Service has on this node.
    local: VecMap<ServiceName, usize>,
    /// The port of each connection, and what came that is no whole request yet.
    connections: VecMap<SocketId, (u16, Vec<u8>)>,
}

impl Health {
    /// Nothing is open yet.
    pub fn new(epoch: i64) -> Health {
        Health {
            epoch,
            started: None,
            is_eligible: true,
            last_written: None,
            doors: VecMap::new(),
            local: VecMap::new(),
            connections: VecMap::new(),
        }
    }

    /// Whether a token is of one of its sockets.
    pub fn is_its(token: u64) -> bool {
        token & TOKEN != 0
    }

    /// Opens the door of kube-proxy itself, once.
    pub fn start(&mut self, now: Time, out: &mut Out<Effect>) {
        if self.started.is_none() {
            self.started = Some(now);
            self.open(PORT, None, out);
        }
    }

    /// The own node is this.
    pub fn node_is(&mut self, node: &Node, gone: bool) {
        let condemned = node.spec.taints.iter().any(|taint| taint.key == TO_BE_DELETED);
        self.is_eligible = !gone && !condemned && node.metadata.deletion_timestamp.is_none();
    }

    /// The rules have been written: opens the doors of Services that want one now, closes those of the others, and counts the
    /// endpoints on this node anew.
    pub fn written(&mut self, model: &Model, now: Time, out: &mut Out<Effect>) {
        self.last_written = Some(now);
        let mut wanted: VecMap<u16, ServiceName> = VecMap::new();
        let mut local: VecMap<ServiceName, BTreeSet<std::net::IpAddr>> = VecMap::new();
        for (name, port) in model.services() {
            let service = (name.namespace.clone(), name.name.clone());
            let here = model.endpoints(name).iter().filter(|endpoint| endpoint.local && endpoint.ready);
            local.entry(service.clone()).or_default().extend(here.map(|endpoint| endpoint.at.ip()));
            wanted.extend(port.health_check_port.map(|port| (port, service)));
        }
        self.local = local.into_iter().map(|(service, ips)| (service, ips.len())).collect();
        let stale = |port: &u16, door: &Door| door.service.is_some() && wanted.get(port) != door.service.as_ref();
        let closed: Vec<u16> =
            self.doors.iter().filter(|(port, door)| stale(port, door)).map(|(port, _)| *port).collect();
        for port in closed {
            if let Some(socket) = self.doors.remove(&port).and_then(|door| door.socket) {
                out.push(Effect::Socket(SocketOp::Close { socket }));
            }
            let open = self.connections.iter().filter(|(_, (at, _))| *at == port).map(|(socket, _)| *socket);
            for socket in open.collect::<Vec<_>>() {
                self.connections.remove(&socket);
                out.push(Effect::Socket(SocketOp::Close { socket }));
            }
        }
        for (port, service) in wanted {
            if !self.doors.contains_key(&port) {
                self.open(port, Some(service), out);
            }
        }
    }

    fn open(&mut self, port: u16, service: Option<ServiceName>, out: &mut Out<Effect>) {
        self.doors.insert(port, Door { service, socket: None });
        let at = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
        out.push(Effect::Socket(SocketOp::Listen { token: TOKEN | u64::from(port), at }));
    }

    /// Something happened on one of its sockets.
    pub fn socket(&mut self, socket: SocketId, token: u64, event: SocketEvent, now: Time, out: &mut Out<Effect>) {
        let port = u16::try_from(token & u64::from(u16::MAX)).expect("masked to 16 bits");
        match event {
            SocketEvent::Bound { .. } => match self.doors.get_mut(&port) {
                Some(door) => door.socket = Some(socket),
                // The Service went away meanwhile.
                None => out.push(Effect::Socket(SocketOp::Close { socket })),
            },
            SocketEvent::Accepted { .. } => _ = self.connections.insert(socket, (port, Vec::new())),
            SocketEvent::Data(bytes) => self.asked(socket, &bytes, now, out),
            SocketEvent::PeerClosed => {
                self.connections.remove(&socket);
                out.push(Effect::Socket(SocketOp::Close { socket }));
            }
            SocketEvent::Failed(_) | SocketEvent::Closed => _ = self.connections.remove(&socket),
            _ => {}
        }
    }

    fn asked(&mut self, socket: SocketId, bytes: &[u8], now: Time, out: &mut Out<Effect>) {
        let Some((port, mut buffer)) = self.connections.remove(&socket) else { return };
        buffer.extend_from_slice(bytes);
        loop {
            let (text, goes_on) = match http::take_request(&mut buffer) {
                Parsed::More => break,
                Parsed::Bad => ("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request".to_owned(), false),
                Parsed::Whole(request) => (self.answer(port, &request, now), request.keep_alive),
            };
            out.push(Effect::Socket(SocketOp::Send { socket, bytes: text.into_bytes() }));
            if !goes_on {
                return out.push(Effect::Socket(SocketOp::Close { socket }));
            }
        }
        self.connections.insert(socket, (port, buffer));
    }

    fn answer(&self, port: u16, request: &Request, now: Time) -> String {
        let json = |more: &str| format!("Content-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n{more}");
        let (code, headers, body) = match self.doors.get(&port).and_then(|door| door.service.as_ref()) {
            Some(service) => {
                let count = self.local.get(service).copied().unwrap_or(0);
                let code = if count > 0 { 200 } else { 503 };
                (code, json(&format!("X-Load-Balancing-Endpoint-Weight: {count}\r\n")), body_of(service, count))
            }
            None => match request.path() {
                "/healthz" => {
                    let code = if self.is_eligible { 200 } else { 503 };
                    (code, json(""), self.own_body(now, Some(self.is_eligible)))
                }
                "/livez" => (200, json(""), self.own_body(now, None)),
                _ => {
                    let headers = "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n";
                    (404, headers.to_owned(), "404 page not found\n".to_owned())
                }
            },
        };
        let mut text = format!("HTTP/1.1 {code} {}\r\n{headers}", http::reason(code));
        let seconds = self.epoch + i64::try_from(now.0 / 1_000_000_000).expect("time is short");
        _ = write!(text, "Date: {}\r\nContent-Length: {}\r\n", http::http_date(seconds), body.len());
        text += if request.keep_alive { "\r\n" } else { "Connection: close\r\n\r\n" };
        if request.method == "HEAD" { text } else { text + &body }
    }

    /// Of kube-proxy itself. Who is well says that its rules are of now; who is not tells when they were written.
    fn own_body(&self, now: Time, eligible: Option<bool>) -> String {
        let current = self.go_time(now);
        let written = match (eligible, self.last_written) {
            (Some(false), Some(at)) => self.go_time(at),
            (Some(false), None) => "0001-01-01 00:00:00 +0000 UTC".to_owned(),
            _ => current.clone(),
        };
        let eligible = eligible.map_or_else(String::new, |eligible| format!(", \"nodeEligible\": {eligible}"));
        format!("{{\"lastUpdated\": \"{written}\",\"currentTime\": \"{current}\"{eligible}}}")
    }

    /// A time as Go's `String` writes it, with the seconds since the process began.
    fn go_time(&self, now: Time) -> String {
        let micros = self.epoch * 1_000_000 + i64::try_from(now.0 / 1_000).expect("time is short");
        let second = MicroTime(micros).to_timestamp().to_string();
        let (date, clock) = second.trim_end_matches('Z').split_once('T').unwrap_or_default();
        let fraction = format!(".{:09}", now.0 % 1_000_000_000);
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        let since = now.since(self.started.unwrap_or(now)).0;
        let (whole, rest) = (since / 1_000_000_000, since % 1_000_000_000);
        format!("{date} {clock}{fraction} +0000 UTC m=+{whole}.{rest:09}")
    }
}

fn body_of((namespace, name): &ServiceName, count: usize) -> String {
    format!(
        "{{\n\t\"service\": {{\n\t\t\"namespace\": \"{namespace}\",\n\t\t\"name\": \"{name}\"\n\t}},\n\t\"localEndpoints\": {count},\n\t\"serviceProxyHealthy\": true\n}}"
    )
}
