//! The addresses of services. Models `ValidateIPAddress` and `ValidateServiceCIDR` of
//! `pkg/apis/networking/validation/validation.go`.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::error::{each, immutable, invalid, required};
use super::{ip, names};
use crate::api::{FieldError, IPAddress, ServiceCIDR};

const CIDRS: &str = "spec.cidrs";
const ONE_FAMILY: &str = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";

/// An address says who has it.
pub fn address(address: &IPAddress, errors: &mut Vec<FieldError>) {
    let field = "spec.parentRef";
    let Some(parent) = &address.spec.parent_ref else { return errors.push(required(field, "")) };
    if !parent.group.is_empty() {
        each(&format!("{field}.group"), &parent.group, names::dns_subdomain(&parent.group), errors);
    }
    for (name, part, needed) in
        [("resource", &parent.resource, true), ("name", &parent.name, true), ("namespace", &parent.namespace, false)]
    {
        match part.as_str() {
            "" if needed => errors.push(required(&format!("{field}.{name}"), "")),
            part => each(&format!("{field}.{name}"), part, names::path_segment(part), errors),
        }
    }
}

/// A changed address: who has it stays.
pub fn address_update(new: &IPAddress, old: &IPAddress, errors: &mut Vec<FieldError>) {
    immutable("spec.parentRef", &new.spec.parent_ref, &old.spec.parent_ref, errors);
}

/// Ranges: one, or one of each family.
pub fn ranges(of: &ServiceCIDR, errors: &mut Vec<FieldError>) {
    let cidrs = &of.spec.cidrs;
    match cidrs.as_slice() {
        [] => errors.push(required(CIDRS, "at least one CIDR required")),
        [_, _, _, ..] => errors.push(invalid(CIDRS, &go(cidrs), "may only hold up to 2 values")),
        [a, b] if one_family(a, b) => errors.push(invalid(CIDRS, &go(cidrs), ONE_FAMILY)),
        _ => cidrs.iter().enumerate().for_each(|(at, cidr)| range(cidr, at, errors)),
    }
}

/// The spec as Go writes it.
fn go(cidrs: &[String]) -> Value {
    json!({"CIDRs": cidrs})
}

fn one_family(a: &str, b: &str) -> bool {
    let family = |cidr: &str| cidr.parse::<IpNet>().ok().map(|net| matches!(net, IpNet::V6(_)));
    matches!((family(a), family(b)), (Some(a), Some(b)) if a == b)
}

/// A range in the one form that it has.
fn range(cidr: &str, at: usize, errors: &mut Vec<FieldError>) {
    let field = format!("{CIDRS}[{at}]");
    let before = errors.len();
    ip::range(cidr, &field, errors);
    let Some(net) = cidr.parse::<IpNet>().ok().filter(|_| errors.len() == before) else { return };
    if net.addr() != net.network() {
        errors.push(invalid(&field, &json!(cidr), "must not have bits set beyond the prefix length"));
    } else if net.to_string() != cidr {
        errors.push(invalid(&field, &json!(cidr), &format!("must be in canonical form (\"{net}\")")));
    }
}

/// Changed ranges: they stay; one of the other family may come.
pub fn ranges_update(new: &ServiceCIDR, old: &ServiceCIDR, errors: &mut Vec<FieldError>) {
    const STAYS: &str = "field is immutable";
    let (new, old) = (&new.spec.cidrs, &old.spec.cidrs);
    let grows = old.len() == 1 && new.len() == 2;
    if new.len() != old.len() && !grows {
        return errors.push(invalid(CIDRS, &json!(new), STAYS));
    }
    for (at, (now, _)) in new.iter().zip(old).enumerate().filter(|(_, (now, had))| now != had) {
        errors.push(invalid(&format!("{CIDRS}[{at}]"), &json!(now), STAYS));
    }
    if let ([a, b], true) = (new.as_slice(), grows) {
        match one_family(a, b) {
            true => errors.push(invalid(CIDRS, &json!(new), ONE_FAMILY)),
            false => range(b, 1, errors),
        }
    }
}
