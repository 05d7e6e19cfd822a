//! Tools that change a node's network: `ip route add`, `ip neigh replace`, `bridge fdb del`, `ip link set`, `iptables -A`,
//! `sysctl -w`, `conntrack -D`. A container may not: it has no CAP_NET_ADMIN.
//!
//! Models ip/iproute.c, ip/ipneigh.c, ip/iplink.c, bridge/fdb.c and sysctl(8) in what they ask for and answer.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::cluster::Cluster;
use crate::cluster::query::Printed;
use crate::cluster::query::tools::Asked;
use crate::net::addr::{DevId, Mac, NsId};
use crate::net::device::DeviceKind;
use crate::net::fabric::config::ConfigError;
use crate::net::filter::{Table, command};
use crate::net::route::Route;

/// What comes of a change: nothing to say, or what goes to standard error and the exit code.
type Changed = Result<(), (String, u8)>;

/// Whether a command line changes something.
pub(super) fn changes(words: &[&str]) -> bool {
    const VERBS: [&str; 7] = ["add", "append", "replace", "change", "del", "delete", "flush"];
    match words {
        ["ip", rest @ ..] => rest.iter().any(|word| *word == "set" || VERBS.contains(word)),
        ["bridge", "fdb", verb, ..] => VERBS.contains(verb),
        ["iptables", rest @ ..] => rest.iter().any(|word| is_edit(word)),
        ["sysctl", rest @ ..] => rest.iter().any(|word| word.contains('=')),
        ["conntrack", "-D" | "--delete" | "-F" | "--flush", ..] => true,
        _ => false,
    }
}

fn is_edit(word: &str) -> bool {
    command::edit(word).is_some()
}

impl Cluster {
    /// Runs a command line that changes the network of a node.
    pub(super) fn change(&mut self, ns: NsId, words: &[&str]) -> Printed {
        let plain: Vec<&str> = words.iter().copied().filter(|word| *word != "-4").collect();
        let changed = match plain.as_slice() {
            ["ip", "r" | "ro" | "route", verb, rest @ ..] => self.change_route(ns, verb, rest),
            ["ip", "n" | "neigh" | "neighbor" | "neighbour", verb, rest @ ..] => self.change_neighbour(ns, verb, rest),
            ["ip", "l" | "link", "set", rest @ ..] => self.change_link(ns, rest),
            ["ip", "a" | "addr" | "address", verb, rest @ ..] => self.change_addr(ns, verb, rest),
            ["bridge", "fdb", verb, rest @ ..] => self.change_fdb(ns, verb, rest),
            ["iptables", ..] => self.change_rules(ns, words),
            ["sysctl", rest @ ..] => return self.set_sysctls(ns, rest),
            ["conntrack", verb, rest @ ..] => return self.forget_connections(ns, verb, rest),
            _ => Err((format!("{}: this change is not simulated\n", words.join(" ")), 255)),
        };
        match changed {
            Ok(()) => Printed::ok(String::new()),
            Err((stderr, code)) => Printed::failed(stderr, code),
        }
    }

    fn change_route(&mut self, ns: NsId, verb: &str, words: &[&str]) -> Changed {
        let (dst, rest) = words.split_first().ok_or_else(|| incomplete("ip route"))?;
        let dst = net(dst)?;
        let value = |name: &str| rest.iter().position(|word| *word == name).and_then(|at| rest.get(at + 1)).copied();
        let via = value("via").map(address).transpose()?;
        let dev = value("dev").map(|name| self.device(ns, name)).transpose()?;
        if matches!(verb, "del" | "delete") {
            return self.fabric.remove_route(ns, dst, dev).map_err(refused);
        }
        let found = || via.and_then(|via| self.fabric.ns(ns)?.route_to(via).map(|route| route.dev));
        let dev = dev.or_else(found).ok_or_else(|| refused(ConfigError::InvalidGateway))?;
        let metric = value("metric").and_then(|n| n.parse().ok()).unwrap_or(0);
        let name = self.fabric.ns(ns).map_or_else(|| "".into(), |ns| ns.dev_name(dev));
        let route = Route { metric, onlink: rest.contains(&"onlink"), ..Route::new(dst, via, dev, name) };
        match verb {
            "add" | "append" => self.fabric.add_route(ns, route).map_err(refused),
            "replace" | "change" => self.fabric.replace_route(ns, route).map_err(refused),
            _ => Err((format!("Command \"{verb}\" is unknown, try \"ip route help\".\n"), 255)),
        }
    }

    fn change_neighbour(&mut self, ns: NsId, verb: &str, words: &[&str]) -> Changed {
        let value = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)).copied();
        let dev = value("dev").ok_or((String::from("Device and destination are required arguments.\n"), 255))?;
        let dev = self.device(ns, dev)?;
        if verb == "flush" {
            let known: Vec<Ipv4Addr> = self
                .fabric
                .ns(ns)
                .into_iter()
                .flat_map(|ns| ns.neighbours())
                .filter(|(d, ..)| *d == dev)
                .map(|(_, ip, _)| ip)
                .collect();
            known.into_iter().for_each(|ip| _ = self.fabric.set_neighbour(ns, dev, ip, None));
            return Ok(());
        }
        let ip = address(words.first().ok_or_else(|| incomplete("ip neigh"))?)?;
        if matches!(verb, "del" | "delete") {
            return self.fabric.set_neighbour(ns, dev, ip, None).map_err(refused);
        }
        let mac = mac(value("lladdr").unwrap_or_default())?;
        self.fabric.set_neighbour(ns, dev, ip, Some(mac)).map_err(refused)
    }

    /// `[dev] NAME { up | down | mtu N | master BRIDGE | nomaster }…`.
    fn change_link(&mut self, ns: NsId, words: &[&str]) -> Changed {
        let mut words = words.iter().copied().filter(|word| *word != "dev");
        let dev = self.device(ns, words.next().unwrap_or_default())?;
        while let Some(word) = words.next() {
            match word {
                "up" | "down" => self.fabric.set_up(ns, dev, word == "up").map_err(refused)?,
                "nomaster" => self.fabric.set_master(ns, dev, None).map_err(refused)?,
                "master" => {
                    let bridge = self.device(ns, words.next().unwrap_or_default())?;
                    self.fabric.set_master(ns, dev, Some(bridge)).map_err(refused)?;
                }
                "mtu" => {
                    let mtu = words.next().unwrap_or_default();
                    let wrong = || (format!("Error: argument \"{mtu}\" is wrong: Invalid \"mtu\" value\n\n"), 255);
                    self.fabric.set_mtu(ns, dev, mtu.parse().map_err(|_| wrong())?).map_err(refused)?;
                }
                _ => return Err((format!("Error: either \"dev\" is duplicate, or \"{word}\" is a garbage.\n"), 255)),
            }
        }
        Ok(())
    }

    fn change_addr(&mut self, ns: NsId, verb: &str, words: &[&str]) -> Changed {
        let addr = words.first().ok_or_else(|| incomplete("ip addr"))?;
        let wrong = || (format!("Error: any valid prefix is expected rather than \"{addr}\".\n"), 1);
        let addr: Ipv4Net =
            addr.parse().or_else(|_| addr.parse::<Ipv4Addr>().map(Ipv4Net::from)).map_err(|_| wrong())?;
        let dev = words.iter().position(|word| *word == "dev").and_then(|at| words.get(at + 1));
        let dev = self.device(ns, dev.ok_or_else(|| incomplete("ip addr"))?)?;
        match verb {
            "add" | "replace" => self.fabric.add_addr(ns, dev, addr).map_err(refused),
            _ => self.fabric.remove_addr(ns, dev, addr).map_err(refused),
        }
    }

    fn change_fdb(&mut self, ns: NsId, verb: &str, words: &[&str]) -> Changed {
        let value = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)).copied();
        let mac = mac(words.first().ok_or_else(|| incomplete("bridge fdb"))?)?;
        let dev = value("dev").ok_or((String::from("Device and address are required arguments.\n"), 255))?;
        let dev = self.device(ns, dev)?;
        let there = !matches!(verb, "del" | "delete");
        let device = self.fabric.ns(ns).and_then(|ns| ns.device(dev)).ok_or_else(|| refused(ConfigError::NoDevice))?;
        match (&device.kind, device.master) {
            (DeviceKind::Vxlan(_), _) => {
                let remote = value("dst").map(address).transpose()?.filter(|_| there);
                if there && remote.is_none() {
                    return Err(("RTNETLINK answers: Invalid argument\n".into(), 2));
                }
                self.fabric.set_tunnel(ns, dev, mac, remote).map_err(refused)
            }
            (_, Some(bridge)) => self.fabric.set_fdb(ns, bridge, mac, there.then_some(dev)).map_err(refused),
            _ => Err(("RTNETLINK answers: Operation not supported\n".into(), 2)),
        }
    }

    fn change_rules(&mut self, ns: NsId, words: &[&str]) -> Changed {
        let (mut table, mut line) = (Table::Filter, Vec::new());
        let mut words = words.iter().skip(1).copied();
        while let Some(word) = words.next() {
            match word {
                "-t" | "--table" => {
                    let name = words.next().unwrap_or_default();
                    let no_table = || (format!("iptables v1.8.9 (nf_tables): table '{name}' does not exist\n"), 3);
                    table = Table::of_name(name).ok_or_else(no_table)?;
                }
                "-w" | "--wait" | "-n" | "--numeric" | "-v" | "--verbose" | "-4" => {}
                // What the shell took the quotes from gets them again.
                _ if word.contains(' ') => line.push(format!("\"{word}\"")),
                _ => line.push(word.to_owned()),
            }
        }
        self.fabric.iptables(ns, table, &line.join(" ")).map_err(|why| (format!("{why}\n"), 1))
    }

    /// `sysctl [-w] NAME=VALUE…`.
    fn set_sysctls(&mut self, ns: NsId, words: &[&str]) -> Printed {
        let mut stdout = String::new();
        for (name, value) in words.iter().filter_map(|word| word.split_once('=')) {
            let number: Option<u32> = value.trim().parse().ok();
            match (name.trim(), number) {
                ("net.ipv4.ip_forward" | "net.ipv4.conf.all.forwarding", Some(n)) => {
                    self.fabric.set_ip_forward(ns, n != 0);
                }
                ("net.ipv4.conf.all.rp_filter", Some(n @ 0..=2)) => {
                    self.fabric.set_rp_filter(ns, u8::try_from(n).expect("at most 2"));
                }
                ("net.bridge.bridge-nf-call-iptables", Some(n)) => self.fabric.set_bridge_nf(ns, n != 0),
                ("net.netfilter.nf_conntrack_max" | "net.nf_conntrack_max", Some(n)) => {
                    self.fabric.set_conntrack_max(ns, n);
                }
                (name, Some(_)) => return Printed::failed(no_sysctl(name), 255),
                (name, None) => {
                    return Printed::failed(format!("sysctl: setting key \"{name}\": Invalid argument\n"), 255);
                }
            }
            stdout += &format!("{} = {}\n", name.trim(), value.trim());
        }
        Printed::ok(stdout)
    }

    /// `conntrack -D [-s IP] [-d IP] [-p PROTO]` and `-F`.
    fn forget_connections(&mut self, ns: NsId, verb: &str, words: &[&str]) -> Printed {
        let (wanted, all) = (Asked::of(words), matches!(verb, "-F" | "--flush"));
        let gone = self.fabric.forget_connections(ns, |connection| all || wanted.holds(connection));
        let words = match (all, gone) {
            (true, _) => "conntrack v1.4.7 (conntrack-tools): connection tracking table has been emptied.\n".into(),
            (false, n) => format!("conntrack v1.4.7 (conntrack-tools): {n} flow entries have been deleted.\n"),
        };
        Printed { stderr: words, code: u8::from(!all && gone == 0), ..Printed::default() }
    }

    fn device(&self, ns: NsId, name: &str) -> Result<DevId, (String, u8)> {
        let device = self.fabric.ns(ns).and_then(|ns| ns.device_named(name));
        device.map(|device| device.id).ok_or_else(|| (format!("Cannot find device \"{name}\"\n"), 1))
    }
}

/// What `sysctl` says of a name that it does not know.
pub(super) fn no_sysctl(name: &str) -> String {
    format!("sysctl: cannot stat /proc/sys/{}: No such file or directory\n", name.replace('.', "/"))
}

fn refused(why: ConfigError) -> (String, u8) {
    let code = if why == ConfigError::NoDevice { 1 } else { 2 };
    (format!("{why}\n"), code)
}

fn incomplete(command: &str) -> (String, u8) {
    (format!("Command line is not complete. Try option \"help\": {command}\n"), 255)
}

fn net(text: &str) -> Result<Ipv4Net, (String, u8)> {
    let net = match text {
        "default" => Some(Ipv4Net::default()),
        _ => text.parse().ok().or_else(|| text.parse::<Ipv4Addr>().ok().map(Ipv4Net::from)),
    };
    net.ok_or_else(|| (format!("Error: any valid prefix is expected rather than \"{text}\".\n"), 1))
}

fn address(text: &str) -> Result<Ipv4Addr, (String, u8)> {
    text.parse().map_err(|_| (format!("Error: inet address is expected rather than \"{text}\".\n"), 1))
}

fn mac(text: &str) -> Result<Mac, (String, u8)> {
    text.parse().map_err(|_| (format!("\"{text}\" is invalid lladdr.\n"), 255))
}
