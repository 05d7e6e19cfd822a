//! What a program asks of the kernel, answered in the tools' own format: `ip`, `bridge`, `iptables`, `iptables-save`,
//! `conntrack`, `sysctl`, `ipset`, `arp`, `ss`. What changes something is in `change`.

use crate::cluster::Cluster;
use crate::cluster::event::NodeIx;
use crate::net::addr::{DevId, NsId};
use crate::net::filter::Table;
use crate::net::filter::list::Style;
use crate::net::host::Netns;
use crate::net::show;
use crate::node::runtime::SandboxId;
use crate::sim::EventId;

mod change;
pub(crate) mod machine;
mod tools;

/// What a tool prints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Printed {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code.
    pub code: u8,
}

impl Printed {
    fn ok(stdout: String) -> Printed {
        Printed { stdout, ..Printed::default() }
    }

    fn failed(stderr: String, code: u8) -> Printed {
        Printed { stderr, code, ..Printed::default() }
    }
}

impl Cluster {
    /// Answers a tool that runs on a node, in a pod's network namespace or in the node's own.
    pub(crate) fn query(
        &mut self,
        ix: NodeIx,
        sandbox: Option<&SandboxId>,
        argv: &[String],
        cause: Option<EventId>,
    ) -> Printed {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        let id = self.namespace_of(ix, sandbox);
        match id.filter(|_| change::changes(&words)) {
            Some(_) if sandbox.is_some() => Printed::failed(not_permitted(words[0]), 2),
            Some(id) => {
                let printed = self.change(id, &words);
                if words[0] == "iptables" {
                    self.rules_touched(ix, cause);
                }
                printed
            }
            None => self.look(Some(ix), id, &words),
        }
    }

    /// Answers a tool that runs on a machine outside the cluster.
    pub(crate) fn query_machine(&mut self, ns: NsId, argv: &[String]) -> Printed {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        if change::changes(&words) { self.change(ns, &words) } else { self.look(None, Some(ns), &words) }
    }

    fn look(&self, ix: Option<NodeIx>, ns: Option<NsId>, words: &[&str]) -> Printed {
        let Some(ns) = ns.and_then(|ns| self.fabric.ns(ns)) else {
            return Printed::failed("the network namespace is gone\n".into(), 1);
        };
        match words {
            ["ip", rest @ ..] => self.ip(ns, rest),
            ["bridge", rest @ ..] => self.bridge(ns, rest),
            ["iptables-save", rest @ ..] => self.iptables_save(ns, rest),
            ["iptables", rest @ ..] => iptables(ns, rest),
            ["sysctl", names @ ..] => sysctl(ns, names),
            ["conntrack", rest @ ..] => tools::conntrack(ns, rest, self.now),
            ["ipvsadm", rest @ ..] => tools::ipvsadm(ns, rest, self.now),
            ["nft", rest @ ..] => tools::nft(ns, rest, self.now),
            ["ipset", rest @ ..] => tools::ipset(ns, rest),
            ["arp", rest @ ..] => tools::arp(ns, rest, self.now),
            ["ss", rest @ ..] => self.ss(ix, ns, rest),
            ["tcpdump", _, rest @ ..] => Printed::ok(show::capture_devices(ns, !rest.is_empty())),
            ["cat", "/run/flannel/subnet.env"] => {
                match ix
                    .and_then(|ix| self.host(ix))
                    .map(|host| host.subnet_env.clone())
                    .filter(|text| !text.is_empty())
                {
                    Some(text) => Printed::ok(text),
                    None => Printed::failed("cat: /run/flannel/subnet.env: No such file or directory\n".into(), 1),
                }
            }
            ["cat", path] => Printed::failed(format!("cat: {path}: No such file or directory\n"), 1),
            _ => Printed::failed(format!("{}: not found\n", words.first().unwrap_or(&"")), 127),
        }
    }

    fn ip(&self, ns: &Netns, words: &[&str]) -> Printed {
        let details = words.iter().any(|word| matches!(*word, "-d" | "-details"));
        let words: Vec<&str> =
            words.iter().copied().filter(|word| !matches!(*word, "-4" | "-d" | "-details")).collect();
        match words.as_slice() {
            ["a" | "addr" | "address", rest @ ..] => of_device(ns, rest, |dev| show::ip_addr(ns, dev, details)),
            ["l" | "link", rest @ ..] => of_device(ns, rest, |dev| show::ip_link(ns, dev, details)),
            ["r" | "ro" | "route", "get", to] => match to.parse() {
                Ok(to) => match show::ip_route_get(ns, to) {
                    Ok(text) => Printed::ok(text),
                    Err(why) => Printed::failed(why, 2),
                },
                Err(_) => Printed::failed(format!("Error: any valid prefix is expected rather than {to:?}.\n"), 1),
            },
            ["r" | "ro" | "route", ..] => Printed::ok(show::ip_route(ns)),
            ["n" | "neigh" | "neighbor" | "neighbour", rest @ ..] => {
                of_device(ns, rest, |dev| show::ip_neigh(ns, dev, self.now))
            }
            [] => Printed::failed("Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n".into(), 255),
            [object, ..] => Printed::failed(format!("Object {object:?} is unknown, try \"ip help\".\n"), 1),
        }
    }

    /// `bridge fdb [show] [br BRIDGE] [dev DEV]`.
    fn bridge(&self, ns: &Netns, words: &[&str]) -> Printed {
        let Some(("fdb", words)) = words.split_first().map(|(object, words)| (*object, words)) else {
            let object = words.first().unwrap_or(&"");
            return Printed::failed(format!("Object \"{object}\" is unknown, try \"bridge help\".\n"), 255);
        };
        let (mut bridge, mut dev) = (None, None);
        let mut words = words.iter().filter(|word| !matches!(**word, "show" | "list" | "ls"));
        while let Some(word) = words.next() {
            let name = if matches!(*word, "br" | "brport" | "dev") { words.next().unwrap_or(&"") } else { word };
            let Some(device) = ns.device_named(name) else {
                return Printed::failed(format!("Cannot find device \"{name}\"\n"), 1);
            };
            *if *word == "br" { &mut bridge } else { &mut dev } = Some(device.id);
        }
        Printed::ok(show::bridge_fdb(ns, bridge, dev, self.now))
    }

    fn iptables_save(&self, ns: &Netns, words: &[&str]) -> Printed {
        let (date, counters) = (self.date(), words.contains(&"-c"));
        let Some(table) = words.iter().skip_while(|word| **word != "-t").nth(1) else {
            return Printed::ok(ns.filter().save(&date, counters));
        };
        match Table::of_name(table) {
            Some(table) => Printed::ok(ns.filter().save_table(table, &date, counters)),
            None => Printed::failed(
                format!("iptables-save: Unable to open table '{table}': No such file or directory\n"),
                1,
            ),
        }
    }

    /// The date as `iptables-save` writes it, which is as `ctime` does: `Thu Jan  1 00:00:07 2026`.
    fn date(&self) -> String {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let now = self.apiserver().calendar(self.now);
        let text = now.to_string();
        let number =
            |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<usize>().ok()).unwrap_or(1);
        let day = usize::try_from(now.0.div_euclid(86_400).rem_euclid(7)).unwrap_or(0);
        let (year, clock) = (number(0, 4), text.get(11..19).unwrap_or_default());
        format!("{} {} {:>2} {clock} {year}", DAYS[day], MONTHS[(number(5, 7) - 1) % 12], number(8, 10))
    }
}

/// What a tool says in a container, which may not change its network.
fn not_permitted(tool: &str) -> String {
    match tool {
        "iptables" => "iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n".into(),
        "sysctl" => "sysctl: permission denied on key\n".into(),
        "conntrack" => "conntrack v1.4.7 (conntrack-tools): Operation failed: Operation not permitted\n".into(),
        _ => "RTNETLINK answers: Operation not permitted\n".into(),
    }
}

/// `sysctl NAME…` of what is simulated.
fn sysctl(ns: &Netns, names: &[&str]) -> Printed {
    let mut stdout = String::new();
    for name in names.iter().filter(|name| !name.starts_with('-')) {
        let value = match *name {
            "net.ipv4.ip_forward" | "net.ipv4.conf.all.forwarding" => u32::from(ns.ip_forward),
            "net.ipv4.conf.all.rp_filter" => u32::from(ns.rp_filter),
            "net.bridge.bridge-nf-call-iptables" => u32::from(ns.bridge_nf),
            "net.netfilter.nf_conntrack_max" | "net.nf_conntrack_max" => ns.conntrack().max,
            "net.netfilter.nf_conntrack_count" => ns.conntrack().len(),
            _ => return Printed::failed(change::no_sysctl(name), 255),
        };
        stdout += &format!("{name} = {value}\n");
    }
    Printed::ok(stdout)
}

/// `iptables` as far as it only looks: `-L` and `-S`, with `-t`, `-n`, `-v` and `--line-numbers`, also as one word (`-nvL`).
fn iptables(ns: &Netns, words: &[&str]) -> Printed {
    let usage = |why: &str| {
        let hint = "Try `iptables -h' or 'iptables --help' for more information.\n";
        Printed::failed(format!("iptables v1.8.9 (nf_tables): {why}\n{hint}"), 2)
    };
    let (mut table, mut style, mut verb, mut chain) = (Table::Filter, Style::default(), None, None);
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "-t" | "--table" => match words.next().map(|name| (name, Table::of_name(name))) {
                Some((_, Some(named))) => table = named,
                Some((name, None)) => return usage(&format!("table '{name}' does not exist")),
                None => return usage("option \"-t\" requires an argument"),
            },
            "--line-numbers" => style.numbers = true,
            "--list" => verb = Some('L'),
            "--list-rules" => verb = Some('S'),
            "--numeric" => style.numeric = true,
            "--verbose" => style.verbose = true,
            _ if !word.starts_with('-') => chain = Some(word),
            _ => {
                for letter in word.chars().skip(1) {
                    match letter {
                        'L' | 'S' => verb = Some(letter),
                        'n' => style.numeric = true,
                        'v' => style.verbose = true,
                        _ => return usage(&format!("only -L and -S are simulated, not {word}")),
                    }
                }
            }
        }
    }
    let listed = match verb {
        Some('S') => ns.filter().list_rules(table, chain),
        Some(_) => ns.filter().list(table, chain, style),
        None => return usage("no command specified"),
    };
    match listed {
        Some(text) => Printed::ok(text),
        None => Printed::failed("iptables: No chain/target/match by that name.\n".into(), 1),
    }
}

/// What is to be shown of the device in `show dev eth0`, `show eth0` or `dev eth0`, or of all.
fn of_device(ns: &Netns, words: &[&str], show: impl FnOnce(Option<DevId>) -> String) -> Printed {
    let Some(name) = words.iter().find(|word| !matches!(**word, "show" | "list" | "ls" | "s" | "dev")) else {
        return Printed::ok(show(None));
    };
    match ns.device_named(name) {
        Some(device) => Printed::ok(show(Some(device.id))),
        None => Printed::failed(format!("Device \"{name}\" does not exist.\n"), 1),
    }
}
