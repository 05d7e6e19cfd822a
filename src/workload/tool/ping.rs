//! `ping`. Models busybox's and iputils' output.

use std::net::Ipv4Addr;

use crate::net;
use crate::sim::{Span, Time};
use crate::workload::process::Program;
use crate::workload::resolver::{Lookup, Resolved, resolve};
use crate::workload::{Ctx, Fd, Input, NetEvent, NetOp, Spec};

/// `ping`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ping {
    host: String,
    gnu: bool,
    count: Option<u16>,
    interval: Span,
    wait: Span,
    deadline: Option<Span>,
    size: u16,
    ttl: u8,
    quiet: bool,
    bad: Option<String>,
    lookup: Option<Lookup>,
    run: Option<Run>,
}

/// A run of echo requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Run {
    fd: Fd,
    to: Ipv4Addr,
    sent: Vec<Time>,
    times: Vec<Span>,
    answered: Vec<u16>,
    duplicates: u16,
    errors: u16,
    /// When something was sent or came back last.
    last: Time,
    next: Option<Time>,
    end: Option<Time>,
}

impl Ping {
    /// The process that `spec` starts; `gnu` is iputils'.
    pub fn new(spec: &Spec, gnu: bool) -> Ping {
        let mut ping = Ping {
            host: String::new(),
            gnu,
            count: None,
            interval: Span::secs(1),
            wait: Span::secs(10),
            deadline: None,
            size: 56,
            ttl: 64,
            quiet: false,
            bad: None,
            lookup: None,
            run: None,
        };
        let mut args = spec.argv[1..].iter();
        while let Some(arg) = args.next() {
            let Some(flag) = arg.strip_prefix('-').filter(|f| !f.is_empty()) else {
                ping.host.clone_from(arg);
                continue;
            };
            let (letter, rest) = flag.split_at(1);
            match letter {
                "q" => ping.quiet = true,
                "4" | "n" => {}
                "c" | "i" | "W" | "w" | "s" | "t" | "I" => {
                    let value =
                        if rest.is_empty() { args.next().cloned().unwrap_or_default() } else { rest.to_owned() };
                    ping.set(letter, &value);
                }
                other => ping.bad = Some(format!("unrecognized option: {other}")),
            }
        }
        ping
    }

    fn set(&mut self, letter: &str, value: &str) {
        let span = crate::workload::program::sleep::parse_span(value).ok().flatten();
        match (letter, span) {
            ("c", _) if value.parse::<u16>().is_ok() => self.count = value.parse().ok(),
            ("s", _) if value.parse::<u16>().is_ok() => self.size = value.parse().unwrap_or(56),
            ("i", Some(span)) => self.interval = span.max(Span::millis(2)),
            ("W", Some(span)) => self.wait = span,
            ("w", Some(span)) => self.deadline = Some(span),
            ("t", _) if value.parse::<u8>().is_ok_and(|ttl| ttl > 0) => self.ttl = value.parse().unwrap_or(64),
            ("I", _) => {}
            _ => self.bad = Some(format!("invalid number '{value}'")),
        }
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        let name = "ping";
        if let Some(words) = &self.bad {
            ctx.eprint(format!("{name}: {words}\n"));
            return ctx.exit(1);
        }
        if self.host.is_empty() {
            let words = if self.gnu {
                "ping: usage error: Destination address required\n"
            } else {
                "BusyBox v1.36.1 multi-call binary.\n\nUsage: ping [OPTIONS] HOST\n"
            };
            ctx.eprint(words);
            return ctx.exit(1);
        }
        let resolved = resolve(&self.host.clone(), ctx);
        self.resolved(resolved, ctx);
    }

    fn resolved(&mut self, resolved: Resolved, ctx: &mut Ctx<'_>) {
        self.lookup = None;
        match resolved {
            Resolved::Wait(lookup) => self.lookup = Some(lookup),
            Resolved::Address(to) => {
                let (host, size) = (&self.host, self.size);
                let head = if self.gnu {
                    format!("PING {host} ({to}) {size}({}) bytes of data.\n", size + 28)
                } else {
                    format!("PING {host} ({to}): {size} data bytes\n")
                };
                ctx.print(head);
                let end = self.deadline.map(|d| ctx.now + d);
                let run = Run {
                    fd: ctx.fd(),
                    to,
                    sent: Vec::new(),
                    times: Vec::new(),
                    answered: Vec::new(),
                    duplicates: 0,
                    errors: 0,
                    last: ctx.now,
                    next: None,
                    end,
                };
                self.run = Some(run);
                self.send(ctx);
            }
            _ => {
                let words = if self.gnu {
                    format!("ping: {}: Name or service not known\n", self.host)
                } else {
                    format!("ping: bad address '{}'\n", self.host)
                };
                ctx.eprint(words);
                ctx.exit(if self.gnu { 2 } else { 1 });
            }
        }
    }

    fn send(&mut self, ctx: &mut Ctx<'_>) {
        let Some(run) = self.run.as_mut() else { return };
        let number = u16::try_from(run.sent.len()).unwrap_or(u16::MAX);
        let seq = if self.gnu { number + 1 } else { number };
        run.sent.push(ctx.now);
        run.last = ctx.now;
        ctx.net(NetOp::Ping { fd: run.fd, to: run.to, seq, size: self.size, ttl: self.ttl });
        let last = self.count.is_some_and(|c| number + 1 >= c);
        run.next = (!last).then(|| ctx.now + self.interval);
        if last {
            run.end = Some(run.end.map_or(ctx.now + self.wait, |e| e.min(ctx.now + self.wait)));
        }
    }

    fn answered(&mut self, from: Ipv4Addr, seq: u16, ttl: u8, ctx: &mut Ctx<'_>) {
        let Some(run) = self.run.as_mut() else { return };
        let index = usize::from(seq).saturating_sub(usize::from(self.gnu));
        let Some(sent) = run.sent.get(index).copied() else { return };
        let took = ctx.now.since(sent);
        let again = run.answered.contains(&seq);
        if again {
            run.duplicates += 1;
        } else {
            run.answered.push(seq);
        }
        run.last = ctx.now;
        run.times.push(took);
        if !self.quiet {
            let (size, ms) = (self.size + 8, milliseconds(took));
            let line = if self.gnu {
                format!("{size} bytes from {from}: icmp_seq={seq} ttl={ttl} time={} ms\n", iputils(took))
            } else {
                format!("{size} bytes from {from}: seq={seq} ttl={ttl} time={ms} ms\n")
            };
            ctx.print(if again { line.replace(" ms\n", " ms (DUP!)\n") } else { line });
        }
        self.end_if_done(ctx);
    }

    fn end_if_done(&mut self, ctx: &mut Ctx<'_>) {
        let Some(run) = &self.run else { return };
        let all = self.count.is_some_and(|c| run.answered.len() + usize::from(run.errors) >= usize::from(c));
        if all && run.next.is_none() {
            self.finish(ctx);
        }
    }

    /// Something on the way, or this host, says that a request did not arrive; busybox's keeps that to itself.
    fn failed(&mut self, from: Ipv4Addr, error: net::NetError, seq: u16, ctx: &mut Ctx<'_>) {
        let Some(run) = self.run.as_mut() else { return };
        let unsent = from.is_unspecified();
        match error {
            net::NetError::NetUnreachable if unsent => {
                let call = if self.gnu { "connect" } else { "sendto" };
                ctx.eprint(format!("ping: {call}: Network is unreachable\n"));
                return ctx.exit(if self.gnu { 2 } else { 1 });
            }
            net::NetError::MessageTooLong { mtu } if unsent && self.gnu => {
                ctx.eprint(format!("ping: local error: message too long, mtu={mtu}\n"));
            }
            _ => {}
        }
        run.errors += 1;
        let words = match error {
            net::NetError::Refused => "Destination Port Unreachable".to_owned(),
            net::NetError::NetUnreachable => "Destination Net Unreachable".to_owned(),
            net::NetError::TtlExceeded => "Time to live exceeded".to_owned(),
            net::NetError::MessageTooLong { mtu } => format!("Frag needed and DF set (mtu = {mtu})"),
            _ => "Destination Host Unreachable".to_owned(),
        };
        if self.gnu && !unsent && !self.quiet {
            ctx.print(format!("From {from} icmp_seq={seq} {words}\n"));
        }
        self.end_if_done(ctx);
    }

    fn finish(&mut self, ctx: &mut Ctx<'_>) {
        let Some(run) = self.run.take() else { return };
        let (sent, received) = (run.sent.len(), run.answered.len().min(run.sent.len()));
        let loss = (sent - received) * 100 / sent.max(1);
        let mut text = format!("\n--- {} ping statistics ---\n", self.host);
        if self.gnu {
            let more = |n: u16, word: &str| if n > 0 { format!("+{n} {word}, ") } else { String::new() };
            let errors = more(run.duplicates, "duplicates") + &more(run.errors, "errors");
            let time = run.sent.first().map_or(0, |first| run.last.since(*first).as_millis());
            text += &format!(
                "{sent} packets transmitted, {received} received, {errors}{loss}% packet loss, time {time}ms\n"
            );
        } else {
            let twice = if run.duplicates > 0 { format!("{} duplicates, ", run.duplicates) } else { String::new() };
            text += &format!("{sent} packets transmitted, {received} packets received, {twice}{loss}% packet loss\n");
        }
        if let (Some(least), Some(most)) = (run.times.iter().min(), run.times.iter().max()) {
            let mean = Span(run.times.iter().map(|t| t.0).sum::<u64>() / run.times.len() as u64);
            let (least, mean, most) = (milliseconds(*least), milliseconds(mean), milliseconds(*most));
            text += &if self.gnu {
                format!("rtt min/avg/max/mdev = {least}/{mean}/{most}/0.000 ms\n")
            } else {
                format!("round-trip min/avg/max = {least}/{mean}/{most} ms\n")
            };
        }
        ctx.print(text);
        ctx.exit(u8::from(received == 0));
    }
}

/// `0.123`.
fn milliseconds(span: Span) -> String {
    format!("{}.{:03}", span.0 / 1_000_000, span.0 / 1_000 % 1_000)
}

/// As iputils writes a time: three significant digits.
fn iputils(span: Span) -> String {
    let us = span.0 / 1_000;
    match us {
        0..=9_999 => format!("{}.{:03}", us / 1_000, us % 1_000).chars().take(5).collect(),
        10_000..=99_999 => format!("{}.{}", us / 1_000, us / 100 % 10),
        _ => (us / 1_000).to_string(),
    }
}

impl Program for Ping {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Net(event) => {
                if let Some(lookup) = self.lookup.clone() {
                    let resolved = lookup.event(&event, ctx);
                    return self.resolved(resolved, ctx);
                }
                let own = self.run.as_ref().map(|r| r.fd);
                match event {
                    NetEvent::Pong { fd, from, seq, ttl } if Some(fd) == own => self.answered(from, seq, ttl, ctx),
                    NetEvent::Icmp { fd, from, error, number } if Some(fd) == own => {
                        self.failed(from, error, number, ctx)
                    }
                    _ => {}
                }
            }
            Input::Timer => {
                if let Some(lookup) = self.lookup.clone() {
                    let resolved = lookup.timer(ctx);
                    return self.resolved(resolved, ctx);
                }
                let Some(run) = &self.run else { return };
                if run.end.is_some_and(|at| at <= ctx.now) {
                    self.finish(ctx);
                } else if run.next.is_some_and(|at| at <= ctx.now) {
                    self.send(ctx);
                }
            }
            Input::Signal(crate::workload::SIGINT) => self.finish(ctx),
            Input::Signal(signal) => ctx.exit(128 + signal),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        let lookup = self.lookup.as_ref().map(Lookup::wake_at);
        let run = self.run.as_ref().and_then(|r| [r.next, r.end].into_iter().flatten().min());
        [lookup, run].into_iter().flatten().min()
    }
}
