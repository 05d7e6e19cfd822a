//! One forwarded connection: what comes in goes to a port of the pod's own loopback, and what comes back goes out. Models
//! `portForward` of containerd (`internal/cri/server/sandbox_portforward_linux.go`) and its kubelet's words around a failure.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::sim::{Span, Time};
use crate::workload::process::Program;
use crate::workload::{Ctx, Fd, Input, NetEvent, NetOp};

/// How long the other end has for the rest when nothing more comes in.
const LINGER: Span = Span::secs(1);

/// A forwarded connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Forward {
    sandbox: Arc<str>,
    port: u16,
    socket: Option<Fd>,
    connected: bool,
    pending: Vec<u8>,
    until: Option<Time>,
}

impl Forward {
    /// A connection to a port in a sandbox.
    pub fn new(sandbox: Arc<str>, port: u16) -> Forward {
        Forward { sandbox, port, socket: None, connected: false, pending: Vec::new(), until: None }
    }

    fn flush(&mut self, ctx: &mut Ctx<'_>) {
        let Some(fd) = self.socket.filter(|_| self.connected && !self.pending.is_empty()) else { return };
        ctx.net(NetOp::Send { fd, bytes: std::mem::take(&mut self.pending) });
    }

    fn event(&mut self, event: NetEvent, ctx: &mut Ctx<'_>) {
        match event {
            NetEvent::Connected { .. } => {
                self.connected = true;
                self.flush(ctx);
            }
            NetEvent::Data { bytes, .. } => ctx.print(bytes),
            NetEvent::Ended { fd } => {
                ctx.net(NetOp::Close { fd });
                ctx.exit(0);
            }
            NetEvent::Failed { error, .. } => {
                let (port, sandbox) = (self.port, &self.sandbox);
                let space = format!("/var/run/netns/cni-{}", sandbox.get(..32).unwrap_or(sandbox));
                let why = error.go();
                ctx.eprint(format!(
                    "error forwarding port {port} to pod {sandbox}, uid : failed to execute portforward in network namespace \
                     {space:?}: failed to connect to localhost:{port} inside namespace {sandbox:?}, IPv4: dial tcp4 \
                     127.0.0.1:{port}: {why} IPv6 dial tcp6 [::1]:{port}: {why} "
                ));
                ctx.exit(1);
            }
            _ => {}
        }
    }
}

impl Program for Forward {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => {
                let fd = ctx.fd();
                self.socket = Some(fd);
                ctx.net(NetOp::Connect { fd, to: SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port) });
            }
            Input::Stdin(bytes) => {
                self.pending.extend_from_slice(&bytes);
                self.flush(ctx);
            }
            Input::StdinEnd => self.until = Some(ctx.now + LINGER),
            Input::Net(event) => self.event(event, ctx),
            Input::Timer if self.until.is_some_and(|until| until <= ctx.now) => ctx.exit(0),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        self.until
    }
}
