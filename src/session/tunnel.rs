//! Connections of the terminal's shell through the ports that `kubectl port-forward` lets through.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::api::http::{Chunk, HttpResponse, StreamInput};
use crate::cluster::Cluster;
use crate::kubectl::Forward;
use crate::session::terminal::JobId;
use crate::sim::{EventId, VecMap};
use crate::workload::{Fd, Input, NetError, NetEvent, NetOp};

/// The number of the first connection of a line; its own requests have lower ones.
const FIRST_CALL: u64 = 1 << 32;

/// The open connections of a line, by the number of their request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tunnels(VecMap<u64, Fd>);

impl Tunnels {
    /// Does something with a socket; what the shell hears of it at once. `ports` are those that are let through.
    pub fn take(
        &mut self,
        cluster: &mut Cluster,
        job: JobId,
        op: NetOp,
        ports: &[Forward],
        cause: Option<EventId>,
    ) -> Option<Input> {
        match op {
            NetOp::Connect { fd, to } => {
                let forward = ports.iter().rev().find(|forward| to.ip().is_loopback() && forward.local == to.port());
                let Some(forward) = forward else {
                    let error = if to.ip().is_loopback() { NetError::Refused } else { NetError::NetUnreachable };
                    return Some(Input::Net(NetEvent::Failed { fd, error }));
                };
                let call = FIRST_CALL + u64::from(fd.0);
                self.0.insert(call, fd);
                cluster.http(job, call, forward.request.clone(), cause);
                None
            }
            NetOp::Send { fd, bytes } => {
                let call = self.call(fd)?;
                cluster.stream_input(job, call, StreamInput::Stdin(bytes), cause);
                None
            }
            NetOp::Close { fd } => {
                let call = self.call(fd)?;
                self.0.remove(&call);
                cluster.cancel(job, call, cause);
                None
            }
            // A name that is not in the hosts file: there is nobody to ask.
            NetOp::SendTo { fd, .. } => Some(Input::Net(NetEvent::Failed { fd, error: NetError::Refused })),
            _ => None,
        }
    }

    /// Whether a call is a connection.
    pub fn is_call(call: u64) -> bool {
        call >= FIRST_CALL
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn call(&self, fd: Fd) -> Option<u64> {
        self.0.iter().find(|(_, of)| **of == fd).map(|(call, _)| *call)
    }

    /// What the shell hears of an answer.
    pub fn answered(&mut self, call: u64, response: &HttpResponse) -> Option<Input> {
        let fd = *self.0.get(&call)?;
        Some(Input::Net(match response.streams {
            true => NetEvent::Connected { fd, local: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 50_000) },
            false => {
                self.0.remove(&call);
                NetEvent::Failed { fd, error: NetError::Reset }
            }
        }))
    }

    /// What the shell hears of a piece of a stream; a text is for who lets the port through.
    pub fn chunk(&mut self, call: u64, chunk: Chunk) -> (Option<Input>, Option<String>) {
        let Some(fd) = self.0.get(&call).copied() else { return (None, None) };
        match chunk {
            Chunk::Stdout(bytes) => (Some(Input::Net(NetEvent::Data { fd, bytes })), None),
            Chunk::Stderr(bytes) => (None, Some(String::from_utf8_lossy(&bytes).into_owned())),
            Chunk::End => {
                self.0.remove(&call);
                (Some(Input::Net(NetEvent::Ended { fd })), None)
            }
            Chunk::Exit(_) | Chunk::Event(_) => (None, None),
        }
    }
}
