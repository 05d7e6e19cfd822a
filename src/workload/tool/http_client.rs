//! One HTTP exchange: name, connection, request, answer. What `curl`, `wget` and the kubelet's probes are made of.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::sim::Time;
use crate::workload::http::{Parsed, Request, Response, take_response};
use crate::workload::resolver::{Lookup, Resolved, resolve};
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
        if self.port == 80 { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

/// An exchange under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Exchange {
    stage: Stage,
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
    Reading(Fd, Vec<u8>),
    Over,
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
}

impl Exchange {
    /// Begins: asks for the address, or connects if it is known.
    pub fn begin(host: &str, port: u16, request: Request, ctx: &mut Ctx<'_>) -> (Exchange, Progress) {
        let mut exchange = Exchange { stage: Stage::Over, port, request, began: ctx.now, address: None, local: None };
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
                ctx.net(NetOp::Send { fd: *fd, bytes: self.request.encode() });
                self.stage = Stage::Reading(*fd, Vec::new());
                Progress::Connected
            }
            (Stage::Connecting(own), NetEvent::Failed { fd, error }) if own == fd => {
                self.over(Progress::NotConnected(*error))
            }
            (Stage::Reading(own, buffer), NetEvent::Data { fd, bytes }) if own == fd => {
                buffer.extend_from_slice(bytes);
                self.read(false, ctx)
            }
            (Stage::Reading(own, _), NetEvent::Ended { fd }) if own == fd => self.read(true, ctx),
            (Stage::Reading(own, _), NetEvent::Failed { fd, error }) if own == fd => {
                self.over(Progress::Broken(*error))
            }
            _ => Progress::Wait,
        }
    }

    fn read(&mut self, ended: bool, ctx: &mut Ctx<'_>) -> Progress {
        let Stage::Reading(fd, buffer) = &mut self.stage else { return Progress::Wait };
        let fd = *fd;
        let progress = match take_response(buffer, self.request.method == "HEAD", ended) {
            Parsed::More => return Progress::Wait,
            Parsed::Whole(response) => Progress::Answer(response),
            Parsed::Bad if buffer.is_empty() => Progress::Empty,
            Parsed::Bad => Progress::NotHttp(std::mem::take(buffer)),
        };
        ctx.net(NetOp::Close { fd });
        self.over(progress)
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
        if let Stage::Connecting(fd) | Stage::Reading(fd, _) = self.stage {
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
        matches!(self.stage, Stage::Reading(..))
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
