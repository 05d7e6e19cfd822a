//! `nslookup` and `host` in their simplest forms. Models busybox's and bind's output.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::sim::{Span, Time};
use crate::workload::dns::{A, Data, Message, PTR, SRV};
use crate::workload::process::Program;
use crate::workload::resolver::ResolvConf;
use crate::workload::{Ctx, Fd, Input, NetEvent, NetOp, Spec};

/// `nslookup`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Nslookup {
    name: String,
    server: Option<String>,
    kind: u16,
    gnu: bool,
    asked: Option<Asked>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    fd: Fd,
    server: Ipv4Addr,
    left: Vec<String>,
    id: u16,
    until: Time,
    tries: u32,
    /// What is shown for each name that does not exist (busybox).
    missing: Vec<String>,
}

impl Nslookup {
    /// The process that `spec` starts; `gnu` is bind's.
    pub fn new(spec: &Spec, gnu: bool) -> Nslookup {
        let mut kind = A;
        let mut words = Vec::new();
        for arg in &spec.argv[1..] {
            let lower = arg.to_ascii_lowercase();
            match lower
                .trim_start_matches('-')
                .trim_start_matches("query")
                .trim_start_matches("type")
                .trim_start_matches('=')
            {
                "srv" => kind = SRV,
                "ptr" => kind = PTR,
                "a" if lower.starts_with('-') || lower == "a" && !words.is_empty() => kind = A,
                _ if lower.starts_with(['-', '+']) => {}
                _ => words.push(arg.clone()),
            }
        }
        let at = words.iter().position(|w| w.starts_with('@'));
        let explicit = at.map(|at| words.remove(at).trim_start_matches('@').to_owned());
        let name = words.first().cloned().unwrap_or_default();
        Nslookup { name, server: explicit.or_else(|| words.get(1).cloned()), kind, gnu, asked: None }
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        if self.name.is_empty() {
            ctx.eprint(
                "BusyBox v1.36.1 multi-call binary.\n\nUsage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]\n",
            );
            return ctx.exit(1);
        }
        let conf = ResolvConf::read(ctx);
        let server = self.server.as_ref().and_then(|s| s.parse().ok()).or(conf.server);
        let Some(server) = server else {
            ctx.eprint("nslookup: can't resolve '(null)': Name does not resolve\n");
            return ctx.exit(1);
        };
        let mut left = conf.candidates(&self.name);
        if let Ok(ip) = self.name.parse::<Ipv4Addr>() {
            let mut parts = ip.octets();
            parts.reverse();
            let parts: Vec<String> = parts.iter().map(u8::to_string).collect();
            left = vec![format!("{}.in-addr.arpa", parts.join("."))];
            self.kind = PTR;
        }
        let fd = ctx.fd();
        ctx.net(NetOp::Bind { fd, port: 0 });
        self.asked = Some(Asked { fd, server, left, id: 0, until: ctx.now, tries: 0, missing: Vec::new() });
        self.ask(ctx);
    }

    fn ask(&mut self, ctx: &mut Ctx<'_>) {
        let Some(asked) = self.asked.as_mut() else { return };
        let Some(name) = asked.left.first() else { return };
        asked.id = u16::try_from(ctx.rng.below(65_536)).unwrap_or(0);
        asked.until = ctx.now + Span::secs(5);
        let bytes = Message::query(asked.id, name, self.kind).encode();
        ctx.net(NetOp::SendTo { fd: asked.fd, to: SocketAddrV4::new(asked.server, 53), bytes });
    }

    fn answered(&mut self, answer: &Message, ctx: &mut Ctx<'_>) {
        let Some(asked) = self.asked.as_mut() else { return };
        let name = asked.left.remove(0);
        if answer.answers.is_empty() {
            asked.missing.push(name);
            if asked.left.is_empty() {
                return self.not_found(ctx);
            }
            asked.tries = 0;
            return self.ask(ctx);
        }
        let server = asked.server;
        let mut text = if self.gnu {
            format!("Server:\t\t{server}\nAddress:\t{server}#53\n\n")
        } else {
            format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n")
        };
        for record in &answer.answers {
            text += &match &record.data {
                Data::A(ip) => format!("Name:\t{}\nAddress: {ip}\n", record.name),
                Data::Name(true, name) if self.gnu => format!("{}\tname = {name}.\n", record.name),
                Data::Name(true, name) => format!("{}\tname = {name}\n", record.name),
                Data::Name(false, name) => format!("{}\tcanonical name = {name}\n", record.name),
                Data::Srv(target, port) => format!("{}\tservice = 0 100 {port} {target}\n", record.name),
            };
        }
        ctx.print(text + "\n");
        ctx.exit(0);
    }

    fn not_found(&mut self, ctx: &mut Ctx<'_>) {
        let Some(asked) = &self.asked else { return };
        let server = asked.server;
        let text = if self.gnu {
            format!("Server:\t\t{server}\nAddress:\t{server}#53\n\n** server can't find {}: NXDOMAIN\n\n", self.name)
        } else {
            let shown: Vec<&String> = asked.missing.iter().collect();
            let lines: String = shown.iter().map(|n| format!("** server can't find {n}: NXDOMAIN\n\n")).collect();
            format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n{lines}")
        };
        ctx.print(text);
        ctx.exit(1);
    }

    fn again(&mut self, ctx: &mut Ctx<'_>) {
        let Some(asked) = self.asked.as_mut() else { return };
        asked.tries += 1;
        if asked.tries < 3 {
            return self.ask(ctx);
        }
        let words = ";; connection timed out; no servers could be reached\n\n";
        ctx.print(words);
        ctx.exit(1);
    }
}

impl Program for Nslookup {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        let own = self.asked.as_ref().map(|a| (a.fd, a.id));
        match input {
            Input::Start => self.start(ctx),
            Input::Net(NetEvent::Datagram { fd, bytes, .. }) => {
                if let Some(answer) = Message::decode(&bytes).filter(|m| m.response && own == Some((fd, m.id))) {
                    self.answered(&answer, ctx);
                }
            }
            Input::Net(NetEvent::Failed { fd, .. }) if own.is_some_and(|(own, _)| own == fd) => self.again(ctx),
            Input::Timer if self.asked.as_ref().is_some_and(|a| a.until <= ctx.now) => self.again(ctx),
            Input::Signal(signal) => ctx.exit(128 + signal),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        self.asked.as_ref().map(|a| a.until)
    }
}
