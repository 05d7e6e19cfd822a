//! Rules as `iptables -L` lists them. Models iptables/iptables.c and the `print` functions of extensions/libxt_*.c (1.8.9).
//!
//! Differs: ports are numbers and addresses are not looked up by name, with or without `-n`.

use std::fmt::Write as _;
use std::sync::Arc;

use ipnet::IpNet;

use crate::net::filter::recent::{Recent, Verb};
use crate::net::filter::rule::Maybe;
use crate::net::filter::text::{proto_name, range_text, short_net};
use crate::net::filter::{Chain, Count, Filter, Match, Rule, Table, Target};

/// How to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// `-n`: numbers, no names.
    pub numeric: bool,
    /// `-v`: counters and devices.
    pub verbose: bool,
    /// `--line-numbers`.
    pub numbers: bool,
}

impl Filter {
    /// What `iptables -t TABLE -L [CHAIN]` prints; `None` if there is no such chain.
    pub fn list(&self, table: Table, chain: Option<&str>, style: Style) -> Option<String> {
        let mut blocks = Vec::new();
        for (name, listed) in self.picked(table, chain) {
            blocks.push(self.list_chain(table, name, listed, style));
        }
        (!blocks.is_empty()).then(|| blocks.join("\n"))
    }

    /// What `iptables -t TABLE -S [CHAIN]` prints; `None` if there is no such chain.
    pub fn list_rules(&self, table: Table, chain: Option<&str>) -> Option<String> {
        let (mut heads, mut rules) = (String::new(), String::new());
        for (name, listed) in self.picked(table, chain) {
            match (table.built_in().contains(&&**name), listed.policy_drop) {
                (true, true) => writeln!(heads, "-P {name} DROP"),
                (true, false) => writeln!(heads, "-P {name} ACCEPT"),
                (false, _) => writeln!(heads, "-N {name}"),
            }
            .expect("a String takes all");
            for (rule, _) in listed.rules() {
                writeln!(rules, "{}", format!("-A {name} {rule}").trim_end()).expect("a String takes all");
            }
        }
        (!heads.is_empty()).then(|| heads + &rules)
    }

    fn picked<'a>(&'a self, table: Table, wanted: Option<&'a str>) -> impl Iterator<Item = (&'a Arc<str>, &'a Chain)> {
        self.chains(table).filter(move |(name, _)| wanted.is_none_or(|wanted| ***name == *wanted))
    }

    fn list_chain(&self, table: Table, name: &Arc<str>, chain: &Chain, style: Style) -> String {
        let built_in = table.built_in().contains(&&**name);
        let policy = if chain.policy_drop { "DROP" } else { "ACCEPT" };
        let Count { packets, bytes } = chain.policy_count;
        let about = match (built_in, style.verbose) {
            (true, true) => format!("policy {policy} {packets} packets, {bytes} bytes"),
            (true, false) => format!("policy {policy}"),
            (false, _) => format!("{} references", self.references(table, name)),
        };
        let number = if style.numbers { "num  " } else { "" };
        let (counts, devices) = if style.verbose { (" pkts bytes ", "in     out     ") } else { ("", "") };
        let mut text = format!(
            "Chain {name} ({about})\n{number}{counts}target     prot opt {devices}source               destination         \n"
        );
        for (n, (rule, count)) in (1_u32..).zip(chain.rules()) {
            if style.numbers {
                write!(text, "{n:<5}").expect("a String takes all");
            }
            if style.verbose {
                write!(text, "{} {} ", short(count.packets), short(count.bytes)).expect("a String takes all");
            }
            text.push_str(&line(rule, style));
            text.push('\n');
        }
        text
    }

    fn references(&self, table: Table, to: &str) -> usize {
        let rules = self.chains(table).flat_map(|(_, chain)| chain.rules());
        rules.filter(|(rule, _)| matches!(&rule.target, Some(Target::Jump(chain)) if **chain == *to)).count()
    }
}

/// A counter in five places, with K, M or G where it does not fit.
fn short(number: u64) -> String {
    let mut number = number;
    if number <= 99_999 {
        return format!("{number:>5}");
    }
    for unit in ["K", "M", "G"] {
        number = (number + 500) / 1_000;
        if number <= 9_999 {
            return format!("{number:>4}{unit}");
        }
    }
    format!("{:>4}T", (number + 500) / 1_000)
}

fn line(rule: &Rule, style: Style) -> String {
    let bang = |not: bool| if not { '!' } else { ' ' };
    let target = rule.target.as_ref().map(name).unwrap_or_default();
    let (not, proto) = rule.proto.as_ref().map_or((false, 0), |p| (p.not, p.is));
    let proto = match (style.numeric, proto) {
        (true, number) => number.to_string(),
        (false, 0) => "all".into(),
        (false, number) => proto_name(number),
    };
    let mut text = format!("{target:<9} {}{proto:<5}-- ", bang(not));
    if style.verbose {
        let any = if style.numeric { "*" } else { "any" };
        let device = |dev: &Option<Maybe<Arc<str>>>| match dev {
            Some(m) => format!("{}{}", if m.not { "!" } else { "" }, m.is),
            None => any.to_owned(),
        };
        write!(text, " {:<6} {:<6} ", device(&rule.input), device(&rule.output)).expect("a String takes all");
    }
    for net in [&rule.src, &rule.dst] {
        let not = net.as_ref().is_some_and(|m| m.not);
        write!(text, "{}{:<19} ", bang(not), address(net, style)).expect("a String takes all");
    }
    for found in &rule.matches {
        write!(text, " {}", explain(found)).expect("a String takes all");
    }
    if let Some(more) = rule.target.as_ref().and_then(details) {
        write!(text, " {more}").expect("a String takes all");
    }
    text
}

fn address(net: &Option<Maybe<IpNet>>, style: Style) -> String {
    match net {
        None if style.numeric => "0.0.0.0/0".into(),
        None => "anywhere".into(),
        Some(m) => short_net(&m.is),
    }
}

fn name(target: &Target) -> String {
    match target {
        Target::Accept => "ACCEPT".into(),
        Target::Drop => "DROP".into(),
        Target::Reject(_) => "REJECT".into(),
        Target::Return => "RETURN".into(),
        Target::Log(_) => "NFLOG".into(),
        Target::Jump(chain) => chain.to_string(),
        Target::Mark { .. } => "MARK".into(),
        Target::Dnat(_) => "DNAT".into(),
        Target::Snat(_) => "SNAT".into(),
        Target::Masquerade { .. } => "MASQUERADE".into(),
        Target::Redirect(_) => "REDIRECT".into(),
    }
}

fn details(target: &Target) -> Option<String> {
    Some(match target {
        Target::Reject(with) => format!("reject-with {}", with.word()),
        Target::Mark { value, mask: 0 } => format!("MARK xor {value:#x}"),
        Target::Mark { value, mask } if value == mask => format!("MARK or {value:#x}"),
        Target::Mark { value: 0, mask } => format!("MARK and {:#x}", !mask),
        Target::Mark { value, mask: u32::MAX } => format!("MARK set {value:#x}"),
        Target::Mark { value, mask } => format!("MARK xset {value:#x}/{mask:#x}"),
        Target::Log(group) => format!("nflog-group {group}"),
        Target::Dnat(to) | Target::Snat(to) => format!("to:{to}"),
        Target::Masquerade { random_fully: true } => "random-fully".into(),
        Target::Redirect(Some(port)) => format!("redir ports {port}"),
        _ => return None,
    })
}

fn explain(found: &Match) -> String {
    let bang = |not: bool| if not { "!" } else { "" };
    match found {
        Match::Comment(text) => format!("/* {text} */"),
        Match::Ports { proto, source, dest, syn } => {
            let mut text = proto_name(*proto);
            for (word, range) in [("spt", source), ("dpt", dest)] {
                match range {
                    Some(m) if m.is.0 == m.is.1 => write!(text, " {word}:{}{}", bang(m.not), m.is.0),
                    Some(m) => write!(text, " {word}s:{}{}:{}", bang(m.not), m.is.0, m.is.1),
                    None => Ok(()),
                }
                .expect("a String takes all");
            }
            if let Some(want) = syn {
                write!(text, " flags:{}0x17/0x02", bang(!want)).expect("a String takes all");
            }
            text
        }
        Match::IcmpType(m) => format!("{}icmptype {}", bang(m.not), m.is),
        Match::AddrTypeLocal { src, dst } => {
            let mut text = "ADDRTYPE match".to_owned();
            for (word, want) in [("src-type", src), ("dst-type", dst)] {
                if let Some(want) = want {
                    write!(text, " {word} {}LOCAL", bang(!want)).expect("a String takes all");
                }
            }
            text
        }
        Match::State { old, states, orig_dst, orig_port } => {
            let not = |not: bool| if not { "! " } else { "" };
            let mut parts = Vec::new();
            if !states.is.is_empty() {
                let words: Vec<&str> = states.is.iter().map(|s| s.word()).collect();
                let word = if *old { "state" } else { "ctstate" };
                parts.push(format!("{}{word} {}", not(states.not), words.join(",")));
            }
            parts.extend(orig_dst.as_ref().map(|m| format!("{}ctorigdst {}", not(m.not), short_net(&m.is))));
            parts.extend(orig_port.as_ref().map(|m| format!("{}ctorigdstport {}", not(m.not), range_text(m.is))));
            parts.join(" ")
        }
        Match::Mark(m) => {
            let mask = if m.is.1 == u32::MAX { String::new() } else { format!("/{:#x}", m.is.1) };
            format!("mark match {}{:#x}{mask}", if m.not { "! " } else { "" }, m.is.0)
        }
        Match::Random { .. } | Match::Nth { .. } => {
            // The options of the printed rule without their dashes.
            found.to_string().replace("-m statistic --mode", "statistic mode").replace(" --", " ")
        }
        Match::Recent(recent) => explain_recent(recent),
        Match::Account(name) => format!("nfacct-name  {name}"),
        Match::Extra(extra) => extra.explain(),
    }
}

fn explain_recent(recent: &Recent) -> String {
    let verb = match recent.verb {
        Verb::Set => "SET",
        Verb::Check => "CHECK",
        Verb::Update => "UPDATE",
        Verb::Remove => "REMOVE",
    };
    let seconds = recent.seconds.map(|s| format!(" seconds: {s}")).unwrap_or_default();
    let reap = if recent.reap { " reap" } else { "" };
    let side = if recent.by_dest { "dest" } else { "source" };
    let not = if recent.not { "! " } else { "" };
    format!("{not}recent: {verb}{seconds}{reap} name: {} side: {side} mask: 255.255.255.255", recent.name)
}
