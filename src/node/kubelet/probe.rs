//! One run of a probe: by exec in the runtime, by HTTP or TCP from the node's own network namespace. Models `pkg/probe`.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::api::{Container, HttpGetAction, IntOrString, Probe};
use crate::net::SocketOp;
use crate::node::kubelet::start::go_duration;
use crate::node::socket_table::SocketTable;
use crate::sim::{Rng, Span, Time};
use crate::workload::http::Request;
use crate::workload::image::{self, Family};
use crate::workload::tool::http_client::{Exchange, Progress};
use crate::workload::{Ctx, Effect, Fd, Fs, Ids, NetEvent, NetOp, Place};

/// Which probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeKind {
    /// Until it succeeds, the others wait.
    Startup,
    /// Its failure restarts the container.
    Liveness,
    /// Its failure takes the pod out of Services.
    Readiness,
}

impl ProbeKind {
    /// Every kind.
    pub const ALL: [ProbeKind; 3] = [ProbeKind::Startup, ProbeKind::Liveness, ProbeKind::Readiness];

    /// As events write it.
    pub fn word(self) -> &'static str {
        match self {
            ProbeKind::Startup => "Startup",
            ProbeKind::Liveness => "Liveness",
            ProbeKind::Readiness => "Readiness",
        }
    }

    /// The probe of that kind in a container's spec.
    pub fn of(self, container: &Container) -> Option<&Probe> {
        match self {
            ProbeKind::Startup => container.startup_probe.as_ref(),
            ProbeKind::Liveness => container.liveness_probe.as_ref(),
            ProbeKind::Readiness => container.readiness_probe.as_ref(),
        }
    }
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// All is well.
    Success,
    /// It is not, with the words.
    Failure(String),
    /// It could not be run, with the words.
    Error(String),
}

/// A run over the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NetRun {
    number: u32,
    table: SocketTable,
    ids: Ids,
    conversation: Conversation,
    /// When it is given up.
    pub until: Time,
    timeout: Span,
    /// Whether it is a hook, to which any answer is good.
    is_hook: bool,
    /// The host that a hook asked by HTTPS, if it asks in the clear now.
    fell_back: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Conversation {
    Http(Box<Exchange>, String),
    Tcp(Fd, SocketAddrV4),
    /// A TLS handshake with a server that knows none; then, for a hook, the request in the clear.
    Tls(Fd, SocketAddrV4, String, Option<Box<Request>>),
    /// A call of the health service; whether the server has it.
    Grpc(Fd, SocketAddrV4, bool),
}

/// What a TLS client says first.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x00\xee\x01\x00\x00\xea\x03\x03";

/// What a client of HTTP/2 says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether a container's server speaks TLS on a port. Of an image that Kubarium does not know, the port tells.
fn speaks_tls(container: &Container, port: u16) -> bool {
    match family(container) {
        Family::MetricsServer | Family::ControlPlane => true,
        Family::Generic => {
            let named = container.ports.iter().find(|p| p.container_port == i32::from(port)).map_or("", |p| &p.name);
            port % 1_000 == 443 || port == 10_250 || ["https", "tls", "webhook"].iter().any(|word| named.contains(word))
        }
        _ => false,
    }
}

fn family(container: &Container) -> Family {
    image::parse(&container.image).map_or(Family::Generic, |name| name.info().family)
}

/// The number of a port, by number or by name.
fn port_of(port: &IntOrString, container: &Container) -> Option<u16> {
    match port {
        IntOrString::Int(n) => u16::try_from(*n).ok(),
        IntOrString::String(name) => {
            let named = container.ports.iter().find(|p| p.name == *name).map(|p| p.container_port);
            named.or_else(|| name.parse().ok()).and_then(|n| u16::try_from(n).ok())
        }
    }
}

/// Runs `work` in a context that has no files and no environment, and answers what it wants of the network.
fn with_context<T>(ids: &mut Ids, now: Time, work: impl FnOnce(&mut Ctx<'_>) -> T) -> (T, Vec<NetOp>) {
    let (mut fs, mut rng, mut out) = (Fs::default(), Rng::stream(0, "probe"), Vec::new());
    let place = Place::default();
    let mut ctx = Ctx { now, fs: &mut fs, rng: &mut rng, ids, place: &place, procs: &[], out: &mut out };
    let result = work(&mut ctx);
    let ops = out.into_iter().filter_map(|e| if let Effect::Net(op) = e { Some(op) } else { None }).collect();
    (result, ops)
}

/// Begins a probe over the network; `None` if it is none, `Err` if it can not be run.
pub fn begin(
    number: u32,
    probe: &Probe,
    container: &Container,
    pod_ip: Ipv4Addr,
    now: Time,
) -> Option<Result<(NetRun, Vec<SocketOp>), String>> {
    let mut ids = Ids::default();
    let timeout = Span::secs(u64::try_from(probe.timeout_seconds.max(1)).unwrap_or(1));
    let begun = if let Some(get) = &probe.http_get {
        get_by_http(get, container, pod_ip, "kube-probe/1.36", &mut ids, now)
    } else if let Some(tcp) = &probe.tcp_socket {
        number_of(&tcp.port, container).map(|port| {
            let to = SocketAddrV4::new(tcp.host.parse().unwrap_or(pod_ip), port);
            let fd = Fd(ids.take());
            (Conversation::Tcp(fd, to), vec![NetOp::Connect { fd, to }])
        })
    } else {
        let port = probe.rest.get("grpc")?["port"].as_u64().and_then(|port| u16::try_from(port).ok())?;
        let (fd, to) = (Fd(ids.take()), SocketAddrV4::new(pod_ip, port));
        let serves = matches!(family(container), Family::Generic | Family::ControlPlane);
        Ok((Conversation::Grpc(fd, to, serves), vec![NetOp::Connect { fd, to }]))
    };
    Some(begun.map(|begun| NetRun::of(number, begun, ids, timeout, now)))
}

/// Begins a hook by HTTP.
///
/// # Errors
/// It names a port that the container has not.
pub fn begin_hook(
    number: u32,
    get: &HttpGetAction,
    container: &Container,
    pod_ip: Ipv4Addr,
    now: Time,
) -> Result<(NetRun, Vec<SocketOp>), String> {
    let mut ids = Ids::default();
    let begun = get_by_http(get, container, pod_ip, "kube-lifecycle/1.36", &mut ids, now)?;
    let (run, ops) = NetRun::of(number, begun, ids, Span::secs(3_600), now);
    Ok((NetRun { is_hook: true, ..run }, ops))
}

fn number_of(port: &IntOrString, container: &Container) -> Result<u16, String> {
    port_of(port, container).ok_or_else(|| format!("couldn't find port: {port}"))
}

/// Models `NewRequestForHTTPGetAction` of `pkg/probe/http`.
fn get_by_http(
    get: &HttpGetAction,
    container: &Container,
    pod_ip: Ipv4Addr,
    agent: &str,
    ids: &mut Ids,
    now: Time,
) -> Result<(Conversation, Vec<NetOp>), String> {
    let port = number_of(&get.port, container)?;
    let host = if get.host.is_empty() { pod_ip.to_string() } else { get.host.clone() };
    let path = if get.path.starts_with('/') { get.path.clone() } else { format!("/{}", get.path) };
    let url = format!("{}://{host}:{port}{path}", get.scheme.to_lowercase());
    let given = get.rest.get("httpHeaders").and_then(|h| h.as_array()).cloned().unwrap_or_default();
    let mut headers = vec![
        ("Host".to_owned(), format!("{host}:{port}")),
        ("User-Agent".to_owned(), agent.to_owned()),
        ("Accept".to_owned(), "*/*".to_owned()),
        ("Connection".to_owned(), "close".to_owned()),
    ];
    let text = |v: &serde_json::Value| v.as_str().unwrap_or("").to_owned();
    headers.extend(given.iter().map(|h| (text(&h["name"]), text(&h["value"]))));
    let request = Request { method: "GET".into(), target: path, headers, body: Vec::new(), keep_alive: false };
    let own = get.host.is_empty() || get.host == pod_ip.to_string();
    if get.scheme.eq_ignore_ascii_case("https") && own && !speaks_tls(container, port) {
        let (fd, to) = (Fd(ids.take()), SocketAddrV4::new(pod_ip, port));
        return Ok((Conversation::Tls(fd, to, url, Some(Box::new(request))), vec![NetOp::Connect { fd, to }]));
    }
    let ((exchange, _), ops) = with_context(ids, now, |ctx| Exchange::begin(&host, port, request, ctx));
    Ok((Conversation::Http(Box::new(exchange), url), ops))
}

impl NetRun {
    fn of(
        number: u32,
        (conversation, ops): (Conversation, Vec<NetOp>),
        ids: Ids,
        timeout: Span,
        now: Time,
    ) -> (NetRun, Vec<SocketOp>) {
        let (table, until) = (SocketTable::default(), now + timeout);
        let mut run = NetRun { number, table, ids, conversation, until, timeout, is_hook: false, fell_back: None };
        let ops = run.operations(ops);
        (run, ops)
    }

    /// The host that a hook asked by HTTPS, if it asks in the clear now.
    pub fn fell_back(&self) -> Option<&str> {
        self.fell_back.as_deref()
    }

    /// What comes of the handshake with a server that knows no TLS.
    fn handshake(&mut self, event: &NetEvent, now: Time) -> (Option<Outcome>, Vec<NetOp>) {
        let Conversation::Tls(own, to, url, request) = &mut self.conversation else { return (None, Vec::new()) };
        let (own, to) = (*own, *to);
        let failed = |words: String| (Some(Outcome::Failure(format!("Get \"{url}\": {words}"))), Vec::new());
        match event {
            NetEvent::Connected { fd, .. } if *fd == own => {
                (None, vec![NetOp::Send { fd: own, bytes: CLIENT_HELLO.to_vec() }])
            }
            NetEvent::Failed { fd, error } if *fd == own => failed(format!("dial tcp {to}: {}", error.go())),
            NetEvent::Data { fd, bytes } if *fd == own && bytes.starts_with(b"HTTP/") => {
                let Some(request) = request.take().filter(|_| self.is_hook) else {
                    return failed("http: server gave HTTP response to HTTPS client".into());
                };
                let (host, url) = (to.ip().to_string(), url.replacen("https", "http", 1));
                let ((exchange, _), mut ops) =
                    with_context(&mut self.ids, now, |ctx| Exchange::begin(&host, to.port(), *request, ctx));
                self.fell_back = Some(to.to_string());
                self.conversation = Conversation::Http(Box::new(exchange), url);
                ops.insert(0, NetOp::Close { fd: own });
                (None, ops)
            }
            NetEvent::Data { fd, .. } if *fd == own => {
                failed("tls: first record does not look like a TLS handshake".into())
            }
            NetEvent::Ended { fd } if *fd == own => failed("EOF".into()),
            _ => (None, Vec::new()),
        }
    }

    fn operations(&mut self, ops: Vec<NetOp>) -> Vec<SocketOp> {
        ops.into_iter().flat_map(|op| self.table.op(self.number, op)).collect()
    }

    /// The run's number: the upper half of its tokens.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Takes an event of the network in: what came of it, and what has to be done.
    pub fn event(
        &mut self,
        fd: Fd,
        socket: crate::net::SocketId,
        event: crate::net::SocketEvent,
        now: Time,
    ) -> (Option<Outcome>, Vec<SocketOp>) {
        let (told, mut ops) = self.table.event(fd, socket, event, &mut self.ids);
        let Some(event) = told else { return (None, ops) };
        let is_hook = self.is_hook;
        let (outcome, more) = match &mut self.conversation {
            Conversation::Http(exchange, url) => {
                let (progress, more) = with_context(&mut self.ids, now, |ctx| exchange.event(&event, ctx));
                let address = exchange.address.unwrap_or(Ipv4Addr::UNSPECIFIED);
                match progress {
                    Progress::Answer(_) if is_hook => (Some(Outcome::Success), more),
                    progress => (http_outcome(progress, url, address), more),
                }
            }
            Conversation::Tls(..) => self.handshake(&event, now),
            Conversation::Grpc(own, _, serves) => match event {
                NetEvent::Connected { fd, .. } if fd == *own && *serves => (Some(Outcome::Success), Vec::new()),
                NetEvent::Connected { fd, .. } if fd == *own => {
                    (None, vec![NetOp::Send { fd, bytes: PREFACE.to_vec() }])
                }
                // The client of gRPC tries again until its time is over.
                _ => (None, Vec::new()),
            },
            Conversation::Tcp(_, to) => match event {
                NetEvent::Connected { .. } => (Some(Outcome::Success), Vec::new()),
                NetEvent::Failed { error, .. } => {
                    (Some(Outcome::Failure(format!("dial tcp {to}: {}", error.go()))), Vec::new())
                }
                _ => (None, Vec::new()),
            },
        };
        ops.extend(self.operations(more));
        if outcome.is_some() {
            ops.extend(self.table.close_all());
        }
        (outcome, ops)
    }

    /// It took too long.
    pub fn give_up(&mut self) -> (Outcome, Vec<SocketOp>) {
        let words = match &self.conversation {
            Conversation::Http(_, url) => {
                format!("Get \"{url}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
            }
            Conversation::Tls(_, _, url, _) => format!("Get \"{url}\": net/http: TLS handshake timeout"),
            Conversation::Grpc(_, to, _) => {
                let within = go_duration(self.timeout);
                format!("timeout: failed to connect service \"{to}\" within {within}: context deadline exceeded")
            }
            Conversation::Tcp(_, to) => format!("dial tcp {to}: i/o timeout"),
        };
        (Outcome::Failure(words), self.table.close_all())
    }

    /// How long it may take.
    pub fn timeout(&self) -> Span {
        self.timeout
    }
}

fn http_outcome(progress: Progress, url: &str, address: Ipv4Addr) -> Option<Outcome> {
    let authority = url.split("://").nth(1).and_then(|r| r.split('/').next()).unwrap_or("");
    let port = authority.rsplit(':').next().unwrap_or("80");
    let failure = |words: String| Some(Outcome::Failure(words));
    match progress {
        Progress::Wait | Progress::Connected => None,
        // It asks in the clear and for whole answers.
        Progress::NoTls(_) | Progress::Untrusted(_) | Progress::Begun(_) | Progress::Piece(_) | Progress::Ended => None,
        Progress::Answer(response) if (200..400).contains(&response.code) => Some(Outcome::Success),
        Progress::Answer(response) => failure(format!("HTTP probe failed with statuscode: {}", response.code)),
        Progress::NotConnected(error) => failure(format!("Get \"{url}\": dial tcp {address}:{port}: {}", error.go())),
        Progress::Broken(error) => failure(format!("Get \"{url}\": {}", error.go())),
        Progress::Empty => failure(format!("Get \"{url}\": EOF")),
        Progress::NotHttp(_) => {
            failure(format!("Get \"{url}\": net/http: HTTP/1.x transport connection broken: malformed HTTP response"))
        }
        Progress::NoSuchHost | Progress::NoServer => {
            failure(format!("Get \"{url}\": dial tcp: lookup {authority}: no such host"))
        }
    }
}
