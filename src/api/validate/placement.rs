//! Where pods may go: tolerations and node affinity. Models `ValidateTolerations`, `validateAffinity`.

use serde_json::json;

use super::error::{each, invalid, required, unsupported};
use super::names;
use crate::api::{
    Affinity, FieldError, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, TaintEffect, Toleration,
};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Tolerations.
pub fn tolerations(all: &[Toleration], field: &str, errors: &mut Vec<FieldError>) {
    for (at, toleration) in all.iter().enumerate() {
        let at = |name: &str| format!("{field}[{at}].{name}");
        if !toleration.key.is_empty() {
            each(&at("key"), &toleration.key, names::qualified_name(&toleration.key), errors);
        }
        if toleration.key.is_empty() && toleration.operator != "Exists" {
            let why = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(invalid(&at("operator"), &json!(toleration.operator), why));
        }
        if toleration.toleration_seconds.is_some() && toleration.effect != Some(TaintEffect::NoExecute) {
            let effect = toleration.effect.as_ref().map_or("", |e| e.as_str());
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(invalid(&at("effect"), &json!(effect), why));
        }
        match toleration.operator.as_str() {
            "" | "Equal" => {
                if let Some(why) = names::label_value(&toleration.value).into_iter().next() {
                    errors.push(invalid(&at("operator"), &json!(toleration.value), &why));
                }
            }
            "Exists" if toleration.value.is_empty() => {}
            "Exists" => {
                let why = "value must be empty when `operator` is 'Exists'";
                errors.push(invalid(&at("operator"), &json!(toleration.value), why));
            }
            // Upstream names these although they are behind a gate.
            other @ ("Lt" | "Gt") => {
                errors.push(unsupported(&at("operator"), other, &["Equal", "Exists", "Lt", "Gt"]));
            }
            other => errors.push(unsupported(&at("operator"), other, &["Equal", "Exists"])),
        }
        if let Some(TaintEffect::Unknown(word)) = &toleration.effect
            && !word.is_empty()
        {
            errors.push(unsupported(&at("effect"), word, &EFFECTS));
        }
    }
}

/// Node affinity.
pub fn affinity(affinity: &Affinity, any_value: bool, field: &str, errors: &mut Vec<FieldError>) {
    let Some(node) = &affinity.node_affinity else { return };
    let field = format!("{field}.nodeAffinity");
    if let Some(nodes) = &node.required_during_scheduling_ignored_during_execution {
        node_selector(nodes, any_value, &format!("{field}.requiredDuringSchedulingIgnoredDuringExecution"), errors);
    }
    for (index, one) in node.preferred_during_scheduling_ignored_during_execution.iter().enumerate() {
        let at = format!("{field}.preferredDuringSchedulingIgnoredDuringExecution[{index}]");
        if !(1..=100).contains(&one.weight) {
            errors.push(invalid(&format!("{at}.weight"), &json!(one.weight), "must be in the range 1-100"));
        }
        term(&one.preference, true, &format!("{at}.preference"), errors);
    }
}

/// Nodes by their labels and fields; values that no label can have may be allowed.
pub fn node_selector(nodes: &NodeSelector, any_value: bool, field: &str, errors: &mut Vec<FieldError>) {
    let at = format!("{field}.nodeSelectorTerms");
    if nodes.node_selector_terms.is_empty() {
        errors.push(required(&at, "must have at least one node selector term"));
    }
    for (index, one) in nodes.node_selector_terms.iter().enumerate() {
        term(one, any_value, &format!("{at}[{index}]"), errors);
    }
}

fn term(term: &NodeSelectorTerm, any_value: bool, field: &str, errors: &mut Vec<FieldError>) {
    for (at, one) in term.match_expressions.iter().enumerate() {
        expression(one, any_value, &format!("{field}.matchExpressions[{at}]"), errors);
    }
    for (at, one) in term.match_fields.iter().enumerate() {
        let at = format!("{field}.matchFields[{at}]");
        match one.operator.as_str() {
            "In" | "NotIn" if one.values.len() != 1 => {
                let why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
                errors.push(required(&format!("{at}.values"), why));
            }
            "In" | "NotIn" => {}
            other => errors.push(invalid(&format!("{at}.operator"), &json!(other), "not a valid selector operator")),
        }
        if one.key != "metadata.name" {
            errors.push(invalid(&format!("{at}.key"), &json!(one.key), "not a valid field selector key"));
        } else {
            for (index, value) in one.values.iter().enumerate() {
                each(&format!("{at}.values[{index}]"), value, names::dns_subdomain(value), errors);
            }
        }
    }
}

fn expression(one: &NodeSelectorRequirement, any_value: bool, field: &str, errors: &mut Vec<FieldError>) {
    let values = format!("{field}.values");
    match one.operator.as_str() {
        "In" | "NotIn" if one.values.is_empty() => {
            errors.push(required(&values, "must be specified when `operator` is 'In' or 'NotIn'"));
        }
        "Exists" | "DoesNotExist" if !one.values.is_empty() => {
            errors
                .push(super::forbidden(&values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
        }
        "Gt" | "Lt" if one.values.len() != 1 => {
            errors.push(required(&values, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => errors.push(invalid(&format!("{field}.operator"), &json!(other), "not a valid selector operator")),
    }
    each(&format!("{field}.key"), &one.key, names::qualified_name(&one.key), errors);
    for (at, value) in one.values.iter().enumerate().filter(|_| !any_value) {
        each(&format!("{field}.values[{at}]"), value, names::label_value(value), errors);
    }
}
