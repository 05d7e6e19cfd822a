//! The cluster's DNS server. Models CoreDNS with the plugins `kubernetes`, `forward` and `cache` as far as they can be seen.
//!
//! Differs: names outside of the cluster do not exist; there is no TCP, no health and no metrics port.

use std::sync::Arc;

use crate::sim::Span;
use crate::workload::dns::{Message, NXDOMAIN, Zone};
use crate::workload::http::{Arrived, Connections, Response};
use crate::workload::process::Program;
use crate::workload::{Ctx, Effect, Fd, Input, NetEvent, NetOp};

/// The CPU time of a query.
const QUERY: Span = Span::micros(80);

/// The server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CoreDns {
    zone: Arc<Zone>,
    socket: Option<Fd>,
    health: Vec<Fd>,
    connections: Connections,
}

impl Program for CoreDns {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => {
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
                ctx.print(".:53\n[INFO] plugin/reload: Running configuration SHA512 = simulated\nCoreDNS-1.12.1\nlinux/amd64, go1.24.1, 707c7c1\n");
            }
            Input::DnsRecords(zone) => self.zone = zone,
            Input::Net(NetEvent::Datagram { fd, from, bytes }) if Some(fd) == self.socket => {
                let Some(query) = Message::decode(&bytes).filter(|m| !m.response) else { return };
                ctx.compute(QUERY);
                let mut answer = self.zone.answer(&query);
                if !self.zone.owns(&query.name) && !answer.answers.is_empty() {
                    answer.code = 0;
                } else if !self.zone.owns(&query.name) {
                    answer.code = NXDOMAIN;
                }
                ctx.net(NetOp::SendTo { fd, to: from, bytes: answer.encode() });
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
}
