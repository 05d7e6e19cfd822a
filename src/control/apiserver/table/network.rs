//! Services, Endpoints and EndpointSlices (`printService`, `printEndpoints`, `printEndpointSlice`).

use serde_json::{Value, json};

use super::{Column, NONE, UNKNOWN, or_none, text, wide};
use crate::api::{EndpointSlice, Endpoints, IPAddress, Service, ServiceType};

pub(super) const SERVICE: &[Column] = &[
    text("Name"),
    text("Type"),
    text("Cluster-IP"),
    text("External-IP"),
    text("Port(s)"),
    text("Age"),
    wide("Selector"),
];
pub(super) const ENDPOINTS: &[Column] = &[text("Name"), text("Endpoints"), text("Age")];
pub(super) const ENDPOINT_SLICE: &[Column] =
    &[text("Name"), text("AddressType"), text("Ports"), text("Endpoints"), text("Age")];
pub(super) const ADDRESS: &[Column] = &[text("Name"), text("ParentRef"), text("Age")];
pub(super) const RANGE: &[Column] = &[text("Name"), text("CIDRs"), text("Age")];

/// So many items of a list are shown.
const MOST: usize = 3;

/// `10.96.0.1`, and `services/default/kubernetes` who has it.
pub(super) fn address(address: &IPAddress, age: &str) -> Vec<Value> {
    let parent = address.spec.parent_ref.as_ref().map_or_else(String::new, |parent| {
        let resource = match parent.group.as_str() {
            "" => parent.resource.clone(),
            group => format!("{}.{group}", parent.resource),
        };
        [&resource, &parent.namespace, &parent.name].map(String::as_str).join("/")
    });
    vec![json!(address.metadata.name), json!(parent), json!(age)]
}

pub(super) fn service(service: &Service, age: &str) -> Vec<Value> {
    let spec = &service.spec;
    let ports: Vec<String> = spec
        .ports
        .iter()
        .map(|p| match p.node_port {
            0 => format!("{}/{}", p.port, p.protocol),
            node_port => format!("{}:{node_port}/{}", p.port, p.protocol),
        })
        .collect();
    let selector: Vec<String> = spec.selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
    vec![
        json!(service.metadata.name),
        json!(spec.r#type.as_str()),
        json!(spec.cluster_ips.first().map_or(NONE, |ip| or_none(ip))),
        json!(external_ip(service)),
        json!(or_none(&ports.join(","))),
        json!(age),
        json!(or_none(&selector.join(","))),
    ]
}

fn external_ip(service: &Service) -> String {
    let own = service.spec.external_ips.join(",");
    match service.spec.r#type {
        ServiceType::ClusterIp | ServiceType::NodePort => or_none(&own).to_owned(),
        ServiceType::LoadBalancer => {
            let mut all: Vec<&str> = Vec::new();
            if let Some(points) = service.status.load_balancer.get("ingress").and_then(Value::as_array) {
                all.extend(points.iter().filter_map(|p| p["ip"].as_str().or(p["hostname"].as_str())));
            }
            all.extend(service.spec.external_ips.iter().map(String::as_str));
            if all.is_empty() { "<pending>".into() } else { all.join(",") }
        }
        ServiceType::ExternalName => service.spec.external_name.clone(),
        ServiceType::Unknown(_) => UNKNOWN.into(),
    }
}

/// The first few, and how many more there are.
fn shortened(all: &[String]) -> String {
    let shown = all.iter().take(MOST).cloned().collect::<Vec<_>>().join(",");
    if all.len() > MOST { format!("{shown} + {} more...", all.len() - MOST) } else { shown }
}

pub(super) fn endpoints(endpoints: &Endpoints, age: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for subset in &endpoints.subsets {
        if subset.ports.is_empty() {
            all.extend(subset.addresses.iter().map(|a| a.ip.clone()));
        }
        for port in &subset.ports {
            all.extend(subset.addresses.iter().map(|a| {
                if a.ip.contains(':') { format!("[{}]:{}", a.ip, port.port) } else { format!("{}:{}", a.ip, port.port) }
            }));
        }
    }
    let shown = if endpoints.subsets.is_empty() { NONE.to_owned() } else { shortened(&all) };
    vec![json!(endpoints.metadata.name), json!(shown), json!(age)]
}

pub(super) fn endpoint_slice(slice: &EndpointSlice, age: &str) -> Vec<Value> {
    let ports: Vec<String> = slice
        .ports
        .iter()
        .map(|p| match p.port {
            Some(port) => port.to_string(),
            None if !p.name.is_empty() => p.name.clone(),
            None => "*".into(),
        })
        .collect();
    let addresses: Vec<String> = slice.endpoints.iter().flat_map(|e| e.addresses.iter().cloned()).collect();
    let or_unset = |shown: String| if shown.is_empty() { "<unset>".to_owned() } else { shown };
    vec![
        json!(slice.metadata.name),
        json!(slice.address_type),
        json!(or_unset(shortened(&ports))),
        json!(or_unset(shortened(&addresses))),
        json!(age),
    ]
}
