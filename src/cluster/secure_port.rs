//! The secure port of an API server (6443) as programs in the network find it: pods by the Service `kubernetes`, nodes by the
//! address. Components of the cluster and clients outside send their requests as messages, which nobody can see in the network.
//!
//! Models what `k8s.io/apiserver` and Go's `net/http` do with a connection. Differs: HTTP/1.1 only; certificates of clients are
//! not asked for, so whoever has no token is `system:anonymous`; no headers of flow control and audit.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};

use crate::api::http::{Chunk, HttpRequest, HttpResponse, Impersonated, Method};
use crate::api::{CallId, Status, wire};
use crate::cluster::clients::number_of;
use crate::cluster::event::{Actor, Happened, MasterIx, NodeIx};
use crate::cluster::host::owner_of;
use crate::cluster::said::said;
use crate::cluster::{Cluster, MailKind, Message};
use crate::control::apiserver::{self, ClientId};
use crate::control::controller::root_ca_cert_publisher::CERTIFICATE;
use crate::net::addr::SocketId;
use crate::net::fabric;
use crate::net::socket::{SocketEvent, SocketOp};
use crate::sim::{EventId, Out, Rng, Span, VecMap};
use crate::workload::http::{self, Parsed, Request, Response};
use crate::workload::tls::{Certificate, Tls, TlsError};

/// The port.
const PORT: u16 = 6_443;
/// The first address of the Services' network: the Service `kubernetes`.
const SERVICE: &str = "10.96.0.1";
/// How long the certificate holds (kubeadm's).
const YEAR: i64 = 365 * 24 * 3_600;
/// What Go's server says to whom speaks no TLS.
const NO_TLS: &str = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// The port with its connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecurePort {
    connections: VecMap<SocketId, Connection>,
    /// The connection of each request that is not answered to its end.
    calls: VecMap<u64, SocketId>,
    calls_so_far: u64,
    rng: Rng,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Connection {
    tls: Tls,
    peer: Ipv4Addr,
    heard: Vec<u8>,
    /// Requests that wait for the one before them.
    waiting: VecDeque<Request>,
    /// The request that is being answered.
    asked: Option<Asked>,
}

/// A request that is being answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    call: u64,
    keep_alive: bool,
    head_only: bool,
    /// Whether the answer is to be in many lines.
    pretty: bool,
}

impl SecurePort {
    /// Nobody is connected.
    pub fn new(seed: u64, at: MasterIx) -> SecurePort {
        let rng = Rng::stream(seed, &format!("secure-port/{}", at.0));
        SecurePort { connections: VecMap::new(), calls: VecMap::new(), calls_so_far: 0, rng }
    }

    /// Whether a call is of one of its connections.
    fn has(&self, call: u64) -> bool {
        self.calls.contains_key(&call)
    }

    /// The next request of a connection that is not busy, with the number that it gets.
    fn next(&mut self, socket: SocketId) -> Option<(u64, Request, Ipv4Addr)> {
        let connection = self.connections.get_mut(&socket).filter(|connection| connection.asked.is_none())?;
        let request = connection.waiting.pop_front()?;
        self.calls_so_far += 1;
        let call = self.calls_so_far;
        self.calls.insert(call, socket);
        let agent = request.header("User-Agent").unwrap_or("");
        let pretty = wire::is_pretty(request.path(), request.query("pretty").as_deref(), agent);
        let asked = Asked { call, keep_alive: request.keep_alive, head_only: request.method == "HEAD", pretty };
        connection.asked = Some(asked);
        Some((call, request, connection.peer))
    }

    /// A connection is gone; the request that it waited for.
    fn forget(&mut self, socket: SocketId) -> Option<u64> {
        let call = self.connections.remove(&socket)?.asked?.call;
        self.calls.remove(&call);
        Some(call)
    }
}

impl Connection {
    /// Takes bytes in: what is to be sent, and whether the connection is over.
    fn take(&mut self, bytes: &[u8], rng: &mut Rng) -> (Vec<u8>, bool) {
        let heard = match self.tls.take(bytes, rng) {
            Ok(heard) => heard,
            Err(TlsError::NotTls) => return (NO_TLS.as_bytes().to_vec(), true),
            Err(error) => return (self.tls.alert(Some(error)), true),
        };
        self.heard.extend_from_slice(&heard.data);
        loop {
            match http::take_request(&mut self.heard) {
                Parsed::Whole(request) => self.waiting.push_back(request),
                Parsed::More => return (heard.reply, heard.closes),
                Parsed::Bad => {
                    let bad = Response::text(400, "400 Bad Request").encode(false, false);
                    return ([heard.reply, self.tls.seal(&bad)].concat(), true);
                }
            }
        }
    }
}

impl Cluster {
    /// An API server listens.
    pub(super) fn secure_port_opens(&mut self, at: MasterIx, cause: Option<EventId>) {
        // A hosted control plane is not in the nodes' network.
        let Some(ns) = self.host(NodeIx(at.0)).filter(|host| host.master).map(|host| host.ns) else { return };
        let op = SocketOp::Listen { token: 0, at: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, PORT) };
        self.network(fabric::Input::Op { ns, owner: owner_of(Actor::ApiServer(at)), op }, cause);
    }

    /// An API server's sockets are gone.
    pub(super) fn secure_port_closes(&mut self, at: MasterIx) {
        let seed = self.scenario.seed.wrapping_add(self.events);
        if let Some(master) = self.master_mut(at) {
            master.port = SecurePort::new(seed, at);
        }
        let Some(ns) = self.host(NodeIx(at.0)).filter(|host| host.master).map(|host| host.ns) else { return };
        let (now, mut out) = (self.now, Out::default());
        self.fabric.kill_owner(ns, owner_of(Actor::ApiServer(at)), now, &mut out);
        let effects = out.take_caused();
        self.fabric_did(effects);
    }

    /// Something happened on one of its sockets.
    pub(super) fn secure_port_hears(
        &mut self,
        at: MasterIx,
        socket: SocketId,
        event: SocketEvent,
        cause: Option<EventId>,
    ) {
        match event {
            SocketEvent::Accepted { peer, .. } => {
                let certificate = self.certificate_of(at);
                let Some(master) = self.master_mut(at) else { return };
                let tls = Tls::server(certificate, &mut master.port.rng);
                let (heard, waiting, peer) = (Vec::new(), VecDeque::new(), *peer.ip());
                let connection = Connection { tls, peer, heard, waiting, asked: None };
                master.port.connections.insert(socket, connection);
            }
            SocketEvent::Data(bytes) => {
                let Some(SecurePort { connections, rng, .. }) = self.master_mut(at).map(|master| &mut master.port)
                else {
                    return;
                };
                let Some(connection) = connections.get_mut(&socket) else { return };
                let (reply, over) = connection.take(&bytes, rng);
                self.secure_port_sends(at, socket, reply, cause);
                if over {
                    return self.secure_port_leaves(at, socket, cause);
                }
                self.secure_port_asks(at, socket, cause);
            }
            SocketEvent::PeerClosed | SocketEvent::Failed(_) => self.secure_port_leaves(at, socket, cause),
            _ => {}
        }
    }

    fn secure_port_sends(&mut self, at: MasterIx, socket: SocketId, bytes: Vec<u8>, cause: Option<EventId>) {
        if !bytes.is_empty() {
            self.secure_port_does(at, SocketOp::Send { socket, bytes }, cause);
        }
    }

    fn secure_port_does(&mut self, at: MasterIx, op: SocketOp, cause: Option<EventId>) {
        let Some(ns) = self.host(NodeIx(at.0)).map(|host| host.ns) else { return };
        self.network(fabric::Input::Op { ns, owner: owner_of(Actor::ApiServer(at)), op }, cause);
    }

    /// A connection is over; what it has asked for is given up.
    fn secure_port_leaves(&mut self, at: MasterIx, socket: SocketId, cause: Option<EventId>) {
        let call = self.master_mut(at).and_then(|master| master.port.forget(socket));
        if let Some(call) = call {
            let client = ClientId(number_of(Actor::ApiServer(at)));
            let input = apiserver::Input::Cancel { client, id: CallId(call) };
            self.hand_over(Actor::ApiServer(at), cause, Span::ZERO, Message::ToApi(input));
        }
        self.secure_port_does(at, SocketOp::Close { socket }, cause);
    }

    /// Hands the next request of a connection to the server.
    fn secure_port_asks(&mut self, at: MasterIx, socket: SocketId, cause: Option<EventId>) {
        let me = Actor::ApiServer(at);
        let Some((call, request, peer)) = self.master_mut(at).and_then(|master| master.port.next(socket)) else {
            return;
        };
        match asked(&request) {
            Ok(request) => {
                let input = apiserver::Input::Http { client: ClientId(number_of(me)), id: CallId(call), request };
                let message = Message::ToApi(input);
                let from = self.behind(peer);
                let what = said(&message).expect("a request is one");
                let sent = Happened::Sent { from, to: me, arrives_at: self.now, lost: false, what };
                let entry = self.trace.record(self.now, cause, sent);
                self.hand_over(me, Some(entry), Span::ZERO, message);
            }
            Err(status) => {
                let response = HttpResponse::json(status.code, &status.to_value());
                self.secure_port_answers(at, call, response, cause);
            }
        }
    }

    /// Who sends from an address, as the trace names it: what runs the containers of the node.
    fn behind(&self, peer: Ipv4Addr) -> Actor {
        let in_pod = |host: &crate::cluster::Host| host.runtime.sandboxes().any(|sandbox| sandbox.ip == Some(peer));
        let at = self.hosts.iter().position(|host| host.ip == peer || in_pod(host));
        at.and_then(|at| u32::try_from(at).ok()).map_or(Actor::Network, |at| Actor::Runtime(NodeIx(at)))
    }

    /// Whether the answer to a request of an API server's own number goes to its port.
    pub(super) fn is_of_secure_port(&self, at: MasterIx, client: ClientId, id: CallId) -> bool {
        client.0 == number_of(Actor::ApiServer(at)) && self.master(at).is_some_and(|master| master.port.has(id.0))
    }

    /// The server answers.
    pub(super) fn secure_port_answers(
        &mut self,
        at: MasterIx,
        call: u64,
        response: HttpResponse,
        cause: Option<EventId>,
    ) {
        let date = http::http_date(self.scenario.epoch().0 + i64::try_from(self.now.as_secs()).unwrap_or(i64::MAX));
        let Some(SecurePort { connections, calls, .. }) = self.master_mut(at).map(|master| &mut master.port) else {
            return;
        };
        let Some(socket) = calls.get(&call).copied() else { return };
        let Some(connection) = connections.get_mut(&socket) else { return };
        let Some(asked) = connection.asked.clone() else { return };
        let streams = response.streams;
        let bytes = encode(&response, &asked, &date);
        let sealed = connection.tls.seal(&bytes);
        let peer = connection.peer;
        let message = Message::Mail(MailKind::Http { id: call, response });
        if let Some(what) = said(&message) {
            let (from, to) = (Actor::ApiServer(at), self.behind(peer));
            let sent = Happened::Sent { from, to, arrives_at: self.now, lost: false, what };
            self.trace.record(self.now, cause, sent);
        }
        self.secure_port_sends(at, socket, sealed, cause);
        if !streams {
            self.secure_port_is_done(at, call, socket, cause);
        }
    }

    /// A piece of what the server goes on with.
    pub(super) fn secure_port_streams(&mut self, at: MasterIx, call: u64, chunk: Chunk, cause: Option<EventId>) {
        let Some(SecurePort { connections, calls, .. }) = self.master_mut(at).map(|master| &mut master.port) else {
            return;
        };
        let Some(socket) = calls.get(&call).copied() else { return };
        let Some(connection) = connections.get_mut(&socket) else { return };
        let (bytes, is_last) = match chunk {
            Chunk::Event(event) => (http::chunk(&wire::body(&event, false)), false),
            Chunk::Stdout(text) | Chunk::Stderr(text) if !text.is_empty() => (http::chunk(&text), false),
            Chunk::End => (http::chunk(&[]), true),
            _ => return,
        };
        let sealed = connection.tls.seal(&bytes);
        self.secure_port_sends(at, socket, sealed, cause);
        if is_last {
            self.secure_port_is_done(at, call, socket, cause);
        }
    }

    /// A request is answered to its end: the next of the connection, or its end.
    fn secure_port_is_done(&mut self, at: MasterIx, call: u64, socket: SocketId, cause: Option<EventId>) {
        let Some(SecurePort { connections, calls, .. }) = self.master_mut(at).map(|master| &mut master.port) else {
            return;
        };
        calls.remove(&call);
        let Some(connection) = connections.get_mut(&socket) else { return };
        if connection.asked.take().is_some_and(|asked| asked.keep_alive) {
            return self.secure_port_asks(at, socket, cause);
        }
        let bye = connection.tls.alert(None);
        self.secure_port_sends(at, socket, bye, cause);
        self.secure_port_leaves(at, socket, cause);
    }

    /// The server's certificate, as kubeadm makes it.
    fn certificate_of(&self, at: MasterIx) -> Certificate {
        let from = self.scenario.epoch().0;
        let ended = self.faults.expired.get(&Actor::ApiServer(at)).map(|expired| expired.at.as_secs());
        let until = ended.map_or(from + YEAR, |seconds| from + i64::try_from(seconds).unwrap_or(0) - 1);
        let name = self.host(NodeIx(at.0)).map(|host| host.name.to_string()).unwrap_or_default();
        let own =
            ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];
        let addresses = [self.scenario.master_address(at.0), self.scenario.server_address()];
        let names = [name].into_iter().chain(own.map(str::to_owned)).chain([SERVICE.to_owned()]);
        let names = names.chain(addresses.map(|ip| IpAddr::from(ip).to_string())).collect();
        Certificate { subject: "kube-apiserver".into(), names, issuer: CERTIFICATE.to_owned(), from, until }
    }
}

/// An answer as it goes over the connection; of a stream, how it begins.
fn encode(response: &HttpResponse, asked: &Asked, date: &str) -> Vec<u8> {
    let status = Response::new(response.code, "", "").status_line();
    let mut head =
        format!("{status}\r\nCache-Control: no-cache, private\r\nContent-Type: {}\r\n", response.content_type.as_str());
    for warning in &response.warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        head += &format!("Warning: 299 - \"{text}\"\r\n");
    }
    head += &format!("Date: {date}\r\n");
    if !asked.keep_alive {
        head += "Connection: close\r\n";
    }
    let is_json = response.content_type.is_json();
    let body = if is_json { wire::body(&response.body, asked.pretty) } else { response.body.clone() };
    let body = match (response.streams, body.as_slice()) {
        (true, first) => {
            head += "Transfer-Encoding: chunked\r\n";
            if first.is_empty() { Vec::new() } else { http::chunk(first) }
        }
        (false, whole) => {
            head += &format!("Content-Length: {}\r\n", whole.len());
            if asked.head_only { Vec::new() } else { whole.to_vec() }
        }
    };
    [head.as_bytes(), b"\r\n", &body].concat()
}

/// What is asked, for the server.
fn asked(request: &Request) -> Result<HttpRequest, Status> {
    let method = Method::of(&request.method).ok_or_else(Status::method_not_allowed)?;
    let parts: Vec<&str> = request.path().trim_matches('/').split('/').collect();
    if let ["api", "v1", "namespaces", _, "pods", _, "exec" | "attach" | "portforward"] = parts[..] {
        return Err(Status::bad_request("Upgrade request required"));
    }
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (http::percent_decode(name), http::percent_decode(value))
    });
    let text = |name: &str| request.header(name).unwrap_or("").to_owned();
    let bearer = request.header("Authorization").and_then(|value| value.strip_prefix("Bearer "));
    let groups = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Impersonate-Group"));
    let impersonated = request
        .header("Impersonate-User")
        .map(|user| Impersonated { user: user.to_owned(), groups: groups.map(|(_, group)| group.clone()).collect() });
    let anonymous = || Impersonated { user: "system:anonymous".into(), groups: Vec::new() };
    let bearer = bearer.map(|token| token.trim().to_owned());
    let impersonate = if bearer.is_some() { impersonated } else { Some(anonymous()) };
    Ok(HttpRequest {
        method,
        path: http::percent_decode(&request.path().replace('+', "%2B")),
        query: query.collect(),
        accept: text("Accept"),
        content_type: text("Content-Type"),
        user_agent: text("User-Agent"),
        impersonate,
        bearer,
        body: request.body.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_understood_and_who_has_no_token_is_nobody() {
        let headers = vec![("Authorization".to_owned(), "Bearer abc".to_owned())];
        let of = |method: &str, target: &str, headers: &[(String, String)]| {
            let headers = headers.to_vec();
            asked(&Request { method: method.into(), target: target.into(), headers, ..Request::default() })
        };
        let known = of("GET", "/api/v1/pods?labelSelector=app%3Dweb&limit=5", &headers).expect("it is one");
        assert_eq!((known.path.as_str(), known.bearer.as_deref()), ("/api/v1/pods", Some("abc")));
        assert_eq!((known.query_value("labelSelector"), &known.impersonate), (Some("app=web"), &None));
        let unknown = of("GET", "/api", &[]).expect("it is one");
        assert_eq!(unknown.impersonate.map(|user| user.user).as_deref(), Some("system:anonymous"));
        assert_eq!(of("BREW", "/api", &[]).err().map(|status| status.code), Some(405));
        assert!(of("POST", "/api/v1/namespaces/a/pods/b/exec", &headers).is_err());
    }
}
