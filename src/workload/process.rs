//! Any program that can run.

use crate::sim::{Time, apart};
use crate::workload::program::{
    coredns::CoreDns, forward::Forward, guestbook::Guestbook, hello::Hello, ingress_nginx::IngressNginx,
    metrics_server::MetricsServer, outside::Outside, php_apache::PhpApache, redis::Redis, sleep::Sleep, stress::Stress,
    web::Web,
};
use crate::workload::shell::Shell;
use crate::workload::tool::{
    curl::Curl, dig::Dig, instant::Immediate, nc::Nc, nslookup::Nslookup, ping::Ping, system::System, tcpdump::Tcpdump,
    timeout::Timeout, traceroute::Traceroute, watch::Watch, wget::Wget, xargs::Xargs,
};
use crate::workload::{Ctx, Input};

/// A state machine that runs as a process.
pub trait Program {
    /// Takes one input in.
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>);

    /// When it wants [`Input::Timer`].
    fn wake_at(&self) -> Option<Time> {
        None
    }

    /// The numbers of what it has running outside ([`Effect::Launch`](crate::workload::Effect::Launch)).
    fn launched(&self, _found: &mut Vec<u32>) {}
}

macro_rules! processes {
    ($( $(#[$doc:meta])* $name:ident ),* $(,)?) => {
        /// A running process.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Process { $( $(#[$doc])* $name(Box<$name>), )* }

        $( impl From<$name> for Process {
            fn from(program: $name) -> Process {
                Process::$name(Box::new(program))
            }
        } )*

        impl Program for Process {
            fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
                match self { $( Process::$name(program) => apart(|| program.handle(input, ctx)), )* }
            }

            fn wake_at(&self) -> Option<Time> {
                match self { $( Process::$name(program) => program.wake_at(), )* }
            }

            fn launched(&self, found: &mut Vec<u32>) {
                match self { $( Process::$name(program) => program.launched(found), )* }
            }
        }
    };
}

processes! {
    /// The shell.
    Shell,
    /// Waits.
    Sleep,
    /// Takes memory and computes.
    Stress,
    /// A web server.
    Web,
    /// One that says hello on a port.
    Hello,
    /// Redis.
    Redis,
    /// The guestbook's page.
    Guestbook,
    /// A page that computes.
    PhpApache,
    /// An Ingress controller.
    IngressNginx,
    /// metrics-server.
    MetricsServer,
    /// A DNS server.
    CoreDns,
    /// A tool that needs its standard input at most.
    Immediate,
    /// A tool that only the system can answer.
    System,
    /// `curl`.
    Curl,
    /// `wget`.
    Wget,
    /// `ping`.
    Ping,
    /// `nslookup`.
    Nslookup,
    /// `nc`.
    Nc,
    /// `tcpdump`.
    Tcpdump,
    /// `timeout`.
    Timeout,
    /// `dig`.
    Dig,
    /// `traceroute`.
    Traceroute,
    /// A forwarded connection.
    Forward,
    /// `xargs`.
    Xargs,
    /// `watch`.
    Watch,
    /// A program that the terminal carries out.
    Outside,
}
