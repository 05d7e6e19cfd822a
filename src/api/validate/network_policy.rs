//! Network policies. Models `ValidateNetworkPolicy` of `pkg/apis/networking/validation/validation.go`.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde_json::json;

use super::error::{forbidden, invalid, required, unsupported};
use super::{names, probe, selector};
use crate::api::{FieldError, IntOrString, IpBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use crate::sim::VecSet;

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
const TYPES: [&str; 2] = ["Ingress", "Egress"];

/// A new policy.
pub fn create(policy: &NetworkPolicy, errors: &mut Vec<FieldError>) {
    spec(policy, &VecSet::new(), errors);
}

/// A changed policy: blocks of addresses that were there may stay as they are.
pub fn update(new: &NetworkPolicy, old: &NetworkPolicy, errors: &mut Vec<FieldError>) {
    let peers = old.spec.ingress.iter().flat_map(|rule| &rule.from);
    let peers = peers.chain(old.spec.egress.iter().flat_map(|rule| &rule.to));
    let blocks = peers.filter_map(|peer| peer.ip_block.as_ref());
    let known = blocks.flat_map(|block| std::iter::once(&block.cidr).chain(&block.except)).map(String::as_str);
    spec(new, &known.collect(), errors);
}

fn spec(policy: &NetworkPolicy, known: &VecSet<&str>, errors: &mut Vec<FieldError>) {
    let spec = &policy.spec;
    selector::label_selector(&spec.pod_selector, "spec.podSelector", errors);
    for (at, rule) in spec.ingress.iter().enumerate() {
        let field = format!("spec.ingress[{at}]");
        ports(&rule.ports, &field, errors);
        peers(&rule.from, &format!("{field}.from"), known, errors);
    }
    for (at, rule) in spec.egress.iter().enumerate() {
        let field = format!("spec.egress[{at}]");
        ports(&rule.ports, &field, errors);
        peers(&rule.to, &format!("{field}.to"), known, errors);
    }
    if spec.policy_types.len() > TYPES.len() {
        let why = "may not specify more than two policyTypes";
        errors.push(invalid("spec.policyTypes", &json!(spec.policy_types), why));
        return;
    }
    for (at, word) in spec.policy_types.iter().enumerate().filter(|(_, word)| !TYPES.contains(&word.as_str())) {
        errors.push(unsupported(&format!("spec.policyTypes[{at}]"), word, &TYPES));
    }
}

fn ports(ports: &[NetworkPolicyPort], field: &str, errors: &mut Vec<FieldError>) {
    for (at, port) in ports.iter().enumerate() {
        let at = |name: &str| format!("{field}.ports[{at}].{name}");
        if let Some(protocol) = port.protocol.as_ref().filter(|p| !PROTOCOLS.contains(&p.as_str())) {
            errors.push(unsupported(&at("protocol"), protocol, &PROTOCOLS));
        }
        let end = at("endPort");
        match (&port.port, port.end_port) {
            (Some(IntOrString::Int(first)), Some(last)) => {
                if last < *first {
                    errors.push(invalid(&end, &json!(first), "must be greater than or equal to `port`"));
                }
                errors.extend(names::port_number(last).iter().map(|why| invalid(&end, &json!(last), why)));
            }
            (Some(IntOrString::String(_)), Some(last)) => {
                errors.push(invalid(&end, &json!(last), "may not be specified when `port` is non-numeric"));
            }
            (None, Some(last)) => {
                errors.push(invalid(&end, &json!(last), "may not be specified when `port` is not specified"));
            }
            (_, None) => {}
        }
        if let Some(port) = &port.port {
            probe::port(port, &at("port"), errors);
        }
    }
}

fn peers(peers: &[NetworkPolicyPeer], field: &str, known: &VecSet<&str>, errors: &mut Vec<FieldError>) {
    for (at, peer) in peers.iter().enumerate() {
        let field = format!("{field}[{at}]");
        let selectors = [("podSelector", &peer.pod_selector), ("namespaceSelector", &peer.namespace_selector)];
        let mut given = false;
        for (name, selector) in selectors {
            if let Some(selector) = selector {
                given = true;
                selector::label_selector(selector, &format!("{field}.{name}"), errors);
            }
        }
        match &peer.ip_block {
            Some(ip_block) => {
                block(ip_block, &format!("{field}.ipBlock"), known, errors);
                if given {
                    errors.push(forbidden(&field, "may not specify both ipBlock and another peer"));
                }
            }
            None if !given => errors.push(required(&field, "must specify a peer")),
            None => {}
        }
    }
}

fn block(block: &IpBlock, field: &str, known: &VecSet<&str>, errors: &mut Vec<FieldError>) {
    if block.cidr.is_empty() {
        return errors.push(required(&format!("{field}.cidr"), ""));
    }
    let Some(whole) = cidr(&block.cidr, &format!("{field}.cidr"), known, errors) else { return };
    for (at, text) in block.except.iter().enumerate() {
        let field = format!("{field}.except[{at}]");
        let Some(part) = cidr(text, &field, known, errors) else { continue };
        if !whole.contains(&part.network()) || whole.prefix_len() >= part.prefix_len() {
            errors.push(invalid(&field, &json!(text), "must be a strict subset of `cidr`"));
        }
    }
}

/// Reads a block of addresses as upstream does for fields of old: the number must have no zeros before it and no bits beyond
/// its prefix, unless the object had it before. `None` if it is none at all.
fn cidr(text: &str, field: &str, known: &VecSet<&str>, errors: &mut Vec<FieldError>) -> Option<IpNet> {
    let mut refuse = |why: &str| errors.push(invalid(field, &json!(text), why));
    let Some(net) = sloppy(text) else {
        refuse("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
        return None;
    };
    if known.contains(text) {
        return Some(net);
    }
    let exact = text
        .split_once('/')
        .is_some_and(|(ip, bits)| ip.parse::<IpAddr>().is_ok() && (bits == "0" || !bits.starts_with('0')));
    if !exact {
        refuse("must not have leading 0s in IP or prefix length");
    } else if matches!(net.addr(), IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some()) {
        refuse("must not have an IPv4-mapped IPv6 address");
    } else if net.addr() != net.network() {
        refuse("must not have bits set beyond the prefix length");
    }
    Some(net)
}

/// A block of addresses whose numbers may begin with zeros.
fn sloppy(text: &str) -> Option<IpNet> {
    let (ip, bits) = text.split_once('/')?;
    let number = |text: &str| text.parse::<u8>().ok().filter(|_| !text.starts_with('+'));
    let ip = match ip.parse::<IpAddr>() {
        Ok(ip) => ip,
        Err(_) => {
            let parts: Vec<u8> = ip.split('.').map(number).collect::<Option<_>>()?;
            IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(parts).ok()?))
        }
    };
    IpNet::new(ip, number(bits)?).ok()
}
