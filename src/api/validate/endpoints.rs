//! Endpoints, EndpointSlices and Leases. Models `ValidateEndpoints`, `pkg/apis/discovery/validation` and
//! `pkg/apis/coordination/validation`.

use std::net::IpAddr;

use serde_json::json;

use super::error::{duplicate, each, invalid, required, too_many, unsupported};
use super::{container, ip, meta, names};
use crate::api::{Endpoint, EndpointSlice, EndpointSlicePort, Endpoints, FieldError, Lease};
use crate::sim::VecSet;

/// The most that a slice may hold.
const MOST_ENDPOINTS: usize = 1_000;
const MOST_ADDRESSES: usize = 100;
const MOST_PORTS: usize = 20_000;

/// Endpoints.
pub fn endpoints(endpoints: &Endpoints, errors: &mut Vec<FieldError>) {
    for (at, subset) in endpoints.subsets.iter().enumerate() {
        let field = format!("subsets[{at}]");
        if subset.addresses.is_empty() && subset.not_ready_addresses.is_empty() {
            errors.push(required(&field, "must specify `addresses` or `notReadyAddresses`"));
        }
        for (name, list) in [("addresses", &subset.addresses), ("notReadyAddresses", &subset.not_ready_addresses)] {
            for (index, address) in list.iter().enumerate() {
                let field = format!("{field}.{name}[{index}]");
                reachable(&address.ip, &format!("{field}.ip"), errors);
                if !address.hostname.is_empty() {
                    each(&format!("{field}.hostname"), &address.hostname, names::dns_label(&address.hostname), errors);
                }
                if let Some(node) = &address.node_name {
                    each(&format!("{field}.nodeName"), node, names::dns_subdomain(node), errors);
                }
            }
        }
        for (index, port) in subset.ports.iter().enumerate() {
            let field = format!("{field}.ports[{index}]");
            if port.name.is_empty() {
                if subset.ports.len() > 1 {
                    errors.push(required(&format!("{field}.name"), ""));
                }
            } else {
                each(&format!("{field}.name"), &port.name, names::dns_label(&port.name), errors);
            }
            for why in names::port_number(port.port) {
                errors.push(invalid(&format!("{field}.port"), &json!(port.port), &why));
            }
            container::protocol(&port.protocol, &format!("{field}.protocol"), errors);
            if let Some(app) = port.app_protocol.as_ref().filter(|app| !app.is_empty()) {
                each(&format!("{field}.appProtocol"), app, names::qualified_name(app), errors);
            }
        }
    }
}

/// Changed endpoints: what was wrong before and has not changed may stay.
pub fn endpoints_update(new: &Endpoints, old: &Endpoints, errors: &mut Vec<FieldError>) {
    if new.subsets != old.subsets {
        endpoints(new, errors);
    }
}

/// An address that something can be sent to.
fn reachable(text: &str, field: &str, errors: &mut Vec<FieldError>) {
    let Ok(address) = text.parse::<IpAddr>() else {
        ip::address(text, field, errors);
        // Upstream looks twice; zeros before a number offend it only once.
        if !ip::wrong(text).is_some_and(|why| why.ends_with("leading 0s")) {
            errors.push(invalid(field, &json!(text), "must be a valid IP address"));
        }
        return;
    };
    if let Some(why) = ip::unreachable(address) {
        errors.push(invalid(field, &json!(text), &why));
    }
}

/// A slice.
pub fn slice(slice: &EndpointSlice, errors: &mut Vec<FieldError>) {
    if !matches!(slice.address_type.as_str(), "IPv4" | "IPv6" | "FQDN") {
        errors.push(match slice.address_type.as_str() {
            "" => required("addressType", ""),
            other => unsupported("addressType", other, &["FQDN", "IPv4", "IPv6"]),
        });
    }
    if slice.endpoints.len() > MOST_ENDPOINTS {
        errors.push(too_many("endpoints", slice.endpoints.len(), MOST_ENDPOINTS));
    } else {
        for (at, endpoint) in slice.endpoints.iter().enumerate() {
            self::endpoint(endpoint, &slice.address_type, &format!("endpoints[{at}]"), errors);
        }
    }
    if slice.ports.len() > MOST_PORTS {
        errors.push(too_many("ports", slice.ports.len(), MOST_PORTS));
    } else {
        slice_ports(&slice.ports, errors);
    }
}

fn endpoint(endpoint: &Endpoint, family: &str, field: &str, errors: &mut Vec<FieldError>) {
    let addresses = format!("{field}.addresses");
    match endpoint.addresses.len() {
        0 => errors.push(required(&addresses, "must contain at least 1 address")),
        count if count > MOST_ADDRESSES => errors.push(too_many(&addresses, count, MOST_ADDRESSES)),
        _ => {}
    }
    for (index, address) in endpoint.addresses.iter().enumerate() {
        of_family(address, family, &format!("{addresses}[{index}]"), errors);
    }
    if let Some(node) = &endpoint.node_name {
        each(&format!("{field}.nodeName"), node, names::dns_subdomain(node), errors);
    }
    let topology = endpoint.rest.get("deprecatedTopology").cloned().unwrap_or_default();
    let topology = serde_json::from_value(topology).unwrap_or_default();
    meta::labels(&topology, &format!("{field}.deprecatedTopology"), errors);
    if let Some(name) = &endpoint.hostname {
        each(&format!("{field}.hostname"), name, names::dns_label(name), errors);
    }
    let zones = endpoint.rest.get("hints").and_then(|hints| hints["forZones"].as_array());
    let mut seen = VecSet::new();
    for (index, zone) in zones.into_iter().flatten().enumerate() {
        let name = zone["name"].as_str().unwrap_or("");
        let field = format!("{field}.hints.forZones[{index}].name");
        if !seen.insert(name) {
            errors.push(duplicate(&field, &json!(name)));
        }
        each(&field, name, names::label_value(name), errors);
    }
}

/// An address of the slice's sort.
fn of_family(address: &str, family: &str, field: &str, errors: &mut Vec<FieldError>) {
    let wrong = match address.parse::<IpAddr>() {
        Ok(ip) if family == "IPv4" && !ip.is_ipv4() => Some("must be an IPv4 address"),
        Ok(ip) if family == "IPv6" && !ip.is_ipv6() => Some("must be an IPv6 address"),
        _ => None,
    };
    match family {
        "IPv4" | "IPv6" => {
            errors.extend(wrong.map(|why| invalid(field, &json!(address), why)));
            reachable(address, field, errors);
        }
        "FQDN" => {
            let name = address.strip_suffix('.').unwrap_or(address);
            each(field, address, names::dns_subdomain(name), errors);
            if !name.is_empty() && !name.contains('.') {
                let why = "should be a domain with at least two segments separated by dots";
                errors.push(invalid(field, &json!(address), why));
            }
        }
        _ => {}
    }
}

fn slice_ports(ports: &[EndpointSlicePort], errors: &mut Vec<FieldError>) {
    let mut seen = VecSet::new();
    for (at, port) in ports.iter().enumerate() {
        let name = format!("ports[{at}].name");
        if !port.name.is_empty() {
            each(&name, &port.name, names::dns_label(&port.name), errors);
        }
        if !seen.insert(port.name.as_str()) {
            errors.push(duplicate(&name, &json!(port.name)));
        }
        container::protocol(&port.protocol, &format!("ports[{at}].protocol"), errors);
        if let Some(of) = &port.app_protocol {
            each(&format!("ports[{at}].appProtocol"), of, names::qualified_name(of), errors);
        }
    }
}

/// A changed slice.
pub fn slice_update(new: &EndpointSlice, old: &EndpointSlice, errors: &mut Vec<FieldError>) {
    slice(new, errors);
    if new.address_type != old.address_type {
        errors.push(invalid("addressType", &json!(new.address_type), "field is immutable"));
    }
}

/// A lease.
pub fn lease(lease: &Lease, errors: &mut Vec<FieldError>) {
    if let Some(seconds) = lease.spec.lease_duration_seconds
        && seconds <= 0
    {
        errors.push(invalid("spec.leaseDurationSeconds", &json!(seconds), "must be greater than 0"));
    }
    if let Some(count) = lease.spec.lease_transitions
        && count < 0
    {
        errors.push(invalid("spec.leaseTransitions", &json!(count), "must be greater than or equal to 0"));
    }
}
