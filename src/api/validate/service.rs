//! Services. Models `ValidateService` and `ValidateServiceUpdate`.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::error::{duplicate, each, forbidden, invalid, required, unsupported};
use super::{container, ip, names, probe, service_ip};
use crate::api::{FieldError, Service, ServicePort, ServiceType};
use crate::sim::VecSet;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

/// A new service.
pub fn create(service: &Service, errors: &mut Vec<FieldError>) {
    let spec = &service.spec;
    let headless = spec.cluster_ip == "None" || spec.cluster_ips.first().is_some_and(|ip| ip == "None");
    let named = spec.r#type == ServiceType::ExternalName;
    topology(service, errors);
    if spec.ports.is_empty() && !headless && !named {
        errors.push(required("spec.ports", ""));
    }
    match &spec.r#type {
        ServiceType::LoadBalancer | ServiceType::NodePort if headless => {
            let kind = spec.r#type.as_str();
            let why = format!("may not be set to 'None' for {kind} services");
            errors.push(invalid("spec.clusterIPs[0]", &json!("None"), &why));
        }
        ServiceType::ExternalName => external_name(service, errors),
        _ => {}
    }
    ports(service, headless, errors);
    super::meta::labels(&spec.selector, "spec.selector", errors);
    affinity(service, errors);
    match &spec.r#type {
        ServiceType::Unknown(word) if word.is_empty() => errors.push(required("spec.type", "")),
        ServiceType::Unknown(word) => errors.push(unsupported("spec.type", word, &TYPES)),
        _ => {}
    }
    service_ip::related(service, errors);
    external_ips(service, errors);
    if spec.r#type == ServiceType::ClusterIp {
        for (at, _) in spec.ports.iter().enumerate().filter(|(_, p)| p.node_port != 0) {
            let field = format!("spec.ports[{at}].nodePort");
            errors.push(forbidden(&field, "may not be used when `type` is 'ClusterIP'"));
        }
    }
    duplicate_ports(&spec.ports, errors);
    load_balancer(service, errors);
    traffic(service, errors);
}

fn external_name(service: &Service, errors: &mut Vec<FieldError>) {
    let spec = &service.spec;
    if !spec.cluster_ips.is_empty() {
        errors.push(forbidden("spec.clusterIPs", "may not be set for ExternalName services"));
    }
    if !spec.ip_families.is_empty() {
        errors.push(forbidden("spec.ipFamilies", "may not be set for ExternalName services"));
    }
    if spec.ip_family_policy.is_some() {
        errors.push(forbidden("spec.ipFamilyPolicy", "may not be set for ExternalName services"));
    }
    let name = spec.external_name.trim_end_matches('.');
    if name.is_empty() {
        errors.push(required("spec.externalName", ""));
    } else {
        each("spec.externalName", name, names::dns_subdomain(name), errors);
    }
}

fn ports(service: &Service, headless: bool, errors: &mut Vec<FieldError>) {
    let many = service.spec.ports.len() > 1;
    let mut seen = VecSet::new();
    for (at, port) in service.spec.ports.iter().enumerate() {
        let at = |name: &str| format!("spec.ports[{at}].{name}");
        if port.name.is_empty() {
            if many {
                errors.push(required(&at("name"), ""));
            }
        } else {
            each(&at("name"), &port.name, names::dns_label(&port.name), errors);
            if !seen.insert(port.name.as_str()) {
                errors.push(duplicate(&at("name"), &json!(port.name)));
            }
        }
        for why in names::port_number(port.port) {
            errors.push(invalid(&at("port"), &json!(port.port), &why));
        }
        container::protocol(&port.protocol, &at("protocol"), errors);
        if !headless || port.target_port != crate::api::IntOrString::Int(0) {
            probe::port(&port.target_port, &at("targetPort"), errors);
        }
        if let Some(app) = port.app_protocol.as_ref().filter(|a| !a.is_empty()) {
            each(&at("appProtocol"), app, names::qualified_name(app), errors);
        }
    }
}

fn duplicate_ports(ports: &[ServicePort], errors: &mut Vec<FieldError>) {
    let mut seen = VecSet::new();
    let mut nodes = VecSet::new();
    for (at, port) in ports.iter().enumerate() {
        if !seen.insert((port.protocol.as_str(), port.port)) {
            let value = json!({"port": port.port, "protocol": port.protocol});
            errors.push(duplicate(&format!("spec.ports[{at}]"), &value));
        }
        if port.node_port != 0 && !nodes.insert((port.protocol.as_str(), port.node_port)) {
            errors.push(duplicate(&format!("spec.ports[{at}].nodePort"), &json!(port.node_port)));
        }
    }
}

fn affinity(service: &Service, errors: &mut Vec<FieldError>) {
    let spec = &service.spec;
    let config = spec.rest.get("sessionAffinityConfig");
    let field = "spec.sessionAffinityConfig";
    match spec.session_affinity.as_str() {
        "" => errors.push(required("spec.sessionAffinity", "")),
        "None" => {
            if config.is_some() {
                errors.push(forbidden(field, "must not be set when session affinity is None"));
            }
        }
        "ClientIP" => {
            let why = "when session affinity type is ClientIP";
            match config.map(|config| (&config["clientIP"], &config["clientIP"]["timeoutSeconds"])) {
                None => errors.push(required(field, why)),
                Some((client, _)) if client.is_null() => {
                    errors.push(required(&format!("{field}.clientIP"), why));
                }
                Some((_, seconds)) => match seconds.as_i64() {
                    None => errors.push(required(&format!("{field}.clientIP.timeoutSeconds"), why)),
                    Some(n) if n <= 0 || n > 86_400 => {
                        let why = "must be greater than 0 and less than 86400";
                        errors.push(invalid(&format!("{field}.clientIP.timeoutSeconds"), &json!(n), why));
                    }
                    Some(_) => {}
                },
            }
        }
        other => errors.push(unsupported("spec.sessionAffinity", other, &["ClientIP", "None"])),
    }
}

fn external_ips(service: &Service, errors: &mut Vec<FieldError>) {
    for (at, text) in service.spec.external_ips.iter().enumerate() {
        let field = format!("spec.externalIPs[{at}]");
        let Ok(address) = text.parse::<IpAddr>() else {
            ip::address(text, &field, errors);
            continue;
        };
        if let Some(why) = ip::unreachable(address) {
            errors.push(invalid(&field, &json!(text), &why));
        }
    }
}

fn traffic(service: &Service, errors: &mut Vec<FieldError>) {
    let spec = &service.spec;
    let external = matches!(spec.r#type, ServiceType::NodePort | ServiceType::LoadBalancer);
    let reachable = external || !spec.external_ips.is_empty();
    match spec.external_traffic_policy.as_str() {
        "" if external => errors.push(required("spec.externalTrafficPolicy", "")),
        "" => {}
        policy if !reachable => {
            let why = "may only be set for externally-accessible services";
            errors.push(invalid("spec.externalTrafficPolicy", &json!(policy), why));
        }
        "Cluster" | "Local" => {}
        other => errors.push(unsupported("spec.externalTrafficPolicy", other, &["Cluster", "Local"])),
    }
    let inside = spec.r#type != ServiceType::ExternalName;
    match spec.internal_traffic_policy.as_deref() {
        None if inside => errors.push(required("spec.internalTrafficPolicy", "")),
        None | Some("Cluster" | "Local") => {}
        Some(other) => errors.push(unsupported("spec.internalTrafficPolicy", other, &["Cluster", "Local"])),
    }
    health_check(service, errors);
    if let Some(word) = spec.rest.get("trafficDistribution").and_then(Value::as_str)
        && !DISTRIBUTIONS.contains(&word)
    {
        errors.push(unsupported("spec.trafficDistribution", word, &DISTRIBUTIONS));
    }
}

const DISTRIBUTIONS: [&str; 3] = ["PreferClose", "PreferSameNode", "PreferSameZone"];

fn health_check(service: &Service, errors: &mut Vec<FieldError>) {
    let spec = &service.spec;
    let field = "spec.healthCheckNodePort";
    let port = spec.health_check_node_port;
    if port == 0 {
        return;
    }
    if spec.r#type == ServiceType::LoadBalancer && spec.external_traffic_policy == "Local" {
        for why in names::port_number(port) {
            errors.push(invalid(field, &json!(port), &why));
        }
    } else {
        let why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.push(invalid(field, &json!(port), why));
    }
}

const RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
const BALANCERS: &str = "may only be used when `type` is 'LoadBalancer'";

/// What only load balancers have.
fn load_balancer(service: &Service, errors: &mut Vec<FieldError>) {
    let spec = &service.spec;
    let balanced = spec.r#type == ServiceType::LoadBalancer;
    let ranges = spec.rest.get("loadBalancerSourceRanges").and_then(Value::as_array);
    if let Some(ranges) = ranges.filter(|ranges| !ranges.is_empty()) {
        let field = "spec.LoadBalancerSourceRanges";
        if !balanced {
            errors.push(forbidden(field, BALANCERS));
        }
        for (at, text) in ranges.iter().enumerate() {
            ip::range(text.as_str().unwrap_or("").trim(), &format!("{field}[{at}]"), errors);
        }
    } else if let Some(ranges) = service.metadata.annotations.get(RANGES) {
        let field = format!("metadata.annotations[{RANGES}]");
        if !balanced {
            errors.push(forbidden(&field, BALANCERS));
        }
        for text in ranges.split(',').filter(|_| !ranges.trim().is_empty()) {
            ip::range(text.trim(), &field, errors);
        }
    }
    if spec.rest.get("allocateLoadBalancerNodePorts").is_some_and(|on| !on.is_null()) && !balanced {
        errors.push(forbidden("spec.allocateLoadBalancerNodePorts", BALANCERS));
    }
    balancer_class(service, errors);
}

fn class_of(service: &Service) -> Option<&str> {
    service.spec.rest.get("loadBalancerClass").and_then(Value::as_str)
}

fn balancer_class(service: &Service, errors: &mut Vec<FieldError>) {
    match class_of(service) {
        Some(class) if service.spec.r#type == ServiceType::LoadBalancer => {
            each("spec.loadBalancerClass", class, names::qualified_name(class), errors);
        }
        Some(_) => errors.push(forbidden("spec.loadBalancerClass", BALANCERS)),
        None => {}
    }
}

/// The old and the new name of an annotation say the same.
fn topology(service: &Service, errors: &mut Vec<FieldError>) {
    const MODE: &str = "service.kubernetes.io/topology-mode";
    const HINTS: &str = "service.kubernetes.io/topology-aware-hints";
    let annotations = &service.metadata.annotations;
    if let (Some(mode), Some(hints)) = (annotations.get(MODE), annotations.get(HINTS))
        && mode != hints
    {
        let why = format!("must match annotations[{HINTS}] when both are specified");
        errors.push(invalid(&format!("metadata.annotations[{MODE}]"), &json!(mode), &why));
    }
}

/// A changed service.
pub fn update(new: &Service, old: &Service, errors: &mut Vec<FieldError>) {
    service_ip::update(new, old, errors);
    let balanced = |service: &Service| service.spec.r#type == ServiceType::LoadBalancer;
    if balanced(new) && balanced(old) && class_of(new) != class_of(old) {
        let value = class_of(new).map_or(Value::Null, |class| json!(class));
        errors.push(invalid("spec.loadBalancerClass", &value, "may not change once set"));
    }
    balancer_class(new, errors);
    let (mut now, mut before) = (Vec::new(), Vec::new());
    create(new, &mut now);
    create(old, &mut before);
    let same = new.metadata.annotations.get(RANGES) == old.metadata.annotations.get(RANGES);
    now.retain(|error| !ip::is_padding(error) || !was_padded(error, &before, same));
    errors.extend(now);
}

/// Whether an address was written in a form that is no longer taken before: then it may stay. The list of an annotation must
/// stay whole; in a list of the spec each one may move, but the cluster's own addresses, which have their places.
fn was_padded(error: &FieldError, before: &[FieldError], same_annotation: bool) -> bool {
    let list = |field: &str| field.split('[').next().unwrap_or(field).to_owned();
    match list(&error.field).as_str() {
        "metadata.annotations" => same_annotation,
        "spec.clusterIPs" => before.contains(error),
        name => before.iter().any(|had| had.message == error.message && list(&had.field) == name),
    }
}
