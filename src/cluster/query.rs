//! What a program asks of the kernel or of the machine's daemons, answered in the tools' own format: `ip`, `bridge`,
//! `iptables`, `iptables-save`, `crictl`.

use crate::cluster::Cluster;
use crate::cluster::event::NodeIx;
use crate::net::addr::DevId;
use crate::net::filter::Table;
use crate::net::filter::list::Style;
use crate::net::host::Netns;
use crate::net::show;
use crate::node::runtime::SandboxId;

/// What a tool prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    pub(crate) fn query(&self, ix: NodeIx, sandbox: Option<&SandboxId>, argv: &[String]) -> Printed {
        let ns = self.namespace_of(ix, sandbox).and_then(|ns| self.fabric.ns(ns));
        let Some(ns) = ns else { return Printed::failed("the network namespace is gone\n".into(), 1) };
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["ip", rest @ ..] => self.ip(ns, rest),
            ["bridge", "fdb", ..] => Printed::ok(show::bridge_fdb(ns, None, self.now)),
            ["iptables-save", rest @ ..] => self.iptables_save(ns, rest),
            ["iptables", rest @ ..] => iptables(ns, rest),
            ["conntrack", "-L", ..] => Printed::ok(show::conntrack(ns, self.now)),
            ["cat", "/run/flannel/subnet.env"] => {
                Printed::ok(self.host(ix).map(|host| host.subnet_env.clone()).unwrap_or_default())
            }
            _ => Printed::failed(format!("{}: not found\n", words.first().unwrap_or(&"")), 127),
        }
    }

    fn ip(&self, ns: &Netns, words: &[&str]) -> Printed {
        let words: Vec<&str> =
            words.iter().copied().filter(|word| !matches!(*word, "-4" | "-d" | "-details")).collect();
        match words.as_slice() {
            ["a" | "addr" | "address", rest @ ..] => Printed::ok(show::ip_addr(ns, device_of(ns, rest))),
            ["l" | "link", rest @ ..] => Printed::ok(show::ip_link(ns, device_of(ns, rest))),
            ["r" | "ro" | "route", "get", to] => match to.parse() {
                Ok(to) => match show::ip_route_get(ns, to) {
                    Ok(text) => Printed::ok(text),
                    Err(why) => Printed::failed(why, 2),
                },
                Err(_) => Printed::failed(format!("Error: any valid prefix is expected rather than {to:?}.\n"), 1),
            },
            ["r" | "ro" | "route", ..] => Printed::ok(show::ip_route(ns)),
            ["n" | "neigh" | "neighbor" | "neighbour", ..] => Printed::ok(show::ip_neigh(ns, self.now)),
            [] => Printed::failed("Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n".into(), 255),
            [object, ..] => Printed::failed(format!("Object {object:?} is unknown, try \"ip help\".\n"), 1),
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
        let now = self.apiserver.calendar(self.now);
        let text = now.to_string();
        let number =
            |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<usize>().ok()).unwrap_or(1);
        let day = usize::try_from(now.0.div_euclid(86_400).rem_euclid(7)).unwrap_or(0);
        let (year, clock) = (number(0, 4), text.get(11..19).unwrap_or_default());
        format!("{} {} {:>2} {clock} {year}", DAYS[day], MONTHS[(number(5, 7) - 1) % 12], number(8, 10))
    }
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

/// The device in `show dev eth0`, `show eth0` or `dev eth0`.
fn device_of(ns: &Netns, words: &[&str]) -> Option<DevId> {
    let name = words.iter().find(|word| !matches!(**word, "show" | "list" | "ls" | "s" | "dev"))?;
    ns.device_named(name).map(|device| device.id)
}
