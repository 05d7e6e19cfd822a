//! Ingresses, their classes and network policies (`printIngress`, `printIngressClass`, `printNetworkPolicy`).

use serde_json::{Value, json};

use super::{Column, NONE, or_none, text};
use crate::api::labels::Selector;
use crate::api::{Ingress, IngressClass, IngressRule, NetworkPolicy};
use crate::sim::VecSet;

pub(super) const INGRESS: &[Column] =
    &[text("Name"), text("Class"), text("Hosts"), text("Address"), text("Ports"), text("Age")];
pub(super) const CLASS: &[Column] = &[text("Name"), text("Controller"), text("Parameters"), text("Age")];
pub(super) const POLICY: &[Column] = &[text("Name"), text("Pod-Selector"), text("Age")];

/// So many hosts are shown.
const MOST: usize = 3;

pub(super) fn ingress(ingress: &Ingress, age: &str) -> Vec<Value> {
    let spec = &ingress.spec;
    let points = &ingress.status.load_balancer.ingress;
    let addresses = points.iter().map(|point| if point.ip.is_empty() { &point.hostname } else { &point.ip });
    let addresses: VecSet<&str> = addresses.map(String::as_str).filter(|a| !a.is_empty()).collect();
    vec![
        json!(ingress.metadata.name),
        json!(spec.ingress_class_name.as_deref().unwrap_or(NONE)),
        json!(hosts(&spec.rules)),
        json!(addresses.into_iter().collect::<Vec<_>>().join(",")),
        json!(if spec.tls.is_empty() { "80" } else { "80, 443" }),
        json!(age),
    ]
}

/// The first few hosts, and how many more rules there are.
fn hosts(rules: &[IngressRule]) -> String {
    let mut shown: Vec<&str> = Vec::new();
    let mut more = false;
    for rule in rules {
        more |= shown.len() == MOST;
        if !more && !rule.host.is_empty() {
            shown.push(&rule.host);
        }
    }
    match shown.join(",") {
        none if none.is_empty() => "*".into(),
        some if more => format!("{some} + {} more...", rules.len() - MOST),
        some => some,
    }
}

pub(super) fn class(class: &IngressClass, age: &str) -> Vec<Value> {
    let parameters = class.spec.parameters.as_ref().map_or(NONE.to_owned(), |to| match &to.api_group {
        Some(group) => format!("{}.{group}/{}", to.kind, to.name),
        None => format!("{}/{}", to.kind, to.name),
    });
    vec![json!(class.metadata.name), json!(class.spec.controller), json!(parameters), json!(age)]
}

pub(super) fn policy(policy: &NetworkPolicy, age: &str) -> Vec<Value> {
    let selector = Selector::from(&policy.spec.pod_selector).to_string();
    vec![json!(policy.metadata.name), json!(or_none(&selector)), json!(age)]
}
