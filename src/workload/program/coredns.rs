//! The cluster's DNS server. Models CoreDNS with the plugins `kubernetes`, `hosts`, `forward`, `log` and `reload` as far as they
//! can be seen.
//!
//! Differs: names outside of the cluster do not exist; there is no TCP and no metrics port.

use std::sync::Arc;

use sha2::{Digest as _, Sha512};

use crate::sim::{Span, Time};
use crate::workload::dns::{A, Data, Message, NXDOMAIN, REFUSED, Record, SERVFAIL, Zone};
use crate::workload::http::{Arrived, Connections, Response};
use crate::workload::process::Program;
use crate::workload::{Ctx, Effect, Fd, Input, NetEvent, NetOp};

pub mod corefile;

use corefile::{Corefile, OF_KUBEADM, Server};

/// The CPU time of a query.
const QUERY: Span = Span::micros(80);

/// How often the file is looked at, without the random part of upstream's.
const RELOAD: Span = Span::secs(30);

/// Where the file is if nothing is said.
const FILE: &str = "/etc/coredns/Corefile";

/// The server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CoreDns {
    file: String,
    text: Arc<[u8]>,
    config: Corefile,
    look: Option<Time>,
    zone: Arc<Zone>,
    socket: Option<Fd>,
    health: Vec<Fd>,
    connections: Connections,
}

impl CoreDns {
    /// A server with its arguments.
    pub fn new(args: &[&str]) -> CoreDns {
        let given = args.iter().position(|arg| arg.trim_start_matches('-') == "conf").and_then(|at| args.get(at + 1));
        CoreDns {
            file: given.map_or_else(|| FILE.to_owned(), |file| (*file).to_owned()),
            text: Arc::default(),
            config: Corefile::default(),
            look: None,
            zone: Arc::default(),
            socket: None,
            health: Vec::new(),
            connections: Connections::default(),
        }
    }

    /// Takes a text of the file.
    fn parse(&mut self, text: Arc<[u8]>) -> Result<Corefile, String> {
        self.text = text;
        Corefile::parse(&self.file, &String::from_utf8_lossy(&self.text))
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        // A file that is not there is kubeadm's.
        let text = ctx.fs.read(&self.file).unwrap_or_else(|_| OF_KUBEADM.as_bytes().into());
        self.config = match self.parse(text) {
            Ok(config) => config,
            Err(words) => {
                ctx.print(format!("{words}\n"));
                return ctx.exit(1);
            }
        };
        let fd = ctx.fd();
        self.socket = Some(fd);
        ctx.net(NetOp::Bind { fd, port: 53 });
        // `health` and `ready`.
        for port in [8080, 8181] {
            let fd = ctx.fd();
            self.health.push(fd);
            ctx.net(NetOp::Listen { fd, port });
        }
        ctx.push(Effect::Usage { cpu_millis: 2, memory: 14_000_000 });
        let (zones, running) = (self.config.banner(), self.running());
        ctx.print(format!("{zones}{running}CoreDNS-1.12.1\nlinux/amd64, go1.24.1, 707c7c1\n"));
        self.look = self.config.reloads().then(|| ctx.now + RELOAD);
    }

    fn running(&self) -> String {
        let sum: String = Sha512::digest(&self.text).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("[INFO] plugin/reload: Running configuration SHA512 = {sum}\n")
    }

    /// The file may have changed; a wrong one is told of once and the old one stays.
    fn look_again(&mut self, ctx: &mut Ctx<'_>) {
        self.look = Some(ctx.now + RELOAD);
        let text = ctx.fs.read(&self.file).unwrap_or_default();
        if text == self.text || text.is_empty() {
            return;
        }
        ctx.print("[INFO] Reloading\n");
        match self.parse(text) {
            Ok(config) => {
                self.look = config.reloads().then(|| ctx.now + RELOAD);
                self.config = config;
                let running = self.running();
                ctx.print(format!("{running}[INFO] Reloading complete\n"));
            }
            Err(words) => ctx.print(format!(
                "[ERROR] Restart failed: {words}\n[ERROR] plugin/reload: Corefile changed but reload failed: starting with listener file descriptors: {words}\n"
            )),
        }
    }

    fn answer(&self, query: &Message, server: Option<&Server>) -> Message {
        let name = query.name.to_ascii_lowercase();
        let empty = |code| Message { response: true, answers: Vec::new(), code, ..query.clone() };
        let Some(server) = server else { return empty(REFUSED) };
        if let Some(hosts) = &server.hosts {
            let found = hosts.of(&name);
            if !found.is_empty() {
                let record = |ip| Record { name: name.clone(), data: Data::A(ip) };
                let answers = found.into_iter().filter(|_| query.kind == A).map(record).collect();
                return Message { answers, ..empty(0) };
            }
            if !hosts.falls_through {
                return empty(NXDOMAIN);
            }
        }
        let mut answer = self.zone.answer(query);
        match (server.asks_kubernetes(&name) && self.zone.owns(&name), server.forward) {
            (true, _) => answer,
            (false, true) => {
                answer.code = if answer.answers.is_empty() || self.zone.owns(&name) { NXDOMAIN } else { 0 };
                if answer.code == NXDOMAIN {
                    answer.answers.clear();
                }
                answer
            }
            (false, false) => empty(SERVFAIL),
        }
    }
}

impl Program for CoreDns {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Timer if self.look.is_some_and(|at| at <= ctx.now) => self.look_again(ctx),
            Input::DnsRecords(zone) => self.zone = zone,
            Input::Net(NetEvent::Datagram { fd, from, bytes }) if Some(fd) == self.socket => {
                let Some(query) = Message::decode(&bytes).filter(|m| !m.response) else { return };
                ctx.compute(QUERY);
                let server = self.config.server(&query.name.to_ascii_lowercase());
                let answer = self.answer(&query, server);
                let wire = answer.encode();
                if server.is_some_and(|server| server.log) {
                    let (kind, code) = (kind_name(query.kind), code_name(answer.code));
                    let aa = if self.zone.owns(&query.name) { ",aa" } else { "" };
                    ctx.print(format!(
                        "[INFO] {from} - {} \"{kind} IN {}. udp {} false 512\" {code} qr{aa},rd {} {}s\n",
                        query.id,
                        query.name,
                        bytes.len(),
                        wire.len(),
                        seconds(QUERY),
                    ));
                }
                ctx.net(NetOp::SendTo { fd, to: from, bytes: wire });
            }
            Input::Net(event) => {
                for arrived in self.connections.handle(&event, &self.health) {
                    match arrived {
                        Arrived::Request(fd, _, request) => {
                            self.connections.respond(fd, &request, &Response::text(200, "OK"), ctx);
                        }
                        Arrived::Bad(fd) | Arrived::Close(fd) => ctx.net(NetOp::Close { fd }),
                    }
                }
            }
            Input::Signal(_) => {
                ctx.print("[INFO] SIGTERM: Shutting down servers then terminating\n");
                ctx.exit(0);
            }
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        self.look
    }
}

/// `0.00008`: with as many digits as it takes.
fn seconds(span: Span) -> String {
    let text = format!("{}.{:09}", span.0 / 1_000_000_000, span.0 % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn kind_name(kind: u16) -> String {
    use crate::workload::dns::{AAAA, CNAME, PTR, SRV};
    match kind {
        A => "A".into(),
        AAAA => "AAAA".into(),
        CNAME => "CNAME".into(),
        PTR => "PTR".into(),
        SRV => "SRV".into(),
        other => format!("TYPE{other}"),
    }
}

fn code_name(code: u8) -> &'static str {
    match code {
        0 => "NOERROR",
        NXDOMAIN => "NXDOMAIN",
        REFUSED => "REFUSED",
        _ => "SERVFAIL",
    }
}
