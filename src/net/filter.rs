//! iptables: tables of chains of rules, and walking them.
//!
//! Models net/ipv4/netfilter/ip_tables.c (the walk) and the hooks of the `filter` and `nat` tables. What is evaluated is
//! what [`text`] prints: there is no second form of a rule. The tables `mangle`, `raw` and `security` do not exist. A rule may
//! be of either family, as iptables and ip6tables share x_tables; namespaces ask about IPv4 packets only.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::net::conntrack::CtState;
use crate::net::filter::recent::Recents;
use crate::net::filter::rule::Memory;
use crate::net::filter::set::{IpSet, Sets};
use crate::sim::{Rng, Time, VecMap};

pub mod command;
pub mod extra;
pub mod list;
pub mod recent;
pub mod rule;
pub mod set;
pub mod text;

pub use extra::Extra;
pub use rule::{Match, NatTo, RejectWith, Rule, Target};

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Accept, drop or reject.
    Filter,
    /// Rewrite addresses; asked for the first packet of a connection only.
    Nat,
}

impl Table {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Table::Filter => "filter",
            Table::Nat => "nat",
        }
    }

    /// The table of that name.
    pub fn of_name(name: &str) -> Option<Table> {
        [Table::Filter, Table::Nat].into_iter().find(|t| t.name() == name)
    }

    /// Its built-in chains, in the order of `iptables-save`.
    pub fn built_in(self) -> &'static [&'static str] {
        match self {
            Table::Filter => &["INPUT", "FORWARD", "OUTPUT"],
            Table::Nat => &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
        }
    }
}

/// Packets and bytes that a rule or policy saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes of IP packets.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, bytes: u16) {
        self.packets += 1;
        self.bytes += u64::from(bytes);
    }
}

/// A chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Chain {
    /// Whether the policy of a built-in chain is DROP.
    pub policy_drop: bool,
    /// How often the policy decided.
    pub policy_count: Count,
    rules: Vec<Arc<Rule>>,
    counts: Vec<Count>,
}

impl Chain {
    /// Its rules with their counters, first first.
    pub fn rules(&self) -> impl Iterator<Item = (&Arc<Rule>, Count)> {
        self.rules.iter().zip(self.counts.iter().copied())
    }

    fn insert(&mut self, at: usize, rule: Rule) {
        let at = at.min(self.rules.len());
        self.rules.insert(at, Arc::new(rule));
        self.counts.insert(at, Count::default());
    }

    fn remove(&mut self, at: usize) {
        self.rules.remove(at);
        self.counts.remove(at);
    }

    fn flush(&mut self) {
        self.rules.clear();
        self.counts.clear();
    }
}

/// The rules of one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    tables: VecMap<Table, VecMap<Arc<str>, Chain>>,
    recents: Recents,
    sets: Sets,
}

impl Default for Filter {
    fn default() -> Self {
        let chains = |t: Table| t.built_in().iter().map(|c| (Arc::from(*c), Chain::default())).collect();
        Filter {
            tables: [Table::Filter, Table::Nat].map(|t| (t, chains(t))).into(),
            recents: Recents::default(),
            sets: Sets::new(),
        }
    }
}

/// Which rule of which chain, by value: it stays readable when the chain has changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hit {
    /// The table.
    pub table: Table,
    /// The chain.
    pub chain: Arc<str>,
    /// The number of the rule in it, from 1; `None` if the policy decided.
    pub rule: Option<(u32, Arc<Rule>)>,
}

impl fmt::Display for Hit {
    /// The rule as `iptables-save` prints it, behind table and number; or the policy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some((n, rule)) => write!(f, "{} rule {n}: -A {} {rule}", self.table.name(), self.chain),
            None => write!(f, "{}: policy of {}", self.table.name(), self.chain),
        }
    }
}

/// What walking a chain comes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It goes on; `Some` if a rule said so and not just an accepting policy.
    Accept(Option<Hit>),
    /// It is dropped.
    Drop(Hit),
    /// It is dropped and its sender is told.
    Reject(RejectWith, Hit),
    /// Its connection is rewritten.
    Nat(Target, Hit),
}

/// What a rule can ask about a packet.
pub struct Question<'a> {
    /// When it is asked.
    pub now: Time,
    /// The source address.
    pub src: IpAddr,
    /// The destination address.
    pub dst: IpAddr,
    /// The protocol number.
    pub proto: u8,
    /// Whether it is whole, or the first of its fragments.
    pub first: bool,
    /// Length of header and payload, in bytes.
    pub length: u16,
    /// Source and destination port.
    pub ports: Option<(u16, u16)>,
    /// The payload of the IP packet.
    pub l4: &'a [u8],
    /// The device that it came in by; empty for none.
    pub input: &'a str,
    /// The device that it goes out by; empty for none.
    pub output: &'a str,
    /// The state of its connection.
    pub state: CtState,
    /// Where its connection went before anything was rewritten; `None` if it belongs to none.
    pub orig_dst: Option<(IpAddr, u16)>,
    /// Whether it only passes a bridge.
    pub bridged: bool,
    /// Whether it came in by a port of a bridge.
    pub by_port: bool,
    /// Whether IPVS chose its connection's destination.
    pub ipvs: bool,
    /// Whether its connection's destination was rewritten.
    pub dnat: bool,
    /// Whether its connection's source was rewritten.
    pub snat: bool,
    /// Whether an address belongs to this host.
    pub is_local: &'a dyn Fn(IpAddr) -> bool,
}

#[cfg(test)]
impl<'a> Question<'a> {
    /// A question about the first packet of a new connection, between two ports over TCP, that came in by `docker0`.
    pub(crate) fn of_test(src: IpAddr, dst: IpAddr, is_local: &'a dyn Fn(IpAddr) -> bool) -> Question<'a> {
        Question {
            now: Time::ZERO,
            src,
            dst,
            proto: crate::net::packet::TCP,
            first: true,
            length: 60,
            ports: Some((40_000, 80)),
            l4: &[],
            input: "docker0",
            output: "",
            state: CtState::New,
            orig_dst: None,
            bridged: false,
            by_port: false,
            ipvs: false,
            dnat: false,
            snat: false,
            is_local,
        }
    }
}

/// How deep chains may call each other.
const DEPTH: usize = 32;

impl Filter {
    /// Whether connection tracking has a reason to be on: a rule in `nat` or a rule that asks for a state.
    pub fn needs_conntrack(&self) -> bool {
        let nat = self.tables[&Table::Nat].values().any(|c| !c.rules.is_empty());
        nat || self.tables[&Table::Filter].values().flat_map(|c| &c.rules).any(|r| r.asks_state())
    }

    /// A chain.
    pub fn chain(&self, table: Table, name: &str) -> Option<&Chain> {
        self.tables[&table].get(name)
    }

    /// The chains of a table: the built-in ones, then the others by name.
    pub fn chains(&self, table: Table) -> impl Iterator<Item = (&Arc<str>, &Chain)> {
        let chains = &self.tables[&table];
        let built_in = table.built_in();
        let first = built_in.iter().filter_map(|name| chains.get_key_value(*name));
        first.chain(chains.iter().filter(|(name, _)| !built_in.contains(&&***name)))
    }

    /// Forgets the lists of `recent` that no rule keeps any more.
    fn forget_lists(&mut self) {
        let Filter { tables, recents, .. } = self;
        if !recents.is_empty() {
            let rules = tables.values().flat_map(|chains| chains.values()).flat_map(|chain| &chain.rules);
            recents.keep(rules.flat_map(|rule| rule.lists()));
        }
    }

    /// The sets.
    pub fn sets(&self) -> &Sets {
        &self.sets
    }

    /// How many rules ask a set.
    pub fn asks_of_set(&self, name: &str) -> usize {
        let rules = self.tables.values().flat_map(|chains| chains.values()).flat_map(|chain| &chain.rules);
        rules
            .flat_map(|rule| &rule.matches)
            .filter(|m| matches!(m, Match::Extra(Extra::Set { name: n, .. }) if **n == *name))
            .count()
    }

    /// Makes a set, or gives it other members.
    pub fn put_set(&mut self, name: Arc<str>, set: IpSet) {
        self.sets.insert(name, set);
    }

    /// Takes the sets away that are not to be kept.
    pub fn keep_sets(&mut self, keep: impl Fn(&str) -> bool) {
        self.sets.retain(|name, _| keep(name));
    }

    /// Walks the chain `name` for a packet. `mark` is the packet's mark, which rules read and set.
    pub fn walk(&mut self, table: Table, name: &str, q: &Question<'_>, mark: &mut u32, rng: &mut Rng) -> Verdict {
        let Filter { tables, recents, sets } = self;
        let chains = tables.get_mut(&table).expect("both tables exist from the start");
        let mut memory = Memory { rng, recents, sets };
        if chains.get(name).is_none_or(|c| c.rules.is_empty()) {
            return policy(chains, table, name, q);
        }
        let mut stack: Vec<(Arc<str>, usize)> = vec![(name.into(), 0)];
        'chains: loop {
            let depth = stack.len();
            let Some((chain_name, at)) = stack.last_mut() else { break };
            let Some(chain) = chains.get_mut(chain_name) else { break };
            while let Some(rule) = chain.rules.get(*at) {
                let number = *at;
                *at += 1;
                if !rule.matches(q, *mark, chain.counts[number].packets, &mut memory) {
                    continue;
                }
                chain.counts[number].add(q.length);
                let hit = || Hit {
                    table,
                    chain: chain_name.clone(),
                    rule: Some((u32::try_from(number + 1).expect("a chain is short"), rule.clone())),
                };
                match &rule.target {
                    None | Some(Target::Log(_)) => {}
                    Some(Target::Accept) => return Verdict::Accept(Some(hit())),
                    Some(Target::Drop) => return Verdict::Drop(hit()),
                    Some(Target::Reject(with)) => return Verdict::Reject(*with, hit()),
                    Some(Target::Mark { value, mask }) => *mark = *mark & !mask ^ value,
                    Some(Target::Return) => break,
                    Some(Target::Jump(to)) if depth < DEPTH => {
                        let to = to.clone();
                        stack.push((to, 0));
                        continue 'chains;
                    }
                    Some(Target::Jump(_)) => return Verdict::Drop(hit()),
                    Some(nat) => return Verdict::Nat(nat.clone(), hit()),
                }
            }
            stack.pop();
        }
        policy(chains, table, name, q)
    }
}

fn policy(chains: &mut VecMap<Arc<str>, Chain>, table: Table, name: &str, q: &Question<'_>) -> Verdict {
    let Some(chain) = chains.get_mut(name) else { return Verdict::Accept(None) };
    chain.policy_count.add(q.length);
    match chain.policy_drop {
        true => Verdict::Drop(Hit { table, chain: name.into(), rule: None }),
        false => Verdict::Accept(None),
    }
}
