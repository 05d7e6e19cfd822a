//! The programs of simulated images, and the shell that runs in containers and on nodes.
//!
//! A program is a state machine: [`Process::handle`] takes one [`Input`] in and pushes [`Effect`]s; it knows no clock and
//! no network but what its [`Ctx`] gives it. Whoever runs it (the container runtime, the shell, a node's console) carries
//! the effects out. Sockets and queries are named by numbers that are unique in one process tree, so an event of a
//! descriptor that a program does not know is not its own and is ignored: a shell hands events to all its children.
//!
//! Adding a program: one file in `program/` or `tool/` and one line in [`registry`].

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::sim::{Rng, Span, Time, VecMap};

pub mod archive;
pub mod dns;
pub mod fs;
pub mod http;
pub mod image;
pub mod ingress;
pub mod process;
pub mod program;
pub mod registry;
pub mod resolver;
pub mod shell;
pub mod socket;
pub mod tls;
pub mod tool;

#[cfg(test)]
pub mod bench;
#[cfg(test)]
mod tests;

pub use fs::{File, Fs};
pub use image::{Family, ImageInfo};
pub use process::{Process, Program};
pub use socket::{Fd, NetError, NetEvent, NetOp};

/// SIGHUP.
pub const SIGHUP: u8 = 1;
/// SIGINT.
pub const SIGINT: u8 = 2;
/// SIGQUIT.
pub const SIGQUIT: u8 = 3;
/// SIGKILL: whoever runs a process ends it, the process is not asked.
pub const SIGKILL: u8 = 9;
/// SIGWINCH: the terminal has another size.
pub const SIGWINCH: u8 = 28;
/// SIGTERM.
pub const SIGTERM: u8 = 15;

/// What a process is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Spec {
    /// The command and its arguments; never empty.
    pub argv: Vec<String>,
    /// The environment.
    pub env: VecMap<String, String>,
    /// The working directory.
    pub cwd: String,
}

/// Where a process runs: what is the same for all processes of a container or of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// The image, as the pod names it; empty on a node.
    pub image: Arc<str>,
    /// What kind of image it is; decides which tools there are.
    pub family: Family,
    /// The host name.
    pub hostname: String,
    /// The address; `None` before the network is up.
    pub ip: Option<Ipv4Addr>,
    /// The name of the pod; of the node on a node.
    pub pod: Arc<str>,
    /// The namespace of the pod; empty on a node.
    pub namespace: Arc<str>,
    /// The TCP and UDP ports that the container declares.
    pub tcp_ports: Vec<u16>,
    /// The UDP ports that the container declares.
    pub udp_ports: Vec<u16>,
    /// Seconds since the Unix epoch at virtual time zero.
    pub epoch: i64,
}

impl Place {
    /// Whether the tools are those of GNU and the shell is dash, as in images that are made of Debian; else they are busybox's.
    pub fn has_gnu_tools(&self) -> bool {
        let of_debian = matches!(
            self.family,
            Family::Node
                | Family::Terminal
                | Family::Debian
                | Family::Nginx
                | Family::Httpd
                | Family::Tomcat
                | Family::Redis
                | Family::RedisFollower
                | Family::Guestbook
                | Family::HpaExample
                | Family::Generic
        );
        of_debian && !self.image.contains("alpine")
    }
}

/// One line of the process table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcInfo {
    /// Its number.
    pub pid: u32,
    /// When it started.
    pub started: Time,
    /// Its command line.
    pub command: String,
}

/// Numbers that are unique in one process tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ids(pub u32);

impl Ids {
    /// The next one; the first is 3, as after the three standard descriptors.
    pub fn take(&mut self) -> u32 {
        self.0 += 1;
        self.0 + 2
    }
}

/// What a process sees while it handles an input.
pub struct Ctx<'a> {
    /// The time.
    pub now: Time,
    /// The files of the container.
    pub fs: &'a mut Fs,
    /// Randomness.
    pub rng: &'a mut Rng,
    /// Descriptors and query numbers.
    pub ids: &'a mut Ids,
    /// Where it runs.
    pub place: &'a Place,
    /// The process table of the container, as of this input.
    pub procs: &'a [ProcInfo],
    /// What it wants done.
    pub out: &'a mut Vec<Effect>,
}

impl Ctx<'_> {
    /// A new socket's descriptor.
    pub fn fd(&mut self) -> Fd {
        Fd(self.ids.take())
    }

    /// Pushes an effect.
    pub fn push(&mut self, effect: Effect) {
        self.out.push(effect);
    }

    /// Writes to standard output.
    pub fn print(&mut self, text: impl AsRef<[u8]>) {
        self.out.push(Effect::Stdout(text.as_ref().to_vec()));
    }

    /// Writes to standard error.
    pub fn eprint(&mut self, text: impl AsRef<[u8]>) {
        self.out.push(Effect::Stderr(text.as_ref().to_vec()));
    }

    /// Ends the process.
    pub fn exit(&mut self, code: u8) {
        self.out.push(Effect::Exit(code));
    }

    /// Does something with a socket.
    pub fn net(&mut self, op: NetOp) {
        self.out.push(Effect::Net(op));
    }

    /// Computes for so long, in CPU time, and does not wait for it.
    pub fn compute(&mut self, cost: Span) {
        self.out.push(Effect::Compute { cost, then: None });
    }

    /// The calendar time in seconds since the Unix epoch.
    pub fn unix(&self) -> i64 {
        self.place.epoch + i64::try_from(self.now.as_secs()).unwrap_or(i64::MAX)
    }

    /// The same context with another place for effects.
    pub fn with_out<'b>(&'b mut self, out: &'b mut Vec<Effect>) -> Ctx<'b> {
        Ctx {
            now: self.now,
            fs: &mut *self.fs,
            rng: &mut *self.rng,
            ids: &mut *self.ids,
            place: self.place,
            procs: self.procs,
            out,
        }
    }
}

/// What reaches a process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// It begins.
    Start,
    /// Something happened on a socket.
    Net(NetEvent),
    /// The time that `wake_at` named has come; may come early or for another process of the tree.
    Timer,
    /// A signal other than SIGKILL.
    Signal(u8),
    /// Bytes on standard input.
    Stdin(Vec<u8>),
    /// Standard input is at its end.
    StdinEnd,
    /// The answer to a query.
    Answer {
        /// The query's number.
        id: u32,
        /// What it prints.
        stdout: String,
        /// What it prints to standard error.
        stderr: String,
        /// The exit code.
        code: u8,
    },
    /// What was to be computed is ([`Effect::Compute`]).
    Computed(u32),
    /// The DNS records that a DNS server is to answer from.
    DnsRecords(Arc<dns::Zone>),
    /// Where an Ingress controller is to pass requests on to.
    IngressRoutes(Arc<ingress::Routes>),
    /// Whether a metrics-server has anything to tell.
    MetricsReady(bool),
    /// What runs outside printed something ([`Effect::Launch`]).
    Printed {
        /// Its number.
        id: u32,
        /// Whether it went to standard error.
        is_error: bool,
        /// What.
        text: String,
    },
    /// What ran outside is over.
    Ended {
        /// Its number.
        id: u32,
        /// The exit code.
        code: u8,
    },
}

/// What a process wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Something with a socket.
    Net(NetOp),
    /// Bytes on standard output.
    Stdout(Vec<u8>),
    /// Bytes on standard error.
    Stderr(Vec<u8>),
    /// The process is over; nothing follows.
    Exit(u8),
    /// The system is asked for something that only it knows: `ip`, `iptables-save`, `crictl`, …; the whole command line.
    Query {
        /// Its number.
        id: u32,
        /// The tool and its arguments.
        argv: Vec<String>,
        /// The directory in which it runs.
        cwd: String,
    },
    /// A program is to be run outside; only the terminal's shell has such. It is ended when its process is gone.
    Launch {
        /// Its number.
        id: u32,
        /// The command line, the environment and the directory.
        spec: Spec,
        /// What it reads; `None` at the terminal.
        stdin: Option<Vec<u8>>,
    },
    /// A signal to another process of the container.
    Kill {
        /// Which.
        pid: u32,
        /// The signal.
        signal: u8,
    },
    /// It computes for so long, in CPU time; with a number, [`Input::Computed`] tells when that is done.
    Compute {
        /// CPU time.
        cost: Span,
        /// The number.
        then: Option<u32>,
    },
    /// From now on it uses so much.
    Usage {
        /// Thousandths of a core.
        cpu_millis: u32,
        /// Bytes.
        memory: u64,
    },
    /// It asked for more memory than there may be: whoever runs it kills it.
    OutOfMemory,
}
