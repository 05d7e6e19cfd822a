//! `traceroute`: who is on the way, asked by letting packets die there. Models traceroute 2.1 and busybox's in what they print;
//! as busybox's, one probe at a time.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::net;
use crate::sim::{Span, Time};
use crate::workload::process::Program;
use crate::workload::program::sleep::parse_span;
use crate::workload::resolver::{Lookup, Resolved, resolve};
use crate::workload::tool::tcpdump::names::Names;
use crate::workload::{Ctx, Fd, Input, NetEvent, NetOp, Spec};

/// The port of the first probe.
const FIRST_PORT: u16 = 33_434;

/// `traceroute`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Traceroute {
    host: String,
    gnu: bool,
    icmp: bool,
    numeric: bool,
    first: u8,
    most: u8,
    queries: u16,
    wait: Span,
    bad: Option<String>,
    lookup: Option<Lookup>,
    run: Option<Run>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Run {
    fd: Fd,
    to: Ipv4Addr,
    ttl: u8,
    /// Probes sent in all, and with this time to live.
    sent: u16,
    here: u16,
    at: Time,
    /// Who answered last at this distance.
    last: Option<Ipv4Addr>,
    arrived: bool,
}

impl Traceroute {
    /// The process that `spec` starts; `gnu` is the one of Debian.
    pub fn new(spec: &Spec, gnu: bool) -> Traceroute {
        let mut tool = Traceroute {
            host: String::new(),
            gnu,
            icmp: false,
            numeric: false,
            first: 1,
            most: 30,
            queries: 3,
            wait: Span::secs(if gnu { 5 } else { 3 }),
            bad: None,
            lookup: None,
            run: None,
        };
        let mut args = spec.argv[1..].iter();
        while let Some(arg) = args.next() {
            let Some(flags) = arg.strip_prefix('-').filter(|f| !f.is_empty()) else {
                if tool.host.is_empty() {
                    tool.host.clone_from(arg);
                }
                continue;
            };
            for (at, letter) in flags.char_indices() {
                if !"fmqw".contains(letter) {
                    tool.flag(letter);
                    continue;
                }
                let rest = &flags[at + 1..];
                let value = if rest.is_empty() { args.next().cloned().unwrap_or_default() } else { rest.to_owned() };
                tool.value(letter, &value);
                break;
            }
        }
        tool
    }

    fn flag(&mut self, letter: char) {
        match letter {
            'n' => self.numeric = true,
            'I' => self.icmp = true,
            '4' => {}
            other => self.bad = Some(format!("traceroute: option -{other} is not simulated\n")),
        }
    }

    fn value(&mut self, letter: char, value: &str) {
        match (letter, value.parse::<u8>()) {
            ('f', Ok(n)) if n > 0 => self.first = n,
            ('m', Ok(n)) if n > 0 => self.most = n,
            ('q', Ok(n)) if n > 0 => self.queries = n.into(),
            ('w', _) if matches!(parse_span(value), Ok(Some(_))) => {
                self.wait = parse_span(value).ok().flatten().unwrap_or(self.wait);
            }
            _ => self.bad = Some(format!("traceroute: invalid number '{value}'\n")),
        }
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(words) = &self.bad {
            ctx.eprint(words);
            return ctx.exit(2);
        }
        if self.host.is_empty() {
            ctx.eprint("Usage: traceroute [-nI] [-f first_ttl] [-m max_ttl] [-q nqueries] [-w wait] host\n");
            return ctx.exit(2);
        }
        let resolved = resolve(&self.host.clone(), ctx);
        self.resolved(resolved, ctx);
    }

    fn resolved(&mut self, resolved: Resolved, ctx: &mut Ctx<'_>) {
        self.lookup = None;
        match resolved {
            Resolved::Wait(lookup) => self.lookup = Some(lookup),
            Resolved::Address(to) => {
                let size = if self.gnu { 60 } else { 46 };
                ctx.print(format!("traceroute to {} ({to}), {} hops max, {size} byte packets\n", self.host, self.most));
                let fd = ctx.fd();
                let at = ctx.now;
                self.run = Some(Run { fd, to, ttl: self.first, sent: 0, here: 0, at, last: None, arrived: false });
                ctx.print(format!("{:2} ", self.first));
                self.probe(ctx);
            }
            _ => {
                let words = if self.gnu {
                    format!(
                        "{}: Name or service not known\nCannot handle \"host\" cmdline arg `{}' on position 1 (argc 1)\n",
                        self.host, self.host
                    )
                } else {
                    format!("traceroute: bad address '{}'\n", self.host)
                };
                ctx.eprint(words);
                ctx.exit(2);
            }
        }
    }

    fn probe(&mut self, ctx: &mut Ctx<'_>) {
        let Some(run) = self.run.as_mut() else { return };
        let (fd, to, ttl, n) = (run.fd, run.to, run.ttl, run.sent);
        run.at = ctx.now;
        ctx.net(if self.icmp {
            NetOp::Ping { fd, to, seq: n + 1, size: 32, ttl }
        } else {
            NetOp::Probe { fd, to: SocketAddrV4::new(to, FIRST_PORT + n), ttl }
        });
    }

    /// Somebody answered the probe with that number; `mark` is what is special about it.
    fn heard(&mut self, number: u16, from: Ipv4Addr, mark: Option<&str>, arrived: bool, ctx: &mut Ctx<'_>) {
        let Some(run) = self.run.as_mut().filter(|run| run.sent == number) else { return };
        let took = ctx.now.since(run.at);
        let mut text = String::new();
        if run.last != Some(from) {
            let name = Names::read(self.numeric, ctx).host(from);
            text += &if self.numeric { format!(" {from}") } else { format!(" {name} ({from})") };
        }
        run.last = Some(from);
        run.arrived |= arrived;
        text += &format!("  {}.{:03} ms", took.0 / 1_000_000, took.0 / 1_000 % 1_000);
        text += &mark.map_or_else(String::new, |mark| format!(" {mark}"));
        ctx.print(text);
        self.next(ctx);
    }

    fn next(&mut self, ctx: &mut Ctx<'_>) {
        let Some(run) = self.run.as_mut() else { return };
        run.sent += 1;
        run.here += 1;
        if run.here >= self.queries {
            ctx.print("\n");
            if run.arrived || run.ttl >= self.most {
                return ctx.exit(0);
            }
            run.ttl += 1;
            (run.here, run.last) = (0, None);
            ctx.print(format!("{:2} ", run.ttl));
        }
        self.probe(ctx);
    }

    fn icmp(&mut self, from: Ipv4Addr, error: net::NetError, number: u16, ctx: &mut Ctx<'_>) {
        let Some(to) = self.run.as_ref().map(|run| run.to) else { return };
        if from.is_unspecified() {
            ctx.eprint(format!("\nsend: {error}\n"));
            return ctx.exit(1);
        }
        let mark = match error {
            net::NetError::TtlExceeded => None,
            net::NetError::Refused if from == to => None,
            net::NetError::Refused => Some("!X"),
            net::NetError::NetUnreachable => Some("!N"),
            net::NetError::MessageTooLong { .. } => Some("!F"),
            _ => Some("!H"),
        };
        self.heard(number, from, mark, error != net::NetError::TtlExceeded, ctx);
    }
}

impl Program for Traceroute {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Net(event) => {
                if let Some(lookup) = self.lookup.take() {
                    let resolved = lookup.event(&event, ctx);
                    return self.resolved(resolved, ctx);
                }
                let own = self.run.as_ref().map(|run| run.fd);
                match event {
                    NetEvent::Icmp { fd, from, error, number } if Some(fd) == own => {
                        let number = if self.icmp { number.wrapping_sub(1) } else { number.wrapping_sub(FIRST_PORT) };
                        self.icmp(from, error, number, ctx);
                    }
                    NetEvent::Pong { fd, from, seq, .. } if Some(fd) == own => {
                        self.heard(seq.wrapping_sub(1), from, None, true, ctx);
                    }
                    _ => {}
                }
            }
            Input::Timer => {
                if let Some(lookup) = self.lookup.take() {
                    let resolved = lookup.timer(ctx);
                    return self.resolved(resolved, ctx);
                }
                if self.run.as_ref().is_some_and(|run| run.at + self.wait <= ctx.now) {
                    ctx.print(" *");
                    self.next(ctx);
                }
            }
            Input::Signal(signal) => ctx.exit(128 + signal),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        let run = self.run.as_ref().map(|run| run.at + self.wait);
        self.lookup.as_ref().map(Lookup::wake_at).or(run)
    }
}
