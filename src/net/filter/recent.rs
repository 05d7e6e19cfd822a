//! `-m recent`: lists of addresses with when each was last seen, which rules write and ask.
//!
//! Models net/netfilter/xt_recent.c with its default of 100 addresses in a list; the address seen longest ago gives way.
//! Differs: one time is kept per address instead of twenty, so `--hitcount` does not exist.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::net::filter::Question;
use crate::sim::{Span, Time};

/// How many addresses a list holds (`ip_list_tot`).
const LONGEST: usize = 100;

/// What a rule does with a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verb {
    /// `--set`: the address was seen now; always true.
    Set,
    /// `--rcheck`: whether it was seen.
    #[default]
    Check,
    /// `--update`: the same, and if so it was seen now.
    Update,
    /// `--remove`: whether it was seen, and forgets it.
    Remove,
}

/// The match of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recent {
    /// Whether it is negated.
    pub not: bool,
    /// What it does.
    pub verb: Verb,
    /// `--seconds`: how long ago at most.
    pub seconds: Option<u32>,
    /// `--reap`: the oldest address leaves the list when it is older than that.
    pub reap: bool,
    /// `--name`: of the list.
    pub name: Arc<str>,
    /// `--rdest`: the destination address counts, not the source.
    pub by_dest: bool,
}

impl Default for Recent {
    fn default() -> Self {
        let name = "DEFAULT".into();
        Recent { not: false, verb: Verb::default(), seconds: None, reap: false, name, by_dest: false }
    }
}

impl Recent {
    /// Reads a flag without a value.
    pub(crate) fn flag(&mut self, flag: &str, not: bool) {
        match flag {
            "--reap" => self.reap = true,
            "--rsource" => self.by_dest = false,
            "--rdest" => self.by_dest = true,
            verb => {
                self.not = not;
                self.verb = match verb {
                    "--set" => Verb::Set,
                    "--update" => Verb::Update,
                    "--remove" => Verb::Remove,
                    _ => Verb::Check,
                };
            }
        }
    }
}

impl fmt::Display for Recent {
    /// The options as `iptables-save` prints them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.verb {
            Verb::Set => "--set",
            Verb::Check => "--rcheck",
            Verb::Update => "--update",
            Verb::Remove => "--remove",
        };
        write!(f, "{}{verb}", if self.not { "! " } else { "" })?;
        if let Some(seconds) = self.seconds {
            write!(f, " --seconds {seconds}")?;
        }
        if self.reap {
            f.write_str(" --reap")?;
        }
        let side = if self.by_dest { "--rdest" } else { "--rsource" };
        write!(f, " --name {} --mask 255.255.255.255 {side}", self.name)
    }
}

/// The lists by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Recents(BTreeMap<Arc<str>, BTreeMap<IpAddr, Time>>);

impl Recents {
    /// Whether there is no list.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When an address was last seen by a list.
    pub fn seen(&self, list: &str, address: IpAddr) -> Option<Time> {
        self.0.get(list)?.get(&address).copied()
    }

    /// Forgets every list that is not among `names`.
    pub(crate) fn keep<'a>(&mut self, names: impl Iterator<Item = &'a Arc<str>>) {
        let mut kept: Vec<&Arc<str>> = names.collect();
        kept.sort_unstable();
        self.0.retain(|name, _| kept.binary_search(&name).is_ok());
    }

    /// Answers a rule, and remembers what it says to remember.
    pub(crate) fn asks(&mut self, recent: &Recent, q: &Question<'_>) -> bool {
        let address = if recent.by_dest { q.dst } else { q.src };
        let young = |seen: Time| recent.seconds.is_none_or(|s| q.now.since(seen) <= Span::secs(u64::from(s)));
        let list = self.0.get_mut(&recent.name);
        let seen = list.as_ref().and_then(|list| list.get(&address).copied());
        let found = recent.verb == Verb::Set || seen.is_some_and(young);
        match recent.verb {
            Verb::Check => {}
            Verb::Update if !found => {}
            Verb::Remove => _ = list.and_then(|list| list.remove(&address)),
            Verb::Set | Verb::Update => self.remember(&recent.name, address, q.now),
        }
        if recent.reap && seen.is_some() {
            self.reap(&recent.name, &young);
        }
        found != recent.not
    }

    fn remember(&mut self, name: &Arc<str>, address: IpAddr, now: Time) {
        let list = self.0.entry(name.clone()).or_default();
        if list.len() >= LONGEST && !list.contains_key(&address) {
            let oldest = oldest(list).expect("a full list is not empty");
            list.remove(&oldest.0);
        }
        list.insert(address, now);
    }

    fn reap(&mut self, name: &str, young: &impl Fn(Time) -> bool) {
        let Some(list) = self.0.get_mut(name) else { return };
        if let Some((address, seen)) = oldest(list)
            && !young(seen)
        {
            list.remove(&address);
        }
    }
}

fn oldest(list: &BTreeMap<IpAddr, Time>) -> Option<(IpAddr, Time)> {
    list.iter().map(|(address, seen)| (*address, *seen)).min_by_key(|(_, seen)| *seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_remembered_for_so_long_and_the_oldest_of_a_full_list_gives_way() {
        let mut recents = Recents::default();
        let mut ask = |verb: Verb, source: u8, second: u64| {
            let (name, seconds) = ("list".into(), (verb != Verb::Set).then_some(10));
            let recent = Recent { verb, seconds, reap: verb == Verb::Check, name, ..Recent::default() };
            let (src, dst) = (IpAddr::from([10, 0, 0, source]), IpAddr::from([10, 0, 1, 1]));
            let now = Time::ZERO + Span::secs(second);
            let question = Question { now, ..Question::of_test(src, dst, &|_| false) };
            recents.asks(&recent, &question)
        };
        for (verb, source, second, answer) in [
            (Verb::Check, 1, 0, false),
            (Verb::Set, 1, 0, true),
            (Verb::Check, 1, 10, true),
            (Verb::Check, 2, 10, false),
            (Verb::Check, 1, 11, false),
            (Verb::Set, 1, 20, true),
            (Verb::Update, 1, 25, true),
            (Verb::Update, 1, 34, true),
            (Verb::Remove, 1, 35, true),
            (Verb::Check, 1, 35, false),
        ] {
            assert_eq!(ask(verb, source, second), answer, "{verb:?} {source} at {second}");
        }
        for source in 1..=101 {
            ask(Verb::Set, source, 40 + u64::from(source) / 100);
        }
        assert_eq!((ask(Verb::Check, 1, 41), ask(Verb::Check, 2, 41), ask(Verb::Check, 101, 41)), (false, true, true));
    }
}
