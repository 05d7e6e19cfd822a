//! Services. Models `ValidateService` and `ValidateServiceUpdate`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::error::{duplicate, each, forbidden, invalid, required, unsupported};
use super::{container, names, probe};
use crate::api::{FieldError, Service, ServicePort, ServiceType};

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

/// A new service.
pub fn create(service: &Service, errors: &mut Vec<FieldError>) {
    let spec = &service.spec;
    let headless = spec.cluster_ip == "None" || spec.cluster_ips.first().is_some_and(|ip| ip == "None");
    let named = spec.r#type == ServiceType::ExternalName;
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
    if !named {
        cluster_ips(service, errors);
    }
    external_ips(service, errors);
    if spec.r#type == ServiceType::ClusterIp {
        for (at, _) in spec.ports.iter().enumerate().filter(|(_, p)| p.node_port != 0) {
            let field = format!("spec.ports[{at}].nodePort");
            errors.push(forbidden(&field, "may not be used when `type` is 'ClusterIP'"));
        }
    }
    duplicate_ports(&spec.ports, errors);
    traffic(service, errors);
}

fn external_name(service: &Service, errors: &mut Vec<FieldError>) {
    let spec = &service.spec;
    if !spec.cluster_ips.is_empty() {
        errors.push(forbidden("spec.clusterIPs", "may not be set for ExternalName services"));
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
    let mut seen = BTreeSet::new();
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
    let mut seen = BTreeSet::new();
    let mut nodes = BTreeSet::new();
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
            let seconds = config.and_then(|c| c["clientIP"]["timeoutSeconds"].as_i64());
            match seconds {
                None => errors.push(required(&format!("{field}.clientIP"), "timeoutSeconds must be set")),
                Some(n) if n <= 0 || n > 86_400 => {
                    let why = "must be greater than 0 and less than 86400";
                    errors.push(invalid(&format!("{field}.clientIP.timeoutSeconds"), &json!(n), why));
                }
                Some(_) => {}
            }
        }
        other => errors.push(unsupported("spec.sessionAffinity", other, &["ClientIP", "None"])),
    }
}

/// What is wrong with an address.
pub fn ip(text: &str) -> Option<String> {
    if text.parse::<IpAddr>().is_ok() {
        return None;
    }
    let zeros = text.split('.').count() == 4
        && text.split('.').all(|p| !p.is_empty() && p.len() <= 3 && p.bytes().all(|b| b.is_ascii_digit()));
    Some(if zeros {
        "must not have leading 0s".into()
    } else {
        "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".into()
    })
}

fn cluster_ips(service: &Service, errors: &mut Vec<FieldError>) {
    let spec = &service.spec;
    let field = "spec.clusterIPs";
    let all = json!(spec.cluster_ips);
    if spec.cluster_ips.is_empty() {
        if !spec.cluster_ip.is_empty()
            && spec.cluster_ip != "None"
            && let Some(why) = ip(&spec.cluster_ip)
        {
            errors.push(invalid(&format!("{field}[0]"), &json!(spec.cluster_ip), &why));
        }
        return;
    }
    if spec.cluster_ip.is_empty() {
        errors.push(invalid(field, &all, "must be empty when `clusterIP` is not specified"));
    } else if spec.cluster_ips[0] != spec.cluster_ip {
        errors.push(invalid(field, &all, "first value must match `clusterIP`"));
    }
    if spec.cluster_ips[0] == "None" {
        if spec.cluster_ips.len() > 1 {
            errors.push(invalid(field, &all, "'None' must be the first and only value"));
        }
        return;
    }
    for (at, text) in spec.cluster_ips.iter().enumerate() {
        if let Some(why) = ip(text) {
            errors.push(invalid(&format!("{field}[{at}]"), &json!(text), &why));
        }
    }
    if spec.cluster_ips.len() > 2 {
        errors.push(invalid(field, &all, "may only hold up to 2 values"));
    }
}

fn external_ips(service: &Service, errors: &mut Vec<FieldError>) {
    for (at, text) in service.spec.external_ips.iter().enumerate() {
        let field = format!("spec.externalIPs[{at}]");
        let value = json!(text);
        if let Some(why) = ip(text) {
            errors.push(invalid(&field, &value, &why));
            continue;
        }
        let Ok(address) = text.parse::<IpAddr>() else { continue };
        let why = match address {
            a if a.is_unspecified() && a.is_ipv4() => "may not be unspecified (0.0.0.0)",
            a if a.is_unspecified() => "may not be unspecified (::)",
            a if a.is_loopback() => "may not be in the loopback range (127.0.0.0/8, ::1/128)",
            IpAddr::V4(a) if a.is_link_local() => "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
            IpAddr::V4(a) if a.octets()[..3] == [224, 0, 0] => {
                "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
            }
            _ => continue,
        };
        errors.push(invalid(&field, &value, why));
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
    if spec.rest.get("loadBalancerSourceRanges").is_some_and(|v| v.as_array().is_some_and(|a| !a.is_empty()))
        && spec.r#type != ServiceType::LoadBalancer
    {
        errors.push(forbidden("spec.LoadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'"));
    }
}

/// A changed service.
pub fn update(new: &Service, old: &Service, errors: &mut Vec<FieldError>) {
    let has = |s: &Service| s.spec.r#type != ServiceType::ExternalName && !s.spec.cluster_ips.is_empty();
    if has(old) && new.spec.r#type != ServiceType::ExternalName {
        let first = |s: &Service| s.spec.cluster_ips.first().cloned();
        match (first(new), first(old)) {
            (None, Some(_)) => {
                errors.push(invalid("spec.clusterIPs[0]", &Value::Null, "primary clusterIP can not be unset"));
            }
            (Some(a), Some(b)) if a != b => {
                errors.push(invalid("spec.clusterIPs[0]", &json!(new.spec.cluster_ips), "may not change once set"));
            }
            _ => {}
        }
    }
    // Addresses written in a form that is no longer taken may stay as they are.
    let (mut now, mut before) = (Vec::new(), Vec::new());
    create(new, &mut now);
    create(old, &mut before);
    now.retain(|e| !(e.message.ends_with("must not have leading 0s") && before.contains(e)));
    errors.extend(now);
}
