//! The addresses of Services and their families. Models `ValidateServiceClusterIPsRelatedFields`,
//! `validateUpgradeDowngradeClusterIPs` and `validateUpgradeDowngradeIPFamilies` of `pkg/apis/core/validation/validation.go`.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::error::{duplicate, invalid, unsupported};
use super::ip;
use crate::api::{FieldError, Service, ServiceType};
use crate::sim::VecSet;

const FIELD: &str = "spec.clusterIPs";
const FAMILIES: &str = "spec.ipFamilies";
const POLICIES: [&str; 3] = ["PreferDualStack", "RequireDualStack", "SingleStack"];

fn is_external_name(service: &Service) -> bool {
    service.spec.r#type == ServiceType::ExternalName
}

/// The addresses in the cluster.
pub fn related(service: &Service, errors: &mut Vec<FieldError>) {
    let spec = &service.spec;
    if is_external_name(service) {
        return;
    }
    let all = json!(spec.cluster_ips);
    match (spec.cluster_ip.is_empty(), spec.cluster_ips.first()) {
        (true, Some(_)) => errors.push(invalid(FIELD, &all, "must be empty when `clusterIP` is not specified")),
        (false, Some(first)) if *first != spec.cluster_ip => {
            errors.push(invalid(FIELD, &all, "first value must match `clusterIP`"));
        }
        // The list is made from the first one when a Service is made.
        (false, None) if spec.cluster_ip != "None" => {
            ip::address(&spec.cluster_ip, &format!("{FIELD}[0]"), errors);
        }
        _ => {}
    }
    families(service, errors);
    if let Some(policy) = spec.ip_family_policy.as_deref().filter(|policy| !POLICIES.contains(policy)) {
        errors.push(unsupported("spec.ipFamilyPolicy", policy, &POLICIES));
    }
    let before = errors.len();
    for (at, text) in spec.cluster_ips.iter().enumerate() {
        if at == 0 && text == "None" {
            if spec.cluster_ips.len() > 1 {
                errors.push(invalid(FIELD, &all, "'None' must be the first and only value"));
            }
            continue;
        }
        ip::address(text, &format!("{FIELD}[{at}]"), errors);
    }
    let bad = errors.len() > before;
    if spec.cluster_ips.len() > 2 {
        errors.push(invalid(FIELD, &all, "may only hold up to 2 values"));
    }
    if !bad {
        of_families(service, errors);
    }
}

fn families(service: &Service, errors: &mut Vec<FieldError>) {
    let mut seen = VecSet::new();
    for (at, family) in service.spec.ip_families.iter().enumerate() {
        let field = format!("{FAMILIES}[{at}]");
        if !matches!(family.as_str(), "IPv4" | "IPv6") {
            errors.push(unsupported(&field, family, &["IPv4", "IPv6"]));
        }
        if !seen.insert(family) {
            errors.push(duplicate(&field, &json!(family)));
        }
    }
}

/// One address of each family, in the order of the families.
fn of_families(service: &Service, errors: &mut Vec<FieldError>) {
    let spec = &service.spec;
    let read: Vec<IpAddr> = spec.cluster_ips.iter().filter_map(|text| text.parse().ok()).collect();
    let both = read.iter().any(IpAddr::is_ipv4) && read.iter().any(IpAddr::is_ipv6);
    if spec.cluster_ips.len() > 1 && !both {
        let why = "may specify no more than one IP for each IP family";
        errors.push(invalid(FIELD, &json!(spec.cluster_ips), why));
    }
    if spec.cluster_ip == "None" {
        return;
    }
    for (at, (text, family)) in spec.cluster_ips.iter().zip(&spec.ip_families).enumerate() {
        let is_v6 = text.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6());
        if (family == "IPv4" && is_v6) || (family == "IPv6" && !is_v6) {
            let why = format!("expected an {family} value as indicated by `ipFamilies[{at}]`");
            errors.push(invalid(&format!("{FIELD}[{at}]"), &json!(text), &why));
        }
    }
}

/// The first address and the first family stay; second ones come and go.
pub fn update(new: &Service, old: &Service, errors: &mut Vec<FieldError>) {
    if is_external_name(new) || is_external_name(old) {
        return;
    }
    kept(&new.spec.cluster_ips, &old.spec.cluster_ips, (FIELD, "clusterIP"), errors);
    // Without an address the families say only what kinds of endpoints there are.
    if new.spec.cluster_ip == "None" && old.spec.cluster_ip == "None" {
        return;
    }
    kept(&new.spec.ip_families, &old.spec.ip_families, (FAMILIES, "ipFamily"), errors);
}

fn kept(now: &[String], before: &[String], (field, name): (&str, &str), errors: &mut Vec<FieldError>) {
    match (now.first(), before.first()) {
        (_, None) => {}
        (None, Some(_)) => {
            errors.push(invalid(&format!("{field}[0]"), &Value::Null, &format!("primary {name} can not be unset")));
        }
        (Some(first), Some(had)) if first != had => {
            errors.push(invalid(&format!("{field}[0]"), &json!(now), "may not change once set"));
        }
        _ => {}
    }
    if let (Some(second), Some(had)) = (now.get(1), before.get(1))
        && second != had
    {
        errors.push(invalid(&format!("{field}[1]"), &json!(now), "may not change once set"));
    }
}
