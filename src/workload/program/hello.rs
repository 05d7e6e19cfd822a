//! Small servers that say who they are: hello-app, echoserver, agnhost's `netexec` and `serve-hostname`.
//! Models `kubernetes-sigs/../agnhost/netexec`, `registry.k8s.io/echoserver` and Google's `hello-app` as far as they answer.

use std::net::SocketAddrV4;

use crate::sim::Span;
use crate::workload::http::{Arrived, Connections, Request, Response};
use crate::workload::process::Program;
use crate::workload::{Ctx, Effect, Fd, Input, NetEvent, NetOp};

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// `Hello, world!` with its version and host name.
    HelloApp,
    /// What was asked, in words.
    Echo,
    /// agnhost netexec: `/hostname`, `/clientip`, `/echo?msg=`, `/healthz`, `/exit`.
    NetExec,
    /// agnhost serve-hostname: the host name whatever was asked.
    Hostname,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hello {
    style: Style,
    version: String,
    port: u16,
    udp: Option<u16>,
    listener: Option<Fd>,
    datagrams: Option<Fd>,
    connections: Connections,
}

impl Hello {
    /// A server on a TCP port, and perhaps a UDP port.
    pub fn new(style: Style, version: &str, port: u16, udp: Option<u16>) -> Hello {
        Hello {
            style,
            version: if version.is_empty() { "1.0.0".into() } else { version.into() },
            port,
            udp,
            listener: None,
            datagrams: None,
            connections: Connections::default(),
        }
    }

    fn answer(&self, request: &Request, peer: SocketAddrV4, ctx: &mut Ctx<'_>) -> Response {
        let host = &ctx.place.hostname;
        match self.style {
            Style::HelloApp => {
                Response::text(200, format!("Hello, world!\nVersion: {}\nHostname: {host}\n", self.version))
            }
            Style::Hostname => Response::text(200, host),
            Style::Echo => Response::text(200, self.echo(request, peer, ctx)),
            Style::NetExec => match request.path() {
                "/" => Response::text(200, format!("NOW: {}", crate::api::Timestamp(ctx.unix()))),
                "/hostname" | "/hostName" => Response::text(200, host),
                "/clientip" => Response::text(200, peer.to_string()),
                "/echo" => Response::text(200, request.query("msg").unwrap_or_default()),
                "/healthz" => Response::text(200, ""),
                "/header" => {
                    let name = request.query("key").unwrap_or_default();
                    Response::text(200, request.header(&name).unwrap_or(""))
                }
                "/exit" => {
                    let code = request.query("code").and_then(|c| c.parse().ok()).unwrap_or(0);
                    ctx.exit(code);
                    Response::text(200, "")
                }
                _ => Response::text(404, "404 page not found\n"),
            },
        }
    }

    fn echo(&self, request: &Request, peer: SocketAddrV4, ctx: &Ctx<'_>) -> String {
        let headers: String = request.headers.iter().map(|(n, v)| format!("\t{}={v}\n", n.to_lowercase())).collect();
        let place = ctx.place;
        format!(
            "\n\nHostname: {}\n\nPod Information:\n\tpod name:\t{}\n\tpod namespace:\t{}\n\tpod IP:\t{}\n\nServer values:\n\tserver_version=nginx: 1.14.2 - lua: 10015\n\nRequest Information:\n\tclient_address={}\n\tmethod={}\n\treal path={}\n\tquery={}\n\trequest_version=1.1\n\trequest_scheme=http\n\trequest_uri=http://{}:{}{}\n\nRequest Headers:\n{headers}\nRequest Body:\n\t{}\n",
            place.hostname,
            place.pod,
            place.namespace,
            place.ip.map(|ip| ip.to_string()).unwrap_or_default(),
            peer.ip(),
            request.method,
            request.target,
            request.target.split_once('?').map_or("", |(_, q)| q),
            request.header("host").unwrap_or(""),
            self.port,
            request.target,
            if request.body.is_empty() {
                "-no body in request-".into()
            } else {
                String::from_utf8_lossy(&request.body)
            },
        )
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        let fd = ctx.fd();
        self.listener = Some(fd);
        ctx.net(NetOp::Listen { fd, port: self.port });
        if let Some(port) = self.udp {
            let fd = ctx.fd();
            self.datagrams = Some(fd);
            ctx.net(NetOp::Bind { fd, port });
        }
        ctx.push(Effect::Usage { cpu_millis: 0, memory: 8_000_000 });
        let at = crate::api::Timestamp(ctx.unix()).to_string().replace('-', "/").replace('T', " ");
        let at = at.trim_end_matches('Z');
        match self.style {
            Style::HelloApp => ctx.eprint(format!("{at} Server listening on port {}\n", self.port)),
            Style::NetExec => ctx.eprint(format!(
                "I0101 00:00:00.000000       1 log.go:245] Started HTTP server on port {}\nI0101 00:00:00.000000       1 log.go:245] Started UDP server on port  {}\n",
                self.port,
                self.udp.unwrap_or(0)
            )),
            _ => {}
        }
    }
}

impl Program for Hello {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Signal(_) => ctx.exit(if self.style == Style::HelloApp { 2 } else { 0 }),
            Input::Net(NetEvent::Failed { fd, .. }) if Some(fd) == self.listener => {
                ctx.eprint(format!("listen tcp :{}: bind: address already in use\n", self.port));
                ctx.exit(1);
            }
            Input::Net(NetEvent::Datagram { fd, from, bytes }) if Some(fd) == self.datagrams => {
                let text = String::from_utf8_lossy(&bytes).trim().to_owned();
                let answer = match text.split_once(' ').unwrap_or((&text, "")) {
                    ("hostname" | "hostName", _) => ctx.place.hostname.clone(),
                    ("echo", words) => words.to_owned(),
                    ("clientip", _) => from.to_string(),
                    _ => return,
                };
                ctx.net(NetOp::SendTo { fd, to: from, bytes: answer.into_bytes() });
            }
            Input::Net(event) => {
                let listeners: Vec<Fd> = self.listener.into_iter().collect();
                for arrived in self.connections.handle(&event, &listeners) {
                    match arrived {
                        Arrived::Request(fd, peer, request) => {
                            if self.style == Style::HelloApp {
                                let at = crate::api::Timestamp(ctx.unix()).to_string();
                                ctx.eprint(format!("{at} Serving request: {}\n", request.path()));
                            }
                            let response = self.answer(&request, peer, ctx);
                            ctx.compute(Span::micros(100));
                            self.connections.respond(fd, &request, &response, ctx);
                        }
                        Arrived::Bad(fd) | Arrived::Close(fd) => ctx.net(NetOp::Close { fd }),
                    }
                }
            }
            _ => {}
        }
    }
}
