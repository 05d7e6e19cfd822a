//! `nc` and `telnet` in their simplest forms: connect, send standard input, print what comes; `-z` only connects, `-l`
//! listens. Models busybox's and OpenBSD's `nc`.

use std::net::SocketAddrV4;

use crate::sim::{Span, Time};
use crate::workload::process::Program;
use crate::workload::resolver::{Lookup, Resolved, resolve};
use crate::workload::{Ctx, Fd, Input, NetEvent, NetOp, Spec};

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
}

impl Nc {
    /// The process that `spec` starts.
    pub fn new(spec: &Spec) -> Nc {
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
            nc.port = words.get(1).and_then(|p| p.parse().ok()).unwrap_or(0);
            nc.bad = nc.host.is_empty() || nc.port == 0;
        }
        nc
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        if self.bad {
            ctx.eprint("BusyBox v1.36.1 multi-call binary.\n\nUsage: nc [OPTIONS] HOST PORT  - connect\nnc [OPTIONS] -l -p PORT [HOST] [PORT]  - listen\n");
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
                self.socket = Some(fd);
                ctx.net(NetOp::Connect { fd, to: SocketAddrV4::new(ip, self.port) });
            }
            _ => {
                ctx.eprint(format!("nc: bad address '{}'\n", self.host));
                ctx.exit(1);
            }
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
                if self.verbose {
                    ctx.eprint(format!("{} ({}:{}) open\n", self.host, self.host, self.port));
                }
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
                if !self.scan || self.verbose {
                    ctx.eprint(format!("nc: {} ({}:{}): {error}\n", self.host, self.host, self.port));
                }
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
                    if !self.scan || self.verbose {
                        ctx.eprint(format!("nc: {} ({}:{}): Connection timed out\n", self.host, self.host, self.port));
                    }
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
