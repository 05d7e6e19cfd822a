//! One run of a probe: by exec in the runtime, by HTTP or TCP from the node's own network namespace. Models `pkg/probe`.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::api::{Container, IntOrString, Probe};
use crate::net::SocketOp;
use crate::node::socket_table::SocketTable;
use crate::sim::{Rng, Span, Time};
use crate::workload::http::Request;
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
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Conversation {
    Http(Box<Exchange>, String),
    Tcp(Fd, SocketAddrV4),
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

/// Begins a probe by HTTP or TCP; `None` if it is neither, `Err` if it can not be run.
pub fn begin(
    number: u32,
    probe: &Probe,
    container: &Container,
    pod_ip: Ipv4Addr,
    now: Time,
) -> Option<Result<(NetRun, Vec<SocketOp>), String>> {
    let mut ids = Ids::default();
    let timeout = Span::secs(u64::try_from(probe.timeout_seconds.max(1)).unwrap_or(1));
    let (conversation, ops) = if let Some(get) = &probe.http_get {
        let Some(port) = port_of(&get.port, container) else {
            return Some(Err(format!("couldn't find port: {}", get.port)));
        };
        let host = if get.host.is_empty() { pod_ip.to_string() } else { get.host.clone() };
        let path = if get.path.starts_with('/') { get.path.clone() } else { format!("/{}", get.path) };
        let url = format!("{}://{host}:{port}{path}", get.scheme.to_lowercase());
        let given = get.rest.get("httpHeaders").and_then(|h| h.as_array()).cloned().unwrap_or_default();
        let mut headers = vec![
            ("Host".to_owned(), format!("{host}:{port}")),
            ("User-Agent".to_owned(), "kube-probe/1.36".to_owned()),
            ("Accept".to_owned(), "*/*".to_owned()),
            ("Connection".to_owned(), "close".to_owned()),
        ];
        let text = |v: &serde_json::Value| v.as_str().unwrap_or("").to_owned();
        headers.extend(given.iter().map(|h| (text(&h["name"]), text(&h["value"]))));
        let request = Request { method: "GET".into(), target: path, headers, body: Vec::new(), keep_alive: false };
        let ((exchange, _), ops) = with_context(&mut ids, now, |ctx| Exchange::begin(&host, port, request, ctx));
        (Conversation::Http(Box::new(exchange), url), ops)
    } else if let Some(tcp) = &probe.tcp_socket {
        let Some(port) = port_of(&tcp.port, container) else {
            return Some(Err(format!("couldn't find port: {}", tcp.port)));
        };
        let to = SocketAddrV4::new(tcp.host.parse().unwrap_or(pod_ip), port);
        let fd = Fd(ids.take());
        (Conversation::Tcp(fd, to), vec![NetOp::Connect { fd, to }])
    } else {
        return None;
    };
    let mut run = NetRun { number, table: SocketTable::default(), ids, conversation, until: now + timeout, timeout };
    let ops = run.operations(ops);
    Some(Ok((run, ops)))
}

impl NetRun {
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
        let (outcome, more) = match &mut self.conversation {
            Conversation::Http(exchange, url) => {
                let (progress, more) = with_context(&mut self.ids, now, |ctx| exchange.event(&event, ctx));
                let address = exchange.address.unwrap_or(Ipv4Addr::UNSPECIFIED);
                (http_outcome(progress, url, address), more)
            }
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
