//! Turning a name into an address as the C library does: `/etc/hosts`, then the DNS server of `/etc/resolv.conf` with its
//! search list and `ndots`. Models musl's and glibc's `getaddrinfo`.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::sim::{Span, Time};
use crate::workload::dns::{A, Data, Message};
use crate::workload::{Ctx, Fd, NetEvent, NetOp};

/// How long a server has, and how often it is asked.
const TIMEOUT: Span = Span::secs(5);
const TRIES: u32 = 2;

/// The configuration of `/etc/resolv.conf`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ResolvConf {
    /// The first server.
    pub server: Option<Ipv4Addr>,
    /// The search list.
    pub search: Vec<String>,
    /// A name with so many dots is tried as it is first.
    pub ndots: u32,
}

impl ResolvConf {
    /// What the container's file says.
    pub fn read(ctx: &Ctx<'_>) -> ResolvConf {
        let data = ctx.fs.read("/etc/resolv.conf").unwrap_or_default();
        let mut conf = ResolvConf { ndots: 1, ..ResolvConf::default() };
        for line in String::from_utf8_lossy(&data).lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => conf.server = conf.server.or_else(|| words.next()?.parse().ok()),
                Some("search") => conf.search = words.map(str::to_owned).collect(),
                Some("options") => {
                    conf.ndots = words.find_map(|w| w.strip_prefix("ndots:")?.parse().ok()).unwrap_or(conf.ndots);
                }
                _ => {}
            }
        }
        conf
    }

    /// The names to try, in order.
    pub fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(whole) = name.strip_suffix('.') {
            return vec![whole.to_owned()];
        }
        let searched = self.search.iter().map(|s| format!("{name}.{s}"));
        let dots = u32::try_from(name.matches('.').count()).unwrap_or(u32::MAX);
        if dots >= self.ndots {
            std::iter::once(name.to_owned()).chain(searched).collect()
        } else {
            searched.chain([name.to_owned()]).collect()
        }
    }
}

/// A lookup under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lookup {
    fd: Fd,
    server: SocketAddrV4,
    left: Vec<String>,
    id: u16,
    tries: u32,
    until: Time,
}

/// What a lookup has come to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resolved {
    /// It goes on.
    Wait(Lookup),
    /// The address.
    Address(Ipv4Addr),
    /// There is no such name.
    NotFound,
    /// The server does not answer.
    NoServer,
}

/// The address that `/etc/hosts` gives to a name, or that it is itself.
pub fn local(name: &str, ctx: &Ctx<'_>) -> Option<Ipv4Addr> {
    if let Ok(ip) = name.parse() {
        return Some(ip);
    }
    let data = ctx.fs.read("/etc/hosts").unwrap_or_default();
    let text = String::from_utf8_lossy(&data).into_owned();
    text.lines().filter(|l| !l.starts_with('#')).find_map(|line| {
        let mut words = line.split_whitespace();
        let ip = words.next()?.parse::<Ipv4Addr>().ok()?;
        words.any(|w| w == name).then_some(ip)
    })
}

/// Begins to look a name up.
pub fn resolve(name: &str, ctx: &mut Ctx<'_>) -> Resolved {
    if let Some(ip) = local(name, ctx) {
        return Resolved::Address(ip);
    }
    let conf = ResolvConf::read(ctx);
    let Some(server) = conf.server else { return Resolved::NoServer };
    let fd = ctx.fd();
    ctx.net(NetOp::Bind { fd, port: 0 });
    let mut lookup = Lookup {
        fd,
        server: SocketAddrV4::new(server, 53),
        left: conf.candidates(name),
        id: 0,
        tries: 0,
        until: ctx.now,
    };
    lookup.ask(ctx);
    Resolved::Wait(lookup)
}

impl Lookup {
    fn ask(&mut self, ctx: &mut Ctx<'_>) {
        let Some(name) = self.left.first() else { return };
        self.id = u16::try_from(ctx.rng.below(65_536)).unwrap_or(0);
        self.until = ctx.now + TIMEOUT;
        let bytes = Message::query(self.id, name, A).encode();
        ctx.net(NetOp::SendTo { fd: self.fd, to: self.server, bytes });
    }

    /// When it gives the server up.
    pub fn wake_at(&self) -> Time {
        self.until
    }

    /// Takes an event in.
    pub fn event(mut self, event: &NetEvent, ctx: &mut Ctx<'_>) -> Resolved {
        match event {
            NetEvent::Datagram { fd, bytes, .. } if *fd == self.fd => {
                let Some(answer) = Message::decode(bytes).filter(|m| m.response && m.id == self.id) else {
                    return Resolved::Wait(self);
                };
                let ip = answer.answers.iter().find_map(|r| if let Data::A(ip) = r.data { Some(ip) } else { None });
                if let Some(ip) = ip {
                    ctx.net(NetOp::Close { fd: self.fd });
                    return Resolved::Address(ip);
                }
                self.left.remove(0);
                self.tries = 0;
                if self.left.is_empty() {
                    ctx.net(NetOp::Close { fd: self.fd });
                    return Resolved::NotFound;
                }
                self.ask(ctx);
                Resolved::Wait(self)
            }
            NetEvent::Failed { fd, .. } if *fd == self.fd => self.again(ctx),
            _ => Resolved::Wait(self),
        }
    }

    /// The time has come.
    pub fn timer(self, ctx: &mut Ctx<'_>) -> Resolved {
        if ctx.now < self.until { Resolved::Wait(self) } else { self.again(ctx) }
    }

    fn again(mut self, ctx: &mut Ctx<'_>) -> Resolved {
        self.tries += 1;
        if self.tries >= TRIES {
            ctx.net(NetOp::Close { fd: self.fd });
            return Resolved::NoServer;
        }
        self.ask(ctx);
        Resolved::Wait(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_list_comes_first_for_names_with_few_dots() {
        let conf = ResolvConf {
            server: None,
            search: vec!["default.svc.cluster.local".into(), "svc.cluster.local".into()],
            ndots: 5,
        };
        assert_eq!(conf.candidates("web"), ["web.default.svc.cluster.local", "web.svc.cluster.local", "web"]);
        assert_eq!(conf.candidates("a.b.c.d.e.f")[0], "a.b.c.d.e.f");
        assert_eq!(conf.candidates("web.default.svc.cluster.local."), ["web.default.svc.cluster.local"]);
    }
}
