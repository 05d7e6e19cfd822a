//! `ipset`, `ipvsadm`, `nft`, `arp`, `conntrack` and `ss`, as far as they look.

use std::net::Ipv4Addr;

use crate::cluster::Cluster;
use crate::cluster::clients::actor_of;
use crate::cluster::event::{Actor, NodeIx};
use crate::cluster::query::Printed;
use crate::net::conntrack::Connection;
use crate::net::host::Netns;
use crate::net::ipvs::VirtualAt;
use crate::net::packet::{TCP, UDP};
use crate::net::show::{self, Wanted};
use crate::net::socket::Socket;

impl Cluster {
    pub(super) fn ss(&self, ix: Option<NodeIx>, ns: &Netns, words: &[&str]) -> Printed {
        let mut wanted = Wanted::default();
        for letter in words.iter().filter_map(|word| word.strip_prefix('-')).flat_map(str::chars) {
            match letter {
                's' => return Printed::ok(show::ss_summary(ns)),
                't' => wanted.tcp = true,
                'u' => wanted.udp = true,
                'l' => wanted.listening = true,
                'a' => wanted.all = true,
                'p' => wanted.processes = true,
                'H' => wanted.bare = true,
                'n' | '4' | 'e' | 'o' => {}
                other => return Printed::failed(format!("ss: -{other} is not simulated\n"), 255),
            }
        }
        Printed::ok(show::ss(ns, wanted, |socket| self.process_of(ix, socket)))
    }

    /// The process of a socket, as `ss -p` names it; of a daemon of the node there is no number to tell.
    fn process_of(&self, ix: Option<NodeIx>, socket: &Socket) -> Option<String> {
        match actor_of(u32::try_from(socket.owner.0).ok()?) {
            Actor::Runtime(_) => {
                let (name, pid, fd) = self.host(ix?)?.runtime.process_of_socket(socket.token)?;
                Some(format!("users:((\"{name}\",pid={pid},fd={fd}))"))
            }
            Actor::Machine(at) => {
                let (name, pid, fd) = self.machine(at)?.runtime.process_of_socket(socket.token)?;
                Some(format!("users:((\"{name}\",pid={pid},fd={fd}))"))
            }
            Actor::Kubelet(_) => Some("users:((\"kubelet\"))".into()),
            Actor::KubeProxy(_) => Some("users:((\"kube-proxy\"))".into()),
            Actor::Flanneld(_) => Some("users:((\"flanneld\"))".into()),
            _ => None,
        }
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

/// `arp [-n] [-a]`.
pub(super) fn arp(ns: &Netns, words: &[&str], now: crate::sim::Time) -> Printed {
    match words.iter().any(|word| word.starts_with('-') && word.contains('a')) {
        true => Printed::ok(show::arp_bsd(ns)),
        false => Printed::ok(show::arp(ns, now)),
    }
}

/// Of which connections `conntrack` is to tell, or which it is to forget: `[-s IP] [-d IP] [-p PROTO]`.
pub(super) struct Asked {
    src: Option<Ipv4Addr>,
    dst: Option<Ipv4Addr>,
    proto: Option<u8>,
}

impl Asked {
    pub(super) fn of(words: &[&str]) -> Asked {
        let value = |names: [&str; 2]| words.iter().position(|w| names.contains(w)).and_then(|at| words.get(at + 1));
        let ip = |names| value(names).and_then(|text| text.parse().ok());
        let proto = value(["-p", "--proto"]).and_then(|name| show::proto_number(name));
        Asked { src: ip(["-s", "--orig-src"]), dst: ip(["-d", "--orig-dst"]), proto }
    }

    pub(super) fn holds(&self, c: &Connection) -> bool {
        self.src.is_none_or(|ip| c.orig.src.0 == ip)
            && self.dst.is_none_or(|ip| c.orig.dst.0 == ip)
            && self.proto.is_none_or(|proto| c.orig.proto == proto)
    }
}

/// `conntrack -L` and `-C`.
pub(super) fn conntrack(ns: &Netns, words: &[&str], now: crate::sim::Time) -> Printed {
    match words {
        ["-L" | "--dump", rest @ ..] => {
            let asked = Asked::of(rest);
            let lines = show::conntrack(ns, now, |connection| asked.holds(connection));
            let told = format!("conntrack v1.4.7 (conntrack-tools): {} flow entries have been shown.\n", lines.len());
            Printed { stderr: told, ..Printed::ok(lines.concat()) }
        }
        ["-C" | "--count", ..] => Printed::ok(format!("{}\n", ns.conntrack().len())),
        _ => Printed::failed("conntrack: of its commands, -L, -C, -D and -F are simulated\n".into(), 2),
    }
}
