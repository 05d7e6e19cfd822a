//! Rules as text: what `iptables-save` prints, and reading what `iptables` and `iptables-restore` take.
//!
//! Models iptables/iptables-save.c and extensions/libxt_*.c (1.8). What is read and printed again is the canonical form:
//! addresses, devices and protocol first, then the extensions in the order given, then the target.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::net::filter::recent::Recent;
use crate::net::filter::rule::{CtWord, Maybe};
use crate::net::filter::{Count, Extra, Filter, Match, NatTo, RejectWith, Rule, Table, Target};
use crate::net::packet::{ICMP, TCP, UDP};

/// IP protocol number of SCTP, which rules can name and nobody here speaks.
const SCTP: u8 = 132;

/// Why a command or a restore was refused; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Rule {
    /// The arguments after `-A CHAIN`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        let mut header = |flag: &str, value: Option<(bool, String)>| {
            if let Some((not, value)) = value {
                words.push(format!("{}{flag} {value}", bang(not)));
            }
        };
        header("-s", self.src.as_ref().map(|m| (m.not, m.is.to_string())));
        header("-d", self.dst.as_ref().map(|m| (m.not, m.is.to_string())));
        header("-i", self.input.as_ref().map(|m| (m.not, m.is.to_string())));
        header("-o", self.output.as_ref().map(|m| (m.not, m.is.to_string())));
        header("-p", self.proto.as_ref().map(|m| (m.not, proto_name(m.is))));
        words.extend(self.matches.iter().map(Match::to_string));
        words.extend(self.target.as_ref().map(Target::to_string));
        f.write_str(&words.join(" "))
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Match::Comment(text) => write!(f, "-m comment --comment {}", quoted(text)),
            Match::Ports { proto, source, dest, syn } => {
                write!(f, "-m {}", proto_name(*proto))?;
                for (flag, range) in [("--sport", source), ("--dport", dest)] {
                    if let Some(m) = range {
                        write!(f, " {}{flag} {}", bang(m.not), range_text(m.is))?;
                    }
                }
                match syn {
                    Some(want) => write!(f, " {}--tcp-flags FIN,SYN,RST,ACK SYN", bang(!want)),
                    None => Ok(()),
                }
            }
            Match::IcmpType(m) => write!(f, "-m icmp {}--icmp-type {}", bang(m.not), m.is),
            Match::AddrTypeLocal { src, dst } => {
                write!(f, "-m addrtype")?;
                for (flag, want) in [("--src-type", src), ("--dst-type", dst)] {
                    if let Some(want) = want {
                        write!(f, " {}{flag} LOCAL", bang(!want))?;
                    }
                }
                Ok(())
            }
            Match::State { old, states, orig_dst, orig_port } => {
                let (module, flag) = if *old { ("state", "--state") } else { ("conntrack", "--ctstate") };
                write!(f, "-m {module}")?;
                if !states.is.is_empty() {
                    let words: Vec<&str> = states.is.iter().map(|s| s.word()).collect();
                    write!(f, " {}{flag} {}", bang(states.not), words.join(","))?;
                }
                if let Some(m) = orig_dst {
                    write!(f, " {}--ctorigdst {}", bang(m.not), short_net(&m.is))?;
                }
                match orig_port {
                    Some(m) => write!(f, " {}--ctorigdstport {}", bang(m.not), range_text(m.is)),
                    None => Ok(()),
                }
            }
            Match::Mark(m) => {
                write!(f, "-m mark {}--mark {:#x}", bang(m.not), m.is.0)?;
                if m.is.1 == u32::MAX { Ok(()) } else { write!(f, "/{:#x}", m.is.1) }
            }
            Match::Random { probability } => {
                // Eleven digits of probability / 2^31, rounded.
                let scaled = (u128::from(*probability) * 100_000_000_000 + (1 << 30)) >> 31;
                let (whole, part) = (scaled / 100_000_000_000, scaled % 100_000_000_000);
                write!(f, "-m statistic --mode random --probability {whole}.{part:011}")
            }
            Match::Nth { every, packet } => write!(f, "-m statistic --mode nth --every {every} --packet {packet}"),
            Match::Recent(recent) => write!(f, "-m recent {recent}"),
            // Two blanks, as the extension prints them.
            Match::Account(name) => write!(f, "-m nfacct --nfacct-name  {name}"),
            Match::Extra(extra) => extra.fmt(f),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Accept => write!(f, "-j ACCEPT"),
            Target::Drop => write!(f, "-j DROP"),
            Target::Reject(with) => write!(f, "-j REJECT --reject-with {}", with.word()),
            Target::Return => write!(f, "-j RETURN"),
            Target::Log(group) => write!(f, "-j NFLOG --nflog-group {group}"),
            Target::Jump(chain) => write!(f, "-j {chain}"),
            Target::Mark { value, mask } => write!(f, "-j MARK --set-xmark {value:#x}/{mask:#x}"),
            Target::Dnat(to) => write!(f, "-j DNAT --to-destination {to}"),
            Target::Snat(to) => write!(f, "-j SNAT --to-source {to}"),
            Target::Masquerade { random_fully: false } => write!(f, "-j MASQUERADE"),
            Target::Masquerade { random_fully: true } => write!(f, "-j MASQUERADE --random-fully"),
            Target::Redirect(None) => write!(f, "-j REDIRECT"),
            Target::Redirect(Some(port)) => write!(f, "-j REDIRECT --to-ports {port}"),
        }
    }
}

impl fmt::Display for NatTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ip, self.port) {
            (Some(ip), Some(port)) => SocketAddr::new(ip, port).fmt(f),
            (Some(ip), None) => ip.fmt(f),
            (None, Some(port)) => write!(f, ":{port}"),
            (None, None) => Ok(()),
        }
    }
}

fn bang(not: bool) -> &'static str {
    if not { "! " } else { "" }
}

/// A range of ports, or the only one.
pub(crate) fn range_text((low, high): (u16, u16)) -> String {
    if low == high { low.to_string() } else { format!("{low}:{high}") }
}

/// A network, or just the address if it is one.
pub(crate) fn short_net(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// Quotes what the shell would take apart, as iptables-save does.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:,".contains(c));
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// A protocol as iptables-save names it.
pub(crate) fn proto_name(proto: u8) -> String {
    match proto {
        ICMP => "icmp".into(),
        TCP => "tcp".into(),
        UDP => "udp".into(),
        SCTP => "sctp".into(),
        other => other.to_string(),
    }
}

impl Filter {
    /// What `iptables-save` prints; `stamp` is the date that its comments show. With `counters`, each rule's (`-c`).
    pub fn save(&self, stamp: &str, counters: bool) -> String {
        [Table::Filter, Table::Nat].map(|table| self.save_table(table, stamp, counters)).concat()
    }

    /// The same of one table (`-t nat`).
    pub fn save_table(&self, table: Table, stamp: &str, counters: bool) -> String {
        let mut text = format!("# Generated by iptables-save v1.8.9 on {stamp}\n*{}\n", table.name());
        for (name, chain) in self.chains(table) {
            let Count { packets, bytes } = chain.policy_count;
            let policy = match (table.built_in().contains(&&**name), chain.policy_drop) {
                (false, _) => "-",
                (true, true) => "DROP",
                (true, false) => "ACCEPT",
            };
            text.push_str(&format!(":{name} {policy} [{packets}:{bytes}]\n"));
        }
        for (name, chain) in self.chains(table) {
            for (rule, Count { packets, bytes }) in chain.rules() {
                if counters {
                    text.push_str(&format!("[{packets}:{bytes}] "));
                }
                text.push_str(format!("-A {name} {rule}").trim_end());
                text.push('\n');
            }
        }
        text.push_str(&format!("COMMIT\n# Completed on {stamp}\n"));
        text
    }

    /// What `iptables-restore` does with `text`, all or nothing. Without `noflush` each table named is emptied before.
    pub fn restore(&mut self, text: &str, noflush: bool) -> Result<(), Refused> {
        let mut next = self.clone();
        let mut table = None;
        for (n, line) in text.lines().enumerate() {
            let failed = |why: Refused| Refused(format!("iptables-restore: line {} failed: {why}", n + 1));
            let line = line.trim();
            match line.split_at_checked(1) {
                None | Some(("#", _)) => {}
                Some(("*", name)) => {
                    let named = Table::of_name(name).ok_or_else(|| {
                        failed(Refused(format!("iptables-restore: unable to initialize table '{name}'")))
                    })?;
                    if !noflush {
                        next.tables.insert(named, Filter::default().tables[&named].clone());
                    }
                    table = Some(named);
                }
                _ if line == "COMMIT" => table = None,
                Some((first, rest)) => {
                    let table = table.ok_or_else(|| failed(Refused("no table".into())))?;
                    let done = if first == ":" { next.declare(table, rest) } else { next.command(table, line) };
                    done.map_err(failed)?;
                }
            }
        }
        next.forget_lists();
        *self = next;
        Ok(())
    }

    /// `:CHAIN POLICY [packets:bytes]`: makes the chain or empties it.
    fn declare(&mut self, table: Table, line: &str) -> Result<(), Refused> {
        let mut words = line.split_whitespace();
        let name = words.next().ok_or_else(|| Refused("chain name missing".into()))?;
        let chain = self.tables.entry(table).or_default().entry(name.into()).or_default();
        chain.flush();
        chain.policy_drop = words.next() == Some("DROP");
        Ok(())
    }
}

/// Takes a line apart as a shell would: blanks, double quotes, backslash inside them.
pub(super) fn split(line: &str) -> Result<Vec<String>, Refused> {
    let (mut words, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => (quoted, any) = (!quoted, true),
            '\\' if quoted => word.extend(chars.next()),
            c if c.is_whitespace() && !quoted => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            c => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    if quoted { Err(Refused("unterminated quote".into())) } else { Ok(words) }
}

/// Reads a rule: the arguments after the chain's name.
pub(super) fn parse_rule<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<Rule, Refused> {
    let mut rule = Rule::default();
    let mut not = false;
    while let Some(flag) = words.next() {
        if flag == "!" {
            not = true;
            continue;
        }
        let mut value = || words.next().ok_or_else(|| Refused(format!("option \"{flag}\" requires an argument")));
        let negate = std::mem::take(&mut not);
        match flag {
            "-s" | "--source" => rule.src = Some(Maybe { not: negate, is: net(value()?)? }),
            "-d" | "--destination" => rule.dst = Some(Maybe { not: negate, is: net(value()?)? }),
            "-i" | "--in-interface" => rule.input = Some(Maybe { not: negate, is: value()?.into() }),
            "-o" | "--out-interface" => rule.output = Some(Maybe { not: negate, is: value()?.into() }),
            "-p" | "--protocol" => rule.proto = Some(Maybe { not: negate, is: proto(value()?)? }),
            "-m" | "--match" => open_match(&mut rule, value()?)?,
            "-j" | "--jump" => rule.target = Some(target(value()?)),
            "--syn" => *ports(&mut rule, flag)?.3 = Some(!negate),
            "--set" | "--rcheck" | "--update" | "--remove" | "--reap" | "--rsource" | "--rdest" => {
                recent(&mut rule, flag)?.flag(flag, negate);
            }
            "--physdev-is-bridged" => {
                if let Some(Match::Extra(extra)) = rule.matches.last_mut() {
                    *extra = Extra::Bridged { not: negate };
                }
            }
            "--physdev-is-in" => {
                if let Some(Match::Extra(extra)) = rule.matches.last_mut() {
                    *extra = Extra::ByPort { not: negate };
                }
            }
            "--match-set" => option(&mut rule, flag, negate, &format!("{} {}", value()?, value()?))?,
            "--random-fully" => rule.target = Some(Target::Masquerade { random_fully: true }),
            "--tcp-flags" => {
                if (value()?, value()?) != ("FIN,SYN,RST,ACK", "SYN") {
                    return Err(Refused("only --syn is known of --tcp-flags".into()));
                }
                *ports(&mut rule, flag)?.3 = Some(!negate);
            }
            flag => option(&mut rule, flag, negate, value()?)?,
        }
    }
    Ok(rule)
}

fn open_match(rule: &mut Rule, name: &str) -> Result<(), Refused> {
    let states = Maybe { not: false, is: Vec::new() };
    rule.matches.push(match name {
        "comment" => Match::Comment("".into()),
        "tcp" | "udp" | "sctp" => Match::Ports { proto: proto(name)?, source: None, dest: None, syn: None },
        "icmp" => Match::IcmpType(Maybe { not: true, is: 255 }),
        "addrtype" => Match::AddrTypeLocal { src: None, dst: None },
        "conntrack" | "state" => Match::State { old: name == "state", states, orig_dst: None, orig_port: None },
        "mark" => Match::Mark(Maybe { not: false, is: (0, 0) }),
        "statistic" => Match::Random { probability: 0 },
        "recent" => Match::Recent(Recent::default()),
        "nfacct" => Match::Account("".into()),
        _ => match Extra::open(name) {
            Some(extra) => Match::Extra(extra),
            None => return Err(Refused(format!("Couldn't load match `{name}':No such file or directory"))),
        },
    });
    Ok(())
}

type PortParts<'a> = (u8, &'a mut Option<Maybe<(u16, u16)>>, &'a mut Option<Maybe<(u16, u16)>>, &'a mut Option<bool>);

/// The `-m tcp` or `-m udp` of a rule; `-p tcp --dport 80` loads it by itself.
fn ports<'a>(rule: &'a mut Rule, flag: &str) -> Result<PortParts<'a>, Refused> {
    if !rule.matches.iter().any(|m| matches!(m, Match::Ports { .. })) {
        let proto = rule.proto.as_ref().map(|p| p.is).filter(|p| matches!(*p, TCP | UDP));
        let proto = proto.ok_or_else(|| Refused(format!("unknown option \"{flag}\"")))?;
        rule.matches.push(Match::Ports { proto, source: None, dest: None, syn: None });
    }
    let found = rule.matches.iter_mut().rev().find_map(|m| match m {
        Match::Ports { proto, source, dest, syn } => Some((*proto, source, dest, syn)),
        _ => None,
    });
    Ok(found.expect("it was put there just now"))
}

/// The `-m recent` that a flag belongs to.
fn recent<'a>(rule: &'a mut Rule, flag: &str) -> Result<&'a mut Recent, Refused> {
    match rule.matches.last_mut() {
        Some(Match::Recent(recent)) => Ok(recent),
        _ => Err(Refused(format!("unknown option \"{flag}\""))),
    }
}

/// An option of the newest match or of the target.
fn option(rule: &mut Rule, flag: &str, not: bool, value: &str) -> Result<(), Refused> {
    let unknown = || Refused(format!("unknown option \"{flag}\""));
    match flag {
        "--sport" | "--source-port" => *ports(rule, flag)?.1 = Some(Maybe { not, is: range(value)? }),
        "--dport" | "--destination-port" => *ports(rule, flag)?.2 = Some(Maybe { not, is: range(value)? }),
        "--reject-with" | "--set-xmark" | "--set-mark" | "--or-mark" | "--and-mark" | "--xor-mark"
        | "--nflog-group" | "--to-destination" | "--to-source" | "--to-ports" => {
            let target = rule.target.as_mut().ok_or_else(unknown)?;
            target_option(target, flag, value)?;
        }
        _ => match_option(rule.matches.last_mut().ok_or_else(unknown)?, flag, not, value)?,
    }
    Ok(())
}

fn match_option(to: &mut Match, flag: &str, not: bool, value: &str) -> Result<(), Refused> {
    let unknown = || Refused(format!("unknown option \"{flag}\""));
    match (&mut *to, flag) {
        (Match::Comment(text), "--comment") => *text = value.into(),
        (Match::IcmpType(m), "--icmp-type") => *m = Maybe { not, is: icmp_type(value)? },
        (Match::AddrTypeLocal { src, .. }, "--src-type") if value == "LOCAL" => *src = Some(!not),
        (Match::AddrTypeLocal { dst, .. }, "--dst-type") if value == "LOCAL" => *dst = Some(!not),
        (Match::State { states, .. }, "--ctstate" | "--state") => {
            let all = [CtWord::Invalid, CtWord::New, CtWord::Related, CtWord::Established, CtWord::Snat, CtWord::Dnat];
            let read = |word: &str| all.into_iter().find(|w| w.word() == word);
            let bad = || Refused(format!("Bad ctstate \"{value}\""));
            let wanted: Vec<CtWord> = value.split(',').map(read).collect::<Option<_>>().ok_or_else(bad)?;
            // iptables-save prints them in this order.
            *states = Maybe { not, is: all.into_iter().filter(|w| wanted.contains(w)).collect() };
        }
        (Match::State { orig_dst, .. }, "--ctorigdst") => *orig_dst = Some(Maybe { not, is: net(value)? }),
        (Match::State { orig_port, .. }, "--ctorigdstport") => *orig_port = Some(Maybe { not, is: range(value)? }),
        (Match::Mark(m), "--mark") => *m = Maybe { not, is: masked(value)? },
        (Match::Random { .. }, "--mode") if value == "nth" => *to = Match::Nth { every: 1, packet: 0 },
        (Match::Random { .. }, "--mode") if value == "random" => {}
        (Match::Random { probability }, "--probability") => *probability = fraction(value)?,
        (Match::Nth { every, .. }, "--every") => *every = number(value)?,
        (Match::Nth { packet, .. }, "--packet") => *packet = number(value)?,
        (Match::Recent(recent), "--name") => recent.name = value.into(),
        (Match::Recent(recent), "--seconds") => recent.seconds = Some(number(value)?),
        (Match::Recent(_), "--mask") if value == "255.255.255.255" => {}
        (Match::Account(name), "--nfacct-name") => *name = value.into(),
        (Match::Extra(extra), _) => extra.option(flag, not, value)?,
        _ => return Err(unknown()),
    }
    Ok(())
}

fn target_option(target: &mut Target, flag: &str, value: &str) -> Result<(), Refused> {
    let unknown = || Refused(format!("unknown option \"{flag}\""));
    *target = match (&*target, flag) {
        (Target::Reject(_), "--reject-with") => {
            let found = RejectWith::ALL.into_iter().find(|w| w.word() == value);
            Target::Reject(found.ok_or_else(|| Refused(format!("unknown reject type \"{value}\"")))?)
        }
        (Target::Mark { .. }, "--set-xmark") => {
            let (value, mask) = masked(value)?;
            Target::Mark { value, mask }
        }
        (Target::Mark { .. }, "--set-mark") => {
            let (value, mask) = masked(value)?;
            Target::Mark { value, mask: mask | value }
        }
        (Target::Mark { .. }, "--or-mark") => {
            let (value, _) = masked(value)?;
            Target::Mark { value, mask: value }
        }
        (Target::Mark { .. }, "--and-mark") => Target::Mark { value: 0, mask: !masked(value)?.0 },
        (Target::Mark { .. }, "--xor-mark") => Target::Mark { value: masked(value)?.0, mask: 0 },
        (Target::Log(_), "--nflog-group") => Target::Log(number(value)?),
        (Target::Dnat(_), "--to-destination") => Target::Dnat(nat_to(value)?),
        (Target::Snat(_), "--to-source") => Target::Snat(nat_to(value)?),
        (Target::Redirect(_), "--to-ports") => Target::Redirect(Some(number(value)?)),
        _ => return Err(unknown()),
    };
    Ok(())
}

fn target(name: &str) -> Target {
    match name {
        "ACCEPT" => Target::Accept,
        "DROP" => Target::Drop,
        "REJECT" => Target::Reject(RejectWith::PortUnreachable),
        "RETURN" => Target::Return,
        "NFLOG" => Target::Log(0),
        "MARK" => Target::Mark { value: 0, mask: u32::MAX },
        "DNAT" => Target::Dnat(NatTo { ip: None, port: None }),
        "SNAT" => Target::Snat(NatTo { ip: None, port: None }),
        "MASQUERADE" => Target::Masquerade { random_fully: false },
        "REDIRECT" => Target::Redirect(None),
        chain => Target::Jump(chain.into()),
    }
}

fn net(text: &str) -> Result<IpNet, Refused> {
    let whole = || text.parse::<IpAddr>().ok().map(IpNet::from);
    let net = text.parse::<IpNet>().ok().or_else(whole);
    net.map(|n| n.trunc()).ok_or_else(|| Refused(format!("host/network `{text}' not found")))
}

pub(crate) fn proto(text: &str) -> Result<u8, Refused> {
    match text.to_ascii_lowercase().as_str() {
        "icmp" => Ok(ICMP),
        "tcp" => Ok(TCP),
        "udp" => Ok(UDP),
        "sctp" => Ok(SCTP),
        other => other.parse().map_err(|_| Refused(format!("unknown protocol \"{text}\" specified"))),
    }
}

fn icmp_type(text: &str) -> Result<u8, Refused> {
    match text {
        "echo-request" => Ok(8),
        "echo-reply" => Ok(0),
        "destination-unreachable" => Ok(3),
        "time-exceeded" => Ok(11),
        other => number(other),
    }
}

pub(crate) fn range(text: &str) -> Result<(u16, u16), Refused> {
    let (low, high) = text.split_once(':').unwrap_or((text, text));
    let (low, high) = (number(low)?, number(high)?);
    if low <= high { Ok((low, high)) } else { Err(Refused(format!("invalid portrange (min > max) \"{text}\""))) }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Refused> {
    text.parse().map_err(|_| Refused(format!("invalid number \"{text}\"")))
}

fn hex(text: &str) -> Result<u32, Refused> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).map_err(|_| Refused(format!("invalid mark \"{text}\""))),
        None => number(text),
    }
}

fn masked(text: &str) -> Result<(u32, u32), Refused> {
    let (value, mask) = text.split_once('/').map_or((text, None), |(v, m)| (v, Some(m)));
    Ok((hex(value)?, mask.map_or(Ok(u32::MAX), hex)?))
}

fn nat_to(text: &str) -> Result<NatTo, Refused> {
    if let Ok(both) = text.parse::<SocketAddr>() {
        return Ok(NatTo { ip: Some(both.ip()), port: Some(both.port()) });
    }
    match text.strip_prefix(':') {
        Some(port) => Ok(NatTo { ip: None, port: Some(number(port)?) }),
        None => {
            let ip = text.parse().map_err(|_| Refused(format!("Bad IP address \"{text}\"")))?;
            Ok(NatTo { ip: Some(ip), port: None })
        }
    }
}

/// A decimal fraction between 0 and 1 in units of 2⁻³¹, rounded, without floating point.
fn fraction(text: &str) -> Result<u32, Refused> {
    let bad = || Refused("probability must be in range [0.0, 1.0]".into());
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits: String = format!("{part:0<15}").chars().take(15).collect();
    let scale = 1_000_000_000_000_000_u128;
    let whole: u128 = whole.parse().map_err(|_| bad())?;
    let value = whole.saturating_mul(scale) + digits.parse::<u128>().map_err(|_| bad())?;
    if value > scale {
        return Err(bad());
    }
    u32::try_from(((value << 31) + scale / 2) / scale).map_err(|_| bad())
}

#[cfg(test)]
mod tests;
