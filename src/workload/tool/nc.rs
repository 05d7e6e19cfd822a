//! `nc` and `telnet` in their simplest forms: connect, send standard input, print what comes; `-z` only connects, `-l`
//! listens. Models busybox's and OpenBSD's `nc`, and the `telnet` of busybox and inetutils, which do not show their options.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::sim::{Span, Time};
use crate::workload::process::Program;
use crate::workload::resolver::{Lookup, Resolved, resolve};
use crate::workload::{Ctx, Fd, Input, NetEvent, NetOp, Spec};

const TIMED_OUT: &str = "Connection timed out";

/// `nc`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Nc {
    host: String,
    port: u16,
    scan: bool,
    verbose: bool,
    listen: bool,
    wait: Option<Span>,
    lookup: Option<Lookup>,
    socket: Option<Fd>,
    connected: bool,
    pending: Vec<u8>,
    input_ended: bool,
    deadline: Option<Time>,
    bad: bool,
    maker: Maker,
    /// Where it connects to.
    ip: Option<Ipv4Addr>,
}

/// Whose words it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Maker {
    Busybox,
    OpenBsd,
    BusyboxTelnet,
    Telnet,
}

/// Ports that `/etc/services` names.
const SERVICES: [(u16, &str); 10] = [
    (22, "ssh"),
    (53, "domain"),
    (80, "http"),
    (443, "https"),
    (2379, "etcd-client"),
    (3306, "mysql"),
    (5432, "postgresql"),
    (6379, "redis"),
    (8080, "http-alt"),
    (11211, "memcached"),
];

impl Nc {
    /// The process that `spec` starts; `openbsd` if it is not busybox's.
    pub fn new(spec: &Spec, openbsd: bool) -> Nc {
        let maker = match (spec.argv[0].ends_with("telnet"), openbsd) {
            (false, false) => Maker::Busybox,
            (false, true) => Maker::OpenBsd,
            (true, false) => Maker::BusyboxTelnet,
            (true, true) => Maker::Telnet,
        };
        let mut nc = Nc {
            host: String::new(),
            port: 0,
            scan: false,
            verbose: false,
            listen: false,
            wait: None,
            lookup: None,
            socket: None,
            connected: false,
            pending: Vec::new(),
            input_ended: false,
            deadline: None,
            bad: false,
            maker,
            ip: None,
        };
        let mut words = Vec::new();
        let mut args = spec.argv[1..].iter();
        while let Some(arg) = args.next() {
            let Some(flags) = arg.strip_prefix('-').filter(|f| !f.is_empty()) else {
                words.push(arg.clone());
                continue;
            };
            for letter in flags.chars() {
                match letter {
                    'z' => nc.scan = true,
                    'v' => nc.verbose = true,
                    'l' => nc.listen = true,
                    'w' | 'q' | 'p' | 'i' => {
                        let inline: String = flags.chars().filter(char::is_ascii_digit).collect();
                        let value = if inline.is_empty() { args.next().cloned().unwrap_or_default() } else { inline };
                        match letter {
                            'w' => nc.wait = value.parse().ok().map(Span::secs),
                            'p' => nc.port = value.parse().unwrap_or(0),
                            _ => {}
                        }
                        break;
                    }
                    _ => {}
                }
            }
        }
        if nc.listen {
            nc.port = words.last().and_then(|p| p.parse().ok()).unwrap_or(nc.port);
        } else {
            nc.host = words.first().cloned().unwrap_or_default();
            let default = if matches!(maker, Maker::Telnet | Maker::BusyboxTelnet) { 23 } else { 0 };
            nc.port = words.get(1).map_or(default, |p| p.parse().unwrap_or(0));
            nc.bad = nc.host.is_empty() || nc.port == 0;
        }
        nc
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        if self.bad {
            ctx.eprint(match self.maker {
                Maker::OpenBsd => "usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]\n\t  [-m minttl] [-O length] [-P proxy_username] [-p source_port]\n\t  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]\n\t  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]\n\t  [destination] [port]\n",
                Maker::Telnet => "Usage: telnet [OPTION...] [HOST [PORT]]\n",
                Maker::BusyboxTelnet => "BusyBox v1.36.1 multi-call binary.\n\nUsage: telnet [-a] [-l USER] HOST [PORT]\n",
                Maker::Busybox => "BusyBox v1.36.1 multi-call binary.\n\nUsage: nc [OPTIONS] HOST PORT  - connect\nnc [OPTIONS] -l -p PORT [HOST] [PORT]  - listen\n",
            });
            return ctx.exit(1);
        }
        if self.listen {
            let fd = ctx.fd();
            self.socket = Some(fd);
            return ctx.net(NetOp::Listen { fd, port: self.port });
        }
        self.deadline = self.wait.map(|w| ctx.now + w);
        let resolved = resolve(&self.host.clone(), ctx);
        self.resolved(resolved, ctx);
    }

    fn resolved(&mut self, resolved: Resolved, ctx: &mut Ctx<'_>) {
        self.lookup = None;
        match resolved {
            Resolved::Wait(lookup) => self.lookup = Some(lookup),
            Resolved::Address(ip) => {
                let fd = ctx.fd();
                (self.socket, self.ip) = (Some(fd), Some(ip));
                if self.maker == Maker::Telnet {
                    ctx.print(format!("Trying {ip}...\n"));
                }
                ctx.net(NetOp::Connect { fd, to: SocketAddrV4::new(ip, self.port) });
            }
            _ => {
                let (host, port) = (&self.host, self.port);
                ctx.eprint(match self.maker {
                    Maker::Busybox => format!("nc: bad address '{host}'\n"),
                    Maker::BusyboxTelnet => format!("telnet: bad address '{host}'\n"),
                    Maker::OpenBsd => {
                        format!("nc: getaddrinfo for host \"{host}\" port {port}: Name or service not known\n")
                    }
                    Maker::Telnet => format!("telnet: could not resolve {host}/telnet: Name or service not known\n"),
                });
                ctx.exit(1);
            }
        }
    }

    /// The host, with its address where it has a name.
    fn named(&self) -> String {
        match self.ip {
            Some(ip) if ip.to_string() != self.host => format!("{} ({ip})", self.host),
            _ => self.host.clone(),
        }
    }

    fn say_connected(&self, ctx: &mut Ctx<'_>) {
        let (host, port) = (&self.host, self.port);
        match self.maker {
            Maker::Busybox if self.verbose => {
                let ip = self.ip.map_or_else(|| host.clone(), |ip| ip.to_string());
                ctx.eprint(format!("{host} ({ip}:{port}) open\n"));
            }
            Maker::OpenBsd if self.verbose => {
                let service = SERVICES.iter().find(|(known, _)| *known == port).map_or("*", |(_, name)| *name);
                ctx.eprint(format!("Connection to {} {port} port [tcp/{service}] succeeded!\n", self.named()));
            }
            Maker::Telnet => ctx.print(format!("Connected to {host}.\nEscape character is '^]'.\n")),
            Maker::BusyboxTelnet => ctx.print(format!("Connected to {host}\n")),
            Maker::Busybox | Maker::OpenBsd => {}
        }
    }

    fn say_failed(&self, why: &str, ctx: &mut Ctx<'_>) {
        let (host, port) = (&self.host, self.port);
        let ip = self.ip.map_or_else(|| host.clone(), |ip| ip.to_string());
        match self.maker {
            Maker::Busybox if !self.scan || self.verbose => ctx.eprint(format!("nc: {host} ({ip}:{port}): {why}\n")),
            Maker::OpenBsd if self.verbose && why == TIMED_OUT => {
                ctx.eprint(format!(
                    "nc: connect to {} port {port} (tcp) timed out: Operation now in progress\n",
                    self.named()
                ));
            }
            Maker::OpenBsd if self.verbose => {
                ctx.eprint(format!("nc: connect to {} port {port} (tcp) failed: {why}\n", self.named()));
            }
            Maker::Telnet => ctx.eprint(format!("telnet: Unable to connect to remote host: {why}\n")),
            Maker::BusyboxTelnet => ctx.eprint(format!("telnet: can't connect to remote host ({ip}): {why}\n")),
            Maker::Busybox | Maker::OpenBsd => {}
        }
    }

    fn flush(&mut self, ctx: &mut Ctx<'_>) {
        let Some(fd) = self.socket.filter(|_| self.connected) else { return };
        if !self.pending.is_empty() {
            ctx.net(NetOp::Send { fd, bytes: std::mem::take(&mut self.pending) });
        }
    }

    fn event(&mut self, event: NetEvent, ctx: &mut Ctx<'_>) {
        match event {
            NetEvent::Accepted { listener, fd, .. }
                if self.listen && !self.connected && Some(listener) == self.socket =>
            {
                ctx.net(NetOp::Close { fd: listener });
                self.socket = Some(fd);
                self.connected = true;
                self.flush(ctx);
            }
            NetEvent::Connected { fd, .. } if Some(fd) == self.socket => {
                self.connected = true;
                self.deadline = None;
                self.say_connected(ctx);
                if self.scan {
                    ctx.net(NetOp::Close { fd });
                    return ctx.exit(0);
                }
                self.flush(ctx);
            }
            NetEvent::Data { fd, bytes } if Some(fd) == self.socket => ctx.print(bytes),
            NetEvent::Ended { fd } if Some(fd) == self.socket => {
                ctx.net(NetOp::Close { fd });
                ctx.exit(0);
            }
            NetEvent::Failed { fd, error } if Some(fd) == self.socket => {
                self.say_failed(&error.to_string(), ctx);
                ctx.exit(1);
            }
            _ => {}
        }
    }
}

impl Program for Nc {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Stdin(bytes) => {
                self.pending.extend_from_slice(&bytes);
                self.flush(ctx);
            }
            Input::StdinEnd => self.input_ended = true,
            Input::Net(event) => match self.lookup.clone() {
                Some(lookup) => {
                    let resolved = lookup.event(&event, ctx);
                    self.resolved(resolved, ctx);
                }
                None => self.event(event, ctx),
            },
            Input::Timer => {
                if let Some(lookup) = self.lookup.clone() {
                    let resolved = lookup.timer(ctx);
                    self.resolved(resolved, ctx);
                }
                if self.deadline.is_some_and(|at| at <= ctx.now) {
                    self.deadline = None;
                    self.say_failed(TIMED_OUT, ctx);
                    ctx.exit(1);
                }
            }
            Input::Signal(signal) => ctx.exit(128 + signal),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        [self.lookup.as_ref().map(Lookup::wake_at), self.deadline].into_iter().flatten().min()
    }
}
