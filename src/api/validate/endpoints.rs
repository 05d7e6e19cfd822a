//! Endpoints, EndpointSlices and Leases. Models `ValidateEndpoints`, `pkg/apis/discovery/validation` and
//! `pkg/apis/coordination/validation`.

use std::net::IpAddr;

use serde_json::json;

use super::error::{each, invalid, required, unsupported};
use super::{container, ip, names};
use crate::api::{EndpointSlice, Endpoints, FieldError, Lease};

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
    for (at, endpoint) in slice.endpoints.iter().enumerate() {
        if endpoint.addresses.is_empty() {
            errors.push(required(&format!("endpoints[{at}].addresses"), "must contain at least 1 address"));
        }
        for (index, address) in endpoint.addresses.iter().enumerate().filter(|_| slice.address_type != "FQDN") {
            reachable(address, &format!("endpoints[{at}].addresses[{index}]"), errors);
        }
    }
    for (at, port) in slice.ports.iter().enumerate() {
        container::protocol(&port.protocol, &format!("ports[{at}].protocol"), errors);
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
