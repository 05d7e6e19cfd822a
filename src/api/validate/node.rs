//! Nodes. Models `ValidateNode` and `ValidateNodeUpdate`.

use std::collections::BTreeSet;

use serde_json::json;

use super::error::{duplicate, each, forbidden, required, unsupported};
use super::names;
use crate::api::{FieldError, Node, TaintEffect};

/// A new node.
pub fn create(node: &Node, errors: &mut Vec<FieldError>) {
    taints(node, errors);
}

fn taints(node: &Node, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
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
    taints(new, errors);
    if !old.spec.pod_cidrs.is_empty() && new.spec.pod_cidrs != old.spec.pod_cidrs {
        let why = "node updates may not change podCIDR except from \"\" to valid";
        errors.push(forbidden("spec.podCIDRs", why));
    }
    if !old.spec.provider_id.is_empty() && new.spec.provider_id != old.spec.provider_id {
        let why = "node updates may not change providerID except from \"\" to valid";
        errors.push(forbidden("spec.providerID", why));
    }
    let mut seen = BTreeSet::new();
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
