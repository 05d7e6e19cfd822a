//! nftables: tables of sets, maps and chains, as far as kube-proxy uses them, and what `nft list` prints of them.
//!
//! Models net/netfilter/nf_tables_api.c and the output of nft 1.1. What is evaluated is what is printed: a packet walks the
//! rules of [`walk`](crate::net::nft::Nft::walk), which are those of the text. Differs: family `ip` only; rules are made by
//! programs of the simulation, as values, and not read from text; iptables keeps its own tables, as iptables-legacy does.

use std::fmt::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::net::filter::text::proto_name;
use crate::sim::{Span, Time, VecMap, VecSet};

mod list;
mod walk;

pub use walk::{Hook, Kind, NftHit, NftVerdict};

/// Where a rule sends a packet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// On to the next base chain.
    Accept,
    /// Nowhere.
    Drop,
    /// Back to the chain that it came from.
    Return,
    /// To a chain, and back.
    Jump(Arc<str>),
    /// To a chain.
    Goto(Arc<str>),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Accept => write!(f, "accept"),
            Verdict::Drop => write!(f, "drop"),
            Verdict::Return => write!(f, "return"),
            Verdict::Jump(chain) => write!(f, "jump {chain}"),
            Verdict::Goto(chain) => write!(f, "goto {chain}"),
        }
    }
}

/// A key of a map: an address (or none), protocol and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The address; `None` in a map by protocol and port.
    pub ip: Option<Ipv4Addr>,
    /// Protocol number.
    pub proto: u8,
    /// The port.
    pub port: u16,
}

impl Key {
    /// The place in nft's order, which is that of the bytes from the last to the first.
    fn place(self) -> (u16, u8, [u8; 4]) {
        let mut ip = self.ip.map_or([0; 4], |ip| ip.octets());
        ip.reverse();
        (self.port.swap_bytes(), self.proto, ip)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip.map_or(Ok(()), |ip| write!(f, "{ip} . "))?;
        write!(f, "{} . {}", proto_name(self.proto), self.port)
    }
}

/// What an address is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Among {
    /// These networks.
    Nets(Vec<Ipv4Net>),
    /// A named set.
    Set(Arc<str>),
}

impl fmt::Display for Among {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |net: &Ipv4Net| if net.prefix_len() == 32 { net.addr().to_string() } else { net.to_string() };
        match self {
            Among::Set(name) => write!(f, "@{name}"),
            Among::Nets(nets) if nets.len() == 1 => f.write_str(&text(&nets[0])),
            // The kernel keeps networks in order.
            Among::Nets(nets) => {
                let sorted: VecSet<Ipv4Net> = nets.iter().copied().collect();
                write!(f, "{{ {} }}", sorted.iter().map(text).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// A part of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// `ct state new`.
    New,
    /// `ip saddr …`, `ip daddr …`.
    Ip {
        /// Whether the destination is meant, else the source.
        dst: bool,
        /// `!=`.
        not: bool,
        /// With what it is compared.
        among: Among,
    },
    /// `fib saddr type local`, `fib daddr type local`.
    Local {
        /// Whether the destination is meant, else the source.
        dst: bool,
    },
    /// `meta l4proto …`.
    Proto(u8),
    /// `meta mark & M == 0x00000000`.
    Unmarked(u32),
    /// `meta mark set meta mark | M`.
    MarkOr(u32),
    /// `meta mark set meta mark ^ M`.
    MarkXor(u32),
    /// `[ip daddr . ] meta l4proto . th dport vmap @MAP`.
    Map {
        /// Whether the key begins with the destination address.
        by_address: bool,
        /// The map.
        map: Arc<str>,
    },
    /// `numgen random mod N vmap { 0 : …, … }`.
    Random(Vec<Verdict>),
    /// `update @SET { ip saddr }`.
    Update(Arc<str>),
    /// `reject`: the sender is told that the port is unreachable.
    Reject,
    /// `masquerade fully-random`.
    Masquerade,
    /// `dnat to …`.
    Dnat(SocketAddrV4),
    /// A verdict.
    Verdict(Verdict),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |dst: &bool| if *dst { "daddr" } else { "saddr" };
        match self {
            Part::New => write!(f, "ct state new"),
            Part::Ip { dst, not, among } => write!(f, "ip {} {}{among}", side(dst), if *not { "!= " } else { "" }),
            Part::Local { dst } => write!(f, "fib {} type local", side(dst)),
            Part::Proto(proto) => write!(f, "meta l4proto {}", proto_name(*proto)),
            Part::Unmarked(mark) => write!(f, "meta mark & {mark:#010x} == 0x00000000"),
            Part::MarkOr(mark) => write!(f, "meta mark set meta mark | {mark:#010x}"),
            Part::MarkXor(mark) => write!(f, "meta mark set meta mark ^ {mark:#010x}"),
            Part::Map { by_address, map } => {
                let address = if *by_address { "ip daddr . " } else { "" };
                write!(f, "{address}meta l4proto . th dport vmap @{map}")
            }
            Part::Random(verdicts) => {
                let each = verdicts.iter().enumerate().map(|(n, verdict)| format!("{n} : {verdict}"));
                let each: Vec<String> = each.collect();
                write!(f, "numgen random mod {} vmap {{ {} }}", verdicts.len(), each.join(", "))
            }
            Part::Update(set) => write!(f, "update @{set} {{ ip saddr }}"),
            Part::Reject => write!(f, "reject"),
            Part::Masquerade => write!(f, "masquerade fully-random"),
            Part::Dnat(to) => write!(f, "dnat to {to}"),
            Part::Verdict(verdict) => verdict.fmt(f),
        }
    }
}

/// A rule: what holds of all its parts, in their order, happens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Its parts.
    pub parts: Vec<Part>,
    /// Its comment; empty for none.
    pub comment: &'static str,
}

impl Rule {
    /// A rule without a comment.
    pub fn of(parts: impl Into<Vec<Part>>) -> Rule {
        Rule { parts: parts.into(), comment: "" }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.parts.iter().map(Part::to_string).collect();
        f.write_str(&parts.join(" "))?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " comment \"{}\"", self.comment) }
    }
}

/// The hook that a base chain is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Base {
    /// What it does.
    pub kind: Kind,
    /// Where.
    pub hook: Hook,
    /// Its place among the chains of the hook.
    pub priority: i32,
}

/// A chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Chain {
    /// The hook, if it is a base chain.
    pub base: Option<Base>,
    /// Its comment; empty for none.
    pub comment: &'static str,
    /// Its rules.
    pub rules: Vec<Arc<Rule>>,
}

/// A set of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Set {
    /// Its comment; empty for none.
    pub comment: &'static str,
    /// How long a member that a rule puts in stays; `None`: members are put in from outside.
    pub timeout: Option<Span>,
    /// The members, with the time at which those of a rule go.
    pub members: VecMap<Ipv4Addr, Option<Time>>,
}

/// A map from addresses and ports to verdicts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Map {
    /// Whether its keys begin with an address.
    pub by_address: bool,
    /// Its comment.
    pub comment: &'static str,
    /// Its elements with their comments.
    pub elements: VecMap<Key, (Verdict, Option<Arc<str>>)>,
}

/// What a table has, by name, each in the order in which it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Table {
    /// Its comment.
    pub comment: &'static str,
    /// The sets, then the maps.
    pub sets: Vec<(Arc<str>, Set)>,
    /// The maps.
    pub maps: Vec<(Arc<str>, Map)>,
    /// The chains.
    pub chains: Vec<(Arc<str>, Chain)>,
}

/// The tables of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Nft {
    tables: VecMap<Arc<str>, Loaded>,
}

/// A table as the kernel has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Loaded {
    comment: &'static str,
    /// The names of sets and maps and those of chains, in the order in which they were made.
    objects: Vec<Arc<str>>,
    order: Vec<Arc<str>>,
    sets: VecMap<Arc<str>, Set>,
    maps: VecMap<Arc<str>, Map>,
    chains: VecMap<Arc<str>, Chain>,
    /// The names of the base chains, by priority.
    bases: Vec<(Base, Arc<str>)>,
}

impl Nft {
    /// Whether there is no table.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Makes a table be this. What is there from before keeps its place, and sets that rules fill keep their members. Answers
    /// whether anything changed.
    pub fn load(&mut self, name: &str, table: Table) -> bool {
        let old = self.tables.get(name);
        let mut loaded = Loaded { comment: table.comment, ..Loaded::default() };
        let new_objects = table.sets.iter().map(|(name, _)| name).chain(table.maps.iter().map(|(name, _)| name));
        loaded.objects = in_order(old.map(|old| &old.objects), new_objects);
        loaded.order = in_order(old.map(|old| &old.order), table.chains.iter().map(|(name, _)| name));
        for (name, mut set) in table.sets {
            if set.timeout.is_some()
                && let Some(known) = old.and_then(|old| old.sets.get(&name))
            {
                set.members = known.members.clone();
            }
            loaded.sets.insert(name, set);
        }
        loaded.maps = table.maps.into_iter().collect();
        loaded.chains = table.chains.into_iter().collect();
        let bases = loaded.order.iter().filter_map(|name| Some((loaded.chains[name].base?, name.clone())));
        loaded.bases = bases.collect();
        loaded.bases.sort_by_key(|(base, _)| base.priority);
        if old == Some(&loaded) {
            return false;
        }
        self.tables.insert(name.into(), loaded);
        true
    }

    /// The names of the chains of a table.
    pub fn chains(&self, table: &str) -> impl Iterator<Item = &Arc<str>> {
        self.tables.get(table).into_iter().flat_map(|table| &table.order)
    }
}

/// The names that are wanted: first those that were there, in their order, then the new ones.
fn in_order<'a>(old: Option<&Vec<Arc<str>>>, new: impl Iterator<Item = &'a Arc<str>>) -> Vec<Arc<str>> {
    let new: Vec<&Arc<str>> = new.collect();
    let wanted: VecSet<&Arc<str>> = new.iter().copied().collect();
    let mut order: Vec<Arc<str>> = old.into_iter().flatten().filter(|name| wanted.contains(name)).cloned().collect();
    let known: VecSet<Arc<str>> = order.iter().cloned().collect();
    order.extend(new.into_iter().filter(|name| !known.contains(*name)).cloned());
    order
}

/// A time as nft writes it: `3h`, `2h59m58s120ms`.
fn time_text(time: Span) -> String {
    let ms = time.as_millis();
    let mut text = String::new();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        let rest = if unit == "d" { ms } else { ms % last_of(unit) };
        if rest / size > 0 {
            _ = write!(text, "{}{unit}", rest / size);
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

fn last_of(unit: &str) -> u64 {
    match unit {
        "h" => 86_400_000,
        "m" => 3_600_000,
        "s" => 60_000,
        _ => 1_000,
    }
}

#[cfg(test)]
mod tests;
