//! `ifconfig`, `route`, `netstat`, `arp`, `brctl` and the files of `/proc`, as net-tools takes them on nodes and busybox in
//! containers.

use crate::cluster::Cluster;
use crate::cluster::event::NodeIx;
use crate::cluster::query::{Printed, sysctl_value};
use crate::net::host::Netns;
use crate::net::show::{self, Connections, Maker};
use crate::sim::Time;

impl Cluster {
    /// `netstat [-atulpnrix]`.
    pub(super) fn netstat(&self, ix: Option<NodeIx>, ns: &Netns, words: &[&str], maker: Maker) -> Printed {
        let (mut wanted, mut numeric, mut routes, mut interfaces) = (Connections::default(), false, false, false);
        for word in words {
            let letters = match *word {
                "--tcp" => "t",
                "--udp" => "u",
                "--listening" => "l",
                "--all" => "a",
                "--programs" => "p",
                "--numeric" => "n",
                "--route" => "r",
                "--interfaces" => "i",
                word if word.starts_with("--") || !word.starts_with('-') => return usage("netstat", word, maker),
                word => &word[1..],
            };
            for letter in letters.chars() {
                match letter {
                    't' => wanted.tcp = true,
                    'u' => wanted.udp = true,
                    'x' => wanted.unix = true,
                    'l' => wanted.listening = true,
                    'a' => wanted.all = true,
                    'p' => wanted.programs = true,
                    'r' => routes = true,
                    'i' if maker == Maker::NetTools => interfaces = true,
                    'n' => numeric = true,
                    'e' | 'W' | '4' | 'w' => {}
                    _ => return usage("netstat", &format!("-{letter}"), maker),
                }
            }
        }
        if routes {
            return Printed::ok(show::route(ns, numeric, true, maker));
        }
        if interfaces {
            return Printed::ok(show::netstat_interfaces(ns));
        }
        let program = |socket: &_| self.program_of(ix, socket);
        Printed::ok(show::netstat(ns, wanted, maker, program))
    }
}

/// `ifconfig [-a] [DEV]`.
pub(super) fn ifconfig(ns: &Netns, words: &[&str], maker: Maker) -> Printed {
    let (options, names): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.starts_with('-'));
    if let Some(option) = options.iter().find(|option| **option != "-a") {
        return usage("ifconfig", option, maker);
    }
    if names.len() > 1 {
        let why = "SIOCSIFFLAGS: Operation not permitted\n";
        return Printed::failed(if maker == Maker::Busybox { format!("ifconfig: {why}") } else { why.into() }, 255);
    }
    match (show::ifconfig(ns, names.first().copied(), !options.is_empty(), maker), maker) {
        (Some(text), _) => Printed::ok(text),
        (None, Maker::Busybox) => Printed::failed(
            format!("ifconfig: {}: error fetching interface information: Device not found\n", names[0]),
            1,
        ),
        (None, Maker::NetTools) => {
            Printed::failed(format!("{}: error fetching interface information: Device not found\n", names[0]), 1)
        }
    }
}

/// `route [-n]`.
pub(super) fn route(ns: &Netns, words: &[&str], maker: Maker) -> Printed {
    match words.iter().find(|word| !matches!(**word, "-n" | "-e" | "-ne" | "-en" | "-4")) {
        Some(word) if word.starts_with('-') => usage("route", word, maker),
        Some(_) => Printed::failed("SIOCADDRT: Operation not permitted\n".into(), 7),
        None => Printed::ok(show::route(ns, words.iter().any(|word| word.contains('n')), false, maker)),
    }
}

/// `arp [-n] [-a]`.
pub(super) fn arp(ns: &Netns, words: &[&str], now: Time, maker: Maker) -> Printed {
    let bsd = words.iter().any(|word| word.starts_with('-') && word.contains('a'));
    Printed::ok(match (maker, bsd) {
        (Maker::Busybox, _) => show::busybox_arp(ns, now),
        (Maker::NetTools, true) => show::arp_bsd(ns, now),
        (Maker::NetTools, false) => show::arp(ns, now),
    })
}

/// `brctl show`.
pub(super) fn brctl(ns: &Netns, words: &[&str]) -> Printed {
    match words {
        ["show", ..] => Printed::ok(show::brctl(ns)),
        [other, ..] => Printed::failed(format!("never heard of command [{other}]\n"), 1),
        [] => Printed::failed("Usage: brctl [commands]\n".into(), 1),
    }
}

/// A file of `/proc/net` or `/proc/sys/net`; `None` if it is not there.
pub(super) fn proc_file(ns: &Netns, path: &str, now: Time) -> Option<String> {
    let path = path.strip_prefix("/proc/")?;
    if let Some(name) = path.strip_prefix("sys/") {
        return sysctl_value(ns, &name.replace('/', ".")).map(|value| format!("{value}\n"));
    }
    let file = ["net/", "self/net/", "1/net/"].iter().find_map(|dir| path.strip_prefix(dir))?;
    show::proc_net(ns, file, now)
}

fn usage(tool: &str, option: &str, maker: Maker) -> Printed {
    let option = option.trim_start_matches('-');
    Printed::failed(
        match maker {
            Maker::Busybox => format!("{tool}: unrecognized option: {option}\n"),
            Maker::NetTools => format!("{tool}: invalid option -- '{option}'\n"),
        },
        1,
    )
}
