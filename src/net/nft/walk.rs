//! A packet's way through the base chains of a hook. Models net/netfilter/nf_tables_core.c.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::net::conntrack::CtState;
use crate::net::filter::Question;
use crate::net::nft::{Among, Key, Loaded, Nft, Part, Rule, Verdict, list};
use crate::sim::Rng;

/// What the chains of a hook do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Let through, drop or reject.
    Filter,
    /// Rewrite addresses; asked for the first packet of a connection only.
    Nat,
}

/// A hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// Before routing.
    Prerouting,
    /// To this host.
    Input,
    /// Through this host.
    Forward,
    /// From this host.
    Output,
    /// Before leaving.
    Postrouting,
}

impl Hook {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Hook::Prerouting => "prerouting",
            Hook::Input => "input",
            Hook::Forward => "forward",
            Hook::Output => "output",
            Hook::Postrouting => "postrouting",
        }
    }
}

/// Which rule of which chain, by value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NftHit {
    /// The table.
    pub table: Arc<str>,
    /// The chain.
    pub chain: Arc<str>,
    /// The rule.
    pub rule: Arc<Rule>,
    /// The last element of a map that led there: the map's name and the element as text.
    pub element: Option<(Arc<str>, String)>,
}

impl fmt::Display for NftHit {
    /// `ip kube-proxy reject-chain: reject (@no-endpoint-services { 10.96.0.81 . tcp . 80 … })`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ip {} {}: {}", self.table, self.chain, self.rule)?;
        self.element.as_ref().map_or(Ok(()), |(map, element)| write!(f, " (@{map} {{ {element} }})"))
    }
}

/// What a hook comes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NftVerdict {
    /// It goes on.
    Accept,
    /// It is dropped.
    Drop(NftHit),
    /// It is dropped and its sender is told that the port is unreachable.
    Reject(NftHit),
    /// Its destination is rewritten.
    Dnat(SocketAddrV4, NftHit),
    /// Its source becomes the address of the device that it leaves by.
    Masquerade(NftHit),
}

/// How deep chains may call each other.
const DEPTH: usize = 16;

impl Nft {
    /// Walks the base chains of a kind at a hook, of those priorities. `mark` is the packet's mark.
    pub fn walk(
        &mut self,
        (kind, hook): (Kind, Hook),
        priorities: std::ops::RangeInclusive<i32>,
        q: &Question<'_>,
        mark: &mut u32,
        rng: &mut Rng,
    ) -> NftVerdict {
        for (name, table) in self.tables.iter_mut() {
            let here = |(base, _): &&(super::Base, Arc<str>)| {
                base.kind == kind && base.hook == hook && priorities.contains(&base.priority)
            };
            let bases: Vec<Arc<str>> = table.bases.iter().filter(here).map(|(_, chain)| chain.clone()).collect();
            for chain in bases {
                match table.walk(name, chain, q, mark, rng) {
                    NftVerdict::Accept => {}
                    ended => return ended,
                }
            }
        }
        NftVerdict::Accept
    }
}

/// What a rule came to.
enum Step {
    /// The next rule.
    Next,
    /// This verdict.
    Verdict(Verdict),
    /// The end of the walk.
    End(NftVerdict),
}

impl Loaded {
    fn walk(
        &mut self,
        table: &Arc<str>,
        base: Arc<str>,
        q: &Question<'_>,
        mark: &mut u32,
        rng: &mut Rng,
    ) -> NftVerdict {
        let mut stack: Vec<(Arc<str>, usize)> = vec![(base, 0)];
        let mut element = None;
        'chains: loop {
            let depth = stack.len();
            let Some((chain, at)) = stack.last_mut() else { return NftVerdict::Accept };
            while let Some(rule) = self.chains.get(chain).and_then(|found| found.rules.get(*at)).cloned() {
                *at += 1;
                let hit = |element: &Option<(Arc<str>, String)>| NftHit {
                    table: table.clone(),
                    chain: chain.clone(),
                    rule: rule.clone(),
                    element: element.clone(),
                };
                let verdict = match self.step(&rule, q, mark, rng, &mut element, hit) {
                    Step::Next => continue,
                    Step::End(verdict) => return verdict,
                    Step::Verdict(verdict) => verdict,
                };
                match verdict {
                    Verdict::Accept => return NftVerdict::Accept,
                    Verdict::Drop => return NftVerdict::Drop(hit(&element)),
                    Verdict::Return => break,
                    Verdict::Jump(to) if depth < DEPTH => stack.push((to, 0)),
                    Verdict::Jump(_) => return NftVerdict::Drop(hit(&element)),
                    Verdict::Goto(to) => {
                        // What follows the rule is not come back to, but what called this chain is.
                        stack.pop();
                        stack.push((to, 0));
                    }
                }
                continue 'chains;
            }
            stack.pop();
        }
    }

    fn step(
        &mut self,
        rule: &Rule,
        q: &Question<'_>,
        mark: &mut u32,
        rng: &mut Rng,
        element: &mut Option<(Arc<str>, String)>,
        hit: impl Fn(&Option<(Arc<str>, String)>) -> NftHit,
    ) -> Step {
        for part in &rule.parts {
            let holds = match part {
                Part::New => q.state == CtState::New,
                Part::Ip { dst, not, among } => self.is_among(if *dst { q.dst } else { q.src }, among, q) != *not,
                Part::Local { dst } => (q.is_local)(if *dst { q.dst } else { q.src }),
                Part::Proto(proto) => q.proto == *proto,
                Part::Unmarked(bits) => *mark & bits == 0,
                Part::MarkOr(bits) => {
                    *mark |= bits;
                    true
                }
                Part::MarkXor(bits) => {
                    *mark ^= bits;
                    true
                }
                Part::Update(set) => {
                    self.update(set, q);
                    true
                }
                Part::Map { by_address, map } => match self.find(*by_address, map, q) {
                    Some((verdict, text)) => {
                        *element = Some((map.clone(), text));
                        return Step::Verdict(verdict);
                    }
                    None => false,
                },
                Part::Random(verdicts) => {
                    let count = verdicts.len() as u64;
                    let drawn = usize::try_from(rng.below(count)).expect("drawn below a length");
                    return Step::Verdict(verdicts[drawn].clone());
                }
                Part::Verdict(verdict) => return Step::Verdict(verdict.clone()),
                Part::Reject => return Step::End(NftVerdict::Reject(hit(element))),
                Part::Masquerade => return Step::End(NftVerdict::Masquerade(hit(element))),
                Part::Dnat(to) => return Step::End(NftVerdict::Dnat(*to, hit(element))),
            };
            if !holds {
                return Step::Next;
            }
        }
        Step::Next
    }

    fn is_among(&self, ip: IpAddr, among: &Among, q: &Question<'_>) -> bool {
        let Some(ip) = ipv4(ip) else { return false };
        match among {
            Among::Nets(nets) => nets.iter().any(|net| net.contains(&ip)),
            Among::Set(name) => {
                let member = self.sets.get(name).and_then(|set| set.members.get(&ip));
                member.is_some_and(|until| until.is_none_or(|until| until > q.now))
            }
        }
    }

    fn update(&mut self, set: &Arc<str>, q: &Question<'_>) {
        if let (Some(set), Some(ip)) = (self.sets.get_mut(set), ipv4(q.src)) {
            let until = set.timeout.map(|time| q.now + time);
            set.members.insert(ip, until);
        }
    }

    fn find(&self, by_address: bool, map: &Arc<str>, q: &Question<'_>) -> Option<(Verdict, String)> {
        let (_, port) = q.ports.filter(|_| matches!(q.proto, 6 | 17 | 132))?;
        let ip = if by_address { Some(ipv4(q.dst)?) } else { None };
        let map = self.maps.get(map)?;
        let key = Key { ip, proto: q.proto, port };
        let (verdict, _) = map.elements.get(&key)?;
        Some((verdict.clone(), list::element(map, &key)))
    }
}

fn ipv4(ip: IpAddr) -> Option<Ipv4Addr> {
    match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}
