//! One HTTP exchange: name, connection, TLS if it is wanted, request, answer. What `curl`, `wget` and the kubelet's probes are
//! made of.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::sim::Time;
use crate::workload::http::{Parsed, Request, Response, take_chunk, take_chunked_head, take_response};
use crate::workload::resolver::{Lookup, Resolved, resolve};
use crate::workload::tls::{CLOSE, Certificate, Distrust, Heard, Tls, TlsError, UNKNOWN_CA};
use crate::workload::{Ctx, Fd, NetError, NetEvent, NetOp};

/// The parts of `http://host:port/path?query`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    /// `http`, `https`, …
    pub scheme: String,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path with the query, beginning with `/`.
    pub target: String,
}

impl Url {
    /// Takes a URL apart; the scheme may be missing. `None` if the port is no number or the host is missing.
    pub fn parse(text: &str) -> Option<Url> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let cut = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(cut);
        let authority = authority.rsplit('@').next().unwrap_or(authority);
        let default = if scheme == "https" { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, "")) => (host, default),
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, default),
        };
        let target = match target.split('#').next().unwrap_or("") {
            "" => "/".to_owned(),
            t if t.starts_with('?') => format!("/{t}"),
            t => t.to_owned(),
        };
        (!host.is_empty()).then(|| Url { scheme: scheme.to_ascii_lowercase(), host: host.into(), port, target })
    }

    /// `host`, or `host:port` if it is not the usual port.
    pub fn authority(&self) -> String {
        let usual = if self.scheme == "https" { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

/// Whom a client that speaks TLS trusts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    /// Everybody.
    Anybody,
    /// Whoever has a certificate of one of these authorities (PEM).
    Authorities(String),
}

/// An exchange under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Exchange {
    stage: Stage,
    secure: Option<Box<Secure>>,
    /// Whether a body of chunks is wanted piece by piece.
    pub streams: bool,
    /// How many bytes of such a body have come.
    pub received: usize,
    port: u16,
    request: Request,
    /// When it began.
    pub began: Time,
    /// The address, once it is known.
    pub address: Option<Ipv4Addr>,
    /// Our end, once the connection is there.
    pub local: Option<SocketAddrV4>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Resolving(Lookup),
    Connecting(Fd),
    Handshake(Fd),
    Reading(Fd, Vec<u8>),
    /// The head has been read; the chunks come.
    Streaming(Fd, Vec<u8>),
    Over,
}

/// TLS of an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Secure {
    host: String,
    trust: Trust,
    tls: Option<Tls>,
    certificate: Option<Certificate>,
}

/// What happened in an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It goes on.
    Wait,
    /// The connection is there and the request sent.
    Connected,
    /// The answer.
    Answer(Response),
    /// There is no such host.
    NoSuchHost,
    /// The DNS server does not answer.
    NoServer,
    /// The connection could not be opened.
    NotConnected(NetError),
    /// The connection broke.
    Broken(NetError),
    /// The other end closed without an answer.
    Empty,
    /// The answer is no HTTP; what came.
    NotHttp(Vec<u8>),
    /// The server speaks no TLS, or the conversation broke.
    NoTls(TlsError),
    /// The server's certificate is not trusted.
    Untrusted(Distrust),
    /// The head of an answer whose body comes piece by piece.
    Begun(Response),
    /// A piece of the body.
    Piece(Vec<u8>),
    /// The body is at its end.
    Ended,
}

impl Exchange {
    /// Begins: asks for the address, or connects if it is known.
    pub fn begin(host: &str, port: u16, request: Request, ctx: &mut Ctx<'_>) -> (Exchange, Progress) {
        Exchange::start(host, port, request, None, ctx)
    }

    /// The same over TLS.
    pub fn begin_secure(
        host: &str,
        port: u16,
        request: Request,
        trust: Trust,
        ctx: &mut Ctx<'_>,
    ) -> (Exchange, Progress) {
        let secure = Secure { host: host.to_owned(), trust, tls: None, certificate: None };
        Exchange::start(host, port, request, Some(Box::new(secure)), ctx)
    }

    fn start(
        host: &str,
        port: u16,
        request: Request,
        secure: Option<Box<Secure>>,
        ctx: &mut Ctx<'_>,
    ) -> (Exchange, Progress) {
        let mut exchange = Exchange {
            stage: Stage::Over,
            secure,
            streams: false,
            received: 0,
            port,
            request,
            began: ctx.now,
            address: None,
            local: None,
        };
        let resolved = resolve(host, ctx);
        let progress = exchange.resolved(resolved, ctx);
        (exchange, progress)
    }

    fn resolved(&mut self, resolved: Resolved, ctx: &mut Ctx<'_>) -> Progress {
        match resolved {
            Resolved::Wait(lookup) => {
                self.stage = Stage::Resolving(lookup);
                Progress::Wait
            }
            Resolved::Address(ip) => {
                self.address = Some(ip);
                let fd = ctx.fd();
                ctx.net(NetOp::Connect { fd, to: SocketAddrV4::new(ip, self.port) });
                self.stage = Stage::Connecting(fd);
                Progress::Wait
            }
            Resolved::NotFound => self.over(Progress::NoSuchHost),
            Resolved::NoServer => self.over(Progress::NoServer),
        }
    }

    fn over(&mut self, progress: Progress) -> Progress {
        self.stage = Stage::Over;
        progress
    }

    /// Takes an event in.
    pub fn event(&mut self, event: &NetEvent, ctx: &mut Ctx<'_>) -> Progress {
        match (&mut self.stage, event) {
            (Stage::Resolving(lookup), event) => {
                let resolved = lookup.clone().event(event, ctx);
                self.resolved(resolved, ctx)
            }
            (Stage::Connecting(own), NetEvent::Connected { fd, local }) if own == fd => {
                self.local = Some(*local);
                self.connected(*fd, ctx)
            }
            (Stage::Connecting(own), NetEvent::Failed { fd, error }) if own == fd => {
                self.over(Progress::NotConnected(*error))
            }
            (Stage::Handshake(own), NetEvent::Data { fd, bytes }) if own == fd => self.shake_hands(*fd, bytes, ctx),
            (Stage::Handshake(own), NetEvent::Ended { fd }) if own == fd => {
                self.broke(*fd, TlsError::Broken(CLOSE), ctx)
            }
            (Stage::Reading(own, _) | Stage::Streaming(own, _), NetEvent::Data { fd, bytes }) if own == fd => {
                self.data(*fd, bytes, ctx)
            }
            (Stage::Reading(own, _) | Stage::Streaming(own, _), NetEvent::Ended { fd }) if own == fd => {
                self.read(true, ctx)
            }
            (
                Stage::Handshake(own) | Stage::Reading(own, _) | Stage::Streaming(own, _),
                NetEvent::Failed { fd, error },
            ) if own == fd => self.over(Progress::Broken(*error)),
            _ => Progress::Wait,
        }
    }

    fn connected(&mut self, fd: Fd, ctx: &mut Ctx<'_>) -> Progress {
        match &mut self.secure {
            Some(secure) => {
                let (tls, hello) = Tls::client(&secure.host, ctx.rng);
                secure.tls = Some(tls);
                ctx.net(NetOp::Send { fd, bytes: hello });
                self.stage = Stage::Handshake(fd);
                Progress::Wait
            }
            None => {
                ctx.net(NetOp::Send { fd, bytes: self.request.encode() });
                self.stage = Stage::Reading(fd, Vec::new());
                Progress::Connected
            }
        }
    }

    /// Takes bytes of the handshake in; at its end the certificate is looked at and the request sent.
    fn shake_hands(&mut self, fd: Fd, bytes: &[u8], ctx: &mut Ctx<'_>) -> Progress {
        let Some(secure) = &mut self.secure else { return Progress::Wait };
        let Some(tls) = &mut secure.tls else { return Progress::Wait };
        let heard = match tls.take(bytes, ctx.rng) {
            Ok(heard) => heard,
            Err(error) => return self.broke(fd, error, ctx),
        };
        let Some(certificate) = heard.certificate else { return Progress::Wait };
        let trusted = match &secure.trust {
            Trust::Anybody => Ok(()),
            Trust::Authorities(pem) => certificate.check(pem, &secure.host, ctx.unix()),
        };
        if let Err(why) = trusted {
            let alert = tls.alert(Some(TlsError::Broken(UNKNOWN_CA)));
            ctx.net(NetOp::Send { fd, bytes: alert });
            ctx.net(NetOp::Close { fd });
            return self.over(Progress::Untrusted(why));
        }
        let request = tls.seal(&self.request.encode());
        secure.certificate = Some(certificate);
        ctx.net(NetOp::Send { fd, bytes: [heard.reply, request].concat() });
        self.stage = Stage::Reading(fd, Vec::new());
        Progress::Connected
    }

    fn broke(&mut self, fd: Fd, error: TlsError, ctx: &mut Ctx<'_>) -> Progress {
        ctx.net(NetOp::Close { fd });
        self.over(Progress::NoTls(error))
    }

    fn data(&mut self, fd: Fd, bytes: &[u8], ctx: &mut Ctx<'_>) -> Progress {
        let heard = match self.secure.as_mut().and_then(|secure| secure.tls.as_mut()) {
            Some(tls) => tls.take(bytes, ctx.rng),
            None => Ok(Heard { data: bytes.to_vec(), ..Heard::default() }),
        };
        let heard = match heard {
            Ok(heard) => heard,
            Err(error) => return self.broke(fd, error, ctx),
        };
        if let Stage::Reading(_, buffer) | Stage::Streaming(_, buffer) = &mut self.stage {
            buffer.extend_from_slice(&heard.data);
        }
        self.read(heard.closes, ctx)
    }

    fn read(&mut self, ended: bool, ctx: &mut Ctx<'_>) -> Progress {
        let (fd, buffer) = match &mut self.stage {
            Stage::Reading(fd, buffer) => (*fd, buffer),
            Stage::Streaming(..) => return self.stream(ended, ctx),
            _ => return Progress::Wait,
        };
        if self.streams
            && let Some(head) = take_chunked_head(buffer)
        {
            self.stage = Stage::Streaming(fd, std::mem::take(buffer));
            return Progress::Begun(head);
        }
        let progress = match take_response(buffer, self.request.method == "HEAD", ended) {
            Parsed::More => return Progress::Wait,
            Parsed::Whole(response) => Progress::Answer(response),
            Parsed::Bad if buffer.is_empty() => Progress::Empty,
            Parsed::Bad => Progress::NotHttp(std::mem::take(buffer)),
        };
        ctx.net(NetOp::Close { fd });
        self.over(progress)
    }

    /// The chunks that have come in whole; an empty one is the end. To be asked again after [`Progress::Begun`] and after a
    /// piece.
    pub fn stream(&mut self, ended: bool, ctx: &mut Ctx<'_>) -> Progress {
        let Stage::Streaming(fd, buffer) = &mut self.stage else { return Progress::Wait };
        let fd = *fd;
        match take_chunk(buffer) {
            Some(chunk) if chunk.is_empty() => {}
            Some(chunk) => {
                self.received += chunk.len();
                return Progress::Piece(chunk);
            }
            None if !ended => return Progress::Wait,
            None => {}
        }
        ctx.net(NetOp::Close { fd });
        self.over(Progress::Ended)
    }

    /// The certificate that the server showed.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.secure.as_ref()?.certificate.as_ref()
    }

    /// The time has come.
    pub fn timer(&mut self, ctx: &mut Ctx<'_>) -> Progress {
        match &self.stage {
            Stage::Resolving(lookup) => {
                let resolved = lookup.clone().timer(ctx);
                self.resolved(resolved, ctx)
            }
            _ => Progress::Wait,
        }
    }

    /// Gives it up.
    pub fn abandon(&mut self, ctx: &mut Ctx<'_>) {
        if let Stage::Connecting(fd) | Stage::Handshake(fd) | Stage::Reading(fd, _) | Stage::Streaming(fd, _) =
            self.stage
        {
            ctx.net(NetOp::Close { fd });
        }
        self.stage = Stage::Over;
    }

    /// When it wants to be woken.
    pub fn wake_at(&self) -> Option<Time> {
        match &self.stage {
            Stage::Resolving(lookup) => Some(lookup.wake_at()),
            _ => None,
        }
    }

    /// Whether the connection is open.
    pub fn is_connected(&self) -> bool {
        matches!(self.stage, Stage::Handshake(_) | Stage::Reading(..) | Stage::Streaming(..))
    }

    /// Whether the name is known.
    pub fn is_resolved(&self) -> bool {
        !matches!(self.stage, Stage::Resolving(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let check = |text: &str| Url::parse(text).map(|u| format!("{} {} {} {}", u.scheme, u.host, u.port, u.target));
        for (text, want) in [
            ("web", Some("http web 80 /")),
            ("http://web:8080/a?b=c", Some("http web 8080 /a?b=c")),
            ("https://x?y", Some("https x 443 /?y")),
            ("http://:80/", None),
            ("http://web:port/", None),
        ] {
            assert_eq!(check(text).as_deref(), want, "{text}");
        }
    }
}
