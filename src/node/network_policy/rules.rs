//! The rules and sets that policies become. Models policy.go (processIngressRules, processEgressRules,
//! appendRuleToPolicyChain) and pod.go (syncPodFirewallChains) of kube-router.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::net::filter::set::{IpSet, Member, SetKind};
use crate::node::network_policy::policy::{Allowed, Policy};
use crate::node::network_policy::{PodInfo, hash, services};
use crate::sim::VecMap;

const FORWARD: &str = "KUBE-ROUTER-FORWARD";
const TOP: [&str; 3] = ["KUBE-ROUTER-INPUT", FORWARD, "KUBE-ROUTER-OUTPUT"];
const DEFAULT: &str = "KUBE-NWPLCY-DEFAULT";

/// Rules and sets under way.
#[derive(Debug, Default)]
pub struct Rules {
    sets: VecMap<Arc<str>, IpSet>,
    chains: Vec<String>,
    /// Rules of the chains on top.
    top: Vec<String>,
    /// Rules of all others.
    own: Vec<String>,
}

/// One end of what is allowed, as a set or as anybody.
type End<'a> = Option<&'a str>;

impl Rules {
    /// The sets.
    pub fn sets(&mut self) -> VecMap<Arc<str>, IpSet> {
        std::mem::take(&mut self.sets)
    }

    /// The chains of pods and policies.
    pub fn chains(&self) -> Vec<String> {
        self.chains.clone()
    }

    /// The input of `iptables-restore --noflush`; `gone` are the chains of the time before.
    pub fn text(&self, gone: &[String]) -> String {
        let mut lines = vec!["*filter".to_owned()];
        lines.extend(TOP.iter().map(|chain| format!(":{chain} - [0:0]")));
        lines.push(format!(":{DEFAULT} - [0:0]"));
        lines.extend(self.chains.iter().map(|chain| format!(":{chain} - [0:0]")));
        lines.extend(services());
        lines.extend(self.top.iter().cloned());
        for chain in TOP {
            let comment = "rule to explicitly ACCEPT traffic that comply to network policies";
            lines.push(format!(
                "-A {chain} -m comment --comment \"{comment}\" -m mark --mark 0x20000/0x20000 -j ACCEPT"
            ));
        }
        let comment = "rule to mark traffic matching a network policy";
        lines.push(format!("-A {DEFAULT} -m comment --comment \"{comment}\" -j MARK --set-xmark 0x10000/0x10000"));
        lines.extend(self.own.iter().cloned());
        // First nothing may lead to them any more.
        lines.extend(gone.iter().map(|chain| format!("-F {chain}")));
        lines.extend(gone.iter().map(|chain| format!("-X {chain}")));
        lines.push("COMMIT\n".to_owned());
        lines.join("\n")
    }

    /// The chain of a policy.
    pub fn policy(&mut self, policy: &Policy, version: &str) {
        let chain = policy_chain(policy, version);
        self.chains.push(chain.clone());
        let (namespace, name) = (&*policy.namespace, &*policy.name);
        let targets = || policy.targets.iter().copied().map(Member::ip);
        if let Some(rules) = &policy.ingress {
            let to = self.set(format!("KUBE-DST-{}", hash(&[namespace, name])), SetKind::HashIp, targets());
            for (n, rule) in rules.iter().enumerate() {
                self.ingress(&chain, policy, &to, n, rule);
            }
        }
        if let Some(rules) = &policy.egress {
            let from = self.set(format!("KUBE-SRC-{}", hash(&[namespace, name])), SetKind::HashIp, targets());
            for (n, rule) in rules.iter().enumerate() {
                self.egress(&chain, policy, &from, n, rule);
            }
        }
    }

    fn set(&mut self, name: String, kind: SetKind, members: impl Iterator<Item = Member>) -> String {
        self.sets.insert(name.as_str().into(), IpSet { timeout: true, ..IpSet::of(kind, members) });
        name
    }

    /// A set for one rule of a policy: of pods at the other end, of a block, or of those that know a port by name.
    fn rule_set(&mut self, dst: bool, policy: &Policy, which: &str, ips: &[Ipv4Addr]) -> String {
        let name = set_name(dst, policy, which);
        self.set(name, SetKind::HashIp, ips.iter().copied().map(Member::ip))
    }

    fn block_set(&mut self, dst: bool, policy: &Policy, n: usize, rule: &Allowed) -> String {
        let way = if dst { "egressrule" } else { "ingressrule" };
        let name = set_name(dst, policy, &format!("{way}{n}ipblock"));
        let members =
            rule.blocks.iter().map(|(net, except)| (Member { net: *net, ..Member::default() }, *except)).collect();
        let set = IpSet { kind: SetKind::HashNet, timeout: true, comment: None, members };
        self.sets.insert(name.as_str().into(), set);
        name
    }

    fn ingress(&mut self, chain: &str, policy: &Policy, to: &str, n: usize, rule: &Allowed) {
        let about =
            |text: &str, colon: &str| format!("{text} name{colon} {} namespace {}", policy.name, policy.namespace);
        let named: Vec<(String, u16, String)> = (rule.named.iter().enumerate())
            .map(|(at, (proto, port, ips))| {
                let set = self.rule_set(true, policy, &format!("ingressrule{n}{at}namedport"), ips);
                (proto.clone(), *port, set)
            })
            .collect();
        let mut sources: Vec<(Option<String>, String)> = Vec::new();
        if !rule.pods.is_empty() {
            let set = self.rule_set(false, policy, &format!("ingressrule{n}pod"), &rule.pods);
            let words = about("rule to ACCEPT traffic from source pods to dest pods selected by policy", "");
            sources.push((Some(set), words));
        }
        if rule.anybody {
            sources.push((None, about("rule to ACCEPT traffic from all sources to dest pods selected by policy", ":")));
        }
        if !rule.blocks.is_empty() {
            let set = self.block_set(false, policy, n, rule);
            let words = about("rule to ACCEPT traffic from specified ipBlocks to dest pods selected by policy", ":");
            sources.push((Some(set), words));
        }
        for (from, comment) in sources {
            let from = from.as_deref();
            for (proto, ports) in &rule.ports {
                self.allow(chain, &comment, from, Some(to), Some((proto, *ports)));
            }
            for (proto, port, set) in &named {
                self.allow(chain, &comment, from, Some(set), Some((proto, Some((*port, *port)))));
            }
            if rule.any_port {
                self.allow(chain, &comment, from, Some(to), None);
            }
        }
    }

    fn egress(&mut self, chain: &str, policy: &Policy, from: &str, n: usize, rule: &Allowed) {
        let about =
            |text: &str, colon: &str| format!("{text} name{colon} {} namespace {}", policy.name, policy.namespace);
        let mut ends: Vec<(Option<String>, String, bool)> = Vec::new();
        if !rule.pods.is_empty() {
            let set = self.rule_set(true, policy, &format!("egressrule{n}pod"), &rule.pods);
            let words = about("rule to ACCEPT traffic from source pods to dest pods selected by policy", "");
            ends.push((Some(set), words, true));
        }
        if rule.anybody {
            let words = about("rule to ACCEPT traffic from source pods to all destinations selected by policy", ":");
            ends.push((None, words, true));
        }
        if !rule.blocks.is_empty() {
            let set = self.block_set(true, policy, n, rule);
            let words = about("rule to ACCEPT traffic from source pods to specified ipBlocks selected by policy", ":");
            // A name means nothing for addresses that are no pods'.
            ends.push((Some(set), words, false));
        }
        for (to, comment, pods) in ends {
            for (proto, ports) in &rule.ports {
                self.allow(chain, &comment, Some(from), to.as_deref(), Some((proto, *ports)));
            }
            for (at, (proto, port, ips)) in rule.named.iter().enumerate().filter(|_| pods) {
                let set = to.as_ref().map(|_| self.rule_set(true, policy, &format!("egressrule{n}{at}namedport"), ips));
                self.allow(chain, &comment, Some(from), set.as_deref(), Some((proto, Some((*port, *port)))));
            }
            if rule.any_port {
                self.allow(chain, &comment, Some(from), to.as_deref(), None);
            }
        }
    }

    /// Marks what is allowed, and returns with it.
    fn allow(
        &mut self,
        chain: &str,
        comment: &str,
        from: End<'_>,
        to: End<'_>,
        port: Option<(&str, Option<(u16, u16)>)>,
    ) {
        let mut rule = format!("-A {chain}");
        if let Some((proto, _)) = port {
            rule += &format!(" -p {proto}");
        }
        rule += &format!(" -m comment --comment \"{comment}\"");
        for (set, way) in [(from, "src"), (to, "dst")] {
            rule += &set.map_or_else(String::new, |set| format!(" -m set --match-set {set} {way}"));
        }
        if let Some((proto, Some((low, high)))) = port {
            let range = if low == high { low.to_string() } else { format!("{low}:{high}") };
            rule += &format!(" -m {proto} --dport {range}");
        }
        self.own.push(format!("{rule} -j MARK --set-xmark 0x10000/0x10000"));
        self.own.push(format!("{rule} -m mark --mark 0x10000/0x10000 -j RETURN"));
    }

    /// The chain of a pod of this node.
    pub fn pod(&mut self, pod: &PodInfo, policies: &[Policy], version: &str) {
        let PodInfo { namespace, name, ip } = pod;
        let chain = format!("KUBE-POD-FW-{}", hash(&[namespace, name, version]));
        self.chains.push(chain.clone());
        self.own.extend(firewall(pod, &chain, policies, version));
        let to = format!("rule to jump traffic destined to POD name:{name} namespace: {namespace} to chain {chain}");
        let from = format!("rule to jump traffic from POD name:{name} namespace: {namespace} to chain {chain}");
        let jump = |chain_on_top: &str, matches: &str, comment: &str, way: &str| {
            format!("-A {chain_on_top} {way} {ip}/32 {matches}-m comment --comment \"{comment}\" -j {chain}")
        };
        let bridged = "-m physdev --physdev-is-bridged ";
        self.top.push(jump(FORWARD, "", &to, "-d"));
        self.top.push(jump(TOP[2], "", &to, "-d"));
        self.top.push(jump(FORWARD, bridged, &to, "-d"));
        self.top.extend(TOP.iter().map(|top| jump(top, "", &from, "-s")));
        self.top.push(jump(FORWARD, bridged, &from, "-s"));
    }
}

/// The rules of a pod's chain: what belongs to known connections, what this node asks (probes), the policies, and what becomes
/// of everything else.
fn firewall(pod: &PodInfo, chain: &str, policies: &[Policy], version: &str) -> Vec<String> {
    let PodInfo { namespace, name, ip } = pod;
    let rule = |matches: &str, comment: &str, rest: &str| {
        format!("-A {chain} {matches}-m comment --comment \"{comment}\" {rest}")
    };
    let (to, from) = (format!("-d {ip}/32 "), format!("-s {ip}/32 "));
    let mut rules = vec![
        rule("", "rule for stateful firewall for pod", "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
        rule(
            &to,
            "rule to permit the traffic traffic to pods when source is the pod's local node",
            "-m addrtype --src-type LOCAL -j ACCEPT",
        ),
    ];
    let mine: Vec<&Policy> = policies.iter().filter(|p| p.namespace == *namespace && p.targets.contains(ip)).collect();
    let default = format!("-j {DEFAULT}");
    if !mine.iter().any(|p| p.egress.is_some()) {
        rules.push(rule(&from, "run through default egress network policy  chain", &default));
    }
    if !mine.iter().any(|p| p.ingress.is_some()) {
        rules.push(rule(&to, "run through default ingress network policy  chain", &default));
    }
    // Each was put in front of those before it.
    for policy in mine.iter().rev() {
        let way = match (&policy.ingress, &policy.egress) {
            (Some(_), Some(_)) => "",
            (Some(_), None) => &to,
            (None, _) => &from,
        };
        let jump = format!("-j {}", policy_chain(policy, version));
        rules.push(rule(way, &format!("run through nw policy {}", policy.name), &jump));
    }
    let unmarked = "-m mark ! --mark 0x10000/0x10000";
    let log = format!("rule to log dropped traffic POD name:{name} namespace: {namespace}");
    let reject = format!("rule to REJECT traffic destined for POD name:{name} namespace: {namespace}");
    rules.push(rule("", &log, &format!("{unmarked} -j NFLOG --nflog-group 100")));
    rules.push(rule("", &reject, &format!("{unmarked} -j REJECT --reject-with icmp-port-unreachable")));
    rules.push(format!("-A {chain} -j MARK --set-xmark 0x0/0x10000"));
    let passed = "set mark to ACCEPT traffic that comply to network policies";
    rules.push(rule("", passed, "-j MARK --set-xmark 0x20000/0x20000"));
    rules
}

fn policy_chain(policy: &Policy, version: &str) -> String {
    format!("KUBE-NWPLCY-{}", hash(&[&policy.namespace, &policy.name, version]))
}

fn set_name(dst: bool, policy: &Policy, which: &str) -> String {
    let prefix = if dst { "KUBE-DST-" } else { "KUBE-SRC-" };
    format!("{prefix}{}", hash(&[&policy.namespace, &policy.name, which]))
}
