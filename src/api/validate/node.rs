//! Nodes. Models `ValidateNode` and `ValidateNodeUpdate`.

use serde_json::{Value, json};

use super::error::{duplicate, each, forbidden, invalid, required, unsupported};
use super::{ip, names};
use crate::api::{FieldError, Node, TaintEffect};
use crate::sim::VecSet;

/// A new node.
pub fn create(node: &Node, errors: &mut Vec<FieldError>) {
    avoided_pods(node, errors);
    taints(node, errors);
    resources(node, errors);
    declared_features(node, errors);
    ranges(node, errors);
}

/// The ranges of pods: one of each family.
fn ranges(node: &Node, errors: &mut Vec<FieldError>) {
    let all = &node.spec.pod_cidrs;
    for (at, range) in all.iter().enumerate() {
        ip::range_of_old(range, &format!("spec.podCIDRs[{at}]"), errors);
    }
    let mut seen = VecSet::new();
    let read: Vec<ipnet::IpNet> = all.iter().filter_map(|range| range.parse().ok()).collect();
    if all.len() < 2 || read.len() < all.len() {
        return;
    }
    let both = read.iter().any(|r| r.addr().is_ipv4()) && read.iter().any(|r| r.addr().is_ipv6());
    if !both || all.len() > 2 {
        let why = "may specify no more than one CIDR for each IP family";
        errors.push(invalid("spec.podCIDRs", &json!(all), why));
    }
    for (at, range) in all.iter().enumerate() {
        if !seen.insert(range) {
            errors.push(duplicate(&format!("spec.podCIDRs[{at}]"), &json!(range)));
        }
    }
}

/// Features that the kubelet has: sorted names, none twice.
fn declared_features(node: &Node, errors: &mut Vec<FieldError>) {
    let list = node.status.rest.get("declaredFeatures").and_then(Value::as_array);
    let features: Vec<&str> = list.into_iter().flatten().filter_map(Value::as_str).collect();
    for (at, feature) in features.iter().enumerate() {
        let field = format!("status.declaredFeatures[{at}]");
        let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let upper = feature.as_bytes().first().is_some_and(u8::is_ascii_uppercase);
        if feature.len() > LONGEST_FEATURE {
            let why = format!("invalid feature name {feature:?}: must be no more than {LONGEST_FEATURE} characters");
            errors.push(invalid(&field, &json!(feature), &why));
        } else if !upper || !feature.split('/').all(part) {
            let why = format!(
                "invalid feature name {feature:?}: must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
            );
            errors.push(invalid(&field, &json!(feature), &why));
        }
        match at.checked_sub(1).map(|before| features[before]) {
            Some(before) if before == *feature => errors.push(duplicate(&field, &json!(feature))),
            Some(before) if before > *feature => {
                errors.push(invalid(&field, &json!(feature), "list must be sorted alphabetically"));
            }
            _ => {}
        }
    }
}

const LONGEST_FEATURE: usize = 253;
const AVOID: &str = "scheduler.alpha.kubernetes.io/preferAvoidPods";

/// Pods that the node would rather not have, by their controllers, in an annotation.
fn avoided_pods(node: &Node, errors: &mut Vec<FieldError>) {
    let Some(text) = node.metadata.annotations.get(AVOID) else { return };
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    for (at, one) in value["preferAvoidPods"].as_array().into_iter().flatten().enumerate() {
        let field = format!("metadata.annotations.{AVOID}[{at}].PodSignature");
        let controller = &one["podSignature"]["podController"];
        if controller.is_null() {
            errors.push(required(&field, ""));
        } else if controller["controller"] != true {
            let field = format!("{field}.PodController.Controller");
            errors.push(invalid(&field, &json!(false), "must point to a controller"));
        }
    }
}

/// Amounts of what cannot be divided are whole.
fn resources(node: &Node, errors: &mut Vec<FieldError>) {
    for (name, list) in [("capacity", &node.status.capacity), ("allocatable", &node.status.allocatable)] {
        for (resource, amount) in list {
            let field = format!("status.{name}.{resource}");
            let value = json!(amount.to_string());
            if amount.sign() < 0 {
                errors.push(invalid(&field, &value, "must be greater than or equal to 0"));
            }
            let whole = resource == "pods" || resource.contains('/') || resource.starts_with("hugepages-");
            if whole && amount.millis() % 1_000 != 0 {
                errors.push(invalid(&field, &value, "must be an integer"));
            }
        }
    }
}

fn taints(node: &Node, errors: &mut Vec<FieldError>) {
    let mut seen = VecSet::new();
    for (at, taint) in node.spec.taints.iter().enumerate() {
        let field = format!("spec.taints[{at}]");
        each(&format!("{field}.key"), &taint.key, names::qualified_name(&taint.key), errors);
        each(&format!("{field}.value"), &taint.value, names::label_value(&taint.value), errors);
        if let TaintEffect::Unknown(word) = &taint.effect {
            errors.push(match word.as_str() {
                "" => required(&format!("{field}.effect"), ""),
                other => {
                    unsupported(&format!("{field}.effect"), other, &["NoSchedule", "PreferNoSchedule", "NoExecute"])
                }
            });
        }
        if !seen.insert((&taint.key, &taint.effect)) {
            let mut error = duplicate(&field, &json!({"key": taint.key, "effect": taint.effect}));
            error.message.push_str(": taints must be unique by key and effect pair");
            errors.push(error);
        }
    }
}

/// A changed node.
pub fn update(new: &Node, old: &Node, errors: &mut Vec<FieldError>) {
    avoided_pods(new, errors);
    taints(new, errors);
    resources(new, errors);
    declared_features(new, errors);
    // Upstream complains about each range that is another one.
    let (now, had) = (&new.spec.pod_cidrs, &old.spec.pod_cidrs);
    let changed = match had.len() {
        0 => 0,
        length if length != now.len() => 1,
        _ => now.iter().zip(had).filter(|(now, had)| now != had).count(),
    };
    let why = "node updates may not change podCIDR except from \"\" to valid";
    errors.extend((0..changed).map(|_| forbidden("spec.podCIDRs", why)));
    if !old.spec.provider_id.is_empty() && new.spec.provider_id != old.spec.provider_id {
        let why = "node updates may not change providerID except from \"\" to valid";
        errors.push(forbidden("spec.providerID", why));
    }
    let mut seen = VecSet::new();
    for (at, address) in new.status.addresses.iter().enumerate() {
        if !seen.insert((&address.r#type, &address.address)) {
            // Upstream shows its Go struct, so its names are capital here.
            let value = format!("{{\"Type\":{:?},\"Address\":{:?}}}", address.r#type, address.address);
            let mut error = duplicate(&format!("status.addresses[{at}]"), &json!(""));
            error.message = format!("Duplicate value: {value}");
            errors.push(error);
        }
    }
}
