//! Endpoints, EndpointSlices and Leases. Models `ValidateEndpoints`, `pkg/apis/discovery/validation` and
//! `pkg/apis/coordination/validation`.

use std::net::IpAddr;

use serde_json::json;

use super::error::{each, invalid, required, unsupported};
use super::{container, names};
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
                ip(&address.ip, &format!("{field}.ip"), errors);
                if !address.hostname.is_empty() {
                    each(&format!("{field}.hostname"), &address.hostname, names::dns_label(&address.hostname), errors);
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
        }
    }
}

/// An address that something can be sent to.
fn ip(text: &str, field: &str, errors: &mut Vec<FieldError>) {
    let Ok(address) = text.parse::<IpAddr>() else {
        errors.push(invalid(field, &json!(text), "must be a valid IP address"));
        return;
    };
    let why = match address {
        a if a.is_unspecified() => format!("may not be unspecified ({a})"),
        a if a.is_loopback() => "may not be in the loopback range (127.0.0.0/8, ::1/128)".into(),
        IpAddr::V4(a) if a.is_link_local() => "may not be in the link-local range (169.254.0.0/16, fe80::/10)".into(),
        IpAddr::V4(a) if a.octets()[..3] == [224, 0, 0] => {
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".into()
        }
        _ => return,
    };
    errors.push(invalid(field, &json!(text), &why));
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
            ip(address, &format!("endpoints[{at}].addresses[{index}]"), errors);
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
