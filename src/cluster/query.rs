//! What a program asks of the kernel, answered in the tools' own format: `ip`, `bridge`, `iptables`, `iptables-save`,
//! `conntrack`, `sysctl`, `ipset`, `arp`, `ss`, `netstat`. What changes something is in `change`.

use crate::cluster::Cluster;
use crate::cluster::event::NodeIx;
use crate::net::addr::NsId;
use crate::net::filter::Table;
use crate::net::filter::list::Style;
use crate::net::host::Netns;
use crate::net::show::{self, Maker};
use crate::node::runtime::SandboxId;
use crate::sim::EventId;

mod change;
mod iproute;
pub(crate) mod machine;
mod net_tools;
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
        let (words, maker) = taken(argv);
        let id = self.namespace_of(ix, sandbox);
        match id.filter(|_| change::changes(&words)) {
            Some(_) if sandbox.is_some() => Printed::failed(not_permitted(words[0], maker), 2),
            Some(id) => {
                let printed = self.change(id, &words);
                if words[0] == "iptables" {
                    self.rules_touched(ix, cause);
                }
                printed
            }
            None => self.look(Some(ix), id, &words, maker),
        }
    }

    /// Answers a tool that runs on a machine outside the cluster.
    pub(crate) fn query_machine(&mut self, ns: NsId, argv: &[String]) -> Printed {
        let (words, maker) = taken(argv);
        if change::changes(&words) { self.change(ns, &words) } else { self.look(None, Some(ns), &words, maker) }
    }

    fn look(&self, ix: Option<NodeIx>, ns: Option<NsId>, words: &[&str], maker: Maker) -> Printed {
        let Some(ns) = ns.and_then(|ns| self.fabric.ns(ns)) else {
            return Printed::failed("the network namespace is gone\n".into(), 1);
        };
        match words {
            ["ip", rest @ ..] => iproute::ip(ns, rest, maker == Maker::Busybox, self.now),
            ["bridge", rest @ ..] => iproute::bridge(ns, rest, self.now),
            ["ifconfig", rest @ ..] => net_tools::ifconfig(ns, rest, maker),
            ["route", rest @ ..] => net_tools::route(ns, rest, maker),
            ["netstat", rest @ ..] => self.netstat(ix, ns, rest, maker),
            ["brctl", rest @ ..] => net_tools::brctl(ns, rest),
            ["iptables-save", rest @ ..] => self.iptables_save(ns, rest),
            ["iptables", rest @ ..] => iptables(ns, rest),
            ["sysctl", names @ ..] => sysctl(ns, names),
            ["conntrack", rest @ ..] => tools::conntrack(ns, rest, self.now),
            ["ipvsadm", rest @ ..] => tools::ipvsadm(ns, rest, self.now),
            ["nft", rest @ ..] => tools::nft(ns, rest, self.now),
            ["ipset", rest @ ..] => tools::ipset(ns, rest),
            ["arp", rest @ ..] => net_tools::arp(ns, rest, self.now, maker),
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
            ["cat", path] => match (net_tools::proc_file(ns, path, self.now), maker) {
                (Some(text), _) => Printed::ok(text),
                (None, Maker::Busybox) => {
                    Printed::failed(format!("cat: can't open '{path}': No such file or directory\n"), 1)
                }
                (None, Maker::NetTools) => Printed::failed(format!("cat: {path}: No such file or directory\n"), 1),
            },
            _ => Printed::failed(format!("{}: not found\n", words.first().unwrap_or(&"")), 127),
        }
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

/// The words of a command line, and whose tool it is: `busybox` stands before its own.
fn taken(argv: &[String]) -> (Vec<&str>, Maker) {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    match words.split_first() {
        Some((&"busybox", rest)) if !rest.is_empty() => (rest.to_vec(), Maker::Busybox),
        _ => (words, Maker::NetTools),
    }
}

/// What a tool says in a container, which may not change its network.
fn not_permitted(tool: &str, maker: Maker) -> String {
    match tool {
        "ip" if maker == Maker::Busybox => "ip: RTNETLINK answers: Operation not permitted\n".into(),
        "iptables" => "iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n".into(),
        "sysctl" => "sysctl: permission denied on key\n".into(),
        "conntrack" => "conntrack v1.4.7 (conntrack-tools): Operation failed: Operation not permitted\n".into(),
        _ => "RTNETLINK answers: Operation not permitted\n".into(),
    }
}

/// `sysctl [-n] NAME…` of what is simulated.
fn sysctl(ns: &Netns, names: &[&str]) -> Printed {
    let mut stdout = String::new();
    let bare = names.contains(&"-n");
    for name in names.iter().filter(|name| !name.starts_with('-')) {
        match sysctl_value(ns, name) {
            Some(value) if bare => stdout += &format!("{value}\n"),
            Some(value) => stdout += &format!("{name} = {value}\n"),
            None => return Printed::failed(change::no_sysctl(name), 255),
        }
    }
    Printed::ok(stdout)
}

/// The value of a setting of the kernel that is simulated.
fn sysctl_value(ns: &Netns, name: &str) -> Option<u32> {
    Some(match name {
        "net.ipv4.ip_forward" | "net.ipv4.conf.all.forwarding" => u32::from(ns.ip_forward),
        "net.ipv4.conf.all.rp_filter" => u32::from(ns.rp_filter),
        "net.bridge.bridge-nf-call-iptables" => u32::from(ns.bridge_nf),
        "net.netfilter.nf_conntrack_max" | "net.nf_conntrack_max" => ns.conntrack().max,
        "net.netfilter.nf_conntrack_count" => ns.conntrack().len(),
        _ => return None,
    })
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
            "-V" | "--version" => return Printed::ok("iptables v1.8.9 (nf_tables)\n".into()),
            "-w" | "--wait" | "-x" | "--exact" => {}
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
