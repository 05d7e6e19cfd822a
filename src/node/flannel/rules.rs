//! flanneld's own chains: `FLANNEL-POSTRTG` masquerades what leaves the overlay (`--ip-masq`), `FLANNEL-FWD` lets through what
//! comes from it or goes to it (`--iptables-forward-rules`).
//!
//! Models `pkg/trafficmngr/iptables/iptables.go` (flannel). Differs: it looks after them only when somebody else has touched
//! the node's rules; nobody can tell, for a look at whole rules changes nothing.

use ipnet::Ipv4Net;

use crate::net::filter::text::Refused;
use crate::net::filter::{Filter, Table};
use crate::sim::Span;

/// How often it looks whether the rules are there (`--iptables-resync`).
pub const RESYNC: Span = Span::secs(5);

/// A chain of flanneld's with the rule that leads to it: they are written together, or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    table: Table,
    chain: &'static str,
    /// In their order, without `-A`.
    rules: Vec<String>,
}

/// The chains of a node that has `subnet` of `network`.
pub fn of(network: Ipv4Net, subnet: Ipv4Net) -> [Rules; 2] {
    [masquerading(network, subnet), forwarding(network)]
}

/// What kube-proxy has marked is its business; between pods nothing is rewritten, nor what comes from outside for a pod of this
/// node.
fn masquerading(network: Ipv4Net, subnet: Ipv4Net) -> Rules {
    let own = |matches: String, target: &str| {
        format!("FLANNEL-POSTRTG {matches} -m comment --comment \"flanneld masq\" -j {target}")
    };
    let rules = vec![
        "POSTROUTING -m comment --comment \"flanneld masq\" -j FLANNEL-POSTRTG".to_owned(),
        own("-m mark --mark 0x4000/0x4000".into(), "RETURN"),
        own(format!("-s {subnet} -d {network}"), "RETURN"),
        own(format!("-s {network} -d {subnet}"), "RETURN"),
        own(format!("! -s {network} -d {subnet}"), "RETURN"),
        own(format!("-s {network} ! -d 224.0.0.0/4"), "MASQUERADE --random-fully"),
        own(format!("! -s {network} -d {network}"), "MASQUERADE --random-fully"),
    ];
    Rules { table: Table::Nat, chain: "FLANNEL-POSTRTG", rules }
}

fn forwarding(network: Ipv4Net) -> Rules {
    let own = |matches: String| format!("FLANNEL-FWD {matches} -m comment --comment \"flanneld forward\" -j ACCEPT");
    let rules = vec![
        "FORWARD -m comment --comment \"flanneld forward\" -j FLANNEL-FWD".to_owned(),
        own(format!("-s {network}")),
        own(format!("-d {network}")),
    ];
    Rules { table: Table::Filter, chain: "FLANNEL-FWD", rules }
}

impl Rules {
    /// Empties the chain and writes every rule: what flanneld does when it starts.
    ///
    /// # Errors
    /// A rule cannot be read.
    pub fn set_up(&self, filter: &mut Filter) -> Result<bool, Refused> {
        if self.chain_is_there(filter) {
            filter.command(self.table, &format!("-F {}", self.chain))?;
        }
        self.write(filter)?;
        Ok(true)
    }

    /// Writes every rule again if one of them is missing. Answers whether it was so.
    ///
    /// # Errors
    /// A rule cannot be read.
    pub fn ensure(&self, filter: &mut Filter) -> Result<bool, Refused> {
        let whole = self.chain_is_there(filter) && self.rules.iter().all(|rule| self.is_there(filter, rule));
        if !whole {
            self.write(filter)?;
        }
        Ok(!whole)
    }

    /// A rule that is there goes to the end of its chain, so that they stand in their order.
    fn write(&self, filter: &mut Filter) -> Result<(), Refused> {
        if !self.chain_is_there(filter) {
            filter.command(self.table, &format!("-N {}", self.chain))?;
        }
        for rule in &self.rules {
            if self.is_there(filter, rule) {
                filter.command(self.table, &format!("-D {rule}"))?;
            }
            filter.command(self.table, &format!("-A {rule}"))?;
        }
        Ok(())
    }

    fn chain_is_there(&self, filter: &Filter) -> bool {
        filter.chain(self.table, self.chain).is_some()
    }

    fn is_there(&self, filter: &mut Filter, rule: &str) -> bool {
        filter.command(self.table, &format!("-C {rule}")).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> (Filter, [Rules; 2]) {
        let rules = of("10.244.0.0/16".parse().expect("valid"), "10.244.3.0/24".parse().expect("valid"));
        let mut filter = Filter::default();
        filter.command(Table::Nat, "-A POSTROUTING -o lo -j RETURN").expect("valid");
        for chain in &rules {
            chain.set_up(&mut filter).expect("valid");
        }
        (filter, rules)
    }

    fn printed(filter: &Filter, table: Table, chain: &str) -> Vec<String> {
        filter.chain(table, chain).expect("it is there").rules().map(|(rule, _)| rule.to_string()).collect()
    }

    #[test]
    fn a_rule_that_somebody_deletes_comes_back_in_its_place() {
        let (mut filter, rules) = written();
        let before = printed(&filter, Table::Nat, "FLANNEL-POSTRTG");
        assert_eq!(before.len(), 6);
        filter.command(Table::Nat, "-D FLANNEL-POSTRTG 2").expect("there are six");
        rules.iter().for_each(|chain| _ = chain.ensure(&mut filter).expect("valid"));
        assert_eq!(printed(&filter, Table::Nat, "FLANNEL-POSTRTG"), before);
    }

    #[test]
    fn whole_rules_are_left_as_they_are_even_behind_those_of_others() {
        let (mut filter, rules) = written();
        filter.command(Table::Nat, "-A POSTROUTING -o eth0 -j RETURN").expect("valid");
        let before = filter.clone();
        rules.iter().for_each(|chain| _ = chain.ensure(&mut filter).expect("valid"));
        assert_eq!(filter, before);
    }

    #[test]
    fn chains_that_are_gone_are_made_again_and_a_second_start_doubles_nothing() {
        let (mut filter, rules) = written();
        let before = filter.clone();
        filter.command(Table::Filter, "-F").expect("valid");
        filter.command(Table::Filter, "-X FLANNEL-FWD").expect("it is empty");
        rules.iter().for_each(|chain| _ = chain.ensure(&mut filter).expect("valid"));
        assert_eq!(filter, before);
        rules.iter().for_each(|chain| _ = chain.set_up(&mut filter).expect("valid"));
        assert_eq!(filter, before);
    }
}
