//! The network policy controller of a node: turns NetworkPolicies into rules and sets of the node's kernel.
//!
//! Models `pkg/controllers/netpol` of kube-router 1.x, which k3s runs beside flannel, inside the same process as kube-proxy;
//! so it lives and dies with kube-proxy here. Its chains: KUBE-ROUTER-INPUT, -FORWARD and -OUTPUT in front of the built-in
//! ones, KUBE-POD-FW-… for each pod of the node, KUBE-NWPLCY-… for each policy. What no policy allows is rejected
//! (`icmp-port-unreachable`), not dropped. As there, every sync names the chains anew. Differs: it syncs when something
//! changed and not every five minutes too; what is copied to NFLOG group 100 is not limited in rate.

use std::net::Ipv4Addr;
use std::sync::Arc;

use data_encoding::BASE32;
use sha2::{Digest as _, Sha256};

use crate::api::{Kind, Pod};
use crate::control::cache::{Cache, Change};
use crate::control::informer::Informers;
use crate::net::filter::set::IpSet;
use crate::sim::{Time, VecMap};

mod policy;
mod rules;

use policy::{Policy, policies};

/// The ranges of addresses and ports that a node takes in whatever the policies say.
const SERVICE_NETWORK: &str = "10.96.0.0/12";
const NODE_PORTS: &str = "30000:32767";

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NetworkPolicies {
    /// What it watches.
    pub informers: Informers,
    node: Ipv4Addr,
    epoch: i64,
    stale: bool,
    chains: Vec<String>,
}

/// What the kernel is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Written {
    /// Commands that put the jumps in front of the built-in chains.
    pub hooks: Vec<String>,
    /// The sets; all others of this controller go.
    pub sets: VecMap<Arc<str>, IpSet>,
    /// The input of `iptables-restore --noflush`.
    pub text: String,
}

/// A pod that rules are about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PodInfo {
    namespace: Arc<str>,
    name: Arc<str>,
    ip: Ipv4Addr,
}

impl NetworkPolicies {
    /// That of the node with this address; `epoch` is the Unix time at virtual time zero.
    pub fn new(node: Ipv4Addr, epoch: i64) -> NetworkPolicies {
        let informers = Informers::new([Kind::Pod, Kind::Namespace, Kind::NetworkPolicy]);
        NetworkPolicies { informers, node, epoch, stale: true, chains: Vec::new() }
    }

    /// Something was seen.
    pub fn changed(&mut self, change: &Change) {
        let relevant = match change.kind() {
            Kind::Pod => match (change.old_as::<Pod>(), change.new_as::<Pod>()) {
                (Some(old), Some(new)) if !change.deleted() => {
                    let seen =
                        |pod: &Pod| (pod.status.phase.clone(), pod.status.pod_ip.clone(), pod.metadata.labels.clone());
                    seen(old) != seen(new)
                }
                _ => true,
            },
            _ => true,
        };
        self.stale |= relevant;
    }

    /// What is to be written if something changed since it was asked last.
    pub fn sync(&mut self, now: Time) -> Option<Written> {
        if !self.stale || !self.informers.synced() {
            return None;
        }
        self.stale = false;
        let nanos = u64::try_from(self.epoch).unwrap_or(0) * 1_000_000_000 + now.0;
        let version = nanos.to_string();
        let policies: Vec<Policy> = policies(&self.informers.cache);
        let node = self.node.to_string();
        let local: Vec<PodInfo> = self
            .informers
            .cache
            .all::<Pod>()
            .filter(|pod| pod.status.host_ip == node)
            .filter_map(|pod| info(pod))
            .collect();
        let mut rules = rules::Rules::default();
        for policy in &policies {
            rules.policy(policy, &version);
        }
        for pod in &local {
            rules.pod(pod, &policies, &version);
        }
        // Two syncs at the same moment give the same names.
        let mut gone = std::mem::replace(&mut self.chains, rules.chains());
        gone.retain(|chain| !self.chains.contains(chain));
        Some(Written { hooks: hooks(), sets: rules.sets(), text: rules.text(&gone) })
    }
}

/// The pod, if packets can be told to be its: it has an address of its own and has not ended.
pub(crate) fn info(pod: &Pod) -> Option<PodInfo> {
    let ended = matches!(&*pod.status.phase, "Succeeded" | "Failed");
    let ip = pod.status.pod_ip.parse().ok().filter(|_| !ended && !pod.spec.host_network)?;
    Some(PodInfo { namespace: pod.metadata.namespace.as_str().into(), name: pod.metadata.name.as_str().into(), ip })
}

/// Sixteen characters for a name.
pub(crate) fn hash(parts: &[&str]) -> String {
    let mut text = BASE32.encode(&Sha256::digest(parts.concat()));
    text.truncate(16);
    text
}

/// The commands that make the chains on top and jump to them.
fn hooks() -> Vec<String> {
    let jumps = [("INPUT", "KUBE-ROUTER-INPUT"), ("FORWARD", "KUBE-ROUTER-FORWARD"), ("OUTPUT", "KUBE-ROUTER-OUTPUT")];
    let commands = jumps.into_iter().flat_map(|(built_in, chain)| {
        let comment =
            marked(built_in, "kube-router netpol", &["-m", "comment", "--comment", "kube-router netpol", "-j", chain]);
        [format!("-N {chain}"), format!("-I {built_in} 1 -m comment --comment \"{comment}\" -j {chain}")]
    });
    commands.collect()
}

/// A comment with what tells the rule from all others: the rule is found by it again.
fn marked(chain: &str, comment: &str, args: &[&str]) -> String {
    format!("{comment} - {}", hash(&[&[chain], args].concat()))
}

/// The rules that let services in, whatever the policies say: they are about what the packet's destination becomes.
fn services() -> Vec<String> {
    const CHAIN: &str = "KUBE-ROUTER-INPUT";
    let cluster = "allow traffic to cluster IP";
    let comment =
        marked(CHAIN, cluster, &["-m", "comment", "--comment", cluster, "-d", SERVICE_NETWORK, "-j", "RETURN"]);
    let mut rules = vec![format!("-A {CHAIN} -d {SERVICE_NETWORK} -m comment --comment \"{comment}\" -j RETURN")];
    for (proto, upper) in [("tcp", "TCP"), ("udp", "UDP")] {
        let words = format!("allow LOCAL {upper} traffic to node ports");
        let args = [
            "-p",
            proto,
            "-m",
            "comment",
            "--comment",
            &words,
            "-m",
            "addrtype",
            "--dst-type",
            "LOCAL",
            "-m",
            "multiport",
            "--dports",
            NODE_PORTS,
            "-j",
            "RETURN",
        ];
        let comment = marked(CHAIN, &words, &args);
        rules.push(format!(
            "-A {CHAIN} -p {proto} -m comment --comment \"{comment}\" -m addrtype --dst-type LOCAL -m multiport --dports {NODE_PORTS} -j RETURN"
        ));
    }
    rules
}

/// A namespaced object's labels.
pub(crate) fn labels(cache: &Cache, namespace: &str) -> Option<VecMap<String, String>> {
    cache.get::<crate::api::Namespace>("", namespace).map(|ns| ns.metadata.labels.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_marked_as_kube_router_marks_them() {
        let found = hooks().join("\n");
        for (chain, mark) in
            [("INPUT", "4IA2OSFRMVNDXBVV"), ("FORWARD", "TEMCG2JMHZYE7H7T"), ("OUTPUT", "VEAAIY32XVBHCSCY")]
        {
            assert!(
                found.contains(&format!("-I {chain} 1 -m comment --comment \"kube-router netpol - {mark}\"")),
                "{found}"
            );
        }
        let found = services().join("\n");
        for mark in ["LR7XO7NXDBGQJD2M", "76UCBPIZNGJNWNUZ"] {
            assert!(found.contains(mark), "{found}");
        }
    }
}
