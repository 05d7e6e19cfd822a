//! `ipset`, `ipvsadm`, `nft`, `conntrack` and `ss`, as far as they look.

use std::net::Ipv4Addr;

use crate::cluster::Cluster;
use crate::cluster::clients::actor_of;
use crate::cluster::event::{Actor, NodeIx};
use crate::cluster::query::Printed;
use crate::net::conntrack::Connection;
use crate::net::host::Netns;
use crate::net::ipvs::VirtualAt;
use crate::net::packet::{TCP, UDP};
use crate::net::show::{self, Choice, Wanted};
use crate::net::socket::Socket;

impl Cluster {
    pub(super) fn ss(&self, ix: Option<NodeIx>, ns: &Netns, words: &[&str]) -> Printed {
        let mut wanted = Wanted::default();
        let (options, rest) = words.split_at(words.iter().take_while(|word| word.starts_with('-')).count());
        let letters = |word: &&str| match *word {
            "--tcp" => "t".to_owned(),
            "--udp" => "u".into(),
            "--listening" => "l".into(),
            "--all" => "a".into(),
            "--processes" => "p".into(),
            "--numeric" | "--ipv4" => "n".into(),
            "--no-header" => "H".into(),
            "--summary" => "s".into(),
            word => word.trim_start_matches('-').to_owned(),
        };
        for letter in options.iter().map(letters).collect::<String>().chars() {
            match letter {
                's' => return Printed::ok(show::ss_summary(ns)),
                't' => wanted.tcp = true,
                'u' => wanted.udp = true,
                'l' => wanted.listening = true,
                'a' => wanted.all = true,
                'p' => wanted.processes = true,
                'H' => wanted.bare = true,
                'n' | '4' | 'e' | 'o' | 'r' => {}
                other => return Printed::failed(format!("ss: -{other} is not simulated\n"), 255),
            }
        }
        match Choice::read(rest) {
            Ok(choice) => Printed::ok(show::ss(ns, wanted, &choice, |socket| self.process_of(ix, socket))),
            Err(why) => Printed::failed(why, 255),
        }
    }

    /// The process of a socket, as `ss -p` names it; of a daemon of the node there is no number to tell.
    fn process_of(&self, ix: Option<NodeIx>, socket: &Socket) -> Option<String> {
        match actor_of(u32::try_from(socket.owner.0).ok()?) {
            Actor::ApiServer(_) => Some("users:((\"kube-apiserver\"))".into()),
            Actor::Kubelet(_) => Some("users:((\"kubelet\"))".into()),
            Actor::KubeProxy(_) => Some("users:((\"kube-proxy\"))".into()),
            Actor::Flanneld(_) => Some("users:((\"flanneld\"))".into()),
            _ => self.pid_of(ix, socket).map(|(name, pid, fd)| format!("users:((\"{name}\",pid={pid},fd={fd}))")),
        }
    }

    /// The name and number of the process that has a socket, and its descriptor, where there is a process.
    fn pid_of(&self, ix: Option<NodeIx>, socket: &Socket) -> Option<(String, u32, u32)> {
        match actor_of(u32::try_from(socket.owner.0).ok()?) {
            Actor::Runtime(_) => self.host(ix?)?.runtime.process_of_socket(socket.token),
            Actor::Machine(at) => self.machine(at)?.runtime.process_of_socket(socket.token),
            _ => None,
        }
    }

    /// The process of a socket, as `netstat -p` names it.
    pub(super) fn program_of(&self, ix: Option<NodeIx>, socket: &Socket) -> Option<String> {
        let (name, pid, _) = self.pid_of(ix, socket)?;
        // nginx writes over its command line, which is what is read here.
        let name = if name == "nginx" { "nginx: master process" } else { &name };
        Some(format!("{pid}/{name}").chars().take(19).collect())
    }
}

/// `ipset list [NAME]`, `ipset -L`, `ipset list -n`.
pub(super) fn ipset(ns: &Netns, words: &[&str]) -> Printed {
    let (verb, rest) = words.split_first().map_or(("", &[][..]), |(verb, rest)| (*verb, rest));
    if !matches!(verb, "list" | "-L" | "--list" | "-n" | "--name") {
        let why = if verb.is_empty() {
            "No command specified.".to_owned()
        } else {
            format!("{verb} is not simulated; list is")
        };
        return Printed::failed(format!("ipset v7.19: {why}\nTry `ipset help' for more information.\n"), 1);
    }
    let names = words.iter().any(|word| matches!(*word, "-n" | "-name" | "--name"));
    match show::ipset(ns, rest.iter().find(|word| !word.starts_with('-')).copied(), names) {
        Some(text) => Printed::ok(text),
        None => Printed::failed("ipset v7.19: The set with the given name does not exist\n".into(), 1),
    }
}

/// `ipvsadm -L [-n] [-c | --stats] [-t ADDRESS | -u ADDRESS]`, also as one word (`-Ln`). Without an option it lists, as `-L`
/// does.
pub(super) fn ipvsadm(ns: &Netns, words: &[&str], now: crate::sim::Time) -> Printed {
    let (mut connections, mut stats, mut only) = (false, false, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "-t" | "--tcp-service" | "-u" | "--udp-service" => {
                let proto = if word.contains('t') { TCP } else { UDP };
                let at = words.next().and_then(|at| at.parse().ok());
                let known = at.map(|at| VirtualAt { proto, at }).filter(|at| ns.ipvs().service(*at).is_some());
                let Some(at) = known else { return Printed::failed("No such service\n".into(), 255) };
                only = Some(at);
            }
            "--stats" => stats = true,
            "--connection" => connections = true,
            "--list" | "--numeric" | "--sort" | "--nosort" | "--exact" => {}
            short if short.starts_with('-') && !short.starts_with("--") => {
                for letter in short.chars().skip(1) {
                    match letter {
                        'c' => connections = true,
                        'L' | 'l' | 'n' => {}
                        other => {
                            return Printed::failed(format!("ipvsadm: -{other} is not simulated; -L is\n"), 2);
                        }
                    }
                }
            }
            other => return Printed::failed(format!("ipvsadm: {other} is not simulated; -L is\n"), 2),
        }
    }
    Printed::ok(match (connections, stats) {
        (true, _) => show::ipvs_connections(ns, now),
        (false, true) => show::ipvs_stats(ns, only),
        (false, false) => show::ipvs_servers(ns, only, now),
    })
}

/// `nft [-a] list ruleset`, `tables`, `table [ip] TABLE`, `chain|set|map [ip] TABLE NAME`.
pub(super) fn nft(ns: &Netns, words: &[&str], now: crate::sim::Time) -> Printed {
    let asked: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with('-')).collect();
    let words: Vec<&str> = asked.iter().copied().filter(|word| *word != "ip").collect();
    let listed = match words.as_slice() {
        ["list", "ruleset"] => Some(ns.nft().list(now)),
        ["list", "tables"] => Some(ns.nft().list_tables()),
        ["list", "table", table] => ns.nft().list_table(table, now),
        ["list", kind @ ("chain" | "set" | "map"), table, name] => ns.nft().list_one(table, kind, name, now),
        [] => return Printed::failed("Error: syntax error, unexpected end of file\n".into(), 1),
        _ => {
            return Printed::failed(format!("Error: only list is simulated, not \"{}\"\n", words.join(" ")), 1);
        }
    };
    match listed {
        Some(text) => Printed::ok(text),
        None => {
            let (command, name) = (asked.join(" "), words.last().unwrap_or(&""));
            let at = " ".repeat(command.len() - name.len());
            let why = "Error: No such file or directory";
            Printed::failed(format!("{why}\n{command}\n{at}{}\n", "^".repeat(name.len())), 1)
        }
    }
}

/// Of which connections `conntrack` is to tell, or which it is to forget: `[-s IP] [-d IP] [-r IP] [-q IP] [-p PROTO]
/// [--sport PORT] [--dport PORT] [--state STATE] [-u STATUS] [-n] [-g]`.
#[derive(Default)]
pub(super) struct Asked {
    src: Option<Ipv4Addr>,
    dst: Option<Ipv4Addr>,
    reply_src: Option<Ipv4Addr>,
    reply_dst: Option<Ipv4Addr>,
    proto: Option<u8>,
    ports: [Option<u16>; 2],
    state: Option<String>,
    status: Option<String>,
    snat: bool,
    dnat: bool,
}

impl Asked {
    pub(super) fn of(words: &[&str]) -> Asked {
        let value = |names: &[&str]| words.iter().position(|w| names.contains(w)).and_then(|at| words.get(at + 1));
        let ip = |names: &[&str]| value(names).and_then(|text| text.parse().ok());
        let port = |names: &[&str]| value(names).and_then(|text| text.parse().ok());
        let word = |names: &[&str]| value(names).map(|word| (*word).to_owned());
        Asked {
            src: ip(&["-s", "--orig-src", "--src"]),
            dst: ip(&["-d", "--orig-dst", "--dst"]),
            reply_src: ip(&["-r", "--reply-src"]),
            reply_dst: ip(&["-q", "--reply-dst"]),
            proto: value(&["-p", "--proto", "--protonum"]).and_then(|name| show::proto_number(name)),
            ports: [port(&["--sport", "--orig-port-src"]), port(&["--dport", "--orig-port-dst"])],
            state: word(&["--state"]),
            status: word(&["-u", "--status"]),
            snat: words.iter().any(|word| matches!(*word, "-n" | "--src-nat")),
            dnat: words.iter().any(|word| matches!(*word, "-g" | "--dst-nat")),
        }
    }

    pub(super) fn holds(&self, c: &Connection) -> bool {
        self.src.is_none_or(|ip| c.orig.src.0 == ip)
            && self.dst.is_none_or(|ip| c.orig.dst.0 == ip)
            && self.reply_src.is_none_or(|ip| c.reply.src.0 == ip)
            && self.reply_dst.is_none_or(|ip| c.reply.dst.0 == ip)
            && self.proto.is_none_or(|proto| c.orig.proto == proto)
            && self.ports[0].is_none_or(|port| c.orig.src.1 == port)
            && self.ports[1].is_none_or(|port| c.orig.dst.1 == port)
            && self.state.as_deref().is_none_or(|state| c.phase.word() == state)
            && self.status.as_deref().is_none_or(|status| has_status(c, status))
            && (!self.snat || c.is_snat())
            && (!self.dnat || c.is_dnat())
    }
}

fn has_status(c: &Connection, status: &str) -> bool {
    match status {
        "ASSURED" => c.assured,
        "SEEN_REPLY" => c.replied,
        "UNREPLIED" | "UNSET" => !c.replied,
        "SRC_NAT" => c.is_snat(),
        "DST_NAT" => c.is_dnat(),
        _ => true,
    }
}

/// `conntrack -L`, `-C` and `-S`.
pub(super) fn conntrack(ns: &Netns, words: &[&str], now: crate::sim::Time) -> Printed {
    match words {
        ["-L" | "--dump", rest @ ..] => {
            let asked = Asked::of(rest);
            let lines = show::conntrack(ns, now, |connection| asked.holds(connection));
            let told = format!("conntrack v1.4.7 (conntrack-tools): {} flow entries have been shown.\n", lines.len());
            Printed { stderr: told, ..Printed::ok(lines.concat()) }
        }
        ["-C" | "--count", ..] => Printed::ok(format!("{}\n", ns.conntrack().len())),
        ["-S" | "--stats", ..] => Printed::ok(show::conntrack_stats(ns)),
        ["-V" | "--version"] => Printed::ok("conntrack v1.4.7 (conntrack-tools)\n".into()),
        _ => Printed::failed("conntrack: of its commands, -L, -C, -S, -D and -F are simulated\n".into(), 2),
    }
}
