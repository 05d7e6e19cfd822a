//! Tools whose answer only the system knows: `ip`, `iptables-save`, `crictl`, … The command line goes out as a query and
//! the answer comes back as text.

use crate::workload::process::Program;
use crate::workload::{Ctx, Effect, Input, Spec};

/// The tools.
pub const TOOLS: &[&str] = &[
    "ip",
    "ifconfig",
    "route",
    "arp",
    "ss",
    "netstat",
    "bridge",
    "brctl",
    "iptables",
    "iptables-save",
    "ipset",
    "ipvsadm",
    "nft",
    "conntrack",
    "sysctl",
    "free",
    "df",
    "mount",
    "nproc",
    "crictl",
    "tracepath",
    "tcpdump",
    "journalctl",
    "systemctl",
    "etcdctl",
    "etcdutl",
    "scp",
];

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct System {
    argv: Vec<String>,
    cwd: String,
    asked: Option<u32>,
}

impl System {
    /// The process that `spec` starts; `busybox` if the tool is busybox's, which the query says by that word before all
    /// others.
    pub fn new(spec: &Spec, busybox: bool) -> System {
        let mut argv = spec.argv.clone();
        argv[0] = argv[0].rsplit('/').next().unwrap_or("").to_owned();
        if busybox {
            argv.insert(0, "busybox".into());
        }
        System { argv, cwd: spec.cwd.clone(), asked: None }
    }
}

impl Program for System {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        match input {
            Input::Start => {
                let id = ctx.ids.take();
                self.asked = Some(id);
                ctx.push(Effect::Query { id, argv: self.argv.clone(), cwd: self.cwd.clone() });
            }
            Input::Answer { id, stdout, stderr, code } if Some(id) == self.asked => {
                if !stdout.is_empty() {
                    ctx.print(stdout);
                }
                if !stderr.is_empty() {
                    ctx.eprint(stderr);
                }
                ctx.exit(code);
            }
            Input::Signal(signal) => ctx.exit(128 + signal),
            _ => {}
        }
    }
}
