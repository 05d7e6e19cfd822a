//! What a NetworkPolicy says, with its selectors replaced by the pods that they select now.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::api::{IntOrString, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, Pod};
use crate::control::cache::Cache;
use crate::control::selector;
use crate::node::network_policy::{PodInfo, info, labels};

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The addresses of the pods that it is about.
    pub targets: Vec<Ipv4Addr>,
    /// Whether it says who may come in, and who.
    pub ingress: Option<Vec<Allowed>>,
    /// Whether it says where its pods may go, and where.
    pub egress: Option<Vec<Allowed>>,
}

/// One of its rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Whether it is about everybody.
    pub anybody: bool,
    /// The addresses of pods at the other end.
    pub pods: Vec<Ipv4Addr>,
    /// Networks at the other end; true: an exception.
    pub blocks: Vec<(Ipv4Net, bool)>,
    /// Whether it is about every port.
    pub any_port: bool,
    /// Ports by number: the protocol, and the first and last one.
    pub ports: Vec<(String, Option<(u16, u16)>)>,
    /// Ports by name: the protocol, the number and the pods for which the name means it.
    pub named: Vec<(String, u16, Vec<Ipv4Addr>)>,
}

/// All policies, by namespace and name.
pub fn policies(cache: &Cache) -> Vec<Policy> {
    cache.all::<NetworkPolicy>().map(|policy| read(policy, cache)).collect()
}

fn read(policy: &NetworkPolicy, cache: &Cache) -> Policy {
    let namespace = &policy.metadata.namespace;
    let spec = &policy.spec;
    let selected: Vec<&Arc<Pod>> = cache
        .in_namespace::<Pod>(namespace)
        .filter(|pod| selector::matches(&spec.pod_selector, &pod.metadata.labels) && info(pod).is_some())
        .collect();
    let is = |word: &str| spec.policy_types.iter().any(|t| t == word);
    let ingress = spec.ingress.iter().map(|rule| {
        let (anybody, pods, blocks) = peers(&rule.from, namespace, cache);
        // A name is one of the pods that are gone to.
        allowed(anybody, &pods, blocks, &rule.ports, &selected)
    });
    let egress = spec.egress.iter().map(|rule| {
        let (anybody, pods, blocks) = peers(&rule.to, namespace, cache);
        let all: Vec<&Arc<Pod>> = cache.in_namespace::<Pod>(namespace).filter(|pod| info(pod).is_some()).collect();
        allowed(anybody, &pods, blocks, &rule.ports, if anybody { &all } else { &pods })
    });
    Policy {
        namespace: namespace.as_str().into(),
        name: policy.metadata.name.as_str().into(),
        targets: addresses(&selected),
        ingress: (is("Ingress") || !is("Egress")).then(|| ingress.collect()),
        egress: is("Egress").then(|| egress.collect()),
    }
}

fn addresses(pods: &[&Arc<Pod>]) -> Vec<Ipv4Addr> {
    pods.iter().filter_map(|pod| info(pod)).map(|PodInfo { ip, .. }| ip).collect()
}

type Peers<'a> = (bool, Vec<&'a Arc<Pod>>, Vec<(Ipv4Net, bool)>);

fn peers<'a>(peers: &[NetworkPolicyPeer], own: &str, cache: &'a Cache) -> Peers<'a> {
    let (mut pods, mut blocks) = (Vec::new(), Vec::new());
    for peer in peers {
        if let Some(block) =
            peer.ip_block.as_ref().filter(|_| peer.pod_selector.is_none() && peer.namespace_selector.is_none())
        {
            blocks.extend(halves(&block.cidr, false));
            blocks.extend(block.except.iter().flat_map(|cidr| halves(cidr, true)));
            continue;
        }
        let fits = |pod: &&Arc<Pod>| {
            let there = match &peer.namespace_selector {
                Some(wanted) => {
                    labels(cache, &pod.metadata.namespace).is_some_and(|labels| selector::matches(wanted, &labels))
                }
                None => pod.metadata.namespace == own,
            };
            let chosen =
                peer.pod_selector.as_ref().is_none_or(|wanted| selector::matches(wanted, &pod.metadata.labels));
            there && chosen && info(pod).is_some()
        };
        pods.extend(cache.all::<Pod>().filter(fits));
    }
    (peers.is_empty(), pods, blocks)
}

/// A block; a set cannot hold all addresses as one network, so they are two halves.
fn halves(cidr: &str, except: bool) -> Vec<(Ipv4Net, bool)> {
    match cidr.parse::<Ipv4Net>() {
        Ok(net) if net.prefix_len() == 0 => net.subnets(1).into_iter().flatten().map(|half| (half, except)).collect(),
        Ok(net) => vec![(net.trunc(), except)],
        // Of IPv6, which nobody speaks here.
        Err(_) => Vec::new(),
    }
}

fn allowed(
    anybody: bool,
    pods: &[&Arc<Pod>],
    blocks: Vec<(Ipv4Net, bool)>,
    ports: &[NetworkPolicyPort],
    named_by: &[&Arc<Pod>],
) -> Allowed {
    let mut rule = Allowed { anybody, pods: addresses(pods), blocks, any_port: ports.is_empty(), ..Allowed::default() };
    for port in ports {
        let proto = port.protocol.as_deref().unwrap_or("TCP").to_lowercase();
        match &port.port {
            None => rule.ports.push((proto, None)),
            Some(IntOrString::Int(n)) => {
                let low = u16::try_from(*n).unwrap_or(0);
                let high = port.end_port.and_then(|n| u16::try_from(n).ok()).unwrap_or(low);
                rule.ports.push((proto, Some((low, high.max(low)))));
            }
            Some(IntOrString::String(name)) => named(&mut rule, &proto, name, named_by),
        }
    }
    rule
}

/// A port by name, by the numbers that it has for these pods.
fn named(rule: &mut Allowed, proto: &str, name: &str, pods: &[&Arc<Pod>]) {
    let mut found: crate::sim::VecMap<u16, Vec<Ipv4Addr>> = crate::sim::VecMap::new();
    for pod in pods {
        let ports = pod.spec.containers.iter().flat_map(|container| &container.ports);
        let fits = ports.filter(|port| port.name == name && port.protocol.to_string().eq_ignore_ascii_case(proto));
        for port in fits.filter_map(|port| u16::try_from(port.container_port).ok()) {
            found.entry(port).or_default().extend(info(pod).map(|PodInfo { ip, .. }| ip));
        }
    }
    rule.named.extend(found.into_iter().map(|(port, ips)| (proto.to_owned(), port, ips)));
}
