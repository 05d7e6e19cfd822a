//! ingress-nginx: passes requests on to the endpoints that Ingresses name, past the Services' addresses.
//!
//! Models `registry.k8s.io/ingress-nginx/controller` with its default settings: its answers where it passes nothing on, the
//! headers that it adds, its log. Endpoints take turns; one that cannot be reached is passed over, up to three. Differs: no
//! TLS (port 443 refuses), no annotation changes anything, a connection to an endpoint carries one request.

use std::fmt::Write as _;
use std::net::SocketAddrV4;
use std::sync::Arc;

use crate::sim::{Span, Time, VecMap};
use crate::workload::http::{self, Arrived, Connections, Parsed, Request, Response, clf_time, http_date};
use crate::workload::ingress::{Routes, Upstream};
use crate::workload::process::Program;
use crate::workload::{Ctx, Effect, Fd, Input, NetEvent, NetOp};

/// Where requests come in.
const HTTP: u16 = 80;
/// Where the kubelet's probes ask.
const HEALTH: u16 = 10_254;
/// `proxy-connect-timeout`.
const CONNECT: Span = Span::secs(5);
/// `proxy-read-timeout`.
const READ: Span = Span::secs(60);
/// `proxy-next-upstream-tries`.
const TRIES: u8 = 3;
/// The upstream of what no Ingress names, and where it listens.
const DEFAULT: (&str, &str) = ("upstream-default-backend", "127.0.0.1:8181");
/// The CPU time of a request.
const COST: Span = Span::micros(150);

/// The controller and its nginx.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IngressNginx {
    routes: Arc<Routes>,
    listener: Option<Fd>,
    health: Option<Fd>,
    connections: Connections,
    passed: VecMap<Fd, Passed>,
    /// Whose turn it is, by upstream.
    turns: VecMap<String, u64>,
}

/// A request that was passed on and is not answered yet, by the socket to its endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Passed {
    client: Fd,
    peer: SocketAddrV4,
    request: Request,
    id: String,
    began: Time,
    until: Time,
    upstream: Upstream,
    /// Which endpoint, and those that were tried before.
    endpoint: SocketAddrV4,
    tried: u8,
    heard: Vec<u8>,
}

/// What the log says of an answer.
struct Logged<'a> {
    upstream: &'a str,
    addr: &'a str,
    /// Its body's length and status; `None` if nobody was asked.
    answered: Option<(usize, u16)>,
}

impl IngressNginx {
    fn request(&mut self, client: Fd, peer: SocketAddrV4, request: Request, ctx: &mut Ctx<'_>) {
        ctx.compute(COST);
        let host = request.header("host").unwrap_or_default();
        let host = host.split_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
        let id: String = (0..2).map(|_| format!("{:016x}", ctx.rng.next_u64())).collect();
        let routes = Arc::clone(&self.routes);
        let began = ctx.now;
        let own = |code| (page(code), Logged { upstream: "-", addr: "-", answered: None });
        let Some(location) = routes.find(&host, request.path()) else {
            let response = page(404);
            let answered = Some((response.body.len(), 404));
            let logged = Logged { upstream: DEFAULT.0, addr: DEFAULT.1, answered };
            return self.answer((client, peer, &request, &id, began), &response, &logged, ctx);
        };
        let upstream = &location.upstream;
        if location.redirects {
            let (response, logged) = own(308);
            let response = response.with("Location", format!("https://{host}{}", request.target));
            let logged = Logged { upstream: &upstream.name, ..logged };
            return self.answer((client, peer, &request, &id, began), &response, &logged, ctx);
        }
        if upstream.endpoints.is_empty() {
            let (response, logged) = own(503);
            let logged = Logged { upstream: &upstream.name, ..logged };
            return self.answer((client, peer, &request, &id, began), &response, &logged, ctx);
        }
        let endpoint = self.next(upstream);
        let (upstream, heard) = (upstream.clone(), Vec::new());
        let passed = Passed { client, peer, request, id, began, until: began, upstream, endpoint, tried: 0, heard };
        self.pass_on(passed, ctx);
    }

    /// The endpoint whose turn it is.
    fn next(&mut self, upstream: &Upstream) -> SocketAddrV4 {
        let turn = self.turns.entry(upstream.name.clone()).or_default();
        let count = upstream.endpoints.len() as u64;
        let at = usize::try_from(*turn % count).expect("below a length");
        *turn += 1;
        upstream.endpoints[at]
    }

    fn pass_on(&mut self, mut passed: Passed, ctx: &mut Ctx<'_>) {
        let fd = ctx.fd();
        passed.tried += 1;
        passed.until = ctx.now + CONNECT;
        ctx.net(NetOp::Connect { fd, to: passed.endpoint });
        self.passed.insert(fd, passed);
    }

    /// An endpoint cannot be reached or breaks off: the next one is tried, or the client is told.
    fn failed(&mut self, fd: Fd, code: u16, ctx: &mut Ctx<'_>) {
        let Some(mut passed) = self.passed.remove(&fd) else { return };
        if passed.tried < TRIES && code == 502 {
            passed.endpoint = self.next(&passed.upstream);
            passed.heard.clear();
            return self.pass_on(passed, ctx);
        }
        self.finish(passed, &page(code), code, ctx);
    }

    fn finish(&mut self, passed: Passed, response: &Response, status: u16, ctx: &mut Ctx<'_>) {
        let addr = passed.endpoint.to_string();
        let logged =
            Logged { upstream: &passed.upstream.name, addr: &addr, answered: Some((response.body.len(), status)) };
        let of = (passed.client, passed.peer, &passed.request, passed.id.as_str(), passed.began);
        self.answer(of, response, &logged, ctx);
    }

    fn answer(
        &mut self,
        (client, peer, request, id, began): (Fd, SocketAddrV4, &Request, &str, Time),
        response: &Response,
        logged: &Logged<'_>,
        ctx: &mut Ctx<'_>,
    ) {
        let mut sent = Response { headers: vec![("Date".into(), http_date(ctx.unix()))], ..response.clone() };
        let hidden = ["date", "server", "connection", "transfer-encoding", "content-length"];
        let kept = response.headers.iter().filter(|(name, _)| !hidden.contains(&name.to_ascii_lowercase().as_str()));
        sent.headers.extend(kept.cloned());
        self.connections.respond(client, request, &sent, ctx);
        let header = |name| request.header(name).unwrap_or("-").to_owned();
        let took = seconds(ctx.now.since(began));
        let (length, time, status) = match logged.answered {
            Some((length, status)) => (length.to_string(), took.clone(), status.to_string()),
            None => ("-".into(), "-".into(), "-".into()),
        };
        ctx.print(format!(
            "{} - - [{}] \"{} {} HTTP/1.1\" {} {} \"{}\" \"{}\" {} {took} [{}] [] {} {length} {time} {status} {id}\n",
            peer.ip(),
            clf_time(ctx.unix()),
            request.method,
            request.target,
            response.code,
            response.body.len(),
            header("referer"),
            header("user-agent"),
            request.encode().len(),
            logged.upstream,
            logged.addr,
        ));
    }

    /// Something happened on a socket to an endpoint.
    fn endpoint(&mut self, event: &NetEvent, ctx: &mut Ctx<'_>) {
        match event {
            NetEvent::Connected { fd, .. } => {
                if let Some(passed) = self.passed.get_mut(fd) {
                    passed.until = ctx.now + READ;
                    ctx.net(NetOp::Send { fd: *fd, bytes: forwarded(passed).encode() });
                }
            }
            NetEvent::Data { fd, bytes } => {
                if let Some(passed) = self.passed.get_mut(fd) {
                    passed.heard.extend_from_slice(bytes);
                    self.heard(*fd, false, ctx);
                }
            }
            NetEvent::Ended { fd } if self.passed.contains_key(fd) => self.heard(*fd, true, ctx),
            NetEvent::Failed { fd, .. } => self.failed(*fd, 502, ctx),
            _ => {}
        }
    }

    fn heard(&mut self, fd: Fd, ended: bool, ctx: &mut Ctx<'_>) {
        let Some(passed) = self.passed.get_mut(&fd) else { return };
        match http::take_response(&mut passed.heard, passed.request.method == "HEAD", ended) {
            Parsed::More => {}
            Parsed::Whole(response) => {
                ctx.net(NetOp::Close { fd });
                let passed = self.passed.remove(&fd).expect("it was found just now");
                self.finish(passed, &response, response.code, ctx);
            }
            Parsed::Bad => {
                ctx.net(NetOp::Close { fd });
                self.failed(fd, 502, ctx);
            }
        }
    }
}

/// The request as the endpoint gets it.
fn forwarded(passed: &Passed) -> Request {
    let mut request = passed.request.clone();
    let host = request.header("host").unwrap_or_default().to_owned();
    let bare = host.split_once(':').map_or(host.as_str(), |(name, _)| name).to_owned();
    let client = passed.peer.ip().to_string();
    let own = [
        ("Host", host.clone()),
        ("X-Request-ID", passed.id.clone()),
        ("X-Real-IP", client.clone()),
        ("X-Forwarded-For", client),
        ("X-Forwarded-Host", bare),
        ("X-Forwarded-Port", HTTP.to_string()),
        ("X-Forwarded-Proto", "http".into()),
        ("X-Forwarded-Scheme", "http".into()),
        ("X-Scheme", "http".into()),
    ];
    let replaced = |name: &str| {
        name.eq_ignore_ascii_case("connection") || own.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    let rest: Vec<(String, String)> = request.headers.iter().filter(|(name, _)| !replaced(name)).cloned().collect();
    request.headers = own.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(rest).collect();
    request
}

/// nginx's own page for a code.
fn page(code: u16) -> Response {
    let reason = match code {
        308 => "Permanent Redirect",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        code => http::reason(code),
    };
    let body = format!(
        "<html>\r\n<head><title>{code} {reason}</title></head>\r\n<body>\r\n<center><h1>{code} {reason}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    Response { reason: reason.into(), ..Response::new(code, "text/html", body) }
}

/// As nginx logs a length of time: in seconds with three decimals.
fn seconds(span: Span) -> String {
    let ms = span.as_millis();
    let mut text = String::new();
    _ = write!(text, "{}.{:03}", ms / 1_000, ms % 1_000);
    text
}

impl Program for IngressNginx {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => {
                for (port, slot) in [(HTTP, &mut self.listener), (HEALTH, &mut self.health)] {
                    let fd = ctx.fd();
                    *slot = Some(fd);
                    ctx.net(NetOp::Listen { fd, port });
                }
                ctx.push(Effect::Usage { cpu_millis: 2, memory: 90_000_000 });
                let version = ctx.place.image.rsplit_once(':').map_or("v1.12.1", |(_, tag)| tag);
                let version = version.split('@').next().unwrap_or(version);
                let line = "-".repeat(79);
                ctx.eprint(format!(
                    "{line}\nNGINX Ingress controller\n  Release:       {version}\n  Repository:    https://github.com/kubernetes/ingress-nginx\n  nginx version: nginx/1.25.5\n\n{line}\n\n"
                ));
            }
            Input::IngressRoutes(routes) => self.routes = routes,
            Input::Signal(_) => ctx.exit(0),
            Input::Timer => {
                let late = self.passed.iter().filter(|(_, passed)| passed.until <= ctx.now);
                for fd in late.map(|(fd, _)| *fd).collect::<Vec<_>>() {
                    ctx.net(NetOp::Close { fd });
                    self.failed(fd, 504, ctx);
                }
            }
            Input::Net(event) => {
                self.endpoint(&event, ctx);
                let listeners: Vec<Fd> = self.listener.into_iter().chain(self.health).collect();
                for arrived in self.connections.handle(&event, &listeners) {
                    match arrived {
                        Arrived::Request(fd, _, request) if request.path() == "/healthz" && is_probe(&request) => {
                            self.connections.respond(fd, &request, &Response::text(200, ""), ctx);
                        }
                        Arrived::Request(fd, peer, request) => self.request(fd, peer, request, ctx),
                        Arrived::Bad(fd) | Arrived::Close(fd) => ctx.net(NetOp::Close { fd }),
                    }
                }
            }
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        self.passed.values().map(|passed| passed.until).min()
    }
}

/// Whether a request is for the controller itself, not for what it passes on.
fn is_probe(request: &Request) -> bool {
    request.header("host").is_some_and(|host| host.ends_with(&format!(":{HEALTH}")))
}
