//! metrics-server as a process: its health on its port. What it scrapes and answers is
//! [`crate::control::metrics_server`], as CoreDNS's watches are the cluster's.
//!
//! Models `sigs.k8s.io/metrics-server/cmd/metrics-server` and its `readyz` check `metric-storage-ready`. Differs: TLS is not
//! there.

use crate::workload::http::{Arrived, Connections, Response};
use crate::workload::process::Program;
use crate::workload::{Ctx, Effect, Fd, Input, NetEvent, NetOp};

/// The server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetricsServer {
    port: u16,
    ready: bool,
    listener: Option<Fd>,
    connections: Connections,
}

impl MetricsServer {
    /// With these arguments.
    pub fn new(args: &[&str]) -> MetricsServer {
        let port = args.iter().find_map(|arg| arg.strip_prefix("--secure-port=")?.parse().ok()).unwrap_or(443);
        MetricsServer { port, ready: false, listener: None, connections: Connections::default() }
    }

    fn answer(&self, path: &str) -> Response {
        match path {
            "/readyz" if !self.ready => {
                let words = "[+]ping ok\n[-]metric-storage-ready failed: reason withheld\nreadyz check failed\n";
                Response::text(500, words)
            }
            "/livez" | "/readyz" | "/healthz" => Response::text(200, "ok"),
            _ => Response::text(403, "Forbidden\n"),
        }
    }
}

impl Program for MetricsServer {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => {
                let fd = ctx.fd();
                self.listener = Some(fd);
                ctx.net(NetOp::Listen { fd, port: self.port });
                ctx.push(Effect::Usage { cpu_millis: 3, memory: 19_800_000 });
                ctx.eprint(format!("Serving securely on [::]:{}\n", self.port));
            }
            Input::MetricsReady(ready) => self.ready = ready,
            Input::Signal(_) => ctx.exit(0),
            Input::Net(NetEvent::Failed { fd, .. }) if Some(fd) == self.listener => {
                let port = self.port;
                ctx.eprint(format!("failed to listen on 0.0.0.0:{port}: bind: address already in use\n"));
                ctx.exit(1);
            }
            Input::Net(event) => {
                let listeners: Vec<Fd> = self.listener.into_iter().collect();
                for arrived in self.connections.handle(&event, &listeners) {
                    match arrived {
                        Arrived::Request(fd, _, request) => {
                            let response = self.answer(request.path());
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
