//! One `iptables` command that changes the rules. Models iptables/iptables-standalone.c and xshared.c (1.8, nf_tables).

use std::iter::Peekable;
use std::sync::Arc;

use crate::net::filter::text::{Refused, parse_rule, split};
use crate::net::filter::{Chain, Count, Filter, Rule, Table, Target};

/// The long forms of the commands.
const LONG: [(&str, &str); 10] = [
    ("--append", "-A"),
    ("--insert", "-I"),
    ("--delete", "-D"),
    ("--check", "-C"),
    ("--replace", "-R"),
    ("--new-chain", "-N"),
    ("--delete-chain", "-X"),
    ("--flush", "-F"),
    ("--zero", "-Z"),
    ("--policy", "-P"),
];

/// The short form of a command of `iptables` that changes something; `None` for any other word.
pub fn edit(word: &str) -> Option<&'static str> {
    LONG.iter().find(|(long, short)| word == *long || word == *short).map(|(_, short)| *short)
}

impl Filter {
    /// One `iptables -t TABLE …` command: `-A -I -D -C -R -N -X -F -Z -P`.
    ///
    /// # Errors
    /// The words of iptables; nothing was changed.
    pub fn command(&mut self, table: Table, line: &str) -> Result<(), Refused> {
        let words = split(line)?;
        let mut words = words.iter().map(String::as_str).peekable();
        let verb = words.next().unwrap_or_default();
        let verb = edit(verb).ok_or_else(|| Refused(format!("iptables: unknown option \"{verb}\"")))?;
        let name: Arc<str> = words.next().unwrap_or_default().into();
        match (verb, &*name) {
            ("-F" | "-Z" | "-X", "") => {
                self.of_all_chains(table, verb);
                Ok(())
            }
            ("-A" | "-I" | "-D" | "-C" | "-R", _) => self.edit_rule(table, verb, &name, words),
            _ => self.edit_chain(table, verb, name, words.next()),
        }
    }

    /// Empties, counts anew, or takes away every chain.
    fn of_all_chains(&mut self, table: Table, verb: &str) {
        let chains = self.tables.entry(table).or_default();
        match verb {
            "-F" => chains.values_mut().for_each(Chain::flush),
            "-Z" => chains.values_mut().for_each(Chain::zero),
            _ => {
                let called: Vec<Arc<str>> =
                    chains.keys().filter(|name| chains.values().any(|c| c.jumps_to(name))).cloned().collect();
                let stays = |name: &Arc<str>, chain: &Chain| {
                    table.built_in().contains(&&**name) || !chain.rules.is_empty() || called.contains(name)
                };
                chains.retain(|name, chain| stays(name, chain));
            }
        }
    }

    fn edit_chain(&mut self, table: Table, verb: &str, name: Arc<str>, word: Option<&str>) -> Result<(), Refused> {
        let refused = |why: &str| Err(Refused(format!("iptables: {why}")));
        let chains = self.tables.entry(table).or_default();
        let built_in = table.built_in().contains(&&*name);
        if verb == "-N" {
            if chains.contains_key(&name) {
                return refused("Chain already exists.");
            }
            chains.insert(name, Chain::default());
            return Ok(());
        }
        let Some(chain) = chains.get_mut(&name) else { return refused("No chain/target/match by that name.") };
        match verb {
            "-F" => chain.flush(),
            "-Z" => chain.zero(),
            "-P" if !built_in => return refused("Bad built-in chain name."),
            "-P" => match word {
                Some("ACCEPT" | "DROP") => chain.policy_drop = word == Some("DROP"),
                _ => return refused("Bad policy name. Run `dmesg' for more information."),
            },
            _ if built_in => return refused("Invalid argument. Run `dmesg' for more information."),
            "-X" if !chain.rules.is_empty() => return refused("Directory not empty."),
            _ if chains.values().any(|c| c.jumps_to(&name)) => return refused("Too many links."),
            _ => _ = chains.remove(&name),
        }
        Ok(())
    }

    fn edit_rule<'a>(
        &mut self,
        table: Table,
        verb: &str,
        name: &str,
        mut words: Peekable<impl Iterator<Item = &'a str>>,
    ) -> Result<(), Refused> {
        let no_chain = || Refused("iptables: No chain/target/match by that name.".into());
        if !self.tables[&table].contains_key(name) {
            return Err(no_chain());
        }
        let number = words.next_if(|word| word.parse::<usize>().is_ok()).and_then(|word| word.parse().ok());
        let rule = parse_rule(words)?;
        if let Some(Target::Jump(to)) = &rule.target
            && !self.tables[&table].contains_key(to)
        {
            return Err(no_chain());
        }
        self.tables.entry(table).or_default().entry(name.into()).or_default().edit(verb, number, rule)
    }
}

impl Chain {
    fn jumps_to(&self, name: &str) -> bool {
        self.rules.iter().any(|r| matches!(&r.target, Some(Target::Jump(to)) if &**to == name))
    }

    fn zero(&mut self) {
        self.policy_count = Count::default();
        self.counts.fill(Count::default());
    }

    fn edit(&mut self, verb: &str, number: Option<usize>, rule: Rule) -> Result<(), Refused> {
        let found = self.rules.iter().position(|r| **r == rule);
        let bad = || Refused("iptables: Bad rule (does a matching rule exist in that chain?).".into());
        let there = |n: usize| (1..=self.rules.len()).contains(&n);
        match (verb, number) {
            ("-A", _) => self.insert(usize::MAX, rule),
            ("-I", at) if at.is_some_and(|at| at > self.rules.len() + 1) => {
                return Err(Refused("iptables: Index of insertion too big.".into()));
            }
            ("-I", at) => self.insert(at.unwrap_or(1).saturating_sub(1), rule),
            ("-D", Some(n)) if there(n) => self.remove(n - 1),
            ("-D", Some(_)) => return Err(Refused("iptables: Index of deletion too big.".into())),
            ("-D", None) => self.remove(found.ok_or_else(bad)?),
            ("-R", Some(n)) if there(n) => {
                self.remove(n - 1);
                self.insert(n - 1, rule);
            }
            ("-R", Some(_)) => return Err(Refused("iptables: Index of replacement too big.".into())),
            ("-R", None) => return Err(Refused("iptables: -R requires a rule number".into())),
            _ => _ = found.ok_or_else(bad)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(filter: &mut Filter, line: &str) -> Result<(), String> {
        filter.command(Table::Filter, line).map_err(|why| why.0)
    }

    #[test]
    fn commands_do_what_they_say_or_say_why_not() {
        let mut filter = Filter::default();
        for (line, told) in [
            ("--new-chain A", Ok(())),
            ("-N A", Err("iptables: Chain already exists.")),
            ("-A A -s 10.0.0.1 -j ACCEPT", Ok(())),
            ("-R A 1 -s 10.0.0.2 -j DROP", Ok(())),
            ("-R A 2 -j DROP", Err("iptables: Index of replacement too big.")),
            ("-C A -s 10.0.0.2 -j DROP", Ok(())),
            ("-C A -s 10.0.0.1 -j ACCEPT", Err("iptables: Bad rule (does a matching rule exist in that chain?).")),
            ("-I A 3 -j DROP", Err("iptables: Index of insertion too big.")),
            ("-X A", Err("iptables: Directory not empty.")),
            ("-X", Ok(())),
            ("-F A", Ok(())),
            ("-X", Ok(())),
            ("-F A", Err("iptables: No chain/target/match by that name.")),
            ("-N B", Ok(())),
            ("-A INPUT -j B", Ok(())),
            ("-F B", Ok(())),
            ("-X B", Err("iptables: Too many links.")),
            ("-P B DROP", Err("iptables: Bad built-in chain name.")),
            ("-D INPUT 1", Ok(())),
            ("-X", Ok(())),
            ("-F B", Err("iptables: No chain/target/match by that name.")),
        ] {
            assert_eq!(run(&mut filter, line), told.map_err(str::to_owned), "{line}");
        }
    }

    #[test]
    fn counters_begin_anew() {
        let mut filter = Filter::default();
        let chains = filter.tables.entry(Table::Filter).or_default();
        chains.entry("INPUT".into()).or_default().policy_count = Count { packets: 3, bytes: 200 };
        run(&mut filter, "-Z INPUT").expect("it is there");
        assert_eq!(filter.chain(Table::Filter, "INPUT").expect("it is there").policy_count, Count::default());
    }
}
