//! The rules of one service port. Models the loop of `syncProxyRules` in `pkg/proxy/iptables/proxier.go` (1.36).

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::sync::Arc;

use crate::node::kube_proxy::ServicePortName;
use crate::node::kube_proxy::iptables::chain::{self, Names};
use crate::node::kube_proxy::model::{Endpoint, Family, ServicePort};
use crate::node::kube_proxy::topology::Usable;
use crate::node::kube_proxy::tracker::Config;

/// The chains and rules of one table.
#[derive(Default)]
pub struct Lines {
    chains: String,
    rules: String,
}

impl Lines {
    /// Declares a chain, which also empties it.
    pub fn chain(&mut self, name: &str) {
        writeln!(self.chains, ":{name} - [0:0]").expect("a String takes all");
    }

    /// Appends a rule to a chain.
    pub fn rule(&mut self, chain: &str, rule: fmt::Arguments<'_>) {
        self.line(format_args!("-A {chain} {rule}"));
    }

    /// Another command.
    pub fn line(&mut self, line: fmt::Arguments<'_>) {
        writeln!(self.rules, "{line}").expect("a String takes all");
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.chains, self.rules)
    }
}

/// An endpoint with its text and its chain.
struct Target<'a> {
    at: String,
    ip: IpAddr,
    chain: Arc<str>,
    endpoint: &'a Endpoint,
}

/// A service port, with all that is decided before a rule is written.
pub struct Port<'a> {
    service: &'a ServicePort,
    config: &'a Config,
    name: String,
    proto: String,
    names: Names,
    usable: Usable<'a>,
    /// Endpoints for what goes to the cluster IP.
    internal: bool,
    /// Endpoints for what comes from outside.
    external: bool,
    /// Whether not everybody may use the load balancer's addresses.
    firewall: bool,
    /// Whether rules leave the comments that name endpoints out.
    large: bool,
}

impl<'a> Port<'a> {
    /// Decides.
    pub fn new(
        name: &ServicePortName,
        service: &'a ServicePort,
        endpoints: &'a [Endpoint],
        config: &'a Config,
        large: bool,
    ) -> Port<'a> {
        let usable = Usable::of(endpoints, service, &config.node, config.zone.as_deref());
        let (name, proto) = (name.to_string(), service.protocol.as_str().to_lowercase());
        let some = |local_only: bool| if local_only { !usable.local.is_empty() } else { usable.anywhere };
        let (internal, external) = (some(service.internal_local), some(service.external_local));
        let ranges = !service.load_balancer_ips.is_empty() && !service.source_ranges.is_empty();
        let firewall = usable.anywhere && ranges;
        let names = Names::of(&name, &proto);
        Port { service, config, name, proto, names, usable, internal, external, firewall, large }
    }

    /// The rules in the chains of all services: where what goes to this one jumps, or how it is refused.
    pub fn capture(&self, filter: &mut Lines, nat: &mut Lines) {
        self.capture_cluster_ip(filter, nat);
        for ip in &self.service.external_ips {
            if self.usable.anywhere {
                self.jump(nat, "external IP", ip, &self.names.external);
            }
            if !self.external {
                self.refuse_external(filter, &self.to(ip));
            }
        }
        self.capture_load_balancer(filter, nat);
        self.capture_node_port(filter, nat);
        if let Some(port) = self.service.health_check_port {
            filter.rule(
                chain::NODE_PORTS,
                format_args!(
                    "-m comment --comment \"{} health check node port\" -m tcp -p tcp --dport {port} -j ACCEPT",
                    self.name
                ),
            );
        }
    }

    fn capture_cluster_ip(&self, filter: &mut Lines, nat: &mut Lines) {
        let ip = &self.service.cluster_ip;
        if self.internal {
            self.jump(nat, "cluster IP", ip, self.internal_chain());
        } else {
            let (target, why) = self.refusal();
            let to = self.to(ip);
            filter.rule(chain::SERVICES, format_args!("-m comment --comment \"{} {why}\" {to} -j {target}", self.name));
        }
    }

    fn capture_load_balancer(&self, filter: &mut Lines, nat: &mut Lines) {
        let chain = if self.firewall { &self.names.firewall } else { &self.names.external };
        for ip in &self.service.load_balancer_ips {
            if self.usable.anywhere {
                self.jump(nat, "loadbalancer IP", ip, chain);
            }
            if self.firewall {
                filter.rule(
                    chain::PROXY_FIREWALL,
                    format_args!(
                        "-m comment --comment \"{} traffic not accepted by {}\" {} -j DROP",
                        self.name,
                        self.names.firewall,
                        self.to(ip)
                    ),
                );
            }
            if !self.external {
                self.refuse_external(filter, &self.to(ip));
            }
        }
    }

    fn capture_node_port(&self, filter: &mut Lines, nat: &mut Lines) {
        let Some(port) = self.service.node_port else { return };
        let (name, proto, to) = (&self.name, &self.proto, &self.names.external);
        if self.usable.anywhere {
            if self.config.localhost_node_ports && self.config.family == Family::V4 {
                nat.rule(
                    chain::NODE_PORTS,
                    format_args!(
                        "-m comment --comment {name} -m {proto} -p {proto} -d 127.0.0.0/8 --dport {port} \
                         -m nfacct --nfacct-name localhost_nps_accepted_pkts -j {to}"
                    ),
                );
            }
            nat.rule(
                chain::NODE_PORTS,
                format_args!("-m comment --comment {name} -m {proto} -p {proto} --dport {port} -j {to}"),
            );
        }
        if !self.external {
            let to = format!("-m addrtype --dst-type LOCAL -m {proto} -p {proto} --dport {port}");
            self.refuse_external(filter, &to);
        }
    }

    /// The chains of this service port and its endpoints with their rules; answers their names.
    pub fn chains(&self, nat: &mut Lines) -> Vec<Arc<str>> {
        let mut written: Vec<Arc<str>> = Vec::new();
        let mut declare = |nat: &mut Lines, name: &str| {
            nat.chain(name);
            written.push(name.into());
        };
        if self.internal {
            self.masquerade_strangers(nat);
        }
        if self.usable.anywhere && self.service.externally_accessible() {
            declare(nat, &self.names.external);
            self.external_rules(nat);
        }
        if self.firewall {
            declare(nat, &self.names.firewall);
            self.firewall_rules(nat);
        }
        let targets: Vec<Target<'_>> = self.usable.all.iter().map(|endpoint| self.target(endpoint)).collect();
        for (chain, endpoints) in [(&self.names.cluster, &self.usable.cluster), (&self.names.local, &self.usable.local)]
        {
            if !endpoints.is_empty() {
                declare(nat, chain);
                self.balance(nat, chain, endpoints, &targets);
            }
        }
        for target in &targets {
            declare(nat, &target.chain);
            self.endpoint_rules(nat, target);
        }
        written
    }

    /// What does not come from a pod of this cluster must come back through this node.
    fn masquerade_strangers(&self, nat: &mut Lines) {
        let from = match (self.config.masquerade_all, self.config.pods) {
            (true, _) => String::new(),
            (false, Some(pods)) => format!(" ! -s {pods}"),
            (false, None) => return,
        };
        let to = self.to(&self.service.cluster_ip);
        let comment = format_args!("\"{} cluster IP\"", self.name).to_string();
        nat.rule(
            self.internal_chain(),
            format_args!("-m comment --comment {comment} {to}{from} -j {}", chain::MARK_MASQ),
        );
    }

    /// What comes from outside is masqueraded if it may have to go to another node. If it stays here it keeps its source;
    /// but what pods and the node itself send goes anywhere, as if it came back in from a load balancer.
    fn external_rules(&self, nat: &mut Lines) {
        let (name, chain, mark) = (&self.name, &self.names.external, chain::MARK_MASQ);
        let Names { cluster, local, .. } = &self.names;
        let comment = |what: &str| format!("-m comment --comment \"{what} for {name} external destinations\"");
        if self.service.external_local {
            if let Some(pods) = self.config.pods {
                nat.rule(chain, format_args!("{} -s {pods} -j {cluster}", comment("pod traffic")));
            }
            let from_here = "-m addrtype --src-type LOCAL";
            nat.rule(chain, format_args!("{} {from_here} -j {mark}", comment("masquerade LOCAL traffic")));
            nat.rule(chain, format_args!("{} {from_here} -j {cluster}", comment("route LOCAL traffic")));
        } else {
            nat.rule(chain, format_args!("{} -j {mark}", comment("masquerade traffic")));
        }
        if self.external {
            let policy = if self.service.external_local { local } else { cluster };
            nat.rule(chain, format_args!("-j {policy}"));
        }
    }

    /// Who may use the load balancer's addresses: the source ranges, and with the node also what it sends to them itself.
    fn firewall_rules(&self, nat: &mut Lines) {
        let (name, chain, to) = (&self.name, &self.names.firewall, &self.names.external);
        let ranges = &self.service.source_ranges;
        for range in ranges {
            nat.rule(chain, format_args!("-m comment --comment \"{name} loadbalancer IP\" -s {range} -j {to}"));
        }
        if ranges.iter().any(|range| range.contains(&self.config.node_ip)) {
            for ip in &self.service.load_balancer_ips {
                nat.rule(chain, format_args!("-m comment --comment \"{name} loadbalancer IP\" -s {ip} -j {to}"));
            }
        }
        nat.rule(
            chain,
            format_args!(
                "-m comment --comment \"other traffic to {name} will be dropped by {}\"",
                chain::PROXY_FIREWALL
            ),
        );
    }

    /// From the chain of a policy to its endpoints: to that of before, if the client has one, else to one at random.
    fn balance(&self, nat: &mut Lines, chain: &str, endpoints: &[&Endpoint], targets: &[Target<'_>]) {
        // Both are in the same order, and every endpoint is among the targets.
        let mut wanted = endpoints.iter().peekable();
        let among = |t: &&Target<'_>| wanted.next_if(|e| std::ptr::eq(**e, t.endpoint)).is_some();
        let targets: Vec<&Target<'_>> = targets.iter().filter(among).collect();
        if let Some(affinity) = self.service.affinity {
            for target in &targets {
                let (to, seconds) = (&target.chain, affinity.as_secs());
                nat.rule(
                    chain,
                    format_args!(
                        "{}-m recent --name {to} --rcheck --seconds {seconds} --reap -j {to}",
                        self.arrow(target)
                    ),
                );
            }
        }
        for (left, target) in (1..=targets.len()).rev().zip(&targets) {
            let random = if left > 1 {
                format!("-m statistic --mode random --probability {} ", one_of(left))
            } else {
                String::new()
            };
            nat.rule(chain, format_args!("{}{random}-j {}", self.arrow(target), target.chain));
        }
    }

    /// The client's own endpoint answers it through this node; everything goes where the endpoint is.
    fn endpoint_rules(&self, nat: &mut Lines, target: &Target<'_>) {
        let Target { at, ip, chain, .. } = target;
        let comment = if self.large { String::new() } else { format!("-m comment --comment {} ", self.name) };
        nat.rule(chain, format_args!("{comment}-s {ip} -j {}", chain::MARK_MASQ));
        let set =
            if self.service.affinity.is_some() { format!("-m recent --name {chain} --set ") } else { String::new() };
        let proto = &self.proto;
        nat.rule(chain, format_args!("{comment}{set}-m {proto} -p {proto} -j DNAT --to-destination {at}"));
    }

    fn target(&self, endpoint: &'a Endpoint) -> Target<'a> {
        let at = endpoint.at.to_string();
        let chain = chain::endpoint(&self.name, &self.proto, &at).into();
        Target { ip: endpoint.at.ip(), at, chain, endpoint }
    }

    fn arrow(&self, target: &Target<'_>) -> String {
        if self.large {
            return String::new();
        }
        format!("-m comment --comment \"{} -> {}\" ", self.name, target.at)
    }

    fn internal_chain(&self) -> &str {
        if self.service.internal_local { &self.names.local } else { &self.names.cluster }
    }

    /// The matches of what goes to the service's port of an address.
    fn to(&self, ip: &IpAddr) -> String {
        let proto = &self.proto;
        format!("-m {proto} -p {proto} -d {ip} --dport {}", self.service.port)
    }

    fn jump(&self, nat: &mut Lines, what: &str, ip: &IpAddr, chain: &str) {
        let (name, to) = (&self.name, self.to(ip));
        nat.rule(chain::SERVICES, format_args!("-m comment --comment \"{name} {what}\" {to} -j {chain}"));
    }

    fn refuse_external(&self, filter: &mut Lines, to: &str) {
        let (target, why) = self.refusal();
        filter.rule(
            chain::EXTERNAL_SERVICES,
            format_args!("-m comment --comment \"{} {why}\" {to} -j {target}", self.name),
        );
    }

    /// Without any endpoint clients are told; without a local one another node may have some.
    fn refusal(&self) -> (&'static str, &'static str) {
        if self.usable.anywhere { ("DROP", "has no local endpoints") } else { ("REJECT", "has no endpoints") }
    }
}

/// 1/n with ten digits, as Go's `%0.10f` prints it: half to even.
fn one_of(n: usize) -> String {
    const SCALE: u64 = 10_000_000_000;
    let n = u64::try_from(n).expect("a count fits");
    let (whole, rest) = (SCALE / n, SCALE % n);
    let up = rest * 2 > n || rest * 2 == n && whole % 2 == 1;
    let digits = whole + u64::from(up);
    format!("{}.{:010}", digits / SCALE, digits % SCALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_have_ten_digits() {
        for (n, text) in [(2, "0.5000000000"), (3, "0.3333333333"), (6, "0.1666666667"), (2_048, "0.0004882812")] {
            assert_eq!(one_of(n), text);
        }
    }
}
